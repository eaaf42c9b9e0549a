"""What becomes of the caller's own token, as the function sees it behind the gateway."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from azuresim.wire import HttpAnswer
from integration.azure_stage import Stage, on_stage, outcome, seen_by_the_function

REPLACE: dict[str, Any] = {"mode": "Replace"}
FORWARD: dict[str, Any] = {"mode": "Forward", "header": "X-Caller"}
KEEP: dict[str, Any] = {"mode": "Keep", "header": "X-Gateway"}
MODES = (REPLACE, FORWARD, KEEP)


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with on_stage() as stage:
        yield stage


async def settled(stage: Stage, caller: dict[str, Any], **options: Any) -> Any:
    """One pass that left nothing to do; with Keep the stranger may call."""
    entra = {
        "registration": {"type": "Existing", "clientId": stage.team.client_id},
        "allow": {"clientIds": [stage.team.stranger_client_id]},
    }
    return await stage.settled(stage.binding(policy={"callerAuthorization": caller}, entra=entra, **options))


async def call(stage: Stage, **headers: str) -> HttpAnswer:
    key = {"Ocp-Apim-Subscription-Key": stage.team.subscription_key}
    sent = key | {name.replace("_", "-"): value for name, value in headers.items()}
    return await stage.simulator.send("GET", stage.team.gateway_host, f"/{stage.team.api_path}/ping", headers=sent)


def heard(answer: HttpAnswer) -> Mapping[str, Any]:
    """The headers that reached the function, by lower-case name."""
    assert answer.status == 200, answer.body
    return {name.lower(): value for name, value in seen_by_the_function(answer)["headers"].items()}


def of(shown: Any) -> str:
    """Whose token it is: the function shows claims in its place."""
    return str(shown["azp"]) if isinstance(shown, dict) else str(shown)


def mine(stage: Stage) -> str:
    """The caller's own token, for the same registration."""
    return stage.token_of(stage.team.stranger_client_id)


def gateway(stage: Stage) -> str:
    identity = stage.world.entra.principal(stage.service.body["identity"]["principalId"])
    assert identity
    return str(identity["appId"])


async def test_a_replaced_token_ends_at_the_gateway(stage: Stage) -> None:
    await settled(stage, REPLACE)
    headers = heard(await call(stage, Authorization=mine(stage)))
    assert of(headers["authorization"]) == gateway(stage)
    assert stage.team.stranger_client_id not in str(headers)


async def test_a_forwarded_token_comes_in_another_header_beside_the_gateways(stage: Stage) -> None:
    await settled(stage, FORWARD)
    headers = heard(await call(stage, Authorization=mine(stage)))
    assert (of(headers["authorization"]), of(headers["x-caller"])) == (gateway(stage), stage.team.stranger_client_id)


@pytest.mark.parametrize("sent", [{}, {"X_Caller": "Bearer forged"}])
async def test_who_sends_no_token_forwards_none_whatever_they_write_into_the_header(
    stage: Stage, sent: dict[str, str]
) -> None:
    await settled(stage, FORWARD)
    assert "x-caller" not in heard(await call(stage, **sent))


async def test_a_forged_header_beside_a_token_is_replaced_by_the_token(stage: Stage) -> None:
    await settled(stage, FORWARD)
    headers = heard(await call(stage, Authorization=mine(stage), X_Caller="Bearer forged"))
    assert of(headers["x-caller"]) == stage.team.stranger_client_id


async def test_a_kept_token_is_judged_by_the_function_app(stage: Stage) -> None:
    done = await settled(stage, KEEP)

    headers = heard(await call(stage, Authorization=mine(stage), X_Gateway="Bearer forged"))

    assert (of(headers["authorization"]), of(headers["x-gateway"])) == (stage.team.stranger_client_id, gateway(stage))
    assert (await call(stage)).status == 401
    assert (await call(stage, Authorization="Bearer mine")).status == 401
    assert "which the function app judges" in outcome(done, "PolicyReady").message
    assert "call past the gateway too" in outcome(done, "EasyAuthReady").message


async def test_with_kept_tokens_the_gateway_need_not_ask_for_anything(stage: Stage) -> None:
    stage.world.arm.need(stage.team.api_id).properties["subscriptionRequired"] = False
    assert (await settled(stage, KEEP)).conditions[0].status == "True"


@pytest.mark.parametrize("before", MODES, ids=lambda each: each["mode"])
@pytest.mark.parametrize("after", MODES, ids=lambda each: each["mode"])
async def test_the_mode_can_be_changed_with_one_write_and_leaves_nothing_behind(
    stage: Stage, before: dict[str, Any], after: dict[str, Any]
) -> None:
    await settled(stage, after)
    wanted = stage.policy
    await settled(stage, before)

    await settled(stage, after)

    assert stage.policy == wanted
    assert stage.writes() == ([] if before == after else ["PUT policies/policy"])
    assert stage.turned_away({})


@pytest.mark.parametrize("caller", MODES, ids=lambda each: each["mode"])
async def test_a_binding_that_goes_takes_all_of_it_along(stage: Stage, caller: dict[str, Any]) -> None:
    await settled(stage, caller)
    await settled(stage, caller, deleting=True)
    assert stage.policy_id.lower() not in stage.world.arm.documents
