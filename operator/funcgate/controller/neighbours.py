"""The other bindings of a function app: a site has one front door, so each pass must know what all want of it."""

from collections.abc import Awaitable, Callable, Iterable

from funcgate.controller.cache import Snapshot
from funcgate.controller.kube import Missing
from funcgate.errors import SpecError, Unmet
from funcgate.spec import Neighbour, Spec

Refused = Callable[[Snapshot, Spec], Awaitable[Unmet | None]]


async def neighbours(mine: Snapshot, at_site: Iterable[Snapshot], refused: Refused) -> tuple[Neighbour, ...]:
    """Those that have a say."""
    found = []
    for other in tuple(at_site):
        if other.key != mine.key and (spec := await heard(other, refused)):
            older = (other.created, other.uid) < (mine.created, mine.uid)
            client_id, identity = (other.status.get(name) for name in ("clientId", "identityClientId"))
            found.append(
                Neighbour.of(str(other.key), spec, older=older, client_id=client_id, identity_client_id=identity)
            )
    return tuple(found)


async def heard(other: Snapshot, refused: Refused) -> Spec | None:
    """What it wants, if it is alive, readable and allowed to act: whoever may not act must not be heard either."""
    if other.deleting:
        return None
    try:
        spec = Spec.parse(other.spec)
        return None if await refused(other, spec) else spec
    except (SpecError, Missing):  # Missing: its namespace is gone, and it with it
        return None
