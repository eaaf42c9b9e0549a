"""Unary and binary operators: which types they take, and what they answer."""

from __future__ import annotations

import math
import operator as op
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from azuresim.policy.csharp.decimals import EXACT, fitted, from_double
from azuresim.policy.csharp.errors import EvaluationError, ExpressionError, NotRun, NotSimulated
from azuresim.policy.csharp.json_values import Json
from azuresim.policy.csharp.types import (
    BOOL,
    CHAR,
    DATETIME,
    DECIMAL,
    DOUBLE,
    INT,
    JPROPERTY,
    LONG,
    NULL,
    NUMERIC,
    OBJECT,
    STRING,
    TIMESPAN,
    T,
    cost,
    is_enum,
    is_value,
)
from azuresim.policy.csharp.values import Char, Long, bounded, text_of

Work = Callable[[Any, Any], Any]
OVERFLOW = "Arithmetic operation resulted in an overflow."
BITS = {INT: 32, LONG: 64}
COMPARE: dict[str, Work] = {"<": op.lt, ">": op.gt, "<=": op.le, ">=": op.ge}
INTEGRAL: dict[str, Work] = {"+": op.add, "-": op.sub, "*": op.mul, "&": op.and_, "|": op.or_, "^": op.xor}


def binary(operator: str, left: T, right: T) -> tuple[T, Work]:
    """The type of the result and how to get it from two values. Raises ExpressionError (CS0019) and NotSimulated."""
    found = (
        textual(operator, left, right)
        or logical(operator, left, right)
        or temporal(operator, left, right)
        or numeric(operator, left, right)
        or equality(operator, left, right)
    )
    if found is None:
        raise ExpressionError(f"Operator '{operator}' cannot be applied to operands of type '{left}' and '{right}'")
    return found


def textual(operator: str, left: T, right: T) -> tuple[T, Work] | None:
    if operator != "+" or STRING not in (left, right) or T("void") in (left, right):
        return None
    return STRING, lambda one, other: bounded(text_of(one) + text_of(other))


def logical(operator: str, left: T, right: T) -> tuple[T, Work] | None:
    if (left, right) != (BOOL, BOOL) or operator not in ("&", "|", "^"):
        return None
    return BOOL, INTEGRAL[operator]


def temporal(operator: str, left: T, right: T) -> tuple[T, Work] | None:
    if left == DATETIME and right == TIMESPAN and operator in ("+", "-"):
        return DATETIME, guarded(INTEGRAL[operator])
    if left == right and left in (DATETIME, TIMESPAN):
        if operator in COMPARE:
            return BOOL, COMPARE[operator]
        if operator == "-" or (operator == "+" and left == TIMESPAN):
            return TIMESPAN, guarded(INTEGRAL[operator])
    return None


def guarded(work: Work) -> Work:
    def run(one: datetime, other: timedelta) -> Any:
        try:
            return work(one, other)
        except OverflowError as error:
            raise EvaluationError("The added or subtracted value results in an un-representable DateTime.") from error

    return run


def numeric(operator: str, left: T, right: T) -> tuple[T, Work] | None:
    if "?" in (left.name, right.name):
        return lifted(operator, left, right)
    common = common_number(left, right)
    if common is None:
        return None
    if operator in COMPARE or operator in ("==", "!="):
        work = COMPARE.get(operator) or (op.eq if operator == "==" else op.ne)
        return BOOL, as_numbers(common, work)
    if operator in ("<<", ">>"):
        raise NotSimulated(f"the operator {operator} is not simulated")
    if common in (INT, LONG) and operator in (*INTEGRAL, "/", "%"):
        return common, as_numbers(common, integral(operator, common))
    if operator in ("+", "-", "*", "/", "%"):
        return common, as_numbers(common, decimals(operator) if common == DECIMAL else doubles(operator))
    return None


def lifted(operator: str, left: T, right: T) -> tuple[T, Work] | None:
    """An operator on T?: null where a side is null, false for comparisons."""
    one = left.args[0] if left.name == "?" else left
    other = right.args[0] if right.name == "?" else right
    if NULL in (one, other):
        return None
    kind, work = binary(operator, one, other)
    if operator in ("==", "!="):
        return BOOL, lambda a, b: (a is b) == (operator == "==") if a is None or b is None else work(a, b)
    if operator in COMPARE:
        return BOOL, lambda a, b: a is not None and b is not None and work(a, b)
    if kind == BOOL:
        raise NotSimulated("logic of three values is not simulated")
    return T("?", (kind,)), lambda a, b: None if a is None or b is None else work(a, b)


def common_number(left: T, right: T) -> T | None:
    """The type that both operands are promoted to."""
    numbers = {"char": INT, "byte": INT, "int": INT, "long": LONG, "double": DOUBLE, "decimal": DECIMAL}
    one, other = numbers.get(left.name), numbers.get(right.name)
    if one is None or other is None or {one, other} == {DOUBLE, DECIMAL}:
        return None
    return max(one, other, key=lambda kind: NUMERIC[kind.name])


