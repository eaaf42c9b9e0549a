"""API Management: the service and its identity, APIs, backends, named values, policies."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from funcgate.azure.http import Call, Http, Locks
from funcgate.azure.ids import segment
from funcgate.azure.operations import finish
from funcgate.errors import NotFound, TryAgain

VERSION: Final = "2024-05-01"
ANY: Final = "*"
HIDDEN: Final = "(hidden)"
MOVING = frozenset({"created", "activating", "updating", "terminating"})

_REFERENCE = re.compile(r"\s*\{\{\s*[^{}\s]+\s*\}\}\s*")

Json = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class UserIdentity:
    """A user-assigned identity as the service carries it; `id` as it is written there."""

    id: str
    principal_id: str
    client_id: str


@dataclass(frozen=True, kw_only=True)
class Service:
    """The API Management service. `user_assigned` is keyed by the identities' ids in lower case."""

    id: str
    gateway_url: str
    provisioning_state: str
    location: str
    sku: str
    has_system_identity: bool = False
    principal_id: str | None = None
    tenant_id: str | None = None
    user_assigned: Mapping[str, UserIdentity] = field(default_factory=dict)

    @property
    def settled(self) -> bool:
        """Whether no change of the service itself is under way."""
        return self.provisioning_state.lower() not in MOVING

    def carries(self, *, system: bool, user_assigned: str | None) -> bool:
        """Whether these identities are assigned."""
        named = user_assigned is None or user_assigned.lower() in self.user_assigned
        return named and (self.has_system_identity or not system)


@dataclass(frozen=True, kw_only=True)
class Api:
    """An API as its current revision has it."""

    name: str
    display_name: str
    path: str
    subscription_required: bool
    is_current: bool
    revision: str


@dataclass(frozen=True, kw_only=True)
class Backend:
    """
    A backend entity. Header values that are no reference to a named value are `(hidden)`: they may be secrets.

    `validates_certificate_chain` and `…_name` are None where the backend does not say (then they are checked). `etag`
    is None in lists, which do not give it.
    """

    name: str
    url: str
    protocol: str
    resource_id: str
    description: str
    header_credentials: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    validates_certificate_chain: bool | None = None
    validates_certificate_name: bool | None = None
    etag: str | None = None


@dataclass(frozen=True, kw_only=True)
class PolicyText:
    """A policy document as API Management returns it."""

    text: str
    etag: str | None


