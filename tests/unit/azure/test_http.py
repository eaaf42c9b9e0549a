"""One place retries, counts and keeps the fence."""

import asyncio
import logging
from dataclasses import replace
from typing import Any

import pytest

from followed import followed
from funcgate.azure.http import CORRELATION_ID, Answer, Call, Http, Locks, Time, write_fence
from funcgate.errors import AccessDenied, Rejected, TryAgain
from funcgate.steps import doing
from unit.azure.wire import ARM, Sleeper, Wire

GET = Call(method="GET", url=f"{ARM}/x?api-version=1", kind="backends")
PUT = Call(method="PUT", url=f"{ARM}/x?api-version=1", kind="backends", body={"key": "s3cr3t"})
UNREACHABLE = TryAgain("no", reason="Unreachable")


class LeaseLost(Exception):
    """What a fence raises."""


def lost() -> None:
    raise LeaseLost


@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_a_read_is_tried_three_times_before_it_is_given_up(wire: Wire, http: Http, status: int) -> None:
    wire.says("GET", "/x", status)

    with pytest.raises(TryAgain) as raised:
        await http.send(GET)

    assert raised.value.reason == "AzureUnavailable"
    assert len(wire.calls) == 3


async def test_a_read_that_succeeds_the_second_time_is_a_success(wire: Wire, http: Http, sleeper: Sleeper) -> None:
    wire.breaks("GET", "/x", UNREACHABLE).says("GET", "/x", 200, {"name": "x"})

    body, _ = await http.document(GET)

    assert body == {"name": "x"}
    assert len(sleeper.naps) == 1
    assert 0.1 < sleeper.naps[0] < 1.0


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 412, 422, 429])
async def test_what_waiting_does_not_change_is_not_tried_again(wire: Wire, http: Http, status: int) -> None:
    wire.says("GET", "/x", status)

    with pytest.raises(Exception, match=r"."):
        await http.send(GET)

    assert len(wire.calls) == 1


@pytest.mark.parametrize("method", ["PUT", "PATCH", "POST", "DELETE"])
async def test_a_write_is_tried_once(wire: Wire, http: Http, method: str) -> None:
    wire.says(method, "/x", 503)

    with pytest.raises(TryAgain):
        await http.send(Call(method=method, url=PUT.url, kind="backends"))

    assert len(wire.calls) == 1


async def test_a_short_wait_that_azure_asks_for_is_kept(wire: Wire, http: Http, sleeper: Sleeper) -> None:
    wire.says("GET", "/x", 503, headers={"retry-after": "2"}).says("GET", "/x", 200, {})

    await http.send(GET)

    assert sleeper.naps == [2.0]


async def test_a_long_wait_is_handed_on_instead_of_slept(wire: Wire, http: Http, sleeper: Sleeper) -> None:
    wire.says("GET", "/x", 503, headers={"retry-after": "30"})

    with pytest.raises(TryAgain) as raised:
        await http.send(GET)

    assert raised.value.after_seconds == 30.0
    assert sleeper.naps == []


async def test_tries_that_take_long_are_not_repeated(wire: Wire, sleeper: Sleeper) -> None:
    async def slow(call: Call) -> Answer:
        await sleeper.sleep(6.0)
        return await wire(call)

    wire.says("GET", "/x", 500)
    http = Http(service="arm", address=ARM, transport=slow, time=Time(sleep=sleeper.sleep, now=sleeper.now))

    with pytest.raises(TryAgain):
        await http.send(GET)

    assert len(wire.calls) == 1


async def test_a_call_without_end_is_ended() -> None:
    async def never(call: Call) -> Answer:
        await asyncio.Event().wait()
        raise AssertionError

    http = Http(service="arm", address=ARM, transport=never)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("funcgate.azure.http.WRITE_LIMIT_SECONDS", 0.001)
        with pytest.raises(TryAgain) as raised:
            await http.send(PUT)

    assert raised.value.reason == "TimedOut"


