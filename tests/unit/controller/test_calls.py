"""Azure's id of what was written, and of what was refused."""

import pytest

from engines import AWrite
from funcgate.azure import Noted
from funcgate.conditions import Condition
from funcgate.controller import calls

SERVICE = "/subscriptions/1/resourceGroups/g/providers/Microsoft.ApiManagement/service/contoso"
NOTED = (
    Noted(kind="backends", path=f"{SERVICE}/backends/orders-fn", correlation_id="backend"),
    Noted(kind="apis", path=f"{SERVICE}/apis/orders;rev=2", correlation_id="api"),
    Noted(kind="operations", path=f"{SERVICE}/apis/orders/operations/get-order", correlation_id="operation"),
    Noted(kind="policies", path=f"{SERVICE}/apis/orders/policies/policy", correlation_id="policy"),
    Noted(kind="backends", path=f"{SERVICE}/backends/orders-fn", correlation_id="refused", refused="ScopeLocked"),
    Noted(kind="applications", path="/v1.0/applications/1", correlation_id="first"),
    Noted(kind="applications", path="/v1.0/applications/1", correlation_id="last"),
)
CHANGES: list[tuple[str, list[tuple[str, str]], list[str | None]]] = [
    ("by its address", [("BackendReady", "backends/Orders-fn")], ["backend"]),
    (
        "by its kind",
        [
            ("ApiReady", "apis/orders/operations/GET /orders/{}"),
            ("ApiReady", "apis/orders"),
            ("PolicyReady", "apis/orders"),
        ],
        ["operation", "api", "policy"],
    ),
    ("in their order", [("AppRegistrationReady", "application"), ("AppRegistrationReady", "role")], ["first", "last"]),
    ("the last of several", [("AppRegistrationReady", "application")], ["last"]),
    ("no write", [("EasyAuthReady", "config/authsettingsV2"), ("Verified", "nothing")], [None, None]),
]


@pytest.mark.parametrize(("how", "changes", "found"), CHANGES, ids=[each[0] for each in CHANGES])
def test_changes_are_found_by_their_writes(how: str, changes: list[tuple[str, str]], found: list[str | None]) -> None:
    made = [AWrite(condition=condition, key=key) for condition, key in changes]
    assert calls.of_changes(made, NOTED) == found, how


def test_one_of_fewer_writes_than_changes_is_found_by_its_address() -> None:
    made = [AWrite(key="backends/orders-fn"), AWrite(key="backends/catalog-fn")]
    assert calls.of_changes(made, NOTED) == ["backend", "backend"]


CONDITIONS = [
    ("BackendReady", "False", "ScopeLocked", "refused"),
    ("Ready", "False", "ScopeLocked", "refused"),
    ("BackendReady", "False", "Conflict", None),
    ("BackendReady", "True", "ScopeLocked", None),
]


@pytest.mark.parametrize(("type_", "status", "reason", "correlation_id"), CONDITIONS)
def test_a_condition_is_found_by_the_call_that_was_refused_for_its_reason(
    type_: str, status: str, reason: str, correlation_id: str | None
) -> None:
    condition = Condition(type=type_, status=status, reason=reason, message="", observed_generation=1)
    assert calls.of_condition(condition, NOTED) == correlation_id
