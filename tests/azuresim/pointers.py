"""How to point other people's clients at a running simulator, as text to copy."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

TEXT = """\
A simulated Azure serves at {url}
  tenant {tenant_id}, subscription {subscription_id}, client {client_id}

az (keeps its settings apart with AZURE_CONFIG_DIR):
  export REQUESTS_CA_BUNDLE={ca_file} AZURE_CONFIG_DIR="$(mktemp -d)" AZURE_CORE_INSTANCE_DISCOVERY=false
  az cloud register --name Simulated --endpoint-resource-manager {url} \\
    --endpoint-active-directory {url} --endpoint-active-directory-resource-id https://management.azure.com/ \\
    --endpoint-microsoft-graph-resource-id {url}/
  az cloud set --name Simulated
  az login --service-principal --username {client_id} --password {secret} --tenant {tenant_id}

Terraform (SSL_CERT_FILE={ca_file}):
  provider "azurerm" {{
    features {{}}
    metadata_host                   = "{authority}"
    subscription_id                 = "{subscription_id}"
    tenant_id                       = "{tenant_id}"
    client_id                       = "{client_id}"
    client_secret                   = "{secret}"
    resource_provider_registrations = "none"
  }}

Python (SSL_CERT_FILE={ca_file}):
  credential = ClientSecretCredential("{tenant_id}", "{client_id}", "{secret}",
                                      authority="{url}", disable_instance_discovery=True)
  ApiManagementClient(credential, "{subscription_id}", base_url="{url}",
                      credential_scopes=["https://management.azure.com/.default"])

curl, as a caller of the gateway:
  curl --cacert {ca_file} --connect-to ::{authority} https://contoso.azure-api.net/orders
"""


def pointers(said: Mapping[str, Any]) -> str:
    """The text for what `python -m azuresim` says about itself."""
    client = said["client"]
    fields = {**said, "client_id": client["id"], "secret": client["secret"]}
    return textwrap.dedent(TEXT).format(**fields, authority=said["url"].removeprefix("https://"))
