"""Which members a type has under a name, whether arguments fit an overload, and how one is run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from azuresim.policy.csharp import syntax
from azuresim.policy.csharp.bound import Bound, Local, Work
from azuresim.policy.csharp.errors import ExpressionError, NotRun, NotSimulated
from azuresim.policy.csharp.frame import Frame
from azuresim.policy.csharp.members.refused import REFUSED_MEMBERS
from azuresim.policy.csharp.signatures import TYPES, Live, Parameter, Signature, Typed
from azuresim.policy.csharp.types import ENUM_VALUES, ENUMS, NULL, OBJECT, STRING, VOID, T, parents
from azuresim.policy.csharp.values import Enum, NullReference, bounded

Types = dict[str, T]


@dataclass
class Match:
    """An overload that takes the arguments, its parameters in order."""

    signature: Signature
    types: Types
    values: list[Callable[[Frame], Any]] = field(default_factory=list)
    outs: list[Local] = field(default_factory=list)
    distance: int = 0


Given = tuple[syntax.Argument, Bound | None]  # no value for lambdas and `out`


def overloads(of: T, name: str) -> list[tuple[Signature, Types]]:
    found = []
    for one in (of, *parents(of), OBJECT):
        for key in (str(one), one.name) if one.args else (one.name,):
            info = TYPES.get(key)
            if info is not None:
                types = dict(zip(info.generics, one.args, strict=False))
                found += [(signature, types) for signature in info.members.get(name, ())]
    return found


def others(of: T) -> set[str]:
    return {name for one in (of, *parents(of), OBJECT) if one.name in TYPES for name in TYPES[one.name].others}


def missing(of: T, name: str, static: bool) -> ExpressionError:
    """Why there is no such member."""
    for one in (of, *parents(of)):
        if name in REFUSED_MEMBERS.get(one.name, ()):
            shown = f"{TYPES[one.name].space}.{one.name}"
            return ExpressionError(f"Usage of member '{name}' of type '{shown}' is not supported within expressions")
    if {name, name + "*"} & others(of):
        return NotSimulated(f"'{of}.{name}' is not simulated")
    if static:
        return ExpressionError(f"'{of}' does not contain a definition for '{name}'")
    return ExpressionError(
        f"'{of}' does not contain a definition for '{name}' and no extension method '{name}' accepting a first argument"
        f" of type '{of}' could be found (are you missing a using directive or an assembly reference?)"
    )


def substituted(of: T, types: Types) -> T:
    if of.name in types and not of.args:
        return types[of.name]
    return T(of.name, tuple(substituted(one, types) for one in of.args)) if of.args else of


def unify(pattern: T, actual: T, generics: Sequence[str], types: Types) -> None:
    """What the type parameters must be for the argument to fit."""
    if pattern.name in generics and not pattern.args:
        if pattern.name not in types and actual not in (NULL, VOID):
            types[pattern.name] = actual
        return
    for one in (actual, *parents(actual)):
        if one.name == pattern.name and len(one.args) == len(pattern.args):
            for inner, given in zip(pattern.args, one.args, strict=True):
                unify(inner, given, generics, types)
            return


def enum_member(kind: T, name: str) -> Bound:
    names = ENUMS[kind.name]
    if name in REFUSED_MEMBERS.get(kind.name, ()) or name not in names:
        raise missing(kind, name, static=True)
    numbers = ENUM_VALUES.get(kind.name, range(len(names)))
    value = Enum(kind, name, numbers[names.index(name)])
    return Bound(kind, lambda _: value)


def placed_arguments(signature: Signature, given: list[Given]) -> list[tuple[Parameter, list[Given]]] | None:
    """Which arguments go to which parameter; None when they cannot."""
    parameters = signature.parameters or ()
    placed: list[tuple[Parameter, list[Given]]] = [(one, []) for one in parameters]
    names = [one.name for one in parameters]
    for position, argument in enumerate(given):
        name = argument[0].name
        if name and name not in names:
            raise ExpressionError(f"The best overload for '{signature.name}' does not have a parameter named '{name}'")
        at = names.index(name) if name else min(position, len(parameters) - 1)
        if at < 0 or (placed[at][1] and not parameters[at].rest):
            return None
        placed[at][1].append(argument)
    for parameter, arguments in placed:
        if not arguments and parameter.default is None and not parameter.rest:
            return None
    return placed


def closure(frame: Frame, slots: Sequence[int], work: Work, captured: Sequence[int]) -> Callable[..., Any]:
    """
    The lambda as a value.

    C# would read outer variables as they are whenever it runs; here they must still be what they were.
    """
    before = [frame.locals.get(slot) for slot in captured]

    def function(*values: Any) -> Any:
        frame.step()
        if any(frame.locals.get(slot) is not value for slot, value in zip(captured, before, strict=True)):
            raise NotRun("a lambda that runs after the variables around it have changed is not simulated")
        frame.locals.update(zip(slots, values, strict=True))
        return work(frame)

    return function


def invoked(match: Match, of: Bound | None) -> Bound:
    """The call of the overload on a value, or of a static one."""
    signature, outs = match.signature, match.outs
    returns = substituted(signature.returns, match.types)

    def run(frame: Frame) -> Any:
        first: list[Any] = []
        if of is not None:
            target = of.run(frame)
            if target is None and not signature.extension:
                raise NullReference
            first = [target]
        arguments = [value(frame) for value in match.values]
        frame.step()
        result = worked(match, frame, [*first, *arguments])
        if outs:
            result, *given = result
            for local, one in zip(outs, given, strict=True):
                frame.locals[local.slot] = one
        return bounded(result) if isinstance(result, str) and returns == STRING else result

    return Bound(returns, run)


def worked(match: Match, frame: Frame, arguments: Sequence[Any]) -> Any:
    work = match.signature.work
    if isinstance(work, Typed):
        return work.work(frame, match.types, *arguments)
    return work.work(frame, *arguments) if isinstance(work, Live) else work(*arguments)
