"""
What becomes true in Azure, row by row, in each of the four ways in which a binding lives.

    from nothing    nobody ever imported the app; the manifest has three fields, and what the row itself asks for
    adopted         somebody did it by hand before, in the portal, half of it and not for funcgate alone
    drifted         a person undoes in Azure exactly what the row says
    deleted         the binding goes: what it made goes along or stays; what it adopted stays or is what it was before

Row 9 is a proof: when its binding is gone, no token is taken and no function runs any more. Row 10 shows in what the
function is shown of a caller's token. Row 11 is mended where the API itself asks for nothing; a product of others that
opens it is theirs to close, and not in here.

Whether a row is true is looked up in the simulated Azure, never in what funcgate reports of it, and each test ends with
calls: of the API, and past it with nothing, with the app's keys and as another application of the tenant.
"""

import copy
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, fields, replace
from typing import Any

import pytest

from azuresim.entra.directory import ManagedIdentity
from azuresim.entra.tokens import EntraError
from azuresim.log_analytics import TABLE, run
from azuresim.policy.text import read, write
from azuresim.scenarios import deployed, put
from azuresim.web import site_of
from azuresim.wire import HttpAnswer
from funcgate.secrets import Secret
from funcgate.spec import Binding, Cluster, SecretRef
from integration.azure_stage import CALLER, NAMED, SYSTEM, VAULT, Stage, on_stage, seen_by_the_function, troubles

PASSES = 3  # an identity that the first one makes is known in the second
INTRUDER = "eeeeeeee-0000-4000-8000-000000000009"
WORKSPACE = "77777777-7777-4777-8777-777777777777"
OPERATIONS = {"GET orders", "POST orders", "GET ping", "GET orders/{id}"}
WAYS_IN = ("web", "spa", "publicClient", "isFallbackPublicClient")
OWN_OPERATION = {"displayName": "Own", "method": "GET", "urlTemplate": "/own"}
OTHERS_IDENTITY = {"type": "UserAssigned", "userAssignedIdentities": {VAULT: {}}}
OTHERS_ROLE = {"id": "99999999-0000-4000-8000-000000000009", "value": "Orders.Read", "displayName": "Read orders"}
OTHERS_POLICY = """<policies>
  <!-- hands off, says team Blue -->
  <inbound><base /><set-header name="x-team"><value>blue</value></set-header></inbound>
  <backend><base /></backend>
  <outbound><base /><set-header name="x-powered-by" exists-action="delete" /></outbound>
  <on-error><base /></on-error>
</policies>"""
GOES, STAYS, RETURNS = "goes along", "stays as it is", "is what it was before"

Json = Mapping[str, Any]
ByHand = Callable[[Stage], object]
Part = Callable[[Stage], object]


@dataclass(frozen=True)
class Row:
    """One thing that a binding makes true, and how people look at it, break it and find it when the binding is gone."""

    name: str
    sentence: str
    true: Callable[[Stage], Awaitable[None]]  # raises AssertionError, or LookupError where there is nothing to look at
    part: Part  # what of Azure it is about, None when there is no such thing
    made: str  # what becomes of that part when it was made
    adopted: str  # and when it was adopted
    others: Part  # what stands beside it in Azure and is none of funcgate's business
    breaks: Mapping[str, ByHand]
    asks: Callable[[Stage], Json] = lambda stage: {}  # what the manifest says beside its three fields
    shows: Callable[[Stage], Mapping[str, str]] = lambda stage: {}  # what a caller shows beside a subscription key


# --- the stage


@asynccontextmanager
async def nobody_imported_it() -> AsyncIterator[Stage]:
    """A second app, fresh from its deployment; the imported one beside it is nobody's concern here."""
    async with a_stage() as stage:
        app = deployed(stage.world, "stock")
        names = {"api": "shop-orders", "backend": "stock-fn", "named_value": "stock-fn-key"}
        kinds = {"api": "apis", "backend": "backends", "named_value": "namedValues"}
        ids = {f"{each}_id": f"{app.service_id}/{kinds[each]}/{name}" for each, name in names.items()}
        about = {each.name: getattr(app, each.name) for each in fields(app)} | ids
        about |= {f"{each}_name": name for each, name in names.items()}
        stage.team = replace(stage.team, api_path="stock", operation_ids=[], **about)
        yield stage


