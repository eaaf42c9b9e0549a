"""One pass from the queue to the status, over bindings in memory and with an engine that follows a script."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from builders import CLIENT_ID, GROUP, IDENTITY_CLIENT_ID, SITE
from engines import APass, AWrite, ScriptedEngine, ready, stalled, waiting, with_condition
from followed import followed
from funcgate.controller import registrations
from funcgate.controller.announce import Announcer
from funcgate.controller.cache import Cache, Snapshot
from funcgate.controller.contests import TIMES
from funcgate.controller.engines import Engines
from funcgate.controller.kube import Conflict, Invalid, KubeError, Unavailable
from funcgate.controller.lease import LeaseLost
from funcgate.controller.queue import Key, Priority, Queue
from funcgate.controller.reconciler import Reconciler, Rules
from funcgate.controller.scopes import ANNOTATION, AZURE_CLIENT_ID, CLIENT_IDS
from funcgate.controller.waits import Waits
from funcgate.metrics import Metrics
from funcgate.model import Action
from funcgate.spec import PAUSED, RECONCILE_POLICY, RECONCILE_REQUESTED_AT
from objects import KEY, ObjectsInMemory, a_ready_status, an_object

pytestmark = pytest.mark.looptime(start=1000)


class SpokenEvents:
    """Events as they were said."""

    def __init__(self) -> None:
        self.said: list[tuple[str, str, str]] = []

    def emit(self, snapshot: Snapshot, type_: str, reason: str, note: str, action: str = "Reconcile") -> None:
        self.said.append((type_, reason, note))


class TestFence:
    """Open until it is closed."""

    __test__ = False

    def __init__(self) -> None:
        self.closed = False

    def check(self) -> None:
        if self.closed:
            raise LeaseLost("closed")


@dataclass
class Stage:
    """A reconciler among stand-ins."""

    objects: ObjectsInMemory
    engine: ScriptedEngine
    reconciler: Reconciler
    queue: Queue
    events: SpokenEvents
    fence: TestFence
    metrics: Metrics
    acting: dict[str, ScriptedEngine]  # engines of identities that namespaces brought

    async def one_pass(self, key: Key = KEY) -> None:
        """One pass over `key`, as a worker makes it, after the greeting if it is new."""
        self.queue.add(key)
        if await self.another_pass() == "greeted":
            await self.another_pass()

    async def another_pass(self) -> str:
        """The pass that comes next, whenever that is; how it ended."""
        key = await self.queue.get()
        try:
            ended = await self.reconciler._attempt(key)
            self.metrics.passes.labels(ended).inc()
            return ended
        finally:
            self.queue.done(key)

    def ended(self, result: str) -> float | None:
        return self.metrics.registry.get_sample_value("funcgate_passes_total", {"result": result})

    @property
    def said(self) -> list[str]:
        return [reason for _, reason, _ in self.events.said]


Setting = Callable[..., Stage]


@pytest.fixture
def staged() -> Setting:
    def build(*bodies: dict[str, Any], steps: Any = None, rules: dict[str, Any] | None = None, **engine: Any) -> Stage:
        metrics, fence, events = Metrics(), TestFence(), SpokenEvents()
        objects = ObjectsInMemory(*bodies)
        cache = Cache(metrics)
        waits = Waits(metrics.ready_seconds)
        for body in bodies:
            cache.saw(Snapshot.read(body))
            waits.saw(Snapshot.read(body))
        queue = Queue(cache.lane, metrics.queue, random=lambda: 1.0)
        scripted = ScriptedEngine(**(({"steps": steps} if steps else {}) | engine))
        acting: dict[str, ScriptedEngine] = {}

        async def others(client_id: str) -> ScriptedEngine:
            return acting.setdefault(client_id, ScriptedEngine())

        reconciler = Reconciler(
            engines=Engines(scripted, others),  # type: ignore[arg-type]
            bindings=objects,  # type: ignore[arg-type]
            cache=cache,
            queue=queue,
            waits=waits,
            announcer=Announcer(events, metrics),  # type: ignore[arg-type]
            metrics=metrics,
            fence=fence,
            rules=Rules(**({"instance_id": "prod", "azure_scopes": (GROUP,)} | (rules or {}))),
            random=lambda: 0.5,
        )
        return Stage(objects, scripted, reconciler, queue, events, fence, metrics, acting)

    return build


def now() -> float:
    return asyncio.get_running_loop().time()


async def seconds_until_next(stage: Stage) -> float:
    before = now()
    key = await stage.queue.get()
    stage.queue.done(key)
    return now() - before


# --- from nothing to Ready, and at rest


async def test_a_new_object_is_held_greeted_and_reconciled(staged: Setting) -> None:
    stage = staged(an_object(held=False))
    await stage.one_pass()
    assert stage.objects.kinds == ["add finalizer", "status", "status"]
    greeting = [(each["type"], each["status"]) for each in stage.objects.writes[1][1]["conditions"]]
    assert greeting == [
        ("Ready", "Unknown"),
        ("Reconciling", "True"),
        ("Stalled", "False"),
        ("BackendReady", "Unknown"),
        ("PolicyReady", "Unknown"),
    ]
    assert stage.objects.condition() == "True InSync"
    assert stage.said == ["InSync"]


async def test_a_new_object_is_greeted_while_its_service_is_busy(staged: Setting) -> None:
    others = [an_object(f"busy-{number}", status=a_ready_status()) for number in range(4)]
    stage = staged(an_object(held=False), *others, hold=asyncio.Event())
    workers = [asyncio.create_task(stage.reconciler.work()) for _ in range(8)]
    for body in others:
        stage.queue.add(Key("shop", body["metadata"]["name"]))
    await asyncio.sleep(1)
    stage.queue.add(KEY)
    await asyncio.sleep(1)
    assert (stage.engine.at_work, stage.objects.condition()) == (4, "Unknown Pending")
    for worker in workers:
        worker.cancel()


async def test_the_engine_gets_the_whole_binding(staged: Setting) -> None:
    stage = staged(an_object(generation=7))
    await stage.one_pass()
    binding = stage.engine.seen[0]
    assert (str(binding.namespace), binding.name, binding.generation, binding.owner, binding.deleting) == (
        "shop", "orders", 7, "prod/shop/orders", False
    )  # fmt: skip
    assert stage.engine.dry_runs == [False]


async def test_a_settled_binding_is_not_written_and_comes_back_after_its_interval(staged: Setting) -> None:
    stage = staged(an_object(status=a_ready_status(), drift={"interval": "20m"}))
    await stage.one_pass()
    assert (stage.objects.writes, stage.events.said) == ([], [])
    assert await seconds_until_next(stage) == 1200
    assert stage.ended("settled") == 1


async def test_a_glance_is_enough_for_a_settled_binding(staged: Setting) -> None:
    stage = staged(an_object(status=a_ready_status(), drift={"interval": "20m"}))
    stage.engine.at_a_glance = ready()
    await stage.one_pass()
    assert (stage.engine.glances, stage.engine.seen, stage.objects.writes) == (1, [], [])
    assert await seconds_until_next(stage) == 1200


NEWS = [
    ("something differs", replace(ready(), changes=(AWrite(),))),
    ("something is not as it was", with_condition(ready(), "PolicyReady", "False")),
    ("something is not to be seen", waiting("Unreachable")),
]


@pytest.mark.parametrize(("reason", "seen"), NEWS, ids=[each[0] for each in NEWS])
async def test_what_a_glance_finds_is_looked_at_again_before_anything_is_said(
    staged: Setting, reason: str, seen: APass
) -> None:
    stage = staged(an_object(status=a_ready_status()))
    stage.engine.at_a_glance = seen
    await stage.one_pass()
    assert (len(stage.engine.seen), stage.objects.writes, stage.events.said) == (1, [], []), reason


async def test_a_glance_that_is_throttled_is_not_repeated_at_once(staged: Setting) -> None:
    stage = staged(an_object(status=a_ready_status()))
    stage.engine.at_a_glance = waiting("Throttled", throttled=True, retry_after=60.0)
    await stage.one_pass()
    assert (stage.engine.seen, stage.ended("throttled")) == ([], 1)


@pytest.mark.parametrize(
    "due",
    [
        an_object(status=a_ready_status(), generation=2),
        an_object(status=a_ready_status(), annotations={RECONCILE_REQUESTED_AT: "now"}),
        an_object(status=a_ready_status(), deleting=True),
    ],
    ids=["another wish", "somebody asks", "it goes"],
)
async def test_what_somebody_waits_for_is_looked_at_closely(staged: Setting, due: dict[str, Any]) -> None:
    stage = staged(due)
    await stage.one_pass()
    assert (stage.engine.glances, len(stage.engine.seen)) == (0, 1)


async def test_a_namespaces_own_identity_acts_for_its_bindings_and_nobody_else(staged: Setting) -> None:
    stage = staged(an_object(), an_object("bills", namespace="billing"))
    stage.objects.annotations["shop"] = {AZURE_CLIENT_ID: CLIENT_ID.upper()}
    await stage.one_pass()
    assert (list(stage.acting), stage.engine.seen) == ([CLIENT_ID], [])
    assert [each.name for each in stage.acting[CLIENT_ID].seen] == ["orders"]
    await stage.one_pass(Key("billing", "bills"))
    assert [each.name for each in stage.engine.seen] == ["bills"]


async def test_an_identity_that_is_no_client_id_acts_for_nobody(staged: Setting) -> None:
    stage = staged(an_object())
    stage.objects.annotations["shop"] = {AZURE_CLIENT_ID: "the-team"}
    await stage.one_pass()
    assert (stage.engine.seen, stage.acting, stage.objects.condition()) == ([], {}, "False ScopeNotAllowed")


async def test_waiting_is_written_once_per_reason(staged: Setting) -> None:
    stage = staged(an_object(), steps=[waiting("Busy"), waiting("Busy"), waiting("IdentityPending"), ready()])
    await stage.one_pass()
    for _ in range(3):
        await stage.another_pass()
    assert stage.objects.kinds == ["status"] * 4
    assert stage.said == ["InSync"]


async def test_a_ready_binding_does_not_flap_while_it_is_corrected(staged: Setting) -> None:
    stage = staged(an_object(status=a_ready_status()), steps=[ready(changes=[AWrite()])])
    await stage.one_pass()
    [(kind, written)] = stage.objects.writes
    [entry] = written["drift"]
    assert (kind, written.keys(), entry["correctedAt"]) == ("status", {"drift"}, entry["since"])
    assert stage.events.said == [("Normal", "DriftCorrected", "BackendReady: url: http://orders → https://orders")]
    assert counted(stage, "funcgate_drift_detected_total", part="backend") == 1


def counted(stage: Stage, metric: str, **labels: str) -> float | None:
    return stage.metrics.registry.get_sample_value(metric, labels)


REPORTED = waiting("ChangesPending", status="False", changes=[AWrite(made=False)], reported=True)


async def test_what_is_only_reported_is_in_the_status_once_and_an_event_once(staged: Setting) -> None:
    stage = staged(an_object(status=a_ready_status()), steps=[REPORTED])
    await stage.one_pass()
    status = stage.objects.bodies[KEY]["status"]
    [entry], [write] = status["drift"], status["plan"]
    assert (entry["part"], entry["field"], entry["seen"], entry["wanted"]) == (
        "backend", "url", "http://orders", "https://orders"
    )  # fmt: skip
    assert write["fields"] == [{"field": "url", "before": "http://orders", "after": "https://orders"}]
    assert status["drifting"] == 1
    note = "backend: backends/orders: url: http://orders → https://orders, not corrected"
    assert ("Warning", "DriftDetected", note) in stage.events.said
    stage.objects.writes.clear()
    stage.events.said.clear()
    await stage.one_pass()
    assert (stage.objects.writes, stage.said) == ([], [])
    assert counted(stage, "funcgate_drift_detected_total", part="backend") == 1
    assert await seconds_until_next(stage) == 600


async def test_a_difference_that_is_gone_leaves_the_status(staged: Setting) -> None:
    stage = staged(an_object(status=a_ready_status()), steps=[REPORTED, ready()])
    await stage.one_pass()
    await stage.one_pass()
    status = stage.objects.bodies[KEY]["status"]
    assert not {"drift", "drifting", "plan"} & status.keys()


async def test_what_somebody_else_keeps_changing_back_is_left_to_them_for_a_while(staged: Setting) -> None:
    stage = staged(an_object(status=a_ready_status()), steps=[ready(changes=[AWrite()])])
    for _ in range(TIMES):
        await stage.one_pass()
    assert stage.engine.seen[-1].contested == {}
    assert ("Warning", "Contested") in [each[:2] for each in stage.events.said]
    assert counted(stage, "funcgate_contested_total", part="backend") == 1
    await stage.one_pass()
    assert (
        "changed back 5 times, last by the writer of backends/orders, so" in stage.engine.seen[-1].contested["backend"]
    )
    stage.objects.bodies[KEY]["metadata"].setdefault("annotations", {})[RECONCILE_REQUESTED_AT] = "now"
    stage.reconciler.cache.saw(Snapshot.read(stage.objects.bodies[KEY]))
    await stage.one_pass()
    assert stage.engine.seen[-1].contested == {}


async def test_how_long_ago_a_part_was_true_is_a_gauge(staged: Setting) -> None:
    stage = staged(an_object(status=a_ready_status()), steps=[with_condition(ready(), "BackendReady", "False")])
    await stage.one_pass()
    await asyncio.sleep(60)
    assert counted(stage, "funcgate_part_unconfirmed_seconds", part="backend") == 60
    stage.objects.bodies[KEY]["metadata"]["annotations"] = {PAUSED: "true"}
    stage.reconciler.cache.saw(Snapshot.read(stage.objects.bodies[KEY]))
    await stage.one_pass()
    assert counted(stage, "funcgate_part_unconfirmed_seconds", part="backend") == 0


async def test_what_stands_uncorrected_and_what_is_open_are_gauges(staged: Setting) -> None:
    reported = stalled("GatewayOpen", changes=[AWrite(made=False)])
    stage = staged(an_object(status=a_ready_status()), steps=[reported, ready()])
    await stage.one_pass()
    assert counted(stage, "funcgate_bindings_drifting") == 1
    assert counted(stage, "funcgate_bindings_with_hole", reason="GatewayOpen") == 1
    await stage.one_pass()
    assert counted(stage, "funcgate_bindings_drifting") == 0
    assert counted(stage, "funcgate_bindings_with_hole", reason="GatewayOpen") == 0


async def test_the_time_until_a_new_binding_is_ready_is_measured_once(staged: Setting) -> None:
    stage = staged(an_object(), steps=[waiting(), ready(), stalled(), ready()])
    for _ in range(4):
        await stage.one_pass()
    assert stage.objects.condition() == "True InSync"
    assert counted(stage, "funcgate_ready_seconds_count") == 1


async def test_a_line_of_the_log_carries_azures_id_of_what_it_is_about(
    staged: Setting, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "funcgate.bindings")

    written = ready(changes=[AWrite(correlation_id="c-1"), AWrite(key="backends/catalog")])
    refused = stalled("ScopeLocked")
    ids = {"Ready": "c-2", "BackendReady": "c-2"}
    conditions = [replace(each, correlation_id=ids.get(each.type, "")) for each in refused.conditions]
    stage = staged(an_object(status=a_ready_status()), steps=[written, replace(refused, conditions=conditions)])
    await stage.one_pass()
    await stage.one_pass()
    told = [vars(each) for each in caplog.records]
    assert [(each["message"], each.get("condition"), each.get("correlation_id")) for each in told] == [
        ("applied", None, "c-1"),
        ("applied", None, None),
        ("condition changed", "Ready", "c-2"),
        ("condition changed", "BackendReady", "c-2"),
        ("condition changed", "PolicyReady", None),
    ]
    assert "c-2" not in str(stage.objects.writes)


async def test_a_pass_is_a_step_from_the_queue_to_the_status(staged: Setting) -> None:
    broken = RuntimeError("s3cr3t")
    stage = staged(an_object(generation=2, status=a_ready_status(1)), steps=[ready(2), broken, ready(2)])
    with followed() as seen:
        for _ in range(2):
            await stage.one_pass()
    done, ended = seen.steps["pass"]
    about = {"binding": "shop/orders", "generation": 2}
    assert (done.about, done.failed) == (about | {"trigger": "changed", "result": "settled"}, "")
    assert (ended.about, ended.failed) == (about | {"trigger": "interval", "result": "broken"}, "broken")


CORRECTIONS = [
    (Action.CREATE, "BackendReady: backends/orders was gone and stands again"),
    (Action.DELETE, "BackendReady: backends/orders should not be there and was removed"),
]


@pytest.mark.parametrize(("action", "note"), CORRECTIONS)
async def test_a_correction_says_what_was_done(staged: Setting, action: Action, note: str) -> None:
    stage = staged(an_object(status=a_ready_status()), steps=[ready(changes=[AWrite(action=action)])])
    await stage.one_pass()
    assert stage.events.said == [("Normal", "DriftCorrected", note)]


async def test_the_first_writes_of_a_generation_are_no_corrections(staged: Setting) -> None:
    stage = staged(an_object(generation=2, status=a_ready_status(1)), steps=[ready(2, changes=[AWrite()])])
    await stage.one_pass()
    assert stage.said == []
    assert stage.objects.bodies[KEY]["status"]["observedGeneration"] == 2


async def test_a_request_is_acknowledged_after_its_pass(staged: Setting) -> None:
    stage = staged(an_object(status=a_ready_status(), annotations={RECONCILE_REQUESTED_AT: "today"}))
    await stage.one_pass()
    assert stage.objects.writes == [("status", {"lastHandledReconcileAt": "today"})]


async def test_losing_ready_is_a_warning(staged: Setting) -> None:
    stage = staged(an_object(status=a_ready_status()), steps=[waiting("OpenToTheWorld", status="False")])
    await stage.one_pass()
    assert stage.events.said == [("Warning", "OpenToTheWorld", "Ready: OpenToTheWorld, says Azure.")]


async def test_a_conflict_is_a_warning_once(staged: Setting) -> None:
    stage = staged(an_object(), steps=[stalled("Conflict")])
    await stage.one_pass()
    await stage.one_pass()
    assert stage.said == ["Conflict"]


# --- when it comes back


@pytest.mark.parametrize(("interval", "seconds"), [("2h", 1800), ("10m", 600)])
async def test_what_needs_a_person_comes_back_slowly_but_no_later_than_its_interval(
    staged: Setting, interval: str, seconds: float
) -> None:
    stage = staged(an_object(drift={"interval": interval}), steps=[stalled()])
    await stage.one_pass()
    assert await seconds_until_next(stage) == seconds


async def test_what_may_be_on_its_way_is_looked_for_soon_then_ever_more_rarely_and_no_later_than_its_interval(
    staged: Setting,
) -> None:
    stage = staged(an_object(drift={"interval": "10m"}), steps=[stalled(retry_after=5.0)])
    await stage.one_pass()
    delays = []
    for _ in range(10):
        before = now()
        await stage.another_pass()
        delays.append(now() - before)
    assert delays == [5, 5, 8, 16, 32, 64, 128, 256, 512, 600]


async def test_what_goes_on_by_itself_comes_back_with_back_off(staged: Setting) -> None:
    stage = staged(an_object(), steps=[waiting()])
    delays = []
    await stage.one_pass()
    for _ in range(3):
        before = now()
        await stage.another_pass()
        delays.append(now() - before)
    assert delays == [2, 4, 8]


async def test_the_time_that_azure_names_is_kept(staged: Setting) -> None:
    stage = staged(an_object(), steps=[waiting("ServiceTransitioning", retry_after=17.0)])
    await stage.one_pass()
    assert await seconds_until_next(stage) == 17


async def test_throttling_leaves_the_whole_service_alone(staged: Setting) -> None:
    steps = [waiting("Throttled", throttled=True, retry_after=60.0), ready()]
    stage = staged(*(an_object(each, status=a_ready_status()) for each in ("orders", "other")), steps=steps)
    await stage.one_pass()
    stage.queue.add(Key("shop", "other"))
    assert await seconds_until_next(stage) == 60


@pytest.mark.parametrize("asked", [0.0, -3600.0], ids=["at once", "in the past"])
@pytest.mark.parametrize("throttled", [True, False])
async def test_a_time_that_is_no_wait_does_not_end_the_back_off(staged: Setting, asked: float, throttled: bool) -> None:
    stage = staged(an_object(), steps=[waiting("Busy", throttled=throttled, retry_after=asked)])
    await stage.one_pass()
    before = now()
    for _ in range(4):
        await stage.another_pass()
    assert now() - before == (120 if throttled else 2 + 4 + 8 + 16)


# --- trouble that passes


TROUBLES: list[tuple[str, APass]] = [
    ("Azure has no time", waiting("Throttled", throttled=True, retry_after=7.0)),
    ("Azure is unwell", waiting("AzureUnavailable")),
]


@pytest.mark.parametrize(("reason", "trouble"), TROUBLES, ids=[each[0] for each in TROUBLES])
async def test_a_binding_in_force_stays_as_it_was_while_trouble_passes(
    staged: Setting, reason: str, trouble: APass
) -> None:
    stage = staged(an_object(status=a_ready_status()), steps=[trouble, trouble, trouble, ready()])
    await stage.one_pass()
    for _ in range(3):
        await stage.another_pass()
    assert (stage.objects.writes, stage.events.said, stage.ended("settled")) == ([], [], 1), reason


async def test_trouble_that_is_endured_is_logged(staged: Setting, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="funcgate")
    stage = staged(an_object(status=a_ready_status()), steps=[waiting("AzureUnavailable")])
    await stage.one_pass()
    (line,) = caplog.records
    assert (line.message, line.reason) == ("trouble endured", "AzureUnavailable")  # type: ignore[attr-defined]


async def test_the_fourth_time_in_a_row_is_told(staged: Setting) -> None:
    stage = staged(an_object(status=a_ready_status()), steps=[waiting("AzureUnavailable")])
    await stage.one_pass()
    for _ in range(3):
        assert stage.objects.condition() == "True InSync"
        await stage.another_pass()
    assert stage.objects.condition() == "Unknown AzureUnavailable"


async def test_a_good_pass_between_ends_the_counting(staged: Setting) -> None:
    trouble = [waiting("AzureUnavailable")] * 3
    stage = staged(an_object(status=a_ready_status()), steps=[*trouble, ready(), *trouble, ready()])
    await stage.one_pass()
    for _ in range(7):
        await stage.another_pass()
    assert (stage.objects.writes, stage.ended("settled")) == ([], 2)


async def test_trouble_that_outlasts_the_interval_is_told(staged: Setting) -> None:
    steps = [waiting("Throttled", throttled=True, retry_after=40.0)]
    stage = staged(an_object(status=a_ready_status(), drift={"interval": "1m"}), steps=steps)
    await stage.one_pass()
    assert stage.objects.condition() == "True InSync"
    await stage.another_pass()
    assert stage.objects.condition() == "Unknown Throttled"


TOLD_AT_ONCE: list[tuple[str, APass]] = [
    ("something is wrong", waiting("OpenToTheWorld", status="False")),
    ("somebody must act", stalled()),
    ("it was not to be seen, and somebody must act", stalled("AuthorizationFailed", status="Unknown")),
    ("Ready does not wait for it, and it is wrong", with_condition(waiting("Throttled"), "PolicyReady", "False")),
]


@pytest.mark.parametrize(("reason", "verdict"), TOLD_AT_ONCE, ids=[each[0] for each in TOLD_AT_ONCE])
async def test_what_does_not_pass_by_itself_is_told_at_once(staged: Setting, reason: str, verdict: APass) -> None:
    stage = staged(an_object(status=a_ready_status()), steps=[verdict])
    await stage.one_pass()
    assert stage.objects.condition() != "True InSync", reason


async def test_a_new_generation_is_not_called_ready_for_what_the_last_one_was(staged: Setting) -> None:
    stage = staged(an_object(generation=2, status=a_ready_status(1)), steps=[waiting("Throttled", generation=2)])
    await stage.one_pass()
    assert stage.objects.condition() == "Unknown Throttled"


async def test_a_request_is_acknowledged_and_facts_are_kept_while_trouble_passes(staged: Setting) -> None:
    body = an_object(status=a_ready_status(), annotations={RECONCILE_REQUESTED_AT: "today"})
    stage = staged(body, steps=[waiting("Throttled", facts={"hostName": "h"})])
    await stage.one_pass()
    assert stage.objects.writes == [("status", {"lastHandledReconcileAt": "today", "hostName": "h"})]


async def test_an_observed_binding_is_looked_at_again_while_trouble_passes(staged: Setting) -> None:
    body = an_object(status=a_ready_status(), annotations={RECONCILE_POLICY: "observe"})
    stage = staged(body, steps=[waiting("AzureUnavailable"), ready()])
    await stage.one_pass()
    assert await seconds_until_next(stage) == 2


async def test_success_ends_the_back_off(staged: Setting) -> None:
    stage = staged(an_object(), steps=[waiting(), waiting(), ready()])
    for _ in range(3):
        await stage.one_pass()
    assert stage.queue.add_rate_limited(KEY) == 2


# --- before the engine is asked


async def test_a_spec_that_cannot_be_is_refused_by_the_name_of_its_field(staged: Setting) -> None:
    stage = staged(an_object(held=False, api={"name": "orders", "import": {"from": "Elsewhere"}}))
    await stage.one_pass()
    assert (stage.objects.condition(), stage.objects.condition("Stalled")) == ("False InvalidSpec", "True InvalidSpec")
    ready_ = stage.objects.bodies[KEY]["status"]["conditions"][0]
    assert ready_["message"].startswith("spec.api.import")
    assert (stage.objects.kinds, stage.engine.seen) == (["status"], [])
    assert await seconds_until_next(stage) == 1800


async def test_outside_the_scopes_nothing_is_called(staged: Setting) -> None:
    stage = staged(an_object(held=False), rules={"azure_scopes": ()})
    await stage.one_pass()
    assert stage.objects.condition() == "False ScopeNotAllowed"
    assert (stage.objects.kinds, stage.engine.seen) == (["status"], [])


async def test_the_namespace_narrows_the_scopes(staged: Setting) -> None:
    stage = staged(an_object())
    stage.objects.annotations["shop"] = {ANNOTATION: f"{GROUP}-other"}
    await stage.one_pass()
    assert stage.objects.condition() == "False ScopeNotAllowed"


async def test_what_was_known_of_the_aspects_stays_with_its_generation(staged: Setting) -> None:
    stage = staged(an_object(generation=2, status=a_ready_status(1)), rules={"azure_scopes": ()})
    await stage.one_pass()
    conditions = {each["type"]: each for each in stage.objects.bodies[KEY]["status"]["conditions"]}
    assert (conditions["Ready"]["observedGeneration"], conditions["BackendReady"]["observedGeneration"]) == (2, 1)
    assert conditions["BackendReady"]["status"] == "True"


async def test_a_refused_binding_that_was_never_held_may_go(staged: Setting) -> None:
    stage = staged(an_object(deleting=True, held=False), rules={"azure_scopes": ()})
    await stage.one_pass()
    assert (stage.objects.writes, stage.ended("released")) == ([], 1)


async def test_a_held_binding_is_kept_although_its_passes_never_came_to_write_a_fact(staged: Setting) -> None:
    stage = staged(an_object(deleting=True), rules={"azure_scopes": ()})
    await stage.one_pass()
    assert stage.objects.condition() == "False DeleteBlocked"
    assert "remove finalizer" not in stage.objects.kinds


async def test_a_blocked_deletion_names_the_way_out_once(staged: Setting) -> None:
    stage = staged(an_object(deleting=True, annotations={RECONCILE_POLICY: "detatch"}))
    await stage.one_pass()
    message = stage.objects.bodies[KEY]["status"]["conditions"][0]["message"]
    assert message.count("detach-on-delete to leave in Azure what stands there") == 1


async def test_a_refused_binding_that_got_somewhere_is_kept_and_says_what_releases_it(staged: Setting) -> None:
    status = a_ready_status(gatewayUrl="https://contoso.azure-api.net")
    stage = staged(an_object(deleting=True, status=status), rules={"azure_scopes": ()})
    await stage.one_pass()
    assert stage.objects.condition() == "False DeleteBlocked"
    message = stage.objects.bodies[KEY]["status"]["conditions"][0]["message"]
    assert "detach-on-delete" in message
    assert stage.said == ["DeleteBlocked"]


async def test_detach_on_delete_releases_a_refused_binding(staged: Setting) -> None:
    status = a_ready_status(gatewayUrl="https://contoso.azure-api.net")
    body = an_object(deleting=True, status=status, annotations={RECONCILE_POLICY: "detach-on-delete"})
    stage = staged(body, rules={"azure_scopes": ()})
    await stage.one_pass()
    assert stage.objects.bodies == {}


# --- annotations


async def test_a_paused_binding_is_not_looked_at(staged: Setting) -> None:
    stage = staged(an_object(generation=2, status=a_ready_status(1), annotations={PAUSED: "true"}))
    await stage.one_pass()
    assert (stage.objects.condition(), stage.objects.condition("Reconciling")) == ("Unknown Paused", "False Paused")
    written = stage.objects.bodies[KEY]["status"]
    assert (written["observedGeneration"], written["conditions"][0]["observedGeneration"]) == (1, 1)
    assert (stage.engine.seen, stage.said) == ([], ["Paused"])


async def test_pausing_what_nobody_has_looked_at_speaks_about_no_generation(staged: Setting) -> None:
    stage = staged(an_object(status={"observedGeneration": -1}, annotations={PAUSED: "true"}))
    await stage.one_pass()
    written = stage.objects.bodies[KEY]["status"]
    assert (written["observedGeneration"], written["conditions"][0]["observedGeneration"]) == (-1, 0)


async def test_pausing_holds_a_deletion_too(staged: Setting) -> None:
    stage = staged(an_object(deleting=True, annotations={PAUSED: "true"}))
    await stage.one_pass()
    assert KEY in stage.objects.bodies
    assert stage.engine.seen == []


async def test_a_pause_is_written_once(staged: Setting) -> None:
    stage = staged(an_object(annotations={PAUSED: "true"}))
    await stage.one_pass()
    await stage.one_pass()
    assert stage.objects.kinds == ["status"]


async def test_observing_holds_nothing_and_lets_the_engine_only_look(staged: Setting) -> None:
    stage = staged(
        an_object(held=False, annotations={RECONCILE_POLICY: "observe"}), steps=[waiting(changes=[AWrite(made=False)])]
    )
    await stage.one_pass()
    assert stage.engine.dry_runs == [True]
    assert "add finalizer" not in stage.objects.kinds
    assert (stage.objects.condition(), stage.objects.condition("Reconciling")) == ("Unknown Waiting", "False Waiting")
    assert await seconds_until_next(stage) == 600
    assert counted(stage, "funcgate_changes_total", condition="BackendReady", action="update") == 0


async def test_an_unknown_policy_means_observe_and_says_so(staged: Setting) -> None:
    stage = staged(an_object(annotations={RECONCILE_POLICY: "mange"}))
    await stage.one_pass()
    assert stage.engine.dry_runs == [True]
    written = {each["type"]: each for each in stage.objects.bodies[KEY]["status"]["conditions"]}
    assert "says 'mange' and knows only manage, observe, detach-on-delete" in written["Ready"]["message"]
    assert written["Stalled"]["status"] == "False"


DELETIONS: list[tuple[str, str | None, bool, list[str]]] = [
    ("torn down", None, True, ["Delete"]),
    ("left in Azure", "detach-on-delete", True, ["Orphan"]),
    ("let go without a look", "observe", True, []),
    ("kept, as nobody knows what was meant", "detatch", False, []),
]


@pytest.mark.parametrize(("reason", "policy", "released", "asked"), DELETIONS, ids=[each[0] for each in DELETIONS])
async def test_a_deleted_binding_goes_as_its_policy_says(
    staged: Setting, reason: str, policy: str | None, released: bool, asked: list[str]
) -> None:
    annotations = {RECONCILE_POLICY: policy} if policy else {}
    stage = staged(an_object(deleting=True, status=a_ready_status(gatewayUrl="x"), annotations=annotations))
    await stage.one_pass()
    assert (KEY not in stage.objects.bodies) is released, reason
    assert [each.spec.deletion_policy for each in stage.engine.seen] == asked


async def test_a_teardown_that_is_not_finished_keeps_the_object(staged: Setting) -> None:
    stage = staged(
        an_object(deleting=True, status=a_ready_status()), steps=[stalled("DeleteBlocked"), ready(done=True)]
    )
    await stage.one_pass()
    assert (stage.objects.condition(), stage.said) == ("False DeleteBlocked", ["DeleteBlocked"])
    await stage.one_pass()
    assert stage.objects.bodies == {}


async def test_a_deletion_that_is_not_ours_to_hold_is_left_alone(staged: Setting) -> None:
    stage = staged(an_object(deleting=True, held=False))
    await stage.one_pass()
    assert (stage.objects.writes, stage.engine.seen) == ([], [])


# --- neighbours


async def test_a_pass_knows_the_live_readable_allowed_neighbours(staged: Setting) -> None:
    mine = an_object(created="2026-01-02T00:00:00Z")
    older = an_object("older", created="2026-01-01T00:00:00Z")
    younger = an_object("younger", created="2026-01-03T00:00:00Z")
    leaving = an_object("leaving", deleting=True)
    broken = an_object("broken", adopt="perhaps")
    stranger = an_object("stranger", functionApp={"id": f"{SITE}-else"})
    refused = an_object("refused", namespace="jail")
    stage = staged(mine, older, younger, leaving, broken, stranger, refused)
    stage.objects.annotations["jail"] = {ANNOTATION: ""}
    await stage.one_pass()
    assert {(each.name, each.older) for each in stage.engine.seen[0].neighbours} == {
        ("shop/older", True), ("shop/younger", False)
    }  # fmt: skip


async def test_neighbours_let_in_the_identity_that_calls_for_each_of_them(staged: Setting) -> None:
    older = an_object("older", created="2026-01-01T00:00:00Z", status={"identityClientId": "their-client"})
    stage = staged(an_object(), older)
    await stage.one_pass()
    assert stage.engine.seen[0].neighbours[0].allowed == {"their-client"}


async def test_neighbours_are_looked_at_when_another_identity_calls_for_one_of_them(staged: Setting) -> None:
    stage = staged(an_object(), an_object("older"), steps=[ready(facts={"identityClientId": "new"}), ready()])
    await stage.one_pass()
    assert (await stage.queue.get()).name == "older"


async def test_a_neighbour_whose_namespace_is_gone_has_no_say(staged: Setting) -> None:
    stage = staged(an_object(), an_object("ghost", namespace="gone"))
    stage.objects.namespaces_gone = {"gone"}
    await stage.one_pass()
    assert [each.neighbours for each in stage.engine.seen] == [()]
    assert stage.objects.condition() == "True InSync"


async def test_a_binding_is_forgotten_only_when_it_is_gone_itself(staged: Setting) -> None:
    stage = staged(an_object(status=a_ready_status()))
    stage.objects.namespaces_gone = {"shop"}
    await stage.one_pass()
    assert stage.ended("overtaken") == 1
    assert stage.reconciler.cache.get(KEY) is not None


# --- whose registration it is


def elsewhere(name: str, namespace: str, **more: Any) -> dict[str, Any]:
    """A binding of another namespace and function app, with the same registration."""
    return an_object(name, namespace=namespace, functionApp={"id": f"{SITE}-{namespace}"}, **more)


OWN = {"registration": {"type": "Existing", "clientId": IDENTITY_CLIENT_ID}}
OLDER = {"created": "2025-01-01T00:00:00Z"}


async def test_a_registration_that_an_older_binding_uses_elsewhere_is_refused_before_any_call(staged: Setting) -> None:
    stage = staged(an_object(held=False), elsewhere("older", "pay", **OLDER))
    await stage.one_pass()
    assert stage.objects.condition() == "False RegistrationTaken"
    assert stage.objects.condition("Stalled") == "True RegistrationTaken"
    assert "pay/older uses the registration" in stage.objects.bodies[KEY]["status"]["conditions"][0]["message"]
    assert (stage.objects.kinds, stage.engine.seen) == (["status"], [])


NO_CLAIM: list[tuple[str, dict[str, Any]]] = [
    ("a younger one", elsewhere("other", "pay", created="2027-01-01T00:00:00Z")),
    ("one that goes", elsewhere("other", "pay", **OLDER, deleting=True)),
    ("one that cannot be", elsewhere("other", "pay", **OLDER, adopt="perhaps")),
    ("one outside its scopes", elsewhere("other", "jail", **OLDER)),
    ("one whose namespace is gone", elsewhere("other", "gone", **OLDER)),
    ("one whose namespace shares it", elsewhere("other", "open", **OLDER)),
]


@pytest.mark.parametrize(("reason", "other"), NO_CLAIM, ids=[each[0] for each in NO_CLAIM])
async def test_who_has_no_claim_to_a_registration_keeps_nobody_from_it(
    staged: Setting, reason: str, other: dict[str, Any]
) -> None:
    stage = staged(an_object(), other)
    stage.objects.annotations["jail"] = {ANNOTATION: ""}
    stage.objects.annotations["open"] = {registrations.ANNOTATION: CLIENT_ID}
    stage.objects.namespaces_gone = {"gone"}
    await stage.one_pass()
    assert stage.objects.condition() == "True InSync", reason


async def test_an_older_binding_cannot_take_a_registration_by_naming_it_later(staged: Setting) -> None:
    edited = elsewhere("older", "pay", **OLDER, generation=2, status=a_ready_status(1, clientId=IDENTITY_CLIENT_ID))
    stage = staged(an_object(status=a_ready_status(clientId=CLIENT_ID)), edited)
    await stage.one_pass()
    assert stage.objects.condition() == "True InSync"
    await stage.one_pass(Key("pay", "older"))
    assert stage.objects.condition(key=Key("pay", "older")) == "False RegistrationTaken"


FOUND: dict[str, Any] = {"registration": {"type": "Auto"}}


async def test_a_registration_that_was_found_is_as_much_in_use_as_one_that_was_named(staged: Setting) -> None:
    finder = elsewhere("finder", "pay", **OLDER, entra=FOUND, status=a_ready_status(clientId=CLIENT_ID))
    stage = staged(an_object(), finder)
    await stage.one_pass()
    assert stage.objects.condition() == "False RegistrationTaken"


async def may_use(stage: Stage, client_id: str) -> str | None:
    """What the last pass is told about a registration that it has just found."""
    unmet = await stage.engine.seen[-1].cluster.may_use(client_id)
    return unmet.reason if unmet else None


async def test_a_pass_may_not_use_what_it_finds_when_it_is_somebody_elses(staged: Setting) -> None:
    stage = staged(an_object(entra=FOUND), elsewhere("younger", "pay", created="2027-01-01T00:00:00Z"))
    await stage.one_pass()
    assert await may_use(stage, CLIENT_ID.upper()) == "RegistrationTaken"
    assert await may_use(stage, IDENTITY_CLIENT_ID) is None


async def test_a_pass_may_not_use_what_its_namespace_does_not_list(staged: Setting) -> None:
    stage = staged(an_object(entra=FOUND))
    await stage.one_pass()
    stage.objects.annotations["shop"] = {CLIENT_IDS: IDENTITY_CLIENT_ID}
    assert await may_use(stage, CLIENT_ID) == "ScopeNotAllowed"
    assert await may_use(stage, IDENTITY_CLIENT_ID.upper()) is None


async def test_of_two_that_find_one_registration_at_the_same_time_the_first_has_it(staged: Setting) -> None:
    stage = staged(an_object(entra=FOUND), elsewhere("other", "pay", **OLDER, entra=FOUND))
    await stage.one_pass()
    assert await may_use(stage, CLIENT_ID) is None
    await stage.one_pass(Key("pay", "other"))
    assert await may_use(stage, CLIENT_ID) == "RegistrationTaken"


async def test_a_pass_knows_whether_another_live_binding_uses_a_registration(staged: Setting) -> None:
    other = an_object("other", functionApp={"id": f"{SITE}-other"})
    going = an_object("going", functionApp={"id": f"{SITE}-going"}, entra=OWN, deleting=True)
    stage = staged(an_object(entra=FOUND), other, going)
    await stage.one_pass()
    mine = stage.engine.seen[-1].cluster
    assert await mine.used_elsewhere(CLIENT_ID.upper())
    assert not await mine.used_elsewhere(IDENTITY_CLIENT_ID)


async def test_a_pass_knows_which_registration_earlier_ones_used(staged: Setting) -> None:
    stage = staged(an_object(entra=FOUND, status=a_ready_status(clientId=CLIENT_ID)))
    await stage.one_pass()
    assert stage.engine.seen[-1].pinned == CLIENT_ID


async def test_who_was_refused_a_registration_keeps_nobody_else_from_it(staged: Setting) -> None:
    first = elsewhere("first", "pay", **OLDER)
    squatter = elsewhere("squatter", "attic", created="2025-02-01T00:00:00Z")
    second = an_object("second", namespace="pay", functionApp={"id": f"{SITE}-second"})
    stage = staged(first, squatter, second)
    await stage.one_pass(Key("pay", "second"))
    assert stage.objects.condition(key=Key("pay", "second")) == "True InSync"


async def test_who_was_refused_a_registration_has_no_say_at_the_door_either(staged: Setting) -> None:
    squatter = an_object("squatter", namespace="attic", created="2025-02-01T00:00:00Z")
    stage = staged(an_object(entra=OWN), squatter, elsewhere("first", "pay", **OLDER))
    await stage.one_pass()
    assert [each.neighbours for each in stage.engine.seen] == [()]


async def test_who_lost_a_registration_can_still_be_torn_down(staged: Setting) -> None:
    stage = staged(an_object(deleting=True, status=a_ready_status()), elsewhere("older", "pay", **OLDER))
    await stage.one_pass()
    assert [each.deleting for each in stage.engine.seen] == [True]
    assert KEY not in stage.objects.bodies


# --- others write too


async def test_a_label_that_somebody_set_meanwhile_does_not_cost_another_pass(staged: Setting) -> None:
    stage = staged(an_object(version=1))
    stage.objects.others_write = [an_object(version=5)]
    await stage.one_pass()
    assert stage.objects.condition() == "True InSync"
    assert len(stage.engine.seen) == 1


async def test_a_spec_that_changed_meanwhile_starts_over_at_once(staged: Setting) -> None:
    stage = staged(an_object(version=1, status=a_ready_status()), steps=[waiting(status="False"), ready(2)])
    stage.objects.others_write = [an_object(version=5, generation=2, status=a_ready_status())]
    await stage.one_pass()
    assert stage.ended("overtaken") == 1
    before = now()
    await stage.another_pass()
    assert (now() - before, [each.generation for each in stage.engine.seen]) == (0, [1, 2])
    assert stage.objects.bodies[KEY]["status"]["observedGeneration"] == 2


async def test_an_object_that_is_gone_meanwhile_is_forgotten(staged: Setting) -> None:
    stage = staged(an_object())
    stage.engine.steps = [lambda binding: stage.objects.bodies.clear() or ready()]
    await stage.one_pass()
    assert stage.ended("gone") == 1
    assert stage.reconciler.cache.get(KEY) is None


async def test_when_the_object_cannot_be_read_again_it_is_retried_later(staged: Setting) -> None:
    stage = staged(an_object(version=1, held=False))
    stage.objects.others_write = [an_object(version=5, held=False)]
    stage.objects.get = _unavailable  # type: ignore[method-assign]
    await stage.one_pass()
    assert stage.ended("unfinished") == 1


async def _unavailable(key: Key) -> Snapshot | None:
    raise Unavailable(503, "ServiceUnavailable", "later")


async def test_an_object_that_was_replaced_by_nothing_is_forgotten_on_the_second_look(staged: Setting) -> None:
    stage = staged(an_object(version=1, held=False))
    stage.objects.others_write = [an_object(version=5, held=False)]
    stage.objects.get = _nobody  # type: ignore[method-assign]
    await stage.one_pass()
    assert stage.ended("gone") == 1


async def _nobody(key: Key) -> Snapshot | None:
    return None


async def test_others_who_keep_writing_delay_a_status_and_no_more(staged: Setting) -> None:
    stage = staged(an_object(version=1, status=a_ready_status()), steps=[waiting(status="False"), ready()])
    stage.objects.others_write = [an_object(version=version, status=a_ready_status()) for version in (5, 6, 7)]
    await stage.one_pass()
    assert stage.ended("overtaken") == 1
    await stage.another_pass()
    assert stage.objects.condition() == "True InSync"


async def test_being_overtaken_again_and_again_is_slowed_down(staged: Setting) -> None:
    stage = staged(an_object(held=False))
    stage.objects.add_finalizer = _overtaken  # type: ignore[method-assign]
    stage.queue.add(KEY)
    delays = []
    for _ in range(5):
        before = now()
        await stage.another_pass()
        delays.append(now() - before)
    assert delays == [0, 0, 2, 4, 8]


async def _overtaken(snapshot: Snapshot) -> Snapshot:
    raise Conflict(409, "Conflict", "somebody wrote first")


# --- what goes wrong


async def test_a_write_that_kubernetes_refuses_is_repeated_slowly_and_logged_with_its_words(
    staged: Setting, caplog: pytest.LogCaptureFixture
) -> None:
    stage = staged(an_object(held=False))
    stage.objects.error = Invalid(422, "Invalid", "PATCH /x: finalizers are not for you")
    await stage.one_pass()
    assert "finalizers are not for you" in caplog.records[-1].detail  # type: ignore[attr-defined]
    assert await seconds_until_next(stage) == 2


ERRORS: list[tuple[str, Exception]] = [
    ("the API server is down", Unavailable(503, "ServiceUnavailable", "later")),
    ("a right is missing", KubeError(403, "Forbidden", "no")),
]


@pytest.mark.parametrize(("reason", "error"), ERRORS, ids=[each[0] for each in ERRORS])
async def test_trouble_with_kubernetes_is_retried_with_back_off(staged: Setting, reason: str, error: KubeError) -> None:
    stage = staged(an_object(status=a_ready_status(), generation=2), steps=[ready(2)])
    stage.objects.error = error
    await stage.one_pass()
    assert stage.ended("unfinished") == 1, reason
    stage.objects.error = None
    before = now()
    await stage.another_pass()
    assert (now() - before, stage.ended("settled")) == (2, 1)
    assert stage.objects.bodies[KEY]["status"]["observedGeneration"] == 2


async def test_a_pass_that_takes_too_long_is_ended_and_retried(staged: Setting) -> None:
    stage = staged(an_object(status=a_ready_status()), hold=asyncio.Event())
    await stage.one_pass()
    assert (now(), stage.ended("unfinished"), stage.engine.at_work) == (1300, 1, 0)


async def test_passes_that_time_out_again_and_again_are_told(staged: Setting) -> None:
    stage = staged(an_object(status=a_ready_status()), hold=asyncio.Event())
    await stage.one_pass()
    assert stage.objects.condition() == "True InSync"
    await stage.another_pass()
    assert stage.objects.condition() == "Unknown TimedOut"
    await stage.another_pass()
    assert stage.objects.kinds == ["status"]


async def test_a_single_pass_that_times_out_now_and_then_is_not_told(staged: Setting) -> None:
    stage = staged(an_object(status=a_ready_status()), hold=asyncio.Event())
    await stage.one_pass()
    hold, stage.engine.hold = stage.engine.hold, None
    await stage.another_pass()
    stage.engine.hold = hold
    await stage.one_pass()
    assert (stage.objects.writes, stage.ended("unfinished")) == ([], 2)


async def test_a_mistake_of_ours_is_admitted_without_its_text(
    staged: Setting, caplog: pytest.LogCaptureFixture
) -> None:
    stage = staged(an_object(status=a_ready_status()), steps=[KeyError("secret")])
    await stage.one_pass()
    assert stage.objects.condition() == "Unknown InternalError"
    message = stage.objects.bodies[KEY]["status"]["conditions"][0]["message"]
    assert message == "An unexpected KeyError ended the pass; it is repeated. The operator's log says more."
    assert stage.ended("broken") == 1
    assert (caplog.records[-1].error, "secret" in caplog.text) == ("KeyError", False)  # type: ignore[attr-defined]


async def test_after_a_lost_lease_nothing_is_written_or_planned(staged: Setting) -> None:
    stage = staged(an_object(status=a_ready_status()))
    stage.fence.closed = True
    await stage.one_pass()
    assert (stage.objects.writes, stage.ended("fenced")) == ([], 1)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(3600):
            await stage.queue.get()


async def test_workers_end_when_the_queue_is_closed(staged: Setting) -> None:
    stage = staged(an_object(status=a_ready_status()))
    worker = asyncio.create_task(stage.reconciler.work())
    stage.queue.add(KEY, Priority.RESYNC)
    await asyncio.sleep(1)
    stage.queue.close()
    await worker
    assert stage.ended("settled") == 1


async def test_a_key_without_an_object_is_dropped(staged: Setting) -> None:
    stage = staged()
    await stage.one_pass()
    assert stage.ended("gone") == 1


async def test_a_log_line_tells_each_change_and_each_condition_that_changed(
    staged: Setting, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="funcgate.bindings")
    stage = staged(an_object(status=a_ready_status()), steps=[waiting(status="False", changes=[AWrite()])])
    await stage.one_pass()
    applied, *changed = caplog.records
    assert (applied.message, applied.aspect, applied.key, applied.action, applied.generation, applied.drift) == (  # type: ignore[attr-defined]
        "applied", "BackendReady", "backends/orders", "update", 1, ["url: http://orders → https://orders"]
    )  # fmt: skip
    assert {each.condition for each in changed} == {"Ready", "BackendReady", "PolicyReady"}  # type: ignore[attr-defined]


async def test_a_pass_that_changes_nothing_is_silent(staged: Setting, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    stage = staged(an_object(status=a_ready_status()))
    await stage.one_pass()
    assert [each for each in caplog.records if each.name.startswith("funcgate")] == []
