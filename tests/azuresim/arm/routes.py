"""Routes of ARM, the request that a handler gets, and the errors it raises. `azuresim.arm` hands all of it on."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from azuresim.arm.rights import lacks
from azuresim.arm.table import Table
from azuresim.entra.tokens import Caller
from azuresim.resources import Document, group_of
from azuresim.wire import ArmResponse, HttpCall, pretty

if TYPE_CHECKING:
    from azuresim.world import World


Handler = Callable[["ArmRequest", "World"], ArmResponse | Awaitable[ArmResponse]]
SUCCESSES = {
    "GET": (200,),
    "HEAD": (200, 204),
    "PUT": (200, 201, 202),
    "PATCH": (200, 202),
    "POST": (200, 201, 202, 204),
    "DELETE": (200, 202, 204),
}
TOP_LEVEL = 3  # namespace, type, name
OF_ARM_ITSELF = ("microsoft.authorization", "microsoft.resources")
REFUSALS = (400, 401, 403, 404, 405, 409, 411, 412, 413, 415, 422, 429, 500, 501, 502, 503)
VERBS = {"GET": "read", "HEAD": "read", "DELETE": "delete", "POST": "action"}


class ArmError(Exception):
    """An answer of 4xx or 5xx."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        details: Sequence[Mapping[str, Any]] | None = (),
        *,
        headers: Mapping[str, str] | None = None,
        body: Any = None,
        indented: bool = False,
    ) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status, self.code, self.message, self.details = status, code, message, details
        self.headers, self.body, self.indented = headers or {}, body, indented

    def response(self) -> ArmResponse:
        body = self.body
        if body is None:
            error: dict[str, Any] = {"code": self.code, "message": self.message}
            if self.details is None or len(self.details) > 0:
                error["details"] = self.details and list(self.details)
            body = {"error": error}
        return ArmResponse(self.status, pretty(body) if self.indented else body, self.headers)


def resource_not_found(resource_id: str) -> ArmError:
    """404 for a missing top-level resource, in ARM's words."""
    head, _, tail = resource_id.rpartition("/providers/")
    group = head.rpartition("/")[2]
    return ArmError(
        404,
        "ResourceNotFound",
        f"The Resource '{tail}' under resource group '{group}' was not found. "
        "For more details please go to https://aka.ms/ARMResourceNotFoundFix",
    )


# --- routes -----------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Route:
    method: str
    template: str
    versions: tuple[str, ...]
    action: str
    handler: Handler
    exclusive: str | None = None
    busy: Callable[[], ArmError] | None = None
    uncovered: str | None = None
    answers: tuple[int, ...] = ()

    @functools.cached_property
    def statuses(self) -> frozenset[int]:
        """What this route can answer: its successes (those of its method when it names none) and every refusal."""
        return frozenset((*(self.answers or SUCCESSES[self.method]), *REFUSALS))

    @functools.cached_property
    def provider_parts(self) -> list[str]:
        """`[namespace, type, {name}, …]`, empty for what has no provider."""
        return self.template.rpartition("/providers/")[2].split("/") if "/providers/" in self.template else []

    @functools.cached_property
    def namespace(self) -> str:
        """The provider's, lower case; empty without a provider."""
        return self.provider_parts[0].lower() if self.provider_parts else ""

    @functools.cached_property
    def extends(self) -> bool:
        """Whether it hangs on any scope: `/{scope}/providers/…`."""
        return self.template.startswith("/{scope}/providers/")

    def fill(self, params: Mapping[str, str], upto: str | None = None) -> str:
        """The template with parameters put in, as far as `{upto}`."""
        template = self.template if upto is None else self.template.partition(f"{{{upto}}}")[0] + f"{{{upto}}}"
        if self.extends and not params["scope"]:
            template = template.removeprefix("/{scope}")
        return template.format(**params)


ROUTES: dict[str, list[Route]] = {}  # by lower-cased namespace; "" holds subscriptions and groups
TABLE: Table[Route] = Table()


def route(
    method: str,
    template: str,
    *,
    versions: Collection[str],
    action: str | None = None,
    exclusive: str | None = None,
    busy: Callable[[], ArmError] | None = None,
    uncovered: str | None = None,
    answers: Collection[int] = (),
) -> Callable[[Handler], Handler]:
    """The decorated function answers `method` on `template`; `answers` are its successes when they are unusual."""

    def register(handler: Handler) -> Handler:
        made = Route(
            method, template, tuple(sorted(versions)), action or default_action(method, template), handler,
            exclusive, busy, uncovered, tuple(answers),
        )  # fmt: skip
        ROUTES.setdefault("" if made.namespace.startswith("{") else made.namespace, []).append(made)
        TABLE.add(made)
        meaning_of.cache_clear()
        return handler

    return register


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """
    What a method on a path means, as far as it can be told without looking at a world.

    `owner` is the top-level resource that must be there first; None for what makes or removes it, or is a list.
    """

    route: Route
    params: Mapping[str, str]
    id: str
    action: str
    group: str | None
    owner: str | None
    _above: dict[str, str] = field(default_factory=dict)

    def up_to(self, name: str) -> str:
        """The id as far as `{name}`."""
        found = self._above.get(name)
        if found is None:
            found = self._above[name] = self.route.fill(self.params, name)
        return found

    @classmethod
    def of(cls, route: Route, params: Mapping[str, str]) -> Target:
        filled = route.fill(params)
        action = route.action.format(**params) if "{" in route.action else route.action
        return cls(route, params, filled, action, group_of(filled), owner_of(route, params, filled))


@dataclass(frozen=True, slots=True)
class Meaning:
    """
    What the first line of a call says. The same few come again and again, so it is worked out once for each.

    `methods` are those that a path without a route for this one does have; of a parameter given twice, `query` has the
    first.
    """

    version: str
    query: Mapping[str, str]
    subscription: str
    namespace: str
    target: Target | None
    methods: frozenset[str]


