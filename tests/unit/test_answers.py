"""Whose answer it is: the table of causes, from top to bottom."""

import json

import pytest

from funcgate.answers import CAUSES, from_in_front, gateway_says, is_the_doors, may_be_the_doors, why
from funcgate.azure import Heard


def heard(status: int, said: str = "", **headers: str) -> Heard:
    return Heard(status=status, headers={name.replace("_", "-"): value for name, value in headers.items()}, said=said)


def gateway(status: int, message: str) -> Heard:
    return heard(status, json.dumps({"statusCode": status, "message": message}))


EASY_AUTH = "You do not have permission to view this directory or page."

ANSWERS = [
    (gateway(401, "Access denied due to missing subscription key. Make sure…"), "SubscriptionKeyMissing"),
    (gateway(401, "Access denied due to invalid subscription key."), "SubscriptionKeyInvalid"),
    (gateway(429, "Rate limit is exceeded. Try again in 3 seconds."), "CallVolumeExceeded"),
    (gateway(403, "Out of call volume quota. Quota will be replenished in 00:05."), "CallVolumeExceeded"),
    (gateway(401, "JWT not present."), "CallerTokenRefused"),
    (gateway(403, "Forbidden"), "CallerAddressRefused"),
    (gateway(404, "Resource not found"), "OperationNotMatched"),
    (gateway(500, "Internal server error"), "GatewayFailed"),
    (heard(504, "late"), "BackendSlow"),
    (gateway(503, "Service Unavailable"), "BackendUnavailable"),
    (heard(502), "BackendUnavailable"),
    (heard(503, "Function host is not running."), "HostRuntimeDown"),
    (heard(403, "<h1>Error 403 - This web app is stopped.</h1>"), "FunctionAppStopped"),
    (heard(403, "<h1>Forbidden</h1>", x_ms_forbidden_ip="192.0.2.1"), "AccessRestricted"),
    (heard(401, EASY_AUTH), "TokenOutdated"),
    (heard(403, EASY_AUTH), "CallerNotAllowed"),
    (heard(401), "KeyRefused"),
    (heard(403, " "), "KeyRefused"),
    (heard(404), "FunctionNotFound"),
    (heard(404, "no such order"), "FunctionRefused"),
    (heard(403, '{"error": "not you"}'), "FunctionRefused"),
    (heard(401, "[]"), "FunctionRefused"),
    (heard(500, "oh no"), "FunctionFailed"),
]


@pytest.mark.parametrize(("answer", "reason"), ANSWERS, ids=[f"{each.status} {reason}" for each, reason in ANSWERS])
def test_each_answer_has_its_cause(answer: Heard, reason: str) -> None:
    unmet = why(answer, (200,))
    assert unmet.reason == reason
    assert unmet.message.startswith(f"answered with {answer.status}: ")


def test_every_line_of_the_table_is_reached() -> None:
    assert {cause.reason for cause in CAUSES} == {reason for _, reason in ANSWERS}


def test_any_other_status_is_not_the_one_that_was_expected() -> None:
    unmet = why(heard(204), (200, 201))
    assert (unmet.reason, unmet.message) == (
        "UnexpectedStatus",
        "answered with 204, and spec.verify.expect names 200, 201: correct one of the two",
    )


def test_of_an_answer_nothing_is_shown_but_its_status() -> None:
    assert "hush" not in f"{heard(500, 'hush', set_cookie='hush')!r}{why(heard(500, 'hush'), (200,))}"


@pytest.mark.parametrize("said", ["", "no json", "[1]", '{"message": "of somebody else"}'])
def test_what_has_not_the_gateways_form_is_not_the_gateways(said: str) -> None:
    assert gateway_says(heard(401, said)) is None


@pytest.mark.parametrize(
    ("answer", "in_front"),
    [
        (heard(403, "this web app is stopped"), True),
        (heard(404, "404 Web Site not found."), True),
        (heard(403, x_ms_forbidden_ip="1"), True),
        (heard(500), True),
        (heard(401, EASY_AUTH), False),
        (heard(404), False),
    ],
)
def test_what_the_platform_answers_tells_nothing_of_the_door(answer: Heard, in_front: bool) -> None:
    assert from_in_front(answer) is in_front


BACK_TO_THE_DOOR = (
    "https://login.example/authorize?redirect_uri=https%3A%2F%2Forders.example%2F.auth%2Flogin%2Faad%2Fcallback"
)


@pytest.mark.parametrize(
    ("answer", "may_be", "is_"),
    [
        (heard(401, EASY_AUTH), True, True),
        (heard(403, EASY_AUTH), True, True),
        (heard(401), True, False),
        (heard(403, '{"error": "not you"}'), True, False),
        (heard(302, location="/.auth/login/aad"), True, True),
        (heard(302, location=BACK_TO_THE_DOOR), True, True),
        (heard(302, location="/v1/orders/2"), False, False),
        (heard(302), False, False),
        (heard(404, EASY_AUTH), False, False),
    ],
)
def test_the_doors_refusals_are_told_from_those_behind_it(answer: Heard, may_be: bool, is_: bool) -> None:
    assert (may_be_the_doors(answer), is_the_doors(answer)) == (may_be, is_)
