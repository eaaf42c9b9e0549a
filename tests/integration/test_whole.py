"""Everything together: kubectl, a real Kubernetes API, the operator with its own rights, and the simulated Azure."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from azuresim import Simulator
from azuresim.scenarios import Imported, deployed, imported
from azuresim.world import Call
from controlplane import ControlPlane
from funcgate.cli.run import operate
from funcgate.controller.main import Tuning
from funcgate.settings import Settings
from funcgate.spec import GROUP, KIND, VERSION
from stage import OPERATOR_ACCOUNT, OPERATOR_NAMESPACE, Callers, Stage, install, token_claims

OPERATOR = f"system:serviceaccount:{OPERATOR_NAMESPACE}:{OPERATOR_ACCOUNT}"
SECONDS = 30
pytestmark = pytest.mark.xdist_group("cluster")  # these modules apply what the whole cluster shares, so in turn


@dataclass(frozen=True)
class Whole:
    """A team's namespace with the operator at work, and their Azure."""

    stage: Stage
    team: Imported
    namespace: str

    @property
    def callers(self) -> Callers:
        """Whoever calls the team's function."""
        return Callers(self.stage.azure, self.team, self.team.api_path)

    async def kubectl(self, *args: str, text: str | None = None) -> str:
        """What kubectl prints."""
        run = self.stage.plane.kubectl
        return (await asyncio.to_thread(run, "--namespace", self.namespace, *args, input=text)).stdout

    async def apply(self, name: str = "orders", **spec: Any) -> None:
        """A binding of this name for the imported API; keywords replace top-level fields of its spec."""
        whole = {
            "apiManagement": {"id": self.team.service_id},
            "functionApp": {"id": self.team.site_id},
            "entra": {"registration": {"type": "Existing", "clientId": self.team.client_id}},
            "api": {"name": self.team.api_name, "import": {"from": "None"}},
            "adopt": True,
        }
        manifest = {
            "apiVersion": f"{GROUP}/{VERSION}",
            "kind": KIND,
            "metadata": {"name": name, "labels": {"test": self.namespace}},
            "spec": whole | spec,
        }
        await self.kubectl("apply", "-f", "-", text=json.dumps(manifest))

    async def ready(self) -> None:
        """As a pipeline waits."""
        await self.kubectl("wait", "--for=condition=Ready", "fab/orders", f"--timeout={SECONDS}s")

    async def look_again(self, when: str) -> None:
        """Somebody asks for a check, and it is done."""
        await self.kubectl("annotate", "--overwrite", "fab/orders", f"funcgate.dev/reconcile-requested-at={when}")
        await self.kubectl(
            "wait", f"--for=jsonpath={{.status.lastHandledReconcileAt}}={when}", "fab/orders", f"--timeout={SECONDS}s"
        )

    async def binding(self, name: str = "orders") -> dict[str, Any]:
        """The object, empty when there is none."""
        shown = await self.kubectl("get", "fab", name, "-o", "json", "--ignore-not-found")
        return dict(json.loads(shown)) if shown.strip() else {}

    async def reason(self, type_: str = "Ready", name: str = "orders") -> str:
        """Status and reason of a condition."""
        conditions = (await self.binding(name)).get("status", {}).get("conditions", ())
        return next((f"{each['status']} {each['reason']}" for each in conditions if each["type"] == type_), "absent")

    async def notes(self) -> list[str]:
        """What the events say."""
        return [
            each["note"]
            for each in json.loads(await self.kubectl("get", "events.events.k8s.io", "-o", "json"))["items"]
        ]

    def kubernetes_writes(self) -> list[str]:
        """What the operator wrote to this namespace's bindings."""
        return [
            entry.subresource or "object"
            for entry in self.stage.plane.audit(OPERATOR)
            if entry.namespace == self.namespace and entry.resource == "functionapibindings" and entry.verb == "patch"
        ]

    def azure_calls(self) -> list[Call]:
        """What the operator asked of ARM and Graph."""
        return [call for call in self.stage.azure.world.log if call.service in ("arm", "graph")]

    def azure_writes(self) -> list[str]:
        """The operator's writes: method and last part of the path."""
        lists = ("/listkeys", "/listvalue")  # POSTs that only read
        asked = [call for call in self.azure_calls() if not call.path.lower().endswith(lists)]
        writes = [call for call in asked if call.method not in ("GET", "HEAD")]
        return [f"{call.method} {call.path.rpartition('/')[2]}" for call in writes]

    async def answers(self) -> tuple[int, int, int, int]:
        """Through the gateway; past it with the key, with nothing, and as another application."""
        who = self.callers
        calls = (who.through_the_gateway, who.with_the_key, who.past_the_gateway, who.as_somebody_else)
        got = [(await call()).status for call in calls]
        return (got[0], got[1], got[2], got[3])