async def test_a_fence_that_fell_stops_writes_and_lets_reads_through(wire: Wire, http: Http) -> None:
    wire.says("GET", "/x", 200, {})
    write_fence.set(lost)

    await http.send(GET)
    with pytest.raises(LeaseLost):
        await http.send(PUT)

    assert wire.asked == ["GET /x"]


async def test_every_try_is_counted_with_bounded_labels(wire: Wire, sleeper: Sleeper) -> None:
    counted: list[dict[str, Any]] = []
    wire.breaks("GET", "/x", UNREACHABLE).says("GET", "/x", 200, {})
    time = Time(sleep=sleeper.sleep, now=sleeper.now)

    await Http(
        service="arm", address=ARM, transport=wire, time=time, observe=lambda **labels: counted.append(labels)
    ).send(GET)

    label = {"service": "arm", "method": "GET", "resource_kind": "backends", "seconds": 0}
    assert counted == [label | {"status": 0, "left": {}}, label | {"status": 200, "left": {}}]


LEFT = [
    ("one principal's, and all of them", {"subscription-reads": "249", "subscription-global-reads": "3749"}, 249),
    ("the lower one, in any order", {"subscription-global-reads": "12", "subscription-reads": "249"}, 12),
    ("of the tenant", {"tenant-reads": "7"}, 7),
    ("another kind", {"subscription-writes": "7"}, None),
    ("another service's own", {"resource": "Microsoft.Compute/LowCostGet3Min;107"}, None),
    ("no number", {"subscription-reads": "many"}, None),
]


@pytest.mark.parametrize(("reason", "headers", "reads"), LEFT, ids=[each[0] for each in LEFT])
async def test_what_azure_says_of_its_budgets_is_handed_on(
    wire: Wire, reason: str, headers: dict[str, str], reads: int | None
) -> None:
    counted: list[dict[str, Any]] = []
    wire.says("GET", "/x", 200, {}, {f"x-ms-ratelimit-remaining-{name}": value for name, value in headers.items()})

    await Http(service="arm", address=ARM, transport=wire, observe=lambda **labels: counted.append(labels)).send(GET)

    assert counted[0]["left"].get("reads") == reads, reason


async def test_the_correlation_id_stays_with_the_error_and_out_of_its_text(wire: Wire, http: Http) -> None:
    wire.says("PUT", "/x", 403, headers={CORRELATION_ID: "c-1"})

    with pytest.raises(AccessDenied) as raised:
        await http.send(PUT)

    assert raised.value.correlation_id == "c-1"
    assert "c-1" not in str(raised.value)


IDS = [
    ({CORRELATION_ID: "c-1", "x-ms-request-id": "r-1"}, "c-1"),
    ({"x-ms-request-id": "r-1"}, "r-1"),
    ({"request-id": "g-1", "client-request-id": "ours"}, "g-1"),
]


@pytest.mark.parametrize(("headers", "correlation_id"), IDS)
async def test_the_writes_of_a_step_are_known_by_what_azure_calls_them(
    wire: Wire, http: Http, headers: dict[str, str], correlation_id: str
) -> None:
    wire.says("PUT", "/x", 200, {}, headers).says("GET", "/x", 200, {}, headers).says("PUT", "/x", 403, {}, headers)

    with doing("apply") as step:
        await asyncio.gather(http.send(PUT), http.send(GET))
        with pytest.raises(AccessDenied):
            await http.send(PUT)

    assert step.wrote == [correlation_id]


async def test_every_try_of_a_call_is_told_without_its_query(wire: Wire, http: Http) -> None:
    wire.says("GET", "/x", 503, {}, {CORRELATION_ID: "c-1", "retry-after": "1"}).says("GET", "/x", 200, {})

    with followed() as seen:
        await http.send(replace(GET, url=f"{ARM}/x?sig=s3cr3t"))

    first, second = seen.calls
    assert (first.address, first.status, first.tries_before) == (f"{ARM}/x", 503, 0)
    assert (first.failed, first.correlation_id, first.after_seconds) == ("AzureUnavailable", "c-1", 1.0)
    assert (second.status, second.tries_before, second.failed) == (200, 1, "")
    assert "s3cr3t" not in repr(seen.calls)


