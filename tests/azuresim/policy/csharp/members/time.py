"""DateTime and TimeSpan, in UTC and by the simulated clock. Source: learn.microsoft.com/dotnet/api/system.datetime."""

from __future__ import annotations

import calendar
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from azuresim.policy.csharp.errors import EvaluationError, NotRun
from azuresim.policy.csharp.formats import formatted, parse_date
from azuresim.policy.csharp.signatures import Live, declare
from azuresim.policy.csharp.types import T
from azuresim.policy.csharp.values import Enum, Local, Long, Unspecified, of_kind, text_of

EPOCH = datetime(1, 1, 1)
BEYOND = "The added or subtracted value results in an un-representable DateTime."


def added(unit: str) -> Callable[[datetime, float], datetime]:
    def run(value: datetime, amount: float) -> datetime:
        try:
            return value + milliseconds(timedelta(**{unit: amount}))
        except (OverflowError, ValueError) as error:
            raise EvaluationError(BEYOND) from error

    return run


def milliseconds(value: timedelta) -> timedelta:
    if value.microseconds % 1000:
        raise NotRun("parts of a millisecond are rounded differently by versions of .NET and are not simulated")
    return value


def added_ticks(value: datetime, amount: int) -> datetime:
    if amount % 10:
        raise NotRun("parts of a microsecond are not simulated")
    return moved(value, lasting(microseconds=amount // 10))


def months(value: datetime, amount: int) -> datetime:
    year, month = divmod(value.year * 12 + value.month - 1 + amount, 12)
    if not 1 <= year <= 9999:
        raise EvaluationError(BEYOND)
    day = min(value.day, calendar.monthrange(year, month + 1)[1])
    return value.replace(year=year, month=month + 1, day=day)


def made(*parts: int, zone: type[datetime] = Unspecified) -> datetime:
    try:
        return zone(*parts)  # type: ignore[arg-type]
    except (ValueError, OverflowError) as error:
        raise EvaluationError("Year, Month, and Day parameters describe an un-representable DateTime.") from error


def ticks(value: timedelta) -> Long:
    return Long((value.days * 86_400 + value.seconds) * 10_000_000 + value.microseconds * 10)


def weekday(value: datetime) -> Enum:
    number = value.isoweekday() % 7
    names = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
    return Enum(T("DayOfWeek"), names[number], number)


def difference(one: datetime, other: datetime) -> timedelta:
    return one - other


def moved(one: datetime, by: timedelta) -> datetime:
    try:
        return one + by
    except OverflowError as error:
        raise EvaluationError(BEYOND) from error


def days_in(year: int, month: int) -> int:
    if not 1 <= month <= 12 or not 1 <= year <= 9999:
        raise EvaluationError("Month must be between one and twelve.")
    return calendar.monthrange(year, month)[1]


def midnight(value: datetime) -> datetime:
    return value.replace(hour=0, minute=0, second=0, microsecond=0)


declare(
    "DateTime",
    "System",
    {
        "new(int year, int month, int day)": made,
        "new(int year, int month, int day, int hour, int minute, int second)": made,
        "new(int year, int month, int day, int hour, int minute, int second, DateTimeKind kind)": lambda *parts: made(
            *parts[:-1], zone=datetime
        ),
        "static DateTime UtcNow": Live(lambda frame: frame.now()),
        "static DateTime Now": Live(lambda frame: of_kind(Local, frame.now())),
        "static DateTime Today": Live(lambda frame: of_kind(Local, midnight(frame.now()))),
        "static DateTime MinValue": lambda: of_kind(Unspecified, EPOCH),
        "static DateTime MaxValue": lambda: Unspecified.max,
        "static DateTime Parse(string s)": parse_date,
        "static int DaysInMonth(int year, int month)": days_in,
        "static bool IsLeapYear(int year)": lambda year: days_in(year, 2) == 29,
        "DateTime Add(TimeSpan value)": moved,
        "DateTime AddDays(double value)": added("days"),
        "DateTime AddHours(double value)": added("hours"),
        "DateTime AddMinutes(double value)": added("minutes"),
        "DateTime AddSeconds(double value)": added("seconds"),
        "DateTime AddMilliseconds(double value)": added("milliseconds"),
        "DateTime AddTicks(long value)": added_ticks,
        "DateTime AddMonths(int months)": months,
        "DateTime AddYears(int value)": lambda value, years: months(value, years * 12),
        "TimeSpan Subtract(DateTime value)": difference,
        "DateTime Subtract(TimeSpan value)": lambda one, by: moved(one, -by),
        "DateTime Date": midnight,
        "TimeSpan TimeOfDay": lambda value: value - midnight(value),
        "int Year": lambda value: value.year,
        "int Month": lambda value: value.month,
        "int Day": lambda value: value.day,
        "int Hour": lambda value: value.hour,
        "int Minute": lambda value: value.minute,
        "int Second": lambda value: value.second,
        "int Millisecond": lambda value: value.microsecond // 1000,
        "int DayOfYear": lambda value: value.timetuple().tm_yday,
        "DayOfWeek DayOfWeek": weekday,
        "long Ticks": lambda value: ticks(value - EPOCH),
        "string ToString()": text_of,
        "string ToString(string format)": formatted,
    },
    others="IsDaylightSavingTime ToString* Parse* new*",
)


def span(*parts: int) -> timedelta:
    names = ("hours", "minutes", "seconds") if len(parts) == 3 else ("days", "hours", "minutes", "seconds")
    return lasting(**dict(zip(names, parts, strict=True)))


def lasting(**parts: float) -> timedelta:
    try:
        return timedelta(**parts)
    except (OverflowError, ValueError) as error:
        raise EvaluationError("TimeSpan overflowed because the duration is too long.") from error


def total(unit: timedelta) -> Callable[[timedelta], float]:
    return lambda value: value / unit


def towards_zero(value: timedelta, unit: int, size: int) -> int:
    whole = abs(value)
    part = (whole.days * 86_400 + whole.seconds) // unit % size
    return -part if value < timedelta() else part


SPANS: dict[str, Any] = {
    f"static TimeSpan From{name}(double value)": (lambda unit: lambda value: milliseconds(lasting(**{unit: value})))(
        name.lower()
    )
    for name in ("Days", "Hours", "Minutes", "Seconds", "Milliseconds")
}
for _name, _unit in (("Days", 86_400), ("Hours", 3600), ("Minutes", 60), ("Seconds", 1)):
    SPANS[f"double Total{_name}"] = total(timedelta(seconds=_unit))
SPANS["double TotalMilliseconds"] = total(timedelta(milliseconds=1))
declare(
    "TimeSpan",
    "System",
    {
        **SPANS,
        "new(int hours, int minutes, int seconds)": span,
        "new(int days, int hours, int minutes, int seconds)": span,
        "static TimeSpan Zero": timedelta,
        "int Days": lambda value: towards_zero(value, 86_400, 10**9),
        "int Hours": lambda value: towards_zero(value, 3600, 24),
        "int Minutes": lambda value: towards_zero(value, 60, 60),
        "int Seconds": lambda value: towards_zero(value, 1, 60),
        "int Milliseconds": lambda value: abs(value).microseconds // 1000 * (-1 if value < timedelta() else 1),
        "long Ticks": ticks,
        "TimeSpan Add(TimeSpan ts)": lambda one, other: one + other,
        "TimeSpan Subtract(TimeSpan ts)": lambda one, other: one - other,
        "TimeSpan Negate()": lambda value: -value,
        "TimeSpan Duration()": abs,
        "string ToString()": text_of,
        "string ToString(string format)": formatted,
    },
    others="new* Parse TryParse FromTicks MaxValue MinValue Compare CompareTo Equals TicksPerSecond ToString*",
)
