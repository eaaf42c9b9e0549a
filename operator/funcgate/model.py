"""
The vocabulary of a pass: what was seen, what is wished, the plan between them. No I/O, no clock.

Wish and reality share a type, so drift is `!=`; a plan is a value that the command line prints, events quote and tests
compare.
"""

import re
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from enum import IntEnum, StrEnum
from typing import Any, ClassVar, Generic, TypeVar

from funcgate.errors import Unmet
from funcgate.spec import Binding

S = TypeVar("S")


class Action(StrEnum):
    """What one write does to its document."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    RELEASE = "release"


class Phase(IntEnum):
    """
    The safety order between aspects: add the new, switch callers over, close, clear away what nothing uses any more.

    A write waits until every other aspect is done with its writes of earlier phases.
    """

    ADD = 1
    SWITCH = 2
    CLOSE = 3
    CLEAR = 4


ORDER = (Phase.ADD, Phase.SWITCH, Phase.CLOSE, Phase.CLEAR)
TEARDOWN = (Phase.CLOSE, Phase.SWITCH, Phase.ADD, Phase.CLEAR)
"""A binding that goes is taken down from the other end; what others stand on goes last either way."""


class Ownership(StrEnum):
    """Whose a document is, as its mark says."""

    OURS = "ours"  # our mark, and made by us: deleted with the binding
    ADOPTED = "adopted"  # our mark on what stood there before: left when the binding goes
    UNMARKED = "unmarked"  # could carry our mark and does not
    FOREIGN = "foreign"  # another owner's mark
    SHARED = "shared"  # belongs to nobody alone; we own a slice and never delete it


@dataclass(frozen=True, kw_only=True)
class Observed(Generic[S]):
    """What stands in Azure under one key; `etag` is what a write must carry, where the service knows such a thing."""

    state: S
    ownership: Ownership = Ownership.SHARED
    etag: str | None = None


@dataclass(frozen=True, kw_only=True)
class Drift:
    """One field that differs; values are made to be read and never secret."""

    field: str
    wanted: str
    seen: str

    def __str__(self) -> str:
        return f"{self.field}: {self.seen} → {self.wanted}"


@dataclass(frozen=True, kw_only=True)
class Change(Generic[S]):
    """One write, as data. No before: create. No after: delete, or release what was adopted. Both: update."""

    key: str
    before: S | None
    after: S | None
    ownership: Ownership = Ownership.OURS
    etag: str | None = None

    @property
    def action(self) -> Action:
        """Which kind of write this is."""
        if self.before is None:
            return Action.CREATE
        if self.after is None:
            return Action.RELEASE if self.ownership is Ownership.ADOPTED else Action.DELETE
        return Action.UPDATE

    @property
    def drifts(self) -> tuple[Drift, ...]:
        """The fields that this write changes, in the order of the state's definition; the mark when it is only that."""
        if self.action is Action.RELEASE:
            return (Drift(field="mark", wanted="absent", seen="ours"),)
        return tuple(_drifts(self.before, self.after)) or (Drift(field="mark", wanted="ours", seen="absent"),)


def _drifts(before: Any, after: Any) -> Iterator[Drift]:
    for each in fields(after if after is not None else before):
        if not each.compare:
            continue
        seen, wanted = (getattr(side, each.name) if side is not None else None for side in (before, after))
        if seen != wanted and (seen or wanted):
            show = each.metadata.get("shown", shown)
            yield Drift(field=camel(each.name), wanted=show(wanted), seen=show(seen))


def camel(name: str) -> str:
    """A field's name as the documentation spells it: `allowed_applications` → `allowedApplications`."""
    head, *rest = name.split("_")
    return head + "".join(part.title() for part in rest)


