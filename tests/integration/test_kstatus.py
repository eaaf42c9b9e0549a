"""
A binding's life, seen by those who only read its object: kstatus (Flux, kpt) and `kubectl wait`.

The operator lives it on a real Kubernetes API and a simulated Azure; what the API server showed at each moment is kept
in tests/kstatus/fixtures, where Argo CD's health check is tried on it too (tests/unit/test_argocd_health.py). What is
particular to a run, such as uids and times, is put on a fixed value. UPDATE_FIXTURES=1 writes them anew.
"""

import asyncio
import contextlib
import json
import os
import re
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

import argocd
import kstatus
from azuresim import Simulator
from azuresim.faults import FOREVER
from azuresim.scenarios import Deployed, deployed
from controlplane import ControlPlane
from funcgate.cli.run import operate
from funcgate.controller.main import Tuning
from funcgate.settings import Settings
from stage import SAMPLES, Stage, install

SECONDS = 60
pytestmark = pytest.mark.xdist_group("cluster")

Json = dict[str, Any]

IN_PROGRESS, CURRENT, FAILED, TERMINATING = "InProgress", "Current", "Failed", "Terminating"
MOMENTS = {
    "new": IN_PROGRESS,  # stored, and not seen by the operator yet
    "reconciling": IN_PROGRESS,
    "throttled": IN_PROGRESS,
    "ready": CURRENT,
    "drifted": CURRENT,  # somebody has opened the door, and nobody has looked since
    "corrected": CURRENT,
    "needs-a-person": FAILED,
    "paused": IN_PROGRESS,
    "observing": IN_PROGRESS,  # something differs, and is left so
    "changed": IN_PROGRESS,  # another spec, and not seen by the operator yet
    "restarted": CURRENT,  # by the next process
    "deleting": TERMINATING,
    "delete-blocked": TERMINATING,
}


@dataclass
class Life:
    """A binding, what was ever shown of it, and the moments that are kept."""

    stage: Stage
    app: Deployed
    namespace: str
    shown: list[Json] = field(default_factory=list)
    moments: dict[str, Json] = field(default_factory=dict)
    waited: dict[str, bool] = field(default_factory=dict)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    _read: int = 0

    async def kubectl(self, *args: str, check: bool = True, text: str | None = None) -> int:
        """How kubectl ended."""
        run = self.stage.plane.kubectl
        done = await asyncio.to_thread(run, "--namespace", self.namespace, *args, check=check, input=text)
        return done.returncode

    async def apply(self, **spec: Any) -> None:
        """The sample, with these top-level fields of its spec besides."""
        manifest = yaml.safe_load((SAMPLES / "orders.yaml").read_text())
        manifest["metadata"]["labels"] = {"test": self.namespace}
        manifest["spec"] |= spec
        await self.kubectl("apply", "--server-side", "-f", "-", text=json.dumps(manifest))

    async def annotate(self, *annotations: str) -> None:
        await self.kubectl("annotate", "--overwrite", "fab/orders", *(f"funcgate.dev/{each}" for each in annotations))

    async def until(self, seen: Callable[[Json], bool], moment: str = "") -> None:
        """The object was shown so, since what was read last; that is kept as this moment."""
        try:
            async with asyncio.timeout(SECONDS):
                while True:
                    while self._read < len(self.shown):
                        self._read += 1
                        if seen(self.shown[self._read - 1]):
                            return self.keep(moment)
                    self.news.clear()
                    await self.news.wait()
        except TimeoutError:
            pytest.fail(f"{moment or 'a moment'} never came; last shown: {json.dumps(self.shown[-1:], indent=1)}")

    def keep(self, moment: str) -> None:
        """The object as it was shown last is that of this moment."""
        if moment:
            self.moments[moment] = anonymous(self.shown[self._read - 1], self.namespace)

    async def waits(self, moment: str, condition: str = "Ready") -> None:
        """Whether `kubectl wait`, asked now, would go on waiting for the condition."""
        asked = ("wait", f"--for=condition={condition}", "fab/orders", "--timeout=0")
        self.waited[moment] = await self.kubectl(*asked, check=False) != 0

    def open_the_door(self) -> None:
        """Somebody switches the function app's authentication off in the portal."""
        settings = self.stage.azure.world.arm.need(f"{self.app.site_id}/config/authsettingsV2")
        settings.properties["platform"]["enabled"] = False

    @contextlib.contextmanager
    def without(self, *actions: str) -> Iterator[None]:
        """The operator lacks these rights meanwhile."""
        denied = self.stage.azure.world.denied
        denied.update(actions)
        yield
        denied.difference_update(actions)

    @asynccontextmanager
    async def operator(self) -> AsyncIterator[None]:
        """One operator, as its environment says, for this binding."""
        stop = asyncio.Event()
        tuning = Tuning(label_selector=f"test={self.namespace}", grace_seconds=5)
        running = asyncio.create_task(operate(Settings.read(), stop=stop, tuning=tuning))
        yield
        stop.set()
        assert await asyncio.wait_for(running, SECONDS) == 0

    async def watch(self) -> None:
        """Everything that the API server shows of the namespace's bindings is written down, until cancelled."""
        kubectl = [str(Path(sys.executable).parent / "kubectl"), "--kubeconfig", str(self.stage.plane.admin_kubeconfig)]
        asked = ["--namespace", self.namespace, "get", "fab", "--watch", "--output=json"]
        process = await asyncio.create_subprocess_exec(*kubectl, *asked, stdout=asyncio.subprocess.PIPE, limit=1 << 20)
        assert process.stdout
        try:
            text = ""
            while line := await process.stdout.readline():
                text += line.decode()
                if line == b"}\n":
                    self.shown.append(json.loads(text))
                    self.news.set()
                    text = ""
        finally:
            process.kill()
            await process.wait()


