"""int, long, double, decimal, bool, Guid, Convert, Math, BitConverter. Source: learn.microsoft.com/dotnet/api."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any
from uuid import UUID

from azuresim.policy.csharp import conversions as to
from azuresim.policy.csharp.decimals import EXACT, fitted
from azuresim.policy.csharp.errors import EvaluationError
from azuresim.policy.csharp.formats import formatted
from azuresim.policy.csharp.members.encodings import from_base64, to_base64
from azuresim.policy.csharp.signatures import Live, declare
from azuresim.policy.csharp.values import Long, text_of

PARSERS: Mapping[str, tuple[Callable[[Any], Any], Any]] = {
    "int": (lambda text: to.parse_whole(text, "int"), 0),
    "long": (lambda text: to.parse_whole(text, "long"), Long(0)),
    "double": (to.parse_double, 0.0),
    "decimal": (to.parse_decimal, Decimal(0)),
    "bool": (to.parse_bool, False),
}


def order(one: Any, other: Any) -> int:
    return int(one > other) - int(one < other)


for _name, (_parse, _zero) in PARSERS.items():
    declare(
        _name,
        "System",
        {
            f"static {_name} Parse(string s)": _parse,
            f"static bool TryParse(string s, out {_name} result)": to.tried(_parse, _zero),
            "string ToString()": text_of,
            f"bool Equals({_name} obj)": lambda one, other: one == other,
            f"int CompareTo({_name} value)": order,
        },
        others="Parse* TryParse* ToString* GetTypeCode CompareTo* Equals* TrueString FalseString",
    )
for _name in ("int", "long", "double", "decimal"):
    declare(_name, "System", {"string ToString(string format)": formatted})
declare(
    "byte", "System", {"string ToString(string format)": formatted}, others="Parse TryParse MaxValue MinValue ToString*"
)
declare("int", "System", {"static int MaxValue": lambda: 2**31 - 1, "static int MinValue": lambda: -(2**31)})
declare(
    "long",
    "System",
    {"static long MaxValue": lambda: Long(2**63 - 1), "static long MinValue": lambda: Long(-(2**63))},
)
declare(
    "double",
    "System",
    {"static bool IsNaN(double d)": math.isnan, "static bool IsInfinity(double d)": math.isinf},
    others="MaxValue MinValue Epsilon NaN PositiveInfinity NegativeInfinity",
)
declare("decimal", "System", {}, others="MaxValue MinValue Round Floor Ceiling Truncate Zero One Add Subtract ToInt32")
declare(
    "?",
    "System",
    {
        "ext bool HasValue": lambda value: value is not None,
        "ext T Value": lambda value: held(value),
        "ext T GetValueOrDefault(T defaultValue)": lambda value, default: default if value is None else value,
        "ext string ToString()": text_of,
    },
    generics="T",
    others="GetValueOrDefault* Equals",
)


def held(value: Any) -> Any:
    if value is None:
        raise EvaluationError("Nullable object must have a value.")
    return value


declare(
    "Guid",
    "System",
    {
        "static Guid NewGuid()": Live(lambda frame: frame.fact("new_guid")()),
        "static Guid Empty": lambda: UUID(int=0),
        "static Guid Parse(string input)": to.parse_guid,
        "static bool TryParse(string input, out Guid result)": to.tried(to.parse_guid, UUID(int=0)),
        "new(string g)": to.parse_guid,
        "string ToString()": text_of,
        "string ToString(string format)": formatted,
        "bool Equals(Guid g)": lambda one, other: one == other,
    },
    others="ToByteArray ParseExact TryParseExact CompareTo new*",
)

CONVERSIONS: dict[str, Any] = {
    "static string ToBase64String(byte[] inArray)": to_base64,
    "static byte[] FromBase64String(string s)": from_base64,
    "static string ToString(int value, int toBase)": lambda value, base: based(value, base),
}
for _method, _target in {
    "ToString": "string",
    "ToInt32": "int",
    "ToInt64": "long",
    "ToDouble": "double",
    "ToDecimal": "decimal",
    "ToBoolean": "bool",
    "ToDateTime": "DateTime",
}.items():
    CONVERSIONS[f"static {_target} {_method}(object value)"] = to.CONVERT[_target]
CONVERSIONS["static byte ToByte(object value)"] = to.to_byte
CONVERSIONS["static int ToInt32(string value, int fromBase)"] = lambda text, base: from_based(text, base)
declare(
    "Convert",
    "System",
    CONVERSIONS,
    others="""ToByte* ToInt16 ToUInt16 ToUInt32 ToUInt64 ToSByte ToSingle ToChar ChangeType IsDBNull GetTypeCode
        ToBase64CharArray FromBase64CharArray DBNull ToString* ToInt32* ToInt64* ToBase64String* ToDateTime*
        ToBoolean*""",
)


def based(value: int, base: int) -> str:
    if base not in (2, 8, 10, 16):
        raise EvaluationError("Invalid Base.")
    if base == 10:
        return str(value)
    return format(value % 2**32, {2: "b", 8: "o", 16: "x"}[base])


def from_based(text: str | None, base: int) -> int:
    if base not in (2, 8, 10, 16):
        raise EvaluationError("Invalid Base.")
    if text is None:
        return 0
    try:
        found = int(text.removeprefix("0x").removeprefix("0X") if base == 16 else text, base)
    except ValueError as error:
        raise EvaluationError("Could not find any recognizable digits.") from error
    if found >= 2**32:
        raise EvaluationError("Value was either too large or too small for a UInt32.")
    return found - 2**32 if found >= 2**31 else found


def hexadecimal(content: bytes | None) -> str:
    if content is None:
        raise EvaluationError("Value cannot be null. (Parameter 'value')")
    return "-".join(f"{one:02X}" for one in content)


def rounded(value: Any, digits: int = 0) -> Any:
    """Banker's rounding, as Math.Round has it."""
    if not 0 <= digits <= 15:
        raise EvaluationError("Rounding digits must be between 0 and 15, inclusive.")
    if isinstance(value, float):
        return round(value * 10.0**digits) / 10.0**digits if abs(value) < 1e16 else value
    if -int(value.as_tuple().exponent) <= digits:
        return value
    return fitted(value.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_EVEN, EXACT))


