"""What the compiler reckons itself: constants, which it checks for overflow."""

from __future__ import annotations

import operator as op
from collections.abc import Callable
from typing import Any

from azuresim.policy.csharp import operators, syntax
from azuresim.policy.csharp.bound import Bound
from azuresim.policy.csharp.errors import EvaluationError, ExpressionError, NotRun, NotSimulated
from azuresim.policy.csharp.types import BYTE, CHAR, DECIMAL, INT, LONG, NULL

NUMBERS = (INT, LONG, BYTE, CHAR)
OVERFLOWS = "The operation overflows at compile time in checked mode"
EXACTLY: dict[str, Callable[[int, int], int]] = {"+": op.add, "-": op.sub, "*": op.mul}


def folded(operator: str, left: Bound, right: Bound, work: Callable[[Any, Any], Any]) -> syntax.Literal | None:
    """The constant that two constants make. The compiler refuses overflow and division by zero."""
    if divides_by_zero(operator, left, right):
        raise ExpressionError("Division by constant zero")
    if left.constant is None or right.constant is None or NULL in (left.type, right.type):
        return None
    one, other = left.constant.value, right.constant.value
    try:
        value = work(one, other)
    except NotRun as error:
        raise NotSimulated(str(error)) from error
    except EvaluationError as error:
        if DECIMAL in (left.type, right.type):
            raise ExpressionError("Evaluation of the decimal constant expression failed") from error
        raise ExpressionError(OVERFLOWS) from error
    if operator in EXACTLY and left.type in NUMBERS and right.type in NUMBERS:
        exact = EXACTLY[operator](operators.promoted(one, INT), operators.promoted(other, INT))
        if exact != value:
            raise ExpressionError(OVERFLOWS)
    return syntax.Literal(value)


def divides_by_zero(operator: str, left: Bound, right: Bound) -> bool:
    if operator not in ("/", "%") or right.constant is None or right.constant.value != 0:
        return False
    return {left.type, right.type} <= {*NUMBERS, DECIMAL}


def constant_of(change: Callable[[Any], Any], value: Any) -> Any:
    """The constant that a cast makes of another. Raises ExpressionError and NotSimulated."""
    try:
        return change(value)
    except NotRun as error:
        raise NotSimulated(str(error)) from error
    except EvaluationError as error:
        raise ExpressionError(str(error)) from error
