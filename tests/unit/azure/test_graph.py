"""Applications and service principals, read and written as JSON; what was written lately is not forgotten."""

from urllib.parse import urlsplit

import pytest
from kiota_abstractions.authentication import AnonymousAuthenticationProvider
from msgraph.graph_request_adapter import GraphRequestAdapter

from funcgate.azure.graph import Application, GraphClient, Redirect, ServicePrincipal, WaysIn
from funcgate.azure.http import Http
from funcgate.errors import AccessDenied, Rejected, TryAgain
from unit.azure.wire import Wire

GRAPH = "https://graph.microsoft.com"
CLIENT_ID = "11111111-2222-4333-8444-555555555555"
APPLICATION = f"/v1.0/applications(appId='{CLIENT_ID}')"
PRINCIPAL = f"/v1.0/servicePrincipals(appId='{CLIENT_ID}')"


@pytest.fixture
def graph(wire: Wire) -> GraphClient:
    adapter = GraphRequestAdapter(AnonymousAuthenticationProvider())
    adapter.base_url = f"{GRAPH}/v1.0"
    return GraphClient(Http(service="graph", address=GRAPH, transport=wire), adapter)


async def test_an_application_is_read_by_its_client_id(wire: Wire, graph: GraphClient) -> None:
    body = {
        "id": "o",
        "appId": CLIENT_ID.upper(),
        "displayName": "orders",
        "api": {"requestedAccessTokenVersion": 2},
        "web": {"redirectUris": ["https://a"], "implicitGrantSettings": {"enableIdTokenIssuance": True}},
        "spa": {"redirectUris": ["https://b"]},
        "publicClient": {"redirectUris": ["c://d"]},
        "uniqueName": "funcgate-orders",
        "isFallbackPublicClient": True,
        "appRoles": [{"id": "on", "isEnabled": True}, {"id": "off", "isEnabled": False}],
    }
    wire.says("GET", APPLICATION, 200, body)

    assert await graph.get_application(CLIENT_ID) == Application(
        object_id="o",
        client_id=CLIENT_ID,
        display_name="orders",
        unique_name="funcgate-orders",
        token_version=2,
        ways_in=WaysIn(
            redirects=frozenset(
                {Redirect("web", "https://a"), Redirect("spa", "https://b"), Redirect("publicClient", "c://d")}
            ),
            implicit_tokens=frozenset({"idToken"}),
            public_client=True,
        ),
        roles=frozenset({"on"}),
    )


async def test_only_what_is_needed_is_asked_for(wire: Wire, graph: GraphClient) -> None:
    await graph.get_application(CLIENT_ID)

    assert urlsplit(wire.calls[0].url).query == (
        "$select=id,appId,displayName,uniqueName,api,web,spa,publicClient,isFallbackPublicClient,appRoles"
    )


@pytest.mark.parametrize(
    ("api", "version"), [({"requestedAccessTokenVersion": None}, 1), (None, 1), ({"requestedAccessTokenVersion": 1}, 1)]
)
async def test_a_version_that_is_not_stated_is_1(
    wire: Wire, graph: GraphClient, api: dict[str, object] | None, version: int
) -> None:
    wire.says("GET", APPLICATION, 200, {"appId": CLIENT_ID, "api": api, "web": None, "spa": None})

    application = await graph.get_application(CLIENT_ID)

    assert application is not None
    assert application.token_version == version


async def test_a_service_principal_is_read_by_its_client_id(wire: Wire, graph: GraphClient) -> None:
    body = {"id": "sp", "appId": CLIENT_ID, "appRoleAssignmentRequired": True, "accountEnabled": False}
    wire.says("GET", PRINCIPAL, 200, body)

    assert await graph.get_service_principal(CLIENT_ID) == ServicePrincipal(
        object_id="sp", client_id=CLIENT_ID, assignment_required=True, enabled=False
    )


async def test_what_the_tenant_does_not_have_is_none(graph: GraphClient) -> None:
    assert await graph.get_application(CLIENT_ID) is None
    assert await graph.get_service_principal(CLIENT_ID) is None


@pytest.mark.parametrize("client_id", ["", "orders", "x')/owners?$select=id('"])
async def test_what_is_no_client_id_is_not_asked_for(wire: Wire, graph: GraphClient, client_id: str) -> None:
    assert await graph.get_application(client_id) is None
    assert await graph.get_service_principal(client_id) is None
    assert wire.calls == []


async def test_a_missing_permission_is_named(wire: Wire, graph: GraphClient) -> None:
    wire.says("GET", APPLICATION, 403, {"error": {"code": "Authorization_RequestDenied", "message": ""}})

    with pytest.raises(AccessDenied, match=r"Application\.Read\.All"):
        await graph.get_application(CLIENT_ID)


# --- writes

BY_NAME = "/v1.0/applications(uniqueName='funcgate-orders')"
BODY = {"id": "o", "appId": CLIENT_ID, "uniqueName": "funcgate-orders", "displayName": "orders"}
SP = ServicePrincipal(object_id="sp", client_id=CLIENT_ID, assignment_required=False, enabled=True)


def sent(wire: Wire) -> list[tuple[str, str, object]]:
    return [(call.method, urlsplit(call.url).path, call.body) for call in wire.written]


async def test_an_application_is_made_by_its_unique_name_and_seen_before_reads_show_it(
    wire: Wire, graph: GraphClient
) -> None:
    wire.says("PATCH", BY_NAME, 201, BODY)

    await graph.make_application("funcgate-orders", {"displayName": "orders"})

    assert wire.calls[0].headers == {"Prefer": "create-if-missing"}
    found = await graph.find_application("funcgate-orders")
    assert found == await graph.get_application(CLIENT_ID)
    assert found is not None