def ready(status: str, reason: str) -> Callable[[Json], bool]:
    """The object says so of Ready."""
    return lambda shown: (
        (status, reason) in {(each["status"], each["reason"]) for each in conditions(shown) if each["type"] == "Ready"}
    )


def conditions(shown: Json) -> list[Json]:
    return list(shown.get("status", {}).get("conditions", ()))


def handled(request: str) -> Callable[[Json], bool]:
    """The object says that this request was answered."""
    return lambda shown: shown.get("status", {}).get("lastHandledReconcileAt") == request


# --- what is particular to a run


IDS = {
    "clientId": "aaaaaaaa-0000-4000-8000-000000000000",
    "identityClientId": "cccccccc-0000-4000-8000-000000000000",
    "principalId": "eeeeeeee-0000-4000-8000-000000000000",
}
TIME = r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)"


def anonymous(shown: Json, namespace: str) -> Json:
    """The same object, as it would have been in the namespace shop at the turn of the year."""
    text = json.dumps(shown).replace(namespace, "shop")
    for name, fixed in IDS.items():
        text = text.replace(shown.get("status", {}).get(name, fixed), fixed)
    text = re.sub(TIME, "2026-01-01T00:00:00Z", text)
    text = re.sub(
        r"(funcgate-shop-orders)-[0-9a-f]{8}", r"\1-0a1b2c3d", text
    )  # a host key is named after the namespace
    found: Json = json.loads(text)
    metadata = found["metadata"]
    for name in ("labels", "managedFields"):
        metadata.pop(name, None)
    metadata |= {"uid": "00000000-0000-4000-8000-000000000000", "resourceVersion": "1"}
    return found


FIXTURES = kstatus.SOURCE / "fixtures"


def fixtures() -> Mapping[str, Json]:
    return {path.stem: yaml.safe_load(path.read_text()) for path in sorted(FIXTURES.glob("*.yaml"))}


def write(moments: Mapping[str, Json]) -> None:
    for name, each in moments.items():
        (FIXTURES / f"{name}.yaml").write_text(yaml.safe_dump(each, width=120, allow_unicode=True))


# --- the life


@pytest.fixture(scope="module")
def installed(control_plane: ControlPlane) -> ControlPlane:
    install(control_plane)
    return control_plane


