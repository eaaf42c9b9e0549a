"""
What the gateways of one world remember between calls: counters, caches, tokens for tracing, traces, logged events.

    world.gateway.caller_ip = "198.51.100.7"        # the address from which every caller calls
    world.gateway.events                            # what log-to-eventhub sent: Event(logger, body, partition)
    world.gateway.sent                              # what send-one-way-request sent, and what came back
    world.gateway.cache.clear()                     # the internal cache, as after a restart

None of it belongs to a saved world. All of it is bounded, except what tests are meant to read.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from azuresim.gateway.matching import Index
    from azuresim.policy.text import PolicyText
    from azuresim.resources import Document
    from azuresim.wire import HttpAnswer, HttpCall

MOST_TRACES = 200


@dataclass(frozen=True, kw_only=True)
class Event:
    """One message to an event hub."""

    logger: str
    body: str
    partition_key: str | None = None
    partition_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class DebugToken:
    """What lets a caller ask for traces of one API; `expires` is the world's time."""

    service: str
    api: str
    expires: float


@dataclass(kw_only=True)
class Trace:
    """The trace of one call, to be read once the world's time has reached `ready`."""

    service: str
    body: Mapping[str, Any]
    ready: float


@dataclass
class Quota:
    """Calls and bytes of one period."""

    began: float
    calls: float = 0
    bytes: float = 0


@dataclass
class Breaker:
    """Failures of a backend (their times), and until when it is not called."""

    failures: deque[float] = field(default_factory=deque)
    open_until: float = 0.0


@dataclass
class GatewayState:
    caller_ip: str = "127.0.0.1"
    rates: dict[tuple[str, ...], deque[tuple[float, int]]] = field(default_factory=lambda: defaultdict(deque))
    quotas: dict[tuple[str, ...], Quota] = field(default_factory=dict)
    busy: dict[tuple[str, ...], int] = field(default_factory=lambda: defaultdict(int))
    breakers: dict[str, Breaker] = field(default_factory=lambda: defaultdict(Breaker))
    turns: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    cache: dict[tuple[str, ...], tuple[float, Any]] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    sent: list[tuple[HttpCall, HttpAnswer | None]] = field(default_factory=list)
    tokens: OrderedDict[str, DebugToken] = field(default_factory=OrderedDict)
    traces: OrderedDict[str, Trace] = field(default_factory=OrderedDict)
    policies: dict[str, tuple[str, PolicyText]] = field(default_factory=dict)
    indexes: dict[str, tuple[tuple[int, int], Index]] = field(default_factory=dict)
    hosts: dict[str, str] = field(default_factory=dict)
    deleted: int = 0

    def forget(self, document: Document) -> None:
        """A document is gone: what was found out from it has to be found out anew."""
        self.deleted += 1
        self.policies.pop(document.id, None)

    def keep_trace(self, trace_id: str, trace: Trace) -> None:
        self.traces[trace_id] = trace
        while len(self.traces) > MOST_TRACES:
            self.traces.popitem(last=False)

    def keep_token(self, token: str, what: DebugToken) -> None:
        self.tokens[token] = what
        while len(self.tokens) > MOST_TRACES:
            self.tokens.popitem(last=False)
