"""
The counters and gauges, all in one place; one instance per operator, with a registry of its own.

The `workqueue_*` names are those of client-go (kubernetes/component-base metrics/prometheus/workqueue), so that
existing dashboards and alerts work. Labels are bounded: none holds a name that a user chose.
"""

import math
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_PASS_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)
_QUEUE_SECONDS = (0.001, 0.01, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 900)
_CALL_SECONDS = (0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_READY_SECONDS = (1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600, 21600, 86400)
_NOTHING_SAID: Mapping[str, int] = MappingProxyType({})
THROTTLING = ("arm", "graph", "logs")
TOO_MANY = 429
BUDGETS = ("reads", "writes", "deletes")
LATELY_SECONDS = 300.0


class QueueMetrics:
    """What a work queue tells about itself, as client-go's queues do."""

    def __init__(self, registry: CollectorRegistry, name: str) -> None:
        def counter(metric: str, says: str) -> Counter:
            return Counter(f"workqueue_{metric}", says, ["name"], registry=registry).labels(name)

        def gauge(metric: str, says: str) -> Gauge:
            return Gauge(f"workqueue_{metric}", says, ["name"], registry=registry).labels(name)

        def histogram(metric: str, says: str, buckets: tuple[float, ...]) -> Histogram:
            return Histogram(f"workqueue_{metric}", says, ["name"], buckets=buckets, registry=registry).labels(name)

        self.adds = counter("adds", "Keys added")
        self.retries = counter("retries", "Keys added again with back-off")
        self.depth = gauge("depth", "Keys that are due and wait for a worker")
        self.unfinished = gauge("unfinished_work_seconds", "Seconds that all passes under way have taken so far")
        self.longest = gauge("longest_running_processor_seconds", "Seconds that the longest pass under way has taken")
        self.waited = histogram("queue_duration_seconds", "Seconds that a key was due before a pass", _QUEUE_SECONDS)
        self.worked = histogram("work_duration_seconds", "Seconds that a pass took", _PASS_SECONDS)

    def watch(self, unfinished: Callable[[], float], longest: Callable[[], float]) -> None:
        """The two gauges about passes under way ask these when they are read."""
        self.unfinished.set_function(unfinished)
        self.longest.set_function(longest)


class Lowest:
    """The lowest of the values that were seen lately; NaN when there was none."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._seen: deque[tuple[float, int]] = deque()  # a later one that is not lower than an earlier one, and so on

    def saw(self, value: int) -> None:
        """It was this just now."""
        while self._seen and self._seen[-1][1] >= value:
            self._seen.pop()
        self._seen.append((self._clock(), value))
        while self._seen[0][0] < self._clock() - LATELY_SECONDS:
            self._seen.popleft()

    def __call__(self) -> float:
        """Asked from another thread, so it takes nothing away."""
        since = self._clock() - LATELY_SECONDS
        return min((value for at, value in tuple(self._seen) if at >= since), default=math.nan)


class Metrics:
    """Everything that `/metrics` shows."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.registry = CollectorRegistry()
        self.queue = QueueMetrics(self.registry, "bindings")
        self.leader = self._gauge("funcgate_leader", "1 while this replica holds the lease")
        self.bindings = self._gauge("funcgate_bindings", "Bindings by the status of their Ready condition", "ready")
        self.holes = self._gauge(
            "funcgate_bindings_with_hole", "Bindings with a way in that should not be there", "reason"
        )
        self.drifting = self._gauge("funcgate_bindings_drifting", "Bindings with differences that stand uncorrected")
        self.ready_seconds = Histogram(
            "funcgate_ready_seconds",
            "Seconds from a new binding, or a new generation of one, until it was Ready",
            buckets=_READY_SECONDS,
            registry=self.registry,
        )
        self.passes = self._counter("funcgate_passes", "Passes by how they ended", "result")
        self.passes.labels("broken")
        self.changes = self._counter("funcgate_changes", "Writes to Azure that went through", "condition", "action")
        self.corrections = self._counter("funcgate_corrections", "Drift that was written back", "condition")
        self.drift = self._counter("funcgate_drift_detected", "Fields found to differ, corrected or not", "part")
        self.contested = self._counter("funcgate_contested", "Parts that somebody else kept changing back", "part")
        self.unconfirmed = self._gauge(
            "funcgate_part_unconfirmed_seconds",
            "Seconds since the part was last known to be true, of the binding where that is longest ago",
            "part",
        )
        self.kubernetes_writes = self._counter(
            "funcgate_kubernetes_writes", "Writes to the Kubernetes API", "what", "result"
        )
        self.events_dropped = self._counter("funcgate_events_dropped", "Events that were not posted", "why")
        self.azure_calls = self._counter(
            "funcgate_azure_requests", "Calls to Azure", "service", "method", "kind", "status"
        )
        self.throttled = self._counter("funcgate_azure_throttled", "Calls that Azure answered with 429", "service")
        for service in THROTTLING:
            self.throttled.labels(service)
        self.azure_seconds = Histogram(
            "funcgate_azure_request_duration_seconds",
            "Seconds until Azure answered",
            ["service", "method"],
            buckets=_CALL_SECONDS,
            registry=self.registry,
        )
        budget = self._gauge(
            "funcgate_azure_budget_remaining",
            "The fewest calls that Resource Manager said were left, within the last five minutes",
            "kind",
        )
        self._budgets = {kind: Lowest(clock) for kind in BUDGETS}
        for kind, lowest in self._budgets.items():
            budget.labels(kind).set_function(lowest)

    def watch_parts(self, parts: Mapping[str, Callable[[], float]]) -> None:
        """
        The gauge about how long ago parts were true asks these when it is read.

        What is counted by part begins at zero: `increase` does not see the first of a counter that begins with it.
        """
        for part, seconds in parts.items():
            self.unconfirmed.labels(part).set_function(seconds)
            self.drift.labels(part)
            self.contested.labels(part)

    def expect_writes(self, conditions: Sequence[str], actions: Sequence[str]) -> None:
        """What may be written is counted from zero on, for the same reason."""
        for condition in conditions:
            self.corrections.labels(condition)
            for action in actions:
                self.changes.labels(condition, action)

    def observe_call(
        self,
        service: str,
        method: str,
        resource_kind: str,
        status: int | str,
        seconds: float,
        left: Mapping[str, int] = _NOTHING_SAID,
    ) -> None:
        """One call to Azure is counted, and what it left of the budgets; the Azure clients are handed this."""
        for kind in BUDGETS:
            if kind in left:
                self._budgets[kind].saw(left[kind])
        self.azure_calls.labels(service, method, resource_kind, str(status)).inc()
        self.azure_seconds.labels(service, method).observe(seconds)
        if status == TOO_MANY and service in THROTTLING:
            self.throttled.labels(service).inc()

    def _counter(self, name: str, says: str, *labels: str) -> Counter:
        return Counter(name, says, labels, registry=self.registry)

    def _gauge(self, name: str, says: str, *labels: str) -> Gauge:
        return Gauge(name, says, labels, registry=self.registry)
