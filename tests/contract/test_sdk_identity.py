"""azure-identity against the simulated Entra: every way to prove who one is, and what refuses the wrong ones."""

from __future__ import annotations

import asyncio
import datetime as dt
from pathlib import Path
from typing import Any

import jwt
import msal
import pytest
import requests
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import CredentialUnavailableError
from azure.identity.aio import (
    CertificateCredential,
    ClientAssertionCredential,
    ClientSecretCredential,
    DefaultAzureCredential,
    EnvironmentCredential,
    ManagedIdentityCredential,
    WorkloadIdentityCredential,
)
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from azuresim import Simulator
from azuresim.entra.tokens import InvalidToken
from azuresim.msi import add_user_identity
from contract.conftest import OPERATOR

SCOPE = "https://management.azure.com/.default"
GROUP = "/subscriptions/00000000-aaaa-4000-8000-00000000000a/resourceGroups/shop"
MACHINE = f"{GROUP}/providers/Microsoft.Compute/virtualMachines/one"
CALLER = f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/caller"
OTHER = f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/other"


def there(azure: Simulator) -> dict[str, Any]:
    return {
        "authority": azure.url,
        "disable_instance_discovery": True,
        "connection_verify": str(azure.ca_file),
        "retry_total": 0,
    }


def claims_of(token: str) -> dict[str, Any]:
    found: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return found


def certificate() -> tuple[bytes, str]:
    """Key and certificate in one PEM, and the certificate alone."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "operator")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + dt.timedelta(days=30))
        .sign(key, hashes.SHA256())
    )
    public = made.public_bytes(serialization.Encoding.PEM)
    form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, form, plain) + public, public.decode()


# --- applications -----------------------------------------------------------------------------------------------------
async def test_a_secret_gets_a_token_and_a_wrong_one_does_not(azure: Simulator) -> None:
    """Source: learn.microsoft.com/entra/identity-platform/reference-error-codes (AADSTS7000215)."""
    azure.world.entra.add_secret(OPERATOR, "right")
    async with ClientSecretCredential(azure.world.tenant_id, OPERATOR, "right", **there(azure)) as credential:
        token = (await credential.get_token(SCOPE)).token
    assert claims_of(token)["appid"] == OPERATOR
    async with ClientSecretCredential(azure.world.tenant_id, OPERATOR, "wrong", **there(azure)) as credential:
        with pytest.raises(ClientAuthenticationError, match="AADSTS7000215"):
            await credential.get_token(SCOPE)


async def test_a_certificate_gets_a_token_and_an_unknown_one_does_not(azure: Simulator) -> None:
    """Source: learn.microsoft.com/entra/identity-platform/certificate-credentials; reference-error-codes (700027)."""
    pem, public = certificate()
    azure.world.entra.add_certificate(OPERATOR, public)
    tenant = azure.world.tenant_id
    async with CertificateCredential(tenant, OPERATOR, certificate_data=pem, **there(azure)) as credential:
        assert claims_of((await credential.get_token(SCOPE)).token)["appid"] == OPERATOR
    stranger, _ = certificate()
    async with CertificateCredential(tenant, OPERATOR, certificate_data=stranger, **there(azure)) as credential:
        with pytest.raises(ClientAuthenticationError, match="AADSTS700027"):
            await credential.get_token(SCOPE)


async def test_an_assertion_of_a_trusted_issuer_gets_a_token(azure: Simulator, tmp_path: Path) -> None:
    """Source: learn.microsoft.com/entra/workload-id/workload-identity-federation."""
    issuer = azure.world.entra.static_issuer()
    azure.world.entra.add_federated_credential(OPERATOR, issuer=issuer.issuer, subject="me")
    file = tmp_path / "token"
    file.write_text(issuer.assertion("me"))
    tenant, options = azure.world.tenant_id, there(azure)
    async with WorkloadIdentityCredential(
        tenant_id=tenant, client_id=OPERATOR, token_file_path=str(file), **options
    ) as credential:
        assert claims_of((await credential.get_token(SCOPE)).token)["appid"] == OPERATOR
    async with ClientAssertionCredential(tenant, OPERATOR, lambda: issuer.assertion("you"), **options) as credential:
        with pytest.raises(ClientAuthenticationError, match="AADSTS70021"):
            await credential.get_token(SCOPE)


@pytest.mark.parametrize("kind", [EnvironmentCredential, DefaultAzureCredential])
async def test_a_credential_of_the_environment_finds_its_way(
    azure: Simulator, monkeypatch: pytest.MonkeyPatch, kind: Any
) -> None:
    """Source: learn.microsoft.com/python/api/azure-identity (environment variables, order of the default chain)."""
    azure.world.entra.add_secret(OPERATOR, "right")
    monkeypatch.setenv("AZURE_TENANT_ID", azure.world.tenant_id)
    monkeypatch.setenv("AZURE_CLIENT_ID", OPERATOR)
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "right")
    async with kind(**there(azure)) as credential:
        token = (await credential.get_token(SCOPE)).token
    assert claims_of(token)["appid"] == OPERATOR


async def test_msal_keeps_a_token_and_answers_the_next_call_with_it(
    azure: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Source: learn.microsoft.com/entra/msal/python (acquire_token_for_client, token cache)."""
    azure.world.entra.add_secret(OPERATOR, "right")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(azure.ca_file))
    authority = f"{azure.url}/{azure.world.tenant_id}"

    def both() -> list[dict[str, Any]]:
        with requests.Session() as session:
            app = msal.ConfidentialClientApplication(
                OPERATOR, client_credential="right", authority=authority, instance_discovery=False, http_client=session
            )
            return [app.acquire_token_for_client([SCOPE]), app.acquire_token_for_client([SCOPE])]

    first, second = await asyncio.to_thread(both)
    assert (first["token_source"], second["token_source"]) == ("identity_provider", "cache")
    assert first["access_token"] == second["access_token"]
    assert len(azure.world.calls(method="POST", service="entra")) == 1


