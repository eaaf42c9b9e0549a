"""Microsoft Graph v1.0: applications, service principals, role assignments, and what Graph refuses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from azuresim import Simulator
from azuresim.wire import HttpAnswer

OPERATOR = "0be7a70a-0000-4000-8000-0000000000aa"
DOOR = "d0000000-0000-4000-8000-0000000000bb"
NOWHERE = "99999999-0000-4000-8000-000000000000"
EVERYTHING = {"Application.ReadWrite.All", "AppRoleAssignment.ReadWrite.All"}
ROLE: dict[str, Any] = {
    "id": "70000000-0000-4000-8000-000000000001",
    "allowedMemberTypes": ["Application"],
    "displayName": "Call",
    "description": "May call",
    "value": "Functions.Call",
    "isEnabled": True,
}
SCOPE: dict[str, Any] = {
    "id": "50000000-0000-4000-8000-000000000001",
    "adminConsentDisplayName": "Access",
    "adminConsentDescription": "Access",
    "value": "user_impersonation",
    "type": "User",
    "isEnabled": True,
}
NO_ROLE = "00000000-0000-0000-0000-000000000000"


async def graph(
    azure: Simulator, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
) -> HttpAnswer:
    sent = {**azure.graph_headers(OPERATOR), **(headers or {})}
    return await azure.send(method, "", f"/v1.0{path}", headers=sent, json=body)


def code_of(answer: HttpAnswer) -> str:
    return str(answer.data()["error"]["code"])


def allow(azure: Simulator, *permissions: str) -> None:
    azure.world.entra.graph_permissions[OPERATOR] = set(permissions)


@pytest.fixture(autouse=True)
def permitted(azure: Simulator) -> None:
    allow(azure, *EVERYTHING)


@pytest.fixture
def door(azure: Simulator) -> dict[str, Any]:
    """A registration as the portal's Easy Auth leaves it, with its service principal."""
    return azure.world.entra.add_application(
        "door",
        client_id=DOOR,
        token_version=2,
        identifier_uris=[f"api://{DOOR}"],
        redirect_uris=["https://orders-fn.example/.auth/login/aad/callback"],
        id_tokens=True,
    )


def principal_of(azure: Simulator, client_id: str) -> dict[str, Any]:
    found = azure.world.entra.principal(client_id)
    assert found is not None
    return found


# --- addressing and reading -------------------------------------------------------------------------------------------
async def test_an_application_is_found_by_object_id_app_id_and_unique_name(
    azure: Simulator, door: dict[str, Any]
) -> None:
    """Source: learn.microsoft.com/graph/api/application-get; alternate keys in microsoftgraph/msgraph-metadata."""
    door["uniqueName"] = "funcgate-door"
    paths = (f"/{door['id']}", f"(appId='{DOOR}')", "(uniqueName='funcgate-door')")
    answers = [await graph(azure, "GET", f"/applications{path}") for path in paths]
    assert [answer.data()["appId"] for answer in answers] == [DOOR] * 3


async def test_a_service_principal_is_found_by_object_id_and_app_id(azure: Simulator, door: dict[str, Any]) -> None:
    """Source: learn.microsoft.com/graph/api/serviceprincipal-get."""
    principal = principal_of(azure, door["appId"])
    answers = [
        await graph(azure, "GET", f"/servicePrincipals{path}") for path in (f"/{principal['id']}", f"(appId='{DOOR}')")
    ]
    assert [answer.data()["id"] for answer in answers] == [principal["id"]] * 2


async def test_what_is_missing_is_404_in_graphs_envelope(azure: Simulator) -> None:
    """Source: learn.microsoft.com/graph/errors; text in hashicorp/terraform-provider-azuread threads."""
    answer = await graph(azure, "GET", f"/applications/{NOWHERE}", headers={"client-request-id": "mine"})
    error = answer.data()["error"]
    assert (answer.status, error["code"]) == (404, "Request_ResourceNotFound")
    assert error["message"].startswith(f"Resource '{NOWHERE}' does not exist or one of its queried")
    assert error["innerError"].keys() == {"date", "request-id", "client-request-id"}
    assert answer.headers["client-request-id"] == "mine"


