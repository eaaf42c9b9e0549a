"""
APIs and their operations.

PUT replaces and omitted fields fall to defaults; a leading slash of `path` is dropped; the answer holds fields that no
contract lists. Operations gain empty lists on GET, and lists of operations leave `request` out.
Sources: Azure/azure-service-operator recording Test_ApiManagement_20240501_CRUD; Azure/azure-cli recording
test_apim_api_operation; Azure/apiops tracker (path conflict); hashicorp/terraform-provider-azurerm tracker
(template parameters).
"""

from __future__ import annotations

import re

from azuresim.apim.entities import (
    SERVICE,
    THE_API,
    Entity,
    check_etag,
    check_writable,
    entity_answer,
    found_or_404,
    invalid,
    not_simulated,
    route,
    serve,
)
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
)


# --- APIs -------------------------------------------------------------------------------------------------------------
def api_properties(request: ArmRequest, sent: Body, existing: Document | None) -> Body:
    if "format" in sent or "value" in sent:
        raise not_simulated("import of an API description with format and value")
    check_api(request, sent, existing)
    return {
        "displayName": sent["displayName"],
        "apiRevision": "1",
        "description": None,
        "subscriptionRequired": sent.get("subscriptionRequired", True),
        "serviceUrl": None,
        "backendId": None,
        "path": str(sent["path"]).removeprefix("/"),
        "protocols": sent.get("protocols") or ["https"],
        "authenticationSettings": {**AUTHENTICATION, **(sent.get("authenticationSettings") or {})},
        "subscriptionKeyParameterNames": sent.get("subscriptionKeyParameterNames") or KEY_NAMES,
        "isCurrent": True,
        **{name: sent[name] for name in KEPT if name in sent},
        **UNDOCUMENTED,
    }


def check_api(request: ArmRequest, sent: Body, existing: Document | None) -> None:
    if existing is None and not API_ID.match(request.params["api"]):
        raise invalid(
            ("apiId", "API identifier must not contain any of * # & + : < > ? and have at most 256 characters.")
        )
    if sent.get("type", "http") not in ("http", None) or sent.get("apiType", "http") not in ("http", None):
        raise not_simulated(f"an API of type {sent.get('type')}")
    name = sent.get("displayName")
    if not isinstance(name, str) or not 1 <= len(name) <= 300:
        raise invalid(("displayName", "API display name must be between 1 and 300 characters long."))
    path = sent.get("path")
    if not isinstance(path, str) or len(path) > 400:
        raise invalid(("path", "API path is required and must have at most 400 characters."))
    check_authentication(request, sent)
    check_path(request, path.removeprefix("/"), sent)


def check_authentication(request: ArmRequest, sent: Body) -> None:
    """GET answers all four kinds; sending both forms back is refused (hashicorp/terraform-provider-azurerm)."""
    settings = (request.json["properties"].get("authenticationSettings")) or {}
    single = {"oAuth2", "openid"} & settings.keys()
    several = {"oAuth2AuthenticationSettings", "openidAuthenticationSettings"} & settings.keys()
    if single and several:
        names = ", ".join(sorted(single | several))
        raise invalid(("authenticationSettings", f"These settings cannot be specified together: {names}."))


def check_path(request: ArmRequest, path: str, sent: Body) -> None:
    """A path belongs to one API, or to several in one version set."""
    version_set = sent.get("apiVersionSetId")
    for other in request.world.arm.members(f"{request.up_to('service')}/apis"):
        theirs = other.properties
        apart = other.name.lower() != request.params["api"].lower()
        together = version_set and version_set == theirs.get("apiVersionSetId")
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


serve(
    Entity(
        template=API,
        label="Api",
        normalise=api_properties,
        exclusive=THE_API,
        methods=("HEAD", "PUT", "PATCH"),
    )
)


