"""Entra as clients and resources see it: the token endpoint, federated credentials, claims, managed identities."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jwt
import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.core.pipeline.transport import AioHttpTransport
from azure.identity.aio import ClientSecretCredential, WorkloadIdentityCredential
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from azuresim import Simulator
from azuresim.entra.directory import ManagedIdentity
from azuresim.entra.tokens import EntraError, InvalidToken, StaticIssuer
from azuresim.wire import HttpAnswer

OPERATOR = "0be7a70a-0000-4000-8000-0000000000aa"
DOOR = "d0000000-0000-4000-8000-0000000000bb"
SUBJECT = "system:serviceaccount:funcgate-system:funcgate"
SERVICE = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.ApiManagement/service/contoso"
ARM = "https://management.azure.com/.default"
ROLE = {
    "id": "70000000-0000-4000-8000-000000000001",
    "allowedMemberTypes": ["Application"],
    "displayName": "Call",
    "description": "May call",
    "value": "Functions.Call",
    "isEnabled": True,
}
JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


async def ask(azure: Simulator, tenant: str | None = None, **form: str) -> HttpAnswer:
    """A token request of the client-credentials kind; keywords are form fields."""
    fields = {"grant_type": "client_credentials", "client_id": OPERATOR, "scope": ARM, **form}
    path = f"/{tenant or azure.world.tenant_id}/oauth2/v2.0/token"
    async with azure.session() as session, session.post(azure.url + path, data=fields) as response:
        return HttpAnswer(response.status, response.headers, await response.read())


def claims_of(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


async def made_over_graph(azure: Simulator, **password: str) -> None:
    """A secret of the operator that the directory knows of."""
    app = azure.world.entra.application(OPERATOR)
    assert app is not None
    azure.world.entra.graph_permissions[OPERATOR] = {"Application.ReadWrite.All"}
    headers, body = azure.graph_headers(OPERATOR), {"passwordCredential": password}
    answer = await azure.send("POST", "", f"/v1.0/applications/{app['id']}/addPassword", headers=headers, json=body)
    assert answer.status == 200


def key_id(azure: Simulator) -> str:
    [key] = azure.world.entra.secret_of_key
    return key


def refusal(answer: HttpAnswer) -> tuple[int, str, list[int]]:
    body = answer.data()
    assert body["error_description"].startswith(f"AADSTS{body['error_codes'][0]}: ")
    return answer.status, body["error"], body["error_codes"]


@pytest.fixture
def issuer(azure: Simulator) -> StaticIssuer:
    """The operator's federated credential trusts this issuer for SUBJECT."""
    made = azure.world.entra.static_issuer()
    azure.world.entra.add_federated_credential(OPERATOR, issuer=made.issuer, subject=SUBJECT)
    return made


@pytest.fixture
def identity(azure: Simulator) -> ManagedIdentity:
    return azure.world.entra.ensure_system_identity(SERVICE)


def door(azure: Simulator, version: int | None, **more: Any) -> dict[str, Any]:
    uris = [f"api://{DOOR}"]
    return azure.world.entra.add_application(
        "door", client_id=DOOR, token_version=version, identifier_uris=uris, **more
    )


# --- client credentials -----------------------------------------------------------------------------------------------
async def test_a_secret_buys_a_token_for_the_scope(azure: Simulator) -> None:
    """Source: learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow."""
    azure.world.entra.add_secret(OPERATOR, "right")
    answer = await ask(azure, client_secret="right")
    assert (answer.status, answer.data()["token_type"], answer.data()["expires_in"]) == (200, "Bearer", 3599)
    claims = claims_of(answer.data()["access_token"])
    assert (claims["aud"], claims["appid"], claims["ver"]) == ("https://management.azure.com", OPERATOR, "1.0")


async def test_a_wrong_secret_is_refused(azure: Simulator) -> None:
    """Source: threads of MicrosoftDocs/azure-docs and ahaenggli/AzureAD-LDAP-wrapper quoting AADSTS7000215."""
    azure.world.entra.add_secret(OPERATOR, "right")
    answer = await ask(azure, client_secret="wrong")
    assert refusal(answer) == (401, "invalid_client", [7000215])
    assert "wrong" not in answer.data()["error_description"]


