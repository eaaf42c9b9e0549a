"""Two who write the same field."""

from dataclasses import dataclass

import pytest

from funcgate.controller.contests import INTERVALS, LEAST_SECONDS, TIMES, Contests
from funcgate.controller.queue import Key
from funcgate.engine import Write
from funcgate.model import Action, Drift

KEY = Key("shop", "orders")
WISH = (1, None)
URL = Drift(field="url", wanted="https://orders", seen="http://orders")
WRITE = Write(condition="BackendReady", key="backends/orders", action=Action.UPDATE, drifts=(URL,))


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def corrected(contests: Contests, clock: Clock, *, every: float, times: int = TIMES, interval: float = 600.0) -> int:
    """How many contests begin with so many corrections."""
    begun = 0
    for _ in range(times):
        clock.now += every
        begun += len(contests.corrected(KEY, WISH, [WRITE, WRITE], interval))
    return begun


def test_a_part_is_contested_from_the_fifth_time_on_and_for_eight_intervals(clock: Clock) -> None:
    contests = Contests(clock)
    assert corrected(contests, clock, every=600, times=TIMES - 1) == 0
    assert contests.of(KEY, WISH) == {}
    assert corrected(contests, clock, every=600, times=1) == 1
    assert contests.of(KEY, WISH)["backend"].startswith("url of backends/orders was changed back 5 times, so this part")
    clock.now += INTERVALS * 600 + 1
    assert contests.of(KEY, WISH) == {}


def test_a_change_now_and_then_is_no_contest(clock: Clock) -> None:
    assert corrected(Contests(clock), clock, every=INTERVALS * 600, times=3 * TIMES) == 0


def test_short_intervals_have_an_hour(clock: Clock) -> None:
    assert corrected(Contests(clock), clock, every=LEAST_SECONDS / TIMES, interval=60) == 1


@pytest.mark.parametrize("wish", [(2, None), (1, "now")], ids=["another generation", "a request"])
def test_another_wish_starts_anew(clock: Clock, wish: tuple[int, str | None]) -> None:
    contests = Contests(clock)
    corrected(contests, clock, every=60)
    assert contests.of(KEY, wish) == {}
    assert corrected(contests, clock, every=60, times=TIMES - 1) == 0


def test_who_it_was_is_named_where_that_is_known(clock: Clock) -> None:
    contests = Contests(clock)
    for _ in range(TIMES):
        begun = contests.corrected(KEY, WISH, [WRITE], 600)
    begun[0].who = "terraform@contoso.example"
    assert "5 times, last by terraform@contoso.example, so" in contests.of(KEY, WISH)["backend"]


def test_who_is_gone_is_forgotten(clock: Clock) -> None:
    contests = Contests(clock)
    corrected(contests, clock, every=60)
    contests.forget(KEY)
    assert contests.of(KEY, WISH) == {}
