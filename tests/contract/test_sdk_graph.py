"""msgraph-sdk with its own models against the simulated Graph: what it builds is taken, what it reads is understood."""

from __future__ import annotations

import json
import ssl
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.identity.aio import CertificateCredential, ClientSecretCredential
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from kiota_abstractions.api_error import APIError
from kiota_abstractions.base_request_configuration import RequestConfiguration
from kiota_abstractions.request_information import RequestInformation
from kiota_authentication_azure.azure_identity_authentication_provider import AzureIdentityAuthenticationProvider
from kiota_serialization_json.json_parse_node_factory import JsonParseNodeFactory
from msgraph.generated.applications.applications_request_builder import ApplicationsRequestBuilder
from msgraph.generated.applications.item.add_password.add_password_post_request_body import AddPasswordPostRequestBody
from msgraph.generated.applications.item.remove_password.remove_password_post_request_body import (
    RemovePasswordPostRequestBody,
)
from msgraph.generated.directory_objects.get_by_ids.get_by_ids_post_request_body import GetByIdsPostRequestBody
from msgraph.generated.models.api_application import ApiApplication
from msgraph.generated.models.app_role import AppRole
from msgraph.generated.models.app_role_assignment import AppRoleAssignment
from msgraph.generated.models.application import Application
from msgraph.generated.models.federated_identity_credential import FederatedIdentityCredential
from msgraph.generated.models.implicit_grant_settings import ImplicitGrantSettings
from msgraph.generated.models.key_credential import KeyCredential
from msgraph.generated.models.o_auth2_permission_grant import OAuth2PermissionGrant
from msgraph.generated.models.o_data_errors.o_data_error import ODataError
from msgraph.generated.models.password_credential import PasswordCredential
from msgraph.generated.models.reference_create import ReferenceCreate
from msgraph.generated.models.service_principal import ServicePrincipal
from msgraph.generated.models.web_application import WebApplication
from msgraph.generated.service_principals.item.add_password.add_password_post_request_body import (
    AddPasswordPostRequestBody as PrincipalPassword,
)
from msgraph.generated.service_principals.item.app_role_assignments.app_role_assignments_request_builder import (
    AppRoleAssignmentsRequestBuilder,
)
from msgraph.graph_request_adapter import GraphRequestAdapter
from msgraph.graph_service_client import GraphServiceClient
from msgraph_core import GraphClientFactory  # type: ignore[import-untyped]  # it ships no types
from msgraph_core.tasks.page_iterator import PageIterator  # type: ignore[import-untyped]  # nor here

from azuresim import Simulator
from azuresim.entra.directory import GRAPH_APP_ID, GRAPH_ROLES
from contract.sdk import CLIENT, signed_in, trusted

__all__ = ["trusted"]

ALL = {"Application.ReadWrite.All", "AppRoleAssignment.ReadWrite.All", "DelegatedPermissionGrant.ReadWrite.All"}
AssignmentsQuery = AppRoleAssignmentsRequestBuilder.AppRoleAssignmentsRequestBuilderGetQueryParameters
ROLE = uuid.UUID("70000000-0000-4000-8000-000000000001")


@pytest.fixture
async def graph(trusted: Simulator) -> AsyncIterator[GraphServiceClient]:
    """The SDK's client, signed in as an application that may do all of this."""
    if trusted.world.entra.principal(CLIENT) is None:
        trusted.world.entra.add_application("the client", client_id=CLIENT)
    trusted.world.entra.graph_permissions[CLIENT] = set(ALL)
    async with signed_in(trusted) as credential:
        provider = AzureIdentityAuthenticationProvider(
            credential, scopes=["https://graph.microsoft.com/.default"], allowed_hosts=["127.0.0.1"]
        )
        trust = ssl.create_default_context(cafile=str(trusted.ca_file))
        async with httpx.AsyncHTTPTransport(verify=trust) as transport:  # the SDK's own wrapping does not close it
            plain = httpx.AsyncClient(transport=transport)
            client = GraphClientFactory.create_with_default_middleware(client=plain)
            adapter = GraphRequestAdapter(provider, client=client)
            adapter.base_url = f"{trusted.url}/v1.0"
            yield GraphServiceClient(request_adapter=adapter)


