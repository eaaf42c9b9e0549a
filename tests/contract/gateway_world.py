"""An API in front of a function app, and the few ways in which tests of the gateway speak with it."""

from __future__ import annotations

from typing import Any

from azuresim.wire import HttpAnswer
from contract.apim_world import SERVICE, Apim, policies

TO_BACKEND = '<set-backend-service backend-id="orders-fn" />'
SYSTEM: dict[str, Any] = {"type": "SystemAssigned"}
ON_ERROR = (
    '<on-error><base /><set-header name="x-source"><value>@(context.LastError.Source)</value></set-header>'
    '<set-header name="x-reason"><value>@(context.LastError.Reason)</value></set-header>'
    '<set-header name="x-message"><value>@(context.LastError.Message)</value></set-header></on-error>'
)


async def furnished(here: Apim, inbound: str = "", **api: Any) -> None:
    """An API with three operations in front of the function app, routed by its policy."""
    await here.a_backend()
    await here.an_api(**api)
    await here.an_operation("list", "/orders")
    await here.an_operation("create", "/orders", method="POST")
    await here.an_operation("get", "/orders/{id}", parameters=("id",))
    await scoped(here, "/apis/orders", inbound + TO_BACKEND)


async def scoped(here: Apim, scope: str, inbound: str = "", **sections: str) -> None:
    """The policy at a scope says this in its sections; `on_error` is a whole section."""
    on_error = sections.pop("on_error", "<on-error><base /></on-error>")
    text = policies(inbound, **sections).replace("<on-error><base /></on-error>", on_error)
    answer = await here.put_policy(scope, text)
    assert answer.status in (200, 201), answer.data()


def fragment(here: Apim, name: str, text: str) -> None:
    """The fragment is stored, as a PUT of it would have left it."""
    place = f"{SERVICE}/policyFragments/{name}"
    here.world.arm.put(place, {"id": place, "name": name, "type": "", "properties": {"value": text}})


async def a_product(here: Apim, name: str = "starter", **properties: Any) -> None:
    await here.put(f"/products/{name}", displayName=name, **properties)
    await here.arm("PUT", f"/products/{name}/apis/orders")


async def a_key(here: Apim, scope: str, name: str = "check", **properties: Any) -> dict[str, str]:
    """The header with the primary key of a new subscription to that scope."""
    await here.put(f"/subscriptions/{name}", **{"displayName": name, "scope": scope, "state": "active", **properties})
    secrets = await here.arm("POST", f"/subscriptions/{name}/listSecrets")
    return {"Ocp-Apim-Subscription-Key": secrets.data()["primaryKey"]}


def echo(answer: HttpAnswer) -> dict[str, Any]:
    """What the function says that reached it."""
    assert answer.status == 200, answer.body
    said: dict[str, Any] = answer.data()
    said["headers"] = {name.lower(): value for name, value in said["headers"].items()}
    return said


def failure(answer: HttpAnswer) -> tuple[int, str, str, str]:
    """Status, and what ON_ERROR wrote of `context.LastError`: source, reason, message."""
    headers = answer.headers
    return answer.status, headers["x-source"], headers.get("x-reason", ""), headers["x-message"]
