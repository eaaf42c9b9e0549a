"""Microsoft Graph: application registrations, their service principals, and who is assigned to them. Plain JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote
from uuid import UUID

from kiota_abstractions.request_adapter import RequestAdapter

from funcgate.azure.http import Call, Http
from funcgate.azure.recent import Recent
from funcgate.errors import NotFound, Rejected, TryAgain

APPLICATION: Final = "id,appId,displayName,uniqueName,api,web,spa,publicClient,isFallbackPublicClient,appRoles"
SERVICE_PRINCIPAL: Final = "id,appId,displayName,appRoleAssignmentRequired,accountEnabled"

LISTS: Final = ("web", "spa", "publicClient")
"""The three parts of an application that hold redirect URIs; clearing only `web` leaves two ways in."""

TOKENS: Final = {"idToken": "enableIdTokenIssuance", "accessToken": "enableAccessTokenIssuance"}

Json = Mapping[str, Any]


@dataclass(frozen=True, order=True)
class Redirect:
    """One redirect URI, and in which of the three lists it stands."""

    list: str
    uri: str

    def __str__(self) -> str:
        return f"{self.list} {self.uri}"


@dataclass(frozen=True, kw_only=True)
class WaysIn:
    """How people get a token for an application by signing in: none of it is of use between machines."""

    redirects: frozenset[Redirect] = frozenset()
    implicit_tokens: frozenset[str] = frozenset()  # `idToken`, `accessToken`: handed out without a code
    public_client: bool = False  # device code and password flows


@dataclass(frozen=True, kw_only=True)
class Application:
    """An app registration. `token_version` is the one of its access tokens; `roles` those that are enabled."""

    object_id: str
    client_id: str
    display_name: str
    unique_name: str
    token_version: int
    ways_in: WaysIn
    roles: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class ServicePrincipal:
    """An application's presence in this tenant; with `assignment_required` only assigned callers get a token for it."""

    object_id: str
    client_id: str
    assignment_required: bool
    enabled: bool


