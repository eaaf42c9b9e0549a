"""
Traces of calls: the tokens that allow them, what is written down, how they are read.

    issue_token(world, service_id, api_id, ["tracing"], 3600) -> "aid=orders&…"       # listDebugCredentials
    trace(world, service_id, trace_id) -> {"serviceName", "traceId", "traceEntries": {"inbound": [...], …}} or None

Secrets are written as `***`: bearer tokens, subscription keys, function keys and secret named values.
Sources: learn.microsoft.com/azure/api-management/api-management-howto-api-inspector (headers, expiry, entries). The
token's form and the fields of `data` are assumed.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from azuresim.apim.named_values import value_of
from azuresim.gateway.state import DebugToken, Trace
from azuresim.resources import Document
from azuresim.wire import HttpCall
from azuresim.world import World

AUTHORIZATION = "Apim-Debug-Authorization"
TRACE_ID = "Apim-Trace-Id"
LONGEST_SECONDS = 3600
MOST_ENTRIES = 500
LONGEST_TEXT = 8192
HIDDEN = "***"
SECRET_HEADERS = frozenset(
    {"authorization", "ocp-apim-subscription-key", "x-functions-key", "apim-debug-authorization", "cookie"}
)
BEARER = re.compile(r"\b(Bearer|Basic) [A-Za-z0-9\-._~+/]+=*|\beyJ[\w-]+\.[\w-]+\.[\w-]*")


def issue_token(world: World, service_id: str, api_id: str, purposes: Collection[str], seconds: float) -> str:
    """A token that lets its holder trace calls to this API, for at most an hour."""
    expires = world.clock.timestamp() + min(seconds, LONGEST_SECONDS)
    until = world.clock.now() + timedelta(seconds=min(seconds, LONGEST_SECONDS))
    name = api_id.rstrip("/").rpartition("/")[2].partition(";")[0]
    seal = hashlib.sha256(f"{service_id}{api_id}{world.guid()}".encode()).hexdigest()
    token = f"aid={name}&p={'&p='.join(purposes)}&ex={until:%Y-%m-%dT%H:%M:%SZ}&sn={seal}"
    world.gateway.keep_token(token, DebugToken(service=service_id.lower(), api=name.lower(), expires=expires))
    return token


def trace(world: World, service_id: str, trace_id: str) -> dict[str, Any] | None:
    """The trace of that id, when this service made it and it is ready."""
    found = world.gateway.traces.get(trace_id)
    if found is None or found.service != service_id.lower() or world.clock.timestamp() < found.ready:
        return None
    return dict(found.body)


@dataclass
class Tracer:
    """The trace of a call that goes on."""

    world: World
    service: Document
    trace_id: str
    began: datetime
    secrets: tuple[str, ...] = ()
    entries: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    section: str = "inbound"
    count: int = 0

    def add(self, source: str, data: Any) -> None:
        self.count += 1
        if self.count > MOST_ENTRIES:
            return
        now = self.world.clock.now()
        entry = {
            "source": source,
            "timestamp": f"{now:%Y-%m-%dT%H:%M:%S.%f}0Z",
            "elapsed": shown_span(now - self.began),
            "data": masked(data, self.secrets),
        }
        self.entries.setdefault(self.section, []).append(entry)

    def keep(self) -> str:
        """It can be read from now on, or as much later as the switch says."""
        ready = self.world.clock.timestamp() + self.world.switches.apim_trace_ready_seconds
        body = {"serviceName": self.service.name, "traceId": self.trace_id, "traceEntries": self.entries}
        self.world.gateway.keep_trace(self.trace_id, Trace(service=self.service.id.lower(), body=body, ready=ready))
        return self.trace_id


def shown_span(span: timedelta) -> str:
    """As .NET writes a TimeSpan: `00:00:01.2500000`."""
    ticks = round(span.total_seconds() * 10_000_000)
    seconds, rest = divmod(ticks, 10_000_000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{rest:07}"


def tracer_of(
    world: World, service: Document, api: Document | None, subscription: Document | None, call: HttpCall, key: str
) -> tuple[Tracer | None, Mapping[str, str]]:
    """The tracer that the call may have, and headers that say why it has none."""
    allowed, headers = token_allows(world, service, api, call)
    old = world.switches.apim_ocp_trace and call.header("Ocp-Apim-Trace").lower() == "true"
    if old and subscription is not None and subscription.properties.get("allowTracing"):
        allowed = True
    if not allowed:
        return None, headers
    tracer = Tracer(world, service, world.guid(), world.clock.now(), secrets_of(world, service, call, key))
    return tracer, {}


def token_allows(
    world: World, service: Document, api: Document | None, call: HttpCall
) -> tuple[bool, Mapping[str, str]]:
    token = call.header(AUTHORIZATION)
    found = world.gateway.tokens.get(token) if token else None
    if found is None or found.service != service.id.lower():
        return False, {}
    if world.clock.timestamp() >= found.expires:
        until = datetime.fromtimestamp(found.expires, tz=world.clock.now().tzinfo)
        return False, {f"{AUTHORIZATION}-Expired": f"{until:%m/%d/%Y %H:%M:%S}"}
    name = api.name.partition(";")[0].lower() if api is not None else ""
    if found.api != name:
        return False, {f"{AUTHORIZATION}-WrongAPI": found.api}
    return True, {}


def secrets_of(world: World, service: Document, call: HttpCall, key: str) -> tuple[str, ...]:
    """Texts that must not be readable in a trace."""
    named = [
        value_of(found) for found in world.arm.members(f"{service.id}/namedValues") if found.properties.get("secret")
    ]
    return tuple(secret for secret in (key, call.header(AUTHORIZATION), *named) if len(secret) > 3)


def masked(data: Any, secrets: Collection[str]) -> Any:
    """The data without secrets, and with no text longer than is good."""
    if isinstance(data, dict):
        if str(data.get("name", "")).lower() in SECRET_HEADERS and "value" in data:
            return {**data, "value": HIDDEN}
        return {name: masked(value, secrets) for name, value in data.items()}
    if isinstance(data, list | tuple):
        return [masked(value, secrets) for value in data]
    if not isinstance(data, str):
        return data
    for secret in secrets:
        data = data.replace(secret, HIDDEN)
    return BEARER.sub(HIDDEN, data[:LONGEST_TEXT])


def shown_headers(headers: Mapping[str, str]) -> list[dict[str, str]]:
    """Headers as traces show them."""
    return [{"name": name, "value": value} for name, value in headers.items()]
