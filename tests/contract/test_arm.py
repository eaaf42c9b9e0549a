"""What all of Azure Resource Manager has in common, seen by a client: refusals, headers, locks, operations."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from typing import Any

import pytest

from azuresim import Simulator
from azuresim.apim.service import add_service
from azuresim.resources import row_version
from azuresim.web import add_function_app
from azuresim.wire import HttpAnswer

OPERATOR = "0be7a70a-0000-4000-8000-0000000000aa"
SUBSCRIPTION = "/subscriptions/00000000-aaaa-4000-8000-00000000000a"
GROUP = f"{SUBSCRIPTION}/resourceGroups/shop"
IDENTITY = f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/caller"
SERVICE = f"{GROUP}/providers/Microsoft.ApiManagement/service/contoso"
SITE = f"{GROUP}/providers/Microsoft.Web/sites/orders-fn"
VERSION = "?api-version=2024-11-30"
HERE = {"location": "westeurope"}


async def arm(
    azure: Simulator, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
) -> HttpAnswer:
    sent = {**azure.arm_headers(OPERATOR), **(headers or {})}
    return await azure.send(method, "", path, headers=sent, json=body)


def code_of(answer: HttpAnswer) -> str:
    return str(answer.data()["error"]["code"])


def message_of(answer: HttpAnswer) -> str:
    return str(answer.data()["error"]["message"])


@pytest.fixture(autouse=True)
def group(azure: Simulator) -> None:
    azure.world.arm.add_group(GROUP)


# --- api-version ------------------------------------------------------------------------------------------------------
async def test_a_call_without_api_version_is_refused(azure: Simulator) -> None:
    """Source: microsoft/api-guidelines, Azure guidelines, "versioning-api-version-missing"."""
    answer = await arm(azure, "GET", IDENTITY)
    assert (answer.status, code_of(answer)) == (400, "MissingApiVersionParameter")


@pytest.mark.item("apim-17")
@pytest.mark.assumed
async def test_an_unknown_api_version_is_refused_with_the_valid_ones(azure: Simulator) -> None:
    """Seen by others who imitate API Management; no capture is public."""
    answer = await arm(azure, "GET", f"{IDENTITY}?api-version=1999-01-01")
    assert (answer.status, code_of(answer)) == (400, "InvalidApiVersionParameter")
    assert "2023-01-31,2024-11-30" in message_of(answer)


# --- tokens -----------------------------------------------------------------------------------------------------------
async def test_a_call_without_token_is_refused(azure: Simulator) -> None:
    """Source: threads of Azure/azure-cli and Azure/azure-powershell, which quote code and text; RFC 6750."""
    answer = await azure.send("GET", "", GROUP + "?api-version=2021-04-01")
    assert (answer.status, code_of(answer)) == (401, "AuthenticationFailed")
    assert message_of(answer) == "Authentication failed. The 'Authorization' header is missing."
    assert answer.headers["WWW-Authenticate"].startswith("Bearer ")


@pytest.mark.parametrize(
    ("specific", "code"), [(False, "InvalidAuthenticationToken"), (True, "InvalidAuthenticationTokenAudience")]
)
async def test_a_token_for_another_audience_is_refused(azure: Simulator, specific: bool, code: str) -> None:
    """Source: the specific code is quoted in threads of Azure/Azure-Sentinel."""
    azure.world.switches.arm_specific_token_codes = specific
    answer = await azure.send("GET", "", GROUP + "?api-version=2021-04-01", headers=azure.graph_headers(OPERATOR))
    assert (answer.status, code_of(answer)) == (401, code)


@pytest.mark.parametrize(
    ("specific", "code"), [(False, "InvalidAuthenticationToken"), (True, "ExpiredAuthenticationToken")]
)
async def test_an_expired_token_is_refused(azure: Simulator, specific: bool, code: str) -> None:
    """Source: the specific code is quoted in threads of Azure/Azure-Sentinel, hashicorp/terraform-provider-azurerm."""
    azure.world.switches.arm_specific_token_codes = specific
    headers = azure.arm_headers(OPERATOR)
    azure.world.clock.advance(seconds=3600)
    answer = await azure.send("GET", "", GROUP + "?api-version=2021-04-01", headers=headers)
    assert (answer.status, code_of(answer)) == (401, code)


async def test_a_token_that_somebody_else_signed_is_refused(azure: Simulator) -> None:
    """Source: RFC 7519, section 7.2."""
    forged = azure.world.entra.sign({"aud": "https://management.azure.com", "appid": OPERATOR}, key="someone else")
    answer = await arm(azure, "GET", GROUP + "?api-version=2021-04-01", headers={"Authorization": f"Bearer {forged}"})
    assert answer.status == 401


@pytest.mark.parametrize("audience", ["https://management.azure.com/", "https://management.core.windows.net/"])
async def test_both_names_of_arm_are_accepted_as_audience(azure: Simulator, audience: str) -> None:
    """Source: threads of Azure/Azure-Sentinel, which quote the allowed audiences."""
    token = azure.world.entra.token_for_client(OPERATOR, audience)
    answer = await arm(azure, "GET", GROUP + "?api-version=2021-04-01", headers={"Authorization": f"Bearer {token}"})
    assert answer.status == 200


# --- 404, 405 ---------------------------------------------------------------------------------------------------------
@pytest.mark.item("web-11")
@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/subscriptions/99999999-aaaa-4000-8000-00000000000a", "SubscriptionNotFound"),
        (f"{SUBSCRIPTION}/resourceGroups/nowhere", "ResourceGroupNotFound"),
    ],
)
async def test_a_missing_subscription_and_a_missing_group_have_codes_of_their_own(
    azure: Simulator, path: str, code: str
) -> None:
    """Source: learn.microsoft.com/azure/azure-resource-manager/troubleshooting/common-deployment-errors."""
    answer = await arm(azure, "GET", f"{path}?api-version=2021-04-01")
    assert (answer.status, code_of(answer)) == (404, code)


async def test_a_resource_in_a_missing_group_reports_the_group(azure: Simulator) -> None:
    """Source: learn.microsoft.com/azure/azure-resource-manager/troubleshooting/error-not-found."""
    answer = await arm(azure, "GET", IDENTITY.replace("/shop/", "/nowhere/") + VERSION)
    assert (answer.status, code_of(answer)) == (404, "ResourceGroupNotFound")


@pytest.mark.item("web-11")
async def test_a_missing_resource_is_named_with_its_type_and_group(azure: Simulator) -> None:
    """Source: learn.microsoft.com/azure/azure-resource-manager/troubleshooting/error-not-found."""
    answer = await arm(azure, "GET", IDENTITY + VERSION)
    assert (answer.status, code_of(answer)) == (404, "ResourceNotFound")
    assert message_of(answer).startswith(
        "The Resource 'Microsoft.ManagedIdentity/userAssignedIdentities/caller' under resource group 'shop' was "
        "not found."
    )


@pytest.mark.assumed
async def test_a_child_of_a_missing_resource_reports_that_resource(azure: Simulator) -> None:
    """General ARM behaviour; for API Management no capture is public."""
    answer = await arm(azure, "GET", f"{SERVICE}/apis/orders?api-version=2024-05-01")
    assert (answer.status, code_of(answer)) == (404, "ResourceNotFound")
    assert "'Microsoft.ApiManagement/service/contoso'" in message_of(answer)


@pytest.mark.assumed
async def test_a_method_that_a_resource_lacks_is_405_with_allow(azure: Simulator) -> None:
    """Captured for a product link of API Management (Azure/azure-service-operator recording); assumed for the rest."""
    answer = await arm(azure, "POST", IDENTITY + VERSION, {})
    assert (answer.status, answer.headers["Allow"]) == (405, "DELETE,GET,PATCH,PUT")
    assert answer.data() == {"Message": "The requested resource does not support http method 'POST'."}


@pytest.mark.assumed
@pytest.mark.parametrize(
    ("rest", "code"),
    [("Microsoft.Nothing/things/x", "InvalidResourceNamespace"), ("Microsoft.Web/nothings/x", "InvalidResourceType")],
)
async def test_unknown_types_are_refused_instead_of_being_invented(azure: Simulator, rest: str, code: str) -> None:
    """The codes are ARM's; the texts are assumed."""
    answer = await arm(azure, "GET", f"{GROUP}/providers/{rest}?api-version=2025-05-01")
    assert (answer.status, code_of(answer)) == (404, code)


