"""What the binder makes of a node, and which variables surely have a value at a point."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from azuresim.policy.csharp import syntax
from azuresim.policy.csharp.frame import Frame
from azuresim.policy.csharp.types import T

Work = Callable[[Frame], Any]
Assigned = frozenset[int] | None
"""The slots that have a value here; None where no path leads, so that nothing can be missing."""


def meet(one: Assigned, other: Assigned) -> Assigned:
    """What is assigned where two paths come together."""
    if one is None or other is None:
        return other if one is None else one
    return one & other


def also(assigned: Assigned, slot: int) -> Assigned:
    return None if assigned is None else assigned | {slot}


@dataclass(frozen=True)
class Bound:
    """
    An expression with its static type. `constant` is its node when it is a literal.

    `when` is of a condition: what is assigned when it holds and when it does not, if that differs.
    """

    type: T
    run: Work
    constant: syntax.Literal | None = None
    when: tuple[Assigned, Assigned] | None = None


@dataclass(frozen=True)
class Local:
    """A variable; `fixed` says what nothing can be assigned to it as."""

    type: T
    slot: int
    fixed: str = ""
