"""What becomes of a change by hand where the manifest says so: corrected, only reported, or left; a hole never is."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest

from azuresim.scenarios import put
from funcgate.engine import Pass
from funcgate.spec import Binding
from integration.azure_stage import SYSTEM, Stage, on_stage, outcome

ELSEWHERE = "https://elsewhere.azurewebsites.net/v1"


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    """The binding is settled."""
    async with on_stage(check_contracts=False) as stage:
        stage.give_identity(SYSTEM)
        await stage.settled()
        yield stage


def with_mode(stage: Stage, mode: str, **parts: Any) -> Binding:
    return stage.binding(drift={"mode": mode, "parts": parts})


def ready(done: Pass) -> tuple[str, str]:
    return done.conditions[0].status, done.conditions[0].reason


def move_the_backend(stage: Stage) -> None:
    put(stage.world, stage.team.backend_id, {**stage.backend, "url": ELSEWHERE})


def take_the_statements_out(stage: Stage) -> None:
    stage.put_policy("<policies><inbound><base /></inbound></policies>")


def open_the_door(stage: Stage) -> None:
    stage.put_auth({"platform": {"enabled": False}})


def take_the_identity(stage: Stage) -> None:
    stage.give_identity(None)


def let_people_sign_in(stage: Stage) -> None:
    stage.application["web"]["redirectUris"] = [f"https://{stage.team.site_host}/.auth/login/aad/callback"]


CHANGES: list[tuple[Callable[[Stage], None], str, str]] = [
    (move_the_backend, "backend", "BackendReady"),
    (take_the_statements_out, "policy", "PolicyReady"),
    (open_the_door, "easyAuth", "EasyAuthReady"),
    (let_people_sign_in, "appRegistration", "AppRegistrationReady"),
]
IDS = [each[1] for each in CHANGES]


# --- reported


@pytest.mark.parametrize(("change", "part", "condition"), CHANGES, ids=IDS)
async def test_what_is_only_reported_is_not_written_and_mended_at_once_when_it_may_be(
    stage: Stage, change: Callable[[Stage], None], part: str, condition: str
) -> None:
    change(stage)

    seen = await stage.reconcile(with_mode(stage, "Correct", **{part: {"mode": "Report"}}))

    assert stage.writes() == []
    hole = change is open_the_door
    assert (ready(seen)[0], outcome(seen, condition).reason) == ("False", "DoorOpen" if hole else "ChangesPending")
    assert [write.made for write in seen.differences] == [False] * len(seen.differences)
    assert {write.condition for write in seen.differences} == {condition}
    assert seen.reported is not hole
    stalled = str(hole)
    assert [each.status for each in seen.conditions[1:3]] == ["False", stalled], "nobody goes on; a hole needs a person"
    mended = await stage.settled()
    assert {write.condition for write in mended.changes} == {condition}


async def test_where_all_is_reported_a_new_set_up_is_a_plan(stage: Stage) -> None:
    for change, _, _ in CHANGES:
        change(stage)
    seen = await stage.reconcile(with_mode(stage, "Report"))
    assert stage.writes() == []
    assert {write.condition for write in seen.differences} >= {"BackendReady", "PolicyReady", "AppRegistrationReady"}


async def test_the_other_parts_are_corrected_beside_one_that_is_reported(stage: Stage) -> None:
    move_the_backend(stage)
    take_the_statements_out(stage)
    open_the_door(stage)
    binding = with_mode(stage, "Correct", backend={"mode": "Report"})
    await stage.reconcile(binding)
    assert stage.door_is_closed()
    assert outcome(await stage.reconcile(binding), "PolicyReady").true
    assert stage.backend["url"] == ELSEWHERE


# --- left


@pytest.mark.parametrize(
    ("change", "part", "condition"), [CHANGES[0], CHANGES[1], CHANGES[3]], ids=["backend", "policy", "appRegistration"]
)
async def test_what_is_ignored_is_left_and_keeps_nothing_from_being_ready(
    stage: Stage, change: Callable[[Stage], None], part: str, condition: str
) -> None:
    change(stage)
    done = await stage.reconcile(with_mode(stage, "Correct", **{part: {"mode": "Ignore"}}))
    found = outcome(done, condition)
    assert (stage.writes(), found.reason, found.blocking, done.changes) == ([], "Ignored", False, ())
    assert ready(done)[0] != "Unknown" or outcome(done, "Verified").reason != "Waiting"


async def test_fields_that_are_left_to_others_are_no_drift_and_the_others_are(stage: Stage) -> None:
    move_the_backend(stage)
    binding = with_mode(stage, "Correct", backend={"ignore": ["url"]})
    assert (await stage.reconcile(binding)).changes == ()
    put(stage.world, stage.team.backend_id, {**stage.backend, "credentials": {}})
    [write] = (await stage.reconcile(binding)).changes
    assert [drift.field for drift in write.drifts] == ["key"]
    assert stage.backend["url"] == ELSEWHERE


async def test_who_signs_in_may_be_sent_to_a_login_page_where_that_is_left_to_others(stage: Stage) -> None:
    validation = stage.auth["globalValidation"]
    stage.put_auth(
        {**stage.auth, "globalValidation": {**validation, "unauthenticatedClientAction": "RedirectToLoginPage"}}
    )
    binding = with_mode(stage, "Correct", easyAuth={"ignore": ["unauthenticatedClientAction"]})
    assert (await stage.reconcile(binding)).changes == ()
    assert (await stage.past_the_gateway()).status in (302, 401)


# --- a hole


def let_a_stranger_in(stage: Stage) -> None:
    _list(stage, [stage.team.stranger_client_id, *_listed(stage)])


def let_everybody_in(stage: Stage) -> None:
    _list(stage, [])


def _listed(stage: Stage) -> list[str]:
    found: list[str] = stage.provider["validation"]["defaultAuthorizationPolicy"]["allowedApplications"]
    return found


def _list(stage: Stage, who: list[str]) -> None:
    stage.provider["validation"]["defaultAuthorizationPolicy"] = {"allowedApplications": who}


def exclude_a_path(stage: Stage) -> None:
    stage.auth["globalValidation"]["excludedPaths"] = ["/v1/ping"]


def ask_callers_for_nothing(stage: Stage) -> None:
    stage.world.arm.need(stage.team.api_id).properties["subscriptionRequired"] = False


async def test_a_hole_is_named_where_it_is_only_reported(stage: Stage) -> None:
    let_a_stranger_in(stage)
    seen = await stage.reconcile(with_mode(stage, "Report"))
    assert (ready(seen), stage.writes()) == (("False", "OthersAllowed"), [])
    assert [write.condition for write in seen.differences] == ["EasyAuthReady"]


HOLES: list[tuple[Callable[[Stage], None], str, str]] = [
    (open_the_door, "EasyAuthReady", "DoorOpen"),
    (let_a_stranger_in, "EasyAuthReady", "OthersAllowed"),
    (let_everybody_in, "EasyAuthReady", "OthersAllowed"),
    (exclude_a_path, "EasyAuthReady", "ExcludedPaths"),
    (ask_callers_for_nothing, "PolicyReady", "GatewayOpen"),
]


@pytest.mark.parametrize(("change", "condition", "reason"), HOLES, ids=[each[0].__name__ for each in HOLES])
async def test_a_hole_makes_ready_false_even_where_it_is_ignored(
    stage: Stage, change: Callable[[Stage], None], condition: str, reason: str
) -> None:
    change(stage)
    done = await stage.reconcile(with_mode(stage, "Ignore"))
    found = outcome(done, condition)
    assert (found.status, found.reason, found.blocking) == ("False", reason, True)
    assert (ready(done), stage.writes()) == (("False", reason), [])


async def test_without_a_hole_all_that_is_ignored_is_ready(stage: Stage) -> None:
    done = await stage.reconcile(with_mode(stage, "Ignore"))
    assert (ready(done), stage.writes()) == (("True", "InSync"), [])


async def test_a_door_is_not_closed_before_a_policy_that_is_left_to_others_sends_the_token(stage: Stage) -> None:
    """Closing it would cut every caller off, and nobody here may write the policy."""
    take_the_statements_out(stage)
    open_the_door(stage)
    done = await stage.reconcile(with_mode(stage, "Correct", policy={"mode": "Report"}))
    found = outcome(done, "EasyAuthReady")
    assert (found.status, found.reason, stage.writes()) == ("False", "DoorOpen", [])
    assert "spec.drift" in found.message


async def test_an_open_door_is_closed_while_a_policy_that_is_left_to_others_sends_the_token(stage: Stage) -> None:
    open_the_door(stage)
    await stage.reconcile(with_mode(stage, "Correct", policy={"mode": "Ignore"}))
    assert stage.door_is_closed()
    assert (await stage.through_the_gateway()).status == 200


# --- contested


async def test_a_contested_part_is_not_corrected_and_says_who_it_is(stage: Stage) -> None:
    move_the_backend(stage)
    binding = replace(stage.binding(), contested={"backend": "url of backends/orders-fn was changed back by somebody"})
    done = await stage.reconcile(binding)
    found = outcome(done, "BackendReady")
    assert (found.reason, found.stalled, stage.writes()) == ("Contested", True, [])
    assert found.message.startswith(
        "url of backends/orders-fn was changed back by somebody: update backends/orders-fn (url"
    )


async def test_a_contested_part_in_which_nothing_differs_is_in_sync(stage: Stage) -> None:
    done = await stage.reconcile(replace(stage.binding(), contested={"backend": "somebody"}))
    assert done.done


async def test_a_contested_door_is_closed_all_the_same(stage: Stage) -> None:
    open_the_door(stage)
    binding = replace(stage.binding(), contested={"easy_auth": "enabled was changed back by somebody"})
    done = await stage.reconcile(binding)
    assert stage.door_is_closed()
    assert outcome(done, "EasyAuthReady").reason == "Contested"


@pytest.mark.parametrize("mode", ["Report", "Ignore"])
async def test_a_binding_that_goes_is_torn_down_whatever_its_mode(stage: Stage, mode: str) -> None:
    binding = stage.binding(deleting=True, drift={"mode": mode})
    done = await stage.reconcile(binding)
    assert done.done
    left = stage.world.arm.get(stage.policy_id)
    assert left is None or "authentication-managed-identity" not in left.properties["value"]
    assert stage.door_is_closed()


# --- two writers at once


@pytest.mark.parametrize("theirs", ["policy", "backend"])
async def test_what_somebody_saved_between_our_read_and_our_write_is_kept(stage: Stage, theirs: str) -> None:
    """The ETag of what was read goes into the write: it is refused, read again and laid over theirs."""
    saved: list[str] = []

    def save() -> None:
        if saved:
            return
        saved.append(theirs)
        if theirs == "policy":
            header = '<set-header name="X-Theirs" exists-action="override"><value>1</value></set-header>'
            stage.put_policy(f"<policies><inbound><base />{header}</inbound></policies>")
        else:
            put(stage.world, stage.team.backend_id, {**stage.backend, "title": "theirs"})

    take_the_statements_out(stage)
    move_the_backend(stage)
    path = f"{stage.team.api_id}/policies/policy" if theirs == "policy" else stage.team.backend_id
    with stage.reading(path.lower(), save):
        lost = await stage.reconcile()
    assert outcome(lost, "PolicyReady" if theirs == "policy" else "BackendReady").reason == "ChangedMeanwhile"

    await stage.settled()

    assert ("X-Theirs" in stage.policy) == (theirs == "policy")
    assert (stage.backend.get("title") == "theirs") == (theirs == "backend")
    assert "authentication-managed-identity" in stage.policy
    assert stage.backend["url"] != ELSEWHERE


async def test_a_check_that_judges_our_token_is_a_hole_in_a_policy_that_is_ignored_too(stage: Stage) -> None:
    url = f"https://login.microsoftonline.com/{stage.team.tenant_id}/v2.0/.well-known/openid-configuration"
    check = f'<validate-jwt header-name="Authorization"><openid-config url="{url}" /></validate-jwt>'
    [operation] = [each for each in stage.team.operation_ids if each.endswith("/get-ping")]
    policy = f"<policies><inbound><base />{check}</inbound></policies>"
    put(stage.world, f"{operation}/policies/policy", {"format": "rawxml", "value": policy})
    done = await stage.reconcile(with_mode(stage, "Correct", policy={"mode": "Ignore"}))
    assert (ready(done), stage.writes()) == (("False", "CallerCheckAfterReplace"), [])
