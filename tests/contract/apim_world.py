"""A running simulated Azure with one API Management service, and the few ways in which tests speak with it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from azuresim import Simulator, World
from azuresim.apim.service import add_service
from azuresim.switches import Switches
from azuresim.web import Function, add_function_app, http_function
from azuresim.wire import HttpAnswer

GROUP = "/subscriptions/00000000-aaaa-4000-8000-00000000000a/resourceGroups/shop"
SERVICE = f"{GROUP}/providers/Microsoft.ApiManagement/service/contoso"
SITE = f"{GROUP}/providers/Microsoft.Web/sites/orders-fn"
SITE_HOST = "orders-fn-a1b2c3d4e5f60718.westeurope-01.azurewebsites.net"
GATEWAY = "contoso.azure-api.net"
VERSION = "2024-05-01"
OPERATOR = "0be7a70a-0000-4000-8000-000000000001"  # the client that speaks to ARM
DOOR = "d0000000-0000-4000-8000-000000000002"  # the registration whose tokens policies ask for
CALLER = "ca11e700-0000-4000-8000-000000000003"
HOST_KEY = "a-host-key-made-for-api-management"

FUNCTIONS = (
    http_function("ListOrders", route="orders", level="anonymous"),
    http_function("GetOrder", methods=["get"], route="orders/{id}", level="anonymous"),
    http_function("Files", methods=["get"], route="files/{*path}", level="anonymous"),
    http_function("Locked", methods=["get"], route="locked"),
)


@dataclass(frozen=True)
class Apim:
    azure: Simulator

    @property
    def world(self) -> World:
        return self.azure.world

    async def arm(
        self,
        method: str,
        path: str = "",
        body: Any = None,
        *,
        query: str = "",
        headers: Mapping[str, str] | None = None,
        version: str = VERSION,
    ) -> HttpAnswer:
        """A call to a child of the service, or to an absolute URL that an earlier answer named."""
        if path.startswith("https://"):
            parts = urlsplit(path)
            target = f"{parts.path}?{parts.query}"
        else:
            target = f"{SERVICE}{path}?api-version={version}" + (f"&{query}" if query else "")
        sent = {**self.azure.arm_headers(OPERATOR), **(headers or {})}
        return await self.azure.send(method, "", target, headers=sent, json=body)

    async def delete(self, path: str) -> HttpAnswer:
        """The contract asks for If-Match; `*` fits whatever is there."""
        return await self.arm("DELETE", path, headers={"If-Match": "*"})

    async def put(self, path: str, /, **properties: Any) -> HttpAnswer:
        return await self.arm("PUT", path, {"properties": properties})

    async def put_policy(self, scope: str, value: str, written: str = "rawxml", **headers: str) -> HttpAnswer:
        body = {"properties": {"format": written, "value": value}}
        sent = {name.replace("_", "-"): text for name, text in headers.items()}
        return await self.arm("PUT", f"{scope}/policies/policy", body, headers=sent)

    async def settle(self, answer: HttpAnswer) -> dict[str, Any]:
        """Polls the operation that an answer announces until it is over."""
        for _ in range(5):
            state: dict[str, Any] = (await self.arm("GET", answer.headers["Azure-AsyncOperation"])).data()
            if state["status"] != "InProgress":
                return state
        raise AssertionError("the operation never ended")

    async def named_value(self, name: str, value: str, *, secret: bool = True) -> None:
        written = await self.put(f"/namedValues/{name}", displayName=name, value=value, secret=secret)
        assert (await self.settle(written))["status"] == "Succeeded"

    async def an_api(self, name: str = "orders", **properties: Any) -> HttpAnswer:
        wanted = {"displayName": name, "path": name, "subscriptionRequired": False, **properties}
        return await self.put(f"/apis/{name}", **wanted)

    async def an_operation(
        self, name: str, template: str, *, method: str = "GET", api: str = "orders", parameters: tuple[str, ...] = ()
    ) -> HttpAnswer:
        declared = [{"name": parameter, "type": "string", "required": True} for parameter in parameters]
        return await self.put(
            f"/apis/{api}/operations/{name}",
            displayName=name,
            method=method,
            urlTemplate=template,
            templateParameters=declared,
        )

    async def a_backend(self, name: str = "orders-fn", url: str = f"https://{SITE_HOST}/v1", **more: Any) -> HttpAnswer:
        return await self.put(f"/backends/{name}", url=url, protocol="http", **more)

    async def call(self, path: str, *, method: str = "GET", headers: Mapping[str, str] | None = None) -> HttpAnswer:
        """A call through the gateway."""
        return await self.azure.send(method, GATEWAY, path, headers=headers)

    def caller_token(self, resource: str = DOOR) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.world.entra.token_for_client(CALLER, resource)}"}


@asynccontextmanager
async def apim(
    *,
    sku: str = "Developer",
    identity: dict[str, Any] | None = None,
    functions: tuple[Function, ...] = FUNCTIONS,
    token_version: int | None = 2,
    check_contracts: bool = True,
) -> AsyncIterator[Apim]:
    """A service without anything in it, a function app without Easy Auth, a registration, and two clients."""
    world = World(switches=Switches())
    add_service(world, SERVICE, sku=sku, identity=identity)
    site = add_function_app(world, SITE, host_name=SITE_HOST, functions=functions, route_prefix="v1")
    site.keys.functions["apim-contoso"] = HOST_KEY
    world.entra.add_application("door", client_id=DOOR, token_version=token_version, identifier_uris=[f"api://{DOOR}"])
    for name, client_id in (("operator", OPERATOR), ("caller", CALLER)):
        world.entra.add_application(name, client_id=client_id)
    async with Simulator(world, check_contracts=check_contracts) as azure:
        yield Apim(azure)


def policies(
    inbound: str = "", *, base: str = "<base />", backend: str = "<base />", outbound: str = "<base />"
) -> str:
    """A document with all four sections."""
    return (
        f"<policies><inbound>{base}{inbound}</inbound><backend>{backend}</backend>"
        f"<outbound>{outbound}</outbound><on-error><base /></on-error></policies>"
    )


def refusals(answer: HttpAnswer) -> list[tuple[str | None, str]]:
    """Target and message of each detail of a ValidationError."""
    error = answer.data()["error"]
    assert (answer.status, error["code"]) == (400, "ValidationError")
    assert error["message"] == "One or more fields contain incorrect values:"
    return [(detail["target"], detail["message"]) for detail in error["details"]]