async def test_a_secret_that_has_ended_is_refused(azure: Simulator) -> None:
    """Source: learn.microsoft.com/entra/identity-platform/reference-error-codes (AADSTS7000222)."""
    await made_over_graph(azure, endDateTime="2026-01-01T00:00:00Z")
    answer = await ask(azure, client_secret=azure.world.entra.secret_of_key[key_id(azure)])
    assert refusal(answer) == (401, "invalid_client", [7000222])


async def test_a_client_that_was_disabled_gets_no_token(azure: Simulator) -> None:
    """Source: learn.microsoft.com/entra/identity-platform/reference-error-codes (AADSTS7000112)."""
    azure.world.entra.add_secret(OPERATOR, "right")
    principal = azure.world.entra.principal(OPERATOR)
    assert principal is not None
    principal["accountEnabled"] = False
    assert refusal(await ask(azure, client_secret="right")) == (400, "unauthorized_client", [7000112])


async def test_a_resource_that_was_disabled_gets_no_tokens_made_for_it(azure: Simulator) -> None:
    """Source: learn.microsoft.com/entra/identity-platform/reference-error-codes (AADSTS500014)."""
    azure.world.entra.add_secret(OPERATOR, "right")
    principal = azure.world.entra.principal(door(azure, 2)["appId"])
    assert principal is not None
    principal["accountEnabled"] = False
    answer = await ask(azure, client_secret="right", scope=f"api://{DOOR}/.default")
    assert refusal(answer) == (400, "invalid_resource", [500014])


@pytest.mark.parametrize(("version", "claim"), [(2, "azpacr"), (1, "appidacr")])
async def test_a_token_tells_whether_its_client_showed_a_secret(
    azure: Simulator, issuer: StaticIssuer, version: int, claim: str
) -> None:
    """Source: learn.microsoft.com/entra/identity-platform/access-token-claims-reference (appidacr, azpacr)."""
    azure.world.entra.add_secret(OPERATOR, "right")
    door(azure, version)
    scope = f"api://{DOOR}/.default"
    proven = {"client_assertion_type": JWT_BEARER, "client_assertion": issuer.assertion(SUBJECT)}
    by_secret, by_assertion = (
        await ask(azure, client_secret="right", scope=scope),
        await ask(azure, scope=scope, **proven),
    )
    shown = [claims_of(answer.data()["access_token"])[claim] for answer in (by_secret, by_assertion)]
    assert shown == ["1", "2"]


@pytest.mark.assumed
async def test_no_proof_at_all_is_refused(azure: Simulator) -> None:
    """Source: threads of MicrosoftDocs/azure-docs quoting AADSTS7000216; the status is assumed."""
    assert refusal(await ask(azure)) == (401, "invalid_client", [7000216])


async def test_an_unknown_client_is_refused(azure: Simulator) -> None:
    """Source: threads of Azure/azure-powershell quoting AADSTS700016."""
    answer = await ask(azure, client_id="99999999-0000-4000-8000-000000000000", client_secret="x")
    assert refusal(answer) == (400, "unauthorized_client", [700016])


async def test_another_tenant_is_refused(azure: Simulator) -> None:
    """Source: learn.microsoft.com/entra/identity-platform/reference-error-codes (AADSTS90002)."""
    answer = await ask(azure, tenant="22222222-0000-4000-8000-000000000000", client_secret="x")
    assert answer.data()["error_codes"] == [90002]


@pytest.mark.parametrize("scope", ["https://management.azure.com", "a/.default b/.default"])
async def test_a_scope_must_end_in_default(azure: Simulator, scope: str) -> None:
    """Source: learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow (scope)."""
    azure.world.entra.add_secret(OPERATOR, "right")
    assert refusal(await ask(azure, client_secret="right", scope=scope)) == (400, "invalid_scope", [1002012])


