"""Another cloud is another issuer: what a pass makes true there, and that the public cloud's tokens stay outside."""

from dataclasses import replace
from typing import Any

import pytest

from azuresim import Simulator, World
from azuresim.arm.cloud import cloud_metadata
from azuresim.wire import HttpCall
from funcgate.azure import CLOUDS, CUSTOM, Endpoints, NoSuchCloud, connect, located
from funcgate.errors import NotFound
from integration.azure_stage import on_stage, seen_by_the_function

ISSUERS = [
    ("AzureUSGovernment", 1, "https://sts.windows.net/{tenant}/"),
    ("AzureUSGovernment", 2, "https://login.microsoftonline.us/{tenant}/v2.0"),
    ("AzureChina", 1, "https://sts.chinacloudapi.cn/{tenant}/"),
    ("AzureChina", 2, "https://login.partner.microsoftonline.cn/{tenant}/v2.0"),
]


@pytest.mark.parametrize(("cloud", "version", "issuer"), ISSUERS, ids=[f"{each[0]}-v{each[1]}" for each in ISSUERS])
async def test_the_door_opens_to_the_tokens_of_its_own_cloud(cloud: str, version: int, issuer: str) -> None:
    async with on_stage(cloud=cloud, token_version=version) as stage:
        await stage.settled()

        answer = await stage.through_the_gateway()
        assert answer.status == 200
        assert seen_by_the_function(answer)["claims"]["iss"] == issuer.format(tenant=stage.team.tenant_id)
        assert (await stage.past_the_gateway()).status == 401
        await stage.settled()
        assert stage.writes() == []


async def test_a_token_of_the_public_cloud_is_turned_away_in_another() -> None:
    async with on_stage(cloud="AzureChina") as stage:
        await stage.settled()
        own = {"Authorization": stage.token_of(stage.team.stranger_client_id)}
        stage.world.entra.cloud = "AzurePublic"
        public = {"Authorization": stage.token_of(stage.team.stranger_client_id)}
        assert (await stage.past_the_gateway(**own)).status == 403  # known, and not on the list
        assert (await stage.past_the_gateway(**public)).status == 401


# --- a cloud that no table knows


async def test_a_custom_cloud_is_asked_for_what_is_not_stated(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Simulator() as azure:
        monkeypatch.setenv("SSL_CERT_FILE", str(azure.ca_file))
        found = await located(replace(CLOUDS[CUSTOM], arm=azure.url, graph_scope="https://graph.example/.default"))
    assert found == Endpoints(
        arm=azure.url,
        arm_scope="https://management.core.windows.net/.default",
        graph=azure.url,
        graph_scope="https://graph.example/.default",
        authority=azure.url,
        issuer_v1="https://sts.windows.net/{tenant}/",
        issuer_v2="https://login.microsoftonline.com/{tenant}/v2.0",
        logs="https://api.loganalytics.io",
        logs_scope="https://api.loganalytics.io/.default",
    )


async def test_a_known_cloud_is_not_asked() -> None:
    assert await located(Endpoints(arm="https://nobody.example")) == Endpoints(arm="https://nobody.example")


async def test_an_address_that_is_no_cloud_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Simulator() as azure:
        monkeypatch.setenv("SSL_CERT_FILE", str(azure.ca_file))
        with pytest.raises(NoSuchCloud, match=r"metadata/endpoints.*answered 404; correct FUNCGATE_ARM_ENDPOINT"):
            await located(replace(CLOUDS[CUSTOM], arm=f"{azure.url}/elsewhere"))
    with pytest.raises(NoSuchCloud, match="could not be reached"):
        await located(replace(CLOUDS[CUSTOM], arm=azure.url))


async def test_a_cloud_without_log_analytics_never_sends_a_token_to_another_clouds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("azuresim.services.cloud_metadata", lambda call, world: _silent_about_logs(call, world))
    async with Simulator() as azure:
        monkeypatch.setenv("SSL_CERT_FILE", str(azure.ca_file))
        found = await located(replace(CLOUDS[CUSTOM], arm=azure.url))
        assert (found.logs, found.logs_scope) == ("", "")
        async with connect(found, client_id="none") as clients:
            with pytest.raises(NotFound, match="FUNCGATE_LOGS_ENDPOINT"):
                await clients.logs.newest_sign_in("w", "p", "r")


def _silent_about_logs(call: HttpCall, world: World) -> Any:
    return {name: value for name, value in cloud_metadata(call, world).items() if name != "logAnalyticsResourceId"}
