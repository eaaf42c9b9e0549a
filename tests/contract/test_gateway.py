"""The gateway: calls matched, keys asked for, policies run, tokens fetched, function apps called."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from azuresim.wire import HttpAnswer
from contract.apim_world import CALLER, DOOR, GATEWAY, GROUP, HOST_KEY, SERVICE, SITE_HOST, Apim, apim, policies

pytestmark = pytest.mark.item("apim-15")
USER_ID = f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/caller"
TO_BACKEND = '<set-backend-service id="apim-generated-policy" backend-id="orders-fn" />'
FETCH = (
    f'<authentication-managed-identity resource="{DOOR}" output-token-variable-name="msi-access-token" '
    'ignore-error="false" />'
)
SEND = (
    '<set-header name="Authorization" exists-action="override">'
    '<value>@("Bearer " + (string)context.Variables["msi-access-token"])</value></set-header>'
)
SYSTEM: dict[str, Any] = {"type": "SystemAssigned"}


async def furnished(here: Apim, inbound: str = "", **api: Any) -> None:
    """An API with three operations in front of the function app, routed by its policy."""
    await here.a_backend()
    await here.an_api(**api)
    await here.an_operation("list", "/orders")
    await here.an_operation("get", "/orders/{id}", parameters=("id",))
    await here.an_operation("files", "/files/{*path}", parameters=("path",))
    await scoped(here, "/apis/orders", inbound + TO_BACKEND)


async def scoped(here: Apim, scope: str, inbound: str, **sections: str) -> None:
    answer = await here.put_policy(scope, policies(inbound, **sections))
    assert answer.status in (200, 201), answer.data()


@pytest.fixture
async def here() -> AsyncIterator[Apim]:
    async with apim(identity=SYSTEM) as started:
        yield started


def echo(answer: HttpAnswer) -> dict[str, Any]:
    """What the function says that reached it."""
    assert answer.status == 200, answer.body
    said: dict[str, Any] = answer.data()
    said["headers"] = {name.lower(): value for name, value in said["headers"].items()}
    return said


# --- matching ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("path", "function", "reached"),
    [
        ("/orders/orders", "ListOrders", "/v1/orders"),
        ("/orders/orders/7", "GetOrder", "/v1/orders/7"),
        ("/orders/files/a/b%20c", "Files", "/v1/files/a/b c"),
        ("/ORDERS/orders", "ListOrders", "/v1/orders"),
    ],
)
async def test_the_rest_of_the_path_goes_to_the_backend(here: Apim, path: str, function: str, reached: str) -> None:
    """Source: learn.microsoft.com/azure/api-management/add-api-manually."""
    await furnished(here)
    said = echo(await here.call(path))
    assert (said["function"], said["path"]) == (function, reached)


@pytest.mark.parametrize(("path", "method"), [("/orders/nothing", "GET"), ("/orders/orders", "PUT"), ("/other", "GET")])
async def test_what_no_operation_matches_is_404(here: Apim, path: str, method: str) -> None:
    """Source: learn.microsoft.com/azure/api-management/add-api-manually; the body is the widely quoted one."""
    await furnished(here)
    answer = await here.call(path, method=method)
    assert (answer.status, answer.data()) == (404, {"statusCode": 404, "message": "Resource not found"})


async def test_the_longest_path_of_an_api_wins(here: Apim) -> None:
    """Assumed: nesting paths are allowed and the longest wins."""
    await furnished(here)
    await here.an_api("inner", path="orders/files")
    await here.an_operation("answer", "/x", api="inner")
    await scoped(here, "/apis/inner", '<return-response><set-status code="204" reason="inner" /></return-response>')
    assert (await here.call("/orders/files/x")).status == 204


async def test_a_service_that_nobody_has_is_404(here: Apim) -> None:
    """No Azure behaviour: a name that does not resolve."""
    answer = await here.azure.send("GET", "nobody.azure-api.net", "/orders/orders")
    assert answer.status == 404


# --- subscription keys ------------------------------------------------------------------------------------------------
async def test_a_missing_key_and_a_wrong_one_are_told_apart(here: Apim) -> None:
    """Source: learn.microsoft.com/azure/api-management/api-management-subscriptions; the texts are assumed."""
    await furnished(here, subscriptionRequired=True)
    missing = await here.call("/orders/orders")
    wrong = await here.call("/orders/orders", headers={"Ocp-Apim-Subscription-Key": "nope"})
    assert (missing.status, wrong.status, missing.data()["statusCode"]) == (401, 401, 401)
    assert missing.data()["message"].startswith("Access denied due to missing subscription key.")
    assert wrong.data()["message"].startswith("Access denied due to invalid subscription key.")
    assert here.world.invocations == []


@pytest.mark.parametrize("scope", ["/apis/orders", "/apis", "/products/starter"])
async def test_a_key_opens_what_its_subscription_covers(here: Apim, scope: str) -> None:
    """Source: learn.microsoft.com/azure/api-management/api-management-subscriptions (scopes)."""
    await furnished(here, subscriptionRequired=True)
    await here.put("/products/starter", displayName="Starter")
    await here.arm("PUT", "/products/starter/apis/orders")
    await here.put("/subscriptions/check", displayName="check", scope=scope, state="active")
    key = await primary_key(here, "check")
    assert (await here.call("/orders/orders", headers={"Ocp-Apim-Subscription-Key": key})).status == 200
    assert (await here.call(f"/orders/orders?subscription-key={key}")).status == 200


async def test_a_key_of_another_api_or_of_a_suspended_subscription_opens_nothing(here: Apim) -> None:
    """Source: learn.microsoft.com/azure/api-management/api-management-subscriptions."""
    await furnished(here, subscriptionRequired=True)
    await here.an_api("other")
    await here.put("/subscriptions/other", displayName="other", scope="/apis/other", state="active")
    await here.put("/subscriptions/late", displayName="late", scope="/apis/orders", state="suspended")
    for subscription in ("other", "late"):
        key = await primary_key(here, subscription)
        assert (await here.call("/orders/orders", headers={"Ocp-Apim-Subscription-Key": key})).status == 401


async def test_the_all_access_key_opens_everything_and_goes_no_further(here: Apim) -> None:
    """Assumed: that the key is not handed on. Source of `master`: microsoft/vscode-apimanagement."""
    await furnished(here, subscriptionRequired=True)
    key = await primary_key(here, "master")
    answer = await here.call(
        f"/orders/orders?a=1&subscription-key={key}", headers={"Ocp-Apim-Subscription-Key": key, "X-Kept": "yes"}
    )
    assert echo(answer)["headers"]["x-kept"] == "yes"
    assert key not in answer.body.decode()


async def primary_key(here: Apim, subscription: str) -> str:
    return str((await here.arm("POST", f"/subscriptions/{subscription}/listSecrets")).data()["primaryKey"])


# --- the managed identity's token -------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("version", "client_claim", "issuer"),
    [(1, "appid", "https://sts.windows.net/{}/"), (2, "azp", "https://login.microsoftonline.com/{}/v2.0")],
)
async def test_the_function_gets_the_services_own_token(version: int, client_claim: str, issuer: str) -> None:
    """Source: learn.microsoft.com/azure/api-management/authentication-managed-identity-policy; Entra's claims."""
    async with apim(identity=SYSTEM, token_version=version) as here:
        await furnished(here, FETCH + SEND)
        token = sent_token(here, echo(await here.call("/orders/orders", headers=here.caller_token())))
        identity = here.world.entra.system_identity(SERVICE)
        assert identity is not None
        assert (token["aud"], token["iss"]) == (DOOR, issuer.format(here.world.tenant_id))
        assert (token[client_claim], token["oid"]) == (identity.client_id, identity.principal_id)


