"""
What a call costs, in resource units, and who has spent too many of them.

    world.switches.graph_throttle = True                          # empty buckets refuse
    throttling.spend(world, client_id, "units", 3500)             # as if somebody had asked that much

Each client has the buckets of a small tenant: 3,500 units in ten seconds, 3,000 writes in two and a half minutes.
Source: learn.microsoft.com/graph/throttling-limits, "Identity and access service limits"; the body of a refusal:
learn.microsoft.com/graph/throttling.
"""

from __future__ import annotations

import math
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from azuresim.arm.quotas import Bucket
from azuresim.graph.request import GraphError
from azuresim.wire import HttpCall

if TYPE_CHECKING:
    from azuresim.world import World

Kind = Literal["units", "writes"]
LIMITS: dict[Kind, tuple[float, float]] = {"units": (3500.0, 350.0), "writes": (3000.0, 20.0)}
"""Size, and refill per second."""
REASONS: dict[Kind, tuple[str, str]] = {
    "units": ("Tenant_Application/ReadWrite", "ResourceUnitLimitExceeded"),
    "writes": ("Tenant_Application/Write", "WriteLimitExceeded"),
}
WARNING = 0.8
COSTLY = re.compile(r"/v1\.0/(?:applications|servicePrincipals/[^/]+/appRoleAssignments)/?", re.IGNORECASE)
CHEAP_PAGE = 20


def units(call: HttpCall) -> int:
    """At least one; $select and small pages make a call cheaper, $expand makes it dearer."""
    cost = base_cost(call.method, call.path)
    if not call.query:
        return cost
    cost -= call.argument("$select") is not None
    cost += call.argument("$expand") is not None
    top = call.argument("$top") or str(CHEAP_PAGE)
    cost -= top.isdecimal() and int(top[:9]) < CHEAP_PAGE
    return max(1, cost)


@lru_cache(maxsize=4096)
def base_cost(method: str, path: str) -> int:
    return 2 if method == "GET" and COSTLY.fullmatch(path) else 1


def spend(world: World, client_id: str, kind: Kind, amount: float) -> None:
    bucket_of(world, client_id, kind).level -= amount


def take(world: World, call: HttpCall, client_id: str) -> dict[str, str]:
    """What the call costs is spent; headers for who comes near a limit. GraphError 429 for who has nothing left."""
    if not world.switches.graph_throttle:
        return {}
    costs: dict[Kind, int] = {"units": units(call)}
    if call.method not in ("GET", "HEAD"):
        costs["writes"] = 1
    for kind, cost in costs.items():
        bucket = bucket_of(world, client_id, kind)
        if bucket.level < cost:
            raise throttled(world, client_id, kind, math.ceil((cost - bucket.level) / bucket.per_second))
    for kind, cost in costs.items():
        spend(world, client_id, kind, cost)
    used = max(1 - bucket_of(world, client_id, kind).level / LIMITS[kind][0] for kind in costs)
    return {"x-ms-throttle-limit-percentage": f"{used:.2f}"} if used > WARNING else {}


def bucket_of(world: World, client_id: str, kind: Kind) -> Bucket:
    size, per_second = LIMITS[kind]
    now = world.clock.timestamp()
    bucket = world.entra.graph_quotas.setdefault((client_id, kind), Bucket(size, per_second, size, now))
    bucket.refill(now)
    return bucket


def throttled(world: World, client_id: str, kind: Kind, seconds: int) -> GraphError:
    scope, reason = REASONS[kind]
    headers = {
        "Retry-After": str(max(1, seconds)),
        "x-ms-throttle-scope": f"{scope}/{client_id}/{world.tenant_id}",
        "x-ms-throttle-information": reason,
    }
    return GraphError(429, "TooManyRequests", "Please retry again later.", headers=headers)
