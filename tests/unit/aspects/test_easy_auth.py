from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest

from builders import CLIENT_ID, IDENTITY_CLIENT_ID, PRINCIPAL_ID, SITE, TENANT, a_binding
from funcgate.aspects.easy_auth import EasyAuth
from funcgate.azure import Endpoints
from funcgate.azure.auth_settings import lay, read
from funcgate.engine import Outcome
from funcgate.model import Change, Facts, Phase
from funcgate.spec import Binding, Neighbour
from stubs import StubApim, StubFunctionApps, a_backend, run

OTHER_APP = "eeeeeeee-0000-4000-8000-000000000005"
ISSUER = f"https://login.microsoftonline.com/{TENANT}/v2.0"
FACTS: dict[str, Any] = {
    "client_id": CLIENT_ID,
    "token_version": 2,
    "tenant_id": TENANT,
    "identity_client_id": IDENTITY_CLIENT_ID,
    "principal_id": PRINCIPAL_ID,
    "host_name": "orders-abc.azurewebsites.net",
    "webhooks": (),
    "sends_token": True,
    "marked": True,
}
CLOSED: dict[str, Any] = {
    "platform": {"enabled": True, "runtimeVersion": "~1"},
    "globalValidation": {"requireAuthentication": True, "unauthenticatedClientAction": "Return401"},
    "identityProviders": {
        "azureActiveDirectory": {
            "enabled": True,
            "registration": {"clientId": CLIENT_ID, "openIdIssuer": ISSUER},
            "validation": {
                "allowedAudiences": [CLIENT_ID],
                "defaultAuthorizationPolicy": {"allowedApplications": [IDENTITY_CLIENT_ID]},
            },
        }
    },
    "login": {"tokenStore": {"enabled": False}},
}


def closed(**leaves: Any) -> dict[str, Any]:
    """The closed door, with leaves replaced; a leaf's path is joined by two underscores."""
    document = deepcopy(CLOSED)
    for path, value in leaves.items():
        *parents, leaf = path.split("__")
        node = document
        for parent in parents:
            node = node.setdefault(parent, {})
        node[leaf] = value
    return document


PROVIDER = "identityProviders__azureActiveDirectory"
POLICY = f"{PROVIDER}__validation__defaultAuthorizationPolicy"


async def reconcile(apps: StubFunctionApps, binding: Binding | None = None, **facts: Any) -> Outcome:
    aspect = EasyAuth(apps, StubApim(backends=BACKENDS), Endpoints())
    outcome, _ = await run(aspect, binding or a_binding(), **(FACTS | facts))
    return outcome


BACKENDS = {
    "orders-fn": a_backend(),
    "billing": a_backend(name="billing"),
    "else": a_backend(name="else", url="https://elsewhere.example"),
}


async def test_an_open_door_is_closed_with_one_write() -> None:
    apps = StubFunctionApps()
    outcome = await reconcile(apps, sends_token=False, marked=False)
    assert (outcome.true, len(apps.written)) == (True, 1)
    assert read(apps.auth) == read(CLOSED)
    assert outcome.message.startswith(f"Only tokens for {CLIENT_ID} from the allowed applications come in")


async def test_a_closed_door_is_left_alone() -> None:
    apps = StubFunctionApps(auth=closed())
    assert ((await reconcile(apps)).true, apps.written) == (True, [])


@pytest.mark.parametrize(
    ("leaf", "value", "field"),
    [
        ("platform__enabled", False, "enabled"),
        ("globalValidation__requireAuthentication", False, "requireAuthentication"),
        ("globalValidation__unauthenticatedClientAction", "AllowAnonymous", "unauthenticatedClientAction"),
        (f"{PROVIDER}__enabled", False, "providerEnabled"),
        (f"{PROVIDER}__registration__clientId", OTHER_APP, "clientId"),
        (f"{PROVIDER}__registration__openIdIssuer", f"https://sts.windows.net/{TENANT}/", "issuer"),
        (f"{PROVIDER}__validation__allowedAudiences", ["api://other"], "acceptsOurAudience"),
        (f"{POLICY}__allowedApplications", [], "allowedApplications"),
        (f"{POLICY}__allowedApplications", [IDENTITY_CLIENT_ID, OTHER_APP], "allowedApplications"),
        (f"{POLICY}__allowedApplications", None, "allowedApplications"),
    ],
)
async def test_drift_is_found_by_field_and_mended(leaf: str, value: Any, field: str) -> None:
    apps = StubFunctionApps(auth=closed(**{leaf: value}))
    outcome = await reconcile(apps)
    assert field in {drift.field for write in outcome.changes for drift in write.drifts}
    assert (outcome.true, read(apps.auth)) == (True, read(CLOSED))