@asynccontextmanager
async def done_by_hand() -> AsyncIterator[Stage]:
    """Imported in the portal and worked on since: by the team, and by others on the same service and registration."""
    async with a_stage() as stage:
        team, service = stage.team, stage.team.service_id
        stage.give_identity(OTHERS_IDENTITY)
        stage.world.arm.need(team.api_id).properties["subscriptionRequired"] = False
        stage.world.arm.delete(f"{team.api_id}/operations/get-getorder")
        put(stage.world, f"{team.api_id}/operations/own", OWN_OPERATION)
        put(stage.world, f"{service}/products/partners", {"displayName": "Partners", "state": "published"})
        put(stage.world, f"{service}/products/partners/apis/{team.api_name}", {})
        stage.put_policy(OTHERS_POLICY)
        stage.application["appRoles"] = [OTHERS_ROLE | {"allowedMemberTypes": ["Application"], "isEnabled": True}]
        stage.world.entra.assign(principal(stage, INTRUDER)["id"], team.principal_id, OTHERS_ROLE["id"])
        stage.put_auth(open_to_the_tenant(stage))
        yield stage


@asynccontextmanager
async def a_stage() -> AsyncIterator[Stage]:
    async with on_stage(check_contracts=False) as stage:
        operator = stage.team.operator_client_id
        stage.add_identities()
        stage.world.entra.add_application("intruder", client_id=INTRUDER)
        stage.world.entra.graph_permissions[operator] |= {"AppRoleAssignment.ReadWrite.All"}
        stage.world.workspaces.add(WORKSPACE, readers={principal(stage, operator)["id"]})
        yield stage


def open_to_the_tenant(stage: Stage) -> Json:
    """Easy Auth as the portal's form leaves it, and a token store that somebody switched on."""
    registration = {
        "clientId": stage.team.client_id,
        "openIdIssuer": f"https://login.microsoftonline.com/{stage.team.tenant_id}/v2.0",
        "clientSecretSettingName": "SECRET_SETTING",
    }
    provider = {"enabled": True, "registration": registration, "validation": {"allowedAudiences": ["api://orders"]}}
    return {
        "platform": {"enabled": True, "runtimeVersion": "~1"},
        "globalValidation": {"requireAuthentication": True, "unauthenticatedClientAction": "RedirectToLoginPage"},
        "identityProviders": {"azureActiveDirectory": provider},
        "login": {"tokenStore": {"enabled": True}},
    }


@dataclass(frozen=True)
class Holding(Cluster):
    """A cluster with a subscription key in a Secret."""

    stage: Stage

    async def secret(self, ref: SecretRef) -> Secret:
        return Secret(self.stage.team.master_key)


def binding(stage: Stage, row: Row, *, adopt: bool = False, deleting: bool = False) -> Binding:
    """Three fields, what the row asks for and, to adopt it, the name of the API that stands."""
    spec: dict[str, Any] = {
        "apiManagement": {"id": stage.team.service_id},
        "functionApp": {"id": stage.team.site_id},
        "api": {"path": stage.team.api_path} | ({"name": stage.team.api_name} if adopt else {}),
    }
    spec |= {name: spec.get(name, {}) | value for name, value in row.asks(stage).items()}
    spec |= {"adopt": True} if adopt else {}
    metadata = {"namespace": "shop", "name": "orders", "generation": 1}
    metadata |= {"deletionTimestamp": "2026-01-01T00:00:00Z"} if deleting else {}
    whole = Binding.of({"metadata": metadata, "spec": spec}, instance_id="prod")
    return replace(whole, cluster=Holding(stage))


async def settle(stage: Stage, wanted: Binding) -> None:
    """Passes until nothing is left to do; the log has the calls of all of them."""
    stage.world.log.clear()
    for _ in range(PASSES):
        done = await stage.engine.reconcile(wanted)
        if done.done:
            return
    pytest.fail(f"not settled after {PASSES} passes: {troubles(done)}")


# --- calls


