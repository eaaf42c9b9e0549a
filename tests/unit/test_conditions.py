from dataclasses import replace
from datetime import UTC, datetime

import pytest

from funcgate.conditions import Condition, conclude
from funcgate.engine import Outcome

GENERATION = 3


def an_outcome(status: str = "True", reason: str = "InSync", **more: object) -> Outcome:
    return Outcome(condition=f"{reason}Part", status=status, reason=reason, message=f"says {reason}", **more)  # type: ignore[arg-type]


def summary(*outcomes: Outcome) -> dict[str, tuple[str, str]]:
    return {each.type: (each.status, each.reason) for each in conclude(outcomes, GENERATION)[:3]}


def test_all_true_is_ready_and_at_rest() -> None:
    assert summary(an_outcome(), an_outcome()) == {
        "Ready": ("True", "InSync"),
        "Reconciling": ("False", "InSync"),
        "Stalled": ("False", "InSync"),
    }


@pytest.mark.parametrize(
    ("outcomes", "ready", "reconciling", "stalled", "why"),
    [
        ([an_outcome("False", "Drifted")], ("False", "Drifted"), "True", "False", "funcgate goes on"),
        ([an_outcome("Unknown", "Busy")], ("Unknown", "Busy"), "True", "False", "not known yet"),
        ([an_outcome("Unknown", "Waiting"), an_outcome("Unknown", "Busy")], ("Unknown", "Busy"), "True", "False",
         "mere waiting is nobody's cause"),
        ([an_outcome("Unknown", "Busy"), an_outcome("False", "Drifted")], ("False", "Drifted"), "True", "False",
         "what is known to be false comes before what is not known"),
        ([an_outcome("False", "Drifted"), an_outcome("False", "Hole", stalled=True)], ("False", "Hole"), "False",
         "True", "what needs a person comes first, and both are never true"),
        ([an_outcome("Unknown", "RoleMissing", stalled=True)], ("Unknown", "RoleMissing"), "False", "True",
         "a missing right needs a person"),
        ([an_outcome("Unknown", "GraphNotReadable", blocking=False)], ("True", "InSync"), "False", "False",
         "what does not block is shown in its own condition only"),
    ],
)  # fmt: skip
def test_ready_reconciling_and_stalled_are_computed_from_the_others(
    outcomes: list[Outcome], ready: tuple[str, str], reconciling: str, stalled: str, why: str
) -> None:
    got = summary(*outcomes)
    assert (got["Ready"], got["Reconciling"][0], got["Stalled"][0]) == (ready, reconciling, stalled), why


def test_each_aspect_keeps_a_condition_of_its_own_for_this_generation() -> None:
    own = conclude([an_outcome("False", "Drifted")], GENERATION)[3]
    assert own == Condition(
        type="DriftedPart", status="False", reason="Drifted", message="says Drifted", observed_generation=GENERATION
    )


def test_what_azure_calls_a_refusal_goes_with_its_condition_and_with_ready_for_its_sake() -> None:
    refused = an_outcome("False", "Refused", stalled=True, correlation_id="c-1")
    conditions = conclude([an_outcome("Unknown", "Busy", correlation_id="c-2"), refused], GENERATION)
    ids = {each.type: each.correlation_id for each in conditions}
    assert ids == {"Ready": "c-1", "Reconciling": "", "Stalled": "", "BusyPart": "c-2", "RefusedPart": "c-1"}
    assert "c-1" not in str([each.wire() for each in conditions]), "each call has another one"
    assert conditions[0].says_the_same(replace(conditions[0], correlation_id="c-3"))


def test_a_condition_says_the_same_whenever_it_began() -> None:
    one = conclude([an_outcome()], GENERATION)[3]
    later = replace(one, since=datetime(2026, 1, 2, tzinfo=UTC))
    assert (one.says_the_same(later), one.says_the_same(replace(one, message="else"))) == (True, False)


def test_on_the_wire_a_condition_has_the_names_that_kubernetes_uses() -> None:
    since = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    condition = Condition(
        type="Ready", status="True", reason="InSync", message="fine", observed_generation=1, since=since
    )
    assert condition.wire() == {
        "type": "Ready",
        "status": "True",
        "reason": "InSync",
        "message": "fine",
        "observedGeneration": 1,
        "lastTransitionTime": "2026-01-02T03:04:05Z",
    }


def test_a_condition_without_a_beginning_begins_now() -> None:
    condition = conclude([], GENERATION)[0]
    assert str(condition.wire()["lastTransitionTime"]).endswith("Z")


def test_a_deletion_that_needs_somebody_says_what_releases_it() -> None:
    ready, _, stalled = conclude([an_outcome("False", "RoleMissing", stalled=True)], GENERATION, deleting=True)[:3]
    assert (ready.reason, stalled.status) == ("DeleteBlocked", "True")
    assert ready.message == (
        "says RoleMissing; or set the annotation funcgate.dev/reconcile-policy: detach-on-delete to leave in Azure "
        "what stands there"
    )


def test_a_deletion_that_comes_back_by_itself_keeps_its_reason() -> None:
    ready, reconciling, _ = conclude([an_outcome("Unknown", "Throttled")], GENERATION, deleting=True)[:3]
    assert (ready.reason, reconciling.status) == ("Throttled", "True")
