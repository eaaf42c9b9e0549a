"""Who may act, by a Lease that lives in memory here; the loop's clock is moved, never slept."""

import asyncio
import copy
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from funcgate.controller.kube import Conflict, Missing, Unavailable
from funcgate.controller.lease import Elector, LeaseLost, OpenFence

pytestmark = pytest.mark.looptime(start=1000)


class Leases:
    """The API of one Lease, with optimistic locking; `broken` makes every request fail, `hang` makes it last."""

    def __init__(self) -> None:
        self.body: dict[str, Any] | None = None
        self.version = 0
        self.broken: Exception | None = None
        self.hang = 0.0
        self.before_write: Callable[[], None] = lambda: None

    @property
    def spec(self) -> dict[str, Any]:
        assert self.body
        found: dict[str, Any] = self.body["spec"]
        return found

    async def get(self, path: str, *, timeout_seconds: float | None = None) -> dict[str, Any]:
        await self._answer(timeout_seconds)
        if self.body is None:
            raise Missing(404, "NotFound", path)
        return copy.deepcopy(self.body)

    async def create(self, path: str, body: dict[str, Any], *, timeout_seconds: float | None = None) -> dict[str, Any]:
        await self._answer(timeout_seconds)
        self.before_write()
        if self.body is not None:
            raise Conflict(409, "AlreadyExists", path)
        return self._store(body)

    async def replace(self, path: str, body: dict[str, Any], *, timeout_seconds: float | None = None) -> dict[str, Any]:
        await self._answer(timeout_seconds)
        self.before_write()
        if body["metadata"]["resourceVersion"] != str(self.version):
            raise Conflict(409, "Conflict", path)
        return self._store(body)

    def steal(self, holder: str) -> None:
        self.spec["holderIdentity"] = holder
        self._store(self.body or {})

    async def _answer(self, timeout_seconds: float | None) -> None:
        if self.hang:
            await asyncio.sleep(min(self.hang, timeout_seconds or self.hang))
            raise Unavailable(0, "TimeoutError", "no answer")
        if self.broken:
            raise self.broken

    def _store(self, body: dict[str, Any]) -> dict[str, Any]:
        self.version += 1
        self.body = copy.deepcopy(body)
        self.body["metadata"]["resourceVersion"] = str(self.version)
        return copy.deepcopy(self.body)


@pytest.fixture
def leases() -> Leases:
    return Leases()


def an_elector(leases: Leases, identity: str = "one") -> Elector:
    return Elector(leases, "funcgate-system", "funcgate", identity, random=lambda: 0.0)  # type: ignore[arg-type]


def now() -> float:
    return asyncio.get_running_loop().time()


async def test_a_lease_that_nobody_made_is_taken_at_once(leases: Leases) -> None:
    elector = an_elector(leases)
    await elector.acquire()
    elector.fence.check()
    assert (leases.spec["holderIdentity"], leases.spec["leaseTransitions"], now()) == ("one", 0, 1000)
    assert leases.spec["leaseDurationSeconds"] == 15


async def test_times_are_micro_times_in_utc(leases: Leases) -> None:
    await an_elector(leases).acquire()
    for name in ("acquireTime", "renewTime"):
        text = leases.spec[name]
        assert datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ"), text


async def test_a_fence_is_closed_before_the_election(leases: Leases) -> None:
    with pytest.raises(LeaseLost):
        an_elector(leases).fence.check()


async def test_a_renewed_lease_is_never_taken(leases: Leases) -> None:
    holder, other = an_elector(leases), an_elector(leases, "two")
    await holder.acquire()
    holding, waiting = asyncio.create_task(holder.hold()), asyncio.create_task(other.acquire())
    await asyncio.sleep(300)
    holder.fence.check()
    assert not waiting.done()
    with pytest.raises(LeaseLost):
        other.fence.check()
    for task in (holding, waiting):
        task.cancel()


