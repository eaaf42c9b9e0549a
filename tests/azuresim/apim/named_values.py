"""
Named values: asynchronous to write, silent about secrets when read.

A PUT answers 201 or 200 with nothing but `properties.ProvisioningState` (capital P), `Azure-AsyncOperation` and
`Location`; the value is in force when the operation has succeeded. A failed create leaves nothing, a failed update the
old value. `world.switches.apim_named_value_writes` chooses between this, the older 202 with Location only, and the
variant whose async URL answers the resource.
Sources: Azure/azure-service-operator recording Test_ApiManagement_20240501_CRUD; Azure/azure-cli recording
test_apim_named_value; Azure/azure-sdk-for-python tracker; Azure/apiops-cli tracker;
learn.microsoft.com/azure/api-management/api-management-howto-properties.
"""

from __future__ import annotations

import re

from azuresim.apim.entities import (
    SERVICE,
    Entity,
    check_etag,
    check_writable,
    entity_answer,
    envelope,
    found_or_404,
    invalid,
    missing,
    route,
    sent_properties,
    serve,
)
from azuresim.apim.vault_secrets import read_secret
from azuresim.arm import ArmRequest, pretty
from azuresim.operations import Operation
from azuresim.policy.accept import NAMED_VALUE, named_values_in
from azuresim.policy.text import read
from azuresim.resources import Body, Document
from azuresim.wire import ArmResponse
from azuresim.world import World

NAMED = f"{SERVICE}/namedValues/{{named_value}}"
DISPLAY_NAME = re.compile(r"^[A-Za-z0-9\-._]{1,256}$")
LABEL = "NamedValue"
POLLS = "polls of operations are not among the trimmed contracts"


def named_value_properties(request: ArmRequest, sent: Body, existing: Document | None) -> Body:
    """What GET shows once the write has succeeded; raises for what is refused at once."""
    name = sent.get("displayName")
    if not isinstance(name, str) or not DISPLAY_NAME.match(name):
        raise invalid(("displayName", "Display name may contain only letters, digits, '-', '.' and '_' (1 to 256)."))
    for other in request.world.arm.members(f"{request.up_to('service')}/namedValues"):
        if other.properties["displayName"] == name and other.name.lower() != request.params["named_value"].lower():
            raise invalid(("displayName", f"Named value with display name '{name}' already exists."))
    check_tags(sent.get("tags"))
    secret = bool(sent.get("secret", False))
    shown: Body = {} if secret else {"value": sent.get("value")}
    if sent.get("keyVault"):
        secret, shown = True, {"keyVault": sent["keyVault"]}
    elif not isinstance(sent.get("value"), str) or not 1 <= len(sent["value"]) <= 4096:
        raise invalid(("value", "Value is required and must have at most 4096 characters."))
    return {
        "displayName": name,
        **shown,
        "tags": sent.get("tags"),
        "secret": secret,
        "provisioningState": "Succeeded",
    }


def check_tags(tags: object) -> None:
    """At most 32 texts."""
    if tags is not None and not (isinstance(tags, list) and len(tags) <= 32 and all(isinstance(t, str) for t in tags)):
        raise invalid(("tags", "Tags must be a list of at most 32 texts."))


def with_secret(request: ArmRequest, sent: Body) -> Body:
    """What was sent, with the value of the key vault's secret that it names; the state of that look with it."""
    if not sent.get("keyVault"):
        return sent
    value, shown = read_secret(request, sent["keyVault"])
    return {**sent, "value": value, "keyVault": shown}


def value_of(named_value: Document) -> str:
    return str(named_value.private["value"])


def named_values(world: World, service_id: str) -> dict[str, str]:
    """Display names with their values, for policies and backends."""
    return {
        found.properties["displayName"]: value_of(found) for found in world.arm.members(f"{service_id}/namedValues")
    }


# --- writes -----------------------------------------------------------------------------------------------------------
@route("PUT", NAMED)
def put_named_value(request: ArmRequest, _: World) -> ArmResponse:
    check_writable(request)
    existing = request.world.arm.get(request.id)
    check_etag(request, existing)
    return begin(request, with_secret(request, sent_properties(request)), existing)


@route("PATCH", NAMED)
def patch_named_value(request: ArmRequest, _: World) -> ArmResponse:
    check_writable(request)
    existing = found_or_404(request, LABEL)
    check_etag(request, existing)
    sent = with_secret(request, sent_properties(request))
    merged = {**existing.properties, "value": value_of(existing), **sent}
    if "value" in sent and "keyVault" not in sent:
        merged.pop("keyVault", None)
    operation = started(request, named_value_properties(request, merged, existing), merged["value"])
    return ArmResponse(202, None, {"Location": location(request, operation, 200), **operation.retry_headers()})


def begin(request: ArmRequest, sent: Body, existing: Document | None) -> ArmResponse:
    """The first answer to a PUT, in the form that the switch chooses."""
    operation = started(request, named_value_properties(request, sent, existing), sent["value"])
    return first_answer(request, operation, existing)


def first_answer(request: ArmRequest, operation: Operation, existing: Document | None) -> ArmResponse:
    """What a PUT that takes a while answers first, in the form that the switch chooses."""
    code = 200 if existing else 201
    where = location(request, operation, code)
    mode = request.world.switches.apim_named_value_writes
    if mode == "accepted":
        return ArmResponse(202, None, {"Location": where, **operation.retry_headers()})
    status_url = f"{request.up_to('service')}/tenant/operationResults/{operation.id}"
    if mode == "resource":
        status_url = f"{request.id}?azure-asyncId={operation.id}"
    partial = envelope(existing.id if existing else request.id, {"ProvisioningState": "InProgress"})
    headers = {"Azure-AsyncOperation": request.absolute(status_url), "Location": where}
    return ArmResponse(code, pretty(partial), headers)