@pytest.mark.parametrize(
    ("leaf", "value", "reason"),
    [
        (f"{PROVIDER}__registration__clientId", CLIENT_ID.upper(), "client ids have no case"),
        (f"{POLICY}__allowedApplications", [IDENTITY_CLIENT_ID.upper()], "client ids have no case"),
        (f"{PROVIDER}__registration__openIdIssuer", f"{ISSUER}/", "a trailing slash"),
        (f"{PROVIDER}__validation__allowedAudiences", ["api://x", CLIENT_ID], "other audiences are others'"),
        (f"{PROVIDER}__enabled", None, "a registered provider is on unless it says no"),
        ("login__cookieExpiration", {"convention": "FixedTime"}, "other settings are others'"),
    ],
)
async def test_what_means_the_same_is_no_drift(leaf: str, value: Any, reason: str) -> None:
    apps = StubFunctionApps(auth=closed(**{leaf: value}))
    assert ((await reconcile(apps)).true, apps.written) == (True, []), reason


async def test_everything_else_in_the_document_stays_as_it_was() -> None:
    before = {
        "platform": {"enabled": False, "runtimeVersion": "~2"},
        "identityProviders": {"azureActiveDirectory": {"login": {"loginParameters": ["a=b"]}, "registration": None}},
        "login": {"tokenStore": {"enabled": True}},
        "surprise": {"kept": True},
    }
    after = lay(before, read(CLOSED))
    assert (after["surprise"], after["login"]) == ({"kept": True}, {"tokenStore": {"enabled": True}})
    assert after["platform"] == {"enabled": True, "runtimeVersion": "~2"}
    assert after["identityProviders"]["azureActiveDirectory"]["login"] == {"loginParameters": ["a=b"]}
    assert before["platform"]["enabled"] is False


def test_what_is_absent_and_has_a_default_stays_absent_while_a_newcomer_is_admitted() -> None:
    before = closed(**{f"{PROVIDER}__registration": {"clientId": CLIENT_ID}})
    del before["globalValidation"]["unauthenticatedClientAction"]
    del before["identityProviders"]["azureActiveDirectory"]["validation"]["defaultAuthorizationPolicy"]
    assert lay(before, read(before)) == before


def test_audiences_of_others_are_kept_beside_ours() -> None:
    before = closed(**{f"{PROVIDER}__validation__allowedAudiences": ["api://x"]})
    after = lay(before, read(CLOSED))
    assert after["identityProviders"]["azureActiveDirectory"]["validation"]["allowedAudiences"] == [
        "api://x",
        CLIENT_ID,
    ]


async def test_a_version_1_registration_has_the_version_1_issuer() -> None:
    apps = StubFunctionApps()
    await reconcile(apps, token_version=1)
    assert read(apps.auth).issuer == f"https://sts.windows.net/{TENANT}/"


async def test_file_based_settings_are_not_fought_with() -> None:
    apps = StubFunctionApps(auth=closed(platform__configFilePath="auth.json"))
    outcome = await reconcile(apps)
    assert (outcome.reason, outcome.stalled, apps.written) == ("FileBasedAuth", True, [])


@pytest.mark.parametrize(
    ("leaf", "value", "reason"),
    [
        ("globalValidation__excludedPaths", ["/open"], "ExcludedPaths"),
        ("identityProviders__google", {"enabled": True, "registration": {"clientId": "x"}}, "OtherProviderEnabled"),
        ("identityProviders__gitHub", {"registration": {"clientId": "x"}}, "OtherProviderEnabled"),
        (
            "identityProviders__customOpenIdConnectProviders",
            {"own": {"registration": {"clientId": "x"}}},
            "OtherProviderEnabled",
        ),
        (f"{POLICY}__allowedPrincipals", {"identities": ["somebody"]}, "PrincipalNotAllowed"),
        (f"{PROVIDER}__validation__jwtClaimChecks", {"allowedClientApplications": [OTHER_APP]}, "ClientNotAllowed"),
    ],
)
async def test_holes_and_closed_doors_that_others_made_are_reported(leaf: str, value: Any, reason: str) -> None:
    apps = StubFunctionApps(auth=closed(**{leaf: value}))
    outcome = await reconcile(apps)
    assert (outcome.status, outcome.reason, outcome.stalled, apps.written) == ("False", reason, True, [])


