"""
One binding: from nothing to Ready against its longest chain of dependent calls. What a settled pass costs, alone and
among a hundred on one service.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from azuresim.scenarios import deployed
from azuresim.web import site_of
from azuresim.world import Call
from bench.figures import Figure
from funcgate.azure.function_app import KEYS_SECONDS
from integration.azure_stage import SYSTEM, Stage, longest_chain, on_stage

LATENCY = 0.1  # what Resource Manager takes at its best
MOST_CHAINS = 1.25
MOST_READS = 8
MANY = 100
LOOKS = 12
INTERVAL = 600.0  # seconds between two looks, unless the manifest says something else
POLLS = ("operationsstatuses", "operationresults")
API = {"path": "shop/v2"}
MADE = {"registration": {"type": "Managed"}}


def measure() -> list[Figure]:
    """From nothing to Ready: for an app that was imported by hand, and for one that nobody published."""
    return [asyncio.run(_chain(name, whole=whole)) for name, whole in (("adopted", False), ("from nothing", True))]


def at_rest() -> list[Figure]:
    """Settled bindings, looked at once more as the operator does it."""
    return [*asyncio.run(_at_rest()), *asyncio.run(_many_at_rest())]


async def _chain(name: str, *, whole: bool) -> Figure:
    async with on_stage(latency=LATENCY, check_contracts=False) as stage:
        binding = _binding(stage, whole=whole)
        await stage.reconcile(binding, dry_run=True)  # an operator that runs has its connections and its token
        started = time.monotonic()
        done = await stage.reconcile(binding)
        seconds = time.monotonic() - started
        assert done.done, done
        calls = list(stage.world.log)
        chain = longest_chain(calls)
        pauses = sum(_asked_for(poll, calls) for poll in chain if any(each in poll.path.lower() for each in POLLS))
        least = pauses + sum(call.seconds for call in chain)
        details = {"seconds": seconds, "chain": least, "calls": len(calls), "in_chain": len(chain)}
        ratio = seconds / least
        return Figure(name=f"{name}: time to Ready", value=ratio, unit="chains", most=MOST_CHAINS, details=details)


def _asked_for(poll: Call, calls: Sequence[Call]) -> float:
    """The pause before a look at an operation, since the last answer that came before it: Azure asked for it."""
    return min(poll.began - (each.began + each.seconds) for each in calls if each.began + each.seconds <= poll.began)


async def _at_rest() -> list[Figure]:
    figures = []
    for name, whole in (("adopted", False), ("published", True)):
        async with on_stage(check_contracts=False) as stage:
            binding = _binding(stage, whole=whole)
            await stage.settled(binding)
            stage.later(INTERVAL)
            await stage.glance(binding)
            arm = Counter(call.method for call in stage.calls() if call.service == "arm")
            details: dict[str, Any] = {f"{method} {kind}": count for (method, kind), count in stage.ledger().items()}
            reads, writes = arm["GET"] + arm["HEAD"], len(stage.writes())
            figures += [
                Figure(name=f"{name}: writes", value=writes, most=0),
                Figure(name=f"{name}: reads of ARM", value=reads, most=MOST_READS, details=details),
            ]
    return figures


async def _many_at_rest() -> list[Figure]:
    """A hundred apps published on one service, each looked at every ten minutes, through two hours."""
    async with on_stage(check_contracts=False) as stage:
        bindings = [_published(stage, f"app{number}") for number in range(MANY)]
        made = await asyncio.gather(*(stage.engine.reconcile(each) for each in bindings))
        assert all(each.done for each in made), made
        stage.world.log.clear()
        stage.counted.clear()
        for binding in bindings * LOOKS:
            stage.later(INTERVAL / MANY)
            assert (await stage.engine.glance(binding)).done
        arm = Counter(call.method for call in stage.calls() if call.service == "arm")
        details: dict[str, Any] = {
            f"{method} {kind}": count / MANY / LOOKS for (method, kind), count in sorted(stage.ledger().items())
        }
        looks = MANY * LOOKS
        return [
            Figure(name=f"{MANY} on one service: writes", value=len(stage.writes()), most=0),
            Figure(
                name=f"{MANY} on one service: GETs of ARM a look", value=arm["GET"] / looks, most=4, details=details
            ),
            Figure(name=f"{MANY} on one service: HEADs of ARM a look", value=arm["HEAD"] / looks, most=2),
            Figure(
                name=f"{MANY} on one service: POST lists a look",
                value=arm["POST"] / looks,
                most=INTERVAL / MANY / KEYS_SECONDS,
            ),
        ]


def _published(stage: Stage, name: str) -> Any:
    app = deployed(stage.world, name)
    binding = stage.binding(functionApp={"id": app.site_id}, entra=MADE, api={"path": name})
    return replace(binding, name=name, owner=f"prod/shop/{name}")


def _binding(stage: Stage, *, whole: bool) -> Any:
    if not whole:
        stage.give_identity(SYSTEM)
        return stage.binding()
    for operation in stage.team.operation_ids:
        stage.world.arm.delete(f"{operation}/policies/policy")
    for left in (stage.team.api_id, stage.team.backend_id, stage.team.named_value_id):
        stage.world.arm.delete(left)
    site_of(stage.world, stage.team.site_id).keys.functions.clear()
    return stage.binding(api=API, entra=MADE)
