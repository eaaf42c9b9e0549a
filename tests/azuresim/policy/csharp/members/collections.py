"""Arrays, lists and dictionaries. Source: learn.microsoft.com/dotnet/api/system.collections.generic."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from azuresim.policy.csharp.errors import EvaluationError
from azuresim.policy.csharp.frame import Frame
from azuresim.policy.csharp.signatures import Live, Typed, declare
from azuresim.policy.csharp.types import OBJECT, STRING, T, array, sequence
from azuresim.policy.csharp.values import Array, Byte, Dictionary, Pair, bounded, default_of, unboxed

MISSING: object = object()


class Lookup:
    """IReadOnlyDictionary over what the call carries: headers, query, claims, variables."""

    def __init__(self, kind: T, values: Mapping[str, Any], any_case: bool = False) -> None:
        self.type, self.values, self.any_case = kind, values, any_case

    def find(self, key: str | None) -> tuple[bool, Any]:
        if key is None:
            raise EvaluationError("Value cannot be null. (Parameter 'key')")
        if key in self.values:
            return True, self.shown(self.values[key])
        if self.any_case:
            for name, value in self.values.items():
                if name.lower() == key.lower():
                    return True, self.shown(value)
        return False, None

    def shown(self, value: Any) -> Any:
        return (
            Array(array(STRING), value) if isinstance(value, list | tuple) and not isinstance(value, Array) else value
        )

    def elements(self) -> list[Pair]:
        return [Pair(name, self.shown(value)) for name, value in self.values.items()]


def found(of: Any, key: Any) -> tuple[bool, Any]:
    if isinstance(of, Lookup):
        return of.find(key)
    if key is None:
        raise EvaluationError("Value cannot be null. (Parameter 'key')")
    return (True, of[key]) if key in of else (False, None)


def got(of: Any, key: Any) -> Any:
    there, value = found(of, key)
    if not there:
        raise EvaluationError("The given key was not present in the dictionary.")
    return value


def joined_or(of: Any, key: str, default: str | None) -> str | None:
    """`GetValueOrDefault` of headers, query and claims: several values come joined by a comma."""
    there, value = found(of, key)
    return bounded(",".join(value)) if there else default


def variable_or(frame: Frame, types: dict[str, T], of: Any, key: str, default: Any) -> Any:
    there, value = found(of, key)
    if there:
        return unboxed(value, types["T"])
    return default_of(types["T"]) if default is None else default


READ: dict[str, Any] = {
    "V this[K key]": got,
    "bool ContainsKey(K key)": lambda of, key: found(of, key)[0],
    "bool TryGetValue(K key, out V value)": lambda of, key: tried(of, key),
    "int Count": lambda of: len(of.values) if isinstance(of, Lookup) else len(of),
    "IEnumerable<K> Keys": lambda of: Array(sequence(of.type.args[0]), [one.key for one in pairs(of)]),
    "IEnumerable<V> Values": lambda of: Array(sequence(of.type.args[1]), [one.value for one in pairs(of)]),
}


def tried(of: Any, key: Any) -> tuple[bool, Any]:
    there, value = found(of, key)
    return there, value if there else default_of(of.type.args[1])


def pairs(of: Any) -> list[Pair]:
    return of.elements() if isinstance(of, Lookup) else [Pair(key, value) for key, value in of.items()]


def added(of: Dictionary, key: Any, value: Any) -> None:
    if found(of, key)[0]:
        raise EvaluationError("An item with the same key has already been added.")
    of[key] = value


declare("IReadOnlyDictionary", "System.Collections.Generic", READ, generics="K V", others="GetEnumerator")
declare(
    "IReadOnlyDictionary<string, string[]>",
    "",
    {"string GetValueOrDefault(string key, string defaultValue = null)": joined_or},
)
declare(
    "IReadOnlyDictionary<string, string>",
    "",
    {
        "string GetValueOrDefault(string key, string defaultValue = null)": lambda of, key, default: (
            found(of, key)[1] if found(of, key)[0] else default
        )
    },
)
declare(
    "IReadOnlyDictionary<string, object>",
    "",
    {"T GetValueOrDefault<T>(string key, T defaultValue = null)": Typed(variable_or)},
)
declare("IDictionary", "System.Collections.Generic", READ, generics="K V", others="Add Remove Clear GetEnumerator")
declare(
    "Dictionary",
    "System.Collections.Generic",
    {
        **READ,
        "new()": lambda: Dictionary(OBJECT),
        "void Add(K key, V value)": added,
        "bool Remove(K key)": lambda of, key: of.pop(key, MISSING) is not MISSING,
        "void Clear()": dict.clear,
    },
    generics="K V",
    others="new* ContainsValue Comparer GetEnumerator Remove* TryAdd",
)
declare(
    "KeyValuePair",
    "System.Collections.Generic",
    {"K Key": lambda one: one.key, "V Value": lambda one: one.value},
    "K V",
)


# --- arrays and lists -------------------------------------------------------------------------------------------------
def at(of: Any, index: int) -> Any:
    if not 0 <= index < len(of):
        raise EvaluationError(
            "Index was outside the bounds of the array."
            if not isinstance(of, Array) or of.type.name == "[]"
            else "Index was out of range. Must be non-negative and less than the size of the collection."
        )
    return Byte(of[index]) if isinstance(of, bytes) else of[index]


def appended(of: Any, value: Any) -> None:
    if of.type.name == "[]":
        raise EvaluationError("Collection was of a fixed size.")
    of.append(value)


declare(
    "[]",
    "System",
    {"int Length": len, "T this[int index]": at},
    generics="T",
    others="GetLength GetValue SetValue Clone CopyTo Rank LongLength GetUpperBound GetEnumerator",
)
declare(
    "Array",
    "System",
    {"static int IndexOf<T>(T[] array, T value)": lambda of, value: of.index(value) if value in of else -1},
    others="""Sort Reverse Exists Find FindIndex ConvertAll Copy Resize Empty ForEach FindAll TrueForAll Clear
        LastIndexOf""",
)
declare("IReadOnlyCollection", "System.Collections.Generic", {"int Count": len}, generics="T")
declare(
    "ICollection",
    "System.Collections.Generic",
    {"int Count": len, "void Add(T item)": appended},
    generics="T",
    others="Remove Clear CopyTo",
)
declare(
    "IList",
    "System.Collections.Generic",
    {"T this[int index]": at},
    generics="T",
    others="IndexOf Insert RemoveAt",
)
declare(
    "List",
    "System.Collections.Generic",
    {
        "new()": lambda: Array(OBJECT),
        "new(IEnumerable<T> collection)": Live(lambda frame, of: Array(OBJECT, frame.items(of))),
        "int Count": len,
        "T this[int index]": at,
        "void Add(T item)": appended,
        "void AddRange(IEnumerable<T> collection)": Live(lambda frame, of, more: of.extend(list(frame.items(more)))),
        "bool Contains(T item)": lambda of, value: value in of,
        "bool Exists(Func<T, bool> match)": lambda of, test: any(test(one) for one in of),
        "int IndexOf(T item)": lambda of, value: of.index(value) if value in of else -1,
        "void Clear()": list.clear,
    },
    generics="T",
    others="""Insert RemoveAt Remove RemoveAll Sort Reverse Find FindAll FindIndex ForEach ToArray* BinarySearch
        Capacity new* ConvertAll GetRange IndexOf* TrueForAll InsertRange CopyTo GetEnumerator""",
)
declare("HashSet", "System.Collections.Generic", {}, "T", others="new Add Contains Count Remove UnionWith")
