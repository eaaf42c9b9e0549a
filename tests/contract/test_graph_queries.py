"""Graph's lists with their query options, delta in pages, deleted items, throttling, and rights in a token."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from azuresim import Simulator
from azuresim.entra.directory import GRAPH_OBJECT_ID, GRAPH_ROLES
from azuresim.graph import throttling
from azuresim.wire import HttpAnswer
from contract.conftest import OPERATOR

pytestmark = [pytest.mark.item("web-10")]
ADVANCED = {"ConsistencyLevel": "eventual"}
ROLE: dict[str, Any] = {
    "id": "70000000-0000-4000-8000-000000000001",
    "allowedMemberTypes": ["Application"],
    "displayName": "Call",
    "description": "May call",
    "value": "Functions.Call",
    "isEnabled": True,
}


@pytest.fixture(autouse=True)
def rights(azure: Simulator) -> None:
    allow(azure, "Application.ReadWrite.All", "Directory.Read.All", "AppRoleAssignment.ReadWrite.All")


def allow(azure: Simulator, *permissions: str) -> None:
    azure.world.entra.graph_permissions[OPERATOR] = set(permissions)


async def graph(azure: Simulator, method: str, path: str, body: Any = None, **more: Any) -> HttpAnswer:
    sent = {**azure.graph_headers(OPERATOR), **more.get("headers", {})}
    return await azure.send(method, "", f"/v1.0{path}", headers=sent, json=body)


async def names(azure: Simulator, path: str, **headers: str) -> list[Any]:
    answer = await graph(azure, "GET", path, headers=headers)
    assert answer.status == 200, answer.body
    return [one.get("displayName") for one in answer.data()["value"]]


def refusal(answer: HttpAnswer) -> tuple[int, str]:
    return answer.status, answer.data()["error"]["code"]


def below(azure: Simulator, link: str) -> str:
    assert link.startswith(f"{azure.url}/v1.0")
    return link.removeprefix(f"{azure.url}/v1.0")


async def pages(azure: Simulator, path: str) -> list[dict[str, Any]]:
    """All pages, by their links."""
    found = [(await graph(azure, "GET", path)).data()]
    while "@odata.nextLink" in found[-1]:
        found.append((await graph(azure, "GET", below(azure, found[-1]["@odata.nextLink"]))).data())
    return found


def principal_of(azure: Simulator, client_id: str) -> dict[str, Any]:
    found = azure.world.entra.principal(client_id)
    assert found is not None
    return found


def make(azure: Simulator, *wanted: str) -> list[dict[str, Any]]:
    return [azure.world.entra.add_application(name) for name in wanted]


# --- lists ------------------------------------------------------------------------------------------------------------
async def test_a_link_to_the_next_page_keeps_the_query_whatever_it_holds(azure: Simulator) -> None:
    """Source: learn.microsoft.com/graph/paging (the link carries the other options)."""
    make(azure, "a & b 1", "a & b 2", "c")
    path = "/applications?$top=1&$select=displayName&$filter=startswith(displayName,'a%20%26%20b')"
    found = await pages(azure, path)
    assert [one["displayName"] for page in found for one in page["value"]] == ["a & b 1", "a & b 2"]
    assert dict(parse_qsl(urlsplit(found[0]["@odata.nextLink"]).query))["$filter"].endswith("'a & b')")


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/applications?$skip=1", "Request_UnsupportedQuery"),
        ("/applications?$apply=aggregate($count as n)", "Request_UnsupportedQuery"),
        ("/applications?$top=0", "Request_BadRequest"),
        ("/applications?$top=1000", "Request_BadRequest"),
        ("/applications?$select=nothing", "BadRequest"),
        ("/applications?$expand=nothing", "BadRequest"),
        ("/applications?$expand=owners($select=nothing)", "BadRequest"),
        ("/applications?$expand=owners($filter=id eq 'x')", "Request_UnsupportedQuery"),
        ("/applications?$expand=owners,extensionProperties", "Request_UnsupportedQuery"),
        ("/applications?$orderby=createdDateTime", "Request_UnsupportedQuery"),
        ("/applications?$orderby=displayName&$filter=displayName eq 'x'", "Request_UnsupportedQuery"),
        ('/applications?$search="displayName:x"', "Request_UnsupportedQuery"),
        ("/applications/$count", "Request_BadRequest"),
        ("/servicePrincipals?$filter=appId eq 70000000-0000-4000-8000-000000000001", "BadRequest"),
    ],
)
async def test_a_query_that_the_directory_does_not_take_is_refused(azure: Simulator, path: str, code: str) -> None:
    """Source: learn.microsoft.com/graph/query-parameters and aad-advanced-queries; the codes in part from trackers."""
    assert refusal(await graph(azure, "GET", path)) == (400, code)


async def test_advanced_queries_order_search_and_count(azure: Simulator) -> None:
    """Source: learn.microsoft.com/graph/aad-advanced-queries."""
    make(azure, "shop orders", "shop billing", "office")
    path = "/applications?$count=true&$orderby=displayName desc&$filter=startswith(displayName,'shop')"
    assert await names(azure, path, **ADVANCED) == ["shop orders", "shop billing"]
    assert await names(azure, '/applications?$search="displayName:bill"', **ADVANCED) == ["shop billing"]
    counted = await graph(azure, "GET", "/applications/$count?$filter=displayName eq 'office'", headers=ADVANCED)
    assert (counted.status, counted.body, counted.headers["Content-Type"]) == (200, b"1", "text/plain; charset=utf-8")


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("createdDateTime ge {later}", ["late"]),
        ("createdDateTime le {early}", ["operator", "early"]),
        ("displayName ge 'late' and displayName le 'later'", ["late"]),
        ("owners/$count eq 0", ["operator", "late"]),
        ("identifierUris/$count eq 1", ["late"]),
        ("endswith(displayName,'rly')", ["early"]),
        ("not startswith(displayName,'late') and displayName ne 'operator'", ["early"]),
    ],
)
async def test_filters_compare_instants_and_texts_and_count_lists(
    azure: Simulator, condition: str, found: list[str]
) -> None:
    """Source: learn.microsoft.com/graph/filter-query-parameter; learn.microsoft.com/graph/api/resources/application."""
    early = azure.world.clock.stamp()
    first = azure.world.entra.add_application("early")
    azure.world.entra.owners[first["id"]] = {principal_of(azure, OPERATOR)["id"]}
    azure.world.clock.advance(60)
    azure.world.entra.add_application("late", identifier_uris=["api://late"])
    text = condition.format(early=early, later=azure.world.clock.stamp())
    assert await names(azure, f"/applications?$count=true&$filter={text}", **ADVANCED) == found


async def test_assignments_are_filtered_by_ids_without_quotes_and_come_in_pages(azure: Simulator) -> None:
    """Source: learn.microsoft.com/graph/api/serviceprincipal-list-approleassignments (resourceId: Edm.Guid)."""
    entra = azure.world.entra
    resources = [principal_of(azure, app["appId"]) for app in make(azure, "one", "two", "three")]
    mine = principal_of(azure, OPERATOR)["id"]
    for resource in resources:
        entra.assign(mine, resource["id"], "00000000-0000-0000-0000-000000000000")
    path = f"/servicePrincipals/{mine}/appRoleAssignments"
    listed = (await graph(azure, "GET", f"{path}?$filter=resourceId eq {resources[1]['id']}")).data()["value"]
    assert [one["resourceDisplayName"] for one in listed] == ["two"]
    quoted = await graph(azure, "GET", f"{path}?$filter=resourceId eq '{resources[1]['id']}'")
    assert refusal(quoted) == (400, "BadRequest")
    assert "'Edm.Guid' and 'Edm.String'" in quoted.data()["error"]["message"]
    azure.world.switches.graph_page_size = 2
    assert [len(page["value"]) for page in await pages(azure, path)] == [2, 1]
    chosen = (await graph(azure, "GET", f"{path}?$top=1&$select=resourceDisplayName")).data()["value"]
    assert chosen == [{"resourceDisplayName": "one"}]


async def test_at_most_twenty_related_objects_come_along(azure: Simulator) -> None:
    """Source: learn.microsoft.com/graph/query-parameters ($expand of directory objects: at most 20)."""
    (door,) = make(azure, "door")
    resource = principal_of(azure, door["appId"])
    for app in make(azure, *(f"client {number}" for number in range(21))):
        caller = principal_of(azure, app["appId"])
        azure.world.entra.assign(caller["id"], resource["id"], "00000000-0000-0000-0000-000000000000")
    path = f"/servicePrincipals/{resource['id']}"
    along = (await graph(azure, "GET", f"{path}?$select=id&$expand=appRoleAssignedTo")).data()
    assert (along["id"], len(along["appRoleAssignedTo"])) == (resource["id"], 20)
    assert len((await graph(azure, "GET", f"{path}/appRoleAssignedTo")).data()["value"]) == 21


@pytest.mark.parametrize(
    ("relation", "found"),
    [("ownedObjects", ["door"]), ("memberOf", []), ("transitiveMemberOf", []), ("claimsMappingPolicies", [])],
)
async def test_a_service_principal_shows_what_it_is_related_to(
    azure: Simulator, relation: str, found: list[str]
) -> None:
    """Source: learn.microsoft.com/graph/api (serviceprincipal-list-ownedobjects, -memberof, -claimsmappingpolicies)."""
    (door,) = make(azure, "door")
    mine = principal_of(azure, OPERATOR)["id"]
    azure.world.entra.owners[door["id"]] = {mine}
    assert await names(azure, f"/servicePrincipals/{mine}/{relation}") == found


@pytest.mark.parametrize(
    ("path", "count"), [("owners/$count", b"1"), ("appRoleAssignedTo/$count", b"0"), ("memberOf/$count", b"0")]
)
async def test_what_is_related_is_counted_as_text(azure: Simulator, path: str, count: bytes) -> None:
    """Source: learn.microsoft.com/graph/query-parameters ($count segment); msgraph-sdk-python (owners.count)."""
    mine = principal_of(azure, OPERATOR)["id"]
    azure.world.entra.owners[mine] = {mine}
    plain = await graph(azure, "GET", f"/servicePrincipals/{mine}/{path}")
    counted = await graph(azure, "GET", f"/servicePrincipals/{mine}/{path}", headers=ADVANCED)
    assert (refusal(plain), counted.status, counted.body) == ((400, "Request_BadRequest"), 200, count)


@pytest.mark.parametrize(("cast", "found"), [("servicePrincipal", ["operator"]), ("user", [])])
async def test_owners_can_be_asked_for_by_their_type(azure: Simulator, cast: str, found: list[str]) -> None:
    """Source: learn.microsoft.com/graph/api/application-list-owners; msgraph-sdk-python (graph_service_principal)."""
    (door,) = make(azure, "door")
    azure.world.entra.owners[door["id"]] = {principal_of(azure, OPERATOR)["id"]}
    assert await names(azure, f"/applications/{door['id']}/owners/microsoft.graph.{cast}") == found


@pytest.mark.parametrize("method", ["GET", "PUT"])
async def test_what_nothing_answers_to_is_refused_and_counted(azure: Simulator, method: str) -> None:
    """No Azure behaviour: The simulator's own limit, which it says loudly."""
    path = {"GET": "/applications/x/nonsense", "PUT": "/applications/x"}[method]
    answer = await graph(azure, method, path)
    assert answer.status == {"GET": 400, "PUT": 405}[method]
    assert azure.world.missing == {f"{method} /v1.0{path}: Graph": 1}


