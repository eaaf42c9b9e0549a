"""API Management: the service and its identity, backends and named values; with APIs and policies the whole client."""

from collections.abc import Sequence

from funcgate.azure.apim_calls import ANY, Json, expect, not_saved
from funcgate.azure.apim_documents import (
    Backend,
    NamedValue,
    Service,
    identity_with,
    lay_over,
    read_backend,
    read_named_value,
)
from funcgate.azure.apim_policies import PolicyCalls
from funcgate.azure.http import Call, Http, Locks
from funcgate.azure.ids import segment
from funcgate.azure.kept import Listed, Unchanged
from funcgate.azure.operations import finish
from funcgate.errors import TryAgain
from funcgate.secrets import Secret


class ApimClient(PolicyCalls):
    """All calls to API Management; what they have in common, `ApimCalls` says."""

    def __init__(self, http: Http, locks: Locks | None = None) -> None:
        super().__init__(http, locks)
        now = http.time.now
        self._backends: Listed[Backend] = Listed(now)
        self._named_values: Unchanged[NamedValue] = Unchanged(now)
        self._values: dict[str, tuple[str, Secret]] = {}

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
            expect(etag, current, path)
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
            await finish(self._http, call, await self._http.send(call), not_saved(f"named value {name}"))

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
        await finish(self._http, call, await self._http.send(call), not_saved(f"named value {name}"))

    async def delete_named_value(self, service: str, name: str, etag: str | None) -> None:
        """
        No named value of this name is there. Raises Rejected while a policy refers to it.

        DELETE {service}/namedValues/{name} with If-Match. Source: REST reference, "Named Value - Delete".
        """
        await self._delete(service, "namedValues", f"namedValues/{segment(name)}", etag)

    async def _patch_identity(self, service: str, identity: Json) -> None:
        call = Call(method="PATCH", url=self._url(service), kind="service", body={"identity": identity})
        await finish(self._http, call, await self._http.send(call), _pending())


def _transitioning(seen: Service) -> TryAgain:
    return TryAgain(
        f"the API Management service is {seen.provisioning_state.lower()}; it takes an identity afterwards",
        reason="ServiceTransitioning",
    )


def _pending() -> TryAgain:
    return TryAgain(
        "API Management is still assigning the identity; this takes minutes in some tiers", reason="IdentityPending"
    )
