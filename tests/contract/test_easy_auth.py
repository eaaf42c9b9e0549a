"""Easy Auth: who gets in, as whom, and what everybody else is told."""

import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from azuresim.switches import Switches
from azuresim.web.easyauth import NO_PERMISSION
from azuresim.wire import HttpAnswer
from contract.web_world import BROWSER, CALLER, DOOR, HOST, STRANGER, Web, closed, web

PING = "/v1/ping"  # an anonymous function: whatever stops a request here is the door


@pytest.fixture
async def here() -> AsyncIterator[Web]:
    """The door asks for a token of `CALLER`, the registration issues tokens of version 2."""
    async with web() as started:
        await started.put_auth(closed(started.world))
        yield started


async def knock(here: Web, token: str = "", path: str = PING, **headers: str) -> HttpAnswer:
    return await here.call(
        path, token=token, headers={name.replace("_", "-"): value for name, value in headers.items()}
    )


def altered(here: Web, **claims: Any) -> str:
    """The caller's token with other claims; None takes one out."""
    wanted = here.world.entra.claims(CALLER, DOOR) | claims
    return here.world.entra.sign({name: value for name, value in wanted.items() if value is not None})


# Without Easy Auth


async def test_a_door_that_is_off_lets_everybody_through_with_forged_headers_and_all(here: Web) -> None:
    """Assumed: with the feature off nothing strips these headers."""
    await here.put_auth({"platform": {"enabled": False}})
    answer = await knock(here, X_MS_CLIENT_PRINCIPAL_ID="forged")
    assert (answer.status, answer.data()["claims"]) == (200, None)
    assert answer.data()["headers"]["x-ms-client-principal-id"] == "forged"


# Authentication


async def test_a_good_token_passes(here: Web) -> None:
    """Source: learn.microsoft.com/azure/app-service/configure-authentication-provider-aad."""
    answer = await knock(here, here.token())
    assert (answer.status, answer.data()["claims"]["azp"]) == (200, CALLER)


async def test_the_scheme_is_read_without_case(here: Web) -> None:
    """Source: RFC 9110, section 11.1."""
    assert (await knock(here, Authorization=f"bearer {here.token()}")).status == 200


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer x.y.z", "Basic YTpi", "Bearer " + "a" * 40])
async def test_what_is_no_token_is_turned_away(here: Web, authorization: str) -> None:
    """Source: learn.microsoft.com/azure/app-service/overview-authentication-authorization."""
    assert (await knock(here, Authorization=authorization)).status == 401


async def test_the_registrations_own_client_id_is_an_audience_without_being_listed(here: Web) -> None:
    """Source: learn.microsoft.com/azure/app-service/configure-authentication-provider-aad."""
    await here.put_auth(closed(here.world, audiences=["api://of-another"]))
    assert (await knock(here, here.token())).status == 200


async def test_a_token_for_somebody_else_is_turned_away(here: Web) -> None:
    """Source: learn.microsoft.com/azure/app-service/configure-authentication-provider-aad (allowedAudiences)."""
    assert (await knock(here, altered(here, aud="api://of-another"))).status == 401


async def test_a_listed_audience_passes(here: Web) -> None:
    """Source: learn.microsoft.com/azure/app-service/configure-authentication-provider-aad (allowedAudiences)."""
    await here.put_auth(closed(here.world, audiences=["api://of-another"]))
    assert (await knock(here, altered(here, aud="api://of-another"))).status == 200


async def test_a_forged_signature_is_turned_away(here: Web) -> None:
    """Source: learn.microsoft.com/entra/identity-platform/access-tokens (validating)."""
    entra = here.world.entra
    assert (await knock(here, entra.sign(entra.claims(CALLER, DOOR), key="forger"))).status == 401


async def test_an_expired_token_is_turned_away(here: Web) -> None:
    """Source: learn.microsoft.com/entra/identity-platform/access-tokens (lifetime)."""
    token = here.token()
    here.world.clock.advance(2 * 3600)
    assert (await knock(here, token)).status == 401


async def test_a_token_of_another_tenant_is_turned_away(here: Web) -> None:
    """Source: learn.microsoft.com/azure/app-service/configure-authentication-provider-aad (issuer)."""
    foreign = "https://login.microsoftonline.com/99999999-aaaa-4000-8000-000000000009/v2.0"
    assert (await knock(here, altered(here, iss=foreign))).status == 401


