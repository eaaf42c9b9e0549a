"""
At rest it rests: a week of the operator's life, with 200 bindings on one service and nobody who changes anything.

The real queue, cache, census and reconciler, wired as the operator wires them, with the real Azure clients against the
simulated Azure. The cluster is a dict behind the client of the Kubernetes API. Time leaps while nothing is under way:
the clock of the loop, with it every timer, the operator's clocks and the one of the simulated Azure.
"""

import asyncio
import copy
import gc
import os
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Self

import pytest

import funcgate.azure
from azuresim.log import Call
from azuresim.scenarios import Imported, deployed
from funcgate.aspects import all_aspects, all_checks
from funcgate.azure import Time, connect
from funcgate.azure.credentials import SharedCredential
from funcgate.controller.announce import Announcer
from funcgate.controller.bindings import API, Bindings
from funcgate.controller.cache import Cache, Snapshot
from funcgate.controller.census import Census
from funcgate.controller.engines import Engines
from funcgate.controller.events import Events
from funcgate.controller.health import Health
from funcgate.controller.intake import Intake
from funcgate.controller.kube import Conflict, Missing
from funcgate.controller.lease import OpenFence
from funcgate.controller.queue import Queue
from funcgate.controller.reconciler import Reconciler, Rules
from funcgate.controller.waits import Waits
from funcgate.engine import Engine
from funcgate.metrics import Metrics
from funcgate.spec import PLURAL
from integration.azure_stage import Stage, is_write, on_stage

BINDINGS = 200
DAYS = 7
INTERVAL_HOURS = 24  # some 1,500 looks in all: what a machine makes in a minute
LEAP_HOURS = 3
RESTARTS = (2, 4)  # at the beginning of these days
WORKERS = 8
MOST_READS = 12  # of Resource Manager, a look: after so long a time nothing is fresh any more that a glance keeps
MOST_LISTS = 1  # of an app's keys, a look; each start compares the values of all named values once besides
MOST_GROWTH = 1.05

Json = dict[str, Any]


class Cluster:
    """The Kubernetes API, as far as the operator's own client speaks it; `writes` are what was written to it."""

    def __init__(self) -> None:
        self.objects: dict[str, Json] = {}
        self.writes: list[str] = []
        self.watch: Callable[[Json], None] = lambda body: None
        self._version = 0

    def apply(self, name: str, spec: Json) -> None:
        """Somebody made this binding."""
        metadata = {"namespace": "shop", "name": name, "uid": f"uid-{name}", "generation": 1}
        created = {"creationTimestamp": "2026-01-01T00:00:00Z", "resourceVersion": self._next()}
        self.objects[f"{API}/namespaces/shop/{PLURAL}/{name}"] = {"metadata": metadata | created, "spec": spec}

    async def get(self, path: str) -> Json:
        if path.startswith("/api/v1/namespaces/"):
            return {"metadata": {"name": path.rpartition("/")[2]}}
        if path not in self.objects:
            raise Missing(404, "NotFound", path)
        return copy.deepcopy(self.objects[path])

    async def metadata(self, path: str, *, label_selector: str = "") -> AsyncIterator[Json]:
        for body in list(self.objects.values()):
            yield body["metadata"]

    async def create(self, path: str, body: Json) -> Json:
        self.writes.append(f"POST {path}")
        return body

    async def merge(self, path: str, patch: Json) -> Json:
        """RFC 7386, when it is laid over the last version."""
        self.writes.append(f"PATCH {path}")
        at = path.removesuffix("/status")
        if patch["metadata"]["resourceVersion"] != self.objects[at]["metadata"]["resourceVersion"]:
            raise Conflict(409, "Conflict", path)
        body = self.objects[at] = merged(self.objects[at], patch)
        body["metadata"]["resourceVersion"] = self._next()
        self.watch(body)
        return copy.deepcopy(body)

    def ready(self) -> Counter[str]:
        """How many bindings have which status of Ready."""
        return Counter(Snapshot.read(body).ready for body in self.objects.values())

    def _next(self) -> str:
        self._version += 1
        return str(self._version)


def merged(over: Any, patch: Any) -> Any:
    if not isinstance(patch, Mapping):
        return patch
    body = dict(over) if isinstance(over, Mapping) else {}
    for name, value in patch.items():
        if value is None:
            body.pop(name, None)
        else:
            body[name] = merged(body.get(name), value)
    return body


