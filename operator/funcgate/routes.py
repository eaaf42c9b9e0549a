"""
Functions → operations: which method and template of API Management calls which function. Pure.

Two templates that differ in nothing but the names of their placeholders match the same calls, so an operation is known
by its method and the shape of its template.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from funcgate.azure.function_app import Function
from funcgate.names import distinct, plain

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
"""What a function without a list of methods answers, as far as API Management can be asked for it."""

_PLACEHOLDER = re.compile(r"\{(?P<stars>\*{0,2})(?P<name>[^:=?{}]+)(?P<rest>(?:[^{}]|\{\{|\}\}|\([^()]*\))*)\}")


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One operation of an API."""

    method: str
    template: str
    function: str

    @property
    def key(self) -> str:
        """What it is known by: the same for every spelling of its placeholders."""
        return shape(self.method, self.template)

    @property
    def name(self) -> str:
        """The resource name it is made under: no other operation has it, ours or anybody's, whatever comes or goes."""
        return distinct(plain(f"{self.method}-{self.function}"), self.key)

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
    return tuple(found.values())


def routes_of(functions: Sequence[Function]) -> tuple[str, ...]:
    """The templates of all that the host answers, also of what no API offers: admin-level functions."""
    triggers = ((each, http_trigger(each)) for each in functions)
    routes = (str(trigger.get("route") or each.name) for each, trigger in triggers if trigger is not None)
    return tuple(sorted({template for route in routes for template in templates_of(route)}))


def _of(function: Function) -> Iterator[Operation]:
    trigger = http_trigger(function)
    if trigger is None or function.disabled or str(trigger.get("authLevel") or "").lower() == "admin":
        return
    methods = [str(each).upper() for each in trigger.get("methods") or METHODS]
    templates = templates_of(str(trigger.get("route") or function.name))
    for method in dict.fromkeys(methods):
        for template in templates:
            yield Operation(method=method, template=template, function=function.name)


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
