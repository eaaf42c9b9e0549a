"""A plan in three voices: text for a terminal, data for programs, Markdown for a pull request. Never a secret."""

import html
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from funcgate.conditions import CHANGES_PENDING, WAITING
from funcgate.engine import Outcome, Pass, Write
from funcgate.model import IMPLAUSIBLE, Action

SIGNS = {Action.CREATE: "+", Action.UPDATE: "~", Action.DELETE: "-", Action.RELEASE: "-"}
COUNTED = {Action.CREATE: "create", Action.UPDATE: "change", Action.DELETE: "delete", Action.RELEASE: "delete"}
NOTHING = "nothing to do"
BELOW = " " * 6


def summary(done: Pass) -> Mapping[str, int]:
    """How many writes of which sort."""
    counted = Counter(COUNTED[write.action] for write in done.changes)
    return {sort: counted[sort] for sort in ("create", "change", "delete")}


def sums_up(done: Pass) -> str:
    """`1 to create, 2 to change, 0 to delete`."""
    return ", ".join(f"{count} to {sort}" for sort, count in summary(done).items())


def doubts(done: Pass) -> Sequence[tuple[str, str]]:
    """What is hard to believe, by condition: so many deletions are more often a mistake than a wish."""
    refused = [(each.condition, each.message) for each in done.outcomes if each.reason == IMPLAUSIBLE]
    return [*refused, *((each.condition, each.implausible) for each in done.outcomes if each.implausible)]


def waits(outcome: Outcome) -> bool:
    """Whether it goes on by itself once something else has been written."""
    return outcome.reason == WAITING or (not outcome.true and not outcome.stalled and "waits for " in outcome.message)


def _open(done: Pass) -> list[Outcome]:
    """What is to be said of it beside its writes."""
    return [each for each in done.outcomes if not each.true and (each.held or each.reason != CHANGES_PENDING)]


# --- text


def text(name: str, done: Pass) -> Iterator[str]:
    """The writes in their order, each with what it changes; then what waits, and what stands in the way."""
    yield name
    for write in done.changes:
        yield from _write(write, "  ")
    for outcome in _open(done):
        sign = "·" if outcome.status == "Unknown" else "!"
        yield f"  {sign} {outcome.condition}: {outcome.reason}: {outcome.message}"
        for write in outcome.held:
            yield from _write(write, "      held back: ")
    yield from (f"  ?! {condition}: hard to believe: {says}" for condition, says in doubts(done))
    if done.changes:
        yield f"  {sums_up(done)}"
    elif done.done:
        yield f"  {NOTHING}"


def _write(write: Write, before: str) -> Iterator[str]:
    yield f"{before}{SIGNS[write.action]} {write.key}  ({write.condition})"
    below = " " * (len(before) - len(before.lstrip()) + 4)
    yield from (f"{below}{drift}" for drift in write.drifts)
    yield from (f"{below}{line}".rstrip() for line in write.diff)


# --- data


def data(name: str, done: Pass) -> dict[str, Any]:
    """As `docs/reference/plan.schema.json` describes it."""
    found = doubts(done)
    return {
        "binding": name,
        "ok": done.done,
        "summary": dict(summary(done)),
        "implausible": bool(found),
        "doubts": [{"part": condition, "says": says} for condition, says in found],
        "changes": [_change(write) for write in done.changes],
        "held": [_change(write) for outcome in done.outcomes for write in outcome.held],
        "conditions": [_condition(outcome) for outcome in done.outcomes],
    }


def _change(write: Write) -> dict[str, Any]:
    return {
        "part": write.condition,
        "key": write.key,
        "action": str(write.action),
        "phase": write.phase.name.lower(),
        "fields": [{"field": each.field, "before": each.seen, "after": each.wanted} for each in write.drifts],
        "diff": list(write.diff),
    }


def _condition(outcome: Outcome) -> dict[str, Any]:
    return {
        "type": outcome.condition,
        "status": outcome.status,
        "reason": outcome.reason,
        "message": outcome.message,
        "waits": waits(outcome),
    }


# --- Markdown


def markdown(plans: Mapping[str, Pass]) -> Iterator[str]:
    """A comment for a pull request: a heading for each binding that has something to it, the others in one line."""
    yield "## funcgate plan"
    for name, done in plans.items():
        if done.changes or _open(done):
            yield from ("", f"### {_code(name)}", "", f"**{sums_up(done)}**")
            yield from _warning(done)
            yield from _table(done.changes)
            for write in done.changes:
                yield from _details(write)
            yield from _list("Waits", [each for each in _open(done) if waits(each)])
            yield from _list("In the way", [each for each in _open(done) if not waits(each)])
    settled = [_code(name) for name, done in plans.items() if not done.changes and not _open(done)]
    if settled:
        yield from ("", f"{NOTHING.capitalize()}: {', '.join(settled)}")


def _warning(done: Pass) -> Iterator[str]:
    found = doubts(done)
    if found:
        yield from ("", "> [!WARNING]", *(f"> Hard to believe: {name} {_plain(says)}" for name, says in found))


def _table(writes: Sequence[Write]) -> Iterator[str]:
    if writes:
        yield from ("", "| | what | changes | for |", "| --- | --- | --- | --- |")
    for write in writes:
        fields = "<br>".join(f"{each.field}: {_code(each.seen)} → {_code(each.wanted)}" for each in write.drifts)
        yield f"| `{SIGNS[write.action]}` {write.action} | {_code(write.key)} | {fields} | {write.condition} |"


def _details(write: Write) -> Iterator[str]:
    if write.diff:
        fence = _fence("\n".join(write.diff), 3)
        yield from ("", f"<details><summary>{html.escape(write.key)}</summary>", "", f"{fence}diff", *write.diff)
        yield from (fence, "", "</details>")


def _list(title: str, outcomes: Sequence[Outcome]) -> Iterator[str]:
    if outcomes:
        yield from ("", f"**{title}**", "")
    for each in outcomes:
        yield f"- {each.condition}: {_plain(each.message)} (`{each.reason}`)"
        yield from (f"  - held back: {write.action} {_code(write.key)}" for write in each.held)


def _code(value: str) -> str:
    """A value between backticks, in one line, also within a table."""
    flat = " ".join(value.split()).replace("|", "\\|") or " "
    fence = _fence(flat, 1)
    pad = " " if len(fence) > 1 else ""
    return f"{fence}{pad}{flat}{pad}{fence}"


def _fence(inside: str, least: int) -> str:
    return "`" * max(least, *(len(run) + 1 for run in re.findall("`+", inside)), 0)


def _plain(sentence: str) -> str:
    """A sentence in which nothing is markup."""
    return re.sub(r"([\\`*_\[\]<>|#~])", r"\\\1", " ".join(sentence.split()))
