"""
The simulated Azure as an https server on 127.0.0.1.

    async with Simulator() as azure:                    # Simulator(world, latency=0.0, check_contracts=True, port=0)
        azure.world, azure.url, azure.ca_file, azure.host, azure.port, azure.deviations
        answer = await azure.send("GET", "contoso.azure-api.net", "/orders/1", headers={...})      # -> HttpAnswer
        async with azure.session() as session: ...      # an aiohttp.ClientSession that trusts the CA
        azure.arm_headers(client_id)                    # {"Authorization": "Bearer …"} for ARM; graph_headers for Graph

Which service answers a call: services.py. Certificates for names are made as clients ask for them, by one private CA.
Leaving the context raises AssertionError when a handler failed, or when a request or an answer departed from a
published contract.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import ssl
import tempfile
import time
import traceback
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import parse_qsl, unquote

import trustme
from aiohttp import ClientSession, DummyCookieJar, TCPConnector, web
from multidict import CIMultiDict, istr
from yarl import URL

from azuresim.contract_check import ContractCheck
from azuresim.faults import Fault
from azuresim.log import Call
from azuresim.sending import cut, written
from azuresim.services import Handled, Services, service_of
from azuresim.wire import CONTENT_TYPE, HOST, HttpAnswer, HttpCall
from azuresim.world import World

LONGEST_BODY = 32 * 1024 * 1024
AIOHTTPS_LIMIT = 1024 * 1024
TRANSFER_ENCODING = istr("Transfer-Encoding")
NO_CONTENT = ("", b"")
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
NEW_OBJECTS = 10_000


class Simulator:
    def __init__(
        self,
        world: World | None = None,
        *,
        latency: float = 0.0,
        check_contracts: bool = True,
        check_refused: bool = False,
        port: int = 0,
    ) -> None:
        """`check_refused`: requests that were refused must keep to the contracts too, as a real client's do."""
        self.world = world or World()
        if latency:
            self.world.latency = latency
        self.host, self.port = "127.0.0.1", port
        self.deviations: list[str] = []
        check = ContractCheck(self.deviations, refused=check_refused) if check_contracts else None
        self._services = Services(self.world, check)
        self._authority = trustme.CA()
        self._contexts: dict[tuple[str, datetime | None], ssl.SSLContext] = {}
        self._sessions: list[ClientSession] = []
        self._stack = contextlib.AsyncExitStack()
        self._ended = asyncio.Event()
        self._server = web.Server(self._serve, access_log=None)

    @property
    def url(self) -> str:
        return f"https://{self.host}:{self.port}"

    @property
    def ca_file(self) -> Path:
        return self._ca_file

    # --- life -------------------------------------------------------------------------------------------------------
    async def __aenter__(self) -> Simulator:
        self._stack.enter_context(rarely_collecting())
        folder = self._stack.enter_context(tempfile.TemporaryDirectory(prefix="azuresim-"))
        self._ca_file = Path(folder) / "ca.pem"
        self._authority.cert_pem.write_to_path(str(self._ca_file))
        runner = web.ServerRunner(self._server, shutdown_timeout=1.0)
        await runner.setup()
        self._stack.push_async_callback(runner.cleanup)
        site = web.TCPSite(runner, self.host, self.port, ssl_context=self.server_context())
        await site.start()
        self.port = int(runner.addresses[0][1])
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        for session in self._sessions:
            await session.close()
        await self._stack.aclose()
        if error is not None:
            return
        if self.world.crashes:
            raise AssertionError("Handlers failed:\n" + "\n".join(self.world.crashes))
        if self.deviations:
            raise AssertionError("Departures from the contracts:\n" + "\n".join(self.deviations))

    def end_connections(self) -> None:
        """Every client has to make a new one; what goes on is broken off."""
        for connection in self._server.connections:
            if connection.transport is not None:
                connection.transport.abort()

    def server_context(self) -> ssl.SSLContext:
        context = self._context_for(self.host)
        context.sni_callback = self._choose_certificate
        return context

    def _choose_certificate(self, connection: ssl.SSLSocket | ssl.SSLObject, name: str, _: ssl.SSLContext) -> None:
        if name:
            connection.context = self._context_for(name)

    def _context_for(self, name: str) -> ssl.SSLContext:
        ends = LONG_AGO if name in self.world.outdated else None
        if (name, ends) not in self._contexts:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            began = ends and ends - timedelta(days=90)
            names = (name, self.host, "localhost")
            self._authority.issue_cert(*names, not_before=began, not_after=ends).configure_cert(context)
            self._contexts[name, ends] = context
        return self._contexts[name, ends]

    # --- clients ----------------------------------------------------------------------------------------------------
    def client_context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.ca_file))

    def session(self) -> ClientSession:
        """Trusts the CA, keeps no cookies; closed with the simulator when its user does not close it."""
        session = ClientSession(
            connector=TCPConnector(ssl=self.client_context()), cookie_jar=DummyCookieJar(), trust_env=False
        )
        self._sessions.append(session)
        return session

    async def send(
        self,
        method: str,
        host: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        body: bytes | None = None,
    ) -> HttpAnswer:
        """Connects to 127.0.0.1 and asks for `host` ("" for the simulator itself); redirects are not followed."""
        if not self._sessions or self._sessions[0].closed:
            self._sessions.insert(0, self.session())
        url = URL(self.url + path, encoded="%" in path)
        sent = CIMultiDict(headers or {})
        if host:
            sent["Host"] = host
        request = self._sessions[0].request(method, url, headers=sent, json=json, data=body, allow_redirects=False)
        async with request as response:
            return HttpAnswer(response.status, response.headers, await response.read())

    def arm_headers(self, client_id: str) -> dict[str, str]:
        """A bearer token of that client for ARM."""
        return {
            "Authorization": f"Bearer {self.world.entra.token_for_client(client_id, 'https://management.azure.com')}"
        }

    def graph_headers(self, client_id: str) -> dict[str, str]:
        return {
            "Authorization": f"Bearer {self.world.entra.token_for_client(client_id, 'https://graph.microsoft.com')}"
        }

    # --- serving ----------------------------------------------------------------------------------------------------
    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        began = time.monotonic()
        content = request.content
        body = content.read_nowait() if content.is_eof() else await whole_body(request)
        if body is None:
            return written(request, HttpAnswer.text(413, "The request body is too large."))
        call = call_of(request, body)
        service = service_of(call)
        fault = self.world.faults.take(call, service)
        handled = await (self._handled(service, call) if fault is None else self._faulty(service, call, fault))
        self._record(service, call, handled, began)
        await asyncio.sleep(0)  # calls that came together are answered together: each answer alone wakes its client
        if fault is not None:
            return await self._troubled(request, handled.answer, fault)
        return written(request, handled.answer)

    async def _handled(self, service: str, call: HttpCall) -> Handled:
        try:
            return await self._services.handle(service, call)
        except Exception:  # a mistake of the simulator: answered as Azure would, and raised when the context is left
            self.world.crashes.append(f"{call.method} {call.path}\n{traceback.format_exc()}")
            error = {"code": "InternalServerError", "message": "The simulated Azure failed; see world.crashes."}
            return Handled(HttpAnswer.json(500, {"error": error}))

    async def _faulty(self, service: str, call: HttpCall, fault: Fault) -> Handled:
        """The answer with what the fault makes of it: nothing was done, or it was and the answer is another one."""
        if fault.replaces_the_work:
            return Handled(HttpAnswer(500) if fault.reset else fault.answer())
        handled = await self._handled(service, call)
        if fault.after and not fault.reset:
            handled.answer = fault.answer()
        return handled

    async def _troubled(self, request: web.BaseRequest, answer: HttpAnswer, fault: Fault) -> web.StreamResponse:
        """What is left of an answer that trouble happened to."""
        if fault.slow:
            await asyncio.sleep(fault.slow)
        if fault.hang:
            await self._ended.wait()
        if fault.truncated:
            return await cut(request, answer)
        if fault.reset and request.transport is not None:
            request.transport.abort()
        return written(request, answer)

    def _record(self, service: str, call: HttpCall, handled: Handled, began: float) -> None:
        self.world.log.append(
            Call(
                method=call.method,
                service=service,
                path=call.path,
                status=handled.answer.status,
                at=self.world.clock.timestamp(),
                caller=handled.caller.client_id if handled.caller else None,
                host=call.host,
                action=handled.route.action if handled.route else None,
                linked=tuple(handled.linked),
                began=began,
                seconds=time.monotonic() - began,
                arguments=call.query,
                content=(call.header(CONTENT_TYPE), call.body) if call.body else NO_CONTENT,
            )
        )


