"""
Role assignments at any scope, permissions and deny assignments.

Sources: learn.microsoft.com/azure/role-based-access-control/troubleshooting and role-assignments-rest; threads of
hashicorp/terraform-provider-azurerm, which quote codes, texts and statuses.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from azuresim.arm.builtin_roles import BUILT_IN
from azuresim.arm.checks import GUID
from azuresim.arm.filters import parsed
from azuresim.arm.paging import argument, page
from azuresim.arm.rights import DEFINITIONS, assignments_above, definition, permissions_of
from azuresim.arm.role_definitions import assignable_at, custom, scope_of
from azuresim.arm.routes import ArmError, ArmRequest, Handler, route
from azuresim.arm.versions import DENY_ASSIGNMENTS, PERMISSIONS
from azuresim.arm.versions import ROLE_ASSIGNMENTS as VERSIONS
from azuresim.resources import Document, within
from azuresim.wire import ArmResponse

if TYPE_CHECKING:
    from azuresim.world import World

TAIL = "/providers/Microsoft.Authorization/roleAssignments"
IN_CONTRACT = (
    "/subscriptions/{sub}",
    "/subscriptions/{sub}/resourceGroups/{rg}",
    "/subscriptions/{sub}/resourceGroups/{rg}/providers/{namespace}/{type}/{resource}",
)
ELSEWHERE = "/{scope}"
UNCOVERED = "the contract document has assignments of subscriptions, groups and top-level resources only"
ACTION = "Microsoft.Authorization/roleAssignments"
TYPES = ("User", "Group", "ServicePrincipal", "ForeignGroup", "Device")


def place_of(request: ArmRequest) -> str:
    """The scope as the route spells it; `/` is the tenant."""
    return request.id.rpartition("/providers/Microsoft.Authorization/")[0] or "/"


def assignments_below(world: World, scope: str) -> list[Document]:
    return [one for one in all_assignments(world) if within(one.id, scope)]


def all_assignments(world: World) -> list[Document]:
    return [one for one in world.arm.documents.authorization() if one.body["type"] == ACTION]


def wrong(code: str, text: str, status: int = 400) -> ArmError:
    return ArmError(status, code, text)


# --- reading ----------------------------------------------------------------------------------------------------------
def list_assignments(request: ArmRequest, world: World) -> ArmResponse:
    """At the scope, above it, and below it; `atScope()` leaves out what is below."""
    scope, text = place_of(request), argument(request, "$filter")
    above = list(assignments_above(world, scope))
    own = {one.id for one in above}
    found = [*above, *(one for one in assignments_below(world, scope) if one.id not in own)]
    if text:
        functions: dict[str, Callable[..., bool]] = {"atscope": lambda one: one.id in own, "assignedto": has_principal}
        test = parsed(text, {"principalid": principal_of}, functions)
        found = [one for one in found if test(one)]
    return ArmResponse(200, page(request, found, show=lambda document: document.body))


def principal_of(document: Document) -> str:
    return str(document.properties["principalId"])


def has_principal(document: Document, principal_id: str) -> bool:
    return principal_of(document).lower() == principal_id


def get_assignment(request: ArmRequest, world: World) -> ArmResponse:
    found = world.arm.get(request.id)
    if found is None:
        name = request.params["assignment"]
        raise wrong("RoleAssignmentNotFound", f"The role assignment '{name}' is not found.", 404)
    return ArmResponse(200, found.body)


# --- writing ----------------------------------------------------------------------------------------------------------
def put_assignment(request: ArmRequest, world: World) -> ArmResponse:
    """201 when made, 200 when only its description or condition changed: nothing else of it ever does."""
    name, scope = request.params["assignment"].lower(), place_of(request)
    if not GUID.fullmatch(name):
        text = f"The role assignment ID '{name[:100]}' is not valid. The role assignment ID must be a GUID."
        raise wrong("InvalidRoleAssignmentId", text)
    sent = sent_properties(request)
    role_id = role_of(world, sent, scope)
    principal_id = sent["principalId"].lower()
    kind = principal_type(world, principal_id, sent.get("principalType"))
    found = world.arm.get(request.id)
    elsewhere = found is None and named(world, name) is not None
    if elsewhere or (found is not None and not same(found, principal_id, role_id)):
        text = "Tenant ID, application ID, principal ID, and scope are not allowed to be updated."
        raise wrong("RoleAssignmentUpdateNotPermitted", text)
    need_new(world, scope, name, principal_id, role_id)
    document = world.arm.put(request.id, assignment_body(request, found, sent, role_id, kind))
    return ArmResponse(201 if found is None else 200, document.body)


def sent_properties(request: ArmRequest) -> dict[str, Any]:
    sent = request.json.get("properties")
    if not isinstance(sent, dict):
        raise wrong("InvalidRequestContent", "The request content was invalid: 'properties' is missing.")
    for name in ("principalId", "roleDefinitionId"):
        if not isinstance(sent.get(name), str) or not sent[name]:
            raise wrong("BadRequestFormat", f"The request was incorrectly formatted: '{name}' is missing.")
    for name in ("principalType", "description", "condition", "conditionVersion"):
        if not isinstance(sent.get(name), str | None):
            raise wrong("BadRequestFormat", f"The request was incorrectly formatted: '{name}' is not a text.")
    if not GUID.fullmatch(sent["principalId"]):
        text = f"The Principal ID '{sent['principalId'][:100]}' is not valid. Principal ID must be a GUID."
        raise wrong("InvalidPrincipalId", text)
    return sent


def role_of(world: World, sent: dict[str, Any], scope: str) -> str:
    """The id of the role as it is kept, with the subscription of the assignment."""
    found = definition(world, sent["roleDefinitionId"])
    name = sent["roleDefinitionId"].rpartition("/")[2]
    if found is None:
        text = f"The specified role definition with ID '{name[:100]}' does not exist."
        raise wrong("RoleDefinitionDoesNotExist", text, 404)
    if not assignable_at(found, scope):
        text = f"The given role assignment scope '{scope}' is not assignable to role definition '{found['name']}'."
        raise wrong("RoleAssignmentScopeNotAssignableToRoleDefinition", text)
    parts = scope.split("/")
    place = f"/subscriptions/{parts[2]}" if len(parts) > 2 and parts[1].lower() == "subscriptions" else ""
    return f"{place}{DEFINITIONS}/{found['name']}"


def principal_type(world: World, principal_id: str, given: str | None) -> str:
    """
    Looked up when it was not given, and then replication counts: a principal that is not seen yet is not found.

    Given, it is believed for what is not there: that is how Azure lets new principals be assigned at once.
    """
    objects = world.entra.replicas.seen(world.entra.service_principals, "servicePrincipals")
    there = next((one for key, one in objects.items() if key.lower() == principal_id), None)
    if given is not None and given not in TYPES:
        raise wrong("InvalidPrincipalType", f"The principal type '{given[:100]}' is not valid.")
    if there is None and given is None:
        raise wrong(
            "PrincipalNotFound",
            f"Principal {principal_id.replace('-', '')} does not exist in the directory {world.tenant_id}. Check that "
            "you have the correct principal ID. If you are creating this principal and then immediately assigning a "
            "role, this error might be related to a replication delay. In this case, set the role assignment "
            "principalType property to a value, such as ServicePrincipal, User, or Group. "
            "See https://aka.ms/docs-principaltype",
        )
    if there is not None and given not in (None, "ServicePrincipal"):
        text = (
            f"The PrincipalId '{principal_id.replace('-', '')}' has type 'ServicePrincipal' , which is different from "
            f"specified PrinciaplType '{given}'."
        )
        raise wrong("UnmatchedPrincipalType", text)
    return given or "ServicePrincipal"


def named(world: World, name: str) -> Document | None:
    """The assignment of that name, wherever it is: names are unique in a tenant."""
    return next((one for one in all_assignments(world) if one.name.lower() == name), None)


def same(found: Document, principal_id: str, role_id: str) -> bool:
    held = found.properties
    return (str(held["principalId"]).lower(), str(held["roleDefinitionId"]).lower()) == (principal_id, role_id.lower())


def need_new(world: World, scope: str, name: str, principal_id: str, role_id: str) -> None:
    for other in world.arm.members(f"{scope.rstrip('/')}{TAIL}"):
        if other.name.lower() != name and same(other, principal_id, role_id):
            text = f"The role assignment already exists. The ID of the conflicting role assignment is {other.name}."
            raise wrong("RoleAssignmentExists", text, 409)


def assignment_body(
    request: ArmRequest, found: Document | None, sent: dict[str, Any], role_id: str, kind: str
) -> dict[str, Any]:
    world, now = request.world, request.world.clock.stamp()
    return {
        "properties": {
            "roleDefinitionId": role_id,
            "principalId": sent["principalId"],
            "principalType": kind,
            "scope": place_of(request),
            "condition": sent.get("condition"),
            "conditionVersion": sent.get("conditionVersion"),
            "createdOn": found.properties["createdOn"] if found else now,
            "updatedOn": now,
            "createdBy": found.properties["createdBy"] if found else request.caller.object_id,
            "updatedBy": request.caller.object_id,
            "delegatedManagedIdentityResourceId": None,
            "description": sent.get("description"),
        },
        "id": request.id if world.arm.get(request.id) is None else world.arm.need(request.id).id,
        "type": "Microsoft.Authorization/roleAssignments",
        "name": request.params["assignment"],
    }


def delete_assignment(request: ArmRequest, world: World) -> ArmResponse:
    """200 with what it was, or 204 when there was none."""
    found = world.arm.get(request.id)
    if found is None:
        return ArmResponse(204)
    world.arm.delete(request.id)
    return ArmResponse(200, found.body)


HANDLERS: dict[str, tuple[str, Handler]] = {
    "GET": ("read", get_assignment),
    "PUT": ("write", put_assignment),
    "DELETE": ("delete", delete_assignment),
}
for start in (*IN_CONTRACT, ELSEWHERE):
    why = UNCOVERED if start == ELSEWHERE else None
    route("GET", f"{start}{TAIL}", versions=VERSIONS, action=f"{ACTION}/read", uncovered=why)(list_assignments)
    for method, (verb, handler) in HANDLERS.items():
        template = f"{start}{TAIL}/{{assignment}}"
        route(method, template, versions=VERSIONS, action=f"{ACTION}/{verb}", uncovered=why)(handler)


# --- permissions, deny assignments ------------------------------------------------------------------------------------
@route("GET", "/{scope}/providers/Microsoft.Authorization/permissions", versions=PERMISSIONS, uncovered=UNCOVERED)
def list_permissions(request: ArmRequest, world: World) -> ArmResponse:
    """What the caller may do there: by its assignments when roles are enforced, else all but `world.denied`."""
    if world.switches.arm_enforce_roles:
        ripe = world.clock.timestamp() - world.switches.arm_role_propagation_seconds
        mine = [
            one
            for one in assignments_above(world, scope_of(request))
            if has_principal(one, request.caller.object_id.lower()) and one.created <= ripe
        ]
        value = [it for one in mine for it in permissions_of(world, one.properties["roleDefinitionId"])]
    else:
        value = [{"actions": ["*"], "notActions": sorted(world.denied), "dataActions": [], "notDataActions": []}]
    return ArmResponse(200, page(request, value))


@route("GET", "/{scope}/providers/Microsoft.Authorization/denyAssignments", versions=DENY_ASSIGNMENTS,
       uncovered=UNCOVERED)  # fmt: skip
def list_deny_assignments(request: ArmRequest, world: World) -> ArmResponse:
    """None: only Azure itself makes them, for managed applications and deployment stacks."""
    return ArmResponse(200, {"value": []})


def assign_role(world: World, principal_id: str, role: str, scope: str, *, name: str | None = None) -> Document:
    """
    The principal has the role at the scope, as if it had been assigned now; `role` is a name or a GUID.

    KeyError for a role that does not exist.
    """
    roles = {one["properties"]["roleName"].lower(): one for one in all_definitions(world)}
    found = definition(world, role) or roles[role.lower()]
    place = "/" + scope.strip("/")
    made = f"{place.rstrip('/')}{TAIL}/{name or world.guid()}"
    parts = place.split("/")
    subscription = f"/subscriptions/{parts[2]}" if len(parts) > 2 else ""
    now = world.clock.stamp()
    properties = {
        "roleDefinitionId": f"{subscription}{DEFINITIONS}/{found['name']}",
        "principalId": principal_id,
        "principalType": "ServicePrincipal",
        "scope": place,
        "condition": None,
        "conditionVersion": None,
        "createdOn": now,
        "updatedOn": now,
        "createdBy": "",
        "updatedBy": "",
        "delegatedManagedIdentityResourceId": None,
        "description": None,
    }
    body = {"properties": properties, "id": made, "type": ACTION, "name": made.rpartition("/")[2]}
    return world.arm.put(made, body)


def all_definitions(world: World) -> list[dict[str, Any]]:
    return [*BUILT_IN.values(), *custom(world)]
