"""
Settings that a service has exactly one of each: the developer portal's, and direct access to the service.

Sources: REST reference, "Sign In Settings", "Sign Up Settings", "Delegation Settings", "Portal Settings" and "Tenant
Access" (listSecrets, regenerate keys).
"""

from __future__ import annotations

from azuresim.apim.entities import (
    SERVICE,
    check_etag,
    check_writable,
    entity_answer,
    envelope,
    invalid,
    listing,
    missing,
    route,
    sent_properties,
)
from azuresim.arm import ArmRequest, pretty
from azuresim.resources import Body, Document
from azuresim.wire import ArmResponse
from azuresim.world import World

UNCOVERED = "portal settings and tenant access are not among the trimmed contracts"
PORTAL = f"{SERVICE}/portalsettings"
TENANT = f"{SERVICE}/tenant"
DEFAULTS: dict[str, Body] = {
    "signin": {"enabled": False},
    "signup": {"enabled": True, "termsOfService": {"text": None, "enabled": False, "consentRequired": False}},
    "delegation": {"url": None, "subscriptions": {"enabled": False}, "userRegistration": {"enabled": False}},
}
ACCESS = {"access": "integration", "gitAccess": "git"}
KEYS = ("primaryKey", "secondaryKey")


def add_settings(world: World, service_id: str) -> None:
    """What a new service has."""
    for name, properties in DEFAULTS.items():
        place = f"{service_id}/portalsettings/{name}"
        world.arm.put(place, envelope(place, properties))
    for name, principal in ACCESS.items():
        place = f"{service_id}/tenant/{name}"
        properties = {"id": name, "principalId": principal, "enabled": False}
        world.arm.put(place, envelope(place, properties), private={key: world.hexadecimal(64) for key in KEYS})


def found(request: ArmRequest) -> Document:
    """The settings that the path names, without the action behind them; 404 for a name that nobody knows."""
    place = request.up_to("settings")
    document = request.world.arm.get(place)
    if document is None:
        raise missing("Settings")
    return document


def get(request: ArmRequest, _: World) -> ArmResponse:
    return entity_answer(found(request))


def head(request: ArmRequest, _: World) -> ArmResponse:
    return ArmResponse(200, None, {"ETag": found(request).etag})


def list_them(request: ArmRequest, world: World) -> ArmResponse:
    return listing(request, [document.body for document in world.arm.members(request.id)])


def put(request: ArmRequest, world: World) -> ArmResponse:
    """PUT and PATCH alike: what is sent replaces, what is not sent stays (assumed for PUT)."""
    check_writable(request)
    document, sent = found(request), sent_properties(request)
    check_etag(request, document)
    changes = {name: value for name, value in sent.items() if name in document.properties and name != "principalId"}
    for name, value in changes.items():
        if type(value) is not type(document.properties[name]) and None not in (value, document.properties[name]):
            raise invalid((name, f"The value of '{name}' is of the wrong type."))
    hidden = dict(document.private)
    if isinstance(sent.get("validationKey"), str):
        hidden["validationKey"] = sent["validationKey"]
    properties = {**document.properties, **changes}
    return entity_answer(world.arm.put(document.id, envelope(document.id, properties), private=hidden))


def secrets(request: ArmRequest, _: World) -> ArmResponse:
    document = found(request)
    shown = {"validationKey": None} if "portalsettings" in document.id.lower() else document.properties
    return ArmResponse(200, pretty({**shown, **document.private}), {"ETag": document.etag})


def regenerate(key: str, request: ArmRequest, world: World) -> ArmResponse:
    check_writable(request)
    document = found(request)
    world.arm.put(document.id, document.body, private={**document.private, key: world.hexadecimal(64)})
    return ArmResponse(204)


def regenerate_primary(request: ArmRequest, world: World) -> ArmResponse:
    return regenerate("primaryKey", request, world)


def regenerate_secondary(request: ArmRequest, world: World) -> ArmResponse:
    return regenerate("secondaryKey", request, world)


for place in (PORTAL, TENANT):
    one = f"{place}/{{settings}}"
    route("GET", place, uncovered=UNCOVERED)(list_them)
    for method, handler in (("GET", get), ("HEAD", head), ("PUT", put), ("PATCH", put)):
        route(method, one, uncovered=UNCOVERED)(handler)
    route("POST", f"{one}/listSecrets", uncovered=UNCOVERED)(secrets)
for name, handler in (("regeneratePrimaryKey", regenerate_primary), ("regenerateSecondaryKey", regenerate_secondary)):
    route("POST", f"{TENANT}/{{settings}}/{name}", uncovered=UNCOVERED)(handler)
