"""azure-mgmt-web against the simulator: what a program in Azure's own client meets, from plan to deletion."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.identity.aio import ClientSecretCredential
from azure.mgmt.web.aio import WebSiteManagementClient

from azuresim import Simulator
from azuresim.web import Function, http_function, site_of
from contract.conftest import OPERATOR

SUBSCRIPTION, SECRET = "00000000-aaaa-4000-8000-00000000000a", "not-a-secret"

GROUP, PLAN, SITE = "shop", "orders-plan", "orders-fn"
SCOPES = ["https://management.azure.com/.default"]
BASE = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers/Microsoft.Web"
FUNCTIONS: tuple[Function, ...] = (http_function("Ping", level="anonymous"),)


@asynccontextmanager
async def web_client(azure: Simulator) -> AsyncIterator[Any]:
    """Signed in with a secret; it waits for nothing between polls, and tries nothing twice."""
    azure.world.entra.add_secret(OPERATOR, SECRET)
    azure.world.arm.add_group(f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}")
    how: dict[str, Any] = {"connection_verify": str(azure.ca_file), "retry_total": 0}
    credential = ClientSecretCredential(
        azure.world.tenant_id, OPERATOR, SECRET, authority=azure.url, disable_instance_discovery=True, **how
    )
    client = WebSiteManagementClient(
        credential, SUBSCRIPTION, base_url=azure.url, credential_scopes=SCOPES, polling_interval=0, **how
    )
    async with credential, client:
        yield client


async def make_plan(client: Any, sku: str = "S1", name: str = PLAN) -> Any:
    plan = {"location": "westeurope", "sku": {"name": sku}, "kind": "linux", "properties": {"reserved": True}}
    return await (await client.app_service_plans.begin_create_or_update(GROUP, name, plan)).result()


async def make_site(client: Any, name: str = SITE, **properties: Any) -> Any:
    wanted = {
        "location": "westeurope",
        "kind": "functionapp,linux",
        "tags": {"team": "orders"},
        "properties": {
            "serverFarmId": f"{BASE}/serverfarms/{PLAN}",
            "httpsOnly": True,
            "siteConfig": {"linuxFxVersion": "Python|3.12", "appSettings": [{"name": "A", "value": "b"}]},
            **properties,
        },
    }
    return await (await client.web_apps.begin_create_or_update(GROUP, name, wanted)).result()


@pytest.mark.item("web-9")
async def test_a_plan_and_a_site_are_made_read_listed_and_deleted(azure: Simulator) -> None:
    """Source: azure-mgmt-web 11.0.1; Azure/azure-service-operator recording Test_Web_v1api."""
    async with web_client(azure) as client:
        plan = await make_plan(client)
        assert (plan.sku.tier, plan.reserved, plan.provisioning_state) == ("Standard", True, "Succeeded")
        site = await make_site(client)
        assert (site.state, site.https_only, site.default_host_name) == (
            "Running",
            True,
            "orders-fn.azurewebsites.net",
        )
        assert (await client.web_apps.get(GROUP, SITE)).location == "West Europe"
        assert [one.name async for one in client.web_apps.list()] == [SITE]
        assert [one.name async for one in client.web_apps.list_by_resource_group(GROUP)] == [SITE]
        assert (await client.app_service_plans.get(GROUP, PLAN)).number_of_sites == 1
        with pytest.raises(ResourceExistsError):
            await client.app_service_plans.delete(GROUP, PLAN)
        await client.web_apps.delete(GROUP, SITE, delete_empty_server_farm=False)
        await client.app_service_plans.delete(GROUP, PLAN)
        with pytest.raises(ResourceNotFoundError):
            await client.web_apps.get(GROUP, SITE)


async def test_a_site_without_its_plan_is_refused_with_51004(azure: Simulator) -> None:
    """Source: Azure/azure-service-operator recording Test_Web_v1api."""
    async with web_client(azure) as client:
        with pytest.raises(ResourceNotFoundError) as refused:
            await make_site(client)
        entity = json.loads(refused.value.response.text())["Details"][2]["ErrorEntity"]
        assert (entity["ExtendedCode"], entity["Parameters"]) == ("51004", ["ServerFarm", PLAN])


async def test_the_last_site_takes_its_plan_along_unless_told_not_to(azure: Simulator) -> None:
    """Source: learn.microsoft.com/rest/api/appservice/web-apps/delete (deleteEmptyServerFarm)."""
    async with web_client(azure) as client:
        await make_plan(client)
        await make_site(client)
        await client.web_apps.delete(GROUP, SITE)
        with pytest.raises(ResourceNotFoundError):
            await client.app_service_plans.get(GROUP, PLAN)


async def test_a_name_is_taken_in_all_of_azure(azure: Simulator) -> None:
    """Source: learn.microsoft.com/rest/api/appservice/check-name-availability; Azure/azure-cli (54001)."""
    async with web_client(azure) as client:
        await make_plan(client)
        await make_site(client)
        free = {"name": SITE, "type": "Microsoft.Web/sites"}
        assert (await client.check_name_availability(free)).name_available is False
        azure.world.arm.add_group(f"/subscriptions/{SUBSCRIPTION}/resourceGroups/other")
        elsewhere = {"location": "westeurope", "properties": {"serverFarmId": f"{BASE}/serverfarms/{PLAN}"}}
        with pytest.raises(ResourceExistsError, match="already exists"):
            await client.web_apps.begin_create_or_update("other", SITE, elsewhere)


@pytest.mark.item("web-9")
async def test_a_scope_for_its_label_makes_a_host_name_unique(azure: Simulator) -> None:
    """Source: learn.microsoft.com/azure/app-service (autoGeneratedDomainNameLabelScope)."""
    async with web_client(azure) as client:
        await make_plan(client)
        site = await make_site(client, autoGeneratedDomainNameLabelScope="TenantReuse")
        label, _, rest = site.default_host_name.partition(".")
        assert (len(label), rest) == (len(SITE) + 17, "westeurope-01.azurewebsites.net")


async def test_settings_and_configuration_are_written_and_read(azure: Simulator) -> None:
    """Source: azure-mgmt-web 11.0.1, as hashicorp/terraform-provider-azurerm calls the same routes."""
    async with web_client(azure) as client:
        apps = client.web_apps
        await make_plan(client)
        await make_site(client)
        assert (await apps.list_application_settings(GROUP, SITE)).properties == {"A": "b"}
        await apps.update_application_settings(GROUP, SITE, {"properties": {"C": "d"}})
        assert (await apps.list_application_settings(GROUP, SITE)).properties == {"C": "d"}
        assert (await apps.get_configuration(GROUP, SITE)).linux_fx_version == "Python|3.12"
        changed = await apps.update_configuration(GROUP, SITE, {"properties": {"ftpsState": "Disabled"}})
        assert (changed.ftps_state, changed.linux_fx_version) == ("Disabled", "Python|3.12")
        strings = {"properties": {"db": {"value": "x", "type": "SQLAzure"}}}
        assert (await apps.update_connection_strings(GROUP, SITE, strings)).properties["db"].type == "SQLAzure"
        await apps.update_slot_configuration_names(GROUP, SITE, {"properties": {"appSettingNames": ["C"]}})
        assert (await apps.list_slot_configuration_names(GROUP, SITE)).app_setting_names == ["C"]
        assert (await apps.get_scm_allowed(GROUP, SITE)).allow is True
        secret = await (await apps.begin_list_publishing_credentials(GROUP, SITE)).result()
        assert secret.publishing_user_name == "$orders-fn"


@pytest.mark.item("web-3")
async def test_authentication_is_written_in_both_forms_and_the_first_is_refused_after_the_second(
    azure: Simulator,
) -> None:
    """Source: azure-mgmt-web 11.0.1; MicrosoftDocs/azure-docs tracker (04534)."""
    async with web_client(azure) as client:
        apps = client.web_apps
        await make_plan(client)
        await make_site(client)
        first = {"properties": {"enabled": True, "clientId": "c", "clientSecret": "s", "issuer": "https://i"}}
        assert (await apps.update_auth_settings(GROUP, SITE, first)).config_version == "v1"
        assert (await apps.get_auth_settings(GROUP, SITE)).client_secret == "s"
        seen = await apps.get_auth_settings_v2_without_secrets(GROUP, SITE)
        assert seen.identity_providers.azure_active_directory.registration.client_id == "c"
        await apps.update_auth_settings_v2(GROUP, SITE, {"properties": {"platform": {"enabled": False}}})
        with pytest.raises(HttpResponseError, match="auth version v2"):
            await apps.update_auth_settings(GROUP, SITE, first)


@pytest.mark.item("web-6")
async def test_keys_and_functions_are_reached_through_the_client(azure: Simulator) -> None:
    """Source: azure-mgmt-web 11.0.1; microsoft/vscode-apimanagement (the body of a key)."""
    async with web_client(azure) as client:
        apps = client.web_apps
        await make_plan(client)
        await make_site(client)
        behind = site_of(azure.world, f"{BASE}/sites/{SITE}")
        behind.deploy(FUNCTIONS)
        assert [one async for one in apps.list_functions(GROUP, SITE)] == []
        await apps.sync_function_triggers(GROUP, SITE)
        assert [one["properties"]["name"] async for one in apps.list_functions(GROUP, SITE)] == ["Ping"]
        empty: dict[str, Any] = {"properties": {}}
        made = await apps.create_or_update_host_secret(GROUP, SITE, "functionKeys", "apim", empty)
        assert (await apps.list_host_keys(GROUP, SITE)).function_keys == {"apim": made["properties"]["value"]}
        await apps.delete_host_secret(GROUP, SITE, "functionKeys", "apim")
        assert set((await apps.list_function_keys(GROUP, SITE, "Ping")).as_dict()) == {"default"}
        assert (await apps.get_functions_admin_token(GROUP, SITE)).count(".") == 2


async def test_a_new_key_is_in_the_journal_without_its_value(azure: Simulator) -> None:
    """
    No Azure behaviour: A property of the simulator, not of Azure: whoever looks for a write finds it, and no
    secret.
    """
    async with web_client(azure) as client:
        await make_plan(client)
        await make_site(client)
        made = await client.web_apps.create_or_update_host_secret(
            GROUP, SITE, "functionKeys", "apim", {"properties": {}}
        )
        (write,) = azure.world.journal.of(service="web", id="*/functionKeys/apim")
        assert (write.kind, write.after["name"]) == ("create", "apim")
        assert made["properties"]["value"] not in str(write)


async def test_slots_have_settings_of_their_own_and_change_places(azure: Simulator) -> None:
    """Source: azure-mgmt-web 11.0.1; learn.microsoft.com/azure/app-service/deploy-staging-slots."""
    async with web_client(azure) as client:
        apps = client.web_apps
        await make_plan(client)
        await make_site(client)
        slot = {"location": "westeurope", "properties": {"siteConfig": {"appSettings": [{"name": "A", "value": "s"}]}}}
        made = await (await apps.begin_create_or_update_slot(GROUP, SITE, "staging", slot)).result()
        assert (made.name, made.default_host_name) == ("orders-fn/staging", "orders-fn-staging.azurewebsites.net")
        assert [one.name async for one in apps.list_slots(GROUP, SITE)] == ["orders-fn/staging"]
        swap = {"targetSlot": "staging", "preserveVnet": True}
        await (await apps.begin_swap_slot_with_production(GROUP, SITE, swap)).result()
        assert (await apps.list_application_settings(GROUP, SITE)).properties == {"A": "s"}
        assert (await apps.list_application_settings_slot(GROUP, SITE, "staging")).properties == {"A": "b"}
        assert (await apps.list_host_keys_slot(GROUP, SITE, "staging")).master_key
        await apps.delete_slot(GROUP, SITE, "staging")
        with pytest.raises(ResourceNotFoundError):
            await apps.get_slot(GROUP, SITE, "staging")


async def test_a_stopped_site_shows_it_and_answers_403(azure: Simulator) -> None:
    """Source: azure-mgmt-web 11.0.1 (stop, start)."""
    async with web_client(azure) as client:
        await make_plan(client)
        await make_site(client)
        await client.web_apps.stop(GROUP, SITE)
        assert (await client.web_apps.get(GROUP, SITE)).state == "Stopped"
        assert (await azure.send("GET", "orders-fn.azurewebsites.net", "/")).status == 403
        await client.web_apps.start(GROUP, SITE)
        assert (await azure.send("GET", "orders-fn.azurewebsites.net", "/")).status == 200


async def test_an_identity_is_given_and_taken_by_writes_of_the_site(azure: Simulator) -> None:
    """Source: Azure/azure-cli recording test_functionapp_assign_system_identity."""
    async with web_client(azure) as client:
        await make_plan(client)
        await make_site(client)
        given = await client.web_apps.update(GROUP, SITE, {"identity": {"type": "SystemAssigned"}})
        assert given.identity.principal_id in azure.world.entra.service_principals
        taken = await client.web_apps.update(GROUP, SITE, {"identity": {"type": "None"}})
        assert taken.identity is None
        assert given.identity.principal_id not in azure.world.entra.service_principals


async def test_flex_consumption_wants_its_own_configuration_and_refuses_the_runtimes_settings(
    azure: Simulator,
) -> None:
    """Source: trackers of microsoft/vscode-azurefunctions (4142) and Azure/azure-rest-api-specs (40898)."""
    async with web_client(azure) as client:
        await make_plan(client, "FC1")
        with pytest.raises(HttpResponseError, match="FunctionAppConfig section was not specified"):
            await make_site(client, siteConfig={})
        flex = {"runtime": {"name": "python", "version": "3.12"}, "scaleAndConcurrency": {"instanceMemoryMB": 2048}}
        site = await make_site(client, siteConfig={}, functionAppConfig=flex)
        assert (site.sku, site.function_app_config.runtime.name) == ("FlexConsumption", "python")
        refused = {"properties": {"FUNCTIONS_WORKER_RUNTIME": "python"}}
        with pytest.raises(HttpResponseError, match="for Flex Consumption sites is invalid"):
            await client.web_apps.update_application_settings(GROUP, SITE, refused)
