"""
Loggers, diagnostics and the debugging of single calls.

A logger's credentials go into a named value of the service's own making, and only the reference comes back.
Sources: REST reference, "Logger", "Diagnostic", "Gateway - List Debug Credentials" and "List Trace";
hashicorp/terraform-provider-azurerm tracker (credentials become `{{Logger-Credentials--…}}`).
"""

from __future__ import annotations

import re

from azuresim.apim.entities import SERVICE, THE_API, Entity, envelope, invalid, missing, route, serve
from azuresim.arm import ArmRequest, pretty
from azuresim.gateway.traces import issue_token, trace
from azuresim.resources import Body, Document, within
from azuresim.wire import ArmResponse
from azuresim.world import World

UNCOVERED = "loggers, diagnostics and debugging are not among the trimmed contracts"
LOGGER_TYPES = {"azureEventHub", "applicationInsights", "azureMonitor"}
DIAGNOSTICS = {"azuremonitor", "applicationinsights", "local"}
DIAGNOSTIC_FIELDS = (
    "alwaysLog",
    "sampling",
    "frontend",
    "backend",
    "logClientIp",
    "httpCorrelationProtocol",
    "verbosity",
    "operationNameFormat",
    "metrics",
    "largeLanguageModel",
)
SPAN = re.compile(r"^PT(?:(\d{1,3})H)?(?:(\d{1,4})M)?(?:(\d{1,5})S)?$")
LONGEST_SECONDS = 3600
MANAGED = "managed"


# --- loggers and diagnostics ------------------------------------------------------------------------------------------
def logger_properties(request: ArmRequest, sent: Body, existing: Document | None) -> Body:
    kind, credentials = sent.get("loggerType"), sent.get("credentials")
    if not isinstance(kind, str) or kind not in LOGGER_TYPES:
        raise invalid(("loggerType", f"'{kind}' is not a type of logger."))
    if credentials is not None and not (
        isinstance(credentials, dict) and all(isinstance(value, str) for value in credentials.values())
    ):
        raise invalid(("credentials", "Credentials must be texts by name."))
    if kind != "azureMonitor" and not credentials:
        raise invalid(("credentials", f"Credentials are required for a logger of type {kind}."))
    return {
        "loggerType": kind,
        "description": sent.get("description") if isinstance(sent.get("description"), str) else None,
        "credentials": {name: kept_apart(request, value) for name, value in (credentials or {}).items()} or None,
        "isBuffered": sent.get("isBuffered", True) is not False,
        "resourceId": sent.get("resourceId") if isinstance(sent.get("resourceId"), str) else None,
    }


def kept_apart(request: ArmRequest, value: str, prefix: str = "Logger-Credentials--") -> str:
    """A reference to the named value that holds it; references stay as they are."""
    if value.startswith("{{") or not value:
        return value
    world, service = request.world, request.up_to("service")
    name = f"{prefix}{world.hexadecimal(24)}"
    properties = {"displayName": name, "tags": None, "secret": True, "provisioningState": "Succeeded"}
    target = f"{service}/namedValues/{world.hexadecimal(24)}"
    world.arm.put(target, envelope(target, properties), private={"value": value})
    return f"{{{{{name}}}}}"


serve(
    Entity(template=f"{SERVICE}/loggers/{{logger}}", label="Logger", normalise=logger_properties, uncovered=UNCOVERED)
)


def diagnostic_properties(request: ArmRequest, sent: Body, existing: Document | None) -> Body:
    if request.params["diagnostic"].lower() not in DIAGNOSTICS:
        raise invalid(("diagnosticId", f"'{request.params['diagnostic']}' is not a diagnostic."))
    written, service = sent.get("loggerId"), request.up_to("service")
    full = written if isinstance(written, str) and within(written, service) else f"{service}/{str(written).strip('/')}"
    if not isinstance(written, str) or request.world.arm.get(full) is None:
        raise invalid(("loggerId", f"Logger '{written}' was not found."))
    return {"loggerId": full, **{name: sent[name] for name in DIAGNOSTIC_FIELDS if name in sent}}


for scope, exclusive in ((SERVICE, None), (f"{SERVICE}/apis/{{api}}", THE_API)):
    serve(
        Entity(
            template=f"{scope}/diagnostics/{{diagnostic}}",
            label="Diagnostic",
            normalise=diagnostic_properties,
            exclusive=exclusive,
            uncovered=UNCOVERED,
        )
    )


# --- debugging of calls -----------------------------------------------------------------------------------------------
@route("POST", f"{SERVICE}/gateways/{{gateway}}/listDebugCredentials", uncovered=UNCOVERED)
def list_debug_credentials(request: ArmRequest, world: World) -> ArmResponse:
    """A token that lets calls to one API be traced, for an hour at most."""
    the_gateway(request)
    sent = request.json
    api_id, purposes = sent.get("apiId"), sent.get("purposes")
    api = world.arm.get(api_id) if isinstance(api_id, str) and within(api_id, request.up_to("service")) else None
    if api is None:
        raise invalid(("apiId", f"API '{api_id}' was not found."))
    if not isinstance(purposes, list) or purposes != ["tracing"]:
        raise invalid(("purposes", 'The purposes must be ["tracing"].'))
    seconds = seconds_of(sent.get("credentialsExpireAfter", "PT1H"))
    return ArmResponse(200, pretty({"token": issue_token(world, request.up_to("service"), api.id, purposes, seconds)}))


def seconds_of(written: object) -> float:
    found = SPAN.match(written) if isinstance(written, str) else None
    hours, minutes, seconds = (int(part or 0) for part in found.groups()) if found else (0, 0, 0)
    total = hours * 3600 + minutes * 60 + seconds
    if not 0 < total <= LONGEST_SECONDS:
        raise invalid(("credentialsExpireAfter", "Credentials expire after a time of at most one hour, such as PT10M."))
    return float(total)


@route("POST", f"{SERVICE}/gateways/{{gateway}}/listTrace", uncovered=UNCOVERED)
def list_trace(request: ArmRequest, world: World) -> ArmResponse:
    """The trace of that id; 404 when there is none, or none yet."""
    the_gateway(request)
    wanted = request.json.get("traceId")
    found = trace(world, request.up_to("service"), wanted) if isinstance(wanted, str) else None
    if found is None:
        raise missing("Trace")
    return ArmResponse(200, pretty(found))


def the_gateway(request: ArmRequest) -> None:
    """Assumed: only the managed gateway is there; self-hosted ones are not simulated."""
    if request.params["gateway"].lower() != MANAGED:
        raise missing("Gateway")
