"""Rights by role assignments: what they grant, when they begin to, and rights that are missing for a while."""

from __future__ import annotations

import pytest

from azuresim import Simulator
from azuresim.arm.rights import covers
from azuresim.arm.role_assignments import assign_role
from contract.arm_world import (
    AUTHORIZATION,
    GROUP,
    HERE,
    IDENTITY,
    MSI,
    ROLES,
    SERVICE,
    SUBSCRIPTION,
    arm,
    message,
    operator_id,
    refusal,
)

NAME = "00000000-1234-4000-8000-000000000001"
READER = f"{SUBSCRIPTION}/{AUTHORIZATION}/roleDefinitions/acdd72a7-3385-48ef-bd42-f606fba81ae7"


@pytest.fixture(autouse=True)
def enforced(azure: Simulator) -> None:
    azure.world.arm.add_group(GROUP)
    azure.world.switches.arm_enforce_roles = True


async def put_identity(azure: Simulator) -> int:
    return (await arm(azure, "PUT", IDENTITY, HERE, version=MSI)).status


@pytest.mark.item("web-11")
@pytest.mark.parametrize(
    ("role", "scope", "read", "write"),
    [
        ("Owner", SUBSCRIPTION, 404, 201),
        ("Contributor", GROUP, 404, 201),
        ("Managed Identity Contributor", GROUP, 404, 201),
        ("Reader", GROUP, 404, 403),
        ("Managed Identity Operator", IDENTITY, 404, 403),
        ("API Management Service Contributor", GROUP, 403, 403),
        ("Owner", f"{SUBSCRIPTION}/resourceGroups/elsewhere", 403, 403),
        ("Owner", f"{SUBSCRIPTION}/resourceGroups/sho", 403, 403),
    ],
)
async def test_a_role_grants_its_actions_at_its_scope_and_below(
    azure: Simulator, role: str, scope: str, read: int, write: int
) -> None:
    """Source: learn.microsoft.com/azure/role-based-access-control/built-in-roles and scope-overview."""
    assign_role(azure.world, operator_id(azure), role, scope)
    seen = (await arm(azure, "GET", IDENTITY, version=MSI)).status
    assert (seen, await put_identity(azure)) == (read, write)


async def test_not_actions_take_away_from_their_own_role_only(azure: Simulator) -> None:
    """Source: learn.microsoft.com/azure/role-based-access-control/role-definitions (NotActions are no deny rule)."""
    path = f"{GROUP}/{AUTHORIZATION}/roleAssignments/{NAME}"
    body = {"properties": {"principalId": operator_id(azure), "roleDefinitionId": READER}}
    assign_role(azure.world, operator_id(azure), "Contributor", GROUP)
    assert refusal(await arm(azure, "PUT", path, body, version=ROLES)) == (403, "AuthorizationFailed")
    assign_role(azure.world, operator_id(azure), "User Access Administrator", GROUP)
    assert (await arm(azure, "PUT", path, body, version=ROLES)).status == 201


@pytest.mark.item("web-11")
async def test_an_assignment_counts_only_once_it_has_spread(azure: Simulator) -> None:
    """Source: learn.microsoft.com/azure/role-based-access-control/troubleshooting: up to 10 minutes."""
    azure.world.switches.arm_role_propagation_seconds = 300
    assign_role(azure.world, operator_id(azure), "Contributor", GROUP)
    before = await put_identity(azure)
    azure.world.clock.advance(300)
    assert (before, await put_identity(azure)) == (403, 201)


@pytest.mark.item("web-11")
async def test_a_right_can_be_missing_for_a_while(azure: Simulator) -> None:
    """Source: learn.microsoft.com/azure/role-based-access-control/troubleshooting: a role that was just assigned."""
    azure.world.switches.arm_enforce_roles = False
    azure.world.grants_later("Microsoft.ManagedIdentity/userAssignedIdentities/write", seconds=120)
    refused = await arm(azure, "PUT", IDENTITY, HERE, version=MSI)
    azure.world.clock.advance(120)
    assert (refusal(refused), await put_identity(azure)) == ((403, "AuthorizationFailed"), 201)
    assert "If access was recently granted, please refresh your credentials." in message(refused)


async def test_a_removed_assignment_grants_nothing(azure: Simulator) -> None:
    """Source: learn.microsoft.com/azure/role-based-access-control/role-assignments-remove."""
    made = assign_role(azure.world, operator_id(azure), "Contributor", GROUP)
    azure.world.arm.delete(made.id)
    assert await put_identity(azure) == 403


async def test_denied_actions_are_denied_whatever_was_assigned(azure: Simulator) -> None:
    """No Azure behaviour: how a test takes one right away."""
    assign_role(azure.world, operator_id(azure), "Owner", SUBSCRIPTION)
    azure.world.denied.add("microsoft.managedidentity/*")
    assert await put_identity(azure) == 403


async def test_a_caller_without_roles_sees_no_subscription_and_is_not_refused(azure: Simulator) -> None:
    """Source: learn.microsoft.com/rest/api/resources/subscriptions/list: those that the caller has access to."""
    before = await arm(azure, "GET", "/subscriptions")
    refused = await arm(azure, "GET", SUBSCRIPTION)
    assign_role(azure.world, operator_id(azure), "Reader", SUBSCRIPTION)
    after = await arm(azure, "GET", "/subscriptions")
    assert (before.status, before.data()["value"], refused.status) == (200, [], 403)
    assert [one["id"] for one in after.data()["value"]] == [SUBSCRIPTION]