@pytest.mark.parametrize("suffix", ["", "/"])
async def test_the_legacy_issuer_of_the_portal_names_v2_tokens(here: Web, suffix: str) -> None:
    """Source: MicrosoftDocs/azure-docs (the express flow writes sts.windows.net/<tenant>/v2.0)."""
    await here.put_auth(closed(here.world, issuer=f"https://sts.windows.net/{here.world.tenant_id}/v2.0{suffix}"))
    assert (await knock(here, here.token())).status == 200


async def test_a_v2_token_does_not_pass_a_v1_issuer(here: Web) -> None:
    """Source: learn.microsoft.com/entra/identity-platform/access-token-claims-reference (iss)."""
    await here.put_auth(closed(here.world, issuer=here.world.entra.issuer(1)))
    assert (await knock(here, here.token())).status == 401


@pytest.mark.parametrize("host", ["sts.windows.net", "login.microsoftonline.com"])
async def test_a_v1_token_passes_an_issuer_without_v2(host: str) -> None:
    """Source: learn.microsoft.com/azure/app-service/configure-authentication-provider-aad (drop /v2.0 for v1)."""
    async with web(token_version=1) as here:
        await here.put_auth(closed(here.world, issuer=f"https://{host}/{here.world.tenant_id}/"))
        assert (await knock(here, here.token())).status == 200


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("cloud", ["AzureUSGovernment", "AzureChina"])
async def test_a_national_cloud_has_issuers_of_its_own(cloud: str, version: int) -> None:
    """Assumed: no public page states the issuers of the national clouds for both token versions."""
    async with web(token_version=version) as here:
        here.world.entra.cloud = cloud
        await here.put_auth(closed(here.world, issuer=here.world.entra.issuer(version)))
        assert (await knock(here, here.token())).status == 200


async def test_a_v2_token_of_another_cloud_is_refused(here: Web) -> None:
    """Assumed: the issuer is compared with what the metadata names."""
    here.world.entra.cloud = "AzureChina"
    assert (await knock(here, here.token())).status == 401


@pytest.mark.parametrize(("passes", "status"), [(False, 401), (True, 200)])
async def test_whether_a_v1_token_passes_a_v2_issuer_is_a_switch(passes: bool, status: int) -> None:
    """Assumed either way: learn.microsoft.com says to drop /v2.0, practitioners report both."""
    async with web(token_version=1) as here:
        here.switches.easy_auth_v1_token_passes_v2_issuer = passes
        await here.put_auth(closed(here.world))
        assert (await knock(here, here.token())).status == status


async def test_an_issuer_for_any_tenant_takes_the_tokens_own(here: Web) -> None:
    """Source: learn.microsoft.com/entra/identity-platform/v2-protocols-oidc (common)."""
    await here.put_auth(closed(here.world, issuer="https://login.microsoftonline.com/common/v2.0"))
    assert (await knock(here, here.token())).status == 200


@pytest.mark.parametrize("issuer", ["https://evil.example/t/v2.0", "nonsense", "https://login.microsoftonline.com/"])
async def test_an_issuer_without_metadata_lets_no_token_in(here: Web, issuer: str) -> None:
    """Assumed: without metadata there is no key to check with."""
    await here.put_auth(closed(here.world, issuer=issuer))
    assert (await knock(here, here.token())).status == 401


async def test_a_provider_that_is_off_lets_no_token_in(here: Web) -> None:
    """Source: learn.microsoft.com/rest/api/appservice/web-apps/update-auth-settings-v2 (enabled)."""
    settings = closed(here.world)
    settings["identityProviders"]["azureActiveDirectory"]["enabled"] = False
    await here.put_auth(settings)
    assert (await knock(here, here.token())).status == 401


# Authorization


async def test_a_token_of_an_application_that_is_not_allowed_is_forbidden(here: Web) -> None:
    """Source: learn.microsoft.com/azure/app-service/configure-authentication-provider-aad (allowedApplications)."""
    answer = await knock(here, here.token(STRANGER))
    assert (answer.status, answer.body.decode()) == (403, NO_PERMISSION)