def aspect_of(condition: str) -> str:
    """The aspect that a condition is about: `EasyAuthReady` → `easy_auth`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", condition.removesuffix("Ready")).lower()


def part_of(condition: str) -> str:
    """The same as manifests spell it: `EasyAuthReady` → `easyAuth`."""
    return camel(aspect_of(condition))


def shown(value: Any) -> str:
    """A value in the words of status, events and plans; collections sorted, so that equal things read equal."""
    if value is None:
        return "absent"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, frozenset | set | tuple | list):
        return "[" + ", ".join(sorted(map(shown, value))) + "]"
    return str(value)


@dataclass(frozen=True, kw_only=True)
class Plan(Generic[S]):
    """The writes that make reality match the wish, and the keys that somebody else holds."""

    changes: tuple[Change[S], ...] = ()
    conflicts: tuple[str, ...] = ()


def plan(desired: Mapping[str, S], observed: Mapping[str, Observed[S]], *, adopt: bool = False) -> Plan[S]:
    """
    The writes that turn `observed` into `desired`. Pure.

    What carries another owner's mark is never written: equal content is fine as it is, other content is a conflict.
    What carries no mark is taken over with `adopt`, a conflict without. What is no longer wished for is deleted when
    we made it and released, that is left without our mark, when it was adopted.
    """
    changes: list[Change[S]] = []
    conflicts: list[str] = []
    for key, wish in desired.items():
        seen = observed.get(key)
        if seen is None:
            changes.append(Change(key=key, before=None, after=wish))
        elif _held_by_others(seen, wish, adopt=adopt):
            conflicts.append(key)
        elif seen.ownership is Ownership.UNMARKED:
            changes.append(Change(key=key, before=seen.state, after=wish, ownership=Ownership.ADOPTED, etag=seen.etag))
        elif seen.ownership is not Ownership.FOREIGN and seen.state != wish:
            changes.append(Change(key=key, before=seen.state, after=wish, ownership=seen.ownership, etag=seen.etag))
    for key, seen in observed.items():
        if key not in desired and seen.ownership in (Ownership.OURS, Ownership.ADOPTED):
            changes.append(Change(key=key, before=seen.state, after=None, ownership=seen.ownership, etag=seen.etag))
    return Plan(changes=tuple(changes), conflicts=tuple(conflicts))


IMPLAUSIBLE = "ImplausibleRemoval"

FEW = 2
"""With fewer of a kind than that, all of them may well go at once."""

MANY = 5
"""As many of a kind may go at once, whatever their share."""


def all_at_once(removed: int, there: int) -> bool:
    """Whether nothing is left of what stood there, as when a list came back empty."""
    return there >= FEW and removed >= there


def implausible(planned: Plan[S], observed: Mapping[str, Observed[S]]) -> str:
    """Why so many deletions are hard to believe: they are more than half of what stands there of a kind. Pure."""
    gone: Counter[type[Any]] = Counter(
        type(change.before) for change in planned.changes if change.action is Action.DELETE
    )
    there: Counter[type[Any]] = Counter(type(seen.state) for seen in observed.values())
    many = ((removed, there[kind]) for kind, removed in gone.items() if removed > max(MANY, there[kind] / 2))
    return next((f"deletes {removed} of the {of} that stand there" for removed, of in many), "")


def leaving(desired: Mapping[str, S], observed: Mapping[str, Observed[S]], ignored: frozenset[str]) -> Mapping[str, S]:
    """The wish, with these fields of what is there as they are there. Pure."""
    if not ignored:
        return desired
    return {
        key: _leaving(wish, observed[key].state, ignored) if key in observed else wish for key, wish in desired.items()
    }


def _leaving(wish: Any, seen: Any, ignored: frozenset[str]) -> Any:
    theirs = [each.name for each in fields(seen) if camel(each.name) in ignored]
    return replace(wish, **{name: getattr(seen, name) for name in theirs}) if type(wish) is type(seen) else wish


def _held_by_others(seen: Observed[S], wish: S, *, adopt: bool) -> bool:
    if seen.ownership is Ownership.FOREIGN:
        return seen.state != wish
    return seen.ownership is Ownership.UNMARKED and not adopt


@dataclass(frozen=True, kw_only=True)
class Facts:
    """
    What only Azure could decide, gathered in one pass. None: not known (yet).

    `named` says where a missing one comes from, for the sentence "waits for …".
    """

    gateway_url: str | None = field(default=None, metadata={"named": "the gateway's address"})
    principal_id: str | None = field(default=None, metadata={"named": "the identity's principal id"})
    identity_client_id: str | None = field(default=None, metadata={"named": "the identity's client id"})
    tenant_id: str | None = field(default=None, metadata={"named": "the identity's tenant"})
    host_name: str | None = field(default=None, metadata={"named": "the function app's host name"})
    route_prefix: str | None = field(default=None, metadata={"named": "the functions' route prefix"})
    webhooks: tuple[str, ...] | None = field(default=None, metadata={"named": "the functions that webhooks call"})
    host_names: tuple[str, ...] | None = field(default=None, metadata={"named": "the function app's host names"})
    registered: Any = field(default=None, metadata={"named": "the registration as it stands"})
    client_id: str | None = field(default=None, metadata={"named": "the registration's client id"})
    token_version: int | None = field(default=None, metadata={"named": "the registration's token version"})
    api_path: str | None = field(default=None, metadata={"named": "the API"})
    api_revision: str | None = field(default=None, metadata={"named": "the API's current revision"})
    offered: frozenset[str] | None = field(default=None, metadata={"named": "the functions that the API offers"})
    operations: tuple[Any, ...] | None = field(default=None, metadata={"named": "the functions"})
    routes: tuple[str, ...] | None = field(default=None, metadata={"named": "the functions' routes"})
    document: Any = field(default=None, metadata={"named": "the document that describes the API"})
    placed: Any = field(default=None, metadata={"named": "the operations of the API"})
    published: bool | None = field(default=None, metadata={"named": "whether the API is there"})
    unasked: str | None = field(default=None, metadata={"named": "what the gateway asks its callers for"})
    made_keys: frozenset[str] | None = field(default=None, metadata={"named": "the function app's host key"})
    wanted_keys: tuple[str, ...] | None = field(default=None, metadata={"named": "the keys that the gateway needs"})
    key_turn: str | None = field(default=None, metadata={"named": "whose turn among the keys it is"})
    held_key: str | None = field(default=None, metadata={"named": "the key in the named value"})
    key_reference: str | None = field(default=None, metadata={"named": "the named value that holds the key"})
    backend_id: str | None = field(default=None, metadata={"named": "the backend"})
    sends_token: bool | None = field(default=None, metadata={"named": "the policy that sends the token"})
    marked: bool | None = field(default=None, metadata={"named": "our mark in the policy"})
    inner: Any = field(default=None, metadata={"named": "the policies of the API's operations"})
    last_sign_in: str | None = field(default=None, metadata={"named": "the last sign-in that was seen"})
    last_verified: str | None = field(default=None, metadata={"named": "when calls were last made"})

    def known(self) -> dict[str, Any]:
        """The facts that are known."""
        return {each.name: getattr(self, each.name) for each in fields(self) if getattr(self, each.name) is not None}


def named(fact: str) -> str:
    """A fact's name in a sentence."""
    return next(str(each.metadata["named"]) for each in fields(Facts) if each.name == fact)


