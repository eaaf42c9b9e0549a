"""
Format strings: composite (`{0,10:N2}`), numeric, of dates, time spans and GUIDs, in the invariant culture.

Sources: learn.microsoft.com/dotnet/standard/base-types/composite-formatting, standard-numeric-format-strings and
custom-date-and-time-format-strings.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from uuid import UUID

from azuresim.policy.csharp.errors import EvaluationError, NotRun
from azuresim.policy.csharp.values import LARGEST_TEXT, Char, Local, Unspecified, bounded, text_of

WIDEST = 10_000
ITEM = re.compile(r"\{\{|\}\}|\{(\d{1,6})\s*(?:,\s*(-?\d{1,6})\s*)?(?::([^{}]*))?\}|[{}]")


def composed(template: str | None, values: Sequence[Any] | None) -> str:
    """string.Format."""
    if template is None:
        raise EvaluationError("Value cannot be null. (Parameter 'format')")
    if values is None:
        raise EvaluationError("Value cannot be null. (Parameter 'args')")
    total = 0

    def item(found: re.Match[str]) -> str:
        nonlocal total
        if found[0] in ("{{", "}}"):
            return found[0][0]
        if found[1] is None:
            raise EvaluationError("Input string was not in a correct format.")
        if int(found[1]) >= len(values):
            raise EvaluationError(
                "Index (zero based) must be greater than or equal to zero and less than the size of the argument list."
            )
        shown = aligned(formatted(values[int(found[1])], found[3] or ""), int(found[2] or 0))
        total += len(shown)
        if total > LARGEST_TEXT:
            bounded(" " * (LARGEST_TEXT + 1))
        return shown

    return bounded(ITEM.sub(item, template))


def aligned(text: str, width: int) -> str:
    if abs(width) > WIDEST:
        raise NotRun(f"an alignment beyond {WIDEST} is not simulated")
    return text.ljust(-width) if width < 0 else text.rjust(width)


def formatted(value: Any, form: str) -> str:
    """`value.ToString(form)`; texts and booleans take no format and ignore it."""
    if not form or value is None or isinstance(value, bool | Char) or type(value) is str:
        return text_of(value)
    if isinstance(value, datetime):
        return date_text(value, form)
    if isinstance(value, timedelta):
        return span_text(value, form)
    if isinstance(value, UUID):
        return guid_text(value, form)
    if isinstance(value, int | float | Decimal):
        return number_text(value, form)
    return text_of(value)


def number_text(value: Any, form: str) -> str:
    standard = re.fullmatch(r"([A-Za-z])(\d{0,2})", form)
    if isinstance(value, float) and (value != value or abs(value) == float("inf")):
        return text_of(value)
    if standard is None:
        return custom_number(value, form)
    letter, digits = standard[1].upper(), int(standard[2]) if standard[2] else None
    whole = isinstance(value, int)
    if letter in "DX" and not whole:
        raise EvaluationError("Format specifier was invalid.")
    if letter == "D":
        return ("-" if value < 0 else "") + str(abs(int(value))).zfill(digits or 0)
    if letter == "X":
        from azuresim.policy.csharp.values import Long

        bits = 64 if isinstance(value, Long) else 32
        shown = format(int(value) % (1 << bits), "X" if standard[1] == "X" else "x")
        return shown.zfill(digits or 0)
    if letter in "FNP":
        return fixed(value, letter, 2 if digits is None else digits)
    if letter == "G" and digits is None:
        return text_of(value)
    if letter in "CEGR":
        raise NotRun(f"the number format '{form}' is not simulated")
    raise EvaluationError("Format specifier was invalid.")


def fixed(value: Any, letter: str, digits: int) -> str:
    scale = 100 if letter == "P" else 1
    shown = rounded(exact(value) * scale, digits)
    if isinstance(value, float) and shown != rounded(Decimal(value) * scale, digits):
        raise NotRun(f"the text of {value!r} in this format differs between versions of .NET and is not simulated")
    if not shown and value < 0:
        raise NotRun("the text of a negative zero differs between versions of .NET and is not simulated")
    return format(shown, ",f" if letter in "NP" else "f") + (" %" if letter == "P" else "")


def exact(value: Any) -> Decimal:
    """The number in the digits that .NET shows of it."""
    return Decimal(f"{value:.15G}") if isinstance(value, float) else Decimal(text_of(value))


def rounded(value: Decimal, digits: int) -> Decimal:
    if abs(value) > Decimal(10) ** 25 or digits > 20:
        raise NotRun("so many digits are not simulated")
    return value.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)


def custom_number(value: Any, form: str) -> str:
    """Zeros and `#` before and after the point; everything else in custom formats is not simulated."""
    found = re.fullmatch(r"(#*,?#*)(0*)(?:\.(0*)(#*))?", form)
    if found is None:
        raise NotRun(f"the number format '{form}' is not simulated")
    least, most = len(found[3] or ""), len(found[3] or "") + len(found[4] or "")
    if isinstance(value, float) and rounded(abs(exact(value)), most) != rounded(abs(Decimal(value)), most):
        raise NotRun(f"the text of {value!r} in this format differs between versions of .NET and is not simulated")
    shown = format(rounded(abs(exact(value)), most), "f")
    whole, _, fraction = shown.partition(".")
    while len(fraction) > least and fraction.endswith("0"):
        fraction = fraction[:-1]
    whole = whole.lstrip("0").zfill(len(found[2]))
    if "," in found[1] and whole:
        whole = f"{int(whole):,}"
    text = whole + ("." + fraction if fraction else "")
    return "-" + text if value < 0 and text.strip("0.") else text


def guid_text(value: UUID, form: str) -> str:
    shapes = {"D": str(value), "N": value.hex, "B": f"{{{value}}}", "P": f"({value})"}
    if form.upper() not in shapes:
        raise (
            EvaluationError('Format string can be only "D", "d", "N", "n", "P", "p", "B", "b", "X" or "x".')
            if form.upper() != "X"
            else NotRun("the GUID format 'X' is not simulated")
        )
    return shapes[form.upper()]


def span_text(value: timedelta, form: str) -> str:
    if form in ("c", "t", "T"):
        return text_of(value)
    whole = abs(value)
    parts = {
        "d": (whole.days, 1),
        "h": (whole.seconds // 3600, 1),
        "hh": (whole.seconds // 3600, 2),
        "m": (whole.seconds // 60 % 60, 1),
        "mm": (whole.seconds // 60 % 60, 2),
        "s": (whole.seconds % 60, 1),
        "ss": (whole.seconds % 60, 2),
        "fff": (whole.microseconds // 1000, 3),
    }
    text = ""
    for piece in re.findall(r"\\.|'[^']*'|d+|h+|m+|s+|f+|.", form, re.DOTALL):
        if piece.startswith("\\") or piece.startswith("'"):
            text += piece[1:].rstrip("'")
        elif piece in parts:
            text += str(parts[piece][0]).zfill(parts[piece][1])
        else:
            raise NotRun(f"the time span format '{form}' is not simulated")
    return text


STANDARD_DATES = {
    "d": "MM/dd/yyyy",
    "D": "dddd, dd MMMM yyyy",
    "f": "dddd, dd MMMM yyyy HH:mm",
    "F": "dddd, dd MMMM yyyy HH:mm:ss",
    "g": "MM/dd/yyyy HH:mm",
    "G": "MM/dd/yyyy HH:mm:ss",
    "m": "MMMM dd",
    "M": "MMMM dd",
    "o": "yyyy-MM-ddTHH:mm:ss.fffffffK",
    "O": "yyyy-MM-ddTHH:mm:ss.fffffffK",
    "r": "ddd, dd MMM yyyy HH:mm:ss 'GMT'",
    "R": "ddd, dd MMM yyyy HH:mm:ss 'GMT'",
    "s": "yyyy-MM-ddTHH:mm:ss",
    "t": "HH:mm",
    "T": "HH:mm:ss",
    "u": "yyyy-MM-dd HH:mm:ss'Z'",
    "y": "yyyy MMMM",
    "Y": "yyyy MMMM",
}
PIECE = re.compile(r"\\.|'[^']*'|\"[^\"]*\"|d+|M+|y+|H+|h+|m+|s+|f+|F+|t+|K|z+|%|.", re.DOTALL)
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November"),
    "December",
)


def date_text(value: datetime, form: str) -> str:
    if len(form) == 1:
        if form not in STANDARD_DATES:
            raise EvaluationError("Input string was not in a correct format.")
        form = STANDARD_DATES[form]
    return bounded("".join(date_piece(value, piece) for piece in PIECE.findall(form)))


def date_piece(value: datetime, piece: str) -> str:
    if piece[0] == "\\":
        return piece[1:]
    if piece[0] in "'\"" and len(piece) > 1:
        return piece[1:-1]
    letter, size = piece[0], len(piece)
    if letter == "f" and size <= 7:
        return f"{value.microsecond:06d}0"[:size]
    if letter == "F" and size <= 7:
        return f"{value.microsecond:06d}0"[:size].rstrip("0")
    if letter == "K":
        return {"Unspecified": "", "Local": "+00:00"}.get(getattr(value, "kind", "Utc"), "Z")
    if letter == "z":
        return {1: "+0", 2: "+00"}.get(size, "+00:00")
    if letter == "%":
        return ""
    texts = {"ddd": DAYS[value.weekday()][:3], "dddd": DAYS[value.weekday()], "t": "A" if value.hour < 12 else "P"}
    texts |= {
        "MMM": MONTHS[value.month - 1][:3],
        "MMMM": MONTHS[value.month - 1],
        "tt": "AM" if value.hour < 12 else "PM",
    }
    texts |= {"yy": f"{value.year % 100:02d}", "yyyy": f"{value.year:04d}"}
    if piece in texts:
        return texts[piece]
    numbers = {"d": value.day, "M": value.month, "H": value.hour, "h": value.hour % 12 or 12, "m": value.minute}
    numbers["s"] = value.second
    if letter in numbers and size <= 2:
        return str(numbers[letter]).zfill(size)
    if letter in "dMyHhmsftF":
        raise NotRun(f"the date format '{piece}' is not simulated")
    return piece


def parse_date(text: str | None) -> datetime:
    """DateTime.Parse of ISO 8601 in UTC and of MM/dd/yyyy; other forms depend on the gateway's culture and zone."""
    if text is None:
        raise EvaluationError("Value cannot be null. (Parameter 's')")
    found = re.fullmatch(
        r"\s*(\d{4})-(\d\d?)-(\d\d?)(?:[T ](\d\d?):(\d\d)(?::(\d\d)(?:\.(\d{1,7}))?)?(?:Z|\+00:00)?)?\s*", text
    )
    if found is None:
        american = re.fullmatch(r"\s*(\d\d?)/(\d\d?)/(\d{4})(?: (\d\d):(\d\d)(?::(\d\d))?)?\s*", text)
        if american is None:
            raise unknown_date(text)
        groups: Sequence[str | None] = (american[3], american[1], american[2], *american.groups()[3:], None)
    else:
        groups = found.groups()
    numbers = [int(one or 0) for one in groups[:6]]
    zone = Local if text.rstrip().endswith(("Z", "+00:00")) else Unspecified
    try:
        return zone(*numbers, int((groups[6] or "").ljust(6, "0")[:6] or 0))  # type: ignore[arg-type,call-arg,unused-ignore]
    except ValueError as error:
        raise EvaluationError("String was not recognized as a valid DateTime.") from error


def unknown_date(text: str) -> EvaluationError:
    if re.search(r"\d", text):
        return NotRun(f"the date '{text[:40]}' is written in a form that is not simulated")
    return EvaluationError("String was not recognized as a valid DateTime.")
