"""
A minute in the life of an operator, scraped: three bindings get Ready, one door is opened by hand and closed again, two
stay open for a while because they are only reported or not even that, and Azure is busy for a moment.
"""

import asyncio
import json
import logging
import os
import time
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from azuresim.scenarios import put
from azuresim.server import Simulator
from azuresim.web import site_of
from azuresim.world import Clock, World
from collector import Collector, collecting
from controlplane import ControlPlane
from controlplane.kubectl import KubectlError
from demo import hand_over_a_key, the_teams_azure
from funcgate.cli.run import operate
from funcgate.controller.logs import traced
from funcgate.controller.main import Tuning
from funcgate.settings import Settings
from monitoring.server import Prometheus, free_port
from stage import SAMPLES, Callers, Stage

SECONDS = 60
KIND = "FunctionApiBinding"
REQUESTED = "funcgate.dev/reconcile-requested-at"


@dataclass(frozen=True)
class Recording:
    """
    What is left of it: a Prometheus that still answers, and what the operator showed last.

    `traces`: the collector to which it sent what it did. `secrets`: keys of that Azure. `lines`: what it logged about
    bindings. `asked`: the writes that Resource Manager saw, by correlation id.
    """

    prometheus: Prometheus
    metrics: str
    traces: Collector
    secrets: Collection[str]
    lines: Sequence[Mapping[str, Any]]
    asked: Mapping[str, str]
    start: float
    end: float


@dataclass(frozen=True)
class Play:
    """The bindings of one namespace, and what people do to them."""

    stage: Stage
    namespace: str
    apps: Mapping[str, Callers]

    async def act(self) -> None:
        """All of it, from nothing to a good end."""
        await self._apply()
        await self._all_ready()
        self._open_the_door("catalog")
        self.stage.azure.world.faults.add(method="GET", path="*/backends/*", status=429, times=2)
        await self._look("catalog", "orders")
        for name, mode, reason in (("orders", "Ignore", "DoorOpen"), ("billing", "Report", "DoorOpen")):
            await self._set_mode(name, mode)
            self._open_the_door(name)
            await self._look(name)
            await self._becomes(self._ready_status(name), f"False {reason}")

    async def mend(self) -> None:
        """What was left is corrected."""
        for name in ("orders", "billing"):
            await self._set_mode(name, "Correct")
            await self._becomes(self._ready_status(name), "True InSync")

    async def _set_mode(self, name: str, mode: str) -> None:
        patch = json.dumps({"spec": {"drift": {"mode": mode, "parts": None}}})
        await self._kubectl("patch", "fab", name, "--type=merge", f"-p={patch}")

    async def _apply(self) -> None:
        await asyncio.to_thread(hand_over_a_key, self.stage, self.apps["billing"], self.namespace)
        found = [each for path in sorted(SAMPLES.glob("*.yaml")) for each in yaml.safe_load_all(path.read_text())]
        for each in sorted(found, key=lambda it: bool(it["kind"] == KIND)):  # what they refer to comes first
            each["metadata"]["labels"] = {"test": self.namespace}
            await asyncio.to_thread(self.stage.plane.apply, each, namespace=self.namespace)

    async def _all_ready(self) -> None:
        try:
            await self._kubectl("wait", "--for=condition=Ready", "fab", "--all", f"--timeout={SECONDS}s")
        except KubectlError as error:
            error.add_note(await self._kubectl("describe", "fab"))
            raise

    def _open_the_door(self, name: str) -> None:
        settings = self.stage.azure.world.arm.need(f"{self.apps[name].app.site_id}/config/authsettingsV2")
        put(self.stage.azure.world, settings.id, {**settings.properties, "platform": {"enabled": False}})

    async def _look(self, *names: str) -> None:
        """Somebody asks for a look at these, and it is done."""
        when = str(time.time())
        await self._kubectl("annotate", "--overwrite", "fab", *names, f"{REQUESTED}={when}")
        handled = f"--for=jsonpath={{.status.lastHandledReconcileAt}}={when}"
        await self._kubectl("wait", handled, "fab", *names, f"--timeout={SECONDS}s")

    def _ready_status(self, name: str) -> Callable[[], Awaitable[str]]:
        async def asked() -> str:
            found = json.loads(await self._kubectl("get", "fab", name, "-o", "json"))
            (ready,) = (each for each in found["status"]["conditions"] if each["type"] == "Ready")
            return f"{ready['status']} {ready['reason']}"

        return asked

    async def _becomes(self, question: Callable[[], Awaitable[Any]], answer: Any) -> None:
        """The question gets this answer soon."""
        last = None
        try:
            async with asyncio.timeout(SECONDS):
                while (last := await question()) != answer:  # noqa: ASYNC110  another process changes it
                    await asyncio.sleep(0.1)
        except TimeoutError as late:
            raise AssertionError(f"it is still {last!r} instead of {answer!r}") from late

    async def _kubectl(self, *arguments: str) -> str:
        done = await asyncio.to_thread(self.stage.plane.kubectl, "--namespace", self.namespace, *arguments)
        return done.stdout