async def an_app(graph: GraphServiceClient, name: str = "orders", **more: Any) -> Application:
    made = await graph.applications.post(Application(display_name=name, **more))
    assert made
    assert made.id
    return made


async def a_principal(graph: GraphServiceClient, app: Application) -> ServicePrincipal:
    made = await graph.service_principals.post(ServicePrincipal(app_id=app.app_id))
    assert made
    assert made.id
    return made


def asking(**parameters: Any) -> RequestConfiguration[Any]:
    """The query of a list of applications, as an advanced one."""
    query = ApplicationsRequestBuilder.ApplicationsRequestBuilderGetQueryParameters(**parameters)
    configuration = RequestConfiguration(query_parameters=query)
    configuration.headers.add("ConsistencyLevel", "eventual")
    return configuration


async def names(graph: GraphServiceClient, **parameters: Any) -> list[str | None]:
    found = await graph.applications.get(request_configuration=asking(**parameters))
    return [one.display_name for one in (found and found.value) or []]


# --- applications -----------------------------------------------------------------------------------------------------
async def test_an_application_is_made_read_changed_and_deleted_by_the_sdk(graph: GraphServiceClient) -> None:
    """Source: msgraph-sdk-python (models); learn.microsoft.com/graph/api (application-post, -get, -update, -delete)."""
    web = WebApplication(
        redirect_uris=["https://orders.example/cb"],
        implicit_grant_settings=ImplicitGrantSettings(enable_id_token_issuance=True),
    )
    made = await an_app(graph, web=web, api=ApiApplication(requested_access_token_version=2))
    item = graph.applications.by_application_id(str(made.id))
    await item.patch(Application(web=WebApplication(redirect_uris=[])))
    read = await item.get()
    assert read
    assert read.web
    assert read.api
    assert (read.app_id, read.web.redirect_uris, read.api.requested_access_token_version) == (made.app_id, [], 2)
    await item.delete()
    with pytest.raises(ODataError) as missing:
        await item.get()
    assert missing.value.response_status_code == 404
    assert missing.value.error
    assert missing.value.error.code == "Request_ResourceNotFound"


async def test_an_application_is_found_by_its_client_id_and_made_when_missing_by_its_unique_name(
    graph: GraphServiceClient,
) -> None:
    """Source: learn.microsoft.com/graph/api/application-upsert (Prefer: create-if-missing)."""
    configuration: RequestConfiguration[Any] = RequestConfiguration()
    configuration.headers.add("Prefer", "create-if-missing")
    by_name = graph.applications_with_unique_name("funcgate-orders")
    made = await by_name.patch(Application(display_name="orders"), request_configuration=configuration)
    assert made
    again = await by_name.patch(Application(notes="kept"), request_configuration=configuration)
    found = await graph.applications_with_app_id(str(made.app_id)).get()
    assert found
    assert (again, found.id, found.unique_name, found.notes) == (None, made.id, "funcgate-orders", "kept")


async def test_a_deleted_application_is_listed_restored_and_gone(graph: GraphServiceClient) -> None:
    """Source: learn.microsoft.com/graph/api (directory-deleteditems-list, -restore, -delete)."""
    made = await an_app(graph)
    await graph.applications.by_application_id(str(made.id)).delete()
    deleted = await graph.directory.deleted_items.graph_application.get()
    assert deleted
    assert [one.id for one in deleted.value or []] == [made.id]
    item = graph.directory.deleted_items.by_directory_object_id(str(made.id))
    restored = await item.restore.post()
    assert isinstance(restored, Application)
    assert restored.app_id == made.app_id


