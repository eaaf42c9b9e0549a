"""Named values: asynchronous writes, secrets that stay secret, references that protect."""

from collections.abc import AsyncIterator

import pytest

from azuresim.wire import HttpAnswer
from contract.apim_world import SERVICE, Apim, apim, policies, refusals

PATH = "/namedValues/orders-key"
USES_IT = '<set-header name="x-key"><value>{{orders-key}}</value></set-header>'


@pytest.fixture
async def here() -> AsyncIterator[Apim]:
    async with apim() as started:
        yield started


async def put(here: Apim, value: str = "s3cret", *, name: str = "orders-key", secret: bool = True) -> HttpAnswer:
    return await here.put(PATH, displayName=name, value=value, secret=secret, tags=["key"])


@pytest.mark.item("apim-4")
@pytest.mark.item("apim-2")
async def test_a_new_one_answers_201_with_nothing_but_its_state(here: Apim) -> None:
    """Source: Azure/azure-service-operator recording Test_ApiManagement_20240501_CRUD."""
    answer = await put(here)
    assert (answer.status, answer.data()["properties"]) == (201, {"ProvisioningState": "InProgress"})
    assert "ETag" not in answer.headers
    assert "/tenant/operationResults/" in answer.headers["Azure-AsyncOperation"]
    assert f"{PATH}?" in answer.headers["Location"]
    assert "asyncCode=201" in answer.headers["Location"]


async def test_it_is_there_once_the_operation_has_succeeded(here: Apim) -> None:
    """Source: Azure/azure-service-operator recording Test_ApiManagement_20240501_CRUD."""
    answer = await put(here)
    assert (await here.arm("GET", PATH)).status == 404
    assert await here.settle(answer) == {"status": "Succeeded"}
    shown = await here.arm("GET", PATH)
    assert shown.data()["properties"] == {
        "displayName": "orders-key",
        "tags": ["key"],
        "secret": True,
        "provisioningState": "Succeeded",
    }
    assert shown.headers["ETag"].startswith('"')


async def test_looking_at_the_value_alone_gets_there_too(here: Apim) -> None:
    """No Azure behaviour: The simulator's own: a 404 just after a create counts as a poll."""
    await put(here)
    statuses = [(await here.arm("GET", PATH)).status for _ in range(3)]
    assert statuses[-1] == 200


async def test_an_update_answers_200_and_shows_the_old_value_until_it_is_over(here: Apim) -> None:
    """Source: Azure/azure-sdk-for-python tracker; Azure/apiops-cli tracker."""
    await here.settle(await put(here, "old"))
    answer = await put(here, "new")
    assert (answer.status, answer.data()["properties"]) == (200, {"ProvisioningState": "InProgress"})
    assert await value(here) == "old"
    await here.settle(answer)
    assert await value(here) == "new"


async def test_the_location_answers_the_entity_when_it_is_over() -> None:
    """
    Source: Azure/azure-cli recording test_apim_named_value (202, then 201 with the entity).

    Unchecked: the contract knows this URL as a plain read only, not as the place where a write is polled.
    """
    async with apim(check_contracts=False) as here:
        answer = await put(here)
        assert (await here.arm("GET", answer.headers["Location"])).status == 202
        done = await here.arm("GET", answer.headers["Location"])
        assert (done.status, done.data()["name"], "ETag" in done.headers) == (201, "orders-key", True)


@pytest.mark.item("apim-4")
async def test_the_older_contract_answers_202_with_a_location_only(here: Apim) -> None:
    """Source: Azure/azure-cli recording test_apim_named_value (2021-08-01)."""
    here.world.switches.apim_named_value_writes = "accepted"
    answer = await put(here)
    assert (answer.status, answer.body, "Azure-AsyncOperation" in answer.headers) == (202, b"", False)
    assert "Location" in answer.headers


@pytest.mark.item("apim-4")
async def test_the_async_url_may_answer_the_resource_itself() -> None:
    """Source: Azure/azure-sdk-for-python tracker. Unchecked: the contract knows this URL as a plain read only."""
    async with apim(check_contracts=False) as here:
        here.world.switches.apim_named_value_writes = "resource"
        url = (await put(here)).headers["Azure-AsyncOperation"]
        polled = [(await here.arm("GET", url)).data() for _ in range(3)]
        assert polled[0]["properties"] == {"ProvisioningState": "InProgress"}
        assert polled[-1]["properties"]["provisioningState"] == "Succeeded"
        assert not any("status" in answer for answer in polled)


@pytest.mark.item("apim-5")
async def test_a_failing_create_leaves_nothing(here: Apim) -> None:
    """Source: Azure/apiops-cli tracker."""
    here.world.switches.apim_named_value_writes_fail = True
    state = await here.settle(await put(here))
    assert (state["status"], state["error"]["code"]) == ("Failed", "ValidationError")
    assert (await here.arm("GET", PATH)).status == 404


