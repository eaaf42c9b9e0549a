"""
What Graph refuses of an application or a service principal that is written.

Sources: property descriptions of msgraph-sdk; trackers of microsoftgraph/microsoft-graph-docs and
hashicorp/terraform-provider-azuread. Some texts are assumed; the tests say which.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from azuresim.contract_check import unknown_properties
from azuresim.entra.directory import Body
from azuresim.graph.request import GraphError, GraphRequest, bad_request
from azuresim.graph.shapes import refuse_wrong_types
from azuresim.graph.uris import PERSONAL, check_identifiers, check_redirects

READ_ONLY = {"id", "appId", "createdDateTime", "deletedDateTime", "publisherDomain"}
AUDIENCES = {"AzureADMyOrg", "AzureADMultipleOrgs", *PERSONAL}
LONGEST_ROLE_VALUE = 120
LONGEST_NAME = 256
DISABLE_FIRST = "Permission (scope or role) cannot be deleted or updated unless disabled first."


def refuse_unknown(sent: Body, kind: str, allowed: Iterable[str] = ()) -> None:
    """Names that the type has not, values of another type, and what only Graph sets."""
    plain = {name: value for name, value in sent.items() if "@" not in name}
    for text in unknown_properties(plain, kind):
        name = text.split(":")[0]
        raise bad_request(f"Property '{name}' does not exist as a declared property or extension property.")
    refuse_wrong_types(plain, kind)
    for name in READ_ONLY.difference(allowed) & plain.keys():
        raise bad_request(f"Property '{name}' is read-only and cannot be set.")


def check_application(request: GraphRequest, before: Body, after: Body) -> None:
    check_values(after)
    check_names(request, before, after)
    check_identifiers(request, before, after)
    check_redirects(after)
    for role in after["appRoles"]:
        check_role(role)
    check_entitlements(before["appRoles"], after["appRoles"])
    check_entitlements(scopes_of(before), scopes_of(after))


def check_values(after: Body) -> None:
    for name, valid in (
        ("displayName", 1 <= len(after["displayName"] or "") <= LONGEST_NAME),
        ("signInAudience", after["signInAudience"] in AUDIENCES),
    ):
        if not valid:
            raise bad_request(f"Invalid value specified for property '{name}' of resource 'Application'.")
    version = (after.get("api") or {}).get("requestedAccessTokenVersion")
    if version not in (None, 1, 2):
        raise bad_request(
            "Invalid value specified for property 'requestedAccessTokenVersion' of resource 'ApiApplication'."
        )
    if after["signInAudience"] in PERSONAL and version != 2:
        raise bad_request("Property api.requestedAccessTokenVersion is invalid.")


def check_names(request: GraphRequest, before: Body, after: Body) -> None:
    """uniqueName is set once; it and the identifier URIs are unique in the tenant."""
    if before.get("uniqueName") not in (None, after.get("uniqueName")):
        raise bad_request("Property 'uniqueName' is immutable and cannot be changed.")
    for other in request.world.entra.applications.values():
        if other["id"] == before["id"]:
            continue
        shared = set(other["identifierUris"]) & set(after["identifierUris"])
        twice = "identifierUris" if shared else ""
        if after.get("uniqueName") and other.get("uniqueName") == after["uniqueName"]:
            twice = "uniqueName"
        if twice:
            text = f"Another object with the same value for property {twice} already exists."
            raise GraphError(409, "Request_MultipleObjectsWithSameKeyValue", text)


# --- roles and scopes -------------------------------------------------------------------------------------------------
def scopes_of(application: Body) -> list[Body]:
    return (application.get("api") or {}).get("oauth2PermissionScopes") or []


def check_role(role: Body) -> None:
    value = role.get("value") or ""
    if not role.get("id") or not role.get("allowedMemberTypes") or not role.get("displayName"):
        raise bad_request(
            "One or more properties of resource 'AppRole' are missing: id, allowedMemberTypes, displayName."
        )
    if not {"User", "Application"}.issuperset(role["allowedMemberTypes"]):
        raise bad_request("Invalid value specified for property 'allowedMemberTypes' of resource 'AppRole'.")
    if len(value) > LONGEST_ROLE_VALUE or " " in value:
        raise bad_request("Invalid value specified for property 'value' of resource 'AppRole'.")


def check_entitlements(before: Sequence[Body], after: Sequence[Body]) -> None:
    """Ids and values differ; what is enabled cannot be left out: first disabled in one PATCH, then removed."""
    ids: list[Any] = [item.get("id") for item in after]
    values = [item["value"] for item in after if item.get("value")]
    if len(set(ids)) < len(ids) or len(set(values)) < len(values):
        raise bad_request("Request contains a property with duplicate values.")
    if any(item.get("isEnabled") and item["id"] not in ids for item in before):
        raise bad_request(DISABLE_FIRST, "CannotDeleteOrUpdateEnabledEntitlement")
