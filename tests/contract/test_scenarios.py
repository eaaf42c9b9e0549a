"""What the portal's "Import Function App" leaves, and that it can be locked."""

import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import jwt
import pytest

from azuresim import Simulator, World
from azuresim.scenarios import ROUTE_PREFIX, Imported, ident, imported
from azuresim.switches import Switches
from azuresim.wire import HttpAnswer

APIM, WEB = "2024-05-01", "2025-05-01"
EXCHANGE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@pytest.fixture
async def azure() -> AsyncIterator[Simulator]:
    async with Simulator() as started:
        yield started


@pytest.fixture
def team(azure: Simulator) -> Imported:
    return imported(azure.world)


async def ask(azure: Simulator, method: str, resource: str, version: str = APIM, body: Any = None) -> HttpAnswer:
    headers = azure.arm_headers("bbbbbbbb-0000-4000-8000-000000000001")
    return await azure.send(method, "", f"{resource}?api-version={version}", headers=headers, json=body)


async def through(azure: Simulator, team: Imported, path: str = "/ping", key: str | None = None) -> HttpAnswer:
    headers = {"Ocp-Apim-Subscription-Key": team.master_key if key is None else key}
    return await azure.send("GET", team.gateway_host, f"/{team.api_path}{path}", headers=headers)


async def past(azure: Simulator, team: Imported, *, key: str = "", token: str = "") -> HttpAnswer:
    """A call past the gateway."""
    headers = {"x-functions-key": key} if key else {}
    headers |= {"Authorization": f"Bearer {token}"} if token else {}
    return await azure.send("GET", team.site_host, f"/{team.route_prefix}/orders", headers=headers)


# As the import leaves it


@pytest.mark.parametrize(
    ("path", "function", "values"),
    [("/orders", "ListOrders", {}), ("/ping", "Ping", {}), ("/orders/7", "GetOrder", {"id": "7"})],
)
async def test_the_gateway_reaches_each_imported_function_with_the_host_key(
    azure: Simulator, team: Imported, path: str, function: str, values: dict[str, str]
) -> None:
    """Source: learn.microsoft.com/azure/api-management/import-function-app-as-api."""
    answer = await through(azure, team, path)
    assert answer.status == 200
    reached = answer.data()
    assert (reached["function"], reached["values"]) == (function, values)
    assert reached["headers"]["x-functions-key"] == "functionKeys/apim-contoso"
    assert reached["claims"] is None


async def test_the_gateway_asks_for_a_subscription_key(azure: Simulator, team: Imported) -> None:
    """Source: learn.microsoft.com/azure/api-management/api-management-subscriptions."""
    assert (await through(azure, team, key="")).status == 401


async def test_a_subscription_of_the_api_opens_it_and_no_other(azure: Simulator, team: Imported) -> None:
    """Source: learn.microsoft.com/azure/api-management/api-management-subscriptions (scope)."""
    other = imported(azure.world, name="billing")
    own, foreign = (
        await through(azure, team, key=team.subscription_key),
        await through(azure, other, key=team.subscription_key),
    )
    assert (own.status, foreign.status) == (200, 401)


async def test_whoever_has_the_key_calls_the_function_past_the_gateway(azure: Simulator, team: Imported) -> None:
    """Source: learn.microsoft.com/azure/azure-functions/functions-bindings-http-webhook-trigger (authLevel)."""
    with_key, without = await past(azure, team, key=team.host_key), await past(azure, team)
    assert (with_key.status, without.status) == (200, 401)


async def test_the_service_has_no_identity(azure: Simulator, team: Imported) -> None:
    """Source: Azure/azure-service-operator recording Test_ApiManagement_20240501_CRUD (identity null)."""
    assert (await ask(azure, "GET", team.service_id)).data()["identity"] is None


async def test_easy_auth_was_never_configured(azure: Simulator, team: Imported) -> None:
    """Source: Azure/azure-cli tracker."""
    settings = (await ask(azure, "GET", f"{team.site_id}/config/authsettingsV2", WEB)).data()["properties"]
    assert settings == {"platform": {"enabled": False}}


