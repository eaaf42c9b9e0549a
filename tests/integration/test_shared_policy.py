"""One policy document, several authors: what they write around ours, and what callers get, through the gateway."""

from collections.abc import AsyncIterator

import pytest

from azuresim.scenarios import put
from integration.azure_stage import Stage, on_stage, outcome, seen_by_the_function

BASES = "<backend><base /></backend><outbound><base /></outbound><on-error><base /></on-error>"
POLICY = f"<policies><inbound>{{}}</inbound>{BASES}</policies>"
OF_THE_SERVICE = (
    "<policies><inbound>{}</inbound><backend><forward-request /></backend><outbound /><on-error /></policies>"
)
CHECK = """<validate-jwt header-name="Authorization"><openid-config
    url="https://login.microsoftonline.com/{}/v2.0/.well-known/openid-configuration" /></validate-jwt>"""


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with on_stage() as stage:
        yield stage


async def called(stage: Stage, **headers: str) -> int:
    key = {"Ocp-Apim-Subscription-Key": stage.team.subscription_key}
    url = f"/{stage.team.api_path}/ping"
    return (await stage.simulator.send("GET", stage.team.gateway_host, url, headers=key | headers)).status


async def test_ours_stand_behind_a_route_of_the_whole_service(stage: Stage) -> None:
    outer = '<set-backend-service base-url="https://elsewhere.example" />'
    put(
        stage.world,
        f"{stage.team.service_id}/policies/policy",
        {"format": "rawxml", "value": OF_THE_SERVICE.format(outer)},
    )
    stage.put_policy(POLICY.format("<rate-limit calls='99' renewal-period='1' />"))
    await stage.settled()
    assert stage.policy.index("<base />") < stage.policy.index("<set-backend-service")
    answer = await stage.through_the_gateway()
    assert answer.status == 200
    assert seen_by_the_function(answer)["function"] == "Ping"


async def test_a_check_that_somebody_adds_behind_ours_comes_before_them_and_judges_the_caller(stage: Stage) -> None:
    await stage.settled()
    stage.put_policy(stage.policy.replace("</inbound>", f"{CHECK.format(stage.team.tenant_id)}</inbound>"))
    assert await called(stage) == 200  # our own token passes the check: the hole
    await stage.settled()
    assert stage.policy.index("<validate-jwt") < stage.policy.index("<authentication-managed-identity")
    mine = stage.token_of(stage.team.stranger_client_id)
    assert [await called(stage), await called(stage, Authorization=mine)] == [401, 200]


ANSWER = "<return-response><set-status code='503' reason='Closed' /></return-response>"
CONTRADICTED = [
    ("<base />", f"<base />{ANSWER}", "<return-response> answers every call before"),
    ("</inbound>", "<set-backend-service backend-id='elsewhere' /></inbound>", " undoes "),
    (
        "</inbound>",
        "<set-header name='Authorization' exists-action='override'><value>mine</value></set-header></inbound>",
        " undoes ",
    ),
]


@pytest.mark.parametrize(("before", "after", "says"), CONTRADICTED)
async def test_a_contradiction_is_reported_with_both_lines_and_not_fought_over(
    stage: Stage, before: str, after: str, says: str
) -> None:
    elsewhere = {"url": "https://elsewhere.example", "protocol": "http"}
    put(stage.world, f"{stage.team.service_id}/backends/elsewhere", elsewhere)
    for operation in stage.team.operation_ids:  # the import's routes in them would outdo the base policy's
        stage.world.arm.delete(f"{operation}/policies/policy")
    await stage.settled()
    stage.put_policy(stage.policy.replace(before, after, 1))
    told = outcome(await stage.reconcile(), "PolicyReady")
    assert (told.status, told.reason, told.stalled, stage.writes()) == ("False", "PolicyContradicted", True, [])
    assert says in told.message
    assert told.message.count("line ") == 2
    assert await called(stage) != 200


async def test_nothing_that_was_empty_is_left_full(stage: Stage) -> None:
    empty = "<policies>\r\n\t<inbound />\r\n</policies>"
    stage.put_policy(empty)
    await stage.settled()
    assert "added=backend,inbound/base,on-error,outbound" in stage.policy
    await stage.settled(stage.binding(deleting=True))
    assert stage.policy.replace("></inbound>", " />") == empty
