"""
A collector of traces: takes what OpenTelemetry's exporters send over HTTP, and says what it was.

    with collecting() as collector:
        …                                  # something exports to collector.url
    collector.trees()
"""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status


@dataclass(frozen=True)
class Seen:
    """One span as it came."""

    name: str
    trace_id: str
    span_id: str
    parent_id: str
    calls: bool  # whether it is the side that calls
    failed: bool
    seconds: float
    about: Mapping[str, Any]


@dataclass
class Collector:
    """What came, as it came and as it is meant."""

    url: str = ""
    answers: int = 200
    requests: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    spans: list[Seen] = field(default_factory=list)
    resources: list[Mapping[str, Any]] = field(default_factory=list)

    def takes(self, path: str, headers: Mapping[str, str], body: bytes) -> int:
        """The status of the answer."""
        self.requests.append((path, headers))
        if self.answers == 200:
            self.bodies.append(body)
            for each in ExportTraceServiceRequest.FromString(body).resource_spans:
                self.resources.append(_attributes(each.resource.attributes))
                self.spans += [_seen(span) for scope in each.scope_spans for span in scope.spans]
        return self.answers

    def roots(self) -> list[Seen]:
        """The spans that are in no other: one a trace."""
        return [each for each in self.spans if not each.parent_id]

    def within(self, span: Seen) -> list[Seen]:
        """The spans right below that one."""
        return [each for each in self.spans if each.parent_id == span.span_id]

    def paths(self) -> dict[str, list[Seen]]:
        """All spans by the names that lead to them, from their root."""
        by_id, paths = {each.span_id: each for each in self.spans}, dict[str, list[Seen]]()
        for each in self.spans:
            names, above = [each.name], by_id.get(each.parent_id)
            while above:
                names, above = [above.name, *names], by_id.get(above.parent_id)
            paths.setdefault(" / ".join(names), []).append(each)
        return paths


@contextmanager
def collecting() -> Iterator[Collector]:
    """A collector that listens on this machine."""
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = collector.takes(self.path, {n.lower(): v for n, v in self.headers.items()}, body)
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Nothing is printed."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        collector.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield collector
        finally:
            server.shutdown()
            thread.join()


def _seen(span: Span) -> Seen:
    return Seen(
        name=span.name,
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex(),
        calls=span.kind == Span.SPAN_KIND_CLIENT,
        failed=span.status.code == Status.STATUS_CODE_ERROR,
        seconds=(span.end_time_unix_nano - span.start_time_unix_nano) / 1e9,
        about=_attributes(span.attributes),
    )


def _attributes(attributes: Any) -> dict[str, Any]:
    return {each.key: _value(each) for each in attributes}


def _value(attribute: KeyValue) -> Any:
    return getattr(attribute.value, str(attribute.value.WhichOneof("value")))