# --- reading ----------------------------------------------------------------------------------------------------------
async def test_a_subscription_and_a_group_can_be_read(azure: Simulator) -> None:
    """Source: learn.microsoft.com/rest/api/resources (Subscriptions - Get, Resource Groups - Get)."""
    subscription = (await arm(azure, "GET", f"{SUBSCRIPTION}?api-version=2022-12-01")).data()
    group = (await arm(azure, "GET", f"{GROUP}?api-version=2022-09-01")).data()
    assert (subscription["state"], subscription["tenantId"]) == ("Enabled", azure.world.tenant_id)
    assert (group["id"], group["properties"]) == (GROUP, {"provisioningState": "Succeeded"})


async def test_paths_are_read_without_case_and_ids_come_back_as_first_written(azure: Simulator) -> None:
    """Source: learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules."""
    await arm(azure, "PUT", IDENTITY + VERSION, HERE)
    answer = await arm(azure, "GET", IDENTITY.upper().replace("/SUBSCRIPTIONS", "/subscriptions") + VERSION)
    assert answer.data()["id"] == IDENTITY


async def test_a_removed_group_takes_everything_in_it_along(azure: Simulator) -> None:
    """Source: learn.microsoft.com/azure/azure-resource-manager/management/delete-resource-group."""
    await arm(azure, "PUT", IDENTITY + VERSION, HERE)
    azure.world.arm.remove_group(GROUP)
    assert code_of(await arm(azure, "GET", IDENTITY + VERSION)) == "ResourceGroupNotFound"
    azure.world.arm.add_group(GROUP)
    assert code_of(await arm(azure, "GET", IDENTITY + VERSION)) == "ResourceNotFound"


