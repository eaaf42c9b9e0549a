"""Long-running operations are followed to their end, for a minute."""

from typing import Any

import pytest

from funcgate.azure.http import Answer, Call, Http
from funcgate.azure.operations import finish
from funcgate.errors import AccessDenied, Rejected, TryAgain
from unit.azure.wire import ARM, Sleeper, Wire

CALL = Call(method="PATCH", url=f"{ARM}/service/contoso", kind="service")
PENDING = TryAgain("still at it", reason="IdentityPending")


def accepted(**headers: str) -> Answer:
    return Answer(status=202, headers={name.replace("_", "-"): value for name, value in headers.items()}, content=b"")


async def follow(http: Http, answer: Answer) -> None:
    await finish(http, CALL, answer, PENDING)


async def test_an_answer_without_links_is_the_end(wire: Wire, http: Http) -> None:
    await follow(http, accepted())

    assert wire.calls == []


async def test_the_operations_own_address_is_asked_until_it_says_succeeded(
    wire: Wire, http: Http, sleeper: Sleeper
) -> None:
    wire.says("GET", "/op", 200, {"status": "InProgress"}).says("GET", "/op", 200, b"")
    wire.says("GET", "/op", 200, {"status": "Succeeded"})

    await follow(http, accepted(azure_asyncoperation=f"{ARM}/op", location=f"{ARM}/other"))

    assert wire.asked == ["GET /op"] * 3
    assert sleeper.naps == [2.0, 2.0, 2.0]


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        ({}, "an empty object"),
        ({"properties": {"provisioningState": "Succeeded"}}, "the resource"),
        (None, "no body at all"),
    ],
)
async def test_a_location_is_asked_until_it_is_no_longer_202(wire: Wire, http: Http, end: Any, reason: str) -> None:
    wire.says("GET", "/loc", 202).says("GET", "/loc", 200, {"properties": {"provisioningState": "Updating"}})
    wire.says("GET", "/loc", 200, end)

    await follow(http, accepted(location=f"{ARM}/loc"))

    assert wire.asked == ["GET /loc"] * 3, reason


async def test_a_status_address_may_answer_the_resource_itself(wire: Wire, http: Http) -> None:
    wire.says("GET", "/op", 200, {"properties": {"provisioningState": "Updating"}})
    wire.says("GET", "/op", 200, {"properties": {"provisioningState": "Succeeded"}})

    await follow(http, accepted(azure_asyncoperation=f"{ARM}/op"))

    assert wire.asked == ["GET /op"] * 2


async def test_the_wait_between_polls_is_the_one_asked_for(wire: Wire, http: Http, sleeper: Sleeper) -> None:
    wire.says("GET", "/op", 200, {"status": "Running"}, {"retry-after": "0"})
    wire.says("GET", "/op", 200, {"status": "Succeeded"})

    await follow(http, accepted(azure_asyncoperation=f"{ARM}/op", retry_after="20"))

    assert sleeper.naps == [20.0, 0.2]


async def test_an_operation_that_may_not_be_looked_at_is_pending(wire: Wire, http: Http) -> None:
    wire.says("GET", "/op", 403, {"error": {"code": "AuthorizationFailed", "message": "no"}})

    with pytest.raises(TryAgain) as pending:
        await follow(http, accepted(azure_asyncoperation=f"{ARM}/op"))

    assert pending.value is PENDING


async def test_an_operation_that_outlasts_a_minute_is_pending(wire: Wire, http: Http, sleeper: Sleeper) -> None:
    wire.says("GET", "/op", 200, {"status": "InProgress"}, {"retry-after": "25"})

    with pytest.raises(TryAgain) as raised:
        await follow(http, accepted(azure_asyncoperation=f"{ARM}/op"))

    assert raised.value is PENDING
    assert sum(sleeper.naps) <= 60


@pytest.mark.parametrize(
    ("error", "kind", "reason"),
    [
        ({"code": "ValidationError", "message": "No."}, Rejected, "ValidationError"),
        ({"code": "LinkedAuthorizationFailed", "message": "No."}, AccessDenied, "LinkedAuthorizationFailed"),
        (None, Rejected, "Rejected"),
    ],
)
async def test_a_failed_operation_raises_what_it_failed_with(
    wire: Wire, http: Http, error: Any, kind: type[Exception], reason: str
) -> None:
    wire.says("GET", "/op", 200, {"status": "Failed", "error": error})

    with pytest.raises(kind) as raised:
        await follow(http, accepted(azure_asyncoperation=f"{ARM}/op", x_ms_correlation_request_id="c-1"))

    assert getattr(raised.value, "reason", None) == reason
    assert getattr(raised.value, "correlation_id", None) == "c-1", "that of the write, by which Azure's log finds it"
