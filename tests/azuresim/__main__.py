"""
`python -m azuresim`: the simulator alone, on the machine's clock, until Ctrl-C or SIGTERM.

Prints one JSON line on standard output when it serves: `url`, `endpoints`, `ca_file`, `tenant_id`, `client` (id and
secret of an application that may do everything), `ids` (what the scenario made, by name), `token_files` (a signed
assertion for each federated credential of a static issuer). How to point az, Terraform or an SDK at it goes to standard
error.

With `--state FILE` the world is read from that file when it exists, and written to it at the end.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import json
import secrets
import signal
import sys
import tempfile
from collections import deque
from pathlib import Path
from typing import Any

from azuresim import scenarios, snapshot
from azuresim.faults import TROUBLES
from azuresim.pointers import pointers
from azuresim.server import Simulator
from azuresim.switches import parsed
from azuresim.world import Clock, World

LIFE_SECONDS = 30 * 24 * 3600
KEPT_CALLS = 10_000
CLIENT = "c11e0000-0000-4000-8000-000000000001"
GRAPH_RIGHTS = {"Application.ReadWrite.All", "AppRoleAssignment.ReadWrite.All", "Directory.Read.All"}


def arguments(given: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m azuresim", description="A simulated Azure on 127.0.0.1.")
    parser.add_argument("--port", type=int, default=0, help="0 (default): a free one")
    parser.add_argument("--scenario", default="empty", help="a function of azuresim.scenarios, or empty (default)")
    parser.add_argument("--dir", type=Path, help="where CA and token files go (default: a temporary directory)")
    parser.add_argument("--state", type=Path, metavar="FILE", help="the world is read from it, and written to it")
    parser.add_argument("--latency", type=float, default=0.0, metavar="SECONDS", help="for each call")
    parser.add_argument("--throttle", action="store_true", help="enforce ARM's token buckets")
    parser.add_argument(
        "--faults",
        action="append",
        default=[],
        metavar="WORDS",
        help="'rate=0.05 seed=7' for random trouble, 'method=PUT path=*/policies/policy nth=3 status=412' for a "
        f"certain one; may be repeated. Kinds of random trouble: {', '.join(TROUBLES)}",
    )
    parser.add_argument(
        "--switch", action="append", default=[], metavar="NAME=VALUE", help="a switch of azuresim.switches; repeatable"
    )
    return parser.parse_args(given)


# --- the world --------------------------------------------------------------------------------------------------------
def built(options: argparse.Namespace) -> tuple[World, dict[str, Any]]:
    """The world as asked for, and the plain fields of its scenario by name. ValueError names a wrong option."""
    if options.state is not None and options.state.exists():
        world, ids = snapshot.load(json.loads(options.state.read_text()), clock=Clock(real=True)), {}
    else:
        world = World(clock=Clock(real=True))
        ids = made(world, options.scenario)
    world.log = deque(maxlen=KEPT_CALLS)
    world.journal.keep(KEPT_CALLS)
    world.latency = options.latency
    world.switches.arm_throttle = world.switches.arm_throttle or options.throttle
    for words in options.switch:
        name, _, value = words.partition("=")
        setattr(world.switches, name, parsed(name, value))
    for words in options.faults:
        add_faults(world, words)
    return world, ids


def made(world: World, scenario: str) -> dict[str, Any]:
    """The scenario stands in the world; its plain fields by name."""
    if scenario == "empty":
        return {}
    build = getattr(scenarios, scenario, None)
    if build is None:
        raise ValueError(f"--scenario: there is none called {scenario!r}")
    return plain(build(world))


def plain(scenario: Any) -> dict[str, Any]:
    fields = {field.name: getattr(scenario, field.name) for field in dataclasses.fields(scenario)}
    return {name: value for name, value in fields.items() if isinstance(value, str | int | list | tuple)}


NUMBERS = {"status": int, "times": int, "skip": int, "nth": int, "seed": int, "rate": float, "slow": float}
FLAGS = ("after", "reset", "truncated", "hang")


def add_faults(world: World, words: str) -> None:
    """Trouble from the command line: words of the form `name=value`. ValueError when a word cannot be read."""
    what: dict[str, Any] = {}
    for word in words.split():
        name, _, value = word.partition("=")
        if name in NUMBERS:
            what[name] = NUMBERS[name](value)
        elif name in FLAGS:
            what[name] = value.lower() in ("", "true", "yes", "1")
        elif name in ("method", "path", "host", "service", "body"):
            what[name] = value
        elif name == "kinds":
            what[name] = value.split(",")
        else:
            raise ValueError(f"--faults: {word!r} is none of its words")
    if "rate" in what:
        world.faults.at_random(what.pop("seed", 0), **what)
    else:
        world.faults.add(**what)


def client(world: World) -> dict[str, str]:
    """An application that may do everything, with a secret that is new each time."""
    if world.entra.application(CLIENT) is None:
        world.entra.add_application("azuresim-client", client_id=CLIENT)
    secret = secrets.token_urlsafe(24)
    world.entra.add_secret(CLIENT, secret)
    world.entra.graph_permissions[CLIENT] = set(GRAPH_RIGHTS)
    return {"id": CLIENT, "secret": secret}


def first_subscription(world: World) -> str:
    """The id of a subscription; one is made when the world has none."""
    found = world.arm.members("/subscriptions") or [world.arm.add_subscription(scenarios.SUBSCRIPTION)]
    return found[0].name


# --- serving ----------------------------------------------------------------------------------------------------------
async def serve(options: argparse.Namespace, folder: Path) -> None:
    world, ids = built(options)
    async with Simulator(world, port=options.port, check_contracts=False) as azure:
        ca_file = folder / "ca.pem"
        ca_file.write_bytes(azure.ca_file.read_bytes())
        said = {
            "url": azure.url,
            "endpoints": {"arm": azure.url, "graph": azure.url, "authority": azure.url},
            "ca_file": str(ca_file),
            "tenant_id": world.tenant_id,
            "subscription_id": first_subscription(world),
            "client": client(world),
            "ids": ids,
            "token_files": world.entra.write_assertions(folder, seconds=LIFE_SECONDS),
        }
        print(pointers(said), file=sys.stderr, flush=True)
        print(json.dumps(said), flush=True)
        await until_told()
    if options.state is not None:
        write_state(world, options.state)
    report(world)


def write_state(world: World, file: Path) -> None:
    """All or nothing: the old file stays until the new one is whole. Only its owner may read it: it holds secrets."""
    part = file.with_name(f".{file.name}.part")
    part.touch(mode=0o600)
    part.write_text(json.dumps(snapshot.save(world), indent=1))
    part.replace(file)


def report(world: World) -> None:
    """What was asked for in vain, to standard error."""
    for what, times in world.missing.most_common():
        print(f"not simulated, asked for {times} times: {what}", file=sys.stderr)


async def until_told() -> None:
    told = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    await told.wait()


def main() -> None:
    options = arguments()
    try:
        if options.dir is not None:
            options.dir.mkdir(parents=True, exist_ok=True)
            asyncio.run(serve(options, options.dir))
            return
        with tempfile.TemporaryDirectory(prefix="azuresim-") as folder:
            asyncio.run(serve(options, Path(folder)))
    except (ValueError, AttributeError, KeyError) as wrong:
        sys.exit(f"azuresim: {wrong}")


if __name__ == "__main__":
    main()
