"""What Graph takes and refuses of an application or a service principal: types, URIs, credentials, owners."""

from __future__ import annotations

import base64
import uuid
from datetime import UTC, datetime
from typing import Any

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from azuresim import Simulator
from azuresim.wire import HttpAnswer
from contract.conftest import OPERATOR

pytestmark = [pytest.mark.item("web-10")]
UPSERT = {"Prefer": "create-if-missing"}
NOBODY = "99999999-0000-4000-8000-000000000000"


@pytest.fixture(autouse=True)
def rights(azure: Simulator) -> None:
    azure.world.entra.graph_permissions[OPERATOR] = {"Application.ReadWrite.All", "Directory.Read.All"}


async def graph(azure: Simulator, method: str, path: str, body: Any = None, **more: Any) -> HttpAnswer:
    sent = {**azure.graph_headers(OPERATOR), **more.get("headers", {})}
    return await azure.send(method, "", f"/v1.0{path}", headers=sent, json=body)


async def an_app(azure: Simulator, **more: Any) -> dict[str, Any]:
    answer = await graph(azure, "POST", "/applications", {"displayName": "door", **more})
    assert answer.status == 201, answer.body
    body: dict[str, Any] = answer.data()
    return body


async def a_principal(azure: Simulator, app: dict[str, Any], **more: Any) -> dict[str, Any]:
    answer = await graph(azure, "POST", "/servicePrincipals", {"appId": app["appId"], **more})
    assert answer.status == 201, answer.body
    body: dict[str, Any] = answer.data()
    return body


def refusal(answer: HttpAnswer) -> tuple[int, str, str]:
    error = answer.data()["error"]
    return answer.status, error["code"], error["message"]


def operator_id(azure: Simulator) -> str:
    found = azure.world.entra.principal(OPERATOR)
    assert found is not None
    return str(found["id"])


def link(object_id: str) -> str:
    return f"https://graph.microsoft.com/v1.0/directoryObjects/{object_id}"


# --- types ------------------------------------------------------------------------------------------------------------
@pytest.mark.assumed
@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"web": {"redirectUris": "https://a.example"}}, "unexpected 'PrimitiveValue' node .* A 'StartArray' node was"),
        ({"spa": ["https://a.example"]}, "unexpected 'StartArray' node .* A 'StartObject' node was expected"),
        ({"displayName": {"en": "x"}}, "unexpected 'StartObject' node .* A 'PrimitiveValue' node was expected"),
        ({"isFallbackPublicClient": "yes"}, "Cannot convert a primitive value to the expected type 'Edm.Boolean'"),
        ({"notes": 7}, "expected type 'Edm.String'"),
        ({"api": {"requestedAccessTokenVersion": "2"}}, "expected type 'Edm.Int32'"),
        ({"appRoles": [{"id": "x"}]}, "Cannot convert the literal 'x' to the expected type 'Edm.Guid'"),
        ({"appRoles": [{"id": ""}]}, "Cannot convert the literal '' to the expected type 'Edm.Guid'"),
        ({"tags": None}, "A null value was found for the property named 'tags'"),
        ({"tags": [None]}, "does not allow null values"),
        ({"keyCredentials": [{"key": "no base64!"}]}, "expected type 'Edm.Binary'"),
        ({"passwordCredentials": [{"endDateTime": "tomorrow"}]}, "expected type 'Edm.DateTimeOffset'"),
    ],
)
async def test_a_value_of_another_type_is_refused_in_the_words_of_odata(
    azure: Simulator, body: dict[str, Any], text: str
) -> None:
    """Types: microsoftgraph/msgraph-metadata; texts: trackers of Azure/azure-cli and OData/odata.net; code: assumed."""
    app = await an_app(azure)
    for answer in (
        await graph(azure, "PATCH", f"/applications/{app['id']}", body),
        await graph(azure, "POST", "/applications", {"displayName": "new", **body}),
    ):
        status, code, message = refusal(answer)
        assert (status, code) == (400, "Request_BadRequest")
        with pytest.raises(ValueError, match=text):
            raise ValueError(message)
    assert len(azure.world.entra.applications) == 2