async def test_permissions_are_those_of_the_callers_roles(azure: Simulator) -> None:
    """Source: learn.microsoft.com/rest/api/authorization/permissions/list-for-resource-group."""
    assign_role(azure.world, operator_id(azure), "Reader", SUBSCRIPTION)
    found = (await arm(azure, "GET", f"{GROUP}/{AUTHORIZATION}/permissions", version=ROLES)).data()["value"]
    assert [one["actions"] for one in found] == [["*/read"]]


async def test_a_lock_that_forbids_deleting_keeps_role_assignments_too(azure: Simulator) -> None:
    """Source: learn.microsoft.com/azure/azure-resource-manager/management/lock-resources (considerations)."""
    azure.world.switches.arm_enforce_roles = False
    made = assign_role(azure.world, operator_id(azure), "Reader", GROUP)
    azure.world.arm.lock(GROUP, "CanNotDelete")
    assert refusal(await arm(azure, "DELETE", made.id, version=ROLES)) == (409, "ScopeLocked")


@pytest.mark.parametrize(
    ("pattern", "action", "means"),
    [
        ("*", "Microsoft.Web/sites/write", True),
        ("*/read", "Microsoft.Web/sites/read", True),
        ("*/read", "Microsoft.Web/sites/write", False),
        ("Microsoft.Web/sites/*", "microsoft.web/SITES/config/list/action", True),
        ("Microsoft.Web/sites/*", "Microsoft.Web/serverFarms/read", False),
        ("Microsoft.ManagedIdentity/userAssignedIdentities/*/assign/action",
         "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action", True),
        ("Microsoft.Web/sites/read", "Microsoft.Web/sites/readers", False),
    ],
)  # fmt: skip
def test_a_wildcard_stands_for_any_part_of_an_action(pattern: str, action: str, means: bool) -> None:
    """Source: learn.microsoft.com/azure/role-based-access-control/role-definitions (wildcards); Managed Identity
    Operator, which may assign."""
    assert covers(pattern, action) is means


@pytest.mark.parametrize(
    ("properties", "status", "code"),
    [
        ({}, 400, "BadRequestFormat"),
        ({"principalId": "nobody", "roleDefinitionId": READER}, 400, "InvalidPrincipalId"),
        ({"principalId": NAME, "roleDefinitionId": f"x/{NAME}"}, 404, "RoleDefinitionDoesNotExist"),
        ({"principalId": NAME, "roleDefinitionId": READER}, 400, "PrincipalNotFound"),
    ],
)
async def test_an_assignment_that_makes_no_sense_is_refused(
    azure: Simulator, properties: dict[str, str], status: int, code: str
) -> None:
    """Source: learn.microsoft.com/azure/role-based-access-control/troubleshooting; threads of
    hashicorp/terraform-provider-azurerm, which quote the codes."""
    azure.world.switches.arm_enforce_roles = False
    path = f"{GROUP}/{AUTHORIZATION}/roleAssignments/{NAME}"
    assert refusal(await arm(azure, "PUT", path, {"properties": properties}, version=ROLES)) == (status, code)


async def test_the_name_of_an_assignment_is_a_guid(azure: Simulator) -> None:
    """Source: threads of hashicorp/terraform-provider-azurerm (InvalidRoleAssignmentId)."""
    azure.world.switches.arm_enforce_roles = False
    path = f"{GROUP}/{AUTHORIZATION}/roleAssignments/reader"
    body = {"properties": {"principalId": operator_id(azure), "roleDefinitionId": READER}}
    assert refusal(await arm(azure, "PUT", path, body, version=ROLES)) == (400, "InvalidRoleAssignmentId")


async def test_assignments_below_are_listed_unless_the_filter_says_at_scope(azure: Simulator) -> None:
    """Source: learn.microsoft.com/azure/role-based-access-control/role-assignments-list-rest (atScope())."""
    azure.world.switches.arm_enforce_roles = False
    azure.world.arm.put(SERVICE, {"id": SERVICE, "name": "contoso", "type": "Microsoft.ApiManagement/service"})
    assign_role(azure.world, operator_id(azure), "Reader", SERVICE)
    assign_role(azure.world, operator_id(azure), "Owner", SUBSCRIPTION)
    path = f"{GROUP}/{AUTHORIZATION}/roleAssignments"
    scopes = [
        [one["properties"]["scope"] for one in (await arm(azure, "GET", path + query, version=ROLES)).data()["value"]]
        for query in ("", "?$filter=atScope()")
    ]
    assert scopes == [[SUBSCRIPTION, SERVICE], [SUBSCRIPTION]]


async def test_an_assignment_goes_with_its_resource(azure: Simulator) -> None:
    """Source: learn.microsoft.com/azure/role-based-access-control/role-assignments-remove (deleted scopes)."""
    azure.world.switches.arm_enforce_roles = False
    await put_identity(azure)
    made = assign_role(azure.world, operator_id(azure), "Reader", IDENTITY)
    await arm(azure, "DELETE", IDENTITY, version=MSI)
    assert azure.world.arm.get(made.id) is None