async def test_with_a_variable_the_callers_authorization_stays_as_it_is(here: Apim) -> None:
    """Source: Azure/azure-api-management-policy-toolkit (emulator): only the variable is set."""
    await furnished(here, FETCH)
    said = echo(await here.call("/orders/orders", headers=here.caller_token()))
    assert sent_token(here, said)["azp"] == CALLER


async def test_without_a_variable_the_token_goes_into_authorization(here: Apim) -> None:
    """Source: learn.microsoft.com/azure/api-management/authentication-managed-identity-policy."""
    await furnished(here, f'<authentication-managed-identity resource="{DOOR}" />')
    identity = here.world.entra.system_identity(SERVICE)
    assert identity is not None
    assert sent_token(here, echo(await here.call("/orders/orders")))["azp"] == identity.client_id


async def test_a_client_id_chooses_a_user_assigned_identity() -> None:
    """Source: learn.microsoft.com/azure/api-management/authentication-managed-identity-policy."""
    async with apim() as here:
        identity = here.world.entra.add_user_identity(USER_ID)
        wanted = {"type": "UserAssigned", "userAssignedIdentities": {USER_ID: {}}}
        await here.settle(await here.arm("PATCH", "", {"identity": wanted}))
        chosen = FETCH.replace("output-token", f'client-id="{identity.client_id}" output-token')
        await furnished(here, chosen + SEND)
        assert sent_token(here, echo(await here.call("/orders/orders")))["azp"] == identity.client_id


