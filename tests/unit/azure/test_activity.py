"""Who wrote to a resource last, out of what the Activity Log tells."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from funcgate.azure.activity import OBJECT, USER_NAME, ActivityClient, Writer
from funcgate.azure.http import Http
from funcgate.errors import AccessDenied
from unit.azure.wire import ARM, Wire

LOG = "/subscriptions/s/providers/Microsoft.Insights/eventtypes/management/values"
SERVICE = "/subscriptions/s/resourceGroups/shop/providers/Microsoft.ApiManagement/service/contoso"
API = f"{SERVICE}/apis/orders"
WRITE = "Microsoft.ApiManagement/service/apis/write"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SINCE = NOW - timedelta(hours=2)
US, OUR_OBJECT = "0be7a70a-0000-4000-8000-0000000000aa", "0be7a70a-0000-4000-8000-0000000000bb"
OTHERS = {"appid": "their-app", OBJECT: "their-object"}


def an_event(
    minute: int = 0,
    *,
    claims: Mapping[str, str] | None = None,
    operation: str = WRITE,
    status: str = "Succeeded",
    resource: str = API,
) -> dict[str, Any]:
    return {
        "claims": OTHERS if claims is None else claims,
        "eventTimestamp": f"2026-03-01T11:{minute:02}:30.1234567Z",
        "operationName": {"value": operation, "localizedValue": "Create or Update API"},
        "resourceId": resource.replace("resourceGroups", "resourcegroups"),
        "status": {"value": status, "localizedValue": status},
    }


def at(minute: int) -> datetime:
    return datetime(2026, 3, 1, 11, minute, 30, 123456, tzinfo=UTC)


@pytest.fixture
def activity(http: Http) -> ActivityClient:
    return ActivityClient(http, now=lambda: NOW)


async def last_writer(activity: ActivityClient, wire: Wire, *events: Mapping[str, Any]) -> Writer | None:
    wire.says("GET", LOG, 200, {"value": list(events)})
    return await activity.last_writer(API, SINCE, {US, OUR_OBJECT})


async def test_without_events_it_was_nobody(wire: Wire, activity: ActivityClient) -> None:
    assert await last_writer(activity, wire) is None


async def test_the_newest_write_counts_in_whatever_order_they_come(wire: Wire, activity: ActivityClient) -> None:
    first, last = an_event(3), an_event(7, operation="Microsoft.ApiManagement/service/apis/delete")

    found = await last_writer(activity, wire, first, last, an_event(5))

    assert found == Writer(who="their-app", operation="Microsoft.ApiManagement/service/apis/delete", at=at(7))


@pytest.mark.parametrize(
    ("claims", "who", "reason"),
    [
        (OTHERS, "their-app", "an application by its client id"),
        ({"appid": "az", USER_NAME: "rob@contoso.com", OBJECT: "o"}, "rob@contoso.com", "a person, whatever the tool"),
        ({OBJECT: "their-object"}, "their-object", "nothing but an object id"),
    ],
)
async def test_who_it_was_is_named_as_people_know_it(
    wire: Wire, activity: ActivityClient, claims: Mapping[str, str], who: str, reason: str
) -> None:
    found = await last_writer(activity, wire, an_event(claims=claims))

    assert found is not None
    assert found.who == who, reason


async def test_a_writer_without_a_name_hides_who_wrote_before(wire: Wire, activity: ActivityClient) -> None:
    assert await last_writer(activity, wire, an_event(1), an_event(2, claims={})) is None


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (an_event(claims={"appid": US.upper(), OBJECT: "x"}), "by our client id"),
        (an_event(claims={"appid": "x", OBJECT: OUR_OBJECT}), "by our object id"),
        (an_event(status="Started"), "a write that began"),
        (an_event(status="Accepted"), "one that goes on"),
        (an_event(status="Failed"), "one that failed"),
        (an_event(operation="Microsoft.ApiManagement/service/apis/read"), "a read"),
        (an_event(operation="Microsoft.Web/sites/host/listkeys/action"), "a list of secrets"),
        (an_event(operation="Microsoft.ApiManagement/service/namedValues/listValue/action"), "a secret"),
        (an_event(resource=f"{API}-2"), "another resource whose name begins alike"),
        (an_event(resource=SERVICE), "what holds the resource"),
        (an_event() | {"eventTimestamp": None}, "an event without a time"),
        (an_event() | {"operationName": None, "status": None}, "an event of another category"),
    ],
)
async def test_what_is_no_write_by_others_does_not_count(
    wire: Wire, activity: ActivityClient, event: Mapping[str, Any], reason: str
) -> None:
    assert await last_writer(activity, wire, event) is None, reason


@pytest.mark.parametrize("resource", [API, API.upper(), f"{API}/policies/policy"])
async def test_the_resource_counts_and_what_lies_below_it(wire: Wire, activity: ActivityClient, resource: str) -> None:
    assert await last_writer(activity, wire, an_event(resource=resource)) is not None


async def test_an_action_that_is_no_list_counts(wire: Wire, activity: ActivityClient) -> None:
    found = await last_writer(activity, wire, an_event(operation="Microsoft.Web/sites/sync/action"))

    assert found is not None


async def test_what_is_asked_for_is_in_a_pattern_that_azure_knows(wire: Wire, activity: ActivityClient) -> None:
    await last_writer(activity, wire)

    asked = parse_qs(urlsplit(wire.calls[0].url).query)
    assert asked == {
        "api-version": ["2015-04-01"],
        "$filter": [
            "eventTimestamp ge '2026-03-01T10:00:00.000000Z' and eventTimestamp le '2026-03-01T12:00:00.000000Z' "
            f"and resourceUri eq '{API}'"
        ],
        "$select": ["claims,eventTimestamp,operationName,resourceId,status"],
    }


async def test_no_time_is_asked_for_that_azure_has_forgotten(wire: Wire, activity: ActivityClient) -> None:
    wire.says("GET", LOG, 200, {"value": []})

    await activity.last_writer(API, NOW - timedelta(days=365), ())

    assert "ge '2025-12-02T12:00:00.000000Z'" in parse_qs(urlsplit(wire.calls[0].url).query)["$filter"][0]


async def test_all_pages_are_read(wire: Wire, activity: ActivityClient) -> None:
    wire.says("GET", LOG, 200, {"value": [an_event(1)], "nextLink": f"{ARM}{LOG}?$skiptoken=2"})

    found = await last_writer(activity, wire, an_event(2))

    assert found is not None
    assert (found.at, len(wire.calls)) == (at(2), 2)


async def test_without_the_right_the_action_is_named(wire: Wire, activity: ActivityClient) -> None:
    text = f"The client 'c' does not have authorization to perform action 'Microsoft.Insights/x' over scope '{LOG}'"
    wire.says("GET", LOG, 403, {"error": {"code": "AuthorizationFailed", "message": text}})

    with pytest.raises(AccessDenied, match=r"may not perform Microsoft\.Insights/x on"):
        await activity.last_writer(API, SINCE, ())


async def test_what_is_no_resource_is_a_mistake_of_ours(activity: ActivityClient) -> None:
    with pytest.raises(ValueError, match="is not a resource id"):
        await activity.last_writer("orders", SINCE, ())