async def test_a_resource_that_the_tenant_lacks_is_refused(azure: Simulator) -> None:
    """Source: learn.microsoft.com/entra/identity-platform/reference-error-codes (AADSTS500011)."""
    azure.world.entra.add_secret(OPERATOR, "right")
    answer = await ask(azure, client_secret="right", scope="api://nobody/.default")
    assert refusal(answer) == (400, "invalid_resource", [500011])
    assert "api://nobody" in answer.data()["error_description"]


async def test_an_application_without_service_principal_is_no_resource(azure: Simulator) -> None:
    """Source: learn.microsoft.com/entra/identity-platform/app-objects-and-service-principals."""
    azure.world.entra.add_secret(OPERATOR, "right")
    door(azure, 2, service_principal=False)
    answer = await ask(azure, client_secret="right", scope=f"{DOOR}/.default")
    assert answer.data()["error_codes"] == [500011]


@pytest.mark.assumed
@pytest.mark.item("web-2")
async def test_a_required_assignment_that_is_missing_is_refused(azure: Simulator) -> None:
    """Source: threads of Azure/azure-functions-host quoting AADSTS501051; error word and status are assumed."""
    azure.world.entra.add_secret(OPERATOR, "right")
    door(azure, 2)
    resource = azure.world.entra.principal(DOOR)
    assert resource is not None
    resource["appRoleAssignmentRequired"] = True
    answer = await ask(azure, client_secret="right", scope=f"{DOOR}/.default")
    assert refusal(answer) == (400, "invalid_grant", [501051])


# --- workload identity federation -------------------------------------------------------------------------------------
async def test_an_assertion_of_the_federated_issuer_buys_a_token(azure: Simulator, issuer: StaticIssuer) -> None:
    """Source: learn.microsoft.com/entra/workload-id/workload-identity-federation."""
    assertion = issuer.assertion(SUBJECT)
    answer = await ask(azure, client_assertion=assertion, client_assertion_type=JWT_BEARER)
    assert (answer.status, claims_of(answer.data()["access_token"])["appid"]) == (200, OPERATOR)


@pytest.mark.parametrize(
    ("wrong", "specific_code"),
    [("issuer", 700211), ("subject", 700213), ("audience", 700212)],
)
@pytest.mark.parametrize("specific", [False, True])
async def test_an_assertion_that_no_credential_matches_is_refused(
    azure: Simulator, issuer: StaticIssuer, wrong: str, specific_code: int, specific: bool
) -> None:
    """Source: threads of Azure/azure-workload-identity quoting 70021 and, since 2025, the specific codes."""
    azure.world.switches.entra_specific_federation_codes = specific
    other = azure.world.entra.static_issuer("https://other.simulated.example")
    assertion = {
        "issuer": other.assertion(SUBJECT),
        "subject": issuer.assertion("system:serviceaccount:elsewhere:x"),
        "audience": issuer.assertion(SUBJECT, audience="api://something-else"),
    }[wrong]
    answer = await ask(azure, client_assertion=assertion, client_assertion_type=JWT_BEARER)
    expected = (401, "invalid_client", [specific_code]) if specific else (400, "invalid_request", [70021])
    assert refusal(answer) == expected


async def test_the_subject_is_compared_with_case(azure: Simulator, issuer: StaticIssuer) -> None:
    """Source: learn.microsoft.com/entra/identity-platform/reference-breaking-changes (case-sensitive matching)."""
    assertion = issuer.assertion(SUBJECT.upper())
    answer = await ask(azure, client_assertion=assertion, client_assertion_type=JWT_BEARER)
    assert answer.data()["error_codes"] == [70021]


async def test_an_assertion_with_a_foreign_signature_is_refused(azure: Simulator, issuer: StaticIssuer) -> None:
    """Source: learn.microsoft.com/entra/identity-platform/reference-error-codes (AADSTS50013)."""
    now = int(azure.world.clock.timestamp())
    audience = "api://AzureADTokenExchange"
    claims = {"iss": issuer.issuer, "sub": SUBJECT, "aud": audience, "nbf": now, "exp": now + 600}
    forged = azure.world.entra.sign(claims, key="a stranger")
    answer = await ask(azure, client_assertion=forged, client_assertion_type=JWT_BEARER)
    assert answer.data()["error_codes"] == [50013]


