import pytest

from builders import a_binding
from funcgate.aspects.function_app import FunctionApp, route_prefix
from funcgate.azure import Function, Site
from funcgate.errors import NotFound, TryAgain
from stubs import StubFunctionApps, a_function, a_site, run


async def test_a_running_app_gives_host_name_and_route_prefix() -> None:
    outcome, done = await run(FunctionApp(StubFunctionApps()), a_binding())
    assert (outcome.true, outcome.changes) == (True, ())
    assert (done.known.host_name, done.known.route_prefix) == ("orders-abc.azurewebsites.net", "v1")
    assert outcome.message == "The functions answer at https://orders-abc.azurewebsites.net/v1."


@pytest.mark.parametrize("kind", ["app", "functionapp,workflowapp", ""])
async def test_a_site_that_is_no_function_app_is_refused(kind: str) -> None:
    outcome, _ = await run(FunctionApp(StubFunctionApps(site=a_site(kind=kind))), a_binding())
    assert (outcome.status, outcome.reason, outcome.stalled) == ("False", "NotAFunctionApp", True)


async def test_a_site_that_is_not_there_is_reported_even_when_its_functions_fail_too() -> None:
    gone = NotFound("no site orders-fn", reason="ResourceNotFound")
    apps = StubFunctionApps(site_gone=gone, functions=TryAgain("down", reason="Busy"))
    outcome, _ = await run(FunctionApp(apps), a_binding())
    assert (outcome.reason, outcome.message) == ("ResourceNotFound", "no site orders-fn")


async def test_a_host_that_does_not_answer_is_asked_again() -> None:
    down = TryAgain("the host runtime is down", reason="HostRuntimeDown")
    outcome, _ = await run(FunctionApp(StubFunctionApps(functions=down)), a_binding())
    assert (outcome.status, outcome.reason, outcome.stalled) == ("Unknown", "HostRuntimeDown", False)


async def test_a_stopped_app_is_reported_and_still_gives_its_facts() -> None:
    outcome, done = await run(FunctionApp(StubFunctionApps(site=a_site(state="Stopped"))), a_binding())
    assert (outcome.reason, outcome.stalled, done.known.route_prefix) == ("FunctionAppStopped", True, "v1")


@pytest.mark.parametrize(
    ("site", "ready", "reason"),
    [
        (a_site(state=""), True, "Azure does not say for apps in Container Apps"),
        (a_site(enabled=False), False, "a disabled site answers nobody"),
    ],
)
async def test_only_a_state_that_says_so_counts_as_stopped(site: Site, ready: bool, reason: str) -> None:
    outcome, _ = await run(FunctionApp(StubFunctionApps(site=site)), a_binding())
    assert outcome.true is ready, reason


async def test_functions_that_webhooks_call_are_remembered() -> None:
    webhook = Function(name="OnBlob", bindings=[{"type": "eventGridTrigger"}], invoke_url_template=None, disabled=False)
    _, done = await run(FunctionApp(StubFunctionApps(functions=[webhook, a_function()])), a_binding())
    assert done.known.webhooks == ("OnBlob",)


async def test_an_app_without_http_functions_is_asked_again_later() -> None:
    outcome, _ = await run(FunctionApp(StubFunctionApps(functions=[])), a_binding())
    assert (outcome.reason, outcome.after_seconds) == ("NoFunctionsListed", 60)


@pytest.mark.parametrize(
    ("function", "prefix", "reason"),
    [
        (a_function(prefix="v1/"), "v1", "one part"),
        (a_function(prefix="a/b/"), "a/b", "two parts"),
        (a_function(prefix=""), "", "host.json may empty it"),
        (a_function(name="GetOrder", route=None, prefix="api/"), "api", "without a route, the name is the route"),
        (a_function(route="/Orders/{Id}", prefix="api"), "api", "Azure writes the template in lower case"),
    ],
)
def test_the_route_prefix_is_what_stands_before_the_route(function: Function, prefix: str, reason: str) -> None:
    assert route_prefix([function]) == prefix, reason


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (Function(name="f", bindings=[{"type": "timerTrigger"}], invoke_url_template=None, disabled=False), "no HTTP"),
        (Function(name="f", bindings=[{"type": "httpTrigger"}], invoke_url_template=None, disabled=False), "no URL"),
        (Function(name="f", bindings=[{"type": "httpTrigger", "route": "x"}],
                  invoke_url_template="https://h/api/y", disabled=False), "another route than the binding's"),
    ],
)  # fmt: skip
def test_functions_that_do_not_tell_are_passed_over(function: Function, reason: str) -> None:
    assert route_prefix([function, a_function()]) == "v1", reason
