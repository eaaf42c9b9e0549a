"""Users, groups, portal settings, tenant access and what a service keeps without showing its secrets."""

from __future__ import annotations

import base64
import datetime as dt
from collections.abc import AsyncIterator
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12
from cryptography.x509.oid import NameOID

from contract.apim_world import SERVICE, Apim, apim, refusals

ADA = {"email": "ada@example.com", "firstName": "Ada", "lastName": "L"}


@pytest.fixture
async def here() -> AsyncIterator[Apim]:
    async with apim() as started:
        yield started


async def names(here: Apim, path: str) -> list[str]:
    return [one["name"] for one in (await here.arm("GET", path)).data()["value"]]


# --- people -----------------------------------------------------------------------------------------------------------
async def test_a_new_service_has_three_groups_and_one_user(here: Apim) -> None:
    """Source: REST reference, "Group - List By Service" and "User - List By Service" (samples)."""
    assert await names(here, "/groups") == ["administrators", "developers", "guests"]
    assert await names(here, "/users") == ["1"]
    assert await names(here, "/users/1/groups") == ["administrators", "developers"]
    group = (await here.arm("GET", "/groups/guests")).data()["properties"]
    assert (group["builtIn"], group["type"], group["displayName"]) == (True, "system", "Guests")


@pytest.mark.assumed
async def test_what_is_built_in_stays(here: Apim) -> None:
    """Source: learn.microsoft.com/azure/api-management/api-management-howto-create-groups. The texts are assumed."""
    refused = [
        await here.delete("/groups/developers"),
        await here.delete("/users/1"),
        await here.put("/groups/guests", displayName="Everybody"),
    ]
    assert [answer.status for answer in refused] == [400, 400, 400]


async def test_a_user_is_made_put_into_a_group_and_taken_out(here: Apim) -> None:
    """Source: REST reference, "User", "Group User" (HEAD tells membership)."""
    assert (await here.put("/users/ada", **ADA)).data()["properties"]["state"] == "active"
    assert (await here.put("/groups/team", displayName="Team")).status == 201
    put = [(await here.arm("PUT", "/groups/team/users/ada")).status for _ in range(2)]
    head = (await here.arm("HEAD", "/groups/team/users/ada")).status
    assert (put, head, await names(here, "/users/ada/groups")) == ([201, 200], 204, ["team"])
    assert (await here.delete("/groups/team/users/ada")).status == 200
    assert (await here.arm("HEAD", "/groups/team/users/ada")).status == 404


async def test_a_user_has_the_identities_that_it_signs_in_with(here: Apim) -> None:
    """Source: REST reference, "User Identities - List" (sample: provider and id)."""
    identity = {"provider": "Microsoft", "id": "ada"}
    await here.put("/users/ada", **ADA, identities=[identity])
    assert (await here.arm("GET", "/users/ada/identities")).data() == {"value": [identity], "count": 1}


@pytest.mark.assumed
async def test_two_users_cannot_share_an_address(here: Apim) -> None:
    """Source: REST reference, "User - Create Or Update" (email must be unique). The text is assumed."""
    await here.put("/users/ada", **ADA)
    assert refusals(await here.put("/users/eva", **ADA))[0][0] == "email"
    assert (await here.put("/users/ada", **ADA | {"note": "hello"})).status == 200


async def test_subscriptions_are_listed_with_their_owner(here: Apim) -> None:
    """Source: REST reference, "User Subscription - List"."""
    await here.put("/users/ada", **ADA)
    await here.put("/subscriptions/hers", displayName="hers", scope="/apis", ownerId=f"{SERVICE}/users/ada")
    assert await names(here, "/users/ada/subscriptions") == ["hers"]


async def test_administrators_see_every_product_and_others_when_told(here: Apim) -> None:
    """Source: learn.microsoft.com/azure/api-management/api-management-howto-create-groups; "Product Group"."""
    await here.put("/products/starter", displayName="Starter")
    assert await names(here, "/products/starter/groups") == ["administrators"]
    await here.arm("PUT", "/products/starter/groups/guests")
    assert await names(here, "/products/starter/groups") == ["administrators", "guests"]


