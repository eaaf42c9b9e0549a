"""
Version sets: how callers choose a version of an API.

Source: REST reference, "Api Version Set"; learn.microsoft.com/azure/api-management/api-management-versions.
"""

from __future__ import annotations

from azuresim.apim.entities import SERVICE, Entity, invalid, serve
from azuresim.arm import ArmRequest
from azuresim.resources import Body, Document, root_of
from azuresim.world import World

SCHEMES = {"Segment": None, "Query": "versionQueryName", "Header": "versionHeaderName"}
NAMES = ("versionQueryName", "versionHeaderName")


def version_set_properties(request: ArmRequest, sent: Body, existing: Document | None) -> Body:
    name, scheme = sent.get("displayName"), sent.get("versioningScheme")
    if not isinstance(name, str) or not 1 <= len(name) <= 100:
        raise invalid(("displayName", "Version set display name must be between 1 and 100 characters long."))
    if not isinstance(scheme, str) or scheme not in SCHEMES:
        raise invalid(("versioningScheme", f"'{scheme}' is not a versioning scheme."))
    for needed in NAMES:
        given = sent.get(needed)
        if given is not None and (not isinstance(given, str) or not 1 <= len(given) <= 100):
            raise invalid((needed, f"'{needed}' must be between 1 and 100 characters long."))
        if SCHEMES[scheme] == needed and not given:
            raise invalid((needed, f"'{needed}' is required for the versioning scheme '{scheme}'."))
    description = sent.get("description")
    if description is not None and not isinstance(description, str):
        raise invalid(("description", "'description' is no text."))
    return {
        "displayName": name,
        "description": description,
        "versioningScheme": scheme,
        "versionQueryName": sent.get("versionQueryName"),
        "versionHeaderName": sent.get("versionHeaderName"),
    }


def refuse_while_used(request: ArmRequest, version_set: Document) -> None:
    """A version set that APIs belong to stays. Assumed in status and text."""
    users = [api.name for api in members_of(request.world, version_set)]
    if users:
        raise invalid(("versionSetId", f"Version set is in use by APIs and cannot be deleted: {', '.join(users)}"))


def members_of(world: World, version_set: Document) -> list[Document]:
    service = root_of(version_set.id)
    wanted = version_set.id.lower()
    return [
        api
        for api in world.arm.members(f"{service}/apis")
        if full_id(service, api.properties.get("apiVersionSetId")).lower() == wanted
    ]


def full_id(service_id: str, written: object) -> str:
    """`/apiVersionSets/x` and `/service/…`-less ids as a whole id; empty for what is none."""
    if not isinstance(written, str) or not written:
        return ""
    return written if written.lower().startswith("/subscriptions/") else f"{service_id}/{written.strip('/')}"


serve(
    Entity(
        template=f"{SERVICE}/apiVersionSets/{{version_set}}",
        label="ApiVersionSet",
        normalise=version_set_properties,
        before_delete=refuse_while_used,
    )
)