# --- URIs -------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("platform", "uri"),
    [
        ("web", "https://orders.example/.auth/login/aad/callback"),
        ("web", "http://localhost:7071/cb"),
        ("web", "http://127.0.0.1/cb"),
        ("web", "urn:ietf:wg:oauth:2.0:oob"),
        ("web", "https://*.orders.example"),
        ("web", "https://orders.example/cb?a=b"),
        ("spa", "https://orders.example"),
        ("publicClient", "msal0be7a70a://auth"),
        ("publicClient", "http://localhost"),
    ],
)
async def test_a_redirect_uri_is_taken(azure: Simulator, platform: str, uri: str) -> None:
    """Source: learn.microsoft.com/entra/identity-platform/reply-url; hashicorp/terraform-provider-azuread (575)."""
    app = await an_app(azure, **{platform: {"redirectUris": [uri]}})
    assert app[platform]["redirectUris"] == [uri]


@pytest.mark.parametrize(
    ("platform", "uri", "more"),
    [
        ("web", "http://orders.example/cb", {}),
        ("spa", "http://orders.example/cb", {}),
        ("publicClient", "http://orders.example/cb", {}),
        ("spa", "urn:ietf:wg:oauth:2.0:oob", {}),
        ("web", "/cb", {}),
        ("web", "https://", {}),
        ("web", "https://orders.example/a b", {}),
        ("web", "https://orders.example/(cb)", {}),
        ("web", "https://orders.example/" + "x" * 240, {}),
        ("web", "https://*.orders.example", {"personal": True}),
        ("web", "https://orders.example/cb?a=b", {"personal": True}),
    ],
)
async def test_a_redirect_uri_is_refused(azure: Simulator, platform: str, uri: str, more: dict[str, bool]) -> None:
    """Source: learn.microsoft.com/entra/identity-platform/reply-url; text: microsoftgraph/msgraph-sdk-dotnet (2039)."""
    audience = {"signInAudience": "AzureADandPersonalMicrosoftAccount", "api": {"requestedAccessTokenVersion": 2}}
    app = await an_app(azure, **(audience if more else {}))
    answer = await graph(azure, "PATCH", f"/applications/{app['id']}", {platform: {"redirectUris": [uri]}})
    assert refusal(answer) == (400, "Request_BadRequest", "One or more properties contains invalid values.")
    assert answer.data()["error"]["details"][0]["target"] == f"{platform}.redirectUris"


@pytest.mark.parametrize(("audience", "most"), [("AzureADMyOrg", 256), ("AzureADandPersonalMicrosoftAccount", 100)])
async def test_an_application_has_so_many_redirect_uris(azure: Simulator, audience: str, most: int) -> None:
    """Source: learn.microsoft.com/entra/identity-platform/reply-url (maximum number of redirect URIs)."""
    app = await an_app(azure, signInAudience=audience, api={"requestedAccessTokenVersion": 2})
    uris = [f"https://orders.example/{number}" for number in range(most)]
    statuses = [
        (await graph(azure, "PATCH", f"/applications/{app['id']}", {"web": {"redirectUris": sent}})).status
        for sent in (uris, [*uris, "https://orders.example/more"])
    ]
    assert statuses == [204, 400]


@pytest.mark.parametrize(
    ("uri", "code"),
    [
        ("api://anything", ""),
        ("api://{appId}", ""),
        ("https://contoso.onmicrosoft.com/orders", ""),
        ("https://api.contoso.onmicrosoft.com", ""),
        ("urn:orders", ""),
        ("https://orders.example", "HostNameNotOnVerifiedDomain"),
        ("no uri", "Request_BadRequest"),
        ("api://*", "Request_BadRequest"),
        ("api://" + "x" * 250, "Request_BadRequest"),
    ],
)
async def test_an_identifier_uri_of_https_is_on_a_verified_domain(azure: Simulator, uri: str, code: str) -> None:
    """Source: learn.microsoft.com/entra/identity-platform/reference-breaking-changes (verified domains)."""
    app = await an_app(azure)
    sent = {"identifierUris": [uri.format(**app)]}
    answer = await graph(azure, "PATCH", f"/applications/{app['id']}", sent)
    assert (answer.status == 204) == (code == "")
    if code:
        assert refusal(answer)[:2] == (400, code)


