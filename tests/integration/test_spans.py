"""A pass over a simulated Azure as a collector of traces sees it."""

from collections.abc import AsyncIterator, Iterator

import pytest

from azuresim.web import site_of
from collector import Collector, Seen, collecting
from funcgate.engine import Pass
from funcgate.spans import exported
from funcgate.steps import doing
from integration.azure_stage import Stage, is_write, on_stage, outcome

LOCKED = {"error": {"code": "ScopeLocked", "message": "The scope is locked."}}


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with on_stage() as stage:
        yield stage


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    with collecting() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        yield collector


async def traced(stage: Stage) -> Pass:
    """One pass, all spans of which have been sent."""
    with exported("funcgate-0"), doing("pass", binding="shop/orders"):
        return await stage.reconcile()


def calls(collector: Collector) -> list[Seen]:
    return [each for each in collector.spans if each.calls]


async def test_a_pass_is_one_trace_of_its_parts_their_looks_and_writes_and_every_call(
    stage: Stage, collector: Collector
) -> None:
    done = await traced(stage)

    assert done.done
    assert len(collector.roots()) == len({each.trace_id for each in collector.spans}) == 1
    paths = collector.paths()
    for part, write in (
        ("identity", "PATCH service"),
        ("backend", "PUT backends"),
        ("policy", "PUT policies"),
        ("easyAuth", "PUT authsettingsV2"),
        ("appRegistration", "PATCH applications"),
    ):
        (made,) = paths[f"pass / {part} / apply {part} / {write}"]
        (step,) = paths[f"pass / {part} / apply {part}"]
        assert step.about["funcgate.correlation_id"] == made.about["funcgate.correlation_id"]
        assert len(paths[f"pass / {part} / observe {part}"]) == 2, "before its write and after it"
        assert paths[f"pass / {part}"][0].about["funcgate.reason"] == "InSync"
    assert paths["pass / check Verified / GET direct"][0].about["funcgate.service"] == "probe"
    made_calls = [(each.about["http.request.method"], each.about["funcgate.kind"]) for each in calls(collector)]
    assert sorted(made_calls) == sorted(stage.counted), "each call once"


async def test_a_change_its_span_and_azures_log_name_the_same_call(stage: Stage, collector: Collector) -> None:
    done = await traced(stage)

    asked = {each.correlation_id: each.id for each in stage.world.journal.requests}
    applied = {each.about["funcgate.key"]: each for each in collector.spans if each.name.startswith("apply ")}
    assert set(applied) == {each.key for each in done.changes}
    for change in done.changes:
        assert applied[change.key].about["funcgate.correlation_id"] == change.correlation_id
    ids = {change.key: asked.get(change.correlation_id, "").rpartition("/providers/")[2] for change in done.changes}
    assert ids["backends/orders-fn"] == "Microsoft.ApiManagement/service/contoso/backends/orders-fn"
    assert ids["identity"] == "Microsoft.ApiManagement/service/contoso"
    assert len([each for each in stage.calls() if is_write(each)]) == len(done.changes)


async def test_a_refused_call_is_a_failed_span_with_azures_word_for_it(stage: Stage, collector: Collector) -> None:
    named = {"x-ms-correlation-request-id": "c-1"}
    stage.world.faults.add(method="PUT", path="*/backends/*", status=409, body=LOCKED, headers=named)

    done = await traced(stage)

    (refused,) = collector.paths()["pass / backend / apply backend / PUT backends"]
    assert refused.failed
    about = {"http.response.status_code": 409, "error.type": "ScopeLocked", "funcgate.code": "ScopeLocked"}
    assert refused.about.items() >= (about | {"funcgate.correlation_id": "c-1"}).items()
    assert outcome(done, "BackendReady").correlation_id == "c-1"
    (write,) = collector.paths()["pass / backend / apply backend"]
    assert (write.failed, write.about["error.type"]) == (True, "ScopeLocked")
    assert "backends/orders-fn" not in [each.key for each in done.changes]


async def test_a_call_that_is_tried_again_is_a_span_for_each_try(stage: Stage, collector: Collector) -> None:
    stage.world.faults.add(method="GET", path="*/backends/*", status=503, headers={"Retry-After": "0"})

    await traced(stage)

    first, second, *_ = sorted(
        (each for each in calls(collector) if each.name == "GET backends"),
        key=lambda each: (not each.failed, -each.about.get("http.request.resend_count", 0)),
    )
    assert (first.about["http.response.status_code"], first.about["funcgate.retry_after_seconds"]) == (503, 0.0)
    assert (second.about["http.response.status_code"], second.about["http.request.resend_count"]) == (200, 1)
    assert first.parent_id == second.parent_id


async def test_nothing_that_is_sent_holds_a_secret_or_a_query(stage: Stage, collector: Collector) -> None:
    stage.world.switches.operation_polls = 1  # long-running operations are looked at, by signed addresses
    await traced(stage)

    keys = site_of(stage.world, stage.team.site_id).keys
    secrets = {*keys.functions.values(), stage.team.subscription_key, stage.token_of(stage.team.stranger_client_id)}
    sent, told = b"".join(collector.bodies), str([each.about for each in collector.spans])
    assert "operationsStatuses" in told
    assert not [each for each in secrets if each.encode() in sent]
    assert not [each for each in ("Bearer", "eyJ", "uthorization", "api-version", "$select", "?") if each in told]
