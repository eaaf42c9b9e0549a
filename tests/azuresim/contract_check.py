"""
Every ARM request that was accepted, and its answer, measured against the published contracts in `contracts/`.

Requests are checked strictly, answers with what the live service adds allowed (unknown properties, nulls, dates
without zone): see contracts/README.md. Departures are collected as readable lines. Routes that no document describes
say so themselves (`uncovered=` in arm.route); a route that neither says so nor is found is a departure too, so
nothing is skipped silently.
"""

from __future__ import annotations

import copy
import functools
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from multidict import CIMultiDict
from openapi_core import OpenAPI
from openapi_core.datatypes import RequestParameters
from openapi_core.exceptions import OpenAPIError
from openapi_core.templating.paths.exceptions import PathError
from werkzeug.datastructures import Headers, ImmutableMultiDict

from azuresim.wire import HttpAnswer, HttpCall, compact

if TYPE_CHECKING:
    from azuresim.arm.routes import Route

FOLDER = Path(__file__).parent / "contracts"
DOCUMENTS = {
    "microsoft.apimanagement": ("apimanagement", "2024-05-01"),
    "microsoft.web": ("web", "2025-05-01"),
    "microsoft.managedidentity": ("msi", "2024-11-30"),
    "microsoft.authorization": ("authorization", "2022-04-01"),
}


class ContractRequest:
    """openapi-core's request protocol over an HttpCall, its path spelled as the contract spells it."""

    content_type = "application/json"

    def __init__(self, call: HttpCall, path: str) -> None:
        self.host_url, self.path, self.method = "http://simulated", path, call.method.lower()
        self.body = call.body or None
        query = ImmutableMultiDict(call.query)
        self.parameters = RequestParameters(
            query=query, header=Headers(list(call.headers.items())), cookie=ImmutableMultiDict()
        )


class ContractAnswer:
    content_type = "application/json"

    def __init__(self, answer: HttpAnswer) -> None:
        self.status_code = answer.status
        self.headers = Headers(list(CIMultiDict(answer.headers).items()))
        self.data = compact(without_nulls(answer.data())) if answer.body else b""


class ContractCheck:
    def __init__(self, deviations: list[str], *, refused: bool = False) -> None:
        self.deviations, self.refused = deviations, refused

    def arm(self, call: HttpCall, route: Route, params: Mapping[str, str], answer: HttpAnswer) -> None:
        """Notes what departs; other api-versions than the document's own are left alone."""
        namespace = route.provider_parts[0].lower() if route.provider_parts else ""
        name, version = DOCUMENTS.get(namespace, ("", ""))
        if answer.status >= 300 or route.uncovered or (name and call.argument("api-version") != version):
            return
        where = f"{call.method} {call.path} ({answer.status})"
        if not name:
            self.deviations.append(f"{where}: no contract document for {namespace!r} and no reason given")
            return
        request = ContractRequest(call, route.fill(params))
        self.deviations += [f"{where}: request: {text}" for text in departures(contract(name)[0], request)]
        relaxed = contract(name)[1]
        self.deviations += [f"{where}: answer: {text}" for text in departures(relaxed, request, ContractAnswer(answer))]

    def graph(self, call: HttpCall, answer: HttpAnswer) -> None:
        """Every property of an accepted body and of its answer exists in Graph's metadata."""
        if answer.status >= 300:
            return
        kind = kind_of(call.path)
        where = f"{call.method} {call.path} ({answer.status})"
        if call.body:
            self.deviations += [f"{where}: request: {text}" for text in unknown_properties(call.json(), kind)]
        body = answer.data() if answer.body else None
        for item in body.get("value", [body]) if isinstance(body, dict) else []:
            self.deviations += [f"{where}: answer: {text}" for text in unknown_properties(item, kind)]


def departures(document: OpenAPI, request: Any, answer: Any = None) -> list[str]:
    try:
        if answer is None:
            document.validate_request(request)
        else:
            document.validate_response(request, answer)
    except PathError:
        return ["not in the contract documents and no reason given (arm.route(uncovered=…))"] if answer is None else []
    except OpenAPIError as wrong:
        return list(explained(wrong))
    return []


def explained(wrong: BaseException) -> Iterable[str]:
    """The schema errors at the bottom of an openapi-core exception, or the exception itself."""
    at: BaseException | None = wrong
    while at is not None:
        errors = getattr(at, "schema_errors", None)
        if errors:
            yield from (f"{'/'.join(map(str, e.absolute_path)) or '(body)'}: {e.message[:300]}" for e in errors)
            return
        at = at.__cause__
    yield f"{type(wrong).__name__}: {wrong}"


@functools.cache
def contract(name: str) -> tuple[OpenAPI, OpenAPI]:
    """Strict for requests, relaxed for answers."""
    document = json.loads((FOLDER / f"{name}.json").read_text())
    return OpenAPI.from_dict(document), OpenAPI.from_dict(relaxed_copy(document))


def relaxed_copy(document: dict[str, Any]) -> dict[str, Any]:
    document = copy.deepcopy(document)
    todo: list[Any] = [document["components"]["schemas"], document["paths"]]
    while todo:
        node = todo.pop()
        if isinstance(node, dict):
            relax(node)
            todo.extend(node.values())
        elif isinstance(node, list):
            todo.extend(node)
    return document


def relax(node: dict[str, Any]) -> None:
    """The live service answers with more than is published, with write-only properties, and with dates without zone."""
    if node.get("additionalProperties") is False:
        node["additionalProperties"] = True
    if node.get("writeOnly") is True:
        del node["writeOnly"]
    if node.get("format") == "date-time":
        del node["format"]


def without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: without_nulls(item) for name, item in value.items() if item is not None}
    return [without_nulls(item) for item in value] if isinstance(value, list) else value


# --- Graph ------------------------------------------------------------------------------------------------------------
@functools.cache
def graph_types() -> dict[str, Any]:
    types: dict[str, Any] = json.loads((FOLDER / "graph.json").read_text())["types"]
    return types


def kind_of(path: str) -> str:
    lower = path.lower()
    if "approleassign" in lower:
        return "appRoleAssignment"
    return "servicePrincipal" if "/serviceprincipals" in lower else "application"


def properties_of(kind: str) -> dict[str, Any]:
    """Own and inherited properties of a type."""
    found: dict[str, Any] = {}
    at: str | None = kind
    while at:
        declared = graph_types()[at]
        found = {**declared["properties"], **found}
        at = declared.get("base")
    return found


def unknown_properties(body: Any, kind: str, path: str = "") -> Iterable[str]:
    """The paths in `body` that Graph's metadata does not know."""
    if not isinstance(body, dict):
        return
    known = properties_of(kind)
    for name, value in body.items():
        if name.startswith("@odata."):
            continue
        if name not in known:
            yield f"{path}{name}: {kind} has no such property"
            continue
        inner = known[name]["type"].removeprefix("Collection(").removesuffix(")").removeprefix("graph.")
        for item in value if isinstance(value, list) else [value]:
            if inner in graph_types():
                yield from unknown_properties(item, inner, f"{path}{name}/")