# --- queries ----------------------------------------------------------------------------------------------------------
async def test_lists_are_filtered_searched_ordered_counted_and_cut(graph: GraphServiceClient) -> None:
    """Source: learn.microsoft.com/graph/query-parameters and aad-advanced-queries."""
    for name in ("shop orders", "shop billing", "office"):
        await an_app(graph, name)
    assert await names(graph, filter="displayName eq 'office'") == ["office"]
    assert await names(graph, filter="startswith(displayName, 'shop')", orderby=["displayName"], count=True) == [
        "shop billing",
        "shop orders",
    ]
    assert await names(graph, search='"displayName:ord"') == ["shop orders"]
    assert await names(graph, search='"displayName:shop" AND "displayName:bill"') == ["shop billing"]
    assert await names(graph, search='"displayName:office" OR "displayName:bill"') == ["shop billing", "office"]
    chosen = await graph.applications.get(
        request_configuration=asking(select=["appId"], filter="displayName eq 'office'")
    )
    assert chosen
    assert chosen.value
    assert (chosen.value[0].display_name, bool(chosen.value[0].app_id)) == (None, True)


async def test_an_iterator_follows_small_pages_to_the_end(trusted: Simulator, graph: GraphServiceClient) -> None:
    """Source: learn.microsoft.com/graph/sdks/paging (PageIterator); learn.microsoft.com/graph/paging."""
    trusted.world.switches.graph_page_size = 2
    wanted = sorted(f"app {number}" for number in range(5))
    for name in wanted:
        await an_app(graph, name)
    first = await graph.applications.get()
    seen: list[str] = []

    def keep(one: Application) -> bool:
        seen.append(str(one.display_name))
        return True

    await PageIterator(first, graph.request_adapter).iterate(keep)
    assert sorted(name for name in seen if name.startswith("app ")) == wanted


async def test_a_collection_is_counted_as_text(graph: GraphServiceClient) -> None:
    """Source: learn.microsoft.com/graph/api/application-list ($count segment, ConsistencyLevel)."""
    before = await graph.applications.count.get(request_configuration=asking())
    await an_app(graph)
    assert await graph.applications.count.get(request_configuration=asking()) == (before or 0) + 1
    with pytest.raises(APIError) as refused:
        await graph.applications.count.get()
    assert refused.value.response_status_code == 400


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        ({"select": ["nonsense"]}, "Could not find a property named 'nonsense'"),
        ({"expand": ["nonsense"]}, "Could not find a property named 'nonsense'"),
        ({"expand": ["owners", "federatedIdentityCredentials"]}, "Expand"),
        ({"orderby": ["nonsense"]}, "Invalid order by clause"),
        ({"orderby": ["createdDateTime"]}, "ConsistencyLevel"),
        ({"search": "orders"}, "Syntax error"),
    ],
)
async def test_a_query_that_graph_does_not_take_is_refused_with_a_reason(
    graph: GraphServiceClient, parameters: dict[str, Any], text: str
) -> None:
    """Source: learn.microsoft.com/graph/query-parameters and aad-advanced-queries. The texts are partly assumed."""
    with pytest.raises(ODataError, match=text) as refused:
        await graph.applications.get(request_configuration=asking(**parameters))
    assert refused.value.response_status_code == 400


async def test_related_objects_come_along_when_asked_for(graph: GraphServiceClient) -> None:
    """Source: learn.microsoft.com/graph/query-parameters ($expand: 20 related objects at most, one relation)."""
    app = await an_app(graph)
    owner = await a_principal(graph, await an_app(graph, "the owner"))
    item = graph.applications.by_application_id(str(app.id))
    reference = f"https://graph.microsoft.com/v1.0/directoryObjects/{owner.id}"
    await item.owners.ref.post(ReferenceCreate(odata_id=reference))
    found = await graph.applications.get(
        request_configuration=asking(expand=["owners($select=id)"], filter=f"appId eq '{app.app_id}'")
    )
    assert found
    assert found.value
    assert [one.id for one in found.value[0].owners or []] == [owner.id]
    await item.owners.by_directory_object_id(str(owner.id)).ref.delete()
    left = await item.owners.get()
    assert left
    assert left.value == []


