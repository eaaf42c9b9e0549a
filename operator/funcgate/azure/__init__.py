"""
All that knows a URL, an api-version or JSON: one client per Azure service, and `connect`, which builds them.

    async with connect(Endpoints()) as azure:
        service = await azure.apim.get_service("/subscriptions/…/providers/Microsoft.ApiManagement/service/contoso")

Everything raises `funcgate.errors.AzureError`, sorted by who acts next; the table is `refusals.py`.
"""

import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial

from azure.core.credentials_async import AsyncTokenCredential
from azure.core.pipeline.transport import AioHttpTransport
from azure.mgmt.apimanagement.aio import ApiManagementClient
from azure.mgmt.web.aio import WebSiteManagementClient

from funcgate.azure.activity import ActivityClient, Writer
from funcgate.azure.apim import ApimClient
from funcgate.azure.apim_calls import ANY
from funcgate.azure.apim_documents import (
    HIDDEN,
    Api,
    ApiOperation,
    Backend,
    NamedValue,
    PolicyText,
    Product,
    Service,
    UserIdentity,
)
from funcgate.azure.clouds import CLOUDS, CUSTOM, PUBLIC, Endpoints
from funcgate.azure.credentials import SharedCredential, default_credential
from funcgate.azure.discovery import NoSuchCloud, located
from funcgate.azure.function_app import Function, FunctionAppClient, Site
from funcgate.azure.graph import Application, GraphClient, Redirect, ServicePrincipal, WaysIn
from funcgate.azure.http import (
    CallObserver,
    Http,
    Locks,
    Time,
    nobody_observes,
    write_fence,
)
from funcgate.azure.identity import IdentityClient, ManagedIdentity
from funcgate.azure.ids import ResourceId
from funcgate.azure.kept import glancing, this_pass
from funcgate.azure.logs import LogsClient, SignIn
from funcgate.azure.probe import Heard, ProbeClient
from funcgate.azure.proxies import ways_from_environment
from funcgate.azure.resources import ResourceClient
from funcgate.azure.rights import Permission, RightsClient, Who, missing
from funcgate.azure.session import (
    ArmTransport,
    GraphTransport,
    arm_policies,
    graph_client,
    logs_pipeline,
    open_session,
    shared_transport,
    ssl_context,
)

__all__ = [
    "ANY",
    "CLOUDS",
    "CUSTOM",
    "HIDDEN",
    "PUBLIC",
    "ActivityClient",
    "Api",
    "ApiOperation",
    "ApimClient",
    "Application",
    "Azure",
    "Backend",
    "CallObserver",
    "Endpoints",
    "Function",
    "FunctionAppClient",
    "GraphClient",
    "Heard",
    "IdentityClient",
    "Locks",
    "LogsClient",
    "ManagedIdentity",
    "NamedValue",
    "NoSuchCloud",
    "Permission",
    "PolicyText",
    "ProbeClient",
    "Product",
    "Redirect",
    "ResourceClient",
    "ResourceId",
    "RightsClient",
    "Service",
    "ServicePrincipal",
    "SignIn",
    "Site",
    "Time",
    "UserIdentity",
    "WaysIn",
    "Who",
    "Writer",
    "connect",
    "glancing",
    "located",
    "missing",
    "this_pass",
    "write_fence",
]


@dataclass(frozen=True)
class Azure:
    """The clients, ready to use."""

    apim: ApimClient
    function_apps: FunctionAppClient
    graph: GraphClient
    identities: IdentityClient
    resources: ResourceClient
    probe: ProbeClient
    logs: LogsClient
    rights: RightsClient
    activity: ActivityClient


@asynccontextmanager
async def connect(
    endpoints: Endpoints,
    credential: AsyncTokenCredential | None = None,
    *,
    client_id: str | None = None,
    observe_call: CallObserver = nobody_observes,
    locks: Locks | None = None,
    time: Time = Time(),  # noqa: B008 it cannot be changed
) -> AsyncIterator[Azure]:
    """
    The clients of one cloud over one session, closed at the end; no call is made before the first method.

    Without a credential: workload identity where its environment is set, else what the Azure SDK finds. A credential
    that is handed in stays open. `client_id` is that of another identity than the environment's. `locks` are shared by
    those who may write the same documents. Certificates come from the machine, or from SSL_CERT_FILE. All but the
    probes go by HTTPS_PROXY, read here and only once.
    """
    ours = tuple(filter(None, [client_id or os.environ.get("AZURE_CLIENT_ID")]))
    async with AsyncExitStack() as stack:
        trust = ssl_context()
        way_to = ways_from_environment()
        transport = shared_transport(await stack.enter_async_context(open_session(trust)), way_to)
        callers = await stack.enter_async_context(open_session(trust, endpoints.connect_to))
        shared = SharedCredential(credential or default_credential(endpoints.authority, transport, client_id))
        if credential is None:
            stack.push_async_callback(shared.close)
        graph = GraphTransport(
            await stack.enter_async_context(graph_client(trust, way_to(endpoints.graph))),
            shared,
            endpoints.graph,
            endpoints.graph_scope,
        )
        apim, web = _management_clients(endpoints, shared, transport)
        logs = logs_pipeline(endpoints.logs, shared, endpoints.logs_scope, transport)
        http = partial(Http, observe=observe_call, time=time)
        arm = partial(http, service="arm", address=endpoints.arm.rstrip("/"))
        raw = apim._send_request  # its only way to send raw requests
        yield Azure(
            apim=ApimClient(arm(transport=ArmTransport(raw)), locks),
            function_apps=FunctionAppClient(arm(transport=ArmTransport(web.send_request)), locks),
            graph=GraphClient(
                http(service="graph", address=endpoints.graph.rstrip("/"), transport=graph), graph.adapter
            ),
            identities=IdentityClient(arm(transport=ArmTransport(web.send_request))),
            resources=ResourceClient(arm(transport=ArmTransport(web.send_request))),
            probe=ProbeClient(callers, observe_call),
            logs=LogsClient(
                http(service="logs", address=endpoints.logs.rstrip("/"), transport=ArmTransport(logs.send_request))
            ),
            rights=RightsClient(
                arm(transport=ArmTransport(web.send_request)),
                shared,
                arm_scope=endpoints.arm_scope,
                graph_scope=endpoints.graph_scope,
            ),
            activity=ActivityClient(arm(transport=ArmTransport(web.send_request)), ours=ours),
        )


def _management_clients(
    endpoints: Endpoints, credential: SharedCredential, transport: AioHttpTransport
) -> tuple[ApiManagementClient, WebSiteManagementClient]:
    """Both SDK clients on our transport. Requests name their subscription themselves, so one client serves them all."""
    subscription = "any"
    options = {"base_url": endpoints.arm, "transport": transport}
    return (
        ApiManagementClient(
            credential, subscription, policies=arm_policies(credential, endpoints.arm_scope), **options
        ),
        WebSiteManagementClient(
            credential, subscription, policies=arm_policies(credential, endpoints.arm_scope), **options
        ),
    )