async def test_select_leaves_the_rest_out(azure: Simulator, door: dict[str, Any]) -> None:
    """Source: learn.microsoft.com/graph/query-parameters."""
    body = (await graph(azure, "GET", f"/applications/{door['id']}?$select=appId,api")).data()
    assert body.keys() - {"@odata.context"} == {"appId", "api"}


@pytest.mark.parametrize("clause", [f"appId eq '{DOOR}'", "displayName eq 'door'", "id eq '{id}'"])
async def test_lists_are_filtered(azure: Simulator, door: dict[str, Any], clause: str) -> None:
    """Source: learn.microsoft.com/graph/api/application-list."""
    text = clause.replace("{id}", door["id"])
    listed = (await graph(azure, "GET", f"/applications?$filter={text}")).data()["value"]
    assert [application["appId"] for application in listed] == [DOOR]


async def test_a_query_option_that_is_not_simulated_is_refused_instead_of_ignored(azure: Simulator) -> None:
    """No Azure behaviour: Graph knows more options than the simulator; it must not answer as if they were met."""
    answer = await graph(azure, "GET", "/applications?$search=displayName:d")
    assert (answer.status, code_of(answer)) == (400, "Request_UnsupportedQuery")


async def test_a_list_comes_in_pages(azure: Simulator, door: dict[str, Any]) -> None:
    """Source: learn.microsoft.com/graph/paging."""
    first = (await graph(azure, "GET", "/applications?$top=1&$select=appId")).data()
    path = first["@odata.nextLink"].removeprefix(f"{azure.url}/v1.0")
    second = (await graph(azure, "GET", path)).data()
    assert [page["value"] for page in (first, second)] == [[{"appId": OPERATOR}], [{"appId": door["appId"]}]]
    assert "@odata.nextLink" not in second


@pytest.mark.parametrize(
    ("path", "cost"), [("/applications", "2"), ("/applications?$top=5", "1"), ("/servicePrincipals", "1")]
)
async def test_answers_say_what_they_cost(azure: Simulator, path: str, cost: str) -> None:
    """Source: learn.microsoft.com/graph/throttling-limits, identity and access service limits."""
    assert (await graph(azure, "GET", path)).headers["x-ms-resource-unit"] == cost


# --- rights -----------------------------------------------------------------------------------------------------------
@pytest.mark.assumed
@pytest.mark.parametrize("token", ["", "arm", "expired"])
async def test_a_call_without_a_valid_graph_token_is_refused(azure: Simulator, token: str) -> None:
    """The code is in microsoftgraph/python-sample-auth threads for expired tokens; the texts are assumed."""
    headers = {"": {}, "arm": azure.arm_headers(OPERATOR), "expired": azure.graph_headers(OPERATOR)}[token]
    if token == "expired":
        azure.world.clock.advance(seconds=3600)
    answer = await azure.send("GET", "", "/v1.0/applications", headers=headers)
    assert (answer.status, code_of(answer)) == (401, "InvalidAuthenticationToken")


READ = ("GET", "/applications/{app}", None)
LIST = ("GET", "/servicePrincipals", None)
CHANGE = ("PATCH", "/applications/{app}", {"notes": "x"})
MAKE = ("POST", "/applications", {"displayName": "new"})
REMOVE = ("DELETE", "/applications/{app}", None)


@pytest.mark.parametrize(
    ("call", "permission", "status"),
    [
        (READ, "", 403),
        (LIST, "", 403),
        (READ, "Application.Read.All", 200),
        (LIST, "Application.Read.All", 200),
        (CHANGE, "Application.Read.All", 403),
        (MAKE, "Application.Read.All", 403),
        (REMOVE, "Application.Read.All", 403),
        (CHANGE, "Application.ReadWrite.All", 204),
        (MAKE, "Application.ReadWrite.All", 201),
        (REMOVE, "Application.ReadWrite.All", 204),
        (CHANGE, "Application.ReadWrite.OwnedBy", 403),
        (REMOVE, "Application.ReadWrite.OwnedBy", 403),
        (MAKE, "Application.ReadWrite.OwnedBy", 201),
        (READ, "User.Read.All", 403),
    ],
)
async def test_each_call_needs_its_permission(
    azure: Simulator, door: dict[str, Any], call: tuple[str, str, Any], permission: str, status: int
) -> None:
    """Source: learn.microsoft.com/graph/permissions-reference and the pages of the operations."""
    allow(azure, permission)
    method, path, body = call
    answer = await graph(azure, method, path.replace("{app}", door["id"]), body)
    assert answer.status == status
    if status == 403:
        assert code_of(answer) == "Authorization_RequestDenied"