async def test_the_answer_to_a_new_product_names_its_groups(here: Apim) -> None:
    """Source: Azure/azure-cli recording test_apim_product (an update names none, GET has no such field)."""
    made = [(await here.put("/products/starter", displayName="Starter")).data()["properties"] for _ in range(2)]
    assert [[group["name"] for group in one["groups"]] for one in made] == [["Administrators"], []]
    assert made[0]["groups"][0].keys() == {"id", "name", "description", "builtIn", "type", "externalId"}
    assert "groups" not in (await here.arm("GET", "/products/starter")).data()["properties"]


@pytest.mark.parametrize(("query", "status", "left"), [("", 400, ["hers"]), ("deleteSubscriptions=true", 200, [])])
async def test_a_product_with_subscriptions_goes_only_with_them(
    here: Apim, query: str, status: int, left: list[str]
) -> None:
    """Source: REST reference, "Product - Delete" (deleteSubscriptions)."""
    await here.put("/products/starter", displayName="Starter")
    await here.put("/subscriptions/hers", displayName="hers", scope="/products/starter")
    answer = await here.arm("DELETE", "/products/starter", query=query, headers={"If-Match": "*"})
    assert (answer.status, [one for one in await names(here, "/subscriptions") if one != "master"]) == (status, left)


async def test_a_product_with_subscriptions_is_kept_in_words_without_details(here: Apim) -> None:
    """Source: Azure/apiops issue 94."""
    await here.put("/products/starter", displayName="Starter")
    await here.put("/subscriptions/hers", displayName="hers", scope="/products/starter")
    assert (await here.delete("/products/starter")).data()["error"] == {
        "code": "ValidationError",
        "message": "Product cannot be deleted since it has existing subscriptions. Delete subscriptions before "
        "deleting the product or pass in deleteSubscriptions=true as query param",
        "details": None,
    }


async def test_a_subscription_shows_its_dates_and_no_owner_that_it_has_not(here: Apim) -> None:
    """Source: Azure/azure-cli recording test_apim_Subscription (GET, and the master subscription in the list)."""
    dates = dict.fromkeys(("startDate", "expirationDate", "endDate", "notificationDate", "stateComment"))
    await here.put("/subscriptions/hers", displayName="hers", scope="/apis")
    hers = (await here.arm("GET", "/subscriptions/hers")).data()["properties"]
    master = (await here.arm("GET", "/subscriptions/master")).data()["properties"]
    assert hers.keys() == {"scope", "displayName", "state", "createdDate", *dates}
    assert master.keys() == {*hers, "allowTracing"}
    assert {name: hers[name] for name in dates} == dates


async def test_the_answer_to_a_write_of_a_subscription_shows_its_keys(here: Apim) -> None:
    """Source: Azure/azure-cli recording test_apim_Subscription (PUT and PATCH show them, GET does not)."""
    written = await here.put("/subscriptions/hers", displayName="hers", scope="/apis")
    changed = await here.arm("PATCH", "/subscriptions/hers", {"properties": {"displayName": "mine"}})
    keys = (await here.arm("POST", "/subscriptions/hers/listSecrets")).data()
    for answer in (written, changed):
        assert {name: answer.data()["properties"][name] for name in keys} == keys
        assert answer.headers["ETag"]
    assert not keys.keys() & (await here.arm("GET", "/subscriptions/hers")).data()["properties"].keys()


@pytest.mark.assumed
@pytest.mark.parametrize(("query", "left"), [("deleteSubscriptions=true", []), ("", [None])])
async def test_a_user_leaves_with_its_subscriptions_or_without(here: Apim, query: str, left: list[None]) -> None:
    """Source: REST reference, "User - Delete" (deleteSubscriptions). What becomes of those that stay is assumed."""
    await here.put("/users/ada", **ADA)
    await here.put("/subscriptions/hers", displayName="hers", scope="/apis", ownerId=f"{SERVICE}/users/ada")
    assert (await here.arm("DELETE", "/users/ada", query=query, headers={"If-Match": "*"})).status == 200
    found = (await here.arm("GET", "/subscriptions")).data()["value"]
    assert [one["properties"].get("ownerId") for one in found if one["name"] != "master"] == left


