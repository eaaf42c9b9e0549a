"""Steps and calls as a collector sees them; a collector that is not there, and settings that are none."""

import logging
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from collector import Collector, collecting
from funcgate import __version__, spans
from funcgate.errors import TryAgain
from funcgate.spans import exported
from funcgate.steps import NOBODY, Called, called, doing, following

REFUSED = Called(
    service="arm",
    method="PUT",
    kind="backends",
    address="https://management.azure.com/x/backends/orders",
    status=429,
    seconds=0.25,
    tries_before=1,
    correlation_id="c-1",
    failed="Throttled",
    code="TooManyRequests",
    after_seconds=7.0,
    wrote=True,
)
UNREACHED = Called(
    service="probe",
    method="GET",
    kind="direct",
    address="http://a.example:81/",
    status=0,
    seconds=1.0,
    failed="TimedOut",
)


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    with collecting() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        yield collector


def test_a_step_is_a_span_within_that_of_its_step(collector: Collector) -> None:
    with exported("funcgate-0"), doing("pass", binding="shop/orders", generation=2) as whole:
        whole.about["result"] = "settled"
        with doing("apply backend", key="backends/orders") as step:
            step.wrote += ["c-1", "c-2"]
    paths = {path: [dict(each.about) for each in seen] for path, seen in collector.paths().items()}
    assert paths == {
        "pass": [{"funcgate.binding": "shop/orders", "funcgate.generation": 2, "funcgate.result": "settled"}],
        "pass / apply backend": [{"funcgate.key": "backends/orders", "funcgate.correlation_id": "c-2"}],
    }
    assert len({each.trace_id for each in collector.spans}) == 1
    assert not any(each.failed or each.calls for each in collector.spans)


CALLS: list[tuple[Called, str, dict[str, Any]]] = [
    (
        REFUSED,
        "PUT backends",
        {
            "http.request.method": "PUT",
            "url.full": "https://management.azure.com/x/backends/orders",
            "server.address": "management.azure.com",
            "server.port": 443,
            "http.response.status_code": 429,
            "http.request.resend_count": 1,
            "error.type": "Throttled",
            "funcgate.service": "arm",
            "funcgate.kind": "backends",
            "funcgate.correlation_id": "c-1",
            "funcgate.code": "TooManyRequests",
            "funcgate.retry_after_seconds": 7.0,
        },
    ),
    (
        UNREACHED,
        "GET direct",
        {
            "http.request.method": "GET",
            "url.full": "http://a.example:81/",
            "server.address": "a.example",
            "server.port": 81,
            "error.type": "TimedOut",
            "funcgate.service": "probe",
            "funcgate.kind": "direct",
        },
    ),
]


@pytest.mark.parametrize(("call", "name", "about"), CALLS)
def test_a_call_is_a_span_by_the_conventions_of_http(
    collector: Collector, call: Called, name: str, about: dict[str, Any]
) -> None:
    with exported("funcgate-0"), doing("pass"):
        called(call)
    (seen,) = collector.within(*collector.roots())
    assert (seen.name, seen.calls, seen.failed, round(seen.seconds, 3)) == (name, True, True, call.seconds)
    assert seen.about == about


@pytest.mark.parametrize(
    ("error", "kind"), [(TryAgain("s3cr3t", reason="Busy"), "Busy"), (KeyError("s3cr3t"), "KeyError")]
)
def test_of_an_error_only_the_reason_is_told(collector: Collector, error: Exception, kind: str) -> None:
    with exported("funcgate-0"), pytest.raises(type(error)), doing("pass"):
        raise error
    (seen,) = collector.spans
    assert (seen.failed, seen.about) == (True, {"error.type": kind})
    assert not any(b"s3cr3t" in each for each in collector.bodies)


