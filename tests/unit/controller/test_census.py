"""The cluster counted and compared with what the watch brought."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from funcgate.controller.cache import Cache, Snapshot
from funcgate.controller.census import Census
from funcgate.controller.health import Health
from funcgate.controller.intake import Intake
from funcgate.controller.kube import KubeError, Unavailable
from funcgate.controller.queue import Key, Queue
from funcgate.controller.waits import Waits
from funcgate.metrics import Metrics
from objects import KEY, a_snapshot

pytestmark = pytest.mark.looptime(start=1000)


class Roll:
    """What the cluster lists."""

    def __init__(self, *snapshots: Snapshot) -> None:
        self.snapshots = list(snapshots)
        self.errors: list[KubeError] = []
        self.taken = 0

    async def identities(self) -> AsyncIterator[tuple[Key, str, str]]:
        self.taken += 1
        if self.errors:
            raise self.errors.pop()
        for each in self.snapshots:
            yield each.key, each.uid, each.version

    async def get(self, key: Key) -> Snapshot | None:
        return next((each for each in self.snapshots if each.key == key), None)


class Desk:
    """A census with all that it works on."""

    def __init__(self, *listed: Snapshot) -> None:
        metrics = Metrics()
        self.roll = Roll(*listed)
        self.cache = Cache(metrics)
        self.health = Health(clock=asyncio.get_running_loop().time, watch_seconds=4500, beat_seconds=1e9)
        self.health.lead()
        self.queue = Queue(self.cache.lane, metrics.queue)
        intake = Intake(self.cache, self.queue, Waits(metrics.ready_seconds))
        self.census = Census(
            bindings=self.roll,  # type: ignore[arg-type]
            cache=self.cache,
            intake=intake,
            health=self.health,
            random=lambda: 0.0,
        )


async def test_all_is_known_when_everything_listed_was_seen() -> None:
    desk = Desk(a_snapshot("a"), a_snapshot("b"))
    completing = asyncio.create_task(desk.census.complete())
    desk.cache.saw(a_snapshot("a"))
    await asyncio.sleep(1)
    assert (completing.done(), desk.health.unready()) == (False, "starting")
    desk.health.configured = True
    assert desk.health.unready() == "the initial list is not complete"
    desk.cache.saw(a_snapshot("b"))
    await completing
    assert desk.health.unready() is None


async def test_what_was_deleted_meanwhile_is_not_waited_for() -> None:
    desk = Desk(a_snapshot("a"))
    completing = asyncio.create_task(desk.census.complete())
    await asyncio.sleep(1)
    desk.roll.snapshots.clear()
    await completing
    assert desk.roll.taken == 2


async def test_an_api_that_is_down_is_asked_again() -> None:
    desk = Desk()
    desk.roll.errors = [Unavailable(503, "Down", "")]
    await desk.census.complete()
    assert desk.roll.taken == 2


async def test_ghosts_are_forgotten() -> None:
    desk = Desk()
    desk.cache.saw(a_snapshot())
    assert await desk.census.take()
    assert desk.cache.get(KEY) is None


async def test_another_object_of_the_same_name_is_a_ghost_too() -> None:
    desk = Desk(a_snapshot(uid="new", version=9))
    desk.cache.saw(a_snapshot(uid="old", version=1))
    assert not await desk.census.take()
    assert desk.cache.get(KEY) == a_snapshot(uid="new", version=9)


async def test_what_the_watch_has_not_brought_is_fetched_and_looked_at() -> None:
    desk = Desk(a_snapshot(version=7, generation=2))
    desk.cache.saw(a_snapshot(version=3))
    assert not await desk.census.take()
    assert desk.cache.get(KEY) == a_snapshot(version=7, generation=2)
    assert await desk.queue.get() == KEY


async def test_what_is_gone_before_it_can_be_fetched_is_nothing() -> None:
    desk = Desk(a_snapshot())
    desk.roll.get = _nobody  # type: ignore[method-assign]
    assert not await desk.census.take()
    assert desk.cache.get(KEY) is None


async def _nobody(key: Key) -> Snapshot | None:
    return None


async def test_a_watch_that_was_behind_and_is_heard_again_counts_as_alive() -> None:
    desk = Desk(a_snapshot(version=7))
    counting = asyncio.create_task(desk.census.run())
    await asyncio.sleep(3601)
    desk.health.hear()
    await asyncio.sleep(86_400)
    assert desk.health.unwell() is None
    counting.cancel()


async def test_while_cluster_and_cache_agree_a_silent_watch_counts_as_alive() -> None:
    desk = Desk()
    counting = asyncio.create_task(desk.census.run())
    await asyncio.sleep(86_401)
    assert (desk.roll.taken, desk.health.unwell()) == (24, None)
    counting.cancel()


async def test_a_watch_that_stays_behind_ends_being_alive() -> None:
    desk = Desk(a_snapshot(version=7))
    desk.cache.saw(a_snapshot(version=3))
    counting = asyncio.create_task(desk.census.run())
    await asyncio.sleep(4600)
    assert desk.health.unwell() == "the watch has been silent for 4600 s"
    counting.cancel()


async def test_a_list_that_fails_is_repeated_soon() -> None:
    desk = Desk()
    desk.roll.errors = [Unavailable(503, "Down", "")]
    counting = asyncio.create_task(desk.census.run())
    await asyncio.sleep(3640)
    assert desk.roll.taken == 2
    counting.cancel()
