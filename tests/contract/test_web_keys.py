"""Keys over ARM."""

import re
from collections.abc import AsyncIterator

import pytest

from contract.web_world import SITE, Web, web

KEY = "/host/default/functionKeys/apim-contoso"
EMPTY: dict[str, dict[str, str]] = {"properties": {}}


@pytest.fixture
async def here() -> AsyncIterator[Web]:
    async with web() as started:
        yield started


async def test_host_keys_are_listed_in_a_bare_object(here: Web) -> None:
    """Source: microsoft/vscode-apimanagement, FunctionAppService.ts; hashicorp/terraform-provider-azurerm."""
    here.site.keys.functions["apim-contoso"] = "v"
    answer = await here.arm("POST", "/host/default/listkeys")
    assert (answer.status, set(answer.data())) == (200, {"masterKey", "functionKeys", "systemKeys"})
    assert answer.data()["functionKeys"] == {"apim-contoso": "v"}


@pytest.mark.parametrize("path", ["/host/default/listKeys", "/HOST/default/LISTKEYS"])
async def test_the_case_of_a_path_does_not_count(here: Web, path: str) -> None:
    """Source: the spellings of hashicorp/terraform-provider-azurerm, azure-mgmt-web and vscode-apimanagement differ."""
    assert (await here.arm("POST", path)).status == 200


@pytest.mark.parametrize("body", [{"name": "apim-contoso", "value": "v"}, {}, {"properties": None}])
async def test_a_key_without_properties_is_refused(here: Web, body: dict[str, object]) -> None:
    """Source: Azure/azure-rest-api-specs and Azure/azure-sdk-for-net trackers (ExtendedCode 51006)."""
    answer = await here.arm("PUT", KEY, body)
    assert (answer.status, answer.data()["Code"]) == (400, "BadRequest")
    assert "Properties object is not present in the request body" in answer.data()["Message"]
    assert answer.data()["Details"][2]["ErrorEntity"]["ExtendedCode"] == "51006"
    assert here.site.keys.functions == {}


async def test_empty_properties_make_the_host_generate_a_value_of_56_characters(here: Web) -> None:
    """Source: microsoft/vscode-apimanagement; Azure/azure-functions-host, SecretManager."""
    answer = await here.arm("PUT", KEY, EMPTY)
    properties = answer.data()["properties"]
    assert (answer.status, properties["name"]) == (201, "apim-contoso")
    assert re.fullmatch(r"[A-Za-z0-9_=-]{56}", properties["value"])
    assert "AzFu" in properties["value"]


async def test_a_new_key_comes_in_arms_envelope(here: Web) -> None:
    """Source: microsoft/vscode-apimanagement, FunctionAppService.ts."""
    document = (await here.arm("PUT", KEY, EMPTY)).data()
    assert (document["id"], document["name"]) == (SITE + KEY, "orders-fn/apim-contoso")
    assert document["type"].lower() == "microsoft.web/sites/host/functionkeys"


@pytest.mark.item("web-6")
async def test_empty_properties_on_an_existing_key_rotate_it(here: Web) -> None:
    """Source: Azure/azure-functions-host, SecretManager.AddOrUpdateFunctionSecretAsync."""
    first = await here.arm("PUT", KEY, EMPTY)
    second = await here.arm("PUT", KEY, EMPTY)
    assert (first.status, second.status) == (201, 200)
    assert first.data()["properties"]["value"] != second.data()["properties"]["value"]


async def test_a_value_of_ones_own_is_taken(here: Web) -> None:
    """Source: Azure/azure-functions-host, KeysController."""
    answer = await here.arm("PUT", KEY, {"properties": {"name": "apim-contoso", "value": "mine"}})
    assert answer.data()["properties"]["value"] == "mine"


async def test_a_key_is_deleted_once(here: Web) -> None:
    """Source: learn.microsoft.com/rest/api/appservice/web-apps/delete-host-secret."""
    await here.arm("PUT", KEY, EMPTY)
    first, second = await here.arm("DELETE", KEY), await here.arm("DELETE", KEY)
    assert (first.status, second.status) == (204, 404)


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
async def test_the_master_key_is_no_function_key_and_stays(here: Web, method: str) -> None:
    """Source: Azure/azure-functions-host, KeysController."""
    master = here.site.keys.master
    answer = await here.arm(method, "/host/default/functionKeys/_master", EMPTY if method == "PUT" else None)
    assert (answer.status, here.site.keys.master) == (400, master)


async def test_key_names_differ_by_case(here: Web) -> None:
    """Assumed."""
    await here.arm("PUT", KEY, EMPTY)
    assert (await here.arm("PUT", KEY.replace("contoso", "Contoso"), EMPTY)).status == 201


async def test_system_keys_are_kept_apart(here: Web) -> None:
    """Source: Azure/azure-functions-host (system keys are per extension)."""
    answer = await here.arm("PUT", "/host/default/systemKeys/eventgrid_extension", EMPTY)
    assert answer.status == 201
    assert (list(here.site.keys.systems), list(here.site.keys.functions)) == (["eventgrid_extension"], [])


async def test_keys_of_a_function_are_a_bare_map(here: Web) -> None:
    """Source: Azure/azure-functions-core-tools tracker."""
    answer = await here.arm("POST", "/functions/listorders/listkeys")
    assert (answer.status, list(answer.data())) == (200, ["default"])


async def test_a_function_gets_and_loses_a_key_of_its_own(here: Web) -> None:
    """Source: learn.microsoft.com/rest/api/appservice/web-apps/create-or-update-function-secret."""
    made = await here.arm("PUT", "/functions/ListOrders/keys/extra", EMPTY)
    gone = await here.arm("DELETE", "/functions/ListOrders/keys/extra")
    assert (made.status, gone.status) == (201, 204)


async def test_a_read_only_lock_keeps_keys_from_being_listed(here: Web) -> None:
    """Source: Azure/azure-cli tracker; learn.microsoft.com/azure/azure-resource-manager/management/lock-resources."""
    here.world.arm.lock(SITE, "ReadOnly")
    listed = await here.arm("POST", "/host/default/listkeys")
    settings = await here.arm("GET", "/config/authsettingsV2")
    assert (listed.status, listed.data()["error"]["code"], settings.status) == (409, "ScopeLocked", 200)


async def test_listing_keys_is_a_right_of_its_own(here: Web) -> None:
    """Source: learn.microsoft.com/azure/role-based-access-control/permissions/web-and-mobile."""
    here.world.denied.add("microsoft.web/sites/host/listkeys/action")
    listed = await here.arm("POST", "/host/default/listkeys")
    written = await here.arm("PUT", KEY, EMPTY)
    assert (listed.status, written.status) == (403, 201)


async def test_no_key_is_written_to_the_log(here: Web) -> None:
    """No Azure behaviour: how the simulator itself does it."""
    await here.arm("PUT", KEY, {"properties": {"value": "mine"}})
    assert "mine" not in str(here.world.log)