async def test_the_application_of_a_v1_token_is_its_appid() -> None:
    """Source: learn.microsoft.com/entra/identity-platform/access-token-claims-reference (appid, azp)."""
    async with web(token_version=1) as here:
        await here.put_auth(closed(here.world, issuer=here.world.entra.issuer(1)))
        known, unknown = await knock(here, here.token()), await knock(here, here.token(STRANGER))
        assert (known.status, unknown.status) == (200, 403)


async def test_a_token_without_an_application_is_forbidden(here: Web) -> None:
    """Source: learn.microsoft.com/azure/app-service/configure-authentication-provider-aad (access tokens only)."""
    assert (await knock(here, altered(here, azp=None))).status == 403


@pytest.mark.item("web-4")
@pytest.mark.parametrize(
    ("applications", "audiences", "reading", "status"),
    [
        ((), (), "allows all", 200),
        ((), (), "refuses all", 403),
        (None, (), "refuses all", 200),
        (None, ("api://x",), "allows all", 200),
        (None, ("api://x",), "refuses all", 403),
        ((CALLER,), (), "refuses all", 200),
    ],
)
async def test_what_an_empty_allow_list_means_is_a_switch(
    here: Web, applications: tuple[str, ...] | None, audiences: tuple[str, ...], reading: Any, status: int
) -> None:
    """
    Assumed either way.

    learn.microsoft.com/azure/app-service/configure-authentication-provider-aad enforces a list with entries only; the
    tracker of pnp/Microsoft365-Analytics-Insights reports 403 for every valid token.
    """
    here.switches.easy_auth_empty_allow_list = reading
    await here.put_auth(closed(here.world, applications=applications, audiences=audiences))
    assert (await knock(here, here.token())).status == status


def test_a_misspelled_switch_is_an_error_and_not_a_new_switch() -> None:
    """Source: none, it is about the simulator itself."""
    plain = Switches()
    with pytest.raises(AttributeError, match="easy_auth_empty_allowlist"):
        setattr(plain, "easy_auth_empty_allowlist", "refuses all")  # noqa: B010  # a name that no type checker lets pass


@pytest.mark.parametrize(("known", "status"), [(True, 200), (False, 403)])
async def test_allowed_identities_are_object_ids(here: Web, known: bool, status: int) -> None:
    """Source: learn.microsoft.com/azure/app-service/configure-authentication-provider-aad (allowedPrincipals)."""
    oid = here.world.entra.verify(here.token())["oid"] if known else DOOR
    await here.put_auth(closed(here.world, principals={"identities": [oid]}))
    assert (await knock(here, here.token())).status == status


@pytest.mark.parametrize(("groups", "status"), [(["g1", "g2"], 200), (["g3"], 403), (None, 500)])
async def test_allowed_groups_want_a_groups_claim(here: Web, groups: list[str] | None, status: int) -> None:
    """Source: Azure/azure-sdk-for-net tracker (500 without the claim)."""
    await here.put_auth(closed(here.world, principals={"groups": ["g2"]}))
    assert (await knock(here, altered(here, groups=groups))).status == status


async def test_an_allowed_identity_needs_no_group(here: Web) -> None:
    """Source: learn.microsoft.com/azure/app-service/configure-authentication-provider-aad (either suffices)."""
    oid = here.world.entra.verify(here.token())["oid"]
    await here.put_auth(closed(here.world, principals={"identities": [oid], "groups": ["g2"]}))
    assert (await knock(here, here.token())).status == 200


async def test_an_allowed_identity_of_another_application_is_forbidden(here: Web) -> None:
    """Source: learn.microsoft.com/azure/app-service/configure-authentication-provider-aad (all checks must hold)."""
    oid = here.world.entra.verify(here.token(STRANGER))["oid"]
    await here.put_auth(closed(here.world, principals={"identities": [oid]}))
    assert (await knock(here, here.token(STRANGER))).status == 403


@pytest.mark.parametrize(("tenants", "status"), [("{own}", 200), ("x,{own}", 200), ("x", 403)])
async def test_allowed_tenants_come_from_an_app_setting(here: Web, tenants: str, status: int) -> None:
    """Source: learn.microsoft.com/azure/app-service/configure-authentication-provider-aad."""
    here.site.app_settings["WEBSITE_AUTH_AAD_ALLOWED_TENANTS"] = tenants.format(own=here.world.tenant_id)
    assert (await knock(here, here.token())).status == status