def started(request: ArmRequest, properties: Body, value: str) -> Operation:
    world, resource_id = request.world, request.id

    def settle() -> None:
        before = world.arm.get(resource_id)
        old = before.properties["displayName"] if before else properties["displayName"]
        world.arm.put(resource_id, envelope(before.id if before else resource_id, properties), private={"value": value})
        rename(world, request.up_to("service"), old, properties["displayName"])

    operation = world.operations.start(resource_id, on_done=settle)
    if world.switches.apim_named_value_writes_fail:
        message = "Named value could not be saved."
        operation.fail("ValidationError", "One or more fields contain incorrect values:", [{"message": message}])
    return operation


def location(request: ArmRequest, operation: Operation, code: int) -> str:
    return request.absolute(f"{request.id}?asyncId={operation.id}&asyncCode={code}")


def rename(world: World, service_id: str, old: str, new: str) -> None:
    """Policies that name the value follow its new display name, and get new ETags by that."""
    if old == new:
        return
    for policy in policies_of(world, service_id):
        value = policy.properties["value"].replace(f"{{{{{old}}}}}", f"{{{{{new}}}}}")
        document = {**policy.body, "properties": {**policy.properties, "value": value}}
        world.arm.put(policy.id, document)


def policies_of(world: World, service_id: str) -> list[Document]:
    return [found for found in world.arm.below(service_id) if found.body["type"].endswith("/policies")]


# --- reads ------------------------------------------------------------------------------------------------------------
@route("GET", NAMED)
def get_named_value(request: ArmRequest, _: World) -> ArmResponse:
    """The named value; with `asyncId` or `azure-asyncId`, how its write goes."""
    return polled(request) or entity_answer(found_or_404(request, LABEL))


def polled(request: ArmRequest) -> ArmResponse | None:
    """How the write goes that `asyncId` or `azure-asyncId` names; None when it is a plain look."""
    operations = request.world.operations
    query = request.query
    if poll := query.get("asyncId"):
        code = 201 if query.get("asyncCode") == "201" else 200
        answer = operations.location(poll, lambda: entity_answer(request.world.arm.need(request.id), code))
        if answer is not None:
            return answer
    if request.world.arm.get(request.id) is None:  # a first write may be under way, of which this look counts as a poll
        running = operations.running(request.id)
        operations.seen(request.id)
        if running and "azure-asyncId" in query:
            return ArmResponse(200, pretty(envelope(request.id, {"ProvisioningState": "InProgress"})))
        raise missing(LABEL)
    return None


@route("POST", f"{NAMED}/refreshSecret")
def refresh_secret(request: ArmRequest, world: World) -> ArmResponse:
    """The value of the key vault's secret is read again; an operation."""
    check_writable(request)
    named_value = world.arm.get(request.up_to("named_value"))
    if named_value is None:
        raise missing(LABEL)
    if not named_value.properties.get("keyVault"):
        raise invalid(("keyVault", "Only a named value from a key vault can be refreshed."))
    value, shown = read_secret(request, named_value.properties["keyVault"])
    body = {**named_value.body, "properties": {**named_value.properties, "keyVault": shown}}

    def done() -> None:
        world.arm.put(body["id"], body, private={"value": value})

    operation = world.operations.start(named_value.id, on_done=done)
    where = request.absolute(f"{named_value.id}?asyncId={operation.id}&asyncCode=200")
    return ArmResponse(202, None, {"Location": where, **operation.retry_headers()})


@route("GET", f"{SERVICE}/tenant/operationResults/{{operation}}", uncovered=POLLS)
def operation_result(request: ArmRequest, _: World) -> ArmResponse:
    answer = request.world.operations.status(request.params["operation"])
    if answer is None:
        raise missing("Operation")
    return answer


@route("POST", f"{NAMED}/listValue")
def list_value(request: ArmRequest, _: World) -> ArmResponse:
    found = request.world.arm.get(request.up_to("named_value"))
    if found is None:
        raise missing(LABEL)
    return ArmResponse(200, pretty({"value": value_of(found)}), {"ETag": found.etag})


def refuse_while_referenced(request: ArmRequest, named_value: Document) -> None:
    """A named value that a policy uses stays (documented; status and text are assumed)."""
    name = named_value.properties["displayName"]
    world, service_id = request.world, request.up_to("service")
    mentioning = (policy for policy in policies_of(world, service_id) if name in policy.properties["value"])
    users = [policy.id for policy in mentioning if name in names_in(policy)]
    if world.switches.apim_backend_protects_named_value:
        backends = world.arm.members(f"{service_id}/backends")
        users += [found.id for found in backends if name in NAMED_VALUE.findall(str(found.properties))]
    if users:
        raise invalid(("displayName", f"Named value '{name}' is in use and cannot be deleted: {', '.join(users)}"))


def names_in(policy: Document) -> set[str]:
    return named_values_in(read(policy.properties["value"], raw=False))


serve(
    Entity(
        template=NAMED,
        label=LABEL,
        normalise=named_value_properties,
        before_delete=refuse_while_referenced,
        methods=("HEAD", "DELETE"),
    )
)
