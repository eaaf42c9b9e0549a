"""
JToken and its kin while an expression runs: read, indexed, converted and written as Newtonsoft.Json does.

Source: newtonsoft.com/json/help, "LINQ to JSON". Lines end as on Windows, where the gateway runs; nobody confirms that.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from azuresim.policy.csharp.errors import EvaluationError, NotRun
from azuresim.policy.csharp.frame import Query, elements
from azuresim.policy.csharp.types import JARRAY, JOBJECT, JPROPERTY, JTOKEN, JVALUE, T
from azuresim.policy.csharp.values import Char, Enum, Long, Pair, Unspecified, bounded, double_text, of_kind, text_of

DEEPEST = 64
MOST_TOKENS = 50_000
DATE = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,7}))?(Z|[+-]\d\d:\d\d)?")


class Json:
    """A JToken: `value` is a dict, a list, a scalar, or for JProperty a pair of name and token."""

    __slots__ = ("type", "value")

    def __init__(self, kind: T, value: Any) -> None:
        self.type, self.value = kind, value

    @property
    def size(self) -> int:
        return len(self.value) if self.type in (JOBJECT, JARRAY) else 0

    def written(self) -> str:
        if self.type == JVALUE:
            return value_text(self.value)
        return bounded(serialized(self, indented=True))

    def elements(self) -> list[Any]:
        if self.type == JOBJECT:
            return [Pair(name, one) for name, one in self.value.items()]
        return self.children()

    def children(self) -> list[Any]:
        if self.type == JOBJECT:
            return self.properties()
        if self.type == JPROPERTY:
            return [self.value[1]]
        return list(self.value) if self.type == JARRAY else []

    def properties(self) -> list[Any]:
        return [Json(JPROPERTY, (name, one)) for name, one in self.value.items()]


def parsed(text: str | None, wanted: T = JTOKEN) -> Json:
    """JToken.Parse and its kin. Raises EvaluationError where Newtonsoft.Json raises JsonReaderException."""
    if text is None:
        raise EvaluationError("Value cannot be null. (Parameter 'json')")
    try:
        loaded = json.loads(text, parse_float=float, parse_constant=refuse_constant)
    except RecursionError as error:
        raise NotRun("JSON nested deeper than 64 is not simulated") from error
    except ValueError as error:
        raise unreadable(text, wanted) from error
    found = token_of(loaded)
    if wanted != JTOKEN and found.type != wanted:
        shown = {JOBJECT: "JObject", JARRAY: "JArray"}.get(wanted, str(wanted))
        raise EvaluationError(f"Error reading {shown} from JsonReader. Current JsonReader item is not of that type.")
    return found


def refuse_constant(name: str) -> None:
    raise NotRun(f"{name} in JSON is not simulated")


def unreadable(text: str, wanted: T) -> EvaluationError:
    if not text.strip():
        return EvaluationError(f"Error reading {wanted} from JsonReader. Path '', line 0, position 0.")
    if re.search(r"'|/\*|//|,\s*[\]}]|[{,]\s*[A-Za-z_]\w*\s*:", text):
        return NotRun("JSON that only Newtonsoft.Json reads is not simulated")
    return EvaluationError(f"Unexpected character encountered while parsing value: {text.strip()[0]}. Path ''.")


def token_of(loaded: Any, depth: int = 0) -> Json:
    if depth > DEEPEST:
        raise NotRun("JSON nested deeper than 64 is not simulated")
    if isinstance(loaded, dict):
        return Json(JOBJECT, {name: token_of(one, depth + 1) for name, one in loaded.items()})
    if isinstance(loaded, list):
        return Json(JARRAY, [token_of(one, depth + 1) for one in loaded])
    if isinstance(loaded, int) and not isinstance(loaded, bool):
        if not -(2**63) <= loaded < 2**63:
            raise NotRun("JSON numbers beyond 64 bits are not simulated")
        return Json(JVALUE, Long(loaded))
    return Json(JVALUE, date_of(loaded) if isinstance(loaded, str) else loaded)


def date_of(text: str) -> Any:
    """Newtonsoft.Json reads texts that look like ISO 8601 as dates (DateParseHandling.DateTime)."""
    found = DATE.fullmatch(text)
    if found is None:
        return text
    if found[3] not in ("Z", None) or len(found[2] or "") > 6:
        raise NotRun(f"the JSON date {text} depends on the time zone or precision of the gateway and is not simulated")
    try:
        return JsonDate.at(datetime.fromisoformat(found[1] + ("." + found[2].ljust(6, "0") if found[2] else "")), text)
    except ValueError:
        return text


class JsonDate(datetime):
    """A date from JSON, which is written back as it came."""

    source: str

    def plain(self) -> datetime:
        """The date on its own, as C# gets it."""
        return of_kind(datetime if self.source.endswith("Z") else Unspecified, self)

    @classmethod
    def at(cls, value: datetime, source: str) -> JsonDate:
        made = cls(*value.timetuple()[:6], value.microsecond)
        made.source = source
        return made


