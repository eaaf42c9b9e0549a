"""Our statements in the policies of single operations, and what those policies make of a base policy of ours."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from azuresim.scenarios import put
from azuresim.wire import HttpAnswer
from azuresim.world import Call
from funcgate.engine import Pass
from integration.azure_stage import Stage, on_stage, outcome, seen_by_the_function

ALL = ("get-listorders", "post-listorders", "get-ping", "get-getorder")
PING = {"type": "Operations", "operations": ["Get-Ping"]}
PING_BY_CALL = {"type": "Operations", "operations": ["get /ping"]}
EACH = {"type": "Operations", "operations": list(ALL)}
API = {"type": "Api"}
OURS = "authentication-managed-identity"
OTHERS = "<backend><base /></backend><outbound><base /></outbound><on-error><base /></on-error>"
POLICY = f"<policies><inbound>{{}}</inbound>{OTHERS}</policies>"


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with on_stage() as stage:
        yield stage


def of(stage: Stage, operation: str) -> str:
    return f"{stage.team.api_id}/operations/{operation}/policies/policy"


def save(stage: Stage, operation: str, inbound: str) -> None:
    """Somebody saved an operation's policy in the editor."""
    put(stage.world, of(stage, operation), {"format": "rawxml", "value": POLICY.format(inbound)})


def text(stage: Stage, policy_id: str) -> str:
    found = stage.world.arm.get(policy_id)
    return str(found.properties["value"]) if found else ""


def check(stage: Stage) -> str:
    """A check of the caller, as an author writes it: a token for the API, from anybody in the tenant."""
    audience = f"<audiences><audience>{stage.team.client_id}</audience></audiences>"
    url = f"https://login.microsoftonline.com/{stage.team.tenant_id}/v2.0/.well-known/openid-configuration"
    who = f"<required-claims><claim name='azp'><value>{stage.team.stranger_client_id}</value></claim></required-claims>"
    return f'<validate-jwt header-name="Authorization"><openid-config url="{url}" />{audience}{who}</validate-jwt>'


async def reconcile(stage: Stage, scope: dict[str, Any], **spec: Any) -> Pass:
    return await stage.reconcile(stage.binding(policy={"scope": scope}, **spec))


async def settled(stage: Stage, scope: dict[str, Any]) -> Pass:
    return await stage.settled(stage.binding(policy={"scope": scope}))


async def call(stage: Stage, path: str, **headers: str) -> HttpAnswer:
    key = {"Ocp-Apim-Subscription-Key": stage.team.subscription_key}
    url = f"/{stage.team.api_path}{path}"
    return await stage.simulator.send("GET", stage.team.gateway_host, url, headers=key | headers)


def by_a_caller(stage: Stage) -> dict[str, str]:
    return {"Authorization": stage.token_of(stage.team.stranger_client_id)}


async def test_only_the_named_operations_carry_our_token(stage: Stage) -> None:
    await settled(stage, PING)
    assert [OURS in text(stage, of(stage, each)) for each in ALL] == [False, False, True, False]
    assert OURS not in text(stage, stage.policy_id)
    assert [(await call(stage, path)).status for path in ("/ping", "/orders")] == [200, 401]
    await settled(stage, PING)
    assert stage.writes() == []


@pytest.mark.parametrize(("before", "after"), [(API, EACH), (EACH, API), (PING, EACH)])
async def test_moving_our_statements_leaves_callers_no_gap(stage: Stage, before: Any, after: Any) -> None:
    await settled(stage, before)
    unanswered: list[str] = []

    def watch(write: Call) -> None:
        texts = [text(stage, stage.policy_id), text(stage, of(stage, "get-ping"))]
        if not any(OURS in each for each in texts):
            unanswered.append(write.path)

    async with stage.busy_caller() as answers:
        with stage.watching(watch):
            await settled(stage, after)
    assert (set(answers), unanswered) == ({200}, [])
    there = text(stage, stage.policy_id) if after == API else text(stage, of(stage, "get-ping"))
    elsewhere = text(stage, of(stage, "get-ping")) if after == API else text(stage, stage.policy_id)
    assert (OURS in there, OURS in elsewhere) == (True, False)


async def test_an_operation_that_is_not_there_is_named_and_the_old_place_keeps_ours(stage: Stage) -> None:
    await settled(stage, API)
    done = await reconcile(stage, {"type": "Operations", "operations": ["get-ping", "get-pong"]})
    failed = outcome(done, "PolicyReady")
    assert (failed.reason, failed.stalled) == ("OperationNotFound", True)
    assert "no operation get-pong (spec.policy.scope.operations)" in failed.message
    assert OURS in stage.policy
    assert (await stage.through_the_gateway()).status == 200


async def test_when_the_binding_goes_ours_leave_the_operations_too(stage: Stage) -> None:
    save(stage, "get-ping", "<base /><rate-limit calls='99' renewal-period='1' />")
    before = text(stage, of(stage, "get-ping"))
    await settled(stage, PING)
    assert text(stage, of(stage, "get-ping")) != before
    await stage.settled(stage.binding(policy={"scope": PING}, deleting=True))
    assert text(stage, of(stage, "get-ping")) == before


async def test_the_route_that_an_import_left_is_neither_drift_nor_ours(stage: Stage) -> None:
    left = text(stage, of(stage, "get-ping"))
    assert "apim-generated-policy" in left
    await settled(stage, API)
    assert text(stage, of(stage, "get-ping")) == left
    await settled(stage, PING)
    assert text(stage, of(stage, "get-ping")).count("apim-generated-policy") == 2
    await stage.settled(stage.binding(policy={"scope": PING}, deleting=True))
    assert text(stage, of(stage, "get-ping")) == left


