"""
Whole situations, built in one call.

    app = deployed(world)                           # a function app that nobody published yet
    team = imported(world)                          # what the portal's "Import Function App" leaves, for one app
    other = imported(world, name="billing")         # a second app behind the same API Management service
    imported(world, token_version=1)                # its registration issues tokens of version 1
    team.write_assertion(folder)                    # the operator's workload identity token, as a file

The import follows microsoft/vscode-apimanagement (importFunctionApp.ts, importWebApp.ts, FunctionAppService.ts) and
learn.microsoft.com/azure/api-management/import-function-app-as-api, its habits included: methods spelled as the binding
spells them, templates without a leading slash, `{*path}` cut to `{path}`, the route prefix hidden in the backend's
address.

What a client would have to PUT is PUT, through ARM's own checks. Every id is fixed and plainly made up.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from azuresim.apim.service import add_service
from azuresim.arm import Pipeline
from azuresim.entra.tokens import EXCHANGE_AUDIENCE
from azuresim.switches import Switches
from azuresim.web import add_function_app, site_of
from azuresim.web.functions_host import Function, http_function, timer_function
from azuresim.web.sites import unique_host_name
from azuresim.wire import HttpCall, compact
from azuresim.world import World

JSON = dict[str, Any]
T = TypeVar("T")

SUBSCRIPTION = "11111111-1111-4111-8111-111111111111"
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/shop-rg"
SERVICE = f"{GROUP}/providers/Microsoft.ApiManagement/service/contoso"
ROUTE_PREFIX = "v1"
OPERATOR = "bbbbbbbb-0000-4000-8000-000000000001"
STRANGER = "cccccccc-0000-4000-8000-000000000001"
ISSUER = "https://issuer.simulated.example/cluster"
SUBJECT = "system:serviceaccount:funcgate-system:funcgate"
GRAPH_PERMISSIONS = ("Application.Read.All", "Application.ReadWrite.OwnedBy")
VERSIONS = {"microsoft.web": "2025-05-01", "microsoft.apimanagement": "2024-05-01"}
POLICY = """<policies>
  <inbound>
    <base />
    <set-backend-service id="apim-generated-policy" backend-id="{backend}" />
  </inbound>
  <backend>
    <base />
  </backend>
  <outbound>
    <base />
  </outbound>
  <on-error>
    <base />
  </on-error>