@pytest.mark.parametrize(
    ("identity", "statement", "reason"),
    [
        (None, FETCH, "no identity"),
        (SYSTEM, FETCH.replace(DOOR, "5712a96e-0000-4000-8000-000000000004"), "no such application"),
        (SYSTEM, FETCH.replace("output-token", 'client-id="nobody" output-token'), "no such identity attached"),
    ],
)
async def test_a_token_that_cannot_be_had_is_500(identity: dict[str, Any] | None, statement: str, reason: str) -> None:
    """Source: learn.microsoft.com/azure/api-management/authentication-managed-identity-policy; the body is assumed."""
    async with apim(identity=identity) as here:
        await furnished(here, statement + SEND)
        answer = await here.call("/orders/orders")
        assert (answer.status, answer.data()["message"]) == (500, "Internal server error"), reason
        assert here.world.invocations == []


async def test_an_ignored_failure_sends_an_empty_bearer() -> None:
    """Source: Azure/azure-api-management-policy-toolkit (emulator), and C#'s null in a concatenation."""
    async with apim() as here:
        await furnished(here, FETCH.replace('"false"', '"true"') + SEND)
        said = echo(await here.call("/orders/orders", headers=here.caller_token()))
        assert said["headers"]["authorization"] == "not a token"  # the caller's is gone, and nothing came instead


async def test_a_role_assigned_later_is_not_seen_for_a_day(here: Apim) -> None:
    """Source: "Managed identity best practice recommendations" (learn.microsoft.com/entra)."""
    await furnished(here, FETCH + SEND)
    await here.call("/orders/orders")
    entra = here.world.entra
    identity, door, application = entra.system_identity(SERVICE), entra.principal(DOOR), entra.application(DOOR)
    assert identity is not None
    assert door is not None
    assert application is not None
    application["appRoles"].append({"id": "r", "value": "Call"})
    entra.assign(identity.principal_id, door["id"], "r")
    assert "roles" not in sent_token(here, echo(await here.call("/orders/orders")))
    here.world.clock.advance(86_401)
    assert sent_token(here, echo(await here.call("/orders/orders")))["roles"] == ["Call"]


# --- the chain of policies --------------------------------------------------------------------------------------------
def marks(name: str) -> str:
    return f'<set-header name="x-scopes" exists-action="append"><value>{name}</value></set-header>'


async def test_base_brings_in_the_enclosing_scopes_from_the_outside_in(here: Apim) -> None:
    """Source: learn.microsoft.com/azure/api-management/api-management-howto-policies."""
    await furnished(here, marks("api"), subscriptionRequired=True)
    await here.put("/products/starter", displayName="Starter")
    await here.arm("PUT", "/products/starter/apis/orders")
    await here.put("/subscriptions/check", displayName="check", scope="/products/starter", state="active")
    await scoped(here, "", marks("global"), backend="<forward-request />", base="", outbound="")
    await scoped(here, "/products/starter", marks("product"))
    await scoped(here, "/apis/orders/operations/list", marks("operation"))
    key = await primary_key(here, "check")
    answer = await here.call("/orders/orders", headers={"Ocp-Apim-Subscription-Key": key})
    assert scopes(answer) == "global,product,api,operation"


async def test_an_operation_policy_without_base_drops_the_apis(here: Apim) -> None:
    """Source: learn.microsoft.com/azure/api-management/api-management-howto-policies."""
    await furnished(here, marks("api"))
    await scoped(here, "/apis/orders/operations/list", marks("operation") + TO_BACKEND, base="")
    assert scopes(await here.call("/orders/orders")) == "operation"
    assert scopes(await here.call("/orders/orders/7")) == "api"


