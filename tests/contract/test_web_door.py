"""What decides about a call before and beside Easy Auth: addresses, public access, V1 settings, claim checks."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from azuresim.web import http_function, site
from azuresim.web.functions_host import satisfies
from azuresim.wire import HttpCall
from contract.web_world import CALLER, DOOR, HOST, STRANGER, Web, closed, web

PING = "/v1/ping"
RULE = {"ipAddress": "192.0.2.0/24", "action": "Allow", "priority": 100, "name": "office"}


@pytest.fixture
async def here() -> AsyncIterator[Web]:
    async with web() as started:
        yield started


@pytest.mark.parametrize(("address", "status"), [("192.0.2.9", 200), ("203.0.113.5", 403)])
async def test_once_there_is_a_rule_every_other_address_is_refused_and_told(
    here: Web, address: str, status: int
) -> None:
    """Source: learn.microsoft.com/azure/app-service/app-service-ip-restrictions."""
    await here.arm("PATCH", "/config/web", {"properties": {"ipSecurityRestrictions": [RULE]}})
    answer = await here.call(PING, headers={"x-simulated-address": address})
    assert (answer.status, answer.headers.get("x-ms-forbidden-ip")) == (status, address if status == 403 else None)


async def test_the_list_of_rules_shows_what_happens_to_everybody_else(here: Web) -> None:
    """Source: Azure/azure-cli recording test_functionapp_access_restriction_show."""
    written = await here.arm("PATCH", "/config/web", {"properties": {"ipSecurityRestrictions": [RULE]}})
    assert [one["name"] for one in written.data()["properties"]["ipSecurityRestrictions"]] == ["office", "Deny all"]


async def test_a_site_without_public_access_answers_nobody(here: Web) -> None:
    """Source: learn.microsoft.com/azure/app-service/overview-access-restrictions (publicNetworkAccess)."""
    await here.arm("PATCH", "", {"properties": {"publicNetworkAccess": "Disabled"}})
    assert (await here.call(PING)).status == 403


async def test_plain_http_is_sent_to_https_by_the_front_end_when_the_site_wants_https_only(here: Web) -> None:
    """Source: learn.microsoft.com/azure/app-service/configure-ssl-bindings (enforce HTTPS)."""
    await here.arm("PATCH", "", {"properties": {"httpsOnly": True}})
    answer = await site(HttpCall.of("GET", f"http://{HOST}{PING}?a=b"), here.world)
    assert (answer.status, answer.headers["Location"]) == (301, f"https://{HOST}{PING}?a=b")


@pytest.mark.parametrize(
    ("mode", "path", "status"),
    [("Required", PING, 403), ("Required", "/v1/files/x", 200), ("Optional", PING, 200), (None, PING, 403)],
)
async def test_a_site_that_wants_client_certificates_refuses_who_shows_none(
    here: Web, mode: str | None, path: str, status: int
) -> None:
    """Source: learn.microsoft.com/azure/app-service/app-service-web-configure-tls-mutual-auth."""
    sent = {"clientCertEnabled": True, "clientCertExclusionPaths": "/open;/v1/files"}
    await here.arm("PATCH", "", {"properties": sent if mode is None else sent | {"clientCertMode": mode}})
    assert (await here.call(path)).status == status


async def test_a_function_that_an_app_setting_disables_answers_no_more(here: Web) -> None:
    """Source: learn.microsoft.com/azure/azure-functions/disable-function (AzureWebJobs.<name>.Disabled)."""
    assert (await here.call(PING)).status == 200
    await here.arm("PUT", "/config/appsettings", {"properties": {"AzureWebJobs.Ping.Disabled": "true"}})
    assert (await here.call(PING)).status == 404


async def test_the_door_checks_tokens_with_the_keys_that_are_published_now(here: Web) -> None:
    """Source: learn.microsoft.com/entra/identity-platform/signing-key-rollover."""
    await here.put_auth(closed(here.world))
    old = here.token()
    here.world.entra.roll_keys()
    assert [(await here.call(PING, token=token)).status for token in (old, here.token())] == [200, 200]
    here.world.entra.retire_keys()
    assert [(await here.call(PING, token=token)).status for token in (old, here.token())] == [401, 200]


async def test_a_constraint_with_an_expression_chooses_the_function() -> None:
    """Source: learn.microsoft.com/aspnet/core/fundamentals/routing (regular expressions in constraints)."""
    function = http_function("Day", level="anonymous", methods=["get"], route=r"days/{day:regex(^\d{{4}}-\d{{2}}$)}")
    async with web([function]) as here:
        assert [(await here.call(f"/v1/days/{day}")).status for day in ("2026-11", "today")] == [200, 404]


@pytest.mark.item("web-4")
@pytest.mark.parametrize(("allowed", "status"), [([CALLER], 200), ([STRANGER], 403), ([], 200)])
async def test_the_older_list_of_client_applications_holds_beside_the_newer(
    here: Web, allowed: list[str], status: int
) -> None:
    """Source: learn.microsoft.com/rest/api/appservice/web-apps/update-auth-settings-v2 (jwtClaimChecks)."""
    settings = closed(here.world)
    validation: dict[str, Any] = settings["identityProviders"]["azureActiveDirectory"]["validation"]
    validation["jwtClaimChecks"] = {"allowedClientApplications": allowed}
    await here.put_auth(settings)
    assert (await here.call(PING, token=here.token())).status == status


@pytest.mark.item("web-3")
async def test_the_door_acts_on_settings_of_the_first_version(here: Web) -> None:
    """Source: learn.microsoft.com/rest/api/appservice/web-apps/update-auth-settings."""
    first = {"enabled": True, "clientId": DOOR, "issuer": here.world.entra.issuer(2)}
    await here.arm("PUT", "/config/authsettings", {"properties": first})
    without, with_token = await here.call(PING), await here.call(PING, token=here.token())
    assert (without.status, with_token.status) == (401, 200)


@pytest.mark.parametrize("wrong", [{"platform": 5}, {"identityProviders": []}, {"platform": {"enabled": "x"}}])
async def test_a_wrong_type_in_the_settings_is_refused_in_the_form_of_app_service(wrong: dict[str, Any]) -> None:
    """Source: trackers of hashicorp/terraform-provider-azurerm and Azure/azure-cli (01007)."""
    async with web(check_contracts=False) as here:
        answer = await here.put_auth(wrong)
        assert (answer.status, answer.data()["Details"][2]["ErrorEntity"]["ExtendedCode"]) == (400, "01007")


@pytest.mark.parametrize(
    ("value", "constraint", "fits"),
    [
        ("7", ":int", True),
        ("x", ":int", False),
        ("x", ":alpha", True),
        ("x1", ":alpha", False),
        ("5", ":range(1,9)", True),
        ("10", ":range(1,9)", False),
        ("10", ":int:min(11)", False),
        ("abc", ":length(3)", True),
        ("abcd", ":maxlength(3)", False),
        ("true", ":bool", True),
        ("no", ":guid", False),
        ("1.5e3", ":float", True),
        ("x", ":required", True),
        ("abc-12", r":regex(^[a-z]+-\d{{2}}$)", True),
        ("abc-123", r":regex(^[a-z]+-\d{{2}}$)", False),
        ("anything", "", True),
    ],
)
def test_a_route_parameter_keeps_to_its_constraint(value: str, constraint: str, fits: bool) -> None:
    """Source: learn.microsoft.com/aspnet/core/fundamentals/routing (route constraints)."""
    assert satisfies(value, constraint) is fits


@pytest.mark.parametrize(("key", "status"), [("system", 202), ("host", 401), ("master", 202), ("", 401)])
async def test_an_extensions_webhook_wants_its_system_key(here: Web, key: str, status: int) -> None:
    """Source: Azure/azure-functions-host, DefaultScriptWebHookProvider."""
    here.site.keys.systems["durabletask_extension"] = "s" * 56
    held = {"system": "s" * 56, "host": here.host_key(), "master": here.site.keys.master, "": ""}
    assert (await here.call("/runtime/webhooks/durabletask", key=held[key])).status == status
