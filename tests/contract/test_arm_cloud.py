"""What clients read before and around everything: cloud metadata, providers, headers, odd paths and bodies."""

from __future__ import annotations

import re
from urllib.parse import urlencode

import pytest

from azuresim import Simulator
from azuresim.msi import add_user_identity
from contract.arm_world import (
    GROUP,
    HERE,
    IDENTITY,
    MSI,
    OPERATOR,
    SERVICE,
    SUBSCRIPTION,
    arm,
    message,
    refusal,
)

METADATA = "/metadata/endpoints"


@pytest.fixture(autouse=True)
def group(azure: Simulator) -> None:
    azure.world.arm.add_group(GROUP)


# --- the cloud --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("version", ["2019-05-01", "2019-10-01", "2022-09-01", "2023-11-01"])
async def test_the_metadata_of_clouds_needs_no_token_and_is_a_list_until_2022(azure: Simulator, version: str) -> None:
    """Source: Azure/azure-cli (cloud.py), hashicorp/go-azure-sdk (environments), azure-core-management for Java."""
    answer = (await azure.send("GET", "", f"{METADATA}?api-version={version}")).data()
    assert isinstance(answer, list) is (version < "2022-09-01")
    cloud = answer[0] if isinstance(answer, list) else answer
    assert (cloud["resourceManager"], cloud["authentication"]["loginEndpoint"]) == (azure.url, azure.url)
    assert cloud["authentication"]["tenant"] == azure.world.tenant_id
    assert {"name", "portal", "graphAudience", "microsoftGraphResourceId", "batch", "media", "gallery"} <= cloud.keys()
    assert {"sqlManagement", "activeDirectoryDataLake", "appInsightsResourceId", "ossrDbmsResourceId"} <= cloud.keys()
    assert {"storage", "keyVaultDns", "acrLoginServer", "sqlServerHostname"} <= cloud["suffixes"].keys()
    assert [suffix for suffix in cloud["suffixes"].values() if suffix.startswith(".")] == []


@pytest.mark.parametrize("query", ["?api-version=2015-01-01", ""])
async def test_the_old_metadata_is_one_object(azure: Simulator, query: str) -> None:
    """Source: azure-mgmt-core 1.6 (get_arm_endpoints), Azure/azure-powershell (ARM endpoints of Azure Stack)."""
    cloud = (await azure.send("GET", "", METADATA + query)).data()
    assert cloud["authentication"]["loginEndpoint"] == f"{azure.url}/"
    assert cloud["authentication"]["audiences"]
    assert {"galleryEndpoint", "graphEndpoint", "portalEndpoint"} < cloud.keys()


async def test_graph_is_called_where_the_metadata_says_with_a_token_for_that_name(azure: Simulator) -> None:
    """Source: Azure/azure-cli (`az ad` sends to endpoints.microsoft_graph_resource_id and asks a token for it),
    hashicorp/go-azure-sdk (from_metadata: Microsoft Graph's endpoint is its resource id)."""
    azure.world.entra.add_secret(OPERATOR, "not-a-secret")
    azure.world.entra.graph_permissions[OPERATOR] = {"Application.Read.All"}
    cloud = (await azure.send("GET", "", f"{METADATA}?api-version=2022-09-01")).data()
    graph, login = cloud["microsoftGraphResourceId"], cloud["authentication"]["loginEndpoint"]
    form = {"grant_type": "client_credentials", "client_id": OPERATOR, "client_secret": "not-a-secret"}
    body = urlencode(form | {"scope": f"{graph}.default"}).encode()
    token_path = f"{login}/{azure.world.tenant_id}/oauth2/v2.0/token".removeprefix(azure.url)
    token = (await azure.send("POST", "", token_path, body=body)).data()["access_token"]
    path = f"{graph}v1.0/applications".removeprefix(azure.url)
    assert (await azure.send("GET", "", path, headers={"Authorization": f"Bearer {token}"})).status == 200


async def test_a_provider_shows_its_types_with_versions_and_locations(azure: Simulator) -> None:
    """Source: learn.microsoft.com/rest/api/resources/providers/get."""
    provider = (await arm(azure, "GET", f"{SUBSCRIPTION}/providers/microsoft.apimanagement")).data()
    types = {one["resourceType"]: one for one in provider["resourceTypes"]}
    assert (provider["namespace"], provider["registrationState"]) == ("Microsoft.ApiManagement", "Registered")
    assert "2024-05-01" in types["service"]["apiVersions"]
    assert "West Europe" in types["service"]["locations"]
    assert "service/apis" in types
    assert "registrationState" not in (await arm(azure, "GET", "/providers/Microsoft.ApiManagement")).data()


async def test_a_provider_that_does_not_exist_is_an_invalid_namespace(azure: Simulator) -> None:
    """Source: learn.microsoft.com/azure/azure-resource-manager/troubleshooting/common-deployment-errors."""
    answer = await arm(azure, "GET", f"{SUBSCRIPTION}/providers/Microsoft.Nothing")
    assert refusal(answer) == (404, "InvalidResourceNamespace")


# --- versions ---------------------------------------------------------------------------------------------------------
@pytest.mark.assumed
@pytest.mark.item("apim-17")
@pytest.mark.parametrize("code", ["InvalidApiVersionParameter", "NoRegisteredProviderFound"])
async def test_an_unknown_version_of_a_service_is_refused_with_either_code(azure: Simulator, code: str) -> None:
    """Both codes are quoted in trackers: Azure/azure-sdk-for-go, hashicorp/terraform-provider-azurerm."""
    azure.world.switches.arm_unknown_version = code  # type: ignore[assignment]
    answer = await arm(azure, "GET", SERVICE, version="1999-01-01")
    assert refusal(answer) == (400, code)
    assert "2024-05-01" in message(answer)


