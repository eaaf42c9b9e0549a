"""
Policy fragments: pieces of policy that documents include by name; written asynchronously, as named values are.

Sources: REST reference, "Policy Fragment"; learn.microsoft.com/azure/api-management/policy-fragments. That a used one
cannot be deleted is documented; status and text are assumed.
"""

from __future__ import annotations

from azuresim.apim.entities import (
    SERVICE,
    Entity,
    check_etag,
    check_writable,
    entity_answer,
    envelope,
    found_or_404,
    invalid,
    not_simulated,
    route,
    sent_properties,
    serve,
)
from azuresim.apim.named_values import first_answer, policies_of, polled
from azuresim.apim.policies import FORMATS, known
from azuresim.arm import ArmRequest, pretty
from azuresim.policy.accept import PolicyNotSimulated, PolicyRefused, accept_fragment
from azuresim.policy.text import read, write
from azuresim.resources import Body, Document
from azuresim.wire import ArmResponse
from azuresim.world import World

FRAGMENT = f"{SERVICE}/policyFragments/{{fragment}}"
LABEL = "PolicyFragment"
UNCOVERED = "policy fragments are not among the trimmed contracts"


def fragment_properties(request: ArmRequest, sent: Body, existing: Document | None) -> Body:
    written, text, description = sent.get("format") or "xml", sent.get("value"), sent.get("description")
    if not isinstance(written, str) or written not in FORMATS:
        raise invalid(("format", f"'{written}' is not a fragment format."))
    if not isinstance(text, str) or not text:
        raise invalid(("value", "Fragment value is required."))
    if description is not None and (not isinstance(description, str) or len(description) > 1000):
        raise invalid(("description", "'description' must have at most 1000 characters."))
    try:
        document = accept_fragment(text, FORMATS[written], known(request.world, request.up_to("service")))
    except PolicyNotSimulated as error:
        raise not_simulated(str(error)) from None
    except PolicyRefused as error:
        raise invalid(*((refusal.target, refusal.message) for refusal in error.refusals)) from None
    return {
        "value": write(document, raw=False),
        "description": description,
        "format": "xml",
        "provisioningState": "Succeeded",
    }


@route("PUT", FRAGMENT, uncovered=UNCOVERED)
def put_fragment(request: ArmRequest, world: World) -> ArmResponse:
    check_writable(request)
    existing = world.arm.get(request.id)
    check_etag(request, existing)
    properties = fragment_properties(request, sent_properties(request), existing)
    resource_id = existing.id if existing else request.id

    def done() -> None:
        world.arm.put(resource_id, envelope(resource_id, properties))

    operation = world.operations.start(request.id, on_done=done)
    return first_answer(request, operation, existing)


@route("GET", FRAGMENT, uncovered=UNCOVERED)
def get_fragment(request: ArmRequest, _: World) -> ArmResponse:
    poll = polled(request)
    if poll is not None:
        return poll
    found = found_or_404(request, LABEL)
    if request.query.get("format") != "rawxml":
        return entity_answer(found)
    properties = {
        **found.properties,
        "format": "rawxml",
        "value": write(read(found.properties["value"], raw=False), raw=True),
    }
    return ArmResponse(200, pretty(envelope(found.id, properties)), {"ETag": found.etag})


@route("POST", f"{FRAGMENT}/listReferences", uncovered=UNCOVERED)
def list_references(request: ArmRequest, world: World) -> ArmResponse:
    fragment = world.arm.get(request.up_to("fragment"))
    users = [] if fragment is None else users_of(world, request.up_to("service"), fragment)
    return ArmResponse(200, pretty({"value": [{"id": user.id} for user in users], "count": len(users)}))


def users_of(world: World, service_id: str, fragment: Document) -> list[Document]:
    named = f'fragment-id="{fragment.name}"'.lower()
    fragments = world.arm.members(f"{service_id}/policyFragments")
    return [one for one in [*policies_of(world, service_id), *fragments] if named in one.properties["value"].lower()]


def refuse_while_included(request: ArmRequest, fragment: Document) -> None:
    users = users_of(request.world, request.up_to("service"), fragment)
    if users:
        ids = ", ".join(user.id for user in users)
        raise invalid(("fragmentId", f"Policy fragment '{fragment.name}' is in use and cannot be deleted: {ids}"))


serve(
    Entity(
        template=FRAGMENT,
        label=LABEL,
        normalise=fragment_properties,
        before_delete=refuse_while_included,
        uncovered=UNCOVERED,
        methods=("HEAD", "DELETE"),
    )
)
