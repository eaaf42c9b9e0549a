"""One call to Graph whose caller is known: what it addresses, what it may do, and how it is refused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from azuresim.entra.directory import Body
from azuresim.entra.tokens import Caller
from azuresim.wire import HttpCall

if TYPE_CHECKING:
    from azuresim.world import World

READ_ALL = {"Application.Read.All", "Application.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"}
WRITE_ALL = {"Application.ReadWrite.All", "Directory.ReadWrite.All"}
OWNED = "Application.ReadWrite.OwnedBy"
ASSIGN = "AppRoleAssignment.ReadWrite.All"
SCHEMA = "https://graph.microsoft.com/v1.0/$metadata#"


class GraphError(Exception):
    """An answer of 4xx in Graph's envelope."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        details: Iterable[Body] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status, self.code, self.message, self.details = status, code, message, list(details)
        self.headers = headers or {}


def not_found(which: str) -> GraphError:
    text = f"Resource '{which}' does not exist or one of its queried reference-property objects are not present."
    return GraphError(404, "Request_ResourceNotFound", text)


def bad_request(message: str, code: str = "Request_BadRequest", details: Iterable[Body] = ()) -> GraphError:
    return GraphError(400, code, message, details)


@dataclass(kw_only=True)
class GraphRequest:
    """One call whose caller is known; `kind` is the collection."""

    call: HttpCall
    world: World
    caller: Caller
    kind: str = ""
    where: Mapping[str, str] = field(default_factory=dict)

    @property
    def permissions(self) -> set[str]:
        if self.world.switches.graph_rights_from_token:
            return set(self.caller.claims.get("roles") or ())
        return self.world.entra.graph_permissions.get(self.caller.client_id, set())

    @property
    def type(self) -> str:
        """What the metadata calls an object of the collection."""
        return self.kind.removesuffix("s")

    @property
    def objects(self) -> dict[str, Body]:
        """The collection as it really is."""
        entra = self.world.entra
        return entra.applications if self.kind == "applications" else entra.service_principals

    @property
    def visible(self) -> dict[str, Body]:
        """The collection as reads show it, behind its replication."""
        return self.world.entra.replicas.seen(self.objects, self.kind)

    def owns(self, object_id: str) -> bool:
        return OWNED in self.permissions and self.caller.object_id in self.world.entra.owners.get(object_id, ())

    def record(self, where: str, before: object, after: object) -> None:
        """The write is in the journal; nothing is when nothing changed."""
        self.world.journal.record("graph", where, before, after)

    def need(self, allowed: bool) -> None:
        if not allowed:
            text = "Insufficient privileges to complete the operation."
            raise GraphError(403, "Authorization_RequestDenied", text)

    def find(self, objects: dict[str, Body]) -> Body:
        """The addressed object; 404 when there is none."""
        key, value = self.where.get("key", ""), self.where.get("value", "").replace("''", "'")
        if key:
            name = {"appid": "appId", "uniquename": "uniqueName"}[key.lower()]
            found = next((o for o in objects.values() if same(o.get(name), value)), None)
        else:
            value = self.where["id"]
            found = objects.get(value) or objects.get(value.lower())
        if found is None:
            raise not_found(value)
        return found

    def json(self) -> Body:
        try:
            body = self.call.json()
        except ValueError:
            raise bad_request("Unable to read JSON request payload.", "BadRequest") from None
        if not isinstance(body, dict):
            raise bad_request("Unable to read JSON request payload.", "BadRequest")
        return body


def readable(request: GraphRequest) -> Body:
    """The addressed object, when the caller may read it."""
    everything = bool(request.permissions & READ_ALL)
    request.need(everything or OWNED in request.permissions)
    found = request.find(request.visible)
    request.need(everything or request.owns(found["id"]))
    return found


def writable(request: GraphRequest) -> Body:
    """The addressed object as it really is, when the caller may change it."""
    everything = bool(request.permissions & WRITE_ALL)
    request.need(everything or OWNED in request.permissions)
    found = request.find(request.visible)
    request.need(everything or request.owns(found["id"]))
    if found["id"] not in request.objects:
        raise not_found(found["id"])
    return request.objects[found["id"]]


def same(found: Any, wanted: str) -> bool:
    return isinstance(found, str) and found.lower() == wanted.lower()


def origin(call: HttpCall) -> str:
    return f"{call.scheme}://{call.header('Host', call.host)}"


def context(request: GraphRequest, suffix: str = "") -> str:
    return f"{SCHEMA}{request.kind}{suffix}"