# --- headers ----------------------------------------------------------------------------------------------------------
async def test_every_answer_forbids_caching_and_sniffing(azure: Simulator) -> None:
    """Source: Azure/azure-cli recordings, every answer of ARM."""
    for path in (GROUP, f"{SUBSCRIPTION}/resourceGroups/nowhere"):
        headers = (await arm(azure, "GET", path)).headers
        assert headers["Cache-Control"] == "no-cache"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains"
        assert headers["Content-Length"].isdigit()
        assert re.fullmatch(r"[0-9a-f-]{36}", headers["x-ms-request-id"])


@pytest.mark.parametrize(("asked", "shown"), [("true", "mine"), ("false", None), (None, None)])
async def test_a_clients_own_id_comes_back_only_when_it_asks(
    azure: Simulator, asked: str | None, shown: str | None
) -> None:
    """Source: Azure/azure-resource-manager-rpc (common-api-details: x-ms-return-client-request-id)."""
    headers = {"x-ms-client-request-id": "mine"} | ({"x-ms-return-client-request-id": asked} if asked else {})
    answer = await arm(azure, "GET", GROUP, headers=headers)
    assert answer.headers.get("x-ms-client-request-id") == shown


# --- paths ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "path",
    [
        IDENTITY.upper(),
        IDENTITY + "/",
        IDENTITY.replace("/providers/", "//providers//"),
        "/" + IDENTITY,
        IDENTITY.replace("shop", "%73hop"),
        IDENTITY.replace("caller", "%63aller"),
        IDENTITY.replace("resourceGroups", "resourcegroups"),
    ],
)
async def test_a_path_is_read_whatever_its_case_slashes_and_escapes(azure: Simulator, path: str) -> None:
    """Source: learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules (case); clients that
    join paths with two slashes: threads of Azure/azure-sdk-for-go and hashicorp/terraform-provider-azurerm."""
    add_user_identity(azure.world, IDENTITY)
    answer = await arm(azure, "GET", path, version=MSI)
    assert (answer.status, answer.data()["id"]) == (200, IDENTITY)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/providers/", 200),
        ("/subscriptions/", 200),
        (f"{GROUP}/providers", 404),
        (f"{GROUP}/providers/", 404),
        (f"{GROUP}/providers/Microsoft.Web", 404),
        (f"{SUBSCRIPTION}/nothing/here", 404),
        (f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{'x' * 3000}?api-version={MSI}", 404),
        (f"{GROUP}/{'providers/' * 200}", 404),
        (f"{IDENTITY}/%00", 404),
        (f"{SUBSCRIPTION}/resourceGroups/%2e%2e/providers/%2e%2e", 404),
    ],
)
async def test_a_path_that_leads_nowhere_is_not_found(azure: Simulator, path: str, status: int) -> None:
    """Source: learn.microsoft.com/azure/azure-resource-manager/troubleshooting/error-not-found."""
    answer = await arm(azure, "GET", path)
    assert answer.status == status
    assert isinstance(answer.data(), dict)


# --- bodies -----------------------------------------------------------------------------------------------------------
@pytest.mark.filterwarnings("ignore:Sending a large body")
@pytest.mark.parametrize(
    ("media", "body", "status", "code"),
    [
        ("application/x-www-form-urlencoded", b'{"location": "westeurope"}', 415, "UnsupportedMediaType"),
        ("text/plain", b"{}", 415, "UnsupportedMediaType"),
        ("application/json", b"{location", 400, "InvalidRequestContent"),
        ("application/json", b"[]", 400, "InvalidRequestContent"),
        ("application/json", b'"text"', 400, "InvalidRequestContent"),
        ("application/json", b"\xff\xfe", 400, "InvalidRequestContent"),
        ("application/json", b"", 400, "InvalidRequestContent"),
        ("application/json", b" " * (4 * 1024 * 1024 + 1), 413, "RequestContentTooLarge"),
    ],
    ids=["form", "text", "broken", "list", "string", "encoding", "empty", "large"],
)
async def test_a_body_that_is_no_json_object_is_refused(
    azure: Simulator, media: str, body: bytes, status: int, code: str
) -> None:
    """Source: UnsupportedMediaType in threads of Azure/azure-cli (az rest) and Azure/azure-powershell;
    InvalidRequestContent and the 4 MB in learn.microsoft.com/azure/azure-resource-manager/troubleshooting and
    management/azure-subscription-service-limits."""
    headers = {**azure.arm_headers(OPERATOR), "Content-Type": media}
    answer = await azure.send("PUT", "", f"{IDENTITY}?api-version={MSI}", headers=headers, body=body)
    assert refusal(answer) == (status, code)


@pytest.mark.parametrize(
    "media", ["application/json", "application/json; charset=utf-8", "text/json", "APPLICATION/JSON"]
)
async def test_json_is_taken_under_each_of_its_names(azure: Simulator, media: str) -> None:
    """Source: RFC 8259 and RFC 9110 (media types without case, with parameters)."""
    headers = {"Content-Type": media}
    assert (await arm(azure, "PUT", IDENTITY, HERE, version=MSI, headers=headers)).status == 201


async def test_a_region_tells_its_geography_and_the_group_of_it(azure: Simulator) -> None:
    """Source: learn.microsoft.com/azure/reliability/regions-list; `az account list-locations` ((Europe) UK South)."""
    listed = (await arm(azure, "GET", f"{SUBSCRIPTION}/locations")).data()["value"]
    found = {one["name"]: (one["regionalDisplayName"], one["metadata"]["geography"]) for one in listed}
    assert found["uksouth"] == ("(Europe) UK South", "United Kingdom")
    assert found["eastus"] == ("(US) East US", "United States")
    assert found["westeurope"] == ("(Europe) West Europe", "Europe")
