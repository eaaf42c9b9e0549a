"""What a cloud tells about itself before anybody signs in: `/metadata/endpoints`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from azuresim.entra.tokens import ARM_AUDIENCES
from azuresim.wire import HttpCall

if TYPE_CHECKING:
    from azuresim.world import World


def cloud_metadata(call: HttpCall, world: World) -> list[dict[str, Any]]:
    """What `az cloud register --endpoint-resource-manager` and SDKs read: every endpoint is this simulator."""
    origin = f"{call.scheme}://{call.header('Host', call.host)}"
    return [
        {
            "name": "AzureSimulated",
            "resourceManager": origin,
            "microsoftGraphResourceId": "https://graph.microsoft.com",
            "authentication": {
                "loginEndpoint": origin,
                "audiences": list(ARM_AUDIENCES),
                "tenant": world.tenant_id,
                "identityProvider": "AAD",
            },
        }
    ]
