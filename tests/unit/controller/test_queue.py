"""Which key comes next, and when. Time is the loop's, and it is moved, never slept."""

import asyncio
from collections.abc import Callable

import pytest
from prometheus_client import CollectorRegistry

from funcgate.controller.queue import Closed, Key, Priority, Queue
from funcgate.metrics import QueueMetrics

pytestmark = pytest.mark.looptime(start=1000)

A, B, C, D = (Key("shop", name) for name in "abcd")


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def new(registry: CollectorRegistry) -> Callable[..., Queue]:
    def build(lane_of: Callable[[Key], str] = lambda key: "one", **more: object) -> Queue:
        return Queue(lane_of, QueueMetrics(registry, "bindings"), **({"random": lambda: 1.0} | more))  # type: ignore[arg-type]

    return build


def now() -> float:
    return asyncio.get_running_loop().time()


async def nothing_comes(queue: Queue) -> bool:
    try:
        async with asyncio.timeout(0):
            await queue.get()
    except TimeoutError:
        return True
    return False


async def drained(queue: Queue, count: int) -> list[Key]:
    """Keys in the order in which one worker gets them."""
    keys = []
    for _ in range(count):
        keys.append(await queue.get())
        queue.done(keys[-1])
    return keys


async def test_a_key_that_is_added_often_comes_once(new: Callable[..., Queue]) -> None:
    queue = new()
    for _ in range(3):
        queue.add(A)
    assert await queue.get() == A
    assert await nothing_comes(queue)


async def test_a_key_in_work_is_not_handed_out_again_until_it_is_done(new: Callable[..., Queue]) -> None:
    queue = new()
    queue.add(A)
    await queue.get()
    queue.add(A)
    assert await nothing_comes(queue)
    queue.done(A)
    assert await queue.get() == A


async def test_a_waiting_worker_gets_a_key_as_soon_as_it_is_added(new: Callable[..., Queue]) -> None:
    queue = new()
    worker = asyncio.create_task(queue.get())
    await asyncio.sleep(5)
    queue.add(A)
    assert await worker == A
    assert now() == 1005


async def test_a_cancelled_worker_takes_no_key_along(new: Callable[..., Queue]) -> None:
    queue = new()
    first, second = asyncio.create_task(queue.get()), asyncio.create_task(queue.get())
    await asyncio.sleep(1)
    queue.add(A)
    first.cancel()
    assert await second == A


async def test_what_somebody_waits_for_comes_before_retries_and_resyncs(new: Callable[..., Queue]) -> None:
    queue = new()
    queue.add(A, Priority.RESYNC)
    queue.add(B, Priority.RETRY)
    queue.add(C, Priority.CHANGED)
    assert await drained(queue, 3) == [C, B, A]


async def test_a_resync_that_waited_long_enough_comes_before_a_fresh_change(new: Callable[..., Queue]) -> None:
    queue = new()
    queue.add(A, Priority.RESYNC)
    await asyncio.sleep(Priority.RESYNC + 1)
    queue.add(B, Priority.CHANGED)
    assert await drained(queue, 2) == [A, B]


async def test_a_change_moves_a_waiting_resync_ahead(new: Callable[..., Queue]) -> None:
    queue = new()
    queue.add(A, Priority.RESYNC)
    queue.add(B, Priority.RETRY)
    queue.add(A, Priority.CHANGED)
    assert await drained(queue, 2) == [A, B]
    assert await nothing_comes(queue)


async def test_a_later_key_comes_at_its_time(new: Callable[..., Queue]) -> None:
    queue = new()
    queue.add_after(A, 60)
    assert await queue.get() == A
    assert now() == 1060


async def test_of_two_later_times_the_sooner_counts(new: Callable[..., Queue]) -> None:
    queue = new()
    queue.add_after(A, 60)
    queue.add_after(A, 30)
    queue.add_after(A, 90)
    await queue.get()
    queue.done(A)
    assert now() == 1030
    await asyncio.sleep(200)
    assert await nothing_comes(queue)


async def test_a_change_makes_the_planned_pass_superfluous(new: Callable[..., Queue]) -> None:
    queue = new()
    queue.add_after(A, 60)
    queue.add(A)
    assert await drained(queue, 1) == [A]
    await asyncio.sleep(100)
    assert await nothing_comes(queue)


