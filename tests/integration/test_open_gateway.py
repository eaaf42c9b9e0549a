"""A gateway that lets anybody call is a hole, and proven to be one: the function runs for whoever comes."""

from collections.abc import AsyncIterator, Callable

import pytest

from azuresim.scenarios import put
from integration.azure_stage import Stage, on_stage, outcome

CHECK = '<validate-jwt header-name="Authorization"><openid-config url="{url}" /></validate-jwt>'
POLICY = "<policies><inbound>{}</inbound><backend><forward-request /></backend><outbound /><on-error /></policies>"


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with on_stage() as stage:
        await stage.settled()
        yield stage


async def anybody(stage: Stage) -> int:
    """A call through the gateway by somebody who shows nothing."""
    return (await stage.simulator.send("GET", stage.team.gateway_host, f"/{stage.team.api_path}/ping")).status


def no_key_is_asked_for(stage: Stage) -> None:
    stage.world.arm.need(stage.team.api_id).properties["subscriptionRequired"] = False


def an_open_product_holds_it(stage: Stage) -> None:
    product = f"{stage.team.service_id}/products/everybody"
    put(stage.world, product, {"displayName": "Everybody", "subscriptionRequired": False, "state": "published"})
    put(stage.world, f"{product}/apis/{stage.team.api_name}", {})


@pytest.mark.parametrize("opened", [no_key_is_asked_for, an_open_product_holds_it])
async def test_a_gateway_that_asks_for_nothing_is_not_ready_and_lets_anybody_call(
    stage: Stage, opened: Callable[[Stage], None]
) -> None:
    assert await anybody(stage) == 401
    opened(stage)

    done = await stage.reconcile()

    assert (await anybody(stage), stage.writes()) == (200, [])
    assert (outcome(done, "PolicyReady").reason, done.conditions[0].status) == ("GatewayOpen", "False")


async def test_it_is_ready_when_the_author_lets_everybody_in(stage: Stage) -> None:
    no_key_is_asked_for(stage)

    done = await stage.settled(stage.binding(policy={"allowAnonymousCallers": True}))

    assert (await anybody(stage), done.conditions[0].status) == (200, "True")


async def test_it_is_ready_when_the_policy_of_the_service_checks_every_caller(stage: Stage) -> None:
    no_key_is_asked_for(stage)
    url = f"https://login.microsoftonline.com/{stage.world.tenant_id}/v2.0/.well-known/openid-configuration"
    policy = f"{stage.team.service_id}/policies/policy"
    put(stage.world, policy, {"format": "rawxml", "value": POLICY.format(CHECK.format(url=url))})

    done = await stage.settled()

    assert (await anybody(stage), done.conditions[0].status) == (401, "True")


async def test_a_missing_right_to_look_is_named(stage: Stage) -> None:
    no_key_is_asked_for(stage)
    stage.world.denied.add("microsoft.apimanagement/service/policies/read")

    found = outcome(await stage.reconcile(), "ApiReady")

    assert (found.reason, found.stalled) == ("AuthorizationFailed", True)
    assert "policies/read" in found.message
