"""
The second lock's key: a host key of the function app, made by the functions host for this binding alone.

Two while it is rotated: the one that the gateway sends, and the one that it is about to send, or sent until lately.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from funcgate.azure import FunctionAppClient
from funcgate.conditions import WAITING
from funcgate.errors import TryAgain, Unmet
from funcgate.model import Aspect, Change, Facts, Observed, Ownership, Phase
from funcgate.names import host_key_names
from funcgate.spec import Binding


@dataclass(frozen=True, kw_only=True)
class AppKey:
    """A host key, known by its name; its value never gets here."""

    name: str


class HostKey(Aspect[AppKey]):
    """The app has the host keys that the gateway needs of this binding, and no other of its names."""

    name = "host_key"
    condition = "HostKeyReady"
    phase = Phase.ADD
    needs = ("host_name",)
    gives = ("made_keys",)
    minds = ("wanted_keys",)
    stood_on = True

    def __init__(self, function_apps: FunctionAppClient) -> None:
        self.function_apps = function_apps

    def home(self, binding: Binding) -> str:
        """The site."""
        return binding.spec.function_app.id

    async def observe(self, binding: Binding) -> Mapping[str, Observed[AppKey]]:
        """
        The host keys of this binding that are there; the name alone says whose they are.

        Those that other bindings of the app may use are left where they are when this one goes.
        """
        if binding.deleting and binding.neighbours:
            return {}
        there = await self._keys(binding)
        return {
            _resource(name): Observed(state=AppKey(name=name), ownership=Ownership.OURS)
            for name in host_key_names(binding)
            if name in there
        }

    async def _keys(self, binding: Binding) -> Collection[str]:
        try:
            return (await self.function_apps.host_keys(self.home(binding))).keys()
        except TryAgain as down:
            if not binding.deleting or down.reason != "HostRuntimeDown":
                raise
            names = " and ".join(host_key_names(binding))
            text = f"{down}; until it answers, the host keys {names} cannot be taken away"
            raise Unmet(down.reason, text, status="Unknown", stalled=True) from down

    def learn(self, binding: Binding, observed: Mapping[str, Observed[AppKey]]) -> Mapping[str, Any]:
        """The names of this binding's keys that are there."""
        return {"made_keys": frozenset(each.state.name for each in observed.values())}

    def desired(self, binding: Binding, facts: Facts) -> Mapping[str, AppKey]:
        """Keys of our own, as many as the gateway needs; none where another one serves."""
        if not binding.spec.function_app.has_key:
            return {}
        if facts.wanted_keys is None:
            raise Unmet(WAITING, "waits until it is known what the named value holds", status="Unknown")
        return {_resource(name): AppKey(name=name) for name in facts.wanted_keys}

    async def apply(self, binding: Binding, change: Change[AppKey]) -> None:
        """Have the functions host make the key, or take it away."""
        if change.after:
            await self.function_apps.make_host_key(self.home(binding), change.after.name)
        else:
            assert change.before, "what is taken away was there"
            await self.function_apps.delete_host_key(self.home(binding), change.before.name)

    def describe(self, binding: Binding, facts: Facts) -> str:
        """Which key opens the functions."""
        if not binding.spec.function_app.has_key:
            return "No host key is sent."
        sent, *former = facts.wanted_keys or (facts.held_key,)
        known = f"The function app knows host key {sent}"
        return f"{known}, and {former[0]} for a while yet." if former else f"{known}."


def _resource(name: str) -> str:
    return f"host/functionKeys/{name}"
