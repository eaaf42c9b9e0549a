"""The SDKs' pipelines on a real connection: one request for one call, and every header as it was sent."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import pytest
import trustme
from aiohttp import web
from azure.core import AsyncPipelineClient
from azure.core.credentials import AccessToken

from funcgate.azure import ApimClient, Endpoints, connect
from funcgate.azure.http import Call
from funcgate.azure.session import (
    ArmTransport,
    GraphTransport,
    arm_policies,
    graph_client,
    open_session,
    shared_transport,
)
from funcgate.errors import TryAgain


class Key:
    """A credential that always has a token."""

    async def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        return AccessToken(f"for {scopes[0]}", 2**40)


@dataclass
class Server:
    """Answers everything the same way and remembers what it was asked."""

    authority: trustme.CA = field(default_factory=trustme.CA)
    address: str = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    seen: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        self.seen.append((request.method, request.path_qs, dict(request.headers), await request.read()))
        if self.status == 0 and request.transport:
            request.transport.abort()
        return web.json_response({"said": True}, status=self.status or 500, headers=self.headers)

    def trust(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        self.authority.configure_trust(context)
        return context


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    made = Server()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.authority.issue_cert("127.0.0.1").configure_cert(context)
    runner = web.ServerRunner(web.Server(made.answer, access_log=None))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    made.address = f"https://127.0.0.1:{runner.addresses[0][1]}"
    yield made
    await runner.cleanup()


@pytest.fixture(params=["arm", "graph"])
async def transport(request: pytest.FixtureRequest, server: Server) -> AsyncIterator[ArmTransport | GraphTransport]:
    key: Any = Key()
    async with AsyncExitStack() as stack:
        if request.param == "graph":
            client = await stack.enter_async_context(graph_client(server.trust()))
            yield GraphTransport(client, key, server.address, "scope")
        else:
            session = await stack.enter_async_context(open_session(server.trust()))
            pipeline: AsyncPipelineClient[Any, Any] = AsyncPipelineClient(
                server.address, policies=arm_policies(key, "scope"), transport=shared_transport(session)
            )
            yield ArmTransport(pipeline.send_request)


def call(server: Server, method: str = "GET", **more: Any) -> Call:
    return Call(method=method, url=f"{server.address}/v1.0/x%20y?api-version=1&$select=a", kind="x", **more)


async def test_a_call_arrives_as_it_was_made(server: Server, transport: ArmTransport | GraphTransport) -> None:
    await transport(call(server, "PUT", headers={"If-Match": '"AAE="'}, body={"a": None}))

    method, path, headers, body = server.seen[0]
    assert (method, path, json.loads(body)) == ("PUT", "/v1.0/x%20y?api-version=1&$select=a", {"a": None})
    assert (headers["Authorization"], headers["If-Match"]) == ("Bearer for scope", '"AAE="')
    assert headers["Accept"] == headers["Content-Type"] == "application/json"
    assert headers["User-Agent"].startswith("funcgate/")


@pytest.mark.parametrize("status", [200, 302, 401, 404, 409, 429, 500, 503])
async def test_every_answer_is_handed_on_after_one_request(
    server: Server, transport: ArmTransport | GraphTransport, status: int
) -> None:
    server.status, server.headers = status, {"Retry-After": "7", "ETag": '"AAE="', "Location": "/elsewhere"}

    answer = await transport(call(server))

    assert (answer.status, answer.json(), answer.etag) == (status, {"said": True}, '"AAE="')
    assert answer.headers["retry-after"] == "7"
    assert len(server.seen) == 1


@pytest.mark.parametrize("method", ["GET", "PUT", "POST", "PATCH", "DELETE"])
async def test_a_connection_that_breaks_is_said_to_be_unreachable_after_one_request(
    server: Server, transport: ArmTransport | GraphTransport, method: str
) -> None:
    server.status = 0

    with pytest.raises(TryAgain) as raised:
        await transport(call(server, method))

    assert raised.value.reason == "Unreachable"
    assert len(server.seen) == 1


async def test_nobody_listening_is_named_without_the_port(server: Server) -> None:
    key: Any = Key()
    async with graph_client(server.trust()) as client:
        transport = GraphTransport(client, key, "https://127.0.0.1:1", "scope")
        with pytest.raises(TryAgain, match=r"^127\.0\.0\.1 could not be reached \(ConnectError\)$"):
            await transport(Call(method="GET", url="https://127.0.0.1:1/v1.0/x", kind="x"))


async def test_an_unknown_authority_is_named(server: Server) -> None:
    key: Any = Key()
    async with open_session(ssl.create_default_context()) as session:
        pipeline: AsyncPipelineClient[Any, Any] = AsyncPipelineClient(
            server.address, policies=arm_policies(key, "scope"), transport=shared_transport(session)
        )
        with pytest.raises(TryAgain) as raised:
            await ArmTransport(pipeline.send_request)(call(server))

    assert raised.value.reason == "CertificateNotTrusted"


async def test_a_credential_that_is_handed_in_stays_open() -> None:
    key: Any = Key()  # has nothing that could be closed

    async with connect(Endpoints(), key) as azure:
        assert isinstance(azure.apim, ApimClient)


async def test_connections_are_used_again(server: Server, transport: ArmTransport | GraphTransport) -> None:
    answers = [await transport(call(server)) for _ in range(3)]
    await asyncio.gather(*(transport(call(server)) for _ in range(3)))

    assert [each.status for each in answers] == [200, 200, 200]
    assert len(server.seen) == 6
