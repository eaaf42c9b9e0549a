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
from azuresim.web.common import app_service_error, invalid_parameter, no_properties, running, site_route
from azuresim.web.functions_host import new_key, trigger_url
from azuresim.web.journaled import drop_secret, put_secret
from azuresim.web.sites import Site
from azuresim.world import World

MASTER = "_master"
HOST, FUNCTION = "microsoft.web/sites/host", "microsoft.web/sites/functions"


@site_route("POST", "/host/default/listkeys", action=f"{HOST}/listkeys/action")
def list_host_keys(request: ArmRequest, world: World) -> ArmResponse:
    """A bare object, in no ARM envelope; the master key is in it."""
    _, site = running(request)
    keys = site.keys
    return ArmResponse(200, {"masterKey": keys.master, "functionKeys": keys.functions, "systemKeys": keys.systems})


@site_route("PUT", "/host/default/functionKeys/{key}", action=f"{HOST}/functionkeys/write")
def put_host_key(request: ArmRequest, world: World) -> ArmResponse:
    resource, site = running(request)
    return _put(request, resource, site, site.keys.functions, "Microsoft.Web/sites/host/functionkeys")


@site_route("PUT", "/host/default/systemKeys/{key}", action=f"{HOST}/systemkeys/write")
def put_system_key(request: ArmRequest, world: World) -> ArmResponse:
    resource, site = running(request)
    return _put(request, resource, site, site.keys.systems, "Microsoft.Web/sites/host/systemkeys")


@site_route("DELETE", "/host/default/functionKeys/{key}", action=f"{HOST}/functionkeys/delete")
def delete_host_key(request: ArmRequest, world: World) -> ArmResponse:
    _, site = running(request)
    return _delete(request, site, site.keys.functions)


@site_route("DELETE", "/host/default/systemKeys/{key}", action=f"{HOST}/systemkeys/delete")
def delete_system_key(request: ArmRequest, world: World) -> ArmResponse:
    _, site = running(request)
    return _delete(request, site, site.keys.systems)


@site_route("POST", "/functions/{function}/listkeys", action=f"{FUNCTION}/listkeys/action")
def list_function_keys(request: ArmRequest, world: World) -> ArmResponse:
    """A bare map of name to value, although it is typed as a dictionary in an envelope."""
    _, site = running(request)
    return ArmResponse(200, _of_function(request, site))


@site_route("POST", "/functions/{function}/listsecrets", uncovered="secrets of functions are not among the contracts")
def list_function_secrets(request: ArmRequest, world: World) -> ArmResponse:
    """The older form: one key, and the URL that starts the function with it."""
    resource, site = running(request)
    keys = _of_function(request, site)
    function = next(one for one in site.functions if one.name.lower() == request.params["function"].lower())
    key = keys.get("default") or next(iter(keys.values()), None)
    url = trigger_url(resource.properties["defaultHostName"], site.route_prefix, function)
    return ArmResponse(200, {"key": key, "trigger_url": f"{url}?code={key}" if url and key else url})


@site_route("PUT", "/functions/{function}/keys/{key}", action=f"{FUNCTION}/keys/write")
def put_function_key(request: ArmRequest, world: World) -> ArmResponse:
    resource, site = running(request)
    return _put(request, resource, site, _of_function(request, site), "Microsoft.Web/sites/functions/keys")


@site_route("DELETE", "/functions/{function}/keys/{key}", action=f"{FUNCTION}/keys/delete")
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
    _need_writable(site)
    status = 200 if name in keys else 201
    put_secret(request.world, request.id, keys, name, value)
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
    _need_writable(site)
    if not drop_secret(request.world, request.id, keys, name):
        raise app_service_error(404, "NotFound", f"Key '{name}' not found.")  # assumed wording
    site.sync()
    return ArmResponse(204)


def _need_writable(site: Site) -> None:
    """
    Secrets that come from Kubernetes are read-only for the host.

    Source: Azure/azure-functions-host, KubernetesSecretsRepository; assumed: how ARM passes that on.
    """
    if site.secret_storage == "kubernetes":
        text = "Encountered an error (InternalServerError) from host runtime."
        raise app_service_error(400, "BadRequest", text)


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
    value = properties.get("value")
    if value is not None and not isinstance(value, str):
        raise invalid_parameter("properties.value")
    return value or new_key()