@pytest.mark.parametrize(("inherits", "expected"), [(True, "api"), (False, "")])
async def test_a_section_left_out_may_or_may_not_inherit(here: Apim, inherits: bool, expected: str) -> None:
    """Assumed, both ways."""
    here.world.switches.apim_missing_section_inherits = inherits
    await furnished(here, marks("api"), serviceUrl=f"https://{SITE_HOST}/v1")
    await here.put_policy("/apis/orders/operations/list", "<policies><backend><base /></backend></policies>")
    assert scopes(await here.call("/orders/orders")) == expected


def scopes(answer: HttpAnswer) -> str:
    return str(echo(answer)["headers"].get("x-scopes", "")).replace(", ", ",")


# --- statements -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("action", "expected"), [("override", "new"), ("skip", "old"), ("append", "old,new"), ("delete", "")]
)
async def test_set_header_knows_four_actions(here: Apim, action: str, expected: str) -> None:
    """Source: learn.microsoft.com/azure/api-management/set-header-policy."""
    await furnished(here, f'<set-header name="x-scopes" exists-action="{action}"><value>new</value></set-header>')
    assert scopes(await here.call("/orders/orders", headers={"X-Scopes": "old"})) == expected


async def test_response_headers_are_set_in_outbound(here: Apim) -> None:
    """Source: learn.microsoft.com/azure/api-management/set-header-policy."""
    await furnished(here)
    outbound = '<base /><set-header name="x-out"><value>yes</value></set-header>'
    await scoped(here, "/apis/orders", TO_BACKEND, outbound=outbound)
    assert (await here.call("/orders/orders")).headers["x-out"] == "yes"


async def test_choose_takes_the_first_branch_that_holds(here: Apim) -> None:
    """Source: learn.microsoft.com/azure/api-management/choose-policy."""
    condition = '@(context.Request.Headers.GetValueOrDefault("x-kind", "none") == "a")'
    choose = (
        f'<choose><when condition="{condition}">{marks("first")}</when>'
        f'<when condition="@(true)">{marks("second")}</when><otherwise>{marks("third")}</otherwise></choose>'
    )
    await furnished(here, choose)
    assert scopes(await here.call("/orders/orders", headers={"X-Kind": "a"})) == "first"
    assert scopes(await here.call("/orders/orders")) == "second"


async def test_return_response_ends_the_processing(here: Apim) -> None:
    """Source: learn.microsoft.com/azure/api-management/return-response-policy."""
    body = (
        '<return-response><set-status code="418" reason="teapot" />'
        '<set-header name="x-why"><value>tea</value></set-header><set-body>short</set-body></return-response>'
    )
    await furnished(here, body)
    answer = await here.call("/orders/orders")
    assert (answer.status, answer.headers["x-why"], answer.body) == (418, "tea", b"short")
    assert here.world.invocations == []


async def test_rewrite_uri_changes_the_path_that_the_backend_sees(here: Apim) -> None:
    """Source: learn.microsoft.com/azure/api-management/rewrite-uri-policy."""
    await furnished(here)
    await here.an_operation("old", "/old/{id}", parameters=("id",))
    await scoped(here, "/apis/orders/operations/old", '<rewrite-uri template="/orders/{id}" />')
    said = echo(await here.call("/orders/old/9"))
    assert (said["function"], said["path"]) == ("GetOrder", "/v1/orders/9")


KEEP = '<rewrite-uri template="/locked" />'
DROP = '<rewrite-uri template="/locked" copy-unmatched-params="false" />'
ADD = '<set-query-parameter name="code" exists-action="{}"><value>{}</value></set-query-parameter>'


@pytest.mark.parametrize(
    ("statement", "sent", "status", "reason"),
    [
        ("", HOST_KEY, 200, "the caller's query goes along"),
        ("", "wrong", 401, "and is what the function judges"),
        (KEEP, HOST_KEY, 200, "kept beside a new path"),
        (DROP, HOST_KEY, 401, "dropped with a new path"),
        (f'<rewrite-uri template="/locked?code={HOST_KEY}" />', "", 200, "the template brings its own"),
        (ADD.format("override", HOST_KEY), "wrong", 200, "overridden"),
        (ADD.format("skip", HOST_KEY), "wrong", 401, "left as it was"),
        (ADD.format("skip", HOST_KEY), "", 200, "added where there was none"),
        (ADD.format("delete", ""), HOST_KEY, 401, "deleted"),
    ],
)
async def test_query_parameters_reach_the_backend_as_the_policies_leave_them(
    here: Apim, statement: str, sent: str, status: int, reason: str
) -> None:
    """Source: learn.microsoft.com/azure/api-management/rewrite-uri-policy and set-query-parameter-policy."""
    await furnished(here, statement)
    await here.an_operation("locked", "/locked")
    assert (await here.call("/orders/locked" + (f"?code={sent}" if sent else ""))).status == status, reason