async def test_a_body_that_is_no_json_is_refused(azure: Simulator) -> None:
    """Source: InvalidRequestContent in learn.microsoft.com/azure/azure-resource-manager/troubleshooting."""
    headers = {**azure.arm_headers(OPERATOR), "Content-Type": "application/json"}
    answer = await azure.send("PUT", "", IDENTITY + VERSION, headers=headers, body=b"{location")
    assert (answer.status, code_of(answer)) == (400, "InvalidRequestContent")


async def test_the_cloud_metadata_names_endpoints_of_the_simulator(azure: Simulator) -> None:
    """Source: azure-mgmt-core `get_arm_endpoints`, Azure CLI `az cloud register --endpoint-resource-manager`."""
    cloud = (await azure.send("GET", "", "/metadata/endpoints?api-version=2022-09-01")).data()
    assert (cloud["resourceManager"], cloud["authentication"]["loginEndpoint"]) == (azure.url, azure.url)


# --- rights -----------------------------------------------------------------------------------------------------------
@pytest.mark.item("web-11")
async def test_a_missing_right_is_403_naming_client_object_action_and_scope(azure: Simulator) -> None:
    """Source: learn.microsoft.com/azure/role-based-access-control/troubleshooting."""
    azure.world.denied.add("microsoft.managedidentity/userassignedidentities/write")
    answer = await arm(azure, "PUT", IDENTITY + VERSION, HERE)
    principal = azure.world.entra.principal(OPERATOR)
    assert principal is not None
    assert (answer.status, code_of(answer)) == (403, "AuthorizationFailed")
    action = "Microsoft.ManagedIdentity/userAssignedIdentities/write"
    for part in (f"client '{OPERATOR}'", f"object id '{principal['id']}'", f"'{action}'", f"scope '{IDENTITY}'"):
        assert part in message_of(answer)


