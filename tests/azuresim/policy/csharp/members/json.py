"""Newtonsoft.Json. Source: newtonsoft.com/json/help/html/N_Newtonsoft_Json_Linq.htm."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from azuresim.policy.csharp import json_values as json
from azuresim.policy.csharp.errors import EvaluationError, NotRun
from azuresim.policy.csharp.frame import Frame, Query, elements
from azuresim.policy.csharp.json_values import Json, JsonDate, child, owned, parsed, selected, serialized, to_json
from azuresim.policy.csharp.signatures import Typed, declare
from azuresim.policy.csharp.types import (
    JARRAY,
    JOBJECT,
    JPROPERTY,
    JTOKEN,
    JVALUE,
    STRING,
    T,
    is_json,
    is_value,
    sequence,
)
from azuresim.policy.csharp.values import Array, Dictionary, Enum, Long, bounded, default_of, full_name

SPACE = "Newtonsoft.Json.Linq"
KINDS = {bool: 9, Long: 6, int: 6, float: 7, type(None): 10, str: 8}


def kind_of(token: Json) -> Enum:
    names = json_types()
    if token.type == JVALUE:
        number = 12 if isinstance(token.value, datetime) else KINDS.get(type(token.value), 8)
    else:
        number = {JOBJECT: 1, JARRAY: 2, JPROPERTY: 4}[token.type]
    return Enum(T("JTokenType"), names[number], number)


def json_types() -> tuple[str, ...]:
    from azuresim.policy.csharp.types import ENUMS

    return ENUMS["JTokenType"]


def text(token: Json, form: Enum | None = None) -> str:
    if form is None:
        return token.written()
    return bounded(serialized(token, indented=form.name == "Indented"))


def value_at(_: Frame, types: dict[str, T], token: Json, key: Any) -> Any:
    """`token.Value<T>(key)`: what is absent is the default of T."""
    found = child(token, key)
    return default_of(types["T"]) if found is None else value_of(_, types, found)


def value_of(_: Frame, types: dict[str, T], token: Json | None) -> Any:
    """`token.Value<T>()`, which converts by System.Convert."""
    wanted = types["T"]
    if token is None:
        raise EvaluationError("Value cannot be null. (Parameter 'value')")
    if is_json(wanted) or token.type != JVALUE:
        if wanted not in (JTOKEN, token.type):
            raise EvaluationError(f"Cannot cast {full_name(token.type)} to {full_name(wanted)}.")
        return token
    return scalar_as(token, wanted)


def scalar_as(token: Json, wanted: T) -> Any:
    if token.value is None and is_value(wanted) and wanted.name != "?":
        raise EvaluationError("Null object cannot be converted to a value type.")
    if wanted.name == "Guid" and isinstance(token.value, str):
        raise EvaluationError("Invalid cast from 'System.String' to 'System.Guid'.")
    return None if token.value is None else json.from_json(token, wanted)


def as_type(found: Json, wanted: T) -> Any:
    """`ToObject<T>()`, by the serializer."""
    if is_json(wanted):
        if wanted not in (JTOKEN, found.type):
            raise EvaluationError(f"Cannot cast {found.type} to {wanted}.")
        return found
    if found.type == JVALUE and found.value is None:
        if is_value(wanted) and wanted.name != "?":
            raise EvaluationError(f"Error converting value {{null}} to type '{full_name(wanted)}'. Path ''.")
        return None
    return json.from_json(found, wanted)


def to_object(_: Frame, types: dict[str, T], token: Json) -> Any:
    wanted = types["T"]
    if wanted.name in ("[]", "List"):
        return Array(wanted, [as_type(one, wanted.args[0]) for one in listed(token)])
    if wanted.name == "Dictionary" and wanted.args[0] == STRING:
        if token.type != JOBJECT:
            raise EvaluationError("Cannot deserialize the current JSON into a dictionary.")
        return Dictionary(wanted, {name: as_type(one, wanted.args[1]) for name, one in token.value.items()})
    if wanted.name in ("object", "IEnumerable", "IList", "IDictionary"):
        raise NotRun(f"ToObject<{wanted}> is not simulated")
    return as_type(token, wanted)


def listed(token: Json) -> list[Json]:
    if token.type != JARRAY:
        raise EvaluationError("Cannot deserialize the current JSON into an array.")
    return list(token.value)


def property_of(token: Json, name: str) -> Json | None:
    return Json(JPROPERTY, (name, token.value[name])) if name in token.value else None


def add_property(token: Json, name: str, value: Json | None) -> None:
    if name in token.value:
        raise EvaluationError(
            f"Can not add property {name} to Newtonsoft.Json.Linq.JObject. Property with the same name already exists"
            " on object."
        )
    token.value[name] = owned(value)


def add_token(token: Json, content: Any) -> None:
    value = to_json(content)
    if token.type == JOBJECT:
        if value.type != JPROPERTY:
            raise EvaluationError(f"Can not add Newtonsoft.Json.Linq.{value.type} to Newtonsoft.Json.Linq.JObject.")
        add_property(token, *value.value)
    elif value.type == JPROPERTY:
        raise EvaluationError("Can not add Newtonsoft.Json.Linq.JProperty to Newtonsoft.Json.Linq.JArray.")
    else:
        token.value.append(owned(value))


def new_object(content: Any = ()) -> Json:
    made = Json(JOBJECT, {})
    for one in content:
        for part in elements(one) if isinstance(one, list | Query) else [one]:
            add_token(made, part)
    return made


def new_array(content: Any = ()) -> Json:
    made = Json(JARRAY, [])
    alone = len(content) == 1 and isinstance(content[0], list | Query)
    for one in elements(content[0]) if alone else content:
        add_token(made, one)
    return made


def new_property(name: str, content: Any) -> Json:
    if isinstance(content, Array | Query):
        return Json(JPROPERTY, (name, new_array([content])))
    return Json(JPROPERTY, (name, owned(to_json(content))))


def removed(token: Json, name: str) -> bool:
    return token.value.pop(name, None) is not None


def try_get(token: Json, name: str) -> tuple[bool, Json | None]:
    return name in token.value, token.value.get(name)


def find_any_case(token: Json, name: str | None, comparison: Enum) -> Json | None:
    if name in token.value:
        return child(token, name)
    if name is None or not comparison.name.endswith("IgnoreCase"):
        return None
    return next((one for key, one in token.value.items() if key.lower() == name.lower()), None)


def tokens(items: Any) -> Array:
    return Array(sequence(JTOKEN), items)


def descendants(token: Json) -> Array:
    return tokens(list(json.walk(token))[1:])


def must_select(token: Json, path: str, error: bool) -> Json | None:
    found = selected(token, path)
    if found is None and error:
        raise EvaluationError(f"Path '{path}' did not match any token.")
    return found


def deep_equals(one: Json | None, other: Json | None) -> bool:
    if one is None or other is None:
        return one is other
    return serialized(one, indented=False) == serialized(other, indented=False) and one.type == other.type


TOKEN: dict[str, Any] = {
    "JToken this[object key]": child,
    "JTokenType Type": kind_of,
    "bool HasValues": lambda token: bool(token.children()),
    "JToken First": lambda token: next(iter(token.children()), None),
    "JToken Last": lambda token: next(iter(token.children()[::-1]), None),
    "string ToString()": text,
    "string ToString(Formatting formatting)": text,
    "JToken SelectToken(string path)": selected,
    "JToken SelectToken(string path, bool errorWhenNoMatch)": must_select,
    "T Value<T>(object key)": Typed(value_at),
    "ext T Value<T>()": Typed(value_of),
    "T ToObject<T>()": Typed(to_object),
    "JToken DeepClone()": json.copied,
    "IEnumerable<JToken> Children()": lambda token: tokens(token.children()),
    "IEnumerable<JToken> Values()": lambda token: tokens(
        [one.value[1] if one.type == JPROPERTY else one for one in token.children()]
    ),
    "static JToken Parse(string json)": parsed,
    "static JToken FromObject(object o)": to_json,
    "static bool DeepEquals(JToken t1, JToken t2)": deep_equals,
}
COMMON = """Parent Root Path Next Previous AddAfterSelf AddBeforeSelf Ancestors BeforeSelf AfterSelf Remove Replace
    WriteTo SelectTokens CreateReader ToObject* Value* Values* Children* Annotation AddAnnotation Load ReadFrom
    ToString* Parse* Merge CreateWriter ReplaceAll RemoveAll AddFirst Descendants DescendantsAndSelf new* ContainsKey*
    GetEnumerator FromObject*"""
declare("JToken", SPACE, TOKEN, others=COMMON)
declare(
    "JObject",
    SPACE,
    {
        "new()": new_object,
        "new(params object[] content)": new_object,
        "JToken this[string propertyName]": child,
        "static JObject Parse(string json)": lambda source: parsed(source, JOBJECT),
        "static JObject FromObject(object o)": lambda value: of_kind(to_json(value), JOBJECT),
        "int Count": lambda token: len(token.value),
        "void Add(string propertyName, JToken value)": add_property,
        "void Add(object content)": add_token,
        "bool Remove(string propertyName)": removed,
        "bool ContainsKey(string propertyName)": lambda token, name: name in token.value,
        "bool TryGetValue(string propertyName, out JToken value)": try_get,
        "JToken GetValue(string propertyName)": lambda token, name: token.value.get(name),
        "JToken GetValue(string propertyName, StringComparison comparison)": find_any_case,
        "JProperty Property(string name)": property_of,
        "IEnumerable<JProperty> Properties()": lambda token: Array(sequence(JPROPERTY), token.properties()),
        "IEnumerable<JToken> PropertyValues()": lambda token: tokens(token.value.values()),
        "IEnumerable<JToken> Descendants()": descendants,
    },
    others=COMMON + " TryGetValue* Property* PropertyChanged",
)
declare(
    "JArray",
    SPACE,
    {
        "new()": new_array,
        "new(params object[] content)": new_array,
        "JToken this[int index]": child,
        "static JArray Parse(string json)": lambda source: parsed(source, JARRAY),
        "static JArray FromObject(object o)": lambda value: of_kind(to_json(value), JARRAY),
        "int Count": lambda token: len(token.value),
        "void Add(object content)": add_token,
        "void Add(JToken item)": add_token,
        "void Clear()": lambda token: token.value.clear(),
        "void RemoveAt(int index)": lambda token, index: (child(token, index), token.value.pop(index))[0],
        "IEnumerable<JToken> Descendants()": descendants,
    },
    others=COMMON + " IndexOf Insert Contains CopyTo",
)
declare(
    "JProperty",
    SPACE,
    {
        "new(string name, object content)": new_property,
        "string Name": lambda token: token.value[0],
        "JToken Value": lambda token: token.value[1],
    },
    others=COMMON + " Count",
)


def held(token: Json) -> Any:
    return token.value.plain() if isinstance(token.value, JsonDate) else token.value


declare(
    "JValue",
    SPACE,
    {
        "new(object value)": lambda value: Json(JVALUE, to_json(value).value),
        "object Value": held,
    },
    others=COMMON + " CreateString CreateNull CreateComment CompareTo",
)


def of_kind(token: Json, kind: T) -> Json:
    if token.type != kind:
        raise EvaluationError(f"Object serialized to {token.type}. {kind} instance expected.")
    return token


def serialize(value: Any, form: Enum | None = None) -> str:
    return bounded(serialized(to_json(value), indented=form is not None and form.name == "Indented"))


def deserialize(frame: Frame, types: dict[str, T], source: str) -> Any:
    return to_object(frame, types, parsed(source))


declare(
    "JsonConvert",
    "Newtonsoft.Json",
    {
        "static string SerializeObject(object value)": serialize,
        "static string SerializeObject(object value, Formatting formatting)": serialize,
        "static T DeserializeObject<T>(string value)": Typed(deserialize),
    },
    others="SerializeObject* DeserializeObject*",
)
