"""
What somebody changes by hand in Azure is found, named and mended in one pass.

Every call is a real one; whether calls keep to the published contracts is held in test_main_job.py and where no fixture
says otherwise.
"""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import pytest

from azuresim.msi import add_user_identity
from azuresim.policy.text import read, write
from funcgate.spec import Binding
from integration.azure_stage import BOTH, CALLER, NAMED, SYSTEM, Stage, changed_fields, on_stage, outcome

AUTH = "config/authsettingsV2"
BACKEND = "backends/orders-fn"
POLICY = "apis/orders/policies/policy"
OTHER_TENANT = "99999999-0000-4000-8000-000000000009"


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    """The binding is settled."""
    async with on_stage(check_contracts=False) as stage:
        stage.give_identity(SYSTEM)
        await stage.settled()
        yield stage


@dataclass(frozen=True, kw_only=True)
class Drifted:
    """One change by hand, what the pass says it mended, and why it matters."""

    by_hand: Callable[[Stage], object]
    key: str
    fields: set[str]
    reason: str


# --- the changes


def re_create_the_identity(stage: Stage) -> None:
    stage.give_identity(None)
    stage.give_identity(SYSTEM)


def set_at(*path: str, to: object) -> Callable[[Stage], None]:
    """authsettingsV2 holds this value there."""

    def change(stage: Stage) -> None:
        place = stage.auth
        for name in path[:-1]:
            place = place.setdefault(name, {})
        place[path[-1]] = to

    return change


PROVIDER = ("identityProviders", "azureActiveDirectory")
APPLICATIONS = (*PROVIDER, "validation", "defaultAuthorizationPolicy", "allowedApplications")


def widen_the_allow_list(stage: Stage) -> None:
    stage.provider["validation"]["defaultAuthorizationPolicy"]["allowedApplications"].append(
        stage.team.stranger_client_id
    )


def allow_the_app_itself(stage: Stage) -> None:
    set_at(*APPLICATIONS, to=[stage.team.client_id])(stage)


def allow_only_a_stranger(stage: Stage) -> None:
    set_at(*APPLICATIONS, to=[stage.team.stranger_client_id])(stage)


def forget_the_allow_list(stage: Stage) -> None:
    del stage.provider["validation"]["defaultAuthorizationPolicy"]


def use_the_issuer_of_version_1(stage: Stage) -> None:
    set_at(*PROVIDER, "registration", "openIdIssuer", to=f"https://sts.windows.net/{stage.team.tenant_id}/")(stage)


def delete(what: Callable[[Stage], str]) -> Callable[[Stage], object]:
    return lambda stage: stage.world.arm.delete(what(stage))


def write_backend(**properties: object) -> Callable[[Stage], None]:
    def change(stage: Stage) -> None:
        stage.backend.update(properties)
        stage.world.arm.touch(stage.team.backend_id)

    return change


def edit_policy(before: str, after: str) -> Callable[[Stage], None]:
    """Somebody replaced this text in the policy editor."""

    def change(stage: Stage) -> None:
        text = write(read(stage.policy, raw=False), raw=True)
        assert before in text, text
        stage.put_policy(text.replace(before, after, 1))

    return change


def edit_statement(tag: str, after: str = "") -> Callable[[Stage], None]:
    """Somebody replaced the whole statement in inbound."""

    def change(stage: Stage) -> None:
        text = write(read(stage.policy, raw=False), raw=True)
        start = text.index(f"<{tag} ")
        end = text.index("</set-header>", start) + 13 if tag == "set-header" else text.index("/>", start) + 2
        stage.put_policy(text[:start] + after + text[end:])

    return change


def move_before_base(stage: Stage) -> None:
    text = write(read(stage.policy, raw=False), raw=True)
    start = text.index("<authentication-managed-identity")
    end = text.index("/>", start) + 2
    statement = text[start:end]
    stage.put_policy((text[:start] + text[end:]).replace("<base />", f"{statement}<base />", 1))


