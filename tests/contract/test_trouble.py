"""The simulator's own instruments for trouble: what happens between clients and Azure, none of it Azure's doing."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from typing import Any

import aiohttp
import pytest

from azuresim import Simulator
from azuresim.faults import TROUBLES
from azuresim.wire import HttpAnswer
from contract.conftest import OPERATOR

GROUP = "/subscriptions/00000000-aaaa-4000-8000-00000000000a/resourceGroups/shop"
IDENTITY = f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/caller"
VERSION = "?api-version=2024-11-30"
PATIENCE = 10.0


@pytest.fixture(autouse=True)
def group(azure: Simulator) -> None:
    azure.world.arm.add_group(GROUP)


async def put(azure: Simulator, **tags: str) -> HttpAnswer:
    body = {"location": "westeurope", "tags": tags}
    return await azure.send("PUT", "", IDENTITY + VERSION, headers=azure.arm_headers(OPERATOR), json=body)


async def get(azure: Simulator) -> HttpAnswer:
    return await azure.send("GET", "", IDENTITY + VERSION, headers=azure.arm_headers(OPERATOR))


async def outcome(call: Any) -> str:
    """The status of an answer, or what became of the connection."""
    try:
        return str((await call).status)
    except aiohttp.ClientPayloadError:
        return "cut"
    except aiohttp.ClientError:
        return "broken"


# --- scripted ---------------------------------------------------------------------------------------------------------
async def test_a_fault_is_answered_as_often_as_asked_for(azure: Simulator) -> None:
    fault = azure.world.faults.add(method="PUT", path="*/CALLER", status=429, headers={"Retry-After": "7"}, times=2)
    answers = [await put(azure) for _ in range(3)]
    assert [answer.status for answer in answers] == [429, 429, 201]
    assert (answers[0].headers["Retry-After"], fault.hits) == ("7", 2)


async def test_the_third_call_of_a_kind_can_be_meant(azure: Simulator) -> None:
    azure.world.faults.add(method="PUT", nth=3, status=412)
    seen = [await outcome(put(azure)), await outcome(get(azure))]
    seen += [await outcome(put(azure)) for _ in range(3)]
    assert seen == ["201", "200", "200", "412", "200"]


async def test_faults_tell_services_apart(azure: Simulator) -> None:
    azure.world.faults.add(service="graph", status=503, times=9)
    assert (await put(azure)).status == 201
    refused = await azure.send("GET", "", "/v1.0/applications", headers=azure.graph_headers(OPERATOR))
    assert refused.status == 503


@pytest.mark.parametrize(
    ("fault", "seen", "done"),
    [
        ({"status": 503}, "503", False),
        ({"status": 503, "after": True}, "503", True),
        ({"reset": True}, "broken", False),
        ({"reset": True, "after": True}, "broken", True),
        ({"truncated": True}, "cut", True),
        ({"slow": 0.01}, "201", True),
        ({"status": 502, "body": "<html></html>"}, "502", False),
    ],
    ids=["refused", "answer-lost", "reset-before", "reset-after", "cut", "slow", "a-page"],
)
async def test_trouble_comes_before_or_after_the_work(
    azure: Simulator, fault: dict[str, Any], seen: str, done: bool
) -> None:
    azure.world.faults.add(method="PUT", times=2, **fault)  # aiohttp tries a broken connection twice
    assert await outcome(put(azure)) == seen
    assert (IDENTITY in azure.world.arm.documents) is done


async def test_a_hanging_answer_never_comes_although_the_work_is_done(azure: Simulator) -> None:
    azure.world.faults.add(method="PUT", hang=True)
    waiting = asyncio.create_task(put(azure))
    async with asyncio.timeout(PATIENCE):
        while IDENTITY not in azure.world.arm.documents:  # noqa: ASYNC110  # the store has nothing to wait on
            await asyncio.sleep(0)
    assert not waiting.done()
    waiting.cancel()


async def test_what_was_done_before_the_answer_was_lost_is_in_the_log(azure: Simulator) -> None:
    azure.world.faults.add(method="PUT", reset=True, after=True, times=2)
    await outcome(put(azure))
    assert next(call.status for call in azure.world.calls(method="PUT")) == 201


# --- random -----------------------------------------------------------------------------------------------------------
async def history(seed: int) -> list[str]:
    async with Simulator() as azure:
        azure.world.entra.add_application("operator", client_id=OPERATOR)
        azure.world.arm.add_group(GROUP)
        kinds = [name for name, trouble in TROUBLES.items() if not trouble.get("reset")]  # those a client may repeat
        azure.world.faults.at_random(seed, rate=0.4, kinds=kinds, method="PUT")
        return [await outcome(put(azure, step=str(step))) for step in range(40)]


async def test_the_same_seed_meets_the_same_trouble_and_another_one_other_trouble() -> None:
    first, again, other = await history(7), await history(7), await history(8)
    assert first == again != other
    assert 8 <= sum(seen not in ("200", "201") for seen in first) <= 26


def test_a_kind_of_trouble_that_does_not_exist_is_refused(azure: Simulator) -> None:
    with pytest.raises(KeyError, match="earthquake"):
        azure.world.faults.at_random(1, rate=0.5, kinds=["earthquake"])


# --- latency ----------------------------------------------------------------------------------------------------------
async def test_latency_can_be_set_for_a_kind_of_call(azure: Simulator) -> None:
    azure.world.latency = 5.0
    azure.world.delays.add(0.0, path="*/userassignedidentities/*")
    azure.world.delays.add(0.02, method="PUT", path="*/userassignedidentities/*")
    loop = asyncio.get_running_loop()
    began = loop.time()
    await put(azure)
    await get(azure)
    assert 0.02 <= loop.time() - began < 5.0


# --- connections and certificates -------------------------------------------------------------------------------------
async def test_a_certificate_that_has_run_out_is_what_new_connections_are_shown(azure: Simulator) -> None:
    """No Azure behaviour."""

    async def connect() -> None:
        _, writer = await asyncio.open_connection(
            azure.host, azure.port, ssl=azure.client_context(), server_hostname="orders.example"
        )
        writer.close()

    await connect()
    azure.world.outdated.add("orders.example")
    with pytest.raises(ssl.SSLCertVerificationError, match="certificate has expired"):
        await connect()
    azure.world.outdated.clear()
    await connect()


async def test_connections_can_be_ended_and_clients_make_new_ones(azure: Simulator) -> None:
    """No Azure behaviour."""
    reader, writer = await asyncio.open_connection(azure.host, azure.port, ssl=azure.client_context())
    writer.write(b"GET /nowhere HTTP/1.1\r\nHost: nobody\r\n\r\n")
    await reader.readuntil(b"\r\n\r\n")
    azure.end_connections()
    async with asyncio.timeout(PATIENCE):
        with contextlib.suppress(ConnectionError):
            await reader.read()
    assert await outcome(get(azure)) == "404"
