"""Steps lie within each other as tasks do, and know what was written in them."""

import asyncio
from typing import Any

import pytest

from followed import followed
from funcgate.errors import TryAgain
from funcgate.steps import Called, called, doing, following, wrote


def a_call(**changes: Any) -> Called:
    call = {"service": "arm", "method": "PUT", "kind": "backends", "address": "https://x/y", "status": 200}
    return Called(**{"seconds": 0.1, "wrote": True, "correlation_id": "c-1"} | call | changes)


async def test_what_a_task_writes_belongs_to_the_step_that_started_it() -> None:
    async def write(correlation_id: str) -> None:
        await asyncio.sleep(0)
        called(a_call(correlation_id=correlation_id))

    with doing("pass") as whole:
        with doing("apply") as one:
            await asyncio.gather(write("c-1"), write("c-2"))
        with doing("apply") as other:
            await write("")
        wrote("c-3")
    assert (one.wrote, other.wrote, whole.wrote) == (["c-1", "c-2"], [""], ["c-3"])


@pytest.mark.parametrize(("why", "call"), [("only read", a_call(wrote=False)), ("refused", a_call(failed="Refused"))])
def test_a_call_that_changed_nothing_is_no_write(why: str, call: Called) -> None:
    with doing("apply") as step:
        called(call)
    assert step.wrote == [], why


def test_who_follows_hears_of_steps_and_calls() -> None:
    with followed() as seen:
        with doing("pass", binding="shop/orders") as step:
            step.about["result"] = "settled"
            with doing("observe"):
                called(a_call())
        called(a_call(status=404))
    assert seen.step("pass").about == {"binding": "shop/orders", "result": "settled"}
    assert seen.step("pass / observe").failed == ""
    assert [each.status for each in seen.calls] == [200, 404]


FAILURES = [(TryAgain("busy", reason="Busy"), "Busy"), (ValueError("s3cr3t"), "ValueError")]


@pytest.mark.parametrize(("error", "failed"), FAILURES)
def test_a_step_that_ends_with_an_error_has_failed_for_its_reason(error: Exception, failed: str) -> None:
    with followed() as seen, pytest.raises(type(error)), doing("pass"):
        raise error
    assert seen.step("pass").failed == failed


def test_outside_of_any_step_a_write_is_nobodys() -> None:
    wrote("c-1")
    called(a_call())
    assert following.get().here() == {}
