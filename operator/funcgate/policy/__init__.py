"""
Policy documents of API Management: parse, find ours, merge, remove, compare by meaning. Pure, no I/O.

    text ─parse→ Document ─merge→ Document ─render→ text (PUT with format=xml)
                    └ find · contradictions · cut_off · equal · differences

Documents are shared. Others' statements, comments, order and expressions come out as they went in.
"""

from funcgate.policy.compare import differences, equal
from funcgate.policy.document import Document, PolicyError
from funcgate.policy.find import Found, find
from funcgate.policy.merge import merge, remove
from funcgate.policy.operation import Inner, inner
from funcgate.policy.others import checks_caller, contradictions, cut_off
from funcgate.policy.parse import parse, render
from funcgate.policy.shown import diff
from funcgate.policy.statements import REPLACED, CallerToken, Statements

__all__ = [
    "REPLACED",
    "CallerToken",
    "Document",
    "Found",
    "Inner",
    "PolicyError",
    "Statements",
    "checks_caller",
    "contradictions",
    "cut_off",
    "diff",
    "differences",
    "equal",
    "find",
    "inner",
    "merge",
    "parse",
    "remove",
    "render",
]