@pytest.fixture(scope="module")
def installed(control_plane: ControlPlane) -> ControlPlane:
    install(control_plane)
    return control_plane


@pytest.fixture
async def whole(
    installed: ControlPlane, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Whole]:
    """The operator is at work; it is stopped at the end, and must end well."""
    async with Simulator(check_refused=True) as azure:
        team = imported(azure.world)
        stage = Stage(installed, azure, tmp_path)
        await asyncio.to_thread(stage.let_the_operator_in)
        for name, value in (await asyncio.to_thread(stage.environment)).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("FUNCGATE_LEASE_NAME", namespace)
        async with operating(namespace):
            yield Whole(stage, team, namespace)


@asynccontextmanager
async def operating(namespace: str) -> AsyncIterator[None]:
    """One operator, as its environment says, for the bindings of this test."""
    stop = asyncio.Event()
    tuning = Tuning(label_selector=f"test={namespace}", grace_seconds=5)
    running = asyncio.create_task(operate(Settings.read(), stop=stop, tuning=tuning))
    yield
    stop.set()
    assert await asyncio.wait_for(running, SECONDS) == 0


async def becomes(question: Callable[[], Awaitable[Any]], answer: Any) -> None:
    """The question gets this answer soon."""
    last = None
    try:
        async with asyncio.timeout(SECONDS):
            while (last := await question()) != answer:  # noqa: ASYNC110  another process changes it
                await asyncio.sleep(0.1)
    except TimeoutError:
        pytest.fail(f"it is still {last!r} instead of {answer!r}")


async def test_one_manifest_locks_an_imported_function_behind_the_gateway(whole: Whole) -> None:
    assert await whole.answers() == (200, 200, 401, 200)
    await whole.apply()
    await whole.ready()
    assert await whole.answers() == (200, 401, 401, 403)
    claims = token_claims(await whole.callers.through_the_gateway())
    status = (await whole.binding())["status"]
    assert (claims["aud"], claims["azp"]) == (whole.team.client_id, status["identityClientId"])


async def test_three_fields_publish_and_lock_an_app_that_nobody_published(whole: Whole) -> None:
    app = deployed(whole.stage.azure.world, "stock")
    callers = Callers(whole.stage.azure, app, "stock")
    fields = {"functionApp": {"id": app.site_id}, "api": {"path": "stock"}, "entra": {}, "adopt": False}

    await whole.apply(**fields)
    await whole.ready()

    calls = (callers.through_the_gateway, callers.with_the_key, callers.past_the_gateway, callers.as_somebody_else)
    assert [(await call()).status for call in calls] == [200, 401, 401, 403]
    status = (await whole.binding())["status"]
    assert token_claims(await callers.through_the_gateway())["aud"] == status["clientId"]


async def test_each_document_is_written_once_and_the_object_three_times(whole: Whole) -> None:
    await whole.apply()
    await whole.ready()
    documents = ["PATCH contoso", f"PATCH {whole.team.application_id}", "PUT authsettingsV2", "PUT orders-fn"]
    assert sorted(whole.azure_writes()) == [*documents, "PUT policy"]
    assert whole.kubernetes_writes() == ["object", "status", "status"]