# --- credentials ------------------------------------------------------------------------------------------------------
async def test_a_password_is_added_and_removed_by_the_sdk(graph: GraphServiceClient) -> None:
    """Source: learn.microsoft.com/graph/api (application-addpassword, application-removepassword)."""
    app = await an_app(graph)
    item = graph.applications.by_application_id(str(app.id))
    body = AddPasswordPostRequestBody(password_credential=PasswordCredential(display_name="ci"))
    made = await item.add_password.post(body)
    assert made
    assert made.secret_text
    read = await item.get()
    assert read
    assert [(one.display_name, one.secret_text) for one in read.password_credentials or []] == [("ci", None)]
    await item.remove_password.post(RemovePasswordPostRequestBody(key_id=made.key_id))
    read = await item.get()
    assert read
    assert read.password_credentials == []


async def test_a_federated_credential_lives_and_goes(graph: GraphServiceClient) -> None:
    """Source: learn.microsoft.com/graph/api (federatedidentitycredential-*)."""
    app = await an_app(graph)
    credentials = graph.applications.by_application_id(str(app.id)).federated_identity_credentials
    made = await credentials.post(
        FederatedIdentityCredential(
            name="cluster", issuer="https://issuer.example", subject="s", audiences=["api://AzureADTokenExchange"]
        )
    )
    assert made
    item = credentials.by_federated_identity_credential_id(str(made.id))
    await item.patch(FederatedIdentityCredential(subject="t"))
    read = await item.get()
    assert read
    assert (read.name, read.subject) == ("cluster", "t")
    await item.delete()
    left = await credentials.get()
    assert left
    assert left.value == []


# --- roles and grants -------------------------------------------------------------------------------------------------
async def roles_and_two(graph: GraphServiceClient) -> tuple[ServicePrincipal, ServicePrincipal]:
    """A resource with a role, and a client."""
    role = AppRole(
        id=ROLE, allowed_member_types=["Application"], display_name="Call", description="May call",
        value="Functions.Call", is_enabled=True,
    )  # fmt: skip
    resource = await a_principal(graph, await an_app(graph, "door", app_roles=[role]))
    return resource, await a_principal(graph, await an_app(graph, "caller"))


@pytest.mark.parametrize("side", ["resource", "principal"])
async def test_a_role_is_assigned_seen_from_both_sides_and_taken_away(graph: GraphServiceClient, side: str) -> None:
    """Source: learn.microsoft.com/graph/api (serviceprincipal-post-approleassignedto, -post-approleassignments)."""
    resource, client = await roles_and_two(graph)
    assert resource.id
    assert client.id
    of_resource = graph.service_principals.by_service_principal_id(resource.id).app_role_assigned_to
    of_client = graph.service_principals.by_service_principal_id(client.id).app_role_assignments
    wanted = AppRoleAssignment(principal_id=uuid.UUID(client.id), resource_id=uuid.UUID(resource.id), app_role_id=ROLE)
    made = await (of_resource if side == "resource" else of_client).post(wanted)
    assert made
    for one in (await of_resource.get(), await of_client.get()):
        assert one
        assert [each.id for each in one.value or []] == [made.id]
    if side == "resource":
        await of_resource.by_app_role_assignment_id(str(made.id)).delete()
    else:
        await of_client.by_app_role_assignment_id(str(made.id)).delete()
    left = await of_client.get()
    assert left
    assert left.value == []


async def test_a_role_of_graph_itself_is_a_permission_for_graph(trusted: Simulator, graph: GraphServiceClient) -> None:
    """Source: learn.microsoft.com/graph/permissions-grant-via-msgraph (application permissions)."""
    trusted.world.switches.graph_rights_from_token = True
    _, client = await roles_and_two(graph)
    assert client.id
    itself = await graph.service_principals_with_app_id(GRAPH_APP_ID).get()
    assert itself
    assert itself.id
    role = next(one for one in itself.app_roles or [] if one.value == "Application.Read.All")
    assert str(role.id) == GRAPH_ROLES["Application.Read.All"]
    token_before = trusted.graph_headers(str(client.app_id))
    await graph.service_principals.by_service_principal_id(client.id).app_role_assignments.post(
        AppRoleAssignment(principal_id=uuid.UUID(client.id), resource_id=uuid.UUID(itself.id), app_role_id=role.id)
    )
    asked = [token_before, trusted.graph_headers(str(client.app_id))]
    statuses = [(await trusted.send("GET", "", "/v1.0/applications", headers=headers)).status for headers in asked]
    assert statuses == [403, 200], "a token keeps the roles that it was issued with"