# --- managed identities -----------------------------------------------------------------------------------------------
@pytest.fixture
def machine(azure: Simulator, monkeypatch: pytest.MonkeyPatch) -> Simulator:
    """A machine with a system-assigned identity and two user-assigned ones."""
    entra = azure.world.entra
    entra.ensure_system_identity(MACHINE)
    for one in (CALLER, OTHER):
        add_user_identity(azure.world, one)
    entra.attach(MACHINE, CALLER, OTHER)
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", azure.url)
    return azure


async def oid_from_imds(azure: Simulator, **which: Any) -> str:
    async with ManagedIdentityCredential(**which, connection_verify=str(azure.ca_file), retry_total=0) as credential:
        return str(claims_of((await credential.get_token(SCOPE)).token)["oid"])


@pytest.mark.item("web-1")
async def test_imds_answers_for_the_machine_or_for_the_identity_that_is_named(machine: Simulator) -> None:
    """Source: learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token."""
    entra = machine.world.entra
    system, caller = entra.system_identity(MACHINE), entra.user_identity(CALLER)
    assert system is not None
    assert caller is not None
    assert await oid_from_imds(machine) == system.principal_id
    assert await oid_from_imds(machine, client_id=caller.client_id) == caller.principal_id
    assert await oid_from_imds(machine, identity_config={"object_id": caller.principal_id}) == caller.principal_id
    assert await oid_from_imds(machine, identity_config={"msi_res_id": CALLER}) == caller.principal_id


async def test_imds_knows_no_identity_that_the_machine_has_not(machine: Simulator) -> None:
    """Source: learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token (errors)."""
    machine.world.entra.attach(CALLER, OTHER)
    with pytest.raises((CredentialUnavailableError, ClientAuthenticationError)):
        await oid_from_imds(machine)


@pytest.mark.parametrize(
    ("target", "headers", "said"),
    [
        ("?api-version=2018-02-01&resource=https://x", {}, "Required metadata header not specified"),
        ("?resource=https://x", {"Metadata": "true"}, "'api-version'"),
        ("?api-version=2018-02-01", {"Metadata": "true"}, "'resource'"),
    ],
)
async def test_imds_refuses_what_lacks_something(
    machine: Simulator, target: str, headers: dict[str, str], said: str
) -> None:
    """Source: learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token (errors)."""
    answer = await machine.send("GET", "", f"/metadata/identity/oauth2/token{target}", headers=headers)
    assert (answer.status, answer.data()["error"]) == (400, "invalid_request")
    assert said in answer.data()["error_description"]


