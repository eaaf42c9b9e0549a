"""
Which statements of a document are ours: known by what they do and by the mark beside them, wherever they stand.

Made by hand after the tutorials they look the same, without the mark.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from funcgate.policy.document import Element, is_element, section, sections, within
from funcgate.policy.statements import BACKEND, HEADER, LABEL, TOKEN, VARIABLE, Statements, marked_owner


@dataclass(frozen=True, kw_only=True)
class Ours:
    """Our nodes in document order, by role. More than one of a role: duplicates."""

    marks: Sequence[Element]
    tokens: Sequence[Element]
    headers: Sequence[Element]
    backends: Sequence[Element]
    send_token: bool  # every request takes the token and then sends it

    @property
    def nodes(self) -> Sequence[Element]:
        """All of them; where the mark, the token or the header stands, our block belongs."""
        return [*self.marks, *self.tokens, *self.headers, *self.backends]

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
        headers=[node for node in nodes if _sends_our_token(node)] or [node for node in beside if node.tag == HEADER],
        backends=_backends(nodes, beside, wanted),
        send_token=_send_token(section(root, "inbound")),
    )


def _beside(mark: Element) -> Iterator[Element]:
    """The statements that follow the mark as ours do, up to the next mark, at most one of a role."""
    roles = {TOKEN, HEADER, BACKEND}
    for node in mark.itersiblings():
        if marked_owner(node) is not None:
            return
        if not is_element(node):
            continue
        if node.tag not in roles or (node.tag == HEADER and not sets_authorization(node)):
            return
        roles.remove(str(node.tag))
        yield node


def sets_authorization(node: Element) -> bool:
    """Whether this is a `set-header` for Authorization; header names know no case."""
    return node.tag == HEADER and node.get("name", "").strip().casefold() == "authorization"


def _takes_our_token(node: Element) -> bool:
    return node.tag == TOKEN and node.get("output-token-variable-name") == VARIABLE


def _sends_our_token(node: Element) -> bool:
    return sets_authorization(node) and any(
        f'"{VARIABLE}"' in (value.text or "") and "Variables" in (value.text or "") for value in node.findall("value")
    )


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