async def test_delegated_permissions_are_granted_changed_and_revoked(graph: GraphServiceClient) -> None:
    """Source: learn.microsoft.com/graph/api (oauth2permissiongrant-post, -update, -delete)."""
    resource, client = await roles_and_two(graph)
    made = await graph.oauth2_permission_grants.post(
        OAuth2PermissionGrant(
            client_id=client.id, resource_id=resource.id, consent_type="AllPrincipals", scope="user_impersonation"
        )
    )
    assert made
    item = graph.oauth2_permission_grants.by_o_auth2_permission_grant_id(str(made.id))
    await item.patch(OAuth2PermissionGrant(scope="openid"))
    read = await item.get()
    assert read
    assert read.scope == "openid"
    await item.delete()
    left = await graph.oauth2_permission_grants.get()
    assert left
    assert left.value == []


async def test_objects_are_found_by_their_ids_whatever_they_are(graph: GraphServiceClient) -> None:
    """Source: learn.microsoft.com/graph/api/directoryobject-getbyids."""
    app = await an_app(graph)
    principal = await a_principal(graph, app)
    ids = [str(app.id), str(principal.id), "00000000-0000-4000-8000-000000000009"]
    found = await graph.directory_objects.get_by_ids.post(GetByIdsPostRequestBody(ids=ids))
    assert found
    assert [type(one).__name__ for one in found.value or []] == ["Application", "ServicePrincipal"]
    only = await graph.directory_objects.get_by_ids.post(GetByIdsPostRequestBody(ids=ids, types=["servicePrincipal"]))
    assert only
    assert [one.id for one in only.value or []] == [principal.id]


async def test_assignments_are_filtered_by_the_resource_that_they_are_for(graph: GraphServiceClient) -> None:
    """Source: learn.microsoft.com/graph/api/serviceprincipal-list-approleassignments (resourceId: Edm.Guid)."""
    resource, client = await roles_and_two(graph)
    assert client.id
    assert resource.id
    assignments = graph.service_principals.by_service_principal_id(client.id).app_role_assignments
    await assignments.post(
        AppRoleAssignment(principal_id=uuid.UUID(client.id), resource_id=uuid.UUID(resource.id), app_role_id=ROLE)
    )
    for wanted, found in ((resource.id, [resource.id]), (client.id, [])):
        query = AssignmentsQuery(filter=f"resourceId eq {wanted}")
        page = await assignments.get(request_configuration=RequestConfiguration(query_parameters=query))
        assert page
        assert [str(one.resource_id) for one in page.value or []] == found


# --- service principals -----------------------------------------------------------------------------------------------
async def test_a_service_principal_is_made_by_its_client_id_when_it_is_missing(graph: GraphServiceClient) -> None:
    """Source: learn.microsoft.com/graph/api/serviceprincipal-upsert (Prefer: create-if-missing)."""
    app = await an_app(graph)
    configuration: RequestConfiguration[Any] = RequestConfiguration()
    configuration.headers.add("Prefer", "create-if-missing")
    by_client = graph.service_principals_with_app_id(str(app.app_id))
    made = await by_client.patch(ServicePrincipal(notes="first"), request_configuration=configuration)
    again = await by_client.patch(ServicePrincipal(notes="second"), request_configuration=configuration)
    read = await by_client.get()
    assert made
    assert read
    assert (again, read.id, read.app_id, read.notes) == (None, made.id, app.app_id, "second")


