from builders import a_binding
from funcgate import report
from funcgate.engine import Outcome, Pass, Write
from funcgate.model import Action, Drift

WRITE = Write(
    condition="BackendReady",
    key="backends/orders-fn",
    action=Action.UPDATE,
    drifts=(Drift(field="url", wanted="https://new", seen="https://old"),),
)
PENDING = Outcome(
    condition="BackendReady", status="False", reason="ChangesPending", message="update …", changes=(WRITE,)
)
WAITING = Outcome(condition="PolicyReady", status="Unknown", reason="Waiting", message="waits for the backend")
STALLED = Outcome(condition="ApiReady", status="False", reason="ApiNotFound", message="no API", stalled=True)
SETTLED = Outcome(condition="ApiReady", status="True", reason="InSync", message="Published.")


def a_pass(*outcomes: Outcome) -> Pass:
    return Pass(binding=a_binding(), outcomes=outcomes)


def test_a_plan_shows_each_write_with_its_fields_and_what_stands_in_the_way() -> None:
    assert list(report.lines("shop/orders", a_pass(PENDING, WAITING, STALLED, SETTLED))) == [
        "shop/orders",
        "  ~ backends/orders-fn  (BackendReady)",
        "      url: https://old → https://new",
        "  · PolicyReady: Waiting: waits for the backend",
        "  ! ApiReady: ApiNotFound: no API",
    ]


def test_a_settled_binding_has_nothing_to_do() -> None:
    assert list(report.lines("shop/orders", a_pass(SETTLED))) == ["shop/orders", "  nothing to do"]


def test_a_plan_is_data_too() -> None:
    assert report.as_json("shop/orders", a_pass(PENDING)) == {
        "binding": "shop/orders",
        "ok": False,
        "changes": [
            {
                "part": "BackendReady",
                "key": "backends/orders-fn",
                "action": "update",
                "fields": [{"field": "url", "before": "https://old", "after": "https://new"}],
            }
        ],
        "conditions": [{"type": "BackendReady", "status": "False", "reason": "ChangesPending", "message": "update …"}],
    }
