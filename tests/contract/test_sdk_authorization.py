"""azure-mgmt-authorization 4 through role definitions, role assignments, permissions and what it lists."""

from __future__ import annotations

import pytest
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.mgmt.authorization.v2022_04_01.aio import AuthorizationManagementClient
from azure.mgmt.authorization.v2022_04_01.models import (
    Permission,
    RoleAssignmentCreateParameters,
    RoleDefinition,
)

from azuresim import Simulator
from contract.sdk import SUBSCRIPTION, client_of, trusted

__all__ = ["trusted"]

SCOPE = f"/subscriptions/{SUBSCRIPTION}"
GROUP = f"{SCOPE}/resourceGroups/shop"
SERVICE = f"{GROUP}/providers/Microsoft.ApiManagement/service/contoso"
ROLES = "/providers/Microsoft.Authorization/roleDefinitions"
READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
CONTRIBUTOR = "b24988ac-6180-42a0-ab88-20f7382dd24c"
NAMES = [f"0000000{number}-1234-4000-8000-000000000000" for number in range(9)]


def assignment(
    principal_id: str, role: str = READER, principal_type: str | None = "ServicePrincipal"
) -> RoleAssignmentCreateParameters:
    role_id = f"{SCOPE}{ROLES}/{role}"
    return RoleAssignmentCreateParameters(
        role_definition_id=role_id, principal_id=principal_id, principal_type=principal_type
    )


def someone(azure: Simulator) -> str:
    azure.world.arm.add_group(GROUP)
    return str(azure.world.entra.add_service_principal("5e2f1ce0-0000-4000-8000-000000000001")["id"])


async def test_a_role_is_assigned_read_listed_and_removed_by_the_sdk(trusted: Simulator) -> None:
    """Source: azure-mgmt-authorization 4.0 (role_assignments)."""
    principal = someone(trusted)
    async with client_of(trusted, AuthorizationManagementClient, SUBSCRIPTION) as client:
        roles = client.role_assignments
        made = await roles.create(GROUP, NAMES[0], assignment(principal))
        assert (made.scope, made.principal_type) == (GROUP, "ServicePrincipal")
        assert (await roles.get(GROUP, NAMES[0])).id == made.id
        assert (await roles.get_by_id(made.id)).role_definition_id == f"{SCOPE}{ROLES}/{READER}"
        mine = f"principalId eq '{principal}'"
        assert [one.name async for one in roles.list_for_subscription(filter=mine)] == [NAMES[0]]
        assert [one.name async for one in roles.list_for_subscription(filter="atScope()")] == []
        assert [one.name async for one in roles.list_for_resource_group("shop")] == [NAMES[0]]
        assert [one.name async for one in roles.list_for_scope(GROUP, filter=f"assignedTo('{principal}')")] == [
            NAMES[0]
        ]
        await roles.delete(GROUP, NAMES[0])
        assert await roles.delete_by_id(made.id) is None
        with pytest.raises(ResourceNotFoundError, match="RoleAssignmentNotFound"):
            await roles.get(GROUP, NAMES[0])


async def test_the_same_assignment_under_another_name_already_exists(trusted: Simulator) -> None:
    """Source: learn.microsoft.com/azure/role-based-access-control/troubleshooting (RoleAssignmentExists)."""
    principal = someone(trusted)
    async with client_of(trusted, AuthorizationManagementClient, SUBSCRIPTION) as client:
        await client.role_assignments.create(GROUP, NAMES[0], assignment(principal))
        with pytest.raises(ResourceExistsError, match="RoleAssignmentExists"):
            await client.role_assignments.create(GROUP, NAMES[1], assignment(principal))


@pytest.mark.parametrize(("scope", "role"), [(GROUP, CONTRIBUTOR), (SCOPE, READER)])
async def test_an_assignment_never_gets_another_role_or_scope(trusted: Simulator, scope: str, role: str) -> None:
    """Source: learn.microsoft.com/azure/role-based-access-control/troubleshooting,
    RoleAssignmentUpdateNotPermitted."""
    principal = someone(trusted)
    async with client_of(trusted, AuthorizationManagementClient, SUBSCRIPTION) as client:
        await client.role_assignments.create(GROUP, NAMES[0], assignment(principal))
        with pytest.raises(HttpResponseError, match="RoleAssignmentUpdateNotPermitted"):
            await client.role_assignments.create(scope, NAMES[0], assignment(principal, role))


@pytest.mark.item("web-11")
async def test_a_principal_that_is_not_seen_yet_is_assigned_only_with_its_type(trusted: Simulator) -> None:
    """Source: learn.microsoft.com/azure/role-based-access-control/troubleshooting: PrincipalNotFound,
    principalType."""
    trusted.world.arm.add_group(GROUP)
    unseen = "5e2f1ce0-0000-4000-8000-00000000dead"
    async with client_of(trusted, AuthorizationManagementClient, SUBSCRIPTION) as client:
        with pytest.raises(HttpResponseError, match="PrincipalNotFound"):
            await client.role_assignments.create(GROUP, NAMES[0], assignment(unseen, principal_type=None))
        made = await client.role_assignments.create(GROUP, NAMES[0], assignment(unseen))
        assert made.principal_id == unseen


