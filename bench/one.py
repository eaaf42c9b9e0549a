"""One binding: from nothing to Ready against its longest chain of dependent calls, and what a settled pass costs."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

from azuresim.web import site_of
from azuresim.world import Call
from bench.figures import Figure
from integration.azure_stage import SYSTEM, Stage, longest_chain, on_stage

LATENCY = 0.1  # what Resource Manager takes at its best
MOST_CHAINS = 1.25
MOST_READS = 8
POLLS = ("operationsstatuses", "operationresults")
API = {"path": "shop/v2"}
MADE = {"registration": {"type": "Managed"}}


def measure() -> list[Figure]:
    """From nothing to Ready: for an app that was imported by hand, and for one that nobody published."""
    return [asyncio.run(_chain(name, whole=whole)) for name, whole in (("adopted", False), ("from nothing", True))]


def at_rest() -> list[Figure]:
    """A settled binding, looked at once more."""
    return asyncio.run(_at_rest())


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
            await stage.settled(binding)
            arm = Counter(call.method for call in stage.calls() if call.service == "arm")
            details: dict[str, Any] = {f"{method} {kind}": count for (method, kind), count in stage.ledger().items()}
            reads, writes = arm["GET"] + arm["HEAD"], len(stage.writes())
            figures += [
                Figure(name=f"{name}: writes", value=writes, most=0),
                Figure(name=f"{name}: reads of ARM", value=reads, most=MOST_READS, details=details),
            ]
    return figures


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