@pytest.mark.parametrize(
    ("path", "cost"),
    [
        ("/applications?$select=appId", 1),
        ("/applications?$expand=owners", 3),
        ("/servicePrincipals/x/appRoleAssignments", 2),
        ("/servicePrincipals?$top=5&$select=id", 1),
    ],
)
async def test_select_makes_a_call_cheaper_and_expand_dearer(azure: Simulator, path: str, cost: int) -> None:
    """Source: learn.microsoft.com/graph/throttling-limits, identity and access service limits."""
    assert (await graph(azure, "GET", path)).headers["x-ms-resource-unit"] == str(cost)


# --- delta ------------------------------------------------------------------------------------------------------------
async def test_a_round_of_delta_comes_in_pages_of_one_moment(azure: Simulator) -> None:
    """Source: learn.microsoft.com/graph/delta-query-overview (nextLink until the deltaLink)."""
    azure.world.switches.graph_page_size = 2
    make(azure, "one", "two")
    first = (await graph(azure, "GET", "/applications/delta")).data()
    make(azure, "three")
    second = (await graph(azure, "GET", below(azure, first["@odata.nextLink"]))).data()
    assert [one["displayName"] for page in (first, second) for one in page["value"]] == ["operator", "one", "two"]
    later = (await graph(azure, "GET", below(azure, second["@odata.deltaLink"]))).data()
    assert [one["displayName"] for one in later["value"]] == ["three"]


