"""System.Linq.Enumerable. Source: learn.microsoft.com/dotnet/api/system.linq.enumerable."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cmp_to_key
from itertools import islice
from typing import Any
from uuid import UUID

from azuresim.policy.csharp.errors import EvaluationError, NotRun
from azuresim.policy.csharp.frame import Frame, Query
from azuresim.policy.csharp.json_values import Json
from azuresim.policy.csharp.members.collections import MISSING, added, at
from azuresim.policy.csharp.operators import binary
from azuresim.policy.csharp.signatures import Live, Typed, declare
from azuresim.policy.csharp.types import JVALUE, OBJECT, T, array, sequence
from azuresim.policy.csharp.values import Array, Dictionary, default_of

NO_ELEMENTS = "Sequence contains no elements"
NO_MATCH = "Sequence contains no matching element"
Predicate = Callable[[Any], bool]


def always(_: Any) -> bool:
    return True


def first(frame: Frame, of: Any, test: Predicate = always) -> Any:
    for one in frame.items(of):
        if test(one):
            return one
    raise EvaluationError(NO_ELEMENTS if test is always else NO_MATCH)


def first_or(frame: Frame, types: dict[str, T], of: Any, test: Predicate = always) -> Any:
    found = next((one for one in frame.items(of) if test(one)), MISSING)
    return default_of(types["T"]) if found is MISSING else found


def last(frame: Frame, of: Any, test: Predicate = always) -> Any:
    return first(frame, Array(OBJECT, reversed(list(frame.items(of)))), test)


def last_or(frame: Frame, types: dict[str, T], of: Any, test: Predicate = always) -> Any:
    return first_or(frame, types, Array(OBJECT, reversed(list(frame.items(of)))), test)


def single(frame: Frame, of: Any, test: Predicate = always) -> Any:
    matching = [one for one in frame.items(of) if test(one)]
    if len(matching) > 1:
        raise EvaluationError(
            "Sequence contains more than one " + ("element" if test is always else "matching element")
        )
    if not matching:
        raise EvaluationError(NO_ELEMENTS if test is always else NO_MATCH)
    return matching[0]


def single_or(frame: Frame, types: dict[str, T], of: Any, test: Predicate = always) -> Any:
    matching = [one for one in frame.items(of) if test(one)]
    return single(frame, Array(OBJECT, matching)) if matching else default_of(types["T"])


def listed(kind: Callable[[T], T], name: str = "T") -> Callable[[Callable[..., Iterable[Any]]], Typed]:
    """A member whose items make a collection of the type parameter `name`: at once, or when enumerated (`sequence`)."""

    def decorate(work: Callable[..., Iterable[Any]]) -> Typed:
        def run(frame: Frame, types: dict[str, T], of: Any, *args: Any) -> Any:
            if of is None:
                raise EvaluationError("Value cannot be null. (Parameter 'source')")
            if kind is sequence:
                return Query(kind(types[name]), lambda: work(frame, of, *args))
            return made(kind(types[name]), list(work(frame, of, *args)))

        return Typed(run)

    return decorate


def made(kind: T, items: list[Any]) -> Any:
    return bytes(items) if kind == array(T("byte")) else Array(kind, items)


def as_list(of: T) -> T:
    return T("List", (of,))


def mark_of(value: Any) -> Any:
    """What is equal for values that C# calls equal; JValue compares what it holds, other objects are themselves."""
    if isinstance(value, Json):
        return ("JValue", type(value.value), value.value) if value.type == JVALUE else id(value)
    if value is None or isinstance(value, str | int | float | Decimal | UUID | datetime | timedelta):
        return value
    raise NotRun("comparing such objects with each other is not simulated")


def distinct(frame: Frame, of: Any) -> list[Any]:
    seen: list[Any] = []
    marks: set[Any] = set()
    for one in frame.items(of):
        mark = mark_of(one)
        if mark not in marks:
            marks.add(mark)
            seen.append(one)
    return seen


def ordered(frame: Frame, of: Any, key: Callable[[Any], Any], descending: bool) -> list[Any]:
    items = list(frame.items(of))
    return sorted(items, key=cmp_to_key(lambda one, other: order(key(one), key(other))), reverse=descending)


