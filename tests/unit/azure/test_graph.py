"""Applications and service principals, addressed by the SDK's request builders and read as JSON."""

from urllib.parse import urlsplit

import pytest
from kiota_abstractions.authentication import AnonymousAuthenticationProvider
from msgraph.graph_request_adapter import GraphRequestAdapter

from funcgate.azure.graph import Application, GraphClient, ServicePrincipal
from funcgate.azure.http import Http
from funcgate.errors import AccessDenied
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
        "identifierUris": [f"api://{CLIENT_ID}"],
    }
    wire.says("GET", APPLICATION, 200, body)

    assert await graph.get_application(CLIENT_ID) == Application(
        object_id="o",
        client_id=CLIENT_ID,
        display_name="orders",
        token_version=2,
        web_redirect_uris=("https://a",),
        spa_redirect_uris=("https://b",),
        public_client_redirect_uris=("c://d",),
        issues_id_tokens_implicitly=True,
        identifier_uris=(f"api://{CLIENT_ID}",),
    )


async def test_only_what_is_needed_is_asked_for(wire: Wire, graph: GraphClient) -> None:
    await graph.get_application(CLIENT_ID)

    assert urlsplit(wire.calls[0].url).query == ("$select=id,appId,displayName,api,web,spa,publicClient,identifierUris")


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
