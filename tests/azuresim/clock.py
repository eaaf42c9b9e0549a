"""The world's clock: it moves only when told, or runs with the machine's (`Clock(real=True)`)."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from functools import lru_cache


class Clock:
    """
    `now()` is aware and in UTC; `advance` works on a real clock too, which then runs ahead.

    Every call asks several times what time it is, so seconds and text of a moment are worked out once.
    """

    def __init__(self, *, real: bool = False, start: datetime | None = None) -> None:
        self._began = time.monotonic() if real else None
        self._set(start or datetime.now(UTC))

    def _set(self, told: datetime) -> None:
        self._told, self._seconds = told, told.timestamp()

    def now(self) -> datetime:
        if self._began is None:
            return self._told
        return self._told + timedelta(seconds=time.monotonic() - self._began)

    def advance(self, seconds: float) -> None:
        self._set(self._told + timedelta(seconds=seconds))

    def timestamp(self) -> float:
        if self._began is None:
            return self._seconds
        return self._seconds + time.monotonic() - self._began

    def stamp(self) -> str:
        """Now as ARM and Graph write instants: `2026-11-23T15:45:00.1234560Z`."""
        return written(self.now())


@lru_cache(maxsize=64)
def written(moment: datetime) -> str:
    return moment.replace(tzinfo=None).isoformat(timespec="microseconds") + "0Z"
