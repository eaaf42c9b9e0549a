"""azure-mgmt-msi 7.1 through create, read, update, list and delete of all that it covers."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.identity.aio import ClientAssertionCredential
from azure.mgmt.core.policies import _base_async
from azure.mgmt.msi.aio import ManagedServiceIdentityClient
from azure.mgmt.msi.models import FederatedIdentityCredential, Identity, IdentityUpdate

from azuresim import Simulator
from azuresim.arm.registrations import set_registration
from contract.sdk import SCOPES, SUBSCRIPTION, client_of, trusted

__all__ = ["trusted"]

GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/shop"
AUDIENCE = "api://AzureADTokenExchange"
SUBJECT = "system:serviceaccount:shop:orders"


@pytest.fixture(autouse=True)
def group(azure: Simulator) -> None:
    azure.world.arm.add_group(GROUP)


async def test_an_identity_is_created_read_changed_listed_and_deleted_by_the_sdk(trusted: Simulator) -> None:
    """Source: azure-mgmt-msi 7.1 (user_assigned_identities)."""
    trusted.world.switches.arm_page_size = 1
    async with client_of(trusted, ManagedServiceIdentityClient, SUBSCRIPTION) as client:
        identities = client.user_assigned_identities
        made = await identities.create_or_update("shop", "caller", Identity(location="westeurope", tags={"a": "b"}))
        await identities.create_or_update("shop", "other", Identity(location="westeurope"))
        read = await identities.get("shop", "caller")
        assert (read.client_id, read.principal_id) == (made.client_id, made.principal_id)
        assert (await identities.update("shop", "caller", IdentityUpdate(tags={"c": "d"}))).tags == {"c": "d"}
        names = ["caller", "other"]
        assert [one.name async for one in identities.list_by_resource_group("shop")] == names
        assert [one.name async for one in identities.list_by_subscription()] == names
        await identities.delete("shop", "caller")
        with pytest.raises(ResourceNotFoundError):
            await identities.get("shop", "caller")


async def test_a_federated_credential_lets_its_identity_sign_in_until_it_is_deleted(trusted: Simulator) -> None:
    """Source: azure-mgmt-msi 7.1 (federated_identity_credentials); learn.microsoft.com/entra/workload-id/
    workload-identity-federation-create-trust-user-assigned-managed-identity."""
    issuer = trusted.world.entra.static_issuer()
    async with client_of(trusted, ManagedServiceIdentityClient, SUBSCRIPTION) as client:
        identity = await client.user_assigned_identities.create_or_update(
            "shop", "caller", Identity(location="westeurope")
        )
        credentials = client.federated_identity_credentials
        body = FederatedIdentityCredential(issuer=issuer.issuer, subject=SUBJECT, audiences=[AUDIENCE])
        made = await credentials.create_or_update("shop", "caller", "orders", body)
        assert (made.issuer, made.subject, made.audiences) == (issuer.issuer, SUBJECT, [AUDIENCE])
        assert [one.name async for one in credentials.list("shop", "caller")] == ["orders"]
        credential = ClientAssertionCredential(
            trusted.world.tenant_id, identity.client_id, lambda: issuer.assertion(SUBJECT), authority=trusted.url,
            disable_instance_discovery=True, connection_verify=str(trusted.ca_file),
        )  # fmt: skip
        async with credential:
            assert (await credential.get_token(*SCOPES)).token
        await credentials.delete("shop", "caller", "orders")
        with pytest.raises(ResourceNotFoundError):
            await credentials.get("shop", "caller", "orders")
    assert [one for one in trusted.world.entra.federated if one.client_id == identity.client_id] == []


async def test_the_operations_of_the_provider_are_listed_by_the_sdk(trusted: Simulator) -> None:
    """Source: azure-mgmt-msi 7.1 (operations)."""
    async with client_of(trusted, ManagedServiceIdentityClient, SUBSCRIPTION) as client:
        names = [one.name async for one in client.operations.list()]
    assert "Microsoft.ManagedIdentity/userAssignedIdentities/write" in names


async def test_the_sdk_registers_the_provider_on_its_own_when_a_write_asks_for_it(
    trusted: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Source: azure-mgmt-core 1.6 (AsyncARMAutoResourceProviderRegistrationPolicy) reads code and text of the 409."""

    async def at_once(seconds: float) -> None:
        """The policy waits ten seconds between two looks."""

    monkeypatch.setattr(_base_async, "asyncio", SimpleNamespace(sleep=at_once))
    set_registration(trusted.world, SUBSCRIPTION, "Microsoft.ManagedIdentity", "NotRegistered")
    async with client_of(trusted, ManagedServiceIdentityClient, SUBSCRIPTION) as client:
        await client.user_assigned_identities.create_or_update("shop", "caller", Identity(location="westeurope"))
    statuses = [call.status for call in trusted.world.calls(method="PUT", path="*/userAssignedIdentities/*")]
    looks = [call.status for call in trusted.world.calls(method="GET", path="*/providers/Microsoft.ManagedIdentity")]
    assert (statuses, looks) == ([409, 201], [200, 200])


async def test_the_twenty_first_federated_credential_is_refused(trusted: Simulator) -> None:
    """Source: learn.microsoft.com/entra/workload-id/workload-identity-federation-considerations (20 of an identity);
    Azure/azure-workload-identity issue 575; the code is assumed."""
    async with client_of(trusted, ManagedServiceIdentityClient, SUBSCRIPTION) as client:
        await client.user_assigned_identities.create_or_update("shop", "caller", Identity(location="westeurope"))
        for number in range(20):
            body = FederatedIdentityCredential(issuer="https://x", subject=f"s{number}", audiences=[AUDIENCE])
            await client.federated_identity_credentials.create_or_update("shop", "caller", f"name{number}", body)
        body = FederatedIdentityCredential(issuer="https://x", subject="one more", audiences=[AUDIENCE])
        with pytest.raises(HttpResponseError, match="at most 20"):
            await client.federated_identity_credentials.create_or_update("shop", "caller", "one-more", body)
