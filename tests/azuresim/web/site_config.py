"""
`config/web`: the configuration of a site, which a PUT of the site carries as `siteConfig` and never shows again.

Assumed: a PUT of `config/web` changes what it names and leaves the rest, as a PATCH does (sources disagree; clients
send all of it). Sources: learn.microsoft.com/rest/api/appservice/web-apps/update-configuration; Azure/azure-cli
recordings test_functionapp_config_set and test_functionapp_access_restriction_show (the last rule of a list); trackers
of Azure/azure-cli (31414) and Azure/azure-functions-host (10643) for what Flex Consumption refuses.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from ipaddress import ip_network
from typing import Any

from azuresim.arm import ArmRequest, ArmResponse
from azuresim.resources import Document
from azuresim.web.common import app_service_error, child, invalid_parameter, properties_of, site_route, the_site
from azuresim.web.fields import ELSEWHERE, WEB, WEB_DEFAULTS, kept, typed
from azuresim.web.journaled import replace_secrets
from azuresim.web.settings import checked_settings, named_pairs, typed_connections
from azuresim.web.sites import Site, is_flex, is_function_app
from azuresim.world import World

JSON = dict[str, Any]
UNCOVERED = "config/web is not among the trimmed contracts"
READ, WRITE = "Microsoft.Web/sites/config/Read", "Microsoft.Web/sites/config/Write"
RULES = ("ipSecurityRestrictions", "scmIpSecurityRestrictions")
LAST = 2147483647
STACK = re.compile(r"[A-Za-z][A-Za-z0-9_.+-]*(\|.*)?", re.DOTALL)
NOT_FOR_FLEX = [
    "ftpsState",
    "use32BitWorkerProcess",
    "preWarmedInstanceCount",
    "netFrameworkVersion",
    "functionAppScaleLimit",
    "functionsRuntimeScaleMonitoringEnabled",
    "linuxFxVersion",
    "windowsFxVersion",
    "javaVersion",
    "alwaysOn",
]


@site_route("GET", "/config", action=READ, uncovered=UNCOVERED)
def list_config(request: ArmRequest, world: World) -> ArmResponse:
    site, _ = the_site(request)
    return ArmResponse(200, {"value": [shown(world, site)], "nextLink": None})


@site_route("GET", "/config/web", action=READ, uncovered=UNCOVERED)
def get_config(request: ArmRequest, world: World) -> ArmResponse:
    site, _ = the_site(request)
    return ArmResponse(200, shown(world, site))


@site_route("PUT", "/config/web", action=WRITE, uncovered=UNCOVERED)
@site_route("PATCH", "/config/web", action=WRITE, uncovered=UNCOVERED)
def write_config(request: ArmRequest, world: World) -> ArmResponse:
    site, behind = the_site(request)
    configure(world, site, behind, properties_of(request))
    return ArmResponse(200, shown(world, site))


# --- what stands behind -----------------------------------------------------------------------------------------------
def configure(world: World, site: Document, behind: Site, sent: Mapping[str, Any]) -> None:
    """The site has what was sent; nothing of it when any part is refused."""
    checked_config(site, sent)
    store(world, site, behind, sent)


def checked_config(site: Document, sent: Mapping[str, Any]) -> None:
    """Raises what the service says to a configuration that it does not take."""
    known = kept(sent, {**WEB, **ELSEWHERE}, "siteConfig.")
    if is_flex(site):
        refuse_for_flex(known)
    check_stack(site, known.get("linuxFxVersion"))
    for name in RULES:
        for rule in known.get(name) or []:
            check_rule(rule, name)
    if (pairs := known.get("appSettings")) is not None:
        checked_settings(site, named_pairs(pairs, "siteConfig.appSettings"))
    if (connections := known.get("connectionStrings")) is not None:
        typed_connections(connections)
    if (metadata := known.get("metadata")) is not None:
        named_pairs(metadata, "siteConfig.metadata")


def store(world: World, site: Document, behind: Site, sent: Mapping[str, Any]) -> None:
    known = kept(sent, {**WEB, **ELSEWHERE})
    for name in RULES:
        for rule in known.get(name) or []:
            rule |= {"priority": typed(rule.get("priority"), "number", name)} if "priority" in rule else {}
    if (pairs := known.pop("appSettings", None)) is not None:
        wanted = named_pairs(pairs, "siteConfig.appSettings")
        replace_secrets(world, f"{site.id}/config/appsettings", behind.app_settings, wanted)
    if (connections := known.pop("connectionStrings", None)) is not None:
        where = f"{site.id}/config/connectionstrings"
        replace_secrets(world, where, behind.connection_strings, typed_connections(connections))
    if (metadata := known.pop("metadata", None)) is not None:
        replace_secrets(
            world, f"{site.id}/config/metadata", behind.metadata, named_pairs(metadata, "siteConfig.metadata")
        )
    if (accounts := known.pop("azureStorageAccounts", None)) is not None:
        replace_secrets(world, f"{site.id}/config/azurestorageaccounts", behind.storage_accounts, accounts)
    for name in ("ipSecurityRestrictions", "scmIpSecurityRestrictions"):
        if known.get(name) is not None:
            known[name] = own_rules(known[name])
    stored = world.arm.get(f"{site.id}/config/web")
    merged = (stored.body if stored else {}) | known
    if merged:
        world.arm.put(f"{site.id}/config/web", merged)
    behind.restarts += 1


def own_rules(rules: Iterable[Any]) -> list[Any]:
    """Without the last rule, which the service adds to what it shows and takes back unchanged."""
    return [rule for rule in rules if not (rule.get("priority") == LAST and rule.get("ipAddress") == "Any")]


def config_of(world: World, site: Document) -> JSON:
    """The configuration with its defaults, without what is kept apart."""
    stored = world.arm.get(f"{site.id}/config/web")
    return WEB_DEFAULTS | defaults_of(site) | (stored.body if stored else {})


def defaults_of(site: Document) -> JSON:
    """Function apps start differently from web apps, Linux from Windows."""
    made: JSON = {}
    if is_function_app(site):
        made |= {"cors": {"allowedOrigins": ["https://portal.azure.com"], "supportCredentials": False}}
        made |= {"functionAppScaleLimit": 200 if site.properties.get("sku") == "Dynamic" else 0}
    if site.properties.get("reserved"):
        made |= {"use32BitWorkerProcess": False}
    return made


def shown(world: World, site: Document) -> JSON:
    properties = config_of(world, site)
    label = site.name if "/slots/" not in site.id.lower() else str(site.body["name"]).replace("/", "__")
    properties |= {"publishingUsername": f"${label}"}
    for name in ("ipSecurityRestrictions", "scmIpSecurityRestrictions"):
        properties[name] = with_last(properties[name] or [], properties[f"{name}DefaultAction"])
    return child(site, "config/web", properties) | {"name": site.name}


def with_last(rules: list[Any], default: str | None) -> list[Any]:
    """The rules as they are shown: with what happens to everybody else at the end."""
    action = default or ("Deny" if rules else "Allow")
    last = {
        "ipAddress": "Any",
        "action": action,
        "priority": LAST,
        "name": f"{action} all",
        "description": f"{action} all access",
    }
    return [*rules, last]


def partial(world: World, site: Document) -> JSON:
    """What a GET of the site itself shows of its configuration."""
    config = config_of(world, site)
    names = "numberOfWorkers linuxFxVersion acrUseManagedIdentityCreds alwaysOn http20Enabled functionAppScaleLimit"
    return {name: config[name] for name in [*names.split(), "minimumElasticInstanceCount"]}


def check_stack(site: Document, stack: str | None) -> None:
    """Windows has no `linuxFxVersion`; Linux wants `NAME|version`. Assumed: which names exist is not looked at."""
    if stack and not (site.properties.get("reserved") and STACK.fullmatch(stack)):
        raise invalid_parameter("LinuxFxVersion")


def check_rule(rule: Any, where: str) -> None:
    """An access restriction names a network, a service tag or a subnet, and an action."""
    if not isinstance(rule, dict):
        raise invalid_parameter(where)
    address, tag, subnet = (rule.get(name) for name in ("ipAddress", "tag", "vnetSubnetResourceId"))
    action, priority = rule.get("action"), rule.get("priority")
    if action is not None and (not isinstance(action, str) or action.lower() not in ("allow", "deny")):
        raise invalid_parameter(f"{where}.action")
    if priority is not None:
        typed(priority, "number", f"{where}.priority")
    if not isinstance(rule.get("headers") or {}, dict):
        raise invalid_parameter(f"{where}.headers")
    if tag is not None and not isinstance(tag, str):
        raise invalid_parameter(f"{where}.tag")
    if address is None and isinstance(subnet, str):
        return
    if not isinstance(address, str) or not (str(tag).lower() == "servicetag" or networks(address)):
        raise invalid_parameter(f"{where}.ipAddress")


def networks(address: str) -> list[Any]:
    """The networks that `10.0.0.0/8,192.0.2.1` means; none when any of it is no network. `Any` is every network."""
    if address.lower() == "any":
        return [ip_network("0.0.0.0/0"), ip_network("::/0")]
    try:
        return [ip_network(part.strip(), strict=False) for part in address.split(",")]
    except ValueError:
        return []


def refuse_for_flex(known: Mapping[str, Any]) -> None:
    names = [name for name in NOT_FOR_FLEX if known.get(name) not in (None, False, "")]
    if names:
        raise flex_refusal([f"Site.SiteConfig.{name[0].upper()}{name[1:]}" for name in names])


def flex_refusal(names: list[str]) -> Exception:
    if len(names) == 1:
        text = f"The following site configuration property ({names[0]}) for Flex Consumption sites is invalid.  "
        return app_service_error(400, "BadRequest", f"{text}Please remove or rename it before retrying.")
    text = f"The following list of {len(names)} site configuration properties ({', '.join(names)}) for Flex "
    return app_service_error(
        400, "BadRequest", f"{text}Consumption sites is invalid.  Please remove or rename them before retrying."
    )
