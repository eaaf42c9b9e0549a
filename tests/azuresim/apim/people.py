"""
Users and groups of a service, and which products a group may see.

Three groups are built in, and one user, number 1, who made the service.
Sources: REST reference, "Group", "User", "Group User" and "Product Group";
learn.microsoft.com/azure/api-management/api-management-howto-create-groups (built-in groups, administrators see every
product). The texts of refusals are assumed.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from azuresim.apim.entities import (
    SERVICE,
    Entity,
    check_writable,
    entity_answer,
    envelope,
    invalid,
    listing,
    missing,
    not_simulated,
    route,
    serve,
)
from azuresim.arm import ArmRequest
from azuresim.resources import Body, Document
from azuresim.wire import ArmResponse
from azuresim.world import World

UNCOVERED = "users and groups are not among the trimmed contracts"
GROUP = f"{SERVICE}/groups/{{group}}"
USER = f"{SERVICE}/users/{{user}}"
BUILT_IN = {
    "administrators": "Administrators is a built-in group containing the admin email account provided at the time of "
    "service creation. Its membership is managed by the system.",
    "developers": "Developers is a built-in group. Its membership is managed by the system. Signed-in users fall into "
    "this group.",
    "guests": "Guests is a built-in group. Its membership is managed by the system. Unauthenticated users visiting the "
    "developer portal fall into this group.",
}
STATES = ("active", "blocked", "pending")
KINDS = ("custom", "external")


def add_people(world: World, service_id: str) -> None:
    """The built-in groups, and the administrator in two of them."""
    for name, text in BUILT_IN.items():
        about = {"displayName": name.capitalize(), "description": text, "builtIn": True, "type": "system"}
        place = f"{service_id}/groups/{name}"
        world.arm.put(place, envelope(place, {**about, "externalId": None}))
    mail = world.arm.need(service_id).properties["publisherEmail"]
    user = f"{service_id}/users/1"
    world.arm.put(user, envelope(user, user_body(world, {"email": mail, "firstName": "Administrator", "lastName": ""})))
    for name in ("administrators", "developers"):
        member = f"{service_id}/groups/{name}/users/1"
        world.arm.put(member, envelope(member, {"of": user}))


def user_body(world: World, sent: Body, existing: Document | None = None) -> Body:
    return {
        "firstName": sent["firstName"],
        "lastName": sent["lastName"],
        "email": sent["email"],
        "state": sent.get("state") or "active",
        "registrationDate": existing.properties["registrationDate"] if existing else world.clock.stamp(),
        "note": sent.get("note"),
        "identities": sent.get("identities") or [{"provider": "Basic", "id": sent["email"]}],
    }


def user_properties(request: ArmRequest, sent: Body, existing: Document | None) -> Body:
    for name in ("email", "firstName", "lastName"):
        if not isinstance(sent.get(name), str) or (name == "email" and "@" not in sent[name]):
            raise invalid((name, f"User {name} is required."))
    if sent.get("state") not in (None, *STATES):
        raise invalid(("state", f"'{sent['state']}' is not a state of a user."))
    taken = (
        user.properties["email"].lower() for user in request.world.arm.members(f"{request.up_to('service')}/users")
    )
    if sent["email"].lower() in taken and (existing is None or existing.properties["email"] != sent["email"]):
        raise invalid(("email", "A user with this email already exists."))
    return user_body(request.world, sent, existing)


def group_properties(request: ArmRequest, sent: Body, existing: Document | None) -> Body:
    name, kind = sent.get("displayName"), sent.get("type") or "custom"
    if not isinstance(name, str) or not 1 <= len(name) <= 300:
        raise invalid(("displayName", "Group display name must be between 1 and 300 characters long."))
    if existing is not None and existing.properties["builtIn"]:
        raise invalid((None, "A built-in group cannot be changed."))
    if kind not in KINDS:
        raise invalid(("type", f"'{kind}' is not a type of group that can be made."))
    about = {"displayName": name, "description": sent.get("description"), "builtIn": False, "type": kind}
    return {**about, "externalId": sent.get("externalId")}


def forget_group(request: ArmRequest, group: Document) -> None:
    """Products show it no more; a built-in one stays."""
    if group.properties["builtIn"]:
        raise invalid((None, "A built-in group cannot be deleted."))
    unlink(request, "products", f"groups/{group.name}")


def forget_user(request: ArmRequest, user: Document) -> None:
    """
    It leaves its groups, and its subscriptions go along when that was asked for; the administrator stays.

    Source: REST reference, "User - Delete" (`deleteSubscriptions`). Assumed: without it, they stay without an owner.
    """
    if user.name == "1":
        raise invalid((None, "The administrator cannot be deleted."))
    unlink(request, "groups", f"users/{user.name}")
    along = request.query.get("deleteSubscriptions", "").lower() == "true"
    for held in subscriptions_held(request, user):
        if along:
            request.world.arm.delete(held.id)
        else:
            left = {name: value for name, value in held.properties.items() if name != "ownerId"}
            request.world.arm.put(held.id, held.body | {"properties": left})


def unlink(request: ArmRequest, owners: str, member: str) -> None:
    arm = request.world.arm
    for owner in arm.members(f"{request.up_to('service')}/{owners}"):
        arm.delete(f"{owner.id}/{member}")


def subscriptions_held(request: ArmRequest, user: Document) -> list[Document]:
    found = request.world.arm.members(f"{request.up_to('service')}/subscriptions")
    return [one for one in found if str(one.properties.get("ownerId")).lower() == user.id.lower()]


serve(
    Entity(template=GROUP, label="Group", normalise=group_properties, before_delete=forget_group, uncovered=UNCOVERED)
)
serve(
    Entity(
        template=USER,
        label="User",
        normalise=user_properties,
        before_delete=forget_user,
        uncovered=UNCOVERED,
    )
)


# --- who belongs to what ----------------------------------------------------------------------------------------------
def link(owner: str, of: str, collection: str, label: str, owner_label: str) -> None:
    """
    Routes of links below `owner`: PUT answers the linked entity, HEAD tells whether it is linked, the list shows all.

    `of` is the collection of the service in which the linked ones are.
    """
    one = f"{owner}/{collection}/{{{collection}}}"

    def ends(request: ArmRequest) -> Document:
        if request.world.arm.get(request.id.rpartition(f"/{collection}/")[0]) is None:
            raise missing(owner_label)
        found = request.world.arm.get(f"{request.up_to('service')}/{of}/{request.params[collection]}")
        if found is None:
            raise missing(label)
        return found

    def put(request: ArmRequest, world: World) -> ArmResponse:
        check_writable(request)
        found, known = ends(request), world.arm.get(request.id)
        world.arm.put(request.id, envelope(request.id, {"of": found.id}))
        return entity_answer(found, 200 if known else 201)

    def head(request: ArmRequest, world: World) -> ArmResponse:
        ends(request)
        if world.arm.get(request.id) is None:
            raise missing(label)
        return ArmResponse(204)

    def delete(request: ArmRequest, world: World) -> ArmResponse:
        check_writable(request)
        return ArmResponse(200 if world.arm.delete(request.id) else 204)

    def list_them(request: ArmRequest, world: World) -> ArmResponse:
        if world.arm.get(request.id.rpartition("/")[0]) is None:
            raise missing(owner_label)
        return listing(request, linked(world, request.id))

    for method, handler in (("PUT", put), ("HEAD", head), ("DELETE", delete)):
        route(method, one, uncovered=UNCOVERED)(handler)
    route("GET", f"{owner}/{collection}", uncovered=UNCOVERED)(list_them)


def linked(world: World, collection_id: str) -> Iterable[Body]:
    """The bodies of what is linked there and still exists."""
    found = (world.arm.get(member.properties["of"]) for member in world.arm.members(collection_id))
    return [document.body for document in found if document is not None]


link(GROUP, "users", "users", "User", "Group")
link(f"{SERVICE}/products/{{product}}", "groups", "groups", "Group", "Product")


@route("GET", f"{USER}/groups", uncovered=UNCOVERED)
def groups_of_user(request: ArmRequest, world: World) -> ArmResponse:
    user, service = the_user(request), request.up_to("service")
    groups = world.arm.members(f"{service}/groups")
    return listing(request, [group.body for group in groups if world.arm.get(f"{group.id}/users/{user.name}")])


@route("GET", f"{USER}/subscriptions", uncovered=UNCOVERED)
def subscriptions_of_user(request: ArmRequest, world: World) -> ArmResponse:
    return listing(request, [one.body for one in subscriptions_held(request, the_user(request))])


@route("GET", f"{USER}/identities", uncovered=UNCOVERED)
def identities_of_user(request: ArmRequest, world: World) -> ArmResponse:
    """How the user signs in. Source: REST reference, "User Identities - List"."""
    return listing(request, the_user(request).properties["identities"])


def the_user(request: ArmRequest) -> Document:
    found = request.world.arm.get(request.up_to("user"))
    if found is None:
        raise missing("User")
    return found


def loud(what: str, request: ArmRequest, _: World) -> ArmResponse:
    the_user(request)
    raise not_simulated(what)


route("POST", f"{USER}/token", uncovered=UNCOVERED)(partial(loud, "tokens of users"))
route("POST", f"{USER}/generateSsoUrl", uncovered=UNCOVERED)(partial(loud, "single sign-on of users"))
