"""
Which part of Azure answers a call, and its answer.

The Host header chooses the gateway (`*.azure-api.net`), a function app (`*.azurewebsites.net`) or a service by its real
name (`management.azure.com`, `graph.microsoft.com`, `login.microsoftonline.com`); under any other name the path does:
`/subscriptions… /providers… /tenants… /metadata/endpoints` is ARM, `/v1.0/…` Graph, `/v1/workspaces/…/query` Log
Analytics, and what Entra serves is Entra's.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from azuresim import msi, storage_accounts
from azuresim.apim import credentials, fragments, lifecycle, schemas, service, tags, watching
from azuresim.arm.cloud import cloud_metadata
from azuresim.arm.pipeline import Handled, Pipeline
from azuresim.contract_check import ContractCheck
from azuresim.entra.signin import is_signin, signin
from azuresim.gateway.front import gateway
from azuresim.graph import graph
from azuresim.log_analytics import HOST as LOG_ANALYTICS
from azuresim.log_analytics import is_query_path, log_analytics
from azuresim.storage_queues import is_queue_path, storage_queue
from azuresim.web import site
from azuresim.wire import HttpAnswer, HttpCall
from azuresim.world import World

__all__ = ["Handled", "Services", "service_of"]

HostHandler = Callable[[HttpCall, World], Awaitable[HttpAnswer]]
PROVIDERS = (
    service,
    lifecycle,
    fragments,
    tags,
    watching,
    credentials,
    schemas,
    msi,
    storage_accounts,
)  # importing them, and web, registers their routes
HOSTS: dict[str, tuple[str, HostHandler]] = {
    ".azure-api.net": ("gateway", gateway),
    ".azurewebsites.net": ("site", site),
    ".queue.core.windows.net": ("queues", storage_queue),
    LOG_ANALYTICS: ("logs", log_analytics),
}
REAL_NAMES = {
    "management.azure.com": "arm",
    "graph.microsoft.com": "graph",
    "login.microsoftonline.com": "entra",
    "login.windows.net": "entra",
    "sts.windows.net": "entra",
    "169.254.169.254": "entra",
}
METADATA = "metadata/endpoints"
ARM_PREFIXES = ("/subscriptions", "/providers", "/tenants", f"/{METADATA}")


def service_of(call: HttpCall) -> str:
    """arm, graph, entra, gateway, site, queues, logs, or "" for what nobody serves."""
    real = REAL_NAMES.get(call.host)
    if real is not None:
        return real
    for suffix, (name, _) in HOSTS.items():
        if call.host.endswith(suffix):
            return name
    path = "/" + call.path.lower().lstrip("/")
    if path.startswith(ARM_PREFIXES):
        return "arm"
    if path.startswith(("/v1.0/", "/beta/")):
        return "graph"
    if is_query_path(path):
        return "logs"
    if is_queue_path(path):
        return "queues"
    return "entra" if is_signin(path) else ""


class Services:
    """All of them for one world; what departs from a contract is noted by `check`."""

    def __init__(self, world: World, check: ContractCheck | None) -> None:
        self._world, self._check, self._arm = world, check, Pipeline(world)

    def handle(self, service: str, call: HttpCall) -> Awaitable[Handled]:
        return self._resource_manager(call) if service == "arm" else self._other(service, call)

    async def _other(self, service: str, call: HttpCall) -> Handled:
        await self._world.delay(call, service)
        if service == "entra":
            return Handled(signin(call, self._world))
        if service == "graph":
            return self._graph(call)
        handler = next((handler for name, handler in HOSTS.values() if name == service), nobody)
        return Handled(await handler(call, self._world))

    async def _resource_manager(self, call: HttpCall) -> Handled:
        if call.path.strip("/").lower() == METADATA:
            return Handled(HttpAnswer.json(200, cloud_metadata(call, self._world)))
        handled = await self._arm.handle(call)
        if handled.route is not None and handled.caller is not None:
            self._world.events.raised(call, handled.route, handled.caller, handled.answer)
            if self._check is not None:
                self._check.arm(call, handled.route, handled.params, handled.answer)
        return handled

    def _graph(self, call: HttpCall) -> Handled:
        answer, caller = graph(call, self._world)
        if self._check is not None:
            self._check.graph(call, answer)
        return Handled(answer, caller=caller)


async def nobody(call: HttpCall, world: World) -> HttpAnswer:
    """A name and a path that nothing simulated answers to: 404, and counted."""
    world.missing[f"{call.method} {call.host}{call.path}: no simulated service"] += 1
    return HttpAnswer.text(404, "No simulated service answers here.")
