"""
Keys of the functions host and of single functions, over ARM.

The service reads and answers `{"properties": {"name", "value"}}`, although the published model is bare: a body without
`properties` is refused. An empty `properties` makes the host generate the value, and on an existing key that is a
rotation. Sources: Azure/azure-rest-api-specs (trackers on KeyInfo), microsoft/vscode-apimanagement
(FunctionAppService.ts), Azure/azure-functions-host (KeysController, SecretManager).
"""

from __future__ import annotations

from typing import Any

from azuresim.arm import ArmRequest, ArmResponse
from azuresim.resources import Document
from azuresim.web.common import app_service_error, no_properties, route, running
from azuresim.web.functions_host import new_key
from azuresim.web.sites import Site
from azuresim.world import World

MASTER = "_master"
HOST, FUNCTION = "microsoft.web/sites/host", "microsoft.web/sites/functions"


@route("POST", "/sites/{name}/host/default/listkeys", action=f"{HOST}/listkeys/action")
def list_host_keys(request: ArmRequest, world: World) -> ArmResponse:
    """A bare object, in no ARM envelope; the master key is in it."""
    _, site = running(request)
    keys = site.keys
    return ArmResponse(200, {"masterKey": keys.master, "functionKeys": keys.functions, "systemKeys": keys.systems})


@route("PUT", "/sites/{name}/host/default/functionKeys/{key}", action=f"{HOST}/functionkeys/write")
def put_host_key(request: ArmRequest, world: World) -> ArmResponse:
    resource, site = running(request)
    return _put(request, resource, site, site.keys.functions, "Microsoft.Web/sites/host/functionkeys")


@route("PUT", "/sites/{name}/host/default/systemKeys/{key}", action=f"{HOST}/systemkeys/write")
def put_system_key(request: ArmRequest, world: World) -> ArmResponse:
    resource, site = running(request)
    return _put(request, resource, site, site.keys.systems, "Microsoft.Web/sites/host/systemkeys")


@route("DELETE", "/sites/{name}/host/default/functionKeys/{key}", action=f"{HOST}/functionkeys/delete")
def delete_host_key(request: ArmRequest, world: World) -> ArmResponse:
    _, site = running(request)
    return _delete(request, site, site.keys.functions)


@route("DELETE", "/sites/{name}/host/default/systemKeys/{key}", action=f"{HOST}/systemkeys/delete")
def delete_system_key(request: ArmRequest, world: World) -> ArmResponse:
    _, site = running(request)
    return _delete(request, site, site.keys.systems)


@route("POST", "/sites/{name}/functions/{function}/listkeys", action=f"{FUNCTION}/listkeys/action")
def list_function_keys(request: ArmRequest, world: World) -> ArmResponse:
    """A bare map of name to value, although it is typed as a dictionary in an envelope."""
    _, site = running(request)
    return ArmResponse(200, _of_function(request, site))


@route("PUT", "/sites/{name}/functions/{function}/keys/{key}", action=f"{FUNCTION}/keys/write")
def put_function_key(request: ArmRequest, world: World) -> ArmResponse:
    resource, site = running(request)
    return _put(request, resource, site, _of_function(request, site), "Microsoft.Web/sites/functions/keys")


@route("DELETE", "/sites/{name}/functions/{function}/keys/{key}", action=f"{FUNCTION}/keys/delete")
def delete_function_key(request: ArmRequest, world: World) -> ArmResponse:
    _, site = running(request)
    return _delete(request, site, _of_function(request, site))


def _of_function(request: ArmRequest, site: Site) -> dict[str, str]:
    found = site.keys.of_function.get(request.params["function"].lower())
    if found is None:
        raise app_service_error(
            404, "NotFound", f"Function '{request.params['function']}' not found."
        )  # assumed wording
    return found


def _put(request: ArmRequest, resource: Document, site: Site, keys: dict[str, str], kind: str) -> ArmResponse:
    """201 for a new key, 200 for one that has a new value now; ARM hears of either by a sync."""
    name, value = _allowed(request), _value(request.json)
    status = 200 if name in keys else 201
    keys[name] = value
    site.sync()
    document = {
        "id": request.id,
        "name": f"{resource.name}/{name}",
        "type": kind,
        "location": resource.body["location"],
        "properties": {"name": name, "value": value},
    }
    return ArmResponse(status, document)


def _delete(request: ArmRequest, site: Site, keys: dict[str, str]) -> ArmResponse:
    name = _allowed(request)
    if keys.pop(name, None) is None:
        raise app_service_error(404, "NotFound", f"Key '{name}' not found.")  # assumed wording
    site.sync()
    return ArmResponse(204)


def _allowed(request: ArmRequest) -> str:
    name = request.params["key"]
    if name.lower() == MASTER:
        raise app_service_error(
            400, "BadRequest", f"'{MASTER}' is no name for this key, nor can it be deleted."
        )  # assumed wording
    return name


def _value(body: dict[str, Any]) -> str:
    properties = next((value for name, value in body.items() if name.lower() == "properties"), None)
    if not isinstance(properties, dict):
        raise no_properties()
    return str(properties.get("value") or new_key())
