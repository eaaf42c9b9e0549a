"""The named value in API Management that holds the function app's host key, as a secret."""

import asyncio
import contextlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from funcgate import marks
from funcgate.azure import ApimClient, FunctionAppClient, NamedValue
from funcgate.clock import utc_now
from funcgate.conditions import WAITING
from funcgate.errors import Rejected, Unmet
from funcgate.marks import Mark
from funcgate.model import Action, Aspect, Change, Facts, Observed, Ownership, Phase
from funcgate.names import host_key_names, named_value_name
from funcgate.secrets import Secret
from funcgate.spec import Binding

A_KEY = "a host key of the app"
ANOTHER = "another value"

DUE, BEGUN = "due", "begun"

OVERLAP_SECONDS = 3600.0
"""How long a key stays valid after the gateway was told another one: all its instances have heard of it by then."""


@dataclass(frozen=True, kw_only=True)
class HeldKey:
    """
    What the named value holds, in words: whether another key's turn has come, and whether it tells its age at all.

    `key` is the name of that host key, `tags` are all that it carries; `wanted` are the names of the binding's own keys
    that the app must have, first the one to be sent.
    """

    value: str = A_KEY
    secret: bool = True
    turn: str = ""
    dated: bool = True
    key: str | None = field(default=None, compare=False)
    tags: tuple[str, ...] = field(default=(), compare=False)
    wanted: tuple[str, ...] = field(default=(), compare=False)


class NamedKey(Aspect[HeldKey]):
    """The named value holds a key that opens the functions; whoever made it, another valid key is left in peace."""

    name = "named_value"
    condition = "NamedValueReady"
    phase = Phase.ADD
    needs = ("made_keys",)
    gives = ("key_reference", "held_key", "wanted_keys", "key_turn")
    stood_on = True

    def __init__(
        self, apim: ApimClient, function_apps: FunctionAppClient, now: Callable[[], datetime] = utc_now
    ) -> None:
        self.apim = apim
        self.function_apps = function_apps
        self.now = now

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
        state = self._state(binding, seen, mark, key, frozenset(keys))
        return {_resource(binding): Observed(state=state, ownership=_ownership(binding, mark, state), etag=seen.etag)}

    def _state(
        self, binding: Binding, seen: NamedValue, mark: Mark | None, key: str | None, there: frozenset[str]
    ) -> HeldKey:
        """What the value is to us; `there` are the names of all host keys of the app."""
        after = binding.spec.function_app.rotates_after
        may_be_ours = mark is None or mark.owner == binding.owner
        made = key in host_key_names(binding)
        own = made or (may_be_ours and (after is not None or (mark is not None and mark.created)))
        good = made if own else key is not None
        since = marks.since(seen.tags)
        age = (self.now() - since).total_seconds() if since else None
        rotating = rotation(binding, key, there, age, begun=marks.turning(seen.tags))
        return HeldKey(
            value=A_KEY if good else ANOTHER,
            secret=seen.secret,
            turn=rotating.turn,
            dated=not (good and own and after is not None) or since is not None,
            key=key,
            tags=seen.tags,
            wanted=rotating.wanted if own or not good else (),
        )

    def learn(self, binding: Binding, observed: Mapping[str, Observed[HeldKey]]) -> Mapping[str, Any]:
        """The named value's name once it can be sent, the key in it, and which of our own it takes; or that none is."""
        if not binding.spec.function_app.has_key:
            return {"key_reference": "", "held_key": "", "wanted_keys": (), "key_turn": ""}
        seen = observed.get(_resource(binding))
        if seen is None:
            return {"held_key": "", "wanted_keys": host_key_names(binding)[:1], "key_turn": ""}
        state = seen.state
        serves = replace(state, turn="", dated=True) == HeldKey()
        facts = {"held_key": state.key if serves else "", "wanted_keys": state.wanted, "key_turn": state.turn}
        return facts | ({"key_reference": named_value_name(binding)} if serves else {})

    def desired(self, binding: Binding, facts: Facts) -> Mapping[str, HeldKey]:
        """A secret that holds a valid key, where one is sent; another key's turn is begun before it is taken."""
        if not binding.spec.function_app.has_key:
            return {}
        turn = BEGUN if facts.key_turn == DUE else ""
        return {_resource(binding): HeldKey(turn=turn, key=next(iter(facts.wanted_keys or ()), None))}

    def foresee(
        self, binding: Binding, wish: Mapping[str, HeldKey], observed: Mapping[str, Observed[HeldKey]]
    ) -> Mapping[str, Any]:
        """Its name, which was chosen before."""
        return {"key_reference": named_value_name(binding)}

    async def apply(self, binding: Binding, change: Change[HeldKey]) -> None:
        """Put our key and our mark in, or take them away."""
        service, name = self.home(binding), named_value_name(binding)
        tags = change.before.tags if change.before else ()
        if change.after is None:
            await self._take_away(service, name, change, tags)
            return
        mark = Mark(owner=binding.owner, created=change.ownership is Ownership.OURS)
        if change.after.turn == BEGUN:
            turning = marks.tagged(tags, mark, marks.since(tags), turning=True)
            await self.apim.tag_named_value(service, name, turning, change.etag)
            return
        value = await self._own_key(binding, change.after.key)
        await self.apim.put_named_value(
            service, name, value, marks.tagged(tags, mark, self._since(binding, change.before)), change.etag
        )

    def _since(self, binding: Binding, before: HeldKey | None) -> datetime | None:
        """Since when the key is used that is now put in; one that is put back keeps its age."""
        if not binding.spec.function_app.rotates_after:
            return None
        known = marks.since(before.tags) if before and before.turn != BEGUN else None
        return known or self.now()

    async def _own_key(self, binding: Binding, name: str | None) -> Secret:
        keys = await self.function_apps.host_keys(binding.spec.function_app.id)
        key = keys.get(name or "")
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
        return f"Named value {facts.key_reference} holds host key {facts.held_key}."


