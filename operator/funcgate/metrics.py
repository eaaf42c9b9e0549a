"""
The counters and gauges, all in one place; one instance per operator, with a registry of its own.

The `workqueue_*` names are those of client-go (kubernetes/component-base metrics/prometheus/workqueue), so that
existing dashboards and alerts work. Labels are bounded: none holds a name that a user chose.
"""

from collections.abc import Callable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_PASS_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)
_QUEUE_SECONDS = (0.001, 0.01, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 900)
_CALL_SECONDS = (0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


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


class Metrics:
    """Everything that `/metrics` shows."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.queue = QueueMetrics(self.registry, "bindings")
        self.leader = self._gauge("funcgate_leader", "1 while this replica holds the lease")
        self.bindings = self._gauge("funcgate_bindings", "Bindings by the status of their Ready condition", "ready")
        self.passes = self._counter("funcgate_passes", "Passes by how they ended", "result")
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
        self.azure_seconds = Histogram(
            "funcgate_azure_request_duration_seconds",
            "Seconds until Azure answered",
            ["service", "method"],
            buckets=_CALL_SECONDS,
            registry=self.registry,
        )

    def watch_parts(self, parts: Mapping[str, Callable[[], float]]) -> None:
        """The gauge about how long ago parts were true asks these when it is read."""
        for part, seconds in parts.items():
            self.unconfirmed.labels(part).set_function(seconds)

    def observe_call(self, service: str, method: str, resource_kind: str, status: int | str, seconds: float) -> None:
        """One call to Azure is counted; the Azure clients are handed this."""
        self.azure_calls.labels(service, method, resource_kind, str(status)).inc()
        self.azure_seconds.labels(service, method).observe(seconds)

    def _counter(self, name: str, says: str, *labels: str) -> Counter:
        return Counter(name, says, labels, registry=self.registry)

    def _gauge(self, name: str, says: str, *labels: str) -> Gauge:
        return Gauge(name, says, labels, registry=self.registry)
