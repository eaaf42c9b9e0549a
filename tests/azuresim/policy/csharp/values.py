"""
Values while an expression runs, and the conversions between them.

string is str, int is int, long Long, double float, decimal Decimal, char Char, byte[] bytes, arrays Array, JSON Json.
Texts of exceptions: learn.microsoft.com/dotnet/api, the exceptions' own pages.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from azuresim.policy.csharp import context as call
from azuresim.policy.csharp.errors import EvaluationError, NotRun
from azuresim.policy.csharp.types import (
    BOOL,
    BYTES,
    CHAR,
    DATETIME,
    DECIMAL,
    DOUBLE,
    ENUMS,
    GUID,
    INT,
    LONG,
    NULL,
    OBJECT,
    STRING,
    TIMESPAN,
    T,
    cost,
    is_enum,
    is_value,
)

LARGEST_TEXT = 1_000_000


class Long(int):
    """A C# long."""


class IntEdge(Long):
    """2147483648 as written: with a minus sign before it an int, otherwise a uint."""


class Char(str):
    """A C# char."""

    __slots__ = ()


class Byte(int):
    """A C# byte."""


class Unspecified(datetime):
    """A DateTime of no zone; one in UTC is a plain datetime."""

    kind = "Unspecified"


class Local(datetime):
    """A DateTime in the gateway's zone, which is UTC here."""

    kind = "Local"


def of_kind(kind: type[datetime], value: datetime) -> datetime:
    return kind(*value.timetuple()[:6], value.microsecond)


class Array(list[Any]):
    """T[] or List<T>; `type` is the whole static type."""

    def __init__(self, kind: T, items: Any = ()) -> None:
        super().__init__(items)
        self.type = kind


class Dictionary(dict[Any, Any]):
    def __init__(self, kind: T, items: Any = ()) -> None:
        super().__init__(items)
        self.type = kind


@dataclass(frozen=True)
class Enum:
    type: T
    name: str
    number: int


@dataclass(frozen=True)
class Pair:
    key: Any
    value: Any


@dataclass(frozen=True)
class Credentials:
    user_id: str
    password: str


class NullReference(EvaluationError):
    def __init__(self) -> None:
        super().__init__("Object reference not set to an instance of an object.")


PLAIN: Mapping[type, T] = {
    str: STRING,
    bool: BOOL,
    int: INT,
    Long: LONG,
    IntEdge: LONG,
    float: DOUBLE,
    Decimal: DECIMAL,
    Char: CHAR,
    Byte: T("byte"),
    bytes: BYTES,
    datetime: DATETIME,
    Unspecified: DATETIME,
    Local: DATETIME,
    timedelta: TIMESPAN,
    UUID: GUID,
    type(None): NULL,
    call.Response: T("IResponse"),
    call.Request: T("IRequest"),
    Credentials: T("BasicAuthCredentials"),
}
ZEROS: Mapping[T, Any] = {
    INT: 0,
    LONG: Long(0),
    DOUBLE: 0.0,
    DECIMAL: Decimal(0),
    BOOL: False,
    CHAR: Char("\0"),
    T("byte"): Byte(0),
    DATETIME: Unspecified(1, 1, 1),
    TIMESPAN: timedelta(),
    GUID: UUID(int=0),
}
RUNTIME_NAMES = {
    "string": "System.String",
    "int": "System.Int32",
    "long": "System.Int64",
    "bool": "System.Boolean",
    "double": "System.Double",
    "decimal": "System.Decimal",
    "char": "System.Char",
    "byte": "System.Byte",
    "DateTime": "System.DateTime",
    "TimeSpan": "System.TimeSpan",
    "Guid": "System.Guid",
    "object": "System.Object",
    **{name: f"Newtonsoft.Json.Linq.{name}" for name in ("JToken", "JObject", "JArray", "JValue", "JProperty")},
}


