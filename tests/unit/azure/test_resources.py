"""Gone is only what can be seen to be missing."""

import pytest

from funcgate.azure.http import Http
from funcgate.azure.resources import ResourceClient
from funcgate.errors import TryAgain
from unit.azure.wire import Wire

SUBSCRIPTION = "/subscriptions/s"
GROUP = f"{SUBSCRIPTION}/resourceGroups/shop"
SITE = f"{GROUP}/providers/Microsoft.Web/sites/orders-fn"

OK = (200, {})
ABSENT = (404, {"error": {"code": "ResourceNotFound", "message": ""}})
NO_GROUP = (404, {"error": {"code": "ResourceGroupNotFound", "message": ""}})
UNSEEN = (404, {"error": {"code": "SubscriptionNotFound", "message": ""}})
DENIED = (403, {"error": {"code": "AuthorizationFailed", "message": ""}})

Said = tuple[int, object]


@pytest.mark.parametrize(
    ("site", "group", "subscription", "gone", "reason"),
    [
        (OK, OK, OK, False, "it is there"),
        (ABSENT, OK, OK, True, "its group is there and lacks it"),
        (NO_GROUP, NO_GROUP, OK, True, "the group went, the subscription is readable"),
        (ABSENT, DENIED, OK, None, "the group may not be read"),
        (DENIED, OK, OK, None, "a lost role hides it"),
        (UNSEEN, UNSEEN, UNSEEN, None, "a lost subscription proves nothing"),
        (NO_GROUP, NO_GROUP, UNSEEN, None, "neither group nor subscription are to be seen"),
        (NO_GROUP, NO_GROUP, DENIED, None, "the subscription may not be read"),
        (ABSENT, UNSEEN, OK, None, "the group's answer hides it"),
    ],
)
async def test_gone_needs_a_second_proof(
    wire: Wire, http: Http, site: Said, group: Said, subscription: Said, gone: bool | None, reason: str
) -> None:
    for path, (status, body) in ((SITE, site), (GROUP, group), (SUBSCRIPTION, subscription)):
        wire.says("GET", path, status, body)

    assert await ResourceClient(http).is_gone(SITE) is gone, reason


async def test_a_fault_on_the_way_is_no_proof(wire: Wire, http: Http) -> None:
    wire.says("GET", SITE, 503)

    with pytest.raises(TryAgain):
        await ResourceClient(http).is_gone(SITE)


async def test_each_provider_is_asked_in_a_version_that_it_knows(wire: Wire, http: Http) -> None:
    wire.says("GET", SITE, 200, {})

    await ResourceClient(http).is_gone(SITE)

    assert wire.calls[0].url.endswith("?api-version=2025-05-01")


async def test_a_provider_that_we_do_not_know_is_refused(http: Http) -> None:
    with pytest.raises(ValueError, match="no api-version is known"):
        await ResourceClient(http).is_gone(f"{GROUP}/providers/Microsoft.Storage/storageAccounts/x")