@route("GET", API)
def get_api(request: ArmRequest, _: World) -> ArmResponse:
    """The API, or how its asynchronous removal goes."""
    if poll := request.query.get("asyncId"):
        gone = request.world.operations.location(poll, lambda: ArmResponse(200))
        if gone is not None:
            return gone
    return entity_answer(found_or_404(request, "Api"))


@route("DELETE", API, exclusive=THE_API)
def delete_api(request: ArmRequest, _: World) -> ArmResponse:
    """
    The API is gone with operations, policies and product links.

    The contract promises 202 at 2024-05-01 and 200 before; the switch chooses, since nobody published a capture.
    """
    check_writable(request)
    existing = request.world.arm.get(request.id)
    if existing is None:
        return ArmResponse(204)
    check_etag(request, existing)
    remove_api(request, existing)
    status = request.world.switches.apim_api_delete_status
    if status != 202:  # the one status that is not the end
        return ArmResponse(status)
    operation = request.world.operations.start(request.id)
    location = request.absolute(f"{request.id}?asyncId={operation.id}&asyncCode=200")
    return ArmResponse(202, None, {"Location": location, **operation.retry_headers()})


def remove_api(request: ArmRequest, api: Document) -> None:
    arm = request.world.arm
    arm.delete(api.id)
    for product in arm.members(f"{request.up_to('service')}/products"):
        arm.delete(f"{product.id}/apis/{api.name}")


# --- operations -------------------------------------------------------------------------------------------------------
PLACEHOLDER = re.compile(r"\{\*?([^{}*?]+)\}")
REQUEST: Body = {"queryParameters": [], "headers": [], "representations": []}


def operation_properties(request: ArmRequest, sent: Body, existing: Document | None) -> Body:
    for name, most in (("displayName", 300), ("method", 80), ("urlTemplate", 1000)):
        if not isinstance(sent.get(name), str) or not 1 <= len(sent[name]) <= most:
            raise invalid((name, f"'{name}' is required and must have at most {most} characters."))
    parameters = sent.get("templateParameters") or []
    check_template(sent["urlTemplate"], parameters)
    check_duplicate(request, sent)
    return {
        "displayName": sent["displayName"],
        "method": sent["method"],
        "urlTemplate": sent["urlTemplate"],
        "templateParameters": [{**parameter, "values": parameter.get("values") or []} for parameter in parameters],
        "description": sent.get("description"),
        "request": {**REQUEST, **(sent.get("request") or {})},
        "responses": sent.get("responses") or [],
        "policies": None,
    }


def check_template(template: str, parameters: list[Body]) -> None:
    """Placeholders and templateParameters name each other, both ways; a `*` is not part of the name."""
    placed = set(PLACEHOLDER.findall(template))
    declared = {str(parameter.get("name")) for parameter in parameters}
    if undeclared := sorted(placed - declared):
        names = ", ".join(undeclared)
        raise invalid(
            ("templateParameters", f"All template parameters used in the UriTemplate must be defined: {names}")
        )
    if unplaced := sorted(declared - placed):
        names = ", ".join(unplaced)
        raise invalid(
            ("templateParameters", f"All defined template parameters must be used in the UriTemplate: {names}")
        )


def check_duplicate(request: ArmRequest, sent: Body) -> None:
    """Method and template are unique in an API. The refusal is reported, its text is not."""
    for other in request.world.arm.members(f"{request.up_to('api')}/operations"):
        if other.name.lower() != request.params["operation"].lower() and signature(other.properties) == signature(sent):
            message = f"Operation with the same method and URL template already exists: '{other.name}'."
            raise invalid(("urlTemplate", message))


def signature(operation: Body) -> tuple[str, str]:
    return operation["method"].upper(), operation["urlTemplate"].strip("/").lower()


def without_request(document: Body) -> Body:
    kept = {name: value for name, value in document["properties"].items() if name != "request"}
    return {**document, "properties": kept}


serve(
    Entity(
        template=f"{API}/operations/{{operation}}",
        label="Operation",
        normalise=operation_properties,
        listed=without_request,
        exclusive=THE_API,
    )
)