async def test_a_right_denied_for_writing_leaves_reading(azure: Simulator) -> None:
    """Source: learn.microsoft.com/azure/role-based-access-control/role-definitions (actions are separate)."""
    await arm(azure, "PUT", IDENTITY + VERSION, HERE)
    azure.world.denied.add("microsoft.managedidentity/*/write")
    assert (await arm(azure, "GET", IDENTITY + VERSION)).status == 200
    assert (await arm(azure, "PUT", IDENTITY + VERSION, HERE)).status == 403


@pytest.mark.assumed
async def test_a_missing_right_hides_that_the_group_is_missing(azure: Simulator) -> None:
    """The order of ARM's checks is published nowhere."""
    azure.world.denied.add("microsoft.managedidentity/*")
    answer = await arm(azure, "GET", IDENTITY.replace("/shop/", "/nowhere/") + VERSION)
    assert answer.status == 403


# --- locks ------------------------------------------------------------------------------------------------------------
@pytest.mark.item("web-11")
@pytest.mark.parametrize("scope", [SUBSCRIPTION, GROUP, IDENTITY])
async def test_a_read_only_lock_refuses_writes_below_it(azure: Simulator, scope: str) -> None:
    """Source: learn.microsoft.com/azure/azure-resource-manager/management/lock-resources; text: Azure/apiops."""
    azure.world.arm.lock(scope, "ReadOnly")
    answer = await arm(azure, "PUT", IDENTITY + VERSION, HERE)
    assert (answer.status, code_of(answer)) == (409, "ScopeLocked")
    assert message_of(answer) == (
        f"The scope '{IDENTITY}' cannot perform write operation because following scope(s) are locked: "
        f"'{scope}'. Please remove the lock and try again."
    )


async def test_a_read_only_lock_leaves_reading(azure: Simulator) -> None:
    """Source: learn.microsoft.com/azure/azure-resource-manager/management/lock-resources."""
    await arm(azure, "PUT", IDENTITY + VERSION, HERE)
    azure.world.arm.lock(GROUP, "ReadOnly")
    assert (await arm(azure, "GET", IDENTITY + VERSION)).status == 200


async def test_a_read_only_lock_refuses_listing_keys(azure: Simulator) -> None:
    """Source: learn.microsoft.com/azure/azure-resource-manager/management/lock-resources (POST actions)."""
    add_function_app(azure.world, SITE)
    azure.world.arm.lock(GROUP, "ReadOnly")
    answer = await arm(azure, "POST", f"{SITE}/host/default/listkeys?api-version=2025-05-01")
    assert (answer.status, code_of(answer)) == (409, "ScopeLocked")


@pytest.mark.item("web-11")
async def test_a_cannot_delete_lock_refuses_only_deleting(azure: Simulator) -> None:
    """Source: learn.microsoft.com/azure/azure-resource-manager/management/lock-resources."""
    azure.world.arm.lock(GROUP, "CanNotDelete")
    assert (await arm(azure, "PUT", IDENTITY + VERSION, HERE)).status == 201
    answer = await arm(azure, "DELETE", IDENTITY + VERSION)
    assert (answer.status, code_of(answer)) == (409, "ScopeLocked")
    assert "cannot perform delete operation" in message_of(answer)


async def test_a_lock_that_is_removed_refuses_nothing(azure: Simulator) -> None:
    """Source: learn.microsoft.com/azure/azure-resource-manager/management/lock-resources."""
    azure.world.arm.lock(GROUP, "ReadOnly")
    azure.world.arm.unlock(GROUP)
    assert (await arm(azure, "PUT", IDENTITY + VERSION, HERE)).status == 201