async def test_the_status_shows_what_people_look_for(whole: Whole) -> None:
    await whole.apply()
    await whole.ready()
    binding = await whole.binding()
    status, team = binding["status"], whole.team
    assert (status["gatewayUrl"], status["hostName"]) == (f"https://{team.gateway_host}", team.site_host)
    assert (status["apiPath"], status["clientId"]) == (team.api_path, team.client_id)
    assert status["observedGeneration"] == binding["metadata"]["generation"] == 1
    assert {each["observedGeneration"] for each in status["conditions"]} == {1}
    row = (await whole.kubectl("get", "functionapibindings", "--no-headers")).split()
    assert row[:5] == ["orders", "True", "InSync", team.api_path, f"https://{team.gateway_host}"]


async def test_a_check_of_a_settled_binding_writes_nothing_but_that_it_was_asked_for(whole: Whole) -> None:
    await whole.apply()
    await whole.ready()
    whole.stage.azure.world.log.clear()
    before = whole.kubernetes_writes()
    await whole.look_again("now")
    assert whole.azure_calls()
    assert whole.azure_writes() == []
    assert whole.kubernetes_writes()[len(before) :] == ["status"]


async def test_a_door_that_was_opened_by_hand_is_closed_and_an_event_names_the_field(whole: Whole) -> None:
    await whole.apply()
    await whole.ready()
    settings = whole.stage.azure.world.arm.need(f"{whole.team.site_id}/config/authsettingsV2")
    settings.properties["platform"]["enabled"] = False
    assert (await whole.answers())[1] == 200
    await whole.look_again("door")
    assert await whole.answers() == (200, 401, 401, 403)

    async def told() -> bool:
        return any("EasyAuthReady" in note and "enabled: false → true" in note for note in await whole.notes())

    await becomes(told, True)
    assert await whole.reason() == "True InSync"


async def test_deleting_takes_our_statements_out_and_leaves_the_door_closed(whole: Whole) -> None:
    await whole.apply()
    await whole.ready()
    await whole.kubectl("delete", "fab", "orders", f"--timeout={SECONDS}s")
    assert await whole.binding() == {}
    assert f"{whole.team.api_id}/policies/policy".lower() not in whole.stage.azure.world.arm.documents
    assert await whole.answers() == (401, 401, 401, 403)


async def test_deleting_ends_when_the_whole_resource_group_is_gone(whole: Whole) -> None:
    await whole.apply()
    await whole.ready()
    whole.stage.azure.world.arm.remove_group(whole.team.group_id)
    await whole.kubectl("delete", "fab", "orders", f"--timeout={SECONDS}s")
    assert await whole.binding() == {}


async def test_a_binding_outside_the_scopes_is_refused_before_any_call(whole: Whole) -> None:
    elsewhere = whole.team.service_id.replace("shop-rg", "other-rg")
    await whole.apply(apiManagement={"id": elsewhere})
    await becomes(whole.reason, "False ScopeNotAllowed")
    assert await whole.reason("Stalled") == "True ScopeNotAllowed"
    assert whole.azure_calls() == []


async def test_one_binding_that_cannot_be_does_not_keep_another_from_its_way(whole: Whole) -> None:
    missing = whole.team.site_id.replace("orders-fn", "nobody-fn")
    await whole.apply("bad", functionApp={"id": missing})
    await whole.apply()
    await whole.ready()

    async def bad() -> tuple[str, str]:
        return await whole.reason(name="bad"), await whole.reason("Stalled", name="bad")

    await becomes(bad, ("False ResourceNotFound", "True ResourceNotFound"))


async def test_a_missing_role_is_named_with_its_action(whole: Whole) -> None:
    whole.stage.azure.world.denied.add("microsoft.web/sites/config/write")
    await whole.apply()
    await becomes(whole.reason, "False AuthorizationFailed")
    conditions = (await whole.binding())["status"]["conditions"]
    message = next(each["message"] for each in conditions if each["type"] == "EasyAuthReady")
    assert "microsoft.web/sites/config/write" in message.lower()
    assert (await whole.answers())[0] == 200, "callers through the gateway see nothing of it"