def route_elsewhere(stage: Stage) -> None:
    stage.world.arm.put(f"{stage.team.service_id}/backends/other", stage.world.arm.need(stage.team.backend_id).body)
    edit_policy('backend-id="orders-fn"', 'backend-id="other"')(stage)


def drop_base(section: str) -> Callable[[Stage], None]:
    def change(stage: Stage) -> None:
        text = write(read(stage.policy, raw=False), raw=True)
        start = text.index("<base />", text.index(f"<{section}>"))
        stage.put_policy(text[:start] + text[start + len("<base />") :])

    return change


TOKEN, HEADER, ROUTE = "authentication-managed-identity", "set-header", "set-backend-service"
ANOTHER_HEADER = '<set-header name="Authorization" exists-action="skip"><value>Basic Zm9v</value></set-header>'

DRIFTS = {
    # the identity
    "identity_removed": Drifted(
        by_hand=lambda stage: stage.give_identity(None),
        key="identity",
        fields={"assigned"},
        reason="the gateway gets no token and every call fails with 500",
    ),
    "identity_re_created": Drifted(
        by_hand=re_create_the_identity,
        key=AUTH,
        fields={"allowedApplications"},
        reason="a new identity has new ids, and the door knows the old ones",
    ),
    # the door
    "easy_auth_off": Drifted(
        by_hand=set_at("platform", "enabled", to=False),
        key=AUTH,
        fields={"enabled"},
        reason="the key alone opens the function",
    ),
    "settings_deleted": Drifted(
        by_hand=delete(lambda stage: f"{stage.team.site_id}/config/authsettingsV2"),
        key=AUTH,
        fields={
            "enabled",
            "requireAuthentication",
            "unauthenticatedClientAction",
            "providerEnabled",
            "clientId",
            "issuer",
            "acceptsOurAudience",
            "allowedApplications",
        },
        reason="the key alone opens the function",
    ),
    "authentication_not_required": Drifted(
        by_hand=set_at("globalValidation", "requireAuthentication", to=False),
        key=AUTH,
        fields={"requireAuthentication"},
        reason="anonymous calls reach the function",
    ),
    "anonymous_allowed": Drifted(
        by_hand=set_at("globalValidation", "unauthenticatedClientAction", to="AllowAnonymous"),
        key=AUTH,
        fields={"unauthenticatedClientAction"},
        reason="anonymous calls reach the function",
    ),
    "redirect_to_login": Drifted(
        by_hand=set_at("globalValidation", "unauthenticatedClientAction", to="RedirectToLoginPage"),
        key=AUTH,
        fields={"unauthenticatedClientAction"},
        reason="a machine that is told to log in takes the page for an answer",
    ),
    "provider_off": Drifted(
        by_hand=set_at(*PROVIDER, "enabled", to=False),
        key=AUTH,
        fields={"providerEnabled"},
        reason="nobody's token is accepted, ours neither",
    ),
    "allow_list_emptied": Drifted(
        by_hand=set_at(*APPLICATIONS, to=[]),
        key=AUTH,
        fields={"allowedApplications"},
        reason="an empty list lets every application of the tenant in",
    ),
    "allow_list_gone": Drifted(
        by_hand=forget_the_allow_list,
        key=AUTH,
        fields={"allowedApplications"},
        reason="no list lets every application of the tenant in",
    ),
    "allow_list_widened": Drifted(
        by_hand=widen_the_allow_list,
        key=AUTH,
        fields={"allowedApplications"},
        reason="an application that the manifest does not name comes in",
    ),
    "allow_list_replaced": Drifted(
        by_hand=allow_only_a_stranger,
        key=AUTH,
        fields={"allowedApplications"},
        reason="somebody else comes in and API Management does not",
    ),
    "allow_list_names_the_app_itself": Drifted(
        by_hand=allow_the_app_itself,
        key=AUTH,
        fields={"allowedApplications"},
        reason="the portal offers the app's own registration, which is not the caller",
    ),
    "issuer_of_the_other_version": Drifted(
        by_hand=use_the_issuer_of_version_1,
        key=AUTH,
        fields={"issuer"},
        reason="tokens of version 2 are refused by an issuer of version 1",
    ),
    "issuer_of_another_tenant": Drifted(
        by_hand=set_at(
            *PROVIDER, "registration", "openIdIssuer", to=f"https://login.microsoftonline.com/{OTHER_TENANT}/v2.0"
        ),
        key=AUTH,
        fields={"issuer"},
        reason="another tenant's tokens would be accepted",
    ),
    "issuer_gone": Drifted(
        by_hand=set_at(*PROVIDER, "registration", "openIdIssuer", to=None),
        key=AUTH,
        fields={"issuer"},
        reason="nobody's token is accepted",
    ),
    "audience_removed": Drifted(
        by_hand=set_at(*PROVIDER, "validation", "allowedAudiences", to=["api://somebody-else"]),
        key=AUTH,
        fields={"acceptsOurAudience"},
        reason="the audience of our token shall be accepted by name, not by Easy Auth's grace",
    ),
    "another_registration": Drifted(
        by_hand=set_at(*PROVIDER, "registration", "clientId", to="77777777-0000-4000-8000-000000000007"),
        key=AUTH,
        fields={"clientId"},
        reason="the door trusts tokens for another application",
    ),
    # the backend
    "backend_url": Drifted(
        by_hand=write_backend(url="https://attacker.example.com/v1"),
        key=BACKEND,
        fields={"url"},
        reason="our tokens would be sent to somebody else",
    ),
    "backend_prefix": Drifted(
        by_hand=lambda stage: write_backend(url=f"https://{stage.team.site_host}/api")(stage),
        key=BACKEND,
        fields={"url"},
        reason="no function answers below another prefix",
    ),
    "backend_header_removed": Drifted(
        by_hand=write_backend(credentials={"header": {}}),
        key=BACKEND,
        fields={"key"},
        reason="the function asks for a key that is no longer sent",
    ),
    "backend_header_literal": Drifted(
        by_hand=write_backend(credentials={"header": {"X-Functions-Key": ["a-key-in-the-open"]}}),
        key=BACKEND,
        fields={"key"},
        reason="a key in a backend is readable by whoever reads backends",
    ),
    "backend_mark_removed": Drifted(
        by_hand=write_backend(description="orders-fn"),
        key=BACKEND,
        fields={"mark"},
        reason="nobody could tell whose backend this is",
    ),
    "backend_deleted": Drifted(
        by_hand=delete(lambda stage: stage.team.backend_id),
        key=BACKEND,
        fields={"url", "key"},
        reason="the policy routes to nowhere",
    ),
    # the policy
    "policy_deleted": Drifted(
        by_hand=delete(lambda stage: stage.policy_id),
        key=POLICY,
        fields={"resource", "backendId", "owner"},
        reason="no token is sent",
    ),
    "token_removed": Drifted(
        by_hand=edit_statement(TOKEN), key=POLICY, fields={"problems"}, reason="the header's expression fails with 500"
    ),
    "token_for_another_resource": Drifted(
        by_hand=edit_policy(
            'resource="aaaaaaaa-0000-4000-8000-000000000001"', 'resource="https://graph.microsoft.com"'
        ),
        key=POLICY,
        fields={"resource"},
        reason="a token for something more powerful would be sent to the function",
    ),
    "token_errors_ignored": Drifted(
        by_hand=edit_policy('ignore-error="false"', 'ignore-error="true"'),
        key=POLICY,
        fields={"problems"},
        reason="calls would go out without a token",
    ),
    "token_in_another_variable": Drifted(
        by_hand=edit_policy('output-token-variable-name="msi-access-token"', 'output-token-variable-name="token"'),
        key=POLICY,
        fields={"problems"},
        reason="the header's expression fails with 500",
    ),
    "token_of_a_named_identity": Drifted(
        by_hand=edit_policy(
            "<authentication-managed-identity ", f'<authentication-managed-identity client-id="{OTHER_TENANT}" '
        ),
        key=POLICY,
        fields={"identityClientId"},
        reason="another identity's token would be taken",
    ),
    "header_removed": Drifted(
        by_hand=edit_statement(HEADER), key=POLICY, fields={"problems"}, reason="the token is taken and not sent"
    ),
    "header_changed": Drifted(
        by_hand=edit_statement(HEADER, ANOTHER_HEADER),
        key=POLICY,
        fields={"problems"},
        reason="something else than our token is sent",
    ),
    "header_kept_if_sent": Drifted(
        by_hand=edit_policy('exists-action="override"', 'exists-action="skip"'),
        key=POLICY,
        fields={"problems"},
        reason="the caller's own token would be sent instead of ours",
    ),
    "route_removed": Drifted(
        by_hand=edit_statement(ROUTE),
        key=POLICY,
        fields={"backendId"},
        reason="calls go where operations say, if they do",
    ),
    "route_changed": Drifted(
        by_hand=route_elsewhere,
        key=POLICY,
        fields={"backendId"},
        reason="our token would be sent to another backend",
    ),
    "moved_before_base": Drifted(
        by_hand=move_before_base,
        key=POLICY,
        fields={"problems"},
        reason="the token is taken before the caller is judged",
    ),
    **{
        f"base_missing_in_{section}": Drifted(
            by_hand=drop_base(section),
            key=POLICY,
            fields={"problems"},
            reason="what the outer scopes say no longer applies",
        )
        for section in ("inbound", "backend", "outbound", "on-error")
    },
    "mark_removed": Drifted(
        by_hand=edit_policy(" funcgate: owner=prod/shop/orders ", " a comment "),
        key=POLICY,
        fields={"owner"},
        reason="nobody could tell whose statements these are",
    ),
}


