"""
Members of types, written as C# declares them.

`"bool StartsWith(string value)"` is a method, `"int Length"` a property, `"char this[int index]"` an indexer,
`"new(string text)"` a constructor; `static` and `ext` (an extension, so null is a value) may stand in front.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from azuresim.policy.csharp.parser import Parser
from azuresim.policy.csharp.syntax import Literal, TypeName
from azuresim.policy.csharp.types import T, array, nullable


class Live:
    """A member that needs the running expression: the context, the clock, the budget of steps."""

    def __init__(self, work: Callable[..., Any]) -> None:
        self.work = work


class Typed(Live):
    """A member that also needs what its type parameters stand for."""


@dataclass(frozen=True)
class Parameter:
    type: T
    name: str
    default: Literal | None = None
    out: bool = False
    rest: bool = False


@dataclass(frozen=True)
class Signature:
    name: str
    returns: T
    parameters: tuple[Parameter, ...] | None  # None for a property
    generics: tuple[str, ...]
    static: bool
    extension: bool
    work: Any


@dataclass
class TypeInfo:
    """What is simulated of a type; `others` are members that exist and are not simulated, a star for further forms."""

    name: str
    space: str
    generics: tuple[str, ...] = ()
    members: dict[str, list[Signature]] = field(default_factory=dict)
    others: frozenset[str] = frozenset()


TYPES: dict[str, TypeInfo] = {}


def declare(name: str, space: str, members: Mapping[str, Any], generics: str = "", others: str = "") -> None:
    """The type is known, with these members."""
    info = TYPES.setdefault(name, TypeInfo(name, space, tuple(generics.split())))
    for text, work in members.items():
        signature = signature_of(text, work)
        info.members.setdefault(signature.name, []).append(signature)
    info.others |= frozenset(others.split())


def signature_of(text: str, work: Any) -> Signature:
    parser = Parser(text)
    static = bool(parser.accept("static"))
    extension = bool(parser.accept("ext"))
    if parser.accept("new"):
        parser.expect("(")
        return Signature("new", T("void"), parameters_of(parser, ")"), (), True, False, work)
    returns = type_of(parser.type())
    name = parser.identifier()
    if name == "this":
        parser.expect("[")
        return Signature("this", returns, parameters_of(parser, "]"), (), static, extension, work)
    generics = tuple(one.name for one in parser.generic()) if parser.accept("<") else ()
    parameters = parameters_of(parser, ")") if parser.accept("(") else None
    return Signature(name, returns, parameters, generics, static, extension, work)


def parameters_of(parser: Parser, end: str) -> tuple[Parameter, ...]:
    found: list[Parameter] = []
    while not parser.accept(end):
        out, rest = bool(parser.accept("out")), bool(parser.accept("params"))
        kind = type_of(parser.type())
        name = parser.identifier()
        default = parser.ternary() if parser.accept("=") else None
        found.append(Parameter(kind, name, default if isinstance(default, Literal) else None, out, rest))
        parser.accept(",")
    return tuple(found)


def type_of(name: TypeName) -> T:
    found = T(name.name, tuple(type_of(one) for one in name.args))
    if name.nullable:
        found = nullable(found)
    for _ in range(name.ranks):
        found = array(found)
    return found
