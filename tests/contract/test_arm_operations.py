"""Every form and every end of a long-running operation, chosen by one line of a test."""

from __future__ import annotations

from typing import Any

import pytest

from azuresim import Simulator
from azuresim.apim.service import add_service
from azuresim.wire import HttpAnswer
from contract.arm_world import APIM, GROUP, SERVICE, arm, refusal

SYSTEM = {"identity": {"type": "SystemAssigned"}}


async def begun(azure: Simulator, **plan: Any) -> HttpAnswer:
    """The answer to a change of a service that takes a while, with a plan for how it goes."""
    add_service(azure.world, SERVICE)
    azure.world.operations.plan("*/service/contoso", **plan)
    return await arm(azure, "PATCH", SERVICE, SYSTEM, version=APIM)


async def state(azure: Simulator) -> str:
    return str((await arm(azure, "GET", SERVICE, version=APIM)).data()["properties"]["provisioningState"])


async def polled(
    azure: Simulator, answer: HttpAnswer, times: int = 2, header: str = "Azure-AsyncOperation"
) -> HttpAnswer:
    """The last of some looks."""
    looks = [await arm(azure, "GET", answer.headers[header]) for _ in range(times)]
    return looks[-1]


@pytest.mark.parametrize(
    ("form", "asynchronous", "location"),
    [("as made", True, True), ("async", True, False), ("location", False, True), ("body", False, False)],
)
async def test_an_operation_is_followed_by_whichever_header_it_has(
    azure: Simulator, form: str, asynchronous: bool, location: bool
) -> None:
    """Source: learn.microsoft.com/azure/azure-resource-manager/management/async-operations (URLs to monitor, or
    provisioningState)."""
    answer = await begun(azure, form=form)
    assert ("Azure-AsyncOperation" in answer.headers, "Location" in answer.headers) == (asynchronous, location)
    if asynchronous:
        assert (await polled(azure, answer)).data()["status"] == "Succeeded"
    elif location:
        assert (await polled(azure, answer, header="Location")).status == 200
    else:
        assert [await state(azure) for _ in range(3)] == ["Updating", "Updating", "Succeeded"]


async def test_an_operation_without_a_location_of_its_own_gets_one_when_asked(azure: Simulator) -> None:
    """Source: Azure/azure-resource-manager-rpc (async-api-reference: 202 while it runs, then the resource)."""
    add_service(azure.world, SERVICE)
    operation = azure.world.operations.start(SERVICE)
    path = f"{GROUP.partition('/resourceGroups')[0]}/providers/Microsoft.ApiManagement/locations/westeurope"
    looks = [await arm(azure, "GET", f"{path}/asyncOperationResults/{operation.id}") for _ in range(2)]
    assert ([look.status for look in looks], looks[1].data()["name"]) == ([202, 200], "contoso")
    assert looks[0].headers["Location"].startswith(azure.url)


async def test_a_failing_operation_says_why_and_leaves_what_was_there(azure: Simulator) -> None:
    """Source: learn.microsoft.com/azure/azure-resource-manager/management/async-operations (Failed, error)."""
    answer = await begun(azure, fails=("ServiceLocked", "Something else is going on."))
    body = (await polled(azure, answer)).data()
    assert (body["status"], body["error"]["code"]) == ("Failed", "ServiceLocked")
    assert not (await arm(azure, "GET", SERVICE, version=APIM)).data()["identity"]


@pytest.mark.parametrize("status", [400, 409, 500])
async def test_a_failing_operation_answers_its_status_at_the_location(azure: Simulator, status: int) -> None:
    """Source: learn.microsoft.com/azure/azure-resource-manager/management/async-operations (Location)."""
    answer = await begun(azure, fails=("Broken", "It did not work."), status=status)
    assert refusal(await polled(azure, answer, header="Location")) == (status, "Broken")


async def test_an_operation_can_be_canceled(azure: Simulator) -> None:
    """Source: learn.microsoft.com/azure/azure-resource-manager/management/async-operations (Canceled is an end)."""
    body = (await polled(azure, await begun(azure, canceled=True))).data()
    assert (body["status"], body["error"]["code"]) == ("Canceled", "OperationCanceled")


async def test_an_operation_can_take_for_ever(azure: Simulator) -> None:
    """Source: learn.microsoft.com/azure/azure-resource-manager/management/async-operations: clients need an end."""
    answer = await begun(azure, never=True)
    azure.world.clock.advance(3000)
    assert (await polled(azure, answer, times=20)).data()["status"] == "InProgress"
    assert await state(azure) == "Updating"


async def test_an_operation_can_take_its_time_by_the_clock_or_by_looks(azure: Simulator) -> None:
    """Source: learn.microsoft.com/azure/azure-resource-manager/management/async-operations."""
    answer = await begun(azure, seconds=600)
    before = (await polled(azure, answer, times=9)).data()["status"]
    azure.world.clock.advance(600)
    assert (before, (await polled(azure, answer, times=1)).data()["status"]) == ("InProgress", "Succeeded")


async def test_an_operation_can_be_forgotten_once_it_was_seen_to_be_over(azure: Simulator) -> None:
    """Source: Azure/azure-resource-manager-rpc (async-api-reference): status records are kept for a while only."""
    answer = await begun(azure, forgets=True)
    assert (await polled(azure, answer, times=2)).data()["status"] == "Succeeded"
    assert (await polled(azure, answer, times=1)).status == 404


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_look_can_go_wrong_once_without_ending_anything(azure: Simulator, status: int) -> None:
    """Source: learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling."""
    answer = await begun(azure)
    azure.world.faults.add(path="*/operationsStatuses/*", status=status)
    statuses = [(await polled(azure, answer, times=1)).status for _ in range(3)]
    assert statuses == [status, 200, 200]
    assert await state(azure) == "Succeeded"


async def test_a_plan_is_for_one_operation_unless_it_says_more(azure: Simulator) -> None:
    """No Azure behaviour: how tests plan."""
    add_service(azure.world, SERVICE)
    azure.world.operations.plan("*/SERVICE/contoso", times=2, never=True)
    running = [azure.world.operations.start(SERVICE).due for _ in range(3)]
    assert running == [float("inf"), float("inf"), None]


async def test_an_operation_that_nobody_started_is_not_found(azure: Simulator) -> None:
    """Source: Azure/azure-resource-manager-rpc (async-api-reference)."""
    azure.world.arm.add_group(GROUP)
    subscription = GROUP.partition("/resourceGroups")[0]
    for kind in ("operationsStatuses", "asyncOperationResults"):
        path = f"{subscription}/providers/Microsoft.Web/locations/westeurope/{kind}/nothing"
        assert (await arm(azure, "GET", path)).status == 404
    assert (await arm(azure, "GET", f"{subscription}/operationresults/nothing")).status == 404