class Leaps:
    """The machine's time, and the seconds that were leapt over."""

    def __init__(self) -> None:
        self.leapt = 0.0
        self._wall = time.time

    def wall(self) -> float:
        return self._wall() + self.leapt

    def monotonic(self) -> float:
        return time.monotonic() + self.leapt


@contextmanager
def leaping() -> Iterator[Leaps]:
    """The loop, and what the Azure SDKs compare the end of tokens with, follow a time that can leap."""
    leaps, loop = Leaps(), asyncio.get_running_loop()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "time", leaps.monotonic)
        patch.setattr(time, "time", leaps.wall)
        patch.setattr(funcgate.azure, "SharedCredential", partial(SharedCredential, now=leaps.wall))
        yield leaps


class Counted(list[Call]):
    """A log that keeps numbers, and the calls that wrote."""

    def __init__(self) -> None:
        super().__init__()
        self.by: Counter[tuple[str, str]] = Counter()
        self.refused = 0

    def append(self, call: Call) -> None:
        self.by[call.service, call.method] += 1
        self.refused += call.service in ("arm", "graph", "entra") and call.status >= 400 and call.status != 404
        if is_write(call):
            super().append(call)


@dataclass
class Life:
    """One process of the operator, from its start to its end: nothing of it is left for the next one."""

    cluster: Cluster
    queue: Queue
    cache: Cache
    intake: Intake
    census: Census
    metrics: Metrics
    tasks: list[asyncio.Task[Any]] = field(default_factory=list)

    @classmethod
    async def begin(cls, stack: AsyncExitStack, week: "Week") -> Self:
        metrics, health, fence = Metrics(), Health(), OpenFence()
        time_ = Time(now=week.leaps.monotonic, sleep=lambda seconds: asyncio.sleep(0))
        connected = connect(week.stage.endpoints, observe_call=metrics.observe_call, time=time_)
        azure = await stack.enter_async_context(connected)
        cache = Cache(metrics)
        queue = Queue(cache.lane, metrics.queue)
        waits = Waits(metrics.ready_seconds)
        intake = Intake(cache, queue, waits)
        events = Events(week.cluster, fence, metrics, "operator")  # type: ignore[arg-type]  # as far as they ask
        bindings = Bindings(week.cluster, fence, metrics)  # type: ignore[arg-type]
        engine = Engine(all_aspects(azure, week.stage.endpoints), azure.resources.is_gone, all_checks(azure))
        reconciler = Reconciler(
            engines=Engines(engine, nobody_else),
            bindings=bindings,
            cache=cache,
            queue=queue,
            announcer=Announcer(events, metrics),
            metrics=metrics,
            waits=waits,
            fence=fence,
            rules=Rules(instance_id="prod", azure_scopes=(week.stage.team.group_id,)),
        )
        census = Census(bindings=bindings, cache=cache, intake=intake, health=health)
        life = cls(week.cluster, queue, cache, intake, census, metrics)
        life.relist()
        week.cluster.watch = lambda body: asyncio.get_running_loop().call_soon(intake.saw, Snapshot.read(body)) and None
        await census.complete()
        work = (events.run(), census.run(), *(reconciler.work() for _ in range(WORKERS)))
        life.tasks += [asyncio.create_task(each) for each in work]
        return life

    async def end(self) -> None:
        """As when the process is gone."""
        self.queue.close()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    def relist(self) -> None:
        """The watch broke off and begins anew: with a list of all there is."""
        for body in self.cluster.objects.values():
            self.intake.saw(Snapshot.read(body), listed=True)

    async def rests(self) -> None:
        """No pass is under way or due."""
        for _ in range(5):
            await asyncio.sleep(0)  # for timers that a leap made due
        while self.queue.in_work or self.due():  # noqa: ASYNC110  passes go on
            await asyncio.sleep(0)

    def passes(self) -> Mapping[str, float]:
        """How many passes ended how."""
        samples = (each for metric in self.metrics.registry.collect() for each in metric.samples)
        passes = {each.labels["result"]: each.value for each in samples if each.name == "funcgate_passes_total"}
        return {result: count for result, count in passes.items() if count}

    def due(self) -> float:
        """How many bindings wait for a pass that could begin."""
        return self.metrics.registry.get_sample_value("workqueue_depth", {"name": "bindings"}) or 0.0