async def call(stage: Stage, headers: Mapping[str, str]) -> HttpAnswer:
    """A call of the API, to a function that asks for a key of its own."""
    path = f"/{stage.team.api_path}/orders"
    return await stage.simulator.send("GET", stage.team.gateway_host, path, headers=dict(headers))


async def through(stage: Stage, headers: Mapping[str, str]) -> int:
    """What a caller with a subscription key is answered."""
    return (await call(stage, {"Ocp-Apim-Subscription-Key": stage.team.master_key, **headers})).status


async def past(stage: Stage) -> set[int]:
    """What they are answered who call the app itself: with nothing, with its keys, and as somebody else besides."""
    tried: list[dict[str, str]] = [{}, *({"x-functions-key": key} for key in keys(stage).values())]
    with suppress(EntraError):  # who gets no token does not come in with one
        token = {"Authorization": stage.token_of(INTRUDER)}
        tried += [headers | token for headers in tried]
    return {(await stage.past_the_gateway(**headers)).status for headers in tried}


# --- what stands in Azure


def principal(stage: Stage, client_id: str) -> dict[str, Any]:
    """The live service principal."""
    found = stage.world.entra.principal(client_id)
    assert found
    return found


def identity(stage: Stage) -> ManagedIdentity:
    """API Management's own."""
    found = stage.world.entra.system_identity(stage.team.service_id)
    assert found, "it has none"
    return found


def identities(stage: Stage) -> dict[str, Any]:
    """All that API Management has, live."""
    return stage.service.body.get("identity") or {}


def api(stage: Stage) -> dict[str, Any]:
    """What is live of it; LookupError without one."""
    return stage.world.arm.need(stage.team.api_id).properties


def operations(stage: Stage) -> dict[str, str]:
    """The name of each operation, by method and route, as the gateway reads them."""
    found = [(each.name, each.properties) for each in stage.world.arm.members(f"{stage.team.api_id}/operations")]
    return {f"{about['method'].upper()} {about['urlTemplate'].lstrip('/')}": name for name, about in found}


def keys(stage: Stage) -> dict[str, str]:
    """The app's host keys, live."""
    return site_of(stage.world, stage.team.site_id).keys.functions


def properties(what: Callable[[Stage], str], *names: str) -> Part:
    """The document there, or these properties of it, and what it keeps secret."""

    def part(stage: Stage) -> object:
        found = stage.world.arm.get(what(stage))
        shown = found.properties.items() if found else ()
        return ({name: value for name, value in shown if name in (names or [name])}, found.private) if found else None

    return part


def statements_of_others(stage: Stage) -> object:
    named = [(section, node.get("name")) for section, nodes in stage.sections().items() for node in nodes]
    return [each for each in named if each[1] in ("x-team", "x-powered-by")], "says team Blue" in stage.policy


def settings_of_others(stage: Stage) -> object:
    registration, validation = stage.provider["registration"], stage.provider["validation"]
    beside = stage.auth["login"], stage.auth["platform"]["runtimeVersion"], registration["clientSecretSettingName"]
    return beside, "api://orders" in validation["allowedAudiences"]


def registration(stage: Stage) -> dict[str, Any]:
    """The live one that the door names."""
    found = stage.world.entra.application(stage.provider["registration"]["clientId"])
    if not found:
        raise LookupError("the door names one that is not there")
    return found


def ways_in(stage: Stage) -> object:
    with suppress(LookupError):
        return [registration(stage).get(name) for name in WAYS_IN]
    return None


def rest_of_the_registration(stage: Stage) -> object:
    return {name: value for name, value in registration(stage).items() if name not in WAYS_IN}


def allowed(stage: Stage) -> Any:
    return stage.provider["validation"].get("defaultAuthorizationPolicy", {}).get("allowedApplications")


def resource(stage: Stage) -> dict[str, Any]:
    """Its live service principal."""
    return principal(stage, registration(stage)["appId"])


def assignments(stage: Stage) -> object:
    """Whether the directory asks for one, and who has one."""
    with suppress(LookupError):
        found, given = resource(stage), stage.world.entra.assignments.values()
        return found["appRoleAssignmentRequired"], [each for each in given if each["resourceId"] == found["id"]]
    return None