async def test_a_permission_of_another_client_helps_nobody(azure: Simulator, door: dict[str, Any]) -> None:
    """Source: learn.microsoft.com/graph/auth/auth-concepts (application permissions belong to the calling app)."""
    azure.world.entra.graph_permissions = {DOOR: EVERYTHING}
    assert (await graph(azure, "GET", f"/applications/{door['id']}")).status == 403


async def test_owned_by_changes_what_it_owns(azure: Simulator, door: dict[str, Any]) -> None:
    """Source: learn.microsoft.com/graph/permissions-reference (Application.ReadWrite.OwnedBy)."""
    allow(azure, "Application.ReadWrite.OwnedBy")
    azure.world.entra.owners[door["id"]] = {principal_of(azure, OPERATOR)["id"]}
    assert (await graph(azure, "PATCH", f"/applications/{door['id']}", {"notes": "x"})).status == 204


@pytest.mark.assumed
@pytest.mark.parametrize(("owns", "status"), [(True, 204), (False, 403)])
async def test_who_creates_under_owned_by_may_own_the_result(azure: Simulator, owns: bool, status: int) -> None:
    """Both ways: no public source confirms it."""
    allow(azure, "Application.ReadWrite.OwnedBy")
    azure.world.switches.graph_owned_by_makes_owner = owns
    made = (await graph(azure, "POST", "/applications", {"displayName": "new"})).data()
    assert (await graph(azure, "PATCH", f"/applications/{made['id']}", {"notes": "x"})).status == status


# --- creating ---------------------------------------------------------------------------------------------------------
async def test_a_created_application_has_ids_and_defaults_and_no_service_principal(azure: Simulator) -> None:
    """Source: learn.microsoft.com/graph/api/application-post-applications."""
    answer = await graph(azure, "POST", "/applications", {"displayName": "new"})
    body = answer.data()
    assert (answer.status, body["signInAudience"], body["web"]["redirectUris"]) == (201, "AzureADMyOrg", [])
    assert (await graph(azure, "GET", f"/servicePrincipals(appId='{body['appId']}')")).status == 404


@pytest.mark.item("web-10")
async def test_display_names_may_repeat(azure: Simulator) -> None:
    """Source: learn.microsoft.com/graph/api/resources/application (displayName is not unique)."""
    made = [(await graph(azure, "POST", "/applications", {"displayName": "same"})).data() for _ in range(2)]
    assert made[0]["appId"] != made[1]["appId"]


async def test_a_service_principal_is_created_for_an_application_once(azure: Simulator) -> None:
    """Source: learn.microsoft.com/graph/api/serviceprincipal-post-serviceprincipals."""
    made = (await graph(azure, "POST", "/applications", {"displayName": "new"})).data()
    answers = [await graph(azure, "POST", "/servicePrincipals", {"appId": made["appId"]}) for _ in range(2)]
    assert [answer.status for answer in answers] == [201, 409]
    assert code_of(answers[1]) == "Request_MultipleObjectsWithSameKeyValue"


async def test_a_service_principal_of_no_application_is_refused(azure: Simulator) -> None:
    """Source: threads of microsoftgraph/msgraph-sdk-powershell and msgraph-sdk-dotnet."""
    answer = await graph(azure, "POST", "/servicePrincipals", {"appId": NOWHERE})
    assert answer.status == 400
    assert "does not reference a valid application object" in answer.data()["error"]["message"]


@pytest.mark.assumed
@pytest.mark.parametrize(
    "body",
    [
        {"displayName": "x", "displayname": "y"},
        {"displayName": "x", "web": {"replyUrls": []}},
        {},
        {"display_name": "x"},
    ],
)
async def test_unknown_properties_and_a_missing_name_are_refused(azure: Simulator, body: dict[str, Any]) -> None:
    """Source: the properties in microsoftgraph/msgraph-metadata; the text is assumed."""
    answer = await graph(azure, "POST", "/applications", body)
    assert (answer.status, code_of(answer)) == (400, "Request_BadRequest")


