"""The second lock's key: a host key of the function app, made by the functions host for this binding alone."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from funcgate.azure import FunctionAppClient
from funcgate.conditions import WAITING
from funcgate.errors import TryAgain, Unmet
from funcgate.model import Aspect, Change, Facts, Observed, Ownership, Phase
from funcgate.names import host_key_name
from funcgate.spec import Binding


@dataclass(frozen=True, kw_only=True)
class AppKey:
    """A host key, known by its name; its value never gets here."""

    name: str


class HostKey(Aspect[AppKey]):
    """The app has a host key for this binding, unless the gateway holds another one of the app's that it may use."""

    name = "host_key"
    condition = "HostKeyReady"
    phase = Phase.ADD
    needs = ("host_name",)
    gives = ("key_name",)
    minds = ("held_key",)
    stood_on = True

    def __init__(self, function_apps: FunctionAppClient) -> None:
        self.function_apps = function_apps

    def home(self, binding: Binding) -> str:
        """The site."""
        return binding.spec.function_app.id

    async def observe(self, binding: Binding) -> Mapping[str, Observed[AppKey]]:
        """
        The host key of this binding, if it is there; the name alone says whose it is.

        One that other bindings of the app may use is left where it is when this one goes.
        """
        name = host_key_name(binding)
        if binding.deleting and binding.neighbours:
            return {}
        if name not in await self._keys(binding):
            return {}
        return {_resource(binding): Observed(state=AppKey(name=name), ownership=Ownership.OURS)}

    async def _keys(self, binding: Binding) -> Collection[str]:
        try:
            return (await self.function_apps.host_keys(self.home(binding))).keys()
        except TryAgain as down:
            if not binding.deleting or down.reason != "HostRuntimeDown":
                raise
            text = f"{down}; until it answers, host key {host_key_name(binding)} cannot be taken away"
            raise Unmet(down.reason, text, status="Unknown", stalled=True) from down

    def learn(self, binding: Binding, observed: Mapping[str, Observed[AppKey]]) -> Mapping[str, Any]:
        """The name of this binding's key."""
        return {"key_name": host_key_name(binding)}

    def desired(self, binding: Binding, facts: Facts) -> Mapping[str, AppKey]:
        """A key of our own, where one is sent and no other serves."""
        if not binding.spec.function_app.has_key or facts.held_key:
            return {}
        if facts.held_key is None:
            raise Unmet(WAITING, "waits until it is known what the named value holds", status="Unknown")
        return {_resource(binding): AppKey(name=host_key_name(binding))}

    async def apply(self, binding: Binding, change: Change[AppKey]) -> None:
        """Have the functions host make the key, or take it away."""
        site, name = self.home(binding), host_key_name(binding)
        if change.after:
            await self.function_apps.make_host_key(site, name)
        else:
            await self.function_apps.delete_host_key(site, name)

    def describe(self, binding: Binding, facts: Facts) -> str:
        """Which key opens the functions."""
        if not binding.spec.function_app.has_key:
            return "No host key is sent."
        return f"The function app knows host key {facts.held_key or facts.key_name}."


def _resource(binding: Binding) -> str:
    return f"host/functionKeys/{host_key_name(binding)}"