def role_of_others(stage: Stage) -> object:
    roles, given = registration(stage)["appRoles"], stage.world.entra.assignments.values()
    which = OTHERS_ROLE["id"]
    return [each for each in roles if each["id"] == which], [each for each in given if each["appRoleId"] == which]


def subscriptions_and_products(stage: Stage) -> object:
    below = [stage.world.arm.below(f"{stage.team.service_id}/{kind}") for kind in ("subscriptions", "products")]
    return {each.id: each.body for found in below for each in found}


def left_of_funcgate(stage: Stage) -> object:
    """Whatever carries its mark or name: documents, host keys, registrations."""
    marked = [each.id for each in stage.world.arm.documents.values() if "funcgate" in str(each.body)]
    made = [each["uniqueName"] for each in stage.world.entra.applications.values() if each.get("uniqueName")]
    return marked + [name for name in keys(stage) if "funcgate" in name] + made


POLICY = properties(lambda stage: stage.policy_id)
ASKS_FOR_A_KEY = properties(lambda stage: stage.team.api_id, "subscriptionRequired")


# --- what each row says


async def the_service_has_its_own_identity(stage: Stage) -> None:
    assert "SystemAssigned" in identities(stage)["type"]
    assert identities(stage)["principalId"] == identity(stage).principal_id


async def the_service_has_the_named_identity(stage: Stage) -> None:
    assert CALLER in identities(stage)["userAssignedIdentities"]


async def the_operations_are_the_functions(stage: Stage) -> None:
    assert (api(stage)["path"], operations(stage).keys() - {"GET own"}) == (stage.team.api_path, OPERATIONS)


async def the_gateway_sends_a_host_key_that_is_kept_secret(stage: Stage) -> None:
    named_value = stage.world.arm.need(stage.team.named_value_id)
    ours = [key for name, key in keys(stage).items() if name.startswith(("funcgate-shop-orders-", "apim-contoso"))]
    assert (named_value.properties["secret"], [named_value.private["value"]]) == (True, ours)
    assert stage.backend["credentials"]["header"] == {"x-functions-key": [f"{{{{{stage.team.named_value_name}}}}}"]}


async def the_backend_is_the_function_app(stage: Stage) -> None:
    assert stage.backend["url"] == f"https://{stage.team.site_host}/{stage.team.route_prefix}"
    assert stage.backend["resourceId"].endswith(stage.team.site_id)


async def the_policy_takes_a_token_sends_it_and_routes(stage: Stage) -> None:
    sections = stage.sections()
    assert [sections[name][0].tag for name in ("inbound", "backend", "outbound", "on-error")] == ["base"] * 4
    token, header, route = sections["inbound"][-3:]
    said = {"resource": registration(stage)["appId"], "output-token-variable-name": "msi-access-token"}
    assert (token.tag, set(token.items())) == (
        "authentication-managed-identity",
        {*said.items(), ("ignore-error", "false")},
    )
    assert (header.get("name"), header.get("exists-action")) == ("Authorization", "override")
    assert header[0].text == '@("Bearer " + (string)context.Variables["msi-access-token"])'
    assert (route.get("id"), route.get("backend-id")) == ("apim-generated-policy", stage.team.backend_name)


async def the_door_asks_for_our_token(stage: Stage) -> None:
    rules, provider = stage.auth["globalValidation"], stage.provider
    issuer = f"https://login.microsoftonline.com/{stage.team.tenant_id}/v2.0"
    assert (stage.auth["platform"]["enabled"], provider["enabled"]) == (True, True)
    assert (rules["requireAuthentication"], rules["unauthenticatedClientAction"]) == (True, "Return401")
    assert provider["registration"]["openIdIssuer"] == issuer
    assert registration(stage)["appId"] in provider["validation"]["allowedAudiences"]


async def nobody_signs_in_to_the_registration(stage: Stage) -> None:
    ways: list[Json] = [registration(stage).get(name) or {} for name in WAYS_IN]
    assert [each.get("redirectUris") or [] for each in ways[:3]] == [[], [], []]
    assert not any(ways[0].get("implicitGrantSettings", {}).values())
    assert not ways[3], "a public client needs no secret"