# --- PATCH ------------------------------------------------------------------------------------------------------------
@pytest.mark.item("web-10")
async def test_a_patch_answers_204_and_keeps_what_it_does_not_name(azure: Simulator, door: dict[str, Any]) -> None:
    """Source: learn.microsoft.com/graph/api/application-update."""
    answer = await graph(azure, "PATCH", f"/applications/{door['id']}", {"notes": "hello"})
    after = (await graph(azure, "GET", f"/applications/{door['id']}")).data()
    assert (answer.status, answer.body) == (204, b"")
    assert (after["notes"], after["displayName"], after["api"]["requestedAccessTokenVersion"]) == ("hello", "door", 2)


async def test_a_collection_is_replaced_whole(azure: Simulator, door: dict[str, Any]) -> None:
    """Source: learn.microsoft.com/graph/api/application-update."""
    await graph(azure, "PATCH", f"/applications/{door['id']}", {"identifierUris": ["api://other"]})
    assert door["identifierUris"] == ["api://other"]


@pytest.mark.assumed
@pytest.mark.parametrize(("merges", "id_tokens"), [(True, True), (False, None)])
async def test_a_nested_member_that_is_left_out_is_kept_or_reset(
    azure: Simulator, door: dict[str, Any], merges: bool, id_tokens: bool | None
) -> None:
    """Both ways: "omitted properties keep their values" is published, for nested members nothing is."""
    azure.world.switches.graph_nested_merge = merges
    await graph(azure, "PATCH", f"/applications/{door['id']}", {"web": {"redirectUris": []}})
    web = (await graph(azure, "GET", f"/applications/{door['id']}")).data()["web"]
    assert web["redirectUris"] == []
    assert web.get("implicitGrantSettings", {}).get("enableIdTokenIssuance") == id_tokens


@pytest.mark.assumed
@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"appId": NOWHERE}, "read-only"),
        ({"redirectUris": []}, "does not exist as a declared property"),
        ({"api": {"requestedAccessTokenVersion": 3}}, "requestedAccessTokenVersion"),
        ({"appRoles": [{**ROLE, "value": "two words"}]}, "'value'"),
        ({"appRoles": [{**ROLE, "value": "x" * 121}]}, "'value'"),
        ({"appRoles": [{"id": ROLE["id"]}]}, "AppRole"),
    ],
)
async def test_a_patch_that_graph_cannot_take_is_refused(
    azure: Simulator, door: dict[str, Any], body: dict[str, Any], reason: str
) -> None:
    """Source: property descriptions in msgraph-sdk (approle, apiapplication); the texts are assumed."""
    answer = await graph(azure, "PATCH", f"/applications/{door['id']}", body)
    assert (answer.status, code_of(answer)) == (400, "Request_BadRequest")
    assert reason in answer.data()["error"]["message"]


@pytest.mark.assumed
async def test_an_identifier_uri_belongs_to_one_application(azure: Simulator, door: dict[str, Any]) -> None:
    """Uniqueness is published (msgraph-sdk, application); status and code are assumed."""
    other = (await graph(azure, "POST", "/applications", {"displayName": "other"})).data()
    body = {"identifierUris": door["identifierUris"]}
    answer = await graph(azure, "PATCH", f"/applications/{other['id']}", body)
    assert (answer.status, code_of(answer)) == (409, "Request_MultipleObjectsWithSameKeyValue")


async def test_the_service_principal_follows_its_application(azure: Simulator, door: dict[str, Any]) -> None:
    """Source: learn.microsoft.com/entra/identity-platform/app-objects-and-service-principals."""
    await graph(azure, "PATCH", f"/applications/{door['id']}", {"identifierUris": ["api://new"], "appRoles": [ROLE]})
    principal = (await graph(azure, "GET", f"/servicePrincipals(appId='{DOOR}')")).data()
    assert principal["servicePrincipalNames"] == [DOOR, "api://new"]
    assert [role["value"] for role in principal["appRoles"]] == ["Functions.Call"]


