"""
The policy entities of a service, its products, APIs and operations: always named `policy`, one ETag per stored content.

What is sent is checked (`policies`), stored as API Management writes it (`apim_policy_text`) and answered with format
`xml`; `?format=rawxml` on GET shows expressions verbatim.
Sources: Azure/azure-cli recordings test_apim_policy and test_apim_api_policy; Azure/azure-service-operator recording
Test_ApiManagement_20240501_CRUD; REST reference, "API Policy".
"""

from __future__ import annotations

from functools import lru_cache

from azuresim.apim.entities import (
    SERVICE,
    THE_API,
    check_etag,
    check_parent,
    check_writable,
    entity_answer,
    envelope,
    found_or_404,
    invalid,
    listing,
    not_simulated,
    route,
    sent_properties,
    store,
)
from azuresim.apim.named_values import named_values
from azuresim.arm import ArmError, ArmRequest, pretty
from azuresim.policy.accept import Known, PolicyNotSimulated, PolicyRefused, accept
from azuresim.policy.text import PolicyText, read, write
from azuresim.resources import Body, Document
from azuresim.wire import ArmResponse
from azuresim.world import World

LABEL = "PoliciesConfiguration"
FORMATS = {"xml": False, "rawxml": True}
SCOPES = ("operation", "api", "product")
LINKS = ("xml-link", "rawxml-link")
LIMIT, CONSUMPTION_LIMIT = 256 * 1024, 16 * 1024
UNCOVERED = "global and product policies are not among the trimmed contracts"


def put_policy(request: ArmRequest, _: World) -> ArmResponse:
    check_writable(request)
    check_parent(request, request.id.rpartition("/")[0])
    if request.params["policy"].lower() != "policy":
        raise ArmError(400, "BadRequest", "", None, indented=True)
    existing = request.world.arm.get(request.id)
    check_etag(request, existing)
    document = accepted(request, sent_properties(request))
    stored = store(request, {"format": "xml", "value": write(document, raw=False)})
    return entity_answer(stored, 200 if existing else 201)


def accepted(request: ArmRequest, sent: Body) -> PolicyText:
    """The document that was sent, or the service's refusal of it."""
    written, text = sent.get("format") or "xml", sent.get("value")
    if not isinstance(written, str):
        raise invalid(("format", "The format is no text."))
    if written in LINKS:
        raise not_simulated(f"policies in format {written}")
    if written not in FORMATS:
        raise invalid(("format", f"'{written}' is not a policy format."))
    if not isinstance(text, str) or not text:
        raise invalid(("value", "Policy value is required."))
    try:
        scope = next((name for name in SCOPES if name in request.params), "global")
        return accept(text, FORMATS[written], known(request.world, request.up_to("service"), scope))
    except PolicyNotSimulated as error:
        raise not_simulated(str(error)) from None
    except PolicyRefused as error:
        raise invalid(*((refusal.target, refusal.message) for refusal in error.refusals)) from None


def known(world: World, service_id: str, scope: str | None = None) -> Known:
    """What a document of this service may refer to, and how large it may be (smaller on Consumption)."""
    consumption = world.arm.need(service_id).body["sku"]["name"] == "Consumption"
    return Known(
        backends=frozenset(backend.name for backend in world.arm.members(f"{service_id}/backends")),
        named_values=named_values(world, service_id),
        max_bytes=CONSUMPTION_LIMIT if consumption else LIMIT,
        fragments=frozenset(fragment.name for fragment in world.arm.members(f"{service_id}/policyFragments")),
        scope=scope,
    )


def get_policy(request: ArmRequest, _: World) -> ArmResponse:
    found = found_or_404(request, LABEL)
    written = request.query.get("format", "xml")
    if written not in FORMATS:
        raise invalid(("format", f"'{written}' is not a format in which policies are answered."))
    if written == "xml":
        return entity_answer(found)
    properties = {"format": "rawxml", "value": verbatim(found.properties["value"])}
    return ArmResponse(200, pretty(envelope(found.id, properties)), {"ETag": found.etag})


def policy_text(policy: Document) -> PolicyText:
    return read(policy.properties["value"], raw=False)


@lru_cache(maxsize=1024)
def verbatim(stored: str) -> str:
    """The same document with its expressions as people write them; what is asked for again is not read again."""
    return write(read(stored, raw=False), raw=True)


def head_policy(request: ArmRequest, _: World) -> ArmResponse:
    return ArmResponse(200, None, {"ETag": found_or_404(request, LABEL).etag})


def delete_policy(request: ArmRequest, world: World) -> ArmResponse:
    check_writable(request)
    existing = world.arm.get(request.id)
    if existing is None:
        return ArmResponse(204)
    check_etag(request, existing)
    world.arm.delete(request.id)
    return ArmResponse(200)


def list_policies(request: ArmRequest, world: World) -> ArmResponse:
    check_parent(request, request.id)
    return listing(request, [policy.body for policy in world.arm.members(request.id)])


def serve_policies(scope: str, *, exclusive: str | None = None, uncovered: str | None = None) -> None:
    """The five routes of the policy entity at one scope."""
    route("GET", f"{scope}/policies", uncovered=uncovered)(list_policies)
    one = f"{scope}/policies/{{policy}}"
    route("GET", one, uncovered=uncovered)(get_policy)
    route("HEAD", one, uncovered=uncovered)(head_policy)
    route("PUT", one, exclusive=exclusive, uncovered=uncovered)(put_policy)
    route("DELETE", one, exclusive=exclusive, uncovered=uncovered)(delete_policy)


serve_policies(SERVICE, uncovered=UNCOVERED)
serve_policies(f"{SERVICE}/products/{{product}}", uncovered=UNCOVERED)
serve_policies(f"{SERVICE}/apis/{{api}}", exclusive=THE_API)
serve_policies(f"{SERVICE}/apis/{{api}}/operations/{{operation}}", exclusive=THE_API)


def policy_at(world: World, scope_id: str) -> PolicyText | None:
    """The document that stands at a scope, for the gateway."""
    found = world.arm.get(f"{scope_id}/policies/policy")
    return None if found is None else policy_text(found)