async def test_a_service_principal_has_owners_and_passwords_and_comes_back_from_the_deleted_items(
    trusted: Simulator, graph: GraphServiceClient
) -> None:
    """Source: learn.microsoft.com/graph/api (serviceprincipal-post-owners, -addpassword, directory-deleteditems-*)."""
    principal = await a_principal(graph, await an_app(graph))
    assert principal.id
    caller = trusted.world.entra.principal(CLIENT)
    assert caller
    item = graph.service_principals.by_service_principal_id(principal.id)
    await item.owners.ref.post(
        ReferenceCreate(odata_id=f"https://graph.microsoft.com/v1.0/directoryObjects/{caller['id']}")
    )
    owners = await item.owners.get()
    assert owners
    assert [(type(one).__name__, one.id) for one in owners.value or []] == [("ServicePrincipal", caller["id"])]
    made = await item.add_password.post(PrincipalPassword(password_credential=PasswordCredential(display_name="ci")))
    assert made
    assert made.secret_text
    await item.delete()
    deleted = await graph.directory.deleted_items.graph_service_principal.get()
    assert deleted
    assert [one.id for one in deleted.value or []] == [principal.id]
    restored = await graph.directory.deleted_items.by_directory_object_id(principal.id).restore.post()
    assert isinstance(restored, ServicePrincipal)
    assert restored.app_id == principal.app_id


async def test_a_certificate_is_added_by_the_sdk_and_described_by_graph(graph: GraphServiceClient) -> None:
    """Source: learn.microsoft.com/graph/applications-how-to-add-certificate; msgraph-sdk-python (KeyCredential)."""
    app = await an_app(graph)
    item = graph.applications.by_application_id(str(app.id))
    key = KeyCredential(type="AsymmetricX509Cert", usage="Verify", key=a_certificate())
    await item.patch(Application(key_credentials=[key]))
    read = await item.get()
    assert read
    assert [(one.display_name, one.key) for one in read.key_credentials or []] == [("CN=ci", None)]


async def test_a_client_signs_in_with_what_it_was_given_and_no_more_once_that_is_taken_away(
    trusted: Simulator, graph: GraphServiceClient
) -> None:
    """Source: learn.microsoft.com/graph/api/application-addpassword; azure-identity (secret, certificate)."""
    app = await an_app(graph)
    await a_principal(graph, app)
    item = graph.applications.by_application_id(str(app.id))
    made = await item.add_password.post(AddPasswordPostRequestBody())
    assert made
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    der = a_certificate(key)
    await item.patch(Application(key_credentials=[KeyCredential(type="AsymmetricX509Cert", usage="Verify", key=der)]))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    pem = private + x509.load_der_x509_certificate(der).public_bytes(serialization.Encoding.PEM)
    who: tuple[str, str] = (trusted.world.tenant_id, str(app.app_id))
    there: dict[str, Any] = {
        "authority": trusted.url, "disable_instance_discovery": True, "connection_verify": str(trusted.ca_file),
    }  # fmt: skip
    scope = "https://management.azure.com/.default"
    async with CertificateCredential(*who, certificate_data=pem, **there) as by_key:
        assert (await by_key.get_token(scope)).token
    async with ClientSecretCredential(*who, str(made.secret_text), **there) as by_secret:
        assert (await by_secret.get_token(scope)).token
    await item.remove_password.post(RemovePasswordPostRequestBody(key_id=made.key_id))
    await item.patch(Application(key_credentials=[]))
    async with CertificateCredential(*who, certificate_data=pem, **there) as by_key:
        with pytest.raises(ClientAuthenticationError, match="AADSTS700027"):
            await by_key.get_token(scope)
    async with ClientSecretCredential(*who, str(made.secret_text), **there) as by_secret:
        with pytest.raises(ClientAuthenticationError, match="AADSTS7000215"):
            await by_secret.get_token(scope)


def a_certificate(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | None = None) -> bytes:
    key = key or ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "ci")])
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(datetime(2026, 1, 1, tzinfo=UTC))
    signed = made.not_valid_after(datetime(2028, 1, 1, tzinfo=UTC)).sign(key, hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.DER)


# --- many at once, and what changed -----------------------------------------------------------------------------------
def as_one(of: str, request: RequestInformation, **more: Any) -> dict[str, Any]:
    """A request of the SDK as one of a batch."""
    url = urlsplit(request.url)
    shown = {"id": of, "method": str(request.http_method.value if request.http_method else ""), **more}
    if request.content:
        shown |= {"body": json.loads(request.content), "headers": {"Content-Type": "application/json"}}
    return {**shown, "url": url.path.removeprefix("/v1.0") + (f"?{url.query}" if url.query else "")}