class ApimClient:
    """
    Calls to `Microsoft.ApiManagement`, api-version 2024-05-01, in raw JSON.

    `service` is the service's resource id in every method. All of them raise NotFound when the service is gone,
    AccessDenied without a role, TryAgain for what passes; what else they raise they say.
    """

    def __init__(self, http: Http) -> None:
        self._http = http
        self._locks = Locks()

    async def get_service(self, service: str) -> Service:
        """
        The service and its identities.

        GET {service} → `{"location", "sku": {"name"}, "identity": {"type", "principalId", "tenantId",
        "userAssignedIdentities": {id: {"principalId", "clientId"}}} | null, "properties": {"gatewayUrl",
        "provisioningState"}}`. Source: REST reference, "Api Management Service - Get".
        """
        body, _ = await self._http.document(Call(method="GET", url=self._url(service), kind="service"))
        return read_service(service, body)

    async def add_identity(self, service: str, *, system: bool, user_assigned: str | None) -> Service:
        """
        The service carries these identities beside those it had, and has settled.

        PATCH {service} `{"identity": {"type": "SystemAssigned, UserAssigned", "userAssignedIdentities": {id: {}}}}`
        with all of them, since it is unknown whether the map is merged or replaced. Accepted with 200 or 202 and
        followed for a minute. Writes nothing when they are there. Raises TryAgain: ServiceTransitioning while another
        change is under way, IdentityPending when this one takes longer.
        Source: learn.microsoft.com/azure/api-management/api-management-howto-use-managed-service-identity;
        Azure/azure-cli recordings test_apim_managed_identity.
        """
        async with self._locks.of(service):
            seen = await self.get_service(service)
            if seen.carries(system=system, user_assigned=user_assigned):
                return seen
            if not seen.settled:
                raise _transitioning(seen)
            await self._patch_identity(service, identity_with(seen, system=system, user_assigned=user_assigned))
            settled = await self.get_service(service)
        if settled.settled and settled.carries(system=system, user_assigned=user_assigned):
            return settled
        raise _pending()

    async def get_api(self, service: str, api: str) -> Api | None:
        """
        The API's current revision; None when there is none of this name.

        GET {service}/apis/{api} → `{"name", "properties": {"displayName", "path", "subscriptionRequired", "isCurrent",
        "apiRevision"}}`. Source: REST reference, "Apis - Get".
        """
        body, _ = await self._get(service, "apis", f"apis/{segment(api)}")
        return read_api(body) if body is not None else None

    async def get_backend(self, service: str, name: str) -> Backend | None:
        """
        The backend; None when there is none of this name.

        GET {service}/backends/{name} → `{"name", "properties": {"url", "protocol", "resourceId", "description",
        "credentials": {"header": {name: [value]}}, "tls"}}`. Source: REST reference, "Backend - Get".
        """
        body, etag = await self._get(service, "backends", f"backends/{segment(name)}")
        return read_backend(body, etag) if body is not None else None

    async def list_backends(self, service: str) -> Sequence[Backend]:
        """All backends of the service, without ETags. Source: REST reference, "Backend - List By Service"."""
        pages = self._http.pages(self._url(service, "backends"), "backends")
        return [read_backend(item, None) async for item in pages]

    async def put_backend(self, service: str, name: str, change: Json, etag: str | None) -> None:
        """
        The backend has the properties in `change`; all others are as they were.

        `etag` is what the change was planned on: None for a backend that was absent, `*` for one as it stands now.
        Raises TryAgain, ChangedMeanwhile, when something else is there. Nested objects are laid over part by part,
        header names compared without case; None takes a property away.
        PUT {service}/backends/{name} `{"properties": {…}}` with If-Match. Source: REST reference, "Backend - Create Or
        Update".
        """
        path = f"backends/{segment(name)}"
        async with self._locks.of(f"{service}/{path}"):
            body, current = await self._get(service, "backends", path)
            _expect(etag, current, path)
            properties = lay_over((body or {}).get("properties") or {}, change)
            await self._put(service, "backends", path, properties, current)

    async def delete_backend(self, service: str, name: str, etag: str | None) -> None:
        """
        No backend of this name is there. Raises Rejected while a policy refers to it.

        DELETE {service}/backends/{name} with If-Match → 200, or 204 when it was absent. Source: REST reference.
        """
        await self._delete(service, "backends", f"backends/{segment(name)}", etag)

    async def has_named_value(self, service: str, name: str) -> bool:
        """
        Whether there is a named value with this resource name; its value is not read.

        GET {service}/namedValues/{name}. Source: REST reference, "Named Value - Get".
        """
        body, _ = await self._get(service, "namedValues", f"namedValues/{segment(name)}")
        return body is not None

    async def get_policy(self, service: str, api: str) -> PolicyText | None:
        """
        The API's policy ("All operations"); None when it has none. Raises NotFound, ApiNotFound, when the API is gone.

        GET {service}/apis/{api}/policies/policy?format=xml → `{"properties": {"format": "xml", "value"}}`. In this form
        API Management escapes others' expressions itself, so that the document is well-formed and comes back unharmed
        when written in the same form; `rawxml` holds quotes and angle brackets as they are, which no XML parser reads.
        Source: REST reference, "Api Policy - Get"; Azure/azure-cli recordings test_apim_api_policy;
        Azure/azure-rest-api-specs issue 25306.
        """
        path = f"apis/{segment(api)}/policies/policy"
        try:
            url = self._url(service, path, "&format=xml")
            body, etag = await self._http.document(Call(method="GET", url=url, kind="policies"))
        except NotFound as missing:
            await self._api_must_be_there(service, api, missing)
            return None
        return PolicyText(text=str((body.get("properties") or {}).get("value") or ""), etag=etag)

    async def put_policy(self, service: str, api: str, text: str, etag: str | None) -> None:
        """
        The API's policy is `text`, in the form that `get_policy` returns.

        `etag` as in `put_backend`. Raises Rejected, ValidationError, with the line and column of what is refused.
        PUT {service}/apis/{api}/policies/policy `{"properties": {"format": "xml", "value"}}` with If-Match.
        Source: REST reference, "Api Policy - Create Or Update".
        """
        path = f"apis/{segment(api)}/policies/policy"
        async with self._locks.of(f"{service}/apis/{api}"):
            if etag is None and await self.get_policy(service, api):
                _expect(None, ANY, path)
            await self._put(service, "policies", path, {"format": "xml", "value": text}, etag)

    async def delete_policy(self, service: str, api: str, etag: str | None) -> None:
        """
        The API has no policy of its own.

        DELETE {service}/apis/{api}/policies/policy with If-Match → 200, or 204 when it was absent. Source: REST
        reference.
        """
        async with self._locks.of(f"{service}/apis/{api}"):
            await self._delete(service, "policies", f"apis/{segment(api)}/policies/policy", etag)

    async def _patch_identity(self, service: str, identity: Json) -> None:
        call = Call(method="PATCH", url=self._url(service), kind="service", body={"identity": identity})
        await finish(self._http, call, await self._http.send(call), _pending())

    async def _get(self, service: str, kind: str, path: str) -> tuple[Json | None, str | None]:
        try:
            return await self._http.document(Call(method="GET", url=self._url(service, path), kind=kind))
        except NotFound:
            await self.get_service(service)  # a missing child and a missing service answer with the same code
            return None, None

    async def _api_must_be_there(self, service: str, api: str, missing: NotFound) -> None:
        if await self.get_api(service, api) is None:
            raise NotFound(
                f"the service has no API named {api}", reason="ApiNotFound", code=missing.code, status=missing.status
            ) from missing

    async def _put(self, service: str, kind: str, path: str, properties: Json, etag: str | None) -> None:
        await self._http.send(
            Call(
                method="PUT",
                url=self._url(service, path),
                kind=kind,
                headers={"If-Match": etag} if etag else {},
                body={"properties": properties},
            )
        )

    async def _delete(self, service: str, kind: str, path: str, etag: str | None) -> None:
        call = Call(method="DELETE", url=self._url(service, path), kind=kind, headers={"If-Match": etag or ANY})
        try:
            await self._http.send(call)
        except NotFound:
            await self.get_service(service)

    def _url(self, service: str, path: str = "", query: str = "") -> str:
        return f"{self._http.address}{service}{path and f'/{path}'}?api-version={VERSION}{query}"


