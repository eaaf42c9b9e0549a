"""
Role definitions: the built-in ones, and custom ones that the tenant's roles are made of.

Custom ones are kept for the whole tenant, whatever scope they were written at. Sources:
learn.microsoft.com/azure/role-based-access-control (custom-roles, troubleshooting, role-definitions).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from azuresim.arm.builtin_roles import BUILT_IN
from azuresim.arm.checks import GUID
from azuresim.arm.filters import parsed
from azuresim.arm.paging import argument, page
from azuresim.arm.rights import DEFINITIONS, definition
from azuresim.arm.routes import ArmError, ArmRequest, route
from azuresim.arm.versions import ROLE_DEFINITIONS as VERSIONS
from azuresim.resources import key_of, within
from azuresim.wire import ArmResponse

if TYPE_CHECKING:
    from azuresim.world import World

OF_SUBSCRIPTION = "/subscriptions/{sub}/providers/Microsoft.Authorization/roleDefinitions"
OF_SCOPE = "/{scope}/providers/Microsoft.Authorization/roleDefinitions"
READ = "Microsoft.Authorization/roleDefinitions/read"
UNCOVERED = "the contract document has definitions of a subscription only, and reads only"
LISTS = ("actions", "notActions", "dataActions", "notDataActions")
MOST_SCOPES = 2000


def scope_of(request: ArmRequest) -> str:
    return "/" + request.id.lower().rpartition("/providers/microsoft.authorization/")[0].strip("/")


def shown(body: dict[str, Any], scope: str) -> dict[str, Any]:
    """Ids begin with the subscription that was asked; at tenant level with nothing."""
    parts = scope.split("/")
    place = f"/subscriptions/{parts[2]}" if len(parts) > 2 and parts[1].lower() == "subscriptions" else ""
    return body | {"id": f"{place}{DEFINITIONS}/{body['name']}"}


def custom(world: World) -> list[dict[str, Any]]:
    return [document.body for document in world.arm.members(DEFINITIONS)]


def assignable_at(body: dict[str, Any], scope: str) -> bool:
    return any(key_of(one) == "/" or within(scope, one) for one in body["properties"]["assignableScopes"])


def list_definitions(request: ArmRequest, world: World) -> ArmResponse:
    """Built-in ones and the custom ones that can be assigned at the scope."""
    scope, text = scope_of(request), argument(request, "$filter")
    found = [*BUILT_IN.values(), *(one for one in custom(world) if scope == "/" or assignable_at(one, scope))]
    if text:
        fields = {"rolename": property_of("roleName"), "type": property_of("type")}
        always = {"atscopeandbelow": lambda item: True, "atscope": lambda item: True}
        test = parsed(text, fields, always)
        found = [one for one in found if test(one)]
    return ArmResponse(200, page(request, found, show=lambda body: shown(body, scope)))


def property_of(name: str) -> Any:
    return lambda item: item["properties"][name]


def get_definition(request: ArmRequest, world: World) -> ArmResponse:
    name = request.params["definition"]
    body = definition(world, name)
    if body is None:
        text = f"The specified role definition with ID '{name}' does not exist."
        raise ArmError(404, "RoleDefinitionDoesNotExist", text)
    return ArmResponse(200, shown(body, scope_of(request)))


route("GET", OF_SUBSCRIPTION, versions=VERSIONS, action=READ)(list_definitions)
route("GET", f"{OF_SUBSCRIPTION}/{{definition}}", versions=VERSIONS, action=READ)(get_definition)
route("GET", OF_SCOPE, versions=VERSIONS, action=READ, uncovered=UNCOVERED)(list_definitions)
route("GET", f"{OF_SCOPE}/{{definition}}", versions=VERSIONS, action=READ, uncovered=UNCOVERED)(get_definition)


# --- custom roles -----------------------------------------------------------------------------------------------------
def wrong(code: str, text: str) -> ArmError:
    return ArmError(400, code, text)


def texts(value: Any, what: str) -> list[str]:
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise wrong("InvalidRequestContent", f"The request content was invalid: '{what}' is a list of texts.")
    return list(value)


def permissions(value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value) or len(value) != 1:
        raise wrong("InvalidRoleDefinitionPermissions", "A custom role has exactly one element in 'permissions'.")
    kept = [{name: texts(one.get(name), name) for name in LISTS} for one in value]
    if not any(one["actions"] or one["dataActions"] for one in kept):
        raise wrong("MissingActions", "A custom role has at least one of 'actions' and 'dataActions'.")
    return kept


def assignable_scopes(value: Any, scope: str) -> list[str]:
    """At least one; groups and subscriptions by their id, no wildcards; the scope of the call is among or in them."""
    scopes = texts(value, "assignableScopes")
    if not scopes or len(scopes) > MOST_SCOPES:
        raise wrong("MissingAssignableScopes", "The role definition has no assignable scopes.")
    for one in scopes:
        if not one.startswith("/") or "*" in one or one == "/":
            raise wrong("InvalidAssignableScope", f"The assignable scope '{one[:200]}' is not valid for a custom role.")
    if scope != "/" and not any(within(scope, one) for one in scopes):
        text = f"The scope '{scope}' of the request is not among the assignable scopes of the role definition."
        raise wrong("RoleDefinitionScopeNotAssignable", text)
    return scopes


@route("PUT", f"{OF_SCOPE}/{{definition}}", versions=VERSIONS, uncovered=UNCOVERED, answers=(201,),
       action="Microsoft.Authorization/roleDefinitions/write")  # fmt: skip
def put_definition(request: ArmRequest, world: World) -> ArmResponse:
    """The custom role is as it was sent; its name is unique in the tenant."""
    name, scope = request.params["definition"].lower(), scope_of(request)
    if not GUID.fullmatch(name):
        text = f"The role definition ID '{name[:100]}' is not valid. The role definition ID must be a GUID."
        raise wrong("InvalidRoleDefinitionId", text)
    if name in BUILT_IN:
        raise ArmError(403, "AuthorizationFailed", f"The role definition '{name}' is built in and cannot be changed.")
    properties = request.json.get("properties")
    if not isinstance(properties, dict):
        raise wrong("InvalidRequestContent", "The request content was invalid: 'properties' is missing.")
    body = role_body(world, name, properties, scope)
    world.arm.put(f"{DEFINITIONS}/{name}", body)
    return ArmResponse(201, shown(body, scope))


def role_body(world: World, name: str, properties: dict[str, Any], scope: str) -> dict[str, Any]:
    role_name, description = properties.get("roleName"), properties.get("description")
    if not isinstance(role_name, str) or not role_name.strip() or not isinstance(description, str | None):
        raise wrong("MissingRoleName", "The role definition needs a name that is a text.")
    same = (one for one in [*BUILT_IN.values(), *custom(world)] if one["name"] != name)
    if any(one["properties"]["roleName"].lower() == role_name.lower() for one in same):
        text = "A custom role with the same name already exists in this directory. Use a different name"
        raise ArmError(409, "RoleDefinitionWithSameNameExists", text)
    before = world.arm.get(f"{DEFINITIONS}/{name}")
    return {
        "id": f"{DEFINITIONS}/{name}",
        "name": name,
        "type": "Microsoft.Authorization/roleDefinitions",
        "properties": {
            "roleName": role_name,
            "type": "CustomRole",
            "description": description or "",
            "assignableScopes": assignable_scopes(properties.get("assignableScopes"), scope),
            "permissions": permissions(properties.get("permissions")),
            "createdOn": before.properties["createdOn"] if before else world.clock.stamp(),
            "updatedOn": world.clock.stamp(),
            "createdBy": None,
            "updatedBy": None,
        },
    }


@route("DELETE", f"{OF_SCOPE}/{{definition}}", versions=VERSIONS, uncovered=UNCOVERED,
       action="Microsoft.Authorization/roleDefinitions/delete")  # fmt: skip
def delete_definition(request: ArmRequest, world: World) -> ArmResponse:
    """200 with what it was, 204 when there was none; refused while something is assigned by it."""
    name = request.params["definition"].lower()
    if name in BUILT_IN:
        raise ArmError(403, "AuthorizationFailed", f"The role definition '{name}' is built in and cannot be deleted.")
    document = world.arm.get(f"{DEFINITIONS}/{name}")
    if document is None:
        return ArmResponse(204)
    used = (one.properties.get("roleDefinitionId", "") for one in world.arm.documents.authorization())
    if any(role.lower().endswith(name) for role in used):
        text = f"There are existing role assignments referencing role (code: RoleDefinitionHasAssignments) '{name}'."
        raise wrong("RoleDefinitionHasAssignments", text)
    world.arm.delete(document.id)
    return ArmResponse(200, shown(document.body, scope_of(request)))
