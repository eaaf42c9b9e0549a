"""Clients that act as another identity than the operator's own: by the same federated token, never by another way."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from azuresim.arm.role_assignments import assign_role
from azuresim.scenarios import ISSUER, SUBJECT
from funcgate.azure import Azure, connect
from funcgate.errors import AccessDenied, AzureError
from integration.azure_stage import Stage, on_stage

TEAM = "aaaaaaaa-7777-4000-8000-000000000007"


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with on_stage() as stage:
        yield stage


def a_team(stage: Stage, *, federated: bool = True) -> None:
    """An identity of the team's, which trusts the operator's service account, or not."""
    body = stage.world.entra.add_application("the-team", client_id=TEAM)
    assert body
    if federated:
        stage.world.entra.add_federated_credential(TEAM, issuer=ISSUER, subject=SUBJECT)
    principal = stage.world.entra.principal(TEAM)
    assert principal
    assign_role(stage.world, principal["id"], "Contributor", stage.team.group_id)


@asynccontextmanager
async def acting(stage: Stage) -> AsyncIterator[Azure]:
    stage.world.log.clear()
    async with connect(stage.endpoints, client_id=TEAM) as azure:
        yield azure


async def test_its_calls_carry_its_own_token(stage: Stage) -> None:
    a_team(stage)
    async with acting(stage) as azure:
        await azure.apim.get_service(stage.team.service_id)
    assert {call.caller for call in stage.world.log if call.service == "arm"} == {TEAM}
    await stage.azure.apim.get_service(stage.team.service_id)
    assert [call.caller for call in stage.world.log if call.service == "arm"][-1] == stage.team.operator_client_id


async def test_an_identity_that_does_not_trust_the_operator_gets_nothing_done(stage: Stage) -> None:
    a_team(stage, federated=False)
    async with acting(stage) as azure:
        with pytest.raises(AccessDenied) as refused:
            await azure.apim.get_service(stage.team.service_id)
    assert refused.value.reason == "CredentialRefused"
    assert [call for call in stage.world.log if call.service == "arm"] == []


async def test_without_a_federated_token_no_developers_login_stands_in(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    a_team(stage)
    monkeypatch.delenv("AZURE_FEDERATED_TOKEN_FILE")
    login = tmp_path / "az"
    login.write_text("#!/bin/sh\necho called >> $0.log\n")
    login.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert shutil.which("az") == str(login)
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://127.0.0.1:9")  # nobody is there
    async with connect(replace(stage.endpoints), client_id=TEAM) as azure:
        with pytest.raises(AzureError):
            await azure.apim.get_service(stage.team.service_id)
    assert not login.with_name("az.log").exists()
