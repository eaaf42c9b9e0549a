"""
Entra's tokens: keys, claims by the resource's token version, managed identities' day-long cache, federated credentials.

    entra.managed_identity_token(identity, resource)   86,700 s, cached per resource string for 24 h
    entra.token_for_client(client_id, resource)        another application's valid token (no proof asked)
    entra.verify(token, audiences=None)                -> claims, or InvalidToken (signature, lifetime, audience)
    entra.caller(header, audiences)                    -> whose bearer token an Authorization header carries
    entra.sign(claims, …)                              a token with just these claims, for wrong ones in tests
    entra.add_secret(client_id, secret)
    entra.add_federated_credential(client_id, issuer=…, subject=…)
    entra.trust_issuer(issuer, jwks or PEM public key)          e.g. a kube-apiserver's service account issuer
    entra.static_issuer()                                       -> StaticIssuer; .assertion(subject) signs an assertion
    EntraError(code, error, text, status)                       AADSTS… refusals

`identity` is a ManagedIdentity, or its resource, principal or client id. Sources: "Access token claims reference" and
"Managed identity best practice recommendations" (learn.microsoft.com/entra), AzureAD/microsoft-identity-web samples.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from azuresim.entra.directory import Body, Directory, ManagedIdentity

if TYPE_CHECKING:
    from azuresim.world import World

Claims = dict[str, Any]
EXCHANGE_AUDIENCE = "api://AzureADTokenExchange"
ARM_AUDIENCES = ("https://management.azure.com", "https://management.core.windows.net")
GRAPH_AUDIENCES = ("https://graph.microsoft.com", "00000003-0000-0000-c000-000000000000")
FIRST_PARTY = {*ARM_AUDIENCES, *GRAPH_AUDIENCES, "https://storage.azure.com", "https://api.loganalytics.io"}
ISSUERS = {
    "AzurePublic": ("https://sts.windows.net", "https://login.microsoftonline.com"),
    "AzureUSGovernment": ("https://sts.windows.net", "https://login.microsoftonline.us"),
    "AzureChina": ("https://sts.chinacloudapi.cn", "https://login.partner.microsoftonline.cn"),
}
"""Who signs version 1 and version 2 tokens in each cloud; assumed but for the public one."""
IDENTITY_TOKEN_SECONDS = 86_700
IDENTITY_CACHE_SECONDS = 86_400
CLIENT_TOKEN_SECONDS = 3_599
SKEW_SECONDS = 300
MOST_VERIFIED = 10_000


class InvalidToken(Exception):  # the name that the simulator's authors agreed on
    """A token that is not accepted; `arm_code` is the more specific code that ARM has for it."""

    def __init__(self, text: str, arm_code: str = "InvalidAuthenticationToken") -> None:
        super().__init__(text)
        self.arm_code = arm_code


class EntraError(Exception):
    """A refusal by Entra: `code` 500011 is AADSTS500011."""

    def __init__(self, code: int, error: str, text: str, status: int = 400) -> None:
        super().__init__(f"AADSTS{code}: {text}")
        self.code, self.error, self.status = code, error, status


@dataclass(frozen=True, kw_only=True)
class Caller:
    client_id: str
    object_id: str
    claims: Mapping[str, Any]

    @classmethod
    def of(cls, claims: Mapping[str, Any]) -> Caller:
        client_id = str(claims.get("appid") or claims.get("azp") or "")
        return cls(client_id=client_id, object_id=str(claims.get("oid", "")), claims=claims)


@dataclass(frozen=True, slots=True)
class Accepted:
    """A caller whose token was found good for these audiences, and when it is."""

    caller: Caller
    audiences: Collection[str]
    begins: float
    ends: float

    def good_at(self, moment: float) -> bool:
        return self.begins <= moment < self.ends


@dataclass(frozen=True, kw_only=True)
class FederatedCredential:
    client_id: str
    issuer: str
    subject: str
    audience: str = EXCHANGE_AUDIENCE


_KEYS: dict[str, rsa.RSAPrivateKey] = {}


def rsa_key(name: str) -> rsa.RSAPrivateKey:
    """One key per name and process: making one takes a tenth of a second."""
    if name not in _KEYS:
        _KEYS[name] = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return _KEYS[name]


def keep_rsa_key(name: str, pem: str) -> None:
    """The key of that name is this one from now on: what another process signed with it is valid here."""
    found = serialization.load_pem_private_key(pem.encode(), None)
    assert isinstance(found, rsa.RSAPrivateKey)
    _KEYS[name] = found


def jwk(key: rsa.RSAPrivateKey, kid: str) -> Body:
    public: Body = json.loads(RSAAlgorithm.to_jwk(key.public_key()))
    return {**public, "kid": kid, "use": "sig", "alg": "RS256"}


@dataclass(frozen=True)
class StaticIssuer:
    """An issuer of workload identities for tests: what a cluster's service account issuer is."""

    issuer: str
    world: World

    @property
    def kid(self) -> str:
        return "static-issuer"

    def jwks(self) -> Body:
        return {"keys": [jwk(rsa_key(self.issuer), self.kid)]}

    def assertion(self, subject: str, *, audience: str = EXCHANGE_AUDIENCE, seconds: int = 3600) -> str:
        """A signed service account token, ready to be written to AZURE_FEDERATED_TOKEN_FILE."""
        now = int(self.world.clock.timestamp())
        claims = {"iss": self.issuer, "sub": subject, "aud": [audience], "iat": now, "nbf": now, "exp": now + seconds}
        return jwt.encode(claims, rsa_key(self.issuer), algorithm="RS256", headers={"kid": self.kid})


