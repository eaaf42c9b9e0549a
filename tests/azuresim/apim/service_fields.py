"""
What a service shows that nobody said anything about.

Sources: Azure/azure-service-operator recording Test_ApiManagement_20240501_CRUD; Azure/azure-cli recordings
test_apim_managed_identity and test_apim_export_api (Consumption services).
"""

from __future__ import annotations

from azuresim.resources import Body
from azuresim.world import World


def service_properties(world: World, name: str, sku: str) -> Body:
    """What GET shows of a service, the fields that no contract lists included."""
    host = f"{name.lower()}.azure-api.net"
    return {
        "publisherEmail": "api@example.com",
        "publisherName": "Example",
        "notificationSenderEmail": "apimgmt-noreply@mail.windowsazure.com",
        "provisioningState": "Succeeded",
        "targetProvisioningState": "",
        "createdAtUtc": world.clock.stamp(),
        "gatewayUrl": f"https://{host}",
        **addresses(name.lower(), sku),
        "hostnameConfigurations": [
            {
                "type": "Proxy",
                "hostName": host,
                "encodedCertificate": None,
                "keyVaultId": None,
                "certificatePassword": None,
                "negotiateClientCertificate": False,
                "certificate": None,
                "defaultSslBinding": True,
                "identityClientId": None,
                "certificateStatus": None,
                "certificateSource": "BuiltIn",
            }
        ],
        "publicIPAddresses": None if sku == "Consumption" else ["203.0.113.7"],
        "privateIPAddresses": None,
        "additionalLocations": None,
        "virtualNetworkConfiguration": None,
        "customProperties": {},
        "virtualNetworkType": "None",
        "certificates": None,
        "disableGateway": False,
        "natGatewayState": "Disabled",
        "outboundPublicIPAddresses": None if sku == "Consumption" else ["203.0.113.7"],
        "apiVersionConstraint": {"minApiVersion": None},
        "publicIpAddressId": None,
        "publicNetworkAccess": "Enabled",
        "privateEndpointConnections": None,
        "platformVersion": platform(sku),
        "configurationApi": {"legacyApi": "Enabled"},
        "developerPortalStatus": "Enabled",
        "legacyPortalStatus": "Disabled",
    }


def addresses(name: str, sku: str) -> Body:
    """Where a service can be reached beside its gateway: nowhere in the Consumption tier."""
    hosts = {
        "gatewayRegionalUrl": f"{name}-westeurope-01.regional",
        "portalUrl": f"{name}.portal",
        "developerPortalUrl": f"{name}.developer",
        "managementApiUrl": f"{name}.management",
        "scmUrl": f"{name}.scm",
    }
    return {key: None if sku == "Consumption" else f"https://{host}.azure-api.net" for key, host in hosts.items()}


def platform(sku: str) -> str:
    return "mtv1" if sku == "Consumption" else "stv2.1" if sku.upper().endswith("V2") else "stv2"
