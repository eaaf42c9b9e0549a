"""Storage accounts, as clients make and read them before they make a function app."""

from __future__ import annotations

from typing import Any

import pytest

from azuresim import Simulator
from azuresim.wire import HttpAnswer
from contract.conftest import OPERATOR

SUB = "/subscriptions/00000000-aaaa-4000-8000-00000000000a"
ACCOUNT = f"{SUB}/resourceGroups/shop/providers/Microsoft.Storage/storageAccounts/shopdata"
BODY: dict[str, Any] = {"location": "West Europe", "sku": {"name": "Standard_LRS"}, "kind": "StorageV2"}


async def arm(azure: Simulator, method: str, path: str, body: Any = None) -> HttpAnswer:
    azure.world.arm.add_group(f"{SUB}/resourceGroups/shop")
    headers = azure.arm_headers(OPERATOR)
    return await azure.send(method, "", f"{path}?api-version=2023-05-01", headers=headers, json=body)


async def test_an_account_is_made_read_listed_and_deleted(azure: Simulator) -> None:
    """Source: REST reference, "Storage Accounts" (Create, Get Properties, List, Delete)."""
    made = await arm(azure, "PUT", ACCOUNT, BODY)
    listed = (await arm(azure, "GET", f"{SUB}/providers/Microsoft.Storage/storageAccounts")).data()["value"]
    assert (made.status, made.data()["properties"]["primaryEndpoints"]["blob"]) == (
        200,
        "https://shopdata.blob.core.windows.net/",
    )
    assert (await arm(azure, "GET", ACCOUNT)).data() == made.data() == listed[0]
    assert [(await arm(azure, "DELETE", ACCOUNT)).status for _ in range(2)] == [200, 204]


async def test_keys_come_only_from_list_keys_and_stay_when_the_account_is_written_again(azure: Simulator) -> None:
    """Source: REST reference, "Storage Accounts - List Keys"."""
    await arm(azure, "PUT", ACCOUNT, BODY)
    keys = (await arm(azure, "POST", f"{ACCOUNT}/listKeys")).data()["keys"]
    again = await arm(azure, "PUT", ACCOUNT, BODY | {"tags": {"a": "b"}})
    assert [key["keyName"] for key in keys] == ["key1", "key2"]
    assert keys[0]["value"] not in again.body.decode()
    assert (await arm(azure, "POST", f"{ACCOUNT}/listKeys")).data()["keys"] == keys


@pytest.mark.parametrize(
    ("name", "change", "status", "code"),
    [
        ("Shop-Data", {}, 400, "AccountNameInvalid"),
        ("shopdata", {"sku": {"name": "Cheap"}}, 400, "InvalidRequestPropertyName"),
        ("shopdata", {"location": None}, 400, "LocationRequired"),
    ],
)
@pytest.mark.assumed
async def test_what_is_wrong_with_an_account_is_named(
    azure: Simulator, name: str, change: dict[str, Any], status: int, code: str
) -> None:
    """Source: learn.microsoft.com/azure/storage/common/storage-account-overview (names). Codes partly assumed."""
    answer = await arm(azure, "PUT", ACCOUNT.replace("shopdata", name), BODY | change)
    assert (answer.status, answer.data()["error"]["code"]) == (status, code)


async def test_a_container_of_blobs_is_made_read_and_deleted(azure: Simulator) -> None:
    """Source: REST reference, "Blob Containers" (Create, Get, List, Delete)."""
    await arm(azure, "PUT", ACCOUNT, BODY)
    containers = f"{ACCOUNT}/blobServices/default/containers"
    made = [(await arm(azure, "PUT", f"{containers}/packages", {})).status for _ in range(2)]
    listed = (await arm(azure, "GET", containers)).data()["value"]
    assert (made, [one["name"] for one in listed]) == ([201, 200], ["packages"])
    assert [(await arm(azure, "DELETE", f"{containers}/packages")).status for _ in range(2)] == [200, 204]
    assert (await arm(azure, "GET", f"{containers}/packages")).status == 404
    assert (await arm(azure, "PUT", f"{containers}/No_Name", {})).status == 400


async def test_a_provider_that_is_known_and_not_simulated_says_so(azure: Simulator) -> None:
    """No Azure behaviour: the simulator's own limit, counted."""
    answer = await arm(azure, "GET", f"{SUB}/providers/microsoft.insights/components")
    assert (answer.status, answer.data()["error"]["code"]) == (501, "NotSimulated")
    assert sum(azure.world.missing.values()) == 1


async def test_a_name_is_taken_in_all_of_azure(azure: Simulator) -> None:
    """Source: REST reference, "Storage Accounts - Check Name Availability" (AlreadyExists)."""
    await arm(azure, "PUT", ACCOUNT, BODY)
    azure.world.arm.add_group(f"{SUB}/resourceGroups/other")
    asked = {"name": "shopdata", "type": "Microsoft.Storage/storageAccounts"}
    checked = await arm(azure, "POST", f"{SUB}/providers/Microsoft.Storage/checkNameAvailability", asked)
    assert checked.data()["reason"] == "AlreadyExists"
    elsewhere = await arm(azure, "PUT", ACCOUNT.replace("/shop/", "/other/"), BODY)
    assert (elsewhere.status, elsewhere.data()["error"]["code"]) == (409, "StorageAccountAlreadyTaken")
