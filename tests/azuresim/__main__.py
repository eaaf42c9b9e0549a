"""
`python -m azuresim [--port 0] [--scenario NAME] [--dir DIR]`: the simulator alone, on the machine's clock.

Prints one JSON line when it serves: `url`, `endpoints`, `ca_file`, `tenant_id`, `ids` (what the scenario made, by
name), `token_files` (a signed assertion for each federated credential of a static issuer). Runs until Ctrl-C or
SIGTERM.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import json
import signal
import tempfile
from pathlib import Path
from typing import Any

from azuresim import scenarios
from azuresim.server import Simulator
from azuresim.world import Clock, World

LIFE_SECONDS = 30 * 24 * 3600


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m azuresim", description="A simulated Azure on 127.0.0.1.")
    parser.add_argument("--port", type=int, default=0, help="0 (default): a free one")
    parser.add_argument("--scenario", default="empty", help="a function of azuresim.scenarios, or empty (default)")
    parser.add_argument("--dir", type=Path, help="where CA and token files go (default: a temporary directory)")
    return parser.parse_args()


def build(world: World, scenario: str) -> dict[str, Any]:
    """The scenario stands in the world; its plain fields by name."""
    if scenario == "empty":
        return {}
    made = getattr(scenarios, scenario)(world)
    fields = {field.name: getattr(made, field.name) for field in dataclasses.fields(made)}
    return {name: value for name, value in fields.items() if isinstance(value, str | int | list | tuple)}


def endpoints(url: str) -> dict[str, str]:
    return {"arm": url, "graph": url, "authority": url}


async def serve(options: argparse.Namespace, folder: Path) -> None:
    world = World(clock=Clock(real=True))
    ids = build(world, options.scenario)
    async with Simulator(world, port=options.port, check_contracts=False) as azure:
        ca_file = folder / "ca.pem"
        ca_file.write_bytes(azure.ca_file.read_bytes())
        said = {
            "url": azure.url,
            "endpoints": endpoints(azure.url),
            "ca_file": str(ca_file),
            "tenant_id": world.tenant_id,
            "ids": ids,
            "token_files": world.entra.write_assertions(folder, seconds=LIFE_SECONDS),
        }
        print(json.dumps(said), flush=True)
        await until_told()


async def until_told() -> None:
    told = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    await told.wait()


def main() -> None:
    options = arguments()
    if options.dir is not None:
        options.dir.mkdir(parents=True, exist_ok=True)
        asyncio.run(serve(options, options.dir))
        return
    with tempfile.TemporaryDirectory(prefix="azuresim-") as folder:
        asyncio.run(serve(options, Path(folder)))


if __name__ == "__main__":
    main()
