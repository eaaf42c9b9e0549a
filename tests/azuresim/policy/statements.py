"""
Every statement that API Management knows, by name. Data, no behaviour.

All of them are described, so that a PUT takes and refuses what Azure would; which of them a call can run is the
gateway's matter (`azuresim.gateway.statements`). Sources: see the three modules that this one puts together.
"""

from __future__ import annotations

from collections.abc import Mapping

from azuresim.policy.shapes import SECTIONS, Shape, Statement
from azuresim.policy.statements_access import ACCESS, BASE, TOKEN_PLACES
from azuresim.policy.statements_flow import FLOW
from azuresim.policy.statements_message import MESSAGE

__all__ = ["BASE", "NESTING", "SECTIONS", "STATEMENTS", "TOKEN_PLACES", "Shape", "Statement"]

STATEMENTS: Mapping[str, Statement] = {**MESSAGE, **ACCESS, **FLOW}
NESTING = frozenset({"choose", "retry", "limit-concurrency", "wait"})
"""Statements that hold other statements."""
