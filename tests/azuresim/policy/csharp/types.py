"""Static types: what is what, what converts to what, and how the compiler names them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class T:
    name: str
    args: tuple[T, ...] = ()

    def __str__(self) -> str:
        if self.name == "[]":
            return f"{self.args[0]}[]"
        if self.name == "?":
            return f"{self.args[0]}?"
        return f"{self.name}<{', '.join(map(str, self.args))}>" if self.args else self.name


def array(of: T) -> T:
    return T("[]", (of,))


def nullable(of: T) -> T:
    return of if of.name == "?" or not is_value(of) else T("?", (of,))


def sequence(of: T) -> T:
    return T("IEnumerable", (of,))


STRING, INT, LONG, DOUBLE, DECIMAL = T("string"), T("int"), T("long"), T("double"), T("decimal")
BOOL, CHAR, BYTE, OBJECT, VOID, NULL = T("bool"), T("char"), T("byte"), T("object"), T("void"), T("<null>")
BYTES = array(BYTE)
JTOKEN, JVALUE, JOBJECT, JARRAY, JPROPERTY = T("JToken"), T("JValue"), T("JObject"), T("JArray"), T("JProperty")
DATETIME, TIMESPAN, GUID = T("DateTime"), T("TimeSpan"), T("Guid")
ENUMS = {
    "StringComparison": (
        *("CurrentCulture", "CurrentCultureIgnoreCase", "InvariantCulture", "InvariantCultureIgnoreCase", "Ordinal"),
        "OrdinalIgnoreCase",
    ),
    "StringSplitOptions": ("None", "RemoveEmptyEntries"),
    "RegexOptions": (
        "None",
        "IgnoreCase",
        "Multiline",
        "ExplicitCapture",
        "Compiled",
        "Singleline",
        "CultureInvariant",
    ),
    "Formatting": ("None", "Indented"),
    "DayOfWeek": ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"),
    "DateTimeKind": ("Unspecified", "Utc", "Local"),
    "JTokenType": (
        *("None", "Object", "Array", "Constructor", "Property", "Comment", "Integer", "Float", "String", "Boolean"),
        *("Null", "Undefined", "Date", "Raw", "Bytes", "Guid", "Uri", "TimeSpan"),
    ),
    "ProductState": ("NotPublished", "Published"),
}
ENUM_VALUES = {"RegexOptions": (0, 1, 2, 4, 8, 16, 512)}
VALUE_TYPES = {"int", "long", "double", "decimal", "bool", "char", "byte", "DateTime", "TimeSpan", "Guid", "?"}
VALUE_TYPES |= {"KeyValuePair", *ENUMS}
NUMERIC = {"int": 1, "long": 2, "decimal": 3, "double": 3}
WIDER = {
    "byte": ("int", "long", "double", "decimal"),
    "char": ("int", "long", "double", "decimal"),
    "int": ("long", "double", "decimal"),
    "long": ("double", "decimal"),
}
PARENTS = {
    "JObject": JTOKEN,
    "JArray": JTOKEN,
    "JProperty": JTOKEN,
    "JValue": JTOKEN,
    "Match": T("Group"),
    "Group": T("Capture"),
    "IContextApi": T("IApi"),
    "HMACSHA256": T("HashAlgorithm"),
    "SHA256": T("HashAlgorithm"),
    "SHA1": T("HashAlgorithm"),
    "SHA512": T("HashAlgorithm"),
    "MD5": T("HashAlgorithm"),
}
TO_JTOKEN = {"string", "int", "long", "double", "decimal", "bool", "DateTime", "Guid", "TimeSpan", "byte"}
FROM_JTOKEN = {"string", "int", "long", "double", "decimal", "bool", "DateTime", "Guid", "?"}
DICTIONARIES = ("Dictionary", "IDictionary", "IReadOnlyDictionary")


def is_value(of: T) -> bool:
    return of.name in VALUE_TYPES


def is_enum(of: T) -> bool:
    return of.name in ENUMS


def is_json(of: T) -> bool:
    return of.name == "JToken" or PARENTS.get(of.name) == JTOKEN


def parents(of: T) -> list[T]:
    """The types that a reference of this one converts to, nearest first, `object` left out."""
    found = [of]
    for one in found:
        found += [base for base in bases(one) if base not in found]
    return found[1:]


def bases(of: T) -> list[T]:
    if of.name in PARENTS:
        return [PARENTS[of.name], *([sequence(JTOKEN)] if of == JARRAY else [])]
    if of.name in ("[]", "List"):
        return [T("IList", of.args), T("IReadOnlyCollection", of.args)]
    if of.name in ("IList", "HashSet"):
        return [T("ICollection", of.args)]
    if of.name in ("ICollection", "IReadOnlyCollection", "IOrderedEnumerable"):
        return [sequence(of.args[0])]
    if of.name == "Dictionary":
        return [T("IDictionary", of.args), T("IReadOnlyDictionary", of.args)]
    if of.name in ("IDictionary", "IReadOnlyDictionary"):
        return [sequence(T("KeyValuePair", of.args))]
    if of == STRING:
        return [sequence(CHAR)]
    if of == JTOKEN:
        return [sequence(JTOKEN)]
    return []


def element_of(of: T) -> T | None:
    """What foreach gets from it; None when it is no collection."""
    if of == JOBJECT:
        return T("KeyValuePair", (STRING, JTOKEN))
    for one in (of, *parents(of)):
        if one.name == "IEnumerable":
            return one.args[0]
    return None


def cost(source: T, target: T) -> int | None:
    """How far an implicit conversion goes: 0 for the same type, None when there is none."""
    if source == target:
        return 0
    if source == NULL:
        return None if is_value(target) and target.name != "?" else 1
    if VOID in (source, target):
        return None
    if target.name == "?":
        inner = cost(source, target.args[0]) if source.name != "?" else cost(source.args[0], target.args[0])
        return None if inner is None else inner + 1
    if target.name in WIDER.get(source.name, ()):
        return 1 + WIDER[source.name].index(target.name)
    if not is_value(source) and not is_value(target):
        for distance, parent in enumerate(parents(source), 1):
            if covariant(parent, target):
                return distance
    if target == JTOKEN and (source.args[0] if source.name == "?" else source).name in TO_JTOKEN:
        return 20
    return 50 if target == OBJECT else None


def covariant(source: T, target: T) -> bool:
    if source == target:
        return True
    if source.name != target.name or source.name not in ("IEnumerable", "IReadOnlyCollection", "[]"):
        return False
    one, other = source.args[0], target.args[0]
    return (
        not is_value(one)
        and cost(one, other) is not None
        and other.name != "?"
        and not (other == JTOKEN and one == STRING)
    )


def casts(source: T, target: T) -> bool:
    """Whether `(target)source` compiles."""
    if cost(source, target) is not None or cost(target, source) is not None:
        return not (source.name in TO_JTOKEN and target in (JOBJECT, JARRAY))
    if source == OBJECT or target == OBJECT:
        return True
    if source.name == "?":
        return casts(source.args[0], target)
    numbers = {*NUMERIC, "char", "byte"}
    one = target.args[0] if target.name == "?" else target
    if source.name in numbers and (one.name in numbers or is_enum(one)):
        return True
    if is_enum(source) and one.name in numbers:
        return True
    if is_json(source) and target.name in FROM_JTOKEN:
        return True
    return is_interface(source) and not is_value(target) and target != STRING and not is_json(target)


def is_interface(of: T) -> bool:
    return of.name[:1] == "I" and of.name[1:2].isupper() and of.name not in ("IPAddress",)
