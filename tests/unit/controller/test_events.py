"""Which events are posted, and what happens to those that can't be."""

import asyncio
from typing import Any

import pytest

from funcgate.controller.events import NOTE_LIMIT, Events
from funcgate.controller.kube import KubeError
from funcgate.controller.lease import LeaseLost, OpenFence
from funcgate.metrics import Metrics
from objects import a_snapshot

pytestmark = pytest.mark.looptime(start=1000)


class Post:
    """Where events are posted."""

    def __init__(self) -> None:
        self.posted: list[tuple[str, dict[str, Any]]] = []
        self.error: Exception | None = None
        self.lasts = 0.0

    async def create(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        await asyncio.sleep(self.lasts)
        if self.error:
            raise self.error
        self.posted.append((path, body))
        return body


class ClosedFence:
    """Another replica may act."""

    def check(self) -> None:
        raise LeaseLost("closed")


class Speaker:
    """Events with their post."""

    def __init__(self, fence: Any = None) -> None:
        self.post = Post()
        self.metrics = Metrics()
        self.events = Events(self.post, fence or OpenFence(), self.metrics, "pod_1")  # type: ignore[arg-type]

    async def said(self, seconds: float = 5.0) -> list[str]:
        """The notes that were posted."""
        running = asyncio.create_task(self.events.run())
        await self.events.flush(seconds)
        running.cancel()
        return [body["note"] for _, body in self.post.posted]

    def dropped(self, why: str) -> float | None:
        return self.metrics.registry.get_sample_value("funcgate_events_dropped_total", {"why": why})


async def test_an_event_tells_about_its_object_and_its_reporter() -> None:
    speaker = Speaker()
    speaker.events.emit(a_snapshot(), "Warning", "GatewayOpen", "Ready: anyone may call", "Reconcile")
    await speaker.said()
    path, body = speaker.post.posted[0]
    assert path == "/apis/events.k8s.io/v1/namespaces/shop/events"
    assert body["regarding"] == {
        "apiVersion": "funcgate.dev/v1alpha1",
        "kind": "FunctionApiBinding",
        "namespace": "shop",
        "name": "orders",
        "uid": "uid-orders",
        "resourceVersion": "1",
    }
    assert (body["type"], body["reason"], body["reportingController"], body["reportingInstance"]) == (
        "Warning", "GatewayOpen", "funcgate.dev/controller", "pod_1"
    )  # fmt: skip


async def test_the_same_is_not_said_twice_in_ten_minutes() -> None:
    speaker = Speaker()
    for _ in range(3):
        speaker.events.emit(a_snapshot(), "Normal", "InSync", "well")
    await asyncio.sleep(601)
    speaker.events.emit(a_snapshot(), "Normal", "InSync", "well")
    assert await speaker.said() == ["well", "well"]


async def test_an_object_that_says_too_much_is_slowed_down_and_others_are_not() -> None:
    speaker = Speaker()
    for number in range(40):
        speaker.events.emit(a_snapshot(), "Normal", "InSync", f"{number}")
    speaker.events.emit(a_snapshot("other"), "Normal", "InSync", "me")
    assert (await speaker.said())[-2:] == ["24", "me"]
    assert speaker.dropped("rate") == 15
    await asyncio.sleep(60)
    speaker.events.emit(a_snapshot(), "Normal", "InSync", "again")
    assert (await speaker.said())[-1] == "again"


async def test_a_long_note_is_shortened() -> None:
    speaker = Speaker()
    speaker.events.emit(a_snapshot(), "Normal", "InSync", "x" * 5000)
    (note,) = await speaker.said()
    assert (len(note), note[-1]) == (NOTE_LIMIT, "…")


@pytest.mark.parametrize("error", [KubeError(403, "Forbidden", "namespace is being terminated")])
async def test_what_cannot_be_posted_is_counted_and_forgotten(error: Exception) -> None:
    speaker = Speaker()
    speaker.post.error = error
    speaker.events.emit(a_snapshot(), "Normal", "InSync", "well")
    assert await speaker.said() == []
    assert speaker.dropped("refused") == 1


async def test_nothing_is_posted_once_the_lease_is_lost() -> None:
    speaker = Speaker(ClosedFence())
    speaker.events.emit(a_snapshot(), "Normal", "InSync", "well")
    assert await speaker.said() == []


async def test_a_slow_post_does_not_hold_up_the_end() -> None:
    speaker = Speaker()
    speaker.post.lasts = 3600
    for note in ("one", "two", "three"):
        speaker.events.emit(a_snapshot(), "Normal", "InSync", note)
    assert await speaker.said(seconds=2) == []
    assert (asyncio.get_running_loop().time(), speaker.dropped("stopped")) == (1002, 2)
