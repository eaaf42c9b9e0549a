"""
Sites: function apps and plain web apps, as ARM shows them and as they are behind it.

    site_of(world, id).deploy([…])          # ARM goes on listing the old functions until triggers are synced
    site_of(world, id).runtime = Runtime.UNAVAILABLE
    site_of(world, id).keys.functions["apim-contoso"]
    world.arm.need(id).properties["state"] = "Stopped"

ARM's document is what GET answers; everything else is `Site`, kept in the private part of the same resource, so it goes
when the resource goes. Fields of the document: learn.microsoft.com/rest/api/appservice/web-apps/get, and what exported
templates and Azure/azure-functions-ux (site.ts) show beyond it.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, cast

from pydantic import TypeAdapter

from azuresim.resources import Document, key_of
from azuresim.web.functions_host import Function, Keys, new_key
from azuresim.web.regions import display, short
from azuresim.world import World

JSON = dict[str, Any]


class Runtime(Enum):
    """How the functions host of an app does, seen through ARM."""

    UP = "up"
    UNAVAILABLE = "400, encountered an error from host runtime"
    STORAGE_UNREACHABLE = "404, error retrieving master key"
    BAD_GATEWAY = "502 with a page of HTML"


@dataclass(kw_only=True)
class Site:
    """What there is of a site beside its ARM document."""

    functions: list[Function] = field(default_factory=list)
    listed: list[Function] = field(default_factory=list)
    route_prefix: str = "api"
    keys: Keys = field(default_factory=Keys)
    runtime: Runtime = Runtime.UP
    app_settings: dict[str, str] = field(default_factory=dict)
    files: dict[str, JSON] = field(default_factory=dict)  # what file-based auth finds under `configFilePath`
    connection_strings: dict[str, JSON] = field(default_factory=dict, repr=False)
    metadata: dict[str, str] = field(default_factory=dict)
    storage_accounts: dict[str, JSON] = field(default_factory=dict, repr=False)
    publishing_password: str = field(default_factory=lambda: secrets.token_hex(30), repr=False)
    restarts: int = 0
    middleware: str = ""  # the version of Easy Auth's middleware that the last start found configured

    @property
    def secret_storage(self) -> str:
        """
        Where keys lie: blob unless a setting says files, keyvault or kubernetes.

        Source: learn.microsoft.com/azure/azure-functions/functions-app-settings (AzureWebJobsSecretStorageType).
        """
        return self.app_settings.get("AzureWebJobsSecretStorageType", "blob").lower()

    def disabled(self, function: Function) -> bool:
        """By its own file, or by the app setting `AzureWebJobs.<name>.Disabled`."""
        setting = self.app_settings.get(f"AzureWebJobs.{function.name}.Disabled", "")
        return function.disabled or setting.lower() in ("true", "1")

    def deploy(self, functions: Iterable[Function]) -> None:
        """The app runs these functions; ARM lists those of before until `sync`."""
        self.functions = list(functions)
        for function in self.functions:
            self.keys.of_function.setdefault(function.name.lower(), {"default": new_key()})

    def sync(self) -> None:
        """ARM lists what is deployed; a host that is down tells nothing (host: FunctionsSyncManager)."""
        if self.runtime is Runtime.UP:
            self.listed = list(self.functions)


_SITE = TypeAdapter(Site)


def site_to_json(site: Site) -> JSON:
    """What there is of it as JSON, secrets included."""
    return cast(JSON, _SITE.dump_python(site, mode="json"))


def site_from_json(saved: JSON) -> Site:
    """The site that was saved; ValueError for anything else."""
    return _SITE.validate_python(saved)


def site_of(world: World, site_id: str) -> Site:
    """The site under that id; KeyError when there is none."""
    return cast(Site, world.arm.need(site_id).private["site"])


def is_slot(site: Document) -> bool:
    return "/slots/" in site.id.lower()


def is_function_app(site: Document) -> bool:
    """`kind` is a comma list; Logic Apps carry `functionapp` too, beside `workflowapp`."""
    kinds = kinds_of(site.body.get("kind"))
    return "functionapp" in kinds and "workflowapp" not in kinds


def is_flex(site: Document) -> bool:
    return str(site.properties.get("sku", "")).lower() == "flexconsumption"


def kinds_of(kind: Any) -> list[str]:
    return [part.strip() for part in str(kind or "").lower().split(",")]


def label_of(site_id: str) -> str:
    """`orders-fn` of a site, `orders-fn-staging` of a slot: how its host name begins."""
    parts = site_id.rstrip("/").lower().split("/")
    return f"{parts[-3]}-{parts[-1]}" if "slots" in parts else parts[-1]


def unique_host_name(site_id: str, region: str = "westeurope", scope: str = "") -> str:
    """`<app>-<16 characters>.<region>-01.azurewebsites.net`; the characters come from name and scope, here the id."""
    digest = hashlib.sha256((scope or site_id).lower().encode()).hexdigest()[:16]
    return f"{label_of(site_id)}-{digest}.{region}-01.azurewebsites.net"


def scm_host(host: str) -> str:
    first, _, rest = host.partition(".")
    return f"{first}.scm.{rest}"


def ssl_state(host: str, kind: str = "Standard") -> JSON:
    return {"name": host, "sslState": "Disabled", "ipBasedSslState": "NotConfigured", "hostType": kind}


def site_document(world: World, site_id: str, *, host: str, kind: str, state: str, sku: str, location: str) -> JSON:
    """A site as GET shows it; names of hosts are those of the production slot or of the slot itself."""
    parts = site_id.strip("/").split("/")
    name, group, region = parts[-1], parts[3], display(location)
    owner, slot = (parts[-3], name) if "slots" in [part.lower() for part in parts] else (name, None)
    scm, space = scm_host(host), f"{group}-{short(location)}webspace"
    label = label_of(site_id)
    properties = {
        "name": owner if slot is None else f"{owner}({slot})",
        "state": state,
        "hostNames": [host],
        "webSpace": space,
        "selfLink": f"https://waws-prod-sim-001.api.azurewebsites.windows.net:454/subscriptions/{parts[1]}/webspaces/"
        f"{space}/sites/{owner}",
        "repositorySiteName": owner,
        "usageState": "Normal",
        "enabled": state != "Stopped",
        "adminEnabled": True,
        "enabledHostNames": [host, scm],
        "availabilityState": "Normal",
        "hostNameSslStates": [ssl_state(host), ssl_state(scm, "Repository")],
        "reserved": "linux" in kinds_of(kind),
        "isXenon": False,
        "hyperV": False,
        "lastModifiedTimeUtc": modified(world),
        "storageRecoveryDefaultState": "Running",
        "contentAvailabilityState": "Normal",
        "runtimeAvailabilityState": "Normal",
        "siteDisabledReason": 0,
        "siteConfig": None,
        "deploymentId": label,
        "slotName": slot,
        "sku": sku,
        "targetSwapSlot": None,
        "customDomainVerificationId": hashlib.sha256(parts[1].encode()).hexdigest().upper(),
        "kind": kind,
        "inboundIpAddress": "203.0.113.9",
        "possibleInboundIpAddresses": "203.0.113.9",
        "ftpUsername": f"{label}\\${label}",
        "ftpsHostName": "ftps://waws-prod-sim-001.ftp.azurewebsites.windows.net/site/wwwroot",
        "outboundIpAddresses": "203.0.113.10",
        "possibleOutboundIpAddresses": "203.0.113.10,203.0.113.11",
        "suspendedTill": None,
        "maxNumberOfWorkers": None,
        "homeStamp": "waws-prod-sim-001",
        "resourceGroup": group,
        "defaultHostName": host,
        "slotSwapStatus": None,
        "inProgressOperationId": None,
        "privateEndpointConnections": [],
        "eligibleLogCategories": "AppServiceHTTPLogs,AppServicePlatformLogs,AppServiceAuthenticationLogs,"
        "FunctionAppLogs",
        "autoGeneratedDomainNameLabelScope": None if classic(site_id, host) else "TenantReuse",
        "defaultHostNameScope": "Global" if classic(site_id, host) else "Tenant",
    }
    return {
        "id": site_id,
        "name": owner if slot is None else f"{owner}/{slot}",
        "type": "Microsoft.Web/sites" if slot is None else "Microsoft.Web/sites/slots",
        "kind": kind,
        "location": region,
        "properties": properties,
    }


def classic(site_id: str, host: str) -> bool:
    return host.partition(".")[0] == label_of(site_id)


def modified(world: World) -> str:
    return world.clock.now().strftime("%Y-%m-%dT%H:%M:%S.%f")  # no zone, as on the wire


def same_id(one: Any, other: str) -> bool:
    return isinstance(one, str) and key_of(one) == key_of(other)