async def test_functions_that_nobody_published_are_guarded_one_by_one(stage: Stage) -> None:
    api = {"path": "shop/v2"}
    await stage.settled(stage.binding(api=api, policy={"scope": PING_BY_CALL}))
    made = [each.id for each in stage.world.arm.members(f"{stage.team.service_id}/apis/shop-orders/operations")]
    ours = [each for each in made if OURS in text(stage, f"{each}/policies/policy")]
    assert [each.rpartition("/")[2].startswith("get-ping-") for each in ours] == [True]
    url = "/shop/v2/ping"
    key = {"Ocp-Apim-Subscription-Key": stage.team.master_key}
    answer = await stage.simulator.send("GET", stage.team.gateway_host, url, headers=key)
    assert answer.status == 200


# A check of the caller in an operation's policy


async def test_ours_is_not_put_before_an_operations_check_of_the_caller(stage: Stage) -> None:
    save(stage, "get-ping", f"<base />{check(stage)}")
    done = await reconcile(stage, API)
    hole = outcome(done, "PolicyReady")
    assert (hole.reason, hole.stalled, OURS in text(stage, stage.policy_id)) == ("CallerCheckAfterReplace", True, False)
    assert "policy of operation get-ping, line 4: <validate-jwt" in hole.message
    assert "spec.policy.scope" in hole.message


async def test_a_check_behind_our_override_judges_the_gateways_token_and_is_a_hole(stage: Stage) -> None:
    """Proven through the gateway: the caller who may call is refused as long as ours comes first."""
    await settled(stage, API)
    save(stage, "get-ping", f"<base />{check(stage)}")
    done = await reconcile(stage, API)
    assert outcome(done, "PolicyReady").reason == "CallerCheckAfterReplace"
    assert (await call(stage, "/ping", **by_a_caller(stage))).status == 401


async def test_a_check_behind_our_override_that_our_own_token_passes_lets_anybody_in(stage: Stage) -> None:
    """The other way: whoever shows no token at all is let in on the gateway's."""
    anyone = check(stage).replace(check(stage)[check(stage).index("<required") : check(stage).index("</validate")], "")
    await settled(stage, API)
    save(stage, "get-ping", f"<base />{anyone}")
    hole = outcome(await reconcile(stage, API), "PolicyReady")
    assert (await call(stage, "/ping")).status == 200
    assert hole.reason == "CallerCheckAfterReplace"
    assert "line 4: <validate-jwt" in hole.message
    assert (
        'behind line 6: <set-header name="Authorization" exists-action="override"> of the base policy' in hole.message
    )
    await settled(stage, EACH)
    assert (await call(stage, "/ping")).status == 401
    assert (await call(stage, "/ping", **by_a_caller(stage))).status == 200


async def test_with_the_operation_named_the_callers_token_is_checked_and_then_replaced(stage: Stage) -> None:
    await settled(stage, API)
    save(stage, "get-ping", f"<base />{check(stage)}")
    await settled(stage, EACH)
    answer = await call(stage, "/ping", **by_a_caller(stage))
    identity = stage.world.entra.principal(stage.service.body["identity"]["principalId"])
    assert identity
    assert seen_by_the_function(answer)["headers"]["authorization"]["azp"] == identity["appId"]
    assert (await call(stage, "/ping")).status == 401
    assert (await call(stage, "/orders")).status == 200


async def test_a_check_in_front_of_the_base_policy_sees_the_callers_token(stage: Stage) -> None:
    save(stage, "get-ping", f"{check(stage)}<base />")
    await settled(stage, API)
    assert (await call(stage, "/ping", **by_a_caller(stage))).status == 200
    assert (await call(stage, "/ping")).status == 401


async def test_going_back_to_the_base_policy_waits_while_an_operation_checks_behind_it(stage: Stage) -> None:
    save(stage, "get-ping", f"<base />{check(stage)}")
    await settled(stage, EACH)
    done = await reconcile(stage, API)
    assert (outcome(done, "PolicyReady").reason, stage.writes()) == ("CallerCheckAfterReplace", [])
    assert (await call(stage, "/ping", **by_a_caller(stage))).status == 200


# What else an operation's policy can do to ours


@pytest.mark.parametrize(
    ("inbound", "reason"),
    [
        ("<set-header name='X-Own' exists-action='override'><value>1</value></set-header>", "PolicyBypassed"),
        ("<base /><set-backend-service base-url='https://elsewhere.example' />", "PolicyContradicted"),
        (
            "<base /><set-backend-service id='apim-generated-policy' base-url='https://elsewhere.example' />",
            "PolicyContradicted",
        ),
        (
            "<base /><set-header name='authorization' exists-action='override'><value>Bearer no</value></set-header>",
            "PolicyContradicted",
        ),
    ],
)
async def test_what_undoes_the_base_policy_in_an_operation_is_found_and_named(
    stage: Stage, inbound: str, reason: str
) -> None:
    await settled(stage, API)
    save(stage, "get-ping", inbound)
    found = outcome(await reconcile(stage, API), "PolicyReady")
    assert (found.status, found.reason, found.stalled) == ("False", reason, True)
    assert "operation get-ping" in found.message
    assert (await call(stage, "/ping")).status != 200


@pytest.mark.parametrize(
    "inbound",
    [
        "<base /><set-backend-service id='apim-generated-policy' backend-id='orders-fn' />",
        "<base /><rewrite-uri template='/ping' />",
        "<return-response><set-status code='204' reason='Nothing' /></return-response>",
    ],
)
async def test_what_does_no_harm_there_is_left_in_peace(stage: Stage, inbound: str) -> None:
    await settled(stage, API)
    save(stage, "get-ping", inbound)
    await settled(stage, API)
    assert stage.writes() == []
