"""What a binding may name, and what it is told when it may not."""

from typing import Any

import pytest

from builders import GROUP, NAMED_IDENTITY, SERVICE, SUBSCRIPTION, a_spec
from funcgate.controller.scopes import from_annotation, refused

OTHER = "/subscriptions/22222222-2222-4222-8222-222222222222"

CASES: list[tuple[str, tuple[str, ...], tuple[str, ...] | None, bool]] = [
    ("no scope allows nothing", (), None, False),
    ("the subscription allows all in it", (SUBSCRIPTION,), None, True),
    ("the resource group allows what is in it", (GROUP,), None, True),
    ("ids compare without case", (GROUP.upper(),), None, True),
    ("a slash at the end means the same", (f"{GROUP}/",), None, True),
    ("another subscription allows nothing here", (OTHER,), None, False),
    ("a group whose name merely begins the same is another", (GROUP[:-1],), None, False),
    ("an empty scope allows nothing", ("", "/"), None, False),
    ("the namespace narrows", (SUBSCRIPTION,), (f"{SUBSCRIPTION}/resourceGroups/other",), False),
    ("the namespace allows within", (SUBSCRIPTION,), (GROUP,), True),
    ("the namespace cannot widen", (OTHER,), (SUBSCRIPTION,), False),
    ("a namespace that names nothing allows nothing", (SUBSCRIPTION,), (), False),
]


@pytest.mark.parametrize(("reason", "allowed", "narrowed", "expected"), CASES, ids=[each[0] for each in CASES])
def test_a_binding_may_name_what_lies_in_its_scopes(
    reason: str, allowed: tuple[str, ...], narrowed: tuple[str, ...] | None, expected: bool
) -> None:
    assert (refused(a_spec(), allowed, narrowed) is None) is expected, reason


FIELDS: list[tuple[str, dict[str, Any]]] = [
    ("spec.apiManagement.id", {"apiManagement": {"id": SERVICE.replace("1111", "2222")}}),
    ("spec.functionApp.id", {"functionApp": {"id": f"{OTHER}/resourceGroups/x/providers/Microsoft.Web/sites/other"}}),
    (
        "spec.apiManagement.identity.id",
        {
            "apiManagement": {
                "id": SERVICE,
                "identity": {"type": "UserAssigned", "id": NAMED_IDENTITY.replace("1111", "2222")},
            }
        },
    ),
]


@pytest.mark.parametrize(("field", "change"), FIELDS, ids=[each[0] for each in FIELDS])
def test_the_refusal_names_the_field_and_what_to_ask_for(field: str, change: dict[str, Any]) -> None:
    unmet = refused(a_spec(**change), (GROUP,), None)
    assert unmet
    assert (unmet.reason, unmet.stalled) == ("ScopeNotAllowed", True)
    assert unmet.message.startswith(f"{field} lies outside")
    assert "ask whoever runs funcgate to add /subscriptions/2222" in unmet.message


def test_a_refusal_by_the_namespace_names_its_annotation() -> None:
    unmet = refused(a_spec(), (GROUP,), ())
    assert unmet
    assert "funcgate.dev/azure-scopes" in unmet.message


def test_the_annotation_is_a_list_with_commas() -> None:
    assert from_annotation(None) is None
    assert from_annotation(" /a, /b ,, ") == ("/a", "/b")
    assert from_annotation("") == ()
