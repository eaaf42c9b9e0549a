"""
How fast the simulated Azure is beside an empty handler on the same server, and how much memory it takes.

A subprocess serves, this process asks. `python -m bench.simulator serve empty|simulated` is that subprocess: it prints
one JSON line with port, CA file and requests, and ends when its standard input does.
"""

from __future__ import annotations

import asyncio
import json
import resource
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from aiohttp import web

from azuresim import Simulator, World
from azuresim.scenarios import Imported, imported, put
from bench.figures import Figure
from bench.load import rate, request_bytes

REQUESTS = 8_000
ROUNDS = 3
LEAST_OF_EMPTY = 0.5
APIS = 20_000
MOST_MEBIBYTES = 600.0
POLICY = """<policies>
  <inbound>
    <base />
    <authentication-managed-identity resource="{client}" output-token-variable-name="msi-access-token" />
    <set-header name="Authorization" exists-action="override">
      <value>@("Bearer " + (string)context.Variables["msi-access-token"])</value>
    </set-header>
    <set-backend-service id="apim-generated-policy" backend-id="{backend}" />
  </inbound>
  <backend><base /></backend>
  <outbound><base /></outbound>
  <on-error><base /></on-error>
</policies>"""


def measure() -> list[Figure]:
    return [*asyncio.run(rates()), memory()]


async def rates() -> list[Figure]:
    """Each kind of call beside the empty handler, in turns, so that both see the same machine."""
    with served("empty") as empty, served("simulated") as simulated:
        kinds: dict[str, list[bytes]] = {
            kind: [text.encode("latin-1") for text in texts] for kind, texts in simulated["requests"].items()
        }
        seen: dict[str, list[tuple[float, float]]] = {kind: [] for kind in kinds}
        for _ in range(ROUNDS):
            for kind, requests in kinds.items():
                theirs = await rate(empty["port"], empty["ca_file"], requests, REQUESTS)
                ours = await rate(simulated["port"], simulated["ca_file"], requests, REQUESTS)
                seen[kind].append((ours, theirs))
    return [figure_of(kind, pairs) for kind, pairs in seen.items()]


def figure_of(kind: str, pairs: list[tuple[float, float]]) -> Figure:
    return Figure(
        name=f"{kind}, of the rate of an empty handler",
        value=statistics.median(ours / theirs for ours, theirs in pairs),
        unit="×",
        least=LEAST_OF_EMPTY,
        details={"requests per second": [round(ours) for ours, _ in pairs], "empty": [round(t) for _, t in pairs]},
    )


def memory() -> Figure:
    """What a process holds after 20,000 APIs, each with a policy, were put into it, the interpreter included."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.simulator", "hold", str(APIS)], check=True, capture_output=True, text=True
    )
    found = json.loads(done.stdout)
    return Figure(
        name=f"memory with {APIS:,} APIs and their policies",
        value=found["mebibytes"],
        unit="MiB",
        most=MOST_MEBIBYTES,
        details=found,
    )


@contextmanager
def served(what: str) -> Iterator[dict[str, Any]]:
    with subprocess.Popen(
        [sys.executable, "-m", "bench.simulator", "serve", what], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
        process.communicate()


# --- the subprocess ---------------------------------------------------------------------------------------------------
async def serve(what: str) -> None:
    async with Simulator(check_contracts=False) as azure:
        team = imported(azure.world)
        said: dict[str, Any] = {"port": azure.port, "ca_file": str(azure.ca_file), "requests": requests_of(azure, team)}
        if what == "empty":
            said["port"] = await empty_server(azure)
        print(json.dumps(said), flush=True)
        await asyncio.to_thread(sys.stdin.read)


async def empty_server(azure: Simulator) -> int:
    """The same server, with the same TLS, whose handler reads the request and answers nothing."""

    async def nothing(request: web.BaseRequest) -> web.Response:
        await request.read()
        return web.Response()

    runner = web.ServerRunner(web.Server(nothing, access_log=None))
    await runner.setup()
    await web.TCPSite(runner, azure.host, 0, ssl_context=azure.server_context()).start()
    return int(runner.addresses[0][1])


def requests_of(azure: Simulator, team: Imported) -> dict[str, list[str]]:
    """The calls of a settled pass, and writes that change something each time, as bytes (latin-1 text here)."""
    arm, graph = azure.arm_headers(team.operator_client_id), azure.graph_headers(team.operator_client_id)
    apim, sites = "api-version=2024-05-01", "api-version=2025-05-01"
    reads = [
        (f"{team.service_id}?{apim}", arm),
        (f"{team.backend_id}?{apim}", arm),
        (f"{team.api_id}?{apim}", arm),
        (f"{team.operation_ids[0]}/policies/policy?{apim}&format=rawxml", arm),
        (f"{team.site_id}?{sites}", arm),
        (f"{team.site_id}/functions?{sites}", arm),
        (f"{team.site_id}/config/authsettingsV2?{sites}", arm),
        (f"/v1.0/applications(appId='{team.client_id}')", graph),
        (f"/v1.0/servicePrincipals(appId='{team.client_id}')", graph),
    ]
    backend = azure.world.arm.need(team.backend_id).properties
    writes = [
        request_bytes(
            "PUT",
            "management.azure.com",
            f"{team.backend_id}?{apim}",
            arm,
            json.dumps({"properties": {**backend, "description": f"version {number}"}}).encode(),
        )
        for number in range(8)
    ]
    asked = {
        "reads of a settled pass": [request_bytes("GET", host_of(path), path, headers) for path, headers in reads],
        "writes of a backend": writes,
    }
    return {kind: [one.decode("latin-1") for one in requests] for kind, requests in asked.items()}


def host_of(path: str) -> str:
    return "graph.microsoft.com" if path.startswith("/v1.0/") else "management.azure.com"


def hold(count: int) -> dict[str, float]:
    """20,000 APIs as a client would make them, through the front door."""
    world = World()
    world.journal.watched = False
    team = imported(world)
    before = mebibytes()
    policy = {"format": "rawxml", "value": POLICY.format(client=team.client_id, backend=team.backend_name)}
    for number in range(count):
        api = f"{team.service_id}/apis/api-{number}"
        put(world, api, {"displayName": f"API {number}", "path": f"path/{number}", "protocols": ["https"]})
        put(world, f"{api}/policies/policy", policy)
    return {"mebibytes": mebibytes(), "before": before}


def mebibytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        asyncio.run(serve(sys.argv[2]))
    else:
        print(json.dumps(hold(int(sys.argv[2]))))
