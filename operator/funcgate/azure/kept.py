"""
Reads that need not be made: what a glance at a binding in force is content with.

- `Kept`: as it was read before, for so many seconds.
- `Unchanged`: as it was read before, as long as its ETag is the same.
- `Listed`: out of a list, where so many ask for one item each that the list is less to read.

Nothing is ever written on a glance: whatever it finds is looked at again, afresh, before anything is done or told.
"""

from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from funcgate.azure.http import Flights


class WithEtag(Protocol):
    """A document and the version that it was read in."""

    @property
    def etag(self) -> str | None:
        """Quoted as the service sent it."""


T = TypeVar("T")
E = TypeVar("E", bound=WithEtag)

glancing: ContextVar[bool] = ContextVar("glancing", default=False)
"""Whether the pass that this task belongs to is only a glance."""

this_pass: ContextVar[object | None] = ContextVar("this_pass", default=None)
"""What stands for the pass that this task belongs to; None outside of one."""

MINUTE = 60.0
HALF_AN_HOUR = 1800.0
HOUR = 3600.0
DAY = 86400.0


@dataclass(frozen=True, slots=True)
class _Read(Generic[T]):
    """What was read, until when it may be taken for it, and by which pass."""

    value: T
    until: float
    by: object | None


class Kept(Generic[T]):
    """
    What reads of one kind gave, by name, for so many seconds; calls for the same at the same time share one.

    Only a glance takes what was kept. Every other look reads, and what it read is kept in place of what was.
    """

    def __init__(
        self, now: Callable[[], float], seconds: float, *, each: float | None = None, once_a_pass: bool = False
    ) -> None:
        """
        `each`: where there are few names they are kept for less, each for so many seconds times their number. Then no
        more than one read is made in so many seconds, and many names cost no more than few. `once_a_pass`: every look
        takes what it has read itself; whoever writes has to `forget`.
        """
        self._now = now
        self._seconds = seconds
        self._each = each
        self._once_a_pass = once_a_pass
        self._flights: Flights[T] = Flights()
        self._kept: dict[str, _Read[T]] = {}
        self._swept = 0.0

    async def of(self, name: str, read: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """What the read under this name gives, or gave."""
        kept = self._fresh(name)
        return kept.value if kept else await self.anew(name, read)

    def known(self, name: str) -> T | None:
        """What was kept under this name; None when nothing is, or when this is no glance."""
        kept = self._fresh(name)
        return kept.value if kept else None

    async def anew(self, name: str, read: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """What the read under this name gives."""
        return await self._flights.of(f"{name} {glancing.get()}", lambda: self._read(name.lower(), read))

    async def _read(self, key: str, read: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Reads, and keeps it before anybody can ask for it again."""
        value = await read()
        known = len(self._kept.keys() | {key})
        seconds = self._seconds if self._each is None else min(self._seconds, self._each * known)
        self._kept[key] = _Read(value, self._now() + seconds, this_pass.get())
        self._sweep()
        return value

    def forget(self, name: str) -> None:
        """Nothing is kept under this name."""
        self._kept.pop(name.lower(), None)

    def _fresh(self, name: str) -> _Read[T] | None:
        kept = self._kept.get(name.lower())
        if kept is None or kept.until <= self._now():
            return None
        own = self._once_a_pass and kept.by is not None and kept.by is this_pass.get()
        return kept if own or glancing.get() else None

    def _sweep(self) -> None:
        """Now and then, so that what nobody asks for any more does not stay for ever."""
        now = self._now()
        if now - self._swept > self._seconds:
            self._swept = now
            self._kept = {key: each for key, each in self._kept.items() if each.until > now}


class Unchanged(Generic[E]):
    """
    What reads of one kind gave, by name, with the ETag.

    A glance asks for that alone, and reads again when it is another one.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._kept: Kept[E | None] = Kept(now, DAY)

    async def of(
        self, name: str, read: Callable[[], Coroutine[Any, Any, E | None]], etag: Callable[[], Awaitable[str | None]]
    ) -> E | None:
        """What the read under this name gives, or gave. `etag` gives the one of now; None when nothing is there."""
        known = self._kept.known(name)
        if known and known.etag and await etag() == known.etag:
            return known
        found = await self._kept.anew(name, read)
        if found is None:  # most operations have no policy, and there are very many of them
            self._kept.forget(name)
        return found


@dataclass
class _Asked:
    """Which items of one list were asked for lately, one by one."""

    since: float
    names: set[str] = field(default_factory=set)
    before: int = 0  # as many in the time before
    pages: int = 1  # that the list had when it was read last


class Listed(Generic[T]):
    """
    Single items of a list: a glance takes them out of it where that is less to read, otherwise one by one.

    It is when more items were asked for, in the time that a list is kept, than it has pages.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._lists: Kept[tuple[Mapping[str, T], int]] = Kept(now, MINUTE)
        self._asked: dict[str, _Asked] = {}

    async def of(
        self,
        of: str,
        name: str,
        one: Callable[[], Awaitable[T | None]],
        all_: Callable[[], Coroutine[Any, Any, tuple[Mapping[str, T], int]]],
    ) -> T | None:
        """
        The item of this name in the list `of`; None when there is none.

        `one` reads it alone, `all_` the whole list: the items by name in lower case, and the number of its pages.
        """
        asked = self._note(of.lower(), name.lower())
        if not glancing.get() or max(asked.before, len(asked.names)) <= asked.pages:
            return await one()
        items, asked.pages = await self._lists.of(of, all_)
        return items.get(name.lower())

    def _note(self, key: str, name: str) -> _Asked:
        now = self._now()
        asked = self._asked.setdefault(key, _Asked(since=now))
        if (gone := now - asked.since) > MINUTE:
            asked.since, asked.before = now, len(asked.names) if gone < 2 * MINUTE else 0
            asked.names = set()
        asked.names.add(name)
        return asked