@dataclass(frozen=True, kw_only=True)
class Checked:
    """What a check found to be so: a sentence that stays the same while it is, and facts that people look for."""

    message: str
    facts: Mapping[str, Any] = field(default_factory=dict)


class Check(ABC):
    """Something that is only looked at, once everything else is as it must be. It writes nothing."""

    condition: ClassVar[str]

    def asked(self, binding: Binding) -> bool:
        """Whether the binding asks for it; else it has nothing to wait for."""
        return True

    @abstractmethod
    async def look(self, binding: Binding, facts: Facts) -> Checked:
        """What is so. Raises Unmet for what is not, or can't be seen; AzureError."""


class Aspect(ABC, Generic[S]):
    """
    One managed thing: one module, one condition, one test file, one heading in the reference.

    Two verbs touch Azure: `observe` only reads, `apply` makes one write and decides nothing. The rest is pure. An
    aspect that only looks has no phase and wishes for nothing.
    """

    name: ClassVar[str]
    condition: ClassVar[str]
    phase: ClassVar[Phase | None] = None
    needs: ClassVar[tuple[str, ...]] = ()  # facts without which `desired` has no answer
    gives: ClassVar[tuple[str, ...]] = ()  # facts that `learn` may give
    minds: ClassVar[tuple[str, ...]] = ()  # facts that matter for the order, as first seen; never waited for longer
    outlives: ClassVar[bool] = False  # stays as it is when the binding goes
    stood_on: ClassVar[bool] = False  # others refer to it, so it goes last
    also_in: ClassVar[tuple[Phase, ...]] = ()  # phases in which `stages` may write, beside its own

    def writes_in(self, *, deleting: bool) -> frozenset[Phase]:
        """The phases in which this may write; nobody waits for it in the others."""
        if self.stood_on and deleting:
            return frozenset({Phase.CLEAR})
        clears = (Phase.CLEAR,) if self.stood_on else ()
        return frozenset((*((self.phase,) if self.phase else ()), *self.also_in, *clears))

    @abstractmethod
    def home(self, binding: Binding) -> str:
        """The ARM id of what this lives in; when that is gone, so is everything of ours there."""

    @abstractmethod
    async def observe(self, binding: Binding) -> Mapping[str, Observed[S]]:
        """What stands in Azure, by key. Only reads. Raises AzureError, or Unmet for what can't be managed."""

    @abstractmethod
    def learn(self, binding: Binding, observed: Mapping[str, Observed[S]]) -> Mapping[str, Any]:
        """The facts that this observation gives. Pure."""

    def desired(self, binding: Binding, facts: Facts) -> Mapping[str, S]:
        """What the spec means for Azure, by key. Pure; raises Unmet for a wish that cannot be."""
        return {}

    def object_to(self, binding: Binding, facts: Facts, plan: Plan[S]) -> Unmet | None:
        """Why this plan must not be carried out as things stand, if so. Pure."""
        return None

    def foresee(
        self, binding: Binding, wish: Mapping[str, S], observed: Mapping[str, Observed[S]]
    ) -> Mapping[str, Any]:
        """The facts that are known once `wish` stands there, as far as they can be told before it does. Pure."""
        return {}

    async def diff(self, change: Change[S]) -> Sequence[str]:
        """The lines of the document that the change takes out and puts in, where its fields do not say it all."""
        return ()

    def stages(self, change: Change[S], facts: Facts) -> Sequence[tuple[Phase, Change[S]]]:
        """The change as writes in the safety order; most are one write in the aspect's own phase. Pure."""
        last = self.stood_on and change.after is None
        return ((Phase.CLEAR if last else self.phase or Phase.ADD, change),)

    async def apply(self, binding: Binding, change: Change[S]) -> None:
        """Make this one write."""
        raise TypeError(f"{self.name} only looks")

    def judge(self, binding: Binding, facts: Facts, observed: Mapping[str, Observed[S]]) -> Unmet | None:
        """What is still not as it must be when nothing is left to write. Pure."""
        return None

    def hole(self, binding: Binding, facts: Facts, observed: Mapping[str, Observed[S]]) -> Unmet | None:
        """Through what anybody could call as things stand, which no mode hides. Facts may be missing. Pure."""
        return None

    def meanwhile(self, observed: Mapping[str, Observed[S]], unmet: Unmet) -> Unmet:
        """What to say of `unmet`, which keeps this aspect from going on, given what stands there until then. Pure."""
        return unmet

    def describe(self, binding: Binding, facts: Facts) -> str:
        """What is true, in one sentence for the condition, once it is. Pure."""
        return "Azure shows what the manifest asks for."