async def only_the_gateways_identity_may_call(stage: Stage) -> None:
    assert allowed(stage) == [identity(stage).client_id]


async def only_who_is_assigned_gets_a_token(stage: Stage) -> None:
    assert resource(stage)["appRoleAssignmentRequired"]
    assert stage.world.entra.assigned_roles(identity(stage).principal_id, resource(stage)["id"])
    with pytest.raises(EntraError):
        stage.token_of(stage.team.stranger_client_id)


async def calls_and_the_log_of_sign_ins_prove_it(stage: Stage) -> None:
    proof = {(call.service, call.status) for call in stage.world.log if call.service in ("gateway", "site")}
    assert proof == {("gateway", 200), ("site", 401)}, "what funcgate tried itself"
    assert (await through(stage, {}), await past(stage) <= {401, 403}) == (200, True)
    which = f'AppId == "{identity(stage).client_id}" and ResourceIdentity == "{registration(stage)["appId"]}"'
    assert run(f'{TABLE} | where {which} and ResultType == "0"', stage.world.workspaces.all[WORKSPACE], stage.world)


def function_hears(**whose: Callable[[Stage], str]) -> Callable[[Stage], Awaitable[None]]:
    """In which headers the function is shown whose tokens, when the stranger calls with its own."""

    async def true(stage: Stage) -> None:
        token = stage.token_of(stage.team.stranger_client_id)
        key = {"Ocp-Apim-Subscription-Key": stage.team.master_key}
        answer = await call(stage, key | {"Authorization": token, "X-Caller": "Bearer forged"})
        assert answer.status == 200, answer.body
        shown = {name.lower(): value for name, value in seen_by_the_function(answer)["headers"].items()}
        heard = {name: value["azp"] for name, value in shown.items() if isinstance(value, dict)}
        assert heard == {name.replace("_", "-"): client(stage) for name, client in whose.items()}

    return true


def who_shows_nothing_is_answered(status: int) -> Callable[[Stage], Awaitable[None]]:
    async def true(stage: Stage) -> None:
        assert (api(stage)["subscriptionRequired"], (await call(stage, {})).status) == (status == 401, status)

    return true


# --- what a person does to it


def deleted(*what: Callable[[Stage], str]) -> ByHand:
    return lambda stage: [stage.world.arm.delete(each(stage)) for each in what]


def has_identity(*identities: Json | None) -> ByHand:
    """API Management has these, one after the other."""

    def change(stage: Stage) -> None:
        for each in identities:
            stage.give_identity(each)

    return change


def operation(at: str, url: str | None) -> ByHand:
    """What stands there, or a new one, serves that route; None: is deleted."""

    def change(stage: Stage) -> None:
        which = f"{stage.team.api_id}/operations/{operations(stage).get(at, 'more')}"
        put(stage.world, which, OWN_OPERATION | {"urlTemplate": url}) if url else stage.world.arm.delete(which)

    return change


def key_becomes(value: str | None) -> ByHand:
    """The host key that the gateway sends is renewed; None: is deleted."""

    def change(stage: Stage) -> None:
        for name in [each for each in keys(stage) if each != "default"]:
            keys(stage).update({name: value}) if value else keys(stage).pop(name)

    return change


def another_value(stage: Stage) -> None:
    found = stage.world.arm.need(stage.team.named_value_id)
    stage.world.arm.put(found.id, found.body, private={"value": "by hand"})


def edited(pattern: str, after: str = "") -> ByHand:
    """Somebody replaced this in the policy editor."""

    def change(stage: Stage) -> None:
        text, edits = re.subn(pattern, after, write(read(stage.policy, raw=False), raw=True), flags=re.DOTALL)
        assert edits, text
        stage.put_policy(text)

    return change


def setting(*path: str, to: Any) -> ByHand:
    """authsettingsV2 holds this value there."""

    def change(stage: Stage) -> None:
        place = stage.auth
        for name in path[:-1]:
            place = place[name]
        place[path[-1]] = to

    return change


