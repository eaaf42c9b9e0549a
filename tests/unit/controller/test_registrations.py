"""Whose a registration is."""

from typing import Any

import pytest

from builders import CLIENT_ID, IDENTITY_CLIENT_ID, SITE
from funcgate.controller.registrations import ANNOTATION, taken
from objects import a_snapshot

FIRST = a_snapshot("orders", namespace="shop")

CASES: list[tuple[str, dict[str, Any], dict[str, str], bool]] = [
    ("another namespace, another app", {}, {}, True),
    ("in one namespace people know each other", {"namespace": "shop"}, {}, False),
    ("for the same app it is the same door", {"functionApp": {"id": SITE.upper()}}, {}, False),
    ("it is shared", {}, {ANNOTATION: f"{IDENTITY_CLIENT_ID}, {CLIENT_ID.upper()}"}, False),
    ("another one is shared", {}, {ANNOTATION: IDENTITY_CLIENT_ID}, True),
    ("nothing is shared", {}, {ANNOTATION: ""}, True),
]


@pytest.mark.parametrize(("reason", "change", "annotations", "expected"), CASES, ids=[each[0] for each in CASES])
def test_a_registration_is_of_those_who_used_it_first(
    reason: str, change: dict[str, Any], annotations: dict[str, str], expected: bool
) -> None:
    mine = a_snapshot("mine", **({"namespace": "attic", "functionApp": {"id": f"{SITE}-else"}} | change))
    assert (taken(mine, FIRST, annotations) is not None) is expected, reason


def test_the_refusal_names_the_other_binding_and_the_ways_out() -> None:
    unmet = taken(a_snapshot("mine", namespace="attic", functionApp={"id": f"{SITE}-else"}), FIRST, {})
    assert unmet
    assert (unmet.reason, unmet.status, unmet.stalled) == ("RegistrationTaken", "False", True)
    assert unmet.message == (
        f"shop/orders uses the registration {CLIENT_ID} for another function app; name a registration of your own in "
        "spec.entra.registration, or ask for this one in the annotation funcgate.dev/shared-registrations of the "
        "namespace shop"
    )