def promoted(value: Any, kind: T) -> Any:
    plain: Any = ord(value) if isinstance(value, Char) else value
    if kind == DOUBLE:
        return float(plain)
    if kind == DECIMAL:
        return from_double(plain) if isinstance(plain, float) else Decimal(plain)
    return plain


def as_numbers(kind: T, work: Work) -> Work:
    return lambda one, other: work(promoted(one, kind), promoted(other, kind))


def integral(operator: str, kind: T) -> Work:
    if operator in ("/", "%"):
        return lambda one, other: wrapped(divided(operator, int(one), int(other), kind), kind)
    work = INTEGRAL[operator]
    return lambda one, other: wrapped(work(int(one), int(other)), kind)


def divided(operator: str, one: int, other: int, kind: T) -> int:
    """Towards zero, the remainder with the sign of the dividend. The processor refuses the smallest number by -1."""
    if other == 0:
        raise EvaluationError("Attempted to divide by zero.")
    if other == -1 and one == -(1 << (BITS[kind] - 1)):
        raise EvaluationError(OVERFLOW)
    quotient = abs(one) // abs(other) * (1 if (one < 0) == (other < 0) else -1)
    return quotient if operator == "/" else one - quotient * other


def wrapped(value: int, kind: T) -> int:
    """What is left of it in 32 or 64 bits: expressions are compiled unchecked."""
    bits = BITS[kind]
    cut = (value + (1 << (bits - 1))) % (1 << bits) - (1 << (bits - 1))
    return cut if kind == INT else Long(cut)


def doubles(operator: str) -> Work:
    def run(one: float, other: float) -> float:
        try:
            if operator == "/":
                return one / other
            return math.fmod(one, other) if operator == "%" else float(INTEGRAL[operator](one, other))
        except ZeroDivisionError:
            return math.nan if one == 0 or math.isnan(one) else math.copysign(math.inf, one) * math.copysign(1, other)
        except ValueError:
            return math.nan

    return run


def decimals(operator: str) -> Work:
    work = {"+": EXACT.add, "-": EXACT.subtract, "*": EXACT.multiply, "/": EXACT.divide, "%": EXACT.remainder}[operator]

    def run(one: Decimal, other: Decimal) -> Decimal:
        if other == 0 and operator in ("/", "%"):
            raise EvaluationError("Attempted to divide by zero.")
        return fitted(work(one, other))

    return run


def equality(operator: str, left: T, right: T) -> tuple[T, Work] | None:
    if operator not in ("==", "!="):
        return None
    equal = operator == "=="
    if NULL in (left, right):
        other = right if left == NULL else left
        if is_value(other) and other.name != "?":
            return None
        return BOOL, lambda a, b: (a is b) == equal
    if left == right and (is_value(left) or left == STRING):
        return BOOL, lambda a, b: (a == b) == equal
    if is_value(left) or is_value(right):
        return None
    if {left, right} == {OBJECT, STRING}:
        raise NotSimulated("'==' between object and string compares references, not texts; cast the object to string")
    if reference(left, right) or reference(right, left):
        return BOOL, lambda a, b: same(a, b) == equal
    return None


def same(one: Any, other: Any) -> bool:
    """Whether two references lead to one object; for boxed values and the like nobody can tell here."""
    if one is None or other is None:
        return one is other
    if isinstance(one, Json) and isinstance(other, Json) and JPROPERTY not in (one.type, other.type):
        return one is other
    raise NotRun("'==' between these objects compares references, not values; cast them first")


def reference(source: T, target: T) -> bool:
    distance = cost(source, target)
    return distance is not None and distance != 20


def unary(operator: str, of: T) -> tuple[T, Callable[[Any], Any]]:
    if operator == "!" and of == BOOL:
        return BOOL, op.not_
    if operator == "-" and of == TIMESPAN:
        return TIMESPAN, op.neg
    kind = INT if of in (CHAR, T("byte")) else of
    if operator in ("-", "+", "~") and kind.name in NUMERIC and not (operator == "~" and kind not in (INT, LONG)):
        if operator == "-":
            return kind, lambda value: signed(promoted(value, kind), kind)
        if operator == "~":
            return kind, lambda value: wrapped(~int(promoted(value, kind)), kind)
        return kind, lambda value: promoted(value, kind)
    if operator != "!" and of.name == "?":
        raise NotSimulated(f"the operator {operator} on '{of}' is not simulated")
    if is_enum(of) and operator == "~":
        raise NotSimulated("the operator ~ on an enum is not simulated")
    raise ExpressionError(f"Operator '{operator}' cannot be applied to operand of type '{of}'")


def signed(value: Any, kind: T) -> Any:
    return wrapped(-int(value), kind) if kind in (INT, LONG) else -value