@pytest.mark.parametrize("drifted", DRIFTS.values(), ids=DRIFTS)
async def test_a_change_by_hand_is_undone_in_one_pass(stage: Stage, drifted: Drifted) -> None:
    drifted.by_hand(stage)

    done = await stage.settled()

    fields = changed_fields(done)
    assert drifted.fields <= fields[drifted.key], drifted.reason
    assert fields.keys() <= {drifted.key, AUTH if drifted.key == "identity" else drifted.key}
    assert (await stage.through_the_gateway()).status == 200, drifted.reason
    assert stage.door_is_closed(), drifted.reason
    assert (await stage.settled()).changes == ()


async def test_a_named_identity_that_was_detached_is_attached_again() -> None:
    async with on_stage() as stage:
        stage.add_identities()
        stage.give_identity(BOTH)
        named = stage.binding(identity=NAMED)
        await stage.settled(named)
        stage.give_identity(BOTH)

        done = await stage.settled(named)

        assert changed_fields(done) == {"identity": {"assigned"}}
        assert CALLER in stage.service.body["identity"]["userAssignedIdentities"]
        assert (await stage.through_the_gateway()).status == 200


async def test_a_named_identity_that_was_made_anew_is_attached_once_the_former_one_is_detached() -> None:
    async with on_stage(check_contracts=False) as stage:
        stage.add_identities()
        named = stage.binding(identity=NAMED)
        await stage.settled(named)
        stage.world.arm.delete(CALLER)
        add_user_identity(stage.world, CALLER)

        done = await stage.reconcile(named)
        assert outcome(done, "IdentityReady").reason == "IdentityReplaced"
        assert stage.writes() == []
        stage.give_identity(None)
        await stage.settled(named)

        assert (await stage.through_the_gateway()).status == 200
        assert stage.door_is_closed()


