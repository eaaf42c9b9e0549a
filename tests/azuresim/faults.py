"""
Trouble, said in one line of a test.

    world.faults.add(method="PUT", path="*/policies/policy", status=429, headers={"Retry-After": "7"})
    world.faults.add(method="PUT", path="*/policies/policy", nth=3, status=412)   # the third one only
    world.faults.add(path="*/backends/*", status=503, after=True)   # it was done, but the answer is lost
    world.faults.add(method="GET", path="/v1.0/*", reset=True)  # the connection breaks; with `after`: once it was done
    world.faults.add(path="*/listkeys", status=502, body="<html>…")  # a string is sent as HTML
    world.faults.add(path="*/apis", truncated=True)                 # the right answer, cut in the middle
    world.faults.add(path="*/apis/*", hang=True)                    # it is done, and never answered
    world.faults.add(path="*/apis/*", slow=2.5)                     # answered rightly, seconds late
    world.faults.at_random(seed=7, rate=0.05)                       # one call in twenty meets one of TROUBLES

`path` and `host` are patterns with `*`, without case; `service` is arm, graph, entra, gateway or site; `skip` calls
pass first (`nth=3` is `skip=2`); `times` calls are hit; `hits` counts them. Scripted faults come before random ones.
The same seed and the same calls meet the same trouble.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from azuresim.wire import HttpAnswer, HttpCall

PAGE_502 = (
    "<html><head><title>502 Bad Gateway</title></head><body><center><h1>502 Bad Gateway</h1></center></body></html>"
)
FOREVER = 1_000_000_000


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Which calls are meant."""

    method: str = "*"
    path: str = "*"
    host: str = "*"
    service: str = "*"

    def matches(self, call: HttpCall, service: str) -> bool:
        return (
            fnmatchcase(call.method, self.method.upper())
            and fnmatchcase(call.path.lower(), self.path.lower())
            and fnmatchcase(call.host, self.host.lower())
            and fnmatchcase(service, self.service)
        )


@dataclass(kw_only=True)
class Fault:
    """What a call meets instead of, or after, its answer."""

    asked: Asked = field(default_factory=Asked)
    status: int = 500
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | str | None = None
    times: int = 1
    skip: int = 0
    after: bool = False
    reset: bool = False
    truncated: bool = False
    hang: bool = False
    slow: float = 0.0
    hits: int = 0

    @property
    def keeps_the_answer(self) -> bool:
        """The work is done and its own answer is what trouble happens to."""
        return self.truncated or self.hang or self.slow > 0

    @property
    def replaces_the_work(self) -> bool:
        return not (self.after or self.keeps_the_answer)

    def answer(self) -> HttpAnswer:
        """The answer that the caller gets instead; a mapping is sent as JSON, a string as HTML."""
        if isinstance(self.body, str):
            return HttpAnswer.text(self.status, self.body, "text/html").plus(self.headers)
        error = {"error": {"code": "InjectedFault", "message": f"A test asked for this answer of {self.status}."}}
        return HttpAnswer.json(self.status, error if self.body is None else self.body, self.headers)


def refusal(status: int, code: str, message: str) -> dict[str, Any]:
    return {"status": status, "body": {"error": {"code": code, "message": message}}}


TROUBLES: Mapping[str, Mapping[str, Any]] = {
    "throttled": refusal(429, "TooManyRequests", "Too many requests.") | {"headers": {"Retry-After": "1"}},
    "conflict": refusal(409, "Conflict", "Another operation is in progress."),
    "changed": refusal(412, "PreconditionFailed", "Document was modified since last retrieval."),
    "management": refusal(422, "ManagementApiRequestFailed", "Management API request failed."),
    "broken": refusal(500, "InternalServerError", "Encountered internal server error."),
    "unavailable": refusal(503, "ServiceUnavailable", "The service is unavailable."),
    "page": {"status": 502, "body": PAGE_502},
    "reset": {"reset": True},
    "lost": {"reset": True, "after": True},
    "lost-503": refusal(503, "ServiceUnavailable", "The service is unavailable.") | {"after": True},
    "truncated": {"truncated": True},
}
"""What `at_random` draws from, by name."""


@dataclass(kw_only=True)
class Dice:
    """Random trouble: each call that is meant meets one of `kinds` with probability `rate`."""

    asked: Asked
    rate: float
    kinds: Sequence[str]
    source: random.Random
    hits: int = 0

    def thrown(self) -> Fault | None:
        if self.source.random() >= self.rate:
            return None
        self.hits += 1
        return Fault(**TROUBLES[self.source.choice(self.kinds)])


class Faults:
    def __init__(self) -> None:
        self._scripted: list[Fault] = []
        self._dice: list[Dice] = []

    def add(
        self,
        *,
        method: str = "*",
        path: str = "*",
        host: str = "*",
        service: str = "*",
        nth: int | None = None,
        skip: int = 0,
        **what: Any,
    ) -> Fault:
        """The fault waits for the next `times` matching calls. `what` are the fields of Fault."""
        asked = Asked(method=method, path=path, host=host, service=service)
        fault = Fault(asked=asked, skip=skip if nth is None else nth - 1, **what)
        self._scripted.append(fault)
        return fault

    def at_random(
        self, seed: int, *, rate: float, kinds: Sequence[str] = tuple(TROUBLES), method: str = "*", path: str = "*",
        host: str = "*", service: str = "*",
    ) -> Dice:  # fmt: skip
        """From now on such calls meet trouble now and then. KeyError for a kind that is not in TROUBLES."""
        for kind in kinds:
            TROUBLES[kind]
        asked = Asked(method=method, path=path, host=host, service=service)
        dice = Dice(asked=asked, rate=rate, kinds=list(kinds), source=random.Random(seed))
        self._dice.append(dice)
        return dice

    def clear(self) -> None:
        self._scripted.clear()
        self._dice.clear()

    def take(self, call: HttpCall, service: str) -> Fault | None:
        """What this call meets, spent by one; None when it goes well."""
        if not self._scripted and not self._dice:
            return None
        for fault in self._scripted:
            if fault.times > 0 and fault.asked.matches(call, service):
                if fault.skip > 0:
                    fault.skip -= 1
                    continue
                fault.times -= 1
                fault.hits += 1
                return fault
        thrown = (dice.thrown() for dice in self._dice if dice.asked.matches(call, service))
        return next((fault for fault in thrown if fault is not None), None)


class Delays:
    """Latency per kind of call: `world.delays.add(0.3, method="PUT", path="*/policies/*")`; later ones win."""

    def __init__(self) -> None:
        self._all: list[tuple[Asked, float]] = []

    def add(self, seconds: float, *, method: str = "*", path: str = "*", host: str = "*", service: str = "*") -> None:
        self._all.append((Asked(method=method, path=path, host=host, service=service), seconds))

    def clear(self) -> None:
        self._all.clear()

    def of(self, call: HttpCall, service: str, otherwise: float) -> float:
        """Seconds that this call takes; `otherwise` when nothing was said about its kind."""
        if not self._all:
            return otherwise
        return next((seconds for asked, seconds in reversed(self._all) if asked.matches(call, service)), otherwise)
