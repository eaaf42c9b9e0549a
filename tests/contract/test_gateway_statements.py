"""What statements do to a call on its way: messages, flow, cache, calls to others, logs."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from contract.apim_world import CALLER, DOOR, SERVICE, SITE_HOST, Apim, apim
from contract.gateway_world import ON_ERROR, SYSTEM, TO_BACKEND, echo, failure, fragment, furnished, scoped

pytestmark = pytest.mark.item("apim-15")
CHECK = (
    '<check-header name="{}" failed-check-httpcode="400" failed-check-error-message="no" ignore-case="false">{}'
    "</check-header>"
)
WHERE = " + ".join(f'context.LastError.{name} + " "' for name in ("Scope", "Section", "Path", "PolicyId"))


@pytest.fixture
async def here() -> AsyncIterator[Apim]:
    async with apim(identity=SYSTEM) as started:
        yield started


# --- messages ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("outbound", "status", "body"),
    [
        ("<set-body>literal</set-body>", 200, b"literal"),
        ('<set-body>@("a" + "b")</set-body>', 200, b"ab"),
        ('<set-status code="202" reason="Accepted" /><set-body />', 202, b""),
        ('<set-body>one two one</set-body><find-and-replace from="one" to="1" />', 200, b"1 two 1"),
    ],
)
async def test_an_answer_is_changed_in_outbound(here: Apim, outbound: str, status: int, body: bytes) -> None:
    """Source: learn.microsoft.com/azure/api-management/set-body-policy, set-status-policy, find-and-replace-policy."""
    await furnished(here)
    await scoped(here, "/apis/orders", TO_BACKEND, outbound=f"<base />{outbound}")
    answer = await here.call("/orders/orders")
    assert (answer.status, answer.body) == (status, body)


@pytest.mark.parametrize(
    ("inbound", "method", "name", "value"),
    [
        ("<set-method>POST</set-method>", "POST", "x-none", None),
        ('<authentication-basic username="u" password="p" />', "GET", "authorization", "not a bearer token"),
        ('<set-header name="x-a"><value>1</value><value>2</value></set-header>', "GET", "x-a", "1, 2"),
        ("", "GET", "x-forwarded-for", "198.51.100.7"),
    ],
)
async def test_the_backend_gets_the_changed_request(
    here: Apim, inbound: str, method: str, name: str, value: str | None
) -> None:
    """Source: learn.microsoft.com/azure/api-management, set-method-policy, authentication-basic-policy."""
    here.world.gateway.caller_ip = "198.51.100.7"
    await furnished(here, inbound)
    said = echo(await here.call("/orders/orders"))
    assert (said["method"], said["headers"].get(name)) == (method, value)


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ('<set-body template="liquid">{{body.a}}</set-body>', "set-body with a liquid template"),
        ("<redirect-content-urls />", "the statement 'redirect-content-urls'"),
        ('<authentication-certificate thumbprint="AB" />', "the statement 'authentication-certificate'"),
        ('<set-backend-service dapr-app-id="a" />', "set-backend-service for Service Fabric or Dapr"),
        ('<cache-lookup-value key="a" variable-name="b" caching-type="external" />', "with an external cache"),
    ],
)
async def test_what_cannot_be_run_is_stored_and_fails_loudly_when_a_call_reaches_it(
    here: Apim, statement: str, what: str
) -> None:
    """No Azure behaviour: management clients can store it, and no test runs on a guess."""
    await here.named_value("body.a", "x", secret=False)
    await furnished(here, statement)
    answer = await here.call("/orders/orders")
    assert (answer.status, answer.data()["error"]["code"]) == (500, "NotSimulated")
    assert what in answer.data()["error"]["message"]
    assert sum(here.world.missing.values()) == 1
    assert here.world.invocations == []


async def test_a_mock_is_the_example_of_the_operations_response(here: Apim) -> None:
    """Source: learn.microsoft.com/azure/api-management/mock-response-policy."""
    await furnished(here)
    examples = {"default": {"value": {"id": 7}}, "other": {"value": "text"}}
    representation = {"contentType": "application/json", "examples": examples}
    await here.put(
        "/apis/orders/operations/mock",
        displayName="mock",
        method="GET",
        urlTemplate="/mock",
        responses=[{"statusCode": 201, "representations": [representation]}],
    )
    mock = '<mock-response status-code="201" content-type="application/json" />'
    await scoped(here, "/apis/orders/operations/mock", mock)
    answer = await here.call("/orders/mock")
    assert (answer.status, answer.data(), answer.headers["Content-Type"]) == (201, {"id": 7}, "application/json")
    await scoped(here, "/apis/orders/operations/mock", '<mock-response status-code="201" index="1" />')
    assert (await here.call("/orders/mock")).body == b"text"


# --- flow -------------------------------------------------------------------------------------------------------------
async def test_a_fragment_runs_where_it_is_included(here: Apim) -> None:
    """Source: learn.microsoft.com/azure/api-management/policy-fragments."""
    fragment(here, "shared", '<fragment><set-header name="x-a"><value>shared</value></set-header></fragment>')
    await furnished(here, '<include-fragment fragment-id="shared" />')
    assert echo(await here.call("/orders/orders"))["headers"]["x-a"] == "shared"
    fragment(here, "shared", '<fragment><set-header name="x-a"><value>new</value></set-header></fragment>')
    assert echo(await here.call("/orders/orders"))["headers"]["x-a"] == "new"
    here.world.arm.delete(f"{SERVICE}/policyFragments/shared")
    assert (await here.call("/orders/orders")).status == 500


@pytest.mark.parametrize(
    ("attributes", "runs"),
    [
        ('condition="@(true)" count="3" interval="10"', 4),
        ('condition="@(false)" count="3" interval="10"', 1),
        ('condition="@(context.Response.StatusCode == 500)" count="2" interval="1" first-fast-retry="true"', 3),
    ],
)
async def test_retry_runs_once_and_then_while_its_condition_holds(here: Apim, attributes: str, runs: int) -> None:
    """Source: learn.microsoft.com/azure/api-management/retry-policy (at least once, `count` times more)."""
    await furnished(here)
    counting = '<log-to-eventhub logger-id="log">x</log-to-eventhub><set-status code="500" reason="r" />'
    here.world.arm.put(f"{SERVICE}/loggers/log", {"id": "", "type": "", "properties": {}})
    await scoped(here, "/apis/orders", TO_BACKEND, outbound=f"<retry {attributes}>{counting}</retry>")
    await here.call("/orders/orders")
    assert len(here.world.gateway.events) == runs


async def test_retry_calls_a_backend_again_that_could_not_be_reached_and_time_stands_still(here: Apim) -> None:
    """Source: learn.microsoft.com/azure/api-management/retry-policy. That the clock stays is the simulator's own."""
    await furnished(here)
    forward = '<retry condition="@(true)" count="2" interval="30"><forward-request /></retry>'
    nowhere = '<set-backend-service base-url="https://nowhere.example" />'
    await scoped(here, "/apis/orders", nowhere, backend=forward, on_error=ON_ERROR)
    before = here.world.clock.timestamp()
    answer = await here.call("/orders/orders")
    assert failure(answer)[:3] == (500, "forward-request", "BackendConnectionFailure")
    assert here.world.clock.timestamp() == before


