"""How long ago each part of each binding was last known to be true: nobody looked, or something is wrong since."""

from array import array
from collections.abc import Callable, Iterable, Sequence

from funcgate.controller.queue import Key
from funcgate.engine import Outcome


class Freshness:
    """Times by binding and condition. A part that nobody waits for is never stale."""

    def __init__(self, clock: Callable[[], float], conditions: Sequence[str]) -> None:
        self._clock = clock
        self._places = {condition: place for place, condition in enumerate(conditions)}
        self._true_at: dict[Key, array[float]] = {}

    def looked(self, key: Key, outcomes: Iterable[Outcome]) -> None:
        """A pass ended so."""
        now = self._clock()
        times = self._true_at.setdefault(key, array("d", [now] * len(self._places)))
        for each in outcomes:
            if each.true or not each.blocking:
                times[self._places[each.condition]] = now

    def forget(self, key: Key) -> None:
        """The binding is gone, or nobody shall look at it."""
        self._true_at.pop(key, None)

    def oldest(self, condition: str) -> float:
        """Seconds since it was true of the binding of which that is longest ago; 0 without any."""
        place, now = self._places[condition], self._clock()
        known = tuple(self._true_at.values())  # at once: another thread asks, while passes come and go
        return max((now - times[place] for times in known), default=0.0)
