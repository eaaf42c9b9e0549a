"""Somebody who follows what is under way, and remembers it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from funcgate.steps import Called, Step, following

_inside: ContextVar[tuple[str, ...]] = ContextVar("inside", default=())


@dataclass
class Followed:
    """The steps that are over, each under the names that lead to it, and the calls that were made."""

    steps: dict[str, list[Step]] = field(default_factory=dict)
    calls: list[Called] = field(default_factory=list)

    @contextmanager
    def during(self, step: Step) -> Iterator[None]:
        token = _inside.set((*_inside.get(), step.name))
        try:
            yield
        finally:
            self.steps.setdefault(" / ".join(_inside.get()), []).append(step)
            _inside.reset(token)

    def called(self, call: Called) -> None:
        self.calls.append(call)

    def here(self) -> Mapping[str, str]:
        return {"trace_id": " / ".join(_inside.get())} if _inside.get() else {}

    def step(self, path: str) -> Step:
        """The only one that these names lead to."""
        (only,) = self.steps[path]
        return only


@contextmanager
def followed() -> Iterator[Followed]:
    """Whatever happens during the `with` is followed."""
    follower = Followed()
    token = following.set(follower)
    try:
        yield follower
    finally:
        following.reset(token)