@pytest.fixture
async def life(
    installed: ControlPlane, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Life]:
    async with Simulator() as azure:
        stage = Stage(installed, azure, tmp_path)
        await asyncio.to_thread(stage.let_the_operator_in)
        for name, value in (await asyncio.to_thread(stage.environment)).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("FUNCGATE_LEASE_NAME", namespace)
        found = Life(stage, deployed(azure.world), namespace)
        watching = asyncio.create_task(found.watch())
        yield found
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


async def test_the_objects_of_a_life_are_those_that_are_kept(life: Life) -> None:
    world = life.stage.azure.world
    throttling = world.faults.add(service="arm", status=429, headers={"Retry-After": "1"}, times=FOREVER)
    await life.apply()
    await life.until(lambda shown: True, "new")
    await life.waits("new")

    async with life.operator():
        await life.until(ready("Unknown", "Pending"), "reconciling")
        await life.until(ready("Unknown", "Throttled"), "throttled")
        await life.waits("throttled")
        throttling.times = 0
        await life.until(ready("True", "InSync"), "ready")
        await life.waits("ready")

        life.open_the_door()
        life.keep("drifted")
        await life.annotate("reconcile-requested-at=1")
        await life.until(handled("1"), "corrected")
        await life.waits("corrected")

        await life.annotate("paused=true")
        await life.until(ready("Unknown", "Paused"), "paused")
        await life.waits("paused")
        await life.annotate("paused-")
        await life.until(ready("True", "InSync"))

        life.open_the_door()
        await life.annotate("reconcile-policy=observe", "reconcile-requested-at=2")
        await life.until(handled("2"), "observing")
        await life.waits("observing")

        with life.without("microsoft.web/sites/config/write"):
            await life.annotate("reconcile-policy-", "reconcile-requested-at=3")
            await life.until(handled("3"), "needs-a-person")
            await life.waits("needs-a-person")
            await life.waits("needs a person, Stalled", "Stalled")
        await life.annotate("reconcile-requested-at=4")
        await life.until(ready("True", "InSync"))

    await life.apply(drift={"interval": "20m"})
    await life.until(lambda shown: shown["metadata"]["generation"] == 2, "changed")
    await life.waits("changed")

    async with life.operator():
        await life.until(lambda shown: shown["status"]["observedGeneration"] == 2, "restarted")
        await life.waits("restarted")

        with life.without("microsoft.apimanagement/service/apis/delete"):
            await life.kubectl("delete", "fab/orders", "--wait=false")
            await life.until(lambda shown: "deletionTimestamp" in shown["metadata"], "deleting")
            await life.until(ready("False", "DeleteBlocked"), "delete-blocked")
        await life.annotate("reconcile-requested-at=5")
        await life.kubectl("wait", "--for=delete", "fab/orders", f"--timeout={SECONDS}s")

    if os.environ.get("UPDATE_FIXTURES"):
        write(life.moments)
    assert life.moments == fixtures(), "UPDATE_FIXTURES=1 writes them anew"
    goes_on = dict.fromkeys(life.waited, True) | dict.fromkeys(("ready", "corrected", "restarted"), False)
    assert life.waited == goes_on | {"needs a person, Stalled": False}


@pytest.fixture(scope="module")
def judged() -> Mapping[str, str]:
    """What kstatus says of each moment."""
    kept = fixtures()
    return dict(zip(kept, kstatus.judge(list(kept.values())), strict=True))


def test_only_what_is_ready_for_its_generation_is_current(judged: Mapping[str, str]) -> None:
    assert judged == MOMENTS


def test_argo_cd_says_what_kstatus_says_and_tells_rest_from_progress(judged: Mapping[str, str]) -> None:
    script = (argocd.CUSTOMIZATION / "health.lua").read_text()
    healths = {name: argocd.health(script, each)["status"] for name, each in fixtures().items()}
    same = {CURRENT: "Healthy", FAILED: "Degraded", IN_PROGRESS: "Progressing", TERMINATING: "Progressing"}
    at_rest = dict.fromkeys(("paused", "observing"), "Suspended")
    assert healths == {name: same[status] for name, status in judged.items()} | at_rest