async def test_an_identifier_uri_that_was_there_before_may_stay(azure: Simulator) -> None:
    """Source: learn.microsoft.com/entra/identity-platform/reference-breaking-changes (existing URIs stay)."""
    old = azure.world.entra.add_application("old", identifier_uris=["https://orders.example"])
    sent = {"identifierUris": ["https://orders.example", "api://orders"]}
    assert (await graph(azure, "PATCH", f"/applications/{old['id']}", sent)).status == 204


@pytest.mark.parametrize(
    ("uri", "version", "status"),
    [
        ("api://anything", None, 400),
        ("api://anything", 2, 204),
        ("api://{appId}", None, 204),
        ("api://{tenant}/orders", None, 204),
        ("api://contoso.onmicrosoft.com/orders", None, 204),
    ],
)
async def test_a_tenant_may_take_only_identifier_uris_that_are_its_own(
    azure: Simulator, uri: str, version: int | None, status: int
) -> None:
    """Source: learn.microsoft.com/entra/identity-platform/identifier-uri-restrictions."""
    azure.world.switches.graph_identifier_uri_policy = True
    app = await an_app(azure, api={"requestedAccessTokenVersion": version})
    sent = {"identifierUris": [uri.format(tenant=azure.world.tenant_id, **app)]}
    answer = await graph(azure, "PATCH", f"/applications/{app['id']}", sent)
    assert answer.status == status
    if status == 400:
        assert refusal(answer)[1] == "InvalidUniqueTenantIdentifierAsPerAppPolicy"
        assert "must contain a tenant verified domain, tenant ID, or app ID" in refusal(answer)[2]


# --- values -----------------------------------------------------------------------------------------------------------
def role(value: str, **more: Any) -> dict[str, Any]:
    fixed = {"allowedMemberTypes": ["Application"], "displayName": value, "description": value, "isEnabled": True}
    return {**fixed, "id": str(uuid.uuid4()), "value": value, **more}


SAME = str(uuid.uuid4())


@pytest.mark.assumed
@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"signInAudience": "Everybody"}, "'signInAudience'"),
        ({"displayName": ""}, "'displayName'"),
        ({"displayName": "x" * 257}, "'displayName'"),
        ({"signInAudience": "PersonalMicrosoftAccount"}, "Property api.requestedAccessTokenVersion is invalid."),
        ({"appRoles": [role("a"), role("a")]}, "duplicate values"),
        ({"appRoles": [role("a", id=SAME), role("b", id=SAME)]}, "duplicate values"),
        ({"appRoles": [role("a", allowedMemberTypes=["Robot"])]}, "'allowedMemberTypes'"),
    ],
)
async def test_a_value_that_its_property_cannot_have_is_refused(
    azure: Simulator, body: dict[str, Any], text: str
) -> None:
    """Limits: msgraph-sdk (application, approle); the texts are assumed, or of terraform-provider-azuread."""
    app = await an_app(azure)
    status, code, message = refusal(await graph(azure, "PATCH", f"/applications/{app['id']}", body))
    assert (status, code, text in message) == (400, "Request_BadRequest", True)


# --- owners -----------------------------------------------------------------------------------------------------------
async def test_a_new_object_may_name_its_owners() -> None:
    """Source: hashicorp/terraform-provider-azuread (`owners@odata.bind` of applications and service principals)."""
    async with Simulator() as azure:
        azure.world.entra.add_application("operator", client_id=OPERATOR)
        azure.world.entra.graph_permissions[OPERATOR] = {"Application.ReadWrite.All"}
        await owners_are_bound(azure)


async def owners_are_bound(azure: Simulator) -> None:
    bind = {"owners@odata.bind": [link(operator_id(azure))]}
    app = await an_app(azure, **bind)
    principal = await a_principal(azure, app, **bind)
    for path in (f"/applications/{app['id']}/owners", f"/servicePrincipals/{principal['id']}/owners"):
        listed = (await graph(azure, "GET", path)).data()["value"]
        assert [one["id"] for one in listed] == [operator_id(azure)]


