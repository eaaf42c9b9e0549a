"""How often in a row something happened to a binding, and for how long: what is no news once may be news by then."""

from collections.abc import Callable
from dataclasses import dataclass

from funcgate.controller.queue import Key


@dataclass(frozen=True, slots=True)
class Streak:
    """So many times in a row; `seconds` from the first to the last."""

    count: int
    seconds: float


class Streaks:
    """The streaks of one kind, by key."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._first: dict[Key, tuple[int, float]] = {}

    def another(self, key: Key) -> Streak:
        """It happened to `key` (again)."""
        count, since = self._first.get(key, (0, self._clock()))
        self._first[key] = (count + 1, since)
        return Streak(count + 1, self._clock() - since)

    def over(self, key: Key) -> None:
        """It did not happen to `key` this time."""
        self._first.pop(key, None)
