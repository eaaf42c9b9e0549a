"""
`/livez`, `/readyz` and `/metrics`, answered from a thread of their own: a blocked event loop must not answer "alive".

Alive: the event loop beat lately and, on the leader, the watch was heard or proven right lately. Ready: the settings
hold and, on the leader, every binding of the cluster is known. A standby is ready: it can take over.
"""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from types import TracebackType
from typing import Self

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

START_SECONDS = 10.0


class Health:
    """What the operator knows about its own condition. Written by the loop, read by the server's thread."""

    def __init__(
        self,
        *,
        beat_seconds: float = 20.0,
        watch_seconds: float = 4500.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._beat_seconds = beat_seconds
        self._watch_seconds = watch_seconds
        self._beat_at = clock()
        self._heard_at: float | None = None
        self.configured = False
        self.leading = False
        self.complete = False

    def beat(self) -> None:
        """The event loop runs."""
        self._beat_at = self._clock()

    def hear(self) -> None:
        """The watch brought something, or a list agreed with what it had brought."""
        self._heard_at = self._clock()

    @property
    def heard_at(self) -> float | None:
        """When that was last."""
        return self._heard_at

    def lead(self) -> None:
        """This replica acts from now on."""
        self.leading = True
        self.hear()

    def unwell(self) -> str | None:
        """Why a restart is needed, if it is."""
        now = self._clock()
        if now - self._beat_at > self._beat_seconds:
            return f"the event loop has been blocked for {now - self._beat_at:.0f} s"
        if self.leading and self._heard_at is not None and now - self._heard_at > self._watch_seconds:
            return f"the watch has been silent for {now - self._heard_at:.0f} s"
        return None

    def unready(self) -> str | None:
        """What is missing before this replica does its work, if anything."""
        if not self.configured:
            return "starting"
        if self.leading and not self.complete:
            return "the initial list is not complete"
        return None


class HealthServer:
    """Serves until the end of the `with`; `port` 0 takes a free one, which is then in `port`."""

    def __init__(self, health: Health, registry: CollectorRegistry, *, host: str, port: int) -> None:
        self._health = health
        self._registry = registry
        self._host = host
        self.port = port
        self._started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()
        self._thread = threading.Thread(target=self._run, name="health", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._started.result(START_SECONDS)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        loop, stop = self._started.result()
        loop.call_soon_threadsafe(stop.set)
        self._thread.join(START_SECONDS)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except OSError as error:  # the port is taken, say; the thread that waits for the start gets it
            if not self._started.done():
                self._started.set_exception(error)

    async def _serve(self) -> None:
        app = web.Application()
        app.router.add_get("/livez", _probe(self._health.unwell))
        app.router.add_get("/readyz", _probe(self._health.unready))
        app.router.add_get("/metrics", self._metrics)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await runner.setup()
        try:
            await web.TCPSite(runner, self._host, self.port).start()
            self.port = runner.addresses[0][1]
            stop = asyncio.Event()
            self._started.set_result((asyncio.get_running_loop(), stop))
            await stop.wait()
        finally:
            await runner.cleanup()

    async def _metrics(self, _: web.Request) -> web.Response:
        return web.Response(body=generate_latest(self._registry), headers={"Content-Type": CONTENT_TYPE_LATEST})


def _probe(problem: Callable[[], str | None]) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(_: web.Request) -> web.Response:
        if found := problem():
            return web.Response(status=503, text=f"{found}\n")
        return web.Response(text="ok\n")

    return answer
