"""The functions host: routes, levels and keys, without Easy Auth before it unless said otherwise."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from azuresim.web import Runtime, http_function, site_of
from contract.web_world import SITE, Web, closed, web


@pytest.fixture
async def here() -> AsyncIterator[Web]:
    async with web() as started:
        yield started


async def status_of(here: Web, path: str, method: str = "GET", key: str = "") -> int:
    return (await here.call(path, method=method, key=key)).status


@pytest.mark.parametrize(
    ("path", "function", "values"),
    [
        ("/v1/ping", "Ping", {}),
        ("/V1/PING", "Ping", {}),
        ("/v1/files/a/b.txt", "Files", {"path": "a/b.txt"}),
        ("/v1/files/a%20b", "Files", {"path": "a b"}),
        ("/v1/files", "Files", {"path": ""}),
    ],
)
async def test_a_route_reaches_its_function(here: Web, path: str, function: str, values: dict[str, str]) -> None:
    """Source: learn.microsoft.com/azure/azure-functions/functions-bindings-http-webhook-trigger (routes)."""
    answer = (await here.call(path)).data()
    assert (answer["function"], answer["values"]) == (function, values)


async def test_what_a_functions_own_code_says_is_the_answer(here: Web) -> None:
    """Source: learn.microsoft.com/azure/azure-functions/functions-bindings-http-webhook-output."""
    behind = site_of(here.world, SITE)
    behind.functions = [replace(http_function("Ping", level="anonymous", route="ping"), says=(404, "nobody"))]
    answer = await here.call("/v1/ping")
    assert (answer.status, answer.body, len(here.world.invocations)) == (404, b"nobody", 1)


async def test_a_constraint_is_no_part_of_the_parameters_name(here: Web) -> None:
    """Source: learn.microsoft.com/azure/azure-functions/functions-bindings-http-webhook-trigger (constraints)."""
    answer = (await here.call("/v1/orders/7", key=here.host_key())).data()
    assert (answer["function"], answer["route"], answer["values"]) == ("GetOrder", "orders/{Id:int}", {"Id": "7"})


@pytest.mark.parametrize(
    "path", ["/ping", "/api/ping", "/v1", "/v1/nobody", "/v1/ping/more", "/v1/nightly", "/v1/orders/7/x"]
)
async def test_what_no_route_matches_is_a_404_whatever_the_key(here: Web, path: str) -> None:
    """Source: learn.microsoft.com/azure/azure-functions/functions-bindings-http-webhook-trigger (route prefix)."""
    assert await status_of(here, path, key=here.host_key()) == 404


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
async def test_a_function_without_methods_answers_all_of_them(here: Web, method: str) -> None:
    """Source: learn.microsoft.com/azure/azure-functions/functions-bindings-http-webhook-trigger (methods)."""
    assert await status_of(here, "/v1/ping", method) == 200


async def test_a_method_that_the_function_does_not_take_is_a_404(here: Web) -> None:
    """Source: Azure/azure-functions-host (routes carry an HTTP method constraint)."""
    assert await status_of(here, "/v1/orders/7", "POST", here.host_key()) == 404


async def test_the_most_literal_route_wins() -> None:
    """Source: learn.microsoft.com/aspnet/core/fundamentals/routing (precedence)."""
    routes = {"Any": "{*rest}", "One": "{id}", "Own": "mine"}
    async with web([http_function(name, level="anonymous", route=route) for name, route in routes.items()]) as here:
        reached = [(await here.call(f"/v1/{path}")).data()["function"] for path in ("mine", "yours", "a/b")]
        assert reached == ["Own", "One", "Any"]


@pytest.mark.parametrize(("path", "values"), [("/v1/a", {}), ("/v1/a/b", {"id": "b"})])
async def test_an_optional_parameter_may_be_missing(path: str, values: dict[str, str]) -> None:
    """Source: learn.microsoft.com/aspnet/core/fundamentals/routing (optional parameters)."""
    async with web([http_function("Maybe", level="anonymous", route="a/{id?}")]) as here:
        assert (await here.call(path)).data()["values"] == values


async def test_a_parameter_with_a_default_takes_it() -> None:
    """Source: learn.microsoft.com/aspnet/core/fundamentals/routing (default values)."""
    async with web([http_function("Some", level="anonymous", route="a/{id=7}")]) as here:
        assert (await here.call("/v1/a")).data()["values"] == {"id": "7"}


async def test_an_empty_prefix_puts_functions_at_the_root() -> None:
    """Source: learn.microsoft.com/azure/azure-functions/functions-host-json (routePrefix)."""
    async with web(prefix="") as here:
        assert await status_of(here, "/ping") == 200


async def test_a_disabled_function_is_a_404() -> None:
    """Source: learn.microsoft.com/azure/azure-functions/disable-function."""
    async with web([http_function("Off", level="anonymous", disabled=True)]) as here:
        assert await status_of(here, "/v1/off") == 404


@pytest.mark.parametrize(
    ("key", "status"),
    [("", 401), ("wrong", 401), ("host", 200), ("own", 200), ("master", 200), ("system", 401), ("another's", 401)],
)
async def test_who_opens_a_function_of_level_function(here: Web, key: str, status: int) -> None:
    """Source: Azure/azure-functions-host, AuthUtility and AuthenticationLevelHandler."""
    keys = here.site.keys
    keys.systems["ext"] = "system-value"
    values = {
        "host": here.host_key(),
        "own": keys.of_function["listorders"]["default"],
        "another's": keys.of_function["getorder"]["default"],
        "master": keys.master,
        "system": "system-value",
    }
    assert await status_of(here, "/v1/orders", key=values.get(key, key)) == status


async def test_a_function_of_level_admin_wants_the_master_key(here: Web) -> None:
    """Source: learn.microsoft.com/azure/azure-functions/functions-bindings-http-webhook-trigger (authLevel)."""
    assert await status_of(here, "/v1/purge", "POST", here.host_key()) == 401
    assert await status_of(here, "/v1/purge", "POST", here.site.keys.master) == 200


async def test_an_absent_level_means_function() -> None:
    """Assumed for every language; documented for the scripted ones."""
    async with web([http_function("Plain", level=None)]) as here:
        assert await status_of(here, "/v1/plain") == 401


async def test_the_query_carries_the_key_where_the_header_does_not(here: Web) -> None:
    """Source: Azure/azure-functions-host, AuthenticationLevelHandler."""
    key = here.host_key()
    by_query = await here.call(f"/v1/orders?code={key}")
    overruled = await here.call(f"/v1/orders?code={key}", key="wrong")
    assert (by_query.status, overruled.status) == (200, 401)


@pytest.mark.item("web-5")
async def test_a_missing_key_is_a_403_once_easy_auth_has_identified_the_caller(here: Web) -> None:
    """Source: Azure/azure-functions-host, AuthenticationLevelHandler; Azure-Samples/remote-mcp-apim-functions-python"""
    await here.put_auth(closed(here.world))
    without, with_key = await here.call("/v1/orders", token=here.token()), here.host_key()
    assert without.status == 403
    assert (await here.call("/v1/orders", token=here.token(), key=with_key)).status == 200


async def test_an_anonymous_request_through_an_open_door_is_still_challenged(here: Web) -> None:
    """Source: Azure/azure-functions-host, AuthenticationLevelHandler."""
    await here.put_auth(closed(here.world, action="AllowAnonymous"))
    assert await status_of(here, "/v1/orders") == 401


async def test_a_stopped_app_is_a_403_of_the_platform(here: Web) -> None:
    """Assumed in its text."""
    here.world.arm.need(SITE).properties["state"] = "Stopped"
    assert await status_of(here, "/v1/ping") == 403


async def test_a_host_that_is_down_is_a_503(here: Web) -> None:
    """Source: Azure/azure-functions-host (HostAvailabilityCheckMiddleware)."""
    here.site.runtime = Runtime.UNAVAILABLE
    assert await status_of(here, "/v1/ping") == 503


async def test_the_root_shows_the_hosts_own_page(here: Web) -> None:
    """Source: learn.microsoft.com/azure/azure-functions/functions-app-settings (AzureWebJobsDisableHomepage)."""
    assert await status_of(here, "/") == 200


async def test_admin_wants_the_master_key(here: Web) -> None:
    """Source: learn.microsoft.com/azure/azure-functions/functions-manually-run-non-http."""
    assert await status_of(here, "/admin/host/status", key=here.host_key()) == 401
    assert await status_of(here, "/admin/host/status", key=here.site.keys.master) == 200


async def test_a_run_is_noted_with_the_claims_that_arrived(here: Web) -> None:
    """No Azure behaviour: how the simulator itself does it."""
    await here.put_auth(closed(here.world))
    await here.call("/v1/ping", token=here.token())
    (run,) = here.world.invocations
    assert (run.function, run.site, run.claims["azp"]) == ("Ping", SITE, here.world.entra.verify(here.token())["azp"])
    assert run.at == here.world.clock.timestamp()


async def test_a_refused_request_runs_nothing(here: Web) -> None:
    """No Azure behaviour: how the simulator itself does it."""
    await here.call("/v1/orders")
    assert here.world.invocations == []


async def test_the_answer_shows_what_arrived_without_its_secrets(here: Web) -> None:
    """No Azure behaviour: how the simulator itself does it."""
    token, key = here.token(), here.host_key("apim-contoso")
    answer = await here.call(
        "/v1/orders", token=token, key=key, headers={"X-Forwarded-Authorization": f"Bearer {token}"}
    )
    shown = answer.data()["headers"]
    assert shown["authorization"] == shown["x-forwarded-authorization"] == here.world.entra.verify(token)
    assert (shown["x-functions-key"], answer.data()["key"]) == (
        "functionKeys/apim-contoso",
        "functionKeys/apim-contoso",
    )
    assert token.encode() not in answer.body
    assert key.encode() not in answer.body