async def test_an_owner_who_is_nobody_makes_nothing(azure: Simulator) -> None:
    """Source: learn.microsoft.com/graph/errors (404 for a reference that leads nowhere)."""
    sent = {"displayName": "door", "owners@odata.bind": [link(NOBODY)]}
    assert (await graph(azure, "POST", "/applications", sent)).status == 404
    assert len(azure.world.entra.applications) == 1


@pytest.mark.parametrize("kind", ["applications", "servicePrincipals"])
async def test_owners_of_both_kinds_are_added_by_reference_listed_and_removed(azure: Simulator, kind: str) -> None:
    """Source: learn.microsoft.com/graph/api (serviceprincipal-post-owners, -list-owners, -delete-owners)."""
    app = await an_app(azure)
    principal = await a_principal(azure, app)
    path = f"/{kind}/{app['id'] if kind == 'applications' else principal['id']}/owners"
    reference = {"@odata.id": link(operator_id(azure))}
    statuses = [(await graph(azure, "POST", f"{path}/$ref", reference)).status for _ in range(2)]
    references = (await graph(azure, "GET", f"{path}/$ref")).data()["value"]
    gone = [(await graph(azure, "DELETE", f"{path}/{operator_id(azure)}/$ref")).status for _ in range(2)]
    assert (statuses, references, gone) == ([204, 400], [reference], [204, 404])
    assert [write.kind for write in azure.world.journal.of(service="graph", id="*/owners")] == ["update", "update"]


# --- passwords --------------------------------------------------------------------------------------------------------
async def test_a_service_principal_has_passwords_of_its_own(azure: Simulator) -> None:
    """Source: learn.microsoft.com/graph/api (serviceprincipal-addpassword, serviceprincipal-removepassword)."""
    app = await an_app(azure)
    principal = await a_principal(azure, app)
    path = f"/servicePrincipals/{principal['id']}"
    made = (await graph(azure, "POST", f"{path}/addPassword", {"passwordCredential": {"displayName": "ci"}})).data()
    assert made["secretText"] in azure.world.entra.secrets[app["appId"]]
    shown = (await graph(azure, "GET", path)).data()["passwordCredentials"]
    assert [(one["displayName"], one["secretText"]) for one in shown] == [("ci", None)]
    assert (await graph(azure, "POST", f"{path}/removePassword", {"keyId": made["keyId"]})).status == 204
    assert azure.world.entra.secrets[app["appId"]] == set()


async def test_a_new_application_comes_with_the_passwords_that_it_names(azure: Simulator) -> None:
    """Source: learn.microsoft.com/graph/api/application-post-applications (example with a password)."""
    app = await an_app(azure, passwordCredentials=[{"displayName": "first"}])
    (password,) = app["passwordCredentials"]
    assert password["secretText"] in azure.world.entra.secrets[app["appId"]]
    again = (await graph(azure, "GET", f"/applications/{app['id']}")).data()["passwordCredentials"]
    assert again == [{**password, "secretText": None}]


@pytest.mark.assumed
async def test_a_patch_can_take_a_password_away_and_neither_make_nor_change_one(azure: Simulator) -> None:
    """Not by PATCH: microsoftgraph/microsoft-graph-docs (5680); changes: Azure/azure-cli (7728); a text is assumed."""
    app = await an_app(azure, passwordCredentials=[{"displayName": "first"}])
    path, password = f"/applications/{app['id']}", {**app["passwordCredentials"][0], "secretText": None}
    made = await graph(azure, "PATCH", path, {"passwordCredentials": [password, {"displayName": "second"}]})
    changed = await graph(azure, "PATCH", path, {"passwordCredentials": [{**password, "displayName": "other"}]})
    assert (made.status, changed.status) == (400, 400)
    assert refusal(changed)[2] == f"Update to existing credential with KeyId '{password['keyId']}' is not allowed."
    assert (await graph(azure, "PATCH", path, {"passwordCredentials": [password]})).status == 204
    assert len(azure.world.entra.secrets[app["appId"]]) == 1
    assert (await graph(azure, "PATCH", path, {"passwordCredentials": []})).status == 204
    assert azure.world.entra.secrets[app["appId"]] == set()


# --- certificates -----------------------------------------------------------------------------------------------------
def certificate(name: str, key: ec.EllipticCurvePrivateKey | None = None) -> x509.Certificate:
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    made = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(datetime(2026, 1, 1, tzinfo=UTC))
    return made.not_valid_after(datetime(2028, 1, 1, tzinfo=UTC)).sign(key, hashes.SHA256())


