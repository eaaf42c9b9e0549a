"""How API Management's entities are read and written, whatever they are: addresses, ETags, what is missing."""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from funcgate.azure.apim_documents import Service, read_service
from funcgate.azure.http import Call, Http, Locks
from funcgate.azure.kept import MINUTE, Kept
from funcgate.azure.operations import finish
from funcgate.errors import NotFound, TryAgain

VERSION: Final = "2024-05-01"
ANY: Final = "*"

T = TypeVar("T")
Json = Mapping[str, Any]


class ApimCalls:
    """
    Calls to `Microsoft.ApiManagement`, api-version 2024-05-01, in raw JSON.

    `service` is the service's resource id in every method. All of them raise NotFound when the service is gone,
    AccessDenied without a role, TryAgain for what passes; what else they raise they say.
    """

    def __init__(self, http: Http, locks: Locks | None = None) -> None:
        self._http = http
        self._locks = locks or Locks()
        self._services: Kept[Service] = Kept(http.time.now, 2 * MINUTE)

    async def get_service(self, service: str) -> Service:
        """
        The service and its identities.

        GET {service} → `{"location", "sku": {"name"}, "identity": {"type", "principalId", "tenantId",
        "userAssignedIdentities": {id: {"principalId", "clientId"}}} | null, "properties": {"gatewayUrl",
        "provisioningState"}}`. A glance shares one of the last two minutes. Source: REST reference, "Api Management
        Service - Get".
        """
        return await self._services.of(service, lambda: self._read_service(service))

    async def _read_service(self, service: str) -> Service:
        body, _ = await self._http.document(Call(method="GET", url=self._url(service), kind="service"))
        return read_service(service, body)

    async def _listed(
        self, service: str, kind: str, read: Callable[[Json, str | None], T]
    ) -> tuple[Mapping[str, T], int]:
        """All of a kind, by name in lower case; lists give no ETags."""
        items, pages = await self._http.whole(self._url(service, kind), kind)
        return {str(item.get("name") or "").lower(): read(item, None) for item in items}, pages

    async def _get(self, service: str, kind: str, path: str) -> tuple[Json | None, str | None]:
        try:
            return await self._http.document(Call(method="GET", url=self._url(service, path), kind=kind))
        except NotFound:
            await self.get_service(service)  # a missing child and a missing service answer with the same code
            return None, None

    async def _etag(self, service: str, kind: str, path: str) -> str | None:
        """The version in which something stands there now; None when nothing does."""
        try:
            return (await self._http.send(Call(method="HEAD", url=self._url(service, path), kind=kind))).etag
        except NotFound:
            return None

    async def _must_be_absent(self, service: str, path: str) -> None:
        try:
            await self._http.send(Call(method="HEAD", url=self._url(service, path), kind="policies"))
        except NotFound:
            return
        expect(None, ANY, path)

    async def _put(self, service: str, kind: str, path: str, properties: Json, etag: str | None) -> None:
        await self._http.send(self._put_call(service, kind, path, properties, etag))

    def _put_call(self, service: str, kind: str, path: str, properties: Json, etag: str | None) -> Call:
        return Call(
            method="PUT",
            url=self._url(service, path),
            kind=kind,
            headers={"If-Match": etag} if etag else {},
            body={"properties": properties},
        )

    async def _delete(self, service: str, kind: str, path: str, etag: str | None, query: str = "") -> None:
        call = Call(method="DELETE", url=self._url(service, path, query), kind=kind, headers={"If-Match": etag or ANY})
        try:
            await finish(self._http, call, await self._http.send(call), not_saved(path))
        except NotFound:
            await self.get_service(service)

    def _url(self, service: str, path: str = "", query: str = "") -> str:
        return f"{self._http.address}{service}{path and f'/{path}'}?api-version={VERSION}{query}"


def expect(etag: str | None, current: str | None, path: str) -> None:
    """What a write was planned on is still there."""
    if etag not in (ANY, current):
        raise TryAgain(f"{path} was changed by somebody else between reading and writing", reason="ChangedMeanwhile")


def not_saved(what: str) -> TryAgain:
    return TryAgain(f"API Management is still busy with the last write to {what}", reason="WritePending")
