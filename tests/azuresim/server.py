"""
The simulated Azure as an https server on 127.0.0.1.

    async with Simulator() as azure:                    # Simulator(world, latency=0.0, check_contracts=True, port=0)
        azure.world, azure.url, azure.ca_file, azure.host, azure.port, azure.deviations
        answer = await azure.send("GET", "contoso.azure-api.net", "/orders/1", headers={...})      # -> HttpAnswer
        async with azure.session() as session: ...      # an aiohttp.ClientSession that trusts the CA
        azure.arm_headers(client_id)                    # {"Authorization": "Bearer …"} for ARM; graph_headers for Graph

What chooses the service: Host `*.azure-api.net` is the gateway, `*.azurewebsites.net` a function app; otherwise the
path: `/subscriptions… /providers… /metadata… /tenants…` ARM, `/v1.0/…` Graph, `/{tenant}/…` Entra. Certificates for
names are made as clients ask for them, by one private CA. Leaving the context raises AssertionError when an accepted
request or its answer departed from a published contract.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
import tempfile
import time
import traceback
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import parse_qsl, unquote

import trustme
from aiohttp import ClientSession, DummyCookieJar, TCPConnector, web
from multidict import CIMultiDict
from yarl import URL

from azuresim import msi
from azuresim.apim import service
from azuresim.arm.pipeline import Handled, Pipeline
from azuresim.contract_check import ContractCheck
from azuresim.entra.signin import is_signin, signin
from azuresim.entra.tokens import ARM_AUDIENCES
from azuresim.faults import ConnectionBrokenError
from azuresim.gateway.front import gateway
from azuresim.graph import graph
from azuresim.web import site
from azuresim.wire import HttpAnswer, HttpCall
from azuresim.world import Call, World

HostHandler = Callable[[HttpCall, World], Awaitable[HttpAnswer]]
PROVIDERS = (service, msi)  # importing them, and web, registers their routes
HOSTS: dict[str, tuple[str, HostHandler]] = {
    ".azure-api.net": ("gateway", gateway),
    ".azurewebsites.net": ("site", site),
}
REAL_NAMES = {
    "management.azure.com": "arm",
    "graph.microsoft.com": "graph",
    "login.microsoftonline.com": "entra",
    "login.windows.net": "entra",
    "sts.windows.net": "entra",
    "169.254.169.254": "entra",
}
ARM_PREFIXES = ("/subscriptions", "/providers", "/tenants", "/metadata/endpoints")
SECRETS = {
    "client_secret",
    "client_assertion",
    "password",
    "secrettext",
    "key",
    "primarykey",
    "secondarykey",
    "masterkey",
}


def service_of(call: HttpCall) -> str:
    """arm, graph, entra, gateway, site, or "" for what nobody serves."""
    for suffix, (name, _) in HOSTS.items():
        if call.host.endswith(suffix):
            return name
    if call.host in REAL_NAMES:
        return REAL_NAMES[call.host]
    path = call.path.lower()
    if path.startswith(ARM_PREFIXES):
        return "arm"
    if path.startswith("/v1.0/"):
        return "graph"
    return "entra" if is_signin(path) else ""


class Simulator:
    def __init__(
        self, world: World | None = None, *, latency: float = 0.0, check_contracts: bool = True, port: int = 0
    ) -> None:
        self.world = world or World()
        if latency:
            self.world.latency = latency
        self.host, self.port = "127.0.0.1", port
        self.deviations: list[str] = []
        self._check = ContractCheck(self.deviations) if check_contracts else None
        self._arm = Pipeline(self.world)
        self._authority = trustme.CA()
        self._contexts: dict[str, ssl.SSLContext] = {}
        self._sessions: list[ClientSession] = []
        self._stack = contextlib.AsyncExitStack()

    @property
    def url(self) -> str:
        return f"https://{self.host}:{self.port}"

    @property
    def ca_file(self) -> Path:
        return self._ca_file

    # --- life -------------------------------------------------------------------------------------------------------
    async def __aenter__(self) -> Simulator:
        folder = self._stack.enter_context(tempfile.TemporaryDirectory(prefix="azuresim-"))
        self._ca_file = Path(folder) / "ca.pem"
        self._authority.cert_pem.write_to_path(str(self._ca_file))
        runner = web.ServerRunner(web.Server(self._serve, access_log=None), shutdown_timeout=1.0)
        await runner.setup()
        self._stack.push_async_callback(runner.cleanup)
        site = web.TCPSite(runner, self.host, self.port, ssl_context=self._server_context())
        await site.start()
        self.port = int(runner.addresses[0][1])
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for session in self._sessions:
            await session.close()
        await self._stack.aclose()
        if self.world.crashes and error is None:
            raise AssertionError("Handlers failed:\n" + "\n".join(self.world.crashes))
        if self.deviations and error is None:
            raise AssertionError("Departures from the contracts:\n" + "\n".join(self.deviations))

    def _server_context(self) -> ssl.SSLContext:
        context = self._context_for(self.host)
        context.sni_callback = self._choose_certificate
        return context

    def _choose_certificate(self, connection: ssl.SSLSocket | ssl.SSLObject, name: str, _: ssl.SSLContext) -> None:
        if name:
            connection.context = self._context_for(name)

    def _context_for(self, name: str) -> ssl.SSLContext:
        if name not in self._contexts:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._authority.issue_cert(name, self.host, "localhost").configure_cert(context)
            self._contexts[name] = context
        return self._contexts[name]

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
        call = await read_call(request)
        try:
            answer = await self._answer(call)
        except ConnectionBrokenError:
            if request.transport is not None:
                request.transport.abort()
            answer = HttpAnswer(500)
        except Exception:  # a mistake of the simulator: answered as Azure would, and raised when the context is left
            self.world.crashes.append(f"{call.method} {call.path}\n{traceback.format_exc()}")
            answer = HttpAnswer.json(500, {"error": {"code": "InternalServerError", "message": "Simulator crashed."}})
        return web.Response(status=answer.status, headers=CIMultiDict(answer.headers), body=answer.body)

    async def _answer(self, call: HttpCall) -> HttpAnswer:
        service, began = service_of(call), time.monotonic()
        injected = self.world.faults.take(call, after=False)
        handled = Handled(injected) if injected is not None else await self._handle(service, call)
        if injected is None and (lost := self.world.faults.take(call, after=True)) is not None:
            handled.answer = lost
        self._record(service, call, handled, began)
        return handled.answer

    async def _handle(self, service: str, call: HttpCall) -> Handled:
        if service == "arm" and call.path.lower().rstrip("/") == "/metadata/endpoints":
            return Handled(HttpAnswer.json(200, cloud_metadata(call, self.world)))
        if service == "arm":
            handled = await self._arm.handle(call)
            if self._check is not None and handled.route is not None:
                self._check.arm(call, handled.route, handled.params, handled.answer)
            return handled
        if service in ("graph", "entra") and self.world.latency:
            await asyncio.sleep(self.world.latency)
        if service == "entra":
            return Handled(signin(call, self.world))
        if service == "graph":
            answer, caller = graph(call, self.world)
            if self._check is not None:
                self._check.graph(call, answer)
            return Handled(answer, caller=caller)
        return Handled(await host_answer(call, self.world))

    def _record(self, service: str, call: HttpCall, handled: Handled, began: float) -> None:
        self.world.log.append(
            Call(
                method=call.method,
                service=service,
                path=call.path,
                status=handled.answer.status,
                at=self.world.clock.timestamp(),
                body=redacted_body(call),
                caller=handled.caller.client_id if handled.caller else None,
                host=call.host,
                query={name: "***" if name.lower() in ("code", "subscription-key") else v for name, v in call.query},
                action=handled.route.action if handled.route else None,
                linked=tuple(handled.linked),
                began=began,
                seconds=time.monotonic() - began,
            )
        )


async def host_answer(call: HttpCall, world: World) -> HttpAnswer:
    """Gateway and function apps by host name; 404 for names that nobody serves."""
    for suffix, (_, handler) in HOSTS.items():
        if call.host.endswith(suffix):
            return await handler(call, world)
    return HttpAnswer.text(404, "No simulated service answers here.")


async def read_call(request: web.BaseRequest) -> HttpCall:
    raw_path, _, raw_query = request.raw_path.partition("?")
    return HttpCall(
        method=request.method,
        host=request.headers.get("Host", "").partition(":")[0].lower(),
        path=unquote(raw_path),
        query=parse_qsl(raw_query, keep_blank_values=True),
        headers=CIMultiDict(request.headers),
        body=await request.read(),
        raw_path=raw_path,
        scheme=request.scheme,
    )


def cloud_metadata(call: HttpCall, world: World) -> list[dict[str, Any]]:
    """What `az cloud register --endpoint-resource-manager` and SDKs read: every endpoint is this simulator."""
    origin = f"{call.scheme}://{call.header('Host', call.host)}"
    return [
        {
            "name": "AzureSimulated",
            "resourceManager": origin,
            "microsoftGraphResourceId": "https://graph.microsoft.com",
            "authentication": {
                "loginEndpoint": origin,
                "audiences": list(ARM_AUDIENCES),
                "tenant": world.tenant_id,
                "identityProvider": "AAD",
            },
        }
    ]


def redacted_body(call: HttpCall) -> Any:
    """The request's body for the log, without secrets; None when it is no JSON or form."""
    if not call.body:
        return None
    if call.header("Content-Type").startswith("application/x-www-form-urlencoded"):
        return redact(dict(parse_qsl(call.body.decode(errors="replace"))))
    try:
        return redact(json.loads(call.body))
    except ValueError:
        return None


def redact(value: Any, name: str = "") -> Any:
    """Named secrets, `value` beside no `format` (policies keep theirs), and header credentials become `***`."""
    if name.lower() in SECRETS and isinstance(value, str):
        return "***"
    if isinstance(value, dict):
        hidden = {"value"} if "format" not in value else set()
        return {k: "***" if k in hidden or name == "header" else redact(v, k) for k, v in value.items()}
    return [redact(item, name) for item in value] if isinstance(value, list) else value