def test_who_sends_is_said_and_may_be_said_otherwise(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=prod")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "api-key=s3cr3t")
    with exported("funcgate-0"), doing("pass"):
        pass
    monkeypatch.setenv("OTEL_SERVICE_NAME", "gate")
    with exported("funcgate-0"), doing("pass"):
        pass
    first, second = collector.resources
    ours = {"service.name": "funcgate", "service.version": __version__, "service.instance.id": "funcgate-0"}
    assert first.items() >= (ours | {"deployment.environment.name": "prod"}).items()
    assert second["service.name"] == "gate"
    assert [(path, headers["api-key"]) for path, headers in collector.requests] == [("/v1/traces", "s3cr3t")] * 2


def test_a_line_of_the_log_names_the_span_that_it_is_logged_in(collector: Collector) -> None:
    with exported("funcgate-0"):
        outside = following.get().here()
        with doing("pass"):
            here = following.get().here()
    (seen,) = collector.spans
    assert (outside, here) == ({}, {"trace_id": seen.trace_id, "span_id": seen.span_id})


def test_what_is_not_sampled_is_neither_sent_nor_named(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
    with exported("funcgate-0"), doing("pass"):
        called(REFUSED)
        assert following.get().here() == {}
    assert collector.requests == []


def warned(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [vars(each).get("detail", "") or each.getMessage() for each in caplog.records]


def exports(times: int) -> None:
    """So many spans, each in a batch of its own."""
    follower = following.get()
    assert isinstance(follower, spans.Spans)
    for _ in range(times):
        with doing("pass"):
            pass
        follower.flush()


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits long for a collector."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "0.2")


def test_a_collector_that_refuses_is_one_line_and_so_is_one_that_takes_them_again(
    collector: Collector, hasty: None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    collector.answers = 401
    with exported("funcgate-0"):
        exports(3)
        collector.answers = 200
        exports(2)
    host = collector.url.removeprefix("http://")
    assert warned(caplog) == [f"the collector at {host} answers 401", "traces sent again"]
    assert len(collector.spans) == 2


ADDRESSES = [
    ("http://user:s3cr3t@127.0.0.1:{closed}/s3cr3t", "127.0.0.1:{closed}"),
    ("collector:4317", "an address without http://"),
]


@pytest.mark.parametrize(("address", "shown"), ADDRESSES)
def test_a_collector_that_is_not_there_costs_one_line_and_no_time(
    monkeypatch: pytest.MonkeyPatch, hasty: None, caplog: pytest.LogCaptureFixture, address: str, shown: str
) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # nobody listens there
        closed = str(bound.getsockname()[1])
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", address.format(closed=closed))
        with exported("funcgate-0"):
            exports(2)
    assert warned(caplog) == [f"the collector at {shown.format(closed=closed)} is not reached, or is not trusted"]


def test_a_collector_that_does_not_answer_keeps_nobody_from_stopping(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spans, "FLUSH_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{silent.getsockname()[1]}")
        started = time.monotonic()
        with exported("funcgate-0"), doing("pass"):
            pass
        assert time.monotonic() - started < 3


WRONG = [
    ("OTEL_BSP_MAX_QUEUE_SIZE", "-1", ["OpenTelemetry does not take its variables (ValueError)"]),
    ("OTEL_EXPORTER_OTLP_HEADERS", "s3cr3t", []),
]


@pytest.mark.parametrize(("variable", "value", "lines"), WRONG)
def test_what_opentelemetry_cannot_read_ends_nothing_and_is_not_shown(
    collector: Collector,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    variable: str,
    value: str,
    lines: list[str],
) -> None:
    monkeypatch.setenv(variable, value)
    with exported("funcgate-0"), doing("pass"):
        assert (following.get() is NOBODY) == bool(lines)
    assert warned(caplog) == lines
    assert len(collector.spans) == (0 if lines else 1)


def test_who_asks_for_no_traces_loads_nothing_for_them() -> None:
    program = """
import sys
from funcgate.cli.run import _traced
from funcgate.settings import Settings
from funcgate.steps import NOBODY, following
with _traced(Settings.read()):
    assert following.get() is NOBODY
print([each for each in sys.modules if each.startswith(("opentelemetry.sdk", "opentelemetry.exporter", "google."))])
"""
    sources = {"PYTHONPATH": str(Path(spans.__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=sources)
    assert done.stdout.strip() == "[]"
