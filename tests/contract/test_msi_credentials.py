"""Federated credentials of managed identities, and what identities refuse."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from azuresim import Simulator
from azuresim.msi import add_user_identity
from contract.arm_world import GROUP, HERE, IDENTITIES, IDENTITY, MSI, SUBSCRIPTION, arm, refusal

CREDENTIALS = f"{IDENTITY}/federatedIdentityCredentials"
AUDIENCE = "api://AzureADTokenExchange"


@pytest.fixture(autouse=True)
def identity(azure: Simulator) -> None:
    add_user_identity(azure.world, IDENTITY)


def credential(subject: str = "system:serviceaccount:shop:orders", **more: Any) -> dict[str, Any]:
    return {"properties": {"issuer": "https://issuer.example", "subject": subject, "audiences": [AUDIENCE]} | more}


async def test_a_credential_is_made_changed_and_removed(azure: Simulator) -> None:
    """Source: learn.microsoft.com/rest/api/managedidentity/federated-identity-credentials (201, 200; 200, 204)."""
    path = f"{CREDENTIALS}/orders"
    made = await arm(azure, "PUT", path, credential(), version=MSI)
    changed = await arm(azure, "PUT", path, credential("another"), version=MSI)
    trusted = [(one.issuer, one.subject, one.audience) for one in azure.world.entra.federated]
    removed = [(await arm(azure, method, path, version=MSI)).status for method in ("DELETE", "DELETE", "GET")]
    assert (made.status, changed.status, removed) == (201, 200, [200, 204, 404])
    assert changed.data()["properties"] == credential("another")["properties"]
    assert trusted == [("https://issuer.example", "another", AUDIENCE)]
    assert azure.world.entra.federated == []


async def test_issuer_and_subject_are_unique_in_an_identity(azure: Simulator) -> None:
    """Source: learn.microsoft.com/entra/workload-id/workload-identity-federation-considerations; code assumed."""
    await arm(azure, "PUT", f"{CREDENTIALS}/orders", credential(), version=MSI)
    assert refusal(await arm(azure, "PUT", f"{CREDENTIALS}/again", credential(), version=MSI)) == (409, "Conflict")
    add_user_identity(azure.world, f"{IDENTITIES}/other")
    other = f"{IDENTITIES}/other/federatedIdentityCredentials/orders"
    assert (await arm(azure, "PUT", other, credential(), version=MSI)).status == 201


async def test_two_writes_to_the_credentials_of_an_identity_at_once_are_one_too_many(azure: Simulator) -> None:
    """Source: Azure/bicep-registry-modules issue 1447, hashicorp/terraform-provider-azurerm issue 29242."""
    azure.world.latency = 0.05
    paths = [f"{CREDENTIALS}/first", f"{CREDENTIALS}/second"]
    answers = await asyncio.gather(*(arm(azure, "PUT", path, credential(path), version=MSI) for path in paths))
    assert sorted(answer.status for answer in answers) == [201, 409]
    refused = next(answer for answer in answers if answer.status == 409)
    assert refusal(refused)[1] == "ConcurrentFederatedIdentityCredentialsWritesForSingleManagedIdentity"


@pytest.mark.assumed
@pytest.mark.parametrize(
    "body",
    [
        {},
        {"properties": []},
        credential(issuer="http://plain.example"),
        credential(issuer=None),
        credential(subject=""),
        credential(subject="s" * 601),
        credential(audiences=[]),
        credential(audiences=[AUDIENCE, "another"]),
        credential(audiences=AUDIENCE),
        credential(audiences=[7]),
    ],
)
async def test_a_credential_that_entra_would_not_trust_is_refused(azure: Simulator, body: dict[str, Any]) -> None:
    """The limits are in learn.microsoft.com/graph/api/resources/federatedidentitycredential; code and text are not."""
    answer = await arm(azure, "PUT", f"{CREDENTIALS}/orders", body, version=MSI)
    assert (refusal(answer), azure.world.entra.federated) == ((400, "BadRequest"), [])


@pytest.mark.assumed
@pytest.mark.parametrize("path", [f"{CREDENTIALS}/ab", f"{IDENTITIES}/ab", f"{IDENTITIES}/-abc", f"{IDENTITIES}/a.b.c"])
async def test_names_that_are_too_short_or_odd_are_refused(azure: Simulator, path: str) -> None:
    """The rule is in learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules; not the code."""
    body = credential() | HERE if "Credentials" in path else HERE
    assert refusal(await arm(azure, "PUT", path, body, version=MSI)) == (400, "InvalidResourceName")


async def test_credentials_of_a_missing_identity_report_the_identity(azure: Simulator) -> None:
    """Source: learn.microsoft.com/azure/azure-resource-manager/troubleshooting/error-not-found."""
    path = f"{IDENTITIES}/nobody/federatedIdentityCredentials/orders"
    for method, body in (("GET", None), ("PUT", credential())):
        assert refusal(await arm(azure, method, path, body, version=MSI)) == (404, "ResourceNotFound")


async def test_an_identity_stays_where_it_is(azure: Simulator) -> None:
    """Source: learn.microsoft.com/azure/azure-resource-manager/troubleshooting/error-resource-not-available
    (InvalidResourceLocation)."""
    answer = await arm(azure, "PUT", IDENTITY, {"location": "eastus"}, version=MSI)
    assert refusal(answer) == (409, "InvalidResourceLocation")


async def test_a_patch_changes_tags_and_keeps_the_ids(azure: Simulator) -> None:
    """Source: learn.microsoft.com/rest/api/managedidentity/user-assigned-identities/update."""
    before = (await arm(azure, "GET", IDENTITY, version=MSI)).data()
    after = (await arm(azure, "PATCH", IDENTITY, {"tags": {"a": "b"}}, version=MSI)).data()
    assert after == before | {"tags": {"a": "b"}}
    assert refusal(await arm(azure, "PATCH", f"{IDENTITIES}/nobody", {}, version=MSI)) == (404, "ResourceNotFound")


async def test_identities_of_all_groups_are_listed_in_pages(azure: Simulator) -> None:
    """Source: learn.microsoft.com/rest/api/managedidentity/user-assigned-identities/list-by-subscription."""
    azure.world.switches.arm_page_size = 1
    add_user_identity(azure.world, IDENTITY.replace("/shop/", "/other/"))
    first = (await arm(azure, "GET", f"{SUBSCRIPTION}/{IDENTITIES.partition(GROUP + '/')[2]}", version=MSI)).data()
    second = (await arm(azure, "GET", first["nextLink"], version=MSI)).data()
    assert [one["id"] for page in (first, second) for one in page["value"]] == [
        IDENTITY,
        IDENTITY.replace("/shop/", "/other/"),
    ]
    assert "nextLink" not in second
