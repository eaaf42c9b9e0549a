"""Calls to Resource Manager as one client makes them, and the ids that its tests speak about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from azuresim import Simulator
from azuresim.wire import HttpAnswer

OPERATOR = "0be7a70a-0000-4000-8000-0000000000aa"
SUBSCRIPTION_ID = "00000000-aaaa-4000-8000-00000000000a"
SUBSCRIPTION = f"/subscriptions/{SUBSCRIPTION_ID}"
GROUP = f"{SUBSCRIPTION}/resourceGroups/shop"
IDENTITIES = f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities"
IDENTITY = f"{IDENTITIES}/caller"
SERVICE = f"{GROUP}/providers/Microsoft.ApiManagement/service/contoso"
AUTHORIZATION = "providers/Microsoft.Authorization"
RESOURCES, MSI, ROLES, APIM = "2022-09-01", "2024-11-30", "2022-04-01", "2024-05-01"
HERE = {"location": "westeurope"}


async def arm(
    azure: Simulator,
    method: str,
    path: str,
    body: Any = None,
    *,
    version: str = RESOURCES,
    headers: Mapping[str, str] | None = None,
) -> HttpAnswer:
    """The answer to OPERATOR; `path` may carry a query of its own, and a nextLink is followed as it is."""
    path = path.removeprefix(azure.url)
    if "api-version=" not in path:
        path += ("&" if "?" in path else "?") + f"api-version={version}"
    return await azure.send(method, "", path, headers={**azure.arm_headers(OPERATOR), **(headers or {})}, json=body)


def refusal(answer: HttpAnswer) -> tuple[int, str]:
    """Status and code."""
    return answer.status, str(answer.data()["error"]["code"])


def message(answer: HttpAnswer) -> str:
    return str(answer.data()["error"]["message"])


def operator_id(azure: Simulator) -> str:
    found = azure.world.entra.principal(OPERATOR)
    assert found is not None
    return str(found["id"])