async def test_more_at_once_than_allowed_is_429(here: Apim) -> None:
    """Source: learn.microsoft.com/azure/api-management/limit-concurrency-policy."""
    limit = '<limit-concurrency key="a" max-count="{}"><set-variable name="b" value="c" /></limit-concurrency>'
    await furnished(here, limit.format(1))
    assert [(await here.call("/orders/orders")).status for _ in range(3)] == [200, 200, 200]
    await scoped(here, "/apis/orders", limit.format(0) + TO_BACKEND)
    assert (await here.call("/orders/orders")).status == 429
    assert here.world.gateway.busy == {}


async def test_return_response_begins_with_the_answer_in_a_variable(here: Apim) -> None:
    """Source: learn.microsoft.com/azure/api-management/return-response-policy."""
    send = (
        f'<send-request mode="new" response-variable-name="r"><set-url>https://{SITE_HOST}/v1/orders</set-url>'
        '<set-method>GET</set-method><set-header name="x-from"><value>policy</value></set-header></send-request>'
        '<return-response response-variable-name="r"><set-status code="203" reason="r" /></return-response>'
    )
    await furnished(here, send)
    answer = await here.call("/orders/orders")
    assert (answer.status, answer.data()["function"]) == (203, "ListOrders")
    assert answer.data()["headers"]["x-from"] == "policy"


