"""
Directory replication: for a while after a write, reads see what was there before.

`world.switches.graph_visibility_seconds` holds for all objects, `world.entra.replicas.delays[object_id] = 120` for
one. New objects are 404 meanwhile, deleted ones still there. Minutes have been seen: threads of
hashicorp/terraform-provider-azuread.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from azuresim.world import World

Body = dict[str, Any]


@dataclass(frozen=True)
class Shadow:
    """What reads show of an object until then; None: that it is not there."""

    until: float
    body: Body | None


class Replicas:
    def __init__(self, world: World) -> None:
        self.delays: dict[str, float] = {}
        self._world = world
        self._shadows: dict[tuple[str, str], list[Shadow]] = {}

    def changing(self, kind: str, object_id: str, before: Body | None) -> None:
        """To be called at each write with the state before it."""
        delay = self.delays.get(object_id, self._world.switches.graph_visibility_seconds)
        if delay > 0:
            shadow = Shadow(self._world.clock.timestamp() + delay, before)
            self._shadows.setdefault((kind, object_id), []).append(shadow)

    def seen(self, objects: dict[str, Body], kind: str) -> dict[str, Body]:
        """The collection as reads show it now."""
        if not self._shadows:
            return objects
        now, shown = self._world.clock.timestamp(), dict(objects)
        for (of_kind, object_id), shadows in list(self._shadows.items()):
            waiting = [shadow for shadow in shadows if shadow.until > now]
            if of_kind == kind and waiting:
                shown.pop(object_id, None)
                shown |= {object_id: waiting[0].body} if waiting[0].body is not None else {}
            if not waiting:
                del self._shadows[of_kind, object_id]
        return shown
