from dataclasses import replace

import pytest

from builders import SERVICE, a_binding
from funcgate.aspects.api import Api
from funcgate.azure import Api as SeenApi
from funcgate.azure import PolicyText, Product
from stubs import StubApim, run

ORDERS = SeenApi(
    name="orders", display_name="Orders", path="shop/orders", subscription_required=True, is_current=True, revision="1"
)


async def test_an_api_that_is_there_gives_its_path() -> None:
    outcome, done = await run(Api(StubApim(api=ORDERS)), a_binding(), gateway_url="https://contoso.azure-api.net")
    assert (outcome.true, done.known.api_path) == (True, "shop/orders")
    assert outcome.message == "Published at https://contoso.azure-api.net/shop/orders."


async def test_an_api_whose_gateway_is_not_known_is_published_all_the_same() -> None:
    outcome, _ = await run(Api(StubApim(api=ORDERS)), a_binding())
    assert outcome.message == "Published."


async def test_a_missing_api_is_named_with_its_field() -> None:
    outcome, done = await run(Api(StubApim()), a_binding())
    assert (outcome.reason, outcome.stalled, done.known.api_path) == ("ApiNotFound", True, None)
    assert "spec.api.name" in outcome.message


def test_its_home_is_the_service() -> None:
    assert Api(StubApim()).home(a_binding()) == SERVICE


KEYLESS = replace(ORDERS, subscription_required=False)
STARTER = Product(name="starter", subscription_required=True, published=True)
OPEN = Product(name="open", subscription_required=False, published=True)
CHECKED = "<policies><inbound><validate-jwt header-name='Authorization' /></inbound></policies>"
UNCHECKED = "<policies><inbound><rate-limit calls='1' renewal-period='1' /></inbound></policies>"


@pytest.mark.parametrize(
    ("api", "products", "why"),
    [
        (ORDERS, (), ""),
        (ORDERS, (STARTER,), ""),
        (ORDERS, (STARTER, OPEN), "product open is open"),
        (ORDERS, (replace(OPEN, published=False),), ""),
        (KEYLESS, (), "its subscriptionRequired is off"),
    ],
)
async def test_why_callers_are_asked_for_nothing_is_known(
    api: SeenApi, products: tuple[Product, ...], why: str
) -> None:
    outcome, done = await run(Api(StubApim(api=api, products=products)), a_binding())
    assert (outcome.true, done.known.unasked) == (True, why)


@pytest.mark.parametrize(
    ("text", "why"),
    [(CHECKED, ""), (UNCHECKED, "its subscriptionRequired is off"), ("<policies>", "its subscriptionRequired is off")],
)
async def test_the_policy_of_the_whole_service_may_ask_instead(text: str, why: str) -> None:
    apim = StubApim(api=KEYLESS, global_policy=PolicyText(text=text, etag=None))
    _, done = await run(Api(apim), a_binding())
    assert done.known.unasked == why
