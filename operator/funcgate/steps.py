"""
What is under way: a pass, a part of it, one look, one write. Whoever does it says so; whoever likes follows.

    with doing("apply backend", key="backends/orders") as step:
        await …                # calls to Azure belong to the step that they are made in
    step.wrote                 # what Azure calls the writes among them

Steps lie within each other as tasks do: what a task starts belongs to the step that it is in.
"""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Final, Protocol


@dataclass(kw_only=True)
class Step:
    """Something under way, and what is to be told of it; `failed` is the reason why it did not succeed, in one word."""

    name: str  # one of a few: never that of a binding
    about: dict[str, Any] = field(default_factory=dict)
    failed: str = ""
    wrote: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Called:
    """One try of a call, as far as it may be told: nothing of its query, its headers or its body."""

    service: str
    method: str
    kind: str
    address: str
    status: int  # 0 when no answer came
    seconds: float
    tries_before: int = 0
    correlation_id: str = ""  # empty where the service names none
    failed: str = ""  # the reason, as in a condition
    code: str = ""  # the service's own word for it
    after_seconds: float | None = None  # it asked to be left alone for so long
    wrote: bool = False  # it changed something, or may have


class Follower(Protocol):
    """Hears of every step and call; never raises."""

    def during(self, step: Step) -> AbstractContextManager[object]:
        """Entered when the step begins, left when it is over."""

    def called(self, call: Called) -> None:
        """A call was made, in the step that is under way here."""

    def here(self) -> Mapping[str, str]:
        """What a line of the log carries so that the step is found by it."""


class Nobody:
    """Follows nothing."""

    def during(self, step: Step) -> AbstractContextManager[object]:
        """Nothing comes of it."""
        return nullcontext()

    def called(self, call: Called) -> None:
        """Nothing comes of it."""

    def here(self) -> Mapping[str, str]:
        """No trace."""
        return {}


NOBODY: Final = Nobody()
following: ContextVar[Follower] = ContextVar("following", default=NOBODY)
"""Who follows what this task does."""

_under_way: ContextVar[Step | None] = ContextVar("under_way", default=None)


@contextmanager
def doing(name: str, **about: Any) -> Iterator[Step]:
    """A step of this name is under way during the `with`; it has failed when that ends with an error."""
    step = Step(name=name, about=about)
    token = _under_way.set(step)
    try:
        with following.get().during(step):
            try:
                yield step
            except BaseException as error:
                step.failed = step.failed or getattr(error, "reason", "") or type(error).__name__
                raise
    finally:
        _under_way.reset(token)


def called(call: Called) -> None:
    """Tells the step under way, and whoever follows, of a call that was made."""
    if call.wrote and not call.failed:
        wrote(call.correlation_id)
    following.get().called(call)


def wrote(correlation_id: str) -> None:
    """The step under way has changed something; empty where the service has no word for it."""
    if step := _under_way.get():
        step.wrote.append(correlation_id)