async def test_delta_keeps_select_and_the_ids_that_it_was_asked_for(azure: Simulator) -> None:
    """Source: learn.microsoft.com/graph/api/serviceprincipal-delta ($select; $filter by ids)."""
    one, two = make(azure, "one", "two")
    path = f"/applications/delta?$select=displayName&$filter=id eq '{one['id']}'"
    first = (await graph(azure, "GET", path)).data()
    assert first["value"] == [{"id": one["id"], "displayName": "one"}]
    one["notes"], two["displayName"] = "not asked for", "other"
    second = (await graph(azure, "GET", below(azure, first["@odata.deltaLink"]))).data()
    one["displayName"] = "renamed"
    third = (await graph(azure, "GET", below(azure, second["@odata.deltaLink"]))).data()
    assert (second["value"], third["value"]) == ([], [{"id": one["id"], "displayName": "renamed"}])


async def test_delta_says_whether_what_went_can_come_back(azure: Simulator) -> None:
    """Source: learn.microsoft.com/graph/delta-query-overview (@removed: changed, deleted)."""
    kept, purged = make(azure, "kept", "purged")
    latest = (await graph(azure, "GET", "/applications/delta?$deltatoken=latest")).data()
    for app in (kept, purged):
        await graph(azure, "DELETE", f"/applications/{app['id']}")
    await graph(azure, "DELETE", f"/directory/deletedItems/{purged['id']}")
    changes = (await graph(azure, "GET", below(azure, latest["@odata.deltaLink"]))).data()["value"]
    assert (latest["value"], changes) == (
        [],
        [
            {"id": kept["id"], "@removed": {"reason": "changed"}},
            {"id": purged["id"], "@removed": {"reason": "deleted"}},
        ],
    )