class GraphClient:
    """
    Calls to Microsoft Graph v1.0, through msgraph-sdk's request adapter.

    All raise AccessDenied, GraphPermissionMissing, without the permission that they name; TryAgain, DirectoryBehind,
    where the directory does not know yet what was made a moment ago. Reads that show what stood there before our own
    write are not believed for five minutes.
    """

    def __init__(self, http: Http, adapter: RequestAdapter) -> None:
        self._http = http
        self._adapter = adapter
        self._applications, self._principals = Recent(http.time.now), Recent(http.time.now)

    async def get_application(self, client_id: str) -> Application | None:
        """
        The registration with this client id; None when the tenant has none.

        GET /applications(appId='…') → `{"appId", "uniqueName", "api": {"requestedAccessTokenVersion": 1 | 2 | null},
        "web": {"redirectUris", "implicitGrantSettings"}, "spa": {"redirectUris"}, "publicClient": {"redirectUris"},
        "isFallbackPublicClient", "appRoles"}`. A version of null means 1. Needs Application.Read.All, or
        Application.ReadWrite.OwnedBy and to be an owner. Source: learn.microsoft.com/graph/api/application-get,
        …/graph/api/resources/apiapplication.
        """
        if not (id_ := _guid(client_id)):
            return None
        body = await self._application("appId", id_)
        return read_application(body) if body is not None else None

    async def find_application(self, unique_name: str) -> Application | None:
        """The registration of this unique name; None when there is none. GET /applications(uniqueName='…')."""
        body = await self._application("uniqueName", unique_name)
        return read_application(body) if body is not None else None

    async def make_application(self, unique_name: str, properties: Json) -> None:
        """
        There is a registration of this unique name; the properties are those of a new one.

        PATCH /applications(uniqueName='…') with `Prefer: create-if-missing` → 201 with the body, or 204 when it was
        there: the one way to make it that can be repeated, since names are not unique. Needs
        Application.ReadWrite.OwnedBy, and makes the operator its owner. Source:
        learn.microsoft.com/graph/api/application-upsert.
        """
        call = Call(
            method="PATCH",
            url=self._url(f"applications(uniqueName='{quote(unique_name)}')"),
            kind="applications",
            headers={"Prefer": "create-if-missing"},
            body=dict(properties),
        )
        answer = (await self._http.send(call)).json()
        if isinstance(answer, dict) and answer.get("id"):
            self._applications.made(answer)

    async def change_application(self, client_id: str, properties: Json) -> None:
        """
        The registration has these properties; all others are as they were.

        PATCH /applications/{id} → 204. Needs Application.ReadWrite.OwnedBy and to be an owner, or
        Application.ReadWrite.All. Source: learn.microsoft.com/graph/api/application-update.
        """
        body = await self._need_application(client_id)
        await self._change("applications", body, properties)

    async def close_ways_in(self, client_id: str, gone: WaysIn) -> None:
        """
        None of these ways in is left; what else stands there stays.

        Lists are replaced whole, and whether a PATCH of `web` keeps the members that it leaves out is not documented:
        the parts are read again and sent complete. As `change_application`.
        """
        body = await self._need_application(client_id)
        if properties := _without(body, gone):
            await self._change("applications", body, properties)

    async def add_role(self, client_id: str, role: Json) -> None:
        """
        The registration offers this app role beside those that it has.

        The list is replaced whole, and one that leaves out an enabled role is refused. As `change_application`. Source:
        learn.microsoft.com/graph/api/resources/approle.
        """
        body = await self._need_application(client_id)
        await self._change("applications", body, {"appRoles": [*(body.get("appRoles") or ()), role]})

    async def delete_application(self, client_id: str) -> None:
        """
        There is no such registration and no service principal of it; for 30 days it can be restored.

        DELETE /applications(appId='…') → 204. As `change_application`. Source:
        learn.microsoft.com/graph/api/application-delete.
        """
        body = await self._application("appId", client_id)
        if body is None:
            return
        call = Call(method="DELETE", url=self._url(f"applications/{body['id']}"), kind="applications")
        await self._http.send(call)
        self._applications.removed(str(body["id"]))

    async def get_service_principal(self, client_id: str) -> ServicePrincipal | None:
        """
        The service principal of this application in the operator's tenant; None when there is none.

        GET /servicePrincipals(appId='…') → `{"id", "appId", "appRoleAssignmentRequired", "accountEnabled"}`. Rights as
        `get_application`. Source: learn.microsoft.com/graph/api/serviceprincipal-get.
        """
        if not (id_ := _guid(client_id)):
            return None
        body = await self._read("servicePrincipals", "appId", id_, SERVICE_PRINCIPAL)
        return read_service_principal(body) if body is not None else None

    async def make_service_principal(self, client_id: str) -> None:
        """
        The application has a service principal.

        POST /servicePrincipals `{"appId"}` → 201; 409 when it was there. Needs Application.ReadWrite.OwnedBy. Source:
        learn.microsoft.com/graph/api/serviceprincipal-post-serviceprincipals.
        """
        call = Call(
            method="POST",
            url=self._url("servicePrincipals"),
            kind="servicePrincipals",
            body={"appId": client_id},
        )
        try:
            answer = (await self._http.send(call)).json()
        except TryAgain as there:
            if there.status != 409:
                raise
            return
        self._principals.made(answer)

    async def require_assignment(self, principal: ServicePrincipal) -> None:
        """
        Whoever is not assigned gets no token for the application any more.

        PATCH /servicePrincipals/{id} `{"appRoleAssignmentRequired": true}` → 204. Rights as `change_application`.
        Source: learn.microsoft.com/graph/api/serviceprincipal-update.
        """
        body = {"id": principal.object_id, "appRoleAssignmentRequired": principal.assignment_required}
        await self._change("servicePrincipals", body, {"appRoleAssignmentRequired": True})

    async def assigned_to(self, principal: ServicePrincipal) -> Sequence[str]:
        """
        The object ids of those that are assigned to the application.

        GET /servicePrincipals/{id}/appRoleAssignedTo → `{"value": [{"principalId", "appRoleId"}]}`. Needs
        Application.Read.All. Source: learn.microsoft.com/graph/api/serviceprincipal-list-approleassignedto.
        """
        url = self._url(f"servicePrincipals/{principal.object_id}/appRoleAssignedTo")
        return [str(item.get("principalId") or "") for item in await self._http.items(url, "appRoleAssignments")]

    async def assign(self, principal: ServicePrincipal, to: str, role: str) -> None:
        """
        The caller with the object id `to` is assigned to that app role of the application.

        POST /servicePrincipals/{id}/appRoleAssignedTo `{"principalId", "resourceId", "appRoleId"}` → 201; "already
        exists" is fine. Needs AppRoleAssignment.ReadWrite.All and Application.Read.All. Source:
        learn.microsoft.com/graph/api/serviceprincipal-post-approleassignedto.
        """
        call = Call(
            method="POST",
            url=self._url(f"servicePrincipals/{principal.object_id}/appRoleAssignedTo"),
            kind="appRoleAssignments",
            body={"principalId": to, "resourceId": principal.object_id, "appRoleId": role},
        )
        try:
            await self._http.send(call)
        except Rejected as refused:
            if "already exists" not in str(refused):
                raise

    async def _application(self, key: str, value: str) -> Json | None:
        return await self._read("applications", key, value, APPLICATION)

    async def _need_application(self, client_id: str) -> Json:
        body = await self._application("appId", client_id)
        if body is None:
            raise TryAgain(f"the directory does not show application {client_id} any more", reason="DirectoryBehind")
        return body

    async def _read(self, kind: str, key: str, value: str, select: str) -> Json | None:
        url = self._url(f"{kind}({key}='{quote(value)}')?$select={select}")
        body: Json | None
        try:
            body, _ = await self._http.document(Call(method="GET", url=url, kind=kind))
        except NotFound:
            body = None
        return self._recent(kind).seen(body, key, value)

    async def _change(self, kind: str, body: Json, properties: Json) -> None:
        url = self._url(f"{kind}/{body['id']}")
        await self._http.send(Call(method="PATCH", url=url, kind=kind, body=dict(properties)))
        self._recent(kind).changed(body, properties)

    def _recent(self, kind: str) -> Recent:
        return self._applications if kind == "applications" else self._principals

    def _url(self, path: str) -> str:
        return f"{self._adapter.base_url}/{path}"


