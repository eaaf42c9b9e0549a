"""What others' statements do, as far as it touches what ours do. They are reported, never removed."""

import re
from collections.abc import Iterator, Sequence

from funcgate.policy.document import Document, Element, is_element, line_of, section, tree, within
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
    nodes = [
        node for name in ("inbound", "backend") if (found := section(root, name)) is not None for node in within(found)
    ]
    others = [node for node in nodes if node not in ours.nodes and is_element(node)]
    routes = (
        _undoing(node, ours.backends[0], nodes)
        for node in others
        if ours.backends and _routes_elsewhere(node, ours.backends)
    )
    headers = (
        _undoing(node, ours.headers[0], nodes)
        for node in others
        if ours.headers and _authorises(node) and nodes.index(node) > nodes.index(ours.headers[0])
    )
    return (*routes, *headers)


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


def _routes_elsewhere(node: Element, ours: Sequence[Element]) -> bool:
    return node.tag == BACKEND and node.get("backend-id") != ours[0].get("backend-id")


def _authorises(node: Element) -> bool:
    """Whether this leaves another Authorization header than it found."""
    if node.tag == TOKEN:
        return node.get("output-token-variable-name") is None
    return node.tag == "authentication-basic" or (sets_authorization(node) and node.get("exists-action") != "skip")


def _undoing(theirs: Element, ours: Element, nodes: Sequence[Element]) -> str:
    verb = "undoes" if nodes.index(theirs) > nodes.index(ours) else "is undone by"
    return f"line {line_of(theirs)}: {_quote(theirs)} {verb} line {line_of(ours)}: {_quote(ours)}"


def _quote(node: Element) -> str:
    """The statement's tag as it would be recognised, without what may be secret."""
    return f"<{' '.join([str(node.tag), *_attributes(node)])}>"


def _attributes(node: Element) -> Iterator[str]:
    for name, value in ((str(name), str(value)) for name, value in node.attrib.items()):
        yield f'{name}="{_url(value) if name == "base-url" else value if name in QUOTED else "…"}"'


def _url(value: str) -> str:
    """The address without user, password and query; an expression may hold anything."""
    return "@…" if value.lstrip().startswith("@") else re.sub(r"//[^/]*@", "//", value.split("?")[0])
