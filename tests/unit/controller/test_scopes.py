"""What a binding may name, and what it is told when it may not."""

from typing import Any

import pytest

from builders import CLIENT_ID, GROUP, NAMED_IDENTITY, SERVICE, SITE, SUBSCRIPTION, a_spec
from funcgate.controller.scopes import ANNOTATION, CLIENT_IDS, listed, refused

OTHER = "/subscriptions/22222222-2222-4222-8222-222222222222"

CASES: list[tuple[str, tuple[str, ...], str | None, bool]] = [
    ("no scope allows nothing", (), None, False),
    ("the subscription allows all in it", (SUBSCRIPTION,), None, True),
    ("the resource group allows what is in it", (GROUP,), None, True),
    ("ids compare without case", (GROUP.upper(),), None, True),
    ("a slash at the end means the same", (f"{GROUP}/",), None, True),
    ("another subscription allows nothing here", (OTHER,), None, False),
    ("a group whose name merely begins the same is another", (GROUP[:-1],), None, False),
    ("an empty scope allows nothing", ("", "/"), None, False),
    ("the namespace narrows", (SUBSCRIPTION,), f"{SUBSCRIPTION}/resourceGroups/other", False),
    ("the namespace allows within", (SUBSCRIPTION,), f"{OTHER}, {GROUP}", True),
    ("the namespace cannot widen", (OTHER,), SUBSCRIPTION, False),
    ("a namespace that names nothing allows nothing", (SUBSCRIPTION,), "", False),
]


@pytest.mark.parametrize(("reason", "allowed", "narrowed", "expected"), CASES, ids=[each[0] for each in CASES])
def test_a_binding_may_name_what_lies_in_its_scopes(
    reason: str, allowed: tuple[str, ...], narrowed: str | None, expected: bool
) -> None:
    annotations = {} if narrowed is None else {ANNOTATION: narrowed}
    assert (refused(a_spec(), allowed, annotations) is None) is expected, reason


def test_the_kelvin_sign_is_no_k() -> None:
    in_stock = {"id": SERVICE.replace("shop-rg", "stock")}, {"id": SITE.replace("shop-rg", "stock")}
    spec = a_spec(apiManagement=in_stock[0], functionApp=in_stock[1])
    group = f"{SUBSCRIPTION}/resourceGroups/stoc"
    assert refused(spec, (f"{group}K",), {}) is None
    assert refused(spec, (f"{group}\u212a",), {}) is not None


REGISTRATIONS: list[tuple[str, str | None, bool]] = [
    ("without the annotation any registration may be named", None, True),
    ("one of those that it lists", f"{OTHER[-36:]}, {CLIENT_ID.upper()}", True),
    ("none of those that it lists", OTHER[-36:], False),
    ("an empty list allows none", "", False),
]


@pytest.mark.parametrize(("reason", "named", "expected"), REGISTRATIONS, ids=[each[0] for each in REGISTRATIONS])
def test_a_namespace_may_name_its_registrations(reason: str, named: str | None, expected: bool) -> None:
    annotations = {} if named is None else {CLIENT_IDS: named}
    assert (refused(a_spec(), (GROUP,), annotations) is None) is expected, reason


def test_a_refused_registration_is_named_with_its_field() -> None:
    unmet = refused(a_spec(), (GROUP,), {CLIENT_IDS: ""})
    assert unmet
    assert (unmet.reason, unmet.stalled) == ("ScopeNotAllowed", True)
    assert unmet.message == (
        f"the registration {CLIENT_ID} is not in the namespace's annotation funcgate.dev/client-ids; ask the cluster's "
        "admin to add it, or name another one in spec.entra.registration"
    )


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
    unmet = refused(a_spec(**change), (GROUP,), {})
    assert unmet
    assert (unmet.reason, unmet.stalled) == ("ScopeNotAllowed", True)
    assert unmet.message.startswith(f"{field} lies outside")
    assert "ask whoever runs funcgate to add /subscriptions/2222" in unmet.message


def test_a_refusal_by_the_namespace_names_its_annotation() -> None:
    unmet = refused(a_spec(), (GROUP,), {ANNOTATION: ""})
    assert unmet
    assert "funcgate.dev/azure-scopes" in unmet.message


def test_the_annotation_is_a_list_with_commas() -> None:
    assert listed(None) is None
    assert listed(" /a, /B ,, ") == ("/a", "/b")
    assert listed("") == ()