# --- headers and quotas -----------------------------------------------------------------------------------------------
async def test_answers_carry_ids_and_what_is_left(azure: Simulator) -> None:
    """Source: learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling."""
    answer = await arm(azure, "GET", f"{GROUP}?api-version=2021-04-01", headers={"x-ms-correlation-request-id": "mine"})
    assert answer.headers["x-ms-correlation-request-id"] == "mine"
    assert re.fullmatch(r"[0-9a-f-]{36}", answer.headers["x-ms-request-id"])
    assert re.match(r"[A-Z]+:\d{4}-.*:[0-9a-f-]{36}$", answer.headers["x-ms-routing-request-id"])
    assert answer.headers["x-ms-ratelimit-remaining-subscription-reads"] == "249"
    assert answer.headers["x-ms-ratelimit-remaining-subscription-global-reads"] == "3749"


async def test_a_refusal_carries_the_ids_too(azure: Simulator) -> None:
    """Source: Azure/azure-cli recordings of refused calls."""
    assert "x-ms-request-id" in (await arm(azure, "GET", IDENTITY + VERSION)).headers


@pytest.mark.item("apim-13")
@pytest.mark.item("web-11")
@pytest.mark.parametrize(("throttle", "status"), [(True, 429), (False, 200)])
async def test_an_empty_bucket_throttles_when_switched_on(azure: Simulator, throttle: bool, status: int) -> None:
    """Source: learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling: 250 reads."""
    azure.world.switches.arm_throttle = throttle
    answers = [await arm(azure, "GET", f"{GROUP}?api-version=2021-04-01") for _ in range(251)]
    assert {answer.status for answer in answers[:250]} == {200}
    assert answers[250].status == status
    if throttle:
        assert answers[250].headers["Retry-After"] == "1"


async def test_a_bucket_refills_by_25_reads_a_second(azure: Simulator) -> None:
    """Source: learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling."""
    azure.world.switches.arm_throttle = True
    path = f"{GROUP}?api-version=2021-04-01"
    for _ in range(250):
        await arm(azure, "GET", path)
    azure.world.clock.advance(seconds=1)
    statuses = [(await arm(azure, "GET", path)).status for _ in range(26)]
    assert statuses == [200] * 25 + [429]


@pytest.mark.assumed
@pytest.mark.parametrize("spends", ["writes", "reads"])
async def test_a_post_action_spends_the_chosen_bucket(azure: Simulator, spends: str) -> None:
    """Documentation speaks of read and write requests only."""
    azure.world.switches.arm_post_spends = "writes" if spends == "writes" else "reads"
    add_function_app(azure.world, SITE)
    answer = await arm(azure, "POST", f"{SITE}/host/default/listkeys?api-version=2025-05-01")
    assert f"x-ms-ratelimit-remaining-subscription-{spends}" in answer.headers


# --- ETags ------------------------------------------------------------------------------------------------------------
def test_an_etag_is_a_quoted_base64_of_eight_bytes_big_endian() -> None:
    """Source: Azure/azure-service-operator recording Test_ApiManagement_20240501_CRUD (`AAAAAAiZb+4=`)."""
    assert row_version(0x08996FEE) == '"AAAAAAiZb+4="'


def test_one_counter_rises_for_all_entities_of_a_service_and_only_on_change(azure: Simulator) -> None:
    """Source: Azure/azure-service-operator recording; Azure/azure-cli recording test_apim_api_policy."""
    world = azure.world
    first = world.arm.put(f"{SERVICE}/apis/a", {"x": 1}).etag
    second = world.arm.put(f"{SERVICE}/backends/b", {"x": 1}).etag
    again = world.arm.put(f"{SERVICE}/apis/a", {"x": 1}).etag
    assert [first, second, again] == [row_version(1), row_version(2), row_version(1)]
    assert world.arm.put(f"{SERVICE}/apis/a", {"x": 2}).etag == row_version(3)


# --- long-running operations ------------------------------------------------------------------------------------------
async def begun(azure: Simulator) -> HttpAnswer:
    add_service(azure.world, SERVICE)
    identity = {"identity": {"type": "SystemAssigned"}}
    return await arm(azure, "PATCH", f"{SERVICE}?api-version=2024-05-01", identity)


