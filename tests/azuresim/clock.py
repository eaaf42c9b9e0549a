"""The world's clock: it moves only when told, or runs with the machine's (`Clock(real=True)`)."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta


class Clock:
    """`now()` is aware and in UTC; `advance` works on a real clock too, which then runs ahead."""

    def __init__(self, *, real: bool = False, start: datetime | None = None) -> None:
        self._told = start or datetime.now(UTC)
        self._began = time.monotonic() if real else None

    def now(self) -> datetime:
        if self._began is None:
            return self._told
        return self._told + timedelta(seconds=time.monotonic() - self._began)

    def advance(self, seconds: float) -> None:
        self._told += timedelta(seconds=seconds)

    def timestamp(self) -> float:
        return self.now().timestamp()

    def stamp(self) -> str:
        """Now as ARM and Graph write instants: `2026-11-23T15:45:00.1234560Z`."""
        return self.now().replace(tzinfo=None).isoformat(timespec="microseconds") + "0Z"
