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
            older = (other.created, other.uid) < (mine.created, mine.uid)
            identity = other.status.get("identityClientId")
            found.append(Neighbour.of(str(other.key), spec, older=older, identity_client_id=identity))
    return tuple(found)