async def nobody_else(client_id: str) -> Engine:
    raise AssertionError(f"no namespace brings {client_id}")


@dataclass
class Week:
    """A cluster, an Azure and a time that leaps."""

    stage: Stage
    cluster: Cluster
    leaps: Leaps
    log: Counted

    @asynccontextmanager
    async def life(self) -> AsyncIterator[Life]:
        """An operator that was started anew."""
        async with AsyncExitStack() as stack:
            life = await Life.begin(stack, self)
            try:
                yield life
            finally:
                await life.end()

    def leap(self, seconds: float) -> None:
        """So much later. The kubelet has replaced the operator's token meanwhile, which lasts an hour."""
        self.leaps.leapt += seconds
        self.stage.world.clock.advance(seconds)
        Path(os.environ["AZURE_FEDERATED_TOKEN_FILE"]).write_text(self.stage.team.assertion())


@asynccontextmanager
async def week_of(number: int) -> AsyncIterator[Week]:
    """So many bindings, made but not seen by anybody yet."""
    with leaping() as leaps:
        async with on_stage(check_contracts=False) as stage:
            stage.world.journal.watched = False
            stage.world.log = log = Counted()
            cluster = Cluster()
            for each in range(number):
                cluster.apply(f"app{each}", published(stage.team, f"app{each}"))
            yield Week(stage, cluster, leaps, log)


def published(team: Imported, name: str) -> Json:
    """A function app of its own, published on the one service, with a registration of ours."""
    return {
        "apiManagement": {"id": team.service_id},
        "functionApp": {"id": deployed(team.world, name).site_id},
        "entra": {"registration": {"type": "Managed"}},
        "api": {"path": name},
        "drift": {"interval": f"{INTERVAL_HOURS}h"},
    }


@dataclass(frozen=True)
class Weight:
    """What a process holds: objects that the collector sees, and bytes."""

    objects: int
    resident: int

    @classmethod
    def now(cls) -> Self:
        gc.collect()
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return cls(len(gc.get_objects()), pages * os.sysconf("SC_PAGE_SIZE"))

    def grown(self, since: "Weight") -> tuple[float, float]:
        return self.objects / since.objects, self.resident / since.resident


@pytest.mark.slow
async def test_a_week_at_rest_writes_nothing_reads_as_designed_and_grows_by_nothing() -> None:
    """Restarts, ends of tokens and lists that begin anew included."""
    async with week_of(BINDINGS) as week:
        async with week.life() as life:
            await life.rests()
        assert week.cluster.ready() == {"True": BINDINGS}, "made, and in force"
        week.cluster.writes.clear()
        week.log.clear()
        week.log.by.clear()

        looks, weights = 0.0, list[Weight]()
        for first, after in zip((0, *RESTARTS), (*RESTARTS, DAYS), strict=True):
            async with week.life() as life:
                for _ in range(first, after):
                    await a_day(week, life)
                    weights.append(Weight.now())
                looks += life.passes()["settled"]
                assert life.passes().keys() == {"settled"}, "nothing waited, and nothing went wrong"

        assert [f"{call.method} {call.path}" for call in week.log] == [], "no write to Azure"
        assert week.cluster.writes == [], "no write to Kubernetes"
        assert week.log.refused == 0, "no token was out of date"
        assert looks >= 0.85 * BINDINGS * DAYS * 24 / INTERVAL_HOURS
        calls = week.log.by
        assert calls["arm", "GET"] + calls["arm", "HEAD"] <= MOST_READS * looks
        assert calls["arm", "POST"] <= MOST_LISTS * looks + BINDINGS * (1 + len(RESTARTS))
        assert calls["entra", "POST"] >= 2 * DAYS * 24 / LEAP_HOURS, "tokens for two services, anew after each leap"
        assert max(weights[-1].grown(since=weights[0])) < MOST_GROWTH, weights
        assert max(weights[-1].grown(since=weights[RESTARTS[-1]])) < MOST_GROWTH, weights


async def a_day(week: Week, life: Life) -> None:
    """At its end the watch begins anew, and the cluster is counted."""
    for _ in range(24 // LEAP_HOURS):
        week.leap(LEAP_HOURS * 3600.0)
        await life.rests()
    life.relist()
    assert await life.census.take(), "cluster and cache agree"
    assert len(life.cache) == BINDINGS