# --- calls to others --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("ignore", "status"), [("true", 200), ("false", 500)])
async def test_send_request_fails_unless_told_to_ignore_it(here: Apim, ignore: str, status: int) -> None:
    """Source: learn.microsoft.com/azure/api-management/send-request-policy (`ignore-error`: null)."""
    send = (
        f'<send-request mode="new" response-variable-name="r" ignore-error="{ignore}">'
        "<set-url>https://nowhere.example/</set-url></send-request>"
        '<set-header name="x-null"><value>@((context.Variables["r"] == null) + "")</value></set-header>'
    )
    await furnished(here, send)
    answer = await here.call("/orders/orders")
    assert answer.status == status
    if status == 200:
        assert echo(answer)["headers"]["x-null"] == "True"


async def test_send_request_gets_a_token_from_entra(here: Apim) -> None:
    """Source: learn.microsoft.com/azure/api-management/send-request-policy (calls with form bodies)."""
    here.world.entra.add_secret(CALLER, "hush")
    form = (
        f"grant_type=client_credentials&amp;client_id={CALLER}&amp;client_secret=hush&amp;scope=api://{DOOR}/.default"
    )
    send = (
        '<send-request mode="new" response-variable-name="r">'
        f"<set-url>https://login.microsoftonline.com/{here.world.tenant_id}/oauth2/v2.0/token</set-url>"
        '<set-method>POST</set-method><set-header name="Content-Type">'
        f"<value>application/x-www-form-urlencoded</value></set-header><set-body>{form}</set-body></send-request>"
        '<return-response response-variable-name="r" />'
    )
    await furnished(here, send)
    answer = await here.call("/orders/orders")
    assert (answer.status, answer.data()["token_type"]) == (200, "Bearer")


async def test_a_one_way_request_is_sent_and_forgotten(here: Apim) -> None:
    """Source: learn.microsoft.com/azure/api-management/send-one-way-request-policy."""
    one_way = "<send-one-way-request><set-url>https://nowhere.example/a?b=c</set-url></send-one-way-request>"
    await furnished(here, one_way)
    assert (await here.call("/orders/orders")).status == 200
    [(call, answer)] = here.world.gateway.sent
    assert (call.host, call.path, call.query, answer) == ("nowhere.example", "/a", [("b", "c")], None)


@pytest.mark.parametrize("status", [500, 504])
async def test_a_backend_that_takes_too_long_is_a_timeout(here: Apim, status: Any) -> None:
    """Source: learn.microsoft.com/azure/api-management/forward-request-policy (reason). Assumed: both statuses."""
    here.world.switches.apim_backend_timeout_status = status
    here.world.delays.add(5, service="site")
    await furnished(here)
    await scoped(here, "/apis/orders", TO_BACKEND, backend='<forward-request timeout="2" />', on_error=ON_ERROR)
    assert failure(await here.call("/orders/orders"))[:3] == (status, "forward-request", "Timeout")


async def test_an_error_of_the_backend_leads_to_on_error_when_asked(here: Apim) -> None:
    """Source: learn.microsoft.com/azure/api-management/forward-request-policy (`fail-on-error-status-code`)."""
    await furnished(here)
    await here.an_operation("gone", "/gone")
    forward = '<forward-request fail-on-error-status-code="{}" />'
    await scoped(here, "/apis/orders", TO_BACKEND, backend=forward.format("true"), on_error=ON_ERROR)
    answer = await here.call("/orders/gone")
    assert failure(answer)[:3] == (404, "forward-request", "BackendErrorStatusCode")
    await scoped(here, "/apis/orders", TO_BACKEND, backend=forward.format("false"), on_error=ON_ERROR)
    assert "x-source" not in (await here.call("/orders/gone")).headers


async def test_a_circuit_opens_after_failures_and_closes_with_time(here: Apim) -> None:
    """Source: learn.microsoft.com/azure/api-management/backends (circuit breaker: 503 until the trip is over)."""
    await furnished(here)
    await here.an_operation("gone", "/gone")
    rule = {
        "name": "r",
        "tripDuration": "PT1M",
        "failureCondition": {"count": 2, "interval": "PT10S", "statusCodeRanges": [{"min": 404, "max": 404}]},
    }
    await here.a_backend(circuitBreaker={"rules": [rule]})
    assert [(await here.call("/orders/gone")).status for _ in range(3)] == [404, 404, 503]
    assert (await here.call("/orders/orders")).status == 503
    here.world.clock.advance(61)
    assert (await here.call("/orders/orders")).status == 200


