"""Microsoft Graph: application registrations and their service principals, read as plain JSON."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from kiota_abstractions.base_request_configuration import RequestConfiguration
from kiota_abstractions.request_adapter import RequestAdapter
from kiota_abstractions.request_information import RequestInformation
from msgraph.generated.applications_with_app_id.applications_with_app_id_request_builder import (
    ApplicationsWithAppIdRequestBuilder as Applications,
)
from msgraph.generated.service_principals_with_app_id.service_principals_with_app_id_request_builder import (
    ServicePrincipalsWithAppIdRequestBuilder as ServicePrincipals,
)

from funcgate.azure.http import Call, Http
from funcgate.errors import NotFound

APPLICATION: Final = ["id", "appId", "displayName", "api", "web", "spa", "publicClient", "identifierUris"]
SERVICE_PRINCIPAL: Final = ["id", "appId", "displayName", "appRoleAssignmentRequired", "accountEnabled"]

Json = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Application:
    """An app registration. `token_version` is the one of its access tokens."""

    object_id: str
    client_id: str
    display_name: str
    token_version: int
    web_redirect_uris: tuple[str, ...] = ()
    spa_redirect_uris: tuple[str, ...] = ()
    public_client_redirect_uris: tuple[str, ...] = ()
    issues_id_tokens_implicitly: bool = False
    issues_access_tokens_implicitly: bool = False
    identifier_uris: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ServicePrincipal:
    """An application's presence in this tenant; with `assignment_required` only assigned callers get a token for it."""

    object_id: str
    client_id: str
    assignment_required: bool
    enabled: bool


class GraphClient:
    """
    Calls to Microsoft Graph v1.0, addressed by msgraph-sdk's request builders.

    All raise AccessDenied, GraphPermissionMissing, without Application.Read.All.
    """

    def __init__(self, http: Http, adapter: RequestAdapter) -> None:
        self._http = http
        self._adapter = adapter

    async def get_application(self, client_id: str) -> Application | None:
        """
        The registration with this client id; None when the tenant has none.

        GET /applications(appId='…') → `{"appId", "api": {"requestedAccessTokenVersion": 1 | 2 | null}, "web":
        {"redirectUris", "implicitGrantSettings"}, "spa": {"redirectUris"}, "publicClient": {"redirectUris"},
        "identifierUris"}`. A version of null means 1. Source: learn.microsoft.com/graph/api/application-get,
        …/graph/api/resources/apiapplication.
        """
        if not (id_ := _guid(client_id)):
            return None
        query = Applications.ApplicationsWithAppIdRequestBuilderGetQueryParameters(select=APPLICATION)
        builder = Applications(self._adapter, {}, id_)
        body = await self._get(
            builder.to_get_request_information(RequestConfiguration(query_parameters=query)), "applications"
        )
        return read_application(body) if body is not None else None

    async def get_service_principal(self, client_id: str) -> ServicePrincipal | None:
        """
        The service principal of this application in the operator's tenant; None when there is none.

        GET /servicePrincipals(appId='…') → `{"id", "appId", "appRoleAssignmentRequired", "accountEnabled"}`.
        Source: learn.microsoft.com/graph/api/serviceprincipal-get.
        """
        if not (id_ := _guid(client_id)):
            return None
        query = ServicePrincipals.ServicePrincipalsWithAppIdRequestBuilderGetQueryParameters(select=SERVICE_PRINCIPAL)
        builder = ServicePrincipals(self._adapter, {}, id_)
        body = await self._get(
            builder.to_get_request_information(RequestConfiguration(query_parameters=query)), "servicePrincipals"
        )
        return read_service_principal(body) if body is not None else None

    async def _get(self, request: RequestInformation, kind: str) -> Json | None:
        request.path_parameters["baseurl"] = self._adapter.base_url
        url = request.url.replace("%24", "$")  # what the SDK's middleware does: names in the query are sent unescaped
        try:
            body, _ = await self._http.document(Call(method="GET", url=url, kind=kind))
        except NotFound:
            return None
        return body


def read_application(body: Json) -> Application:
    """The application in an answer."""
    web = body.get("web") or {}
    implicit = web.get("implicitGrantSettings") or {}
    return Application(
        object_id=str(body.get("id") or ""),
        client_id=str(body.get("appId") or "").lower(),
        display_name=str(body.get("displayName") or ""),
        token_version=2 if (body.get("api") or {}).get("requestedAccessTokenVersion") == 2 else 1,
        web_redirect_uris=_redirects(web),
        spa_redirect_uris=_redirects(body.get("spa")),
        public_client_redirect_uris=_redirects(body.get("publicClient")),
        issues_id_tokens_implicitly=implicit.get("enableIdTokenIssuance") is True,
        issues_access_tokens_implicitly=implicit.get("enableAccessTokenIssuance") is True,
        identifier_uris=tuple(body.get("identifierUris") or ()),
    )


def read_service_principal(body: Json) -> ServicePrincipal:
    """The service principal in an answer."""
    return ServicePrincipal(
        object_id=str(body.get("id") or ""),
        client_id=str(body.get("appId") or "").lower(),
        assignment_required=body.get("appRoleAssignmentRequired") is True,
        enabled=body.get("accountEnabled") is not False,
    )


def _redirects(part: Json | None) -> tuple[str, ...]:
    return tuple((part or {}).get("redirectUris") or ())


def _guid(client_id: str) -> str | None:
    """The GUID in one form; None for anything else, which names no application and must not get into an address."""
    try:
        return str(UUID(client_id))
    except ValueError:
        return None
