"""
Two who write the same field: how often it was changed back, and from when on funcgate stops writing it.

Kept in memory only: after a restart it takes as many corrections again until a part counts as contested.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from funcgate.controller.queue import Key
from funcgate.engine import Write
from funcgate.model import aspect_of
from funcgate.spec import RECONCILE_REQUESTED_AT

TIMES = 5
INTERVALS = 8
LEAST_SECONDS = 3600.0

Wish = tuple[int, str | None]
"""The generation that is acted on, and the last request to look at once: with another one it starts anew."""


@dataclass
class Contest:
    """One part of one binding that somebody else writes too."""

    write: Write
    field: str
    until: float
    seconds: float
    who: str = ""

    @property
    def part(self) -> str:
        """The aspect that it is about."""
        return aspect_of(self.write.condition)

    @property
    def sentence(self) -> str:
        """How it stands; the same for as long as it lasts."""
        who = f", last by {self.who}" if self.who else ""
        return (
            f"{self.field} of {self.write.key} was changed back {TIMES} times{who}, so this part is not corrected for "
            f"{self.seconds / 3600:.1f} h. Find who else manages it, then set {RECONCILE_REQUESTED_AT} to go on, or "
            "leave it to them in spec.drift"
        )


@dataclass
class _Known:
    wish: Wish
    times: dict[tuple[str, str, str], deque[float]] = field(default_factory=dict)
    contests: dict[str, Contest] = field(default_factory=dict)


class Contests:
    """All of them, by binding."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._known: dict[Key, _Known] = {}

    def of(self, key: Key, wish: Wish) -> Mapping[str, str]:
        """The parts that are contested now, each with its sentence."""
        known = self._known.get(key)
        if known is None or known.wish != wish:
            self._known.pop(key, None)
            return {}
        known.contests = {part: each for part, each in known.contests.items() if each.until > self._clock()}
        return {part: each.sentence for part, each in known.contests.items()}

    def corrected(self, key: Key, wish: Wish, writes: Iterable[Write], interval: float) -> list[Contest]:
        """These writes undid what somebody had changed. Returns the contests that begin with it."""
        window = max(LEAST_SECONDS, INTERVALS * interval)
        undone = {(write.condition, write.key, drift.field): write for write in writes for drift in write.drifts}
        begun = []
        for what, write in undone.items():
            known = self._known.setdefault(key, _Known(wish))
            if self._again(known, what, window) < TIMES:
                continue
            contest = Contest(write=write, field=what[2], until=self._clock() + window, seconds=window)
            if known.contests.setdefault(contest.part, contest) is contest:
                begun.append(contest)
        return begun

    def _again(self, known: _Known, what: tuple[str, str, str], window: float) -> int:
        now = self._clock()
        times = known.times.setdefault(what, deque(maxlen=TIMES))
        times.append(now)
        while times[0] < now - window:
            times.popleft()
        return len(times)

    def forget(self, key: Key) -> None:
        """The binding is gone."""
        self._known.pop(key, None)