# --- deleted items ----------------------------------------------------------------------------------------------------
async def test_a_restored_application_comes_without_its_service_principal_which_is_an_item_of_its_own(
    azure: Simulator,
) -> None:
    """Source: learn.microsoft.com/graph/api/directory-deleteditems-restore; .../enterprise-apps/restore-application."""
    (door,) = make(azure, "door")
    principal = principal_of(azure, door["appId"])
    items = "/directory/deletedItems"
    await graph(azure, "DELETE", f"/applications/{door['id']}")
    path = f"{items}/microsoft.graph.servicePrincipal?$filter=appId eq '{door['appId']}'"
    assert await names(azure, path) == ["door"]
    too_early = await graph(azure, "POST", f"{items}/{principal['id']}/restore")
    assert refusal(too_early) == (400, "Request_BadRequest")
    assert (await graph(azure, "POST", f"{items}/{door['id']}/restore")).data()["appId"] == door["appId"]
    assert azure.world.entra.principal(door["appId"]) is None
    back = (await graph(azure, "POST", f"{items}/{principal['id']}/restore")).data()
    assert (back["@odata.type"], back["id"]) == ("#microsoft.graph.servicePrincipal", principal["id"])
    assert principal_of(azure, door["appId"])["id"] == principal["id"]


async def test_a_service_principal_is_restored_only_where_no_other_took_its_place(azure: Simulator) -> None:
    """Source: learn.microsoft.com/graph/api/resources/serviceprincipal (one per application and tenant)."""
    (door,) = make(azure, "door")
    gone = principal_of(azure, door["appId"])
    await graph(azure, "DELETE", f"/servicePrincipals/{gone['id']}")
    await graph(azure, "POST", "/servicePrincipals", {"appId": door["appId"]})
    answer = await graph(azure, "POST", f"/directory/deletedItems/{gone['id']}/restore")
    assert refusal(answer) == (409, "Request_MultipleObjectsWithSameKeyValue")


