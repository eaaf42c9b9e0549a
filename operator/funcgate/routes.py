"""
Functions → operations: which method and template of API Management calls which function. Pure.

Two templates that differ in nothing but the names of their placeholders match the same calls, so an operation is known
by its method and the shape of its template.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from funcgate.azure.function_app import Function

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
"""What a function without a list of methods answers, as far as API Management can be asked for it."""

_PLACEHOLDER = re.compile(r"\{(?P<stars>\*{0,2})(?P<name>[^:=?{}]+)(?P<rest>(?:[^{}]|\{\{|\}\}|\([^()]*\))*)\}")
_LONGEST_NAME = 80


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One operation of an API; `name` is its resource name, chosen before it is made."""

    method: str
    template: str
    name: str
    function: str

    @property
    def key(self) -> str:
        """What it is known by: the same for every spelling of its placeholders."""
        return shape(self.method, self.template)

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of the placeholders, in their order."""
        return tuple(found["name"] for found in _PLACEHOLDER.finditer(self.template))


def shape(method: str, template: str) -> str:
    """`GET /orders/{}` of `get` and `orders/{id}`; a bare `*` at the end takes the rest of a path, like `{*name}`."""
    blank = _PLACEHOLDER.sub(lambda found: "{*}" if found["stars"] else "{}", template.strip("/"))
    whole = re.sub(r"(^|/)[*]$", r"\1{*}", blank)
    return f"{method.upper()} /{whole.lower()}"


def http_trigger(function: Function) -> Mapping[str, Any] | None:
    """The HTTP trigger among the function's bindings, whatever the case of its type."""
    return next((each for each in function.bindings if str(each.get("type", "")).lower() == "httptrigger"), None)


def operations_of(functions: Sequence[Function]) -> tuple[Operation, ...]:
    """
    One operation per method and template of every HTTP function; disabled and admin-level ones are left out.

    Of two functions that match the same calls the first by name is taken: which of them answers, the host decides.
    """
    found: dict[str, Operation] = {}
    for function in sorted(functions, key=lambda each: each.name.lower()):
        for operation in _of(function):
            found.setdefault(operation.key, operation)
    return tuple(_with_own_names(list(found.values())))


def _of(function: Function) -> Iterator[Operation]:
    trigger = http_trigger(function)
    if trigger is None or function.disabled or str(trigger.get("authLevel") or "").lower() == "admin":
        return
    methods = [str(each).upper() for each in trigger.get("methods") or METHODS]
    templates = templates_of(str(trigger.get("route") or function.name))
    for method in dict.fromkeys(methods):
        for number, template in enumerate(templates):
            name = f"{method}-{function.name}" + (f"-{number + 1}" if number else "")
            yield Operation(method=method, template=template, name=_plain(name), function=function.name)


def templates_of(route: str) -> tuple[str, ...]:
    """
    The templates that match what a function's route matches: the whole one first, then without its optional ends.

    Constraints and defaults go, since API Management has none; `{**rest}` is `{*rest}`. Source:
    learn.microsoft.com/azure/azure-functions/functions-bindings-http-webhook-trigger (route templates);
    learn.microsoft.com/azure/api-management/add-api-manually (wildcards).
    """
    segments = [part for part in route.strip("/").split("/") if part]
    found = ["/" + "/".join(_rendered(part) for part in segments)]
    while segments and _optional(segments[-1]):
        segments.pop()
        found.append("/" + "/".join(_rendered(part) for part in segments))
    return tuple(found)


def _rendered(segment: str) -> str:
    return _PLACEHOLDER.sub(lambda found: f"{{{'*' if found['stars'] else ''}{found['name']}}}", segment)


def _optional(segment: str) -> bool:
    found = _PLACEHOLDER.fullmatch(segment)
    return found is not None and (found["rest"].endswith("?") or "=" in found["rest"])


def _plain(name: str) -> str:
    """
    The name as "Import Function App" would make it.

    Source: microsoft/vscode-apimanagement, src/utils/apiUtil.ts.
    """
    ascii_only = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-zA-Z0-9]+", "-", ascii_only)[:_LONGEST_NAME].strip("-").lower()


def _with_own_names(operations: list[Operation]) -> Iterator[Operation]:
    """Names that two functions would share (`my_app`, `my-app`) get a number, in the order of the functions' names."""
    taken: dict[str, int] = {}
    for each in operations:
        taken[each.name] = taken.get(each.name, 0) + 1
        number = taken[each.name]
        name = each.name if number == 1 else f"{each.name[: _LONGEST_NAME - 4]}-n{number}"
        yield Operation(method=each.method, template=each.template, name=name, function=each.function)