class Entra(Directory):
    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.cloud = "AzurePublic"
        self.kid = "simulated-key"
        self.published = [self.kid]
        self.secrets: dict[str, set[str]] = {}
        self.federated: list[FederatedCredential] = []
        self.issuers: dict[str, list[Any]] = {}
        self.static_issuers: dict[str, StaticIssuer] = {}
        self.attached: list[str] = []
        self.attached_sites: dict[str, list[str]] = {}
        self.certificates: dict[str, list[str]] = {}
        self.sign_ins: list[Body] = []
        self._verified: dict[str, Claims] = {}
        self._accepted: dict[str, Accepted] = {}
        self._cached: dict[tuple[str, str], tuple[float, str]] = {}

    # --- names --------------------------------------------------------------------------------------------------------
    def issuer(self, version: int) -> str:
        """The real names of `cloud`: sts.windows.net for v1, login.microsoftonline.com for v2 in the public one."""
        v1, v2 = ISSUERS[self.cloud]
        return f"{v1}/{self.tenant_id}/" if version == 1 else f"{v2}/{self.tenant_id}/v2.0"

    def jwks(self) -> Body:
        """The published keys, newest first."""
        return {"keys": [jwk(rsa_key(kid), kid) for kid in reversed(self.published)]}

    # --- issuing ------------------------------------------------------------------------------------------------------
    def sign(self, claims: Mapping[str, Any], *, seconds: int = CLIENT_TOKEN_SECONDS, key: str | None = None) -> str:
        """A token with iat, nbf, exp and uti added where they are missing; another `key` makes a forged one."""
        now = int(self.world.clock.timestamp())
        times = {"iat": now, "nbf": now, "exp": now + seconds, "uti": self.world.hexadecimal(22)}
        return jwt.encode({**times, **claims}, rsa_key(key or self.kid), algorithm="RS256", headers={"kid": self.kid})

    def managed_identity_token(self, identity: ManagedIdentity | str, resource: str) -> str:
        """
        The identity's token for `resource`: the cached one for a day, whatever has happened to roles since.

        Raises EntraError 500011 (no such resource), 501051 (assignment required and missing), 700016 (no such
        identity).
        """
        found = identity if isinstance(identity, ManagedIdentity) else self.identity(identity)
        if found is None or found.principal_id not in self.service_principals:
            raise unknown_client(str(identity), self.tenant_id)
        now = self.world.clock.timestamp()
        since, token = self._cached.get((found.principal_id, resource), (float("-inf"), ""))
        if now - since >= IDENTITY_CACHE_SECONDS:
            try:
                token = self.sign(self.claims(found.client_id, resource), seconds=IDENTITY_TOKEN_SECONDS)
            except EntraError as refused:
                self._note_sign_in(found, resource, str(refused.code), str(refused))
                raise
            self._cached[found.principal_id, resource] = (now, token)
            self._note_sign_in(found, resource, "0", "")
        return token

    def _note_sign_in(self, identity: ManagedIdentity, resource: str, result: str, text: str) -> None:
        """
        A row of the sign-in log: a token that comes out of the cache makes none.

        Source: Azure Monitor's reference of AADManagedIdentitySignInLogs. Assumed: ResultType is "0" or the number.
        """
        target: Body = {}
        with contextlib.suppress(EntraError):
            target = self._resource(resource)
        self.sign_ins.append(
            {
                "at": self.world.clock.timestamp(),
                "OperationName": "Sign-in activity",
                "ResultType": result,
                "ResultDescription": text,
                "AppId": identity.client_id,
                "ServicePrincipalId": identity.principal_id,
                "ResourceIdentity": target.get("appId", resource),
                "ResourceServicePrincipalId": target.get("id", ""),
                "ResourceDisplayName": target.get("displayName", ""),
                "UniqueTokenIdentifier": self.world.hexadecimal(22),
            }
        )

    def token_for_client(
        self, client_id: str, resource: str, *, seconds: int = CLIENT_TOKEN_SECONDS, secret: bool = False
    ) -> str:
        """
        A valid token of that client for the resource; EntraError as for everyone else.

        `secret`: it proved itself by one, and not by an assertion, which `appidacr` or `azpacr` tell (1 and 2).
        Source: learn.microsoft.com/entra/identity-platform/access-token-claims-reference.
        """
        claims = self.claims(client_id, resource)
        proof = "azpacr" if "azpacr" in claims else "appidacr"
        return self.sign(claims | {proof: "1" if secret else "2"}, seconds=seconds)

    def claims(self, client_id: str, resource: str) -> Claims:
        """
        The claims of an app-only token, by the token version of the resource's application.

        v1 echoes the resource as `aud`, character for character; v2 always has the client id. `roles` only when
        assigned, `idtyp` only when the application asks for it as an optional claim.
        """
        client = self.principal(client_id)
        if client is None:
            raise unknown_client(client_id, self.tenant_id)
        if resource.rstrip("/") in FIRST_PARTY:
            return self._v1(client, resource) | self._graph_roles(client, resource)
        target = self._resource(resource)
        if target.get("accountEnabled") is False:
            raise disabled(resource)
        roles = self.assigned_roles(client["id"], target["id"])
        if roles is None and target["appRoleAssignmentRequired"]:
            raise not_assigned(client, target)
        application = self.application(target["appId"]) or {}
        version = (application.get("api") or {}).get("requestedAccessTokenVersion")
        claims = self._v2(client, target["appId"]) if version == 2 else self._v1(client, resource)
        return claims | ({"roles": roles} if roles else {}) | optional_claims(application)

    def _v1(self, client: Body, audience: str) -> Claims:
        issuer = self.issuer(1)
        names = {"appid": client["appId"], "appidacr": "2", "idp": issuer, "ver": "1.0"}
        return {"aud": audience, "iss": issuer, **names, **self._subject(client)}

    def _v2(self, client: Body, audience: str) -> Claims:
        names = {"azp": client["appId"], "azpacr": "2", "ver": "2.0"}
        return {"aud": audience, "iss": self.issuer(2), **names, **self._subject(client)}

    def _subject(self, client: Body) -> Claims:
        return {"oid": client["id"], "sub": client["id"], "tid": self.tenant_id}

    def _graph_roles(self, client: Body, resource: str) -> Claims:
        granted = sorted(self.graph_permissions.get(client["appId"], ()))
        return {"roles": granted} if granted and resource.rstrip("/") in GRAPH_AUDIENCES else {}

    def _resource(self, resource: str) -> Body:
        """The service principal that a resource string names; EntraError 500011 when the tenant has none."""
        wanted = resource.rstrip("/").lower()
        for principal in self.service_principals.values():
            application = self.application(principal["appId"]) or {}
            names = [principal["appId"], *principal["servicePrincipalNames"], *application.get("identifierUris", [])]
            if wanted in (name.rstrip("/").lower() for name in names):
                return principal
        raise EntraError(
            500011,
            "invalid_resource",
            f"The resource principal named {resource} was not found in the tenant named {self.tenant_id}. This can "
            "happen if the application has not been installed by the administrator of the tenant or consented to by "
            "any user in the tenant. You might have sent your authentication request to the wrong tenant.",
        )

    # --- whose machine this is ----------------------------------------------------------------------------------------
    def attach(self, *identities: str) -> None:
        """Whoever asks IMDS has these identities: resource, principal or client ids."""
        self.attached = list(identities)

    def attach_site(self, secret: str, *identities: str) -> None:
        """Whoever shows this secret to App Service's endpoint has these identities."""
        self.attached_sites[secret] = list(identities)

    # --- checking -----------------------------------------------------------------------------------------------------
    def verify(self, token: str, *, audiences: Collection[str] | None = None) -> Claims:
        """The claims of a token that this Entra signed and that is in its time; InvalidToken otherwise."""
        claims = self._signed_by_us(token)
        now = self.world.clock.timestamp()
        if now >= claims.get("exp", 0):
            raise InvalidToken("The access token has expired.", "ExpiredAuthenticationToken")
        if now < claims.get("nbf", 0) - SKEW_SECONDS:
            raise InvalidToken("The access token is not yet valid.")
        if audiences is not None and str(claims.get("aud", "")).rstrip("/") not in audiences:
            raise InvalidToken(
                f"The access token has been obtained for wrong audience or resource '{claims.get('aud')}'.",
                "InvalidAuthenticationTokenAudience",
            )
        return claims

    def caller(self, authorization: str, audiences: Collection[str]) -> Caller | None:
        """
        Whose bearer token the header carries: None when it carries none, InvalidToken when it is not accepted.

        Clients send one header with very many calls; of one that is known only its time is looked at.
        """
        known = self._accepted.get(authorization)
        if known is not None and known.audiences is audiences and known.good_at(self.world.clock.timestamp()):
            return known.caller
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            return None
        claims = self.verify(token.strip(), audiences=audiences)
        if len(self._accepted) >= MOST_VERIFIED:
            self._accepted.clear()
        begins = claims.get("nbf", 0) - SKEW_SECONDS
        found = Accepted(Caller.of(claims), audiences, begins, claims.get("exp", 0))
        self._accepted[authorization] = found
        return found.caller

    def _signed_by_us(self, token: str) -> Claims:
        """The claims of a token with a good signature; a token is looked at once, for that takes long."""
        known = self._verified.get(token)
        if known is not None:
            return known
        options: Any = {"verify_aud": False, "verify_exp": False, "verify_nbf": False, "verify_iat": False}
        for kid in self.published:
            with contextlib.suppress(jwt.PyJWTError):
                claims: Claims = jwt.decode(token, rsa_key(kid).public_key(), algorithms=["RS256"], options=options)
                if len(self._verified) >= MOST_VERIFIED:
                    self._verified.clear()
                self._verified[token] = claims
                return claims
        raise InvalidToken("The access token is invalid: its signature fits no published key.")

    # --- keys ---------------------------------------------------------------------------------------------------------
    def roll_keys(self) -> None:
        """New tokens are signed by a new key; the old one stays published, so that older tokens stay good."""
        self.kid = f"simulated-key-{len(self.published) + 1}"
        self.published.append(self.kid)

    def retire_keys(self) -> None:
        """Only the newest key is published: tokens of older ones are refused from now on."""
        self.published = [self.kid]
        self._verified.clear()
        self._accepted.clear()

    # --- proofs of clients --------------------------------------------------------------------------------------------
    def add_secret(self, client_id: str, secret: str) -> None:
        self.secrets.setdefault(client_id.lower(), set()).add(secret)

    def secret_has_ended(self, client_id: str, secret: str) -> bool:
        """Whether the directory says that this secret of the application, or of its service principal, is over."""
        now = self.world.clock.stamp()
        both = (self.application(client_id) or {}, self.principal(client_id) or {})
        held = [one for body in both for one in body.get("passwordCredentials") or []]
        return any(
            self.secret_of_key.get(one["keyId"]) == secret and str(one.get("endDateTime") or now) < now for one in held
        )

    def add_certificate(self, client_id: str, pem: str) -> None:
        """The client may prove itself with assertions that this certificate's key signed."""
        self.certificates.setdefault(client_id.lower(), []).append(pem)

    def add_federated_credential(
        self, client_id: str, *, issuer: str, subject: str, audience: str = EXCHANGE_AUDIENCE
    ) -> FederatedCredential:
        credential = FederatedCredential(client_id=client_id, issuer=issuer, subject=subject, audience=audience)
        self.federated.append(credential)
        return credential

    def trust_issuer(self, issuer: str, keys: Mapping[str, Any] | str | bytes) -> None:
        """Assertions of this issuer are checked with these keys: a JWKS, or one public key as PEM."""
        if isinstance(keys, Mapping):
            self.issuers[issuer] = [jwt.PyJWK.from_dict(dict(key)).key for key in keys["keys"]]
        else:
            self.issuers[issuer] = [keys]

    def static_issuer(self, issuer: str = "https://issuer.simulated.example/cluster") -> StaticIssuer:
        """A trusted issuer whose assertions tests can sign."""
        made = StaticIssuer(issuer, self.world)
        self.trust_issuer(issuer, made.jwks())
        self.static_issuers[issuer] = made
        return made

    def write_assertions(self, folder: Path, *, seconds: int = 3600) -> dict[str, str]:
        """A token file for each federated credential of a static issuer: client id -> path."""
        written: dict[str, str] = {}
        for credential in self.federated:
            issuer = self.static_issuers.get(credential.issuer)
            if issuer is not None:
                path = folder / f"{credential.client_id}.token"
                assertion = issuer.assertion(credential.subject, audience=credential.audience, seconds=seconds)
                path.write_text(assertion)
                written[credential.client_id] = str(path)
        return written


def optional_claims(application: Mapping[str, Any]) -> Claims:
    asked = (application.get("optionalClaims") or {}).get("accessToken") or []
    return {"idtyp": "app"} if any(claim.get("name") == "idtyp" for claim in asked) else {}


def disabled(resource: str) -> EntraError:
    return EntraError(
        500014,
        "invalid_resource",
        f"The service principal for resource '{resource}' is disabled. This indicate that a subscription within the "
        "tenant has lapsed, or that the administrator for this tenant has disabled the application, preventing tokens "
        "from being issued for it.",
    )


def unknown_client(client_id: str, tenant_id: str) -> EntraError:
    return EntraError(
        700016,
        "unauthorized_client",
        f"Application with identifier '{client_id}' was not found in the directory '{tenant_id}'. This can happen if "
        "the application has not been installed by the administrator of the tenant or consented to by any user in the "
        "tenant. You may have sent your authentication request to the wrong tenant.",
    )


def not_assigned(client: Body, target: Body) -> EntraError:
    return EntraError(
        501051,
        "invalid_grant",
        f"Application '{client['appId']}'({client['displayName']}) is not assigned to a role for the application "
        f"'{target['appId']}'({target['displayName']}).",
    )
