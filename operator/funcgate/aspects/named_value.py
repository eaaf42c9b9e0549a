"""The named value in API Management that holds the function app's host key, as a secret."""

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from funcgate import marks
from funcgate.azure import ApimClient, FunctionAppClient, NamedValue, Secret
from funcgate.conditions import WAITING
from funcgate.errors import Rejected, Unmet
from funcgate.marks import Mark
from funcgate.model import Action, Aspect, Change, Facts, Observed, Ownership, Phase
from funcgate.names import host_key_name, named_value_name
from funcgate.spec import Binding

A_KEY = "a host key of the app"
ANOTHER = "another value"


@dataclass(frozen=True, kw_only=True)
class HeldKey:
    """What the named value holds, in words; `key` is the name of that host key, `tags` are all that it carries."""

    value: str = A_KEY
    secret: bool = True
    key: str | None = field(default=None, compare=False)
    tags: tuple[str, ...] = field(default=(), compare=False)


class NamedKey(Aspect[HeldKey]):
    """The named value holds a key that opens the functions; whoever made it, another valid key is left in peace."""

    name = "named_value"
    condition = "NamedValueReady"
    phase = Phase.ADD
    needs = ("key_name",)
    gives = ("key_reference", "held_key")
    stood_on = True

    def __init__(self, apim: ApimClient, function_apps: FunctionAppClient) -> None:
        self.apim = apim
        self.function_apps = function_apps

    def home(self, binding: Binding) -> str:
        """The API Management service."""
        return binding.spec.api_management.id

    async def observe(self, binding: Binding) -> Mapping[str, Observed[HeldKey]]:
        """
        The named value, and whether its value is one of the app's host keys; the values meet here and go no further.

        Raises Unmet for one that a key vault fills.
        """
        look = self.apim.get_named_value(self.home(binding), named_value_name(binding))
        if binding.deleting:
            left = await look
            return {_resource(binding): _left_behind(binding, left)} if left else {}
        seen, keys = await asyncio.gather(look, self.function_apps.host_keys(binding.spec.function_app.id))
        if seen is None:
            return {}
        mark = marks.of_tags(seen.tags)
        if seen.key_vault:
            raise Unmet(
                "NamedValueInKeyVault",
                f"named value {seen.name} takes its value from a key vault, which funcgate does not write to; delete "
                "the named value, or set spec.functionApp.key.source: None and see to the key yourself",
                stalled=True,
            )
        key = _name_of(await self.apim.value_of(self.home(binding), seen), keys)
        ours = mark is not None and mark.owner == binding.owner and mark.created
        good = key == host_key_name(binding) if ours else key is not None
        state = HeldKey(value=A_KEY if good else ANOTHER, secret=seen.secret, key=key, tags=seen.tags)
        return {_resource(binding): Observed(state=state, ownership=_ownership(binding, mark, state), etag=seen.etag)}

    def learn(self, binding: Binding, observed: Mapping[str, Observed[HeldKey]]) -> Mapping[str, Any]:
        """The named value's name once it can be sent, or that none is; the key in it when it is not of our making."""
        if not binding.spec.function_app.has_key:
            return {"key_reference": "", "held_key": ""}
        seen = observed.get(_resource(binding))
        if seen is None or seen.state != HeldKey():
            return {"held_key": ""}
        held = "" if seen.state.key == host_key_name(binding) else seen.state.key
        return {"key_reference": named_value_name(binding), "held_key": held}

    def desired(self, binding: Binding, facts: Facts) -> Mapping[str, HeldKey]:
        """A secret that holds a valid key, where one is sent."""
        return {_resource(binding): HeldKey()} if binding.spec.function_app.has_key else {}

    async def apply(self, binding: Binding, change: Change[HeldKey]) -> None:
        """Put our key and our mark in, or take them away."""
        service, name = self.home(binding), named_value_name(binding)
        tags = change.before.tags if change.before else ()
        if change.after is None:
            await self._take_away(service, name, change, tags)
            return
        mark = Mark(owner=binding.owner, created=change.ownership is Ownership.OURS)
        value = await self._own_key(binding)
        await self.apim.put_named_value(service, name, value, marks.tagged(tags, mark), change.etag)

    async def _own_key(self, binding: Binding) -> Secret:
        keys = await self.function_apps.host_keys(binding.spec.function_app.id)
        key = keys.get(host_key_name(binding))
        if key is None:
            raise Unmet(WAITING, "waits for the function app's host key, from HostKeyReady", status="Unknown")
        return key

    async def _take_away(self, service: str, name: str, change: Change[HeldKey], tags: tuple[str, ...]) -> None:
        if change.action is Action.DELETE:
            with contextlib.suppress(Rejected):  # still used by a policy that is not ours: left, without our mark
                await self.apim.delete_named_value(service, name, change.etag)
                return
        await self.apim.tag_named_value(service, name, marks.tagged(tags, None), change.etag)

    def describe(self, binding: Binding, facts: Facts) -> str:
        """Where the gateway has the key from."""
        if not binding.spec.function_app.has_key:
            return "No host key is sent."
        return f"Named value {facts.key_reference} holds host key {facts.held_key or facts.key_name}."


def _resource(binding: Binding) -> str:
    return f"namedValues/{named_value_name(binding)}"


def _name_of(value: Secret, keys: Mapping[str, Secret]) -> str | None:
    return next((name for name, key in keys.items() if key == value), None)


def _ownership(binding: Binding, mark: Mark | None, state: HeldKey) -> Ownership:
    """What carries nobody's mark and serves is used as it is; what does not serve has to be taken over first."""
    if mark is not None:
        return mark.ownership(binding.owner)
    return Ownership.SHARED if state == HeldKey() else Ownership.UNMARKED


def _left_behind(binding: Binding, seen: NamedValue) -> Observed[HeldKey]:
    """Other bindings of the app may send it: then it stays, without our mark."""
    mark = marks.of_tags(seen.tags)
    ownership = mark.ownership(binding.owner) if mark else Ownership.SHARED
    if ownership is Ownership.OURS and binding.neighbours:
        ownership = Ownership.ADOPTED
    return Observed(state=HeldKey(secret=seen.secret, tags=seen.tags), ownership=ownership, etag=seen.etag)
