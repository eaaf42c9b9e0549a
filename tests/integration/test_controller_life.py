"""
The controller on a real Kubernetes API, with the service account and the rights of deploy/; Azure is a script.

Each test has bindings, a function app and an operator of its own: the operator only sees what carries the test's label.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from builders import GROUP, SITE, a_manifest_spec
from controlplane import ControlPlane
from engines import AWrite, ScriptedEngine, ready, stalled, waiting
from funcgate.controller.access import Access, from_kubeconfig
from funcgate.controller.engines import Engines
from funcgate.controller.lease import Durations
from funcgate.controller.main import Tuning, operator_main
from funcgate.settings import Settings
from installing import by_kustomize

DEPLOY = Path(__file__).parents[2] / "deploy"
OPERATOR = "system:serviceaccount:funcgate-system:funcgate"
RIGHTS = ("Namespace", "ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding")
QUICK = Durations(lease=3, renew_deadline=2, retry=0.3, request_timeout=1)
pytestmark = [pytest.mark.usefixtures("our_kind"), pytest.mark.xdist_group("cluster")]


@pytest.fixture(scope="module")
def access(control_plane: ControlPlane) -> Access:
    """What the operator may do in these tests: just what is shipped."""
    manifests = control_plane.kubectl("kustomize", str(DEPLOY)).stdout.split("\n---\n")
    for kind in RIGHTS:
        for manifest in manifests:
            if f"\nkind: {kind}\n" in f"\n{manifest}":
                control_plane.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", input=manifest)
    return from_kubeconfig(control_plane.service_account_kubeconfig("funcgate-system", "funcgate"))


@dataclass
class Cluster:
    """A namespace, and what a person does and sees in it."""

    plane: ControlPlane
    namespace: str
    access: Access

    async def kubectl(self, *args: str, text: str | None = None) -> str:
        result = await asyncio.to_thread(self.plane.kubectl, "--namespace", self.namespace, *args, input=text)
        return result.stdout

    async def apply(self, name: str = "orders", *, annotations: dict[str, str] | None = None, **spec: Any) -> None:
        site = {"id": f"{SITE}-{self.namespace}"}
        manifest = {
            "apiVersion": "funcgate.dev/v1alpha1",
            "kind": "FunctionApiBinding",
            "metadata": {"name": name, "labels": {"test": self.namespace}, "annotations": annotations or {}},
            "spec": a_manifest_spec(**{"functionApp": site} | spec),
        }
        await self.kubectl("apply", "-f", "-", text=json.dumps(manifest))

    async def annotate(self, *annotations: str) -> None:
        await self.kubectl("annotate", "--overwrite", "fab", "orders", *annotations)

    async def get(self, name: str = "orders") -> Any:
        text = await self.kubectl("get", "fab", name, "-o", "json", "--ignore-not-found")
        return json.loads(text) if text.strip() else None

    async def condition(self, type_: str = "Ready", name: str = "orders") -> str:
        """Status and reason of a condition, and the generation that it speaks about."""
        conditions = ((await self.get(name)) or {}).get("status", {}).get("conditions", ())
        found = next((each for each in conditions if each["type"] == type_), None)
        return f"{found['status']} {found['reason']} {found['observedGeneration']}" if found else "absent"

    async def events(self) -> dict[str, str]:
        found = json.loads(await self.kubectl("get", "events.events.k8s.io", "-o", "json"))["items"]
        return {each["reason"]: each["note"] for each in found}

    def writes(self) -> list[str]:
        """What the operator wrote to the objects of this namespace so far, in order."""
        return [
            entry.subresource or "object"
            for entry in self.plane.audit(OPERATOR)
            if entry.verb == "patch" and entry.namespace == self.namespace and entry.status < 400
        ]

    @asynccontextmanager
    async def operator(
        self, engine: ScriptedEngine, *, ends_with: int = 0, access: Access | None = None, **settings: Any
    ) -> AsyncIterator["Operator"]:
        """The operator, ready, in this loop. It is stopped at the end, and must end with this exit code."""
        running = Operator(self, engine, access or self.access, settings)
        try:
            await running.ready()
            yield running
        finally:
            running.stop.set()
            code = await asyncio.wait_for(running.task, 20)
        assert code == ends_with


class Operator:
    """One operator process, as far as one loop can be one."""

    def __init__(self, cluster: Cluster, engine: ScriptedEngine, access: Access, settings: dict[str, Any]) -> None:
        self.engine = engine
        self.stop = asyncio.Event()
        self.port: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        own = {"azure_scopes": (GROUP,), "health_host": "127.0.0.1", "health_port": 0, "leader_election": False}
        self.task = asyncio.create_task(
            operator_main(
                Settings(**(own | settings)),
                self._engine,
                stop=self.stop,
                access=access,
                tuning=Tuning(grace_seconds=5, lease=QUICK, label_selector=f"test={cluster.namespace}"),
                serving=self.port.set_result,
            )
        )

    @asynccontextmanager
    async def _engine(self, _: Any) -> AsyncIterator[Engines]:
        async def nobody_else(client_id: str) -> Any:
            raise AssertionError(f"no namespace brings {client_id}")

        yield Engines(self.engine, nobody_else)  # type: ignore[arg-type]

    async def ready(self) -> None:
        async def probe() -> int:
            return (await self.probe("readyz"))[0]

        await becomes(probe, 200)

    async def probe(self, path: str) -> tuple[int, str]:
        url = f"http://127.0.0.1:{await self.port}/{path}"
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            return answer.status, await answer.text()


async def becomes(question: Callable[[], Awaitable[Any]], answer: Any) -> None:
    """The question gets this answer soon."""
    last = None
    try:
        async with asyncio.timeout(20):
            while (last := await question()) != answer:  # noqa: ASYNC110  another process changes it
                await asyncio.sleep(0.05)
    except TimeoutError:
        pytest.fail(f"it is still {last!r} instead of {answer!r}")


@pytest.fixture
def cluster(control_plane: ControlPlane, namespace: str, access: Access) -> Cluster:
    return Cluster(control_plane, namespace, access)


async def test_a_new_binding_is_held_then_seen_then_ready_in_three_writes(cluster: Cluster) -> None:
    engine = ScriptedEngine([ready(facts={"gatewayUrl": "https://contoso.azure-api.net"})])
    async with cluster.operator(engine):
        await cluster.apply()
        await becomes(cluster.condition, "True InSync 1")
    found = await cluster.get()
    assert found["metadata"]["finalizers"] == ["funcgate.dev/azure"]
    assert found["status"]["observedGeneration"] == 1
    assert found["status"]["gatewayUrl"] == "https://contoso.azure-api.net"
    assert cluster.writes() == ["object", "status", "status"]
    assert len(engine.seen) == 1, "our own writes call for no further pass"


async def test_while_it_waits_each_new_reason_is_one_write(cluster: Cluster) -> None:
    steps = [waiting(retry_after=0.1), waiting(retry_after=0.1), waiting("IdentityPending", retry_after=0.1), ready()]
    engine = ScriptedEngine(steps)
    async with cluster.operator(engine):
        await cluster.apply()
        await becomes(cluster.condition, "True InSync 1")
    assert cluster.writes() == ["object", "status", "status", "status", "status"]


async def test_a_correction_makes_an_event_and_no_write_to_the_object(cluster: Cluster) -> None:
    engine = ScriptedEngine([ready(), ready(changes=[AWrite()])])
    async with cluster.operator(engine):
        await cluster.apply()
        await becomes(cluster.condition, "True InSync 1")
        before = cluster.writes()
        await cluster.annotate("funcgate.dev/reconcile-requested-at=now")

        async def note() -> str | None:
            return (await cluster.events()).get("DriftCorrected")

        await becomes(note, "BackendReady: url: http://orders → https://orders")
    assert cluster.writes()[len(before) :] == ["status"], "only that the request was answered"
    assert (await cluster.get())["status"]["lastHandledReconcileAt"] == "now"


async def test_a_changed_spec_is_acted_on_and_reported_for_its_generation(cluster: Cluster) -> None:
    async with cluster.operator(ScriptedEngine()):
        await cluster.apply()
        await becomes(cluster.condition, "True InSync 1")
        await cluster.apply(drift={"interval": "20m"})
        await becomes(cluster.condition, "True InSync 2")


async def test_deleting_a_binding_tears_down_and_lets_go(cluster: Cluster) -> None:
    engine = ScriptedEngine()
    async with cluster.operator(engine):
        await cluster.apply()
        await becomes(cluster.condition, "True InSync 1")
        await cluster.kubectl("delete", "fab", "orders", "--wait=false")
        await becomes(cluster.get, None)
    assert [each.deleting for each in engine.seen] == [False, True]
    assert "Deleted" in await cluster.events()


async def test_a_binding_outside_the_scopes_is_refused_before_any_pass(cluster: Cluster) -> None:
    engine = ScriptedEngine()
    async with cluster.operator(engine, azure_scopes=()):
        await cluster.apply()
        await becomes(cluster.condition, "False ScopeNotAllowed 1")
        assert await cluster.condition("Stalled") == "True ScopeNotAllowed 1"
        assert await cluster.condition("BackendReady") == "Unknown ScopeNotAllowed 1"
        await cluster.kubectl("delete", "fab", "orders", "--wait=false")
        await becomes(cluster.get, None)
    assert engine.seen == []
    assert cluster.writes() == ["status"], "what never was let in is not held either"


async def test_a_namespace_narrows_the_scopes(cluster: Cluster) -> None:
    await cluster.kubectl("annotate", "namespace", cluster.namespace, f"funcgate.dev/azure-scopes={GROUP}-other")
    async with cluster.operator(ScriptedEngine()):
        await cluster.apply()
        await becomes(cluster.condition, "False ScopeNotAllowed 1")


async def test_a_paused_binding_is_left_alone_even_when_deleted(cluster: Cluster) -> None:
    engine = ScriptedEngine()
    async with cluster.operator(engine):
        await cluster.apply()
        await becomes(cluster.condition, "True InSync 1")
        await cluster.annotate("funcgate.dev/paused=true")
        await becomes(cluster.condition, "Unknown Paused 1")
        await cluster.kubectl("delete", "fab", "orders", "--wait=false")
        assert await cluster.condition("BackendReady") == "True InSync 1"
        assert len(engine.seen) == 1
        await cluster.annotate("funcgate.dev/paused-")
        await becomes(cluster.get, None)


async def test_one_bad_binding_does_not_keep_others_from_their_passes(cluster: Cluster) -> None:
    engine = ScriptedEngine([lambda it: stalled() if it.name == "bad" else ready()])
    async with cluster.operator(engine):
        await cluster.apply("bad")
        await cluster.apply("good")

        async def both() -> tuple[str, str]:
            return await cluster.condition(name="bad"), await cluster.condition(name="good")

        await becomes(both, ("False Conflict 1", "True InSync 1"))
    assert {each.name for each in engine.seen[-1].neighbours} == {f"{cluster.namespace}/bad"}


async def test_an_unexpected_error_is_admitted_and_retried(cluster: Cluster) -> None:
    engine = ScriptedEngine([TypeError("a mistake of ours"), ready()])
    async with cluster.operator(engine):
        await cluster.apply()
        await becomes(cluster.condition, "True InSync 1")
    assert len(engine.seen) == 2


async def test_what_happened_while_nobody_ran_is_made_up_for(cluster: Cluster) -> None:
    async with cluster.operator(ScriptedEngine()):
        await cluster.apply()
        await becomes(cluster.condition, "True InSync 1")
    await cluster.kubectl("delete", "fab", "orders", "--wait=false")
    async with cluster.operator(ScriptedEngine()):
        await becomes(cluster.get, None)


async def test_a_settled_binding_sees_no_pass_and_no_write_after_a_restart(cluster: Cluster) -> None:
    async with cluster.operator(ScriptedEngine()):
        await cluster.apply()
        await becomes(cluster.condition, "True InSync 1")
    before = cluster.writes()
    engine = ScriptedEngine()
    async with cluster.operator(engine) as running:
        depth = [line for line in (await running.probe("metrics"))[1].splitlines() if "workqueue_depth{" in line]
    assert depth == ['workqueue_depth{name="bindings"} 0.0']
    assert (engine.seen, cluster.writes()) == ([], before)


async def test_a_pass_under_way_is_finished_before_the_operator_stops(cluster: Cluster) -> None:
    engine = ScriptedEngine(hold=asyncio.Event())
    async with cluster.operator(engine) as running:
        await cluster.apply()
        await becomes(engine.passes_under_way, 1)
        running.stop.set()
        assert engine.hold
        engine.hold.set()
    assert await cluster.condition() == "True InSync 1"


async def test_the_second_of_two_stands_by_and_takes_over_at_once(cluster: Cluster) -> None:
    election = {"leader_election": True, "lease_name": cluster.namespace}
    first, second = ScriptedEngine(), ScriptedEngine()
    async with cluster.operator(first, **election) as one, cluster.operator(second, **election) as other:
        await cluster.apply()
        await becomes(cluster.condition, "True InSync 1")
        leader, standby = (one, other) if first.seen else (other, one)
        assert standby.engine.seen == []
        leader.stop.set()
        await leader.task
        await cluster.apply(drift={"interval": "20m"})
        await becomes(cluster.condition, "True InSync 2")
        assert [each.generation for each in standby.engine.seen] == [2]


async def test_a_stolen_lease_ends_the_process_and_writes_nothing_more(cluster: Cluster) -> None:
    engine = ScriptedEngine(hold=asyncio.Event())
    async with cluster.operator(engine, ends_with=1, leader_election=True, lease_name=cluster.namespace) as running:
        await cluster.apply()
        await becomes(engine.passes_under_way, 1)
        before = cluster.writes()
        theft = ["patch", "lease", cluster.namespace, "-n", "funcgate-system", "--type=merge"]
        await asyncio.to_thread(cluster.plane.kubectl, *theft, '-p={"spec":{"holderIdentity":"thief"}}')
        await asyncio.wait_for(asyncio.shield(running.task), 10)
    assert engine.at_work == 0
    assert cluster.writes() == before


async def test_a_cluster_without_our_kind_is_a_clear_end(cluster: Cluster, caplog: pytest.LogCaptureFixture) -> None:
    async with AsyncExitStack() as stack:
        nowhere = Access(server=await stack.enter_async_context(_an_api_without_our_kind()))
        code = await operator_main(
            Settings(health_host="127.0.0.1", health_port=0), _no_engine, stop=asyncio.Event(), access=nowhere
        )
    assert code == 2
    assert "apply crds/ first" in caplog.records[-1].detail  # type: ignore[attr-defined]


def _no_engine(_: Any) -> Any:
    raise AssertionError("nothing is to be acted on")


@asynccontextmanager
async def _an_api_without_our_kind() -> AsyncIterator[str]:
    server = TestServer(web.Application())
    await server.start_server()
    try:
        yield str(server.make_url("")).rstrip("/")
    finally:
        await server.close()


# --- without rights in the whole cluster


@dataclass
class Narrow:
    """An installation whose operator watches one namespace and has rights in no other."""

    cluster: Cluster
    system: str
    elsewhere: Cluster

    @property
    def user(self) -> str:
        return f"system:serviceaccount:{self.system}:funcgate"

    async def apply_elsewhere(self) -> None:
        """A binding in the other namespace, which differs in nothing but that."""
        manifest = await self.cluster.get()
        manifest["metadata"] = {"name": "orders", "labels": manifest["metadata"]["labels"]}
        await self.elsewhere.kubectl("apply", "-f", "-", text=json.dumps(manifest | {"status": None}))


@pytest.fixture
def narrow(control_plane: ControlPlane, namespace: str) -> Narrow:
    system, elsewhere = control_plane.namespace("system"), control_plane.namespace("elsewhere")
    for each in by_kustomize(["namespaced"], namespaces=[namespace]):
        if each["kind"] in {"ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"}:
            control_plane.apply(json.dumps(each).replace("funcgate-system", system))
    access = from_kubeconfig(control_plane.service_account_kubeconfig(system, "funcgate"))
    return Narrow(Cluster(control_plane, namespace, access), system, Cluster(control_plane, elsewhere, access))


async def test_an_operator_of_named_namespaces_needs_no_right_in_the_whole_cluster(narrow: Narrow) -> None:
    cluster, engine = narrow.cluster, ScriptedEngine()
    await cluster.apply()
    await narrow.apply_elsewhere()
    elsewhere = await narrow.elsewhere.get()
    watched = {"namespaces": (cluster.namespace,), "pod_namespace": narrow.system, "leader_election": True}
    async with cluster.operator(engine, **watched):
        await becomes(cluster.condition, "True InSync 1")
        await cluster.apply(drift={"interval": "20m"})
        await becomes(cluster.condition, "True InSync 2")
        assert set(await cluster.events()) >= {"InSync"}
        await cluster.kubectl("delete", "fab", "orders", "--wait=false")
        await becomes(cluster.get, None)
    assert await narrow.elsewhere.get() == elsewhere, "nobody touched it"
    assert {each.namespace for each in engine.seen} == {cluster.namespace}
    asked = cluster.plane.audit(narrow.user)
    assert [each for each in asked if each.status == 403] == []
    assert {each.namespace for each in asked if each.resource} <= {cluster.namespace, narrow.system}
    used = {("/".join(filter(None, (each.resource, each.subresource))), each.verb) for each in asked if each.resource}
    granted = {
        (resource, verb)
        for role in by_kustomize(["namespaced"], namespaces=[cluster.namespace])
        for rule in role.get("rules", ())
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
    assert used <= granted
    assert granted - used <= {("functionapibindings", "get")}, "which is for what the watch has missed"


async def test_without_rights_in_one_of_them_it_acts_in_none_and_says_which(
    narrow: Narrow, caplog: pytest.LogCaptureFixture
) -> None:
    """Whose bindings it cannot list may share a function app with those that it can."""
    cluster, other, engine = narrow.cluster, narrow.elsewhere.namespace, ScriptedEngine()
    await cluster.apply()
    settings = {"namespaces": (cluster.namespace, other), "pod_namespace": narrow.system}
    operator = Operator(cluster, engine, cluster.access, settings)

    async def told() -> bool:
        return any(f'in the namespace "{other}"' in str(vars(each).get("detail")) for each in caplog.records)

    await becomes(told, True)
    assert await operator.probe("readyz") == (503, "the initial list is not complete\n")
    operator.stop.set()
    assert await asyncio.wait_for(operator.task, 20) == 0
    assert engine.seen == []