def read_service(service: str, body: Json) -> Service:
    """The service in an answer. The identity's `type` is a list in one text, documented with and without a space."""
    identity, properties = body.get("identity") or {}, body.get("properties") or {}
    types = {each.strip().lower() for each in str(identity.get("type") or "").split(",")}
    return Service(
        id=service,
        gateway_url=str(properties.get("gatewayUrl") or "").rstrip("/"),
        provisioning_state=str(properties.get("provisioningState") or ""),
        location=str(body.get("location") or ""),
        sku=str((body.get("sku") or {}).get("name") or ""),
        has_system_identity="systemassigned" in types,
        principal_id=identity.get("principalId"),
        tenant_id=identity.get("tenantId"),
        user_assigned={
            id_.lower(): _user_identity(id_, each or {})
            for id_, each in (identity.get("userAssignedIdentities") or {}).items()
        },
    )


def _user_identity(id_: str, body: Json) -> UserIdentity:
    return UserIdentity(
        id=id_, principal_id=str(body.get("principalId") or ""), client_id=str(body.get("clientId") or "")
    )


def identity_with(seen: Service, *, system: bool, user_assigned: str | None) -> Json:
    """The `identity` to send: all that the service has, and these."""
    named = [each.id for each in seen.user_assigned.values()]
    if user_assigned and user_assigned.lower() not in seen.user_assigned:
        named.append(user_assigned)
    types = ["SystemAssigned"] * (system or seen.has_system_identity) + ["UserAssigned"] * bool(named)
    identity: dict[str, Any] = {"type": ", ".join(types)}
    return identity | ({"userAssignedIdentities": {id_: {} for id_ in named}} if named else {})


def read_api(body: Json) -> Api:
    """The API in an answer; a revision's suffix is no part of the name."""
    properties = body.get("properties") or {}
    return Api(
        name=str(body.get("name") or "").partition(";")[0],
        display_name=str(properties.get("displayName") or ""),
        path=str(properties.get("path") or "").strip("/"),
        subscription_required=properties.get("subscriptionRequired") is True,
        is_current=properties.get("isCurrent") is not False,
        revision=str(properties.get("apiRevision") or "1"),
    )


def read_backend(body: Json, etag: str | None) -> Backend:
    """The backend in an answer or a list."""
    properties = body.get("properties") or {}
    headers = (properties.get("credentials") or {}).get("header") or {}
    tls = properties.get("tls") or {}
    return Backend(
        name=str(body.get("name") or ""),
        url=str(properties.get("url") or ""),
        protocol=str(properties.get("protocol") or ""),
        resource_id=str(properties.get("resourceId") or ""),
        description=str(properties.get("description") or ""),
        header_credentials={name: tuple(_shown(value) for value in values or ()) for name, values in headers.items()},
        validates_certificate_chain=tls.get("validateCertificateChain"),
        validates_certificate_name=tls.get("validateCertificateName"),
        etag=etag,
    )


def lay_over(under: Json, change: Json) -> dict[str, Any]:
    """`under` with `change` laid over it, objects part by part; what is null on either side is left out."""
    spelled = {name.lower(): name for name in under}
    laid = {name: value for name, value in under.items() if value is not None}
    for name, value in change.items():
        there = laid.pop(spelled.get(name.lower(), name), None)
        if isinstance(value, Mapping):
            laid[name] = lay_over(there if isinstance(there, Mapping) else {}, value)
        elif value is not None:
            laid[name] = value
    return laid


def _shown(value: object) -> str:
    return str(value) if _REFERENCE.fullmatch(str(value)) else HIDDEN


def _expect(etag: str | None, current: str | None, path: str) -> None:
    """What a write was planned on is still there."""
    if etag not in (ANY, current):
        raise TryAgain(f"{path} was changed by somebody else between reading and writing", reason="ChangedMeanwhile")


def _transitioning(seen: Service) -> TryAgain:
    return TryAgain(
        f"the API Management service is {seen.provisioning_state.lower()}; it takes an identity afterwards",
        reason="ServiceTransitioning",
    )


def _pending() -> TryAgain:
    return TryAgain(
        "API Management is still assigning the identity; this takes minutes in some tiers", reason="IdentityPending"
    )
