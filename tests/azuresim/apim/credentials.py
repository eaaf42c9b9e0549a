"""
What a service keeps beside its APIs and shows without their secrets: certificates, authorization servers, OpenID
providers, identity providers, caches.

Sources: REST reference, "Certificate", "Authorization Server", "Open Id Connect Provider", "Identity Provider" and
"Cache" (required fields, listSecrets, samples). The texts of refusals are assumed.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import pkcs12

from azuresim.apim.entities import SERVICE, Entity, invalid, missing, not_simulated, route, serve
from azuresim.apim.watching import kept_apart
from azuresim.arm import ArmRequest, Handler, pretty
from azuresim.resources import Body, Document
from azuresim.wire import ArmResponse
from azuresim.world import World

UNCOVERED = "certificates, providers and caches are not among the trimmed contracts"


# --- certificates -----------------------------------------------------------------------------------------------------
def certificate_properties(_: ArmRequest, sent: Body, __: Document | None) -> Body:
    """Subject, thumbprint and end of the PKCS #12 that was sent; it does not come back."""
    if sent.get("keyVault"):
        raise not_simulated("certificates of a key vault")
    data, password = sent.get("data"), sent.get("password")
    try:
        raw = base64.b64decode(data if isinstance(data, str) else "", validate=True)
        secret = password.encode() if isinstance(password, str) and password else None
        certificate = pkcs12.load_key_and_certificates(raw, secret)[1]
    except ValueError:
        certificate = None
    if certificate is None:
        raise invalid(("data", "The certificate is no PKCS #12 file, or its password is another one."))
    return {
        "subject": certificate.subject.rfc4514_string(),
        "thumbprint": certificate.fingerprint(hashes.SHA1()).hex().upper(),  # noqa: S303  # what is shown
        "expirationDate": certificate.not_valid_after_utc.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


serve(
    Entity(
        template=f"{SERVICE}/certificates/{{certificate}}",
        label="Certificate",
        normalise=certificate_properties,
        uncovered=UNCOVERED,
        methods=("GET", "HEAD", "PUT", "DELETE"),
    )
)


# --- the rest: fields with defaults, some of them secret --------------------------------------------------------------
@dataclass(frozen=True, kw_only=True)
class Kept:
    """A kind of child: fields that must be sent, what the others are when they are not, those that never come back."""

    collection: str
    label: str
    required: Mapping[str, type]
    defaults: Body = field(default_factory=dict)
    secrets: tuple[str, ...] = ()


def normalised(kind: Kept, sent: Body) -> Body:
    for name, wanted in kind.required.items():
        if not isinstance(sent.get(name), wanted) or sent[name] in ("", []):
            raise invalid((name, f"{kind.label}: '{name}' is required."))
    fields = {**dict.fromkeys(kind.required), **kind.defaults}
    return {name: sent.get(name, default) for name, default in fields.items() if name not in kind.secrets}


def hidden(kind: Kept, sent: Body, existing: Document | None) -> Body:
    had = existing.private if existing else {}
    kept: dict[str, Any] = {name: sent.get(name, had.get(name)) for name in kind.secrets}
    return kept


AUTHORIZATION_SERVER = Kept(
    collection="authorizationServers",
    label="Authorization server",
    required={
        "displayName": str,
        "clientRegistrationEndpoint": str,
        "authorizationEndpoint": str,
        "grantTypes": list,
        "clientId": str,
    },
    defaults={
        "description": None,
        "authorizationMethods": ["GET"],
        "clientAuthenticationMethod": None,
        "tokenBodyParameters": None,
        "tokenEndpoint": None,
        "supportState": False,
        "defaultScope": None,
        "bearerTokenSendingMethods": None,
        "resourceOwnerUsername": None,
        "resourceOwnerPassword": None,
        "useInTestConsole": True,
        "useInApiDocumentation": False,
    },
    secrets=("clientSecret",),
)
OPENID = Kept(
    collection="openidConnectProviders",
    label="OpenID Connect provider",
    required={"displayName": str, "metadataEndpoint": str, "clientId": str},
    defaults={"description": None, "useInTestConsole": True, "useInApiDocumentation": False},
    secrets=("clientSecret",),
)
IDENTITY_PROVIDER = Kept(
    collection="identityProviders",
    label="Identity provider",
    required={"clientId": str, "clientSecret": str},
    defaults={
        "type": None,
        "signinTenant": None,
        "allowedTenants": [],
        "authority": None,
        "signupPolicyName": None,
        "signinPolicyName": None,
        "profileEditingPolicyName": None,
        "passwordResetPolicyName": None,
        "clientLibrary": None,
    },
    secrets=("clientSecret",),
)
CACHE = Kept(
    collection="caches",
    label="Cache",
    required={"connectionString": str, "useFromLocation": str},
    defaults={"description": None, "resourceId": None},
)


def kept_secrets(request: ArmRequest, existing: Document | None) -> Body:
    """A PATCH need not repeat what never came back."""
    return existing.private if existing is not None and request.method == "PATCH" else {}


PROVIDERS = {name.lower(): name for name in ("facebook", "google", "microsoft", "twitter", "aad", "aadB2C")}


def finished(kind: Kept, request: ArmRequest, properties: Body) -> Body:
    """An identity provider has the type that its name says; a cache's connection string is kept in a named value."""
    if kind is IDENTITY_PROVIDER:
        named = PROVIDERS.get(request.params["one"].lower())
        if named is None:
            raise invalid(("identityProviderName", f"'{request.params['one']}' is not an identity provider."))
        return properties | {"type": named}
    if kind is CACHE:
        return properties | {"connectionString": kept_apart(request, properties["connectionString"], prefix="")}
    return properties


def entity_of(kind: Kept) -> Entity:
    return Entity(
        template=f"{SERVICE}/{kind.collection}/{{one}}",
        label=kind.label,
        normalise=lambda request, sent, existing: finished(
            kind, request, normalised(kind, {**kept_secrets(request, existing), **sent})
        ),
        private=lambda _, sent, existing: hidden(kind, sent, existing),
        uncovered=UNCOVERED,
    )


def secrets_of(kind: Kept) -> Handler:
    def list_secrets(request: ArmRequest, world: World) -> ArmResponse:
        found = world.arm.get(request.up_to("one"))
        if found is None:
            raise missing(kind.label)
        return ArmResponse(200, pretty(found.private), {"ETag": found.etag})

    return list_secrets


for kind in (AUTHORIZATION_SERVER, OPENID, IDENTITY_PROVIDER, CACHE):
    serve(entity_of(kind))
    if kind.secrets:
        route("POST", f"{SERVICE}/{kind.collection}/{{one}}/listSecrets", uncovered=UNCOVERED)(secrets_of(kind))