@pytest.mark.parametrize(("value", "status"), [("true", 403), ("1", 403), ("false", 200)])
async def test_an_app_setting_asks_for_a_service_principal(here: Web, value: str, status: int) -> None:
    """Source: learn.microsoft.com/azure/app-service/configure-authentication-provider-aad."""
    here.site.app_settings["WEBSITE_AUTH_AAD_REQUIRE_CLIENT_SERVICE_PRINCIPAL"] = value
    assert (await knock(here, altered(here, oid=None))).status == status


async def test_roles_are_not_looked_at(here: Web) -> None:
    """Source: learn.microsoft.com/azure/app-service/configure-authentication-provider-aad."""
    assert (await knock(here, altered(here, roles=["Anything"]))).status == 200


async def test_an_allow_list_that_changes_works_at_once_with_the_same_token(here: Web) -> None:
    """Source: learn.microsoft.com/entra/identity/managed-identities-azure-resources (authorise at the resource)."""
    token = here.token()
    before = await knock(here, token)
    await here.put_auth(closed(here.world, applications=[STRANGER]))
    assert (before.status, (await knock(here, token)).status) == (200, 403)


# What the unauthenticated are told


@pytest.mark.parametrize(("action", "status"), [("Return401", 401), ("Return403", 403), ("AllowAnonymous", 200)])
@pytest.mark.parametrize("token", ["", "bad"])
async def test_the_action_decides_what_callers_without_a_good_token_get(
    here: Web, action: str, status: int, token: str
) -> None:
    """Source: learn.microsoft.com/azure/app-service/overview-authentication-authorization (authorization behaviour)."""
    await here.put_auth(closed(here.world, action=action))
    answer = await knock(here, token)
    assert answer.status == status
    assert status == 200 or answer.body.decode() == NO_PERMISSION


async def test_a_404_can_be_asked_for() -> None:
    """Assumed: the portal offers it, the literal is published nowhere."""
    async with web(check_contracts=False) as here:
        await here.put_auth(closed(here.world, action="Return404"))
        assert (await knock(here)).status == 404


async def test_a_browser_is_led_to_the_login_page(here: Web) -> None:
    """Source: learn.microsoft.com/azure/app-service/overview-authentication-authorization."""
    await here.put_auth(closed(here.world, action="RedirectToLoginPage"))
    answer = await here.call("/v1/ping?a=b", headers=BROWSER)
    assert answer.status == 302
    assert answer.headers["Location"].startswith(f"https://{HOST}/.auth/login/aad?post_login_redirect_uri=%2Fv1%2Fping")


async def test_what_is_no_browser_gets_401_instead_of_the_login_page(here: Web) -> None:
    """
    Source: learn.microsoft.com/azure/app-service/overview-authentication-authorization.

    Assumed: what a browser is told by.
    """
    await here.put_auth(closed(here.world, action="RedirectToLoginPage"))
    assert (await knock(here)).status == 401


async def test_the_login_page_leads_to_entra(here: Web) -> None:
    """Source: learn.microsoft.com/azure/app-service/configure-authentication-customize-sign-in-out."""
    answer = await here.call("/.auth/login/aad", headers=BROWSER)
    assert answer.status == 302
    assert answer.headers["Location"].startswith(f"https://login.microsoftonline.com/{here.world.tenant_id}/")


async def test_authentication_that_is_not_required_lets_anonymous_requests_through(here: Web) -> None:
    """Source: learn.microsoft.com/rest/api/appservice/web-apps/update-auth-settings-v2 (requireAuthentication)."""
    await here.put_auth(closed(here.world, required=False))
    answer = await knock(here)
    assert (answer.status, answer.data()["claims"]) == (200, None)


async def test_a_valid_token_of_a_stranger_is_forbidden_even_where_anonymous_requests_pass(here: Web) -> None:
    """Source: pnp/Microsoft365-Analytics-Insights tracker (valid tokens 403, bad ones anonymous)."""
    await here.put_auth(closed(here.world, action="AllowAnonymous"))
    stranger, bad = await knock(here, here.token(STRANGER)), await knock(here, "bad")
    assert (stranger.status, bad.status) == (403, 200)