def type_of(value: Any) -> T:
    """The type that the value has while it runs."""
    found = PLAIN.get(type(value))
    if found is not None:
        return found
    kind = getattr(value, "type", None)
    return kind if isinstance(kind, T) else OBJECT


def default_of(kind: T) -> Any:
    """`default(T)`: null for references, nothing but zeros for values."""
    if kind in ZEROS or not is_value(kind) or kind.name == "?":
        return ZEROS.get(kind)
    if is_enum(kind):
        return Enum(kind, ENUMS[kind.name][0], 0)
    raise NotRun(f"the default of '{kind}' is not simulated")


def full_name(of: T) -> str:
    if of.name == "[]":
        return full_name(of.args[0]) + "[]"
    return RUNTIME_NAMES.get(of.name, str(of))


def is_of(value: Any, wanted: T) -> bool:
    if value is None:
        return False
    found = type_of(value)
    if wanted.name == "?":
        return found == wanted.args[0]
    if found == wanted or wanted == OBJECT:
        return True
    if found.name in RUNTIME_NAMES and wanted.name in RUNTIME_NAMES and not found.name.startswith("J"):
        return False
    distance = cost(found, wanted)
    return distance is not None and distance < 20


def unboxed(value: Any, wanted: T) -> Any:
    """The object as that type: C# unboxes and refers, it converts nothing."""
    if value is None:
        if cost(NULL, wanted) is None:
            raise NullReference
        return None
    if is_of(value, wanted):
        return value
    raise EvaluationError(f"Unable to cast object of type '{full_name(type_of(value))}' to type '{full_name(wanted)}'.")


def bounded(text: str) -> str:
    if len(text) > LARGEST_TEXT:
        raise NotRun("a text of more than a million characters is not simulated")
    return text


def text_of(value: Any) -> str:
    """A value as C# writes it into a string, in the invariant culture: null is empty, booleans begin with a capital."""
    if value is None:
        return ""
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, float):
        return double_text(value)
    if isinstance(value, Decimal):
        return decimal_text(value)
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, datetime):
        return f"{value:%m/%d}/{value.year:04d} {value:%H:%M:%S}"
    if isinstance(value, timedelta):
        return timespan_text(value)
    if isinstance(value, Pair):
        return f"[{text_of(value.key)}, {text_of(value.value)}]"
    if isinstance(value, bool | int | UUID):
        return str(int(value)) if isinstance(value, Long | Byte) else str(value)
    written = getattr(value, "written", None)
    if written is not None:
        return str(written())
    return runtime_name(value)


def runtime_name(value: Any) -> str:
    found = type_of(value)
    if found.name in ("[]",):
        return full_name(found)
    raise NotRun(f"the text of a value of type '{found}' is not simulated")


def decimal_text(value: Decimal) -> str:
    shown = format(value, "f")
    return shown[1:] if value == 0 and shown.startswith("-") else shown


def double_text(value: float) -> str:
    """G15 of .NET Framework; where newer .NET writes something else, NotRun."""
    if value == 0 and math.copysign(1, value) < 0:
        raise NotRun("the text of -0.0 differs between versions of .NET and is not simulated")
    if value != value or value in (float("inf"), float("-inf")):
        return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[str(value)]
    shown = f"{value:.15G}"
    if float(shown) != value:
        raise NotRun(f"the text of {value!r} differs between versions of .NET and is not simulated")
    mantissa, mark, exponent = shown.partition("E")
    return f"{mantissa}E{exponent[0]}{exponent[1:].zfill(2)}" if mark else shown


def timespan_text(value: timedelta) -> str:
    sign = "-" if value < timedelta() else ""
    whole = abs(value)
    hours, rest = divmod(whole.seconds, 3600)
    days = f"{whole.days}." if whole.days else ""
    fraction = f".{whole.microseconds:06d}0" if whole.microseconds else ""
    return f"{sign}{days}{hours:02d}:{rest // 60:02d}:{rest % 60:02d}{fraction}"
