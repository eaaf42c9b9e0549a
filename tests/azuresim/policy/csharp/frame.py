"""The running expression: its context, its variables, and how much it may still do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any

from azuresim.policy.csharp.errors import EvaluationError, NotRun
from azuresim.policy.csharp.types import T
from azuresim.policy.csharp.values import Array, Byte, Char, Dictionary, Pair

MOST_STEPS = 200_000


class Frame:
    def __init__(self, context: Any) -> None:
        self.context, self.steps = context, 0
        self.locals: dict[int, Any] = {}

    def step(self, count: int = 1) -> None:
        self.steps += count
        if self.steps > MOST_STEPS:
            raise NotRun(f"an expression of more than {MOST_STEPS} steps is not simulated")

    def fact(self, name: str) -> Any:
        """A part of the context. Whoever gives less than the whole protocol is told what is missing."""
        try:
            return getattr(self.context, name)
        except AttributeError as error:
            raise NotRun(f"the context of this expression has no '{name}'") from error

    def now(self) -> datetime:
        present: datetime = self.fact("now")()
        return present.replace(tzinfo=None)

    def items(self, value: Any) -> Iterator[Any]:
        """What foreach would get."""
        if value is None:
            raise EvaluationError("Value cannot be null. (Parameter 'source')")
        before = size(value)
        for one in elements(value):
            self.step()
            yield one
            if size(value) != before:
                raise EvaluationError("Collection was modified; enumeration operation may not execute.")


def size(value: Any) -> int:
    """How many items it holds itself, so that a change while they are enumerated is noticed."""
    return len(value) if isinstance(value, Array | Dictionary) else getattr(value, "size", 0)


class Query:
    """What a method of LINQ answers: it runs whenever somebody enumerates it, and not before."""

    def __init__(self, kind: T, work: Callable[[], Iterable[Any]]) -> None:
        self.type, self.elements = kind, work


def elements(value: Any) -> Iterable[Any]:
    if isinstance(value, str):
        return [Char(one) for one in value]
    if isinstance(value, bytes):
        return [Byte(one) for one in value]
    if isinstance(value, Dictionary):
        return [Pair(key, one) for key, one in value.items()]
    if isinstance(value, Array):
        return list(value)
    found: Iterable[Any] = value.elements()
    return found
