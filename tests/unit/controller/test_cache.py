"""What is known of the bindings, and what of it is news."""

from typing import Any

import pytest

from builders import CLIENT_ID, IDENTITY_CLIENT_ID
from funcgate.controller.cache import Cache, Snapshot, calls_for_a_pass, older
from funcgate.metrics import Metrics
from funcgate.spec import PAUSED, RECONCILE_REQUESTED_AT
from objects import KEY, a_ready_status, a_snapshot, an_object


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def cache(metrics: Metrics) -> Cache:
    return Cache(metrics)


def test_a_snapshot_keeps_only_what_somebody_reads() -> None:
    snapshot = a_snapshot(annotations={PAUSED: "true"})
    assert snapshot.annotations == {PAUSED: "true"}
    assert not hasattr(snapshot, "managedFields")


def test_ids_are_compared_in_lower_case() -> None:
    snapshot = a_snapshot(status=a_ready_status())
    assert snapshot.lane == snapshot.spec["apiManagement"]["id"].lower()
    assert snapshot.site == snapshot.spec["functionApp"]["id"].lower()


def test_a_spec_that_is_none_has_an_empty_lane() -> None:
    body = an_object(status=a_ready_status())
    body["spec"] = {"apiManagement": "contoso"}
    assert (Snapshot.read(body).lane, Snapshot.read(body).site) == ("", "")


def test_what_is_new_waits_for_no_service() -> None:
    assert a_snapshot().lane == "new"


NEWS: list[tuple[str, dict[str, Any], bool]] = [
    ("nothing differs", {}, False),
    ("our own status came back", {"version": 2, "status": a_ready_status()}, False),
    ("the spec changed", {"generation": 2}, True),
    ("it is to be deleted", {"deleting": True}, True),
    ("it was paused", {"annotations": {PAUSED: "true"}}, True),
    ("somebody else annotated it", {"annotations": {"argocd.example/tracking-id": "x"}}, False),
    ("somebody took our finalizer off", {"held": False}, True),
    ("another object of the same name", {"uid": "uid-new"}, True),
]


@pytest.mark.parametrize(("reason", "change", "expected"), NEWS, ids=[each[0] for each in NEWS])
def test_a_pass_is_called_for_by_what_we_act_on(reason: str, change: dict[str, Any], expected: bool) -> None:
    assert calls_for_a_pass(a_snapshot(), a_snapshot(**change)) is expected, reason


def test_our_own_finalizer_calls_for_no_pass() -> None:
    assert not calls_for_a_pass(a_snapshot(held=False), a_snapshot(held=True))


def test_a_first_sight_calls_for_a_pass(cache: Cache) -> None:
    assert cache.saw(a_snapshot())
    assert not cache.saw(a_snapshot())


def test_what_the_watch_delivers_late_does_not_undo_what_we_know(cache: Cache) -> None:
    cache.saw(a_snapshot(version=10, generation=2))
    assert not cache.saw(a_snapshot(version=9, generation=1))
    assert cache.get(KEY) == a_snapshot(version=10, generation=2)


def test_versions_that_are_no_numbers_are_taken_as_they_come() -> None:
    assert older("9", than="10")
    assert not older("10", than="9")
    assert not older("abc", than="10")


def test_a_deletion_forgets_that_very_object_only(cache: Cache) -> None:
    cache.saw(a_snapshot(uid="new", version=5))
    assert cache.gone(KEY, "old") is None
    assert cache.gone(KEY, "new") == a_snapshot(uid="new", version=5)
    assert (len(cache), cache.lane(KEY)) == (0, "")


def test_bindings_of_one_function_app_are_found_together(cache: Cache) -> None:
    first, second = a_snapshot("a"), a_snapshot("b")
    other = a_snapshot("c", functionApp={"id": "/other"})
    for each in (first, second, other):
        cache.saw(each)
    assert list(cache.at_site(first.site)) == [first, second]
    cache.saw(a_snapshot("b", version=2, functionApp={"id": "/other"}))
    assert list(cache.at_site(first.site)) == [first]


