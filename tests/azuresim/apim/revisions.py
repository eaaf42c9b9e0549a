"""
Revisions and releases of an API.

`apis/x` is the current revision; `apis/x;rev=N` names revision N, the current one included. A revision begins as a copy
of another one; a release makes it the current one, and then `apis/x` shows it.
Sources: REST reference, "Api Revision" and "Api Release"; learn.microsoft.com/azure/api-management
(api-management-revisions).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from azuresim.apim.entities import (
    SERVICE,
    THE_API,
    Entity,
    check_etag,
    check_writable,
    delete_entity,
    entity_answer,
    found_or_404,
    invalid,
    listing,
    missing,
    patch_entity,
    route,
    sent_properties,
    store,
)
from azuresim.arm import ArmRequest
from azuresim.arm.routes import alias
from azuresim.resources import Body, Document
from azuresim.wire import ArmResponse
from azuresim.world import World

REVISION = re.compile(r"^(?P<name>.+);rev=(?P<number>\d+)$", re.IGNORECASE)
API = f"{SERVICE}/apis/{{api}}"
RELEASE = f"{API}/releases/{{release}}"
UNCOVERED = "revisions and releases are not among the trimmed contracts"
STAYS = "/releases"


@alias("Microsoft.ApiManagement")
def current_by_its_number(world: World, params: Mapping[str, str]) -> Mapping[str, str]:
    """`x;rev=N` means `x` when N is the number of the current revision."""
    name = params.get("api", "")
    found = REVISION.match(name) if ";" in name else None
    if found is None:
        return params
    service = f"{arm_prefix(params)}/apis/{found['name']}"
    current = world.arm.get(service)
    if current is not None and str(current.properties.get("apiRevision")) == found["number"]:
        return {**params, "api": found["name"]}
    return params


def arm_prefix(params: Mapping[str, str]) -> str:
    return (
        f"/subscriptions/{params['sub']}/resourceGroups/{params['rg']}/providers/Microsoft.ApiManagement/service/"
        f"{params['service']}"
    )


def split(name: str) -> tuple[str, str | None]:
    """`x` and the number of `x;rev=N`, None without one."""
    found = REVISION.match(name)
    return (found["name"], found["number"]) if found else (name, None)


def others_of(world: World, api_id: str) -> list[Document]:
    """The revisions of an API that are not its current one."""
    collection, _, name = api_id.rpartition("/")
    return [
        api
        for number in world.arm.documents.names(collection)
        if split(number)[0] == name.lower() and split(number)[1]
        for api in [world.arm.get(f"{collection}/{number}")]
        if api is not None
    ]


def source_of(request: ArmRequest, sent: Body) -> Document | None:
    """The API that `sourceApiId` names, as an id or as `/apis/x;rev=1`; ArmError 400 when there is none."""
    written = sent.get("sourceApiId")
    if written is None:
        return None
    found = revision_at(request, written)
    if found is None:
        raise invalid(("sourceApiId", f"Source API '{written}' was not found."))
    return found


def revision_at(request: ArmRequest, written: object) -> Document | None:
    """What an id, or `/apis/x;rev=N`, stands for in this service; the current revision by its number too."""
    if not isinstance(written, str) or "/apis/" not in f"/{written.lower()}":
        return None
    name = written.rpartition("/")[2]
    service, (plain, number) = request.up_to("service"), split(name)
    current = request.world.arm.get(f"{service}/apis/{plain}")
    if current is not None and number in (None, str(current.properties.get("apiRevision"))):
        return current
    return request.world.arm.get(f"{service}/apis/{name}")


def copy_below(world: World, source: Document, target_id: str) -> None:
    """Operations, policies and whatever else lies below one API lies below the other too."""
    for child in sorted(world.arm.below(source.id), key=lambda one: one.id.count("/")):
        if f"{source.id}{STAYS}/".lower() in child.id.lower():
            continue
        new_id = target_id + child.id[len(source.id) :]
        world.arm.put(new_id, {**child.body, "id": new_id}, private=child.private or None)


# --- reading ----------------------------------------------------------------------------------------------------------
@route("GET", f"{API}/revisions", uncovered=UNCOVERED)
def list_revisions(request: ArmRequest, world: World) -> ArmResponse:
    current = world.arm.get(request.up_to("api"))
    if current is None:
        raise missing("Api")
    every = sorted([current, *others_of(world, current.id)], key=lambda api: -int(api.properties["apiRevision"]))
    return listing(request, [shown(current, api) for api in every])


def shown(current: Document, api: Document) -> Body:
    number, path = api.properties["apiRevision"], api.properties["path"]
    return {
        "apiId": f"/apis/{current.name};rev={number}",
        "apiRevision": str(number),
        "createdDateTime": api.private.get("created"),
        "updatedDateTime": api.private.get("created"),
        "description": api.properties.get("apiRevisionDescription"),
        "privateUrl": f"/{path};rev={number}",
        "isOnline": True,
        "isCurrent": api is current,
    }


# --- releases ---------------------------------------------------------------------------------------------------------
@route("PUT", RELEASE, exclusive=THE_API, uncovered=UNCOVERED)
def put_release(request: ArmRequest, world: World) -> ArmResponse:
    """The revision that the release names is the current one from now on."""
    check_writable(request)
    current = world.arm.get(request.up_to("api"))
    if current is None:
        raise missing("Api")
    existing = world.arm.get(request.id)
    check_etag(request, existing)
    sent = sent_properties(request)
    revision = revision_at(request, sent.get("apiId"))
    if revision is None or split(revision.name)[0].lower() != current.name.lower():
        raise invalid(("apiId", f"'{sent.get('apiId')}' is no revision of the API '{current.name}'."))
    notes = sent.get("notes")
    if notes is not None and not isinstance(notes, str):
        raise invalid(("notes", "'notes' is no text."))
    number = revision.properties["apiRevision"]
    if revision is not current:
        make_current(world, current, revision)
    now = world.clock.stamp()
    created = existing.properties["createdDateTime"] if existing else now
    api_id = f"{request.up_to('api')};rev={number}"
    properties = {"apiId": api_id, "createdDateTime": created, "updatedDateTime": now, "notes": notes}
    return entity_answer(store(request, properties), 200 if existing else 201)


def make_current(world: World, current: Document, revision: Document) -> None:
    """The two change places: documents, operations, policies; releases and product links stay with the name."""
    name_id, old_number = current.id, current.properties["apiRevision"]
    new, old = taken(world, revision), taken(world, current)
    laid(world, name_id, new, is_current=True)
    laid(world, f"{name_id};rev={old_number}", old, is_current=False)


Taken = list[tuple[str, Body, Body]]


def taken(world: World, api: Document) -> Taken:
    """An API and what lies below it, lifted out: the rest of each id, body, private part."""
    mine = [api, *(child for child in world.arm.below(api.id) if f"{api.id}{STAYS}/".lower() not in child.id.lower())]
    found = [(one.id[len(api.id) :], one.body, one.private) for one in sorted(mine, key=lambda one: one.id.count("/"))]
    for one in mine:
        if one.id in world.arm.documents:
            del world.arm.documents[one.id]
    return found


def laid(world: World, api_id: str, parts: Taken, *, is_current: bool) -> None:
    for rest, body, private in parts:
        new = {**body, "id": api_id + rest, "name": (api_id + rest).rpartition("/")[2]}
        if not rest:
            new["properties"] = {**body["properties"], "isCurrent": is_current}
        world.arm.put(api_id + rest, new, private=private)


@route("GET", RELEASE, uncovered=UNCOVERED)
def get_release(request: ArmRequest, _: World) -> ArmResponse:
    return entity_answer(found_or_404(request, "ApiRelease"))


@route("HEAD", RELEASE, uncovered=UNCOVERED)
def head_release(request: ArmRequest, _: World) -> ArmResponse:
    return ArmResponse(200, None, {"ETag": found_or_404(request, "ApiRelease").etag})


@route("GET", f"{API}/releases", uncovered=UNCOVERED)
def list_releases(request: ArmRequest, world: World) -> ArmResponse:
    if world.arm.get(request.up_to("api")) is None:
        raise missing("Api")
    return listing(request, [release.body for release in world.arm.members(request.id)])


def noted(request: ArmRequest, sent: Body, existing: Document | None) -> Body:
    if sent.get("notes") is not None and not isinstance(sent["notes"], str):
        raise invalid(("notes", "'notes' is no text."))
    kept = existing.properties if existing else {}
    return {**kept, "notes": sent.get("notes"), "updatedDateTime": request.world.clock.stamp()}


RELEASES = Entity(template=RELEASE, label="ApiRelease", normalise=noted, uncovered=UNCOVERED)
route("PATCH", RELEASE, uncovered=UNCOVERED)(lambda request, _: patch_entity(request, RELEASES))
route("DELETE", RELEASE, exclusive=THE_API, uncovered=UNCOVERED)(lambda request, _: delete_entity(request, RELEASES))