@contextlib.contextmanager
def rarely_collecting() -> Iterator[None]:
    """
    Python looks for garbage after so many new objects as a few dozen calls make, and not after every few calls.

    What a call makes is freed when it is answered; looking at all calls in flight each time finds nothing.
    """
    youngest, *older = gc.get_threshold()
    gc.set_threshold(max(youngest, NEW_OBJECTS), *older)
    try:
        yield
    finally:
        gc.set_threshold(youngest, *older)


def call_of(request: web.BaseRequest, body: bytes) -> HttpCall:
    """The request as a plain value."""
    headers = request.headers
    raw_path, path, query = target(request.raw_path)
    return HttpCall(request.method, host_of(headers.get(HOST, "")), path, query, headers, body, raw_path)


@lru_cache(maxsize=4096)
def target(raw: str) -> tuple[str, str, tuple[tuple[str, str], ...]]:
    """Path as sent, path, arguments. The same few come again and again, and the log has each of them once."""
    raw_path, _, raw_query = raw.partition("?")
    return raw_path, unquote(raw_path), tuple(parse_qsl(raw_query, keep_blank_values=True))


@lru_cache(maxsize=1024)
def host_of(header: str) -> str:
    return header.partition(":")[0].lower()


async def whole_body(request: web.BaseRequest) -> bytes | None:
    """
    What is still on its way, with what has arrived; None when it is longer than anything that Azure takes.

    aiohttp's own limit is a mebibyte, which a description of an API or a policy can exceed.
    """
    length = request.content_length or 0
    if length > LONGEST_BODY:
        return None
    if length <= AIOHTTPS_LIMIT and TRANSFER_ENCODING not in request.headers:
        return await request.read()
    return await request.clone(client_max_size=LONGEST_BODY).read()