# --- cache ------------------------------------------------------------------------------------------------------------
LOOKUP = '<cache-lookup vary-by-developer="false" vary-by-developer-groups="false">{}</cache-lookup>'


@pytest.mark.parametrize(
    ("varies", "second", "runs"),
    [
        ("", "/orders/orders", 1),
        ("", "/orders/orders?a=1", 2),
        ("<vary-by-query-parameter>b</vary-by-query-parameter>", "/orders/orders?a=1", 1),
        ("<vary-by-query-parameter>b</vary-by-query-parameter>", "/orders/orders?b=1", 2),
        ("", "/orders/orders/7", 2),
    ],
)
async def test_a_stored_answer_is_given_again(here: Apim, varies: str, second: str, runs: int) -> None:
    """Source: learn.microsoft.com/azure/api-management/cache-lookup-policy and cache-store-policy."""
    await furnished(here)
    store = '<base /><cache-store duration="60" />'
    await scoped(here, "/apis/orders", LOOKUP.format(varies) + TO_BACKEND, outbound=store)
    first, again = await here.call("/orders/orders"), await here.call(second)
    assert (first.status, again.status, len(here.world.invocations)) == (200, 200, runs)


async def test_a_stored_answer_varies_by_header_and_grows_old(here: Apim) -> None:
    """Source: learn.microsoft.com/azure/api-management/cache-lookup-policy; calls with a token are not answered so."""
    await furnished(here)
    lookup = LOOKUP.format("<vary-by-header>Accept</vary-by-header>")
    await scoped(here, "/apis/orders", lookup + TO_BACKEND, outbound='<base /><cache-store duration="60" />')
    for accept in ("a", "a", "b"):
        await here.call("/orders/orders", headers={"Accept": accept})
    assert len(here.world.invocations) == 2
    here.world.clock.advance(61)
    await here.call("/orders/orders", headers={"Accept": "a"})
    assert len(here.world.invocations) == 3
    await here.call("/orders/orders", headers={"Accept": "a", **here.caller_token()})
    assert len(here.world.invocations) == 4


@pytest.mark.parametrize(("runs", "expected"), [(True, "yes"), (False, None)])
async def test_a_stored_answer_may_or_may_not_pass_outbound(here: Apim, runs: bool, expected: str | None) -> None:
    """Assumed, both ways."""
    here.world.switches.apim_cache_hit_runs_outbound = runs
    await furnished(here)
    outbound = '<base /><cache-store duration="60" /><set-header name="x-out"><value>yes</value></set-header>'
    await scoped(here, "/apis/orders", LOOKUP.format("") + TO_BACKEND, outbound=outbound)
    await here.call("/orders/orders")
    assert (await here.call("/orders/orders")).headers.get("x-out") == expected


async def test_single_values_are_stored_looked_up_and_removed(here: Apim) -> None:
    """Source: learn.microsoft.com/azure/api-management/cache-lookup-value-policy and its siblings."""
    lookup = (
        '<cache-lookup-value key="k" default-value="none" variable-name="v" />'
        '<set-header name="x-v"><value>@((string)context.Variables["v"])</value></set-header>'
    )
    await furnished(here, lookup + '<cache-store-value key="k" value="kept" duration="60" />')
    seen = [echo(await here.call("/orders/orders"))["headers"]["x-v"] for _ in range(2)]
    here.world.clock.advance(61)
    seen.append(echo(await here.call("/orders/orders"))["headers"]["x-v"])
    await scoped(here, "/apis/orders", '<cache-remove-value key="k" />' + lookup + TO_BACKEND)
    seen.append(echo(await here.call("/orders/orders"))["headers"]["x-v"])
    assert seen == ["none", "kept", "none", "none"]


# --- logs and errors --------------------------------------------------------------------------------------------------
async def test_events_are_kept_for_a_logger_that_exists(here: Apim) -> None:
    """Source: learn.microsoft.com/azure/api-management/log-to-eventhub-policy."""
    await furnished(here, '<log-to-eventhub logger-id="log" partition-id="1">@("a" + "b")</log-to-eventhub>')
    assert (await here.call("/orders/orders")).status == 500
    here.world.arm.put(f"{SERVICE}/loggers/log", {"id": "", "type": "", "properties": {}})
    assert (await here.call("/orders/orders")).status == 200
    [event] = here.world.gateway.events
    assert (event.logger, event.body, event.partition_id) == ("log", "ab", "1")


