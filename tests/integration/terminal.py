"""The command line as people and pipelines use it: a process, files, an exit code."""

import asyncio
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from azuresim.world import Call
from integration.azure_stage import Stage, is_write
from integration.in_process import run


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

    def binding(self, *, name: str = "orders", namespace: str = "shop", **changes: Any) -> dict[str, Any]:
        """The object for the imported app; keywords replace top-level fields of its spec."""
        team = self.stage.team
        spec = {
            "apiManagement": {"id": team.service_id},
            "functionApp": {"id": team.site_id},
            "entra": {"registration": {"type": "Existing", "clientId": team.client_id}},
            "api": {"name": team.api_name, "import": {"from": "None"}},
            "adopt": True,
        }
        metadata = {"namespace": namespace, "name": name}
        kind = {"apiVersion": "funcgate.dev/v1alpha1", "kind": "FunctionApiBinding"}
        return kind | {"metadata": metadata, "spec": spec | changes}

    def manifest(self, file: str = "orders.yaml", **changes: Any) -> Path:
        """A file with that object."""
        path = self.folder / file
        path.write_text(yaml.safe_dump(self.binding(**changes)))
        return path

    async def run(self, command: str, *arguments: str | Path, input: str = "", **environment: str) -> Ran:  # noqa: A002
        """
        `funcgate COMMAND …` in this process, with that on standard input; only its calls are in the log.

        A variable that is empty in `environment` is not set.
        """
        self.stage.world.log.clear()
        whole = self._environment() | environment
        put = {name: value for name, value in whole.items() if value}
        done = await run(command, *map(str, arguments), input=input, **put)
        return Ran(done.exit_code, done.stdout, done.stderr)

    async def process(self, command: str, *arguments: str | Path, input: str = "", **environment: str) -> Ran:  # noqa: A002
        """The same as a process of its own."""
        self.stage.world.log.clear()
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "funcgate", command),
            *map(str, arguments),
            env=self._environment() | environment,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate(input.encode())
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
            "FUNCGATE_LOGS_ENDPOINT": azure.url,
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
