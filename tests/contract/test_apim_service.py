"""The API Management service resource and its managed identities."""

from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest

from azuresim.apim.service import add_service
from azuresim.wire import HttpAnswer
from contract.apim_world import CALLER, DOOR, GROUP, SERVICE, Apim, apim

USER_ID = f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/caller"
OTHER_ID = f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/other"
SYSTEM = {"identity": {"type": "SystemAssigned"}}


@pytest.fixture
async def here() -> AsyncIterator[Apim]:
    async with apim() as started:
        yield started


async def test_a_service_shows_more_than_any_contract_lists(here: Apim) -> None:
    """Source: Azure/azure-service-operator recording Test_ApiManagement_20240501_CRUD."""
    answer = await here.arm("GET")
    body = answer.data()
    assert (answer.status, body["sku"], body["identity"]) == (200, {"name": "Developer", "capacity": 1}, None)
    assert body["properties"]["gatewayUrl"] == "https://contoso.azure-api.net"
    assert body["properties"]["provisioningState"] == "Succeeded"
    assert {"platformVersion", "natGatewayState", "configurationApi", "systemData"} <= {*body, *body["properties"]}
    assert b"\r\n" not in answer.body  # compact, unlike the children
    assert not body["etag"].startswith('"')


async def test_a_service_that_is_not_there_is_404(here: Apim) -> None:
    """Source: Azure Resource Manager's general error."""
    here.world.arm.delete(SERVICE)
    answer = await here.arm("GET", "/apis")
    assert (answer.status, answer.data()["error"]["code"]) == (404, "ResourceNotFound")


@pytest.mark.item("apim-11")
async def test_switching_the_system_identity_on_takes_an_operation(here: Apim) -> None:
    """Source: Azure/azure-cli recording test_apim_managed_identity; Azure/azure-sdk-for-js recording (update)."""
    first = await here.arm("PATCH", "", SYSTEM)
    during = here.world.arm.need(SERVICE).body
    assert (first.status, first.headers["Retry-After"]) == (202, "0")
    assert {"Azure-AsyncOperation", "Location"} <= first.headers.keys()
    assert (during["properties"]["provisioningState"], during["identity"]) == ("Updating", None)
    assert (await here.settle(first))["status"] == "Succeeded"
    after = (await here.arm("GET")).data()
    principal = here.world.entra.system_identity(SERVICE)
    assert principal is not None
    assert after["properties"]["provisioningState"] == "Succeeded"
    assert after["identity"] == {
        "type": "SystemAssigned",
        "principalId": principal.principal_id,
        "tenantId": here.world.tenant_id,
    }


async def test_the_service_itself_can_be_watched_until_it_is_succeeded(here: Apim) -> None:
    """Source: Azure/azure-service-operator recording (provisioningState Updating, then Succeeded)."""
    await here.arm("PATCH", "", SYSTEM)
    states = [(await here.arm("GET")).data()["properties"]["provisioningState"] for _ in range(3)]
    assert states == ["Updating", "Updating", "Succeeded"]


async def test_the_location_answers_the_service_when_the_operation_is_over(here: Apim) -> None:
    """Source: Azure/azure-service-operator recording Test_ApiManagement_20240501_CRUD (operationResults)."""
    first = await here.arm("PATCH", "", SYSTEM)
    assert (await here.arm("GET", first.headers["Location"])).status == 202
    done = await here.arm("GET", first.headers["Location"])
    assert (done.status, done.data()["identity"]["type"]) == (200, "SystemAssigned")


async def test_an_update_can_be_followed_by_location_alone_below_the_service(here: Apim) -> None:
    """Source: Azure/azure-cli recording test_apim_managed_identity (a Consumption service)."""
    here.world.switches.apim_service_polls = "results"
    first = await here.arm("PATCH", "", SYSTEM)
    assert "Azure-AsyncOperation" not in first.headers
    path = urlsplit(first.headers["Location"]).path.removeprefix(SERVICE)
    assert path.startswith("/operationresults/")
    answers = [await here.arm("GET", path) for _ in range(2)]
    assert [answer.status for answer in answers] == [202, 200]
    assert answers[1].data()["properties"]["provisioningState"] == "Succeeded"
    assert {call.action for call in here.world.calls(path="*/operationresults/*")} == {
        "Microsoft.ApiManagement/service/operationresults/read"
    }


async def test_assigning_an_identity_needs_a_right_on_the_identity_too(here: Apim) -> None:
    """Source: Azure/aad-pod-identity issue 613."""
    here.world.entra.add_user_identity(USER_ID)
    here.world.denied.add("microsoft.managedidentity/userassignedidentities/assign/action")
    refused = await patch_users(here, {USER_ID: {}})
    error = refused.data()["error"]
    assert (refused.status, error["code"]) == (403, "LinkedAuthorizationFailed")
    assert "has permission to perform action 'Microsoft.ApiManagement/service/write'" in error["message"]
    assert (
        f"'Microsoft.ManagedIdentity/userAssignedIdentities/assign/action' on the linked scope(s) '{USER_ID}'"
        in (error["message"])
    )
    here.world.denied.clear()
    assert (await patch_users(here, {USER_ID: {}})).status == 202
    assert [call.linked for call in here.world.calls(method="PATCH")] == 2 * [
        ("Microsoft.ManagedIdentity/userAssignedIdentities/assign/action",)
    ]


async def test_the_clock_can_decide_how_long_updating_takes(here: Apim) -> None:
    """No Azure behaviour: The simulator's own: `operation_seconds`."""
    here.world.switches.operation_seconds = 60
    first = await here.arm("PATCH", "", SYSTEM)
    assert (await here.arm("GET", first.headers["Azure-AsyncOperation"])).data()["status"] == "InProgress"
    here.world.clock.advance(61)
    assert (await here.arm("GET")).data()["identity"]["type"] == "SystemAssigned"