async def test_several_changes_by_hand_are_undone_in_one_pass() -> None:
    async with on_stage() as stage:
        await stage.settled()
        set_at("platform", "enabled", to=False)(stage)
        write_backend(url="https://attacker.example.com/v1")(stage)
        stage.world.arm.delete(stage.policy_id)
        stage.give_identity(None)

        done = await stage.settled()

        assert changed_fields(done).keys() == {"identity", BACKEND, POLICY, AUTH}
        assert (await stage.through_the_gateway()).status == 200
        assert stage.door_is_closed()
        assert (await stage.settled()).changes == ()


# --- what only looks different


def shuffle_the_policy(stage: Stage) -> None:
    """The same statements, with attributes in another order, defaults left out and white space of a person's taste."""
    text = write(read(stage.policy, raw=False), raw=True)
    text = text.replace(' ignore-error="false"', "").replace(' exists-action="override"', "").replace("\t", "      ")
    stage.put_policy(text)


def spell_the_issuer_otherwise(stage: Stage) -> None:
    stage.provider["registration"]["openIdIssuer"] += "/"


def write_ids_in_capitals(stage: Stage) -> None:
    applications = stage.provider["validation"]["defaultAuthorizationPolicy"]["allowedApplications"]
    applications[:] = [each.upper() for each in applications]
    stage.provider["registration"]["clientId"] = stage.team.client_id.upper()