async def test_the_host_name_is_not_the_name_of_the_site_and_the_prefix_is_not_the_default(
    azure: Simulator, team: Imported
) -> None:
    """Source: learn.microsoft.com/azure/app-service (unique default host names)."""
    site = (await ask(azure, "GET", team.site_id, WEB)).data()
    assert site["properties"]["defaultHostName"] == team.site_host
    assert (team.site_host.partition(".")[0] != site["name"], team.route_prefix) == (True, ROUTE_PREFIX)
    assert ROUTE_PREFIX != "api"


async def test_only_http_triggers_became_operations_one_for_each_method(azure: Simulator, team: Imported) -> None:
    """Source: microsoft/vscode-apimanagement, importFunctionApp.ts."""
    listed = (await ask(azure, "GET", f"{team.api_id}/operations")).data()["value"]
    assert {(one["name"], one["properties"]["method"], one["properties"]["urlTemplate"]) for one in listed} == {
        ("get-listorders", "get", "orders"),
        ("post-listorders", "post", "orders"),
        ("get-ping", "get", "ping"),
        ("get-getorder", "get", "orders/{id}"),
    }


async def test_each_operation_routes_to_the_backend_by_its_own_policy(azure: Simulator, team: Imported) -> None:
    """Source: microsoft/vscode-apimanagement, importFunctionApp.ts."""
    for operation in team.operation_ids:
        policy = (await ask(azure, "GET", f"{operation}/policies/policy")).data()["properties"]["value"]
        assert '<set-backend-service id="apim-generated-policy" backend-id="orders-fn" />' in policy
        assert policy.count("<base />") == 4


async def test_the_api_has_no_policy_of_its_own(azure: Simulator, team: Imported) -> None:
    """Source: microsoft/vscode-apimanagement, importFunctionApp.ts (policies per operation)."""
    assert (await ask(azure, "GET", f"{team.api_id}/policies/policy")).status == 404


async def test_the_backend_points_at_the_prefix_and_sends_the_named_value(azure: Simulator, team: Imported) -> None:
    """Source: microsoft/vscode-apimanagement, importWebApp.ts."""
    backend = (await ask(azure, "GET", team.backend_id)).data()["properties"]
    assert backend["url"] == f"https://{team.site_host}/v1"
    assert backend["resourceId"] == f"https://management.azure.com{team.site_id}"
    assert backend["credentials"]["header"] == {"x-functions-key": ["{{orders-fn-key}}"]}


async def test_the_named_value_is_secret_and_carries_the_host_key(azure: Simulator, team: Imported) -> None:
    """Source: microsoft/vscode-apimanagement, importFunctionApp.ts."""
    shown = (await ask(azure, "GET", team.named_value_id)).data()["properties"]
    value = (await ask(azure, "POST", f"{team.named_value_id}/listValue")).data()["value"]
    assert (shown["secret"], shown["tags"], "value" in shown) == (True, ["key", "function", "auto"], False)
    assert value == team.host_key


@pytest.mark.parametrize("version", [1, 2, None])
async def test_the_registration_still_lets_people_sign_in(azure: Simulator, version: int | None) -> None:
    """Source: learn.microsoft.com/azure/app-service/configure-authentication-provider-aad."""
    team = imported(azure.world, token_version=version)
    headers = azure.graph_headers(team.operator_client_id)
    found = (await azure.send("GET", "", f"/v1.0/applications/{team.application_id}", headers=headers)).data()
    assert found["appId"] == team.client_id
    assert found["web"]["redirectUris"] == [f"https://{team.site_host}/.auth/login/aad/callback"]
    assert found["web"]["implicitGrantSettings"]["enableIdTokenIssuance"] is True
    assert found["api"]["requestedAccessTokenVersion"] == version


@pytest.mark.parametrize(
    ("name", "expected"), [("orders-fn-key", "orders-fn-key"), ("My_App", "my-app"), ("-ä..b-", "a-b")]
)
def test_identifiers_are_made_as_the_import_makes_them(name: str, expected: str) -> None:
    """Source: microsoft/vscode-apimanagement, apiUtil.ts."""
    assert ident(name) == expected


# Around it


async def test_several_apps_live_on_one_service(azure: Simulator, team: Imported) -> None:
    other = imported(azure.world, name="billing", token_version=1)
    assert (other.service_id, other.operator_client_id) == (team.service_id, team.operator_client_id)
    assert {team.client_id, team.application_id} & {other.client_id, other.application_id} == set()
    assert [(await through(azure, one)).status for one in (team, other)] == [200, 200]


