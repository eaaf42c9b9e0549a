"""
Which statements of a document are ours: known by what they do and by the mark beside them, wherever they stand.

Made by hand after the tutorials they look the same, without the mark.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lxml import etree

from funcgate.policy.document import OPAQUE, SECTIONS, Element, is_element, section
from funcgate.policy.expressions import BEARER, VARIABLE, in_our_words
from funcgate.policy.statements import (
    AUTHORIZATION,
    BACKEND,
    CHOICE,
    HEADER,
    LABEL,
    MARKED,
    TOKEN,
    CallerToken,
    Statements,
    marked_owner,
    read_mark,
)

REQUEST = "Request.Headers"
"""What an expression says that looks at the request's headers."""


@dataclass(frozen=True, kw_only=True)
class Ours:
    """Our nodes in document order, by role. More than one of a role: duplicates."""

    marks: Sequence[Element]
    tokens: Sequence[Element]
    forwards: Sequence[Element]
    headers: Sequence[Element]
    backends: Sequence[Element]
    inbound: Element | None

    @property
    def send_token(self) -> bool:
        """Whether every request takes the token and then sends it: by statements of the section's own."""
        statements = iter(self.inbound if self.inbound is not None and self.tokens and self.headers else ())
        return any(map(takes_our_token, statements)) and any(map(_overrides, statements))

    @property
    def nodes(self) -> Sequence[Element]:
        """All of them; where the mark, the token or the header stands, our block belongs."""
        return [*self.marks, *self.tokens, *self.forwards, *self.headers, *self.backends]

    @property
    def added(self) -> frozenset[str]:
        """What of the document's frame is ours, by the marks."""
        return frozenset(each for node in self.marks if (mark := read_mark(node)) for each in mark.added)

    @property
    def resource(self) -> str | None:
        """What the token is for."""
        return _get(self.tokens, "resource")

    def owner(self, wanted: Statements | None) -> str | None:
        """The marked owner; of several one that is not the wanted one, since that is who must be asked."""
        owners = [owner for owner in map(marked_owner, self.marks) if owner]
        foreign = [owner for owner in owners if wanted and owner != wanted.owner]
        return next(iter(foreign or owners), None)

    def statements(self) -> Statements | None:
        """What they say, when all three are there and say it."""
        if not self.headers or self.resource is None or _get(self.backends, "backend-id") is None:
            return None
        return self.as_far_as_known()

    def as_far_as_known(self) -> Statements:
        """What they say, "" for what they don't."""
        return Statements(
            resource=self.resource or "",
            identity_client_id=_get(self.tokens, "client-id"),
            backend_id=_get(self.backends, "backend-id") or "",
            owner=self.owner(None) or "",
            caller=self.caller,
        )

    @property
    def caller(self) -> CallerToken:
        """What becomes of the caller's own token."""
        return CallerToken(
            token_in=_header_name(self.headers[0]) if self.headers else AUTHORIZATION,
            handed_on_in=_forwarded_in(self.forwards[0]) if self.forwards else None,
        )


def _get(nodes: Sequence[Element], name: str) -> str | None:
    return nodes[0].get(name) if nodes else None


def recognise(root: Element, wanted: Statements | None = None) -> Ours:
    """What of the document is ours."""
    marks = _within_sections(root, marks_in(root))
    beside = dict.fromkeys(node for mark in marks for node in _beside(mark))
    headers, forwards = _headers_and_forwards(root)
    tokens = _within_sections(root, [node for node in root.iter(TOKEN) if takes_our_token(node)])
    labelled = _within_sections(root, [node for node in root.iter(BACKEND) if node.get("id") == LABEL])
    rows = (node for each in (*tokens, *headers) if each not in beside for node in _beside(each))
    routes = dict.fromkeys(node for node in beside if node.tag == BACKEND)
    routes |= dict.fromkeys(node for node in rows if node.tag == BACKEND and node.get("id") == LABEL)
    return Ours(
        marks=marks,
        tokens=tokens or [node for node in beside if node.tag == TOKEN],
        forwards=forwards,
        headers=headers or [node for node in beside if node.tag == HEADER],
        backends=list(routes) or _route_apart(labelled, bool(marks or tokens or headers), wanted),
        inbound=section(root, "inbound"),
    )


def _headers_and_forwards(root: Element) -> tuple[Sequence[Element], Sequence[Element]]:
    headers: list[Element] = []
    choices: dict[Element, None] = {}
    for node in telling_headers(root):
        if sends_our_token(node):
            headers.append(node)
        elif (choice := choice_around(node)) is not None:
            choices[choice] = None
    return _within_sections(root, headers), _within_sections(root, [node for node in choices if _forwarded_in(node)])


def marks_in(root: Element) -> Sequence[Element]:
    """All marks, wherever they stand."""
    return [node for node in root.iter(etree.Comment) if MARKED in (node.text or "") and marked_owner(node) is not None]


def telling_headers(root: Element) -> Iterator[Element]:
    """The headers that may be ours: of the others there are thousands, so each gets no more than a glance."""
    for node in root.iter(HEADER):
        for value in node:
            text = value.text
            if text and (VARIABLE in text or REQUEST in text):
                yield node
                break


