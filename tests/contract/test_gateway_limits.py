"""How often a caller may call: rates and quotas, per subscription and per key."""

from collections.abc import AsyncIterator

import pytest

from contract.apim_world import Apim, apim
from contract.gateway_world import ON_ERROR, TO_BACKEND, a_key, a_product, echo, failure, furnished, scoped

pytestmark = pytest.mark.item("apim-15")
HEADERS = 'remaining-calls-header-name="x-left" total-calls-header-name="x-total" retry-after-header-name="x-wait"'


@pytest.fixture
async def here() -> AsyncIterator[Apim]:
    async with apim() as started:
        yield started


async def test_a_rate_is_limited_per_subscription_and_renews(here: Apim) -> None:
    """Source: learn.microsoft.com/azure/api-management/rate-limit-policy (429, `Retry-After`, sliding window)."""
    await furnished(here, '<rate-limit calls="2" renewal-period="60" />', subscriptionRequired=True)
    mine, theirs = await a_key(here, "/apis/orders"), await a_key(here, "/apis/orders", "other")
    assert [(await here.call("/orders/orders", headers=mine)).status for _ in range(2)] == [200, 200]
    here.world.clock.advance(20)
    refused = await here.call("/orders/orders", headers=mine)
    assert (refused.status, refused.headers["Retry-After"]) == (429, "40")
    assert refused.data() == {"statusCode": 429, "message": "Rate limit is exceeded. Try again in 40 seconds."}
    assert (await here.call("/orders/orders", headers=theirs)).status == 200
    here.world.clock.advance(40)
    assert (await here.call("/orders/orders", headers=mine)).status == 200


async def test_a_call_without_subscription_is_not_limited(here: Apim) -> None:
    """Source: learn.microsoft.com/azure/api-management/rate-limit-policy (only with a subscription key)."""
    await furnished(here, '<rate-limit calls="1" renewal-period="60" />')
    assert [(await here.call("/orders/orders")).status for _ in range(3)] == [200, 200, 200]


async def test_a_limit_of_one_operation_leaves_the_others_alone(here: Apim) -> None:
    """Source: learn.microsoft.com/azure/api-management/rate-limit-policy (`api`, `operation`)."""
    operation = '<operation id="list" calls="1" renewal-period="60" />'
    limit = (
        f'<rate-limit calls="9" renewal-period="60"><api id="orders" calls="8" renewal-period="60">{operation}</api>'
    )
    await furnished(here, limit + "</rate-limit>", subscriptionRequired=True)
    key = await a_key(here, "/apis/orders")
    assert [(await here.call("/orders/orders", headers=key)).status for _ in range(2)] == [200, 429]
    assert (await here.call("/orders/orders/7", headers=key)).status == 200


async def test_a_rate_by_key_tells_what_is_left(here: Apim) -> None:
    """Source: learn.microsoft.com/azure/api-management/rate-limit-by-key-policy (header names)."""
    key = '@(context.Request.Headers.GetValueOrDefault("x-who", ""))'
    limit = f'<rate-limit-by-key calls="2" renewal-period="30" counter-key=\'{key}\' {HEADERS} />'
    await furnished(here)
    await scoped(here, "/apis/orders", limit + TO_BACKEND, on_error=ON_ERROR)
    answers = [await here.call("/orders/orders", headers={"x-who": "a"}) for _ in range(3)]
    assert [answer.headers["x-left"] for answer in answers] == ["1", "0", "0"]
    assert (answers[0].headers["x-total"], answers[2].headers["x-wait"]) == ("2", "30")
    assert failure(answers[2]) == (429, "rate-limit-by-key", "RateLimitExceeded", "Rate limit is exceeded")
    assert (await here.call("/orders/orders", headers={"x-who": "b"})).status == 200


async def test_a_rate_by_key_counts_only_what_its_condition_says(here: Apim) -> None:
    """Source: learn.microsoft.com/azure/api-management/rate-limit-by-key-policy (`increment-condition`)."""
    condition = 'increment-condition="@(context.Response.StatusCode == 404)"'
    await furnished(here, f'<rate-limit-by-key calls="1" renewal-period="30" counter-key="k" {condition} />')
    await here.an_operation("gone", "/gone")
    statuses = [(await here.call(path)).status for path in ("/orders/orders", "/orders/gone", "/orders/orders")]
    assert statuses == [200, 404, 429]


async def test_a_quota_of_a_product_is_used_up_and_replenished(here: Apim) -> None:
    """Source: learn.microsoft.com/azure/api-management/quota-policy; error-handling-policies (text, 403)."""
    await furnished(here, subscriptionRequired=True)
    await a_product(here)
    await scoped(here, "/products/starter", '<quota calls="2" renewal-period="3600" />', on_error=ON_ERROR)
    key = await a_key(here, "/products/starter")
    assert [(await here.call("/orders/orders", headers=key)).status for _ in range(2)] == [200, 200]
    here.world.clock.advance(2)
    refused = await here.call("/orders/orders", headers=key)
    assert (refused.status, refused.data()["message"]) == (
        403,
        "Out of call volume quota. Quota will be replenished in 00:59:58.",
    )
    here.world.clock.advance(3600)
    assert (await here.call("/orders/orders", headers=key)).status == 200


async def test_a_bandwidth_is_counted_in_kilobytes(here: Apim) -> None:
    """Source: learn.microsoft.com/azure/api-management/quota-by-key-policy (`bandwidth`)."""
    await furnished(here)
    quota = '<quota-by-key bandwidth="1" renewal-period="3600" counter-key="k" />'
    big = f"<base /><set-body>{'x' * 1100}</set-body>"
    await scoped(here, "/apis/orders", quota + TO_BACKEND, outbound=big)
    first, second = await here.call("/orders/orders"), await here.call("/orders/orders")
    assert (first.status, second.status) == (200, 403)
    assert second.data()["message"].startswith("Out of bandwidth quota.")


async def test_policies_read_what_is_left_from_a_variable(here: Apim) -> None:
    """Source: learn.microsoft.com/azure/api-management/rate-limit-by-key-policy (variable names)."""
    limit = '<rate-limit-by-key calls="5" renewal-period="30" counter-key="k" remaining-calls-variable-name="left" />'
    show = '<set-header name="x-left"><value>@(context.Variables["left"].ToString())</value></set-header>'
    await furnished(here, limit + show)
    assert echo(await here.call("/orders/orders"))["headers"]["x-left"] == "4"


async def test_what_fails_after_the_answer_changes_it_no_more(here: Apim) -> None:
    """No Azure behaviour: no page says what becomes of an increment-condition that fails."""
    key = """counter-key="all" increment-condition='@((string)context.Variables["nobody"] == "a")'"""
    limit = f'<rate-limit-by-key calls="1" renewal-period="60" {key} />'
    await furnished(here, limit)
    assert [(await here.call("/orders/orders")).status for _ in range(2)] == [200, 200]