def key_of(one: x509.Certificate, **more: Any) -> dict[str, Any]:
    raw = base64.b64encode(one.public_bytes(serialization.Encoding.DER)).decode()
    return {"type": "AsymmetricX509Cert", "usage": "Verify", "key": raw, **more}


async def test_a_certificate_is_kept_described_and_trusted_until_it_is_left_out(azure: Simulator) -> None:
    """Source: learn.microsoft.com/graph/api/resources/keycredential and .../application-update."""
    app = await an_app(azure)
    path, one = f"/applications/{app['id']}", certificate("ci")
    assert (await graph(azure, "PATCH", path, {"keyCredentials": [key_of(one)]})).status == 204
    (shown,) = (await graph(azure, "GET", path)).data()["keyCredentials"]
    assert (shown["key"], shown["displayName"], shown["endDateTime"]) == (None, "CN=ci", "2028-01-01T00:00:00Z")
    thumbprint = one.fingerprint(hashes.SHA1()).hex().upper()  # noqa: S303  # what Graph shows
    assert shown["customKeyIdentifier"] == thumbprint
    (whole,) = (await graph(azure, "GET", f"{path}?$select=keyCredentials")).data()["keyCredentials"]
    assert whole["key"] == key_of(one)["key"]
    assert len(azure.world.entra.certificates[app["appId"]]) == 1
    assert (await graph(azure, "PATCH", path, {"keyCredentials": [shown, key_of(certificate("two"))]})).status == 204
    assert len(azure.world.entra.certificates[app["appId"]]) == 2
    assert (await graph(azure, "PATCH", path, {"keyCredentials": []})).status == 204
    assert azure.world.entra.certificates[app["appId"]] == []


@pytest.mark.assumed
@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"key": base64.b64encode(b"no certificate").decode()}, "Request_BadRequest"),
        ({"key": None}, "Request_BadRequest"),
        ({"type": "Paper"}, "Request_BadRequest"),
        ({"usage": "Guess"}, "Request_BadRequest"),
        ({"endDateTime": "2029-01-01T00:00:00Z"}, "KeyCredentialsInvalidEndDate"),
    ],
)
async def test_what_is_no_certificate_is_refused_and_changes_nothing(
    azure: Simulator, more: dict[str, Any], code: str
) -> None:
    """Values: learn.microsoft.com/graph/api/resources/keycredential; codes and texts are assumed."""
    sent = {"keyCredentials": [key_of(certificate("ci"), **more)]}
    app = await an_app(azure)
    answer = await graph(azure, "PATCH", f"/applications/{app['id']}", sent)
    created = await graph(azure, "POST", "/applications", {"displayName": "new", **sent})
    assert (answer.status, refusal(answer)[1], created.status) == (400, code, 400)
    assert len(azure.world.entra.applications) == 2


AN_HOUR, TEN_MINUTES = 3600, 600


def proof(azure: Simulator, app: dict[str, Any], key: ec.EllipticCurvePrivateKey, **more: Any) -> str:
    now = int(azure.world.clock.timestamp())
    fixed = {"aud": "00000002-0000-0000-c000-000000000000", "iss": app["id"], "nbf": now, "exp": now + TEN_MINUTES}
    return jwt.encode({**fixed, **more}, key, algorithm="ES256")


async def test_an_application_rolls_its_certificate_without_a_permission(azure: Simulator) -> None:
    """Source: learn.microsoft.com/graph/api (application-addkey, application-removekey)."""
    key = ec.generate_private_key(ec.SECP256R1())
    app = await an_app(azure, keyCredentials=[key_of(certificate("old", key))])
    await a_principal(azure, app)
    headers, path = azure.graph_headers(app["appId"]), f"/v1.0/applications/{app['id']}"
    body = {"keyCredential": key_of(certificate("new")), "passwordCredential": None, "proof": proof(azure, app, key)}
    made = await azure.send("POST", "", f"{path}/addKey", headers=headers, json=body)
    assert (made.status, made.data()["displayName"]) == (200, "CN=new")
    old = {"keyId": app["keyCredentials"][0]["keyId"], "proof": proof(azure, app, key)}
    statuses = [(await azure.send("POST", "", f"{path}/removeKey", headers=headers, json=old)).status for _ in range(2)]
    assert statuses == [204, 403], "the key that is gone proves nothing any more"
    shown = (await graph(azure, "GET", f"/applications/{app['id']}")).data()["keyCredentials"]
    assert [one["displayName"] for one in shown] == ["CN=new"]


