"""Proof by calls: what is closed, what comes through, and whose refusal it was when it does not."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest

from azuresim.gateway.front import gateway
from azuresim.scenarios import at_once, put
from azuresim.web import site_of
from azuresim.web.sites import Runtime
from azuresim.wire import HttpCall
from azuresim.world import Call
from funcgate.engine import Pass
from funcgate.secrets import Secret
from funcgate.spec import Binding, Cluster, SecretRef
from integration.azure_stage import Stage, WatchedLog, on_stage, outcome

KEYED: dict[str, Any] = {
    "operation": "GET /orders",
    "subscriptionKeySecretRef": {"name": "probe", "key": "subscription-key"},
}
POLICY = "<policies><inbound><base />{}</inbound><backend><base /></backend><outbound><base /></outbound></policies>"


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with on_stage(check_contracts=False) as stage:
        yield stage


def a_binding(stage: Stage, key: str | None = None, **verify: Any) -> Binding:
    """One that names a call, with this subscription key in its Secret, or a valid one."""

    class Holding(Cluster):
        async def secret(self, ref: SecretRef) -> Secret:
            assert (ref.name, ref.key) == ("probe", "subscription-key")
            return Secret(stage.team.subscription_key if key is None else key)

    return replace(stage.binding(verify=KEYED | verify), cluster=Holding())


def verified(done: Pass) -> tuple[str, str]:
    found = outcome(done, "Verified")
    return found.status, found.reason


def probes(stage: Stage) -> list[tuple[str, str, int]]:
    """The calls that verification made: to whom, which path, what came of it."""
    return [(call.service, call.path, call.status) for call in stage.world.log if call.service in ("site", "gateway")]


# --- past the gateway


async def test_a_call_without_anything_is_refused_and_runs_no_function(stage: Stage) -> None:
    done = await stage.settled()

    [(service, path, status)] = probes(stage)
    assert (service, status) == ("site", 401)
    assert len(path.strip("/")) == 32
    assert outcome(done, "Verified").message == "A call past the gateway was refused with 401."
    assert stage.world.invocations == []
    assert done.facts["lastVerified"].endswith("Z")


async def test_no_call_is_made_while_something_else_is_not_true(stage: Stage) -> None:
    done = await stage.reconcile(stage.binding(adopt=False))
    assert (verified(done), probes(stage)) == (("Unknown", "Waiting"), [])


async def test_none_is_made_when_none_is_asked_for(stage: Stage) -> None:
    done = await stage.settled(stage.binding(verify={"direct": False}))
    assert (verified(done), probes(stage)) == (("True", "InSync"), [])


async def test_a_door_that_is_open_whatever_its_settings_say_is_not_ready(stage: Stage) -> None:
    await stage.settled()
    stage.world.faults.add(method="GET", service="site", status=404, body="", times=1)

    done = await stage.reconcile()

    assert verified(done) == ("False", "DoorStillOpen")
    assert (done.conditions[0].reason, done.conditions[2].status) == ("DoorStillOpen", "False")
    assert (await stage.reconcile()).done


async def test_nothing_is_proven_from_where_the_app_cannot_be_reached(stage: Stage) -> None:
    await stage.settled()
    stage.world.faults.add(method="GET", service="site", reset=True)

    done = await stage.reconcile()

    assert (verified(done), done.done) == (("Unknown", "NotSeenFromHere"), True)


async def test_the_platforms_refusal_proves_nothing(stage: Stage) -> None:
    await stage.settled()
    rule = {"ipAddress": "10.0.0.0/8", "action": "Allow", "priority": 1, "name": "inside"}
    put(stage.world, f"{stage.team.site_id}/config/web", {"ipSecurityRestrictions": [rule]})

    assert verified(await stage.reconcile()) == ("Unknown", "NotSeenFromHere")


# --- through it


async def test_the_named_call_comes_through_the_gateway_and_with_the_key_alone_it_does_not(stage: Stage) -> None:
    done = await stage.settled(a_binding(stage))

    called = sorted((service, status) for service, _, status in probes(stage))
    assert called == [("gateway", 200), ("site", 401), ("site", 401)]
    assert outcome(done, "Verified").message.endswith("GET /orders through the gateway was answered with 200.")
    assert [each.function for each in stage.world.invocations] == ["ListOrders"]


async def test_no_secret_is_in_what_is_said(stage: Stage) -> None:
    good = await stage.settled(a_binding(stage))
    bad = await stage.reconcile(a_binding(stage, key="b" * 32))
    said = f"{good} {bad}"
    assert stage.team.subscription_key not in said
    assert "b" * 32 not in said
    assert stage.team.host_key not in said


def no_key(stage: Stage) -> Binding:
    return stage.binding(verify={"operation": "GET /orders"})


def a_wrong_key(stage: Stage) -> Binding:
    return a_binding(stage, key="0" * 32)


def no_such_operation(stage: Stage) -> Binding:
    return a_binding(stage, operation="GET /nothing/of/that/name")


def another_status(stage: Stage) -> Binding:
    return a_binding(stage, expect=[204])


def by_policy(statement: str) -> Callable[[Stage], None]:
    """Somebody put this statement into the policy of the whole service."""
    return lambda stage: _global_policy(stage, statement)


def _global_policy(stage: Stage, statement: str) -> None:
    rest = "<backend><forward-request /></backend><outbound /><on-error />"
    policy = f"<policies><inbound>{statement}</inbound>{rest}</policies>"
    put(stage.world, f"{stage.team.service_id}/policies/policy", {"format": "rawxml", "value": policy})


def the_function_says(status: int, text: str) -> Callable[[Stage], None]:
    """Its own code does."""
    return lambda stage: _code(stage, status, text)


def _code(stage: Stage, status: int, text: str) -> None:
    functions = site_of(stage.world, stage.team.site_id).functions
    functions[:] = [replace(each, says=(status, text)) if each.name == "ListOrders" else each for each in functions]


def a_circuit_breaker_is_open(stage: Stage) -> None:
    """Somebody gave the backend one, and a function that failed has tripped it."""
    failing = {"count": 1, "interval": "PT5M", "statusCodeRanges": [{"min": 500, "max": 599}]}
    rule = {"name": "any", "failureCondition": failing, "tripDuration": "PT5M"}
    put(stage.world, stage.team.backend_id, {**stage.backend, "circuitBreaker": {"rules": [rule]}})
    _code(stage, 500, "oh no")
    url = f"https://{stage.team.gateway_host}/{stage.team.api_path}/orders"
    key = {"Ocp-Apim-Subscription-Key": stage.team.subscription_key}
    assert at_once(gateway(HttpCall.of("GET", url, key), stage.world)).status == 500


def the_host_goes_down(stage: Stage) -> None:
    """Between the looks at its keys and the call."""
    behind = site_of(stage.world, stage.team.site_id)
    stage.world.log = WatchedLog(lambda call: setattr(behind, "runtime", Runtime.UNAVAILABLE) if _keys(call) else None)


def _keys(call: Call) -> bool:
    return call.path.lower().endswith("/listkeys")


def no_name(stage: Stage) -> None:
    stage.world.nameless.add(stage.team.site_host)


def a_certificate_that_has_run_out(stage: Stage) -> None:
    stage.world.outdated.add(stage.team.site_host)
    stage.simulator.end_connections()  # nobody shows a certificate to those that are open


def a_limit_is_reached(stage: Stage) -> None:
    """One call in five minutes is let through, and somebody has made it."""
    _global_policy(stage, '<rate-limit-by-key calls="1" renewal-period="300" counter-key="all" />')
    url = f"https://{stage.team.gateway_host}/{stage.team.api_path}/ping"
    key = {"Ocp-Apim-Subscription-Key": stage.team.subscription_key}
    assert at_once(gateway(HttpCall.of("GET", url, key), stage.world)).status == 200


def a_slow_function(stage: Stage) -> None:
    """It takes two seconds, and the gateway waits for one."""
    rest = '<backend><forward-request timeout="1" /></backend><outbound /><on-error />'
    policy = f"<policies><inbound />{rest}</policies>"
    put(stage.world, f"{stage.team.service_id}/policies/policy", {"format": "rawxml", "value": policy})
    stage.world.delays.add(2.0, host=stage.team.site_host, path="/v1/orders")


def nothing(stage: Stage) -> None:
    """All is as it should be; the call is not."""


def another_tenant(stage: Stage) -> None:
    """An app setting that Easy Auth heeds lets in another tenant only."""
    site_of(stage.world, stage.team.site_id).app_settings["WEBSITE_AUTH_AAD_ALLOWED_TENANTS"] = stage.team.client_id


def another_token_version(stage: Stage) -> None:
    """The gateway holds a token from before the registration asked for another version; it keeps it for a day."""
    version = stage.application["api"]["requestedAccessTokenVersion"]
    stage.application["api"]["requestedAccessTokenVersion"] = 1 if version == 2 else 2


def no_way_in_for_the_gateway(stage: Stage) -> None:
    rule = {"ipAddress": "10.0.0.0/8", "action": "Allow", "priority": 1, "name": "inside"}
    put(stage.world, f"{stage.team.site_id}/config/web", {"ipSecurityRestrictions": [rule]})


def a_function_gone(stage: Stage) -> None:
    functions = site_of(stage.world, stage.team.site_id).functions
    functions[:] = [each for each in functions if each.name != "ListOrders"]


def nobody_is_assigned(stage: Stage) -> None:
    """Entra has been told to give tokens only to who is assigned, and the gateway has none yet."""
    principal = stage.world.entra.principal(stage.team.client_id)
    assert principal
    principal["appRoleAssignmentRequired"] = True


def before_any_call(stage: Stage) -> Binding:
    return a_binding(stage)


def traced(stage: Stage) -> Binding:
    return a_binding(stage, trace="OnFailure")


def without_key(stage: Stage) -> Binding:
    return replace(
        stage.binding(verify=KEYED, functionApp={"id": stage.team.site_id, "key": {"source": "None"}}),
        cluster=a_binding(stage).cluster,
    )


ASKS = '<check-header name="X-Caller" failed-check-httpcode="401" failed-check-error-message="?" ignore-case="true" />'
FILTER = '<ip-filter action="allow"><address>203.0.113.9</address></ip-filter>'

Case = tuple[str, Callable[[Stage], Any], Callable[[Stage], Binding]]
CASES: list[Case] = [
    ("SubscriptionKeyMissing", nothing, no_key),
    ("SubscriptionKeyInvalid", nothing, a_wrong_key),
    ("OperationNotMatched", nothing, no_such_operation),
    ("UnexpectedStatus", nothing, another_status),
    ("CallerTokenRefused", by_policy(ASKS), a_binding),
    ("CallerAddressRefused", by_policy(FILTER), a_binding),
    ("CallVolumeExceeded", a_limit_is_reached, a_binding),
    ("TokenOutdated", another_token_version, a_binding),
    ("CallerNotAllowed", another_tenant, a_binding),
    ("AccessRestricted", no_way_in_for_the_gateway, a_binding),
    ("KeyRefused", nothing, without_key),
    ("FunctionNotFound", a_function_gone, a_binding),
    ("FunctionRefused", the_function_says(403, "not you"), a_binding),
    ("FunctionRefused", the_function_says(404, "no such order"), a_binding),
    ("FunctionFailed", the_function_says(500, "oh no"), a_binding),
    ("BackendSlow", a_slow_function, a_binding),
    ("BackendUnavailable", a_circuit_breaker_is_open, a_binding),
    ("HostRuntimeDown", the_host_goes_down, a_binding),
    ("TokenNotIssued", nobody_is_assigned, before_any_call),
    ("BackendNameNotResolved", no_name, traced),
    ("BackendCertificateNotTrusted", a_certificate_that_has_run_out, a_binding),
    ("BackendCertificateNotTrusted", a_certificate_that_has_run_out, traced),
    ("GatewayFailed", no_name, a_binding),
]


@pytest.mark.parametrize(
    ("reason", "broken", "binding"), CASES, ids=[f"{case[0]} {case[2].__name__}" for case in CASES]
)
async def test_a_call_that_fails_has_its_cause_named(
    stage: Stage, reason: str, broken: Callable[[Stage], Any], binding: Callable[[Stage], Binding]
) -> None:
    await stage.settled(binding(stage)) if binding is a_binding else await stage.settled()
    broken(stage)

    done = await stage.reconcile(binding(stage))

    assert verified(done) == ("False", reason), outcome(done, "Verified").message
    assert outcome(done, "Verified").message.startswith(f"{binding(stage).spec.verify.operation} through the gateway")
    assert done.conditions[0].reason == reason


# --- the gateway's trace


async def test_a_failing_call_is_traced_and_its_statement_quoted(stage: Stage) -> None:
    await stage.settled()
    nobody_is_assigned(stage)
    done = await stage.reconcile(a_binding(stage, trace="OnFailure"))
    found = outcome(done, "Verified")
    assert found.reason == "TokenNotIssued"
    assert "; the gateway's trace says authentication-managed-identity: " in found.message
    assert "AADSTS501051" in found.message
    secrets = [stage.team.subscription_key, stage.team.host_key, *stage.world.gateway.tokens]
    assert not any(secret in repr(done) for secret in secrets)


async def test_a_call_that_comes_through_is_not_traced(stage: Stage) -> None:
    await stage.settled(a_binding(stage, trace="OnFailure"))
    assert [call for call in stage.calls() if "gateways/managed" in call.path] == []


async def test_a_trace_that_takes_a_moment_is_waited_for(stage: Stage) -> None:
    await stage.settled()
    nobody_is_assigned(stage)
    stage.world.switches.apim_trace_ready_seconds = 5.0
    done = await stage.reconcile(a_binding(stage, trace="OnFailure"))
    message = outcome(done, "Verified").message
    assert "the gateway's trace names no statement" in message
    asked = [call.status for call in stage.calls() if call.path.lower().endswith("/listtrace")]
    assert asked == [404, 404, 404]


async def test_without_the_right_to_trace_the_cause_is_named_all_the_same(stage: Stage) -> None:
    await stage.settled()
    nobody_is_assigned(stage)
    stage.world.denied.add("microsoft.apimanagement/service/gateways/listdebugcredentials/action")
    done = await stage.reconcile(a_binding(stage, trace="OnFailure"))
    found = outcome(done, "Verified")
    assert found.reason == "TokenNotIssued"
    assert "; no trace could be had: the operator may not perform" in found.message
    assert "listDebugCredentials/action" in found.message