def signs_in(name: str) -> ByHand:
    """The portal's callback is back in that list of redirect URIs."""
    callback = "https://{}/.auth/login/aad/callback"
    return lambda stage: registration(stage).update({name: {"redirectUris": [callback.format(stage.team.site_host)]}})


def opened_and_no_token_sent(stage: Stage) -> None:
    setting("platform", "enabled", to=False)(stage)
    stage.world.arm.delete(stage.policy_id)


PROVIDER = ("identityProviders", "azureActiveDirectory")
VALIDATION = (*PROVIDER, "validation")
ALLOWED = (*VALIDATION, "defaultAuthorizationPolicy", "allowedApplications")
IMPLICIT = {"implicitGrantSettings": {"enableIdTokenIssuance": True}}
TOKEN, ROUTE = "<authentication-managed-identity [^/]*?/>", "<set-backend-service [^/]*?/>"
HEADER = '<set-header name="Authorization".*?</set-header>'


# --- the table


ROWS = (
    Row("1", "API Management has an identity of its own; other identities are untouched",
        the_service_has_its_own_identity, identities, made=STAYS, adopted=STAYS,
        others=lambda stage: identities(stage)["userAssignedIdentities"][VAULT],
        breaks={"removed": has_identity(None), "replaced": has_identity(OTHERS_IDENTITY)}),
    Row("1_named", "API Management has the identity that the binding names; other identities are untouched",
        the_service_has_the_named_identity, identities, made=STAYS, adopted=STAYS,
        asks=lambda stage: {"apiManagement": {"identity": NAMED}},
        others=lambda stage: identities(stage)["userAssignedIdentities"][VAULT],
        breaks={"removed": has_identity(None), "replaced": has_identity(SYSTEM)}),
    Row("2", "the functions are imported: an API whose operations equal the app's functions, methods and routes",
        the_operations_are_the_functions, lambda stage: operations(stage) or None, made=GOES, adopted=STAYS,
        others=lambda stage: (api(stage)["displayName"], operations(stage)["GET own"]),
        breaks={"operation_deleted": operation("GET orders", None),
                "operation_added": operation("GET more", "/more"),
                "operation_moved": operation("GET orders", "/all-orders"),
                "path_changed": lambda stage: api(stage).update(path="elsewhere"),
                "api_deleted": deleted(lambda stage: stage.team.api_id)}),
    Row("3", "a function host key sits in a secret named value, and the backend sends it",
        the_gateway_sends_a_host_key_that_is_kept_secret, properties(lambda stage: stage.team.named_value_id),
        made=GOES, adopted=RETURNS,
        others=keys,
        breaks={"key_deleted": key_becomes(None),
                "key_renewed": key_becomes("renewed-in-the-portal"),
                "value_changed": another_value,
                "named_value_deleted": deleted(lambda stage: stage.team.backend_id,
                                               lambda stage: stage.team.named_value_id),
                "no_longer_sent": lambda stage: stage.backend.update(credentials={"header": {}})}),
    Row("4", "a backend entity points at the function app",
        the_backend_is_the_function_app, properties(lambda stage: stage.team.backend_id), made=GOES, adopted=RETURNS,
        others=lambda stage: {name: value for name, value in stage.backend.items() if name != "description"},
        breaks={"pointed_elsewhere": lambda stage: stage.backend.update(url="https://attacker.example.com/v1"),
                "deleted": deleted(lambda stage: stage.team.backend_id)}),
    Row("5", "the base policy takes a token, puts it into Authorization and routes; <base/> stands in all sections",
        the_policy_takes_a_token_sends_it_and_routes, POLICY, made=GOES, adopted=RETURNS,
        others=statements_of_others,
        breaks={"deleted": deleted(lambda stage: stage.policy_id),
                "token_removed": edited(TOKEN),
                "errors_ignored": edited('ignore-error="false"', 'ignore-error="true"'),
                "header_removed": edited(HEADER),
                "route_removed": edited(ROUTE),
                "base_removed": edited(r"<on-error>\s*<base />", "<on-error>")}),
    Row("6", "Easy Auth is on, asks for authentication, answers 401, accepts our audience and issuer",
        the_door_asks_for_our_token, lambda stage: stage.auth, made=STAYS, adopted=STAYS,
        others=settings_of_others,
        breaks={"off": setting("platform", "enabled", to=False),
                "not_required": setting("globalValidation", "requireAuthentication", to=False),
                "anonymous": setting("globalValidation", "unauthenticatedClientAction", to="AllowAnonymous"),
                "provider_off": setting(*PROVIDER, "enabled", to=False),
                "another_registration": setting(*PROVIDER, "registration", "clientId", to=INTRUDER),
                "another_issuer": setting(*PROVIDER, "registration", "openIdIssuer", to="https://elsewhere.example/"),
                "another_audience": setting(*VALIDATION, "allowedAudiences", to=["api://somebody-else"]),
                "deleted": deleted(lambda stage: f"{stage.team.site_id}/config/authsettingsV2")}),
    Row("7", "the app registration has no redirect URIs (three lists) and issues no tokens implicitly",
        nobody_signs_in_to_the_registration, ways_in, made=GOES, adopted=STAYS,
        others=rest_of_the_registration,
        breaks={"web": signs_in("web"), "spa": signs_in("spa"), "native": signs_in("publicClient"),
                "implicit": lambda stage: registration(stage).update(web=dict(IMPLICIT)),
                "without_secret": lambda stage: registration(stage).update(isFallbackPublicClient=True)}),
    Row("8", "not every service principal of the tenant may call: only API Management's identity",
        only_the_gateways_identity_may_call, allowed, made=STAYS, adopted=STAYS,
        others=settings_of_others,
        breaks={"emptied": setting(*ALLOWED, to=[]),
                "replaced": setting(*ALLOWED, to=[INTRUDER]),
                "widened": lambda stage: setting(*ALLOWED, to=[*allowed(stage), INTRUDER])(stage),
                "gone": setting(*VALIDATION, "defaultAuthorizationPolicy", to={}),
                "identity_made_anew": has_identity(None, SYSTEM)}),
    Row("8_assigned", "and on request only with an assigned app role",
        only_who_is_assigned_gets_a_token, assignments, made=GOES, adopted=STAYS,
        asks=lambda stage: {"entra": {"requireAssignment": True}},
        others=role_of_others,
        breaks={"not_required": lambda stage: resource(stage).update(appRoleAssignmentRequired=False),
                "assignment_removed": lambda stage: stage.world.entra.assignments.clear()}),
    Row("9", "the call really works: authorised through the gateway, refused past it; and the log shows the sign-in",
        calls_and_the_log_of_sign_ins_prove_it,
        lambda stage: (len(stage.world.entra.sign_ins), len(stage.world.invocations)),
        made=STAYS, adopted=STAYS,  # neither its own calls nor those of this test end in a function
        asks=lambda stage: {"signIns": {"workspaceId": WORKSPACE}, "verify": {
            "operation": "GET /orders", "subscriptionKeySecretRef": {"name": "probe", "key": "subscription-key"}}},
        others=subscriptions_and_products,
        breaks={"opened_and_no_token_sent": opened_and_no_token_sent, "key_renewed": key_becomes("renewed")}),
    Row("10_replaced", "what happens to the caller's token is a choice: replaced",
        function_hears(authorization=lambda stage: identity(stage).client_id), POLICY, made=GOES, adopted=RETURNS,
        others=statements_of_others,
        breaks={"kept_if_sent": edited('exists-action="override"', 'exists-action="skip"')}),
    Row("10_forwarded", "forwarded under another header",
        function_hears(authorization=lambda stage: identity(stage).client_id,
                       x_caller=lambda stage: stage.team.stranger_client_id), POLICY, made=GOES, adopted=RETURNS,
        asks=lambda stage: {"policy": {"callerAuthorization": {"mode": "Forward", "header": "X-Caller"}}},
        others=statements_of_others,
        breaks={"not_forwarded": edited("<choose>.*?</choose>"), "elsewhere": edited('"X-Caller"', '"X-Other"')}),
    Row("10_kept", "or kept",
        function_hears(authorization=lambda stage: stage.team.stranger_client_id,
                       x_gateway=lambda stage: identity(stage).client_id), POLICY, made=GOES, adopted=RETURNS,
        asks=lambda stage: {"policy": {"callerAuthorization": {"mode": "Keep", "header": "X-Gateway"}},
                            "entra": {"allow": {"clientIds": [stage.team.stranger_client_id]}}},
        shows=lambda stage: {"Authorization": stage.token_of(stage.team.stranger_client_id)},
        others=statements_of_others,
        breaks={"replaced": edited('"X-Gateway"', '"Authorization"'), "elsewhere": edited('"X-Gateway"', '"X-Other"')}),
    Row("11", "the gateway itself is not open: someone checks the caller",
        who_shows_nothing_is_answered(401), ASKS_FOR_A_KEY, made=GOES, adopted=STAYS,
        others=subscriptions_and_products,
        breaks={"no_key_asked_for": lambda stage: api(stage).update(subscriptionRequired=False)}),
    Row("11_anyone", "or the author says that anyone may call",
        who_shows_nothing_is_answered(200), ASKS_FOR_A_KEY, made=GOES, adopted=STAYS,
        asks=lambda stage: {"api": {"subscriptionRequired": False}, "policy": {"allowAnonymousCallers": True}},
        others=subscriptions_and_products,
        breaks={"key_asked_for": lambda stage: api(stage).update(subscriptionRequired=True)}),
)  # fmt: skip
DRIFTS = {f"{row.name}-{name}": (row, by_hand) for row in ROWS for name, by_hand in row.breaks.items()}