@pytest.mark.parametrize("disabled", [False, True])
async def test_a_401_challenges_unless_told_not_to(here: Web, disabled: bool) -> None:
    """
    Source: learn.microsoft.com/rest/api/appservice/web-apps/update-auth-settings-v2 (disableWWWAuthenticate).

    Assumed: the text of the header.
    """
    settings = closed(here.world)
    settings["identityProviders"]["azureActiveDirectory"]["login"] = {"disableWWWAuthenticate": disabled}
    await here.put_auth(settings)
    assert ("WWW-Authenticate" in (await knock(here)).headers) is not disabled


# Paths


@pytest.mark.parametrize(
    ("rule", "path", "status"),
    [
        ("prefix", "/v1/ping", 200),
        ("prefix", "/V1/Ping", 200),
        ("prefix", "/v1/pin", 401),
        ("exact", "/v1/ping", 200),
        ("exact", "/v1/files/x", 401),
        ("prefix", "/v1/files/x", 200),
        ("prefix", "/v1/filesystem", 401),
    ],
)
async def test_excluded_paths_are_open_by_a_rule_that_is_a_switch(here: Web, rule: Any, path: str, status: int) -> None:
    """Assumed either way: how a path is compared is published nowhere."""
    here.switches.easy_auth_excluded_paths = rule
    await here.put_auth(closed(here.world, excluded=["/v1/ping", "/v1/files"]))
    assert (await knock(here, path=path)).status == status


async def test_webhooks_of_extensions_are_behind_the_door_too(here: Web) -> None:
    """Source: Azure/azure-functions-host tracker (Easy Auth covers the whole site)."""
    assert (await knock(here, path="/runtime/webhooks/durabletask")).status == 401


async def test_admin_is_left_to_the_functions_host(here: Web) -> None:
    """Source: Azure/azure-functions-ux tracker."""
    answer = await here.call("/admin/host/status", key=here.site.keys.master)
    assert answer.status == 200


@pytest.mark.parametrize("prefix", [None, "/door"])
async def test_the_version_of_the_middleware_is_told_to_everybody(here: Web, prefix: str | None) -> None:
    """Source: learn.microsoft.com/azure/app-service/configure-authentication-api-version."""
    http = {} if prefix is None else {"httpSettings": {"routes": {"apiPrefix": prefix}}}
    await here.put_auth(closed(here.world) | http)
    answer = await knock(here, path=f"{prefix or '/.auth'}/version")
    assert answer.status == 200
    assert answer.body.decode().count(".") == 3


async def test_a_version_of_the_middleware_that_is_named_exactly_is_the_one_that_runs(here: Web) -> None:
    """Source: learn.microsoft.com/azure/app-service/configure-authentication-api-version (pinning a version)."""
    settings = closed(here.world)
    settings["platform"] |= {"runtimeVersion": "1.4.0"}
    await here.put_auth(settings)
    assert (await knock(here, path="/.auth/version")).body == b"1.4.0"


@pytest.mark.assumed
@pytest.mark.parametrize("path", ["/.auth/me", "/.auth/refresh"])
async def test_without_a_session_there_is_nobody_to_tell_of(here: Web, path: str) -> None:
    """Source: learn.microsoft.com/azure/app-service/configure-authentication-oauth-tokens. Assumed: tokens too."""
    assert ((await knock(here, path=path)).status, (await knock(here, here.token(), path=path)).status) == (401, 401)


async def test_signing_out_leads_to_a_page_of_the_middleware_or_where_it_is_told(here: Web) -> None:
    """Source: learn.microsoft.com/azure/app-service/configure-authentication-customize-sign-in-out (sign out)."""
    out = await knock(here, path="/.auth/logout")
    elsewhere = await knock(here, path="/.auth/logout?post_logout_redirect_uri=/bye")
    assert (out.status, out.headers["Location"]) == (302, f"https://{HOST}/.auth/logout/done")
    assert (elsewhere.status, elsewhere.headers["Location"]) == (302, "/bye")
    assert (await knock(here, path="/.auth/logout/done")).status == 200


