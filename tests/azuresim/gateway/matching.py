"""
Which service, API and operation a call is for.

APIs by the longest path; a version by segment, header or query, as its version set says; a revision by `;rev=N` behind
the API's path. Operations by method and template: literal segments beat placeholders, placeholders beat the wildcard.
Sources: learn.microsoft.com/azure/api-management/add-api-manually, api-management-versions and
api-management-revisions.

An index per service is made anew when the service's row version or something deleted says that it may have changed.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, quote, unquote

from azuresim.resources import Document, root_of
from azuresim.wire import HttpCall
from azuresim.world import World

PROVIDER = "/providers/microsoft.apimanagement/service/"
REVISION = re.compile(r";rev=(\d+)", re.IGNORECASE)
SLASH = "\x00"  # stands for a slash that was sent encoded, so that it separates nothing


@dataclass(frozen=True, kw_only=True)
class Match:
    """What a call is for; `rest` is its raw path behind the API's own, `parameters` are the template's."""

    api: Document
    operation: Document | None
    rest: str
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Index:
    """The APIs of a service by their paths (lower case), and their operations by method as they are needed."""

    apis: dict[str, list[Document]] = field(default_factory=dict)
    operations: dict[str, dict[str, list[Document]]] = field(default_factory=dict)


# --- services ---------------------------------------------------------------------------------------------------------
def service_of(world: World, host: str) -> Document | None:
    """The service whose host name this is; None when there is none, or its gateway is switched off."""
    known = world.gateway.hosts.get(host)
    service = world.arm.get(known) if known else None
    if service is None or not serves(service, host):
        service = next((found for found in services(world) if serves(found, host)), None)
        if service is not None:
            world.gateway.hosts[host] = service.id
    return None if service is None or service.properties.get("disableGateway") else service


def services(world: World) -> Iterator[Document]:
    for key, document in world.arm.documents.items():
        head, found, name = key.rpartition(PROVIDER)
        if found and head and "/" not in name:
            yield document


def serves(service: Document, host: str) -> bool:
    """Its default name, or a custom one of kind Proxy."""
    if host == f"{service.name.lower()}.azure-api.net":
        return True
    names = service.properties.get("hostnameConfigurations") or []
    return any(
        isinstance(name, dict) and name.get("type") == "Proxy" and str(name.get("hostName", "")).lower() == host
        for name in names
    )


# --- APIs -------------------------------------------------------------------------------------------------------------
def index_of(world: World, service: Document) -> Index:
    now = (world.arm.versions.get(root_of(service.id), 0), world.gateway.deleted)
    kept = world.gateway.indexes.get(service.id)
    if kept is None or kept[0] != now:
        kept = (now, Index())
        for api in world.arm.members(f"{service.id}/apis"):
            kept[1].apis.setdefault(path_in_front(world, api).lower(), []).append(api)
        world.gateway.indexes[service.id] = kept
    return kept[1]


def path_in_front(world: World, api: Document) -> str:
    """The API's path, with its version when that is a segment."""
    path = str(api.properties.get("path") or "").strip("/")
    version = api.properties.get("apiVersion")
    if version and scheme_of(world, api).get("versioningScheme", "Segment") == "Segment":
        return f"{path}/{version}".strip("/")
    return path


def scheme_of(world: World, api: Document) -> Mapping[str, str]:
    """The properties of the API's version set; empty when it has none."""
    set_id = str(api.properties.get("apiVersionSetId") or "")
    if not set_id:
        return {}
    if not set_id.lower().startswith("/subscriptions/"):
        set_id = f"{root_of(api.id)}/{set_id.strip('/').removeprefix('service/')}"
    found = world.arm.get(set_id)
    return found.properties if found is not None else {}


def matched(world: World, service: Document, call: HttpCall, method: str | None = None) -> Match | None:
    """
    The API that the call is for, and its best operation; None when no API's path fits.

    `method` is another one than the call's: a preflight is for the method that it announces.
    """
    path, revision = without_revision(call.raw_path or quote(call.path))
    found = longest(world, service, call, path, revision)
    if found is None:
        return None
    api, rest = found
    return best_operation(world, service, api, method or call.method, rest, call.query)


def without_revision(path: str) -> tuple[str, str | None]:
    found = REVISION.search(path)
    return (path[: found.start()] + path[found.end() :], found[1]) if found else (path, None)


def longest(
    world: World, service: Document, call: HttpCall, path: str, revision: str | None
) -> tuple[Document, str] | None:
    """The API with the longest path that the call's path begins with, and what follows it."""
    apis = index_of(world, service).apis
    segments = path.split("/")[1:]
    decoded = [unquote(segment).lower() for segment in segments]
    for length in range(len(segments), -1, -1):
        candidates = apis.get("/".join(decoded[:length]))
        api = candidates and chosen(world, candidates, call, revision)
        if api:
            rest = "/".join(segments[length:])
            return api, f"/{rest}" if length < len(segments) else ""
    return None


