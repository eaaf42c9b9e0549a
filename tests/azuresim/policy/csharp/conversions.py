"""
Convert.To…, Parse and the conversions of JSON values, in the invariant culture.

Source: learn.microsoft.com/dotnet/api/system.convert.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from azuresim.policy.csharp.decimals import TOO_LARGE, decimal_of, from_double
from azuresim.policy.csharp.errors import EvaluationError, NotRun
from azuresim.policy.csharp.values import Byte, Char, Long, text_of

WHOLE = re.compile(r"\s*[+-]?[0-9]{1,400}\s*", re.ASCII)
REAL = re.compile(r"\s*[+-]?(?:[0-9][0-9,]*)?(?:\.[0-9]*)?(?:[eE][+-]?[0-9]{1,9})?\s*", re.ASCII)
NAMED = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
BAD_FORMAT = "Input string was not in a correct format."
BITS = {"int": 32, "long": 64}
RANGES = {"int": "an Int32", "long": "an Int64"}


def parse_whole(text: str | None, name: str) -> int:
    """int.Parse and long.Parse."""
    if text is None:
        raise EvaluationError("Value cannot be null. (Parameter 's')")
    if WHOLE.fullmatch(text) is None:
        raise EvaluationError(BAD_FORMAT)
    return in_range(int(text), name)


def in_range(value: int, name: str) -> int:
    half = 1 << (BITS[name] - 1)
    if not -half <= value < half:
        raise EvaluationError(f"Value was either too large or too small for {RANGES[name]}.")
    return Long(value) if name == "long" else value


def parse_double(text: str | None) -> float:
    if text is None:
        raise EvaluationError("Value cannot be null. (Parameter 's')")
    if text.strip() in NAMED:
        return NAMED[text.strip()]
    if not is_number(text):
        raise EvaluationError(BAD_FORMAT)
    value = float(text.replace(",", ""))
    if math.isinf(value):
        raise NotRun("a double out of range differs between versions of .NET and is not simulated")
    return value


def is_number(text: str) -> bool:
    mantissa = re.split("[eE]", text)[0]
    return REAL.fullmatch(text) is not None and re.search(r"[0-9]", mantissa) is not None


def parse_decimal(text: str | None) -> Decimal:
    if text is None:
        raise EvaluationError("Value cannot be null. (Parameter 's')")
    if re.search(r"[0-9.,]\s*[+-]\s*$", text):
        raise NotRun("a number with its sign behind it is not simulated")
    if not is_number(text) or "e" in text.lower():
        raise EvaluationError(BAD_FORMAT)
    value = decimal_of(text.replace(",", "").strip())
    if value is None:
        raise EvaluationError(TOO_LARGE)
    return value


def parse_bool(text: str | None) -> bool:
    if text is None:
        raise EvaluationError("Value cannot be null. (Parameter 'value')")
    found = {"true": True, "false": False}.get(text.strip(" \t\r\n\0").lower())
    if found is None:
        raise EvaluationError("String was not recognized as a valid Boolean.")
    return found


def parse_guid(text: str | None) -> UUID:
    if text is None:
        raise EvaluationError("Value cannot be null. (Parameter 'input')")
    shape = r"\s*(?:[0-9a-fA-F]{32}|[({]?[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}[)}]?)\s*"
    if re.fullmatch(shape, text) is None:
        raise EvaluationError("Guid should contain 32 digits with 4 dashes (xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx).")
    return UUID(text.strip().strip("(){}"))


def tried(work: Callable[[Any], Any], zero: Any) -> Callable[[Any], tuple[bool, Any]]:
    """TryParse: whether it worked, and the value of the out parameter."""

    def attempt(text: Any) -> tuple[bool, Any]:
        try:
            return True, work(text)
        except NotRun:
            raise
        except EvaluationError:
            return False, zero

    return attempt


def to_whole(value: Any, name: str) -> int:
    if value is None:
        return Long(0) if name == "long" else 0
    if isinstance(value, Char):
        return in_range(ord(value), name)
    if isinstance(value, str):
        return parse_whole(value, name)
    if isinstance(value, float | Decimal):
        if value != value or abs(float(value)) > 2**64:
            raise EvaluationError(f"Value was either too large or too small for {RANGES[name]}.")
        return in_range(round(value), name)
    if isinstance(value, int):
        return in_range(int(value), name)
    raise invalid(value, name)


def invalid(value: Any, name: str) -> EvaluationError:
    if isinstance(value, datetime | UUID):
        return EvaluationError(f"Invalid cast from '{type(value).__name__}' to '{name}'.")
    return EvaluationError("Unable to cast object to type 'System.IConvertible'.")


def to_double(value: Any) -> float:
    if value is None:
        return 0.0
    if isinstance(value, str) and not isinstance(value, Char):
        return parse_double(value)
    if isinstance(value, int | float | Decimal):
        return float(value)
    raise invalid(value, "Double")


def to_decimal(value: Any) -> Decimal:
    if value is None:
        return Decimal(0)
    if isinstance(value, str) and not isinstance(value, Char):
        return parse_decimal(value)
    if isinstance(value, int | float | Decimal):
        return from_double(value) if isinstance(value, float) else Decimal(value)
    raise invalid(value, "Decimal")


def to_bool(value: Any) -> bool:
    if value is None:
        return False
    if isinstance(value, str) and not isinstance(value, Char):
        return parse_bool(value)
    if isinstance(value, int | float | Decimal):
        return bool(value)
    raise invalid(value, "Boolean")


def to_text(value: Any) -> str:
    return text_of(value)


def to_byte(value: Any) -> Byte:
    found = to_whole(value, "int")
    if not 0 <= found <= 255:
        raise EvaluationError("Value was either too large or too small for an unsigned byte.")
    return Byte(found)


def to_date(value: Any) -> datetime:
    if isinstance(value, datetime):
        return value
    if isinstance(value, str):
        from azuresim.policy.csharp.formats import parse_date

        return parse_date(value)
    raise invalid(value, "DateTime")


def to_guid(value: Any) -> UUID:
    if isinstance(value, UUID):
        return value
    if isinstance(value, str):
        return parse_guid(value)
    raise invalid(value, "Guid")


CONVERT: dict[str, Callable[[Any], Any]] = {
    "string": to_text,
    "int": lambda value: to_whole(value, "int"),
    "long": lambda value: to_whole(value, "long"),
    "double": to_double,
    "decimal": to_decimal,
    "bool": to_bool,
    "DateTime": to_date,
    "Guid": to_guid,
}