@functools.lru_cache(maxsize=4096)
def meaning_of(method: str, path: str, query: tuple[tuple[str, str], ...]) -> Meaning:
    found, methods = TABLE.find(path, method)
    return Meaning(
        version=next((value for name, value in query if name.lower() == "api-version"), ""),
        query=dict(reversed(query)),
        subscription=subscription_in(path),
        namespace=namespace_in(path),
        target=None if found is None else Target.of(*found),
        methods=frozenset(methods),
    )


@functools.lru_cache(maxsize=4096)
def subscription_in(path: str) -> str:
    """The subscription that a path begins with; empty when it begins with none."""
    first, _, rest = path.lstrip("/").partition("/")
    return rest.lstrip("/").partition("/")[0] if first.lower() == "subscriptions" else ""


@functools.lru_cache(maxsize=4096)
def namespace_in(path: str) -> str:
    """The namespace of the last provider in a path, lower case."""
    _, found, tail = path.lower().rpartition("/providers/")
    return tail.partition("/")[0] if found else ""


def owner_of(route: Route, params: Mapping[str, str], resource_id: str) -> str | None:
    if route.extends or route.template.count("/providers/") > 1:
        head = resource_id.rpartition("/providers/")[0]
        return head if "/providers/" in head.lower() else None
    parts = route.provider_parts
    own = len(parts) == TOP_LEVEL and route.method in ("PUT", "DELETE")
    if len(parts) < TOP_LEVEL or own or not parts[2].startswith("{") or "{rg}" not in route.template:
        return None
    return None if parts[0].lower() in OF_ARM_ITSELF else route.fill(params, parts[2].strip("{}"))


Alias = Callable[["World", Mapping[str, str]], Mapping[str, str]]
ALIASES: dict[str, list[Alias]] = {}  # by lower-cased namespace


def alias(namespace: str) -> Callable[[Alias], Alias]:
    """The decorated function says what the parameters of a path really mean, for things with several names."""

    def register(meaning: Alias) -> Alias:
        ALIASES.setdefault(namespace.lower(), []).append(meaning)
        return meaning

    return register


def aliased(world: World, target: Target) -> Target:
    """The target itself, or what it stands for in this world."""
    params = target.params
    for meaning in ALIASES.get(target.route.namespace, ()):
        params = meaning(world, params)
    return target if params is target.params else Target.of(target.route, params)


def default_action(method: str, template: str) -> str:
    """`Microsoft.ApiManagement/service/apis/read` of GET …/service/{service}/apis/{api}."""
    static = [p for p in template.rpartition("/providers/")[2].strip("/").split("/") if not p.startswith("{")]
    return "/".join([*static, VERBS.get(method, "write")])


def uncovered() -> list[tuple[str, str, str]]:
    """Method, template and reason of every route that no published contract describes."""
    return [(r.method, r.template, r.uncovered) for routes in ROUTES.values() for r in routes if r.uncovered]


class ArmRequest:
    """`action` is the right that the call needs; a namespace that is a parameter is the one of the path."""

    def __init__(
        self, call: HttpCall, world: World, caller: Caller, target: Target, query: Mapping[str, str], api_version: str
    ) -> None:
        self.call, self.world, self.caller, self.target = call, world, caller, target
        self.method, self.headers, self.query, self.api_version = call.method, call.headers, query, api_version
        self.route, self.params, self.id, self.action = target.route, target.params, target.id, target.action
        self.linked: list[str] = []
        self._json: dict[str, Any] | None = None

    @property
    def json(self) -> dict[str, Any]:
        """The parsed body, an object; 400 InvalidRequestContent when it is none."""
        if self._json is None:
            self._json = self._parsed()
        return self._json

    def _parsed(self) -> dict[str, Any]:
        try:
            body = self.call.json()
        except ValueError as wrong:
            text = f"The request content was invalid and could not be deserialized: '{wrong}'."
            raise ArmError(400, "InvalidRequestContent", text) from wrong
        if not isinstance(body, dict):
            raise ArmError(400, "InvalidRequestContent", "The request content was invalid: a JSON object is expected.")
        return body

    def up_to(self, name: str) -> str:
        """The id as far as `{name}`: `request.up_to("service")` is the service's."""
        return self.target.up_to(name)

    def document(self) -> Document:
        """What is stored under this id; ArmError 404 ResourceNotFound otherwise."""
        found = self.world.arm.get(self.id)
        if found is None:
            raise resource_not_found(self.id)
        return found

    def need_linked(self, action: str, scopes: Iterable[str]) -> None:
        """
        The caller may also do this on the resources that the body refers to; 403 LinkedAuthorizationFailed otherwise.

        Source: Azure/aad-pod-identity issues 339 (several scopes) and 613.
        """
        linked = list(scopes)
        if not linked:
            return
        self.linked.append(action)
        if any(lacks(self.world, self.caller, action, scope) for scope in linked):
            raise ArmError(
                403,
                "LinkedAuthorizationFailed",
                f"The client '{self.caller.client_id}' with object id '{self.caller.object_id}' has permission to "
                f"perform action '{self.action}' on scope '{self.id}'; however, it does not have permission "
                f"to perform action '{action}' on the linked scope(s) '{','.join(linked)}' or the linked scope(s) are "
                "invalid.",
            )

    def absolute(self, path: str) -> str:
        """A path (with query) on the endpoint that the client used; api-version is added when missing."""
        joiner = "&" if "?" in path else "?"
        version = "" if "api-version=" in path else f"{joiner}api-version={self.api_version}"
        return f"{self.call.scheme}://{self.call.header('Host', self.call.host)}{path}{version}"
