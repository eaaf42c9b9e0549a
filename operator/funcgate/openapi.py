"""
An API's description, as far as funcgate reads it: which operations it has, and whether it is still the same one. Pure.

What else it says is API Management's to read: the document is handed over as it is.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from funcgate.routes import shape

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
LONGEST_TEXT = 1_000_000
DEEPEST = 100

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class DocumentError(ValueError):
    """What was given is no description of an API; says what is wrong with it."""


@dataclass(frozen=True, kw_only=True)
class ApiDocument:
    """A description: how API Management calls its format, what it says of the API, its operations by their shapes."""

    format: str
    text: str = field(repr=False)
    digest: str
    title: str
    description: str
    operations: frozenset[str]


def read(text: str) -> ApiDocument:
    """
    The description in this text, OpenAPI 3 or Swagger 2 as JSON or YAML. Raises DocumentError.

    Formats: REST reference, "Apis - Create Or Update", ContentFormat.
    """
    whole = _parsed(text)
    info = whole.get("info")
    info = info if isinstance(info, Mapping) else {}
    operations = frozenset(_operations(whole))
    if not operations:
        raise DocumentError("describes no operation")
    return ApiDocument(
        format=_format(whole, text),
        text=text,
        digest=_digest(text),
        title=str(info.get("title") or ""),
        description=str(info.get("description") or ""),
        operations=operations,
    )


def _parsed(text: str) -> Mapping[str, Any]:
    if len(text) > LONGEST_TEXT:
        raise DocumentError(f"is longer than {LONGEST_TEXT} characters")
    try:
        whole = json.loads(text) if _is_json(text) else _from_yaml(text)
    except (ValueError, yaml.YAMLError, RecursionError) as wrong:
        raise DocumentError(f"is neither JSON nor YAML: {_first_line(wrong)}") from None
    if not isinstance(whole, Mapping) or not isinstance(whole.get("paths"), Mapping):
        raise DocumentError("has no paths")
    return whole


def _from_yaml(text: str) -> Any:
    """Event by event first: the C half of PyYAML ends the process on what is nested some ten thousand levels deep."""
    depth = 0
    for event in yaml.parse(text, _Loader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise DocumentError(f"is nested more than {DEEPEST} levels deep")
    return yaml.load(text, _Loader)  # noqa: S506 it is a safe one


def _is_json(text: str) -> bool:
    return text.lstrip().startswith("{")


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or ["nested too deeply"])[0]


def _format(whole: Mapping[str, Any], text: str) -> str:
    if str(whole.get("openapi", "")).startswith("3."):
        return "openapi+json" if _is_json(text) else "openapi"
    if str(whole.get("swagger", "")) == "2.0" and _is_json(text):
        return "swagger-json"
    raise DocumentError("is neither OpenAPI 3 nor Swagger 2.0 as JSON")


def _operations(whole: Mapping[str, Any]) -> Iterator[str]:
    for path, item in whole["paths"].items():
        for method in METHODS:
            if isinstance(item, Mapping) and isinstance(item.get(method), Mapping):
                yield shape(method, str(path))


def _digest(text: str) -> str:
    """Of the text and not of what it says: written out in full, a few anchors of YAML can be as long as one likes."""
    return hashlib.sha256("\n".join(text.split("\r\n")).strip().encode()).hexdigest()[:16]
