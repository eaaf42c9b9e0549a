"""What the probes answer, and that they do when nothing else does."""

import threading
import urllib.error
import urllib.request
from dataclasses import dataclass

import pytest
from prometheus_client import CollectorRegistry, Counter

from funcgate.controller.health import Health, HealthServer


@dataclass
class Clock:
    """Moves when told."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def health(clock: Clock) -> Health:
    return Health(beat_seconds=20, watch_seconds=4500, clock=clock)


def ask(server: HealthServer, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.read().decode()


def test_a_loop_that_beats_is_alive(health: Health, clock: Clock) -> None:
    clock.now += 19
    assert health.unwell() is None
    clock.now += 2
    assert health.unwell() == "the event loop has been blocked for 21 s"
    health.beat()
    assert health.unwell() is None


def test_only_a_leader_has_to_hear_the_watch(health: Health, clock: Clock) -> None:
    clock.now += 10_000
    health.beat()
    assert health.unwell() is None
    health.lead()
    clock.now += 4501
    health.beat()
    assert health.unwell() == "the watch has been silent for 4501 s"
    health.hear()
    assert health.unwell() is None


def test_a_standby_is_ready_and_a_leader_when_it_knows_all(health: Health) -> None:
    assert health.unready() == "starting"
    health.configured = True
    assert health.unready() is None
    health.lead()
    assert health.unready() == "the initial list is not complete"
    health.complete = True
    assert health.unready() is None


def test_the_probes_answer_while_this_thread_does_nothing_for_them(health: Health, clock: Clock) -> None:
    registry = CollectorRegistry()
    Counter("funcgate_things", "Things", registry=registry).inc()
    with HealthServer(health, registry, host="127.0.0.1", port=0) as server:
        assert ask(server, "/livez") == (200, "ok\n")
        assert ask(server, "/readyz") == (503, "starting\n")
        clock.now += 60
        assert ask(server, "/livez") == (503, "the event loop has been blocked for 60 s\n")
        assert "funcgate_things_total 1.0" in ask(server, "/metrics")[1]
    assert "health" not in {thread.name for thread in threading.enumerate()}


def test_a_port_that_is_taken_is_said_at_the_start(health: Health) -> None:
    with HealthServer(health, CollectorRegistry(), host="127.0.0.1", port=0) as first:
        second = HealthServer(health, CollectorRegistry(), host="127.0.0.1", port=first.port)
        with pytest.raises(OSError, match="address already in use"):
            second.__enter__()
