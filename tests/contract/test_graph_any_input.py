"""Whatever is sent to Graph, it answers as Graph: with an error object, and never by breaking."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azuresim.entra.directory import GRAPH_OBJECT_ID, GRAPH_ROLES
from azuresim.wire import HttpCall
from contract.test_any_input import SETTINGS, There, damaged, headers_with

GRAPH = "https://graph.microsoft.com/v1.0"
SOME_ID = "70000000-0000-4000-8000-000000000001"
RIGHTS = {
    "Application.ReadWrite.All",
    "AppRoleAssignment.ReadWrite.All",
    "DelegatedPermissionGrant.ReadWrite.All",
    "Directory.Read.All",
}
APPLICATION: dict[str, Any] = {
    "displayName": "new",
    "signInAudience": "AzureADMyOrg",
    "tags": ["a"],
    "web": {"redirectUris": ["https://a.example/cb"], "implicitGrantSettings": {"enableIdTokenIssuance": True}},
    "spa": {"redirectUris": ["http://localhost"]},
    "api": {
        "requestedAccessTokenVersion": 2,
        "oauth2PermissionScopes": [{"id": SOME_ID, "value": "s", "isEnabled": False, "type": "User"}],
        "preAuthorizedApplications": [{"appId": SOME_ID, "delegatedPermissionIds": [SOME_ID]}],
    },
    "appRoles": [{"id": SOME_ID, "allowedMemberTypes": ["Application"], "displayName": "r", "value": "r"}],
    "requiredResourceAccess": [{"resourceAppId": SOME_ID, "resourceAccess": [{"id": SOME_ID, "type": "Role"}]}],
    "optionalClaims": {"accessToken": [{"name": "idtyp", "essential": False}]},
}
BOUND = [f"{GRAPH}/directoryObjects/{GRAPH_OBJECT_ID}"]
NEW = {
    **APPLICATION,
    "passwordCredentials": [{"displayName": "p", "endDateTime": "2030-01-01T00:00:00Z"}],
    "owners@odata.bind": BOUND,
}
CHANGED = {**APPLICATION, "identifierUris": ["api://new"]}
KEYS = {"keyCredentials": [{"type": "AsymmetricX509Cert", "usage": "Verify", "key": "AAAA"}]}
ASSIGNMENT = {"principalId": "{sp}", "resourceId": GRAPH_OBJECT_ID, "appRoleId": GRAPH_ROLES["Application.Read.All"]}
GRANT = {"clientId": "{sp}", "resourceId": GRAPH_OBJECT_ID, "consentType": "AllPrincipals", "scope": "a"}
FEDERATED = {"name": "c", "issuer": "https://i.example", "subject": "s", "audiences": ["a"], "description": None}
WRITES: list[tuple[str, str, dict[str, Any], int]] = [
    ("POST", "applications", NEW, 201),
    ("PATCH", "applications/{app}", CHANGED, 204),
    ("PATCH", "applications/{app}", KEYS, 400),
    ("PATCH", "applications(uniqueName='x')", APPLICATION, 201),
    ("POST", "servicePrincipals", {"appId": "{client}", "notes": "x", "accountEnabled": True}, 409),
    ("PATCH", "servicePrincipals/{sp}", {"appRoleAssignmentRequired": True, "tags": ["x"], "keyCredentials": []}, 204),
    ("POST", f"servicePrincipals/{GRAPH_OBJECT_ID}/appRoleAssignedTo", ASSIGNMENT, 201),
    ("POST", "servicePrincipals/{sp}/appRoleAssignments", ASSIGNMENT, 201),
    ("POST", "applications/{app}/federatedIdentityCredentials", FEDERATED, 201),
    ("PATCH", "applications/{app}/federatedIdentityCredentials(name='c')", FEDERATED, 201),
    ("POST", "applications/{app}/addPassword", {"passwordCredential": {"displayName": "p"}}, 200),
    ("POST", "servicePrincipals/{sp}/removePassword", {"keyId": SOME_ID}, 400),
    ("POST", "applications/{app}/owners/$ref", {"@odata.id": BOUND[0]}, 204),
    ("POST", "oauth2PermissionGrants", GRANT, 201),
    ("POST", "directoryObjects/getByIds", {"ids": ["{sp}"], "types": ["servicePrincipal"]}, 200),
    ("POST", "$batch", {"requests": [{"id": "1", "method": "GET", "url": "/me", "dependsOn": ["0"]}]}, 200),
]
LISTS = ["applications", "servicePrincipals", "servicePrincipals/{sp}/appRoleAssignments", "applications/delta"]
WORDS = st.sampled_from(
    re.findall(
        r"\S+",
        """
        displayName id appId resourceId createdDateTime owners/$count identifierUris/any owners owners($select=id) * -1
        999 7 ( ) : , x x:x eq ne ge in and not OR desc startswith( 'a' '' ' null true 2026-01-01T00:00:00Z
        70000000-0000-4000-8000-000000000001 "displayName:a"
        """,
    )
)
OPTIONS = st.sampled_from(
    ["$filter", "$select", "$expand", "$orderby", "$search", "$top", "$skiptoken", "$deltatoken", "$count", "$skip"]
)


@pytest.fixture
def there() -> There:
    """Its token was made after the client got its rights; its application has no scope that must be disabled first."""
    made = There()
    made.world.entra.applications[made.team.application_id]["api"]["oauth2PermissionScopes"] = []
    client = made.team.operator_client_id
    made.world.entra.graph_permissions[client] = set(RIGHTS)
    made.graph_token = made.world.entra.token_for_client(client, "https://graph.microsoft.com")
    return made


def filled(there: There, text: str) -> str:
    team = there.team
    for name, value in {"app": team.application_id, "client": team.client_id, "sp": team.principal_id}.items():
        text = text.replace(f"{{{name}}}", value)
    return text


def asked(there: There, call: HttpCall) -> int:
    """The status; every refusal has a code and a message."""
    answer = there.ask(call)
    told = f"{call.method} {call.path} {call.query}: {answer.status} {answer.body[:300]!r} for {call.body[:300]!r}"
    assert answer.status < 500, told
    if answer.status >= 400:
        assert {"code", "message"} <= answer.data()["error"].keys(), told
    return answer.status


@pytest.mark.parametrize(("method", "path", "body", "status"), WRITES)
def test_a_body_that_is_wrong_in_any_one_place_is_taken_or_refused_by_graph(
    there: There, method: str, path: str, body: dict[str, Any], status: int
) -> None:
    """No Azure behaviour: The simulator must not break where a client makes a mistake."""
    sent, target = headers_with(there.graph_token, {"Prefer": "create-if-missing"}), filled(there, path)
    texts = [filled(there, broken.decode()).encode() for broken in damaged(body)]
    statuses = [asked(there, HttpCall.of(method, f"{GRAPH}/{target}", sent, text)) for text in texts]
    assert statuses[0] == status, "the body as it is"


@pytest.mark.parametrize("path", LISTS)
def test_any_query_is_answered_or_refused_by_graph(there: There, path: str) -> None:
    """No Azure behaviour: The simulator must not break where a client makes a mistake."""
    sent = headers_with(there.graph_token, {"ConsistencyLevel": "eventual"})
    call = HttpCall.of("GET", f"{GRAPH}/{filled(there, path)}", sent)
    texts = st.lists(WORDS, max_size=6).map(" ".join) | st.lists(WORDS, max_size=4).map("".join)

    @SETTINGS
    @given(query=st.lists(st.tuples(OPTIONS, texts), min_size=1, max_size=4))
    def any_query(query: list[tuple[str, str]]) -> None:
        asked(there, call.with_(query=[*query, ("$count", "true")]))

    any_query()
