"""
Steps and calls as OpenTelemetry's spans: one trace per pass, sent by OTLP over HTTP.

Loaded only where traces are asked for. The SDK reads its own variables, `OTEL_…`; whatever is wrong with them, or with
the collector, costs traces and never a pass. No span holds a query, a header, a body or the text of an error.

Names and attributes of calls: opentelemetry.io/docs/specs/semconv/http/http-spans.
"""

import logging
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import requests
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, get_current_span

from funcgate import __version__
from funcgate.steps import Called, Step, following

logger = logging.getLogger(__name__)

FLUSH_SECONDS = 5.0  # for what is still to be sent when the operator stops; its Lease is given back by then
WORDY = ("opentelemetry.exporter", "opentelemetry.sdk._shared_internal", "opentelemetry.util.re")
"""Whoever logs each failure again; the last one shows headers that it cannot read."""
PORTS = {"https": 443, "http": 80}


@contextmanager
def exported(instance: str) -> Iterator[None]:
    """Whatever is done during the `with` is traced; afterwards there are a few seconds to send the rest."""
    for name in WORDY:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    provider = _provider(instance)
    token = following.set(Spans(provider)) if provider else None
    try:
        yield
    finally:
        if provider and token:
            following.reset(token)
            _shut(provider)


def _provider(instance: str) -> TracerProvider | None:
    """It is nobody's but ours: what libraries would trace through the global one shows addresses with their queries."""
    try:
        provider = TracerProvider(resource=_resource(instance), shutdown_on_exit=False)
        provider.add_span_processor(BatchSpanProcessor(Exporter()))
    except Exception as error:  # its text may hold what a variable holds
        kind = type(error).__name__
        logger.warning("traces not sent", extra={"detail": f"OpenTelemetry does not take its variables ({kind})"})
        return None
    return provider


def _resource(instance: str) -> Resource:
    """Who it is that sends them, unless OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES say something else."""
    ours = {"service.name": "funcgate", "service.version": __version__, "service.instance.id": instance}
    return Resource.create(ours).merge(OTELResourceDetector().detect())


def _shut(provider: TracerProvider) -> None:
    """A collector that does not answer keeps nobody from stopping."""
    last = Thread(target=provider.shutdown, daemon=True)
    last.start()
    last.join(FLUSH_SECONDS)


class Exporter(SpanExporter):
    """Sends spans, and says once that it cannot, and once that it can again."""

    def __init__(self) -> None:
        session = requests.Session()
        session.hooks["response"].append(self._answered)
        self._otlp = OTLPSpanExporter(session=session)
        self._failing = False
        self._answer = ""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """In a thread of the SDK's; it tries for as long as OTEL_EXPORTER_OTLP_TIMEOUT says."""
        self._answer = ""
        result = self._otlp.export(spans)
        failing = result is not SpanExportResult.SUCCESS
        if failing and not self._failing:
            said = self._answer or "is not reached, or is not trusted"
            logger.warning("traces not sent", extra={"detail": f"the collector at {_where()} {said}"})
        elif self._failing and not failing:
            logger.info("traces sent again")
        self._failing = failing
        return result

    def shutdown(self) -> None:
        """Nothing is sent any more."""
        self._otlp.shutdown()  # type: ignore[no-untyped-call]  # as the SDK has it

    def _answered(self, answer: Any, **_: Any) -> None:
        self._answer = f"answers {answer.status_code}"


def _where() -> str:
    """Host and port of the collector, without what may be secret: names, passwords, paths."""
    stated = (os.environ.get(name) for name in ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"))
    return (
        urlsplit(next(filter(None, stated), "http://localhost:4318")).netloc.rpartition("@")[2]
        or "an address without http://"
    )


class Spans:
    """Follows steps and calls."""

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("funcgate", __version__)

    def flush(self) -> None:
        """What is over is sent now; waits for it."""
        self._provider.force_flush()

    @contextmanager
    def during(self, step: Step) -> Iterator[None]:
        """A span as long as the step. What the SDK would note of an error is its text; its reason is enough."""
        begun = self._tracer.start_as_current_span(step.name, record_exception=False, set_status_on_exception=False)
        with begun as span:
            try:
                yield
            finally:
                span.set_attributes(_ours(**step.about))
                if step.wrote:
                    span.set_attribute("funcgate.correlation_id", step.wrote[-1])
                _may_fail(span, step.failed)

    def called(self, call: Called) -> None:
        """A span in the one that is under way, of a call that has ended just now."""
        ended = time.time_ns()
        span = self._tracer.start_span(
            f"{call.method} {call.kind}",
            kind=SpanKind.CLIENT,
            attributes=_of(call),
            start_time=ended - int(call.seconds * 1e9),
        )
        _may_fail(span, call.failed)
        span.end(ended)

    def here(self) -> Mapping[str, str]:
        """The ids of the span that is under way, when it is sent."""
        context = get_current_span().get_span_context()
        if not context.trace_flags.sampled:
            return {}
        return {"trace_id": f"{context.trace_id:032x}", "span_id": f"{context.span_id:016x}"}


def _may_fail(span: Span, failed: str) -> None:
    if failed:
        span.set_attribute("error.type", failed)
        span.set_status(Status(StatusCode.ERROR))


def _of(call: Called) -> dict[str, str | int | float]:
    parts = urlsplit(call.address)
    about: dict[str, str | int | float] = {
        "http.request.method": call.method,
        "url.full": call.address,
        "server.address": parts.hostname or "",
        "server.port": parts.port or PORTS.get(parts.scheme, 0),
    }
    if call.status:
        about["http.response.status_code"] = call.status
    if call.tries_before:
        about["http.request.resend_count"] = call.tries_before
    return about | _ours(
        service=call.service,
        kind=call.kind,
        correlation_id=call.correlation_id,
        code=call.code,
        retry_after_seconds=call.after_seconds,
    )


def _ours(**about: str | int | float | None) -> dict[str, str | int | float]:
    """What no convention names; left out where there is nothing to say."""
    return {f"funcgate.{name}": value for name, value in about.items() if value not in (None, "")}