def chosen(world: World, candidates: Iterable[Document], call: HttpCall, revision: str | None) -> Document | None:
    """Of the APIs with one path, the one in the version and revision that the call names."""
    for api in candidates:
        properties = api.properties
        current = bool(properties.get("isCurrent", True))
        fits = str(properties.get("apiRevision") or "1") == revision if revision else current
        if fits and version_fits(world, api, call) and call.scheme in (properties.get("protocols") or ["https"]):
            return api
    return None


def version_fits(world: World, api: Document, call: HttpCall) -> bool:
    """Whether a call names this API's version, when headers or query parameters name versions."""
    scheme = scheme_of(world, api)
    wanted = str(api.properties.get("apiVersion") or "")
    match scheme.get("versioningScheme"):
        case "Header":
            return call.header(str(scheme.get("versionHeaderName"))) == wanted
        case "Query":
            return (call.argument(str(scheme.get("versionQueryName"))) or "") == wanted
    return True


# --- operations -------------------------------------------------------------------------------------------------------
def best_operation(
    world: World, service: Document, api: Document, method: str, rest: str, query: Sequence[tuple[str, str]]
) -> Match:
    """The operation that fits best, with what its placeholders stand for; a Match without one when none fits."""
    path = "/".join(unquote(part).replace("/", SLASH) for part in rest.strip("/").split("/"))
    best: tuple[tuple[int, ...], Match] | None = None
    for operation in operations_of(world, service, api).get(method.upper(), ()):
        template = str(operation.properties["urlTemplate"])
        groups = template_pattern(template).fullmatch(path)
        asked = query_values(template, query) if groups else None
        if groups is None or asked is None:
            continue
        values = [value.replace(SLASH, "/") for value in groups.groups()]
        parameters = {**dict(zip(names_in(template), values, strict=True)), **asked}
        entry = rank(template), Match(api=api, operation=operation, rest=rest, parameters=parameters)
        if best is None or entry[0] < best[0]:
            best = entry
    return best[1] if best else Match(api=api, operation=None, rest=rest)


def operations_of(world: World, service: Document, api: Document) -> Mapping[str, list[Document]]:
    """The API's operations by method."""
    index = index_of(world, service).operations
    if api.id not in index:
        by_method: dict[str, list[Document]] = {}
        for operation in world.arm.members(f"{api.id}/operations"):
            by_method.setdefault(str(operation.properties["method"]).upper(), []).append(operation)
        index[api.id] = by_method
    return index[api.id]


PLACEHOLDER = re.compile(r"\{(\*?)([^{}]+)\}|(\*)$")


def path_of(template: str) -> str:
    return template.partition("?")[0].strip("/")


def names_in(template: str) -> list[str]:
    return [found[2] or "*" for found in PLACEHOLDER.finditer(path_of(template))]


@functools.lru_cache(maxsize=8192)
def template_pattern(template: str) -> re.Pattern[str]:
    """`/orders/{id}` and `/files/{*path}` as a pattern for the rest of a path."""
    pattern, at, path = "", 0, path_of(template)
    for found in PLACEHOLDER.finditer(path):
        pattern += re.escape(path[at : found.start()]) + ("(.*)" if found[1] or found[3] else "([^/]+)")
        at = found.end()
    return re.compile(pattern + re.escape(path[at:]), re.IGNORECASE | re.DOTALL)


def query_values(template: str, query: Sequence[tuple[str, str]]) -> dict[str, str] | None:
    """What the placeholders of a template's query stand for; None when the call lacks a parameter of it."""
    sent: dict[str, str] = {}
    for name, value in query:
        sent.setdefault(name.lower(), value)
    values: dict[str, str] = {}
    for name, wanted in parse_qsl(template.partition("?")[2], keep_blank_values=True):
        if name.lower() not in sent:
            return None
        found = PLACEHOLDER.fullmatch(wanted)
        if found:
            values[found[2] or "*"] = sent[name.lower()]
        elif sent[name.lower()] != wanted:
            return None
    return values


@functools.lru_cache(maxsize=8192)
def rank(template: str) -> tuple[int, ...]:
    """Sorts templates by how special they are, segment by segment; more of a query is more special."""
    kinds = tuple(2 if "*" in segment else 1 if "{" in segment else 0 for segment in path_of(template).split("/"))
    return (*kinds, -len(parse_qsl(template.partition("?")[2], keep_blank_values=True)))