@pytest.mark.parametrize(
    ("leaf", "value"),
    [
        ("identityProviders__google", {"enabled": False}),
        ("identityProviders__twitter", {"enabled": True, "registration": {}}),
        ("identityProviders__apple", {"enabled": True}),
        ("identityProviders__gitHub", {"enabled": False, "registration": {"clientId": "x"}}),
        ("identityProviders__facebook", None),
        ("identityProviders__customOpenIdConnectProviders", {"own": None}),
        ("identityProviders__customOpenIdConnectProviders", None),
        (f"{POLICY}__allowedPrincipals", {"identities": [PRINCIPAL_ID]}),
        (f"{PROVIDER}__validation__jwtClaimChecks", {"allowedClientApplications": [IDENTITY_CLIENT_ID]}),
    ],
)
async def test_settings_of_others_that_harm_nobody_are_fine(leaf: str, value: Any) -> None:
    assert (await reconcile(StubFunctionApps(auth=closed(**{leaf: value})))).true


async def test_the_applications_of_the_spec_may_call_too() -> None:
    entra = {
        "registration": {"type": "Existing", "clientId": CLIENT_ID},
        "allow": {"clientIds": [OTHER_APP]},
    }
    apps = StubFunctionApps()
    await reconcile(apps, a_binding(entra=entra))
    assert read(apps.auth).allowed_applications == {IDENTITY_CLIENT_ID, OTHER_APP}


async def test_the_door_is_one_for_all_bindings_of_the_app() -> None:
    neighbour = Neighbour(name="shop/billing", older=True, client_id=CLIENT_ID, allowed=frozenset({OTHER_APP}))
    apps = StubFunctionApps()
    await reconcile(apps, a_binding(neighbours=(neighbour,)))
    assert read(apps.auth).allowed_applications == {IDENTITY_CLIENT_ID, OTHER_APP}


@pytest.mark.parametrize(("older", "reason"), [(True, "Conflict"), (False, "InSync")])
async def test_of_two_registrations_before_one_app_the_older_bindings_wins(older: bool, reason: str) -> None:
    neighbour = Neighbour(name="shop/billing", older=older, client_id=OTHER_APP, allowed=frozenset({OTHER_APP}))
    apps = StubFunctionApps()
    assert (await reconcile(apps, a_binding(neighbours=(neighbour,)))).reason == reason
    assert bool(apps.written) is not older


@pytest.mark.parametrize(
    ("auth", "facts", "victims"),
    [
        ({"platform": {"enabled": False}}, {}, ["backend billing"]),
        ({"platform": {"enabled": False}}, {"webhooks": ("OnBlob",)}, ["backend billing", "function OnBlob"]),
        (closed(**{f"{POLICY}__allowedApplications": [OTHER_APP]}), {}, [f"application {OTHER_APP}"]),
        (closed(globalValidation__unauthenticatedClientAction="RedirectToLoginPage"), {}, ["people who sign in"]),
    ],
)
async def test_a_first_write_that_would_cut_somebody_off_waits_for_adopt(
    auth: dict[str, Any], facts: dict[str, Any], victims: list[str]
) -> None:
    apps = StubFunctionApps(auth=auth)
    outcome = await reconcile(apps, a_binding(adopt=False), marked=False, **facts)
    assert (outcome.reason, outcome.stalled, apps.written) == ("WouldCutOff", True, [])
    assert all(victim in outcome.message for victim in victims)
    assert "else" not in outcome.message.replace("cut off", "")


@pytest.mark.parametrize("unknown", ["marked", "host_name", "webhooks"])
async def test_a_first_write_waits_until_it_is_known_whom_it_would_cut_off(unknown: str) -> None:
    apps = StubFunctionApps()
    outcome = await reconcile(apps, a_binding(adopt=False), **({"marked": False} | {unknown: None}))
    assert (outcome.status, outcome.reason, outcome.stalled, apps.written) == ("False", "DoorOpen", False, [])
    assert outcome.message.endswith("closing it waits until it is known whom closing the door would cut off")


async def test_an_open_door_that_has_to_wait_is_called_open() -> None:
    outcome = await reconcile(StubFunctionApps(), token_version=None)
    assert (outcome.status, outcome.reason) == ("False", "DoorOpen")
    assert outcome.message == (
        "the function app lets callers in without a token; closing it waits for the registration's token version, from "
        "GivenReady"
    )


async def test_a_closed_door_that_has_to_wait_just_waits() -> None:
    outcome = await reconcile(StubFunctionApps(auth=closed()), token_version=None)
    assert (outcome.status, outcome.reason) == ("Unknown", "Waiting")


