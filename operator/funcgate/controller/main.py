"""
The operator's life: it comes up, waits to be elected, acts, and stops without leaving anything half done.

Whoever stops it first ends the handing out of keys; passes under way get a grace to end; the Lease is given back last.
When the Lease is lost there is no grace: the fence is closed, and the process ends.
"""

import asyncio
import logging
import signal
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from funcgate.controller import handlers
from funcgate.controller.access import Access, NoAccess, find
from funcgate.controller.announce import Announcer
from funcgate.controller.bindings import Bindings, NotInstalled, ensure_installed
from funcgate.controller.cache import Cache
from funcgate.controller.census import Census
from funcgate.controller.engines import Engines
from funcgate.controller.events import Events
from funcgate.controller.health import Health, HealthServer
from funcgate.controller.intake import Intake
from funcgate.controller.kube import Kube, KubeError
from funcgate.controller.lease import Durations, Elector, Fence, LeaseLost, OpenFence
from funcgate.controller.queue import Queue
from funcgate.controller.reconciler import Reconciler, Rules
from funcgate.controller.waits import Waits
from funcgate.metrics import Metrics
from funcgate.settings import Settings

logger = logging.getLogger(__name__)

EngineFactory = Callable[[Metrics], AbstractAsyncContextManager[Engines]]

STOPPED, FAILED, CANNOT_START = 0, 1, 2
# For TLS connections to close: docs.aiohttp.org/en/stable/client_advanced.html#graceful-shutdown
GOODBYE_SECONDS = 0.25


@dataclass(frozen=True, kw_only=True)
class Tuning:
    """What nobody but a test has a reason to change."""

    workers: int = 64
    grace_seconds: float = 40.0
    stop_seconds: float = 5.0
    beat_seconds: float = 1.0
    census_seconds: float = 3600.0
    label_selector: str = ""  # only these bindings are in our care
    lease: Durations = field(default_factory=Durations)


async def operator_main(
    settings: Settings,
    engine_factory: EngineFactory,
    *,
    stop: asyncio.Event | None = None,
    access: Access | None = None,
    metrics: Metrics | None = None,
    tuning: Tuning | None = None,
    serving: Callable[[int], None] = lambda port: None,
) -> int:
    """
    Acts until SIGTERM or SIGINT, or until `stop` is set when one is handed in; signals are left alone then.

    Returns 0 after a stop, 1 when it could not go on, 2 when it could not start. `serving` is told the probes' port.
    """
    stopping = _Stopping(stop)
    metrics, health = metrics or Metrics(), Health()
    try:
        with HealthServer(health, metrics.registry, host=settings.health_host, port=settings.health_port) as server:
            serving(server.port)
            async with Kube(access or find()) as kube:
                await ensure_installed(kube)
                health.configured = True
                run = _Run(settings, tuning or Tuning(), kube, health, metrics, engine_factory, stopping)
                async with _background(run.beat()):
                    code = await run.elected()
            await asyncio.sleep(GOODBYE_SECONDS)
            return code
    except (NoAccess, NotInstalled, KubeError, OSError) as error:
        logger.critical("cannot start", extra={"detail": str(error)})
        return CANNOT_START


class _Stopping:
    """The wish to stop: of signals, or of whoever handed in an event."""

    def __init__(self, event: asyncio.Event | None) -> None:
        self.event = event or asyncio.Event()
        self._ours = event is None
        self.take_signals()

    def take_signals(self) -> None:
        """SIGTERM and SIGINT set the event, if it is ours; else they do what they always do. Kopf takes them too."""
        if threading.current_thread() is not threading.main_thread():
            return
        loop = asyncio.get_running_loop()
        for each in (signal.SIGTERM, signal.SIGINT):
            if self._ours:
                loop.add_signal_handler(each, self.event.set)
            else:
                loop.remove_signal_handler(each)