@pytest.mark.parametrize("written", ["SystemAssigned", "systemassigned"])
@pytest.mark.item("apim-11")
async def test_a_patch_that_changes_nothing_is_200_at_once(written: str) -> None:
    """Source: Azure/azure-sdk-for-js recording (update); microsoft/vscode-apimanagement sends all lower case."""
    async with apim(identity={"type": "SystemAssigned"}, check_contracts=written == "SystemAssigned") as here:
        before = (await here.arm("GET")).data()
        answer = await here.arm("PATCH", "", {"identity": {"type": written}})
        assert (answer.status, answer.data()) == (200, before)


async def test_a_second_write_while_updating_is_refused(here: Apim) -> None:
    """Assumed: that it is refused is reported, code and text are not."""
    await here.arm("PATCH", "", SYSTEM)
    answer = await here.arm("PATCH", "", {"tags": {"a": "b"}})
    assert (answer.status, answer.data()["error"]["code"]) == (409, "ServiceTransitioning")


@pytest.mark.parametrize(("refuses", "status"), [(True, 409), (False, 201)])
async def test_children_may_or_may_not_be_written_while_updating(here: Apim, refuses: bool, status: int) -> None:
    """Assumed, both ways."""
    here.world.switches.apim_updating_refuses_children = refuses
    await here.arm("PATCH", "", SYSTEM)
    assert (await here.an_api()).status == status


async def test_switching_the_identity_off_deletes_its_principal_and_on_again_makes_another(here: Apim) -> None:
    """Source: learn.microsoft.com/azure/api-management/api-management-howto-use-managed-service-identity."""
    await here.settle(await here.arm("PATCH", "", SYSTEM))
    first = (await here.arm("GET")).data()["identity"]["principalId"]
    await here.settle(await here.arm("PATCH", "", {"identity": {"type": "None"}}))
    assert (await here.arm("GET")).data()["identity"] is None
    assert here.world.entra.principal(first) is None
    await here.settle(await here.arm("PATCH", "", SYSTEM))
    assert (await here.arm("GET")).data()["identity"]["principalId"] != first


async def test_a_user_assigned_identity_shows_its_ids(here: Apim) -> None:
    """Source: learn.microsoft.com/azure/api-management/api-management-howto-use-managed-service-identity."""
    identity = here.world.entra.add_user_identity(USER_ID)
    await here.settle(await patch_users(here, {USER_ID: {}}))
    shown = (await here.arm("GET")).data()["identity"]
    ids = {"principalId": identity.principal_id, "clientId": identity.client_id}
    assert shown == {"type": "UserAssigned", "userAssignedIdentities": {USER_ID: ids}}


async def test_a_user_assigned_identity_that_does_not_exist_is_refused(here: Apim) -> None:
    """Assumed: the text."""
    answer = await patch_users(here, {USER_ID: {}})
    assert (answer.status, answer.data()["error"]["code"]) == (400, "ValidationError")


@pytest.mark.parametrize(("merges", "left"), [(True, {USER_ID, OTHER_ID}), (False, {OTHER_ID})])
async def test_the_map_of_identities_merges_or_replaces(here: Apim, merges: bool, left: set[str]) -> None:
    """Assumed, both ways."""
    here.world.switches.apim_identity_map_merges = merges
    for identity in (USER_ID, OTHER_ID):
        here.world.entra.add_user_identity(identity)
    await here.settle(await patch_users(here, {USER_ID: {}}))
    await here.settle(await patch_users(here, {OTHER_ID: {}}))
    assert set((await here.arm("GET")).data()["identity"]["userAssignedIdentities"]) == left


async def test_both_kinds_stand_beside_each_other(here: Apim) -> None:
    """Source: learn.microsoft.com/azure/api-management/api-management-howto-use-managed-service-identity."""
    here.world.entra.add_user_identity(USER_ID)
    await here.settle(await patch_users(here, {USER_ID: {}}, kind="SystemAssigned, UserAssigned"))
    shown = (await here.arm("GET")).data()["identity"]
    assert shown["type"] == "SystemAssigned, UserAssigned"
    assert shown.keys() == {"type", "principalId", "tenantId", "userAssignedIdentities"}


async def test_services_of_a_group_are_listed(here: Apim) -> None:
    """Source: REST reference, "Api Management Service - List By Resource Group"."""
    add_service(here.world, SERVICE.replace("contoso", "second"), sku="Consumption")
    url = f"{SERVICE.rpartition('/')[0]}?api-version=2024-05-01"
    answer = await here.azure.send("GET", "", url, headers=here.azure.arm_headers(CALLER))
    assert [service["name"] for service in answer.data()["value"]] == ["contoso", "second"]
    assert DOOR not in str(answer.data())


async def patch_users(here: Apim, identities: dict[str, dict[str, str]], kind: str = "UserAssigned") -> HttpAnswer:
    return await here.arm("PATCH", "", {"identity": {"type": kind, "userAssignedIdentities": identities}})


async def test_a_put_of_a_service_that_is_there_answers_200_and_goes_on_updating(here: Apim) -> None:
    """Source: Azure/azure-service-operator recording Test_ApiManagement_20240501_CRUD (a tag is added)."""
    service = (await here.arm("GET")).data()
    body = {name: service[name] for name in ("location", "sku", "properties")} | {"tags": {"team": "shop"}}
    answer = await here.arm("PUT", body=body)
    assert (answer.status, answer.data()["properties"]["provisioningState"]) == (200, "Updating")
    assert (await here.settle(answer))["status"] == "Succeeded"
    assert (await here.arm("GET")).data()["tags"] == {"team": "shop"}
