"""Log Analytics: who may query a workspace, what it answers, and which sign-ins of identities it holds."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from azuresim import Simulator
from azuresim.apim.identity import wanted_identity
from azuresim.apim.service import settle
from azuresim.entra.tokens import EntraError
from azuresim.scenarios import Imported, imported
from azuresim.wire import HttpAnswer

WORKSPACE = "77777777-7777-4777-8777-777777777777"
RESOURCE = "https://api.loganalytics.io"
TABLE = "AADManagedIdentitySignInLogs"


class Stage:
    def __init__(self, azure: Simulator) -> None:
        self.azure, self.world = azure, azure.world
        self.team: Imported = imported(azure.world)
        service = self.world.arm.need(self.team.service_id)
        settle(self.world, service, wanted_identity(self.world, None, {"type": "SystemAssigned"}))
        self.principal = str(service.body["identity"]["principalId"])
        operator = self.world.entra.principal(self.team.operator_client_id)
        assert operator
        self.operator = str(operator["id"])
        self.world.workspaces.add(WORKSPACE, readers={self.operator})

    async def query(self, text: str, workspace: str = WORKSPACE, token: str | None = None) -> HttpAnswer:
        token = token or self.world.entra.token_for_client(self.team.operator_client_id, RESOURCE)
        headers = {"Authorization": f"Bearer {token}"}
        path = f"/v1/workspaces/{workspace}/query"
        return await self.azure.send("POST", "api.loganalytics.io", path, headers=headers, json={"query": text})

    async def rows(self, text: str) -> list[dict[str, Any]]:
        answer = await self.query(text)
        assert answer.status == 200, answer.body
        (table,) = answer.data()["tables"]
        names = [each["name"] for each in table["columns"]]
        return [dict(zip(names, row, strict=True)) for row in table["rows"]]


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with Simulator() as azure:
        yield Stage(azure)


async def test_a_token_that_an_identity_fetched_is_a_sign_in(stage: Stage) -> None:
    """Source: Azure Monitor reference, AADManagedIdentitySignInLogs (columns; ResultType is a string)."""
    stage.world.entra.managed_identity_token(stage.principal, stage.team.client_id)
    (row,) = await stage.rows(f'{TABLE} | where ServicePrincipalId == "{stage.principal}" | project ResultType, AppId')
    identity = stage.world.entra.principal(stage.principal)
    assert identity
    assert row == {"ResultType": "0", "AppId": identity["appId"]}


async def test_a_token_out_of_the_cache_is_none(stage: Stage) -> None:
    """Source: learn.microsoft.com/entra/identity/managed-identities-azure-resources (tokens are cached for a day)."""
    for _ in range(3):
        stage.world.entra.managed_identity_token(stage.principal, stage.team.client_id)
    stage.world.clock.advance(25 * 3600)
    stage.world.entra.managed_identity_token(stage.principal, stage.team.client_id)
    assert len(await stage.rows(TABLE)) == 2


async def test_a_token_that_was_refused_is_one_with_its_number(stage: Stage) -> None:
    """Source: Azure Monitor reference, AADManagedIdentitySignInLogs. Assumed: the bare number of the AADSTS code."""
    with pytest.raises(EntraError):
        stage.world.entra.managed_identity_token(stage.principal, "api://nobody")
    (row,) = await stage.rows(f"{TABLE} | project ResultType, ResultDescription")
    assert row["ResultType"] == "500011"
    assert row["ResultDescription"].startswith("AADSTS500011: ")


async def test_the_newest_row_comes_first_with_top(stage: Stage) -> None:
    """Source: learn.microsoft.com/kusto/query/top-operator."""
    for _ in range(3):
        stage.world.entra.managed_identity_token(stage.principal, stage.team.client_id)
        stage.world.clock.advance(25 * 3600)
    stamps = [row["TimeGenerated"] for row in await stage.rows(f"{TABLE} | project TimeGenerated")]
    newest = await stage.rows(f"{TABLE} | top 1 by TimeGenerated desc | project TimeGenerated")
    assert [row["TimeGenerated"] for row in newest] == [max(stamps)]
    recent = await stage.rows(f"{TABLE} | where TimeGenerated > ago(2d)")
    assert len(recent) == 1


async def test_a_row_can_take_a_while_to_arrive(stage: Stage) -> None:
    """Assumed: no page promises how long."""
    stage.world.switches.sign_in_delivery_seconds = 600.0
    stage.world.entra.managed_identity_token(stage.principal, stage.team.client_id)
    assert await stage.rows(TABLE) == []
    stage.world.clock.advance(600)
    assert len(await stage.rows(TABLE)) == 1


async def test_a_workspace_to_which_nothing_is_delivered_has_no_such_table(stage: Stage) -> None:
    """Source: learn.microsoft.com/azure/azure-monitor/logs/api/errors (BadArgumentError, SemanticError)."""
    stage.world.workspaces.add(WORKSPACE, readers={stage.operator}, collects=False)
    answer = await stage.query(TABLE)
    error = answer.data()["error"]
    assert (answer.status, error["code"], error["innererror"]["code"]) == (400, "BadArgumentError", "SemanticError")


async def test_who_may_not_read_a_workspace_is_refused(stage: Stage) -> None:
    """Source: learn.microsoft.com/azure/azure-monitor/logs/api/errors (InsufficientAccessError)."""
    stage.world.workspaces.add(WORKSPACE, readers={"somebody"})
    answer = await stage.query(TABLE)
    assert (answer.status, answer.data()["error"]["code"]) == (403, "InsufficientAccessError")


async def test_a_token_for_another_service_is_none(stage: Stage) -> None:
    """Source: learn.microsoft.com/azure/azure-monitor/logs/api/errors (AuthorizationRequiredError)."""
    token = stage.world.entra.token_for_client(stage.team.operator_client_id, "https://management.azure.com")
    answer = await stage.query(TABLE, token=token)
    assert (answer.status, answer.data()["error"]["code"]) == (401, "AuthorizationRequiredError")


async def test_a_workspace_that_is_not_there_is_not_found(stage: Stage) -> None:
    """Source: learn.microsoft.com/azure/azure-monitor/logs/api/errors (WorkspaceNotFoundError). Assumed: 404."""
    answer = await stage.query(TABLE, workspace="88888888-8888-4888-8888-888888888888")
    assert (answer.status, answer.data()["error"]["code"]) == (404, "WorkspaceNotFoundError")


@pytest.mark.parametrize(
    "query", [f"{TABLE} | summarize count()", f'{TABLE} | where AppId contains "a"', f"{TABLE} | top x"]
)
async def test_operators_that_are_not_simulated_are_refused(stage: Stage, query: str) -> None:
    """No Azure behaviour: nothing likely is answered."""
    answer = await stage.query(query)
    assert (answer.status, answer.data()["error"]["code"]) == (501, "NotSimulated")


async def test_a_column_that_does_not_exist_is_a_semantic_error(stage: Stage) -> None:
    """Source: learn.microsoft.com/azure/azure-monitor/logs/api/errors (SemanticError)."""
    answer = await stage.query(f'{TABLE} | where Nothing == "a"')
    assert answer.data()["error"]["innererror"]["code"] == "SemanticError"
