"""
What publishing a site needs: credentials, whether basic authentication is allowed, the publish profile.

Pushing content (zipdeploy, site extensions) is not simulated: functions are deployed by a test, with `site.deploy`.
Sources: learn.microsoft.com/rest/api/appservice/web-apps (list-publishing-credentials, get-scm-allowed,
list-publishing-profile-xml-with-secrets); hashicorp/terraform-provider-azurerm, which reads all of them.
"""

from __future__ import annotations

from typing import Any
from xml.sax.saxutils import quoteattr

from azuresim.arm import ArmRequest, ArmResponse
from azuresim.resources import Document
from azuresim.web.common import (
    app_service_error,
    child,
    invalid_parameter,
    not_simulated,
    properties_of,
    site_route,
    the_site,
)
from azuresim.web.sites import Site, scm_host
from azuresim.world import World

JSON = dict[str, Any]
UNCOVERED = "publishing is not among the trimmed contracts"
POLICIES = "basicPublishingCredentialsPolicies"
POLICY = f"/{POLICIES}/{{which}}"
READ, WRITE = f"Microsoft.Web/sites/{POLICIES}/Read", f"Microsoft.Web/sites/{POLICIES}/Write"


@site_route(
    "POST",
    "/config/publishingcredentials/list",
    action="Microsoft.Web/sites/config/list/Action",
    uncovered=UNCOVERED,
)
def list_credentials(request: ArmRequest, world: World) -> ArmResponse:
    site, behind = the_site(request)
    user, scm = user_of(site), scm_host(site.properties["defaultHostName"])
    properties = {
        "name": None,
        "publishingUserName": user,
        "publishingPassword": behind.publishing_password,
        "publishingPasswordHash": None,
        "publishingPasswordHashSalt": None,
        "metadata": None,
        "isDeleted": False,
        "scmUri": f"https://{user}:{behind.publishing_password}@{scm}",
    }
    return ArmResponse(200, child(site, "publishingcredentials/$" + user.lstrip("$"), properties))


@site_route("POST", "/newpassword", uncovered=UNCOVERED)
def new_password(request: ArmRequest, world: World) -> ArmResponse:
    _, behind = the_site(request)
    behind.publishing_password = world.hexadecimal(60)
    return ArmResponse(200)


@site_route("GET", f"/{POLICIES}", action=READ, uncovered=UNCOVERED)
def list_policies(request: ArmRequest, world: World) -> ArmResponse:
    site, _ = the_site(request)
    return ArmResponse(200, {"value": [policy(world, site, one) for one in ("ftp", "scm")], "nextLink": None})


@site_route("GET", POLICY, action=READ, uncovered=UNCOVERED)
def get_policy(request: ArmRequest, world: World) -> ArmResponse:
    site, _ = the_site(request)
    return ArmResponse(200, policy(world, site, known(request)))


@site_route("PUT", POLICY, action=WRITE, uncovered=UNCOVERED)
def put_policy(request: ArmRequest, world: World) -> ArmResponse:
    site, _ = the_site(request)
    which, allow = known(request), properties_of(request).get("allow")
    if not isinstance(allow, bool):
        raise invalid_parameter("allow")
    world.arm.put(f"{site.id}/{POLICIES}/{which}", {"allow": allow})
    return ArmResponse(200, policy(world, site, which))


def known(request: ArmRequest) -> str:
    which = request.params["which"].lower()
    if which not in ("ftp", "scm"):
        raise app_service_error(404, "NotFound", f"Cannot find {POLICIES} with name {request.params['which']}.")
    return which


def policy(world: World, site: Document, which: str) -> JSON:
    """Allowed until somebody says otherwise, as sites made over the API are."""
    stored = world.arm.get(f"{site.id}/{POLICIES}/{which}")
    allow = stored.body["allow"] if stored else True
    return child(site, f"{POLICIES}/{which}", {"allow": allow}, kind=POLICIES)


@site_route("POST", "/publishxml", uncovered=UNCOVERED)
def publish_profile(request: ArmRequest, world: World) -> ArmResponse:
    """The publish profile, as XML; it holds the password."""
    site, behind = the_site(request)
    profiles = "".join(profile(site, behind, method) for method in ("MSDeploy", "FTP", "ZipDeploy"))
    return ArmResponse(200, f"<publishData>{profiles}</publishData>", {"Content-Type": "application/xml"})


def profile(site: Document, behind: Site, method: str) -> str:
    host = site.properties["defaultHostName"]
    ftp = method == "FTP"
    url = site.properties["ftpsHostName"] if ftp else f"{scm_host(host)}:443"
    fields = {
        "profileName": f"{site.properties['deploymentId']} - {'FTP' if ftp else method.replace('MS', 'Web ')}",
        "publishMethod": method,
        "publishUrl": url,
        "userName": site.properties["ftpUsername"] if ftp else user_of(site),
        "userPWD": behind.publishing_password,
        "destinationAppUrl": f"https://{host}",
    }
    return f"<publishProfile {' '.join(f'{name}={quoteattr(value)}' for name, value in fields.items())} />"


def user_of(site: Document) -> str:
    return f"${str(site.body['name']).replace('/', '__')}"


@site_route("POST", "/config/backup/list", action="Microsoft.Web/sites/config/list/Action", uncovered=UNCOVERED)
def no_backup_configured(request: ArmRequest, world: World) -> ArmResponse:
    """404, as nobody can configure one here. Source: hashicorp/terraform-provider-azurerm, which takes it for none."""
    site, _ = the_site(request)
    raise app_service_error(404, "NotFound", f"Backup configuration not found for site {site.name}.")


@site_route("POST", "/extensions/{extension}", uncovered=UNCOVERED)
@site_route("PUT", "/extensions/{extension}", uncovered=UNCOVERED)
@site_route("GET", "/extensions/{extension}", uncovered=UNCOVERED)
@site_route("GET", "/siteextensions", uncovered=UNCOVERED)
@site_route("POST", "/backup", uncovered=UNCOVERED)
@site_route("GET", "/backups", uncovered=UNCOVERED)
def beyond(request: ArmRequest, world: World) -> ArmResponse:
    the_site(request)
    raise not_simulated(request.route.template.rpartition("}/")[2] or "this part of publishing")
