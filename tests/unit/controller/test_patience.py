"""How often in a row, and for how long."""

from funcgate.controller.patience import Streak, Streaks
from funcgate.controller.queue import Key
from objects import KEY


class Clock:
    """Moves only when told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_what_happens_again_is_counted_and_timed() -> None:
    clock = Clock()
    streaks = Streaks(clock)
    assert streaks.another(KEY) == Streak(1, 0.0)
    clock.now += 30
    assert streaks.another(KEY) == Streak(2, 30.0)


def test_what_did_not_happen_once_starts_anew() -> None:
    streaks = Streaks(Clock())
    streaks.another(KEY)
    streaks.over(KEY)
    assert streaks.another(KEY) == Streak(1, 0.0)


def test_each_binding_has_a_streak_of_its_own() -> None:
    streaks = Streaks(Clock())
    streaks.another(KEY)
    assert streaks.another(Key("shop", "other")) == Streak(1, 0.0)
