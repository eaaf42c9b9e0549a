"""What a policy document does: the simulated gateway runs it as an API's base policy, and calls are made."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache

from azuresim import World
from azuresim.apim.identity import wanted_identity
from azuresim.apim.service import settle
from azuresim.clock import Clock
from azuresim.gateway.front import gateway
from azuresim.scenarios import Imported, at_once, imported, put
from azuresim.wire import HttpCall
from unit.policy.documents import RESOURCE, a_policy

TO_THE_APP = '<set-backend-service backend-id="orders-fn" />'
FOR_EVERY_API = f"""<policies><inbound>{TO_THE_APP}</inbound>
    <backend><forward-request /></backend><outbound /><on-error /></policies>"""
BACKENDS = ("billing-fn", "orders-canary", "orders-stable")
NAMED_VALUES = ("a-named-value", "legacy-url", "partner-code")
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
JSON = {"Content-Type": "application/json"}


class Refused(Exception):
    """API Management does not store such a document, or the simulator does not know what it would do."""


@lru_cache(maxsize=512)
def behaviour(text: str) -> tuple[str, ...]:
    """All that callers and functions see of a document, call by call, in a world of its own. Raises Refused."""
    world = World(clock=Clock(start=NOON))
    team = imported(world)
    _furnish(world, team)
    try:
        put(world, f"{team.api_id}/policies/policy", {"format": "xml", "value": text.replace(RESOURCE, team.client_id)})
    except AssertionError as refusal:
        raise Refused(str(refusal)) from None
    answers = [at_once(gateway(call, world)) for call in _calls(world, team)]
    seen = [f"{each.status} {sorted(each.headers.items())} {each.body.decode()}" for each in answers]
    return (*seen, repr(world.gateway.events), repr([call for call, _ in world.gateway.sent]))


def _furnish(world: World, team: Imported) -> None:
    settle(world, world.arm.need(team.service_id), wanted_identity(world, None, {"type": "SystemAssigned"}))
    put(world, f"{team.service_id}/policies/policy", {"format": "rawxml", "value": FOR_EVERY_API})
    for operation in team.operation_ids:
        world.arm.delete(f"{operation}/policies/policy")
    for name in BACKENDS:
        put(
            world, f"{team.service_id}/backends/{name}", {"url": f"https://{team.site_host}/{name}", "protocol": "http"}
        )
    for name in NAMED_VALUES:
        put(world, f"{team.service_id}/namedValues/{name}", {"displayName": name, "value": f"the {name}"})


def _calls(world: World, team: Imported) -> Iterator[HttpCall]:
    key = {"Ocp-Apim-Subscription-Key": team.subscription_key}
    token = f"Bearer {world.entra.token_for_client(team.stranger_client_id, team.client_id)}"
    url = f"https://{team.gateway_host}/{team.api_path}"
    yield HttpCall.of("GET", f"{url}/ping", key)
    yield HttpCall.of("GET", f"{url}/ping?kind=b", key | {"Authorization": token, "X-Kind": "b", "X-One": "sent"})
    body = json.dumps({"kind": "b", "lines": [1, 2]}).encode()
    yield HttpCall.of("POST", f"{url}/orders", key | JSON | {"X-Kind": "a"}, body)
    yield HttpCall.of("GET", f"{url}/ping", {"X-Kind": "b"})


SEED = a_policy(
    inbound="""<base />
        <check-header name="X-Kind" failed-check-httpcode="400" failed-check-error-message="What?" ignore-case="false">
            <value>b</value>
            <value>a</value>
        </check-header>
        <set-variable name="kind"
            value="@(context.Request.Headers.GetValueOrDefault(&quot;X-Kind&quot;, &quot;none&quot;))" />
        <!-- whoever asks for b -->
        <choose>
            <when condition="@((string)context.Variables[&quot;kind&quot;] == &quot;b&quot;)">
                <set-header name="X-One" exists-action="append">
                    <value>first</value>
                    <value>@((string)context.Variables["kind"] + " second")</value>
                </set-header>
                <set-query-parameter name="kind" exists-action="override"><value>of b</value></set-query-parameter>
            </when>
            <otherwise>
                <set-body>{ "wrapped": true }</set-body>
                <set-method>POST</set-method>
            </otherwise>
        </choose>
        <authentication-managed-identity resource="the resource" output-token-variable-name="msi-access-token" />
        <set-header name="Authorization" exists-action="override">
            <value>@("Bearer " + (string)context.Variables["msi-access-token"])</value>
        </set-header>
        <set-backend-service id="apim-generated-policy" backend-id="orders-fn" />""",
    outbound="""<base />
        <set-header name="X-Answered" exists-action="override"><value>by us</value></set-header>
        <set-header name="Content-Type" exists-action="skip"><value>text/plain</value></set-header>
        <find-and-replace from="Ping" to="Pong" />""",
    error="""<base />
        <set-header name="X-Reason" exists-action="override"><value>@(context.LastError.Reason)</value></set-header>
        <set-status code="418" reason="Teapot" />""",
)
SEED = SEED.replace("the resource", RESOURCE)
"""A document in which nearly everything does something."""
