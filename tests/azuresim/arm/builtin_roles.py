"""
Built-in roles with their real ids, as far as this corner of Azure needs them: `BUILT_IN[guid]` is what a GET shows.

Source: learn.microsoft.com/azure/role-based-access-control/built-in-roles. Actions on services that are not simulated
are there only where they tell roles apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Body = dict[str, Any]
COMMON = (
    "Microsoft.Authorization/*/read",
    "Microsoft.Insights/alertRules/*",
    "Microsoft.ResourceHealth/availabilityStatuses/read",
    "Microsoft.Resources/deployments/*",
    "Microsoft.Resources/subscriptions/resourceGroups/read",
    "Microsoft.Support/*",
)
CREATED = "2015-02-02T21:55:09.8806423Z"
UPDATED = "2024-08-01T15:01:54.3340471Z"
APIM = "Microsoft.ApiManagement/service"
IDENTITY = "Microsoft.ManagedIdentity/userAssignedIdentities"
BLOBS = "Microsoft.Storage/storageAccounts/blobServices"


def role(
    name: str,
    description: str,
    actions: Sequence[str],
    not_actions: Sequence[str] = (),
    data_actions: Sequence[str] = (),
) -> Body:
    """The properties of a built-in role."""
    permission = {
        "actions": list(actions),
        "notActions": list(not_actions),
        "dataActions": list(data_actions),
        "notDataActions": [],
    }
    return {
        "roleName": name,
        "type": "BuiltInRole",
        "description": description,
        "assignableScopes": ["/"],
        "permissions": [permission],
        "createdOn": CREATED,
        "updatedOn": UPDATED,
        "createdBy": None,
        "updatedBy": None,
    }


ROLES: dict[str, Body] = {
    "8e3af657-a8ff-443c-a75c-2fe8c4bcb635": role("Owner", "Full access to all resources, and may assign roles.", ["*"]),
    "b24988ac-6180-42a0-ab88-20f7382dd24c": role(
        "Contributor",
        "Full access to all resources, without assigning roles.",
        ["*"],
        [
            "Microsoft.Authorization/*/Delete",
            "Microsoft.Authorization/*/Write",
            "Microsoft.Authorization/elevateAccess/Action",
            "Microsoft.Blueprint/blueprintAssignments/write",
            "Microsoft.Blueprint/blueprintAssignments/delete",
            "Microsoft.Compute/galleries/share/action",
        ],
    ),
    "acdd72a7-3385-48ef-bd42-f606fba81ae7": role("Reader", "Sees all resources, changes none.", ["*/read"]),
    "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9": role(
        "User Access Administrator",
        "Manages who has access to resources.",
        ["*/read", "Microsoft.Authorization/*", "Microsoft.Support/*"],
    ),
    "f58310d9-a9f6-439a-9e8d-f62e7b41a168": role(
        "Role Based Access Control Administrator",
        "Manages access to resources by assigning roles.",
        [
            "Microsoft.Authorization/roleAssignments/write",
            "Microsoft.Authorization/roleAssignments/delete",
            "*/read",
            "Microsoft.Support/*",
        ],
    ),
    "312a565d-c81f-4fd8-895a-4e21e48d571c": role(
        "API Management Service Contributor", "Manages services and their APIs.", [f"{APIM}/*", *COMMON]
    ),
    "e022efe7-f5ba-4159-bbe4-b44f577e9b61": role(
        "API Management Service Operator Role",
        "Manages services, but not their APIs.",
        [
            f"{APIM}/*/read",
            *(f"{APIM}/{verb}/action" for verb in ("backup", "managedeployments", "restore")),
            *(f"{APIM}/{verb}/action" for verb in ("updatecertificate", "updatehostname")),
            *(f"{APIM}/{verb}" for verb in ("delete", "read", "write")),
            *COMMON,
        ],
        [f"{APIM}/users/keys/read"],
    ),
    "71522526-b88f-4d52-b57f-d31fc3546d0d": role(
        "API Management Service Reader Role",
        "Sees services and their APIs.",
        [f"{APIM}/*/read", f"{APIM}/read", *COMMON],
        [f"{APIM}/users/keys/read"],
    ),
    "de139f84-1756-47ae-9be6-808fbbe84772": role(
        "Website Contributor",
        "Manages sites, but not the plans that they run in.",
        [
            *COMMON,
            "Microsoft.Insights/components/*",
            "Microsoft.Web/certificates/*",
            "Microsoft.Web/listSitesAssignedToHostName/read",
            "Microsoft.Web/serverFarms/join/action",
            "Microsoft.Web/serverFarms/read",
            "Microsoft.Web/sites/*",
        ],
    ),
    "2cc479cb-7b4d-49a8-b449-8c00fd0f0a4b": role(
        "Web Plan Contributor",
        "Manages plans, but not the sites in them.",
        [*COMMON, "Microsoft.Web/serverFarms/*", "Microsoft.Web/hostingEnvironments/Join/Action"],
    ),
    "e40ec5ca-96e0-45a2-b4ff-59039f2c2b59": role(
        "Managed Identity Contributor",
        "Creates, reads, updates and deletes user-assigned identities.",
        [
            *(f"{IDENTITY}/{verb}" for verb in ("read", "write", "delete")),
            *(f"{IDENTITY}/federatedIdentityCredentials/{verb}" for verb in ("read", "write", "delete")),
            f"{IDENTITY}/revokeTokens/action",
            *COMMON,
        ],
    ),
    "f1a07417-d97a-45cb-824c-7a7467783830": role(
        "Managed Identity Operator",
        "Reads and assigns user-assigned identities.",
        [f"{IDENTITY}/*/read", f"{IDENTITY}/*/assign/action", *COMMON],
    ),
    "4633458b-17de-408a-b874-0445c86b69e6": role(
        "Key Vault Secrets User",
        "Reads the contents of secrets.",
        [],
        data_actions=[
            "Microsoft.KeyVault/vaults/secrets/getSecret/action",
            "Microsoft.KeyVault/vaults/secrets/readMetadata/action",
        ],
    ),
    "ba92f5b4-2d11-453d-a403-e96b0029c9fe": role(
        "Storage Blob Data Contributor",
        "Reads, writes and deletes containers and blobs.",
        [
            *(f"{BLOBS}/containers/{verb}" for verb in ("delete", "read", "write")),
            f"{BLOBS}/generateUserDelegationKey/action",
        ],
        data_actions=[
            *(f"{BLOBS}/containers/blobs/{verb}" for verb in ("delete", "read", "write")),
            *(f"{BLOBS}/containers/blobs/{verb}/action" for verb in ("move", "add")),
        ],
    ),
    "b7e6dc6d-f1e8-4753-8033-0f276bb0955b": role(
        "Storage Blob Data Owner",
        "Full access to containers and blobs.",
        [f"{BLOBS}/containers/*", f"{BLOBS}/generateUserDelegationKey/action"],
        data_actions=[f"{BLOBS}/containers/blobs/*"],
    ),
}
BUILT_IN: dict[str, Body] = {
    guid: {
        "id": f"/providers/Microsoft.Authorization/roleDefinitions/{guid}",
        "name": guid,
        "type": "Microsoft.Authorization/roleDefinitions",
        "properties": properties,
    }
    for guid, properties in ROLES.items()
}