async def poll(azure: Simulator, begun: HttpAnswer) -> HttpAnswer:
    return await arm(azure, "GET", begun.headers["Azure-AsyncOperation"].removeprefix(azure.url))


@pytest.mark.parametrize("polls", [0, 1, 3])
async def test_an_operation_runs_for_as_many_polls_as_set(azure: Simulator, polls: int) -> None:
    """Source: learn.microsoft.com/azure/azure-resource-manager/management/async-operations."""
    azure.world.switches.operation_polls = polls
    answer = await begun(azure)
    states = [(await poll(azure, answer)).data()["status"] for _ in range(polls + 1)]
    assert (answer.status, states) == (202, ["InProgress"] * polls + ["Succeeded"])


async def test_the_resource_itself_shows_the_state_of_the_moment_it_is_asked(azure: Simulator) -> None:
    """Source: Azure/azure-service-operator recording (Updating until the operation is over)."""
    await begun(azure)
    answers = [await arm(azure, "GET", f"{SERVICE}?api-version=2024-05-01") for _ in range(3)]
    states = [answer.data()["properties"]["provisioningState"] for answer in answers]
    assert states == ["Updating", "Updating", "Succeeded"]


async def test_an_operation_by_the_clock_ends_when_its_time_is_over(azure: Simulator) -> None:
    """Source: learn.microsoft.com/azure/azure-resource-manager/management/async-operations."""
    azure.world.switches.operation_seconds = 30
    answer = await begun(azure)
    for _ in range(3):
        assert (await poll(azure, answer)).data()["status"] == "InProgress"
    azure.world.clock.advance(seconds=30)
    assert (await poll(azure, answer)).data()["status"] == "Succeeded"


@pytest.mark.parametrize(("seconds", "header"), [(20, "20"), (None, None)])
async def test_retry_after_is_sent_or_left_out_while_an_operation_runs(
    azure: Simulator, seconds: int | None, header: str | None
) -> None:
    """Source: Azure/azure-service-operator recording (Retry-After: 20); its absence in Azure/azure-cli recordings."""
    azure.world.switches.operation_retry_after = seconds
    answer = await begun(azure)
    assert (answer.headers.get("Retry-After"), (await poll(azure, answer)).headers.get("Retry-After")) == (
        header,
        header,
    )


async def test_a_failed_operation_says_why(azure: Simulator) -> None:
    """Source: learn.microsoft.com/azure/azure-resource-manager/management/async-operations."""
    answer = await begun(azure)
    operation = azure.world.operations.running(SERVICE)
    assert operation is not None
    operation.fail("Broken", "It did not work.")
    await poll(azure, answer)
    assert (await poll(azure, answer)).data() == {
        "status": "Failed",
        "error": {"code": "Broken", "message": "It did not work.", "details": []},
    }


# --- the simulator's own instruments ----------------------------------------------------------------------------------
async def test_the_log_tells_who_did_what_and_holds_no_secret(azure: Simulator) -> None:
    """No Azure behaviour: what tests read instead of guessing."""
    add_service(azure.world, SERVICE)
    body = {"properties": {"displayName": "key", "value": "do-not-show", "secret": True}}
    await arm(azure, "PUT", f"{SERVICE}/namedValues/key?api-version=2024-05-01", body)
    (call,) = azure.world.calls(method="PUT", path="*/namedvalues/*", service="arm")
    assert (call.status, call.caller, call.action) == (
        201,
        OPERATOR,
        "Microsoft.ApiManagement/service/namedValues/write",
    )
    assert call.body["properties"]["displayName"] == "key"
    assert "do-not-show" not in repr(azure.world.log)


async def test_every_call_takes_the_latency_and_calls_overlap(azure: Simulator) -> None:
    """No Azure behaviour: what benchmarks count in."""
    azure.world.latency = 0.05
    loop = asyncio.get_running_loop()
    began = loop.time()
    await asyncio.gather(*(arm(azure, "GET", f"{GROUP}?api-version=2021-04-01") for _ in range(4)))
    assert loop.time() - began >= 0.05