async def test_its_ids_are_the_same_in_every_world(team: Imported) -> None:
    assert imported(World()) == team


async def test_it_stands_whatever_the_world_is_switched_to() -> None:
    world = World(switches=Switches(apim_named_value_writes_fail=True), latency=5.0, denied={"*"})
    imported(world)
    assert (world.latency, world.denied, world.switches.apim_named_value_writes_fail) == (5.0, {"*"}, True)


async def test_the_operator_signs_in_with_its_assertion_file(azure: Simulator, team: Imported, tmp_path: Path) -> None:
    """Source: learn.microsoft.com/entra/workload-id/workload-identity-federation."""
    file = team.write_assertion(tmp_path)
    form = {
        "grant_type": "client_credentials",
        "client_id": team.operator_client_id,
        "scope": "https://management.azure.com/.default",
        "client_assertion_type": EXCHANGE,
        "client_assertion": file.read_text(),
    }
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    path = f"/{team.tenant_id}/oauth2/v2.0/token"
    answer = await azure.send("POST", "", path, headers=headers, body=urlencode(form).encode())
    claims = jwt.decode(answer.data()["access_token"], options={"verify_signature": False})
    assert (answer.status, claims["appid"]) == (200, team.operator_client_id)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_no_secret_is_a_field_of_it(team: Imported) -> None:
    shown = repr(team)
    assert team.master_key not in shown
    assert team.subscription_key not in shown
    assert team.host_key not in shown


# Locked by hand, as the portal's instructions have it


@pytest.mark.parametrize(("version", "issuer"), [(1, 1), (2, 2)])
async def test_it_can_be_locked_so_that_only_the_gateway_gets_in(azure: Simulator, version: int, issuer: int) -> None:
    """Source: learn.microsoft.com/azure/api-management/authentication-managed-identity-policy."""
    team = imported(azure.world, token_version=version)
    identity = await lock(azure, team, azure.world.entra.issuer(issuer))
    reached = (await through(azure, team, "/orders")).data()
    direct, with_key = await past(azure, team), await past(azure, team, key=team.host_key)
    stranger = azure.world.entra.token_for_client(team.stranger_client_id, team.client_id)
    foreign = await past(azure, team, key=team.host_key, token=stranger)
    assert reached["claims"]["azp" if version == 2 else "appid"] == identity
    assert reached["claims"]["aud"] == team.client_id
    assert (direct.status, with_key.status, foreign.status) == (401, 401, 403)


async def lock(azure: Simulator, team: Imported, issuer: str) -> str:
    """Identity, Easy Auth and policy stand; the identity's client id."""
    await ask(azure, "PATCH", team.service_id, body={"identity": {"type": "SystemAssigned"}})
    azure.world.operations.finish(team.service_id)
    identity = azure.world.entra.system_identity(team.service_id)
    assert identity is not None
    aad = {
        "enabled": True,
        "registration": {"clientId": team.client_id, "openIdIssuer": issuer},
        "validation": {"defaultAuthorizationPolicy": {"allowedApplications": [identity.client_id]}},
    }
    settings = {
        "platform": {"enabled": True},
        "globalValidation": {"requireAuthentication": True, "unauthenticatedClientAction": "Return401"},
        "identityProviders": {"azureActiveDirectory": aad},
    }
    closed = await ask(azure, "PUT", f"{team.site_id}/config/authsettingsV2", WEB, {"properties": settings})
    policy = {"properties": {"format": "rawxml", "value": sign_in(team)}}
    signed = await ask(azure, "PUT", f"{team.api_id}/policies/policy", body=policy)
    assert (closed.status, signed.status) == (200, 201)
    return identity.client_id


def sign_in(team: Imported) -> str:
    bearer = '@("Bearer " + (string)context.Variables["msi-access-token"])'
    return f"""<policies><inbound><base />
  <authentication-managed-identity resource="{team.client_id}"
    output-token-variable-name="msi-access-token" ignore-error="false" />
  <set-header name="Authorization" exists-action="override"><value>{bearer}</value></set-header>
  <set-backend-service id="apim-generated-policy" backend-id="{team.backend_name}" />
</inbound><backend><base /></backend><outbound><base /></outbound><on-error><base /></on-error></policies>"""
