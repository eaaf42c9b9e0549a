"""What a service that somebody has just made shows of itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from contract.apim_world import GROUP, OPERATOR, Apim, apim

PUBLISHER = {"publisherEmail": "ada@example.com", "publisherName": "Ada"}
NOWHERE = ("gatewayRegionalUrl", "portalUrl", "developerPortalUrl", "managementApiUrl", "scmUrl")


@pytest.fixture
async def here() -> AsyncIterator[Apim]:
    async with apim() as started:
        yield started


async def made(here: Apim, sku: str, location: str = "westeurope", **more: Any) -> Any:
    body = {"location": location, "sku": {"name": sku, "capacity": 0 if sku == "Consumption" else 1}}
    answer = await sent(here, "PUT", body | {"properties": PUBLISHER} | more)
    assert answer.status == 201
    return answer.data()


async def sent(here: Apim, method: str, body: Any = None, *, caller: str = OPERATOR) -> Any:
    url = f"{GROUP}/providers/Microsoft.ApiManagement/service/second?api-version=2024-05-01"
    return await here.azure.send(method, "", url, headers=here.azure.arm_headers(caller), json=body)


async def test_a_consumption_service_has_a_gateway_and_no_other_address(here: Apim) -> None:
    """Source: Azure/azure-cli recordings test_apim_managed_identity and test_apim_export_api."""
    properties = (await made(here, "Consumption"))["properties"]
    assert {name: properties[name] for name in NOWHERE} == dict.fromkeys(NOWHERE)
    assert (properties["gatewayUrl"], properties["platformVersion"]) == ("https://second.azure-api.net", "mtv1")
    assert properties["publicIPAddresses"] is None


async def test_a_service_shows_its_region_by_the_name_for_people(here: Apim) -> None:
    """Source: Azure/azure-cli recording test_apim_managed_identity (westus sent, West US shown)."""
    assert (await made(here, "Developer", "westus"))["location"] == "West US"


async def test_a_service_tells_which_application_made_and_changed_it(here: Apim) -> None:
    """
    Source: Azure/azure-cli recording test_apim_managed_identity (both halves of systemData from the beginning);
    learn.microsoft.com/rest/api/apimanagement/api-management-service (createdByType Application).
    """
    created = (await made(here, "Developer"))["systemData"]
    assert (created["createdBy"], created["createdByType"]) == (OPERATOR, "Application")
    assert created["lastModifiedAt"] == created["createdAt"]
    here.world.operations.finish(f"{GROUP}/providers/Microsoft.ApiManagement/service/second")
    here.world.clock.advance(60)
    await sent(here, "PATCH", {"tags": {"team": "shop"}})
    changed = (await sent(here, "GET")).data()["systemData"]
    assert (changed["createdAt"], changed["lastModifiedBy"]) == (created["createdAt"], OPERATOR)
    assert changed["lastModifiedAt"] > created["lastModifiedAt"]


async def test_a_new_service_has_its_identity_before_it_is_active(here: Apim) -> None:
    """Source: Azure/azure-cli recordings test_apim_core_service and test_apim_managed_identity (the 201)."""
    service = await made(here, "Developer", identity={"type": "SystemAssigned"})
    principal = here.world.entra.system_identity(service["id"])
    assert principal is not None
    assert service["properties"]["targetProvisioningState"] == "Activating"
    assert service["identity"] == {
        "type": "SystemAssigned",
        "principalId": principal.principal_id,
        "tenantId": here.world.tenant_id,
    }
