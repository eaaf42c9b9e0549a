from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from builders import SITE, a_binding
from funcgate.aspects.verification import Verification, nobodys_path
from funcgate.azure import Heard
from funcgate.errors import TryAgain, Unmet
from funcgate.model import Checked, Facts
from funcgate.spec import Binding
from stubs import StubApim, StubFunctionApps

FACTS = Facts(
    host_name="orders.example",
    route_prefix="v1",
    gateway_url="https://gateway.example",
    api_path="shop/orders",
    routes=(),
    held_key="default",
)
THROUGH = "https://gateway.example/shop/orders/ping"


@dataclass
class StubProbe:
    """Answers by host."""

    gateway: int = 200
    site: Any = 401
    said: str = ""
    location: str = ""
    asked: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)

    async def get(self, url: str, kind: str, headers: Mapping[str, str] | None = None) -> Heard:
        self.asked.append((url, headers or {}))
        answer = self.gateway if kind == "gateway" else self.site
        if isinstance(answer, Exception):
            raise answer
        return Heard(status=answer, headers={"location": self.location}, said=self.said)


async def look(probe: StubProbe, binding: Binding, facts: Facts = FACTS) -> Checked:
    check = Verification(probe, StubFunctionApps(), StubApim(), now=lambda: datetime(2026, 11, 26, 12, tzinfo=UTC))
    return await check.look(binding, facts)


def with_a_call(**more: Any) -> Binding:
    return a_binding(verify={"operation": "GET /ping"}, **more)


async def test_the_time_of_a_good_look_is_kept() -> None:
    assert (await look(StubProbe(), a_binding())).facts == {"last_verified": "2026-11-26T12:00:00Z"}


async def test_a_redirect_to_sign_in_is_a_refusal() -> None:
    probe = StubProbe(site=302, location="https://orders.example/.auth/login/aad?post_login_redirect_uri=%2F")
    assert (await look(probe, a_binding())).message == "A call past the gateway was refused with 302."


@pytest.mark.parametrize(
    ("binding", "what"),
    [
        (a_binding(), "a call without anything"),
        (a_binding(verify={"direct": False, "operation": "GET /ping"}), "a call with the key and no token"),
    ],
    ids=["without anything", "with the key alone"],
)
async def test_a_redirect_to_anywhere_else_came_from_behind_the_door(binding: Binding, what: str) -> None:
    with pytest.raises(Unmet) as found:
        await look(StubProbe(site=302, location="https://orders.example/v1/elsewhere"), binding)
    assert (found.value.reason, found.value.status) == ("DoorStillOpen", "False")
    assert found.value.message.startswith(what)


@pytest.mark.parametrize(
    ("status", "said", "proven"),
    [
        (401, "You do not have permission to view this directory or page.", True),
        (403, "You do not have permission to view this directory or page.", True),
        (401, "", False),
        (403, '{"error": "not you"}', False),
    ],
)
async def test_a_refusal_that_may_be_the_functions_own_proves_nothing_alone(
    status: int, said: str, proven: bool
) -> None:
    probe = StubProbe(site=status, said=said)
    alone = a_binding(verify={"direct": False, "operation": "GET /ping"})
    if proven:
        assert f"With the key alone it was refused with {status}." in (await look(probe, alone)).message
    else:
        with pytest.raises(Unmet) as found:
            await look(probe, alone)
        assert (found.value.reason, found.value.status, found.value.blocking) == ("NotSeenFromHere", "Unknown", False)
    assert f"With the key alone it was refused with {status}." in (await look(probe, with_a_call())).message


async def test_the_key_goes_along_past_the_gateway_and_not_through_it() -> None:
    probe = StubProbe()
    await look(probe, with_a_call())
    keys = {url: headers for url, headers in probe.asked if url.endswith("/ping")}
    assert keys == {"https://orders.example/v1/ping": {"x-functions-key": "d"}, THROUGH: {}}


async def test_without_a_key_there_is_none_to_try() -> None:
    checked = await look(StubProbe(), with_a_call(functionApp={"id": SITE, "key": {"source": "None"}}))
    assert "No key is sent." in checked.message


async def test_what_is_not_so_counts_more_than_what_could_not_be_seen() -> None:
    probe = StubProbe(site=TryAgain("no", reason="Unreachable"), gateway=404)
    with pytest.raises(Unmet) as found:
        await look(probe, with_a_call())
    assert (found.value.reason, found.value.status) == ("FunctionNotFound", "False")


async def test_a_mistake_of_ours_is_not_taken_for_an_answer() -> None:
    with pytest.raises(ZeroDivisionError):
        await look(StubProbe(site=ZeroDivisionError()), with_a_call())


@pytest.mark.parametrize(
    ("prefix", "templates", "segments"),
    [("v1", ["/{*rest}"], 1), ("", ["/orders", "/orders/{id}"], 3), ("", [], 1), ("", ["/{a}/{b}/{c}"], 4)],
)
def test_a_path_is_taken_that_no_route_matches(prefix: str, templates: list[str], segments: int) -> None:
    path = nobodys_path(prefix, tuple(templates))
    assert path is not None
    assert (path.count("/"), path.startswith("/v1")) == (segments, False)


async def test_where_every_path_is_a_functions_none_is_called() -> None:
    assert nobodys_path("", ("/{*rest}",)) is None
    probe = StubProbe()
    with pytest.raises(Unmet) as found:
        await look(probe, a_binding(), Facts(host_name="h", route_prefix="", routes=("/{*rest}",)))
    assert (found.value.reason, found.value.blocking, probe.asked) == ("NotSeenFromHere", False, [])
