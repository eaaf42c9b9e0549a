"""The operator is killed after every single write to Azure, and started again: the same end, and nothing twice."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from azuresim import Simulator
from azuresim.entra.tokens import EntraError
from azuresim.scenarios import Deployed, Imported, at_once, deployed, imported
from azuresim.web import site
from azuresim.wire import HttpCall
from azuresim.world import Call
from controlplane import ControlPlane
from funcgate.spec import GROUP, KIND, VERSION
from integration.azure_stage import WatchedLog, is_write, written
from stage import Callers, Stage, install

SECONDS = 150
OPERATOR = """
import asyncio, sys
from funcgate.cli.run import operate
from funcgate.controller.main import Tuning
from funcgate.settings import Settings
asyncio.run(operate(Settings.read(), tuning=Tuning(label_selector=sys.argv[1])))
"""
"""`funcgate run`, for the bindings of one test."""

pytestmark = [pytest.mark.xdist_group("cluster"), pytest.mark.slow]


@dataclass
class Mortal:
    """An operator whose process dies after each write that took effect, and one that starts it again."""

    stage: Stage
    namespace: str
    writes: list[str] = field(default_factory=list)
    opened: list[str] = field(default_factory=list)
    deaths: int = 0
    wrote: asyncio.Event = field(default_factory=asyncio.Event)
    app: Deployed | None = None
    was_closed: bool = False
    _process: asyncio.subprocess.Process | None = None

    def watch(self, call: Call) -> None:
        """The write is done; its answer is not sent yet."""
        if not is_write(call) or call.status >= 300:
            return
        self.writes.append(written(call))
        self.wrote.set()
        self.was_closed, was = self.closed(), self.was_closed
        if was and not self.was_closed:
            self.opened.append(written(call))
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(signal.SIGKILL)
            self.deaths += 1

    def closed(self) -> bool:
        """Whether somebody with the key, and another application with a token if it can get one, are turned away."""
        assert self.app
        world, app = self.stage.azure.world, self.app
        headers = {"x-functions-key": app.host_key}
        with contextlib.suppress(EntraError, TypeError):
            client_id = Callers(self.stage.azure, app, "")._asked_for()
            headers["Authorization"] = f"Bearer {world.entra.token_for_client(app.stranger_client_id, str(client_id))}"
        call = HttpCall.of("GET", f"https://{app.site_host}/{app.route_prefix}/orders", headers)
        return at_once(site(call, world)).status in (401, 403)

    async def live(self) -> None:
        """Starts the operator, and again whenever it has died, until cancelled."""
        environment = dict(await asyncio.to_thread(self.stage.environment))
        environment |= {"PATH": os.environ["PATH"], "FUNCGATE_LEADER_ELECTION": "false"}
        environment["PYTHONPATH"] = str(Path(__file__).parents[2] / "operator")
        try:
            while True:
                self._process = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-c", OPERATOR, f"test={self.namespace}"),
                    env=environment,
                    stdout=asyncio.subprocess.DEVNULL,
                    stderr=asyncio.subprocess.DEVNULL,
                )
                await self._process.wait()
        finally:
            if self._process and self._process.returncode is None:
                self._process.kill()
                await self._process.wait()

    def say_since(self, days: int) -> None:
        """The key in the named value has been used for so many days."""
        assert self.app
        world = self.stage.azure.world
        at = f"{self.app.service_id}/namedValues/{self.app.site_id.rpartition('/')[2]}-key"
        properties = world.arm.need(at).properties
        others = [tag for tag in properties["tags"] if not tag.startswith("funcgate-key-since=")]
        then = datetime.now(UTC) - timedelta(days=days)
        properties["tags"] = [*others, f"funcgate-key-since={then:%Y-%m-%dT%H:%M:%SZ}"]
        world.arm.touch(at)

    async def until(self, happened: Callable[[], bool], meanwhile: Callable[[], None] = lambda: None) -> None:
        """It has happened; until then somebody does something and asks for a look, again and again."""
        async with asyncio.timeout(SECONDS):
            while not happened():
                meanwhile()
                now = f"{asyncio.get_running_loop().time():.3f}"
                await self.kubectl(
                    "annotate", "fab", "orders", "--overwrite", f"funcgate.dev/reconcile-requested-at={now}"
                )
                self.wrote.clear()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self.wrote.wait(), 1)

    async def kubectl(self, *args: str, text: str | None = None) -> str:
        run = self.stage.plane.kubectl
        return (await asyncio.to_thread(run, "--namespace", self.namespace, *args, input=text)).stdout


@pytest.fixture(scope="module")
def installed(control_plane: ControlPlane) -> ControlPlane:
    install(control_plane)
    return control_plane


@pytest.fixture
async def mortal(installed: ControlPlane, namespace: str, tmp_path: Path) -> AsyncIterator[Mortal]:
    async with Simulator(check_contracts=False) as azure:
        stage = Stage(installed, azure, tmp_path)
        await asyncio.to_thread(stage.let_the_operator_in)
        found = Mortal(stage, namespace)
        azure.world.switches.operation_polls = 0
        azure.world.log = WatchedLog(found.watch)
        living = asyncio.create_task(found.live())
        try:
            yield found
        finally:
            living.cancel()
            await asyncio.gather(living, return_exceptions=True)


def manifest(mortal: Mortal, app: Deployed, **spec: Any) -> str:
    whole = {"apiManagement": {"id": app.service_id}, "functionApp": {"id": app.site_id}} | spec
    metadata = {"name": app.name, "labels": {"test": mortal.namespace}}
    return json.dumps({"apiVersion": f"{GROUP}/{VERSION}", "kind": KIND, "metadata": metadata, "spec": whole})


def twice(writes: list[str], allowed: Mapping[str, int]) -> dict[str, int]:
    """What was written more often than once, or than it may."""
    return {each: count for each, count in Counter(writes).items() if count > allowed.get(each, 1)}


async def test_from_nothing_to_ready_and_away_again(mortal: Mortal) -> None:
    app = mortal.app = deployed(mortal.stage.azure.world, "orders")
    callers = Callers(mortal.stage.azure, app, "orders")

    await mortal.kubectl("apply", "-f", "-", text=manifest(mortal, app, api={"path": "orders"}))
    await mortal.kubectl("wait", "--for=condition=Ready", "fab/orders", f"--timeout={SECONDS}s")
    assert [(await call()).status for call in (callers.through_the_gateway, callers.with_the_key)] == [200, 401]
    assert mortal.deaths >= len(mortal.writes) - 1 > 8
    assert twice(mortal.writes, {}) == {}

    mortal.writes.clear()
    await mortal.kubectl("delete", "fab", "orders", f"--timeout={SECONDS}s")

    assert twice(mortal.writes, {}) == {}
    world = mortal.stage.azure.world
    left = [key for key in world.arm.documents if "shop-orders" in key or "orders-fn-key" in key or "/backends/" in key]
    assert (left, [each for each in world.entra.applications.values() if each.get("uniqueName")]) == ([], [])
    assert (mortal.opened, mortal.closed()) == ([], True)


async def test_a_key_takes_its_turn(mortal: Mortal) -> None:
    app = mortal.app = deployed(mortal.stage.azure.world, "orders")
    callers = Callers(mortal.stage.azure, app, "orders")
    key = {"source": "HostKey", "rotateAfter": "720h"}
    wish = manifest(mortal, app, api={"path": "orders"}, functionApp={"id": app.site_id, "key": key})
    await mortal.kubectl("apply", "-f", "-", text=wish)
    await mortal.kubectl("wait", "--for=condition=Ready", "fab/orders", f"--timeout={SECONDS}s")
    mortal.writes.clear()

    mortal.say_since(days=31)
    await mortal.until(lambda: len(mortal.writes) == 3)
    assert (await callers.through_the_gateway()).status == 200
    await mortal.until(lambda: len(mortal.writes) == 4, meanwhile=lambda: mortal.say_since(days=1))
    assert (await callers.through_the_gateway()).status == 200

    assert [each.partition(" ")[0] for each in mortal.writes] == ["PATCH", "PUT", "PUT", "DELETE"]
    made, dropped = mortal.writes[1].partition(" ")[2], mortal.writes[3].partition(" ")[2]
    assert made.startswith("functionKeys/funcgate-")
    assert dropped.startswith("functionKeys/funcgate-")
    assert made != dropped
    assert (mortal.opened, mortal.closed()) == ([], True)


async def test_what_was_imported_is_taken_over_and_given_back(mortal: Mortal) -> None:
    app: Imported = imported(mortal.stage.azure.world, "billing")
    mortal.app = app
    callers = Callers(mortal.stage.azure, app, app.api_path)
    api = {"name": app.api_name, "import": {"from": "None"}}

    await mortal.kubectl("apply", "-f", "-", text=manifest(mortal, app, api=api, adopt=True))
    await mortal.kubectl("wait", "--for=condition=Ready", "fab/billing", f"--timeout={SECONDS}s")
    assert [(await call()).status for call in (callers.through_the_gateway, callers.with_the_key)] == [200, 401]
    assert twice(mortal.writes, {}) == {}

    await mortal.kubectl("delete", "fab", "billing", f"--timeout={SECONDS}s")

    assert "funcgate" not in str(mortal.stage.azure.world.arm.need(app.backend_id).properties)
    assert (mortal.opened, mortal.closed()) == ([], True)