def choice_around(header: Element) -> Element | None:
    """What may hand the caller's token on, when this header in it looks at it."""
    branch = header.getparent()
    return branch.getparent() if branch is not None and any(map(_reads_authorization, header)) else None


def _within_sections(root: Element, nodes: Sequence[Element]) -> Sequence[Element]:
    """Those that say something of the request, in the order in which API Management comes to them."""
    if not nodes:
        return nodes
    found = [(index, node) for node in nodes if (index := _section_of(node, root)) is not None]
    return [node for _, node in sorted(found, key=_first)]


def _first(pair: tuple[int, Element]) -> int:
    return pair[0]


def _section_of(node: Element, root: Element) -> int | None:
    """Which section's statement this is or is a part of; None for none, and for what is about something else."""
    part = node.getparent()
    while part is not None and (around := part.getparent()) is not root:
        if part.tag in OPAQUE:
            return None
        part = around
    return SECTIONS.index(str(part.tag)) if part is not None and part.tag in SECTIONS else None


def _beside(mark: Element) -> Iterator[Element]:
    """The statements that follow the mark as ours do, up to the next mark, at most one of a role."""
    roles = {TOKEN, CHOICE, HEADER, BACKEND}
    for node in mark.itersiblings():
        if not is_element(node):
            if marked_owner(node) is not None:
                return
        elif node.tag in roles and _may_be_ours(node):
            roles.remove(str(node.tag))
            yield node
        else:
            return


def _may_be_ours(node: Element) -> bool:
    if node.tag == HEADER:
        return sets_authorization(node) or sends_our_token(node)
    return node.tag != CHOICE or _forwarded_in(node) is not None


def sets(node: Element, header: str) -> bool:
    """Whether this is a `set-header` for that one; header names know no case."""
    return node.tag == HEADER and node.get("name", "").strip().casefold() == header.casefold()


def sets_authorization(node: Element) -> bool:
    """Whether this is a `set-header` for Authorization."""
    return sets(node, AUTHORIZATION)


def _header_name(node: Element) -> str:
    """The name as it is written here, but Authorization as we write it."""
    return AUTHORIZATION if sets_authorization(node) else node.get("name", "").strip()


def _forwarded_in(node: Element) -> str | None:
    """The header in which this hands on what the caller sent as Authorization, all that it does."""
    if node.tag != CHOICE or not all(_is(each, "when", "otherwise") for each in node):
        return None
    inner = [each for branch in node for each in branch if is_element(each)]
    names = {_header_name(each) for each in inner if each.tag == HEADER}
    reads = [each for each in inner if any(map(_reads_authorization, each.findall("value")))]
    return next(iter(names)) if reads and len(names) == 1 and all(_is(each, HEADER) for each in inner) else None


def _is(node: Element, *tags: str) -> bool:
    return is_element(node) and str(node.tag) in tags


def _reads_authorization(value: Element) -> bool:
    return value.tag == "value" and reads_authorization(value.text or "")


def reads_authorization(text: str) -> bool:
    """Whether this expression looks at what the request carries as Authorization."""
    return REQUEST in text and f'"{AUTHORIZATION.casefold()}"' in text.casefold()


def takes_our_token(node: Element) -> bool:
    """Whether this keeps a token where ours is kept."""
    return node.tag == TOKEN and node.get("output-token-variable-name") == VARIABLE


def sends_our_token(node: Element) -> bool:
    """Under whatever name it is sent as we send it; as Authorization, however that is written."""
    values = [text for value in node.iterchildren("value") if VARIABLE in (text := value.text or "")]
    if values and sets_authorization(node):
        return any(f'"{VARIABLE}"' in value and "Variables" in value for value in values)
    return BEARER in map(in_our_words, map(str.strip, values))


def _overrides(node: Element) -> bool:
    return sends_our_token(node) and node.get("exists-action", "override") == "override"


def _route_apart(labelled: Sequence[Element], have_more: bool, wanted: Statements | None) -> Sequence[Element]:
    """
    The route with our label that is taken for ours although it stands alone.

    The last one, where something else of ours is there: it was moved away. Inside a condition only one to our own
    backend, for whoever copied the statement there to split traffic means their own. Where nothing else is ours, the
    portal's import left it: to the wanted backend it may stay beside ours, to another one it gives way.
    """
    direct = [node for node in labelled if _stands_directly(node)]
    if not have_more:
        return [node for node in direct if wanted and node.get("backend-id") != wanted.backend_id]
    targets = {wanted.backend_id} if wanted else {node.get("backend-id") for node in direct[:1] or labelled}
    nested = targets if len(targets) == 1 else set()
    return [node for node in labelled if node in set(direct) or node.get("backend-id") in nested][-1:]


def _stands_directly(node: Element) -> bool:
    """Whether the node is a section's own child, so that it always runs."""
    parent = node.getparent()
    return parent is not None and parent.getparent() is node.getroottree().getroot()
