"""
"The next PUT answers 429", said in one line of a test.

    world.faults.add(method="PUT", path="*/policies/policy", status=429, headers={"Retry-After": "7"})
    world.faults.add(path="*/backends/*", status=503, after=True)   # it was done, but the answer is lost
    world.faults.add(method="GET", path="/v1.0/*", reset=True)      # the connection breaks
    world.faults.add(path="*/listkeys", status=502, body="<html>…")  # a string is sent as HTML

`path` and `host` are patterns with `*`, without case; `skip` calls pass first; `times` calls are hit; `hits` counts
them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from azuresim.wire import HttpAnswer, HttpCall


class ConnectionBrokenError(Exception):
    """The server drops the connection without an answer."""


@dataclass(kw_only=True)
class Fault:
    method: str = "*"
    path: str = "*"
    host: str = "*"
    status: int = 500
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | str | None = None
    times: int = 1
    skip: int = 0
    after: bool = False
    reset: bool = False
    hits: int = 0

    def matches(self, call: HttpCall) -> bool:
        return (
            fnmatchcase(call.method, self.method.upper())
            and fnmatchcase(call.path.lower(), self.path.lower())
            and fnmatchcase(call.host, self.host.lower())
        )

    def answer(self) -> HttpAnswer:
        if self.reset:
            raise ConnectionBrokenError
        if isinstance(self.body, str):
            return HttpAnswer.text(self.status, self.body, "text/html").plus(self.headers)
        error = {"error": {"code": "InjectedFault", "message": f"A test asked for this answer of {self.status}."}}
        return HttpAnswer.json(self.status, error if self.body is None else self.body, self.headers)


class Faults:
    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(
        self,
        *,
        method: str = "*",
        path: str = "*",
        host: str = "*",
        status: int = 500,
        headers: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | str | None = None,
        times: int = 1,
        skip: int = 0,
        after: bool = False,
        reset: bool = False,
    ) -> Fault:
        """The fault waits for the next `times` matching calls; with `after` the work is done before the answer is
        lost."""
        fault = Fault(
            method=method, path=path, host=host, status=status, headers=headers or {}, body=body,
            times=times, skip=skip, after=after, reset=reset,
        )  # fmt: skip
        self._faults.append(fault)
        return fault

    def clear(self) -> None:
        self._faults.clear()

    def take(self, call: HttpCall, *, after: bool) -> HttpAnswer | None:
        """The answer of the first fault that waits for such a call, spent by one."""
        for fault in self._faults:
            if fault.after is after and fault.times > 0 and fault.matches(call):
                if fault.skip > 0:
                    fault.skip -= 1
                    continue
                fault.times -= 1
                fault.hits += 1
                return fault.answer()
        return None
