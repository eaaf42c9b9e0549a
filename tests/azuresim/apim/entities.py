"""
What all children of an API Management service share: ETags, If-Match, lists, the error envelope, PUT and PATCH.

A kind of child is described once, as an `Entity`, and gets its routes from `serve`:

    serve(Entity(template="/service/{service}/backends/{backend}", label="Backend", normalise=backend_properties))

Observed habits: bodies indented with CRLF; ETags on single entities only, never in lists; PUT without If-Match is
accepted, `*` even creates, any other value that differs gives 412; DELETE of what is not there gives 204.
Sources: Azure/azure-service-operator recording Test_ApiManagement_20240501_CRUD; Azure/azure-cli recordings
test_apim_api_operation and test_apim_api_policy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from azuresim import arm
from azuresim.apim.filters import test_of
from azuresim.arm import ArmError, ArmRequest, Handler, pretty
from azuresim.resources import Body, Document
from azuresim.wire import ArmResponse
from azuresim.world import World

VERSIONS = frozenset(
    {
        "2021-08-01",
        "2021-12-01-preview",
        "2022-04-01-preview",
        "2022-08-01",
        "2022-09-01-preview",
        "2023-03-01-preview",
        "2023-05-01-preview",
        "2023-09-01-preview",
        "2024-05-01",
        "2024-06-01-preview",
        "2024-10-01-preview",
        "2025-03-01-preview",
        "2025-09-01-preview",
    }
)
PROVIDER = "/subscriptions/{sub}/resourceGroups/{rg}/providers/Microsoft.ApiManagement"
SERVICE = "/service/{service}"
THE_API = PROVIDER + SERVICE + "/apis/{api}"
arm.serve_operations("Microsoft.ApiManagement", VERSIONS)


def route(
    method: str, path: str, *, exclusive: str | None = None, uncovered: str | None = None, action: str | None = None
) -> Callable[[Handler], Handler]:
    """The decorated function answers `method` on `path` below the provider; `exclusive` writes must not overlap."""
    busy_with = busy if exclusive else None
    template = PROVIDER + path
    return arm.route(
        method, template, versions=VERSIONS, action=action, exclusive=exclusive, busy=busy_with, uncovered=uncovered
    )


def refused(status: int, code: str, message: str, details: Sequence[Body] | None = None) -> ArmError:
    """A refusal of this provider: `details` is always there, null when there are none, and the body is indented."""
    return ArmError(status, code, message, details, indented=True)


def invalid(*details: tuple[str | None, str]) -> ArmError:
    """400 ValidationError: the truth is in `details`, each a target and a message."""
    listed = [{"code": "ValidationError", "target": target, "message": message} for target, message in details]
    return refused(400, "ValidationError", "One or more fields contain incorrect values:", listed)


def missing(label: str) -> ArmError:
    return refused(404, "ResourceNotFound", f"{label} not found.")


def not_simulated(what: str) -> ArmError:
    """Loud on purpose: Azure may do this, the simulator does not."""
    return refused(501, "NotSimulated", f"azuresim: {what}")


def busy() -> ArmError:
    """The answer to a write that overlaps another one to the same API (Azure/apiops tracker)."""
    return refused(409, "PessimisticConcurrencyConflict", "Operation on the API is in progress")


@dataclass(frozen=True, kw_only=True)
class Entity:
    """One kind of child. `normalise` turns what was sent into what is stored, or refuses it."""

    template: str
    label: str
    normalise: Callable[[ArmRequest, Body, Document | None], Body]
    private: Callable[[ArmRequest, Body, Document | None], Body | None] = lambda *_: None
    listed: Callable[[Body], Body] = lambda document: document
    before_delete: Callable[[ArmRequest, Document], None] = lambda *_: None
    exclusive: str | None = None
    uncovered: str | None = None
    methods: tuple[str, ...] = ("GET", "HEAD", "PUT", "PATCH", "DELETE")

    @property
    def collection(self) -> str:
        return self.template.rpartition("/")[0]


def serve(entity: Entity) -> None:
    """The routes of one kind of child."""
    one, uncovered, exclusive = entity.template, entity.uncovered, entity.exclusive

    def list_them(request: ArmRequest, world: World) -> ArmResponse:
        check_parent(request, request.id)
        return listing(request, [entity.listed(found.body) for found in world.arm.members(request.id)])

    def get(request: ArmRequest, _: World) -> ArmResponse:
        return entity_answer(found_or_404(request, entity.label))

    def head(request: ArmRequest, _: World) -> ArmResponse:
        return ArmResponse(200, None, {"ETag": found_or_404(request, entity.label).etag})

    handlers: dict[str, Handler] = {
        "HEAD": head,
        "GET": get,
        "PUT": lambda request, _: put_entity(request, entity),
        "PATCH": lambda request, _: patch_entity(request, entity),
        "DELETE": lambda request, _: delete_entity(request, entity),
    }
    route("GET", entity.collection, uncovered=uncovered)(list_them)
    for method in entity.methods:
        locked = exclusive if method in ("PUT", "PATCH", "DELETE") else None
        route(method, one, exclusive=locked, uncovered=uncovered)(handlers[method])


def put_entity(request: ArmRequest, entity: Entity) -> ArmResponse:
    check_writable(request)
    check_parent(request, request.id.rpartition("/")[0])
    existing = request.world.arm.get(request.id)
    check_etag(request, existing)
    sent = sent_properties(request)
    stored = store(request, entity.normalise(request, sent, existing), entity.private(request, sent, existing))
    return entity_answer(stored, 200 if existing else 201)


def patch_entity(request: ArmRequest, entity: Entity) -> ArmResponse:
    check_writable(request)
    existing = found_or_404(request, entity.label)
    check_etag(request, existing)
    sent = sent_properties(request)
    merged = {**existing.body["properties"], **sent}
    return entity_answer(
        store(request, entity.normalise(request, merged, existing), entity.private(request, sent, existing))
    )


def delete_entity(request: ArmRequest, entity: Entity) -> ArmResponse:
    check_writable(request)
    existing = request.world.arm.get(request.id)
    if existing is None:
        return ArmResponse(204)
    check_etag(request, existing)
    entity.before_delete(request, existing)
    request.world.arm.delete(request.id)
    return ArmResponse(200)


def store(request: ArmRequest, properties: Body, private: Body | None = None) -> Document:
    """What was written now stands there; the name keeps the case in which it was first written."""
    existing = request.world.arm.get(request.id)
    return request.world.arm.put(
        request.id, envelope(existing.id if existing else request.id, properties), private=private
    )


def envelope(resource_id: str, properties: Body) -> Body:
    return {
        "id": resource_id,
        "type": type_of(resource_id),
        "name": resource_id.rpartition("/")[2],
        "properties": properties,
    }


@lru_cache(maxsize=4096)
def type_of(resource_id: str) -> str:
    """`Microsoft.ApiManagement/service/apis/operations`: every other part behind the namespace."""
    namespace, *parts = resource_id.rpartition("/providers/")[2].split("/")
    return "/".join([namespace, *parts[::2]])


def entity_answer(found: Document, status: int = 200) -> ArmResponse:
    return ArmResponse(status, pretty(found.body), {"ETag": found.etag})


def found_or_404(request: ArmRequest, label: str) -> Document:
    found = request.world.arm.get(request.id)
    if found is None:
        raise missing(label)
    return found


def sent_properties(request: ArmRequest) -> Body:
    properties = request.json.get("properties")
    if not isinstance(properties, dict):
        raise invalid(("properties", "The properties field is required."))
    return properties


PARENT_LABELS = {"apis": "Api", "products": "Product", "operations": "Operation"}


def check_parent(request: ArmRequest, collection_id: str) -> None:
    """The API, operation or product that a child hangs under is there; the service itself is checked before."""
    parent, label = parent_in(collection_id)
    if label and request.world.arm.get(parent) is None:
        raise missing(label)


@lru_cache(maxsize=4096)
def parent_in(collection_id: str) -> tuple[str, str | None]:
    """What a collection hangs under, and what that is called when it has to be looked for."""
    parent = collection_id.rpartition("/")[0]
    return parent, PARENT_LABELS.get(parent.split("/")[-2].lower())


def check_etag(request: ArmRequest, existing: Document | None) -> None:
    """If-Match, when it was sent: `*` fits everything, absent entities too; another ETag gives 412."""
    wanted = request.headers.get("If-Match", "")
    if wanted and wanted != "*" and (existing is None or wanted != existing.etag):
        raise refused(412, "PreconditionFailed", "Document was modified since last retrieval.")


def check_writable(request: ArmRequest) -> None:
    """While the service itself is being updated, children refuse writes if the switch says so (nobody published it)."""
    switches, operations = request.world.switches, request.world.operations
    if switches.apim_updating_refuses_children and operations.running(request.up_to("service")):
        raise transitioning()


def transitioning() -> ArmError:
    return refused(409, "ServiceTransitioning", "API Management service is transitioning at this time.")


# --- lists ------------------------------------------------------------------------------------------------------------
def listing(request: ArmRequest, items: Iterable[Body]) -> ArmResponse:
    """One page with `count` over all pages, and `nextLink` while there are more."""
    condition = request.query.get("$filter", "")
    wanted = test_of(condition)
    if wanted is None:
        raise not_simulated(f"the filter {condition}")
    chosen = [item for item in items if wanted(item)]
    size = number(request, "$top", request.world.switches.apim_page_size, least=1)
    skip = number(request, "$skip", 0, least=0)
    body: Body = {"value": chosen[skip : skip + size], "count": len(chosen)}
    if skip + size < len(chosen):
        kept = "".join(f"&{name}={value}" for name, value in request.query.items() if name in ("$filter", "$top"))
        body["nextLink"] = request.absolute(f"{request.id}?$skip={skip + size}{kept}")
    return ArmResponse(200, pretty(body))


def number(request: ArmRequest, name: str, default: int, least: int) -> int:
    text = request.query.get(name)
    if text is None:
        return default
    if not text.isdecimal() or int(text) < least:
        raise invalid((name, f"'{name}' must be a number of at least {least}."))
    return int(text)
