"""azure-mgmt-resource 26, -subscriptions and -locks through create, read, update, list and delete."""

from __future__ import annotations

import json

import pytest
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.mgmt.resource.locks.aio import ManagementLockClient
from azure.mgmt.resource.resources.aio import ResourceManagementClient
from azure.mgmt.resource.resources.models import (
    GenericResource,
    ResourceGroup,
    ResourceGroupPatchable,
    Tags,
    TagsPatchResource,
    TagsResource,
)
from azure.mgmt.resource.subscriptions.aio import SubscriptionClient
from azure.mgmt.resource.subscriptions.models import ResourceName

from azuresim import Simulator
from azuresim.arm.registrations import set_registration
from azuresim.msi import add_user_identity
from contract.sdk import SUBSCRIPTION, client_of, trusted

__all__ = ["trusted"]

GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/shop"
IDENTITIES = f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities"
MSI = "2025-05-31-preview"


async def test_a_group_is_created_read_changed_listed_and_deleted_by_the_sdk(trusted: Simulator) -> None:
    """Source: azure-mgmt-resource 26 (resource_groups)."""
    async with client_of(trusted, ResourceManagementClient, SUBSCRIPTION) as client:
        groups = client.resource_groups
        assert not await groups.check_existence("shop")
        made = await groups.create_or_update("shop", ResourceGroup(location="West Europe", tags={"a": "b"}))
        assert (made.id, made.location, made.properties.provisioning_state) == (GROUP, "westeurope", "Succeeded")
        assert await groups.check_existence("SHOP")
        assert (await groups.update("shop", ResourceGroupPatchable(tags={"c": "d"}))).tags == {"c": "d"}
        assert [group.name async for group in groups.list(filter="tagName eq 'c' and tagValue eq 'd'")] == ["shop"]
        assert [group.name async for group in groups.list(filter="tagName eq 'a'")] == []
        poller = await groups.begin_delete("shop")
        assert (await groups.get("shop")).properties.provisioning_state == "Deleting"
        await poller.result()
        with pytest.raises(ResourceNotFoundError):
            await groups.get("shop")


@pytest.mark.parametrize("size", [1, 2, 1000])
async def test_resources_are_listed_over_pages_of_any_size_by_the_sdk(trusted: Simulator, size: int) -> None:
    """Source: azure-mgmt-resource 26 (resources.list, list_by_resource_group)."""
    trusted.world.switches.arm_page_size = size
    for name in ("one", "two", "three"):
        add_user_identity(trusted.world, f"{IDENTITIES}/{name}")
    async with client_of(trusted, ResourceManagementClient, SUBSCRIPTION) as client:
        of_group = [one.name async for one in client.resources.list_by_resource_group("shop")]
        everywhere = [one.name async for one in client.resources.list(expand="createdTime,changedTime")]
        named = client.resources.list(filter="resourceType eq 'Microsoft.ManagedIdentity/userAssignedIdentities' and "
                                             "substringof('t', name)")  # fmt: skip
        assert of_group == everywhere == ["one", "two", "three"]
        assert [one.name async for one in named] == ["two", "three"]


async def test_a_resource_is_handled_by_its_id_by_the_sdk(trusted: Simulator) -> None:
    """Source: azure-mgmt-resource 26 (resources.*_by_id)."""
    trusted.world.arm.add_group(GROUP)
    resource_id = f"{IDENTITIES}/caller"
    async with client_of(trusted, ResourceManagementClient, SUBSCRIPTION) as client:
        resource = GenericResource(location="westeurope", tags={"a": "b"})
        made = await (
            await client.resources.begin_create_or_update_by_id(resource_id, resource, api_version=MSI)
        ).result()
        read = await client.resources.get_by_id(resource_id, api_version=MSI)
        assert (made.id, read.tags, read.properties["tenantId"]) == (resource_id, {"a": "b"}, trusted.world.tenant_id)
        await (await client.resources.begin_delete_by_id(resource_id, api_version=MSI)).result()
        with pytest.raises(ResourceNotFoundError):
            await client.resources.get_by_id(resource_id, api_version=MSI)


async def test_tags_of_a_scope_are_put_merged_removed_and_deleted_by_the_sdk(trusted: Simulator) -> None:
    """Source: azure-mgmt-resource 26 (tags.*_at_scope)."""
    trusted.world.arm.add_group(GROUP)
    async with client_of(trusted, ResourceManagementClient, SUBSCRIPTION) as client:
        tags = client.tags

        async def patched(operation: str, values: dict[str, str]) -> dict[str, str]:
            body = TagsPatchResource(operation=operation, properties=Tags(tags=values))
            result: dict[str, str] = (await (await tags.begin_update_at_scope(GROUP, body)).result()).properties.tags
            return result

        body = TagsResource(properties=Tags(tags={"a": "1"}))
        await (await tags.begin_create_or_update_at_scope(GROUP, body)).result()
        assert await patched("Merge", {"A": "2", "b": "3"}) == {"A": "2", "b": "3"}
        assert await patched("Delete", {"b": "3"}) == {"A": "2"}
        assert await patched("Replace", {"z": "9"}) == {"z": "9"}
        assert (await client.resource_groups.get("shop")).tags == {"z": "9"}
        await (await tags.begin_delete_at_scope(GROUP)).result()
        assert not (await tags.get_at_scope(GROUP)).properties.tags


