"""What others' statements do, as far as it touches what ours do. They are reported, never removed."""

import re
from collections.abc import Iterator, Mapping, Sequence

from funcgate.policy.document import (
    Document,
    Element,
    concerns_request,
    is_element,
    line_of,
    sections,
    tree,
    within,
)
from funcgate.policy.expressions import VARIABLE
from funcgate.policy.ours import reads_authorization, recognise, sets, sets_authorization
from funcgate.policy.parse import with_lines
from funcgate.policy.statements import AUTHORIZATION, BACKEND, CHOICE, TOKEN, Statements

CHECKS = {"validate-azure-ad-token": "header-name", "validate-jwt": "header-name", "check-header": "name"}
"""Statements that judge the caller, and the attribute that says by which header."""

CALLER_CHECKS = frozenset({*CHECKS, "validate-client-certificate"})
"""Statements that turn a caller away who does not show what they ask for."""

ANSWERS = frozenset({"mock-response", "return-response"})
"""Statements after which a request goes no further."""

GO_ON_INSIDE = frozenset({"limit-concurrency", "retry"})
"""Statements that run what stands in them, whatever the request is."""

QUOTED = ("id", "name", "exists-action", "backend-id", "output-token-variable-name", "resource")


def contradictions(document: Document) -> tuple[str, ...]:
    """
    The statements of others beside which ours cannot do their work, each quoted with its line and the line of ours.

    Another route, anywhere before the request leaves; the header that carries our token set after ours; an answer
    before ours that every request gets. Lines are those of the text that the document was read from, for the result of
    `merge` those of `render`.
    """
    root = tree(with_lines(document))
    ours = recognise(root)
    mine = set(ours.nodes)
    place = {node: index for index, node in enumerate(_on_the_way_out(root))}
    others = [node for node in place if is_element(node) and node not in mine]
    return (
        *(line for node in _first(ours.backends, place) for line in _other_routes(node, others, place)),
        *(line for node in _first(ours.headers, place) for line in _later_headers(node, others, place)),
        *(line for node in _first(ours.tokens, place) for line in _earlier_answers(node, root, place)),
    )


def _on_the_way_out(root: Element) -> Iterator[Element]:
    """What the request meets before it leaves."""
    return (node for found in sections(root) if found.tag in ("inbound", "backend") for node in within(found))


def _first(ours: Sequence[Element], place: Mapping[Element, int]) -> Sequence[Element]:
    """The first of ours that the request meets on its way out, if any."""
    return [node for node in ours if node in place][:1]


def _other_routes(ours: Element, others: Sequence[Element], place: Mapping[Element, int]) -> Iterator[str]:
    for node in others:
        if routes_elsewhere(node, ours.get("backend-id")):
            yield f"{quoted(node)} {'undoes' if place[node] > place[ours] else 'is undone by'} {quoted(ours)}"


def _later_headers(ours: Element, others: Sequence[Element], place: Mapping[Element, int]) -> Iterator[str]:
    for node in others:
        if sets_anew(node, ours.get("name", "")) and place[node] > place[ours]:
            yield f"{quoted(node)} undoes {quoted(ours)}"


def _earlier_answers(ours: Element, root: Element, place: Mapping[Element, int]) -> Iterator[str]:
    for node in (node for found in sections(root) if found.tag == "inbound" for node in found):
        if ends(node) and place[node] < place[ours]:
            yield f"{quoted(node)} answers every call before {quoted(ours)}"


def ends(node: Element) -> bool:
    """Whether no request gets past this statement: it answers by itself, whatever the request is."""
    if node.tag in GO_ON_INSIDE:
        return any(map(ends, node))
    if node.tag == CHOICE:
        return node.find("otherwise") is not None and all(any(map(ends, each)) for each in node if is_element(each))
    return node.tag in ANSWERS and node.get("enabled", "true") != "false"


def checks_caller(document: Document) -> bool:
    """
    Whether every call has to show who it is from: a statement in `inbound` itself judges a token, a certificate, a key.

    One inside `choose` may not run, and a fragment is not looked into: neither counts.
    """
    inbound = [found for found in sections(tree(document)) if found.tag == "inbound"]
    return any(is_element(node) and str(node.tag) in CALLER_CHECKS for found in inbound for node in found)


