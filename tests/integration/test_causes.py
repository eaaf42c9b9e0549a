"""Calls that fail since Azure is not as the manifest says: a look names the cause, and writes nothing."""

import re
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from azuresim.scenarios import at_once, put
from azuresim.web import site, site_of
from azuresim.wire import HttpCall
from funcgate import report
from funcgate.effects import ABSENT, ANYBODY, EFFECTS, effects
from integration.azure_stage import CALLER, Stage, on_stage, outcome

STRANGER = "99999999-0000-4000-8000-000000000009"


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with on_stage(check_contracts=False) as stage:
        await stage.settled()
        yield stage


def door(stage: Stage, change: Callable[[dict[str, Any], dict[str, Any]], None]) -> None:
    """Somebody changed Easy Auth: all of it, and its Entra provider, are handed to `change`."""
    properties = dict(stage.auth)
    change(properties, properties["identityProviders"]["azureActiveDirectory"])
    stage.put_auth(properties)


def the_issuer_of_the_other_version(stage: Stage) -> None:
    issuer = f"https://sts.windows.net/{stage.team.tenant_id}/"
    door(stage, lambda _, entra: entra["registration"].update(openIdIssuer=issuer))


def another_audience(stage: Stage) -> None:
    def change(_: dict[str, Any], entra: dict[str, Any]) -> None:
        entra["registration"]["clientId"] = STRANGER
        entra["validation"]["allowedAudiences"] = [STRANGER]

    door(stage, change)


def somebody_elses_list(stage: Stage) -> None:
    door(stage, lambda _, entra: _listed(entra, [STRANGER]))


def no_list(stage: Stage) -> None:
    door(stage, lambda _, entra: _listed(entra, []))


def _listed(entra: dict[str, Any], who: list[str]) -> None:
    entra["validation"]["defaultAuthorizationPolicy"] = {"allowedApplications": who}


def no_door(stage: Stage) -> None:
    door(stage, lambda auth, _: auth["platform"].update(enabled=False))


def no_provider(stage: Stage) -> None:
    door(stage, lambda _, entra: entra.update(enabled=False))


def edited(pattern: str, text: str) -> Callable[[Stage], None]:
    """Somebody replaced this in the API's policy."""

    def change(stage: Stage) -> None:
        before = stage.policy
        after = re.sub(pattern, text, before)
        assert after != before
        stage.put_policy(after)

    return change


def no_policy(stage: Stage) -> None:
    stage.world.arm.delete(stage.policy_id)


def another_identity_in_the_policy(stage: Stage) -> None:
    stage.add_identities()
    stage.give_identity({"type": "SystemAssigned, UserAssigned", "userAssignedIdentities": {CALLER: {}}})
    client = stage.world.arm.need(CALLER).properties["clientId"]
    edited(r"<authentication-managed-identity ", f'<authentication-managed-identity client-id="{client}" ')(stage)


def no_identity(stage: Stage) -> None:
    stage.give_identity(None)


def another_address(stage: Stage) -> None:
    put(stage.world, stage.team.backend_id, {**stage.backend, "url": "https://elsewhere.azurewebsites.net/v1"})


def no_key_sent(stage: Stage) -> None:
    put(stage.world, stage.team.backend_id, {**stage.backend, "credentials": {}})


def another_key(stage: Stage) -> None:
    keys = site_of(stage.world, stage.team.site_id).keys.functions
    keys.update({name: f"renewed-{name}" for name in keys})


CASES: list[tuple[str, Callable[[Stage], None], tuple[int, ...]]] = [
    ("IssuerNotAccepted", the_issuer_of_the_other_version, (401,)),
    ("AudienceNotAccepted", another_audience, (401,)),
    ("CallerNotListed", somebody_elses_list, (403,)),
    ("EverybodyListed", no_list, (200,)),
    ("DoorOpen", no_door, (200,)),
    ("NoTokenAccepted", no_provider, (401,)),
    ("NoTokenSent", no_policy, (401,)),
    ("StatementsBroken", edited(r'(?s)<set-header name="Authorization".*?</set-header>', ""), (401,)),
    ("TokenOfAnotherIdentity", another_identity_in_the_policy, (403,)),
    ("NoIdentity", no_identity, (500,)),
    ("RoutedElsewhere", another_address, (404, 500)),
    ("KeyNotSent", no_key_sent, (401, 403)),
    ("KeyNotValid", another_key, (401, 403)),
]


@pytest.mark.parametrize(("cause", "broken", "answers"), CASES, ids=[case[0] for case in CASES])
async def test_what_a_difference_does_to_calls_is_named(
    stage: Stage, cause: str, broken: Callable[[Stage], None], answers: tuple[int, ...]
) -> None:
    broken(stage)
    answered = (await stage.through_the_gateway("/orders")).status

    done = await stage.reconcile(dry_run=True)

    assert cause in [each.cause for each in effects(done)], [str(each) for each in effects(done)]
    assert answered in answers
    assert f"  → {cause}: " in "\n".join(report.chain_lines("shop/orders", done))
    assert stage.writes() == []


def test_every_effect_is_shown_by_a_case() -> None:
    known = {each.cause for each in (*EFFECTS.values(), *ABSENT.values(), ANYBODY)}
    assert known == {case[0] for case in CASES}


async def test_where_nothing_differs_nothing_is_said_of_calls(stage: Stage) -> None:
    assert list(effects(await stage.reconcile(dry_run=True))) == []


async def test_who_else_may_call_is_no_cause(stage: Stage) -> None:
    entra = stage.provider["validation"]["defaultAuthorizationPolicy"]
    listed = [*entra["allowedApplications"], STRANGER]
    door(stage, lambda _, entra: _listed(entra, listed))
    done = await stage.reconcile(dry_run=True)
    assert (outcome(done, "EasyAuthReady").reason, list(effects(done))) == ("ChangesPending", [])


async def test_an_app_that_was_stopped_is_named(stage: Stage) -> None:
    stage.world.arm.need(stage.team.site_id).properties["state"] = "Stopped"
    call = HttpCall.of("GET", f"https://{stage.team.site_host}/v1/orders")
    assert at_once(site(call, stage.world)).status == 403
    done = await stage.reconcile(dry_run=True)
    assert outcome(done, "FunctionAppReady").reason == "FunctionAppStopped"
