"""Whatever Azure refuses has a reason, says who acts and what to do, and stops nothing that does not depend on it."""

import copy
import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest

from azuresim.web import Runtime, add_app, site_of
from funcgate.engine import Pass
from funcgate.spec import Binding
from integration.azure_stage import CALLER, NAMED, SYSTEM, Stage, on_stage, outcome

ROLE = json.loads((Path(__file__).parents[2] / "deploy" / "azure-role.json").read_text())
ASPECTS = ("Identity", "FunctionApp", "AppRegistration", "Api", "Backend", "Policy", "EasyAuth")
ELSEWHERE = "99999999-9999-4999-8999-999999999999"


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    """Imported, and nothing taken over yet."""
    async with on_stage(check_contracts=False) as stage:
        stage.add_identities()
        stage.give_identity(SYSTEM)
        stage.let_nobody_sign_in()
        yield stage


@dataclass(frozen=True, kw_only=True)
class Refused:
    """
    What is wrong and what the pass must say of it.

    `says` are words of the sentence: what is meant, and what to do. `works` are the aspects that must be True all the
    same, `waits` those that wait for the broken one, while the door that the import left open stays open; the rest may
    be either.
    """

    given: Callable[[Stage], object] = lambda _: None
    binding: Callable[[Stage], Binding] = lambda stage: stage.binding()
    aspect: str
    reason: str
    says: tuple[str, ...]
    status: str = "False"
    stalled: bool = True
    works: tuple[str, ...] = ()
    waits: tuple[str, ...] = ()
    retry_after: float | None = None
    writes: set[str] = field(default_factory=set)


def spec(**changes: Callable[[Stage], Any]) -> Callable[[Stage], Binding]:
    return lambda stage: stage.binding(**{name: value(stage) for name, value in changes.items()})


def function_app(id_: Callable[[Stage], str]) -> Callable[[Stage], Binding]:
    return lambda stage: stage.binding(functionApp={"id": id_(stage)})


def service(id_: Callable[[Stage], str]) -> Callable[[Stage], Binding]:
    return lambda stage: stage.binding(apiManagement={"id": id_(stage)})


def a_plain_web_app(stage: Stage) -> None:
    add_app(stage.world, f"{stage.team.group_id}/providers/Microsoft.Web/sites/shop")


def a_logic_app(stage: Stage) -> None:
    add_app(stage.world, f"{stage.team.group_id}/providers/Microsoft.Web/sites/shop", kind="functionapp,workflowapp")


def the_shop(stage: Stage) -> str:
    return f"{stage.team.group_id}/providers/Microsoft.Web/sites/shop"


def broken_policy(stage: Stage) -> None:
    """Text that no XML parser reads, as a portal of another time may have left it."""
    stage.put_policy(POLICY)
    stage.world.arm.need(stage.policy_id).properties["value"] = "<policies><inbound><base /></policies>"


POLICY = (
    "<policies>"
    + "".join(f"<{section}><base /></{section}>" for section in ("inbound", "backend", "outbound", "on-error"))
    + "</policies>"
)


def key_from_a_vault(stage: Stage) -> None:
    """The team keeps the key in a vault of its own."""
    stage.world.arm.need(stage.team.named_value_id).properties["keyVault"] = {"secretIdentifier": "https://v/secrets/k"}


def another_key(stage: Stage) -> None:
    """Somebody deleted the portal's key from the app."""
    site_of(stage.world, stage.team.site_id).keys.functions.pop(stage.team.host_key_name)


def auth_from_a_file(stage: Stage) -> None:
    stage.put_auth({"platform": {"enabled": True, "configFilePath": "auth.json"}})


def runtime(how: Runtime) -> Callable[[Stage], None]:
    def change(stage: Stage) -> None:
        site_of(stage.world, stage.team.site_id).runtime = how

    return change


def stopped(stage: Stage) -> None:
    stage.world.arm.need(stage.team.site_id).properties["state"] = "Stopped"


def no_http_functions(stage: Stage) -> None:
    found = site_of(stage.world, stage.team.site_id)
    found.deploy([])
    found.sync()