@contextmanager
def recorded(plane: ControlPlane, namespace: str, folder: Path, *rules: Path, scrapes: int) -> Iterator[Recording]:
    """The play is over, and each act was scraped so many times; Prometheus runs until the end of the `with`."""
    port = free_port()
    with Prometheus(folder / "prometheus", f"127.0.0.1:{port}", rules=rules) as prometheus:
        yield asyncio.run(_played(plane, namespace, folder, prometheus, port, scrapes))


async def _played(
    plane: ControlPlane, namespace: str, folder: Path, prometheus: Prometheus, port: int, scrapes: int
) -> Recording:
    """The operator is at work from the beginning to the end of the play."""
    async with Simulator(World(clock=Clock(real=True)), check_contracts=False) as azure:
        stage = Stage(plane, azure, folder)
        stage.let_the_operator_in()
        play = Play(stage, namespace, the_teams_azure(azure))
        with collecting() as traces:
            own = {
                "FUNCGATE_HEALTH_PORT": str(port),
                "FUNCGATE_LEASE_NAME": namespace,
                "OTEL_TRACES_EXPORTER": "otlp",
                "OTEL_EXPORTER_OTLP_ENDPOINT": traces.url,
            }
            with _environment({**stage.environment(), **own}), _logged() as lines:
                async with _operating(namespace):
                    await _scraped(prometheus, 2)
                    start = time.time() - 1
                    await play.act()
                    await _scraped(prometheus, scrapes)
                    await play.mend()
                    await _scraped(prometheus, scrapes)
                    metrics, end = await asyncio.to_thread(_read, f"http://127.0.0.1:{port}/metrics"), time.time()
        asked = {each.correlation_id: each.id for each in azure.world.journal.requests}
        keys = [site_of(azure.world, each.app.site_id).keys for each in play.apps.values()]
        secrets = {secret for each in keys for secret in (each.master, *each.functions.values())}
        return Recording(prometheus, metrics, traces, secrets, lines, asked, start, end)


@asynccontextmanager
async def _operating(namespace: str) -> AsyncIterator[None]:
    """The operator, as its environment says, for the bindings of this namespace; it must end well."""
    stop = asyncio.Event()
    tuning = Tuning(label_selector=f"test={namespace}", grace_seconds=5)
    operator = asyncio.create_task(operate(Settings.read(), stop=stop, tuning=tuning))
    try:
        yield
    finally:
        stop.set()
        ended = await asyncio.wait_for(operator, SECONDS)
    assert ended == 0


@contextmanager
def _logged() -> Iterator[list[Mapping[str, Any]]]:
    """What is logged about bindings meanwhile, as fields."""
    lines: list[Mapping[str, Any]] = []
    handler, logger = logging.Handler(), logging.getLogger("funcgate.bindings")
    handler.addFilter(traced)
    handler.emit = lambda record: lines.append(vars(record))  # type: ignore[method-assign]
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield lines
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


async def _scraped(prometheus: Prometheus, times: int) -> None:
    """The operator was scraped so many times more."""
    since = time.time()
    async with asyncio.timeout(SECONDS):
        while await asyncio.to_thread(_count, prometheus, since) < times:  # noqa: ASYNC110  Prometheus scrapes
            await asyncio.sleep(0.2)


def _count(prometheus: Prometheus, since: float) -> int:
    now = time.time()
    found = prometheus.query(f"count_over_time(funcgate_leader[{max(1, int(now - since))}s])", at=now)
    return int(found[0][1][0][1]) if found else 0


def _read(url: str) -> str:
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=30) as answer:
        return str(answer.read().decode())
