"""Which bindings may act: those that stay within their scopes, with a registration that is theirs to use."""

from dataclasses import dataclass, replace

from funcgate.controller import registrations, scopes
from funcgate.controller.bindings import Bindings
from funcgate.controller.cache import Cache, Snapshot
from funcgate.controller.neighbours import heard
from funcgate.errors import Unmet
from funcgate.spec import Spec


@dataclass(frozen=True, kw_only=True)
class Rights:
    """Judges by the operator's setting, the namespaces' annotations, and what other bindings name."""

    bindings: Bindings
    cache: Cache
    azure_scopes: tuple[str, ...]

    async def refused(self, mine: Snapshot, spec: Spec) -> Unmet | None:
        """Why nothing may be called in Azure for `mine`, if so. One that goes gives its registration back anyway."""
        if unmet := await self._out_of_scope(mine, spec):
            return unmet
        return None if mine.deleting else await self._taken(mine)

    async def may_use(self, mine: Snapshot, client_id: str) -> Unmet | None:
        """Why `mine` may not use a registration that its pass has found, if so; else it is the one that uses it."""
        annotations = await self.bindings.namespace_annotations(mine.key.namespace)
        if unmet := scopes.refused_registration(client_id, annotations):
            return unmet
        if unmet := await self._taken(replace(mine, registration=scopes.folded(client_id))):
            return unmet
        self.cache.uses(mine.key, client_id)
        return None

    async def used_elsewhere(self, mine: Snapshot, client_id: str) -> bool:
        """Whether another live binding that may act uses the registration."""
        for other in self.cache.with_registration(scopes.folded(client_id)):
            if other.key != mine.key and await heard(other, self.refused):
                return True
        return False

    async def acts_as(self, mine: Snapshot) -> str | None:
        """The client id of the identity that acts for `mine`, if its namespace brings one."""
        return scopes.acts_as(await self.bindings.namespace_annotations(mine.key.namespace))

    async def _out_of_scope(self, mine: Snapshot, spec: Spec) -> Unmet | None:
        annotations = await self.bindings.namespace_annotations(mine.key.namespace)
        return scopes.refused(spec, self.azure_scopes, annotations)

    async def _taken(self, mine: Snapshot) -> Unmet | None:
        """Judged by the first that may act at all; if that is `mine`, it is its own."""
        if not mine.registration:
            return None
        for first in self.cache.with_registration(mine.registration):
            if first.key == mine.key:
                return None
            if await heard(first, self._out_of_scope):
                annotations = await self.bindings.namespace_annotations(first.key.namespace)
                return registrations.taken(mine, first, annotations)
        return None