async def test_an_assertion_that_has_expired_is_refused(azure: Simulator, issuer: StaticIssuer) -> None:
    """Source: learn.microsoft.com/entra/identity-platform/reference-error-codes (AADSTS700024)."""
    assertion = issuer.assertion(SUBJECT, seconds=600)
    azure.world.clock.advance(seconds=601)
    answer = await ask(azure, client_assertion=assertion, client_assertion_type=JWT_BEARER)
    assert answer.data()["error_codes"] == [700024]


async def test_an_issuer_can_be_trusted_by_one_public_key(azure: Simulator) -> None:
    """
    No Azure behaviour: How a cluster's service account issuer is made known; source: kubernetes.io, service
    account issuer discovery.
    """
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    azure.world.entra.trust_issuer("https://kubernetes.default.svc", pem)
    azure.world.entra.add_federated_credential(OPERATOR, issuer="https://kubernetes.default.svc", subject=SUBJECT)
    now = int(azure.world.clock.timestamp())
    claims = {"iss": "https://kubernetes.default.svc", "sub": SUBJECT, "aud": ["api://AzureADTokenExchange"]}
    assertion = jwt.encode({**claims, "nbf": now, "exp": now + 600}, key, algorithm="RS256")
    answer = await ask(azure, client_assertion=assertion, client_assertion_type=JWT_BEARER)
    assert answer.status == 200


# --- the log ----------------------------------------------------------------------------------------------------------
async def test_the_log_holds_neither_secrets_nor_assertions_nor_tokens(azure: Simulator, issuer: StaticIssuer) -> None:
    """No Azure behaviour: what tests print must not show what opens doors."""
    azure.world.entra.add_secret(OPERATOR, "right-and-secret")
    assertion = issuer.assertion(SUBJECT)
    answer = await ask(azure, client_secret="right-and-secret")
    await ask(azure, client_assertion=assertion, client_assertion_type=JWT_BEARER)
    written = repr(azure.world.log)
    assert [call.body["client_id"] for call in azure.world.calls(service="entra")] == [OPERATOR] * 2
    for secret in ("right-and-secret", assertion, answer.data()["access_token"]):
        assert secret not in written


# --- the real SDK -----------------------------------------------------------------------------------------------------
async def test_azure_identity_signs_in_with_a_projected_token_file(
    azure: Simulator, issuer: StaticIssuer, tmp_path: Path
) -> None:
    """Source: azure-identity 1.27 (WorkloadIdentityCredential posts to /{tenant}/oauth2/v2.0/token)."""
    assert issuer.issuer in azure.world.entra.static_issuers
    token_file = azure.world.entra.write_assertions(tmp_path)[OPERATOR]
    transport = AioHttpTransport(session=azure.session(), session_owner=False)
    credential = WorkloadIdentityCredential(
        tenant_id=azure.world.tenant_id,
        client_id=OPERATOR,
        token_file_path=token_file,
        authority=azure.url,
        disable_instance_discovery=True,
        transport=transport,
    )
    async with credential:
        token = await credential.get_token(ARM)
    assert claims_of(token.token)["aud"] == "https://management.azure.com"


async def test_azure_identity_reports_a_refusal(azure: Simulator) -> None:
    """Source: azure-identity 1.27 (ClientAuthenticationError with the AADSTS text)."""
    transport = AioHttpTransport(session=azure.session(), session_owner=False)
    credential = ClientSecretCredential(
        azure.world.tenant_id, OPERATOR, "wrong", authority=azure.url, transport=transport, retry_total=0
    )
    async with credential:
        with pytest.raises(ClientAuthenticationError, match="AADSTS7000215"):
            await credential.get_token(ARM)


