"""Managed identities: the ids behind a system-assigned or a user-assigned one."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from funcgate.azure.http import Call, Http
from funcgate.azure.kept import HOUR, Kept
from funcgate.errors import NotFound

VERSION: Final = "2024-11-30"


@dataclass(frozen=True, kw_only=True)
class ManagedIdentity:
    """A managed identity: its service principal's object id, and the client id that its tokens name."""

    principal_id: str
    client_id: str
    tenant_id: str


class IdentityClient:
    """Calls to `Microsoft.ManagedIdentity`, api-version 2024-11-30."""

    def __init__(self, http: Http) -> None:
        self._http = http
        self._kept: Kept[ManagedIdentity | None] = Kept(http.time.now, HOUR)

    async def system_assigned(self, scope: str) -> ManagedIdentity | None:
        """
        The identity of the resource `scope` itself; None when it has none, or is not there.

        GET {scope}/providers/Microsoft.ManagedIdentity/identities/default → `{"properties": {"principalId", "clientId",
        "tenantId"}}`. The resource's own document does not give the client id. Needs
        Microsoft.ManagedIdentity/identities/read. Raises NotFound when the group or subscription is not to be seen. A
        glance takes the one of the last hour. Source: REST reference, "System Assigned Identities - Get By Scope".
        """
        return await self._kept.of(scope, lambda: self._read_system_assigned(scope))

    async def _read_system_assigned(self, scope: str) -> ManagedIdentity | None:
        try:
            return await self._get(f"{scope}/providers/Microsoft.ManagedIdentity/identities/default")
        except NotFound as missing:
            if missing.reason != "ResourceNotFound":
                raise
            return None

    async def user_assigned(self, id_: str) -> ManagedIdentity:
        """
        The user-assigned identity with this resource id. Raises NotFound.

        GET {id} → as above. Needs Microsoft.ManagedIdentity/userAssignedIdentities/read. A glance takes the one of the
        last hour. Source: REST reference, "User Assigned Identities - Get".
        """
        identity = await self._kept.of(id_, lambda: self._get(id_))
        assert identity, "one that is not there was refused"
        return identity

    async def _get(self, id_: str) -> ManagedIdentity | None:
        url = f"{self._http.address}{id_}?api-version={VERSION}"
        body, _ = await self._http.document(Call(method="GET", url=url, kind="identities"))
        return read_identity(body)


def read_identity(body: Mapping[str, Any]) -> ManagedIdentity:
    """The identity in an answer."""
    properties = body.get("properties") or {}
    return ManagedIdentity(
        principal_id=str(properties.get("principalId") or ""),
        client_id=str(properties.get("clientId") or ""),
        tenant_id=str(properties.get("tenantId") or ""),
    )
