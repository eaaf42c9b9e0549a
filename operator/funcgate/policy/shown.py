"""
A document as people may see it anywhere: laid out as in the policy editor, without what may be secret.

Others' statements may hold keys, passwords and tokens, in values, expressions and comments. So only what cannot is
shown of them: names, references to named values, switches. Ours are shown whole.
"""

import re
from collections.abc import Iterator, Sequence
from difflib import unified_diff
from itertools import chain
from xml.sax.saxutils import quoteattr

from lxml import etree

from funcgate.policy.document import Document, Element, is_element, tree
from funcgate.policy.expressions import BEARER, SHOWN_ONE, THAT_ONE
from funcgate.policy.others import QUOTED
from funcgate.policy.scanner import OPENING
from funcgate.policy.statements import marked_owner

INDENT = "    "
HIDDEN = "…"
OURS = frozenset({BEARER, SHOWN_ONE, THAT_ONE})
"""The expressions that we write."""

SAYS_NO_SECRET = re.compile(r"\{\{[\w.-]+\}\}|true|false")
ATTRIBUTES = frozenset(
    {
        *QUOTED,
        "calls",
        "client-id",
        "counter-key",
        "failed-validation-httpcode",
        "fragment-id",
        "header-name",
        "output-variable-name",
        "query-parameter-name",
        "renewal-period",
        "tenant-id",
        "variable-name",
    }
)
"""What names something; a value under any other name may be anything."""

TEXTS = frozenset({"application-id", "audience", "issuer", "method"})
"""Elements that hold a name and nothing else."""


def diff(before: Document | None, after: Document | None) -> Sequence[str]:
    """What differs, as `diff -u` puts it, with the lines around it; None is a document that is not there."""
    was, will_be = (list(lines(each)) if each else [] for each in (before, after))
    return list(unified_diff(was, will_be, lineterm=""))[2:]  # without the names of files


def lines(document: Document) -> Iterator[str]:
    """The document, a statement on a line."""
    root = tree(document)
    around = [*reversed(list(root.itersiblings(preceding=True))), root, *root.itersiblings()]
    return chain.from_iterable(_lines(node, "") for node in around)


def _lines(node: Element, indent: str) -> Iterator[str]:
    if not is_element(node):
        yield f"{indent}{_beside(node)}"
        return
    tag = f"{indent}<{' '.join([str(node.tag), *_attributes(node)])}"
    text = _text(node)
    if len(node):
        yield f"{tag}>"
        yield from (f"{indent}{INDENT}{each}" for each in (text, *_between(node)) if each)
        for child in node:
            yield from _lines(child, indent + INDENT)
        yield f"{indent}</{node.tag}>"
    else:
        yield f"{tag}>{text}</{node.tag}>" if text else f"{tag} />"


def _beside(node: Element) -> str:
    """A comment, a processing instruction or an entity."""
    if marked_owner(node) is not None:
        return f"<!--{node.text}-->"
    return f"<!-- {HIDDEN} -->" if isinstance(node, etree._Comment) else HIDDEN


def _attributes(node: Element) -> Iterator[str]:
    for name, value in ((str(name), str(value)) for name, value in node.attrib.items()):
        shown = _value(value, open_=name in ATTRIBUTES)
        yield f'{name}="{shown}"' if shown in OURS else f"{name}={quoteattr(shown)}"


def _text(node: Element) -> str:
    text = (node.text or "").strip()
    return _value(text, open_=node.tag in TEXTS) if text else ""


def _between(node: Element) -> Iterator[str]:
    """Text that stands behind a statement."""
    return (HIDDEN for child in node if (child.tail or "").strip())


def _value(value: str, *, open_: bool) -> str:
    if value.strip() in OURS or SAYS_NO_SECRET.fullmatch(value):
        return value
    if OPENING.match(value):
        return f"@({HIDDEN})"
    return value if open_ else HIDDEN
