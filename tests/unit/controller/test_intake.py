"""What the watch shows → what is looked at, and how soon."""

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest

from builders import IDENTITY_CLIENT_ID
from funcgate.controller.cache import Cache
from funcgate.controller.intake import Intake
from funcgate.controller.queue import Key, Queue
from funcgate.controller.waits import Waits
from funcgate.metrics import Metrics
from objects import KEY, a_ready_status, a_snapshot

pytestmark = pytest.mark.looptime(start=1000)


@dataclass
class Inlet:
    """An intake with what it fills."""

    cache: Cache
    queue: Queue
    intake: Intake

    async def next(self) -> tuple[str, float]:
        """The next key's name and how long it took to come."""
        before = asyncio.get_running_loop().time()
        key = await self.queue.get()
        self.queue.done(key)
        return key.name, asyncio.get_running_loop().time() - before

    async def quiet(self) -> bool:
        try:
            async with asyncio.timeout(86_400):
                await self.queue.get()
        except TimeoutError:
            return True
        return False


@pytest.fixture
async def inlet() -> Inlet:
    metrics = Metrics()
    cache = Cache(metrics)
    queue = Queue(cache.lane, metrics.queue)
    return Inlet(cache, queue, Intake(cache, queue, Waits(metrics.ready_seconds), random=lambda: 0.5))


async def test_a_new_object_comes_at_once(inlet: Inlet) -> None:
    inlet.intake.saw(a_snapshot())
    assert await inlet.next() == ("orders", 0)


async def test_our_own_status_comes_back_without_a_pass(inlet: Inlet) -> None:
    inlet.intake.saw(a_snapshot())
    await inlet.next()
    inlet.intake.saw(a_snapshot(version=2, status=a_ready_status()))
    assert await inlet.quiet()


async def test_after_a_start_the_settled_ones_are_spread_over_their_interval(inlet: Inlet) -> None:
    inlet.intake.saw(a_snapshot(status=a_ready_status(), drift={"interval": "1h"}), listed=True)
    assert await inlet.next() == ("orders", 1800)


async def test_after_a_start_an_observed_one_is_settled_without_a_finalizer(inlet: Inlet) -> None:
    observed = {"annotations": {"funcgate.dev/reconcile-policy": "observe"}, "held": False}
    inlet.intake.saw(a_snapshot(status=a_ready_status(), **observed), listed=True)
    assert await inlet.next() == ("orders", 300)


async def test_an_interval_that_is_none_counts_as_the_usual_one(inlet: Inlet) -> None:
    inlet.intake.saw(a_snapshot(status=a_ready_status(), drift={"interval": "soon"}), listed=True)
    assert await inlet.next() == ("orders", 300)


WAITED_FOR: list[tuple[str, dict[str, Any]]] = [
    ("a generation that nobody acted on", {"generation": 2, "status": a_ready_status(1)}),
    ("a deletion", {"deleting": True, "status": a_ready_status()}),
    ("a finalizer that somebody took away", {"held": False, "status": a_ready_status()}),
    ("an open request", {"status": a_ready_status(), "annotations": {"funcgate.dev/reconcile-requested-at": "x"}}),
]


@pytest.mark.parametrize(("reason", "made"), WAITED_FOR, ids=[each[0] for each in WAITED_FOR])
async def test_after_a_start_whom_somebody_waits_for_comes_before_the_merely_unready(
    inlet: Inlet, reason: str, made: dict[str, Any]
) -> None:
    unready = a_ready_status()
    unready["conditions"][0]["status"] = "False"
    inlet.intake.saw(a_snapshot("unready", status=unready), listed=True)
    inlet.intake.saw(a_snapshot(**made), listed=True)
    assert [await inlet.next(), await inlet.next()] == [("orders", 0), ("unready", 0)], reason


async def test_a_changed_neighbour_is_looked_at_too(inlet: Inlet) -> None:
    for name in ("orders", "neighbour"):
        inlet.intake.saw(a_snapshot(name, status=a_ready_status()), listed=True)
    inlet.intake.saw(a_snapshot(version=2, generation=2, adopt=False, status=a_ready_status()))
    assert [await inlet.next(), await inlet.next()] == [("orders", 0), ("neighbour", 0)]


async def test_a_deleted_object_is_dropped_and_its_neighbours_are_told(inlet: Inlet) -> None:
    for name in ("orders", "neighbour"):
        inlet.intake.saw(a_snapshot(name, status=a_ready_status()), listed=True)
    inlet.intake.gone(KEY, "uid-orders")
    assert inlet.cache.get(KEY) is None
    assert await inlet.next() == ("neighbour", 0)
    assert await inlet.quiet()


def a_refused_status() -> dict[str, Any]:
    status = a_ready_status()
    status["conditions"][0]["status"] = "False"
    return status


async def test_whoever_was_refused_a_registration_is_told_when_it_is_free(inlet: Inlet) -> None:
    elsewhere = {"functionApp": {"id": "/elsewhere"}}
    inlet.intake.saw(a_snapshot(status=a_ready_status()), listed=True)
    inlet.intake.saw(a_snapshot("settled", status=a_ready_status(), **elsewhere), listed=True)
    inlet.intake.saw(a_snapshot("refused", status=a_refused_status(), **elsewhere))
    await inlet.next()
    entra = {"registration": {"type": "Existing", "clientId": IDENTITY_CLIENT_ID}}
    inlet.intake.saw(a_snapshot(version=2, generation=2, status=a_ready_status(), entra=entra))
    assert [await inlet.next(), await inlet.next()] == [("orders", 0), ("refused", 0)]
    assert await inlet.next() == ("settled", 300)


async def test_the_deletion_of_an_unknown_object_is_nothing(inlet: Inlet) -> None:
    inlet.intake.gone(Key("shop", "nobody"), "uid")
    assert await inlet.quiet()


async def test_a_change_by_its_author_ends_the_back_off(inlet: Inlet) -> None:
    inlet.intake.saw(a_snapshot())
    for _ in range(9):
        inlet.queue.add_rate_limited(KEY)
    inlet.intake.saw(a_snapshot(version=2, generation=2))
    assert inlet.queue.add_rate_limited(KEY) <= 2
