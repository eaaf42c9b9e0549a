"""Managed identities as ARM shows them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from azuresim import Simulator
from azuresim.apim.service import add_service
from azuresim.msi import add_user_identity
from azuresim.wire import HttpAnswer

OPERATOR = "0be7a70a-0000-4000-8000-0000000000aa"
GROUP = "/subscriptions/00000000-aaaa-4000-8000-00000000000a/resourceGroups/shop"
SERVICE = f"{GROUP}/providers/Microsoft.ApiManagement/service/contoso"
IDENTITIES = f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities"
IDENTITY = f"{IDENTITIES}/caller"
DEFAULT = "/providers/Microsoft.ManagedIdentity/identities/default"


async def arm(
    azure: Simulator, method: str, path: str, body: Mapping[str, Any] | None = None, version: str = "2024-11-30"
) -> HttpAnswer:
    return await azure.send(method, "", f"{path}?api-version={version}", headers=azure.arm_headers(OPERATOR), json=body)


@pytest.mark.parametrize("version", ["2023-01-31", "2024-11-30"])
async def test_the_system_identity_of_a_resource_shows_its_client_id(azure: Simulator, version: str) -> None:
    """Source: azure-mgmt-msi 7.1 (system_assigned_identities.get_by_scope); learn.microsoft.com PowerShell
    Get-AzSystemAssignedIdentity."""
    add_service(azure.world, SERVICE)
    identity = azure.world.entra.ensure_system_identity(SERVICE)
    answer = await arm(azure, "GET", SERVICE + DEFAULT, version=version)
    assert (answer.status, answer.data()["name"]) == (200, "default")
    assert answer.data()["properties"] == {
        "tenantId": azure.world.tenant_id,
        "principalId": identity.principal_id,
        "clientId": identity.client_id,
    }


async def test_graph_knows_the_same_identity_as_a_service_principal(azure: Simulator) -> None:
    """Source: learn.microsoft.com/graph/api/resources/serviceprincipal (servicePrincipalType, alternativeNames)."""
    azure.world.entra.graph_permissions[OPERATOR] = {"Application.Read.All"}
    identity = azure.world.entra.ensure_system_identity(SERVICE)
    path = f"/v1.0/servicePrincipals/{identity.principal_id}"
    found = (await azure.send("GET", "", path, headers=azure.graph_headers(OPERATOR))).data()
    assert (found["appId"], found["servicePrincipalType"]) == (identity.client_id, "ManagedIdentity")
    assert found["alternativeNames"] == ["isExplicit=False", SERVICE]


@pytest.mark.assumed
async def test_a_resource_without_system_identity_has_none_to_show(azure: Simulator) -> None:
    """The status is the SDK's ResourceNotFoundError; the code is assumed."""
    add_service(azure.world, SERVICE)
    assert (await arm(azure, "GET", SERVICE + DEFAULT)).status == 404


async def test_a_missing_resource_has_no_identity(azure: Simulator) -> None:
    """Source: learn.microsoft.com/azure/azure-resource-manager/troubleshooting/error-not-found."""
    azure.world.arm.add_group(GROUP)
    answer = await arm(azure, "GET", SERVICE + DEFAULT)
    assert (answer.status, answer.data()["error"]["code"]) == (404, "ResourceNotFound")


async def test_a_user_assigned_identity_is_no_default_of_anything(azure: Simulator) -> None:
    """Source: azure-mgmt-msi 7.1 (identities/default is the system-assigned one)."""
    add_user_identity(azure.world, IDENTITY)
    assert (await arm(azure, "GET", IDENTITY + DEFAULT)).status == 404


async def test_a_user_assigned_identity_is_created_once_and_keeps_its_ids(azure: Simulator) -> None:
    """Source: learn.microsoft.com/rest/api/managedidentity (Create Or Update: 201, 200)."""
    azure.world.arm.add_group(GROUP)
    first = await arm(azure, "PUT", IDENTITY, {"location": "westeurope"})
    second = await arm(azure, "PUT", IDENTITY, {"location": "westeurope", "tags": {"a": "b"}})
    assert (first.status, second.status) == (201, 200)
    assert first.data()["properties"] == second.data()["properties"]
    assert second.data()["tags"] == {"a": "b"}
    assert (await arm(azure, "GET", IDENTITY)).data() == second.data()


async def test_user_assigned_identities_of_a_group_are_listed(azure: Simulator) -> None:
    """Source: learn.microsoft.com/rest/api/managedidentity (List By Resource Group)."""
    add_user_identity(azure.world, IDENTITY)
    add_user_identity(azure.world, f"{IDENTITIES}/other")
    listed = (await arm(azure, "GET", IDENTITIES)).data()["value"]
    assert [identity["name"] for identity in listed] == ["caller", "other"]


async def test_a_deleted_identity_is_gone_and_comes_back_with_new_ids(azure: Simulator) -> None:
    """Source: learn.microsoft.com/rest/api/managedidentity (Delete: 200, 204)."""
    before = add_user_identity(azure.world, IDENTITY)
    statuses = [(await arm(azure, method, IDENTITY)).status for method in ("DELETE", "DELETE", "GET")]
    assert statuses == [200, 204, 404]
    assert azure.world.entra.principal(before.principal_id) is None
    after = (await arm(azure, "PUT", IDENTITY, {"location": "westeurope"})).data()["properties"]
    assert before.principal_id != after["principalId"]


@pytest.mark.assumed
async def test_an_identity_needs_a_location(azure: Simulator) -> None:
    """ARM's general rule for tracked resources."""
    azure.world.arm.add_group(GROUP)
    answer = await arm(azure, "PUT", IDENTITY, {})
    assert (answer.status, answer.data()["error"]["code"]) == (400, "LocationRequired")


async def test_an_identity_goes_with_its_resource(azure: Simulator) -> None:
    """Source: learn.microsoft.com/entra/identity/managed-identities-azure-resources/overview (lifecycle)."""
    add_service(azure.world, SERVICE)
    identity = azure.world.entra.ensure_system_identity(SERVICE)
    azure.world.arm.delete(SERVICE)
    assert azure.world.entra.principal(identity.principal_id) is None
