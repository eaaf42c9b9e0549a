"""
Tags, what carries them (APIs, operations, products), and what an API says about those of its operations.

Source: REST reference, "Tag" (Assign To Api, Assign To Operation, Assign To Product) and "Api Tag Description".
"""

from __future__ import annotations

from azuresim.apim.entities import (
    SERVICE,
    THE_API,
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

TEXTS = ("description", "externalDocsUrl", "externalDocsDescription")
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
    ends = (f"/tags/{tag.name.lower()}", f"/tagdescriptions/{tag.name.lower()}")
    for found in world.arm.below(request.up_to("service")):
        if found.id.lower().endswith(ends) and found is not tag:
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


def description_properties(request: ArmRequest, sent: Body, existing: Document | None) -> Body:
    """What stands beside a tag in the descriptions of this API; the tag has the same name, and is there (assumed)."""
    place = f"{request.up_to('service')}/tags/{request.params['description']}"
    tag = request.world.arm.get(place)
    if tag is None:
        raise missing("Tag")
    for name in TEXTS:
        if not isinstance(sent.get(name), str | None):
            raise invalid((name, f"'{name}' is no text."))
    about = {"tagId": tag.id, "displayName": tag.properties["displayName"]}
    return {**about, **{name: sent.get(name) for name in TEXTS}}


serve(
    Entity(
        template=f"{SERVICE}/apis/{{api}}/tagDescriptions/{{description}}",
        label="TagDescription",
        normalise=description_properties,
        exclusive=THE_API,
        uncovered=UNCOVERED,
        methods=("GET", "HEAD", "PUT", "DELETE"),
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
