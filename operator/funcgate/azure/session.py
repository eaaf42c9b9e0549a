"""
The pipelines of the SDKs, made alike: one session, one SSL context, retries off, a `Call` in, an `Answer` out.

- ARM goes through the management clients' own pipelines with a short list of policies: without automatic registration
  of resource providers, without retries, without redirects, without logging.
- Graph goes through msgraph-sdk's request adapter. A response handler takes the answer as it came: the SDK's directory
  models stop the event loop for more than a second when first used.
"""

import json
import ssl
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import httpx
from azure.core import AsyncPipelineClient
from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import AzureError as CoreError
from azure.core.pipeline.policies import (
    AsyncBearerTokenCredentialPolicy,
    HeadersPolicy,
    RequestIdPolicy,
    UserAgentPolicy,
)
from azure.core.pipeline.transport import AioHttpTransport
from azure.core.rest import AsyncHttpResponse, HttpRequest
from azure.mgmt.core.policies import AsyncARMChallengeAuthenticationPolicy
from kiota_abstractions.method import Method
from kiota_abstractions.native_response_handler import NativeResponseHandler
from kiota_abstractions.request_information import RequestInformation
from kiota_authentication_azure.azure_identity_authentication_provider import AzureIdentityAuthenticationProvider
from kiota_http.middleware.options import ResponseHandlerOption
from msgraph.graph_request_adapter import GraphRequestAdapter

from funcgate import __version__
from funcgate.azure.http import Answer, Call
from funcgate.azure.probe import ConnectTo
from funcgate.azure.proxies import ProxiedTransport, WayTo
from funcgate.azure.refusals import unreachable

USER_AGENT = f"funcgate/{__version__}"
CONNECT_SECONDS = 10.0
CONNECTIONS = 50


def ssl_context() -> ssl.SSLContext:
    """Trusts the machine's certificates, or those in SSL_CERT_FILE and SSL_CERT_DIR instead."""
    return ssl.create_default_context()


def open_session(trust: ssl.SSLContext, connect_to: str = "") -> aiohttp.ClientSession:
    """
    A session: no cookies, no settings from the environment, no second try. With `connect_to`, host:port, every name is
    reached there.

    `trust_env` would send every request through a thread for .netrc and proxy variables.
    """
    resolver = ConnectTo(connect_to) if connect_to else None
    connector = aiohttp.TCPConnector(ssl=trust, limit=CONNECTIONS, resolver=resolver)
    return aiohttp.ClientSession(
        connector=connector, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False, middlewares=(_tried_once,)
    )


async def _tried_once(request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """
    One call is one request, also when the connection breaks.

    aiohttp sends GET, PUT and DELETE again then (RFC 9112, section 9.3.1); a write that took effect would go out twice,
    past the fence, and lose against its own ETag. Only the two kinds of error that it looks for do that.
    """
    try:
        return await send(request)
    except aiohttp.ClientConnectorError:
        raise  # nothing was sent
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as broken:
        raise aiohttp.ClientConnectionError(str(broken)) from broken


def straight(url: str) -> str | None:
    """No proxy, wherever it goes."""
    return None


def shared_transport(session: aiohttp.ClientSession, way_to: WayTo = straight) -> AioHttpTransport:
    """azure-core's transport on our session, which stays open when a client closes."""
    return ProxiedTransport(
        way_to, session=session, session_owner=False, use_env_settings=False, connection_timeout=CONNECT_SECONDS
    )


def arm_policies(credential: AsyncTokenCredential, scope: str) -> list[Any]:
    """The policies of one management client, in order. Each client needs its own: a policy knows the one after it."""
    return [
        RequestIdPolicy(),
        HeadersPolicy(base_headers={"Accept": "application/json"}),
        UserAgentPolicy(base_user_agent=USER_AGENT, user_agent_use_env=False),
        AsyncARMChallengeAuthenticationPolicy(credential, scope),
    ]


def logs_pipeline(
    address: str, credential: AsyncTokenCredential, scope: str, transport: AioHttpTransport
) -> AsyncPipelineClient[HttpRequest, AsyncHttpResponse]:
    """azure-core's pipeline to Log Analytics, with the same short list of policies."""
    policies = [
        RequestIdPolicy(),
        HeadersPolicy(base_headers={"Accept": "application/json"}),
        UserAgentPolicy(base_user_agent=USER_AGENT, user_agent_use_env=False),
        AsyncBearerTokenCredentialPolicy(credential, scope),
    ]
    return AsyncPipelineClient(address, policies=policies, transport=transport)


class ArmTransport:
    """Resource Manager, or Log Analytics, through an SDK's pipeline."""

    def __init__(self, send_request: Callable[[HttpRequest], Awaitable[AsyncHttpResponse]]) -> None:
        self._send_request = send_request

    async def __call__(self, call: Call) -> Answer:
        """The answer, whatever its status."""
        request = HttpRequest(call.method, call.url, headers=dict(call.headers), json=call.body)
        try:
            response = await self._send_request(request)
        except CoreError as broken:
            raise unreachable(_host(call), broken.inner_exception or broken) from broken
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Answer(status=response.status_code, headers=headers, content=response.content)


class GraphTransport:
    """Microsoft Graph through msgraph-sdk's request adapter, on our SSL context."""

    def __init__(self, client: httpx.AsyncClient, credential: AsyncTokenCredential, address: str, scope: str) -> None:
        provider = AzureIdentityAuthenticationProvider(
            credential, scopes=[scope], allowed_hosts=[urlsplit(address).hostname or ""]
        )
        self.adapter = GraphRequestAdapter(provider, client=client)
        self.adapter.base_url = f"{address.rstrip('/')}/v1.0"

    async def __call__(self, call: Call) -> Answer:
        """The answer, whatever its status."""
        request = RequestInformation(Method(call.method))
        request.url = call.url
        for name, value in {"Accept": "application/json", **call.headers}.items():
            request.headers.try_add(name, value)
        if call.body is not None:
            request.set_stream_content(json.dumps(call.body).encode(), "application/json")
        request.add_request_options([ResponseHandlerOption(NativeResponseHandler())])
        try:
            response: Any = await self.adapter.send_primitive_async(request, "bytes", {})
        except httpx.TransportError as broken:
            raise unreachable(_host(call), broken) from broken
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Answer(status=response.status_code, headers=headers, content=response.content)


def graph_client(trust: ssl.SSLContext, proxy: str | None = None) -> httpx.AsyncClient:
    """The HTTP client below Graph's adapter: no retries or redirects, no settings from the environment."""
    limits = httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS // 5)
    timeout = httpx.Timeout(None, connect=CONNECT_SECONDS)
    return httpx.AsyncClient(
        verify=trust, proxy=proxy, trust_env=False, limits=limits, timeout=timeout, headers={"User-Agent": USER_AGENT}
    )


def _host(call: Call) -> str:
    return urlsplit(call.url).hostname or ""