def order(one: Any, other: Any) -> int:
    if one is None or other is None:
        return (one is not None) - (other is not None)
    if type(one) is not type(other):
        raise NotRun("comparing objects of different types is not simulated")
    if isinstance(one, str) and not (one.isascii() and one.isalnum() and one == one.lower() and other == other.lower()):
        raise NotRun("sorting texts in a culture is not simulated")
    try:
        return bool(one > other) - bool(one < other)
    except TypeError as error:
        raise EvaluationError("At least one object must implement IComparable.") from error


def summed(frame: Frame, types: dict[str, T], of: Any, key: Callable[[Any], Any], name: str) -> Any:
    kind = types[name]
    if kind.name not in ("int", "long", "double", "decimal"):
        raise NotRun(f"the sum of '{kind}' is not simulated")
    zeros: dict[str, Any] = {"int": 0, "long": 0, "double": 0.0, "decimal": Decimal(0)}
    total = sum((key(one) for one in frame.items(of)), zeros[kind.name])
    if kind.name in ("int", "long") and not -(2**31) <= total < 2**31 and kind.name == "int":
        raise EvaluationError("Arithmetic operation resulted in an overflow.")
    return binary("+", kind, kind)[1](zeros[kind.name], total)


def extreme(frame: Frame, of: Any, key: Callable[[Any], Any], sign: int) -> Any:
    values = [key(one) for one in frame.items(of)]
    if not values:
        raise EvaluationError(NO_ELEMENTS)
    best = values[0]
    for one in values[1:]:
        best = one if order(one, best) * sign > 0 else best
    return best


def same(value: Any) -> Any:
    return value


def keyed(frame: Frame, types: dict[str, T], of: Any, key: Callable[[Any], Any], value: Callable[[Any], Any]) -> Any:
    result = Dictionary(T("Dictionary", (types["K"], types.get("V", types["T"]))))
    for one in frame.items(of):
        name = key(one)
        mark_of(name)
        added(result, name, value(one))
    return result


def equal_sequences(frame: Frame, of: Any, other: Any) -> bool:
    return list(frame.items(of)) == list(frame.items(other))


def contains(frame: Frame, of: Any, value: Any) -> bool:
    """JArray, a collection itself, looks for the very same token; of other sequences of tokens nobody knows here."""
    if isinstance(value, Json) and not isinstance(of, Json):
        raise NotRun("Contains on a sequence of JSON is not simulated")
    return any(one is value if isinstance(one, Json) else one == value for one in frame.items(of))


def limited(count: int) -> int:
    return max(0, count)