def value_text(value: Any) -> str:
    return "" if value is None else text_of(value)


def serialized(token: Json, indented: bool, depth: int = 0) -> str:
    if depth > 2 * DEEPEST:
        raise NotRun("JSON nested deeper than 64 is not simulated")
    if token.type == JPROPERTY:
        return f"{quoted(token.value[0])}:{' ' if indented else ''}{serialized(token.value[1], indented, depth)}"
    if token.type == JVALUE:
        return scalar(token.value)
    begin, end = ("{", "}") if token.type == JOBJECT else ("[", "]")
    parts = [serialized(one, indented, depth + 1) for one in token.children()]
    if not parts:
        return begin + end
    if not indented:
        return begin + ",".join(parts) + end
    line = "\r\n" + "  " * (depth + 1)
    return begin + line + ("," + line).join(parts) + "\r\n" + "  " * depth + end


def quoted(text: str) -> str:
    shown = json.dumps(text, ensure_ascii=False).replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    return shown.replace("\x85", "\\u0085")


def scalar(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, JsonDate):
        return quoted(value.source)
    if isinstance(value, datetime):
        fraction = f".{value.microsecond:06d}".rstrip("0") if value.microsecond else ""
        zone = {"Unspecified": "", "Local": "+00:00"}.get(getattr(value, "kind", "Utc"), "Z")
        return quoted(value.strftime("%Y-%m-%dT%H:%M:%S").rjust(19, "0") + fraction + zone)
    if isinstance(value, float):
        shown = double_text(value)
        return shown if any(mark in shown for mark in ".EN") else shown + ".0"
    if isinstance(value, Decimal):
        shown = text_of(value)
        return shown if "." in shown else shown + ".0"
    return text_of(value) if isinstance(value, int) else quoted(text_of(value))


def to_json(value: Any) -> Json:
    """What the implicit conversions to JToken, JToken.FromObject and the constructors make of a value."""
    if isinstance(value, Json):
        return value
    if isinstance(value, list | Query):
        return Json(JARRAY, [to_json(one) for one in elements(value)])
    if isinstance(value, dict):
        return Json(JOBJECT, {text_of(name): to_json(one) for name, one in value.items()})
    if isinstance(value, Char):
        return Json(JVALUE, str(value))
    if value is None or isinstance(value, bool | str | float | Decimal | datetime | UUID | timedelta):
        return Json(JVALUE, value)
    if isinstance(value, Enum):
        return Json(JVALUE, Long(value.number))
    if isinstance(value, int):
        return Json(JVALUE, Long(value))
    raise NotRun("JSON of such a value is not simulated")


def from_json(token: Json | None, wanted: T) -> Any:
    """`(T)token`."""
    name = wanted.args[0].name if wanted.name == "?" else wanted.name
    if token is None or (token.type == JVALUE and token.value is None):
        if wanted.name in ("?", "string"):
            return None
        if token is None:
            raise EvaluationError("Value cannot be null. (Parameter 'value')")
        raise EvaluationError(f"Can not convert Null to {SHOWN.get(name, name)}.")
    found = token.value[1] if token.type == JPROPERTY else token
    if found.type != JVALUE:
        kind = "Object" if found.type == JOBJECT else "Array"
        raise EvaluationError(f"Can not convert {kind} to {SHOWN.get(name, name)}.")
    return convert(found.value, name)


