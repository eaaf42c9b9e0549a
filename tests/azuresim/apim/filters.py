"""
The `$filter` of API Management's lists: one comparison with a text or a truth, or what all of ARM's lists understand.

Names go with and without `properties/` in front, in any case. Source: REST reference, "Apis - List By Service"
($filter).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from azuresim.arm import ArmError
from azuresim.arm.filters import Field, parsed
from azuresim.resources import Body

SIMPLE = re.compile(r"^\s*(?:properties/)?(\w+)\s+eq\s+(?:'((?:[^']|'')*)'|(true|false))\s*$")


class Fields(Mapping[str, Field]):
    """Whatever an item has, by its name."""

    def __getitem__(self, name: str) -> Field:
        last = name.rpartition("/")[2]
        return lambda item: shown(value_of(item, last))

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def test_of(condition: str) -> Callable[[Body], bool] | None:
    """What the filter asks of an item; None when it is not simulated."""
    if not condition:
        return lambda item: True
    found = SIMPLE.match(condition)
    if found is not None:
        name, text, truth = found.groups()
        wanted = truth == "true" if truth else text.replace("''", "'")
        return lambda item: bool(value_of(item, name) == wanted)
    try:
        return parsed(condition, Fields())
    except ArmError:
        return None


def value_of(item: Body, name: str) -> object:
    """What an item has under that name: itself, in its properties, in what it is about, in its tag."""
    inner = sorted(item.items(), key=lambda entry: entry[0] == "tag")
    for part in (item, *(value for _, value in inner if isinstance(value, dict))):
        for own, value in part.items():
            if own.lower() == name.lower():
                return value
    return None


def shown(value: object) -> str | None:
    return None if value is None or isinstance(value, dict | list) else str(value)
