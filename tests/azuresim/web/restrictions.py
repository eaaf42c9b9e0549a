"""
What the front end of App Service refuses before Easy Auth sees a call: by address, certificate, scheme, public access.

Where a call comes from is what the simulator's own header `x-simulated-address` says, else `OUTSIDE`; the site never
sees that header. Source: learn.microsoft.com/azure/app-service/app-service-ip-restrictions (order by priority, the
first match decides, everybody else is refused once there are rules); learn.microsoft.com/azure/app-service/
configure-ssl-bindings (httpsOnly answers 301). Assumed: service tags and subnets match nobody.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any
from urllib.parse import urlencode

from azuresim.resources import Document
from azuresim.web.site_config import config_of, networks
from azuresim.wire import HttpAnswer, HttpCall
from azuresim.world import World

ADDRESS = "x-simulated-address"
OUTSIDE = "198.51.100.7"
FORBIDDEN = "<h1>Error 403 - Forbidden</h1><p>The web app you have attempted to reach has blocked your access.</p>"

NO_CERTIFICATE = "<h1>Error 403 - Forbidden</h1><p>A client certificate is required.</p>"


def stopped_at_the_front(call: HttpCall, world: World, site: Document) -> HttpAnswer | None:
    """The answer to a call that does not get as far as Easy Auth; None for one that does."""
    config = config_of(world, site)
    address = call.header(ADDRESS, OUTSIDE)
    if closed(site, config) or not allowed(address, config):
        return HttpAnswer.text(403, FORBIDDEN, "text/html").with_headers({"x-ms-forbidden-ip": address})
    if needs_certificate(site, call.path):
        return HttpAnswer.text(403, NO_CERTIFICATE, "text/html")
    if site.properties.get("httpsOnly") and call.scheme == "http":
        query = f"?{urlencode(call.query)}" if call.query else ""
        return HttpAnswer(301, {"Location": f"https://{call.host}{call.raw_path}{query}"})
    return None


def needs_certificate(site: Document, path: str) -> bool:
    """
    The site takes only callers with a client certificate there; nobody has one in the simulator.

    Source: learn.microsoft.com/azure/app-service/app-service-web-configure-tls-mutual-auth (modes, exclusion paths).
    """
    if not site.properties.get("clientCertEnabled") or site.properties.get("clientCertMode") not in (None, "Required"):
        return False
    excluded = str(site.properties.get("clientCertExclusionPaths") or "").split(";")
    return not any(path.lower().startswith(one.strip().lower()) for one in excluded if one.strip())


def closed(site: Document, config: dict[str, Any]) -> bool:
    """Public access is off: on the site, or, when that says nothing, in its configuration."""
    access = site.properties.get("publicNetworkAccess") or config.get("publicNetworkAccess")
    return str(access or "").lower() == "disabled"


def allowed(address: str, config: dict[str, Any]) -> bool:
    rules = config.get("ipSecurityRestrictions") or []
    default = config.get("ipSecurityRestrictionsDefaultAction") or ("Deny" if rules else "Allow")
    for rule in sorted(rules, key=lambda one: one.get("priority") or 0):
        if covers(rule, address):
            return str(rule.get("action") or "Allow").lower() == "allow"
    return str(default).lower() == "allow"


def covers(rule: dict[str, Any], address: str) -> bool:
    if str(rule.get("tag") or "").lower() == "servicetag" or not isinstance(rule.get("ipAddress"), str):
        return False
    try:
        found = ip_address(address)
    except ValueError:
        return False
    return any(found in network for network in networks(rule["ipAddress"]))
