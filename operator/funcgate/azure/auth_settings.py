"""
`authsettingsV2`, the slice of it that is ours: read from the document, laid over the document.

`{"platform": {"enabled", "configFilePath"}, "globalValidation": {"requireAuthentication",
"unauthenticatedClientAction", "excludedPaths"}, "identityProviders": {"azureActiveDirectory": {"enabled",
"registration": {"clientId", "openIdIssuer"}, "validation": {"allowedAudiences", "jwtClaimChecks",
"defaultAuthorizationPolicy": {"allowedApplications", "allowedPrincipals"}}}, …}, …}`. Source:
learn.microsoft.com/rest/api/appservice, Microsoft.Web 2025-05-01.
"""

from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

PROVIDER = "azureActiveDirectory"

Json = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What else stands in or around the document and matters to who may call. Never written by us."""

    excluded_paths: tuple[str, ...] = ()
    other_providers: tuple[str, ...] = ()
    allowed_principals: tuple[str, ...] = ()
    allowed_clients: tuple[str, ...] = ()
    other_backends: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, kw_only=True)
class AuthSettings:
    """The slice of `authsettingsV2` that is ours. The rest of that document belongs to others."""

    enabled: bool
    require_authentication: bool
    unauthenticated_client_action: str | None
    provider_enabled: bool
    client_id: str | None
    issuer: str | None
    accepts_our_audience: bool  # the registration's own client id is among the audiences
    allowed_applications: frozenset[str]
    audiences: frozenset[str] = field(default=frozenset(), compare=False)  # of a wish: those it is about
    around: Surroundings = field(default=Surroundings(), compare=False)

    @property
    def closed(self) -> bool:
        """Whether a call without a token is refused as things stand."""
        asks = self.unauthenticated_client_action != "AllowAnonymous"
        return self.enabled and self.require_authentication and asks and self.provider_enabled


def named_registration(document: Json) -> str | None:
    """The client id that Easy Auth names."""
    return _lower(_at(document, "identityProviders", PROVIDER, "registration", "clientId")) or None


def read(document: Json) -> AuthSettings:
    """Our slice of `authsettingsV2`'s properties; what is absent reads as Azure's default."""
    provider = _at(document, "identityProviders", PROVIDER) or {}
    validation = _at(provider, "validation") or {}
    client_id, audiences = named_registration(document), frozenset(_lowered(validation.get("allowedAudiences")))
    return AuthSettings(
        enabled=_at(document, "platform", "enabled") is True,
        require_authentication=_at(document, "globalValidation", "requireAuthentication") is True,
        unauthenticated_client_action=_at(document, "globalValidation", "unauthenticatedClientAction"),
        provider_enabled=_lets_in(provider),
        client_id=client_id,
        issuer=_issuer(_at(provider, "registration", "openIdIssuer")),
        accepts_our_audience=client_id in audiences,
        audiences=audiences,
        allowed_applications=frozenset(_lowered(_at(validation, "defaultAuthorizationPolicy", "allowedApplications"))),
        around=_surroundings(document, validation),
    )


def lay(document: Json, slice_: AuthSettings) -> dict[str, Any]:
    """The document with our slice in it and everything else as it was. What the slice leaves open stays absent."""
    whole = deepcopy(dict(document))
    for path, value in _leaves(slice_):
        if value is not None:
            _down(whole, *path[:-1])[path[-1]] = value
    validation = _down(whole, "identityProviders", PROVIDER, "validation")
    audiences = validation.get("allowedAudiences") or []
    if missing := slice_.audiences - set(_lowered(audiences)):
        validation["allowedAudiences"] = [*audiences, *sorted(missing)]
    if slice_.allowed_applications:
        _down(validation, "defaultAuthorizationPolicy")["allowedApplications"] = sorted(slice_.allowed_applications)
    return whole


def _leaves(slice_: AuthSettings) -> Iterator[tuple[tuple[str, ...], Any]]:
    provider = ("identityProviders", PROVIDER)
    yield ("platform", "enabled"), slice_.enabled
    yield ("globalValidation", "requireAuthentication"), slice_.require_authentication
    yield ("globalValidation", "unauthenticatedClientAction"), slice_.unauthenticated_client_action
    yield (*provider, "enabled"), slice_.provider_enabled
    yield (*provider, "registration", "clientId"), slice_.client_id
    yield (*provider, "registration", "openIdIssuer"), slice_.issuer


def settings_file(document: Json) -> str | None:
    """The file in the app whose settings win over these, if one is named."""
    return _at(document, "platform", "configFilePath") or None


def _surroundings(document: Json, validation: Json) -> Surroundings:
    principals = _at(validation, "defaultAuthorizationPolicy", "allowedPrincipals") or {}
    return Surroundings(
        excluded_paths=tuple(_at(document, "globalValidation", "excludedPaths") or ()),
        other_providers=tuple(sorted(_other_providers(document.get("identityProviders") or {}))),
        allowed_principals=tuple(
            str(each).lower() for key in ("identities", "groups") for each in principals.get(key) or ()
        ),
        allowed_clients=_lowered(_at(validation, "jwtClaimChecks", "allowedClientApplications")),
    )


def _other_providers(providers: Json) -> Iterator[str]:
    """
    Identity providers besides Entra that let people in: those with a registration that do not say they are off.

    Source: learn.microsoft.com/rest/api/appservice, Microsoft.Web 2025-05-01, IdentityProviders: `enabled` is false
    "if the provider should not be enabled despite the set registration".
    """
    for name, provider in providers.items():
        if name == "customOpenIdConnectProviders":
            yield from (each for each, custom in (provider or {}).items() if _lets_in(custom))
        elif name != PROVIDER and _lets_in(provider):
            yield name


def _lets_in(provider: Any) -> bool:
    """Without a registration nobody can sign in, whatever `enabled` says."""
    if not isinstance(provider, Mapping) or provider.get("enabled") is False:
        return False
    return any((provider.get("registration") or {}).values())


def _issuer(issuer: str | None) -> str | None:
    """An issuer in one form: version 1 issuers end in a slash, version 2 issuers do not."""
    if issuer is None:
        return None
    bare = issuer.rstrip("/")
    return bare if bare.endswith("/v2.0") else f"{bare}/"


def _at(document: Json, *path: str) -> Any:
    """What stands at the end of the path; None when any part of it is absent or null."""
    found: Any = document
    for key in path:
        found = (found or {}).get(key)
    return found


def _down(document: MutableMapping[str, Any], *path: str) -> dict[str, Any]:
    """The object at the end of the path, made where it is absent or null."""
    for key in path:
        if not isinstance(document.get(key), dict):
            document[key] = {}
        document = document[key]
    return document  # type: ignore[return-value]  # it is a dict by now


def _lower(value: str | None) -> str | None:
    return value.lower() if value is not None else None


def _lowered(values: Sequence[str] | None) -> tuple[str, ...]:
    """Ids in lower case, as they are compared; an absent list is an empty one."""
    return tuple(str(each).lower() for each in values or ())
