"""API Management's documents: what a service, an API and a backend say, and how a change is laid over them. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

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
    description: str = ""
    etag: str | None = None


@dataclass(frozen=True, kw_only=True)
class ApiOperation:
    """An operation of an API, as lists show it."""

    name: str
    method: str
    template: str
    display_name: str = ""


@dataclass(frozen=True, kw_only=True)
class Product:
    """A product, as far as it says what its callers are asked for."""

    name: str
    subscription_required: bool
    published: bool


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
class NamedValue:
    """A named value without its value. `key_vault`: a vault's secret stands behind it, which is not ours to change."""

    name: str
    secret: bool
    tags: tuple[str, ...] = ()
    key_vault: bool = False
    etag: str | None = None


@dataclass(frozen=True, kw_only=True)
class PolicyText:
    """A policy document as API Management returns it."""

    text: str
    etag: str | None


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


def read_operation(body: Json) -> ApiOperation:
    """The operation in a list's item."""
    properties = body.get("properties") or {}
    return ApiOperation(
        name=str(body.get("name") or ""),
        method=str(properties.get("method") or "").upper(),
        template=str(properties.get("urlTemplate") or ""),
        display_name=str(properties.get("displayName") or ""),
    )


def read_api(body: Json, etag: str | None = None) -> Api:
    """The API in an answer; a revision's suffix is no part of the name."""
    properties = body.get("properties") or {}
    return Api(
        name=str(body.get("name") or "").partition(";")[0],
        display_name=str(properties.get("displayName") or ""),
        path=str(properties.get("path") or "").strip("/"),
        subscription_required=properties.get("subscriptionRequired") is True,
        is_current=properties.get("isCurrent") is not False,
        revision=str(properties.get("apiRevision") or "1"),
        description=str(properties.get("description") or ""),
        etag=etag,
    )


def read_product(body: Json) -> Product:
    """The product in a list's item."""
    properties = body.get("properties") or {}
    return Product(
        name=str(body.get("name") or ""),
        subscription_required=properties.get("subscriptionRequired") is not False,
        published=str(properties.get("state") or "").lower() == "published",
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


def read_named_value(body: Json, etag: str | None) -> NamedValue:
    """The named value in an answer."""
    properties = body.get("properties") or {}
    return NamedValue(
        name=str(body.get("name") or ""),
        secret=properties.get("secret") is True,
        tags=tuple(str(tag) for tag in properties.get("tags") or ()),
        key_vault=bool(properties.get("keyVault")),
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
