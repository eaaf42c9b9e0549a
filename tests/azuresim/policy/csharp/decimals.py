"""
System.Decimal: 96 bits and a scale of at most 28.

Source: learn.microsoft.com/dotnet/api/system.decimal.
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Context, Decimal, DecimalException

from azuresim.policy.csharp.errors import EvaluationError

LARGEST = 2**96 - 1
MOST_DECIMALS = 28
EXACT = Context(prec=80, rounding=ROUND_HALF_EVEN)
TOO_LARGE = "Value was either too large or too small for a Decimal."


def decimal_of(digits: str) -> Decimal | None:
    """The decimal that these digits stand for; None when no decimal can hold it."""
    try:
        return fitted(EXACT.create_decimal(digits))
    except (DecimalException, EvaluationError):
        return None


def fitted(value: Decimal) -> Decimal:
    """The nearest value that a decimal can hold. Raises EvaluationError when there is none."""
    if not value.is_finite() or value.adjusted() > MOST_DECIMALS:
        raise EvaluationError(TOO_LARGE)
    scale = min(max(0, -int(value.as_tuple().exponent)), MOST_DECIMALS)
    while True:
        shorter = value.quantize(Decimal(1).scaleb(-scale), context=EXACT)
        if abs(int(shorter.scaleb(scale, context=EXACT))) <= LARGEST:
            return shorter
        if scale == 0:
            raise EvaluationError(TOO_LARGE)
        scale -= 1


def from_double(value: float) -> Decimal:
    """A double in 15 digits, as the conversion of .NET has it."""
    if value != value or abs(value) >= LARGEST:
        raise EvaluationError(TOO_LARGE)
    shown = EXACT.create_decimal(f"{value:.15G}")
    return fitted(shown.normalize(EXACT) if shown else Decimal(0))