async def test_who_was_deleted_is_in_no_group_when_made_again(here: Apim) -> None:
    """Source: REST reference, "Group User - List" and "Product Group - List By Product" (members that are there)."""
    await here.put("/products/starter", displayName="Starter")
    for _ in range(2):
        await here.put("/users/ada", **ADA)
        await here.put("/groups/team", displayName="Team")
        assert (await names(here, "/users/ada/groups"), await names(here, "/products/starter/groups")) == (
            [],
            ["administrators"],
        )
        await here.arm("PUT", "/groups/team/users/ada")
        await here.arm("PUT", "/products/starter/groups/team")
        await here.delete("/users/ada")
        await here.delete("/groups/team")


async def test_each_key_of_a_subscription_is_made_anew_by_itself(here: Apim) -> None:
    """Source: REST reference, "Subscription - Regenerate Primary Key" and "Regenerate Secondary Key"."""
    before = (await here.arm("POST", "/subscriptions/master/listSecrets")).data()
    assert (await here.arm("POST", "/subscriptions/master/regenerateSecondaryKey")).status == 204
    after = (await here.arm("POST", "/subscriptions/master/listSecrets")).data()
    assert (after["primaryKey"] == before["primaryKey"], after["secondaryKey"] == before["secondaryKey"]) == (
        True,
        False,
    )


# --- settings ---------------------------------------------------------------------------------------------------------
async def test_portal_settings_are_there_from_the_beginning(here: Apim) -> None:
    """Source: REST reference, "Sign In Settings", "Sign Up Settings" and "Delegation Settings"."""
    found = {name: (await here.arm("GET", f"/portalsettings/{name}")) for name in ("signin", "signup", "delegation")}
    assert found["signin"].data()["properties"] == {"enabled": False}
    assert found["signup"].data()["properties"]["termsOfService"]["enabled"] is False
    assert found["delegation"].data()["properties"]["url"] is None
    assert await names(here, "/portalsettings") == ["signin", "signup", "delegation"]


async def test_a_validation_key_is_shown_by_list_secrets_only(here: Apim) -> None:
    """Source: REST reference, "Delegation Settings - List Secrets"."""
    written = await here.put("/portalsettings/delegation", url="https://shop.example", validationKey="a2V5")
    assert "validationKey" not in written.data()["properties"]
    assert (await here.arm("POST", "/portalsettings/delegation/listSecrets")).data() == {"validationKey": "a2V5"}


async def test_direct_access_is_off_until_it_is_switched_on_and_has_keys(here: Apim) -> None:
    """Source: REST reference, "Tenant Access" (Get, Update, List Secrets, Regenerate Primary Key)."""
    assert (await here.arm("GET", "/tenant/access")).data()["properties"]["enabled"] is False
    etag = (await here.arm("HEAD", "/tenant/access")).headers["ETag"]
    body = {"properties": {"enabled": True}}
    assert (await here.arm("PATCH", "/tenant/access", body, headers={"If-Match": etag})).status == 200
    assert (await here.arm("PATCH", "/tenant/access", body, headers={"If-Match": '"other"'})).status == 412
    before = (await here.arm("POST", "/tenant/access/listSecrets")).data()
    assert (await here.arm("POST", "/tenant/access/regeneratePrimaryKey")).status == 204
    after = (await here.arm("POST", "/tenant/access/listSecrets")).data()
    assert (after["enabled"], after["secondaryKey"]) == (True, before["secondaryKey"])
    assert after["primaryKey"] != before["primaryKey"]