@pytest.mark.parametrize(
    ("inbound", "expected"),
    [
        (
            CHECK.format("x-a", ""),
            (400, "check-header", "HeaderNotFound", "Header x-a was not found in the request. Access denied."),
        ),
        (
            CHECK.format("Host", "<value>b</value>"),
            (400, "check-header", "HeaderNotFound", "Header Host was not found in the request. Access denied."),
        ),
        (
            CHECK.format("x-b", "<value>C</value>"),
            (400, "check-header", "HeaderValueNotAllowed", "Header x-b value of c is not allowed. Access denied."),
        ),
        (
            "<ip-filter><address>10.0.0.1</address></ip-filter>",
            (403, "ip-filter", "CallerIpNotAllowed", "Caller IP address 198.51.100.7 is not allowed. Access denied."),
        ),
        (
            '<ip-filter action="forbid"><address-range from="198.51.100.0" to="198.51.100.255" /></ip-filter>',
            (403, "ip-filter", "CallerIpBlocked", "Caller IP address is blocked. Access denied."),
        ),
        (
            '<choose><when condition="@(true)"><set-variable name="a" value="@(context.Variables["b"])" /></when>'
            "</choose>",
            (
                500,
                "set-variable",
                "ExpressionValueEvaluationFailure",
                "set-variable: The given key was not present in the dictionary.",
            ),
        ),
    ],
)
async def test_on_error_is_told_what_failed(here: Apim, inbound: str, expected: tuple[int, str, str, str]) -> None:
    """Source: learn.microsoft.com/azure/api-management/api-management-error-handling-policies (tables)."""
    here.world.gateway.caller_ip = "198.51.100.7"
    await furnished(here)
    await scoped(here, "/apis/orders", inbound, on_error=ON_ERROR)
    assert failure(await here.call("/orders/orders", headers={"x-b": "c"})) == expected


async def test_an_address_in_the_list_may_call(here: Apim) -> None:
    """Source: learn.microsoft.com/azure/api-management/ip-filter-policy."""
    here.world.gateway.caller_ip = "10.0.0.5"
    await furnished(here, '<ip-filter action="allow"><address-range from="10.0.0.1" to="10.0.0.9" /></ip-filter>')
    assert (await here.call("/orders/orders")).status == 200
    here.world.gateway.caller_ip = "somewhere"
    assert (await here.call("/orders/orders")).status == 403


async def test_last_error_says_where_in_the_document_it_was(here: Apim) -> None:
    """Source: learn.microsoft.com/azure/api-management/api-management-error-handling-policies (`choose[3]/when[2]`)."""
    bad = '<when condition="@(true)"><rewrite-uri id="mine" template="/{x}" /></when>'
    bad = f'<choose><when condition="@(false)" />{bad}</choose>'
    on_error = f'<on-error><set-header name="x-where"><value>@({WHERE})</value></set-header></on-error>'
    await furnished(here)
    await scoped(here, "/apis/orders", '<set-variable name="a" value="b" />' + bad, on_error=on_error)
    answer = await here.call("/orders/orders")
    assert answer.headers["x-where"].strip() == "api inbound choose[1]/when[2]/rewrite-uri[1] mine"


# --- named values -----------------------------------------------------------------------------------------------------
@pytest.mark.item("apim-18")
async def test_a_named_value_that_gets_another_name_goes_on_working_where_it_is_used(here: Apim) -> None:
    """Source: learn.microsoft.com/azure/api-management/api-management-howto-properties (renaming updates policies)."""
    await here.named_value("stage", "blue", secret=False)
    await furnished(here, '<set-header name="x-stage"><value>{{stage}}</value></set-header>')
    before = (await here.arm("HEAD", "/apis/orders/policies/policy")).headers["ETag"]
    renamed = await here.arm(
        "PATCH", "/namedValues/stage", {"properties": {"displayName": "colour"}}, headers={"If-Match": "*"}
    )
    assert renamed.status == 202
    await here.arm("GET", renamed.headers["Location"])
    await here.arm("GET", renamed.headers["Location"])
    policy = await here.arm("GET", "/apis/orders/policies/policy")
    assert ("{{colour}}" in policy.data()["properties"]["value"], policy.headers["ETag"] != before) == (True, True)
    assert echo(await here.call("/orders/orders"))["headers"]["x-stage"] == "blue"
