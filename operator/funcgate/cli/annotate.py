"""`funcgate pause|resume|reconcile|observe|manage NAME…`: annotations, and what the operator makes of them."""

import asyncio
import functools
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import click

from funcgate.cli.cluster import listed, not_there, reached, takes_cluster
from funcgate.cli.shell import ERROR, working
from funcgate.conditions import READY
from funcgate.controller.cache import Snapshot
from funcgate.controller.kube import Kube
from funcgate.controller.queue import Key
from funcgate.errors import SpecError
from funcgate.spec import GROUP, PAUSED, PLURAL, RECONCILE_POLICY, RECONCILE_REQUESTED_AT, VERSION

POLL_SECONDS = 0.5
Annotations = Mapping[str, str | None]


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """Which bindings, and how long to wait for the operator."""

    names: Sequence[str]
    namespace: str | None
    all_: bool
    everywhere: bool
    timeout_seconds: float | None  # none: not at all


@dataclass(frozen=True, kw_only=True)
class Deed:
    """Annotations to set, how that is called, and how to see in the object that the operator has heeded them."""

    sets: Annotations
    done: str
    already: str
    heeded: Callable[[Snapshot], bool]
    note: Callable[[Snapshot], str] = lambda snapshot: ""


def names_of_bindings(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """The names that begin so, for Tab; none when the cluster does not tell within two seconds."""

    async def found() -> list[str]:
        async with reached(timeout_seconds=2.0) as (kube, way):
            return [key.name for key in await listed(kube, context.params.get("namespace") or way.namespace)]

    try:
        return sorted(name for name in asyncio.run(found()) if name.startswith(incomplete))
    except Exception:  # behind Tab there is no place for a sentence; the command itself says it
        return []


def takes_names(command: Callable[..., Any]) -> Callable[..., Any]:
    """The command has `NAME… [-n NAMESPACE]`, `--all`, `-A`, `--wait` and `--timeout`; it is given `chosen`."""
    parameters = (
        click.argument("names", nargs=-1, metavar="[NAME]...", shell_complete=names_of_bindings),
        click.option("-n", "--namespace", help="Where they are; the context's namespace if left out."),
        click.option("--all", "all_", is_flag=True, help="All bindings of the namespace."),
        click.option("-A", "--all-namespaces", "everywhere", is_flag=True, help="All bindings of the cluster."),
        click.option("--wait", is_flag=True, help="Wait until the operator has heeded it."),
        click.option(
            "--timeout",
            type=click.FloatRange(min=0, min_open=True),
            default=60,
            show_default=True,
            metavar="SECONDS",
            help="How long to wait.",
        ),
        takes_cluster,
    )

    @functools.wraps(command)
    def called(names: Sequence[str], all_: bool, everywhere: bool, wait: bool, timeout: float, **others: Any) -> Any:
        if [bool(names), all_, everywhere].count(True) != 1:
            raise click.UsageError("say which bindings: their names, --all of a namespace, or -A for the whole cluster")
        seconds = timeout if wait else None
        return command(chosen=Chosen(names=names, all_=all_, everywhere=everywhere, timeout_seconds=seconds, **others))

    return functools.reduce(lambda inner, parameter: parameter(inner), reversed(parameters), called)


@click.command()
@takes_names
def pause(chosen: Chosen) -> None:
    """
    Let the operator leave bindings as they are: nothing is looked at or changed.

    A deletion waits, too. `resume` ends it.
    """
    _do(chosen, Deed(sets={PAUSED: "true"}, done="paused", already="is paused already", heeded=_is_paused))


@click.command()
@takes_names
def resume(chosen: Chosen) -> None:
    """Let the operator act again on bindings that are paused."""
    _do(
        chosen,
        Deed(sets={PAUSED: None}, done="resumed", already="is not paused", heeded=lambda each: not _is_paused(each)),
    )


@click.command()
@takes_names
def reconcile(chosen: Chosen) -> None:
    """
    Let the operator look at bindings now, not at their next interval.

    With --wait, ends when it has, and says how they stand.
    """
    now = datetime.now(UTC).isoformat()
    asked = {RECONCILE_REQUESTED_AT: now}
    _do(
        chosen,
        Deed(
            sets=asked,
            done="will be looked at",
            already="was asked for already",
            heeded=lambda each: each.status.get("lastHandledReconcileAt") == now,
            note=lambda each: "it is paused, so only after: funcgate resume" if each.paused else "",
        ),
    )


@click.command()
@takes_names
def observe(chosen: Chosen) -> None:
    """
    Let the operator look at bindings and report, but write nothing to Azure.

    A deletion leaves all as it is. `manage` ends it.
    """
    _do(chosen, _policy("observe", "only observed"))


@click.command()
@takes_names
def manage(chosen: Chosen) -> None:
    """Let the operator write to Azure again for bindings that are only observed."""
    _do(chosen, _policy(None, "managed"))


def _policy(value: str | None, done: str) -> Deed:
    """The operator answers a request that is made along with it."""
    now = datetime.now(UTC).isoformat()
    return Deed(
        sets={RECONCILE_POLICY: value, RECONCILE_REQUESTED_AT: now},
        done=done,
        already=f"is {done} already",
        heeded=lambda each: each.status.get("lastHandledReconcileAt") == now,
    )


def _is_paused(snapshot: Snapshot) -> bool:
    return _ready(snapshot).get("reason") == "Paused"


def _ready(snapshot: Snapshot) -> Mapping[str, str]:
    conditions = snapshot.status.get("conditions") or ()
    return next((each for each in conditions if each["type"] == READY), {})


def _do(chosen: Chosen, deed: Deed) -> None:
    if not asyncio.run(_done(chosen, deed)):
        raise SystemExit(ERROR)


async def _done(chosen: Chosen, deed: Deed) -> bool:
    """Whether all is as it was asked for."""
    async with reached() as (kube, way):
        namespace = chosen.namespace or way.namespace
        known = await listed(kube, None if chosen.everywhere else namespace)
        keys = sorted(known) if chosen.all_ or chosen.everywhere else [Key(namespace, name) for name in chosen.names]
        if missing := [each for each in keys if each not in known]:
            raise SpecError(missing[0].name, not_there(missing[0]))
        if not keys:
            raise SpecError("the cluster" if chosen.everywhere else f"namespace {namespace}", "has no bindings")
        for key in keys:
            await _annotate(kube, known[key], deed)
        if chosen.timeout_seconds is None:
            return True
        with working("Waiting for the operator") as progress:
            return await _heeded(kube, keys, deed, chosen.timeout_seconds, progress.say)


async def _annotate(kube: Kube, snapshot: Snapshot, deed: Deed) -> None:
    """The annotations are set, unless they are so already."""
    name = f"{snapshot.key.namespace}/{snapshot.key.name}"
    steering = {each: value for each, value in deed.sets.items() if each != RECONCILE_REQUESTED_AT}
    if steering and all(snapshot.annotations.get(each) == value for each, value in steering.items()):
        click.echo(f"{name} {deed.already}")
        if len(steering) == len(deed.sets):
            return
    elif note := deed.note(snapshot):
        click.echo(f"{name} {deed.done}; {note}")
    else:
        click.echo(f"{name} {deed.done}")
    await kube.merge(_path(snapshot.key), {"metadata": {"annotations": dict(deed.sets)}})


async def _heeded(
    kube: Kube, keys: Sequence[Key], deed: Deed, timeout_seconds: float, say: Callable[[str], None]
) -> bool:
    """Whether the operator has acted on all of them in time; each is said as it comes."""
    ends, waiting = time.monotonic() + timeout_seconds, list(keys)
    while True:
        for key in list(waiting):
            snapshot = Snapshot.read(await kube.get(_path(key)))
            if deed.heeded(snapshot):
                waiting.remove(key)
                click.echo(f"{key.namespace}/{key.name} {_standing(snapshot)}")
        if not waiting:
            return True
        if time.monotonic() > ends:
            break
        say(f"Waiting for the operator: {len(keys) - len(waiting)} of {len(keys)}")
        await asyncio.sleep(POLL_SECONDS)
    for key in waiting:
        click.echo(
            f"{key.namespace}/{key.name} was not heeded within {timeout_seconds:g} s: is the operator running, and is "
            "the binding not paused? kubectl -n funcgate-system get pods shows the one, kubectl describe the other",
            err=True,
        )
    return False


def _standing(snapshot: Snapshot) -> str:
    ready = _ready(snapshot)
    return f"Ready {ready.get('status', 'Unknown')} {ready.get('reason', '')}: {ready.get('message', '')}"


def _path(key: Key) -> str:
    return f"/apis/{GROUP}/{VERSION}/namespaces/{key.namespace}/{PLURAL}/{key.name}"
