"""One manifest replaces the portal's clicks: what one pass makes true, and that a second one has nothing to do."""

import asyncio
import copy
import time
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from azuresim.scenarios import imported
from funcgate.azure.operations import SHORTEST_SECONDS
from integration.azure_stage import (
    ADOPTION,
    BOTH,
    CALLER,
    NAMED,
    SYSTEM,
    VAULT,
    Json,
    Stage,
    longest_chain,
    on_stage,
    seen_by_the_function,
)


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with on_stage() as stage:
        yield stage


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize(("identity", "before"), [(SYSTEM, None), (NAMED, BOTH)], ids=["system", "named"])
async def test_one_pass_lets_callers_in_through_the_gateway_and_nobody_past_it(
    version: int, identity: Json, before: Json | None
) -> None:
    async with on_stage(token_version=version) as stage:
        stage.add_identities()
        stage.give_identity(before)

        done = await stage.settled(stage.binding(identity=identity))

        assert sorted(stage.writes()) == sorted(ADOPTION)
        assert all(each.status == "True" for each in done.conditions if each.type.endswith("Ready"))
        await assert_the_function_sees_our_token(stage, version, identity)
        await assert_nobody_else_comes_in(stage)


async def assert_the_function_sees_our_token(stage: Stage, version: int, identity: Json) -> None:
    ids = stage.world.entra.identity(identity.get("id", stage.team.service_id))
    tenant = stage.team.tenant_id
    issuer = (
        f"https://login.microsoftonline.com/{tenant}/v2.0" if version == 2 else f"https://sts.windows.net/{tenant}/"
    )
    answer = await stage.through_the_gateway()
    assert answer.status == 200
    seen = seen_by_the_function(answer)
    assert ids is not None
    expected = {"aud": stage.team.client_id, "iss": issuer, "oid": ids.principal_id, "ver": f"{version}.0"}
    assert expected | {"azp" if version == 2 else "appid": ids.client_id} == {
        name: value for name, value in seen["claims"].items() if name in {*expected, "azp", "appid"}
    }
    assert (seen["function"], seen["key"]) == ("Ping", f"functionKeys/{stage.team.host_key_name}")


async def assert_nobody_else_comes_in(stage: Stage) -> None:
    key = {"x-functions-key": stage.team.host_key}
    stranger = {"Authorization": stage.token_of(stage.team.stranger_client_id)}
    assert (await stage.past_the_gateway()).status == 401
    assert (await stage.past_the_gateway(**key)).status == 401
    assert (await stage.past_the_gateway(**stranger)).status == 403
    assert (await stage.past_the_gateway(**key, **stranger)).status == 403


async def test_identities_that_the_service_has_already_stay_as_they_are(stage: Stage) -> None:
    stage.add_identities()
    stage.give_identity(BOTH)
    before = copy.deepcopy(stage.service.body["identity"])

    await stage.settled(stage.binding(identity=NAMED))

    after = stage.service.body["identity"]
    assert after["principalId"] == before["principalId"]
    assert after["userAssignedIdentities"][VAULT] == before["userAssignedIdentities"][VAULT]
    assert set(after["userAssignedIdentities"]) == {VAULT, CALLER}


# --- the base policy


OTHERS = """<policies>
  <!-- hands off, says team Blue -->
  <inbound><base /><set-header name="x-team"><value>blue</value></set-header></inbound>
  <backend><base /></backend>
  <outbound><base /><set-header name="x-powered-by" exists-action="delete" /></outbound>
</policies>"""


async def test_the_base_policy_holds_the_three_statements_and_all_bases(stage: Stage) -> None:
    await stage.settled()

    inbound = [(str(node.tag), dict(node.attrib)) for node in stage.sections()["inbound"]]
    assert inbound == [
        ("base", {}),
        (
            "authentication-managed-identity",
            {
                "resource": stage.team.client_id,
                "output-token-variable-name": "msi-access-token",
                "ignore-error": "false",
            },
        ),
        ("set-header", {"name": "Authorization", "exists-action": "override"}),
        ("set-backend-service", {"id": "apim-generated-policy", "backend-id": stage.team.backend_name}),
    ]
    (value,) = stage.sections()["inbound"][2]
    assert value.text == '@("Bearer " + (string)context.Variables["msi-access-token"])'
    for section in ("backend", "outbound", "on-error"):
        assert [node.tag for node in stage.sections()[section]] == ["base"]


async def test_a_named_identity_is_named_in_the_policy_by_its_client_id(stage: Stage) -> None:
    stage.add_identities()

    await stage.settled(stage.binding(identity=NAMED))

    ids = stage.world.entra.user_identity(CALLER)
    assert ids is not None
    assert stage.sections()["inbound"][1].get("client-id") == ids.client_id