LINQ: dict[str, Any] = {
    "bool Any()": Live(lambda frame, of: next(frame.items(of), MISSING) is not MISSING),
    "bool Any(Func<T, bool> predicate)": Live(lambda frame, of, test: any(test(one) for one in frame.items(of))),
    "bool All(Func<T, bool> predicate)": Live(lambda frame, of, test: all(test(one) for one in frame.items(of))),
    "int Count()": Live(lambda frame, of: len(list(frame.items(of)))),
    "int Count(Func<T, bool> predicate)": Live(lambda frame, of, test: sum(1 for one in frame.items(of) if test(one))),
    "bool Contains(T value)": Live(contains),
    "bool SequenceEqual(IEnumerable<T> second)": Live(equal_sequences),
    "T First()": Live(first),
    "T First(Func<T, bool> predicate)": Live(first),
    "T FirstOrDefault()": Typed(first_or),
    "T FirstOrDefault(Func<T, bool> predicate)": Typed(first_or),
    "T Last()": Live(last),
    "T Last(Func<T, bool> predicate)": Live(last),
    "T LastOrDefault()": Typed(last_or),
    "T LastOrDefault(Func<T, bool> predicate)": Typed(last_or),
    "T Single()": Live(single),
    "T Single(Func<T, bool> predicate)": Live(single),
    "T SingleOrDefault()": Typed(single_or),
    "T SingleOrDefault(Func<T, bool> predicate)": Typed(single_or),
    "T ElementAt(int index)": Live(lambda frame, of, index: at(Array(OBJECT, frame.items(of)), index)),
    "IEnumerable<T> Where(Func<T, bool> predicate)": listed(sequence)(
        lambda frame, of, test: (one for one in frame.items(of) if test(one))
    ),
    "IEnumerable<R> Select<R>(Func<T, R> selector)": listed(sequence, "R")(
        lambda frame, of, work: (work(one) for one in frame.items(of))
    ),
    "IEnumerable<R> Select<R>(Func<T, int, R> selector)": listed(sequence, "R")(
        lambda frame, of, work: (work(one, index) for index, one in enumerate(frame.items(of)))
    ),
    "IEnumerable<R> SelectMany<R>(Func<T, IEnumerable<R>> selector)": listed(sequence, "R")(
        lambda frame, of, work: (inner for one in frame.items(of) for inner in frame.items(work(one)))
    ),
    "IEnumerable<T> Distinct()": listed(sequence)(distinct),
    "IEnumerable<T> Reverse()": listed(sequence)(lambda frame, of: list(frame.items(of))[::-1]),
    "IEnumerable<T> Skip(int count)": listed(sequence)(
        lambda frame, of, count: islice(frame.items(of), limited(count), None)
    ),
    "IEnumerable<T> Take(int count)": listed(sequence)(
        lambda frame, of, count: islice(frame.items(of), limited(count))
    ),
    "IEnumerable<T> Concat(IEnumerable<T> second)": listed(sequence)(
        lambda frame, of, more: [*frame.items(of), *frame.items(more)]
    ),
    "IEnumerable<T> Union(IEnumerable<T> second)": listed(sequence)(
        lambda frame, of, more: distinct(frame, Array(OBJECT, [*frame.items(of), *frame.items(more)]))
    ),
    "IEnumerable<T> Intersect(IEnumerable<T> second)": listed(sequence)(
        lambda frame, of, more: both(distinct(frame, of), list(frame.items(more)), True)
    ),
    "IEnumerable<T> Except(IEnumerable<T> second)": listed(sequence)(
        lambda frame, of, more: both(distinct(frame, of), list(frame.items(more)), False)
    ),
    "IOrderedEnumerable<T> OrderBy<K>(Func<T, K> keySelector)": listed(sequence)(
        lambda frame, of, key: ordered(frame, of, key, False)
    ),
    "IOrderedEnumerable<T> OrderByDescending<K>(Func<T, K> keySelector)": listed(sequence)(
        lambda frame, of, key: ordered(frame, of, key, True)
    ),
    "T[] ToArray()": listed(array)(lambda frame, of: list(frame.items(of))),
    "List<T> ToList()": listed(as_list)(lambda frame, of: list(frame.items(of))),
    "Dictionary<K, T> ToDictionary<K>(Func<T, K> keySelector)": Typed(
        lambda frame, types, of, key: keyed(frame, types, of, key, same)
    ),
    "Dictionary<K, V> ToDictionary<K, V>(Func<T, K> keySelector, Func<T, V> elementSelector)": Typed(keyed),
    "T Sum()": Typed(lambda frame, types, of: summed(frame, types, of, same, "T")),
    "R Sum<R>(Func<T, R> selector)": Typed(lambda frame, types, of, key: summed(frame, types, of, key, "R")),
    "T Max()": Live(lambda frame, of: extreme(frame, of, same, 1)),
    "T Min()": Live(lambda frame, of: extreme(frame, of, same, -1)),
    "R Max<R>(Func<T, R> selector)": Live(lambda frame, of, key: extreme(frame, of, key, 1)),
    "R Min<R>(Func<T, R> selector)": Live(lambda frame, of, key: extreme(frame, of, key, -1)),
}


def both(items: Sequence[Any], others: Sequence[Any], inside: bool) -> list[Any]:
    marks = {one for one in others if isinstance(one, str | int | float)}
    if any(not isinstance(one, str | int | float | None) for one in (*items, *others)):
        raise NotRun("set operations on objects are not simulated")
    return [one for one in items if (one in marks) == inside]


declare(
    "IEnumerable",
    "System.Collections.Generic",
    LINQ,
    generics="T",
    others="""Aggregate Average Cast OfType GroupBy Join GroupJoin Zip DefaultIfEmpty ElementAtOrDefault TakeWhile
        SkipWhile ThenBy ThenByDescending ToLookup LongCount AsEnumerable Append Prepend ToHashSet Sum* Max* Min*
        Where* Any* OrderBy* Contains* Distinct* ToDictionary* GetEnumerator SelectMany* Select*""",
)
declare("Enumerable", "System.Linq", {}, others="Range Repeat Empty Any First Select Where Concat Contains Join Count")
declare("IOrderedEnumerable", "System.Linq", {}, "T", others="ThenBy ThenByDescending")