# --- metadata and keys ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("path", "issuer"),
    [
        ("v2.0/.well-known/openid-configuration", "https://login.microsoftonline.com/{tenant}/v2.0"),
        (".well-known/openid-configuration", "https://sts.windows.net/{tenant}/"),
    ],
)
async def test_metadata_has_the_real_issuer_and_keys_that_check_tokens(
    azure: Simulator, path: str, issuer: str
) -> None:
    """Source: learn.microsoft.com/entra/identity-platform/v2-protocols-oidc and access-tokens."""
    tenant = azure.world.tenant_id
    metadata = (await azure.send("GET", "", f"/{tenant}/{path}")).data()
    assert metadata["issuer"] == issuer.format(tenant=tenant)
    keys = (await azure.send("GET", "", metadata["jwks_uri"].removeprefix(azure.url))).data()["keys"]
    token = azure.world.entra.token_for_client(OPERATOR, "https://management.azure.com")
    key = next(key for key in keys if key["kid"] == jwt.get_unverified_header(token)["kid"])
    checked = jwt.decode(
        token, jwt.PyJWK.from_dict(key).key, algorithms=["RS256"], audience="https://management.azure.com"
    )
    assert checked["tid"] == tenant


# --- claims by the resource's token version ---------------------------------------------------------------------------
@pytest.mark.parametrize("version", [None, 1])
@pytest.mark.parametrize("resource", [DOOR, f"api://{DOOR}"])
@pytest.mark.item("web-1")
async def test_a_v1_token_has_v1_claims_and_echoes_the_resource(
    azure: Simulator, identity: ManagedIdentity, version: int | None, resource: str
) -> None:
    """Source: learn.microsoft.com/entra/identity-platform/access-token-claims-reference; a sample in
    AzureAD/microsoft-identity-web."""
    door(azure, version)
    claims = claims_of(azure.world.entra.managed_identity_token(identity, resource))
    tenant = azure.world.tenant_id
    assert claims["aud"] == resource
    assert claims["iss"] == f"https://sts.windows.net/{tenant}/"
    assert (claims["appid"], claims["appidacr"], claims["ver"]) == (identity.client_id, "2", "1.0")
    assert (claims["oid"], claims["sub"], claims["tid"]) == (identity.principal_id, identity.principal_id, tenant)
    assert not claims.keys() & {"azp", "azpacr", "roles", "scp", "idtyp"}


@pytest.mark.parametrize("resource", [DOOR, f"api://{DOOR}"])
@pytest.mark.item("web-1")
async def test_a_v2_token_has_v2_claims_and_always_the_client_id_as_audience(
    azure: Simulator, identity: ManagedIdentity, resource: str
) -> None:
    """Source: learn.microsoft.com/entra/identity-platform/access-token-claims-reference."""
    door(azure, 2)
    claims = claims_of(azure.world.entra.managed_identity_token(identity, resource))
    assert claims["aud"] == DOOR
    assert claims["iss"] == f"https://login.microsoftonline.com/{azure.world.tenant_id}/v2.0"
    assert (claims["azp"], claims["azpacr"], claims["ver"]) == (identity.client_id, "2", "2.0")
    assert not claims.keys() & {"appid", "appidacr", "idp", "roles", "scp", "idtyp"}


async def test_idtyp_comes_only_when_the_application_asks_for_it(azure: Simulator, identity: ManagedIdentity) -> None:
    """Source: learn.microsoft.com/entra/identity-platform/optional-claims-reference."""
    door(azure, 2, optionalClaims={"accessToken": [{"name": "idtyp"}]})
    assert claims_of(azure.world.entra.managed_identity_token(identity, DOOR))["idtyp"] == "app"


@pytest.mark.item("web-2")
async def test_roles_come_only_when_assigned(azure: Simulator, identity: ManagedIdentity) -> None:
    """Source: learn.microsoft.com/entra/identity-platform/access-token-claims-reference."""
    entra = azure.world.entra
    door(azure, 2, app_roles=[ROLE])
    resource = entra.principal(DOOR)
    assert resource is not None
    entra.assign(identity.principal_id, resource["id"], ROLE["id"])  # type: ignore[arg-type]  # a str in a mixed dict
    assert claims_of(entra.managed_identity_token(identity, DOOR))["roles"] == ["Functions.Call"]