async def test_one_that_was_there_is_read_as_it_is(wire: Wire, graph: GraphClient) -> None:
    wire.says("PATCH", BY_NAME, 204)

    await graph.make_application("funcgate-orders", {"displayName": "orders"})

    assert await graph.find_application("funcgate-orders") is None


async def test_what_is_left_out_of_a_part_that_is_changed_is_sent_along(wire: Wire, graph: GraphClient) -> None:
    web = {
        "homePageUrl": "https://home",
        "redirectUris": ["https://a", "https://b"],
        "redirectUriSettings": [{"uri": "https://a", "index": 1}, {"uri": "https://b", "index": None}],
        "implicitGrantSettings": {"enableIdTokenIssuance": True, "enableAccessTokenIssuance": True},
    }
    wire.says("GET", APPLICATION, 200, BODY | {"web": web, "spa": {"redirectUris": ["https://c"]}})
    wire.says("PATCH", "/v1.0/applications/o", 204)

    gone = WaysIn(redirects=frozenset({Redirect("web", "https://a")}), implicit_tokens=frozenset({"idToken"}))
    await graph.close_ways_in(CLIENT_ID, gone)

    after = web | {
        "redirectUris": ["https://b"],
        "redirectUriSettings": [{"uri": "https://b", "index": None}],
        "implicitGrantSettings": {"enableIdTokenIssuance": False, "enableAccessTokenIssuance": True},
    }
    assert sent(wire) == [("PATCH", "/v1.0/applications/o", {"web": after})]


async def test_ways_in_that_are_gone_already_are_not_written(wire: Wire, graph: GraphClient) -> None:
    wire.says("GET", APPLICATION, 200, BODY)
    await graph.close_ways_in(CLIENT_ID, WaysIn(redirects=frozenset({Redirect("web", "x")}), public_client=True))
    assert sent(wire) == []


async def test_a_role_comes_beside_those_that_are_there(wire: Wire, graph: GraphClient) -> None:
    wire.says("GET", APPLICATION, 200, BODY | {"appRoles": [{"id": "a"}]})
    wire.says("PATCH", "/v1.0/applications/o", 204)
    await graph.add_role(CLIENT_ID, {"id": "b"})
    assert sent(wire) == [("PATCH", "/v1.0/applications/o", {"appRoles": [{"id": "a"}, {"id": "b"}]})]


async def test_what_is_to_be_changed_and_not_to_be_seen_is_waited_for(graph: GraphClient) -> None:
    with pytest.raises(TryAgain) as waited:
        await graph.change_application(CLIENT_ID, {})
    assert waited.value.reason == "DirectoryBehind"


async def test_an_application_is_deleted_by_its_object_id(wire: Wire, graph: GraphClient) -> None:
    wire.says("GET", APPLICATION, 200, BODY)
    wire.says("DELETE", "/v1.0/applications/o", 204)
    await graph.delete_application(CLIENT_ID)
    assert sent(wire) == [("DELETE", "/v1.0/applications/o", None)]


async def test_one_that_is_gone_needs_no_deletion(wire: Wire, graph: GraphClient) -> None:
    await graph.delete_application(CLIENT_ID)
    assert sent(wire) == []


async def test_a_service_principal_that_was_there_is_fine(wire: Wire, graph: GraphClient) -> None:
    wire.says("POST", "/v1.0/servicePrincipals", 409, {"error": {"code": "Request_MultipleObjectsWithSameKeyValue"}})
    await graph.make_service_principal(CLIENT_ID)
    assert sent(wire) == [("POST", "/v1.0/servicePrincipals", {"appId": CLIENT_ID})]


async def test_a_service_principal_of_what_the_directory_does_not_know_yet_is_waited_for(
    wire: Wire, graph: GraphClient
) -> None:
    text = "The appId does not reference a valid application object."
    wire.says("POST", "/v1.0/servicePrincipals", 400, {"error": {"code": "Request_BadRequest", "message": text}})
    with pytest.raises(TryAgain):
        await graph.make_service_principal(CLIENT_ID)


async def test_that_an_assignment_is_required_is_seen_at_once(wire: Wire, graph: GraphClient) -> None:
    wire.says("GET", PRINCIPAL, 200, {"id": "sp", "appId": CLIENT_ID, "appRoleAssignmentRequired": False})
    wire.says("PATCH", "/v1.0/servicePrincipals/sp", 204)
    await graph.require_assignment(SP)
    seen = await graph.get_service_principal(CLIENT_ID)
    assert seen is not None
    assert seen.assignment_required


async def test_an_assignment_that_was_there_is_fine_and_another_refusal_is_not(wire: Wire, graph: GraphClient) -> None:
    path = "/v1.0/servicePrincipals/sp/appRoleAssignedTo"
    there = {
        "error": {"code": "Request_BadRequest", "message": "Permission being assigned already exists on the object"}
    }
    wire.says("POST", path, 400, there).says("POST", path, 400, {"error": {"code": "Request_BadRequest"}})
    await graph.assign(SP, "someone", "role")
    with pytest.raises(Rejected):
        await graph.assign(SP, "someone", "role")


async def test_who_is_assigned_is_listed_over_all_pages(wire: Wire, graph: GraphClient) -> None:
    path = "/v1.0/servicePrincipals/sp/appRoleAssignedTo"
    wire.says("GET", path, 200, {"value": [{"principalId": "a"}], "@odata.nextLink": f"{GRAPH}{path}/2"})
    wire.says("GET", f"{path}/2", 200, {"value": [{"principalId": "b"}]})
    assert await graph.assigned_to(SP) == ["a", "b"]