async def test_a_batch_of_requests_that_the_sdk_built_is_answered_one_by_one(
    trusted: Simulator, graph: GraphServiceClient
) -> None:
    """Source: learn.microsoft.com/graph/json-batching. BatchRequestContent of msgraph-core 1.5 needs a package more."""
    app, everything = await an_app(graph), graph.applications
    missing = everything.by_application_id("99999999-0000-4000-8000-000000000000")
    requests = [
        ("found", everything.by_application_id(str(app.id)).to_get_request_information(), {}),
        ("missing", missing.to_get_request_information(), {}),
        ("made", everything.to_post_request_information(Application(display_name="made in a batch")), {}),
        ("after", everything.to_get_request_information(asking(top=1)), {"dependsOn": ["missing"]}),
    ]
    for _, request, _ in requests:
        request.path_parameters["baseurl"] = f"{trusted.url}/v1.0"
    body = {"requests": [as_one(name, request, **more) for name, request, more in requests]}
    answer = await trusted.send("POST", "", "/v1.0/$batch", headers=trusted.graph_headers(CLIENT), json=body)
    answers = {one["id"]: one for one in answer.data()["responses"]}
    assert {name: one["status"] for name, one in answers.items()} == {
        "found": 200, "missing": 404, "made": 201, "after": 424,
    }  # fmt: skip
    content = json.dumps(answers["found"]["body"]).encode()
    read = JsonParseNodeFactory().get_root_parse_node("application/json", content).get_object_value(Application)
    assert read.app_id == app.app_id
    assert "made in a batch" in await names(graph)


async def test_delta_is_followed_by_the_links_that_it_gives(graph: GraphServiceClient) -> None:
    """Source: learn.microsoft.com/graph/delta-query-overview; msgraph-sdk-python (delta, with_url)."""
    gone, kept = await an_app(graph, "gone"), await an_app(graph, "kept")
    first = await graph.applications.delta.get()
    assert first
    assert first.odata_delta_link
    await graph.applications.by_application_id(str(gone.id)).delete()
    await graph.applications.by_application_id(str(kept.id)).patch(Application(notes="changed"))
    second = await graph.applications.delta.with_url(first.odata_delta_link).get()
    assert second
    changes = [(one.id, one.notes, one.additional_data.get("@removed")) for one in second.value or []]
    assert changes == [(kept.id, "changed", None), (gone.id, None, {"reason": "changed"})]


async def test_a_count_comes_along_with_an_advanced_query(graph: GraphServiceClient) -> None:
    """Source: learn.microsoft.com/graph/aad-advanced-queries ($count=true)."""
    for name in ("shop orders", "shop billing"):
        await an_app(graph, name)
    page = await graph.applications.get(
        request_configuration=asking(filter="startswith(displayName, 'shop')", count=True, top=1)
    )
    assert page
    assert (page.odata_count, len(page.value or []), bool(page.odata_next_link)) == (2, 1, True)


async def test_a_throttled_call_is_not_tried_again_before_its_time(
    trusted: Simulator, graph: GraphServiceClient
) -> None:
    """Source: learn.microsoft.com/graph/throttling; microsoft/kiota-python (no retry for a wait of 180 s and more)."""
    trusted.world.faults.add(service="graph", status=429, headers={"Retry-After": "300"})
    with pytest.raises(ODataError) as refused:
        await graph.applications.get()
    assert refused.value.response_status_code == 429
    assert len(trusted.world.calls(service="graph")) == 1
    assert await graph.applications.get()


async def test_the_beta_version_is_loudly_not_simulated(trusted: Simulator) -> None:
    """No Azure behaviour: the simulator's own limit."""
    headers = trusted.graph_headers(CLIENT)
    answer = await trusted.send("GET", "graph.microsoft.com", "/beta/applications", headers=headers)
    assert (answer.status, answer.data()["error"]["code"]) == (501, "NotSimulated")
    assert trusted.world.missing == {"GET /beta/applications: Graph": 1}
