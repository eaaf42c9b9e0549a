"""
The cluster counted, by a list of metadata now and then, and compared with what the watch brought.

It tells when the first list is complete, which Kopf does not. It finds ghosts: objects deleted while the watch was
being renewed, of which Kopf tells nothing (nolar/kopf, _cogs/clients/watching.py). It fetches what the watch has not
brought. And it proves that a silent watch is not a dead one.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from random import SystemRandom

from funcgate.controller.bindings import Bindings
from funcgate.controller.cache import Cache, older
from funcgate.controller.health import Health
from funcgate.controller.intake import Intake
from funcgate.controller.kube import KubeError
from funcgate.controller.queue import Key

logger = logging.getLogger(__name__)

_RANDOM = SystemRandom().random
LOOKS = 25  # at the cache, before the cluster is listed again


@dataclass(kw_only=True)
class Census:
    """Lists, compares, and tells intake and health."""

    bindings: Bindings
    cache: Cache
    intake: Intake
    health: Health
    every_seconds: float = 3600.0
    again_seconds: float = 30.0
    look_seconds: float = 0.2
    random: Callable[[], float] = _RANDOM
    _behind_at: float | None = field(default=None, init=False)  # when the watch that was behind had last been heard

    async def complete(self) -> None:
        """Every binding of the cluster is known: passes may start, for each must know its neighbours."""
        while not await self._all_known():
            pass
        self.health.complete = True
        logger.info("all bindings known", extra={"bindings": len(self.cache)})

    async def run(self) -> None:
        """Counts again and again, until cancelled: seldom while all agrees, soon when it does not."""
        agreed = True
        while True:
            await asyncio.sleep(self.every_seconds * (1 + 0.1 * self.random()) if agreed else self.again_seconds)
            try:
                agreed = await self.take()
            except KubeError as error:
                agreed = False
                logger.warning("bindings not listed", extra={"detail": str(error)})

    async def take(self) -> bool:
        """Whether cluster and cache agree; they do after it. To have fetched it ourselves is no proof of the watch."""
        before = {key: snapshot.uid for key in self.cache if (snapshot := self.cache.get(key))}
        listed = await self._list()
        for key, uid in before.items():
            if key not in listed or listed[key][0] != uid:
                self.intake.gone(key, uid)
        behind = [key for key, (_, version) in listed.items() if self._is_behind(key, version)]
        if behind:
            logger.warning("the watch is behind", extra={"bindings": len(behind), "first": str(behind[0])})
            self._behind_at = self.health.heard_at
            await self._fetch(behind)
            return False
        if self.health.heard_at != self._behind_at:
            self.health.hear()
        return True

    async def _fetch(self, keys: Iterable[Key]) -> None:
        for key in keys:
            if fresh := await self.bindings.get(key):
                self.intake.saw(fresh)

    async def _all_known(self) -> bool:
        try:
            listed = await self._list()
        except KubeError as error:
            logger.warning("bindings not listed", extra={"detail": str(error)})
            await asyncio.sleep(1.0)
            return False
        for _ in range(LOOKS):
            if all(self.cache.get(key) for key in listed):
                return True
            await asyncio.sleep(self.look_seconds)
        return False

    async def _list(self) -> dict[Key, tuple[str, str]]:
        return {key: (uid, version) async for key, uid, version in self.bindings.identities()}

    def _is_behind(self, key: Key, version: str) -> bool:
        known = self.cache.get(key)
        return known is None or older(known.version, version)
