"""The way of a call, link by link, in the words of people and programs: lines of text, JSON."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from funcgate.effects import effects
from funcgate.engine import Outcome, Pass

CHAIN = {
    "caller": ("ApiReady",),
    "gateway": ("BackendReady", "PolicyReady"),
    "token": ("IdentityReady", "AppRegistrationReady"),
    "key": ("HostKeyReady", "NamedValueReady"),
    "door": ("EasyAuthReady",),
    "function": ("FunctionAppReady",),
    "proof": ("Verified",),
}
"""The links between a caller and the function, and the conditions that speak of each."""


def _condition(outcome: Outcome) -> dict[str, str]:
    return {
        "type": outcome.condition,
        "status": outcome.status,
        "reason": outcome.reason,
        "message": outcome.message,
    }


class State(StrEnum):
    """How a link stands."""

    HOLDS = "holds"
    BROKEN = "broken"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class Link:
    """One link of the chain, and the sentences that say why."""

    name: str
    state: State
    says: tuple[str, ...]


def chain(done: Pass) -> Iterator[Link]:
    """The links, from the caller to the function, and what calls have proven."""
    by_name = {outcome.condition: outcome for outcome in done.outcomes}
    for name, conditions in CHAIN.items():
        found = [by_name[each] for each in conditions if each in by_name]
        said = tuple(_sentence(each) for each in found)
        yield Link(name=name, state=_state(found), says=said)


def _state(found: list[Outcome]) -> State:
    if any(each.status == "False" and each.blocking for each in found):
        return State.BROKEN
    return State.UNKNOWN if any(not each.true for each in found) else State.HOLDS


def _sentence(outcome: Outcome) -> str:
    return outcome.message if outcome.true else f"{outcome.reason}: {outcome.message}"


MARKS = {State.HOLDS: "✓", State.BROKEN: "✗", State.UNKNOWN: "?"}


def chain_lines(name: str, done: Pass) -> Iterator[str]:
    """The chain as text: a line for each link, what is said of it, and what it does to calls that something differs."""
    yield name
    for link in chain(done):
        first, *more = link.says or ("",)
        yield f"  {MARKS[link.state]} {link.name:9} {first}"
        yield from (f"{'':14}{each}" for each in more)
    yield from (f"  → {each}" for each in effects(done))


def chain_as_json(name: str, done: Pass) -> dict[str, Any]:
    """The chain as data; `docs/reference/explain.md` describes it."""
    links = [{"link": each.name, "state": str(each.state), "says": list(each.says)} for each in chain(done)]
    causes = [{"cause": each.cause, "says": each.says} for each in effects(done)]
    return {"binding": name, "links": links, "causes": causes}


def condition(done: Pass, type_: str) -> dict[str, str]:
    """One condition of a pass as data."""
    return next(_condition(outcome) for outcome in done.outcomes if outcome.condition == type_)