async def test_what_azure_refused_is_told_with_its_own_word_for_it(wire: Wire, http: Http) -> None:
    wire.says("PUT", "/x", 409, {"error": {"code": "ScopeLocked", "message": "No."}})

    with followed() as seen, doing("apply") as step, pytest.raises(AccessDenied):
        await http.send(PUT)

    assert [(each.status, each.code, each.after_seconds) for each in seen.calls] == [(409, "ScopeLocked", None)]
    assert step.wrote == []


async def test_a_write_that_was_cut_off_is_told_to_have_failed() -> None:
    sent, never = asyncio.Event(), asyncio.Event()

    async def silent(call: Call) -> Answer:
        sent.set()
        await never.wait()
        raise AssertionError("it never is")

    with followed() as seen, doing("apply") as step:
        sending = asyncio.create_task(Http(service="arm", address=ARM, transport=silent).send(PUT))
        await sent.wait()
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending

    assert [(each.status, each.failed) for each in seen.calls] == [(0, "CutOff")]
    assert step.wrote == []


async def test_neither_log_nor_error_holds_a_body(wire: Wire, http: Http, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    wire.says("PUT", "/x", 400, {"error": {"code": "Odd", "message": "No."}})

    with pytest.raises(Rejected) as raised:
        await http.send(PUT)

    assert "PUT backends answered 400" in caplog.text
    assert "s3cr3t" not in caplog.text + str(raised.value) + repr(PUT)


@pytest.mark.parametrize("body", [b"<html>sign in</html>", b"", b"[]"])
async def test_an_answer_that_is_no_object_is_said_to_be_unexpected(wire: Wire, http: Http, body: bytes) -> None:
    wire.says("GET", "/x", 200, body)

    with pytest.raises(TryAgain) as raised:
        await http.document(GET)

    assert raised.value.reason == "UnexpectedAnswer"


async def test_a_list_is_read_over_all_its_pages(wire: Wire, http: Http) -> None:
    wire.says("GET", "/a", 200, {"value": [{"n": 1}], "nextLink": f"{ARM}/b"}).says("GET", "/b", 200, {"value": None})

    assert list(await http.items(f"{ARM}/a", "backends")) == [{"n": 1}]
    assert wire.asked == ["GET /a", "GET /b"]


@pytest.mark.parametrize(
    ("link", "reason"),
    [
        ("https://evil.example/b", "another host"),
        ("https://management.azure.com.evil.example/b", "a host that begins alike"),
        ("https://evilmanagement.azure.com/b", "a host that ends alike"),
        ("http://management.azure.com/b", "without TLS"),
        ("https://management.azure.com:8443/b", "another port"),
        ("/b", "no host at all"),
    ],
)
async def test_a_link_that_leads_elsewhere_is_not_followed_with_our_token(
    wire: Wire, http: Http, link: str, reason: str
) -> None:
    wire.says("GET", "/a", 200, {"value": [], "nextLink": link})

    with pytest.raises(TryAgain) as raised:
        await http.items(f"{ARM}/a", "backends")

    assert (raised.value.reason, wire.asked) == ("UnexpectedAnswer", ["GET /a"]), reason


@pytest.mark.parametrize("host", ["westeurope.management.azure.com", "management.azure.com:443"])
async def test_other_names_of_the_services_own_host_are_followed(wire: Wire, http: Http, host: str) -> None:
    wire.says("GET", "/b", 200, {})

    await http.send(Call(method="GET", url=f"https://{host}/b", kind="operations"))

    assert wire.asked == ["GET /b"]


async def test_a_lock_is_one_for_all_spellings_of_a_name() -> None:
    locks = Locks()

    async with locks.of("Contoso"):
        assert locks.of("contoso").locked()
        assert not locks.of("fabrikam").locked()
