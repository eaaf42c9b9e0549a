"""
Tags, and what carries them: APIs, operations, products.

Source: REST reference, "Tag" (Assign To Api, Assign To Operation, Assign To Product).
"""

from __future__ import annotations

from azuresim.apim.entities import (
    SERVICE,
    Entity,
    check_parent,
    check_writable,
    entity_answer,
    envelope,
    invalid,
    listing,
    missing,
    route,
    serve,
)
from azuresim.arm import ArmRequest
from azuresim.resources import Body, Document
from azuresim.wire import ArmResponse
from azuresim.world import World

UNCOVERED = "tags are not among the trimmed contracts"
CARRIERS = (
    f"{SERVICE}/apis/{{api}}",
    f"{SERVICE}/apis/{{api}}/operations/{{operation}}",
    f"{SERVICE}/products/{{product}}",
)


def tag_properties(request: ArmRequest, sent: Body, existing: Document | None) -> Body:
    name = sent.get("displayName")
    if not isinstance(name, str) or not 1 <= len(name) <= 160:
        raise invalid(("displayName", "Tag display name must be between 1 and 160 characters long."))
    return {"displayName": name}


def take_off(request: ArmRequest, tag: Document) -> None:
    """Whatever carried the tag carries it no more."""
    world = request.world
    for found in world.arm.below(request.up_to("service")):
        if found.id.lower().endswith(f"/tags/{tag.name.lower()}") and found is not tag:
            world.arm.delete(found.id)


serve(
    Entity(
        template=f"{SERVICE}/tags/{{tag}}",
        label="Tag",
        normalise=tag_properties,
        before_delete=take_off,
        uncovered=UNCOVERED,
    )
)


def the_tag(request: ArmRequest) -> Document:
    """The tag of the path; 404 for it, or for what should carry it."""
    check_parent(request, request.id.rpartition("/")[0])
    tag = request.world.arm.get(f"{request.up_to('service')}/tags/{request.params['tag']}")
    if tag is None:
        raise missing("Tag")
    return tag


def assign(request: ArmRequest, world: World) -> ArmResponse:
    check_writable(request)
    tag = the_tag(request)
    there = world.arm.get(request.id)
    world.arm.put(request.id, envelope(request.id, {"displayName": tag.properties["displayName"]}))
    return entity_answer(tag, 200 if there else 201)


def get_assigned(request: ArmRequest, world: World) -> ArmResponse:
    tag = the_tag(request)
    if world.arm.get(request.id) is None:
        raise missing("Tag")
    return entity_answer(tag)


def head_assigned(request: ArmRequest, world: World) -> ArmResponse:
    return ArmResponse(200, None, dict(get_assigned(request, world).headers))


def unassign(request: ArmRequest, world: World) -> ArmResponse:
    check_writable(request)
    return ArmResponse(200 if world.arm.delete(request.id) else 204)


def list_assigned(request: ArmRequest, world: World) -> ArmResponse:
    check_parent(request, request.id)
    return listing(request, [carried.body for carried in world.arm.members(request.id)])


for carrier in CARRIERS:
    route("GET", f"{carrier}/tags", uncovered=UNCOVERED)(list_assigned)
    for method, handler in (("PUT", assign), ("GET", get_assigned), ("HEAD", head_assigned), ("DELETE", unassign)):
        route(method, f"{carrier}/tags/{{tag}}", uncovered=UNCOVERED)(handler)