async def test_a_service_principal_is_not_assigned_as_a_user(trusted: Simulator) -> None:
    """Source: threads of hashicorp/terraform-provider-azurerm (UnmatchedPrincipalType, its text included)."""
    principal = someone(trusted)
    async with client_of(trusted, AuthorizationManagementClient, SUBSCRIPTION) as client:
        with pytest.raises(HttpResponseError, match="UnmatchedPrincipalType"):
            await client.role_assignments.create(GROUP, NAMES[0], assignment(principal, principal_type="User"))


async def test_built_in_roles_have_their_well_known_ids(trusted: Simulator) -> None:
    """Source: learn.microsoft.com/azure/role-based-access-control/built-in-roles."""
    async with client_of(trusted, AuthorizationManagementClient, SUBSCRIPTION) as client:
        found = client.role_definitions.list(SCOPE, filter="roleName eq 'Website Contributor'")
        assert [one.name async for one in found] == ["de139f84-1756-47ae-9be6-808fbbe84772"]
        owner = await client.role_definitions.get(SCOPE, "8e3af657-a8ff-443c-a75c-2fe8c4bcb635")
        assert (owner.role_name, owner.role_type) == ("Owner", "BuiltInRole")
        assert (await client.role_definitions.get_by_id(owner.id)).role_name == "Owner"


def custom(name: str, *scopes: str) -> RoleDefinition:
    permission = Permission(actions=["Microsoft.ApiManagement/service/apis/*"], not_actions=[])
    return RoleDefinition(role_name=name, description="d", permissions=[permission], assignable_scopes=list(scopes))


async def test_a_custom_role_is_created_listed_assigned_and_deleted_by_the_sdk(trusted: Simulator) -> None:
    """Source: learn.microsoft.com/azure/role-based-access-control/custom-roles and troubleshooting
    (RoleDefinitionHasAssignments, RoleDefinitionWithSameNameExists)."""
    principal = someone(trusted)
    async with client_of(trusted, AuthorizationManagementClient, SUBSCRIPTION) as client:
        roles = client.role_definitions
        made = await roles.create_or_update(SCOPE, NAMES[0], custom("APIs", SCOPE))
        assert made.role_type == "CustomRole"
        with pytest.raises(ResourceExistsError, match="RoleDefinitionWithSameNameExists"):
            await roles.create_or_update(SCOPE, NAMES[1], custom("apis", SCOPE))
        kind = roles.list(GROUP, filter="type eq 'CustomRole'")
        assert [one.role_name async for one in kind] == ["APIs"]
        await client.role_assignments.create(GROUP, NAMES[2], assignment(principal, NAMES[0]))
        with pytest.raises(HttpResponseError, match="RoleDefinitionHasAssignments"):
            await roles.delete(SCOPE, NAMES[0])
        await client.role_assignments.delete(GROUP, NAMES[2])
        assert (await roles.delete(SCOPE, NAMES[0])).role_name == "APIs"
        assert await roles.delete(SCOPE, NAMES[0]) is None


async def test_a_custom_role_is_assigned_only_within_its_assignable_scopes(trusted: Simulator) -> None:
    """Source: learn.microsoft.com/azure/role-based-access-control/role-definitions (AssignableScopes)."""
    principal = someone(trusted)
    elsewhere = f"{SCOPE}/resourceGroups/elsewhere"
    trusted.world.arm.add_group(elsewhere)
    async with client_of(trusted, AuthorizationManagementClient, SUBSCRIPTION) as client:
        await client.role_definitions.create_or_update(GROUP, NAMES[0], custom("APIs", GROUP))
        with pytest.raises(HttpResponseError, match="RoleAssignmentScopeNotAssignableToRoleDefinition"):
            await client.role_assignments.create(elsewhere, NAMES[1], assignment(principal, NAMES[0]))


async def test_permissions_denials_and_the_catalogue_of_actions_are_listed_by_the_sdk(trusted: Simulator) -> None:
    """Source: azure-mgmt-authorization 4.0 (permissions, deny_assignments, provider_operations_metadata)."""
    trusted.world.arm.add_group(GROUP)
    async with client_of(trusted, AuthorizationManagementClient, SUBSCRIPTION) as client:
        assert [one.actions async for one in client.permissions.list_for_resource_group("shop")] == [["*"]]
        assert [one async for one in client.deny_assignments.list()] == []
        found = await client.provider_operations_metadata.get("Microsoft.ApiManagement")
        names = [one.name for kind in found.resource_types for one in kind.operations]
        assert "Microsoft.ApiManagement/service/apis/write" in names
