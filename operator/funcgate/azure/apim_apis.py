"""API Management: APIs, their operations, and the products and subscriptions that let callers in."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

from funcgate.azure.apim_calls import ANY, ApimCalls, Json, expect, not_saved
from funcgate.azure.apim_documents import Api, ApiOperation, Product, lay_over, read_api, read_operation, read_product
from funcgate.azure.http import Call, Http, Locks
from funcgate.azure.ids import segment
from funcgate.azure.kept import HOUR, MINUTE, Kept, Listed
from funcgate.azure.operations import finish

KEPT_BY_IMPORT: Final = (
    "displayName",
    "description",
    "protocols",
    "serviceUrl",
    "backendId",
    "subscriptionRequired",
    "subscriptionKeyParameterNames",
    "apiVersion",
    "apiVersionDescription",
    "apiVersionSetId",
    "apiRevisionDescription",
    "contact",
    "license",
    "termsOfServiceUrl",
)
"""Properties that a PUT would set back to their defaults where it leaves them out."""


class ApiCalls(ApimCalls):
    """Calls about APIs."""

    def __init__(self, http: Http, locks: Locks | None = None) -> None:
        super().__init__(http, locks)
        now = http.time.now
        self._apis: Listed[Api] = Listed(now)
        self._operations: Kept[Sequence[ApiOperation]] = Kept(now, MINUTE, once_a_pass=True)
        self._products: Kept[Sequence[Product]] = Kept(now, HOUR)

    async def get_api(self, service: str, api: str) -> Api | None:
        """
        The API's current revision; None when there is none of this name.

        GET {service}/apis/{api} → `{"name", "properties": {"displayName", "path", "subscriptionRequired", "isCurrent",
        "apiRevision"}}`. Where bindings of the service are many, a glance takes it out of the list. Source: REST
        reference, "Apis - Get", "Apis - List By Service".
        """
        return await self._apis.of(
            service, api, lambda: self._read_api(service, api), lambda: self._listed(service, "apis", read_api)
        )

    async def _read_api(self, service: str, api: str) -> Api | None:
        body, etag = await self._get(service, "apis", f"apis/{segment(api)}")
        return read_api(body, etag) if body is not None else None

    async def create_api(self, service: str, api: str, properties: Json) -> None:
        """
        There is an API of this name with these properties. Raises TryAgain, ChangedMeanwhile, when there was one;
        Rejected, ValidationError, when another API has its path.

        PUT {service}/apis/{api} `{"properties": {"displayName", "path", "protocols", "subscriptionRequired",
        "description"}}`, followed to its end. Source: REST reference, "Apis - Create Or Update".
        """
        path = f"apis/{segment(api)}"
        async with self._changing(service, api):
            await self._must_be_absent(service, path)
            call = self._put_call(service, "apis", path, properties, None)
            await finish(self._http, call, await self._http.send(call), not_saved(f"API {api}"))

    async def import_api(
        self, service: str, api: str, properties: Json, *, format_: str, document: str, etag: str | None
    ) -> None:
        """
        The API has exactly the operations that the document describes, and these properties; what else it had stays.
        Those that the document's own words took the place of are written once more: which of the two wins is not
        documented.

        `etag` as in `put_backend`. Raises Rejected, ValidationError, for a document that API Management cannot read.
        PUT {service}/apis/{api} `{"properties": {"format", "value", …}}` with If-Match, followed to its end: operations
        of the same names keep their policies. Source: REST reference, "Apis - Create Or Update"; nulls are refused in
        it (Azure/apiops).
        """
        path = f"apis/{segment(api)}"
        async with self._changing(service, api):
            body, current = await self._get(service, "apis", path)
            expect(etag, current, path)
            stood = (body or {}).get("properties") or {}
            whole = lay_over({name: stood[name] for name in KEPT_BY_IMPORT if name in stood}, properties)
            whole |= {"format": format_, "value": document}
            call = self._put_call(service, "apis", path, whole, current)
            await finish(self._http, call, await self._http.send(call), not_saved(f"API {api}"))
            body, current = await self._get(service, "apis", path)
        stands = (body or {}).get("properties") or {}
        lost = {name: value for name, value in properties.items() if stands.get(name) != value}
        if lost:
            await self.change_api(service, api, lost, current)

    async def change_api(self, service: str, api: str, properties: Json, etag: str | None) -> None:
        """
        The API has these properties; all others are as they were.

        PATCH {service}/apis/{api} `{"properties": {…}}` with If-Match. Source: REST reference, "Apis - Update".
        """
        path = f"apis/{segment(api)}"
        async with self._changing(service, api):
            await self._http.send(
                Call(
                    method="PATCH",
                    url=self._url(service, path),
                    kind="apis",
                    headers={"If-Match": etag or ANY},
                    body={"properties": properties},
                )
            )

    async def delete_api(self, service: str, api: str, etag: str | None) -> None:
        """
        The API is gone with its revisions, operations and policies.

        DELETE {service}/apis/{api}?deleteRevisions=true with If-Match → 200, 202 or 204. Source: REST reference, "Apis
        - Delete".
        """
        path = f"apis/{segment(api)}"
        async with self._changing(service, api):
            await self._delete(service, "apis", path, etag, "&deleteRevisions=true")

    @asynccontextmanager
    async def _changing(self, service: str, api: str) -> AsyncIterator[None]:
        """Nobody else of ours writes to the API meanwhile, and its operations are read again after it."""
        async with self._locks.of(f"{service}/apis/{api}"):
            try:
                yield
            finally:
                self._operations.forget(f"{service}/apis/{api}")

    async def list_operations(self, service: str, api: str) -> Sequence[ApiOperation]:
        """
        The operations of the API's current revision. Raises NotFound when the API is gone. A glance takes those of the
        last minute, any other look what it has read itself. Source: REST reference, "Api Operation - List By Api".
        """
        return await self._operations.of(f"{service}/apis/{api}", lambda: self._list_operations(service, api))

    async def _list_operations(self, service: str, api: str) -> Sequence[ApiOperation]:
        items = await self._http.items(self._url(service, f"apis/{segment(api)}/operations"), "operations")
        return [read_operation(item) for item in items]

    async def put_operation(self, service: str, api: str, name: str, properties: Json) -> None:
        """
        The API has an operation of this name with these properties.

        PUT {service}/apis/{api}/operations/{name} `{"properties": {"displayName", "method", "urlTemplate",
        "templateParameters": [{"name", "type", "required"}]}}`. Source: REST reference, "Api Operation - Create Or
        Update".
        """
        async with self._changing(service, api):
            await self._put(service, "operations", f"apis/{segment(api)}/operations/{segment(name)}", properties, None)

    async def delete_operation(self, service: str, api: str, name: str) -> None:
        """
        The API has no operation of this name.

        DELETE {service}/apis/{api}/operations/{name} with If-Match `*`: lists give no ETags. Source: REST reference.
        """
        async with self._changing(service, api):
            await self._delete(service, "operations", f"apis/{segment(api)}/operations/{segment(name)}", None)

    async def products_of(self, service: str, api: str) -> Sequence[Product]:
        """
        The products that hold the API. Raises NotFound when the API is gone.

        GET {service}/apis/{api}/products → `{"value": [{"name", "properties": {"subscriptionRequired", "state"}}]}`.
        Needs Microsoft.ApiManagement/service/apis/products/read. A glance takes those of the last hour. Source:
        REST reference, "Api Product - List By Apis".
        """
        return await self._products.of(f"{service}/apis/{api}", lambda: self._list_products(service, api))

    async def _list_products(self, service: str, api: str) -> Sequence[Product]:
        items = await self._http.items(self._url(service, f"apis/{segment(api)}/products"), "products")
        return [read_product(item) for item in items]

    async def get_product(self, service: str, product: str) -> Product | None:
        """The product; None when there is none of this name. Source: REST reference, "Product - Get"."""
        body, _ = await self._get(service, "products", f"products/{segment(product)}")
        return read_product(body) if body is not None else None

    async def put_into_product(self, service: str, product: str, api: str) -> None:
        """
        The product holds the API: who subscribes to it may call the API.

        PUT {service}/products/{product}/apis/{api} → 201, or 200 when it was there. Needs
        Microsoft.ApiManagement/service/products/apis/write. Source: REST reference, "Product Api - Create Or Update".
        """
        url = self._url(service, f"products/{segment(product)}/apis/{segment(api)}")
        async with self._changing(service, api):
            await self._http.send(Call(method="PUT", url=url, kind="products"))

    async def subscriptions_of(self, service: str, api: str) -> Sequence[str]:
        """
        The names of the subscriptions that are for this API alone.

        GET {service}/subscriptions → `{"value": [{"name", "properties": {"scope"}}]}`. Needs
        Microsoft.ApiManagement/service/subscriptions/read. Source: REST reference, "Subscription - List".
        """
        scope = f"/apis/{api}".lower()
        items = await self._http.items(self._url(service, "subscriptions"), "subscriptions")
        return [
            str(item.get("name") or "")
            for item in items
            if str((item.get("properties") or {}).get("scope") or "").lower().endswith(scope)
        ]