@dataclass
class _Run:
    """One run of the operator, from the election to the end."""

    settings: Settings
    tuning: Tuning
    kube: Kube
    health: Health
    metrics: Metrics
    engine_factory: EngineFactory
    stopping: _Stopping
    identity: str = ""

    def __post_init__(self) -> None:
        self.identity = f"{self.settings.pod_name}_{uuid4().hex[:8]}"

    async def beat(self) -> None:
        """The probes see that the loop runs."""
        while True:
            self.health.beat()
            await asyncio.sleep(self.tuning.beat_seconds)

    async def elected(self) -> int:
        """Acts once elected, for as long as the Lease is held."""
        if not self.settings.leader_election:
            async with _background(asyncio.Event().wait()) as held:  # for ever
                return await self._act(OpenFence(), held)
        namespace, name = self.settings.pod_namespace, self.settings.lease_name
        elector = Elector(self.kube, namespace, name, self.identity, self.tuning.lease)
        try:
            async with _background(elector.acquire()) as acquired, _background(self.stopping.event.wait()) as stopped:
                await asyncio.wait({acquired, stopped}, return_when=asyncio.FIRST_COMPLETED)
                if not acquired.done():
                    return STOPPED
            async with _background(elector.hold()) as held:
                return await self._act(elector.fence, held)
        finally:
            await elector.release()

    async def _act(self, fence: Fence, held: asyncio.Task[Any]) -> int:
        self.health.lead()
        self.metrics.leader.set(1)
        try:
            async with self.engine_factory(self.metrics) as engines:
                return await _Leader(self, engines, fence).lead(held)
        finally:
            self.metrics.leader.set(0)


class _Leader:
    """The parts that act, while we are the one that may."""

    def __init__(self, run: _Run, engines: Engines, fence: Fence) -> None:
        self.run = run
        self.cache = Cache(run.metrics)
        self.queue = Queue(self.cache.lane, run.metrics.queue, lane_concurrency=run.settings.passes_per_service)
        waits = Waits(run.metrics.ready_seconds)
        self.intake = Intake(self.cache, self.queue, waits)
        self.events = Events(run.kube, fence, run.metrics, run.identity)
        selector = run.tuning.label_selector
        bindings = Bindings(
            run.kube,
            fence,
            run.metrics,
            namespaces=run.settings.namespaces,
            label_selector=selector,
            home=run.settings.pod_namespace,
        )
        self.census = Census(
            bindings=bindings,
            cache=self.cache,
            intake=self.intake,
            health=run.health,
            every_seconds=run.tuning.census_seconds,
        )
        self.reconciler = Reconciler(
            engines=engines,
            bindings=bindings,
            cache=self.cache,
            queue=self.queue,
            waits=waits,
            announcer=Announcer(self.events, run.metrics),
            metrics=run.metrics,
            fence=fence,
            rules=Rules(instance_id=run.settings.instance_id, azure_scopes=run.settings.azure_scopes),
        )
        self.stop_watching = asyncio.Event()

    async def lead(self, held: asyncio.Task[Any]) -> int:
        """Watches and makes passes until stopped, or until a part can't go on. Returns the exit code."""
        context = handlers.Context(self.run.kube.access, self.intake, self.run.health)
        watch = handlers.watch(
            context,
            self.stop_watching,
            self.run.stopping.take_signals,
            namespaces=self.run.settings.namespaces,
            label_selector=self.run.tuning.label_selector,
        )
        async with (
            _background(self.run.stopping.event.wait()) as stopped,
            _background(self.events.run()),
            _background(watch) as watched,
            _background(self._work()) as worked,
            _background(self.census.run()) as counted,
        ):
            await asyncio.wait({stopped, held, watched, worked, counted}, return_when=asyncio.FIRST_COMPLETED)
            await self._wind_down(worked, watched, 0.0 if held.done() else self.run.tuning.grace_seconds)
            return _exit_code(stopped, held, watched, worked, counted)

    async def _work(self) -> None:
        """Passes start when all bindings are known: a pass must not cut off a neighbour that it has not heard of."""
        await self.census.complete()
        async with asyncio.TaskGroup() as group:
            for _ in range(self.run.tuning.workers):
                group.create_task(self.reconciler.work())

    async def _wind_down(self, worked: asyncio.Task[Any], watched: asyncio.Task[Any], grace: float) -> None:
        self.queue.close()
        if self.run.health.complete and grace:
            await asyncio.wait({worked}, timeout=grace)
        worked.cancel()
        self.stop_watching.set()
        await asyncio.wait({watched}, timeout=self.run.tuning.stop_seconds)
        if grace:
            await self.events.flush(min(grace, 2.0))


def _exit_code(stopped: asyncio.Task[Any], *parts: asyncio.Task[Any]) -> int:
    """0 when we were told to stop; else the part that ended by itself is named."""
    for part in parts:
        error = part.exception() if part.done() and not part.cancelled() else None
        if isinstance(error, LeaseLost):
            logger.error("lease lost", extra={"detail": str(error)})
            return FAILED
        if error:
            logger.critical("a part of the operator failed", exc_info=error)
            return FAILED
    return STOPPED if stopped.done() else FAILED


@asynccontextmanager
async def _background(work: Coroutine[Any, Any, Any]) -> AsyncIterator[asyncio.Task[Any]]:
    """The work goes on during the `with` and is over after it."""
    task = asyncio.create_task(work)
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
