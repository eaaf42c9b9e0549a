"""
The tenant's directory: applications, service principals, role assignments, managed identities.

    entra.add_application("orders-fn", client_id=…, token_version=2, redirect_uris=[…], id_tokens=True)  -> live body
    entra.add_service_principal(client_id)                 -> live body (add_application does it unless told not to)
    entra.application(client_id) / principal(client id or object id)      -> body or None
    entra.assign(principal_id, resource_principal_id, role_id)            -> assignment
    entra.ensure_system_identity(resource_id) / system_identity(resource_id)   -> ManagedIdentity (or None)
    entra.add_user_identity(identity_id) / identity(resource, principal or client id) / drop_identity(resource_id)
    entra.graph_permissions[client_id] = {"Application.Read.All"}
    entra.owners[object_id] = {principal object ids}

Bodies are what Graph shows; changing them in a test is a change by hand. An identity has one service principal, the
same that `identities/default` and Graph show.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from azuresim.entra.replicas import Replicas
from azuresim.resources import key_of

if TYPE_CHECKING:
    from azuresim.arm.quotas import Bucket
    from azuresim.world import World

Body = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class ManagedIdentity:
    """`resource_id` is the resource that has it, or the user-assigned identity itself."""

    resource_id: str
    principal_id: str
    client_id: str
    tenant_id: str
    user_assigned: bool = False


GRAPH_APP_ID = "00000003-0000-0000-c000-000000000000"
GRAPH_OBJECT_ID = "00000003-f00d-4000-9000-000000000000"
GRAPH_ROLES = {
    "Application.Read.All": "9a5d68dd-52b0-4cc2-bd40-abcf44ac3a30",
    "Application.ReadWrite.All": "1bfefb4e-e0b5-418b-a88f-73c46d2cc8e9",
    "Application.ReadWrite.OwnedBy": "18a4783c-866b-4cc7-a460-3d5e5662c884",
    "AppRoleAssignment.ReadWrite.All": "06b708a9-e830-4db3-a914-8e69da51d44f",
    "Directory.Read.All": "7ab1d382-f21e-4acd-a863-ba3e13f7da61",
    "Directory.ReadWrite.All": "19dbc75e-c2e2-444c-a770-ec69d8559fc7",
    "DelegatedPermissionGrant.ReadWrite.All": "8e8e4742-1d95-4f68-9d56-6ee75648c72a",
}
"""Permissions that the simulated Graph asks for. Source: learn.microsoft.com/graph/permissions-reference."""
GRAPH_SCOPES = {
    "User.Read": "e1fe6dd8-ba31-4d61-89e7-88639da4683d",
    "openid": "37f7f235-527c-4136-accd-4a02d197296e",
    "profile": "14dad69e-099b-42c9-810b-d002981feec1",
    "email": "64a6cdd6-aab1-4aaf-94b8-3cc8405e90d0",
    "offline_access": "7427e0e9-2fba-42fe-b0c0-848c9e6a8182",
}
"""Delegated permissions that clients ask for most. Source: learn.microsoft.com/graph/permissions-reference."""


class Directory:
    def __init__(self, world: World) -> None:
        self.world = world
        self.tenant_id = world.tenant_id
        self.applications: dict[str, Body] = {}
        self.service_principals: dict[str, Body] = {}
        self.assignments: dict[str, Body] = {}
        self.deleted: dict[str, Body] = {}
        self.identities: dict[str, ManagedIdentity] = {}
        self.graph_permissions: dict[str, set[str]] = {}
        self.owners: dict[str, set[str]] = {}
        self.federated_bodies: dict[str, dict[str, Body]] = {}
        self.federated_by_graph: dict[str, list[Any]] = {}
        self.secret_of_key: dict[str, str] = {}
        self.permission_grants: dict[str, Body] = {}
        self.graph_quotas: dict[tuple[str, str], Bucket] = {}
        self.delta_states: dict[tuple[str, str], tuple[float, dict[str, Body]]] = {}
        self.replicas = Replicas(world)
        self._add_graph()

    # --- applications -------------------------------------------------------------------------------------------------
    def add_application(
        self,
        display_name: str,
        *,
        client_id: str | None = None,
        object_id: str | None = None,
        token_version: int | None = None,
        identifier_uris: Iterable[str] = (),
        redirect_uris: Iterable[str] = (),
        id_tokens: bool = False,
        app_roles: Iterable[Mapping[str, Any]] = (),
        service_principal: bool = True,
        principal_id: str | None = None,
        **more: Any,
    ) -> Body:
        """A registration as Graph shows it, with its service principal; `more` are further properties of it."""
        body = blank_application(self.world.clock.stamp(), display_name) | {
            "id": object_id or self.world.guid(),
            "appId": client_id or self.world.guid(),
            "identifierUris": list(identifier_uris),
            "appRoles": [dict(role) for role in app_roles],
            **more,
        }
        body["api"]["requestedAccessTokenVersion"] = token_version
        body["web"]["redirectUris"] = list(redirect_uris)
        body["web"]["implicitGrantSettings"]["enableIdTokenIssuance"] = id_tokens
        self.applications[body["id"]] = body
        if service_principal:
            self.add_service_principal(body["appId"], object_id=principal_id)
        return body

    def application(self, client_id: str) -> Body | None:
        return next((a for a in self.applications.values() if a["appId"].lower() == client_id.lower()), None)

    def add_service_principal(self, client_id: str, *, object_id: str | None = None, **more: Any) -> Body:
        """The service principal of an application of this tenant (or of another one, with its names in `more`)."""
        application = self.application(client_id) or {}
        body = blank_principal(application.get("displayName", client_id), client_id) | {
            "id": object_id or self.world.guid(),
            **(mirrored(application) if application else {}),
            "appOwnerOrganizationId": self.tenant_id,
            **more,
        }
        self.service_principals[body["id"]] = body
        return body

    def principal(self, which: str) -> Body | None:
        """By object id or client id."""
        found = self.service_principals.get(which)
        if found is None:
            found = next((p for p in self.service_principals.values() if p["appId"].lower() == which.lower()), None)
        return found

    def assign(self, principal_id: str, resource_id: str, role_id: str) -> Body:
        """The role of the resource's service principal is assigned to the principal (object ids)."""
        principal, resource = self.service_principals[principal_id], self.service_principals[resource_id]
        body = {
            "id": self.world.guid(),
            "createdDateTime": self.world.clock.stamp(),
            "appRoleId": role_id,
            "principalId": principal_id,
            "principalDisplayName": principal["displayName"],
            "principalType": "ServicePrincipal",
            "resourceId": resource_id,
            "resourceDisplayName": resource["displayName"],
        }
        self.assignments[body["id"]] = body
        return body

    def assigned_roles(self, principal_id: str, resource_id: str) -> list[str] | None:
        """Values of the assigned roles, None when nothing is assigned (the role-less assignment gives an empty
        list)."""
        ids = [
            a["appRoleId"]
            for a in self.assignments.values()
            if a["principalId"] == principal_id and a["resourceId"] == resource_id
        ]
        if not ids:
            return None
        resource = self.service_principals[resource_id]
        application = self.application(resource["appId"]) or resource
        return [r["value"] for r in application["appRoles"] if r["id"] in ids and r.get("value")]

    def _add_graph(self) -> None:
        """Microsoft Graph's own service principal, which every tenant has; its roles are Graph's permissions."""
        roles = [
            {
                "id": role_id,
                "value": name,
                "displayName": name,
                "description": name,
                "allowedMemberTypes": ["Application"],
                "isEnabled": True,
                "origin": "Application",
            }
            for name, role_id in GRAPH_ROLES.items()
        ]
        scopes = [
            {"id": scope_id, "value": name, "adminConsentDisplayName": name, "type": "User", "isEnabled": True}
            for name, scope_id in GRAPH_SCOPES.items()
        ]
        more: Body = {
            "displayName": "Microsoft Graph",
            "appDisplayName": "Microsoft Graph",
            "appRoles": roles,
            "oauth2PermissionScopes": scopes,
            "appOwnerOrganizationId": "f8cdef31-a31e-4b4a-93e4-5f571e91255a",
            "servicePrincipalNames": [GRAPH_APP_ID, "https://graph.microsoft.com"],
        }
        self.add_service_principal(GRAPH_APP_ID, object_id=GRAPH_OBJECT_ID, **more)

    def permission_follows(self, assignment: Body, *, granted: bool) -> None:
        """A role of Microsoft Graph that was assigned to a client, or taken away, is a permission for it, or none."""
        principal = self.service_principals.get(assignment["principalId"])
        names = {role_id: name for name, role_id in GRAPH_ROLES.items()}
        name = names.get(assignment["appRoleId"])
        if principal is None or name is None or assignment["resourceId"] != GRAPH_OBJECT_ID:
            return
        mine = self.graph_permissions.setdefault(principal["appId"], set())
        mine.add(name) if granted else mine.discard(name)

    def forget_principal(self, object_id: str) -> None:
        """The service principal is gone, with assignments of it and to it."""
        for assignment in [a for a in self.assignments.values() if object_id in (a["principalId"], a["resourceId"])]:
            del self.assignments[assignment["id"]]
            self.permission_follows(assignment, granted=False)
        self.service_principals.pop(object_id, None)

    def follow_application(self, application: Body, roles_gone: Iterable[str]) -> None:
        """The service principal shows what its application says now; assignments of removed roles are gone."""
        principal = self.principal(application["appId"])
        if principal is None:
            return
        principal.update(mirrored(application))
        for assignment in [a for a in self.assignments.values() if a["resourceId"] == principal["id"]]:
            if assignment["appRoleId"] in set(roles_gone):
                del self.assignments[assignment["id"]]

    # --- managed identities -------------------------------------------------------------------------------------------
    def ensure_system_identity(
        self, resource_id: str, *, principal_id: str | None = None, client_id: str | None = None
    ) -> ManagedIdentity:
        """The system-assigned identity of the resource; made, with its service principal, when it has none."""
        return self.system_identity(resource_id) or self._add_identity(resource_id, False, principal_id, client_id)

    def add_user_identity(
        self, identity_id: str, *, principal_id: str | None = None, client_id: str | None = None
    ) -> ManagedIdentity:
        return self.identities.get(key_of(identity_id)) or self._add_identity(
            identity_id, True, principal_id, client_id
        )

    def system_identity(self, resource_id: str) -> ManagedIdentity | None:
        found = self.identities.get(key_of(resource_id))
        return None if found is None or found.user_assigned else found

    def user_identity(self, identity_id: str) -> ManagedIdentity | None:
        found = self.identities.get(key_of(identity_id))
        return found if found is not None and found.user_assigned else None

    def identity(self, which: str) -> ManagedIdentity | None:
        """By resource id, principal id or client id."""
        found = self.identities.get(key_of(which))
        if found is None:
            ids = (
                i for i in self.identities.values() if which.lower() in (i.principal_id.lower(), i.client_id.lower())
            )
            found = next(ids, None)
        return found

    def drop_identity(self, resource_id: str) -> None:
        """No identity any more, and no service principal; a later one has new ids."""
        gone = self.identities.pop(key_of(resource_id), None)
        if gone is not None:
            self.forget_principal(gone.principal_id)

    def _add_identity(
        self, resource_id: str, user_assigned: bool, principal_id: str | None, client_id: str | None
    ) -> ManagedIdentity:
        made = ManagedIdentity(
            resource_id=resource_id,
            principal_id=principal_id or self.world.guid(),
            client_id=client_id or self.world.guid(),
            tenant_id=self.tenant_id,
            user_assigned=user_assigned,
        )
        self.identities[key_of(resource_id)] = made
        self.add_service_principal(
            made.client_id,
            object_id=made.principal_id,
            displayName=resource_id.rpartition("/")[2],
            servicePrincipalType="ManagedIdentity",
            alternativeNames=[f"isExplicit={user_assigned}", resource_id],
        )
        return made