@pytest.mark.parametrize("path", ["/.auth/login/aad/callback", "/.auth/login/github", "/.auth/login/aad"])
async def test_what_would_start_a_session_is_refused_loudly(here: Web, path: str) -> None:
    """No Azure behaviour: an exchange of tokens is not simulated, and says so where everybody looks."""
    assert (await here.call(path, method="POST")).status == 501
    assert here.world.missing == {f"POST {path}: Easy Auth": 1}


async def test_a_browser_is_led_to_the_provider_that_is_named(here: Web) -> None:
    """Source: REST reference, "Web Apps - Update Auth Settings V2" (`redirectToProvider`)."""
    settings = closed(here.world, action="RedirectToLoginPage")
    settings["globalValidation"] |= {"redirectToProvider": "github"}
    await here.put_auth(settings)
    answer = await here.call(PING, headers=BROWSER)
    assert answer.headers["Location"].startswith(f"https://{HOST}/.auth/login/github?")


@pytest.mark.parametrize(("https_only", "status"), [(True, 302), (False, 401)])
async def test_plain_http_is_sent_to_https_unless_told_not_to(here: Web, https_only: bool, status: int) -> None:
    """
    Source: learn.microsoft.com/azure/app-service/overview-authentication-authorization.

    The simulator speaks https only, so plain http is seen where a proxy that is trusted says so.
    """
    http = {"requireHttps": https_only, "forwardProxy": {"convention": "Standard"}}
    await here.put_auth(closed(here.world) | {"httpSettings": http})
    answer = await knock(here, X_Forwarded_Proto="http")
    assert answer.status == status
    assert not https_only or answer.headers["Location"] == f"https://{HOST}{PING}"


async def test_a_proxy_may_say_what_is_https_in_a_header_of_its_own(here: Web) -> None:
    """Source: REST reference, "Web Apps - Update Auth Settings V2" (`forwardProxy`, `customProtoHeaderName`)."""
    proxy = {"convention": "Custom", "customProtoHeaderName": "X-Edge-Proto"}
    await here.put_auth(closed(here.world) | {"httpSettings": {"requireHttps": True, "forwardProxy": proxy}})
    assert (await knock(here, X_Edge_Proto="http")).status == 302
    assert (await knock(here, X_Forwarded_Proto="http")).status == 401


async def test_a_proxy_that_is_not_trusted_does_not_say_what_is_https(here: Web) -> None:
    """Source: learn.microsoft.com/azure/app-service/overview-authentication-authorization (forwardProxy)."""
    assert (await knock(here, here.token(), X_Forwarded_Proto="http")).status == 200


# What the app is told


async def test_the_app_is_told_who_calls(here: Web) -> None:
    """Source: learn.microsoft.com/azure/app-service/configure-authentication-user-identities."""
    shown = (await knock(here, here.token())).data()["headers"]
    principal = json.loads(base64.b64decode(shown["x-ms-client-principal"]))
    oid = here.world.entra.verify(here.token())["oid"]
    assert (shown["x-ms-client-principal-id"], shown["x-ms-client-principal-idp"]) == (oid, "aad")
    assert principal["auth_typ"] == "aad"
    assert {"typ": "azp", "val": CALLER} in principal["claims"]


async def test_an_app_has_no_name_in_its_principal(here: Web) -> None:
    """Source: learn.microsoft.com/entra/identity-platform/access-token-claims-reference (app-only tokens)."""
    assert "x-ms-client-principal-name" not in (await knock(here, here.token())).data()["headers"]


@pytest.mark.parametrize("good", [True, False])
async def test_headers_that_a_caller_made_up_do_not_arrive(here: Web, good: bool) -> None:
    """Source: learn.microsoft.com/azure/app-service/configure-authentication-user-identities."""
    await here.put_auth(closed(here.world, action="AllowAnonymous"))
    forged = {
        "X_MS_CLIENT_PRINCIPAL_NAME": "admin",
        "X_MS_CLIENT_PRINCIPAL_ID": "forged",
        "X_MS_TOKEN_AAD_ID_TOKEN": "x",
    }
    shown = (await knock(here, here.token() if good else "", **forged)).data()["headers"]
    assert "x-ms-client-principal-name" not in shown
    assert "x-ms-token-aad-id-token" not in shown
    assert shown.get("x-ms-client-principal-id") != "forged"
