"""Tags: what ARM takes as tags, and `Microsoft.Resources/tags/default` at any scope."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from azuresim.arm.routes import ArmError, ArmRequest, resource_not_found, route
from azuresim.arm.versions import RESOURCES
from azuresim.resources import Document
from azuresim.wire import ArmResponse

if TYPE_CHECKING:
    from azuresim.world import World

MOST, LONGEST_NAME, LONGEST_VALUE = 50, 512, 256
FORBIDDEN = "<>%&\\?/"
UNCOVERED = "the tags API is not among the contract documents"
TAGS = "/{scope}/providers/Microsoft.Resources/tags/default"
ACTION = "Microsoft.Resources/tags"


def valid_tags(value: Any) -> dict[str, str]:
    """
    The tags as they are kept; null means none. ArmError 400 when ARM would not take them.

    Source: learn.microsoft.com/azure/azure-resource-manager/management/tag-resources (limits).
    """
    if value is None:
        return {}
    if not isinstance(value, dict) or any(not isinstance(text, str | None) for text in value.values()):
        raise ArmError(400, "InvalidRequestContent", "The request content was invalid: tags are a map of texts.")
    if len(value) > MOST:
        raise ArmError(400, "TooManyTags", f"The maximum number of tags is {MOST}; {len(value)} were given.")
    for name, text in value.items():
        if not name or len(name) > LONGEST_NAME or any(sign in name for sign in FORBIDDEN):
            raise ArmError(
                400, "InvalidTagNameCharacters", f"The tag names '{name[:100]}' have reserved characters or lengths."
            )
        if len(text or "") > LONGEST_VALUE:
            raise ArmError(400, "InvalidTagValue", f"The value of tag '{name}' exceeds {LONGEST_VALUE} characters.")
    if len({name.lower() for name in value}) < len(value):
        raise ArmError(400, "InvalidTagName", "Tag names are not case-sensitive: one of them was given twice.")
    return {name: text or "" for name, text in value.items()}


def target_of(request: ArmRequest) -> Document:
    """The subscription, group or resource whose tags these are."""
    found = request.world.arm.get("/" + request.params["scope"])
    if found is None:
        raise resource_not_found("/" + request.params["scope"])
    return found


def answer(request: ArmRequest, document: Document) -> ArmResponse:
    body = {
        "id": f"{document.id}/providers/Microsoft.Resources/tags/default",
        "name": "default",
        "type": "Microsoft.Resources/tags",
        "properties": {"tags": document.body.get("tags") or {}},
    }
    return ArmResponse(200, body)


def sent_tags(request: ArmRequest) -> dict[str, str]:
    properties = request.json.get("properties")
    if not isinstance(properties, dict):
        raise ArmError(400, "InvalidRequestContent", "The request content was invalid: 'properties' is missing.")
    return valid_tags(properties.get("tags"))


def keep(world: World, document: Document, tags: dict[str, str]) -> Document:
    return world.arm.put(document.id, document.body | {"tags": tags})


@route("GET", TAGS, versions=RESOURCES, action=f"{ACTION}/read", uncovered=UNCOVERED)
def get_tags(request: ArmRequest, world: World) -> ArmResponse:
    return answer(request, target_of(request))


@route("PUT", TAGS, versions=RESOURCES, action=f"{ACTION}/write", uncovered=UNCOVERED)
def put_tags(request: ArmRequest, world: World) -> ArmResponse:
    """All tags are these now."""
    return answer(request, keep(world, target_of(request), sent_tags(request)))


@route("PATCH", TAGS, versions=RESOURCES, action=f"{ACTION}/write", uncovered=UNCOVERED)
def patch_tags(request: ArmRequest, world: World) -> ArmResponse:
    """`operation` is Merge, Replace or Delete; a Delete takes names with their present values."""
    operation = request.json.get("operation", "Replace")
    document, sent = target_of(request), sent_tags(request)
    kept: dict[str, str] = dict(document.body.get("tags") or {})
    if operation == "Merge":
        same = {name.lower() for name in sent}
        kept = {name: text for name, text in kept.items() if name.lower() not in same} | sent
    elif operation == "Replace":
        kept = sent
    elif operation == "Delete":
        gone = {(name.lower(), text) for name, text in sent.items()}
        kept = {name: text for name, text in kept.items() if (name.lower(), text) not in gone}
    else:
        text = "The request content was invalid: 'operation' is one of Replace, Merge, Delete."
        raise ArmError(400, "InvalidRequestContent", text)
    return answer(request, keep(world, document, valid_tags(kept)))


@route("DELETE", TAGS, versions=RESOURCES, action=f"{ACTION}/delete", uncovered=UNCOVERED)
def delete_tags(request: ArmRequest, world: World) -> ArmResponse:
    keep(world, target_of(request), {})
    return ArmResponse(200)
