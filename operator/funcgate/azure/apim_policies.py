"""API Management: the policies of a service, an API and its operations, and traces of what they did."""

import asyncio
from collections.abc import Callable, Sequence
from sys import intern
from typing import Final

from funcgate.azure.apim_apis import ApiCalls
from funcgate.azure.apim_calls import Json
from funcgate.azure.apim_documents import ApiOperation, PolicyText
from funcgate.azure.http import Call, Http, Locks
from funcgate.azure.ids import segment
from funcgate.azure.kept import HALF_AN_HOUR, HOUR, Kept, Unchanged, glancing
from funcgate.errors import NotFound
from funcgate.secrets import Secret

AT_ONCE: Final = 16
"""Reads of one API's operations that are made at the same time: an API with hundreds is no burst of hundreds."""

TRACE_PAUSES_SECONDS: Final = (0.0, 0.5, 1.5)

InnerPolicy = tuple[ApiOperation, PolicyText]


class PolicyCalls(ApiCalls):
    """Calls about policies."""

    def __init__(self, http: Http, locks: Locks | None = None) -> None:
        super().__init__(http, locks)
        now = http.time.now
        self._policies: Unchanged[PolicyText] = Unchanged(now)
        self._inner: Kept[Sequence[InnerPolicy]] = Kept(now, HOUR)
        self._global: Kept[PolicyText | None] = Kept(now, HALF_AN_HOUR)

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
        self, service: str, api: str, watched: Callable[[ApiOperation], bool] = lambda _: False
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
        operations, few = await self.list_operations(service, api), asyncio.Semaphore(AT_ONCE)

        async def one(operation: ApiOperation) -> InnerPolicy | None:
            async with few:
                return await self._inner_policy(service, api, operation)

        return [each for each in await asyncio.gather(*map(one, operations)) if each]

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
        text = str((body.get("properties") or {}).get("value") or "")
        return PolicyText(text=intern(text), etag=etag)  # an import leaves the same in each operation

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

    async def _api_must_be_there(self, service: str, api: str, missing: NotFound) -> None:
        if await self.get_api(service, api) is None:
            raise NotFound(
                f"the service has no API named {api}", reason="ApiNotFound", code=missing.code, status=missing.status
            ) from missing


def _policy(api: str, operation: str | None) -> str:
    """Where a policy stands below the service."""
    scope = f"apis/{segment(api)}" if operation is None else f"apis/{segment(api)}/operations/{segment(operation)}"
    return f"{scope}/policies/policy"
