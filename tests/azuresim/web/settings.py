"""
App settings, connection strings and their like: written with PUT, read with POST …/list, and shown by no GET.

A PUT replaces all of them, and every change restarts the site. Sources: learn.microsoft.com/rest/api/appservice/
web-apps (update-application-settings, update-connection-strings, update-slot-configuration-names); Azure/azure-cli
recordings test_functionapp_config_appsettings…; trackers of microsoft/vscode-azurefunctions (4142) and
Azure/azure-functions-host (10714) for what Flex Consumption refuses.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from azuresim.arm import ArmRequest, ArmResponse
from azuresim.resources import Document
from azuresim.web.common import (
    app_service_error,
    child,
    invalid_parameter,
    not_simulated,
    properties_of,
    route,
    site_route,
    the_site,
)
from azuresim.web.fields import an_object, text
from azuresim.web.journaled import replace_secrets
from azuresim.web.sites import is_flex
from azuresim.world import World

JSON = dict[str, Any]
UNCOVERED = "these parts of a site's configuration are not among the trimmed contracts"
LIST, READ, WRITE = (f"Microsoft.Web/sites/config/{verb}" for verb in ("list/Action", "Read", "Write"))
ON_LINUX = re.compile(r"[A-Za-z0-9_.]+")
NOT_FOR_FLEX = frozenset(
    [
        "ENABLE_ORYX_BUILD",
        "FUNCTIONS_MAX_HTTP_CONCURRENCY",
        "FUNCTIONS_WORKER_DYNAMIC_CONCURRENCY_ENABLED",
        "FUNCTIONS_WORKER_PROCESS_COUNT",
        "FUNCTIONS_WORKER_RUNTIME",
        "FUNCTIONS_WORKER_RUNTIME_VERSION",
        "SCM_DO_BUILD_DURING_DEPLOYMENT",
        "WEBSITE_CONTENTAZUREFILECONNECTIONSTRING",
        "WEBSITE_CONTENTOVERVNET",
        "WEBSITE_CONTENTSHARE",
        "WEBSITE_DNS_SERVER",
        "WEBSITE_MAX_DYNAMIC_APPLICATION_SCALE_OUT",
        "WEBSITE_NODE_DEFAULT_VERSION",
        "WEBSITE_RUN_FROM_PACKAGE",
        "WEBSITE_SKIP_CONTENTSHARE_VALIDATION",
        "WEBSITE_VNET_ROUTE_ALL",
    ]
)
"""Source: learn.microsoft.com/azure/azure-functions/functions-app-settings (Flex Consumption plan deprecations)."""
EXTENSION_VERSION = "FUNCTIONS_EXTENSION_VERSION"
CONNECTION_TYPES = {
    kind.lower(): kind
    for kind in [
        "MySql",
        "SQLServer",
        "SQLAzure",
        "Custom",
        "NotificationHub",
        "ServiceBus",
        "EventHub",
        "ApiHub",
        "DocDb",
        "RedisCache",
        "PostgreSQL",
    ]
}
STICKY = ("appSettingNames", "connectionStringNames", "azureStorageConfigNames")


# --- app settings -----------------------------------------------------------------------------------------------------
@site_route("POST", "/config/appsettings/list", action=LIST, uncovered=UNCOVERED)
def list_settings(request: ArmRequest, world: World) -> ArmResponse:
    site, behind = the_site(request)
    return ArmResponse(200, child(site, "config/appsettings", dict(behind.app_settings)))


@site_route("PUT", "/config/appsettings", action=WRITE, uncovered=UNCOVERED)
def put_settings(request: ArmRequest, world: World) -> ArmResponse:
    site, behind = the_site(request)
    wanted = texts(properties_of(request), "properties")
    checked_settings(site, wanted, refuse_version=world.switches.flex_refuses_extension_version)
    if replace_secrets(world, f"{site.id}/config/appsettings", behind.app_settings, wanted):
        behind.restarts += 1
    return ArmResponse(200, child(site, "config/appsettings", wanted))


def texts(sent: Mapping[str, Any], where: str) -> dict[str, str]:
    """A map of texts; a null is the empty text (assumed), a list or an object is refused."""
    return {name: "" if value is None else text(value, f"{where}.{name}") for name, value in sent.items()}


def named_pairs(sent: Any, where: str) -> dict[str, str]:
    """`[{"name", "value"}]` as a map; the last one of a name wins (assumed)."""
    found: dict[str, str] = {}
    for pair in sent:
        name = pair.get("name") if isinstance(pair, dict) else None
        if not isinstance(name, str):
            raise invalid_parameter(where)
        found[name] = "" if pair.get("value") is None else text(pair["value"], f"{where}.{name}")
    return found


def checked_settings(site: Document, wanted: Mapping[str, str], *, refuse_version: bool = False) -> None:
    """Names that Linux or Flex Consumption does not take are refused. Assumed: the wording of the first."""
    for name in wanted:
        if not name.strip() or (site.properties.get("reserved") and ON_LINUX.fullmatch(name) is None):
            raise app_service_error(400, "BadRequest", f"AppSetting with name '{name}' is not allowed.")
    if not is_flex(site):
        return
    refused = NOT_FOR_FLEX | ({EXTENSION_VERSION} if refuse_version else frozenset())
    bad = [f"Site.SiteConfig.AppSettings.{name}" for name in wanted if name.upper() in refused]
    if len(bad) == 1:
        message = f"The following app setting ({bad[0]}) for Flex Consumption sites is invalid.  "
        raise app_service_error(400, "BadRequest", f"{message}Please remove or rename it before retrying.")
    if bad:
        message = f"The following list of {len(bad)} app settings ({', '.join(bad)}) for Flex Consumption sites is "
        raise app_service_error(400, "BadRequest", f"{message}invalid.  Please remove or rename them before retrying.")


# --- connection strings, metadata, storage ----------------------------------------------------------------------------
@site_route("POST", "/config/connectionstrings/list", action=LIST, uncovered=UNCOVERED)
def list_connections(request: ArmRequest, world: World) -> ArmResponse:
    site, behind = the_site(request)
    return ArmResponse(200, child(site, "config/connectionstrings", dict(behind.connection_strings)))


@site_route("PUT", "/config/connectionstrings", action=WRITE, uncovered=UNCOVERED)
def put_connections(request: ArmRequest, world: World) -> ArmResponse:
    site, behind = the_site(request)
    wanted = {name: connection(value, name) for name, value in properties_of(request).items()}
    if replace_secrets(world, f"{site.id}/config/connectionstrings", behind.connection_strings, wanted):
        behind.restarts += 1
    return ArmResponse(200, child(site, "config/connectionstrings", wanted))


def connection(sent: Any, name: str) -> JSON:
    found = an_object(sent, f"connectionStrings.{name}")
    kind = found.get("type")
    if not isinstance(kind, str) or kind.lower() not in CONNECTION_TYPES:
        raise invalid_parameter(f"connectionStrings.{name}.type")
    value = found.get("value")
    return {
        "value": "" if value is None else text(value, f"connectionStrings.{name}.value"),
        "type": CONNECTION_TYPES[kind.lower()],
    }


def typed_connections(sent: list[Any]) -> dict[str, JSON]:
    """`[{"name", "connectionString", "type"}]`, as `siteConfig` has them, in the form of `config/connectionstrings`."""
    found: dict[str, JSON] = {}
    for one in sent:
        name = one.get("name") if isinstance(one, dict) else None
        if not isinstance(name, str):
            raise invalid_parameter("siteConfig.connectionStrings")
        found[name] = connection({"value": one.get("connectionString"), "type": one.get("type") or "Custom"}, name)
    return found


@site_route("POST", "/config/metadata/list", action=LIST, uncovered=UNCOVERED)
def list_metadata(request: ArmRequest, world: World) -> ArmResponse:
    site, behind = the_site(request)
    return ArmResponse(200, child(site, "config/metadata", dict(behind.metadata)))


@site_route("PUT", "/config/metadata", action=WRITE, uncovered=UNCOVERED)
def put_metadata(request: ArmRequest, world: World) -> ArmResponse:
    site, behind = the_site(request)
    wanted = texts(properties_of(request), "properties")
    replace_secrets(world, f"{site.id}/config/metadata", behind.metadata, wanted)
    return ArmResponse(200, child(site, "config/metadata", wanted))


@site_route("POST", "/config/azurestorageaccounts/list", action=LIST, uncovered=UNCOVERED)
def list_storage(request: ArmRequest, world: World) -> ArmResponse:
    site, behind = the_site(request)
    return ArmResponse(200, child(site, "config/azurestorageaccounts", dict(behind.storage_accounts)))


@site_route("PUT", "/config/azurestorageaccounts", action=WRITE, uncovered=UNCOVERED)
def put_storage(request: ArmRequest, world: World) -> ArmResponse:
    site, behind = the_site(request)
    wanted = {name: an_object(value, f"azureStorageAccounts.{name}") for name, value in properties_of(request).items()}
    if replace_secrets(world, f"{site.id}/config/azurestorageaccounts", behind.storage_accounts, wanted):
        behind.restarts += 1
    return ArmResponse(200, child(site, "config/azurestorageaccounts", wanted))


# --- names that stay with a slot --------------------------------------------------------------------------------------
@route("GET", "/sites/{name}/config/slotConfigNames", action=READ, uncovered=UNCOVERED)
def get_sticky(request: ArmRequest, world: World) -> ArmResponse:
    site, _ = the_site(request)
    return ArmResponse(200, child(site, "config/slotConfigNames", sticky_names(world, site)) | {"name": site.name})


@route("PUT", "/sites/{name}/config/slotConfigNames", action=WRITE, uncovered=UNCOVERED)
def put_sticky(request: ArmRequest, world: World) -> ArmResponse:
    site, _ = the_site(request)
    sent = properties_of(request)
    wanted: JSON = {}
    for name in STICKY:
        names = sent.get(name)
        if names is not None and not (isinstance(names, list) and all(isinstance(one, str) for one in names)):
            raise invalid_parameter(name)
        wanted[name] = names
    world.arm.put(f"{site.id}/config/slotConfigNames", wanted)
    return ArmResponse(200, child(site, "config/slotConfigNames", wanted) | {"name": site.name})


def sticky_names(world: World, site: Document) -> JSON:
    stored = world.arm.get(f"{site.id}/config/slotConfigNames")
    return dict(stored.body) if stored else dict.fromkeys(STICKY)


# --- logs, and what is not simulated ----------------------------------------------------------------------------------
LOGS: JSON = {
    "applicationLogs": {
        "fileSystem": {"level": "Off"},
        "azureTableStorage": {"level": "Off", "sasUrl": None},
        "azureBlobStorage": {"level": "Off", "sasUrl": None, "retentionInDays": None},
    },
    "httpLogs": {
        "fileSystem": {"retentionInMb": 35, "retentionInDays": None, "enabled": False},
        "azureBlobStorage": {"sasUrl": None, "retentionInDays": None, "enabled": False},
    },
    "failedRequestsTracing": {"enabled": False},
    "detailedErrorMessages": {"enabled": False},
}


@site_route("GET", "/config/logs", action=READ, uncovered=UNCOVERED)
def get_logs(request: ArmRequest, world: World) -> ArmResponse:
    site, _ = the_site(request)
    stored = world.arm.get(f"{site.id}/config/logs")
    return ArmResponse(200, child(site, "config/logs", LOGS | (stored.body if stored else {})))


@site_route("PUT", "/config/logs", action=WRITE, uncovered=UNCOVERED)
def put_logs(request: ArmRequest, world: World) -> ArmResponse:
    site, _ = the_site(request)
    sent = properties_of(request)
    wanted = {name: an_object(sent[name], name) for name in LOGS if sent.get(name) is not None}
    world.arm.put(f"{site.id}/config/logs", wanted)
    return ArmResponse(200, child(site, "config/logs", LOGS | wanted))


@site_route("PUT", "/config/{other}", action=WRITE, uncovered=UNCOVERED)
@site_route("POST", "/config/{other}/list", action=LIST, uncovered=UNCOVERED)
@site_route("GET", "/config/{other}", action=READ, uncovered=UNCOVERED)
def other_config(request: ArmRequest, world: World) -> ArmResponse:
    """Backups and push settings are real and not simulated; any other name is a 404 (assumed: its wording)."""
    the_site(request)
    name = request.params["other"]
    if name.lower() in ("backup", "pushsettings"):
        raise not_simulated(f"config/{name}")
    if name.lower() in (
        "appsettings",
        "connectionstrings",
        "metadata",
        "azurestorageaccounts",
        "publishingcredentials",
    ):
        text_ = "The requested resource does not support http method 'GET'."
        raise app_service_error(405, "MethodNotAllowed", text_)
    raise app_service_error(404, "NotFound", f"Cannot find configuration with name {name}.")
