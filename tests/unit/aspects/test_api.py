from builders import SERVICE, a_binding
from funcgate.aspects.api import Api
from funcgate.azure import Api as SeenApi
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