def blank_application(created: str, display_name: str) -> Body:
    return {
        "displayName": display_name,
        "createdDateTime": created,
        "uniqueName": None,
        "signInAudience": "AzureADMyOrg",
        "identifierUris": [],
        "tags": [],
        "notes": None,
        "isFallbackPublicClient": None,
        "requiredResourceAccess": [],
        "appRoles": [],
        "passwordCredentials": [],
        "keyCredentials": [],
        "api": {
            "requestedAccessTokenVersion": None,
            "acceptMappedClaims": None,
            "knownClientApplications": [],
            "oauth2PermissionScopes": [],
            "preAuthorizedApplications": [],
        },
        "web": {
            "homePageUrl": None,
            "logoutUrl": None,
            "redirectUris": [],
            "implicitGrantSettings": {"enableIdTokenIssuance": False, "enableAccessTokenIssuance": False},
        },
        "spa": {"redirectUris": []},
        "publicClient": {"redirectUris": []},
    }


def mirrored(application: Body) -> Body:
    """What a service principal shows of its application."""
    api, web = application.get("api") or {}, application.get("web") or {}
    platforms = [application.get(name) or {} for name in ("web", "spa", "publicClient")]
    return {
        "appDisplayName": application["displayName"],
        "servicePrincipalNames": [application["appId"], *application["identifierUris"]],
        "appRoles": application["appRoles"],
        "oauth2PermissionScopes": api.get("oauth2PermissionScopes") or [],
        "replyUrls": [uri for platform in platforms for uri in platform.get("redirectUris") or []],
        "homepage": web.get("homePageUrl"),
        "logoutUrl": web.get("logoutUrl"),
        "signInAudience": application["signInAudience"],
    }


def blank_principal(display_name: str, client_id: str) -> Body:
    return {
        "appId": client_id,
        "displayName": display_name,
        "appDisplayName": display_name,
        "accountEnabled": True,
        "servicePrincipalType": "Application",
        "appRoleAssignmentRequired": False,
        "alternativeNames": [],
        "servicePrincipalNames": [client_id],
        "appRoles": [],
        "oauth2PermissionScopes": [],
        "replyUrls": [],
        "tags": [],
        "passwordCredentials": [],
        "keyCredentials": [],
    }