# --- managed identities' cache ----------------------------------------------------------------------------------------
@pytest.mark.item("web-1")
async def test_a_managed_identity_token_lives_24_hours_and_5_minutes(
    azure: Simulator, identity: ManagedIdentity
) -> None:
    """Source: a sample in AzureAD/microsoft-identity-web."""
    door(azure, 2)
    claims = claims_of(azure.world.entra.managed_identity_token(identity, DOOR))
    assert claims["exp"] - claims["iat"] == 86_700


@pytest.mark.item("web-1")
async def test_the_same_token_is_handed_out_for_a_day_whatever_happens_to_roles(
    azure: Simulator, identity: ManagedIdentity
) -> None:
    """Source: learn.microsoft.com/entra/identity/managed-identities-azure-resources, best practice recommendations."""
    entra = azure.world.entra
    door(azure, 2, app_roles=[ROLE])
    first = entra.managed_identity_token(identity, DOOR)
    resource = entra.principal(DOOR)
    assert resource is not None
    entra.assign(identity.principal_id, resource["id"], str(ROLE["id"]))
    azure.world.clock.advance(seconds=86_399)
    assert entra.managed_identity_token(identity, DOOR) == first
    azure.world.clock.advance(seconds=1)
    assert claims_of(entra.managed_identity_token(identity, DOOR))["roles"] == ["Functions.Call"]


async def test_another_resource_string_is_another_cache_entry(azure: Simulator, identity: ManagedIdentity) -> None:
    """Source: learn.microsoft.com/entra/identity/managed-identities-azure-resources ("per resource URI")."""
    door(azure, 2)
    entra = azure.world.entra
    assert entra.managed_identity_token(identity, DOOR) != entra.managed_identity_token(identity, f"api://{DOOR}")


async def test_an_assignment_required_later_does_not_cut_off_a_cached_token(
    azure: Simulator, identity: ManagedIdentity
) -> None:
    """Source: learn.microsoft.com/entra/identity/managed-identities-azure-resources, best practice recommendations."""
    entra = azure.world.entra
    door(azure, 2)
    first = entra.managed_identity_token(identity, DOOR)
    resource = entra.principal(DOOR)
    assert resource is not None
    resource["appRoleAssignmentRequired"] = True
    assert entra.managed_identity_token(identity, DOOR) == first
    azure.world.clock.advance(seconds=86_400)
    with pytest.raises(EntraError, match="AADSTS501051"):
        entra.managed_identity_token(identity, DOOR)


@pytest.mark.assumed
async def test_a_refusal_is_not_cached(azure: Simulator, identity: ManagedIdentity) -> None:
    """Assumed by analogy: a registration made a minute later is found."""
    with pytest.raises(EntraError, match="AADSTS500011"):
        azure.world.entra.managed_identity_token(identity, DOOR)
    door(azure, 2)
    assert claims_of(azure.world.entra.managed_identity_token(identity, DOOR))["aud"] == DOOR


async def test_an_identity_that_was_switched_off_gets_no_token_and_comes_back_as_another(
    azure: Simulator, identity: ManagedIdentity
) -> None:
    """Source: learn.microsoft.com/azure/api-management/api-management-howto-use-managed-service-identity."""
    door(azure, 2)
    azure.world.entra.drop_identity(SERVICE)
    with pytest.raises(EntraError, match="AADSTS700016"):
        azure.world.entra.managed_identity_token(identity, DOOR)
    again = azure.world.entra.ensure_system_identity(SERVICE)
    assert {again.principal_id, again.client_id}.isdisjoint({identity.principal_id, identity.client_id})


# --- checking tokens --------------------------------------------------------------------------------------------------
async def test_verify_refuses_expired_forged_and_broken_tokens(azure: Simulator) -> None:
    """Source: RFC 7519, sections 4.1.4 and 7.2."""
    entra = azure.world.entra
    good = entra.token_for_client(OPERATOR, "https://management.azure.com")
    assert entra.verify(good)["appid"] == OPERATOR
    head, payload, signature = good.split(".")
    for bad in (entra.sign({}, key="other"), entra.sign({}, seconds=-1), f"{head}.{payload}.{signature[::-1]}", "x"):
        with pytest.raises(InvalidToken):
            entra.verify(bad)
