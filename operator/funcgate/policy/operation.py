"""
What the policy of one operation makes of the API's base policy, where ours stands: it runs in the place of `<base/>`.

Whatever comes behind that place finds our token in the header and our route taken; without `<base/>` ours never runs.
Source: learn.microsoft.com/azure/api-management/set-edit-policies, "Use base element to set policy evaluation order".
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from funcgate.policy.document import Document, Element, is_element, section, tree, within
from funcgate.policy.others import ends, judges_authorization, quoted, routes_elsewhere, sets_anew
from funcgate.policy.ours import recognise
from funcgate.policy.parse import with_lines
from funcgate.policy.statements import AUTHORIZATION, BACKEND, Statements


@dataclass(frozen=True, kw_only=True)
class Inner:
    """What stands against the base policy in one operation's: each statement with its line, and ours with its own."""

    bypasses: bool = False
    late_checks: tuple[str, ...] = ()  # judge the Authorization header once ours has been put in
    undoing: tuple[str, ...] = ()


def inner(document: Document, ours: Statements, base: Document | None = None) -> Inner:
    """
    What this operation's policy does to a base policy that says `ours`; `base` is that policy, if it stands already.

    A statement that says the same once more, as an import leaves a route in each operation, does nothing to it.
    """
    root = tree(document)
    header, route = _in_base(base)
    inbound, backend = _nodes(root, "inbound"), _nodes(root, "backend")
    if not any(node.tag == "base" for node in inbound):
        return Inner(bypasses=not _answers(inbound))
    behind = [node for node in _behind_base(inbound) if is_element(node)]
    late = [node for node in behind if judges_authorization(node)] if ours.caller.token_in == AUTHORIZATION else []
    again = _said_again(root, ours)
    further = [*behind, *filter(is_element, backend)]
    undoing = [f"{quoted(node)} undoes {route}" for node in further if routes_elsewhere(node, ours.backend_id)]
    undoing += [
        f"{quoted(node)} undoes {header}"
        for node in further
        if sets_anew(node, ours.caller.token_in) and node not in again
    ]
    return Inner(late_checks=tuple(f"{quoted(node)} behind {header}" for node in late), undoing=tuple(undoing))


def _in_base(base: Document | None) -> tuple[str, str]:
    """Our header and our route in the base policy, quoted with their lines; where they are not, what will be there."""
    found = recognise(tree(with_lines(base))) if base else None
    header = quoted(found.headers[0]) if found and found.headers else "<set-header>"
    route = quoted(found.backends[0]) if found and found.backends else f"<{BACKEND}>"
    return f"{header} of the base policy", f"{route} of the base policy"


def _said_again(root: Element, ours: Statements) -> Collection[Element]:
    """Headers that send a token like ours."""
    found = recognise(root)
    same = found.resource in (None, ours.resource) and found.caller.token_in == ours.caller.token_in
    return found.headers if same else ()


def _nodes(root: Element, name: str) -> Sequence[Element]:
    """The section and all in it that concerns the request."""
    found = section(root, name)
    return [] if found is None else list(within(found))


def _behind_base(nodes: Sequence[Element]) -> Iterator[Element]:
    """What runs after the outer scopes; what surrounds `<base/>` began before it."""
    place = next(index for index, node in enumerate(nodes) if node.tag == "base")
    return iter(nodes[place + 1 :])


def _answers(inbound: Sequence[Element]) -> bool:
    """Whether no request gets past this section: it answers by itself, whatever the request is."""
    return any(map(ends, inbound[0])) if inbound else False
