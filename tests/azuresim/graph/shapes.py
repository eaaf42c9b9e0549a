"""
The shape of what is written: every value has the type that Graph's metadata gives its property.

Refused with the words of the OData library that Graph reads bodies with. Sources: microsoftgraph/msgraph-metadata
(types, nullability); OData/odata.net (texts); trackers of Azure/azure-cli ("A 'StartArray' node was expected").
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from azuresim.contract_check import graph_types, properties_of
from azuresim.entra.directory import Body
from azuresim.graph.request import bad_request

GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
LONGEST_SHOWN = 80
BIT_32 = 2**31


def refuse_wrong_types(sent: Body, kind: str) -> None:
    """400 for the first value that is not what its property holds; unknown names are left to others."""
    for text in wrong_types(sent, kind):
        raise bad_request(text)


def wrong_types(sent: Body, kind: str) -> Iterator[str]:
    known = properties_of(kind)
    for name, value in sent.items():
        if name in known:
            yield from wrong_value(name, value, known[name]["type"], nullable=known[name]["nullable"])


def wrong_value(name: str, value: Any, kind: str, *, nullable: bool) -> Iterator[str]:
    many = kind.startswith("Collection(")
    if value is None:
        if many or not nullable:
            yield null_found(name, kind)
    elif many:
        inner = kind.removeprefix("Collection(").removesuffix(")")
        if not isinstance(value, list):
            yield unexpected(name, value, "StartArray")
            return
        for item in value:
            yield from wrong_value(name, item, inner, nullable=False)
    elif kind.startswith("graph."):
        yield from wrong_object(name, value, kind.removeprefix("graph."))
    else:
        yield from wrong_primitive(name, value, kind)


def wrong_object(name: str, value: Any, kind: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield unexpected(name, value, "StartObject")
    elif kind in graph_types():
        yield from wrong_types(value, kind)


def wrong_primitive(name: str, value: Any, kind: str) -> Iterator[str]:
    if isinstance(value, list | dict):
        yield unexpected(name, value, "PrimitiveValue")
    elif kind == "Edm.Guid" and isinstance(value, str) and not GUID.fullmatch(value):
        yield f"Cannot convert the literal '{value[:LONGEST_SHOWN]}' to the expected type 'Edm.Guid'."
    elif not fits(value, kind):
        text = f"Cannot convert a primitive value to the expected type '{kind}'."
        yield f"{text} See the inner exception for more details."


def fits(value: Any, kind: str) -> bool:
    if kind == "Edm.Boolean":
        return isinstance(value, bool)
    if kind == "Edm.Int32":
        return isinstance(value, int) and not isinstance(value, bool) and -BIT_32 <= value < BIT_32
    if not isinstance(value, str):
        return False
    if kind == "Edm.DateTimeOffset":
        return is_instant(value)
    return kind != "Edm.Binary" or is_base64(value)


def is_instant(text: str) -> bool:
    try:
        return instant(text).tzinfo is not None
    except ValueError:
        return False


def instant(text: str) -> datetime:
    """The instant that Edm.DateTimeOffset means; ValueError for what is none. Fractions may have seven digits."""
    return datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text))


def is_base64(text: str) -> bool:
    try:
        base64.b64decode("".join(text.split()), validate=True)  # lines may be broken, as in a PEM file
    except (binascii.Error, ValueError):
        return False
    return True


def unexpected(name: str, value: Any, wanted: str) -> str:
    found = "StartArray" if isinstance(value, list) else "StartObject" if isinstance(value, dict) else "PrimitiveValue"
    return (
        f"An unexpected '{found}' node was found for property named '{name}' when reading from the JSON reader. "
        f"A '{wanted}' node was expected."
    )


def null_found(name: str, kind: str) -> str:
    shown = kind if kind.startswith("Collection(") else f"{kind}[Nullable=False]"
    return (
        f"A null value was found for the property named '{name}', which has the expected type '{shown}'. "
        f"The expected type '{shown}' does not allow null values."
    )
