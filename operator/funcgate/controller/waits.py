"""How long people wait: from a new binding, or a new generation of one, until it is Ready for the first time."""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from funcgate.clock import utc_now
from funcgate.controller.cache import Snapshot
from funcgate.controller.queue import Key

Wish = tuple[str, int]
"""The object and its generation."""


class Observer(Protocol):
    """The histogram."""

    def observe(self, amount: float) -> None: ...


class Waits:
    """
    Whoever waits, since when.

    A generation that was acted on before this process began, or that was paused, is left out: nobody knows its time.
    """

    def __init__(self, seconds: Observer, now: Callable[[], datetime] = utc_now) -> None:
        self._seconds = seconds
        self._now = now
        self._since: dict[Key, tuple[Wish, datetime | None]] = {}

    def saw(self, snapshot: Snapshot) -> None:
        """The object asks for this; the time runs if that is new."""
        wish, _ = self._since.get(snapshot.key, (None, None))
        if snapshot.paused:
            self._since[snapshot.key] = (_wish(snapshot), None)
        elif wish != _wish(snapshot) and snapshot.acted_on != snapshot.generation:
            self._since[snapshot.key] = (_wish(snapshot), self._begun(snapshot))

    def wrote(self, snapshot: Snapshot) -> None:
        """Its status says this now; the time ends when that is Ready."""
        if not snapshot.in_force:
            return
        wish, since = self._since.pop(snapshot.key, (None, None))
        if since and wish == _wish(snapshot):
            self._seconds.observe(max(0.0, (self._now() - since).total_seconds()))

    def forget(self, key: Key) -> None:
        """The binding is gone."""
        self._since.pop(key, None)

    def _begun(self, snapshot: Snapshot) -> datetime:
        """A binding that nobody has acted on yet has waited since it was made."""
        new = snapshot.acted_on < 1 and snapshot.generation == 1
        return (_time(snapshot.created) if new else None) or self._now()


def _wish(snapshot: Snapshot) -> Wish:
    return snapshot.uid, snapshot.generation


def _time(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None