def power(one: float, other: float) -> float:
    try:
        found = one**other
    except OverflowError:
        return math.inf
    except ZeroDivisionError:
        return math.inf
    return math.nan if isinstance(found, complex) else found


def finite(work: Callable[[float], int]) -> Callable[[Any], Any]:
    def run(value: Any) -> Any:
        if isinstance(value, Decimal):
            return Decimal(work(value))  # type: ignore[arg-type]
        return float(work(value)) if math.isfinite(value) else value

    return run


def absolute(value: int, bits: int) -> int:
    if value == -(1 << (bits - 1)):
        raise EvaluationError("Negating the minimum value of a twos complement number is invalid.")
    return Long(abs(value)) if bits == 64 else abs(value)


MATH: dict[str, Any] = {
    "static int Abs(int value)": lambda value: absolute(value, 32),
    "static long Abs(long value)": lambda value: absolute(value, 64),
    "static double Abs(double value)": abs,
    "static decimal Abs(decimal value)": abs,
    "static double Floor(double d)": finite(math.floor),
    "static decimal Floor(decimal d)": finite(math.floor),
    "static double Ceiling(double a)": finite(math.ceil),
    "static decimal Ceiling(decimal d)": finite(math.ceil),
    "static double Truncate(double d)": finite(math.trunc),
    "static double Round(double a)": rounded,
    "static decimal Round(decimal d)": rounded,
    "static double Round(double value, int digits)": rounded,
    "static decimal Round(decimal d, int decimals)": rounded,
    "static double Pow(double x, double y)": power,
    "static double Sqrt(double d)": lambda value: math.sqrt(value) if value >= 0 else math.nan,
}
for _name in ("int", "long", "double", "decimal"):
    MATH[f"static {_name} Max({_name} val1, {_name} val2)"] = lambda one, other: max(one, other)
    MATH[f"static {_name} Min({_name} val1, {_name} val2)"] = lambda one, other: min(one, other)
declare(
    "Math",
    "System",
    MATH,
    others="""Sign Log Log10 Exp Sin Cos Tan Asin Acos Atan Atan2 PI E BigMul DivRem Round* Truncate* Max* Min* Abs*
        IEEERemainder""",
)


declare(
    "BitConverter",
    "System",
    {"static string ToString(byte[] value)": hexadecimal},
    others="ToInt32 ToInt64 GetBytes ToDouble ToBoolean ToChar ToUInt32 IsLittleEndian ToString*",
)
