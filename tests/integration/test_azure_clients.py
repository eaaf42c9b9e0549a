"""The Azure clients, as they are, against the simulated Azure: real TLS, real token requests, real SDK pipelines."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from azuresim import Simulator, World
from azuresim.contract_check import DOCUMENTS, contract
from azuresim.msi import add_user_identity
from azuresim.scenarios import GROUP, OPERATOR, SERVICE, SUBSCRIPTION, Imported, imported
from funcgate.azure import ANY, Azure, Endpoints, Redirect, ResourceId, WaysIn, connect, write_fence
from funcgate.errors import AccessDenied, NotFound, Rejected, TryAgain
from funcgate.secrets import Secret
from funcgate.steps import doing

UAMI = f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/caller"
VAULT = f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/vault"


@dataclass
class Team:
    """A simulated Azure, what the import left in it, and the clients that look at it."""

    simulator: Simulator
    there: Imported
    azure: Azure
    counted: list[dict[str, Any]] = field(default_factory=list)

    @property
    def world(self) -> World:
        return self.simulator.world

    def calls(self, method: str = "", service: str = "") -> list[str]:
        return [
            f"{call.method} {call.path}"
            for call in self.world.log
            if call.method.startswith(method) and call.service.startswith(service)
        ]


@pytest.fixture(scope="module", autouse=True)
def contracts() -> None:
    """Parsed before any connection waits for an answer: it takes seconds, once."""
    for name, _ in DOCUMENTS.values():
        contract(name)


@pytest.fixture
async def team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Team]:
    async with Simulator(check_refused=True) as simulator:
        there = imported(simulator.world)
        simulator.world.log.clear()
        monkeypatch.setenv("SSL_CERT_FILE", str(simulator.ca_file))
        monkeypatch.setenv("AZURE_CLIENT_ID", there.operator_client_id)
        monkeypatch.setenv("AZURE_TENANT_ID", there.tenant_id)
        monkeypatch.setenv("AZURE_FEDERATED_TOKEN_FILE", str(there.write_assertion(tmp_path)))
        endpoints = Endpoints(arm=simulator.url, graph=simulator.url, authority=simulator.url)
        counted: list[dict[str, Any]] = []
        async with connect(endpoints, observe_call=lambda **labels: counted.append(labels)) as azure:
            yield Team(simulator=simulator, there=there, azure=azure, counted=counted)


async def test_no_call_is_made_before_the_first_question(team: Team) -> None:
    assert team.calls() == []


async def test_many_first_questions_make_one_token_request_per_scope(team: Team) -> None:
    await asyncio.gather(
        *(team.azure.apim.get_service(SERVICE) for _ in range(5)),
        *(team.azure.function_apps.get_site(team.there.site_id) for _ in range(5)),
        *(team.azure.graph.get_application(team.there.client_id) for _ in range(5)),
    )

    assert len(team.calls("POST", "entra")) == 2


# --- what the import left


async def test_the_service_and_its_api_are_read(team: Team) -> None:
    service = await team.azure.apim.get_service(SERVICE)
    api = await team.azure.apim.get_api(SERVICE, team.there.api_name)

    assert (service.gateway_url, service.has_system_identity) == (f"https://{team.there.gateway_host}", False)
    assert api is not None
    assert (api.path, api.subscription_required) == (team.there.api_path, True)


async def test_the_imports_backend_is_read(team: Team) -> None:
    backend = await team.azure.apim.get_backend(SERVICE, team.there.backend_name)

    assert backend is not None
    assert backend.url == f"https://{team.there.site_host}/{team.there.route_prefix}"
    assert ResourceId.parse(backend.resource_id) == ResourceId.parse(team.there.site_id)
    assert backend.header_credentials == {"x-functions-key": (f"{{{{{team.there.named_value_name}}}}}",)}
    assert [each.name for each in await team.azure.apim.list_backends(SERVICE)] == [backend.name]
    named_value = await team.azure.apim.get_named_value(SERVICE, team.there.named_value_name)
    assert named_value is not None
    assert named_value.secret
    assert await team.azure.apim.value_of(SERVICE, named_value) == Secret(team.there.host_key)


async def test_lists_are_followed_over_their_pages(team: Team) -> None:
    team.world.switches.apim_page_size = 2
    for number in range(4):
        await team.azure.apim.put_backend(SERVICE, f"b{number}", {"url": "https://x", "protocol": "http"}, None)

    assert len(await team.azure.apim.list_backends(SERVICE)) == 5


async def test_the_function_app_and_its_functions_are_read(team: Team) -> None:
    site = await team.azure.function_apps.get_site(team.there.site_id)
    functions = {each.name: each for each in await team.azure.function_apps.list_functions(team.there.site_id)}

    assert (site.host_name, site.state) == (team.there.site_host, "Running")
    assert functions["GetOrder"].invoke_url_template == f"https://{site.host_name}/v1/orders/{{id:int}}"
    assert functions["Nightly"].invoke_url_template is None


async def test_the_registration_is_read(team: Team) -> None:
    loaded = "msgraph.generated.models.application" in sys.modules
    application = await team.azure.graph.get_application(team.there.client_id)
    principal = await team.azure.graph.get_service_principal(team.there.client_id)

    assert application is not None
    callback = Redirect("web", f"https://{team.there.site_host}/.auth/login/aad/callback")
    assert application.ways_in == WaysIn(redirects=frozenset({callback}), implicit_tokens=frozenset({"idToken"}))
    assert application.token_version == 2
    assert principal is not None
    assert (principal.object_id, principal.assignment_required) == (team.there.principal_id, False)
    assert ("msgraph.generated.models.application" in sys.modules) == loaded, "loading it stops the loop for a second"


async def test_what_is_not_there_is_none(team: Team) -> None:
    nobody = "99999999-0000-4000-8000-000000000000"

    assert await team.azure.apim.get_api(SERVICE, "no-such-api") is None
    assert await team.azure.apim.get_backend(SERVICE, "no-such-backend") is None
    assert await team.azure.apim.get_named_value(SERVICE, "no-such-value") is None
    assert await team.azure.apim.get_policy(SERVICE, team.there.api_name) is None
    assert await team.azure.identities.system_assigned(SERVICE) is None
    assert await team.azure.graph.get_application(nobody) is None
    assert await team.azure.graph.get_service_principal(nobody) is None


async def test_a_missing_api_is_told_from_a_missing_policy(team: Team) -> None:
    with pytest.raises(NotFound) as raised:
        await team.azure.apim.get_policy(SERVICE, "no-such-api")

    assert raised.value.reason == "ApiNotFound"


async def test_a_missing_service_group_and_subscription_are_told_apart(team: Team) -> None:
    for service, reason in {
        f"{SERVICE}-2": "ResourceNotFound",
        SERVICE.replace("/shop-rg/", "/other-rg/"): "ResourceGroupNotFound",
        SERVICE.replace(SUBSCRIPTION, "99999999-0000-4000-8000-000000000000"): "SubscriptionNotFound",
    }.items():
        with pytest.raises(NotFound) as raised:
            await team.azure.apim.get_api(service, "orders")
        assert raised.value.reason == reason


# --- identities


async def test_the_system_identity_is_assigned_once_and_settles(team: Team) -> None:
    added = await team.azure.apim.add_identity(SERVICE, system=True, user_assigned=None)
    again = await team.azure.apim.add_identity(SERVICE, system=True, user_assigned=None)
    ids = await team.azure.identities.system_assigned(SERVICE)

    assert len(team.calls("PATCH")) == 1
    assert added == again
    assert ids is not None
    assert (ids.principal_id, ids.tenant_id) == (added.principal_id, team.there.tenant_id)


@pytest.mark.parametrize("merges", [True, False])
async def test_identities_of_others_stay_however_the_map_is_taken(team: Team, merges: bool) -> None:
    team.world.switches.apim_identity_map_merges = merges
    for identity in (UAMI, VAULT):
        add_user_identity(team.world, identity)

    await team.azure.apim.add_identity(SERVICE, system=False, user_assigned=VAULT)
    await team.azure.apim.add_identity(SERVICE, system=True, user_assigned=None)
    service = await team.azure.apim.add_identity(SERVICE, system=False, user_assigned=UAMI)

    ids = await team.azure.identities.user_assigned(UAMI)
    assert set(service.user_assigned) == {UAMI.lower(), VAULT.lower()}
    assert service.has_system_identity
    assert service.user_assigned[UAMI.lower()].client_id == ids.client_id


async def test_a_service_in_transition_is_left_alone(team: Team) -> None:
    team.world.arm.need(SERVICE).properties["provisioningState"] = "Updating"

    with pytest.raises(TryAgain) as raised:
        await team.azure.apim.add_identity(SERVICE, system=True, user_assigned=None)

    assert raised.value.reason == "ServiceTransitioning"
    assert team.calls("PATCH") == []


# --- writes to shared documents


async def test_a_backend_is_changed_in_place_and_what_others_set_stays(team: Team) -> None:
    seen = await team.azure.apim.get_backend(SERVICE, team.there.backend_name)
    assert seen is not None

    await team.azure.apim.put_backend(
        SERVICE, seen.name, {"description": "marked", "tls": {"validateCertificateName": True}}, seen.etag
    )

    after = await team.azure.apim.get_backend(SERVICE, seen.name)
    assert after is not None
    assert (after.description, after.url, after.header_credentials) == ("marked", seen.url, seen.header_credentials)
    assert after.etag != seen.etag
    with pytest.raises(TryAgain) as raised:
        await team.azure.apim.put_backend(SERVICE, seen.name, {"description": "late"}, seen.etag)
    assert raised.value.reason == "ChangedMeanwhile"


async def test_a_backend_is_created_and_deleted(team: Team) -> None:
    await team.azure.apim.put_backend(SERVICE, "mine", {"url": "https://x/api", "protocol": "http"}, None)
    seen = await team.azure.apim.get_backend(SERVICE, "mine")
    assert seen is not None

    await team.azure.apim.delete_backend(SERVICE, "mine", seen.etag)
    await team.azure.apim.delete_backend(SERVICE, "mine", seen.etag)

    assert await team.azure.apim.get_backend(SERVICE, "mine") is None


async def test_a_backend_in_use_is_not_deleted(team: Team) -> None:
    with pytest.raises(Rejected):
        await team.azure.apim.delete_backend(SERVICE, team.there.backend_name, ANY)


def a_policy(backend: str, header: str = "") -> str:
    inbound = f'<base />{header}<set-backend-service id="apim-generated-policy" backend-id="{backend}" />'
    rest = "".join(f"<{section}><base /></{section}>" for section in ("backend", "outbound", "on-error"))
    return f"<policies><inbound>{inbound}</inbound>{rest}</policies>"


EXPRESSION = '<set-header name="x-a"><value>@((string)context.Variables["a"] + "&lt;&amp;")</value></set-header>'


async def test_a_policy_that_is_read_and_written_back_stays_the_same(team: Team) -> None:
    api, text = team.there.api_name, a_policy(team.there.backend_name, EXPRESSION)
    await team.azure.apim.put_policy(SERVICE, api, text, None)
    first = await team.azure.apim.get_policy(SERVICE, api)
    assert first is not None

    await team.azure.apim.put_policy(SERVICE, api, first.text, first.etag)

    assert await team.azure.apim.get_policy(SERVICE, api) == first


async def test_a_policy_is_guarded_by_its_etag_and_deleted(team: Team) -> None:
    api, backend = team.there.api_name, team.there.backend_name
    await team.azure.apim.put_policy(SERVICE, api, a_policy(backend), None)
    first = await team.azure.apim.get_policy(SERVICE, api)
    assert first is not None
    await team.azure.apim.put_policy(SERVICE, api, a_policy(backend, EXPRESSION), first.etag)

    for late in (
        team.azure.apim.put_policy(SERVICE, api, a_policy(backend), first.etag),
        team.azure.apim.put_policy(SERVICE, api, a_policy(backend), None),
        team.azure.apim.delete_policy(SERVICE, api, first.etag),
    ):
        with pytest.raises(TryAgain) as raised:
            await late
        assert raised.value.reason == "ChangedMeanwhile"
    await team.azure.apim.delete_policy(SERVICE, api, ANY)
    assert await team.azure.apim.get_policy(SERVICE, api) is None


async def test_a_policy_that_names_a_missing_backend_is_refused_with_its_place(team: Team) -> None:
    with pytest.raises(Rejected, match=r"set-backend-service: .* line \d+, .*'nowhere' could not be found"):
        await team.azure.apim.put_policy(SERVICE, team.there.api_name, a_policy("nowhere"), None)


async def test_writes_to_one_api_do_not_get_into_each_others_way(team: Team) -> None:
    team.world.latency = 0.02
    api, backend = team.there.api_name, team.there.backend_name

    await asyncio.gather(*(team.azure.apim.put_policy(SERVICE, api, a_policy(backend), ANY) for _ in range(4)))

    assert len(team.calls("PUT")) == 4


async def test_auth_settings_of_others_survive_two_writers(team: Team) -> None:
    site = team.there.site_id

    def with_login(settings: Mapping[str, Any]) -> Mapping[str, Any]:
        return {**settings, "login": {"tokenStore": {"enabled": True}}}

    def closed(settings: Mapping[str, Any]) -> Mapping[str, Any]:
        return {**settings, "platform": {**settings["platform"], "enabled": True}}

    await asyncio.gather(
        team.azure.function_apps.put_auth(site, with_login), team.azure.function_apps.put_auth(site, closed)
    )
    await team.azure.function_apps.put_auth(site, closed)

    settings = await team.azure.function_apps.get_auth(site)
    assert settings["platform"]["enabled"] is True
    assert settings["login"]["tokenStore"]["enabled"] is True
    assert len(team.calls("PUT")) == 2


# --- rights, locks, faults


async def test_a_missing_role_is_named_with_its_scope(team: Team) -> None:
    team.world.denied.add("microsoft.web/sites/config/write")

    with pytest.raises(
        AccessDenied, match=r"(?i)Microsoft\.Web/sites/config/write on /subscriptions/.*/sites/orders-fn"
    ):
        await team.azure.function_apps.put_auth(team.there.site_id, lambda settings: {**settings, "login": {}})


async def test_a_lock_is_no_missing_role(team: Team) -> None:
    team.world.arm.lock(GROUP, "ReadOnly")

    with pytest.raises(AccessDenied) as raised:
        await team.azure.apim.add_identity(SERVICE, system=True, user_assigned=None)

    assert raised.value.reason == "ScopeLocked"


async def test_a_missing_graph_permission_is_named(team: Team) -> None:
    team.world.entra.graph_permissions[OPERATOR] = set()

    with pytest.raises(AccessDenied) as raised:
        await team.azure.graph.get_application(team.there.client_id)

    assert raised.value.reason == "GraphPermissionMissing"


async def test_an_operator_that_entra_does_not_know_is_told_so(team: Team) -> None:
    team.world.entra.federated.clear()

    with pytest.raises(AccessDenied, match="AADSTS70021") as raised:
        await team.azure.apim.get_service(SERVICE)

    assert raised.value.reason == "CredentialRefused"
    assert len(team.calls("POST", "entra")) == 1


@pytest.mark.parametrize("seconds", [7, 3600])
async def test_a_throttle_is_handed_on_at_once(team: Team, seconds: int) -> None:
    team.world.faults.add(method="GET", path="*", status=429, headers={"Retry-After": str(seconds)}, times=9)
    started = time.monotonic()

    with pytest.raises(TryAgain) as raised:
        await team.azure.graph.get_application(team.there.client_id)
    with pytest.raises(TryAgain):
        await team.azure.apim.get_service(SERVICE)

    assert (raised.value.reason, raised.value.after_seconds) == ("Throttled", float(seconds))
    assert len(team.calls("GET")) == 2
    assert time.monotonic() - started < 5


async def test_a_read_outlives_a_fault_and_a_broken_connection(team: Team) -> None:
    team.world.faults.add(method="GET", path="*/service/contoso", status=503)
    team.world.faults.add(method="GET", path="/v1.0/applications*", reset=True)

    assert (await team.azure.apim.get_service(SERVICE)).id == SERVICE
    assert await team.azure.graph.get_application(team.there.client_id) is not None


async def test_a_write_whose_answer_was_lost_is_not_repeated(team: Team) -> None:
    team.world.faults.add(method="PUT", path="*/backends/mine", status=503, after=True)

    with pytest.raises(TryAgain):
        await team.azure.apim.put_backend(SERVICE, "mine", {"url": "https://x", "protocol": "http"}, None)

    assert len(team.calls("PUT")) == 1
    assert await team.azure.apim.get_backend(SERVICE, "mine") is not None


async def test_a_certificate_that_nobody_vouches_for_is_named(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    endpoints = Endpoints(arm=team.simulator.url, graph=team.simulator.url, authority=team.simulator.url)

    async with connect(endpoints) as azure:
        with pytest.raises(TryAgain) as raised:
            await azure.graph.get_application(team.there.client_id)

    assert raised.value.reason == "CertificateNotTrusted"


async def test_a_fence_that_fell_keeps_every_write_from_azure(team: Team) -> None:
    def lost() -> None:
        raise RuntimeError("lease lost")

    write_fence.set(lost)
    apim, apps, api = team.azure.apim, team.azure.function_apps, team.there.api_name
    for write in (
        apim.add_identity(SERVICE, system=True, user_assigned=None),
        apim.put_backend(SERVICE, "mine", {"url": "https://x", "protocol": "http"}, None),
        apim.delete_backend(SERVICE, team.there.backend_name, ANY),
        apim.put_policy(SERVICE, api, a_policy(team.there.backend_name), None),
        apim.delete_policy(SERVICE, api, ANY),
        apps.put_auth(team.there.site_id, lambda settings: {**settings, "login": {}}),
    ):
        with pytest.raises(RuntimeError, match="lease lost"):
            await write

    assert [call for call in team.calls(service="arm") if not call.startswith(("GET ", "HEAD "))] == []


async def test_calls_are_counted_by_kind_and_writes_leave_their_correlation_id(team: Team) -> None:
    with doing("apply") as step:
        await team.azure.apim.put_backend(SERVICE, "mine", {"url": "https://x", "protocol": "http"}, None)
    await team.azure.graph.get_service_principal(team.there.client_id)

    labels = [(each["service"], each["method"], each["resource_kind"], each["status"]) for each in team.counted]
    assert ("arm", "PUT", "backends", 201) in labels
    assert ("graph", "GET", "servicePrincipals", 200) in labels
    assert step.wrote == [team.world.journal.requests[-1].correlation_id]


# --- gone or not to be seen


async def test_a_deleted_app_is_gone_and_a_deleted_group_too(team: Team) -> None:
    resources, site = team.azure.resources, team.there.site_id

    assert await resources.is_gone(site) is False
    assert await resources.is_gone(team.there.backend_id) is False
    team.world.arm.delete(site)
    assert await resources.is_gone(site) is True
    team.world.arm.remove_group(GROUP)
    assert await resources.is_gone(site) is True


async def test_what_may_not_be_read_is_not_taken_for_gone(team: Team) -> None:
    team.world.denied.add("microsoft.web/sites/read")

    assert await team.azure.resources.is_gone(team.there.site_id) is None
    assert (
        await team.azure.resources.is_gone(
            team.there.site_id.replace(SUBSCRIPTION, "9" * 8 + "-0000-4000-8000-000000000000")
        )
        is None
    )
