"""
Every ARM request and its answer, measured against the published contracts in `contracts/`.

Requests and answers are checked strictly; where the wire is known to differ, `contract_differences.py` says where and
by which source, and nothing else is let through. Departures are collected as readable lines. Routes that no document
describes say so themselves (`uncovered=` in arm.route); a route that neither says so nor is found is a departure too,
so nothing is skipped silently.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jsonschema.exceptions import ValidationError
from multidict import CIMultiDict
from openapi_core import OpenAPI
from openapi_core.datatypes import RequestParameters
from openapi_core.exceptions import OpenAPIError
from openapi_core.templating.paths.exceptions import PathError
from werkzeug.datastructures import Headers, ImmutableMultiDict

from azuresim.contract_differences import Found, known
from azuresim.wire import HttpAnswer, HttpCall

if TYPE_CHECKING:
    from azuresim.arm.routes import Route

FOLDER = Path(__file__).parent / "contracts"
DOCUMENTS = {
    "microsoft.apimanagement": ("apimanagement", "2024-05-01"),
    "microsoft.web": ("web", "2025-05-01"),
    "microsoft.managedidentity": ("msi", "2024-11-30"),
    "microsoft.authorization": ("authorization", "2022-04-01"),
}
SIMULATOR_ONLY = 501  # "not simulated": nothing that Azure says


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
        self.data = answer.body


class ContractCheck:
    def __init__(self, deviations: list[str], *, refused: bool = False) -> None:
        """With `refused`, requests that were turned down must keep to the contracts too, and to their versions."""
        self.deviations, self.refused = deviations, refused

    def arm(self, call: HttpCall, route: Route, params: Mapping[str, str], answer: HttpAnswer) -> None:
        """Notes what departs; other api-versions than the document's own are left alone, where clients may choose."""
        namespace = route.provider_parts[0].lower() if route.provider_parts else ""
        name, version = DOCUMENTS.get(namespace, ("", ""))
        if route.uncovered or answer.status == SIMULATOR_ONLY:
            return
        where = f"{call.method} {call.path} ({answer.status})"
        if not name:
            self.deviations.append(f"{where}: no contract document for {namespace!r} and no reason given")
            return
        if call.argument("api-version") != version:
            if self.refused:
                self.deviations.append(f"{where}: api-version {call.argument('api-version')} instead of {version}")
            return
        request = ContractRequest(call, route.fill(params))
        if answer.status < 300 or self.refused:
            self.deviations += [f"{where}: request: {text}" for text in request_departures(name, request)]
        if not call.argument("asyncId"):  # how a write goes is told at the entity's address, in no contract's words
            self.deviations += [f"{where}: answer: {text}" for text in answer_departures(name, request, answer)]

    def graph(self, call: HttpCall, answer: HttpAnswer) -> None:
        """Every property of an accepted body and of its answer exists in Graph's metadata."""
        if answer.status >= 300:
            return
        kind = kind_of(call.path)
        if kind is None or call.path.lower().rstrip("/").endswith("/delta"):
            return
        where = f"{call.method} {call.path} ({answer.status})"
        if call.body:
            self.deviations += [f"{where}: request: {text}" for text in unknown_properties(call.json(), kind)]
        body = answer.data() if answer.body else None
        came_along = (call.argument("$expand") or "").partition("(")[
            0
        ]  # a relation: the metadata lists properties only
        for item in body.get("value", [body]) if isinstance(body, dict) else []:
            own = {name: value for name, value in item.items() if name != came_along}
            self.deviations += [f"{where}: answer: {text}" for text in unknown_properties(own, kind)]


@functools.cache
def contract(name: str) -> OpenAPI:
    return OpenAPI.from_dict(json.loads((FOLDER / f"{name}.json").read_text()))


