"""
What `/resources` lists: every tracked resource of a group or a subscription, in the short form of lists.

Regions go by their plain names there, whatever the provider itself shows (assumed; `az resource list --location` sends
the plain name and expects every provider's resources).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from azuresim.arm.filters import parsed
from azuresim.arm.paging import argument, page
from azuresim.arm.regions import plain
from azuresim.arm.routes import ArmError, ArmRequest, route
from azuresim.arm.versions import RESOURCES
from azuresim.resources import Document, group_of
from azuresim.wire import ArmResponse

if TYPE_CHECKING:
    from azuresim.world import World

SHOWN = ("id", "name", "type", "kind", "managedBy", "location", "sku", "plan", "identity", "zones", "tags")
INNER = {"microsoft.web/sites": ("slots",), "microsoft.apimanagement/service": ("workspaces",)}
"""Collections below a resource whose members are tracked resources too, by the resource's type."""

EXPANDABLE = ("createdtime", "changedtime", "provisioningstate")
BY_TAG = re.compile(
    r"\s*tagName\s+eq\s+'(?P<name>(?:[^']|'')*)'(?:\s+and\s+tagValue\s+eq\s+'(?P<value>(?:[^']|'')*)')?\s*",
    re.IGNORECASE,
)
UNCOVERED = "subscriptions, groups and their listings are not among the contract documents"
Test = Callable[[Document], bool]


def tracked(world: World, group_id: str) -> Iterator[Document]:
    """The resources of a group. What lies below them is not looked at, however much it is."""
    documents = world.arm.documents
    for namespace in documents.names(f"{group_id}/providers"):
        for kind in documents.names(f"{group_id}/providers/{namespace}"):
            for document in documents.members(f"{group_id}/providers/{namespace}/{kind}"):
                yield document
                for inner in INNER.get(f"{namespace}/{kind}", ()):
                    yield from (found for found in documents.members(f"{document.id}/{inner}") if is_tracked(found))


def is_tracked(document: Document) -> bool:
    return "location" in document.body


def text_of(name: str) -> Callable[[Document], str | None]:
    def value(document: Document) -> str | None:
        found = document.body.get(name)
        return found if isinstance(found, str) else None

    return value


def region_of(document: Document) -> str | None:
    found = document.body.get("location")
    return plain(found) if isinstance(found, str) else None


FIELDS: Mapping[str, Callable[[Document], str | None]] = {
    "name": text_of("name"),
    "location": region_of,
    "resourcetype": text_of("type"),
    "type": text_of("type"),
    "kind": text_of("kind"),
    "resourcegroup": lambda document: (group_of(document.id) or "").rpartition("/")[2],
}


def filtered(request: ArmRequest) -> Test:
    """What `$filter` asks; a tag cannot be asked for together with something else."""
    text = argument(request, "$filter")
    if not text:
        return lambda document: True
    by_tag = BY_TAG.fullmatch(text)
    if by_tag is None:
        return parsed(text, FIELDS)
    name, value = by_tag["name"].replace("''", "'").lower(), by_tag["value"]
    wanted = None if value is None else value.replace("''", "'")
    return lambda document: has_tag(document, name, wanted)


def has_tag(document: Document, name: str, value: str | None) -> bool:
    tags = document.body.get("tags") or {}
    return any(found.lower() == name and value in (None, text) for found, text in tags.items())


def expansions(request: ArmRequest) -> set[str]:
    asked = {part.strip().lower() for part in (argument(request, "$expand") or "").split(",") if part.strip()}
    if asked - set(EXPANDABLE):
        names = ",".join(sorted(asked - set(EXPANDABLE)))[:100]
        raise ArmError(400, "InvalidExpandInQueryString", f"Invalid $expand '{names}' specified in the query string.")
    return asked


def short_form(document: Document, expand: set[str]) -> dict[str, Any]:
    body = {name: document.body[name] for name in SHOWN if document.body.get(name) is not None}
    body |= {"location": region} if (region := region_of(document)) is not None else {}
    if "createdtime" in expand:
        body["createdTime"] = stamp(document.created)
    if "changedtime" in expand:
        body["changedTime"] = stamp(document.changed)
    state = document.body.get("properties", {}).get("provisioningState")
    if "provisioningstate" in expand and isinstance(state, str):
        body["provisioningState"] = state
    return body


def stamp(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "0Z"


@route(
    "GET",
    "/subscriptions/{sub}/resourceGroups/{rg}/resources",
    versions=RESOURCES,
    action="Microsoft.Resources/subscriptions/resourceGroups/resources/read",
    uncovered=UNCOVERED,
)
def list_of_group(request: ArmRequest, world: World) -> ArmResponse:
    return listed(request, list(tracked(world, request.up_to("rg"))))


@route(
    "GET",
    "/subscriptions/{sub}/resources",
    versions=RESOURCES,
    action="Microsoft.Resources/subscriptions/resources/read",
    uncovered=UNCOVERED,
)
def list_of_subscription(request: ArmRequest, world: World) -> ArmResponse:
    groups = world.arm.members(f"{request.up_to('sub')}/resourceGroups")
    return listed(request, [document for group in groups for document in tracked(world, group.id)])


def listed(request: ArmRequest, documents: list[Document]) -> ArmResponse:
    test, expand = filtered(request), expansions(request)
    found = [document for document in documents if test(document)]
    return ArmResponse(200, page(request, found, show=lambda document: short_form(document, expand)))
