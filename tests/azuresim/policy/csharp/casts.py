"""Conversions between static types: what changes in a value, and what the compiler says when there is none."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from azuresim.policy.csharp import operators
from azuresim.policy.csharp.errors import EvaluationError, ExpressionError, NotRun, NotSimulated
from azuresim.policy.csharp.json_values import from_json, to_json
from azuresim.policy.csharp.types import (
    BYTE,
    CHAR,
    DECIMAL,
    DOUBLE,
    INT,
    JTOKEN,
    LONG,
    NULL,
    OBJECT,
    VOID,
    T,
    casts,
    cost,
    is_enum,
    is_json,
    is_value,
)
from azuresim.policy.csharp.values import Byte, Char, Enum, text_of, unboxed


def same(value: Any) -> Any:
    return value


def cannot_convert(source: T, target: T) -> str:
    if source == NULL:
        return f"Cannot convert null to '{target}' because it is a non-nullable value type"
    message = f"Cannot implicitly convert type '{source}' to '{target}'"
    if casts(source, target):
        message += ". An explicit conversion exists (are you missing a cast?)"
    return message


def implicit(source: T, target: T) -> Callable[[Any], Any] | None:
    """What changes in the value; None when nothing does."""
    source = source.args[0] if source.name == "?" else source
    target = target.args[0] if target.name == "?" else target
    if target in (LONG, DOUBLE, DECIMAL, INT) and source != target and source != NULL:
        change = number_to(target)
        return lambda value: None if value is None else change(value)
    if target == JTOKEN and not is_json(source) and source != NULL:
        return to_json
    return None


def number_to(target: T) -> Callable[[Any], Any]:
    if target in (INT, LONG):
        return lambda value: operators.wrapped(whole(value, target), target)
    return lambda value: operators.promoted(value, target)


RANGES = {INT: (-(2**31), 2**31 - 1), LONG: (-(2**63), 2**63 - 1), CHAR: (0, 0xFFFF), BYTE: (0, 0xFF)}


def whole(value: Any, target: T) -> int:
    """The whole number in it, which may still have to be cut to the target's bits."""
    if isinstance(value, Char):
        return ord(value)
    least, most = RANGES[target]
    if isinstance(value, float) and not least - 1 < value < most + 1:
        raise NotRun(f"the cast of {value!r} to '{target}' differs between versions of .NET and is not simulated")
    if isinstance(value, Decimal) and not least <= int(value) <= most:
        raise EvaluationError(f"Value was either too large or too small for {NAMES[target]}.")
    return int(value)


NAMES = {INT: "an Int32", LONG: "an Int64", CHAR: "a character", BYTE: "an unsigned byte"}


def refuse_constant(value: Any, target: T) -> None:
    """ExpressionError for a constant that the target cannot hold: the compiler checks these."""
    if target not in RANGES or (isinstance(value, bool | str) and not isinstance(value, Char)):
        return
    number = ord(value) if isinstance(value, Char) else value
    least, most = RANGES[target]
    if not least - 1 < number < most + 1:
        raise ExpressionError(
            f"Constant value '{text_of(value)}' cannot be converted to a '{target}' (use 'unchecked' syntax to"
            " override)"
        )


def explicit(source: T, target: T) -> Callable[[Any], Any]:
    """What `(target)value` does to a value of that static type."""
    if is_json(source) and not is_json(target) and target not in (OBJECT,):
        return lambda value: from_json(value, target)
    if source == OBJECT or not (is_value(source) or target == JTOKEN):
        return lambda value: unboxed(value, target)
    if source.name == "?" and target.name != "?":
        inner = explicit(source.args[0], target) if source.args[0] != target else same
        return lambda value: inner(present(value))
    plain = target.args[0] if target.name == "?" else target
    if plain in (INT, LONG, DOUBLE, DECIMAL):
        change = number_to(plain)
        return lambda value: None if value is None else change(value.number if isinstance(value, Enum) else value)
    if plain == CHAR:
        return lambda value: Char(chr(whole(value, CHAR) & 0xFFFF))
    if plain == BYTE:
        return lambda value: Byte(whole(value, BYTE) & 0xFF)
    if is_enum(plain) and source != plain:
        raise NotSimulated(f"a cast to '{plain}' is not simulated")
    return implicit(source, target) or same


def present(value: Any) -> Any:
    if value is None:
        raise EvaluationError("Nullable object must have a value.")
    return value


def reference_casts(source: T, target: T) -> bool:
    return casts(source, target) and not (is_json(source) and not is_json(target) and target != OBJECT)


def common_type(types: list[T]) -> T | None:
    """The one among them that all others convert to."""
    for kind in dict.fromkeys(types):
        if kind not in (NULL, VOID) and all(cost(other, kind) is not None for other in types):
            return kind
    return None
