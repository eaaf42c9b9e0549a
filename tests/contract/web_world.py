"""A running simulated Azure with one site in it, and the few ways in which tests of App Service speak with it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from azuresim import Simulator, World
from azuresim.switches import Switches
from azuresim.web import Function, Site, add_app, add_function_app, http_function, site_of, timer_function
from azuresim.wire import HttpAnswer

SITE = "/subscriptions/00000000-aaaa-4000-8000-00000000000a/resourceGroups/shop/providers/Microsoft.Web/sites/orders-fn"
HOST = "orders-fn-a1b2c3d4e5f60718.westeurope-01.azurewebsites.net"
VERSION = "2025-05-01"
OPERATOR = "0be7a70a-0000-4000-8000-000000000001"  # the client that speaks to ARM
DOOR = "d0000000-0000-4000-8000-000000000002"  # the registration behind Easy Auth
CALLER = "ca11e700-0000-4000-8000-000000000003"
STRANGER = "5712a96e-0000-4000-8000-000000000004"
BROWSER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64)"}

FUNCTIONS = (
    http_function("ListOrders", route="orders"),
    http_function("GetOrder", methods=["get"], route="orders/{Id:int}"),
    http_function("Ping", level="anonymous", methods=None),
    http_function("Files", level="anonymous", methods=["get"], route="files/{*path}"),
    http_function("Purge", level="admin", methods=["post"]),
    timer_function("Nightly"),
)


@dataclass(frozen=True)
class Web:
    azure: Simulator

    @property
    def world(self) -> World:
        return self.azure.world

    @property
    def site(self) -> Site:
        return site_of(self.world, SITE)

    @property
    def switches(self) -> Switches:
        assert isinstance(self.world.switches, Switches)
        return self.world.switches

    async def arm(self, method: str, path: str = "", body: Any = None, *, below: str = SITE) -> HttpAnswer:
        headers = self.azure.arm_headers(OPERATOR)
        return await self.azure.send(method, "", f"{below}{path}?api-version={VERSION}", headers=headers, json=body)

    async def put_auth(self, properties: dict[str, Any]) -> HttpAnswer:
        return await self.arm("PUT", "/config/authsettingsV2", {"properties": properties})

    async def call(
        self, path: str, *, method: str = "GET", token: str = "", key: str = "", headers: dict[str, str] | None = None
    ) -> HttpAnswer:
        sent = dict(headers or {})
        if token:
            sent["Authorization"] = f"Bearer {token}"
        if key:
            sent["x-functions-key"] = key
        return await self.azure.send(method, HOST, path, headers=sent)

    def token(self, client_id: str = CALLER, resource: str = DOOR) -> str:
        return self.world.entra.token_for_client(client_id, resource)

    def host_key(self, name: str = "default") -> str:
        return self.site.keys.functions.setdefault(name, "a-key-that-is-56-characters-long-in-real-life-0000000000")


@asynccontextmanager
async def web(
    functions: Iterable[Function] = FUNCTIONS,
    *,
    prefix: str = "v1",
    plain: bool = False,
    token_version: int | None = 2,
    check_contracts: bool = True,
) -> AsyncIterator[Web]:
    """One site, stopped nowhere, Easy Auth off; a registration for its door, two clients and the operator."""
    world = World(switches=Switches())
    if plain:
        add_app(world, SITE, host_name=HOST)
    else:
        add_function_app(world, SITE, host_name=HOST, functions=functions, route_prefix=prefix)
    world.entra.add_application("door", client_id=DOOR, token_version=token_version, identifier_uris=[f"api://{DOOR}"])
    for name, client_id in (("operator", OPERATOR), ("caller", CALLER), ("stranger", STRANGER)):
        world.entra.add_application(name, client_id=client_id)
    async with Simulator(world, check_contracts=check_contracts) as azure:
        yield Web(azure)


def closed(
    world: World,
    *,
    action: str = "Return401",
    issuer: str = "",
    audiences: Iterable[str] = (),
    applications: Iterable[str] | None = (CALLER,),
    principals: dict[str, list[str]] | None = None,
    excluded: Iterable[str] = (),
    required: bool = True,
) -> dict[str, Any]:
    """Auth settings of a door that asks for a token of `CALLER`; None for `applications` leaves the list out."""
    policy: dict[str, Any] = {} if applications is None else {"allowedApplications": list(applications)}
    if principals is not None:
        policy["allowedPrincipals"] = principals
    validation: dict[str, Any] = {"allowedAudiences": list(audiences), "defaultAuthorizationPolicy": policy}
    registration = {"clientId": DOOR, "openIdIssuer": issuer or world.entra.issuer(2)}
    aad = {"enabled": True, "registration": registration, "validation": validation}
    asked = {"requireAuthentication": required, "unauthenticatedClientAction": action, "excludedPaths": list(excluded)}
    return {
        "platform": {"enabled": True},
        "globalValidation": asked,
        "identityProviders": {"azureActiveDirectory": aad},
    }