def _without(body: Json, gone: WaysIn) -> dict[str, Any]:
    """The parts of the application in which something of this stands, without it."""
    parts: dict[str, Any] = {}
    for part in LISTS:
        before = body.get(part) or {}
        after = _part_without(before, {each.uri for each in gone.redirects if each.list == part})
        if part == "web" and gone.implicit_tokens:
            implicit = after.get("implicitGrantSettings") or {}
            after["implicitGrantSettings"] = {**implicit, **{TOKENS[each]: False for each in gone.implicit_tokens}}
        if after != before:
            parts[part] = after
    if gone.public_client and body.get("isFallbackPublicClient"):
        parts["isFallbackPublicClient"] = False
    return parts


def _part_without(part: Json, uris: set[str]) -> dict[str, Any]:
    """`redirectUriSettings` lists the same URIs with a number, where it is there."""
    after = dict(part)
    if "redirectUris" in part:
        after["redirectUris"] = [each for each in part["redirectUris"] or () if each not in uris]
    if "redirectUriSettings" in part:
        after["redirectUriSettings"] = [each for each in part["redirectUriSettings"] or () if each["uri"] not in uris]
    return after


def read_application(body: Json) -> Application:
    """The application in an answer."""
    implicit = (body.get("web") or {}).get("implicitGrantSettings") or {}
    ways_in = WaysIn(
        redirects=frozenset(
            Redirect(part, str(uri)) for part in LISTS for uri in (body.get(part) or {}).get("redirectUris") or ()
        ),
        implicit_tokens=frozenset(name for name, setting in TOKENS.items() if implicit.get(setting) is True),
        public_client=body.get("isFallbackPublicClient") is True,
    )
    return Application(
        object_id=str(body.get("id") or ""),
        client_id=str(body.get("appId") or "").lower(),
        display_name=str(body.get("displayName") or ""),
        unique_name=str(body.get("uniqueName") or ""),
        token_version=2 if (body.get("api") or {}).get("requestedAccessTokenVersion") == 2 else 1,
        ways_in=ways_in,
        roles=frozenset(str(each["id"]) for each in body.get("appRoles") or () if each.get("isEnabled")),
    )


def read_service_principal(body: Json) -> ServicePrincipal:
    """The service principal in an answer."""
    return ServicePrincipal(
        object_id=str(body.get("id") or ""),
        client_id=str(body.get("appId") or "").lower(),
        assignment_required=body.get("appRoleAssignmentRequired") is True,
        enabled=body.get("accountEnabled") is not False,
    )


def _guid(client_id: str) -> str | None:
    """The GUID in one form; None for anything else, which names no application and must not get into an address."""
    try:
        return str(UUID(client_id))
    except ValueError:
        return None