@pytest.mark.assumed
async def test_a_managed_identitys_service_principal_cannot_be_changed(azure: Simulator) -> None:
    """That it cannot is published (msgraph-sdk, serviceprincipal); status and code are assumed."""
    identity = azure.world.entra.ensure_system_identity("/subscriptions/s/resourceGroups/r/providers/A.B/c/d")
    answer = await graph(azure, "PATCH", f"/servicePrincipals/{identity.principal_id}", {"notes": "x"})
    assert (answer.status, code_of(answer)) == (403, "Authorization_RequestDenied")


# --- enabled roles ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("present", "sent"),
    [
        ({"appRoles": [ROLE]}, {"appRoles": []}),
        ({"api": {"oauth2PermissionScopes": [SCOPE]}}, {"api": {"oauth2PermissionScopes": []}}),
    ],
)
@pytest.mark.item("web-10")
async def test_an_enabled_role_or_scope_cannot_be_left_out(
    azure: Simulator, door: dict[str, Any], present: dict[str, Any], sent: dict[str, Any]
) -> None:
    """Source: threads of microsoftgraph/microsoft-graph-docs and msgraph-sdk-powershell."""
    assert (await graph(azure, "PATCH", f"/applications/{door['id']}", present)).status == 204
    answer = await graph(azure, "PATCH", f"/applications/{door['id']}", sent)
    assert (answer.status, code_of(answer)) == (400, "CannotDeleteOrUpdateEnabledEntitlement")


async def test_a_role_that_was_disabled_first_can_be_removed_with_its_assignments(
    azure: Simulator, door: dict[str, Any]
) -> None:
    """Source: learn.microsoft.com/graph/api/resources/approle; threads of microsoftgraph/microsoft-graph-docs."""
    path = f"/applications/{door['id']}"
    await graph(azure, "PATCH", path, {"appRoles": [ROLE]})
    azure.world.entra.assign(principal_of(azure, OPERATOR)["id"], principal_of(azure, DOOR)["id"], ROLE["id"])
    assert (await graph(azure, "PATCH", path, {"appRoles": [{**ROLE, "isEnabled": False}]})).status == 204
    assert (await graph(azure, "PATCH", path, {"appRoles": []})).status == 204
    assert azure.world.entra.assignments == {}


# --- upsert -----------------------------------------------------------------------------------------------------------
UPSERT = {"Prefer": "create-if-missing"}


@pytest.mark.item("web-10")
async def test_an_upsert_creates_then_updates_the_same_application(azure: Simulator) -> None:
    """Source: learn.microsoft.com/graph/api/application-upsert (201 with body, then 204)."""
    path = "/applications(uniqueName='funcgate-orders')"
    created = await graph(azure, "PATCH", path, {"displayName": "orders"}, UPSERT)
    updated = await graph(azure, "PATCH", path, {"displayName": "renamed"}, UPSERT)
    assert (created.status, created.data()["uniqueName"], updated.status) == (201, "funcgate-orders", 204)
    assert (await graph(azure, "GET", path)).data() | {"displayName": "orders"} == created.data()


async def test_without_prefer_a_missing_unique_name_is_404(azure: Simulator) -> None:
    """Source: learn.microsoft.com/graph/api/application-upsert."""
    answer = await graph(azure, "PATCH", "/applications(uniqueName='nothing')", {"displayName": "x"})
    assert (answer.status, code_of(answer)) == (404, "Request_ResourceNotFound")


async def test_an_upsert_that_creates_needs_a_display_name(azure: Simulator) -> None:
    """Source: learn.microsoft.com/graph/api/application-upsert."""
    answer = await graph(azure, "PATCH", "/applications(uniqueName='nothing')", {"notes": "x"}, UPSERT)
    assert answer.status == 400


async def test_a_unique_name_is_set_once(azure: Simulator, door: dict[str, Any]) -> None:
    """Source: msgraph-sdk (application.uniqueName: immutable); back-fill: microsoftgraph/msgraph-bicep-types."""
    path = f"/applications/{door['id']}"
    assert (await graph(azure, "PATCH", path, {"uniqueName": "first"})).status == 204
    assert (await graph(azure, "PATCH", path, {"uniqueName": "second"})).status == 400
    assert (await graph(azure, "PATCH", path, {"uniqueName": "first"})).status == 204


