"""
What was written, by whom, and what stood there before: every change of the world's state, whoever made it.

    world.journal.writes                                   # all of them, oldest first
    world.journal.of(service="arm", id="*/backends/*")     # those that match; `*` is a wildcard, case does not count
    world.journal.by(client_id)                            # those of one caller; "" is whoever changed it by hand
    with acting("client id"): ...                          # what is written here was that caller's doing
    world.journal.requests                                 # what Resource Manager was asked to do, whatever came of it

A write is kept only when it changed something. States are what a GET shows; a secret that changed shows as "***". The
requests are what Azure's Activity Log tells of (activity_log.py).
"""

from __future__ import annotations

import json
from collections import deque
from contextvars import ContextVar
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from azuresim.clock import Clock
from azuresim.wire import compact, exact

if TYPE_CHECKING:
    from azuresim.entra.tokens import Caller

BY_HAND = ""
SECRET = "***"
NOTHING = b"null"
_actor: ContextVar[str] = ContextVar("actor", default=BY_HAND)


class acting:  # noqa: N801  # read as a word: `with acting(who):`
    """Writes inside are this caller's."""

    __slots__ = ("_token", "_who")

    def __init__(self, who: str) -> None:
        self._who = who

    def __enter__(self) -> None:
        self._token = _actor.set(self._who)

    def __exit__(self, *_: object) -> None:
        _actor.reset(self._token)


def actor() -> str:
    """Who acts now: a client id, or "" outside of any call."""
    return _actor.get()


@dataclass(kw_only=True, slots=True)
class Write:
    """One change. `before` is None for what is new, `after` for what is gone; `at` is the world's time."""

    at: float
    who: str
    service: str
    id: str
    stood: bytes = field(repr=False)
    stands: bytes = field(repr=False)

    @property
    def before(self) -> Any:
        return json.loads(self.stood)

    @property
    def after(self) -> Any:
        return json.loads(self.stands)

    @property
    def kind(self) -> str:
        return "create" if self.stood == NOTHING else "delete" if self.stands == NOTHING else "update"


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """A step of a PUT, PATCH, POST or DELETE of Resource Manager: Started, Accepted, Succeeded or Failed."""

    at: float
    caller: Caller
    method: str
    action: str
    id: str
    status: int
    outcome: str
    operation_id: str
    correlation_id: str


class Journal:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.writes: deque[Write] = deque()
        self.requests: deque[Request] = deque()
        self.watched = True
        self._left: dict[str, bytes] = {}

    def keep(self, most: int) -> None:
        """From now on only the newest ones are kept."""
        self.writes = deque(self.writes, maxlen=most)
        self.requests = deque(self.requests, maxlen=most)

    def ask(self, request: Request) -> None:
        """That was asked for."""
        if self.watched:
            self.requests.append(request)

    def record(self, service: str, resource_id: str, before: Any, after: Any) -> None:
        """The state of this thing was `before` and is `after` now; nothing is kept when they are equal."""
        if not self.watched or before == after:
            return
        stood, stands = compact(before), exact(compact(after))
        left = self._left.get(resource_id)
        self._left[resource_id] = stands
        self.writes.append(
            Write(
                at=self._clock.timestamp(),
                who=actor(),
                service=service,
                id=resource_id,
                stood=left if left == stood else exact(stood),
                stands=stands,
            )
        )

    def of(self, *, service: str = "*", id: str = "*", who: str = "*", kind: str = "*") -> list[Write]:  # noqa: A002  # the word that ARM and Graph use
        return [
            write
            for write in self.writes
            if fnmatchcase(write.id.lower(), id.lower())
            and fnmatchcase(write.service, service)
            and fnmatchcase(write.who, who)
            and fnmatchcase(write.kind, kind)
        ]

    def by(self, who: str) -> list[Write]:
        return [write for write in self.writes if write.who == who]

    def clear(self) -> None:
        self.writes.clear()
        self.requests.clear()