each_row = pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])


async def assert_true(row: Row, stage: Stage) -> None:
    """In Azure, through the gateway, and past it."""
    await row.true(stage)
    assert await through(stage, row.shows(stage)) == 200
    assert await past(stage) <= {401, 403}


async def assert_not_true(row: Row, stage: Stage) -> None:
    with pytest.raises((AssertionError, LookupError)):
        await row.true(stage)


@each_row
async def test_from_nothing_it_becomes_true(row: Row) -> None:
    async with nobody_imported_it() as stage:
        await assert_not_true(row, stage)

        await settle(stage, binding(stage, row))

        await assert_true(row, stage)


@each_row
async def test_adopted_it_becomes_true_and_what_others_have_there_stays(row: Row) -> None:
    async with done_by_hand() as stage:
        before = copy.deepcopy(row.others(stage))
        assert 200 in await past(stage), "whoever has a token of the tenant comes in"

        await settle(stage, binding(stage, row, adopt=True))

        assert row.others(stage) == before
        await assert_true(row, stage)


@pytest.mark.parametrize(("row", "by_hand"), DRIFTS.values(), ids=DRIFTS)
async def test_drifted_it_becomes_true_again(row: Row, by_hand: ByHand) -> None:
    async with nobody_imported_it() as stage:
        await settle(stage, binding(stage, row))
        stage.later(600)  # what the directory was told is old enough to be believed when it changes
        by_hand(stage)
        await assert_not_true(row, stage)

        await settle(stage, binding(stage, row))

        await assert_true(row, stage)


@each_row
async def test_deleted_it_leaves_what_must_stay_and_nothing_else(row: Row) -> None:
    async with nobody_imported_it() as stage:
        await settle(stage, binding(stage, row))
        settled = copy.deepcopy(row.part(stage))

        await settle(stage, binding(stage, row, deleting=True))

        assert (await through(stage, row.shows(stage)), await past(stage) <= {401, 403}) == (404, True)
        assert (row.part(stage), left_of_funcgate(stage)) == (settled if row.made == STAYS else None, [])


@each_row
async def test_deleted_after_it_was_adopted_it_gives_back_what_was_there(row: Row) -> None:
    async with done_by_hand() as stage:
        before = copy.deepcopy(row.part(stage))
        await settle(stage, binding(stage, row, adopt=True))
        settled = copy.deepcopy(row.part(stage))

        await settle(stage, binding(stage, row, adopt=True, deleting=True))

        assert (await through(stage, {}), await past(stage) <= {401, 403}) == (401, True)
        assert (row.part(stage), left_of_funcgate(stage)) == (settled if row.adopted == STAYS else before, [])