async def test_check_header_refuses_with_its_own_status_and_text(here: Apim) -> None:
    """Source: learn.microsoft.com/azure/api-management/check-header-policy."""
    check = (
        '<check-header name="x-who" failed-check-httpcode="403" failed-check-error-message="not you" '
        'ignore-case="true"><value>me</value></check-header>'
    )
    await furnished(here, check)
    refused = await here.call("/orders/orders", headers={"x-who": "you"})
    assert (refused.status, refused.data()) == (403, {"statusCode": 403, "message": "not you"})
    assert (await here.call("/orders/orders", headers={"x-who": "ME"})).status == 200


async def test_a_backend_id_cannot_be_overridden_by_a_base_url(here: Apim) -> None:
    """Source: learn.microsoft.com/azure/api-management/set-backend-service-policy; the status is assumed."""
    await furnished(here)
    elsewhere = '<set-backend-service base-url="https://elsewhere.azurewebsites.net" />'
    await scoped(here, "/apis/orders/operations/list", elsewhere)
    assert (await here.call("/orders/orders")).status == 500


async def test_the_backend_sends_its_credentials_with_the_named_value_filled_in(here: Apim) -> None:
    """Source: learn.microsoft.com/azure/api-management/backends; microsoft/vscode-apimanagement (import)."""
    await here.named_value("orders-key", HOST_KEY)
    await furnished(here)
    await here.an_operation("locked", "/locked")
    assert (await here.call("/orders/locked")).status == 401
    await here.a_backend(credentials={"header": {"x-functions-key": ["{{orders-key}}"]}})
    answer = await here.call("/orders/locked", headers={"x-functions-key": "wrong"})
    assert echo(answer)["function"] == "Locked"
    assert HOST_KEY not in answer.body.decode()


async def test_a_variable_that_nobody_set_is_500_and_on_error_runs(here: Apim) -> None:
    """Source: learn.microsoft.com/azure/api-management/api-management-error-handling-policies."""
    await furnished(here, SEND)
    document = policies(SEND + TO_BACKEND).replace(
        "<on-error><base />", '<on-error><base /><set-header name="x-failed"><value>yes</value></set-header>'
    )
    assert (await here.put_policy("/apis/orders", document)).status == 200
    answer = await here.call("/orders/orders")
    assert (answer.status, answer.headers["x-failed"]) == (500, "yes")


@pytest.mark.parametrize(
    "statement",
    [
        '<return-response><set-status code="teapot" reason="" /></return-response>',
        '<check-header name="a" failed-check-httpcode="no" failed-check-error-message="" ignore-case="true" />',
        '<rewrite-uri template="/orders/{unheard}" />',
        '<set-backend-service base-url="https://elsewhere.example" />',
    ],
)
async def test_a_statement_that_fails_while_it_runs_is_500(here: Apim, statement: str) -> None:
    """Source: learn.microsoft.com/azure/api-management/api-management-error-handling-policies; the body is assumed."""
    await furnished(here)
    await here.put_policy("/apis/orders", policies(statement))
    answer = await here.call("/orders/orders")
    said = answer.data()
    assert (answer.status, said["statusCode"], said["message"]) == (500, 500, "Internal server error")
    assert said["activityId"]


# --- statements that judge the caller ---------------------------------------------------------------------------------
def azure_ad(client: str = CALLER, audience: str = DOOR, tenant: str = "{}") -> str:
    return (
        f'<validate-azure-ad-token tenant-id="{tenant}"><client-application-ids><application-id>{client}'
        f"</application-id></client-application-ids><audiences><audience>{audience}</audience></audiences>"
        "</validate-azure-ad-token>"
    )