SHOWN = {
    "string": "String",
    "int": "Int32",
    "long": "Int64",
    "bool": "Boolean",
    "double": "Double",
    "decimal": "Decimal",
}


def convert(value: Any, name: str) -> Any:
    from azuresim.policy.csharp.conversions import CONVERT

    value = value.plain() if isinstance(value, JsonDate) else value
    work: Callable[[Any], Any] | None = CONVERT.get(name)
    if work is None:
        raise NotRun(f"the conversion of JSON to '{name}' is not simulated")
    return work(value)


def child(token: Json, key: Any) -> Json | None:
    """`token[key]`."""
    if token.type == JOBJECT:
        if not isinstance(key, str):
            raise EvaluationError("Accessed JObject values with invalid key value. Object property name expected.")
        found: Json | None = token.value.get(key)
        return found
    if token.type == JARRAY:
        if not isinstance(key, int) or isinstance(key, bool):
            raise EvaluationError("Accessed JArray values with invalid key value. Int32 array index expected.")
        if not 0 <= key < len(token.value):
            raise EvaluationError(
                "Index was out of range. Must be non-negative and less than the size of the collection."
            )
        item: Json = token.value[key]
        return item
    raise EvaluationError(f"Cannot access child value on Newtonsoft.Json.Linq.{token.type}.")


def put(token: Json, key: Any, value: Json | None) -> None:
    """`token[key] = value`."""
    if token.type == JARRAY:
        child(token, key)
        token.value[key] = owned(value)
    elif token.type == JOBJECT and isinstance(key, str):
        token.value[key] = owned(value)
    else:
        raise EvaluationError(f"Cannot set child value on Newtonsoft.Json.Linq.{token.type}.")


def owned(value: Json | None) -> Json:
    """A token to put into another: a copy, so that no token lies in two places. NotRun when it grows too large."""
    if value is None:
        return Json(JVALUE, None)
    if sum(1 for _ in walk(value)) > MOST_TOKENS:
        raise NotRun("JSON of more than 50,000 tokens is not simulated")
    return copied(value)


def copied(value: Json) -> Json:
    if value.type == JOBJECT:
        return Json(JOBJECT, {name: copied(one) for name, one in value.value.items()})
    if value.type == JARRAY:
        return Json(JARRAY, [copied(one) for one in value.value])
    if value.type == JPROPERTY:
        return Json(JPROPERTY, (value.value[0], copied(value.value[1])))
    return Json(JVALUE, value.value)


def walk(value: Json, depth: int = 0) -> Iterator[Json]:
    if depth > DEEPEST:
        raise NotRun("JSON nested deeper than 64 is not simulated")
    yield value
    for one in value.children():
        yield from walk(one, depth + 1)


STEP = re.compile(r"\.?([A-Za-z_@][\w-]*)|\[(\d+)\]|\['([^']*)'\]")


def selected(token: Json, path: str | None) -> Json | None:
    """SelectToken: names, indexes and quoted names; filters, wildcards and descent are not simulated."""
    if path is None:
        raise EvaluationError("Value cannot be null. (Parameter 'path')")
    rest = path.removeprefix("$")
    at, found = 0, token
    while at < len(rest):
        step = STEP.match(rest, at)
        if step is None:
            raise NotRun(f"the JSON path {path} is not simulated")
        key: Any = int(step[2]) if step[2] else step[1] if step[1] is not None else step[3]
        inner = child(found, key) if reaches(found, key) else None
        if inner is None:
            return None
        at, found = step.end(), inner
    return found


def reaches(token: Json, key: Any) -> bool:
    if isinstance(key, int):
        return token.type == JARRAY and key < len(token.value)
    return token.type == JOBJECT and key in token.value
