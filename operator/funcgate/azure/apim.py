"""API Management: the service and its identity, APIs, backends, named values, policies."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from funcgate.azure.apim_documents import (
    Api,
    Backend,
    PolicyText,
    Service,
    identity_with,
    lay_over,
    read_api,
    read_backend,
    read_service,
)
from funcgate.azure.http import Call, Http, Locks
from funcgate.azure.ids import segment
from funcgate.azure.operations import finish
from funcgate.errors import NotFound, TryAgain

VERSION: Final = "2024-05-01"
ANY: Final = "*"

Json = Mapping[str, Any]


class ApimClient:
    """
    Calls to `Microsoft.ApiManagement`, api-version 2024-05-01, in raw JSON.

    `service` is the service's resource id in every method. All of them raise NotFound when the service is gone,
    AccessDenied without a role, TryAgain for what passes; what else they raise they say.
    """

    def __init__(self, http: Http) -> None:
        self._http = http
        self._locks = Locks()

    async def get_service(self, service: str) -> Service:
        """
        The service and its identities.

        GET {service} → `{"location", "sku": {"name"}, "identity": {"type", "principalId", "tenantId",
        "userAssignedIdentities": {id: {"principalId", "clientId"}}} | null, "properties": {"gatewayUrl",
        "provisioningState"}}`. Source: REST reference, "Api Management Service - Get".
        """
        body, _ = await self._http.document(Call(method="GET", url=self._url(service), kind="service"))
        return read_service(service, body)

    async def add_identity(self, service: str, *, system: bool, user_assigned: str | None) -> Service:
        """
        The service carries these identities beside those it had, and has settled.

        PATCH {service} `{"identity": {"type": "SystemAssigned, UserAssigned", "userAssignedIdentities": {id: {}}}}`
        with all of them, since it is unknown whether the map is merged or replaced. Accepted with 200 or 202 and
        followed for a minute. Writes nothing when they are there. Raises TryAgain: ServiceTransitioning while another
        change is under way, IdentityPending when this one takes longer.
        Source: learn.microsoft.com/azure/api-management/api-management-howto-use-managed-service-identity;
        Azure/azure-cli recordings test_apim_managed_identity.
        """
        async with self._locks.of(service):
            seen = await self.get_service(service)
            if seen.carries(system=system, user_assigned=user_assigned):
                return seen
            if not seen.settled:
                raise _transitioning(seen)
            await self._patch_identity(service, identity_with(seen, system=system, user_assigned=user_assigned))
            settled = await self.get_service(service)
        if settled.settled and settled.carries(system=system, user_assigned=user_assigned):
            return settled
        raise _pending()

    async def get_api(self, service: str, api: str) -> Api | None:
        """
        The API's current revision; None when there is none of this name.

        GET {service}/apis/{api} → `{"name", "properties": {"displayName", "path", "subscriptionRequired", "isCurrent",
        "apiRevision"}}`. Source: REST reference, "Apis - Get".
        """
        body, _ = await self._get(service, "apis", f"apis/{segment(api)}")
        return read_api(body) if body is not None else None

    async def get_backend(self, service: str, name: str) -> Backend | None:
        """
        The backend; None when there is none of this name.

        GET {service}/backends/{name} → `{"name", "properties": {"url", "protocol", "resourceId", "description",
        "credentials": {"header": {name: [value]}}, "tls"}}`. Source: REST reference, "Backend - Get".
        """
        body, etag = await self._get(service, "backends", f"backends/{segment(name)}")
        return read_backend(body, etag) if body is not None else None

    async def list_backends(self, service: str) -> Sequence[Backend]:
        """All backends of the service, without ETags. Source: REST reference, "Backend - List By Service"."""
        pages = self._http.pages(self._url(service, "backends"), "backends")
        return [read_backend(item, None) async for item in pages]

    async def put_backend(self, service: str, name: str, change: Json, etag: str | None) -> None:
        """
        The backend has the properties in `change`; all others are as they were.

        `etag` is what the change was planned on: None for a backend that was absent, `*` for one as it stands now.
        Raises TryAgain, ChangedMeanwhile, when something else is there. Nested objects are laid over part by part,
        header names compared without case; None takes a property away.
        PUT {service}/backends/{name} `{"properties": {…}}` with If-Match. Source: REST reference, "Backend - Create Or
        Update".
        """
        path = f"backends/{segment(name)}"
        async with self._locks.of(f"{service}/{path}"):
            body, current = await self._get(service, "backends", path)
            _expect(etag, current, path)
            properties = lay_over((body or {}).get("properties") or {}, change)
            await self._put(service, "backends", path, properties, current)

    async def delete_backend(self, service: str, name: str, etag: str | None) -> None:
        """
        No backend of this name is there. Raises Rejected while a policy refers to it.

        DELETE {service}/backends/{name} with If-Match → 200, or 204 when it was absent. Source: REST reference.
        """
        await self._delete(service, "backends", f"backends/{segment(name)}", etag)

    async def has_named_value(self, service: str, name: str) -> bool:
        """
        Whether there is a named value with this resource name; its value is not read.

        GET {service}/namedValues/{name}. Source: REST reference, "Named Value - Get".
        """
        body, _ = await self._get(service, "namedValues", f"namedValues/{segment(name)}")
        return body is not None

    async def get_policy(self, service: str, api: str) -> PolicyText | None:
        """
        The API's policy ("All operations"); None when it has none. Raises NotFound, ApiNotFound, when the API is gone.

        GET {service}/apis/{api}/policies/policy?format=xml → `{"properties": {"format": "xml", "value"}}`. In this form
        API Management escapes others' expressions itself, so that the document is well-formed and comes back unharmed
        when written in the same form; `rawxml` holds quotes and angle brackets as they are, which no XML parser reads.
        Source: REST reference, "Api Policy - Get"; Azure/azure-cli recordings test_apim_api_policy;
        Azure/azure-rest-api-specs issue 25306.
        """
        path = f"apis/{segment(api)}/policies/policy"
        try:
            url = self._url(service, path, "&format=xml")
            body, etag = await self._http.document(Call(method="GET", url=url, kind="policies"))
        except NotFound as missing:
            await self._api_must_be_there(service, api, missing)
            return None
        return PolicyText(text=str((body.get("properties") or {}).get("value") or ""), etag=etag)

    async def put_policy(self, service: str, api: str, text: str, etag: str | None) -> None:
        """
        The API's policy is `text`, in the form that `get_policy` returns.

        `etag` as in `put_backend`. Raises Rejected, ValidationError, with the line and column of what is refused.
        PUT {service}/apis/{api}/policies/policy `{"properties": {"format": "xml", "value"}}` with If-Match.
        Source: REST reference, "Api Policy - Create Or Update".
        """
        path = f"apis/{segment(api)}/policies/policy"
        async with self._locks.of(f"{service}/apis/{api}"):
            if etag is None:
                await self._must_be_absent(service, path)
            await self._put(service, "policies", path, {"format": "xml", "value": text}, etag)

    async def delete_policy(self, service: str, api: str, etag: str | None) -> None:
        """
        The API has no policy of its own.

        DELETE {service}/apis/{api}/policies/policy with If-Match → 200, or 204 when it was absent. Source: REST
        reference.
        """
        async with self._locks.of(f"{service}/apis/{api}"):
            await self._delete(service, "policies", f"apis/{segment(api)}/policies/policy", etag)

    async def _patch_identity(self, service: str, identity: Json) -> None:
        call = Call(method="PATCH", url=self._url(service), kind="service", body={"identity": identity})
        await finish(self._http, call, await self._http.send(call), _pending())

    async def _get(self, service: str, kind: str, path: str) -> tuple[Json | None, str | None]:
        try:
            return await self._http.document(Call(method="GET", url=self._url(service, path), kind=kind))
        except NotFound:
            await self.get_service(service)  # a missing child and a missing service answer with the same code
            return None, None

    async def _must_be_absent(self, service: str, path: str) -> None:
        try:
            await self._http.send(Call(method="HEAD", url=self._url(service, path), kind="policies"))
        except NotFound:
            return
        _expect(None, ANY, path)

    async def _api_must_be_there(self, service: str, api: str, missing: NotFound) -> None:
        if await self.get_api(service, api) is None:
            raise NotFound(
                f"the service has no API named {api}", reason="ApiNotFound", code=missing.code, status=missing.status
            ) from missing

    async def _put(self, service: str, kind: str, path: str, properties: Json, etag: str | None) -> None:
        await self._http.send(
            Call(
                method="PUT",
                url=self._url(service, path),
                kind=kind,
                headers={"If-Match": etag} if etag else {},
                body={"properties": properties},
            )
        )

    async def _delete(self, service: str, kind: str, path: str, etag: str | None) -> None:
        call = Call(method="DELETE", url=self._url(service, path), kind=kind, headers={"If-Match": etag or ANY})
        try:
            await self._http.send(call)
        except NotFound:
            await self.get_service(service)

    def _url(self, service: str, path: str = "", query: str = "") -> str:
        return f"{self._http.address}{service}{path and f'/{path}'}?api-version={VERSION}{query}"


def _expect(etag: str | None, current: str | None, path: str) -> None:
    """What a write was planned on is still there."""
    if etag not in (ANY, current):
        raise TryAgain(f"{path} was changed by somebody else between reading and writing", reason="ChangedMeanwhile")


def _transitioning(seen: Service) -> TryAgain:
    return TryAgain(
        f"the API Management service is {seen.provisioning_state.lower()}; it takes an identity afterwards",
        reason="ServiceTransitioning",
    )


def _pending() -> TryAgain:
    return TryAgain(
        "API Management is still assigning the identity; this takes minutes in some tiers", reason="IdentityPending"
    )