@dataclass(frozen=True, kw_only=True)
class Rotation:
    """How far another key's turn has come, and the names of our keys that the app must have, the one to send first."""

    wanted: tuple[str, ...]
    turn: str = ""


def rotation(
    binding: Binding, held: str | None, there: Collection[str], age: float | None, *, begun: bool = False
) -> Rotation:
    """
    What becomes of this binding's keys, given the one that the named value holds, for so many seconds. Pure.

    A turn is begun in the named value, a new key made, then sent; the former one goes after the overlap and, where the
    author names a call that proves it, not before that call came out well. A key is never sent a second time: whatever
    there is of the other name before a turn is begun goes first.
    """
    names = host_key_names(binding)
    sent = held if held in names else next((name for name in names if name in there), names[0])
    other = names[1 - names.index(sent)]
    after = binding.spec.function_app.rotates_after
    if after is None or held != sent:
        return Rotation(wanted=(sent,))
    if begun:
        return Rotation(wanted=(other, sent), turn=BEGUN)
    if other in there:
        unproven = binding.spec.verify.operation is not None and not binding.proven
        needed = age is None or age < OVERLAP_SECONDS or (unproven and age < after)
        return Rotation(wanted=(sent, other) if needed else (sent,))
    return Rotation(wanted=(sent,), turn=DUE if age is not None and age >= after else "")


def _resource(binding: Binding) -> str:
    return f"namedValues/{named_value_name(binding)}"


def _name_of(value: Secret, keys: Mapping[str, Secret]) -> str | None:
    return next((name for name, key in keys.items() if key == value), None)


def _ownership(binding: Binding, mark: Mark | None, state: HeldKey) -> Ownership:
    """What carries nobody's mark and serves is used as it is; what does not serve has to be taken over first."""
    if mark is not None:
        return mark.ownership(binding.owner)
    return Ownership.SHARED if state.value == A_KEY and state.secret else Ownership.UNMARKED


def _left_behind(binding: Binding, seen: NamedValue) -> Observed[HeldKey]:
    """Other bindings of the app may send it: then it stays, without our mark."""
    mark = marks.of_tags(seen.tags)
    ownership = mark.ownership(binding.owner) if mark else Ownership.SHARED
    if ownership is Ownership.OURS and binding.neighbours:
        ownership = Ownership.ADOPTED
    return Observed(state=HeldKey(secret=seen.secret, tags=seen.tags), ownership=ownership, etag=seen.etag)
