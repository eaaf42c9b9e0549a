"""The other bindings of a function app: a site has one front door, so each pass must know what all want of it."""

from collections.abc import Awaitable, Callable, Iterable

from funcgate.controller.cache import Snapshot
from funcgate.errors import SpecError, Unmet
from funcgate.spec import Neighbour, Spec


async def neighbours(
    mine: Snapshot, at_site: Iterable[Snapshot], refused: Callable[[Snapshot, Spec], Awaitable[Unmet | None]]
) -> tuple[Neighbour, ...]:
    """Those that are alive, readable and within their scopes: whoever may not act must not be heard either."""
    found = []
    for other in tuple(at_site):
        if other.key == mine.key or other.deleting:
            continue
        try:
            spec = Spec.parse(other.spec)
        except SpecError:
            continue
        if await refused(other, spec) is None:
            found.append(_neighbour(mine, other, spec))
    return tuple(found)


def _neighbour(mine: Snapshot, other: Snapshot, spec: Spec) -> Neighbour:
    return Neighbour(
        name=str(other.key),
        older=(other.created, other.uid) < (mine.created, mine.uid),
        client_id=spec.entra.registration.client_id,
        allowed=frozenset(spec.entra.allow.client_ids),
    )