async def test_a_lease_that_stands_still_for_its_duration_is_taken_and_counted(leases: Leases) -> None:
    await an_elector(leases).acquire()
    leases.spec["renewTime"] = "2199-01-01T00:00:00.000000Z"  # a clock that is wrong does not matter
    other = an_elector(leases, "two")
    await other.acquire()
    assert 1015 <= now() <= 1017
    assert (leases.spec["holderIdentity"], leases.spec["leaseTransitions"]) == ("two", 1)


async def test_a_released_lease_is_taken_at_the_next_look(leases: Leases) -> None:
    holder, other = an_elector(leases), an_elector(leases, "two")
    await holder.acquire()
    waiting = asyncio.create_task(other.acquire())
    await asyncio.sleep(3)
    await holder.release()
    await waiting
    assert now() <= 1005
    with pytest.raises(LeaseLost):
        holder.fence.check()


async def test_releasing_what_another_one_holds_changes_nothing(leases: Leases) -> None:
    holder = an_elector(leases)
    await holder.acquire()
    leases.steal("two")
    await holder.release()
    assert leases.spec["holderIdentity"] == "two"


@pytest.mark.parametrize("error", [Unavailable(503, "Down", ""), OSError("no route"), ValueError("not JSON")])
async def test_whatever_keeps_us_from_renewing_closes_the_fence_after_ten_seconds(
    leases: Leases, error: Exception
) -> None:
    elector = an_elector(leases)
    await elector.acquire()
    leases.broken = error
    with pytest.raises(LeaseLost):
        await elector.hold()
    assert now() == 1010
    with pytest.raises(LeaseLost):
        elector.fence.check()


async def test_a_server_that_never_answers_closes_the_fence_in_time(leases: Leases) -> None:
    elector = an_elector(leases)
    await elector.acquire()
    leases.hang = 3600
    with pytest.raises(LeaseLost):
        await elector.hold()
    assert now() == 1010


async def test_the_fence_closes_by_itself_when_the_loop_did_not_come_to_renewing(leases: Leases) -> None:
    elector = an_elector(leases)
    await elector.acquire()
    await asyncio.sleep(10)
    with pytest.raises(LeaseLost):
        elector.fence.check()


async def test_a_short_outage_is_survived(leases: Leases) -> None:
    elector = an_elector(leases)
    await elector.acquire()
    holding = asyncio.create_task(elector.hold())
    leases.broken = Unavailable(503, "Down", "")
    await asyncio.sleep(7)
    leases.broken = None
    await asyncio.sleep(60)
    elector.fence.check()
    holding.cancel()


async def test_a_stolen_lease_is_noticed_at_the_next_renewal(leases: Leases) -> None:
    elector = an_elector(leases)
    await elector.acquire()
    leases.steal("thief")
    with pytest.raises(LeaseLost):
        await elector.hold()
    assert now() == 1002


async def test_of_two_who_reach_for_it_at_once_one_gets_it(leases: Leases) -> None:
    slow = an_elector(leases, "slow")

    def overtake() -> None:
        leases.before_write = lambda: None
        leases._store({"metadata": {}, "spec": {"holderIdentity": "quick", "leaseDurationSeconds": 15}})

    leases.before_write = overtake
    waiting = asyncio.create_task(slow.acquire())
    await asyncio.sleep(1)
    assert not waiting.done()
    assert leases.spec["holderIdentity"] == "quick"
    waiting.cancel()


async def test_a_lease_that_carries_our_name_is_ours_though_the_answer_got_lost(leases: Leases) -> None:
    elector = an_elector(leases)
    leases._store({"metadata": {}, "spec": {"holderIdentity": "one", "leaseTransitions": 4, "acquireTime": "x"}})
    await elector.acquire()
    assert (leases.spec["leaseTransitions"], leases.spec["acquireTime"], now()) == (4, "x", 1000)


async def test_without_an_election_the_fence_is_open() -> None:
    OpenFence().check()