def test_bindings_of_one_registration_are_found_by_who_used_it_first(cache: Cache) -> None:
    used = a_snapshot("used", created="2026-03-01T00:00:00Z", status=a_ready_status(clientId=CLIENT_ID))
    older = a_snapshot("older", created="2026-01-01T00:00:00Z")
    younger = a_snapshot("younger", created="2026-02-01T00:00:00Z")
    entra = {"registration": {"type": "Existing", "clientId": IDENTITY_CLIENT_ID}}
    for each in (younger, used, a_snapshot("other", entra=entra), older):
        cache.saw(each)
    assert list(cache.with_registration(CLIENT_ID)) == [used, older, younger]
    cache.saw(a_snapshot("older", version=2, entra=entra))
    cache.gone(used.key, used.uid)
    assert list(cache.with_registration(CLIENT_ID)) == [younger]
    assert [each.key.name for each in cache.with_registration(IDENTITY_CLIENT_ID)] == ["older", "other"]


def test_who_edits_its_client_id_was_not_the_first_to_use_it() -> None:
    edited = a_snapshot(generation=2, status=a_ready_status(clientId=IDENTITY_CLIENT_ID))
    assert (edited.registration, edited.established) == (CLIENT_ID, False)


def test_client_ids_are_compared_in_lower_case() -> None:
    entra = {"registration": {"type": "Existing", "clientId": CLIENT_ID.upper()}}
    assert a_snapshot(entra=entra).registration == CLIENT_ID


@pytest.mark.parametrize("entra", [None, "x", {}, {"registration": "x"}, {"registration": {}}])
def test_a_spec_without_a_registration_has_an_empty_one(entra: Any) -> None:
    assert a_snapshot(entra=entra).registration == ""


def test_bindings_are_counted_by_readiness(cache: Cache, metrics: Metrics) -> None:
    def count(status: str) -> float | None:
        return metrics.registry.get_sample_value("funcgate_bindings", {"ready": status})

    cache.saw(a_snapshot("a", status=a_ready_status()))
    cache.saw(a_snapshot("b"))
    assert (count("True"), count("Unknown"), count("False")) == (1, 1, 0)
    cache.gone(a_snapshot("a").key, "uid-a")
    assert count("True") == 0


SETTLED: list[tuple[str, dict[str, Any], bool]] = [
    ("all is well", {"status": a_ready_status()}, True),
    ("no status yet", {}, False),
    ("Ready, but for an older generation", {"status": a_ready_status(), "generation": 2}, False),
    ("to be deleted", {"status": a_ready_status(), "deleting": True}, False),
    ("an open request", {"status": a_ready_status(), "annotations": {RECONCILE_REQUESTED_AT: "2"}}, False),
    (
        "an answered request",
        {"status": a_ready_status(lastHandledReconcileAt="2"), "annotations": {RECONCILE_REQUESTED_AT: "2"}},
        True,
    ),
]


@pytest.mark.parametrize(("reason", "made", "expected"), SETTLED, ids=[each[0] for each in SETTLED])
def test_a_binding_is_settled_when_nobody_waits_for_us(reason: str, made: dict[str, Any], expected: bool) -> None:
    assert a_snapshot(**made).settled is expected, reason


TRIGGERS: list[tuple[str, dict[str, Any]]] = [
    ("new", {"status": {}}),
    ("changed", {"generation": 2, "status": a_ready_status()}),
    ("requested", {"annotations": {RECONCILE_REQUESTED_AT: "today"}, "status": a_ready_status()}),
    ("retry", {"status": a_ready_status() | {"conditions": [{"type": "Ready", "status": "False"}]}}),
    ("interval", {"status": a_ready_status()}),
    ("deletion", {"deleting": True, "status": a_ready_status()}),
]


@pytest.mark.parametrize(("trigger", "made"), TRIGGERS, ids=[each[0] for each in TRIGGERS])
def test_why_a_pass_is_due_is_told_from_the_object(trigger: str, made: dict[str, Any]) -> None:
    assert a_snapshot(**made).trigger == trigger
