"""
What is left of ARM's request quotas: token buckets per subscription, principal and kind of call, and those on top.

    world.quotas.left("reads", subscription=…, principal=…)      # how many calls would still be answered
    world.quotas.spend("writes", 195, subscription=…, principal=…)      # as if somebody had made so many calls
    world.quotas.limit("Microsoft.ApiManagement", "reads", size=50, per_second=1)   # a provider throttles on its own
    world.switches.arm_throttle = True                           # empty buckets refuse; a provider's limit always does

Kinds are reads, writes and deletes. All service principals of a subscription together have fifteen times what one has.
Source: learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from multidict import istr

from azuresim.arm.routes import ArmError
from azuresim.wire import HttpCall

if TYPE_CHECKING:
    from azuresim.world import World

Kind = Literal["reads", "writes", "deletes"]
KINDS: dict[str, Kind] = {"GET": "reads", "HEAD": "reads", "DELETE": "deletes"}
BUCKETS: dict[str, tuple[float, float]] = {"reads": (250.0, 25.0), "writes": (200.0, 10.0), "deletes": (200.0, 10.0)}
"""Size, and refill per second."""
REMAINING = "x-ms-ratelimit-remaining"
OF_TENANT = {kind: istr(f"{REMAINING}-tenant-{kind}") for kind in BUCKETS}
OF_SUBSCRIPTION = {
    kind: (istr(f"{REMAINING}-subscription-{kind}"), istr(f"{REMAINING}-subscription-global-{kind}"))
    for kind in BUCKETS
}
ALL_PRINCIPALS = 15
TENANT = "tenant"


@dataclass(slots=True)
class Bucket:
    size: float
    per_second: float
    level: float
    at: float

    def refill(self, now: float) -> float:
        if now != self.at:
            self.level = min(self.size, self.level + (now - self.at) * self.per_second)
            self.at = now
        return self.level

    def spend_one(self) -> str:
        """One less, but never below nothing; the whole ones that are left."""
        self.level = self.level - 1 if self.level > 1 else 0.0
        return str(int(self.level))

    def seconds_until_one(self) -> int:
        """Whole seconds until a call would be answered, at least one."""
        missing = 1 - self.level
        return max(1, math.ceil(missing / self.per_second)) if self.per_second > 0 else 3600


@dataclass(frozen=True)
class Limit:
    """A provider's own bucket, shared by all callers of a subscription."""

    size: float
    per_second: float
    code: str


class Quotas:
    """All buckets of a world; they belong to its clock, and to one region."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._buckets: dict[tuple[str, ...], Bucket] = {}
        self._pairs: dict[tuple[Kind, str, str], tuple[Bucket, Bucket]] = {}
        self._limits: dict[tuple[str, str], Limit] = {}

    # --- for tests ----------------------------------------------------------------------------------------------------
    def left(self, kind: Kind, *, subscription: str = TENANT, principal: str) -> int:
        return int(self._bucket(kind, subscription, principal).refill(self._world.clock.timestamp()))

    def spend(self, kind: Kind, calls: int, *, subscription: str = TENANT, principal: str) -> None:
        bucket = self._bucket(kind, subscription, principal)
        bucket.level = max(0.0, bucket.refill(self._world.clock.timestamp()) - calls)

    def limit(
        self, namespace: str, kind: Kind, size: float, per_second: float, *, code: str = "TooManyRequests"
    ) -> None:
        """From now on this provider answers 429 on its own when more calls of this kind come."""
        self._limits[namespace.lower(), kind] = Limit(size, per_second, code)

    # --- for the pipeline ---------------------------------------------------------------------------------------------
    def take(self, call: HttpCall, subscription: str, principal: str) -> dict[str, str]:
        """One call less; what is left, as headers. ArmError 429 when nothing was."""
        kind: Kind = self._world.switches.arm_post_spends if call.method == "POST" else KINDS.get(call.method, "writes")
        now = self._world.clock.timestamp()
        own, shared = self._both(kind, subscription or TENANT, principal)
        for bucket in (own, shared):
            if bucket.refill(now) < 1 and self._world.switches.arm_throttle:
                raise throttled(kind, subscription, principal, bucket)
        left = own.spend_one()
        left_of_all = left if shared is own else shared.spend_one()
        name, name_of_all = OF_SUBSCRIPTION[kind]
        return {name: left, name_of_all: left_of_all} if subscription else {OF_TENANT[kind]: left}

    def take_of_provider(self, namespace: str, call: HttpCall, subscription: str) -> None:
        """One call less of what the provider itself allows; ArmError 429 when nothing was left."""
        kind = KINDS.get(call.method, "writes")
        limit = self._limits.get((namespace, kind)) if self._limits else None
        if limit is None:
            return
        key = (namespace, kind, subscription)
        fresh = Bucket(limit.size, limit.per_second, limit.size, self._world.clock.timestamp())
        bucket = self._buckets.setdefault(key, fresh)
        if bucket.refill(self._world.clock.timestamp()) < 1:
            headers = {"Retry-After": str(bucket.seconds_until_one())}
            text = "Too many requests were made to the resource provider. Please try again later."
            raise ArmError(429, limit.code, text, headers=headers)
        bucket.level -= 1

    def _both(self, kind: Kind, subscription: str, principal: str) -> tuple[Bucket, Bucket]:
        """The principal's own bucket, and the one of all principals."""
        found = self._pairs.get((kind, subscription, principal))
        if found is None:
            found = self._bucket(kind, subscription, principal), self._bucket(kind, subscription, "")
            self._pairs[kind, subscription, principal] = found
        return found

    def _bucket(self, kind: Kind, subscription: str, principal: str) -> Bucket:
        key = (subscription.lower(), principal, kind)
        bucket = self._buckets.get(key)
        if bucket is None:
            size, per_second = BUCKETS[kind]
            factor = 1 if principal else ALL_PRINCIPALS
            level = size * factor
            bucket = self._buckets[key] = Bucket(level, per_second * factor, level, self._world.clock.timestamp())
        return bucket


def throttled(kind: Kind, subscription: str, principal: str, bucket: Bucket) -> ArmError:
    seconds = bucket.seconds_until_one()
    where = f"for subscription '{subscription}' " if subscription else ""
    return ArmError(
        429,
        "SubscriptionRequestsThrottled" if subscription else "TenantRequestsThrottled",
        f"Number of {kind} {where}by '{principal}' is over the limit. Please try again after '{seconds}' seconds.",
        headers={"Retry-After": str(seconds)},
    )
