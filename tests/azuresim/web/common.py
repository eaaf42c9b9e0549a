"""What all ARM routes of Microsoft.Web share: the route, App Service's own form of an error, a host that is down."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from typing import Any

from azuresim import arm
from azuresim.arm import ArmError, ArmRequest, Handler, resource_not_found
from azuresim.resources import Document
from azuresim.web.sites import Runtime, Site, is_slot, site_of

VERSIONS = frozenset(
    [
        "2015-08-01",
        "2016-03-01",
        "2016-08-01",
        "2016-09-01",
        "2018-02-01",
        "2018-11-01",
        "2019-08-01",
        "2020-06-01",
        "2020-09-01",
        "2020-10-01",
        "2020-12-01",
        "2021-01-01",
        "2021-01-15",
        "2021-02-01",
        "2021-03-01",
        "2022-03-01",
        "2022-09-01",
        "2023-01-01",
        "2023-12-01",
        "2024-04-01",
        "2024-11-01",
        "2025-03-01",
        "2025-05-01",
    ]
)
SUBSCRIPTION = "/subscriptions/{sub}/providers/Microsoft.Web"
GROUP = "/subscriptions/{sub}/resourceGroups/{rg}/providers/Microsoft.Web"
SITES = re.compile("^microsoft.web/sites/", re.IGNORECASE)
SLOTS = "slots are not among the trimmed contracts"
BAD_GATEWAY_PAGE = "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"


def route(
    method: str, path: str, *, action: str | None = None, uncovered: str | None = None, answers: Collection[int] = ()
) -> Callable[[Handler], Handler]:
    """The decorated function answers `method` on `path` below the provider."""
    return arm.route(method, GROUP + path, versions=VERSIONS, action=action, uncovered=uncovered, answers=answers)


def site_route(
    method: str,
    path: str = "",
    *,
    action: str | None = None,
    uncovered: str | None = None,
    answers: Collection[int] = (),
) -> Callable[[Handler], Handler]:
    """The decorated function answers `method` on `path` below a site, and on the same path below each of its slots."""

    def register(handler: Handler) -> Handler:
        route(method, f"/sites/{{name}}{path}", action=action, uncovered=uncovered, answers=answers)(handler)
        of_slot = None if action is None else SITES.sub("Microsoft.Web/sites/slots/", action, count=1)
        template = f"/sites/{{name}}/slots/{{slot}}{path}"
        return route(method, template, action=of_slot, uncovered=uncovered or SLOTS, answers=answers)(handler)

    return register


def app_service_error(
    status: int,
    code: str,
    message: str,
    *,
    extended: str | None = None,
    template: tuple[str, Sequence[str]] | None = None,
) -> ArmError:
    """
    App Service's own envelope: capitalised keys, the same message three times, the extended code deep inside.

    `template` is the message before its parameters were filled in, and those. Source: bodies quoted in the trackers of
    Azure/azure-functions-host and Azure/azure-cli; Azure/azure-service-operator recording Test_Web_v1api.
    """
    entity: dict[str, Any] = {"ExtendedCode": extended} if extended else {}
    if template is not None:
        entity |= {"MessageTemplate": template[0], "Parameters": list(template[1])}
    entity |= {"Code": code, "Message": message}
    details = [{"Message": message}, {"Code": code}, {"ErrorEntity": entity}]
    body = {"Code": code, "Message": message, "Target": None, "Details": details, "Innererror": None}
    return ArmError(status, code, message, body=body)


def templated(status: int, code: str, extended: str, template: str, *parameters: str) -> ArmError:
    """An error whose message is a template with these parameters."""
    message = template.format(*parameters)
    return app_service_error(status, code, message, extended=extended, template=(template, parameters))


def invalid_parameter(name: str) -> ArmError:
    """Source: trackers of hashicorp/terraform-provider-azurerm and Azure/azure-cli (LinuxFxVersion, 01007)."""
    return templated(400, "BadRequest", "01007", "The parameter {0} has an invalid value.", name)


def not_simulated(what: str) -> ArmError:
    """What App Service has and this simulator has not."""
    return ArmError(501, "NotSimulated", f"{what} is not simulated.")


def no_properties() -> ArmError:
    """
    A body without `properties`.

    Source: Azure/azure-rest-api-specs and Azure/azure-sdk-for-python trackers, for host keys.
    """
    text = "The parameter Properties has an invalid value. The Properties object is not present in the request body."
    return app_service_error(400, "BadRequest", text, extended="51006")


def site_id(request: ArmRequest) -> str:
    """The id of the site, or of the slot, that the path names."""
    return request.up_to("slot" if "slot" in request.params else "name")


def the_site(request: ArmRequest) -> tuple[Document, Site]:
    """The site or slot that the path names; ARM has checked that the site exists, not that its slot does."""
    document = request.world.arm.get(site_id(request))
    if document is None:
        raise resource_not_found(site_id(request))
    return document, site_of(request.world, document.id)


def properties_of(request: ArmRequest) -> dict[str, Any]:
    """`properties` of the body, whatever its case; App Service's 400 without."""
    properties = next((value for name, value in request.json.items() if name.lower() == "properties"), None)
    if not isinstance(properties, dict):
        raise no_properties()
    return properties


def child(site: Document, path: str, properties: Any, *, kind: str = "config", **more: Any) -> dict[str, Any]:
    """Something below a site, in ARM's envelope."""
    slots = "/slots" if is_slot(site) else ""
    return {
        "id": f"{site.id}/{path}",
        "name": path.rpartition("/")[2],
        "type": f"Microsoft.Web/sites{slots}/{kind}",
        "location": site.body["location"],
        "properties": properties,
        **more,
    }


def running(request: ArmRequest) -> tuple[Document, Site]:
    """The site, whose functions host answers; the host's trouble as an error otherwise."""
    document, site = the_site(request)
    trouble = host_trouble(site.runtime)
    if trouble is not None:
        raise trouble
    return document, site


def host_trouble(runtime: Runtime) -> ArmError | None:
    """
    How ARM tells that it could not reach the functions host.

    Source: Azure/azure-functions-host tracker (400 "from host runtime"), Azure/azure-cli tracker (404 "Error retrieving
    master key.", which does not mean that the site is gone).
    """
    if runtime is Runtime.UNAVAILABLE:
        return app_service_error(400, "BadRequest", "Encountered an error (ServiceUnavailable) from host runtime.")
    if runtime is Runtime.STORAGE_UNREACHABLE:
        return app_service_error(404, "NotFound", "Error retrieving master key.")
    if runtime is Runtime.BAD_GATEWAY:
        return ArmError(502, "BadGateway", "Bad Gateway", body=BAD_GATEWAY_PAGE)
    return None