async def test_deleted_items_are_gone_after_thirty_days(azure: Simulator) -> None:
    """Source: learn.microsoft.com/graph/api/resources/directory (30 days)."""
    (door,) = make(azure, "door")
    await graph(azure, "DELETE", f"/applications/{door['id']}")
    statuses = []
    for days in (29, 1):
        azure.world.clock.advance(days * 24 * 3600)
        statuses.append((await graph(azure, "GET", f"/directory/deletedItems/{door['id']}")).status)
    assert statuses == [200, 404]


@pytest.mark.parametrize(("owned", "status"), [(True, 200), (False, 403)])
async def test_owned_by_restores_what_it_owns(azure: Simulator, owned: bool, status: int) -> None:
    """Source: learn.microsoft.com/graph/api/directory-deleteditems-restore (Application.ReadWrite.OwnedBy)."""
    (door,) = make(azure, "door")
    azure.world.entra.owners[door["id"]] = {principal_of(azure, OPERATOR)["id"]} if owned else set()
    await graph(azure, "DELETE", f"/applications/{door['id']}")
    allow(azure, "Application.ReadWrite.OwnedBy")
    assert (await graph(azure, "POST", f"/directory/deletedItems/{door['id']}/restore")).status == status


# --- throttling -------------------------------------------------------------------------------------------------------
async def test_a_call_meets_a_429_that_says_when_to_come_back(azure: Simulator) -> None:
    """Source: learn.microsoft.com/graph/throttling (429, Retry-After)."""
    azure.world.faults.add(service="graph", status=429, headers={"Retry-After": "7"})
    answers = [await graph(azure, "GET", "/applications") for _ in range(2)]
    assert [(answer.status, answer.headers.get("Retry-After")) for answer in answers] == [(429, "7"), (200, None)]


@pytest.mark.parametrize(
    ("kind", "method", "scope", "reason"),
    [
        ("units", "GET", "ReadWrite", "ResourceUnitLimitExceeded"),
        ("writes", "POST", "Write", "WriteLimitExceeded"),
    ],
)
async def test_who_has_spent_its_units_or_writes_waits(
    azure: Simulator, kind: throttling.Kind, method: str, scope: str, reason: str
) -> None:
    """Source: learn.microsoft.com/graph/throttling-limits, identity and access service limits."""
    azure.world.switches.graph_throttle = True
    body = {"displayName": "new"} if method == "POST" else None
    throttling.spend(azure.world, OPERATOR, kind, throttling.LIMITS[kind][0])
    refused = await graph(azure, method, "/applications", body)
    assert refusal(refused) == (429, "TooManyRequests")
    assert refused.headers["x-ms-throttle-scope"] == f"Tenant_Application/{scope}/{OPERATOR}/{azure.world.tenant_id}"
    assert refused.headers["x-ms-throttle-information"] == reason
    azure.world.clock.advance(int(refused.headers["Retry-After"]))
    answer = await graph(azure, method, "/applications", body)
    assert answer.status in (200, 201)
    assert 0.8 < float(answer.headers["x-ms-throttle-limit-percentage"]) <= 1.0


async def test_without_the_switch_nobody_is_throttled(azure: Simulator) -> None:
    """No Azure behaviour: The calm side of a switch."""
    throttling.spend(azure.world, OPERATOR, "units", 10_000)
    answer = await graph(azure, "GET", "/applications")
    assert (answer.status, "x-ms-throttle-limit-percentage" in answer.headers) == (200, False)


async def test_a_request_of_a_batch_is_throttled_on_its_own(azure: Simulator) -> None:
    """Source: learn.microsoft.com/graph/throttling (throttling and batching: the batch itself is 200)."""
    azure.world.faults.add(path="/v1.0/servicePrincipals", status=429, headers={"Retry-After": "7"})
    requests = [
        {"id": "1", "method": "GET", "url": "/applications"},
        {"id": "2", "method": "GET", "url": "/servicePrincipals"},
    ]
    answer = await graph(azure, "POST", "/$batch", {"requests": requests})
    shown = [(one["status"], one["headers"].get("Retry-After")) for one in answer.data()["responses"]]
    assert (answer.status, shown) == (200, [(200, None), (429, "7")])