async def test_names_of_tags_are_predefined_counted_and_deleted_by_the_sdk(trusted: Simulator) -> None:
    """Source: azure-mgmt-resource 26 (tags.create_or_update, create_or_update_value, list, delete)."""
    async with client_of(trusted, ResourceManagementClient, SUBSCRIPTION) as client:
        await client.resource_groups.create_or_update("shop", ResourceGroup(location="westeurope", tags={"team": "x"}))
        await client.tags.create_or_update("stage")
        await client.tags.create_or_update_value("stage", "prod")
        names = {one.tag_name: one.count.value async for one in client.tags.list()}
        assert names == {"stage": 0, "team": 1}
        await client.tags.delete_value("stage", "prod")
        await client.tags.delete("stage")
        assert [one.tag_name async for one in client.tags.list()] == ["team"]


async def test_a_provider_is_registered_and_seen_by_the_sdk(trusted: Simulator) -> None:
    """Source: azure-mgmt-resource 26 (providers); learn.microsoft.com/azure/azure-resource-manager/management/
    resource-providers-and-types."""
    set_registration(trusted.world, SUBSCRIPTION, "Microsoft.ManagedIdentity", "NotRegistered")
    async with client_of(trusted, ResourceManagementClient, SUBSCRIPTION) as client:
        states = {one.namespace: one.registration_state async for one in client.providers.list()}
        assert states["Microsoft.ManagedIdentity"] == "NotRegistered"
        assert states["Microsoft.Web"] == "Registered"
        registered = await client.providers.register("microsoft.managedidentity")
        seen = [(await client.providers.get("Microsoft.ManagedIdentity")).registration_state for _ in range(2)]
        assert (registered.registration_state, seen) == ("Registering", ["Registering", "Registered"])
        types = (await client.providers.get("Microsoft.ManagedIdentity")).resource_types
        identities = next(one for one in types if one.resource_type == "userAssignedIdentities")
        assert identities.api_versions[0] == MSI
        assert "West Europe" in identities.locations
        assert "Microsoft.Web" in [one.namespace async for one in client.providers.list_at_tenant_scope()]
        assert (await client.providers.unregister("Microsoft.Compute")).registration_state == "Unregistering"


async def test_subscriptions_tenants_and_locations_are_listed_by_the_sdk(trusted: Simulator) -> None:
    """Source: azure-mgmt-resource-subscriptions 1.0."""
    async with client_of(trusted, SubscriptionClient) as client:
        assert [one.subscription_id async for one in client.subscriptions.list()] == [SUBSCRIPTION]
        subscription = await client.subscriptions.get(SUBSCRIPTION)
        assert (subscription.state, subscription.tenant_id) == ("Enabled", trusted.world.tenant_id)
        assert [one.tenant_id async for one in client.tenants.list()] == [trusted.world.tenant_id]
        locations = {one.name: one.display_name async for one in client.subscriptions.list_locations(SUBSCRIPTION)}
        assert locations["westeurope"] == "West Europe"
        checked = [
            (await client.check_resource_name(ResourceName(name=name, type="Microsoft.Web/sites"))).status
            for name in ("orders", "my-Microsoft-site")
        ]
        assert checked == ["Allowed", "Reserved"]


async def test_the_operations_of_resource_manager_are_listed_by_the_sdk(trusted: Simulator) -> None:
    """Source: azure-mgmt-resource 26 (operations.list)."""
    async with client_of(trusted, ResourceManagementClient, SUBSCRIPTION) as client:
        names = [one.name async for one in client.operations.list()]
        assert "Microsoft.Resources/checkResourceName/action" in names


@pytest.mark.item("web-11")
async def test_a_lock_is_created_holds_and_is_deleted_by_the_sdk(trusted: Simulator) -> None:
    """Source: azure-mgmt-resource-locks 1.0; learn.microsoft.com/azure/azure-resource-manager/management/
    lock-resources."""
    trusted.world.arm.add_group(GROUP)
    async with (
        client_of(trusted, ManagementLockClient, SUBSCRIPTION) as client,
        client_of(trusted, ResourceManagementClient, SUBSCRIPTION) as resources,
    ):
        locks = client.management_locks
        made = await locks.create_or_update_at_resource_group_level(
            "shop", "keep", {"level": "CanNotDelete", "notes": "n"}
        )
        assert (made.name, made.level, made.notes) == ("keep", "CanNotDelete", "n")
        with pytest.raises(ResourceExistsError, match="ScopeLocked"):
            await resources.resource_groups.begin_delete("shop")
        assert [one.name async for one in locks.list_at_subscription_level()] == ["keep"]
        assert [one.name async for one in locks.list_at_resource_group_level("shop")] == ["keep"]
        assert (await locks.get_by_scope(GROUP, "KEEP")).id == made.id
        await locks.delete_at_resource_group_level("shop", "keep")
        assert [one async for one in locks.list_by_scope(GROUP)] == []
        await (await resources.resource_groups.begin_delete("shop")).result()


async def test_a_template_that_is_deployed_is_refused_loudly(trusted: Simulator) -> None:
    """No Azure behaviour: deployments are left out, and counted."""
    trusted.world.arm.add_group(GROUP)
    async with client_of(trusted, ResourceManagementClient, SUBSCRIPTION) as client:
        with pytest.raises(HttpResponseError, match="NotSimulated"):
            await client.resource_groups.begin_export_template("shop", {"resources": ["*"]})
    assert any("exportTemplate" in what for what in trusted.world.missing), json.dumps(dict(trusted.world.missing))
