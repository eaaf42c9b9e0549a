"""What all ARM routes of Microsoft.Web share: the route, App Service's own form of an error, a host that is down."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from azuresim import arm
from azuresim.arm import ArmError, ArmRequest, Handler
from azuresim.resources import Document
from azuresim.web.sites import Runtime, Site, site_of

VERSIONS = frozenset(
    {"2018-11-01", "2019-08-01", "2022-03-01", "2023-12-01", "2024-04-01", "2024-11-01", "2025-03-01", "2025-05-01"}
)
GROUP = "/subscriptions/{sub}/resourceGroups/{rg}/providers/Microsoft.Web"
BAD_GATEWAY_PAGE = "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"


def route(
    method: str, path: str, *, action: str | None = None, uncovered: str | None = None
) -> Callable[[Handler], Handler]:
    """The decorated function answers `method` on `path` below the provider."""
    return arm.route(method, GROUP + path, versions=VERSIONS, action=action, uncovered=uncovered)


def app_service_error(status: int, code: str, message: str, *, extended: str | None = None) -> ArmError:
    """
    App Service's own envelope: capitalised keys, the same message three times, the extended code deep inside.

    Source: bodies quoted in the trackers of Azure/azure-functions-host and Azure/azure-cli.
    """
    entity: dict[str, Any] = {"ExtendedCode": extended} if extended else {}
    entity |= {"Code": code, "Message": message}
    details = [{"Message": message}, {"Code": code}, {"ErrorEntity": entity}]
    body = {"Code": code, "Message": message, "Target": None, "Details": details, "Innererror": None}
    return ArmError(status, code, message, body=body)


def no_properties() -> ArmError:
    """
    A body without `properties`.

    Source: Azure/azure-rest-api-specs and Azure/azure-sdk-for-python trackers, for host keys.
    """
    text = "The parameter Properties has an invalid value. The Properties object is not present in the request body."
    return app_service_error(400, "BadRequest", text, extended="51006")


def the_site(request: ArmRequest) -> tuple[Document, Site]:
    """The site that the path names; ARM has checked that it exists."""
    document = request.world.arm.need(request.up_to("name"))
    return document, site_of(request.world, document.id)


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
