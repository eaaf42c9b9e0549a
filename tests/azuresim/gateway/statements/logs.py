"""
Statements that tell somebody: trace, log-to-eventhub, emit-metric.

Sources: learn.microsoft.com/azure/api-management/trace-policy, log-to-eventhub-policy, emit-metric-policy.
"""

from __future__ import annotations

from collections.abc import Mapping

from azuresim.gateway.failures import Broken
from azuresim.gateway.pipeline import Handler, Run, Step
from azuresim.gateway.state import Event

MOST_EVENT_BYTES = 200 * 1024


def trace(run: Run, step: Step) -> None:
    """A line in the trace of the call; evaluated even when nobody traces it."""
    exchange, statement = run.exchange, step.element
    source = exchange.attribute(statement, "source")
    texts = [exchange.text(part.text) for part in statement.named("message")] or [exchange.text(statement.text)]
    metadata = {
        exchange.attribute(part, "name"): exchange.attribute(part, "value") for part in statement.named("metadata")
    }
    if exchange.tracer is not None:
        severity = exchange.attribute(statement, "severity", "verbose")
        exchange.tracer.add(source, {"message": "".join(texts), "severity": severity, "metadata": metadata})


def log_to_eventhub(run: Run, step: Step) -> None:
    """The text is in `world.gateway.events`; messages above 200 KB are cut off."""
    exchange, statement = run.exchange, step.element
    name = exchange.attribute(statement, "logger-id")
    if exchange.world.arm.get(f"{exchange.service.id}/loggers/{name}") is None:
        raise Broken(f"log-to-eventhub: Logger with id '{name}' could not be found.")
    body = exchange.text(statement.text).encode()[:MOST_EVENT_BYTES].decode(errors="ignore")
    event = Event(
        logger=name,
        body=body,
        partition_key=exchange.attribute(statement, "partition-key") or None,
        partition_id=exchange.attribute(statement, "partition-id") or None,
    )
    exchange.world.gateway.events.append(event)


def emit_metric(run: Run, step: Step) -> None:
    """Its expressions run; the metric goes nowhere, as without Application Insights."""
    exchange, statement = run.exchange, step.element
    for part in (statement, *statement.named("dimension")):
        for name in part.attributes:
            exchange.attribute(part, name)


HANDLERS: Mapping[str, Handler] = {
    "emit-metric": emit_metric,
    "log-to-eventhub": log_to_eventhub,
    "trace": trace,
}
