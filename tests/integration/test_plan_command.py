"""`funcgate plan` as people and pipelines run it: a process, files, an exit code. It writes nothing."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from azuresim.world import Call
from integration.azure_stage import Stage, is_write, on_stage


@dataclass(frozen=True)
class Ran:
    """How a command ended and what it said."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Terminal:
    """Somebody with the operator's rights in Azure and a manifest in a file."""

    stage: Stage
    folder: Path

    def manifest(self, name: str = "orders.yaml", **changes: Any) -> Path:
        team = self.stage.team
        spec = {
            "apiManagement": {"id": team.service_id},
            "functionApp": {"id": team.site_id},
            "entra": {"registration": {"type": "Existing", "clientId": team.client_id}},
            "api": {"name": team.api_name, "import": {"from": "None"}},
            "adopt": True,
        }
        metadata = {"namespace": "shop", "name": "orders"}
        binding = {"apiVersion": "funcgate.dev/v1alpha1", "kind": "FunctionApiBinding", "metadata": metadata}
        file = self.folder / name
        file.write_text(yaml.safe_dump(binding | {"spec": spec | changes}))
        return file

    async def plan(self, *arguments: str | Path, **environment: str) -> Ran:
        self.stage.world.log.clear()
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "funcgate", "plan"),
            *map(str, arguments),
            env=self._environment() | environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
        return Ran(process.returncode or 0, out.decode(), err.decode())

    def _environment(self) -> dict[str, str]:
        team, azure = self.stage.team, self.stage.simulator
        return {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(Path(__file__).parents[2] / "operator"),
            "AZURE_CLIENT_ID": team.operator_client_id,
            "AZURE_TENANT_ID": team.tenant_id,
            "AZURE_FEDERATED_TOKEN_FILE": str(team.write_assertion(self.folder)),
            "AZURE_AUTHORITY_HOST": azure.url,
            "SSL_CERT_FILE": str(azure.ca_file),
            "FUNCGATE_ARM_ENDPOINT": azure.url,
            "FUNCGATE_GRAPH_ENDPOINT": azure.url,
            "FUNCGATE_CONNECT_TO": f"{azure.host}:{azure.port}",
            "FUNCGATE_INSTANCE_ID": "prod",
        }

    def calls(self) -> set[tuple[str, str]]:
        """What was asked of Azure, by method and service."""
        return {(call.method, call.service) for call in self._log()}

    def writes(self) -> list[Call]:
        """What would have changed something in Azure."""
        return [call for call in self._log() if is_write(call)]

    def _log(self) -> list[Call]:
        return list(self.stage.world.log)


@pytest.fixture
async def terminal(tmp_path: Path) -> AsyncIterator[Terminal]:
    async with on_stage() as stage:
        yield Terminal(stage, tmp_path)


async def test_a_plan_shows_what_a_pass_would_write_and_writes_nothing(terminal: Terminal) -> None:
    ran = await terminal.plan("-f", terminal.manifest())
    assert ran.code == 2, ran.err
    assert ran.out.splitlines() == [
        "shop/orders",
        "  ~ identity  (IdentityReady)",
        "      assigned: false → true",
        "  ~ application  (AppRegistrationReady)",
        f"      redirects: [web https://{terminal.stage.team.site_host}/.auth/login/aad/callback] → []",
        "      implicitTokens: [idToken] → []",
        "  ~ backends/orders-fn  (BackendReady)",
        "      mark: absent → ours",
        "  · PolicyReady: Waiting: waits for the identity's client id, from IdentityReady",
        "  ! EasyAuthReady: DoorOpen: the function app lets callers in without a token; closing it waits for the "
        "identity's tenant, from IdentityReady",
    ]
    assert terminal.writes() == []


async def test_a_settled_binding_has_nothing_to_do(terminal: Terminal) -> None:
    await terminal.stage.settled()
    ran = await terminal.plan("-f", terminal.manifest())
    assert (ran.code, ran.out) == (0, "shop/orders\n  nothing to do\n")


async def test_a_plan_as_data_names_part_field_before_and_after(terminal: Terminal) -> None:
    await terminal.stage.settled()
    terminal.stage.backend["url"] = "https://elsewhere.example"
    ran = await terminal.plan("-f", terminal.manifest(), "-o", "json")
    (plan,) = json.loads(ran.out)
    wanted = f"https://{terminal.stage.team.site_host}/v1"
    field: Mapping[str, str] = {"field": "url", "before": "https://elsewhere.example", "after": wanted}
    change = {"part": "BackendReady", "key": "backends/orders-fn", "action": "update", "fields": [field]}
    assert (ran.code, plan["binding"], plan["ok"], plan["changes"]) == (2, "shop/orders", False, [change])


async def test_what_stands_in_the_way_is_said_and_ends_with_1(terminal: Terminal) -> None:
    ran = await terminal.plan("-f", terminal.manifest(api={"name": "billing", "import": {"from": "None"}}))
    assert ran.code == 1
    assert "! ApiReady: ApiNotFound: the service has no API named billing (spec.api.name)" in ran.out


async def test_a_wish_that_cannot_be_names_its_field_before_any_call(terminal: Terminal) -> None:
    ran = await terminal.plan("-f", terminal.manifest(drift={"interval": "soon"}))
    assert (ran.code, terminal.calls()) == (1, set())
    assert "spec.drift.interval" in ran.err


async def test_a_file_without_a_binding_is_an_error(terminal: Terminal) -> None:
    file = terminal.folder / "other.yaml"
    file.write_text("kind: ConfigMap\n")
    ran = await terminal.plan("-f", file)
    assert ran.code == 1
    assert "no FunctionApiBinding in" in ran.err


async def test_a_file_that_is_no_yaml_is_named(terminal: Terminal) -> None:
    file = terminal.folder / "broken.yaml"
    file.write_text("spec: [")
    ran = await terminal.plan("-f", file)
    assert ran.code == 1
    assert "broken.yaml: is not YAML" in ran.err


async def test_a_wrong_setting_is_named(terminal: Terminal) -> None:
    ran = await terminal.plan("-f", terminal.manifest(), FUNCGATE_INSTANCE_ID="Not A Name")
    assert ran.code == 1
    assert "FUNCGATE_INSTANCE_ID" in ran.err