async def test_what_others_wrote_into_the_base_policy_stays(stage: Stage) -> None:
    stage.put_policy(OTHERS)

    await stage.settled()

    sections = stage.sections()
    assert [node.tag for node in sections["inbound"]][:2] == ["base", "set-header"]
    assert [(node.tag, node.get("name")) for node in sections["outbound"]] == [
        ("base", None),
        ("set-header", "x-powered-by"),
    ]
    assert [node.tag for node in sections["on-error"]] == ["base"]
    assert "hands off, says team Blue" in stage.policy
    assert seen_by_the_function(await stage.through_the_gateway())["headers"]["x-team"] == "blue"


# --- the door


async def test_everything_else_in_the_auth_settings_stays(stage: Stage) -> None:
    before = {
        "platform": {"enabled": False, "runtimeVersion": "~1"},
        "globalValidation": {"requireAuthentication": False, "unauthenticatedClientAction": "RedirectToLoginPage"},
        "httpSettings": {"requireHttps": True, "routes": {"apiPrefix": "/.auth"}},
        "identityProviders": {
            "azureActiveDirectory": {
                "enabled": False,
                "login": {"disableWWWAuthenticate": True},
                "registration": {"clientSecretSettingName": "SECRET_SETTING"},
                "validation": {
                    "allowedAudiences": ["api://orders"],
                    "jwtClaimChecks": {"allowedGroups": []},
                    "defaultAuthorizationPolicy": {"allowedPrincipals": {"groups": []}},
                },
            },
            "gitHub": {"enabled": False, "registration": {"clientId": "somebody"}},
        },
        "login": {"tokenStore": {"enabled": True, "tokenRefreshExtensionHours": 72.0}},
    }
    stage.put_auth(before)

    await stage.settled()

    ids = stage.world.entra.system_identity(stage.team.service_id)
    assert ids is not None
    wanted = copy.deepcopy(before)
    wanted["platform"] |= {"enabled": True}
    wanted["globalValidation"] |= {"requireAuthentication": True, "unauthenticatedClientAction": "Return401"}
    provider = wanted["identityProviders"]["azureActiveDirectory"]
    provider["enabled"] = True
    provider["registration"] |= {
        "clientId": stage.team.client_id,
        "openIdIssuer": f"https://login.microsoftonline.com/{stage.team.tenant_id}/v2.0",
    }
    provider["validation"]["allowedAudiences"] = ["api://orders", stage.team.client_id]
    provider["validation"]["defaultAuthorizationPolicy"]["allowedApplications"] = [ids.client_id]
    assert stage.auth == wanted


async def test_those_whom_the_author_allows_come_in_too(stage: Stage) -> None:
    entra = {
        "registration": {"type": "Existing", "clientId": stage.team.client_id},
        "allow": {"clientIds": [stage.team.stranger_client_id]},
    }

    await stage.settled(stage.binding(entra=entra))

    answer = await stage.past_the_gateway(Authorization=stage.token_of(stage.team.stranger_client_id))
    assert answer.status == 200
    assert (await stage.through_the_gateway()).status == 200


async def test_a_door_that_others_use_already_stays_open_for_callers_that_carry_our_token(stage: Stage) -> None:
    """Configured by somebody who left out what has a default."""
    stage.put_auth(
        {
            "platform": {"enabled": True},
            "globalValidation": {"requireAuthentication": True},
            "identityProviders": {
                "azureActiveDirectory": {
                    "enabled": True,
                    "registration": {"clientId": stage.team.client_id},
                    "validation": {
                        "defaultAuthorizationPolicy": {"allowedApplications": [stage.team.stranger_client_id]}
                    },
                }
            },
        }
    )

    await stage.settled()

    assert stage.writes().count("PUT config/authsettingsV2") == 2
    assert (await stage.through_the_gateway()).status == 200
    assert stage.door_is_closed()


# --- the backend


async def test_the_imported_backend_is_marked_and_otherwise_as_it_was(stage: Stage) -> None:
    before = copy.deepcopy(stage.backend)

    await stage.settled()

    assert stage.backend == before | {"description": "orders-fn [funcgate owner=prod/shop/orders adopted]"}


async def test_without_leave_to_adopt_nothing_of_others_is_written(stage: Stage) -> None:
    before = copy.deepcopy(stage.backend)

    done = await stage.reconcile(stage.binding(adopt=False))

    assert stage.backend == before
    assert stage.writes() == ["PATCH service/contoso"]
    reasons = {each.condition: each.reason for each in done.outcomes if not each.true}
    waiting = dict.fromkeys(("PolicyReady", "Verified"), "Waiting") | {"SignInSeen": "NotAskedFor"}
    waiting |= {"EasyAuthReady": "DoorOpen", "AppRegistrationReady": "SignInOpen"}
    assert reasons == {"BackendReady": "Conflict"} | waiting


