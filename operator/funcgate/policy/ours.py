"""
Which statements of a document are ours: known by what they do and by the mark beside them, wherever they stand.

Made by hand after the tutorials they look the same, without the mark.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from funcgate.policy.document import Element, is_element, section, sections, within
from funcgate.policy.statements import (
    AUTHORIZATION,
    BACKEND,
    BEARER,
    CHOICE,
    HEADER,
    LABEL,
    TOKEN,
    VARIABLE,
    CallerToken,
    Statements,
    marked_owner,
)


@dataclass(frozen=True, kw_only=True)
class Ours:
    """Our nodes in document order, by role. More than one of a role: duplicates."""

    marks: Sequence[Element]
    tokens: Sequence[Element]
    forwards: Sequence[Element]
    headers: Sequence[Element]
    backends: Sequence[Element]
    send_token: bool  # every request takes the token and then sends it

    @property
    def nodes(self) -> Sequence[Element]:
        """All of them; where the mark, the token or the header stands, our block belongs."""
        return [*self.marks, *self.tokens, *self.forwards, *self.headers, *self.backends]

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
    nodes = [node for found in sections(root) for node in within(found)]
    marks = [node for node in nodes if marked_owner(node) is not None]
    beside = [node for mark in marks for node in _beside(mark)]
    return Ours(
        marks=marks,
        tokens=[node for node in nodes if _takes_our_token(node)] or [node for node in beside if node.tag == TOKEN],
        forwards=[node for node in nodes if _forwarded_in(node)],
        headers=[node for node in nodes if _sends_our_token(node)] or [node for node in beside if node.tag == HEADER],
        backends=_backends(nodes, beside, wanted),
        send_token=_send_token(section(root, "inbound")),
    )


def _beside(mark: Element) -> Iterator[Element]:
    """The statements that follow the mark as ours do, up to the next mark, at most one of a role."""
    roles = {TOKEN, CHOICE, HEADER, BACKEND}
    for node in mark.itersiblings():
        if marked_owner(node) is not None:
            return
        if not is_element(node):
            continue
        if node.tag not in roles or not _may_be_ours(node):
            return
        roles.remove(str(node.tag))
        yield node


def _may_be_ours(node: Element) -> bool:
    if node.tag == HEADER:
        return sets_authorization(node) or _sends_our_token(node)
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
    text = value.text or ""
    return "Request.Headers" in text and f'"{AUTHORIZATION.casefold()}"' in text.casefold()


def _takes_our_token(node: Element) -> bool:
    return node.tag == TOKEN and node.get("output-token-variable-name") == VARIABLE


def _sends_our_token(node: Element) -> bool:
    """Under whatever name it is sent as we send it; as Authorization, however that is written."""
    values = [(value.text or "").strip() for value in node.findall("value")] if node.tag == HEADER else []
    if sets_authorization(node):
        return any(f'"{VARIABLE}"' in value and "Variables" in value for value in values)
    return BEARER in values


def _overrides(node: Element) -> bool:
    return _sends_our_token(node) and node.get("exists-action", "override") == "override"


def _send_token(inbound: Element | None) -> bool:
    """Whether the section's own statements take our token, and behind that send it."""
    statements = iter(inbound if inbound is not None else ())
    return any(map(_takes_our_token, statements)) and any(map(_overrides, statements))


def _backends(nodes: Sequence[Element], beside: Sequence[Element], wanted: Statements | None) -> Sequence[Element]:
    """
    The routes with our label; inside a condition only those to our own backend.

    Whoever copied the portal's statement into `choose` to split traffic means their own backends.
    """
    labelled = [node for node in nodes if node.tag == BACKEND and node.get("id") == LABEL]
    direct = [node for node in labelled if _stands_directly(node)]
    certain = {*direct, *beside}
    targets = {wanted.backend_id} if wanted else {node.get("backend-id") for node in direct[:1] or labelled}
    nested = targets if len(targets) == 1 else set()
    found = [node for node in labelled if node in certain or node.get("backend-id") in nested]
    return found or [node for node in beside if node.tag == BACKEND]


def _stands_directly(node: Element) -> bool:
    """Whether the node is a section's own child, so that it always runs."""
    parent = node.getparent()
    return parent is not None and parent.getparent() is node.getroottree().getroot()
