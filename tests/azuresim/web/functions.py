"""
The functions of an app as ARM lists them: from a cache that the host fills when its triggers are synced.

Sources: Azure/azure-functions-host (FunctionMetadataExtensions, FunctionsSyncManager), learn.microsoft.com/rest/api/
appservice/web-apps/list-functions, microsoft/vscode-apimanagement (FunctionAppService.ts).
"""

from __future__ import annotations

from typing import Any

from azuresim.arm import ArmRequest, ArmResponse
from azuresim.resources import Document
from azuresim.web.common import (
    app_service_error,
    child,
    invalid_parameter,
    properties_of,
    running,
    site_route,
    the_site,
)
from azuresim.web.functions_host import Function, trigger_url
from azuresim.web.journaled import put_secret
from azuresim.web.sites import Site, is_flex
from azuresim.world import World

READ, SYNC = "microsoft.web/sites/functions/read", "microsoft.web/sites/host/sync/action"
WRITING = "writing functions is not among the trimmed contracts"
SYNCING = "synchronisation is not among the trimmed contracts"


@site_route("GET", "/functions", action=READ)
def list_functions(request: ArmRequest, world: World) -> ArmResponse:
    resource, site = _listing(request, world)
    items = [_item(resource, site, one) for one in site.listed]
    return ArmResponse(200, {"value": items, "nextLink": None})


@site_route("GET", "/functions/{function}", action=READ)
def get_function(request: ArmRequest, world: World) -> ArmResponse:
    """One function; names are compared without case. Assumed: the wording of the 404."""
    resource, site = _listing(request, world)
    wanted = request.params["function"]
    found = next((one for one in site.listed if one.name.lower() == wanted.lower()), None)
    if found is None:
        raise app_service_error(404, "NotFound", f"Function with name '{wanted}' does not exist.")
    return ArmResponse(200, _item(resource, site, found))


@site_route("POST", "/host/default/sync", action=SYNC, uncovered=SYNCING)
@site_route(
    "POST",
    "/syncfunctiontriggers",
    action="microsoft.web/sites/syncfunctiontriggers/action",
    uncovered=SYNCING,
)
def sync_triggers(request: ArmRequest, world: World) -> ArmResponse:
    _, site = running(request)
    site.sync()
    return ArmResponse(204)


@site_route(
    "POST",
    "/host/default/listsyncstatus",
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
        "isDisabled": site.disabled(function),
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
    return trigger_url(resource.properties["defaultHostName"], site.route_prefix, function)


# --- functions written over ARM ---------------------------------------------------------------------------------------
@site_route(
    "PUT", "/functions/{function}", action="microsoft.web/sites/functions/write", uncovered=WRITING, answers=(201,)
)
def put_function(request: ArmRequest, world: World) -> ArmResponse:
    """
    A function with the bindings of `config`, as the portal writes function.json.

    Flex Consumption runs from a package and takes none; assumed: the wording.
    Source: learn.microsoft.com/rest/api/appservice/web-apps/create-function.
    """
    resource, site = running(request)
    properties = properties_of(request)
    if is_flex(resource):
        raise app_service_error(400, "BadRequest", "The site runs from a package, and its files are read-only.")
    made = _function_of(request.params["function"], properties)
    others = [one for one in site.functions if one.name.lower() != made.name.lower()]
    known = next((one for one in site.functions if one.name.lower() == made.name.lower()), None)
    site.deploy([*others, made])
    site.sync()
    before = None if known is None else _item(resource, site, known)
    world.journal.record("web", request.id, before, _item(resource, site, made))
    return ArmResponse(201, _item(resource, site, made))


@site_route("DELETE", "/functions/{function}", action="microsoft.web/sites/functions/delete", uncovered=WRITING)
def delete_function(request: ArmRequest, world: World) -> ArmResponse:
    resource, site = running(request)
    wanted = request.params["function"].lower()
    found = next((one for one in site.functions if one.name.lower() == wanted), None)
    if found is None:
        raise app_service_error(404, "NotFound", f"Function with name '{request.params['function']}' does not exist.")
    before = _item(resource, site, found)
    site.functions = [one for one in site.functions if one is not found]
    site.keys.of_function.pop(wanted, None)
    site.sync()
    world.journal.record("web", request.id, before, None)
    return ArmResponse(204)


@site_route("GET", "/functions/{function}/properties/state", action=READ, uncovered=WRITING)
def get_state(request: ArmRequest, world: World) -> ArmResponse:
    return _state(request, *running(request))


@site_route("PUT", "/functions/{function}/properties/state", uncovered=WRITING)
def put_state(request: ArmRequest, world: World) -> ArmResponse:
    """
    `{"properties": "enabled"}`, a text where every other resource has an object.

    Source: Azure/azure-rest-api-specs tracker (7174).
    """
    resource, site = running(request)
    wanted = request.json.get("properties")
    if wanted not in ("enabled", "disabled"):
        raise invalid_parameter("properties")
    name = f"AzureWebJobs.{_found(request, site).name}.Disabled"
    put_secret(
        world, f"{resource.id}/config/appsettings/{name}", site.app_settings, name, str(wanted != "enabled").lower()
    )
    return _state(request, resource, site)


def _state(request: ArmRequest, resource: Document, site: Site) -> ArmResponse:
    found = _found(request, site)
    state = "disabled" if site.disabled(found) else "enabled"
    return ArmResponse(200, child(resource, f"functions/{found.name}/properties/state", state, kind="functions"))


def _found(request: ArmRequest, site: Site) -> Function:
    wanted = request.params["function"].lower()
    found = next((one for one in site.functions if one.name.lower() == wanted), None)
    if found is None:
        raise app_service_error(404, "NotFound", f"Function with name '{request.params['function']}' does not exist.")
    return found


def _function_of(name: str, properties: dict[str, Any]) -> Function:
    config = properties.get("config")
    bindings = config.get("bindings", []) if isinstance(config, dict) else []
    if not isinstance(bindings, list) or not all(isinstance(one, dict) for one in bindings):
        raise invalid_parameter("config.bindings")
    for one in bindings:
        methods, route = one.get("methods"), one.get("route")
        if not (methods is None or (isinstance(methods, list) and all(isinstance(m, str) for m in methods))):
            raise invalid_parameter("config.bindings.methods")
        if not (route is None or isinstance(route, str)):
            raise invalid_parameter("config.bindings.route")
    language, disabled = properties.get("language"), properties.get("isDisabled")
    return Function(
        name=name,
        bindings=tuple(bindings),
        language=language if isinstance(language, str) else "python",
        disabled=disabled is True,
    )