async def test_an_app_gets_its_tokens_by_its_identity_header(azure: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Source: learn.microsoft.com/azure/app-service/overview-managed-identity (REST endpoint reference)."""
    identity = azure.world.entra.ensure_system_identity(f"{GROUP}/providers/Microsoft.Web/sites/orders-fn")
    azure.world.entra.attach_site("the-secret", identity.principal_id)
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{azure.url}/msi/token")
    monkeypatch.setenv("IDENTITY_HEADER", "the-secret")
    assert await oid_from_imds(azure) == identity.principal_id
    monkeypatch.setenv("IDENTITY_HEADER", "another")
    with pytest.raises((CredentialUnavailableError, ClientAuthenticationError)):
        await oid_from_imds(azure)


# --- the endpoints themselves -----------------------------------------------------------------------------------------
async def posted(azure: Simulator, path: str, **form: str) -> Any:
    body = "&".join(f"{name}={value}" for name, value in form.items()).encode()
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    return await azure.send("POST", "", path, headers=kind, body=body)


async def test_the_v1_endpoint_takes_a_resource_and_tells_numbers_as_texts(azure: Simulator) -> None:
    """Source: learn.microsoft.com/previous-versions/azure/active-directory (v1-oauth2-client-creds-grant-flow)."""
    azure.world.entra.add_secret(OPERATOR, "right")
    sent = {"grant_type": "client_credentials", "client_id": OPERATOR, "client_secret": "right"}
    answer = await posted(
        azure, f"/{azure.world.tenant_id}/oauth2/token", **sent, resource="https://management.azure.com/"
    )
    body = answer.data()
    assert (answer.status, body["resource"], body["expires_in"]) == (200, "https://management.azure.com/", "3599")
    assert claims_of(body["access_token"])["aud"] == "https://management.azure.com/"


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({}, 900144),
        ({"grant_type": "client_credentials"}, 900144),
        ({"grant_type": "password", "client_id": OPERATOR}, 50126),
        ({"grant_type": "strange", "client_id": OPERATOR}, 70003),
    ],
)
async def test_what_a_token_request_lacks_is_named(azure: Simulator, form: dict[str, str], code: int) -> None:
    """Source: learn.microsoft.com/entra/identity-platform/reference-error-codes."""
    answer = await posted(azure, f"/{azure.world.tenant_id}/oauth2/v2.0/token", **form)
    assert (answer.status, answer.data()["error_codes"]) == (400, [code])


async def test_metadata_of_all_tenants_names_none_of_them(azure: Simulator) -> None:
    """Source: learn.microsoft.com/entra/identity-platform/v2-protocols-oidc (issuer with a template)."""
    answer = await azure.send("GET", "", "/common/v2.0/.well-known/openid-configuration")
    assert answer.data()["issuer"] == "https://login.microsoftonline.com/{tenantid}/v2.0"
    found = await azure.send("GET", "", "/common/discovery/instance?api-version=1.1&authorization_endpoint=x")
    assert found.data()["metadata"][0]["aliases"] == [f"127.0.0.1:{azure.port}"]


async def test_a_domain_of_the_tenant_stands_for_it_and_another_tenant_is_unknown(azure: Simulator) -> None:
    """Source: learn.microsoft.com/entra/identity-platform/reference-error-codes (AADSTS90002)."""
    known = await azure.send("GET", "", "/contoso.onmicrosoft.com/v2.0/.well-known/openid-configuration")
    assert azure.world.tenant_id in known.data()["issuer"]
    other = await azure.send("GET", "", "/fabrikam.onmicrosoft.com/v2.0/.well-known/openid-configuration")
    assert other.data()["error_codes"] == [90002]


async def test_tokens_of_a_key_that_is_no_longer_published_are_refused(azure: Simulator) -> None:
    """Source: learn.microsoft.com/entra/identity-platform/signing-key-rollover."""
    entra = azure.world.entra
    old = entra.token_for_client(OPERATOR, "https://management.azure.com")
    entra.roll_keys()
    new = entra.token_for_client(OPERATOR, "https://management.azure.com")
    keys = (await azure.send("GET", "", f"/{azure.world.tenant_id}/discovery/v2.0/keys")).data()["keys"]
    assert [key["kid"] for key in keys] == [jwt.get_unverified_header(token)["kid"] for token in (new, old)]
    assert entra.verify(old)["appid"] == entra.verify(new)["appid"]
    entra.retire_keys()
    assert entra.verify(new)
    with pytest.raises(InvalidToken):
        entra.verify(old)