def request_departures(name: str, request: Any) -> list[str]:
    try:
        contract(name).validate_request(request)
    except PathError:
        return ["not in the contract documents and no reason given (arm.route(uncovered=…))"]
    except OpenAPIError as wrong:
        errors = schema_errors(wrong)
        if errors is None:
            return [f"{type(wrong).__name__}: {wrong}"]
        return [f"{'/'.join(map(str, e.absolute_path)) or '(body)'}: {e.message[:300]}" for e in errors]
    return []


def answer_departures(name: str, request: Any, answer: HttpAnswer) -> list[str]:
    """What differs and is not listed as a known difference."""
    try:
        contract(name).validate_response(request, ContractAnswer(answer))
    except PathError:
        return []  # said for the request already
    except OpenAPIError as wrong:
        errors = schema_errors(wrong)
        found = [unreadable(wrong, answer)] if errors is None else [f for e in errors for f in departures(name, e)]
        return [f"{f.path or '(body)'}: {f.text} [{f.kind}]" for f in found if known(name, f) is None]
    return []


def schema_errors(wrong: BaseException) -> Sequence[ValidationError] | None:
    """The schema errors at the bottom of an openapi-core exception; None when it is about something else."""
    at: BaseException | None = wrong
    while at is not None:
        errors: Sequence[ValidationError] | None = getattr(at, "schema_errors", None)
        if errors:
            return errors
        at = at.__cause__
    return None


def unreadable(wrong: BaseException, answer: HttpAnswer) -> Found:
    """An answer without a body, or with one that is no JSON."""
    if not answer.body:
        return Found("no body", "", f"{type(wrong).__name__}: {wrong}")
    try:
        answer.data()
    except ValueError:
        return Found("no JSON", "", "the body is no JSON")
    return Found("other", "", f"{type(wrong).__name__}: {wrong}")


def departures(name: str, error: ValidationError) -> list[Found]:
    """One schema error as what is wrong with the answer; of several forms that it may have, the one that fits best."""
    if error.context:
        forms: dict[Any, list[Found]] = {}
        for inner in error.context:
            forms.setdefault(inner.schema_path[0], []).extend(departures(name, inner))
        return min(forms.values(), key=lambda found: sum(known(name, one) is None for one in found))
    path = "/".join("*" if isinstance(part, int) else str(part) for part in error.absolute_path)
    text = error.message[:300]
    if error.validator == "additionalProperties":
        instance: Any = error.instance
        schema: Any = error.schema
        extra = sorted(set(instance) - set(schema.get("properties", {})))
        return [Found("property", f"{path}/{one}".lstrip("/"), "not in the contract") for one in extra]
    if error.validator == "required" and not path and "error" in error.message:
        return [Found("error form", path, text)]
    if error.instance is None and error.validator in ("type", "enum", "pattern", "format"):
        return [Found("null", path, text)]
    kinds = {"format": "date", "writeOnly": "write-only"}
    return [Found(kinds.get(str(error.validator), str(error.validator)), path, text)]


# --- Graph ------------------------------------------------------------------------------------------------------------
@functools.cache
def graph_types() -> dict[str, Any]:
    types: dict[str, Any] = json.loads((FOLDER / "graph.json").read_text())["types"]
    return types


def kind_of(path: str) -> str | None:
    """The type that a body at this path is of; None for actions and what is no single type."""
    lower = path.lower().rstrip("/")
    if "federatedidentitycredentials" in lower:
        return "federatedIdentityCredential"
    if not re.search(r"/v1\.0/(applications|serviceprincipals)(\([^)]*\)|/[^/]+)?(/approle\w+(/[^/]+)?)?$", lower):
        return None
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
        if "@odata." in name:  # an annotation, of the object or of one of its links
            continue
        if name not in known:
            yield f"{path}{name}: {kind} has no such property"
            continue
        inner = known[name]["type"].removeprefix("Collection(").removesuffix(")").removeprefix("graph.")
        for item in value if isinstance(value, list) else [value]:
            if inner in graph_types():
                yield from unknown_properties(item, inner, f"{path}{name}/")