def add_an_audience(stage: Stage) -> None:
    stage.provider["validation"]["allowedAudiences"].append(f"api://{stage.team.client_id}")


def set_what_is_not_ours(stage: Stage) -> None:
    stage.auth["login"] = {"tokenStore": {"enabled": True}}
    write_backend(title="Orders", url=f"{stage.backend['url']}/")(stage)
    edit_policy("<base />", '<base /><set-header name="x-team"><value>blue</value></set-header>')(stage)


@pytest.mark.parametrize(
    "by_hand",
    [shuffle_the_policy, spell_the_issuer_otherwise, write_ids_in_capitals, add_an_audience, set_what_is_not_ours],
)
async def test_what_means_the_same_or_is_not_ours_is_left_as_it_is(
    stage: Stage, by_hand: Callable[[Stage], None]
) -> None:
    by_hand(stage)

    done = await stage.settled()

    assert stage.writes() == []
    assert done.changes == ()


# --- what cannot be mended


def foreign_mark(stage: Stage) -> None:
    write_backend(description="orders-fn [funcgate owner=prod/shop/somebody-else adopted]", url="https://x.example")(
        stage
    )


ELSEWHERE = '<set-backend-service base-url="https://elsewhere.example" />'


HOLES = {
    "excluded_paths": (set_at("globalValidation", "excludedPaths", to=["/v1"]), "EasyAuthReady", "ExcludedPaths"),
    "another_provider": (
        set_at("identityProviders", "gitHub", to={"enabled": True, "registration": {"clientId": "x"}}),
        "EasyAuthReady",
        "OtherProviderEnabled",
    ),
    "another_principal": (
        set_at(
            *PROVIDER, "validation", "defaultAuthorizationPolicy", "allowedPrincipals", "identities", to=[OTHER_TENANT]
        ),
        "EasyAuthReady",
        "PrincipalNotAllowed",
    ),
    "another_client": (
        set_at(*PROVIDER, "validation", "jwtClaimChecks", "allowedClientApplications", to=[OTHER_TENANT]),
        "EasyAuthReady",
        "ClientNotAllowed",
    ),
    "foreign_backend": (foreign_mark, "BackendReady", "Conflict"),
    "contradicting_route": (edit_policy("<base />", f"<base />{ELSEWHERE}"), "PolicyReady", "PolicyContradicted"),
}


@pytest.mark.parametrize(("by_hand", "condition", "reason"), HOLES.values(), ids=HOLES)
async def test_what_others_must_mend_stops_ready_and_waits_for_them(
    stage: Stage, by_hand: Callable[[Stage], None], condition: str, reason: str
) -> None:
    by_hand(stage)

    done = await stage.reconcile()

    found = outcome(done, condition)
    assert (found.status, found.reason, found.stalled) == ("False", reason, True)
    assert done.conditions[0].status == "False"
    assert (await stage.reconcile()).changes == ()


def an_author_who_allows(stage: Stage, client_id: str) -> Binding:
    registration = {"type": "Existing", "clientId": stage.team.client_id}
    return stage.binding(entra={"registration": registration, "allow": {"clientIds": [client_id]}})


async def test_whom_the_author_no_longer_allows_loses_access(stage: Stage) -> None:
    await stage.settled(an_author_who_allows(stage, stage.team.stranger_client_id))
    assert not stage.door_is_closed()

    await stage.settled()

    assert stage.door_is_closed()