</policies>"""

FUNCTIONS: tuple[Function, ...] = (
    http_function("ListOrders", methods=["get", "post"], route="orders"),
    http_function("Ping", level="anonymous", methods=["get"], route="ping"),
    http_function("GetOrder", methods=["get"], route="orders/{id:int}"),
    timer_function("Nightly"),
)


@dataclass(frozen=True, kw_only=True)
class Deployed:
    """A function app beside a service that does not know it, and an operator who may act on both."""

    name: str
    tenant_id: str
    subscription_id: str
    group_id: str
    service_id: str
    gateway_host: str
    site_id: str
    site_host: str
    route_prefix: str
    operator_client_id: str
    operator_issuer: str
    operator_subject: str
    stranger_client_id: str
    world: World = field(repr=False, compare=False)

    @property
    def master_key(self) -> str:
        """The key of the built-in all-access subscription."""
        return str(self.world.arm.need(f"{self.service_id}/subscriptions/master").private["primaryKey"])

    @property
    def host_key(self) -> str:
        """A functions host key of the app."""
        return next(iter(site_of(self.world, self.site_id).keys.functions.values()))

    def assertion(self, *, seconds: int = 3600) -> str:
        """A service account token of the operator, signed by the static issuer."""
        issuer = self.world.entra.static_issuers[self.operator_issuer]
        return issuer.assertion(self.operator_subject, audience=EXCHANGE_AUDIENCE, seconds=seconds)

    def write_assertion(self, folder: Path, *, seconds: int = 3600) -> Path:
        """A file to be named by AZURE_FEDERATED_TOKEN_FILE, readable for its owner only."""
        file = folder / "operator.token"
        file.touch(mode=0o600)
        file.write_text(self.assertion(seconds=seconds))
        return file


@dataclass(frozen=True, kw_only=True)
class Imported(Deployed):
    """One imported function app and everything around it. Secrets are looked up when asked for, and are no fields."""

    api_id: str
    api_name: str
    api_path: str
    operation_ids: list[str]
    api_subscription_id: str
    backend_id: str
    backend_name: str
    named_value_id: str
    named_value_name: str
    host_key_name: str
    client_id: str
    application_id: str
    principal_id: str

    @property
    def subscription_key(self) -> str:
        """A key that opens this API alone."""
        return str(self.world.arm.need(self.api_subscription_id).private["primaryKey"])

    @property
    def host_key(self) -> str:
        """The functions host key that the import had made for API Management."""
        return site_of(self.world, self.site_id).keys.functions[self.host_key_name]


def deployed(world: World, name: str = "orders") -> Deployed:
    """
    What a deployment leaves: the functions work for whoever has a key, and API Management knows nothing of them.

    No registration, no Easy Auth, no identity. Group, service, operator and stranger as with `imported`.
    """
    with as_usual(world):
        deployment = _deployment(world, name)
        put(world, f"{deployment['site_id']}/host/default/functionKeys/default", {})  # as the host does at its start
        return Deployed(**deployment)


def _deployment(world: World, name: str) -> JSON:
    _surroundings(world)
    site_id = f"{GROUP}/providers/Microsoft.Web/sites/{name}-fn"
    host = unique_host_name(site_id)
    add_function_app(world, site_id, host_name=host, functions=FUNCTIONS, route_prefix=ROUTE_PREFIX)
    return {
        "name": name,
        "tenant_id": world.tenant_id,
        "subscription_id": SUBSCRIPTION,
        "group_id": GROUP,
        "service_id": SERVICE,
        "gateway_host": "contoso.azure-api.net",
        "site_id": site_id,
        "site_host": host,
        "route_prefix": ROUTE_PREFIX,
        "operator_client_id": OPERATOR,
        "operator_issuer": ISSUER,
        "operator_subject": SUBJECT,
        "stranger_client_id": STRANGER,
        "world": world,
    }


def imported(world: World, name: str = "orders", token_version: int | None = 2) -> Imported:
    """
    What the portal's "Import Function App" leaves: gateway and function work, and whoever has the key gets in.

    The service has no identity, Easy Auth was never configured, the registration still lets people sign in. Group,
    service, operator and stranger are made with the first app and shared by all.
    """
    with as_usual(world):
        deployment = _deployment(world, name)
        registration = _registration(world, name, deployment["site_host"], token_version)
        names = _import(world, name, deployment["site_id"], deployment["site_host"])
    principal = world.entra.principal(registration["appId"])
    assert principal is not None
    return Imported(
        client_id=registration["appId"],
        application_id=registration["id"],
        principal_id=principal["id"],
        **deployment,
        **names,
    )


def ident(text: str) -> str:
    """An identifier as the import makes it (microsoft/vscode-apimanagement, apiUtil.ts): two names can become one."""
    plain = unicodedata.normalize("NFD", text).encode("ascii", "ignore").decode()
    dashed = re.sub(r"-+", "-", re.sub(r"[^A-Za-z0-9]", "-", plain))[:80]
    return dashed.removeprefix("-").removesuffix("-").lower()


# Around the app


def _surroundings(world: World) -> None:
    if SERVICE in world.arm.documents:
        return
    world.arm.add_group(GROUP)
    add_service(world, SERVICE, sku="BasicV2")
    world.entra.add_application("funcgate", client_id=OPERATOR, object_id=_guid("operator", 0xB))
    world.entra.add_application("somebody-else", client_id=STRANGER, object_id=_guid("stranger", 0xC))
    world.entra.graph_permissions[OPERATOR] = set(GRAPH_PERMISSIONS)
    world.entra.static_issuer(ISSUER)
    world.entra.add_federated_credential(OPERATOR, issuer=ISSUER, subject=SUBJECT)


def _registration(world: World, name: str, host: str, token_version: int | None) -> JSON:
    """
    As the portal makes it for Easy Auth: a redirect URI of its own, ID tokens issued implicitly, one scope.

    The team has made the operator an owner of it.
    """
    client_id = _guid(name, 0xA)
    body = world.entra.add_application(
        f"{name}-fn",
        client_id=client_id,
        object_id=_guid(name, 0xD),
        principal_id=_guid(name, 0xE),
        token_version=token_version,
        identifier_uris=[f"api://{client_id}"],
        redirect_uris=[f"https://{host}/.auth/login/aad/callback"],
        id_tokens=True,
    )
    scope = {"id": _guid(name, 0xF), "value": "user_impersonation", "type": "User", "isEnabled": True}
    body["api"]["oauth2PermissionScopes"] = [scope]
    operator = world.entra.principal(OPERATOR)
    assert operator is not None
    for owned in (body["id"], _guid(name, 0xE)):
        world.entra.owners.setdefault(owned, set()).add(operator["id"])
    return body


def _guid(name: str, kind: int) -> str:
    """A fixed id, e.g. aaaaaaaa-0000-4000-8000-000000000001 for what belongs to `orders`."""
    number = (
        1 if name in ("orders", "operator", "stranger") else int(hashlib.sha256(name.encode()).hexdigest()[:11], 16)
    )
    return f"{kind:x}" * 8 + f"-0000-4000-8000-{number:012x}"


# The import


def _import(world: World, name: str, site_id: str, host: str) -> JSON:
    """The steps of the import, in its order: API, operations, host key, named value, backend, policies."""
    app, api_id = site_id.rpartition("/")[2], f"{SERVICE}/apis/{name}"
    backend, named_value = ident(app), ident(f"{app}-key")
    about = {"displayName": name, "path": name, "protocols": ["https"]}
    put(world, api_id, about | {"description": f'Import from "{app}" Function App'})
    operations = [operation for function in FUNCTIONS for operation in _operations(function)]
    for operation, properties in operations:
        put(world, f"{api_id}/operations/{operation}", properties)
    key_name = f"apim-{SERVICE.rpartition('/')[2]}"
    key = put(world, f"{site_id}/host/default/functionKeys/{key_name}", {})["properties"]["value"]
    tags = ["key", "function", "auto"]
    secret = {"displayName": named_value, "value": key, "secret": True, "tags": tags}
    put(world, f"{SERVICE}/namedValues/{named_value}", secret)
    world.operations.finish(f"{SERVICE}/namedValues/{named_value}")
    put(world, f"{SERVICE}/backends/{backend}", _backend(app, site_id, host, named_value))
    policy = {"format": "rawxml", "value": POLICY.format(backend=backend)}
    for operation, _ in operations:
        put(world, f"{api_id}/operations/{operation}/policies/policy", policy)
    subscription = f"{SERVICE}/subscriptions/{name}-only"
    put(world, subscription, {"scope": f"/apis/{name}", "displayName": f"{name} only", "state": "active"})
    return {
        "api_id": api_id,
        "api_name": name,
        "api_path": name,
        "operation_ids": [f"{api_id}/operations/{operation}" for operation, _ in operations],
        "api_subscription_id": subscription,
        "backend_id": f"{SERVICE}/backends/{backend}",
        "backend_name": backend,
        "named_value_id": f"{SERVICE}/namedValues/{named_value}",
        "named_value_name": named_value,
        "host_key_name": key_name,
    }


def _backend(app: str, site_id: str, host: str, named_value: str) -> JSON:
    return {
        "url": f"https://{host}/{ROUTE_PREFIX}",
        "protocol": "http",
        "description": app,
        "resourceId": f"https://management.azure.com{site_id}",
        "credentials": {"header": {"x-functions-key": [f"{{{{{named_value}}}}}"]}},
    }


def _operations(function: Function) -> Iterator[tuple[str, JSON]]:
    """One operation for each method; without methods a single POST, although the function answers all of them."""
    if function.trigger is None or function.level == "admin":
        return
    template, parameters = _template(function.route)
    about = {"displayName": function.name, "urlTemplate": template, "templateParameters": parameters}
    for method in function.trigger.get("methods") or []:
        yield ident(f"{method}-{function.name}"), about | {"method": method}
    if not function.trigger.get("methods"):
        yield ident(function.name), about | {"method": "POST"}


_PLACEHOLDER = re.compile(r"\{\*{0,2}([^:=?}]+)(:[^=?}]*)?(=[^}?]*)?(\?)?\}")
_TYPES = {"int": "integer", "long": "integer", "min": "integer", "max": "integer", "range": "integer"}
_TYPES |= {"bool": "boolean", "decimal": "number", "float": "number", "double": "number"}


def _template(route: str) -> tuple[str, list[JSON]]:
    """The route with bare names in braces, and its parameters typed by their constraints."""
    parameters = [
        {"name": found[1], "type": _type(found[2] or ""), "required": not found[4]}
        for found in _PLACEHOLDER.finditer(route)
    ]
    return _PLACEHOLDER.sub(r"{\1}", route), parameters


def _type(constraint: str) -> str:
    return _TYPES.get(constraint.removeprefix(":").partition("(")[0], "string" if constraint else "")


# ARM, called from inside


def put(world: World, resource_id: str, properties: JSON) -> JSON:
    """A PUT through ARM's pipeline, as the operator's client; a refusal is an AssertionError that quotes it."""
    namespace = resource_id.rpartition("/providers/")[2].partition("/")[0].lower()
    token = world.entra.token_for_client(OPERATOR, "https://management.azure.com")
    url = f"https://management.azure.com{resource_id}?api-version={VERSIONS[namespace]}"
    call = HttpCall.of("PUT", url, {"Authorization": f"Bearer {token}"}, compact({"properties": properties}))
    answer = at_once(Pipeline(world).handle(call)).answer
    assert answer.status in (200, 201), f"{resource_id}: {answer.status} {answer.data()}"
    body: JSON = answer.data()
    return body


@contextmanager
def as_usual(world: World) -> Iterator[None]:
    """The world without latency, denials and switched behaviour, as when the team clicked through the portal."""
    before = world.switches, world.latency, world.denied
    world.switches, world.latency, world.denied = Switches(), 0.0, set()
    try:
        yield
    finally:
        world.switches, world.latency, world.denied = before


def at_once(coroutine: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that waits for nothing."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    coroutine.close()
    raise AssertionError("waited, although the world has no latency")
