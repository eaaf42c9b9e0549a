"""The ids behind managed identities."""

import pytest

from funcgate.azure.http import Http
from funcgate.azure.identity import IdentityClient, ManagedIdentity
from funcgate.errors import NotFound
from unit.azure.wire import Wire

SERVICE = "/subscriptions/s/resourceGroups/shop/providers/Microsoft.ApiManagement/service/contoso"
DEFAULT = f"{SERVICE}/providers/Microsoft.ManagedIdentity/identities/default"
NAMED = "/subscriptions/s/resourceGroups/shop/providers/Microsoft.ManagedIdentity/userAssignedIdentities/caller"
BODY = {"properties": {"principalId": "p", "clientId": "c", "tenantId": "t"}}
IDENTITY = ManagedIdentity(principal_id="p", client_id="c", tenant_id="t")


@pytest.fixture
def identities(http: Http) -> IdentityClient:
    return IdentityClient(http)


async def test_a_system_assigned_identity_is_found_by_its_resource(wire: Wire, identities: IdentityClient) -> None:
    wire.says("GET", DEFAULT, 200, BODY)

    assert await identities.system_assigned(SERVICE) == IDENTITY


async def test_a_resource_without_an_identity_has_none(identities: IdentityClient) -> None:
    assert await identities.system_assigned(SERVICE) is None


@pytest.mark.parametrize("code", ["SubscriptionNotFound", "ResourceGroupNotFound"])
async def test_what_cannot_be_seen_is_not_taken_for_absent(wire: Wire, identities: IdentityClient, code: str) -> None:
    wire.says("GET", DEFAULT, 404, {"error": {"code": code, "message": ""}})

    with pytest.raises(NotFound):
        await identities.system_assigned(SERVICE)


async def test_a_user_assigned_identity_is_found_by_its_id(wire: Wire, identities: IdentityClient) -> None:
    wire.says("GET", NAMED, 200, BODY)

    assert await identities.user_assigned(NAMED) == IDENTITY


async def test_a_user_assigned_identity_that_is_not_there_is_an_error(identities: IdentityClient) -> None:
    with pytest.raises(NotFound):
        await identities.user_assigned(NAMED)
