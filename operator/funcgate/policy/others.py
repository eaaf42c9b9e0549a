"""What others' statements do, as far as it touches what ours do. They are reported, never removed."""

import re
from collections.abc import Iterator, Sequence

from funcgate.policy.document import Document, Element, is_element, line_of, sections, tree, within
from funcgate.policy.ours import recognise, sets_authorization
from funcgate.policy.statements import BACKEND, TOKEN

CHECKS = {"validate-azure-ad-token": "header-name", "validate-jwt": "header-name", "check-header": "name"}
"""Statements that judge the caller, and the attribute that says by which header."""

QUOTED = ("id", "name", "exists-action", "backend-id", "output-token-variable-name")


def contradictions(document: Document) -> tuple[str, ...]:
    """
    The statements of others beside which ours cannot do their work, each quoted with its line and the line of ours.

    Another route, anywhere before the request leaves; or an Authorization header set after ours. Lines are those of the
    text that the document was read from, for the result of `merge` those of `render`.
    """
    root = tree(document)
    ours = recognise(root)
    nodes = [node for found in sections(root) if found.tag in ("inbound", "backend") for node in within(found)]
    others = [node for node in nodes if is_element(node) and node not in set(ours.nodes)]
    return (
        *(line for node in _standing(ours.backends, nodes) for line in _other_routes(node, others, nodes)),
        *(line for node in _standing(ours.headers, nodes) for line in _later_headers(node, others, nodes)),
    )


def _standing(ours: Sequence[Element], nodes: Sequence[Element]) -> Sequence[Element]:
    """The first of ours that the request meets on its way out, if any."""
    return [node for node in ours if node in nodes][:1]


def _other_routes(ours: Element, others: Sequence[Element], nodes: Sequence[Element]) -> Iterator[str]:
    for node in others:
        if node.tag == BACKEND and node.get("backend-id") != ours.get("backend-id"):
            verb = "undoes" if nodes.index(node) > nodes.index(ours) else "is undone by"
            yield f"{_line(node)} {verb} {_line(ours)}"


def _later_headers(ours: Element, others: Sequence[Element], nodes: Sequence[Element]) -> Iterator[str]:
    for node in others:
        if _authorises(node) and nodes.index(node) > nodes.index(ours):
            yield f"{_line(node)} undoes {_line(ours)}"


def last_before_ours(nodes: Sequence[Element]) -> int:
    """
    How many of these inbound statements must run before ours.

    The outer scopes (`<base/>`) and whatever judges the caller's token: behind our header it would judge our token.
    """
    early = [index for index, node in enumerate(nodes) if any(map(_must_run_first, within(node)))]
    return early[-1] + 1 if early else 0


def _must_run_first(node: Element) -> bool:
    return node.tag == "base" or judges_authorization(node)


def judges_authorization(node: Element) -> bool:
    """Whether this checks the caller by the Authorization header, the default of `validate-azure-ad-token`."""
    named_by = CHECKS.get(str(node.tag))
    if named_by is None:
        return False
    token = node.get("token-value")
    if token is not None:
        return "authorization" in token.casefold()
    default = "" if node.get("query-parameter-name") is not None else "authorization"
    return node.get(named_by, default).strip().casefold() == "authorization"


def _authorises(node: Element) -> bool:
    """Whether this leaves another Authorization header than it found."""
    if node.tag == TOKEN:
        return node.get("output-token-variable-name") is None
    return node.tag == "authentication-basic" or (sets_authorization(node) and node.get("exists-action") != "skip")


def _line(node: Element) -> str:
    """The statement's line and tag, as people would look for it, without what may be secret."""
    return f"line {line_of(node)}: <{' '.join([str(node.tag), *_attributes(node)])}>"


def _attributes(node: Element) -> Iterator[str]:
    for name, value in ((str(name), str(value)) for name, value in node.attrib.items()):
        yield f'{name}="{_url(value) if name == "base-url" else value if name in QUOTED else "…"}"'


def _url(value: str) -> str:
    """The address without user, password and query; an expression may hold anything."""
    return "@…" if value.lstrip().startswith("@") else re.sub(r"//[^/]*@", "//", value.split("?")[0])