# --- deletion ---------------------------------------------------------------------------------------------------------
async def test_a_deleted_application_waits_in_deleted_items_without_its_service_principal(
    azure: Simulator, door: dict[str, Any]
) -> None:
    """Source: learn.microsoft.com/graph/api/application-delete; that the service principal goes along: practice."""
    assert (await graph(azure, "DELETE", f"/applications/{door['id']}")).status == 204
    assert (await graph(azure, "GET", f"/applications/{door['id']}")).status == 404
    assert (await graph(azure, "GET", f"/servicePrincipals(appId='{DOOR}')")).status == 404
    waiting = (await graph(azure, "GET", f"/directory/deletedItems/{door['id']}")).data()
    assert (waiting["appId"], "deletedDateTime" in waiting) == (DOOR, True)


async def test_deleting_what_is_missing_is_404(azure: Simulator) -> None:
    """Source: learn.microsoft.com/graph/errors."""
    assert (await graph(azure, "DELETE", f"/applications/{NOWHERE}")).status == 404


# --- role assignments -------------------------------------------------------------------------------------------------
async def assignment(azure: Simulator, role_id: str, resource_id: str | None = None) -> HttpAnswer:
    resource = principal_of(azure, DOOR)
    body = {
        "principalId": principal_of(azure, OPERATOR)["id"],
        "resourceId": resource_id or resource["id"],
        "appRoleId": role_id,
    }
    return await graph(azure, "POST", f"/servicePrincipals/{resource['id']}/appRoleAssignedTo", body)


async def test_a_role_is_assigned_seen_from_both_sides_and_removed(azure: Simulator, door: dict[str, Any]) -> None:
    """Source: learn.microsoft.com/graph/api/serviceprincipal-post-approleassignedto and its neighbours."""
    await graph(azure, "PATCH", f"/applications/{door['id']}", {"appRoles": [ROLE]})
    made = await assignment(azure, ROLE["id"])
    resource, client = principal_of(azure, DOOR)["id"], principal_of(azure, OPERATOR)["id"]
    ids = []
    for path in (f"/servicePrincipals/{resource}/appRoleAssignedTo", f"/servicePrincipals/{client}/appRoleAssignments"):
        ids += [found["id"] for found in (await graph(azure, "GET", path)).data()["value"]]
    removal = f"/servicePrincipals/{resource}/appRoleAssignedTo/{made.data()['id']}"
    statuses = [(await graph(azure, "DELETE", removal)).status for _ in range(2)]
    assert (made.status, ids, statuses) == (201, [made.data()["id"]] * 2, [204, 400])


async def test_the_empty_role_is_only_for_resources_without_roles(azure: Simulator, door: dict[str, Any]) -> None:
    """Source: learn.microsoft.com/graph/api/resources/approleassignment (appRoleId)."""
    assert (await assignment(azure, NO_ROLE)).status == 201
    await graph(azure, "PATCH", f"/applications/{door['id']}", {"appRoles": [ROLE]})
    azure.world.entra.assignments.clear()
    assert (await assignment(azure, NO_ROLE)).status == 400


@pytest.mark.assumed
async def test_an_assignment_that_exists_is_refused(azure: Simulator, door: dict[str, Any]) -> None:
    """That it fails is in microsoftgraph/msgraph-bicep-types threads; this wording is assumed."""
    assert door["appRoles"] == []
    assert [(await assignment(azure, NO_ROLE)).status for _ in range(2)] == [201, 400]


async def test_a_principal_or_resource_that_does_not_fit_is_no_valid_reference(
    azure: Simulator, door: dict[str, Any]
) -> None:
    """Source: threads of microsoftgraph/microsoft-graph-docs-contrib quoting "Not a valid reference update"."""
    assert door["appRoles"] == []
    answer = await assignment(azure, NO_ROLE, resource_id=NOWHERE)
    assert (answer.status, answer.data()["error"]["message"]) == (400, "Not a valid reference update.")


