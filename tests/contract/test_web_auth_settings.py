"""`config/authsettingsV2` as a document."""

from collections.abc import AsyncIterator

import pytest

from contract.web_world import CALLER, Web, closed, web

V2 = "/config/authsettingsV2"


@pytest.fixture
async def here() -> AsyncIterator[Web]:
    async with web() as started:
        yield started


@pytest.mark.item("web-3")
async def test_a_site_never_configured_shows_only_that_the_platform_is_off(here: Web) -> None:
    """Source: Azure/azure-cli tracker (webapp auth show, debug output)."""
    answer = await here.arm("GET", V2)
    document = answer.data()
    assert (answer.status, document["name"], document["type"]) == (200, "authsettingsV2", "Microsoft.Web/sites/config")
    assert document["properties"] == {"platform": {"enabled": False}}
    assert document["location"] == "West Europe"


async def test_what_was_put_is_shown_by_both_gets(here: Web) -> None:
    """Source: Azure/azure-rest-api-specs (authsettingsV2 beside authsettingsV2/list)."""
    wanted = closed(here.world)
    await here.put_auth(wanted)
    assert (await here.arm("GET", V2)).data()["properties"] == wanted
    assert (await here.arm("GET", f"{V2}/list")).data()["properties"] == wanted


async def test_a_put_replaces_the_whole_document(here: Web) -> None:
    """Source: hashicorp/terraform-provider-azurerm (writes the full tree to clear a part of it)."""
    await here.put_auth({"platform": {"enabled": True}, "login": {"tokenStore": {"enabled": True}}})
    await here.put_auth({"platform": {"enabled": True}})
    assert (await here.arm("GET", V2)).data()["properties"] == {"platform": {"enabled": True}}


async def test_keys_that_nobody_published_are_kept() -> None:
    """Source: azure-mgmt-web, whose models carry them through a read and a write."""
    async with web(check_contracts=False) as here:
        await here.put_auth({"platform": {"enabled": True, "unheardOf": 1}})
        assert (await here.arm("GET", V2)).data()["properties"]["platform"]["unheardOf"] == 1


async def test_no_answer_carries_an_etag(here: Web) -> None:
    """Source: learn.microsoft.com/rest/api/appservice/web-apps/update-auth-settings-v2 (no such header)."""
    written = await here.put_auth(closed(here.world))
    read = await here.arm("GET", V2)
    assert "ETag" not in written.headers
    assert "ETag" not in read.headers


async def test_a_body_without_properties_is_refused(here: Web) -> None:
    """Assumed: as for keys, whose refusal is known."""
    answer = await here.arm("PUT", V2, {"platform": {"enabled": True}})
    assert (answer.status, answer.data()["Code"]) == (400, "BadRequest")


@pytest.mark.parametrize(("count", "status"), [(13, 200), (14, 400)])
async def test_allowed_identities_are_at_most_500_characters_in_total(here: Web, count: int, status: int) -> None:
    """
    Source of the limit: learn.microsoft.com/azure/app-service/configure-authentication-provider-aad.

    Assumed: that the PUT is what is refused.
    """
    answer = await here.put_auth(closed(here.world, principals={"identities": [CALLER] * count}))
    assert answer.status == status


async def test_writing_v1_on_a_site_that_runs_v2_is_refused_in_the_body_of_app_service(here: Web) -> None:
    """Source: MicrosoftDocs/azure-docs and Azure/azure-cli trackers (ExtendedCode 04534)."""
    await here.put_auth(closed(here.world))
    answer = await here.arm("PUT", "/config/authsettings", {"properties": {"enabled": False}})
    body = answer.data()
    assert (answer.status, body["Code"], body["Innererror"]) == (400, "BadRequest", None)
    assert "auth version v2" in body["Message"]
    assert body["Details"][2]["ErrorEntity"]["ExtendedCode"] == "04534"


async def test_v1_tells_which_version_is_live(here: Web) -> None:
    """Source: hashicorp/terraform-provider-azurerm (reads configVersion first)."""
    before = (await here.arm("POST", "/config/authsettings/list")).data()["properties"]
    await here.put_auth(closed(here.world))
    after = (await here.arm("POST", "/config/authsettings/list")).data()["properties"]
    assert (before["configVersion"], before["enabled"]) == ("v1", False)
    assert (after["configVersion"], after["enabled"]) == ("v2", True)


async def test_writing_without_the_right_is_refused(here: Web) -> None:
    """Source: learn.microsoft.com/azure/role-based-access-control/permissions/web-and-mobile."""
    here.world.denied.add("microsoft.web/sites/config/write")
    read = await here.arm("GET", V2)
    written = await here.put_auth({"platform": {"enabled": True}})
    assert (read.status, written.status, written.data()["error"]["code"]) == (200, 403, "AuthorizationFailed")


async def test_with_a_config_file_the_door_follows_the_file(here: Web) -> None:
    """Source: learn.microsoft.com/azure/app-service/configure-authentication-file-based."""
    here.site.files["auth.json"] = closed(here.world, action="Return403")
    await here.put_auth({"platform": {"enabled": False, "configFilePath": "auth.json"}})
    assert (await here.call("/v1/Ping")).status == 403


async def test_a_config_file_that_is_not_there_leaves_the_settings_in_force(here: Web) -> None:
    """Assumed."""
    await here.put_auth(closed(here.world) | {"platform": {"enabled": True, "configFilePath": "auth.json"}})
    assert (await here.call("/v1/Ping")).status == 401


async def test_v1_says_that_the_settings_come_from_a_file(here: Web) -> None:
    """Source: learn.microsoft.com/azure/app-service/configure-authentication-file-based (isAuthFromFile)."""
    await here.put_auth({"platform": {"enabled": True, "configFilePath": "auth.json"}})
    assert (await here.arm("POST", "/config/authsettings/list")).data()["properties"]["isAuthFromFile"] == "true"