def busy_service(stage: Stage) -> None:
    stage.give_identity(None)
    stage.service.properties["provisioningState"] = "Updating"


def fault(**fault: Any) -> Callable[[Stage], None]:
    return lambda stage: stage.world.faults.add(**{"times": 99, **fault}) and None


def aadsts(code: str, text: str, status: int = 401) -> Mapping[str, Any]:
    body = {"error": "invalid_client", "error_description": f"{code}: {text}. Trace ID: 1 Timestamp: 2"}
    return {"path": "*/oauth2/v2.0/token", "status": status, "body": body}


def no_such_registration(_: Stage) -> Any:
    return {"registration": {"type": "Existing", "clientId": ELSEWHERE}}


def stated_version(stage: Stage, version: int = 2) -> Any:
    return {"registration": {"type": "Existing", "clientId": stage.team.client_id}, "tokenVersion": version}


def no_graph_permission(stage: Stage) -> None:
    stage.world.entra.graph_permissions.clear()


def without_principal(stage: Stage) -> None:
    stage.world.entra.forget_principal(stage.team.principal_id)


def guest_at_the_door(stage: Stage) -> None:
    """Another application has access today."""
    stage.put_auth(
        {
            "platform": {"enabled": True},
            "globalValidation": {"requireAuthentication": True, "unauthenticatedClientAction": "Return401"},
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
    for each in ("description",):
        stage.backend[each] = "orders-fn [funcgate owner=prod/shop/orders adopted]"


OUR_KEY = "funcgate-shop-orders-af29a953"
MOST = ("Identity", "AppRegistration", "Api")
LEFT = {"PUT backends/orders-fn"}

REFUSALS = {
    # what a name points at is not there
    "unknown_site": Refused(
        binding=function_app(lambda stage: f"{stage.team.site_id}-2"),
        aspect="FunctionApp",
        reason="ResourceNotFound",
        says=("sites/orders-fn-2", "check the id in the spec"),
        works=MOST,
        waits=("Policy",),
    ),
    "unknown_group_of_a_site": Refused(
        binding=function_app(lambda stage: stage.team.site_id.replace("/shop-rg/", "/other-rg/")),
        aspect="FunctionApp",
        reason="ResourceGroupNotFound",
        says=("resource group", "other-rg", "check the id in the spec"),
        works=MOST,
        waits=("Policy",),
    ),
    "unknown_service": Refused(
        binding=service(lambda stage: f"{stage.team.service_id}-2"),
        aspect="Identity",
        reason="ResourceNotFound",
        says=("service/contoso-2", "check the id in the spec"),
        works=("FunctionApp", "AppRegistration"),
        waits=("EasyAuth",),
    ),
    "service_in_a_subscription_not_to_be_seen": Refused(
        binding=service(lambda stage: stage.team.service_id.replace(stage.team.subscription_id, ELSEWHERE)),
        aspect="Identity",
        reason="SubscriptionNotFound",
        says=(ELSEWHERE, "another tenant", "role"),
        works=("FunctionApp", "AppRegistration"),
        waits=("EasyAuth",),
    ),
    "service_in_another_tenant": Refused(
        given=fault(
            path="*/service/contoso*",
            status=401,
            body={
                "error": {
                    "code": "InvalidAuthenticationTokenTenant",
                    "message": "The access token is from the wrong issuer.",
                }
            },
        ),
        aspect="Identity",
        reason="WrongTenant",
        status="Unknown",
        says=("another tenant", "use an identity of that tenant"),
        works=("FunctionApp", "AppRegistration"),
        waits=("EasyAuth",),
    ),
    "missing_api": Refused(
        binding=spec(api=lambda _: {"name": "billing", "import": {"from": "None"}}),
        aspect="Api",
        reason="ApiNotFound",
        says=("billing", "spec.api.name", "import it, or correct the name"),
        works=("Identity", "FunctionApp", "AppRegistration", "Backend"),
        waits=("Policy",),
        writes=LEFT,
    ),
    "missing_identity": Refused(
        binding=lambda stage: stage.binding(identity={"type": "UserAssigned", "id": f"{CALLER}-2"}),
        aspect="Identity",
        reason="IdentityNotFound",
        says=("spec.apiManagement.identity.id", "caller-2"),
        works=("FunctionApp", "AppRegistration", "Api", "Backend"),
        waits=("Policy", "EasyAuth"),
        writes=LEFT,
    ),
    "named_value_in_a_key_vault": Refused(
        given=key_from_a_vault,
        aspect="NamedValue",
        reason="NamedValueInKeyVault",
        says=("orders-fn-key", "delete the named value, or set spec.functionApp.key.source: None"),
        works=(*MOST, "FunctionApp"),
        waits=("HostKey", "Backend", "Policy", "EasyAuth"),
    ),
    "named_value_with_another_key": Refused(
        given=another_key,
        binding=spec(adopt=lambda _: False),
        aspect="NamedValue",
        reason="Conflict",
        says=("namedValues/orders-fn-key", "spec.adopt: true"),
        works=(*MOST, "FunctionApp", "HostKey"),
        waits=("Backend", "Policy"),
        writes={f"PUT functionKeys/{OUR_KEY}"},
    ),
    "missing_registration": Refused(
        binding=spec(entra=no_such_registration),
        aspect="AppRegistration",
        reason="RegistrationNotFound",
        says=(ELSEWHERE, "spec.entra.registration.clientId"),
        works=("Identity", "FunctionApp", "Api", "Backend"),
        waits=("Policy", "EasyAuth"),
        writes=LEFT,
    ),
    "missing_service_principal": Refused(
        given=without_principal,
        aspect="AppRegistration",
        reason="ServicePrincipalMissing",
        says=("az ad sp create --id",),
        works=("Identity", "FunctionApp", "Api", "Backend"),
        waits=("Policy", "EasyAuth"),
        writes=LEFT,
    ),
    "another_token_version": Refused(
        binding=spec(entra=lambda stage: stated_version(stage, 1)),
        aspect="AppRegistration",
        reason="TokenVersionMismatch",
        says=("spec.entra.tokenVersion", "leave the field out or correct it"),
        works=("Identity", "FunctionApp", "Api", "Backend"),
        writes={*LEFT, "PUT policies/policy", "PUT config/authsettingsV2"},
    ),
    # what stands there cannot be managed
    "plain_web_app": Refused(
        given=a_plain_web_app,
        binding=function_app(the_shop),
        aspect="FunctionApp",
        reason="NotAFunctionApp",
        says=("'app'", "name a function app"),
        works=MOST,
        waits=("Policy", "EasyAuth"),
    ),
    "logic_app": Refused(
        given=a_logic_app,
        binding=function_app(the_shop),
        aspect="FunctionApp",
        reason="NotAFunctionApp",
        says=("workflowapp", "name a function app"),
        works=MOST,
        waits=("Policy", "EasyAuth"),
    ),
    "stopped_app": Refused(
        given=stopped,
        aspect="FunctionApp",
        reason="FunctionAppStopped",
        says=("Stopped", "start it"),
        works=MOST,
        writes={*LEFT, "PUT policies/policy", "PUT config/authsettingsV2"},
    ),
    "no_http_functions": Refused(
        given=no_http_functions,
        aspect="FunctionApp",
        reason="NoFunctionsListed",
        status="Unknown",
        stalled=False,
        says=("deploy one, or wait",),
        works=MOST,
        waits=("Policy", "EasyAuth"),
        retry_after=60,
    ),
    "file_based_auth": Refused(
        given=auth_from_a_file,
        aspect="EasyAuth",
        reason="FileBasedAuth",
        says=("auth.json", "remove platform.configFilePath"),
        works=(*MOST, "FunctionApp", "Backend"),
        waits=("Policy",),
        writes=LEFT,
    ),
    "unreadable_policy": Refused(
        given=broken_policy,
        aspect="Policy",
        reason="PolicyUnreadable",
        says=("line 1", "correct it there", "nothing was written"),
        works=(*MOST, "FunctionApp", "Backend"),
        waits=("EasyAuth",),
        writes=LEFT,
    ),
    "somebody_would_be_cut_off": Refused(
        given=guest_at_the_door,
        binding=spec(adopt=lambda _: False),
        aspect="EasyAuth",
        reason="WouldCutOff",
        says=("cccccccc-0000-4000-8000-000000000001", "spec.adopt: true", "spec.entra.allow.clientIds"),
        works=(*MOST, "FunctionApp", "Backend"),
        waits=("Policy",),
    ),
    # it passes
    "host_runtime_down": Refused(
        given=runtime(Runtime.UNAVAILABLE),
        aspect="FunctionApp",
        reason="HostRuntimeDown",
        status="Unknown",
        stalled=False,
        says=("functions host", "look whether the app starts"),
        works=MOST,
        waits=("Policy", "EasyAuth"),
    ),
    "host_storage_unreachable": Refused(
        given=runtime(Runtime.STORAGE_UNREACHABLE),
        aspect="FunctionApp",
        reason="HostRuntimeDown",
        status="Unknown",
        stalled=False,
        says=("storage account",),
        works=MOST,
        waits=("Policy", "EasyAuth"),
    ),
    "service_transitioning": Refused(
        given=busy_service,
        aspect="Identity",
        reason="ServiceTransitioning",
        status="Unknown",
        stalled=False,
        says=("updating", "takes an identity afterwards"),
        works=("FunctionApp", "AppRegistration", "Api", "Backend"),
        waits=("Policy", "EasyAuth"),
        writes=LEFT,
    ),
    "service_refuses_children_while_it_changes": Refused(
        given=fault(
            method="PUT",
            path="*/policies/policy",
            status=409,
            body={
                "error": {
                    "code": "ServiceTransitioning",
                    "message": "API Management service is transitioning at this time.",
                }
            },
        ),
        aspect="Policy",
        reason="ServiceTransitioning",
        status="Unknown",
        stalled=False,
        says=("is being changed", "takes writes again afterwards"),
        works=(*MOST, "FunctionApp", "Backend"),
        waits=("EasyAuth",),
        writes=LEFT,
    ),
    "throttled": Refused(
        given=fault(
            method="PUT",
            path="*/policies/policy",
            status=429,
            headers={"Retry-After": "7"},
            body={"error": {"code": "SubscriptionRequestsThrottled", "message": "Try again after '7' seconds."}},
        ),
        aspect="Policy",
        reason="Throttled",
        status="Unknown",
        stalled=False,
        says=("slows the operator down",),
        works=(*MOST, "FunctionApp", "Backend"),
        waits=("EasyAuth",),
        retry_after=7,
        writes=LEFT,
    ),
    "race_for_the_policy": Refused(
        given=fault(
            method="PUT",
            path="*/policies/policy",
            status=412,
            body={"error": {"code": "PreconditionFailed", "message": "Document was modified since last retrieval."}},
        ),
        aspect="Policy",
        reason="ChangedMeanwhile",
        status="Unknown",
        stalled=False,
        says=("changed by somebody else",),
        works=(*MOST, "FunctionApp", "Backend"),
        waits=("EasyAuth",),
        writes=LEFT,
    ),
    "azure_down": Refused(
        given=fault(path="*/config/authsettingsV2", status=503, body="<html>Service Unavailable</html>", times=3),
        aspect="EasyAuth",
        reason="AzureUnavailable",
        status="Unknown",
        stalled=False,
        says=("503", "authsettingsV2"),
        works=(*MOST, "FunctionApp", "Backend"),
        waits=("Policy",),
        writes=LEFT,
    ),
    # rights
    "graph_permission_missing": Refused(
        given=no_graph_permission,
        aspect="AppRegistration",
        reason="GraphNotReadable",
        status="Unknown",
        says=("Application.Read.All", "spec.entra.tokenVersion"),
        works=("Identity", "FunctionApp", "Api", "Backend"),
        writes=LEFT,
        waits=("Policy", "EasyAuth"),
    ),
    "lock_on_the_service": Refused(
        given=lambda stage: stage.world.arm.lock(stage.team.service_id, "ReadOnly"),
        aspect="NamedValue",
        reason="ScopeLocked",
        status="Unknown",
        says=("service/contoso", "remove the lock"),
        works=(*MOST, "FunctionApp"),
        waits=("HostKey", "Backend", "Policy", "EasyAuth"),
    ),
    "lock_on_the_site": Refused(
        given=lambda stage: stage.world.arm.lock(stage.team.site_id, "ReadOnly"),
        aspect="HostKey",
        reason="ScopeLocked",
        status="Unknown",
        says=("sites/orders-fn", "remove the lock"),
        works=(*MOST, "FunctionApp"),
        waits=("Backend", "Policy", "EasyAuth"),
    ),
}


@pytest.mark.parametrize("refused", REFUSALS.values(), ids=REFUSALS)
async def test_a_refusal_names_its_reason_and_stops_only_what_depends_on_it(stage: Stage, refused: Refused) -> None:
    refused.given(stage)
    before = all_documents(stage)

    done = await stage.reconcile(refused.binding(stage))

    found = outcome(done, f"{refused.aspect}Ready")
    assert (found.reason, found.status, found.stalled) == (refused.reason, refused.status, refused.stalled)
    assert [word for word in refused.says if word.lower() not in found.message.lower()] == [], found.message
    assert not {name for name in refused.works if not outcome(done, f"{name}Ready").true}
    assert {name: outcome(done, f"{name}Ready").reason for name in refused.waits} == {
        name: "DoorOpen" if name == "EasyAuth" else "Waiting" for name in refused.waits
    }
    assert done.retry_after == refused.retry_after
    assert set(stage.writes()) == refused.writes
    assert refused.writes or all_documents(stage) == before
    assert_the_summary_is_about_it(done, refused)


def all_documents(stage: Stage) -> Mapping[str, Any]:
    return copy.deepcopy({key: document.body for key, document in stage.world.arm.documents.items()})


def assert_the_summary_is_about_it(done: Pass, refused: Refused) -> None:
    ready, reconciling, stalled = done.conditions[:3]
    hole = "EasyAuth" in refused.waits and not refused.stalled
    assert ready.status in ("False", "Unknown")
    assert ready.reason == ("DoorOpen" if hole else refused.reason)
    assert (reconciling.status, stalled.status) == (("False", "True") if refused.stalled else ("True", "False"))


async def test_what_passes_is_done_as_soon_as_it_has_passed(stage: Stage) -> None:
    site_of(stage.world, stage.team.site_id).runtime = Runtime.BAD_GATEWAY
    first = await stage.reconcile()
    site_of(stage.world, stage.team.site_id).runtime = Runtime.UP

    await stage.settled()

    assert outcome(first, "FunctionAppReady").reason == "AzureUnavailable"
    assert stage.door_is_closed()


async def test_a_pass_that_is_throttled_says_so_of_the_whole_service(stage: Stage) -> None:
    stage.world.faults.add(path="*/service/contoso*", status=429, headers={"Retry-After": "11"}, times=99)

    done = await stage.reconcile()

    assert (done.throttled, done.retry_after) == (True, 11)
    assert stage.writes() == []


async def test_a_short_outage_of_reads_is_not_even_noticed(stage: Stage) -> None:
    stage.world.faults.add(method="GET", path="*/backends/*", status=503)
    stage.world.faults.add(method="GET", path="*/authsettingsV2", reset=True)

    await stage.settled()


async def test_an_update_of_the_service_that_fails_is_reported_and_tried_again(stage: Stage) -> None:
    stage.give_identity(None)
    start = stage.world.operations.start
    text = "The service could not be updated."

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stage.world.operations, "start", lambda *a, **k: start(*a, **k).fail("UpdateFailed", text))
        first = await stage.reconcile()
    await stage.settled()

    found = outcome(first, "IdentityReady")
    assert (found.status, found.reason, found.stalled) == ("False", "Rejected", True)
    assert f"UpdateFailed: {text}" in found.message


async def test_ids_of_a_new_identity_are_waited_for(stage: Stage) -> None:
    """Looking them up lags behind the service itself."""
    stage.give_identity(None)
    not_yet = {"error": {"code": "NotFound", "message": "No system assigned identity is enabled for the resource."}}
    stage.world.faults.add(path="*/identities/default", status=404, body=not_yet, times=2)

    first = await stage.reconcile()
    await stage.settled()

    found = outcome(first, "IdentityReady")
    assert (found.status, found.reason, found.stalled) == ("Unknown", "IdentityPending", False)


# --- the token endpoint


NO_TOKEN = {
    "secret_expired": (aadsts("AADSTS70021", "No matching federated identity record found"), "CredentialRefused", True),
    "tenant_unknown": (aadsts("AADSTS90002", "Tenant 'x' not found", 400), "CredentialRefused", True),
    "entra_down": ({"path": "*/oauth2/v2.0/token", "status": 503, "body": "<html>"}, "CredentialUnreachable", False),
    "entra_unreachable": ({"path": "*/oauth2/v2.0/token", "reset": True}, "CredentialUnreachable", False),
}


@pytest.mark.parametrize(("trouble", "reason", "stalled"), NO_TOKEN.values(), ids=NO_TOKEN)
async def test_without_a_token_every_aspect_says_the_same_and_nothing_is_known(
    stage: Stage, trouble: Mapping[str, Any], reason: str, stalled: bool
) -> None:
    stage.world.faults.add(**trouble, times=99)

    done = await stage.reconcile()

    checks = ("Verified", "SignInSeen")  # no call was worth making
    aspects = [each for each in done.outcomes if each.condition not in checks]
    assert {each.reason for each in aspects} == {reason}
    assert {each.status for each in done.outcomes} == {"Unknown"}
    assert {each.stalled for each in aspects} == {stalled}
    assert not {each.message for each in aspects if "Microsoft Entra" not in each.message}
    assert all("Trace ID" not in each.message for each in done.outcomes)
    assert [call for call in stage.calls() if call.service != "entra"] == []


# --- rights, one after the other


READS_OF = {
    "Microsoft.ApiManagement/service/read": "Identity",
    "Microsoft.ApiManagement/service/apis/read": "Api",
    "Microsoft.ApiManagement/service/apis/policies/read": "Policy",
    "Microsoft.ApiManagement/service/apis/operations/policies/read": "Policy",
    "Microsoft.ApiManagement/service/apis/products/read": "Api",
    "Microsoft.ApiManagement/service/backends/read": "Backend",
    "Microsoft.ApiManagement/service/namedValues/read": "NamedValue",
    "Microsoft.ApiManagement/service/namedValues/listValue/action": "NamedValue",
    "Microsoft.ManagedIdentity/userAssignedIdentities/read": "Identity",
    "Microsoft.Web/sites/Read": "FunctionApp",
    "Microsoft.Web/sites/config/Read": "EasyAuth",
    "Microsoft.Web/sites/functions/read": "FunctionApp",
    "Microsoft.Web/sites/host/listkeys/action": "HostKey",
}
WRITES_OF = {
    "Microsoft.ApiManagement/service/write": "Identity",
    "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action": "Identity",
    "Microsoft.ApiManagement/service/apis/policies/write": "Policy",
    "Microsoft.ApiManagement/service/backends/write": "Backend",
    "Microsoft.Web/sites/config/Write": "EasyAuth",
}
ELSEWHERE_PROVEN = {
    "Microsoft.ApiManagement/locations/operationsStatuses/read",  # below: nothing stops without it
    "Microsoft.ApiManagement/service/operationresults/read",
    "Microsoft.ApiManagement/service/tenant/operationResults/read",  # nothing stops without it either
    "Microsoft.ApiManagement/service/policies/read",  # test_open_gateway.py
    "Microsoft.ApiManagement/service/apis/operations/policies/write",  # test_least_rights.py
    "Microsoft.ApiManagement/service/apis/operations/policies/delete",
    "Microsoft.ApiManagement/service/apis/write",  # test_import.py
    "Microsoft.ApiManagement/service/apis/delete",
    "Microsoft.ApiManagement/service/apis/operations/read",
    "Microsoft.ApiManagement/service/apis/operations/write",
    "Microsoft.ApiManagement/service/apis/operations/delete",
    "Microsoft.ApiManagement/service/products/read",
    "Microsoft.ApiManagement/service/products/apis/write",
    "Microsoft.ApiManagement/service/subscriptions/read",
    "Microsoft.ApiManagement/service/namedValues/write",  # test_second_lock.py
    "Microsoft.ApiManagement/service/namedValues/delete",
    "Microsoft.Web/sites/host/functionkeys/write",
    "Microsoft.Web/sites/host/functionkeys/delete",
    "Microsoft.ManagedIdentity/identities/read",  # below: only for the system-assigned identity
    "Microsoft.ApiManagement/service/apis/policies/delete",  # test_teardown.py
    "Microsoft.ApiManagement/service/backends/delete",
    "Microsoft.Resources/subscriptions/read",
    "Microsoft.Resources/subscriptions/resourceGroups/read",
    *(action for action in ROLE["Actions"] if "/slots/" in action),  # test_least_rights.py
}


def test_each_right_of_the_role_is_denied_somewhere() -> None:
    assert set(ROLE["Actions"]) == READS_OF.keys() | WRITES_OF.keys() | ELSEWHERE_PROVEN


@pytest.mark.parametrize(("action", "aspect"), [*READS_OF.items(), *WRITES_OF.items()])
async def test_a_missing_right_is_named_and_the_rest_goes_on(stage: Stage, action: str, aspect: str) -> None:
    stage.give_identity(None)
    stage.world.denied.add(action.lower())

    done = await stage.reconcile(stage.binding(identity=NAMED))

    assert_right_is_named(done, aspect, action)
    seen = action not in READS_OF
    assert outcome(done, f"{aspect}Ready").status == ("False" if seen else "Unknown")
    independent = {"FunctionApp", "AppRegistration", "Api"} - {aspect}
    if action != "Microsoft.ApiManagement/service/read":
        assert {name for name in independent if not outcome(done, f"{name}Ready").true} == set()


def assert_right_is_named(done: Pass, aspect: str, action: str) -> None:
    found = outcome(done, f"{aspect}Ready")
    assert found.reason in ("AuthorizationFailed", "LinkedAuthorizationFailed"), found
    assert action.lower() in found.message.lower()
    assert "assign its identity a role with this action there" in found.message
    assert found.stalled


async def test_a_missing_right_to_look_identities_up_is_named(stage: Stage) -> None:
    stage.world.denied.add("microsoft.managedidentity/identities/read")

    done = await stage.reconcile()

    assert_right_is_named(done, "Identity", "Microsoft.ManagedIdentity/identities/read")


@pytest.mark.parametrize(
    ("polls", "action"),
    [
        ("status", "Microsoft.ApiManagement/locations/operationsStatuses/read"),
        ("results", "Microsoft.ApiManagement/service/operationresults/read"),
    ],
)
async def test_an_update_that_may_not_be_followed_is_found_done_by_a_later_pass(
    stage: Stage, polls: Literal["status", "results"], action: str
) -> None:
    """A role on a resource group does not reach operations, whose addresses lie under the subscription."""
    stage.give_identity(None)
    stage.world.switches.apim_service_polls = polls
    stage.world.denied.add(action.lower())

    first = await stage.reconcile()
    stage.world.operations.finish(stage.team.service_id)
    await stage.settled()

    found = outcome(first, "IdentityReady")
    assert (found.reason, found.status, found.stalled) == ("IdentityPending", "Unknown", False)


async def test_with_a_stated_token_version_the_directory_need_not_be_readable(stage: Stage) -> None:
    no_graph_permission(stage)

    done = await stage.settled(stage.binding(entra=stated_version(stage)))

    found = outcome(done, "AppRegistrationReady")
    assert (found.status, found.reason, found.blocking) == ("Unknown", "GraphNotReadable", False)
    assert done.conditions[0].status == "True"
    assert stage.door_is_closed()
