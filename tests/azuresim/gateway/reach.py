"""
Calls from the gateway to others: function apps, web apps, other gateways, Entra, Resource Manager, Graph; by host name.

Any other host cannot be reached, nor one that has lost its name or whose certificate has run out. A delay that a world
has for such calls counts against the timeout.

Source: techcommunity.microsoft.com/t5/azure-paas-blog, "Troubleshoot 500 BackendConnectionFailure SSL/TLS Error" (500,
forward-request, BackendConnectionFailure, and the sentence). Assumed: that of a name, which is .NET's.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING

from multidict import CIMultiDict

from azuresim.gateway.failures import INTERNAL, PolicyFailure
from azuresim.web.restrictions import ADDRESS, OUTSIDE
from azuresim.wire import HttpAnswer, HttpCall

if TYPE_CHECKING:
    from azuresim.gateway.exchange import Exchange

MOST_HOPS = 10
UNTRUSTED = (
    "The underlying connection was closed: Could not establish trust relationship for the SSL/TLS secure channel."
)
_hops: ContextVar[int] = ContextVar("hops", default=0)


async def reach(exchange: Exchange, call: HttpCall, source: str, limit: float | None = None) -> HttpAnswer:
    """The answer of whoever has that host name. Raises PolicyFailure BackendConnectionFailure or Timeout."""
    world = exchange.world
    from azuresim.services import HOSTS, REAL_NAMES, Services  # it knows all services, this one among them

    known = call.host in REAL_NAMES or call.host.endswith(tuple(HOSTS))
    name = REAL_NAMES.get(call.host) or next((n for suffix, (n, _) in HOSTS.items() if call.host.endswith(suffix)), "")
    if not known or call.scheme not in ("http", "https") or _hops.get() >= MOST_HOPS:
        error = f"{source}: no simulated backend answers at {call.host}"
        raise unconnected(error)
    if call.host in world.nameless:
        raise unconnected(f"The remote name could not be resolved: '{call.host}'")
    if call.scheme == "https" and call.host in world.outdated:
        raise unconnected(UNTRUSTED)
    if limit is not None and world.delays.of(call, name, 0.0) > limit:
        status = world.switches.apim_backend_timeout_status
        error = f"{source}: the backend did not answer within {limit:g} seconds"
        raise PolicyFailure(status, INTERNAL if status == 500 else "Gateway Timeout", reason="Timeout", error=error)
    token = _hops.set(_hops.get() + 1)  # a gateway may be its own backend
    try:
        if name == "site":
            call = call.with_(headers=sent_from(exchange, call))
        if name in ("site", "gateway"):
            await world.delay(call, name)
            return await dict(HOSTS.values())[name](call, world)
        return (await Services(world, None).handle(name, call)).answer
    finally:
        _hops.reset(token)


def unconnected(error: str) -> PolicyFailure:
    return PolicyFailure(500, INTERNAL, reason="BackendConnectionFailure", error=error)


def sent_from(exchange: Exchange, call: HttpCall) -> CIMultiDict[str]:
    """The call's headers, and the address from which a site sees this gateway call: its own, or a shared one."""
    headers = CIMultiDict(call.headers)
    own = exchange.service.properties.get("publicIPAddresses") or [OUTSIDE]
    headers[ADDRESS] = str(own[0])
    return headers
