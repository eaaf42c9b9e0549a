"""
Named values whose value stands in a key vault.

The service reads it with its own identity, or the user-assigned one whose client id is named; what became of that is
the entity's `lastStatus`. Source: REST reference, "Named Value - Refresh Secret" and KeyVaultContractProperties;
learn.microsoft.com/azure/api-management/api-management-howto-properties. The codes of a failed look are assumed.
"""

from __future__ import annotations

import re

from azuresim.apim.entities import invalid
from azuresim.apim.identity import SYSTEM, attached, kinds_of
from azuresim.arm import ArmRequest
from azuresim.resources import Body
from azuresim.vaults import VaultError

IDENTIFIER = re.compile(r"^https://[a-z0-9-]{3,24}\.vault\.[a-z.]+/secrets/[A-Za-z0-9-]{1,127}(/[0-9a-f]{32})?/?$")


def read_secret(request: ArmRequest, reference: object) -> tuple[str, Body]:
    """The value, and the `keyVault` that GET shows. ArmError 400 when the vault does not give it."""
    if not isinstance(reference, dict):
        raise invalid(("keyVault", "'keyVault' must be an object."))
    identifier, client_id = reference.get("secretIdentifier"), reference.get("identityClientId")
    if not isinstance(identifier, str) or not IDENTIFIER.match(identifier):
        raise invalid(("keyVault.secretIdentifier", f"'{identifier}' is no identifier of a key vault's secret."))
    if client_id is not None and not isinstance(client_id, str):
        raise invalid(("keyVault.identityClientId", "'identityClientId' is no text."))
    try:
        value = request.world.vaults.get(identifier, reader(request, client_id))
    except VaultError as refused:
        message = f"Unable to get the secret '{identifier}': {refused.code}, {refused}"
        raise invalid(("keyVault.secretIdentifier", message)) from refused
    status = {"code": "Success", "message": None, "timeStampUtc": request.world.clock.stamp()}
    return value, {"secretIdentifier": identifier, "identityClientId": client_id, "lastStatus": status}


def reader(request: ArmRequest, client_id: str | None) -> str | None:
    """The object id of the identity that looks; ArmError 400 when the service has no such identity."""
    service = request.world.arm.need(request.up_to("service"))
    identity = service.body.get("identity") or {}
    if client_id is None:
        if SYSTEM not in kinds_of(identity):
            raise invalid(("keyVault", "The service has no system assigned identity to read the key vault with."))
        return str(identity["principalId"])
    try:
        found = request.world.entra.identity(attached(identity, client_id))
    except RuntimeError as missing:
        raise invalid(("keyVault.identityClientId", str(missing))) from missing
    return found.principal_id if found else None
