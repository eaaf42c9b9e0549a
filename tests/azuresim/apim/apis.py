"""
APIs: PUT, PATCH, reading, removal; created plain, from a description, or as a revision of another one.

PUT replaces and omitted fields fall to defaults; a leading slash of `path` is dropped; the answer holds fields that no
contract lists.
Sources: Azure/azure-service-operator recording Test_ApiManagement_20240501_CRUD; Azure/apiops tracker (path conflict);
REST reference, "Apis".
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from azuresim.apim.api_import import Described, described
from azuresim.apim.api_index import note_path, with_path
from azuresim.apim.entities import (
    SERVICE,
    THE_API,
    Entity,
    check_etag,
    check_writable,
    entity_answer,
    envelope,
    found_or_404,
    invalid,
    not_simulated,
    route,
    sent_properties,
    serve,
    store,
)
from azuresim.apim.revisions import copy_below, others_of, source_of, split
from azuresim.apim.version_sets import full_id
from azuresim.arm import ArmRequest
from azuresim.resources import Body, Document
from azuresim.wire import ArmResponse
from azuresim.world import World

API = f"{SERVICE}/apis/{{api}}"
API_ID = re.compile(r"^[^*#&+:<>?/]{1,256}$")
KEY_NAMES = {"header": "Ocp-Apim-Subscription-Key", "query": "subscription-key"}
AUTHENTICATION: Body = {
    "oAuth2": None,
    "openid": None,
    "oAuth2AuthenticationSettings": [],
    "openidAuthenticationSettings": [],
    "returnProtectedResourceMetadata": False,
}
UNDOCUMENTED = {
    "mcpProperties": None,
    "a2aProperties": None,
    "agent": None,
    "isAgent": False,
    "jsonRpcProperties": None,
}
KEPT = (
    "description",
    "serviceUrl",
    "backendId",
    "apiVersion",
    "apiVersionSetId",
    "contact",
    "license",
    "termsOfServiceUrl",
    "apiRevisionDescription",
    "apiVersionDescription",
)


TEXTS = ("description", "serviceUrl", "backendId", "apiVersion", "apiVersionSetId", "termsOfServiceUrl",
         "apiRevisionDescription", "apiVersionDescription")  # fmt: skip
OBJECTS = ("contact", "license", "authenticationSettings", "subscriptionKeyParameterNames")
TYPES = {"http", "soap", "graphql", "websocket", "odata", "grpc"}
PROTOCOLS = {"http", "https", "ws", "wss"}


# --- what is stored ---------------------------------------------------------------------------------------------------
def api_properties(request: ArmRequest, sent: Body, existing: Document | None) -> Body:
    """What GET shows. A description that came along is read by `put_api`."""
    sent = with_source(request, sent, existing)
    check_api(request, sent, existing)
    number = revision_number(request, existing)
    kept = {name: sent[name] for name in KEPT if sent.get(name) is not None}
    if "apiVersionSetId" in kept:
        kept["apiVersionSetId"] = full_id(request.up_to("service"), kept["apiVersionSetId"])
    path = str(sent["path"]).removeprefix("/")
    note_path(request.world, request.up_to("service"), path, request.id)
    return {
        "displayName": sent["displayName"],
        "apiRevision": number,
        "description": None,
        "subscriptionRequired": sent.get("subscriptionRequired", True) is not False,
        "serviceUrl": None,
        "backendId": None,
        "path": path,
        "protocols": sent.get("protocols") or ["https"],
        "authenticationSettings": {**AUTHENTICATION, **(sent.get("authenticationSettings") or {})},
        "subscriptionKeyParameterNames": {**KEY_NAMES, **(sent.get("subscriptionKeyParameterNames") or {})},
        "isCurrent": split(request.params["api"])[1] is None,
        **kept,
        **({"type": kind} if (kind := kind_of(sent)) != "http" else {}),
        **UNDOCUMENTED,
    }


def kind_of(sent: Body) -> str:
    return str(sent.get("type") or sent.get("apiType") or "http")


def revision_number(request: ArmRequest, existing: Document | None) -> str:
    return str(existing.properties["apiRevision"]) if existing else split(request.params["api"])[1] or "1"


def with_source(request: ArmRequest, sent: Body, existing: Document | None) -> Body:
    """A new revision or a clone has what its source has, where nothing else was sent."""
    source = source_of(request, sent) if existing is None else None
    if source is None:
        return sent
    own = {"apiRevision", "isCurrent", "apiRevisionDescription"}
    return {**{name: value for name, value in source.properties.items() if name not in own}, **sent}


def check_api(request: ArmRequest, sent: Body, existing: Document | None) -> None:
    plain, number = split(request.params["api"])
    if existing is None and not API_ID.match(plain):
        raise invalid(
            ("apiId", "API identifier must not contain any of * # & + : < > ? and have at most 256 characters.")
        )
    if number is not None and request.world.arm.get(f"{request.up_to('service')}/apis/{plain}") is None:
        raise invalid(("apiId", f"The API '{plain}' does not exist: revision {number} has nothing to be one of."))
    check_types(sent)
    name = sent.get("displayName")
    if not isinstance(name, str) or not 1 <= len(name) <= 300:
        raise invalid(("displayName", "API display name must be between 1 and 300 characters long."))
    path = sent.get("path")
    if not isinstance(path, str) or len(path) > 400:
        raise invalid(("path", "API path is required and must have at most 400 characters."))
    check_authentication(request, sent)
    check_version(request, sent)
    check_path(request, path.removeprefix("/"), sent)


def check_types(sent: Body) -> None:
    """Texts are texts, objects are objects, protocols are known ones."""
    for name in TEXTS:
        if sent.get(name) is not None and not isinstance(sent[name], str):
            raise invalid((name, f"'{name}' is no text."))
    for name in OBJECTS:
        if sent.get(name) is not None and not isinstance(sent[name], dict):
            raise invalid((name, f"'{name}' must be an object."))
    if kind_of(sent) not in TYPES:
        raise invalid(("type", f"'{kind_of(sent)}' is not a type of API."))
    protocols = sent.get("protocols")
    if protocols is not None and not (isinstance(protocols, list) and all(p in PROTOCOLS for p in map(str, protocols))):
        raise invalid(("protocols", "Protocols must be a list of http, https, ws and wss."))
    for part, value in (sent.get("subscriptionKeyParameterNames") or {}).items():
        if part in KEY_NAMES and not isinstance(value, str | None):
            raise invalid(("subscriptionKeyParameterNames", f"'{part}' is no text."))


def check_version(request: ArmRequest, sent: Body) -> None:
    """A version set that is named exists, and a version belongs to one."""
    written = sent.get("apiVersionSetId")
    if written and request.world.arm.get(full_id(request.up_to("service"), written)) is None:
        raise invalid(("apiVersionSetId", f"Version set '{written}' was not found."))
    if sent.get("apiVersion") and not written:
        raise invalid(("apiVersionSetId", "A version set is required for an API with a version."))


def check_authentication(request: ArmRequest, sent: Body) -> None:
    """GET answers all four kinds; sending both forms back is refused (hashicorp/terraform-provider-azurerm)."""
    settings = (request.json["properties"].get("authenticationSettings")) or {}
    single = {"oAuth2", "openid"} & settings.keys()
    several = {"oAuth2AuthenticationSettings", "openidAuthenticationSettings"} & settings.keys()
    if single and several:
        names = ", ".join(sorted(single | several))
        raise invalid(("authenticationSettings", f"These settings cannot be specified together: {names}."))


def check_path(request: ArmRequest, path: str, sent: Body) -> None:
    """A path belongs to one API with its revisions, or to several in one version set."""
    service, mine = request.up_to("service"), split(request.params["api"])[0].lower()
    version_set = full_id(service, sent.get("apiVersionSetId")).lower()
    for other in with_path(request.world, service, path):
        theirs = other.properties
        apart = split(other.name)[0].lower() != mine
        together = version_set and version_set == str(theirs.get("apiVersionSetId") or "").lower()
        if apart and not together and same_path(request, path, theirs["path"]):
            raise invalid(
                (
                    "path",
                    f"Cannot create API '{sent['displayName']}' with the same Path '{path}' as API "
                    f"'{theirs['displayName']}'  unless it's a part of the same version set",
                )
            )


def same_path(request: ArmRequest, mine: str, theirs: str) -> bool:
    if request.world.switches.apim_paths_ignore_case:
        return mine.lower() == theirs.lower()
    return mine == theirs


# --- writes -----------------------------------------------------------------------------------------------------------
ENTITY = Entity(
    template=API,
    label="Api",
    normalise=api_properties,
    exclusive=THE_API,
    methods=("HEAD", "PATCH"),
)
serve(ENTITY)


@route("PUT", API, exclusive=THE_API)
def put_api(request: ArmRequest, world: World) -> ArmResponse:
    """The API stands; with a description, its operations are those of the description, and nothing is half done."""
    check_writable(request)
    existing = world.arm.get(request.id)
    check_etag(request, existing)
    sent = sent_properties(request)
    imported = described(request, sent) if sent.get("value") is not None or sent.get("format") is not None else None
    whole = whole_of(request, imported, sent) if imported else sent
    source = source_of(request, sent) if existing is None else None
    api = store(request, api_properties(request, whole, existing))
    if existing is None:
        api.private["created"] = world.clock.stamp()
    if source is not None:
        copy_below(world, source, api.id)
    if imported is not None:
        replace_operations(world, api.id, imported.operations)
    return entity_answer(api, 200 if existing else 201)


def whole_of(request: ArmRequest, imported: Described, sent: Body) -> Body:
    """What came along beside the document wins over what it says, or (a switch) the other way round."""
    if request.world.switches.apim_import_words == "request":
        return {**imported.properties, **sent}
    return {**sent, **imported.properties}


def replace_operations(world: World, api_id: str, operations: Mapping[str, Body]) -> None:
    """Exactly these operations; those that stay keep their policies."""
    for old in world.arm.members(f"{api_id}/operations"):
        if old.name.lower() not in {name.lower() for name in operations}:
            world.arm.delete(old.id)
    for name, properties in operations.items():
        operation = f"{api_id}/operations/{name}"
        world.arm.put(operation, envelope(operation, properties))


# --- reading and removal ----------------------------------------------------------------------------------------------
@route("GET", API)
def get_api(request: ArmRequest, _: World) -> ArmResponse:
    """The API, how its asynchronous removal goes, or where its description can be fetched."""
    if poll := request.query.get("asyncId"):
        gone = request.world.operations.location(poll, lambda: ArmResponse(200))
        if gone is not None:
            return gone
    if request.query.get("export", "").lower() == "true":
        raise not_simulated("the export of an API's description")
    return entity_answer(found_or_404(request, "Api"))


@route("DELETE", API, exclusive=THE_API)
def delete_api(request: ArmRequest, _: World) -> ArmResponse:
    """
    The API is gone with operations, policies and product links; with `deleteRevisions=true` its other revisions too.

    The contract promises 202 since 2024-05-01, where the switch chooses (nobody published a capture), and 200 before.
    """
    check_writable(request)
    existing = request.world.arm.get(request.id)
    if existing is None:
        return ArmResponse(204)
    check_etag(request, existing)
    remove_api(request, existing)
    older = request.api_version < "2024"
    status = 200 if older else request.world.switches.apim_api_delete_status
    if status != 202:  # the one status that is not the end
        return ArmResponse(status)
    operation = request.world.operations.start(request.id)
    location = request.absolute(f"{request.id}?asyncId={operation.id}&asyncCode=200")
    return ArmResponse(202, None, {"Location": location, **operation.retry_headers()})


def remove_api(request: ArmRequest, api: Document) -> None:
    """Assumed: the current revision cannot go alone while there are others."""
    arm = request.world.arm
    if split(api.name)[1] is None:
        others = others_of(request.world, api.id)
        if others and request.query.get("deleteRevisions", "").lower() != "true":
            raise invalid(("apiId", "The current revision cannot be deleted while the API has other revisions."))
        for other in others:
            arm.delete(other.id)
        for product in arm.members(f"{request.up_to('service')}/products"):
            arm.delete(f"{product.id}/apis/{api.name}")
    arm.delete(api.id)