@pytest.mark.item("apim-5")
async def test_a_failing_update_leaves_the_old_value(here: Apim) -> None:
    """Source: Azure/apiops-cli tracker; hashicorp/terraform-provider-azurerm tracker."""
    await here.settle(await put(here, "old"))
    here.world.switches.apim_named_value_writes_fail = True
    assert (await here.settle(await put(here, "new")))["status"] == "Failed"
    assert await value(here) == "old"


@pytest.mark.item("apim-6")
async def test_a_plain_value_is_shown_and_a_secret_one_is_not(here: Apim) -> None:
    """Source: Azure/azure-cli recording test_apim_named_value."""
    await here.settle(await put(here, "plain", secret=False))
    assert (await here.arm("GET", PATH)).data()["properties"]["value"] == "plain"
    await here.settle(await put(here, "hidden"))
    assert "value" not in (await here.arm("GET", PATH)).data()["properties"]
    assert b"hidden" not in (await here.arm("GET", "/namedValues")).body


@pytest.mark.item("apim-6")
async def test_list_value_shows_a_secret_with_its_etag(here: Apim) -> None:
    """Source: Azure/azure-cli recording test_apim_named_value."""
    await here.settle(await put(here))
    answer = await here.arm("POST", f"{PATH}/listValue")
    assert (answer.status, answer.data()) == (200, {"value": "s3cret"})
    assert answer.headers["ETag"] == (await here.arm("HEAD", PATH)).headers["ETag"]


async def test_a_patch_changes_what_it_names() -> None:
    """Source: REST reference, "Named Value - Update" (202 with Location). Unchecked for the same reason as above."""
    async with apim(check_contracts=False) as here:
        await here.settle(await put(here))
        answer = await here.arm("PATCH", PATH, {"properties": {"tags": ["other"]}}, headers={"If-Match": "*"})
        assert answer.status == 202
        for _ in range(2):
            done = await here.arm("GET", answer.headers["Location"])
        assert done.data()["properties"]["tags"] == ["other"]
        assert await value(here) == "s3cret"


async def test_a_display_name_has_few_characters(here: Apim) -> None:
    """Source: REST reference (pattern); the text is assumed."""
    assert refusals(await put(here, name="orders key"))[0][0] == "displayName"


async def test_a_display_name_belongs_to_one_named_value(here: Apim) -> None:
    """Assumed: it is what policies refer to; the text is not published."""
    await here.settle(await put(here))
    answer = await here.put("/namedValues/another", displayName="orders-key", value="x")
    assert refusals(answer)[0][0] == "displayName"


async def test_one_that_a_policy_uses_cannot_be_deleted(here: Apim) -> None:
    """Source: learn.microsoft.com/azure/api-management/api-management-howto-properties; status and text are assumed."""
    await here.settle(await put(here))
    await here.put_policy("", policies(USES_IT, base=""))
    assert refusals(await here.delete(PATH))[0][0] == "displayName"
    await here.put_policy("", policies(base=""))
    assert (await here.delete(PATH)).status == 200
    assert (await here.delete(PATH)).status == 204


@pytest.mark.parametrize(("protects", "status"), [(True, 400), (False, 200)])
async def test_a_backend_may_or_may_not_protect_it(here: Apim, protects: bool, status: int) -> None:
    """Assumed, both ways."""
    here.world.switches.apim_backend_protects_named_value = protects
    await here.settle(await put(here))
    await here.a_backend(credentials={"header": {"x-functions-key": ["{{orders-key}}"]}})
    assert (await here.delete(PATH)).status == status


async def test_a_new_display_name_is_written_into_the_policies_that_use_it(here: Apim) -> None:
    """Source: learn.microsoft.com/azure/api-management/api-management-howto-properties."""
    await here.settle(await put(here))
    before = await here.put_policy("", policies(USES_IT, base=""))
    await here.settle(await put(here, name="orders-host-key"))
    after = await here.arm("GET", "/policies/policy")
    assert "{{orders-host-key}}" in after.data()["properties"]["value"]
    assert after.headers["ETag"] != before.headers["ETag"]


@pytest.mark.item("apim-3")
async def test_a_wrong_etag_is_refused_with_412(here: Apim) -> None:
    """Source: REST reference, "Named Value" (If-Match)."""
    await here.settle(await put(here))
    answer = await here.arm("DELETE", PATH, headers={"If-Match": '"AAAAAAAAAAA="'})
    assert answer.status == 412


async def value(here: Apim) -> str:
    return str(here.world.arm.need(f"{SERVICE}{PATH}").private["value"])