# --- the second pass


@pytest.mark.parametrize("identity", [SYSTEM, NAMED], ids=["system", "named"])
async def test_a_second_pass_reads_each_document_once_and_writes_none(stage: Stage, identity: Json) -> None:
    stage.add_identities()
    await stage.settled(stage.binding(identity=identity))

    done = await stage.settled(stage.binding(identity=identity))

    print_ledger(stage)
    assert done.changes == ()
    assert stage.writes() == []
    once = dict.fromkeys(
        [
            ("GET", "service"),
            ("GET", "identities"),
            ("GET", "sites"),
            ("GET", "functions"),
            ("GET", "applications"),
            ("GET", "servicePrincipals"),
            ("GET", "apis"),
            ("GET", "operations"),
            ("GET", "products"),
            ("GET", "backends"),
            ("GET", "authsettingsV2"),
            ("GET", "namedValues"),
            ("POST", "hostKeys"),
            ("GET", "direct"),  # past the gateway, no call to Azure
        ],
        1,
    )
    assert stage.ledger() == once | {("GET", "policies"): 1 + len(stage.team.operation_ids)}


def print_ledger(stage: Stage) -> None:
    for (method, kind), count in sorted(stage.ledger().items()):
        print(f"{count:4} {method:6} {kind}")  # noqa: T201  # shown by pytest -s, for whoever budgets calls


async def test_a_dry_run_shows_what_a_pass_would_write_and_writes_nothing(stage: Stage) -> None:
    stage.give_identity(SYSTEM)

    done = await stage.reconcile(dry_run=True)

    assert stage.writes() == []
    assert [(str(write.action), write.key) for write in done.changes] == [
        ("update", "backends/orders-fn"),
        ("create", "apis/orders/policies/policy"),
        ("update", "config/authsettingsV2"),
        ("update", "application"),
    ], "in the order in which a pass writes them"


# --- several at once, and names as people write them


async def test_ids_may_be_written_in_any_case(stage: Stage) -> None:
    shout = {"/resourceGroups/shop-rg": "/resourcegroups/SHOP-RG", "orders-fn": "Orders-FN", "contoso": "Contoso"}
    service, function_app = stage.team.service_id, stage.team.site_id
    for quiet, loud in shout.items():
        service, function_app = service.replace(quiet, loud), function_app.replace(quiet, loud)
    loud_binding = stage.binding(apiManagement={"id": service}, functionApp={"id": function_app})

    await stage.settled(loud_binding)

    assert len(stage.writes()) == len(ADOPTION)
    assert (await stage.settled(loud_binding)).changes == ()
    assert (await stage.settled()).changes == ()


async def test_two_bindings_on_one_service_make_each_write_once(stage: Stage) -> None:
    billing = imported(stage.world, "billing")
    second = stage.binding(
        functionApp={"id": billing.site_id},
        entra={"registration": {"type": "Existing", "clientId": billing.client_id}},
        api={"name": "billing", "import": {"from": "None"}},
    )
    stage.world.log.clear()

    both = await asyncio.gather(
        stage.engine.reconcile(stage.binding()),
        stage.engine.reconcile(replace(second, name="billing", owner="prod/shop/billing")),
    )

    assert all(done.done for done in both)
    assert len(stage.writes()) == 2 * len(ADOPTION) - 1
    assert stage.writes().count("PATCH service/contoso") == 1
    made = [(write.key, write.correlation_id) for done in both for write in done.changes]
    asked = {each.correlation_id for each in stage.world.journal.requests}
    assert len({each for _, each in made}) == len(made) == len(stage.writes()), "who finds it there has changed nothing"
    assert [key for key, each in made if each not in asked] == ["application"] * 2, "Graph is not in Azure's log"


# --- how long it takes


@pytest.mark.parametrize("before", [None, SYSTEM], ids=["from_nothing", "identity_is_there"])
async def test_a_pass_lasts_as_long_as_its_longest_chain_of_calls(before: Json | None) -> None:
    """
    Prints the ratio (pytest -s), and asserts nothing that a busy machine could disturb.

    The pauses between polls of an operation belong to the chain: Azure asked for them.
    """
    async with on_stage(latency=0.05, check_contracts=False) as stage:
        stage.give_identity(before)
        started = time.monotonic()

        await stage.settled()

        seconds = time.monotonic() - started
        chain = longest_chain(stage.calls())
        pauses = SHORTEST_SECONDS * sum("operationsStatuses" in call.path for call in chain)
        ratio = seconds / (pauses + sum(call.seconds for call in chain))
        print(f"{seconds:.2f} s, {ratio:.2f} × its longest chain, {len(chain)} calls")  # noqa: T201
        assert len(stage.writes()) == len(ADOPTION) - (before is not None)
