"""
Backends: where the gateway sends calls, with the credentials it adds.

Synchronous; credentials come back as stored (`{{named value}}` stays a reference), unset title and description as null.
Source: Azure/azure-service-operator recording Test_ApiManagement_20240501_CRUD; REST reference, "Backend".
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from azuresim.apim.entities import SERVICE, Entity, check_writable, invalid, missing, not_simulated, route, serve
from azuresim.arm import ArmRequest
from azuresim.policy.accept import backends_in
from azuresim.policy.text import read
from azuresim.resources import Body, Document
from azuresim.wire import ArmResponse
from azuresim.world import World

BACKEND_ID = re.compile(r"^\w(?:[\w-]{0,78}\w)?$")
KEPT = (
    "title",
    "description",
    "resourceId",
    "credentials",
    "proxy",
    "tls",
    "url",
    "protocol",
    "circuitBreaker",
    "type",
)


def backend_properties(request: ArmRequest, sent: Body, existing: Document | None) -> Body:
    if existing is None and not BACKEND_ID.match(request.params["backend"]):
        raise invalid(("backendId", "Backend identifier must be 1 to 80 word characters or inner hyphens."))
    if sent.get("pool") or sent.get("type") == "Pool":
        raise not_simulated("backend pools")
    check_url(sent.get("url"))
    if sent.get("protocol") not in ("http", "soap"):
        raise invalid(("protocol", "Backend protocol must be 'http' or 'soap'."))
    stored = {name: sent[name] for name in KEPT if sent.get(name) is not None}
    return {"title": None, "description": None, **stored}


def check_url(url: object) -> None:
    if not isinstance(url, str) or not 1 <= len(url) <= 2000:
        raise invalid(("url", "Backend URL must be between 1 and 2000 characters long."))
    if urlsplit(url).scheme not in ("http", "https") and "{{" not in url:
        raise invalid(("url", f"'{url}' is not a valid absolute URL."))


def refuse_while_referenced(request: ArmRequest, backend: Document) -> None:
    """Policies that name a backend protect it, if the switch says so: only the opposite direction is documented."""
    if not request.world.switches.apim_policy_protects_backend:
        return
    if backend.name in used_backends(request.world, request.up_to("service"), backend.name):
        raise invalid(("backendId", f"Backend '{backend.name}' is in use by a policy and cannot be deleted."))


def used_backends(world: World, service_id: str, name: str) -> set[str]:
    """The backends that policies name, of those policies that mention this one at all: reading all takes long."""
    policies = [found for found in world.arm.below(service_id) if found.body["type"].endswith("/policies")]
    texts = [text for policy in policies if name in (text := policy.properties["value"])]
    return {found for text in texts for found in backends_in(read(text, raw=False))}


BACKENDS = Entity(
    template=f"{SERVICE}/backends/{{backend}}",
    label="Backend",
    normalise=backend_properties,
    before_delete=refuse_while_referenced,
)
serve(BACKENDS)


@route("POST", f"{SERVICE}/backends/{{backend}}/reconnect", uncovered="reconnect is not among the trimmed contracts")
def reconnect(request: ArmRequest, _: World) -> ArmResponse:
    check_writable(request)
    if request.world.arm.get(request.up_to("backend")) is None:
        raise missing("Backend")
    return ArmResponse(202)
