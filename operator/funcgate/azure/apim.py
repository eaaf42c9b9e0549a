"""API Management: the service and its identity, APIs, backends, named values, policies."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

from funcgate.azure.apim_documents import (
    Api,
    ApiOperation,
    Backend,
    NamedValue,
    PolicyText,
    Product,
    Service,
    identity_with,
    lay_over,
    read_api,
    read_backend,
    read_named_value,
    read_operation,
    read_product,
    read_service,
)
from funcgate.azure.http import Call, Http, Locks
from funcgate.azure.ids import segment
from funcgate.azure.kept import HALF_AN_HOUR, HOUR, MINUTE, Kept, Listed, Unchanged, glancing
from funcgate.azure.operations import finish
from funcgate.azure.secrets import Secret
from funcgate.errors import NotFound, TryAgain

VERSION: Final = "2024-05-01"
ANY: Final = "*"

T = TypeVar("T")
Json = Mapping[str, Any]
TRACE_PAUSES_SECONDS: Final = (0.0, 0.5, 1.5)

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

InnerPolicy = tuple[ApiOperation, PolicyText]


class ApimClient:
    """
    Calls to `Microsoft.ApiManagement`, api-version 2024-05-01, in raw JSON.

    `service` is the service's resource id in every method. All of them raise NotFound when the service is gone,
    AccessDenied without a role, TryAgain for what passes; what else they raise they say.
    """

    def __init__(self, http: Http, locks: Locks | None = None) -> None:
        self._http = http
        self._locks = locks or Locks()
        now = http.time.now
        self._apis: Listed[Api] = Listed(now)
        self._backends: Listed[Backend] = Listed(now)
        self._named_values: Unchanged[NamedValue] = Unchanged(now)
        self._policies: Unchanged[PolicyText] = Unchanged(now)
        self._services: Kept[Service] = Kept(now, MINUTE)
        self._operations: Kept[Sequence[ApiOperation]] = Kept(now, HALF_AN_HOUR)
        self._inner: Kept[Sequence[InnerPolicy]] = Kept(now, HOUR)
        self._products: Kept[Sequence[Product]] = Kept(now, HALF_AN_HOUR)
        self._global: Kept[PolicyText | None] = Kept(now, HALF_AN_HOUR)
        self._values: dict[str, tuple[str, Secret]] = {}

    async def get_service(self, service: str) -> Service:
        """
        The service and its identities.

        GET {service} → `{"location", "sku": {"name"}, "identity": {"type", "principalId", "tenantId",
        "userAssignedIdentities": {id: {"principalId", "clientId"}}} | null, "properties": {"gatewayUrl",
        "provisioningState"}}`. A glance shares one that is up to a minute old. Source: REST reference, "Api Management
        Service - Get".
        """
        return await self._services.of(service, lambda: self._read_service(service))

    async def _read_service(self, service: str) -> Service:
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
        "apiRevision"}}`. Where bindings of the service are many, a glance takes it out of the list. Source: REST
        reference, "Apis - Get", "Apis - List By Service".
        """
        return await self._apis.of(
            service, api, lambda: self._read_api(service, api), lambda: self._listed(service, "apis", read_api)
        )

    async def _read_api(self, service: str, api: str) -> Api | None:
        body, etag = await self._get(service, "apis", f"apis/{segment(api)}")
        return read_api(body, etag) if body is not None else None

    async def _listed(
        self, service: str, kind: str, read: Callable[[Json, str | None], T]
    ) -> tuple[Mapping[str, T], int]:
        """All of a kind, by name in lower case; lists give no ETags."""
        items, pages = await self._http.whole(self._url(service, kind), kind)
        return {str(item.get("name") or "").lower(): read(item, None) for item in items}, pages

    async def create_api(self, service: str, api: str, properties: Json) -> None:
        """
        There is an API of this name with these properties. Raises TryAgain, ChangedMeanwhile, when there was one;
        Rejected, ValidationError, when another API has its path.

        PUT {service}/apis/{api} `{"properties": {"displayName", "path", "protocols", "subscriptionRequired",
        "description"}}`, followed to its end. Source: REST reference, "Apis - Create Or Update".
        """
        path = f"apis/{segment(api)}"
        async with self._locks.of(f"{service}/{path}"):
            await self._must_be_absent(service, path)
            call = self._put_call(service, "apis", path, properties, None)
            await finish(self._http, call, await self._http.send(call), _not_saved(f"API {api}"))

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
        async with self._locks.of(f"{service}/{path}"):
            body, current = await self._get(service, "apis", path)
            _expect(etag, current, path)
            stood = (body or {}).get("properties") or {}
            whole = lay_over({name: stood[name] for name in KEPT_BY_IMPORT if name in stood}, properties)
            whole |= {"format": format_, "value": document}
            call = self._put_call(service, "apis", path, whole, current)
            await finish(self._http, call, await self._http.send(call), _not_saved(f"API {api}"))
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
        async with self._locks.of(f"{service}/{path}"):
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
        async with self._locks.of(f"{service}/{path}"):
            await self._delete(service, "apis", path, etag, "&deleteRevisions=true")

    async def list_operations(self, service: str, api: str) -> Sequence[ApiOperation]:
        """
        The operations of the API's current revision. Raises NotFound when the API is gone. A glance takes those of the
        last half hour. Source: REST reference, "Api Operation - List By Api".
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
        async with self._locks.of(f"{service}/apis/{api}"):
            await self._put(service, "operations", f"apis/{segment(api)}/operations/{segment(name)}", properties, None)

    async def delete_operation(self, service: str, api: str, name: str) -> None:
        """
        The API has no operation of this name.

        DELETE {service}/apis/{api}/operations/{name} with If-Match `*`: lists give no ETags. Source: REST reference.
        """
        async with self._locks.of(f"{service}/apis/{api}"):
            await self._delete(service, "operations", f"apis/{segment(api)}/operations/{segment(name)}", None)

    async def products_of(self, service: str, api: str) -> Sequence[Product]:
        """
        The products that hold the API. Raises NotFound when the API is gone.

        GET {service}/apis/{api}/products → `{"value": [{"name", "properties": {"subscriptionRequired", "state"}}]}`.
        Needs Microsoft.ApiManagement/service/apis/products/read. A glance takes those of the last half hour. Source:
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
        async with self._locks.of(f"{service}/apis/{api}"):
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

    async def get_global_policy(self, service: str) -> PolicyText | None:
        """
        The policy of the whole service ("All APIs"), in the form of `get_policy`; None when it has none.

        GET {service}/policies/policy?format=xml. Needs Microsoft.ApiManagement/service/policies/read. A glance takes
        the one of the last half hour. Source: REST reference, "Policy - Get".
        """
        return await self._global.of(service, lambda: self._read_global_policy(service))

    async def _read_global_policy(self, service: str) -> PolicyText | None:
        url = self._url(service, "policies/policy", "&format=xml")
        try:
            body, etag = await self._http.document(Call(method="GET", url=url, kind="policies"))
        except NotFound:
            return None
        return PolicyText(text=str((body.get("properties") or {}).get("value") or ""), etag=etag)

    async def get_backend(self, service: str, name: str) -> Backend | None:
        """
        The backend; None when there is none of this name.

        GET {service}/backends/{name} → `{"name", "properties": {"url", "protocol", "resourceId", "description",
        "credentials": {"header": {name: [value]}}, "tls"}}`. Where bindings of the service are many, a glance takes it
        out of the list. Source: REST reference, "Backend - Get", "Backend - List By Service".
        """
        return await self._backends.of(
            service,
            name,
            lambda: self._read_backend(service, name),
            lambda: self._listed(service, "backends", read_backend),
        )

    async def _read_backend(self, service: str, name: str) -> Backend | None:
        body, etag = await self._get(service, "backends", f"backends/{segment(name)}")
        return read_backend(body, etag) if body is not None else None

    async def list_backends(self, service: str) -> Sequence[Backend]:
        """All backends of the service, without ETags. Source: REST reference, "Backend - List By Service"."""
        backends, _ = await self._listed(service, "backends", read_backend)
        return list(backends.values())

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

    async def get_named_value(self, service: str, name: str) -> NamedValue | None:
        """
        The named value, without its value; None when there is none of this name.

        GET {service}/namedValues/{name} → `{"name", "properties": {"displayName", "secret", "tags", "keyVault"}}`.
        Calls at the same time share one request; a glance asks for the ETag first, HEAD, and for no more when that is
        the one it knows. Source: REST reference, "Named Value - Get", "Named Value - Get Entity Tag".
        """
        path = f"namedValues/{segment(name)}"
        return await self._named_values.of(
            f"{service}/{path}",
            lambda: self._read_named_value(service, path),
            lambda: self._etag(service, "namedValues", path),
        )

    async def _read_named_value(self, service: str, path: str) -> NamedValue | None:
        body, etag = await self._get(service, "namedValues", path)
        return read_named_value(body, etag) if body is not None else None

    async def value_of(self, service: str, seen: NamedValue) -> Secret:
        """
        What the named value holds. Asked for again only when its ETag has changed: each time may spend of the writes'
        quota.

        POST {service}/namedValues/{name}/listValue → `{"value"}`. Needs
        Microsoft.ApiManagement/service/namedValues/listValue/action. Source: REST reference, "Named Value - List
        Value".
        """
        key = f"{service}/namedValues/{seen.name}".lower()
        known = self._values.get(key)
        if known and seen.etag and known[0] == seen.etag:
            return known[1]
        url = self._url(service, f"namedValues/{segment(seen.name)}/listValue")
        body, _ = await self._http.document(Call(method="POST", url=url, kind="namedValues", lists=True))
        value = Secret(str(body.get("value") or ""))
        if seen.etag:
            self._values[key] = (seen.etag, value)
        return value

    async def put_named_value(
        self, service: str, name: str, value: Secret, tags: Sequence[str], etag: str | None
    ) -> None:
        """
        The named value is a secret with this value and these tags; `etag` as in `put_backend`.

        PUT {service}/namedValues/{name} `{"properties": {"displayName", "value", "secret": true, "tags"}}` with
        If-Match, followed to its end: an accepted write may still fail. Source: REST reference, "Named Value - Create
        Or Update"; Azure/apiops issue 722.
        """
        path = f"namedValues/{segment(name)}"
        properties = {"displayName": name, "value": value.reveal(), "secret": True, "tags": list(tags)}
        async with self._locks.of(f"{service}/{path}"):
            if etag is None:
                await self._must_be_absent(service, path)
            call = self._put_call(service, "namedValues", path, properties, etag)
            await finish(self._http, call, await self._http.send(call), _not_saved(f"named value {name}"))

    async def tag_named_value(self, service: str, name: str, tags: Sequence[str], etag: str | None) -> None:
        """
        The named value has exactly these tags, and the value that it had.

        PATCH {service}/namedValues/{name} `{"properties": {"tags"}}` with If-Match. Source: REST reference, "Named
        Value - Update".
        """
        path = f"namedValues/{segment(name)}"
        call = Call(
            method="PATCH",
            url=self._url(service, path),
            kind="namedValues",
            headers={"If-Match": etag or ANY},
            body={"properties": {"tags": list(tags)}},
        )
        await finish(self._http, call, await self._http.send(call), _not_saved(f"named value {name}"))

    async def delete_named_value(self, service: str, name: str, etag: str | None) -> None:
        """
        No named value of this name is there. Raises Rejected while a policy refers to it.

        DELETE {service}/namedValues/{name} with If-Match. Source: REST reference, "Named Value - Delete".
        """
        await self._delete(service, "namedValues", f"namedValues/{segment(name)}", etag)

    async def get_policy(self, service: str, api: str, operation: str | None = None) -> PolicyText | None:
        """
        The API's policy ("All operations"), or that of one operation; None when there is none. Raises NotFound,
        ApiNotFound, for the policy of an API that is gone.

        GET {service}/apis/{api}[/operations/{operation}]/policies/policy?format=xml → `{"properties": {"format": "xml",
        "value"}}`. In this form API Management escapes others' expressions itself, so that the document is well-formed
        and comes back unharmed when written in the same form; `rawxml` holds quotes and angle brackets as they are,
        which no XML parser reads. Calls at the same time share one request; a glance asks for the ETag first, as for
        named values. Source: REST reference, "Api Policy - Get", "Api Policy - Get Entity Tag", "Api Operation Policy -
        Get"; Azure/azure-cli recordings test_apim_api_policy; Azure/azure-rest-api-specs issue 25306.
        """
        path = _policy(api, operation)
        return await self._policies.of(
            f"{service}/{path}",
            lambda: self._read_policy(service, api, operation),
            lambda: self._etag(service, "policies", path),
        )

    async def get_inner_policies(
        self, service: str, api: str, watched: Callable[[ApiOperation], bool]
    ) -> Sequence[InnerPolicy]:
        """
        The policies of the API's operations, of those that have one.

        One read for each operation, since no list shows them. A glance takes those of the last hour, and reads only the
        watched ones of them anew. Raises NotFound when the API is gone.
        """
        kept = await self._inner.of(f"{service}/apis/{api}", lambda: self._read_inner_policies(service, api))
        if not glancing.get():
            return kept
        anew = await asyncio.gather(*(self._inner_policy(service, api, each[0]) for each in kept if watched(each[0])))
        return [*(each for each in kept if not watched(each[0])), *(each for each in anew if each)]

    async def _read_inner_policies(self, service: str, api: str) -> Sequence[InnerPolicy]:
        operations = await self.list_operations(service, api)
        found = await asyncio.gather(*(self._inner_policy(service, api, each) for each in operations))
        return [each for each in found if each]

    async def _inner_policy(self, service: str, api: str, operation: ApiOperation) -> InnerPolicy | None:
        seen = await self.get_policy(service, api, operation.name)
        return (operation, seen) if seen else None

    async def _read_policy(self, service: str, api: str, operation: str | None) -> PolicyText | None:
        try:
            url = self._url(service, _policy(api, operation), "&format=xml")
            body, etag = await self._http.document(Call(method="GET", url=url, kind="policies"))
        except NotFound as missing:
            if operation is None:
                await self._api_must_be_there(service, api, missing)
            return None
        return PolicyText(text=str((body.get("properties") or {}).get("value") or ""), etag=etag)

    async def put_policy(
        self, service: str, api: str, text: str, etag: str | None, operation: str | None = None
    ) -> None:
        """
        The policy of the API, or of that operation, is `text`, in the form that `get_policy` returns.

        `etag` as in `put_backend`. Raises Rejected, ValidationError, with the line and column of what is refused;
        NotFound for an operation that is not there.
        PUT …/policies/policy `{"properties": {"format": "xml", "value"}}` with If-Match. Source: REST reference, "Api
        Policy - Create Or Update", "Api Operation Policy - Create Or Update".
        """
        path = _policy(api, operation)
        async with self._locks.of(f"{service}/apis/{api}"):
            if etag is None:
                await self._must_be_absent(service, path)
            await self._put(service, "policies", path, {"format": "xml", "value": text}, etag)

    async def delete_policy(self, service: str, api: str, etag: str | None, operation: str | None = None) -> None:
        """
        The API, or that operation, has no policy of its own.

        DELETE …/policies/policy with If-Match → 200, or 204 when it was absent. Source: REST reference.
        """
        async with self._locks.of(f"{service}/apis/{api}"):
            await self._delete(service, "policies", _policy(api, operation), etag)

    async def debug_token(self, service: str, api: str) -> Secret:
        """
        What a caller of this API sends as `Apim-Debug-Authorization` to have the call traced, for ten minutes.

        POST {service}/gateways/managed/listDebugCredentials `{"apiId", "purposes": ["tracing"],
        "credentialsExpireAfter"}` → `{"token"}`. Needs
        Microsoft.ApiManagement/service/gateways/listDebugCredentials/action (assumed, after the path). Source:
        learn.microsoft.com/azure/api-management/api-management-howto-api-inspector.
        """
        body = {"apiId": f"{service}/apis/{api}", "purposes": ["tracing"], "credentialsExpireAfter": "PT10M"}
        url = self._url(service, "gateways/managed/listDebugCredentials")
        answer, _ = await self._http.document(Call(method="POST", url=url, kind="traces", body=body, lists=True))
        return Secret(str(answer.get("token") or ""))

    async def get_trace(self, service: str, trace_id: str) -> Json | None:
        """
        The trace of that id, secrets and all; None when it does not show within a few seconds.

        POST {service}/gateways/managed/listTrace `{"traceId"}` → `{"traceEntries": {section: [{"source", "data"}]}}`.
        Needs Microsoft.ApiManagement/service/gateways/listTrace/action (assumed, after the path). Source: as above.
        """
        url = self._url(service, "gateways/managed/listTrace")
        call = Call(method="POST", url=url, kind="traces", body={"traceId": trace_id}, lists=True)
        for pause in TRACE_PAUSES_SECONDS:
            await self._http.time.sleep(pause)
            try:
                return (await self._http.document(call))[0]
            except NotFound:
                continue
        return None

    async def _patch_identity(self, service: str, identity: Json) -> None:
        call = Call(method="PATCH", url=self._url(service), kind="service", body={"identity": identity})
        await finish(self._http, call, await self._http.send(call), _pending())

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
        _expect(None, ANY, path)

    async def _api_must_be_there(self, service: str, api: str, missing: NotFound) -> None:
        if await self.get_api(service, api) is None:
            raise NotFound(
                f"the service has no API named {api}", reason="ApiNotFound", code=missing.code, status=missing.status
            ) from missing

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
            await finish(self._http, call, await self._http.send(call), _not_saved(path))
        except NotFound:
            await self.get_service(service)

    def _url(self, service: str, path: str = "", query: str = "") -> str:
        return f"{self._http.address}{service}{path and f'/{path}'}?api-version={VERSION}{query}"


def _policy(api: str, operation: str | None) -> str:
    """Where a policy stands below the service."""
    scope = f"apis/{segment(api)}" if operation is None else f"apis/{segment(api)}/operations/{segment(operation)}"
    return f"{scope}/policies/policy"


def _expect(etag: str | None, current: str | None, path: str) -> None:
    """What a write was planned on is still there."""
    if etag not in (ANY, current):
        raise TryAgain(f"{path} was changed by somebody else between reading and writing", reason="ChangedMeanwhile")


def _transitioning(seen: Service) -> TryAgain:
    return TryAgain(
        f"the API Management service is {seen.provisioning_state.lower()}; it takes an identity afterwards",
        reason="ServiceTransitioning",
    )


def _not_saved(what: str) -> TryAgain:
    return TryAgain(f"API Management is still busy with the last write to {what}", reason="WritePending")


def _pending() -> TryAgain:
    return TryAgain(
        "API Management is still assigning the identity; this takes minutes in some tiers", reason="IdentityPending"
    )
