"""Which API a call is for, who may call, what browsers are told: the gateway before and around the policies."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from contract.apim_world import SERVICE, SITE, Apim, apim
from contract.gateway_world import ON_ERROR, a_key, a_product, echo, failure, furnished, scoped

pytestmark = pytest.mark.item("apim-15")
ANSWER = '<return-response><set-status code="200" reason="OK" /><set-body>{}</set-body></return-response>'
WHO = '<return-response><set-body>@(context.Product == null ? "none" : context.Product.Id)</set-body></return-response>'


@pytest.fixture
async def here() -> AsyncIterator[Apim]:
    async with apim() as started:
        yield started


def stored(here: Apim, place: str, properties: Mapping[str, Any]) -> None:
    """A document of the service, as a PUT of it would have left it."""
    body = {"id": f"{SERVICE}{place}", "name": place.rpartition("/")[2], "type": "", "properties": dict(properties)}
    here.world.arm.put(f"{SERVICE}{place}", body)


async def an_answering_api(here: Apim, name: str, body: str, **properties: Any) -> None:
    """An API with one operation, which answers with this text."""
    usual = {
        "displayName": name,
        "path": "shop",
        "apiRevision": "1",
        "isCurrent": True,
        "protocols": ["https"],
        "subscriptionRequired": False,
        "serviceUrl": None,
    }
    stored(here, f"/apis/{name}", {**usual, **properties})
    operation = {"displayName": "o", "method": "GET", "urlTemplate": "/items/{id}"}
    stored(here, f"/apis/{name}/operations/o", operation)
    policy = f"<policies><inbound>{ANSWER.format(body)}</inbound></policies>"
    stored(here, f"/apis/{name}/policies/policy", {"format": "xml", "value": policy})


# --- matching ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("path", "headers", "body"),
    [
        ("/shop/items/1", {}, b"original"),
        ("/shop/v1/items/1", {}, b"by segment"),
        ("/SHOP/V1/items/1", {}, b"by segment"),
        ("/shop;rev=2/items/1", {}, b"revision"),
        ("/head/items/1", {"x-version": "2"}, b"by header"),
        ("/query/items/1?v=3", {}, b"by query"),
    ],
)
async def test_versions_and_revisions_are_told_apart(
    here: Apim, path: str, headers: dict[str, str], body: bytes
) -> None:
    """Source: learn.microsoft.com/azure/api-management/api-management-versions and api-management-revisions."""
    for scheme, name in (("Segment", None), ("Header", "x-version"), ("Query", "v")):
        given = {"versioningScheme": scheme, "versionHeaderName": name, "versionQueryName": name}
        stored(here, f"/apiVersionSets/{scheme}", {"displayName": "s", **given})
    sets = f"{SERVICE}/apiVersionSets/"
    await an_answering_api(here, "original", "original", apiVersionSetId=sets + "Segment")
    await an_answering_api(here, "v1", "by segment", apiVersion="v1", apiVersionSetId=sets + "Segment")
    await an_answering_api(here, "original;rev=2", "revision", apiRevision="2", isCurrent=False)
    await an_answering_api(here, "h", "by header", path="head", apiVersion="2", apiVersionSetId=sets + "Header")
    await an_answering_api(here, "q", "by query", path="query", apiVersion="3", apiVersionSetId=sets + "Query")
    answer = await here.call(path, headers=headers)
    assert (answer.status, answer.body) == (200, body)


@pytest.mark.parametrize("path", ["/head/items/1", "/query/items/1?v=4", "/shop;rev=9/items/1", "/shop/v2/items/1"])
async def test_a_version_or_revision_that_does_not_exist_is_404(here: Apim, path: str) -> None:
    """Source: learn.microsoft.com/azure/api-management/api-management-versions."""
    for scheme, name in (("Header", "x-version"), ("Query", "v")):
        given = {"versioningScheme": scheme, "versionHeaderName": name, "versionQueryName": name}
        stored(here, f"/apiVersionSets/{scheme}", {"displayName": "s", **given})
    sets = f"{SERVICE}/apiVersionSets/"
    await an_answering_api(here, "shop", "original")
    await an_answering_api(here, "h", "by header", path="head", apiVersion="2", apiVersionSetId=sets + "Header")
    await an_answering_api(here, "q", "by query", path="query", apiVersion="3", apiVersionSetId=sets + "Query")
    assert (await here.call(path)).status == 404


@pytest.mark.parametrize(
    ("path", "operation"),
    [
        ("/orders/orders/special", "special"),
        ("/orders/orders/other", "get"),
        ("/orders/orders/a%2Fb", "get"),
        ("/orders/orders/", "list"),
        ("/orders/orders?status=open", "by-status"),
        ("/orders/orders/x/y", "rest"),
        ("/orders/orders/7.json", "json"),
    ],
)
async def test_the_operation_that_says_most_of_the_path_wins(here: Apim, path: str, operation: str) -> None:
    """Source: learn.microsoft.com/azure/api-management/add-api-manually. Assumed: which of several wins."""
    await furnished(here)
    await here.an_operation("special", "/orders/special")
    await here.an_operation("by-status", "/orders?status={status}", parameters=("status",))
    await here.an_operation("rest", "/orders/{*rest}", parameters=("rest",))
    await here.an_operation("json", "/orders/{id}.json", parameters=("id",))
    for name in ("special", "by-status", "rest", "json", "get", "list"):
        await scoped(here, f"/apis/orders/operations/{name}", ANSWER.format(name))
    if operation == "json":
        assert (await here.call(path)).body in (b"json", b"get")
    else:
        assert (await here.call(path)).body.decode() == operation


async def test_what_no_operation_matches_runs_on_error_of_the_enclosing_scopes(here: Apim) -> None:
    """Source: learn.microsoft.com/azure/api-management/api-management-error-handling-policies (OperationNotFound)."""
    await furnished(here)
    await scoped(here, "", base="", backend="<forward-request />", outbound="", on_error=ON_ERROR)
    found = failure(await here.call("/orders/nothing"))
    assert found == (404, "configuration", "OperationNotFound", "Unable to match incoming request to an operation.")


async def test_a_gateway_that_is_switched_off_answers_nothing(here: Apim) -> None:
    """Source: REST reference, "Api Management Service" (`disableGateway`). Assumed: the status."""
    await furnished(here)
    here.world.arm.need(SERVICE).properties["disableGateway"] = True
    assert (await here.call("/orders/orders")).status == 404


async def test_a_head_has_no_body_and_needs_its_own_operation(here: Apim) -> None:
    """Source: learn.microsoft.com/azure/api-management/add-api-manually."""
    await furnished(here)
    assert (await here.call("/orders/orders", method="HEAD")).status == 404
    await here.an_operation("head", "/orders", method="HEAD")
    await scoped(here, "/apis/orders/operations/head", ANSWER.format("long"))
    answer = await here.call("/orders/orders", method="HEAD")
    assert (answer.status, answer.body) == (200, b"")


# --- who may call -----------------------------------------------------------------------------------------------------
async def test_an_open_product_lets_its_apis_be_called_without_a_key(here: Apim) -> None:
    """Source: learn.microsoft.com/azure/api-management/api-management-subscriptions (open products)."""
    await furnished(here, subscriptionRequired=True)
    assert (await here.call("/orders/orders")).status == 401
    await a_product(here, "open", subscriptionRequired=False)
    await scoped(here, "/products/open", '<set-header name="x-product"><value>open</value></set-header>')
    assert echo(await here.call("/orders/orders"))["headers"]["x-product"] == "open"
    wrong = await here.call("/orders/orders", headers={"Ocp-Apim-Subscription-Key": "wrong"})
    assert echo(wrong)["headers"]["x-product"] == "open"


@pytest.mark.parametrize(("rule", "status"), [("refused", 401), ("ignored", 200)])
async def test_a_wrong_key_for_an_api_that_needs_none_is_refused_or_ignored(here: Apim, rule: Any, status: int) -> None:
    """Source: learn.microsoft.com/azure/api-management/api-management-subscriptions (rule 3). Assumed: both ways."""
    here.world.switches.apim_wrong_key_of_open_api = rule
    await furnished(here)
    answer = await here.call("/orders/orders", headers={"Ocp-Apim-Subscription-Key": "wrong"})
    assert answer.status == status


@pytest.mark.parametrize("state", ["suspended", "submitted", "rejected", "cancelled", "expired"])
async def test_only_active_subscriptions_count(here: Apim, state: str) -> None:
    """Source: learn.microsoft.com/azure/api-management/api-management-subscriptions."""
    await furnished(here, subscriptionRequired=True)
    key = await a_key(here, "/apis/orders")
    assert (await here.call("/orders/orders", headers=key)).status == 200
    here.world.arm.need(f"{SERVICE}/subscriptions/check").properties["state"] = state
    answer = await here.call("/orders/orders", headers=key)
    assert (answer.status, "invalid subscription key" in answer.data()["message"]) == (401, True)


async def test_a_key_has_the_names_that_the_api_gives_it(here: Apim) -> None:
    """Source: REST reference, "Apis" (`subscriptionKeyParameterNames`)."""
    names = {"header": "x-key", "query": "key"}
    await furnished(here, subscriptionRequired=True, subscriptionKeyParameterNames=names)
    [key] = (await a_key(here, "/apis/orders")).values()
    assert (await here.call("/orders/orders", headers={"Ocp-Apim-Subscription-Key": key})).status == 401
    assert (await here.call("/orders/orders", headers={"x-key": key})).status == 200
    assert (await here.call(f"/orders/orders?key={key}")).status == 200


@pytest.mark.parametrize(("forwarded", "there"), [(True, True), (False, False)])
async def test_a_key_may_or_may_not_reach_the_backend(here: Apim, forwarded: bool, there: bool) -> None:
    """Assumed, both ways."""
    here.world.switches.apim_subscription_key_forwarded = forwarded
    await furnished(here, subscriptionRequired=True)
    said = echo(await here.call("/orders/orders", headers=await a_key(here, "/apis/orders")))
    assert ("ocp-apim-subscription-key" in said["headers"]) == there


async def test_a_missing_key_is_told_to_on_error(here: Apim) -> None:
    """Source: learn.microsoft.com/azure/api-management/api-management-error-handling-policies."""
    await furnished(here, subscriptionRequired=True)
    await scoped(here, "/apis/orders", on_error=ON_ERROR)
    missing = await here.call("/orders/orders")
    wrong = await here.call("/orders/orders", headers={"Ocp-Apim-Subscription-Key": "wrong"})
    assert failure(missing)[:3] == (401, "authorization", "SubscriptionKeyNotFound")
    assert failure(wrong)[:3] == (401, "authorization", "SubscriptionKeyInvalid")
    assert missing.body.startswith(b'{ "statusCode": 401, "message": "Access denied due to missing')


# --- browsers ---------------------------------------------------------------------------------------------------------
PAGE = "https://page.example"


def cors(attributes: str = "", origin: str = PAGE, methods: str = "PUT", headers: str = "x-a") -> str:
    return (
        f"<cors {attributes}><allowed-origins><origin>{origin}</origin></allowed-origins>"
        f'<allowed-methods preflight-result-max-age="300"><method>{methods}</method></allowed-methods>'
        f"<allowed-headers><header>{headers}</header></allowed-headers>"
        "<expose-headers><header>x-b</header></expose-headers></cors>"
    )


def asks(origin: str = PAGE, method: str = "PUT", headers: str = "x-a") -> dict[str, str]:
    return {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": headers,
    }


@pytest.mark.parametrize(
    ("statement", "sent", "allowed"),
    [
        (cors(), asks(), PAGE),
        (cors(origin="*", methods="*", headers="*"), asks(method="DELETE", headers="x-z"), "*"),
        (cors('allow-credentials="true"'), asks(), PAGE),
        (cors(), asks(origin="https://evil.example"), None),
        (cors(), asks(method="DELETE"), None),
        (cors(), asks(headers="x-z"), None),
        (cors('terminate-unmatched-request="false"', "https://a.example") + cors(), asks(), PAGE),
        (cors("", "https://a.example") + cors(), asks(), None),
    ],
)
async def test_a_preflight_is_answered_by_cors_and_reaches_nobody(
    here: Apim, statement: str, sent: dict[str, str], allowed: str | None
) -> None:
    """Source: learn.microsoft.com/azure/api-management/cors-policy (unmatched: an empty 200)."""
    await furnished(here, statement, subscriptionRequired=True)
    answer = await here.call("/orders/orders", method="OPTIONS", headers=sent)
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers.get("Access-Control-Allow-Origin") == allowed
    if allowed:
        assert answer.headers["Access-Control-Allow-Methods"] == sent["Access-Control-Request-Method"]
        assert answer.headers["Access-Control-Max-Age"] == "300"
    assert here.world.invocations == []


async def test_a_preflight_without_cors_is_a_call_like_any_other(here: Apim) -> None:
    """Source: learn.microsoft.com/azure/api-management/enable-cors-policy (404 without a policy)."""
    await furnished(here)
    assert (await here.call("/orders/orders", method="OPTIONS", headers=asks())).status == 404


@pytest.mark.parametrize(
    ("attributes", "origin", "method", "runs", "allowed"),
    [
        ("", PAGE, "GET", 1, PAGE),
        ("", "https://evil.example", "GET", 0, None),
        ('terminate-unmatched-request="false"', "https://evil.example", "GET", 1, None),
        ("", "https://evil.example", "POST", 1, None),
    ],
)
async def test_a_simple_call_from_a_page_gets_headers_or_an_empty_answer(
    here: Apim, attributes: str, origin: str, method: str, runs: int, allowed: str | None
) -> None:
    """Source: learn.microsoft.com/azure/api-management/cors-policy."""
    await furnished(here, cors(attributes))
    answer = await here.call("/orders/orders", method=method, headers={"Origin": origin})
    assert (answer.status, len(here.world.invocations)) == (200, runs)
    assert answer.headers.get("Access-Control-Allow-Origin") == allowed
    assert answer.headers.get("Access-Control-Expose-Headers") == ("x-b" if allowed else None)


async def test_a_hundred_calls_read_each_document_once(here: Apim, monkeypatch: pytest.MonkeyPatch) -> None:
    """No Azure behaviour: policies are parsed once, not once per call."""
    await furnished(here)
    await here.call("/orders/orders")
    monkeypatch.setattr("azuresim.gateway.chain.read", lambda *_, **__: pytest.fail("parsed again"))
    assert [(await here.call("/orders/orders")).status for _ in range(100)] == [200] * 100


@pytest.mark.parametrize(("allowed", "status"), [("203.0.113.7/32", 200), ("192.0.2.0/24", 403)])
async def test_a_site_sees_the_address_of_the_gateway_and_not_the_callers(
    here: Apim, allowed: str, status: int
) -> None:
    """Source: learn.microsoft.com/azure/api-management/api-management-howto-ip-addresses (outbound addresses)."""
    await furnished(here)
    here.world.gateway.caller_ip = "192.0.2.9"
    rule = {"ipAddress": allowed, "action": "Allow", "priority": 100, "name": "gateway"}
    here.world.arm.put(f"{SITE}/config/web", {"ipSecurityRestrictions": [rule]})
    answer = await here.call("/orders/orders", headers={"x-simulated-address": "192.0.2.9"})
    assert answer.status == status
