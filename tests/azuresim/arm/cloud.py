"""
What a cloud tells about itself before anybody signs in: `/metadata/endpoints`, in its old and its new form.

Who reads what: azure-cli (`cloud.py`: `az cloud register --endpoint-resource-manager`), hashicorp/go-azure-sdk
(`environments/from_metadata.go`), azure-mgmt-core (`get_arm_endpoints`). Suffixes have no leading dot and endpoints no
slash at the end, except audiences and the login endpoint of the old form, as in Azure's own answer.

`microsoftGraphResourceId` is where az and Terraform's azuread call Graph, and what they ask a token for: here it is
this simulator, and Entra gives a token for Graph when it is asked for one for itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from azuresim.wire import HttpCall

if TYPE_CHECKING:
    from azuresim.world import World

NAME = "AzureSimulated"
OLD_FORM = "2015-01-01"
ONE_CLOUD = "2022-09-01"
"""Since this version the answer is the cloud that was asked, and no list: azure-cli (`az cloud register`)."""
AUDIENCES = ("https://management.core.windows.net/", "https://management.azure.com/")
GRAPH = "https://graph.microsoft.com/"
SUFFIXES = {
    "acrLoginServer": "azurecr.io",
    "azureDatalakeAnalyticsCatalogAndJob": "azuredatalakeanalytics.net",
    "azureDatalakeStoreFileSystem": "azuredatalakestore.net",
    "azureFrontDoorEndpointSuffix": "azurefd.net",
    "keyVaultDns": "vault.azure.net",
    "mariadbServerEndpoint": "mariadb.database.azure.com",
    "mhsmDns": "managedhsm.azure.net",
    "mysqlServerEndpoint": "mysql.database.azure.com",
    "postgresqlServerEndpoint": "postgres.database.azure.com",
    "sqlServerHostname": "database.windows.net",
    "storage": "core.windows.net",
    "storageSyncEndpointSuffix": "afs.azure.net",
    "synapseAnalytics": "dev.azuresynapse.net",
    "attestationEndpoint": "attest.azure.net",
}
"""Names that lead to nothing simulated keep their real form: a client that calls them leaves the simulator loudly."""


def cloud_metadata(call: HttpCall, world: World) -> Any:
    """Every endpoint that something simulated answers at is this simulator."""
    origin = f"{call.scheme}://{call.header('Host', call.host)}"
    version = call.argument("api-version") or ""
    if version[:10] <= OLD_FORM:
        return old_form(origin)
    found = new_form(origin, world.tenant_id)
    return found if version >= ONE_CLOUD else [found]


def old_form(origin: str) -> dict[str, Any]:
    """2015-01-01 and calls without api-version: one object, for the cloud that was asked."""
    return {
        "galleryEndpoint": "https://gallery.azure.com/",
        "graphEndpoint": origin,
        "portalEndpoint": "https://portal.azure.com/",
        "authentication": {"loginEndpoint": f"{origin}/", "audiences": list(AUDIENCES)},
    }


def new_form(origin: str, tenant_id: str) -> dict[str, Any]:
    """2019-05-01 and later: one of a list of clouds, found by its name or by `resourceManager`."""
    return {
        "name": NAME,
        "portal": "https://portal.azure.com",
        "authentication": {
            "loginEndpoint": origin,
            "audiences": list(AUDIENCES),
            "tenant": tenant_id,
            "identityProvider": "AAD",
        },
        "resourceManager": origin,
        "graph": origin,
        "graphAudience": GRAPH,
        "microsoftGraphResourceId": f"{origin}/",
        "gallery": "https://gallery.azure.com/",
        "media": "https://rest.media.azure.net",
        "mediaAudience": "https://rest.media.azure.net",
        "batch": "https://batch.core.windows.net/",
        "batchAudience": "https://batch.core.windows.net/",
        "sqlManagement": "https://management.core.windows.net:8443/",
        "vmImageAliasDoc": "https://raw.githubusercontent.com/Azure/azure-rest-api-specs/main/arm-compute/quickstart-"
        "templates/aliases.json",
        "activeDirectoryDataLake": "https://datalake.azure.net/",
        "appInsightsResourceId": "https://api.applicationinsights.io",
        "appInsightsTelemetryChannelResourceId": "https://dc.applicationinsights.azure.com/v2/track",
        "attestationResourceId": "https://attest.azure.net",
        "synapseAnalyticsResourceId": "https://dev.azuresynapse.net",
        "logAnalyticsResourceId": "https://api.loganalytics.io",
        "ossrDbmsResourceId": "https://ossrdbms-aad.database.windows.net",
        "suffixes": dict(SUFFIXES),
    }
