"""Function apps: the site, its front door, its functions."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from funcgate.azure.function_app import Function, FunctionAppClient, Site
from funcgate.azure.http import Http
from funcgate.errors import NotFound
from funcgate.secrets import Secret
from unit.azure.wire import Wire

SITE = "/subscriptions/s/resourceGroups/shop/providers/Microsoft.Web/sites/orders-fn"
AUTH = f"{SITE}/config/authsettingsV2"


@pytest.fixture
def apps(http: Http) -> FunctionAppClient:
    return FunctionAppClient(http)


def closed(settings: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**settings, "platform": {**settings.get("platform", {}), "enabled": True}}


async def test_a_site_is_read(wire: Wire, apps: FunctionAppClient) -> None:
    properties = {
        "defaultHostName": "orders-x.azurewebsites.net",
        "hostNames": ["Orders.Example", "orders-x.azurewebsites.net"],
        "state": "Running",
        "sku": "Dynamic",
        "httpsOnly": True,
    }
    wire.says("GET", SITE, 200, {"kind": "functionapp,linux", "location": "West Europe", "properties": properties})

    assert await apps.get_site(SITE) == Site(
        id=SITE,
        host_name="orders-x.azurewebsites.net",
        host_names=("orders.example", "orders-x.azurewebsites.net"),
        kind="functionapp,linux",
        state="Running",
        enabled=True,
        location="West Europe",
        sku="Dynamic",
        https_only=True,
    )
    assert "api-version=2025-05-01" in wire.calls[0].url


async def test_a_missing_site_is_an_error(apps: FunctionAppClient) -> None:
    with pytest.raises(NotFound):
        await apps.get_site(SITE)


async def test_a_site_without_a_state_is_not_said_to_be_anything(wire: Wire, apps: FunctionAppClient) -> None:
    wire.says("GET", SITE, 200, {"kind": None, "properties": {"state": None, "enabled": False}})

    site = await apps.get_site(SITE)

    assert (site.state, site.kind, site.enabled) == ("", "", False)


async def test_settings_that_nobody_knows_survive_a_write(wire: Wire, apps: FunctionAppClient) -> None:
    wire.says("GET", AUTH, 200, {"properties": {"platform": {"enabled": False, "odd": 1}, "unheardOf": [2]}})
    wire.says("PUT", AUTH, 200, {})

    await apps.put_auth(SITE, closed)

    assert wire.written[0].body == {"properties": {"platform": {"enabled": True, "odd": 1}, "unheardOf": [2]}}


async def test_settings_that_stay_as_they_are_are_not_written(wire: Wire, apps: FunctionAppClient) -> None:
    wire.says("GET", AUTH, 200, {"properties": {"platform": {"enabled": True}}})

    await apps.put_auth(SITE, closed)

    assert wire.written == []


async def test_a_change_made_in_place_is_a_change(wire: Wire, apps: FunctionAppClient) -> None:
    wire.says("GET", AUTH, 200, {"properties": {"platform": {"enabled": False}}}).says("PUT", AUTH, 200, {})

    def in_place(settings: Mapping[str, Any]) -> Mapping[str, Any]:
        settings["platform"]["enabled"] = True
        return settings

    await apps.put_auth(SITE, in_place)

    assert wire.written[0].body == {"properties": {"platform": {"enabled": True}}}


async def test_two_bindings_of_one_site_write_one_after_the_other(wire: Wire, apps: FunctionAppClient) -> None:
    wire.says("GET", AUTH, 200, {"properties": {}}).says("PUT", AUTH, 200, {})

    await asyncio.gather(apps.put_auth(SITE, closed), apps.put_auth(SITE.upper(), closed))

    assert [line.split()[0] for line in wire.asked[:2]] == ["GET", "PUT"]


async def test_functions_are_read_over_all_pages(wire: Wire, apps: FunctionAppClient) -> None:
    trigger = {"type": "httpTrigger", "authLevel": "function", "route": "orders/{id}"}
    properties = {
        "name": "GetOrder",
        "config": {"bindings": [trigger, "odd"]},
        "invoke_url_template": "https://x/v1/orders/{id}",
    }
    more = f"https://management.azure.com{SITE}/functions-2"
    wire.says("GET", f"{SITE}/functions", 200, {"value": [{"properties": properties}], "nextLink": more})
    broken = {"name": "orders-fn/Broken", "properties": {"config": {}, "isDisabled": True}}
    wire.says("GET", f"{SITE}/functions-2", 200, {"value": [broken, {"name": "orders-fn/Bare"}]})

    assert await apps.list_functions(SITE) == [
        Function(name="GetOrder", bindings=(trigger,), invoke_url_template="https://x/v1/orders/{id}", disabled=False),
        Function(name="Broken", bindings=(), invoke_url_template=None, disabled=True),
        Function(name="Bare", bindings=(), invoke_url_template=None, disabled=False),
    ]


# --- host keys
KEYS = f"{SITE}/host/default/listkeys"
KEY = f"{SITE}/host/default/functionKeys/ours"


async def test_host_keys_are_read_by_name_and_the_master_key_is_not_kept(wire: Wire, apps: FunctionAppClient) -> None:
    wire.says("POST", KEYS, 200, {"masterKey": "m", "functionKeys": {"default": "d"}, "systemKeys": {"x": "y"}})

    keys = await apps.host_keys(SITE)
    assert (keys, wire.written) == ({"default": Secret("d")}, [])


async def test_a_missing_host_key_is_made_by_the_host(wire: Wire, apps: FunctionAppClient) -> None:
    wire.says("POST", KEYS, 200, {"functionKeys": None}).says("PUT", KEY, 201, {"properties": {"value": "v"}})

    await apps.make_host_key(SITE, "ours")
    assert [call.body for call in wire.written] == [{"properties": {}}]


async def test_a_host_key_that_is_there_is_not_made_again(wire: Wire, apps: FunctionAppClient) -> None:
    wire.says("POST", KEYS, 200, {"functionKeys": {"ours": "v"}})

    await apps.make_host_key(SITE, "ours")
    assert wire.written == [], "a PUT would give it another value"


@pytest.mark.parametrize("status", [204, 404])
async def test_a_host_key_is_gone_whether_it_was_there_or_not(wire: Wire, apps: FunctionAppClient, status: int) -> None:
    wire.says("DELETE", KEY, status, None if status == 204 else {"Code": "NotFound", "Message": "No such key."})

    await apps.delete_host_key(SITE, "ours")
    assert [call.method for call in wire.calls] == ["DELETE"]
