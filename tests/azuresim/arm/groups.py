"""Resource groups: created, listed, changed, and deleted with everything in them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from azuresim.arm.filters import parsed
from azuresim.arm.listing import BY_TAG, FIELDS, has_tag
from azuresim.arm.paging import argument, page
from azuresim.arm.regions import REGIONS, plain
from azuresim.arm.routes import ArmError, ArmRequest, route
from azuresim.arm.tags import valid_tags
from azuresim.arm.versions import RESOURCES
from azuresim.resources import Document
from azuresim.wire import ArmResponse

if TYPE_CHECKING:
    from azuresim.world import World

GROUPS = "/subscriptions/{sub}/resourceGroups"
GROUP = f"{GROUPS}/{{rg}}"
ACTION = "Microsoft.Resources/subscriptions/resourceGroups"
UNCOVERED = "subscriptions and resource groups are not among the contract documents"
NAME = re.compile(r"[-\w().]{1,90}")
MEMBERS = {"id", "name", "type", "location", "tags", "managedBy", "properties"}


def need_name(name: str) -> None:
    """
    Letters, digits and `-_.()`, at most 90, no period at the end.

    Source: learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules.
    """
    if NAME.fullmatch(name) and not name.endswith("."):
        return
    wrong = "".join(sorted({sign for sign in name if not NAME.fullmatch(sign)}))
    text = (
        f"The provided resource group name '{name[:100]}' has these invalid characters: '{wrong}'. The name can only "
        "be a letter, digit, '-', '.', '(', ')' or '_', at most 90 of them, and cannot end with a period."
    )
    raise ArmError(400, "InvalidResourceGroup", text)


def need_members(body: dict[str, Any]) -> None:
    """ARM reads its own types strictly: a member that it does not know is refused."""
    unknown = sorted(set(body) - MEMBERS)
    if unknown:
        text = (
            "The request content was invalid and could not be deserialized: 'Could not find member "
            f"'{unknown[0][:100]}' on object of type 'ResourceGroupDefinition'.'."
        )
        raise ArmError(400, "InvalidRequestContent", text)


def need_location(body: dict[str, Any]) -> str:
    location = body.get("location")
    if not isinstance(location, str) or not location.strip():
        raise ArmError(400, "LocationRequired", "The location property is required for this definition.")
    if plain(location) not in REGIONS:
        raise ArmError(
            400,
            "LocationNotAvailableForResourceGroup",
            f"The provided location '{location[:100]}' is not available for resource group. List of available regions "
            f"is '{','.join(REGIONS)}'.",
        )
    return plain(location)


def optional_text(body: dict[str, Any], name: str) -> dict[str, str]:
    value = body.get(name)
    if value is not None and not isinstance(value, str):
        raise ArmError(400, "InvalidRequestContent", f"The request content was invalid: '{name}' is not a text.")
    return {} if value is None else {name: value}


@route("PUT", GROUP, versions=RESOURCES, action=f"{ACTION}/write", uncovered=UNCOVERED)
def put_group(request: ArmRequest, world: World) -> ArmResponse:
    """201 when made, 200 when it was there; a group never moves to another region."""
    need_name(request.params["rg"])
    body = request.json
    need_members(body)
    location, tags = need_location(body), valid_tags(body.get("tags"))
    found = world.arm.get(request.id)
    if found is not None and found.body["location"] != location:
        text = (
            f"Invalid resource group location '{location}'. The Resource group already exists in location "
            f"'{found.body['location']}'."
        )
        raise ArmError(409, "InvalidResourceGroupLocation", text)
    group = found or world.arm.add_group(request.id, location=location)
    changed = {name: value for name, value in group.body.items() if name not in ("tags", "managedBy")}
    kept = changed | ({"tags": tags} if "tags" in body else {}) | optional_text(body, "managedBy")
    world.arm.put(group.id, kept)
    return ArmResponse(201 if found is None else 200, kept)


@route("GET", GROUP, versions=RESOURCES, action=f"{ACTION}/read", uncovered=UNCOVERED)
def get_group(request: ArmRequest, world: World) -> ArmResponse:
    return ArmResponse(200, world.arm.need(request.id).body)


@route("HEAD", GROUP, versions=RESOURCES, action=f"{ACTION}/read", uncovered=UNCOVERED)
def head_group(request: ArmRequest, world: World) -> ArmResponse:
    """204: that is how clients ask whether a group exists."""
    return ArmResponse(204)


@route("PATCH", GROUP, versions=RESOURCES, action=f"{ACTION}/write", uncovered=UNCOVERED)
def patch_group(request: ArmRequest, world: World) -> ArmResponse:
    """What is sent replaces what was there, tags as a whole."""
    body, group = request.json, world.arm.need(request.id)
    need_members(body)
    tags = {"tags": valid_tags(body["tags"])} if body.get("tags") is not None else {}
    return ArmResponse(200, world.arm.put(group.id, group.body | tags | optional_text(body, "managedBy")).body)


@route("DELETE", GROUP, versions=RESOURCES, action=f"{ACTION}/delete", uncovered=UNCOVERED, answers=(202,))
def delete_group(request: ArmRequest, world: World) -> ArmResponse:
    """202 with a Location; the group shows Deleting and goes, with everything in it, at the end."""
    group = world.arm.need(request.id)
    operation = world.operations.running(group.id)
    if operation is None:
        before = group.body
        world.arm.put(group.id, before | {"properties": {"provisioningState": "Deleting"}})
        operation = world.operations.start(
            group.id,
            on_done=lambda: world.arm.remove_group(group.id),
            on_failed=lambda: restored(world, group.id, before),
        )
    location = f"/subscriptions/{request.params['sub']}/operationresults/{operation.id}"
    return ArmResponse(202, None, {"Location": request.absolute(location)} | operation.retry_headers())


def restored(world: World, group_id: str, body: dict[str, Any]) -> None:
    world.arm.put(group_id, body)


@route(
    "GET",
    "/subscriptions/{sub}/operationresults/{operation}",
    versions=RESOURCES,
    action="Microsoft.Resources/subscriptions/operationresults/read",
    uncovered=UNCOVERED,
    answers=(200, 202),
)
def operation_result(request: ArmRequest, world: World) -> ArmResponse:
    found = world.operations.location(request.params["operation"], lambda: ArmResponse(200))
    if found is None:
        raise ArmError(404, "OperationNotFound", "The operation could not be found.")
    if found.status == 202:
        here = request.absolute(request.id)
        return ArmResponse(202, None, {**found.headers, "Location": here})
    return found


@route("GET", GROUPS, versions=RESOURCES, action=f"{ACTION}/read", uncovered=UNCOVERED)
def list_groups(request: ArmRequest, world: World) -> ArmResponse:
    """All of a subscription, or those with a tag or a name."""
    groups = world.arm.members(request.id)
    text = argument(request, "$filter")
    if text:
        by_tag = BY_TAG.fullmatch(text)
        test = parsed(text, FIELDS) if by_tag is None else tag_test(by_tag)
        groups = [group for group in groups if test(group)]
    return ArmResponse(200, page(request, groups, show=lambda group: group.body))


def tag_test(by_tag: re.Match[str]) -> Any:
    name, value = by_tag["name"].replace("''", "'").lower(), by_tag["value"]

    def test(document: Document) -> bool:
        return has_tag(document, name, value and value.replace("''", "'"))

    return test


def left_out(method: str, template: str, what: str) -> None:
    """The route answers 501 and is counted: it exists in Azure and nobody simulated it."""

    @route(method, template, versions=RESOURCES, action=f"{ACTION}/{what}/action", uncovered=UNCOVERED)
    def refused(request: ArmRequest, world: World) -> ArmResponse:
        raise ArmError(501, "NotSimulated", f"{what} is not simulated.")


def no_deployments(place: str) -> None:
    """Nobody can have made one here, so the list is empty."""

    @route("GET", f"{place}/providers/{DEPLOYMENTS}", versions=RESOURCES, action=f"{DEPLOYMENTS}/read",
           uncovered=UNCOVERED)  # fmt: skip
    def list_deployments(request: ArmRequest, world: World) -> ArmResponse:
        return ArmResponse(200, page(request, []))


left_out("POST", f"{GROUP}/exportTemplate", "exportTemplate")
left_out("POST", f"{GROUP}/moveResources", "moveResources")
left_out("POST", f"{GROUP}/validateMoveResources", "validateMoveResources")
DEPLOYMENTS = "Microsoft.Resources/deployments"
for place in ("/subscriptions/{sub}", GROUP):
    for one in ("PUT", "GET", "DELETE"):
        left_out(one, f"{place}/providers/{DEPLOYMENTS}/{{deployment}}", "deployments")
    for last in ("validate", "whatIf"):
        left_out("POST", f"{place}/providers/{DEPLOYMENTS}/{{deployment}}/{last}", "deployments")
    no_deployments(place)
