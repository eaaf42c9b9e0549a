"""What describes a policy statement: attributes and their types, children, where it may stand. Data types only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

SECTIONS = ("inbound", "backend", "outbound", "on-error")
EVERYWHERE = frozenset(SECTIONS)
INBOUND = frozenset({"inbound"})
OUTBOUND = frozenset({"outbound"})
SCOPES = frozenset({"global", "product", "api", "operation", "fragment"})
BOOLEAN = ("true", "false", "0", "1")


@dataclass(frozen=True, kw_only=True)
class Shape:
    """
    What an element may hold.

    `statements`: other statements may stand inside it; `free`: anything may. `types` are XSD's names of what a literal
    attribute must be (`int`, `positiveInteger`, …), `literal` the attributes in which no expression may stand.
    """

    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    types: Mapping[str, str] = field(default_factory=dict)
    literal: tuple[str, ...] = ()
    children: Mapping[str, Shape] = field(default_factory=dict)
    needed_children: tuple[str, ...] = ()
    single_children: tuple[str, ...] = ()
    ordered: bool = False
    text: bool = False
    statements: bool = False
    free: bool = False

    @property
    def attributes(self) -> frozenset[str]:
        return frozenset((*self.required, *self.optional))


@dataclass(frozen=True, kw_only=True)
class Statement:
    """One statement: its shape, the sections and scopes that take it, whether a document may hold it only once."""

    shape: Shape
    sections: frozenset[str] = EVERYWHERE
    scopes: frozenset[str] = SCOPES
    once: bool = False


TEXT = Shape(text=True)
EMPTY = Shape()
ID = ("id",)


def many(name: str, of: Shape = TEXT, needed: bool = True) -> Shape:
    """An element that holds any number of one kind of child."""
    return Shape(children={name: of}, needed_children=(name,) if needed else ())


def booleans(*names: str) -> Mapping[str, tuple[str, ...]]:
    return dict.fromkeys(names, BOOLEAN)


def types(kind: str, *names: str) -> Mapping[str, str]:
    return dict.fromkeys(names, kind)