@pytest.mark.parametrize(
    ("statement", "status", "reason"),
    [
        (azure_ad(), 200, "all fits"),
        (azure_ad(client="another"), 401, "another client"),
        (azure_ad(audience="another"), 401, "another audience"),
        (azure_ad(tenant="another"), 401, "another tenant"),
    ],
)
async def test_validate_azure_ad_token_judges_the_callers_token(
    here: Apim, statement: str, status: int, reason: str
) -> None:
    """Source: learn.microsoft.com/azure/api-management/validate-azure-ad-token-policy."""
    await furnished(here, statement.replace("{}", here.world.tenant_id))
    assert (await here.call("/orders/orders", headers=here.caller_token())).status == status, reason
    assert (await here.call("/orders/orders")).status == 401
    forged = here.world.entra.sign({"aud": DOOR, "tid": here.world.tenant_id, "azp": CALLER}, key="forged")
    assert (await here.call("/orders/orders", headers={"Authorization": f"Bearer {forged}"})).status == 401


def jwt(tenant: str, *, audience: str = DOOR, version: str = "/v2.0", claims: str = "") -> str:
    url = f"https://login.microsoftonline.com/{tenant}{version}/.well-known/openid-configuration"
    return (
        '<validate-jwt header-name="Authorization" failed-validation-httpcode="403" '
        'failed-validation-error-message="no" require-scheme="Bearer">'
        f'<openid-config url="{url}" /><audiences><audience>{audience}</audience></audiences>{claims}</validate-jwt>'
    )


@pytest.mark.parametrize(
    ("options", "status", "reason"),
    [
        ({}, 200, "all fits"),
        ({"audience": "another"}, 403, "another audience"),
        ({"version": ""}, 403, "the v1 metadata names another issuer"),
        (
            {"claims": '<required-claims><claim name="roles"><value>Call</value></claim></required-claims>'},
            403,
            "a claim that the token does not carry",
        ),
    ],
)
async def test_validate_jwt_judges_the_callers_token(
    here: Apim, options: dict[str, str], status: int, reason: str
) -> None:
    """Source: learn.microsoft.com/azure/api-management/validate-jwt-policy."""
    await furnished(here, jwt(here.world.tenant_id, **options))
    answer = await here.call("/orders/orders", headers=here.caller_token())
    assert answer.status == status, reason
    if status != 200:
        assert answer.data() == {"statusCode": 403, "message": "no"}


async def test_a_caller_check_after_our_override_judges_the_wrong_token(here: Apim) -> None:
    """Source: learn.microsoft.com/azure/api-management/set-header-policy (replaced where the statement is)."""
    await furnished(here, FETCH + SEND + azure_ad().replace("{}", here.world.tenant_id))
    assert (await here.call("/orders/orders", headers=here.caller_token())).status == 401


def sent_token(here: Apim, said: dict[str, Any]) -> dict[str, Any]:
    """The claims of the bearer token that reached the function."""
    assert here.world.invocations
    token = said["headers"]["authorization"]
    return dict(token) if isinstance(token, dict) else dict(said["claims"])


# --- whatever the policies do -----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "statement",
    [
        '<set-header name="a b"><value>c</value></set-header>',
        '<set-header name="a"><value>@("b\\r\\nc: d")</value></set-header>',
        "<set-method>NO METHOD</set-method>",
        '<set-backend-service base-url="https://[oh/no" />',
        f'<set-backend-service base-url="https://{GATEWAY}/orders" />',
        '<send-request response-variable-name="r"><set-url>https://a.example:999999/</set-url></send-request>',
        '<send-request response-variable-name="r"><set-url>nowhere</set-url></send-request>',
        '<rate-limit-by-key calls="0" renewal-period="0" counter-key="a" />',
        '<quota-by-key calls="0" renewal-period="0" counter-key="a" />',
        '<retry condition="@(true)" count="@(99999)" interval="1" />',
    ],
)
async def test_nothing_that_a_policy_makes_of_a_call_breaks_the_gateway(here: Apim, statement: str) -> None:
    """No Azure behaviour: the fixture fails when a handler does."""
    await furnished(here)
    assert (await here.put_policy("/apis/orders", policies(statement))).status == 200
    assert (await here.call("/orders/orders")).status in (403, 429, 500)


async def test_a_backend_may_be_another_gateway(here: Apim) -> None:
    """Source: learn.microsoft.com/azure/api-management/backends (any HTTP service)."""
    await furnished(here)
    await here.an_api("outer", path="outer")
    await here.an_operation("list", "/orders", api="outer")
    await scoped(here, "/apis/outer", f'<set-backend-service base-url="https://{GATEWAY}/orders" />')
    assert echo(await here.call("/outer/orders"))["function"] == "ListOrders"
