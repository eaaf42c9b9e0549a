"""The function app as it stands: host name, route prefix, functions. Looks only."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from funcgate.azure import Function, FunctionAppClient, Site
from funcgate.errors import TryAgain, Unmet
from funcgate.model import Aspect, Facts, Observed
from funcgate.routes import Operation, http_trigger, operations_of, routes_of
from funcgate.spec import Binding

KEY = "site"
WEBHOOK_TRIGGERS = ("eventgridtrigger", "orchestrationtrigger", "mcptooltrigger", "signalrtrigger")


@dataclass(frozen=True, kw_only=True)
class RunningApp:
    """What the other aspects need to know of a function app."""

    host_name: str
    host_names: tuple[str, ...]
    route_prefix: str
    state: str  # empty where Azure does not say, as for apps in Container Apps
    enabled: bool
    webhooks: tuple[str, ...]
    operations: tuple[Operation, ...] = ()
    routes: tuple[str, ...] = ()


class FunctionApp(Aspect[RunningApp]):
    """The site is a function app, runs, and has HTTP functions under one route prefix."""

    name = "function_app"
    condition = "FunctionAppReady"
    gives = ("host_name", "host_names", "route_prefix", "webhooks", "operations", "routes")

    def __init__(self, function_apps: FunctionAppClient) -> None:
        self.function_apps = function_apps

    def home(self, binding: Binding) -> str:
        """The site."""
        return binding.spec.function_app.id

    async def observe(self, binding: Binding) -> Mapping[str, Observed[RunningApp]]:
        """The app and its functions. Raises Unmet for a site that is no function app, TryAgain while none is listed."""
        site_id = self.home(binding)
        site, functions = await asyncio.gather(
            self.function_apps.get_site(site_id), self.function_apps.list_functions(site_id), return_exceptions=True
        )
        if isinstance(site, BaseException):
            raise site
        _must_be_a_function_app(site)
        if isinstance(functions, BaseException):
            raise functions
        return {KEY: Observed(state=_app(site, functions))}

    def learn(self, binding: Binding, observed: Mapping[str, Observed[RunningApp]]) -> Mapping[str, Any]:
        """Host name, route prefix, all routes, what an API can offer of the functions, and those that webhooks call."""
        state = observed[KEY].state
        return {
            "host_name": state.host_name,
            "host_names": state.host_names,
            "route_prefix": state.route_prefix,
            "webhooks": state.webhooks,
            "operations": state.operations,
            "routes": state.routes,
        }

    def judge(self, binding: Binding, facts: Facts, observed: Mapping[str, Observed[RunningApp]]) -> Unmet | None:
        """A stopped app answers nobody."""
        app = observed[KEY].state
        if not app.enabled or app.state.lower() not in ("", "running"):
            state = app.state if app.enabled else "disabled"
            return Unmet("FunctionAppStopped", f"the function app's state is {state}; start it", stalled=True)
        return None

    def describe(self, binding: Binding, facts: Facts) -> str:
        """Where the functions answer."""
        return f"The functions answer at https://{facts.host_name}/{facts.route_prefix}."


def _must_be_a_function_app(site: Site) -> None:
    kinds = {kind.strip().lower() for kind in site.kind.split(",")}
    if "functionapp" not in kinds or "workflowapp" in kinds:
        raise Unmet(
            "NotAFunctionApp",
            f"spec.functionApp.id names a site of kind '{site.kind}'; name a function app",
            stalled=True,
        )


def _app(site: Site, functions: Sequence[Function]) -> RunningApp:
    return RunningApp(
        host_name=site.host_name,
        host_names=site.host_names,
        route_prefix=route_prefix(functions),
        state=site.state,
        enabled=site.enabled,
        webhooks=tuple(sorted(each.name for each in functions if _called_by_webhook(each))),
        operations=operations_of(functions),
        routes=routes_of(functions),
    )


def route_prefix(functions: Sequence[Function]) -> str:
    """
    What stands before each function's route, without slashes; empty when host.json says so.

    Read off `invoke_url_template`, which the host writes in lower case as https://host/prefix/route: cutting the route
    that the function's own binding names leaves the prefix. Raises TryAgain when no function tells.
    Source: Azure/azure-functions-host, FunctionMetadataExtensions.
    """
    for prefix in _prefixes(functions):
        return prefix
    raise TryAgain(
        "the app lists no HTTP functions; deploy one, or wait until the host has synchronised its triggers",
        reason="NoFunctionsListed",
        after_seconds=60,
    )


def _prefixes(functions: Sequence[Function]) -> Iterator[str]:
    for function in functions:
        trigger = http_trigger(function)
        if trigger is None or not function.invoke_url_template:
            continue
        path = urlsplit(function.invoke_url_template).path
        route = "/" + str(trigger.get("route") or function.name).strip("/").lower()
        if path.lower().endswith(route):
            yield path[: len(path) - len(route)].strip("/")


def _called_by_webhook(function: Function) -> bool:
    return any(str(each.get("type", "")).lower() in WEBHOOK_TRIGGERS for each in function.bindings)
