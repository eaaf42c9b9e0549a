"""Traces of calls: who may have one, what is in it, what is not."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from azuresim.gateway.traces import issue_token, trace
from contract.apim_world import DOOR, HOST_KEY, SERVICE, SITE_HOST, Apim, apim
from contract.gateway_world import SYSTEM, TO_BACKEND, a_key, furnished, scoped

pytestmark = pytest.mark.item("apim-16")
FETCH = f'<authentication-managed-identity resource="{DOOR}" output-token-variable-name="t" />'
SEND = '<set-header name="Authorization"><value>@("Bearer " + (string)context.Variables["t"])</value></set-header>'


@pytest.fixture
async def here() -> AsyncIterator[Apim]:
    async with apim(identity=SYSTEM) as started:
        yield started


def a_token(here: Apim, api: str = "orders", seconds: float = 3600) -> dict[str, str]:
    token = issue_token(here.world, SERVICE, f"{SERVICE}/apis/{api}", ["tracing"], seconds)
    assert token.startswith(f"aid={api}&")
    return {"Apim-Debug-Authorization": token}


async def traced(here: Apim, path: str = "/orders/orders", **headers: str) -> dict[str, Any]:
    answer = await here.call(path, headers={**a_token(here), **headers})
    found = trace(here.world, SERVICE, answer.headers["Apim-Trace-Id"])
    assert found is not None
    return found


async def test_a_trace_shows_each_statement_in_its_section(here: Apim) -> None:
    """Source: learn.microsoft.com/azure/api-management/api-management-howto-api-inspector (sections, entries)."""
    await furnished(here)
    note = '<trace source="mine" severity="error"><message>hello</message></trace>'
    out = '<set-header name="x-out"><value>a</value></set-header>'
    await scoped(here, "/apis/orders", note + TO_BACKEND, outbound=f"<base />{out}")
    found = await traced(here)
    sources = {section: [entry["source"] for entry in entries] for section, entries in found["traceEntries"].items()}
    assert sources["inbound"][2:] == ["mine", "set-backend-service"]
    assert "forward-request" in sources["backend"]
    assert sources["outbound"] == ["set-header", "transfer-response"]
    entry = found["traceEntries"]["inbound"][2]
    assert (entry["data"]["message"], entry["elapsed"]) == ("hello", "00:00:00.0000000")
    assert found["serviceName"] == "contoso"


async def test_a_trace_shows_what_failed(here: Apim) -> None:
    """Source: learn.microsoft.com/azure/api-management/api-management-howto-api-inspector."""
    await furnished(here, SEND)
    text = json.dumps((await traced(here))["traceEntries"])
    assert "ExpressionValueEvaluationFailure" in text


async def test_a_backend_whose_certificate_has_run_out_is_not_called_and_the_trace_says_so(here: Apim) -> None:
    """Source: techcommunity.microsoft.com/t5/azure-paas-blog, "Troubleshoot 500 BackendConnectionFailure SSL/TLS"."""
    await furnished(here)
    here.world.outdated.add(SITE_HOST)
    text = json.dumps((await traced(here))["traceEntries"])
    assert "BackendConnectionFailure" in text
    assert "Could not establish trust relationship for the SSL/TLS secure channel." in text
    assert here.world.invocations == []


async def test_a_backend_without_an_address_is_not_called_and_the_trace_says_so(here: Apim) -> None:
    """Source: learn.microsoft.com/azure/api-management/api-management-error-handling-policies; the text is assumed."""
    await furnished(here)
    here.world.nameless.add(SITE_HOST)
    text = json.dumps((await traced(here))["traceEntries"])
    assert f"The remote name could not be resolved: '{SITE_HOST}'" in text
    assert here.world.invocations == []


async def test_a_trace_holds_no_secrets(here: Apim) -> None:
    """No Azure behaviour: Azure's traces are said to show them, which is a reason to log none."""
    await here.named_value("orders-key", HOST_KEY)
    await furnished(here, FETCH + SEND, subscriptionRequired=True)
    await here.a_backend(credentials={"header": {"x-functions-key": ["{{orders-key}}"]}})
    key = await a_key(here, "/apis/orders")
    text = json.dumps(await traced(here, **key, **here.caller_token()))
    [secret] = key.values()
    assert "eyJ" not in text
    assert secret not in text
    assert HOST_KEY not in text
    assert '"value": "***"' in text


async def test_a_token_that_is_old_or_for_another_api_is_told_so_and_the_call_is_served(here: Apim) -> None:
    """Source: learn.microsoft.com/azure/api-management/api-management-howto-api-inspector (headers)."""
    await furnished(here)
    other = await here.call("/orders/orders", headers=a_token(here, api="other"))
    token = a_token(here, seconds=86_400)  # an hour is the most that anybody gets
    here.world.clock.advance(3601)
    old = await here.call("/orders/orders", headers=token)
    assert (other.status, other.headers["Apim-Debug-Authorization-WrongAPI"]) == (200, "other")
    assert old.status == 200
    assert old.headers["Apim-Debug-Authorization-Expired"]
    assert "Apim-Trace-Id" not in {**other.headers, **old.headers}


async def test_a_call_without_a_token_or_with_a_made_up_one_has_no_trace(here: Apim) -> None:
    """Source: learn.microsoft.com/azure/api-management/api-management-howto-api-inspector."""
    await furnished(here)
    for headers in ({}, {"Apim-Debug-Authorization": "aid=orders&made=up"}):
        answer = await here.call("/orders/orders", headers=headers)
        assert (answer.status, "Apim-Trace-Id" in answer.headers) == (200, False)
    assert here.world.gateway.traces == {}


async def test_a_trace_is_the_services_own_and_may_be_late(here: Apim) -> None:
    """Assumed: the delay, both ways."""
    here.world.switches.apim_trace_ready_seconds = 5
    await furnished(here)
    answer = await here.call("/orders/orders", headers=a_token(here))
    trace_id = answer.headers["Apim-Trace-Id"]
    assert trace(here.world, SERVICE, trace_id) is None
    here.world.clock.advance(5)
    assert trace(here.world, SERVICE, trace_id) is not None
    assert trace(here.world, SERVICE.replace("contoso", "other"), trace_id) is None
    assert trace(here.world, SERVICE, "made up") is None


@pytest.mark.parametrize(("works", "traces"), [(True, 1), (False, 0)])
async def test_the_retired_header_may_still_work(here: Apim, works: bool, traces: int) -> None:
    """Source: learn.microsoft.com/azure/api-management/api-management-howto-api-inspector (retired)."""
    here.world.switches.apim_ocp_trace = works
    await furnished(here, subscriptionRequired=True)
    key = await a_key(here, "/apis/orders", allowTracing=True)
    await here.call("/orders/orders", headers={**key, "Ocp-Apim-Trace": "true"})
    assert len(here.world.gateway.traces) == traces