@pytest.mark.assumed
@pytest.mark.parametrize(
    "more",
    [{"aud": "somebody"}, {"iss": "somebody"}, {"exp": 1}, {"nbf": 2**33, "exp": 2**33 + 1}, {"exp": AN_HOUR + 2**31}],
)
async def test_a_certificate_is_not_rolled_without_a_good_proof(azure: Simulator, more: dict[str, Any]) -> None:
    """Claims: learn.microsoft.com/graph/application-rollkey-prooftoken; status and text are assumed."""
    key = ec.generate_private_key(ec.SECP256R1())
    app = await an_app(azure, keyCredentials=[key_of(certificate("old", key))])
    for given in (proof(azure, app, key, **more), proof(azure, app, ec.generate_private_key(ec.SECP256R1())), None):
        sent = {"keyCredential": key_of(certificate("new")), "passwordCredential": None, "proof": given}
        answer = await graph(azure, "POST", f"/applications/{app['id']}/addKey", sent)
        assert refusal(answer)[:2] == (403, "Authorization_RequestDenied")


# --- upsert -----------------------------------------------------------------------------------------------------------
async def test_a_service_principal_is_upserted_by_its_client_id(azure: Simulator) -> None:
    """Source: learn.microsoft.com/graph/api/serviceprincipal-upsert (201 with body, then 204)."""
    app = await an_app(azure)
    path = f"/servicePrincipals(appId='{app['appId']}')"
    missing = await graph(azure, "PATCH", path, {"notes": "x"})
    made = await graph(azure, "PATCH", path, {"notes": "x"}, headers=UPSERT)
    again = await graph(azure, "PATCH", path, {"notes": "y"}, headers=UPSERT)
    assert (missing.status, made.status, made.data()["appId"], again.status) == (404, 201, app["appId"], 204)
    assert (await graph(azure, "GET", path)).data()["notes"] == "y"


async def test_an_application_is_not_upserted_by_its_client_id(azure: Simulator) -> None:
    """Source: learn.microsoft.com/graph/api/application-upsert (by uniqueName alone: Graph chooses client ids)."""
    answer = await graph(azure, "PATCH", f"/applications(appId='{NOBODY}')", {"displayName": "x"}, headers=UPSERT)
    assert refusal(answer)[:2] == (404, "Request_ResourceNotFound")


# --- who wrote what ---------------------------------------------------------------------------------------------------
async def test_every_write_of_graph_is_in_the_journal_and_no_secret_is(azure: Simulator) -> None:
    """No Azure behaviour: A property of the simulator: whoever looks for a write finds it."""
    app = await an_app(azure)
    principal = await a_principal(azure, app)
    made = (await graph(azure, "POST", f"/applications/{app['id']}/addPassword", {})).data()
    federated = {
        "name": "c",
        "issuer": "https://i.example",
        "subject": "s",
        "audiences": ["api://AzureADTokenExchange"],
    }
    await graph(azure, "POST", f"/applications/{app['id']}/federatedIdentityCredentials", federated)
    await graph(azure, "DELETE", f"/applications/{app['id']}/federatedIdentityCredentials/c")
    await graph(azure, "DELETE", f"/applications/{app['id']}")
    writes = [(write.kind, write.id.split("/")[1], write.id.count("/")) for write in azure.world.journal.by(OPERATOR)]
    assert writes == [
        ("create", "applications", 2),
        ("create", "servicePrincipals", 2),
        ("create", "applications", 4),
        ("create", "applications", 4),
        ("delete", "applications", 4),
        ("delete", "applications", 2),
        ("delete", "servicePrincipals", 2),
    ]
    assert made["secretText"] not in str(list(azure.world.journal.writes))
    assert principal["id"] in azure.world.journal.by(OPERATOR)[-1].id