# --- what is kept without its secrets ---------------------------------------------------------------------------------
def a_certificate(password: bytes) -> tuple[str, str]:
    """A PKCS #12 file as text, and its thumbprint."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "backend")])
    now = dt.datetime.now(dt.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now).not_valid_after(now + dt.timedelta(days=30))
    made = builder.sign(key, hashes.SHA256())
    file = pkcs12.serialize_key_and_certificates(b"backend", key, made, None, BestAvailableEncryption(password))
    return base64.b64encode(file).decode(), made.fingerprint(hashes.SHA1()).hex().upper()  # noqa: S303  # what is shown


async def test_a_certificate_shows_whose_it_is_and_not_its_key(here: Apim) -> None:
    """Source: REST reference, "Certificate - Create Or Update"."""
    data, thumbprint = a_certificate(b"secret")
    written = await here.put("/certificates/backend", data=data, password="secret")
    assert (written.status, written.data()["properties"]["thumbprint"]) == (201, thumbprint)
    assert set(written.data()["properties"]) == {"subject", "thumbprint", "expirationDate"}
    assert refusals(await here.put("/certificates/backend", data=data, password="other"))[0][0] == "data"


OPENID = {"displayName": "Id", "metadataEndpoint": "https://id.example/.well-known", "clientId": "c"}
OAUTH = {
    "displayName": "OAuth",
    "clientRegistrationEndpoint": "https://id.example/register",
    "authorizationEndpoint": "https://id.example/authorize",
    "grantTypes": ["authorizationCode"],
    "clientId": "c",
}


@pytest.mark.parametrize(
    ("path", "properties"), [("/openidConnectProviders/id", OPENID), ("/authorizationServers/oauth", OAUTH)]
)
async def test_a_client_secret_is_shown_by_list_secrets_only(here: Apim, path: str, properties: dict[str, Any]) -> None:
    """Source: REST reference, "Open Id Connect Provider" and "Authorization Server" (List Secrets)."""
    written = await here.put(path, **properties, clientSecret="hush")
    assert (written.status, "hush" in written.body.decode()) == (201, False)
    assert (await here.arm("PATCH", path, {"properties": {"description": "d"}})).data()["properties"][
        "description"
    ] == "d"
    assert (await here.arm("POST", f"{path}/listSecrets")).data() == {"clientSecret": "hush"}
    assert (await here.put(path, **{**properties, "clientId": ""})).status == 400


async def test_a_cache_keeps_its_connection_string_in_a_named_value(here: Apim) -> None:
    """Source: REST reference, "Cache - Create Or Update" (sample: a reference comes back)."""
    secret = "redis.example:6380,password=hush"
    written = await here.put("/caches/default", connectionString=secret, useFromLocation="default")
    reference = written.data()["properties"]["connectionString"]
    assert (written.status, reference[:2], reference[-2:], "hush" in written.body.decode()) == (201, "{{", "}}", False)
    values = (await here.arm("GET", "/namedValues")).data()["value"]
    [held] = [one for one in values if one["properties"]["displayName"] == reference[2:-2]]
    assert (held["properties"]["secret"], await listed_value(here, held["name"])) == (True, secret)


async def listed_value(here: Apim, name: str) -> Any:
    return (await here.arm("POST", f"/namedValues/{name}/listValue")).data()["value"]


async def test_an_identity_provider_has_the_type_of_its_name(here: Apim) -> None:
    """Source: REST reference, "Identity Provider - Create Or Update" (sample; names) and "Update"."""
    written = await here.put("/identityProviders/facebook", clientId="c", clientSecret="hush")
    assert (written.status, written.data()["properties"]["type"]) == (201, "facebook")
    changed = await here.arm("PATCH", "/identityProviders/facebook", {"properties": {"allowedTenants": ["a.example"]}})
    assert (changed.status, changed.data()["properties"]["allowedTenants"]) == (200, ["a.example"])
    assert (await here.arm("POST", "/identityProviders/facebook/listSecrets")).data() == {"clientSecret": "hush"}
    assert (await here.put("/identityProviders/mine", clientId="c", clientSecret="hush")).status == 400


async def test_schemas_of_an_api_go_with_it(here: Apim) -> None:
    """Source: REST reference, "Api Schema" and "Global Schema"."""
    await here.an_api()
    media = "application/vnd.oai.openapi.components+json"
    made = await here.put("/apis/orders/schemas/s", contentType=media, document={"components": {"schemas": {}}})
    shared = await here.put("/schemas/shared", schemaType="json", document={"type": "object"})
    assert (made.status, shared.status, await names(here, "/apis/orders/schemas")) == (201, 201, ["s"])
    await here.delete("/apis/orders")
    assert (await here.arm("GET", "/apis/orders/schemas/s")).status == 404
    assert await names(here, "/schemas") == ["shared"]


async def test_an_api_knows_the_products_that_hold_it(here: Apim) -> None:
    """Source: REST reference, "Api Product - List By Apis"."""
    await here.an_api()
    for product in ("starter", "other"):
        await here.put(f"/products/{product}", displayName=product)
    await here.arm("PUT", "/products/starter/apis/orders")
    assert await names(here, "/apis/orders/products") == ["starter"]
    assert (await here.arm("GET", "/apis/missing/products")).status == 404
