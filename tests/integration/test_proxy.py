"""A proxy before the internet: every call to Azure goes by it, its password goes nowhere else, and exceptions hold."""

import asyncio
import traceback
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from azure.core.credentials import AccessToken

from azuresim import Simulator
from azuresim.scenarios import SERVICE, imported
from funcgate.azure import Azure, Endpoints, connect
from funcgate.errors import TryAgain

Ask = Callable[[Azure], Awaitable[None]]
LOGIN = "Basic " + b64encode(b"funcgate:pass-word").decode()


@dataclass
class ForwardProxy:
    """Tunnels what CONNECT names, for those who say the password (RFC 9110, sections 9.3.6 and 11.7)."""

    port: int = 0
    tunnels: list[str] = field(default_factory=list)
    refused: int = 0
    running: set[asyncio.Task[None]] = field(default_factory=set)

    def url(self, login: str) -> str:
        return f"http://{login}@127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        method, target, _ = head.split(" ", 2)
        if method != "CONNECT" or f"proxy-authorization: {LOGIN}".lower() not in head.lower():
            self.refused += 1
            writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            writer.close()
            return
        self.tunnels.append(target)
        host, _, port = target.rpartition(":")
        there, away = await asyncio.open_connection(host, int(port))
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        await asyncio.gather(_pass_on(reader, away), _pass_on(there, writer))


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


@pytest.fixture
async def proxy() -> AsyncIterator[ForwardProxy]:
    made = ForwardProxy()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    yield made
    server.close()


@pytest.fixture
async def simulator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Simulator]:
    async with Simulator() as started:
        there = imported(started.world)
        for name in ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("SSL_CERT_FILE", str(started.ca_file))
        monkeypatch.setenv("AZURE_CLIENT_ID", there.operator_client_id)
        monkeypatch.setenv("AZURE_TENANT_ID", there.tenant_id)
        monkeypatch.setenv("AZURE_FEDERATED_TOKEN_FILE", str(there.write_assertion(tmp_path)))
        yield started


def endpoints(simulator: Simulator) -> Endpoints:
    return Endpoints(arm=simulator.url, graph=simulator.url, authority=simulator.url)


async def ask_arm(azure: Azure) -> None:
    await azure.apim.get_service(SERVICE)


async def ask_graph(azure: Azure) -> None:
    await azure.graph.get_application("dddddddd-0000-4000-8000-000000000001")


@pytest.mark.parametrize("ask", [ask_arm, ask_graph])
async def test_tokens_and_calls_go_by_the_proxy(
    simulator: Simulator, proxy: ForwardProxy, monkeypatch: pytest.MonkeyPatch, ask: Ask
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy.url("funcgate:pass-word"))
    async with connect(endpoints(simulator)) as azure:
        await ask(azure)
    assert set(proxy.tunnels) == {f"{simulator.host}:{simulator.port}"}
    assert {call.service for call in simulator.world.log} == {"entra", "arm" if ask is ask_arm else "graph"}


@pytest.mark.parametrize("ask", [ask_arm, ask_graph])
async def test_what_no_proxy_names_is_reached_without_it(
    simulator: Simulator, proxy: ForwardProxy, monkeypatch: pytest.MonkeyPatch, ask: Ask
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy.url("funcgate:pass-word"))
    monkeypatch.setenv("NO_PROXY", f"elsewhere.example,{simulator.host}")
    async with connect(endpoints(simulator)) as azure:
        await ask(azure)
    assert proxy.tunnels == []


class Key:
    """A credential that always has a token, so that the first call is not one for a token."""

    async def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        return AccessToken("not-a-secret", 2**40)


@pytest.mark.parametrize(
    ("ask", "key", "reason"),
    [(ask_arm, None, "CredentialUnreachable"), (ask_arm, Key(), "Unreachable"), (ask_graph, Key(), "Unreachable")],
    ids=["entra", "arm", "graph"],
)
async def test_a_proxy_that_refuses_is_in_the_way_and_its_password_is_not_told(
    simulator: Simulator, proxy: ForwardProxy, monkeypatch: pytest.MonkeyPatch, ask: Ask, key: Any, reason: str
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy.url("funcgate:wrong-word"))
    async with connect(endpoints(simulator), key) as azure:
        with pytest.raises(TryAgain) as raised:
            await ask(azure)
    assert proxy.refused > 0
    assert simulator.world.log == []
    assert raised.value.reason == reason
    told = "".join(traceback.format_exception(raised.value)) + repr(raised.value)
    assert "wrong-word" not in told
    assert b64encode(b"funcgate:wrong-word").decode() not in told