@pytest.mark.parametrize(
    ("permissions", "status"),
    [
        ({"AppRoleAssignment.ReadWrite.All", "Application.Read.All"}, 201),
        ({"AppRoleAssignment.ReadWrite.All"}, 403),
        ({"Application.ReadWrite.All"}, 403),
    ],
)
async def test_assigning_needs_both_permissions(
    azure: Simulator, door: dict[str, Any], permissions: set[str], status: int
) -> None:
    """Source: threads of microsoftgraph/microsoft-graph-docs (AppRoleAssignment alone was refused)."""
    assert door["appRoles"] == []
    allow(azure, *permissions)
    assert (await assignment(azure, NO_ROLE)).status == status


@pytest.mark.assumed
@pytest.mark.parametrize(("suffices", "status"), [(True, 201), (False, 403)])
async def test_owned_by_may_or_may_not_assign_roles(
    azure: Simulator, door: dict[str, Any], suffices: bool, status: int
) -> None:
    """Both ways: reports in microsoftgraph/microsoft-graph-docs disagree."""
    assert door["appRoles"] == []
    allow(azure, "Application.ReadWrite.OwnedBy")
    azure.world.switches.graph_owned_by_assigns_roles = suffices
    azure.world.entra.owners[principal_of(azure, DOOR)["id"]] = {principal_of(azure, OPERATOR)["id"]}
    assert (await assignment(azure, NO_ROLE)).status == status


# --- replication ------------------------------------------------------------------------------------------------------
async def test_without_delay_a_write_is_seen_at_once(azure: Simulator) -> None:
    """
    No Azure behaviour: The calm side of the switch; source for the other: hashicorp/terraform-provider-azuread
    threads.
    """
    made = (await graph(azure, "POST", "/applications", {"displayName": "new"})).data()
    assert (await graph(azure, "GET", f"/applications/{made['id']}")).status == 200


@pytest.mark.item("web-10")
async def test_a_new_object_is_404_until_it_is_replicated(azure: Simulator) -> None:
    """Source: threads of hashicorp/terraform-provider-azuread."""
    azure.world.switches.graph_visibility_seconds = 60
    made = (await graph(azure, "POST", "/applications", {"displayName": "new"})).data()
    too_early = await graph(azure, "POST", "/servicePrincipals", {"appId": made["appId"]})
    before = await graph(azure, "GET", f"/applications/{made['id']}")
    azure.world.clock.advance(seconds=60)
    after = await graph(azure, "GET", f"/applications/{made['id']}")
    assert (before.status, too_early.status, after.status) == (404, 400, 200)


@pytest.mark.item("web-10")
async def test_one_object_may_lag_behind_with_its_old_values(azure: Simulator, door: dict[str, Any]) -> None:
    """Source: threads of hashicorp/terraform-provider-azuread and microsoft/onefuzz."""
    azure.world.entra.replicas.delays[door["id"]] = 60
    await graph(azure, "PATCH", f"/applications/{door['id']}", {"notes": "new"})
    early = (await graph(azure, "GET", f"/applications/{door['id']}")).data()["notes"]
    azure.world.clock.advance(seconds=60)
    late = (await graph(azure, "GET", f"/applications/{door['id']}")).data()["notes"]
    assert (early, late) == (None, "new")


async def test_a_deleted_object_is_still_seen_for_a_while(azure: Simulator, door: dict[str, Any]) -> None:
    """Source: learn.microsoft.com/graph/best-practices-concept (eventual consistency)."""
    azure.world.switches.graph_visibility_seconds = 60
    await graph(azure, "DELETE", f"/applications/{door['id']}")
    early = (await graph(azure, "GET", f"/applications/{door['id']}")).status
    azure.world.clock.advance(seconds=60)
    assert (early, (await graph(azure, "GET", f"/applications/{door['id']}")).status) == (200, 404)


async def test_an_upsert_repeated_before_replication_makes_no_second_application(azure: Simulator) -> None:
    """Source: learn.microsoft.com/graph/api/application-upsert (idempotent by the alternate key)."""
    azure.world.switches.graph_visibility_seconds = 60
    path = "/applications(uniqueName='funcgate-orders')"
    await graph(azure, "PATCH", path, {"displayName": "orders"}, UPSERT)
    await graph(azure, "PATCH", path, {"displayName": "orders"}, UPSERT)
    assert [a["uniqueName"] for a in azure.world.entra.applications.values()].count("funcgate-orders") == 1