async def test_backing_off_doubles_up_to_the_cap_and_starts_anew_when_forgotten(new: Callable[..., Queue]) -> None:
    queue = new()
    assert [queue.add_rate_limited(A) for _ in range(11)] == [2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]
    queue.forget(A)
    assert queue.add_rate_limited(A) == 2


async def test_a_time_that_was_asked_for_is_kept_and_does_not_shorten_the_back_off(new: Callable[..., Queue]) -> None:
    queue = new()
    assert [queue.add_rate_limited(A, at_least=seconds) for seconds in (60, 0, 0, 10, -5)] == [60, 4, 8, 16, 32]


async def test_the_back_off_is_jittered_over_its_whole_length(new: Callable[..., Queue]) -> None:
    queue = new(random=lambda: 0.25)
    assert [queue.add_rate_limited(A) for _ in range(3)] == [0.5, 1, 2]


async def test_a_dropped_key_does_not_come_now_or_later(new: Callable[..., Queue]) -> None:
    queue = new()
    queue.add(A)
    queue.add_after(B, 10)
    queue.drop(A)
    queue.drop(B)
    await asyncio.sleep(20)
    assert await nothing_comes(queue)


async def test_a_key_that_is_dropped_while_in_work_does_not_come_back(new: Callable[..., Queue]) -> None:
    queue = new()
    queue.add(A)
    await queue.get()
    queue.add(A)
    queue.drop(A)
    queue.done(A)
    assert await nothing_comes(queue)


async def test_a_lane_hands_out_only_so_many_at_once(new: Callable[..., Queue]) -> None:
    queue = new(lane_concurrency=2)
    for key in (A, B, C):
        queue.add(key)
    assert [await queue.get(), await queue.get()] == [A, B]
    assert await nothing_comes(queue)
    queue.done(A)
    assert await queue.get() == C


async def test_lanes_take_turns(new: Callable[..., Queue]) -> None:
    queue = new(lane_of=lambda key: "small" if key == D else "large")
    for key in (A, B, C, D):
        queue.add(key)
    assert (await drained(queue, 4)).index(D) == 1


async def test_a_full_lane_does_not_hold_up_another(new: Callable[..., Queue]) -> None:
    queue = new(lane_of=lambda key: "other" if key == D else "full", lane_concurrency=1)
    for key in (A, B, D):
        queue.add(key)
    assert [await queue.get(), await queue.get()] == [A, D]
    assert await nothing_comes(queue)


async def test_a_paused_lane_hands_out_nothing_until_its_time_is_over(new: Callable[..., Queue]) -> None:
    queue = new(lane_of=lambda key: "other" if key == D else "throttled")
    queue.pause_lane(A, 45)
    queue.pause_lane(A, 10)
    for key in (A, D):
        queue.add(key)
    assert await queue.get() == D
    assert await queue.get() == A
    assert now() == 1045


async def test_a_closed_queue_hands_out_nothing_and_wakes_all_who_wait(new: Callable[..., Queue]) -> None:
    queue = new()
    workers = [asyncio.create_task(queue.get()) for _ in range(3)]
    await asyncio.sleep(1)
    queue.close()
    queue.add(A)
    for worker in workers:
        with pytest.raises(Closed):
            await worker


async def test_ten_thousand_keys_in_many_lanes_all_come_once(new: Callable[..., Queue]) -> None:
    queue = new(lane_of=lambda key: key.name[-2:])
    keys = {Key("shop", f"n{number}") for number in range(10_000)}
    for key in keys:
        queue.add(key)
    assert set(await drained(queue, len(keys))) == keys
    assert await nothing_comes(queue)


async def test_the_metrics_are_those_of_client_go(new: Callable[..., Queue], registry: CollectorRegistry) -> None:
    def value(metric: str) -> float | None:
        return registry.get_sample_value(f"workqueue_{metric}", {"name": "bindings"})

    queue = new()
    queue.add(A)
    queue.add(B)
    assert value("depth") == 2
    await asyncio.sleep(3)
    await queue.get()
    await queue.get()
    await asyncio.sleep(4)
    assert (value("depth"), value("queue_duration_seconds_sum")) == (0, 6)
    assert (value("unfinished_work_seconds"), value("longest_running_processor_seconds")) == (8, 4)
    assert queue.in_work == 2
    queue.done(A)
    queue.add_rate_limited(A)
    assert (value("work_duration_seconds_count"), value("work_duration_seconds_sum")) == (1, 4)
    assert (value("adds_total"), value("retries_total")) == (2, 1)