@pytest.mark.assumed
async def test_a_batch_holds_no_batch(azure: Simulator) -> None:
    """Source: learn.microsoft.com/graph/json-batching says nothing of it; assumed."""
    requests = [{"id": "1", "method": "POST", "url": "/$batch", "body": {"requests": []}}]
    assert refusal(await graph(azure, "POST", "/$batch", {"requests": requests})) == (400, "BadRequest")


# --- rights -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("from_token", "statuses"), [(True, [403, 403, 200, 200]), (False, [403, 200, 200, 403])])
async def test_a_right_counts_from_the_next_token_or_at_once(
    azure: Simulator, from_token: bool, statuses: list[int]
) -> None:
    """Source: learn.microsoft.com/graph/permissions-grant-via-msgraph; roles are those of when a token was issued."""
    azure.world.switches.graph_rights_from_token = from_token
    (app,) = make(azure, "client")
    client, found = principal_of(azure, app["appId"]), []
    before = azure.graph_headers(app["appId"])
    found.append(await azure.send("GET", "", "/v1.0/applications", headers=before))
    role = reading_for(client)
    made = await graph(azure, "POST", f"/servicePrincipals/{GRAPH_OBJECT_ID}/appRoleAssignedTo", role)
    found.append(await azure.send("GET", "", "/v1.0/applications", headers=before))
    after = azure.graph_headers(app["appId"])
    found.append(await azure.send("GET", "", "/v1.0/applications", headers=after))
    await graph(azure, "DELETE", f"/servicePrincipals/{client['id']}/appRoleAssignments/{made.data()['id']}")
    found.append(await azure.send("GET", "", "/v1.0/applications", headers=after))
    assert [answer.status for answer in found] == statuses


def reading_for(client: dict[str, Any]) -> dict[str, str]:
    wanted = GRAPH_ROLES["Application.Read.All"]
    return {"principalId": client["id"], "resourceId": GRAPH_OBJECT_ID, "appRoleId": wanted}


async def test_a_deleted_client_leaves_its_rights_behind(azure: Simulator) -> None:
    """Source: learn.microsoft.com/graph/api/serviceprincipal-delete (its assignments go along)."""
    (app,) = make(azure, "client")
    client = principal_of(azure, app["appId"])
    role = reading_for(client)
    await graph(azure, "POST", f"/servicePrincipals/{client['id']}/appRoleAssignments", role)
    await graph(azure, "DELETE", f"/servicePrincipals/{client['id']}")
    await graph(azure, "POST", "/servicePrincipals", {"appId": app["appId"]})
    answer = await azure.send("GET", "", "/v1.0/applications", headers=azure.graph_headers(app["appId"]))
    assert answer.status == 403


async def test_a_service_principal_shows_what_its_application_says(azure: Simulator) -> None:
    """Source: learn.microsoft.com/graph/api/resources/serviceprincipal (replyUrls, homepage and others)."""
    (door,) = make(azure, "door")
    scope = {"id": ROLE["id"], "value": "user_impersonation", "type": "User", "isEnabled": True}
    web = {"homePageUrl": "https://door.example", "redirectUris": ["https://door.example/cb"]}
    sent = {"web": web, "spa": {"redirectUris": ["http://localhost"]}, "api": {"oauth2PermissionScopes": [scope]}}
    assert (await graph(azure, "PATCH", f"/applications/{door['id']}", sent)).status == 204
    shown = (await graph(azure, "GET", f"/servicePrincipals(appId='{door['appId']}')")).data()
    assert shown["replyUrls"] == ["https://door.example/cb", "http://localhost"]
    assert (shown["homepage"], shown["oauth2PermissionScopes"]) == ("https://door.example", [scope])


@pytest.mark.parametrize("permission", sorted(GRAPH_ROLES))
async def test_graphs_own_service_principal_has_its_permissions_as_app_roles(azure: Simulator, permission: str) -> None:
    """Source: learn.microsoft.com/graph/permissions-reference (ids of application permissions)."""
    itself = (await graph(azure, "GET", "/servicePrincipals(appId='00000003-0000-0000-c000-000000000000')")).data()
    ids = {role["value"]: role["id"] for role in itself["appRoles"]}
    assert (itself["displayName"], ids[permission]) == ("Microsoft Graph", GRAPH_ROLES[permission])