async def test_a_backend_with_an_address_that_is_none_cuts_nobody_off() -> None:
    backends = {"broken": a_backend(name="broken", url="https://[x/")}
    aspect = EasyAuth(StubFunctionApps(), StubApim(backends=backends), Endpoints())
    outcome, _ = await run(aspect, a_binding(adopt=False), **(FACTS | {"marked": False}))
    assert outcome.true


async def test_whom_another_pass_removed_meanwhile_stays_out_when_we_are_admitted() -> None:
    apps = StubFunctionApps(auth=closed(**{f"{POLICY}__allowedApplications": [OTHER_APP]}))
    aspect = EasyAuth(apps, StubApim(), Endpoints())
    before = read(apps.auth)
    admits = replace(before, allowed_applications=frozenset({OTHER_APP, IDENTITY_CLIENT_ID}))
    apps.auth = closed(**{f"{POLICY}__allowedApplications": ["somebody-new"]})
    await aspect.apply(a_binding(), Change(key="x", before=before, after=admits))
    assert read(apps.auth).allowed_applications == {"somebody-new", IDENTITY_CLIENT_ID}


async def test_a_first_write_that_cuts_nobody_off_goes_ahead() -> None:
    apps = StubFunctionApps()
    outcome = await reconcile(apps, a_binding(adopt=False), marked=False, host_name="another.azurewebsites.net")
    assert (outcome.true, len(apps.written)) == (True, 1)


async def test_whoever_comes_in_later_by_hand_is_drift_even_without_adopt() -> None:
    apps = StubFunctionApps(auth=closed(**{f"{POLICY}__allowedApplications": [IDENTITY_CLIENT_ID, OTHER_APP]}))
    assert (await reconcile(apps, a_binding(adopt=False))).true
    assert read(apps.auth).allowed_applications == {IDENTITY_CLIENT_ID}


def stages(before: dict[str, Any], **facts: Any) -> list[tuple[Phase, frozenset[str]]]:
    aspect = EasyAuth(StubFunctionApps(), StubApim(), Endpoints())
    change = Change(key="x", before=read(before), after=read(CLOSED))
    given = Facts(**(FACTS | facts))
    return [(phase, each.after.allowed_applications) for phase, each in aspect.stages(change, given) if each.after]


def test_an_open_door_closes_after_the_policy_sends_a_token() -> None:
    assert stages({}, sends_token=False) == [(Phase.CLOSE, frozenset({IDENTITY_CLIENT_ID}))]


def test_a_door_opened_by_hand_closes_at_once_when_the_policy_sends_a_token_already() -> None:
    assert stages({}, sends_token=True) == [(Phase.ADD, frozenset({IDENTITY_CLIENT_ID}))]


def test_another_identity_is_admitted_before_the_switch_and_the_old_dropped_after_it() -> None:
    before = closed(**{f"{POLICY}__allowedApplications": [OTHER_APP]})
    assert stages(before) == [
        (Phase.ADD, frozenset({IDENTITY_CLIENT_ID, OTHER_APP})),
        (Phase.CLOSE, frozenset({IDENTITY_CLIENT_ID})),
    ]


def test_who_comes_in_besides_us_is_dropped_after_the_switch_with_one_write() -> None:
    before = closed(**{f"{POLICY}__allowedApplications": [IDENTITY_CLIENT_ID, OTHER_APP]})
    assert [phase for phase, _ in stages(before)] == [Phase.CLOSE]


def test_a_closed_door_that_lists_nobody_is_narrowed_after_the_switch() -> None:
    before = closed(**{f"{POLICY}__allowedApplications": []})
    assert stages(before) == [(Phase.CLOSE, frozenset({IDENTITY_CLIENT_ID}))]


def test_a_closed_door_that_names_neither_callers_nor_audiences_is_changed_only_after_the_switch() -> None:
    before = closed(**{f"{PROVIDER}__validation": {}})
    assert [phase for phase, _ in stages(before)] == [Phase.CLOSE]


def test_a_closed_door_of_another_registration_first_accepts_ours_too() -> None:
    before = closed(**{f"{PROVIDER}__validation": {}, f"{PROVIDER}__registration__clientId": OTHER_APP})
    assert [phase for phase, _ in stages(before)] == [Phase.ADD, Phase.CLOSE]


def test_easy_auth_stays_closed_when_the_binding_goes() -> None:
    assert EasyAuth.outlives
    assert EasyAuth(StubFunctionApps(), StubApim(), Endpoints()).home(a_binding()) == SITE