def cut_off(document: Document, wanted: Statements) -> tuple[str, ...]:
    """
    The statements, each quoted with its line, whose work would end or be disputed beside the wanted ones.

    A route to another target, and a token for another resource that reaches the backend. Tokens kept aside for other
    requests go on; so does whatever says the same as the wanted ones, by whomever it was written.
    """
    nodes = list(_on_the_way_out(tree(with_lines(document))))
    sent = {None, VARIABLE, *(name for node in nodes if sets_authorization(node) for name in _quoted_in(node))}
    return tuple(
        quoted(node)
        for node in nodes
        if routes_elsewhere(node, wanted.backend_id)
        or (node.tag == TOKEN and node.get("resource") != wanted.resource and _variable(node) in sent)
    )


def routes_elsewhere(node: Element, backend_id: str | None) -> bool:
    """Whether this sends the request to another place than that backend."""
    return node.tag == BACKEND and node.get("backend-id", "").casefold() != (backend_id or "").casefold()


def _variable(token: Element) -> str | None:
    """Where the token is kept; None when it goes into the Authorization header by itself."""
    return token.get("output-token-variable-name")


def _quoted_in(header: Element) -> Iterator[str]:
    """The strings in the header's expressions, names of variables among them."""
    for value in header.findall("value"):
        yield from re.findall(r'"([^"]+)"', value.text or "")


EARLY = ("base", *CHECKS, "when", "set-variable", "include-fragment")
"""Statements of which some must run before ours."""

EXPRESSIONS = {"when": "condition", "set-variable": "value"}
"""Where those of them keep an expression that may look at the caller's token."""


def last_before_ours(inbound: Element) -> Element | None:
    """
    The last of the section's own statements that must run before ours.

    The outer scopes (`<base/>`); whatever judges the caller's token, since behind our header it would judge ours; a
    variable that keeps it for later; and fragments, which may do any of it.
    """
    last = None
    for node in inbound.iter(*EARLY):
        expression = EXPRESSIONS.get(node.tag)
        if expression and not reads_authorization(node.get(expression, "")):
            continue  # most of a large document; what follows would take its time
        if _must_run_first(node) and (node.getparent() is inbound or concerns_request(node)):
            last = node
    while last is not None and (around := last.getparent()) is not inbound:
        last = around
    return last


def _must_run_first(node: Element) -> bool:
    """Asked of those without an expression, and of those whose expression looks at the caller's token."""
    if node.tag == "when":
        around = node.getparent()
        return around is not None and judges_authorization(around)
    return node.tag in ("base", "include-fragment", "set-variable") or judges_authorization(node)


def judges_authorization(node: Element) -> bool:
    """
    Whether this checks the caller by the Authorization header, the default of `validate-azure-ad-token`.

    By hand it is a condition that looks at the header, and an answer under it.
    """
    if node.tag == CHOICE:
        looks = any(reads_authorization(each.get("condition", "")) for each in node.iterchildren("when"))
        return looks and next(node.iter(*ANSWERS), None) is not None
    named_by = CHECKS.get(str(node.tag))
    if named_by is None:
        return False
    token = node.get("token-value")
    if token is not None:
        return "authorization" in token.casefold()
    default = "" if node.get("query-parameter-name") is not None else "authorization"
    return node.get(named_by, default).strip().casefold() == "authorization"


def sets_anew(node: Element, header: str) -> bool:
    """Whether this leaves another such header than it found; some statements set Authorization by themselves."""
    if header.strip().casefold() == AUTHORIZATION.casefold() and (
        node.tag == "authentication-basic" or (node.tag == TOKEN and _variable(node) is None)
    ):
        return True
    return sets(node, header) and node.get("exists-action") != "skip"


def quoted(node: Element) -> str:
    """The statement's line and tag, as people would look for it, without what may be secret."""
    return f"line {line_of(node)}: <{' '.join([str(node.tag), *_attributes(node)])}>"


def _attributes(node: Element) -> Iterator[str]:
    for name, value in ((str(name), str(value)) for name, value in node.attrib.items()):
        yield f'{name}="{_url(value) if name == "base-url" else value if name in QUOTED else "…"}"'


def _url(value: str) -> str:
    """The address without user, password and query; an expression may hold anything."""
    return "@…" if value.lstrip().startswith("@") else re.sub(r"//[^/]*@", "//", value.split("?")[0])
