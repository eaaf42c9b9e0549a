"""
The functions of an app as ARM lists them: from a cache that the host fills when its triggers are synced.

Sources: Azure/azure-functions-host (FunctionMetadataExtensions, FunctionsSyncManager), learn.microsoft.com/rest/api/
appservice/web-apps/list-functions, microsoft/vscode-apimanagement (FunctionAppService.ts).
"""

from __future__ import annotations

from typing import Any

from azuresim.arm import ArmRequest, ArmResponse
from azuresim.resources import Document
from azuresim.web.common import app_service_error, route, running, the_site
from azuresim.web.functions_host import Function
from azuresim.web.sites import Site
from azuresim.world import World

READ, SYNC = "microsoft.web/sites/functions/read", "microsoft.web/sites/host/sync/action"
SYNCING = "synchronisation is not among the trimmed contracts"


@route("GET", "/sites/{name}/functions", action=READ)
def list_functions(request: ArmRequest, world: World) -> ArmResponse:
    resource, site = _listing(request, world)
    items = [_item(resource, site, one) for one in site.listed]
    return ArmResponse(200, {"value": items, "nextLink": None})


@route("GET", "/sites/{name}/functions/{function}", action=READ)
def get_function(request: ArmRequest, world: World) -> ArmResponse:
    """One function; names are compared without case. Assumed: the wording of the 404."""
    resource, site = _listing(request, world)
    wanted = request.params["function"]
    found = next((one for one in site.listed if one.name.lower() == wanted.lower()), None)
    if found is None:
        raise app_service_error(404, "NotFound", f"Function with name '{wanted}' does not exist.")
    return ArmResponse(200, _item(resource, site, found))


@route("POST", "/sites/{name}/host/default/sync", action=SYNC, uncovered=SYNCING)
@route(
    "POST",
    "/sites/{name}/syncfunctiontriggers",
    action="microsoft.web/sites/syncfunctiontriggers/action",
    uncovered=SYNCING,
)
def sync_triggers(request: ArmRequest, world: World) -> ArmResponse:
    _, site = running(request)
    site.sync()
    return ArmResponse(204)


@route(
    "POST",
    "/sites/{name}/host/default/listsyncstatus",
    action="microsoft.web/sites/host/listsyncstatus/action",
    uncovered=SYNCING,
)
def sync_status(request: ArmRequest, world: World) -> ArmResponse:
    running(request)
    return ArmResponse(204)


def _listing(request: ArmRequest, world: World) -> tuple[Document, Site]:
    return the_site(request) if world.switches.functions_listed_while_down else running(request)


def _item(resource: Document, site: Site, function: Function) -> dict[str, Any]:
    """An item in ARM's envelope, snake_case inside but for `isDisabled`."""
    base = f"https://{resource.properties['defaultHostName']}/admin"
    vfs = f"{base}/vfs/site/wwwroot/{function.name}"
    properties = {
        "name": function.name,
        "function_app_id": None,
        "script_root_path_href": f"{vfs}/",
        "script_href": f"{vfs}/__init__.py",
        "config_href": f"{vfs}/function.json",
        "test_data_href": f"{base}/vfs/data/Functions/sampledata/{function.name}.dat",
        "secrets_file_href": None,
        "href": f"{base}/functions/{function.name}",
        "config": _config(function),
        "files": None,
        "test_data": "",
        "invoke_url_template": _invoke_url(resource, site, function),
        "language": function.language,
        "isDisabled": function.disabled,
    }
    return {
        "id": f"{resource.id}/functions/{function.name}",
        "name": f"{resource.name}/{function.name}",
        "type": "Microsoft.Web/sites/functions",
        "location": resource.body["location"],
        "properties": properties,
    }


def _config(function: Function) -> dict[str, Any]:
    """Empty where function.json does not parse: such a function has no bindings."""
    if not function.readable:
        return {}
    return {
        "name": function.name,
        "entryPoint": "main",
        "scriptFile": "function_app.py",
        "language": function.language,
        "functionDirectory": "/home/site/wwwroot",
        "bindings": [dict(binding) for binding in function.bindings],
    }


def _invoke_url(resource: Document, site: Site, function: Function) -> str | None:
    """For HTTP triggers only, and lower-cased as a whole: never take a route parameter's name from here."""
    if not function.readable or function.trigger is None:
        return None
    parts = [resource.properties["defaultHostName"], site.route_prefix.strip("/"), function.route.strip("/")]
    return "https://" + "/".join(part for part in parts if part).lower()
