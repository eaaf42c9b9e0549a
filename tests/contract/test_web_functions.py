"""The functions of an app as ARM lists them, and what ARM says while their host is down."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from azuresim.web import Function, Runtime, http_function
from contract.web_world import HOST, SITE, Web, web


@pytest.fixture
async def here() -> AsyncIterator[Web]:
    async with web() as started:
        yield started


async def properties_of(here: Web, name: str) -> dict[str, Any]:
    properties: dict[str, Any] = (await here.arm("GET", f"/functions/{name}")).data()["properties"]
    return properties


async def test_functions_come_in_arms_envelope_with_snake_case_inside(here: Web) -> None:
    """Source: learn.microsoft.com/rest/api/appservice/web-apps/list-functions; microsoft/vscode-apimanagement."""
    item = (await here.arm("GET", "/functions")).data()["value"][0]
    assert (item["id"], item["name"]) == (f"{SITE}/functions/ListOrders", "orders-fn/ListOrders")
    assert item["type"] == "Microsoft.Web/sites/functions"
    assert {"script_root_path_href", "invoke_url_template", "test_data", "isDisabled"} <= set(item["properties"])


async def test_a_binding_shows_level_methods_and_route_as_written(here: Web) -> None:
    """Source: Azure/azure-functions-host, FunctionMetadataExtensions."""
    trigger = (await properties_of(here, "GetOrder"))["config"]["bindings"][0]
    assert (trigger["type"], trigger["authLevel"]) == ("httpTrigger", "function")
    assert (trigger["methods"], trigger["route"]) == (["get"], "orders/{Id:int}")


@pytest.mark.item("web-8")
async def test_the_invoke_url_is_lower_cased_as_a_whole(here: Web) -> None:
    """Source: Azure/azure-functions-host, FunctionMetadataExtensions.GetFunctionInvokeUrlTemplate."""
    assert (await properties_of(here, "GetOrder"))["invoke_url_template"] == f"https://{HOST}/v1/orders/{{id:int}}"


async def test_a_function_without_a_route_is_invoked_under_its_name(here: Web) -> None:
    """Source: learn.microsoft.com/azure/azure-functions/functions-bindings-http-webhook-trigger."""
    assert (await properties_of(here, "Ping"))["invoke_url_template"] == f"https://{HOST}/v1/ping"


async def test_an_empty_route_prefix_leaves_no_double_slash() -> None:
    """Source: learn.microsoft.com/azure/azure-functions/functions-host-json (routePrefix)."""
    async with web(prefix="") as here:
        assert (await properties_of(here, "Ping"))["invoke_url_template"] == f"https://{HOST}/ping"


async def test_only_http_triggers_have_an_invoke_url(here: Web) -> None:
    """Source: Azure/azure-functions-host, FunctionMetadataExtensions."""
    assert (await properties_of(here, "Nightly"))["invoke_url_template"] is None


async def test_a_function_json_that_does_not_parse_has_an_empty_config() -> None:
    """Source: Azure/azure-functions-host, FunctionMetadataExtensions."""
    async with web([Function(name="Broken", readable=False)]) as here:
        properties = await properties_of(here, "Broken")
        assert (properties["config"], properties["invoke_url_template"]) == ({}, None)


async def test_a_disabled_function_is_listed_as_such() -> None:
    """Source: learn.microsoft.com/azure/azure-functions/disable-function."""
    async with web([http_function("Off", disabled=True)]) as here:
        assert (await properties_of(here, "Off"))["isDisabled"] is True


async def test_a_function_is_found_whatever_the_case_of_its_name(here: Web) -> None:
    """Source: Azure/azure-functions-host (function names are compared without case)."""
    assert (await properties_of(here, "gEToRDER"))["name"] == "GetOrder"


async def test_a_missing_function_is_a_404(here: Web) -> None:
    """Assumed in its wording."""
    answer = await here.arm("GET", "/functions/Nobody")
    assert (answer.status, answer.data()["Code"]) == (404, "NotFound")


@pytest.mark.parametrize("path", ["/host/default/sync", "/syncfunctiontriggers"])
async def test_the_listing_is_stale_until_triggers_are_synced(here: Web, path: str) -> None:
    """Source: Azure/azure-functions-host, FunctionsSyncManager."""
    here.site.deploy([http_function("New", level="anonymous")])
    before = (await here.arm("GET", "/functions")).data()["value"]
    synced = await here.arm("POST", path)
    after = (await here.arm("GET", "/functions")).data()["value"]
    assert (len(before), synced.status) == (6, 204)
    assert [one["properties"]["name"] for one in after] == ["New"]


async def test_the_sync_status_has_no_body(here: Web) -> None:
    """Source: learn.microsoft.com/rest/api/appservice/web-apps/list-sync-status."""
    answer = await here.arm("POST", "/host/default/listsyncstatus")
    assert (answer.status, answer.body) == (204, b"")


async def test_a_host_that_is_down_is_a_400_that_names_the_host_runtime(here: Web) -> None:
    """Source: Azure/azure-functions-host tracker."""
    here.site.runtime = Runtime.UNAVAILABLE
    answer = await here.arm("GET", "/functions")
    assert (answer.status, answer.data()["Code"]) == (400, "BadRequest")
    assert answer.data()["Message"] == "Encountered an error (ServiceUnavailable) from host runtime."


async def test_functions_come_from_the_cache_while_the_host_is_down_when_so_switched(here: Web) -> None:
    """
    No Azure behaviour: Sources differ: Azure/azure-functions-host describes the cache, users report errors from
    these calls too.
    """
    here.site.runtime = Runtime.UNAVAILABLE
    here.switches.functions_listed_while_down = True
    assert len((await here.arm("GET", "/functions")).data()["value"]) == 6


@pytest.mark.item("web-7")
async def test_unreachable_storage_is_a_404_although_the_site_is_there(here: Web) -> None:
    """Source: Azure/azure-cli tracker ("Error retrieving master key.")."""
    here.site.runtime = Runtime.STORAGE_UNREACHABLE
    answer = await here.arm("POST", "/host/default/listkeys")
    assert (answer.status, answer.data()["Message"]) == (404, "Error retrieving master key.")
    assert (await here.arm("GET")).status == 200


async def test_a_bad_gateway_answers_with_a_page_of_html(here: Web) -> None:
    """Source: Azure/azure-functions-host tracker."""
    here.site.runtime = Runtime.BAD_GATEWAY
    answer = await here.arm("POST", "/host/default/listkeys")
    assert (answer.status, answer.headers["Content-Type"].partition(";")[0]) == (502, "text/html")


async def test_a_host_that_is_down_syncs_nothing(here: Web) -> None:
    """Source: Azure/azure-functions-host, FunctionsSyncManager."""
    here.site.deploy([])
    here.site.runtime = Runtime.UNAVAILABLE
    assert (await here.arm("POST", "/host/default/sync")).status == 400
    assert len(here.site.listed) == 6
