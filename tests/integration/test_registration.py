"""The registration: found, made or named, kept a machine's door, and the same one for good."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from azuresim.web import site_of
from azuresim.world import Call
from funcgate.errors import Unmet
from funcgate.spec import Binding, Cluster, Neighbour
from integration.azure_stage import HARDENING, SYSTEM, Stage, add_slot, on_stage, outcome, troubles, written

AUTO, MADE = {"registration": {"type": "Auto"}}, {"registration": {"type": "Managed"}}
API = {"path": "shop/v2"}
ELSEWHERE = "https://elsewhere.example/signin"
OWNED = "Application.ReadWrite.OwnedBy"
STRANGER = "cccccccc-0000-4000-8000-000000000001"
ASSIGN = "AppRoleAssignment.ReadWrite.All"


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with on_stage() as stage:
        yield stage


def nobody_published_it(stage: Stage) -> None:
    """The app is deployed and no more: no API, key or registration, and Easy Auth was never looked at."""
    for operation in stage.team.operation_ids:
        stage.world.arm.delete(f"{operation}/policies/policy")
    for left in (stage.team.api_id, stage.team.backend_id, stage.team.named_value_id):
        stage.world.arm.delete(left)
    site_of(stage.world, stage.team.site_id).keys.functions.clear()
    stage.world.entra.applications.pop(stage.team.application_id)
    stage.world.entra.service_principals.pop(stage.team.principal_id)


def three_fields(stage: Stage, **more: Any) -> Binding:
    """The least that a manifest has to say."""
    whole = stage.binding(api=API, adopt=False, **more)
    return replace(whole, spec=whole.spec.model_copy(update={"entra": type(whole.spec.entra)()}))


def made(stage: Stage) -> Mapping[str, Any]:
    """The live registration that funcgate made."""
    [found] = [each for each in stage.world.entra.applications.values() if each.get("uniqueName")]
    return found


def principal_of(stage: Stage, client_id: str) -> dict[str, Any]:
    found = stage.world.entra.principal(client_id)
    assert found
    return found


def ways_in(application: Mapping[str, Any]) -> tuple[list[str], list[str], list[str], dict[str, bool], Any]:
    """Everything by which people could sign in."""
    uris = [list((application.get(part) or {}).get("redirectUris") or ()) for part in ("web", "spa", "publicClient")]
    implicit = dict((application.get("web") or {}).get("implicitGrantSettings") or {})
    return uris[0], uris[1], uris[2], implicit, application.get("isFallbackPublicClient")


async def through(stage: Stage, path: str = "shop/v2/orders") -> int:
    headers = {"Ocp-Apim-Subscription-Key": stage.team.master_key}
    return (await stage.simulator.send("GET", stage.team.gateway_host, f"/{path}", headers=headers)).status


# --- three fields


async def test_three_fields_lock_an_app_that_nobody_published(stage: Stage) -> None:
    nobody_published_it(stage)

    done = await stage.settled(three_fields(stage))

    client_id = done.facts["clientId"]
    assert made(stage)["appId"] == client_id
    assert made(stage)["api"]["requestedAccessTokenVersion"] == 2
    assert ways_in(made(stage))[:3] == ([], [], [])
    assert stage.provider["registration"]["clientId"] == client_id
    assert await through(stage) == 200
    assert all(
        stage.turned_away(headers)
        for headers in ({}, {"Authorization": f"Bearer {stage.world.entra.token_for_client(STRANGER, client_id)}"})
    )
    assert outcome(done, "AppRegistrationReady").message.startswith(
        f"Application {client_id}, made by funcgate for this app, issues version 2 tokens."
    )


async def test_a_second_pass_over_three_fields_writes_nothing_whatever_is_left_of_the_status(stage: Stage) -> None:
    nobody_published_it(stage)
    first = await stage.settled(three_fields(stage))

    pinned = await stage.settled(replace(three_fields(stage), pinned=first.facts["clientId"]))
    forgotten = await stage.settled(three_fields(stage))

    assert (pinned.changes, forgotten.changes) == ((), ())
    assert first.facts["clientId"] == pinned.facts["clientId"] == forgotten.facts["clientId"]


async def test_what_funcgate_may_not_make_is_named_with_its_permission(stage: Stage) -> None:
    nobody_published_it(stage)
    stage.world.entra.graph_permissions[stage.team.operator_client_id] = {"Application.Read.All"}

    done = await stage.reconcile(three_fields(stage))

    found = outcome(done, "AppRegistrationReady")
    assert (found.reason, found.stalled) == ("GraphPermissionMissing", True)
    assert OWNED in found.message


async def test_the_right_to_make_registrations_of_its_own_is_enough_to_keep_and_to_delete_one(stage: Stage) -> None:
    nobody_published_it(stage)
    stage.world.entra.graph_permissions[stage.team.operator_client_id] = {OWNED}

    await stage.settled(stage.binding(api=API, entra=MADE))
    again = await stage.settled(stage.binding(api=API, entra=MADE))
    await stage.settled(stage.binding(api=API, entra=MADE, deleting=True))

    assert again.changes == ()
    assert not any(each.get("uniqueName") for each in stage.world.entra.applications.values())


@pytest.mark.parametrize("entra", [AUTO, MADE])
async def test_the_last_binding_takes_a_registration_that_was_made_along_and_leaves_the_door_closed(
    stage: Stage, entra: dict[str, Any]
) -> None:
    nobody_published_it(stage)
    await stage.settled(stage.binding(api=API, entra=entra))
    other = Neighbour(name="shop/other", older=False, client_id=None, allowed=frozenset())

    await stage.settled(stage.binding(api=API, entra=entra, deleting=True, neighbours=(other,)))
    kept = made(stage)["appId"]
    await stage.settled(stage.binding(api=API, entra=entra, deleting=True))

    assert kept not in [each["appId"] for each in stage.world.entra.applications.values()]
    assert stage.door_is_closed()


async def test_a_registration_that_another_binding_uses_stays_when_its_maker_goes(stage: Stage) -> None:
    nobody_published_it(stage)
    await stage.settled(stage.binding(api=API, entra=MADE))
    client_id = made(stage)["appId"]

    class Crowded(Cluster):
        async def used_elsewhere(self, which: str) -> bool:
            return which == client_id

    going = stage.binding(api=API, entra=MADE, deleting=True)
    await stage.settled(replace(going, cluster=Crowded()))

    assert made(stage)["appId"] == client_id


async def test_a_registration_that_somebody_deleted_is_made_again_when_it_is_ours_to_make(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("funcgate.azure.recent.SECONDS", 0.0)  # the making of it is long ago
    nobody_published_it(stage)
    first = await stage.settled(stage.binding(api=API, entra=MADE))
    stage.world.entra.applications.pop(made(stage)["id"])
    stage.world.entra.service_principals.pop(principal_of(stage, first.facts["clientId"])["id"])

    second = await stage.settled(stage.binding(api=API, entra=MADE))

    assert second.facts["clientId"] != first.facts["clientId"]
    assert await through(stage) == 200


async def test_one_that_was_only_found_and_is_gone_is_not_replaced_by_another(stage: Stage) -> None:
    await stage.settled()
    stage.world.entra.applications.pop(stage.team.application_id)

    done = await stage.reconcile(replace(stage.binding(entra=AUTO), pinned=stage.team.client_id))

    found = outcome(done, "AppRegistrationReady")
    assert (found.reason, found.stalled, stage.writes()) == ("RegistrationNotFound", True, [])
    assert "{type: Managed}" in found.message


async def test_a_slot_is_locked_beside_its_app_with_a_door_a_key_and_a_registration_of_its_own(stage: Stage) -> None:
    await stage.settled()
    slot = add_slot(stage)
    binding = replace(stage.binding(functionApp={"id": slot}, entra=AUTO, api={"path": "staging"}), name="staging")
    binding = replace(binding, owner="prod/shop/staging")

    done = await stage.settled(binding)

    assert await through(stage, "staging/orders") == 200
    assert stage.turned_away({}, done.facts["hostName"])
    assert done.facts["clientId"] != stage.team.client_id
    assert (await stage.settled(binding)).changes == ()
    assert (await stage.settled()).changes == ()
    assert f"{stage.team.service_id}/backends/orders-fn-staging".lower() in stage.world.arm.documents


# --- the one that is found


async def test_the_registration_that_easy_auth_names_is_taken(stage: Stage) -> None:
    await stage.settled()

    done = await stage.settled(stage.binding(entra=AUTO))

    assert (done.facts["clientId"], done.changes) == (stage.team.client_id, ())


async def test_another_one_found_later_is_drift_and_never_becomes_the_wish(stage: Stage) -> None:
    await stage.settled(stage.binding())
    theirs = stage.world.entra.add_application("theirs", token_version=2)["appId"]
    stage.provider["registration"]["clientId"] = theirs

    pinned = replace(stage.binding(entra=AUTO), pinned=stage.team.client_id)
    mended = await stage.settled(pinned)

    assert mended.facts["clientId"] == stage.provider["registration"]["clientId"] == stage.team.client_id


async def test_when_the_status_is_lost_the_policy_still_says_which_one_it_was(stage: Stage) -> None:
    await stage.settled(stage.binding())
    stage.provider["registration"]["clientId"] = stage.world.entra.add_application("theirs", token_version=2)["appId"]

    done = await stage.settled(stage.binding(entra=AUTO))

    assert done.facts["clientId"] == stage.team.client_id


async def test_one_that_belongs_to_somebody_else_is_not_used(stage: Stage) -> None:
    await stage.settled()
    stage.put_policy(
        "<policies><inbound><base /></inbound><backend><base /></backend><outbound /><on-error /></policies>"
    )
    asked: list[str] = []

    class Taken(Cluster):
        async def may_use(self, client_id: str) -> Unmet | None:
            asked.append(client_id)
            return Unmet("RegistrationTaken", "somebody else uses it", stalled=True)

    done = await stage.reconcile(replace(stage.binding(entra=AUTO), cluster=Taken()))

    assert (outcome(done, "AppRegistrationReady").reason, asked) == ("RegistrationTaken", [stage.team.client_id])
    assert stage.writes() == []


async def test_where_easy_auth_names_one_that_does_not_exist_one_is_made(stage: Stage) -> None:
    nobody_published_it(stage)
    nowhere = {"registration": {"clientId": "99999999-0000-4000-8000-000000000001"}}
    stage.put_auth({"platform": {"enabled": False}, "identityProviders": {"azureActiveDirectory": nowhere}})

    done = await stage.settled(stage.binding(api=API, entra=AUTO))

    assert made(stage)["appId"] == done.facts["clientId"]


# --- a machine's door


def a_second_own_callback(application: dict[str, Any], stage: Stage) -> None:
    application["spa"] = {"redirectUris": [f"https://{stage.team.site_host}/.auth/login/aad/callback"]}


def a_native_callback(application: dict[str, Any], stage: Stage) -> None:
    application["publicClient"] = {"redirectUris": [f"https://{stage.team.site_host}/native"]}


def implicit_access_tokens(application: dict[str, Any], stage: Stage) -> None:
    application["web"]["implicitGrantSettings"] = {"enableAccessTokenIssuance": True, "enableIdTokenIssuance": True}


def public_client_flows(application: dict[str, Any], stage: Stage) -> None:
    application["isFallbackPublicClient"] = True


OPENED = (a_second_own_callback, a_native_callback, implicit_access_tokens, public_client_flows)


@pytest.mark.parametrize("opened", OPENED)
async def test_each_way_in_for_people_is_closed_and_kept_closed(
    stage: Stage, opened: Callable[[dict[str, Any], Stage], None]
) -> None:
    await stage.settled()
    stage.world.clock.advance(600)
    opened(stage.application, stage)
    before = {key: value for key, value in stage.application.items() if key not in WAYS}

    await stage.settled()

    assert stage.writes() == [HARDENING]
    web, spa, public, implicit, fallback = ways_in(stage.application)
    assert (web, spa, public, any(implicit.values()), fallback or False) == ([], [], [], False, False)
    assert {key: value for key, value in stage.application.items() if key not in WAYS} == before
    assert (await stage.settled()).changes == ()


WAYS = ("web", "spa", "publicClient", "isFallbackPublicClient")


async def test_where_others_sign_in_too_only_our_own_callback_goes_and_they_are_listed(stage: Stage) -> None:
    stage.application["web"]["redirectUris"].append(ELSEWHERE)

    done = await stage.settled()

    assert ways_in(stage.application)[0] == [ELSEWHERE]
    assert ways_in(stage.application)[3]["enableIdTokenIssuance"] is True
    found = outcome(done, "AppRegistrationReady")
    assert (found.status, found.reason, done.conditions[0].status) == ("False", "RegistrationShared", "True")
    assert f"web {ELSEWHERE}" in found.message


@pytest.mark.parametrize(
    ("harden", "web", "implicit"), [("All", [], False), ("Nothing", ["https://{}/.auth/login/aad/callback"], True)]
)
async def test_how_far_it_goes_is_the_authors_to_say(stage: Stage, harden: str, web: list[str], implicit: bool) -> None:
    registration = {"type": "Existing", "clientId": stage.team.client_id}

    done = await stage.settled(stage.binding(entra={"registration": registration, "harden": harden}))

    left = ways_in(stage.application)
    assert left[0] == [each.format(stage.team.site_host) for each in web]
    assert left[3]["enableIdTokenIssuance"] is implicit
    assert done.conditions[0].status == "True"


async def test_a_registration_that_is_not_ours_to_change_is_named_and_the_rest_is_done(stage: Stage) -> None:
    stage.world.entra.owners.clear()

    done = await stage.reconcile()

    found = outcome(done, "AppRegistrationReady")
    assert (found.reason, found.stalled) == ("GraphPermissionMissing", True)
    assert "spec.entra.harden: Nothing" in found.message
    assert troubles(done).keys() == {"AppRegistrationReady", "Verified"}
    assert stage.door_is_closed()


async def test_people_can_sign_in_for_as_long_as_the_door_still_sends_them_there(stage: Stage) -> None:
    redirecting = {"requireAuthentication": True, "unauthenticatedClientAction": "RedirectToLoginPage"}
    provider = {
        "enabled": True,
        "registration": {
            "clientId": stage.team.client_id,
            "openIdIssuer": f"https://login.microsoftonline.com/{stage.world.tenant_id}/v2.0",
        },
    }
    stage.put_auth(
        {
            "platform": {"enabled": True},
            "globalValidation": redirecting,
            "identityProviders": {"azureActiveDirectory": provider},
        }
    )
    stage.world.arm.delete(stage.team.backend_id)

    done = await stage.reconcile(stage.binding(adopt=False))

    assert outcome(done, "EasyAuthReady").reason == "WouldCutOff"
    assert outcome(done, "AppRegistrationReady").reason == "SignInOpen"
    assert ways_in(stage.application)[0] != []


# --- a directory that is behind


async def test_a_directory_that_shows_the_former_state_for_minutes_is_written_once(stage: Stage) -> None:
    stage.world.switches.graph_visibility_seconds = 240
    writes: list[str] = []

    with stage.watching(lambda call: writes.append(written(call))):
        await stage.settled()
        await stage.settled()

    assert writes.count(HARDENING) == 1


async def test_a_registration_that_cannot_be_seen_yet_is_made_once(stage: Stage) -> None:
    nobody_published_it(stage)
    stage.world.switches.graph_visibility_seconds = 120
    binding = stage.binding(api=API, entra=MADE)
    creates: list[Call] = []

    with stage.watching(lambda call: creates.append(call) if call.status == 201 and call.service == "graph" else None):
        for _ in range(6):
            last = await stage.reconcile(binding)
            stage.world.clock.advance(60)

    assert last.done, troubles(last)
    assert len(creates) == 2, [written(each) for each in creates]
    assert await through(stage) == 200


# --- assignment


def required(stage: Stage, **more: Any) -> dict[str, Any]:
    return {"registration": {"type": "Existing", "clientId": stage.team.client_id}, "requireAssignment": True} | more


def may_assign(stage: Stage) -> None:
    stage.world.entra.graph_permissions[stage.team.operator_client_id] |= {ASSIGN}


async def test_only_an_assigned_caller_gets_a_token_and_ours_is_assigned_before_that(stage: Stage) -> None:
    may_assign(stage)
    stage.give_identity(SYSTEM)
    stage.world.latency = 0.01

    async with stage.busy_caller() as answers:
        done = await stage.settled(stage.binding(entra=required(stage)))

    assert set(answers) == {200}
    graph = [
        each for each in stage.writes() if "applications" in each or "rincipal" in each or "assigned" in each.lower()
    ]
    assert graph[0] == HARDENING  # the role
    assert graph[1] == f"POST {stage.team.principal_id}/appRoleAssignedTo"
    assert graph[2] == f"PATCH servicePrincipals/{stage.team.principal_id}"
    assert principal_of(stage, stage.team.client_id)["appRoleAssignmentRequired"] is True
    assert "for up to a day" in outcome(done, "AppRegistrationReady").message
    assert (await stage.settled(stage.binding(entra=required(stage)))).changes == ()


async def test_an_identity_that_is_new_is_assigned_as_soon_as_it_is_known(stage: Stage) -> None:
    may_assign(stage)

    first = await stage.reconcile(stage.binding(entra=required(stage)))
    last = await stage.settled(stage.binding(entra=required(stage)))

    assert (outcome(first, "AppRegistrationReady").reason, first.done) == ("Waiting", False)
    assert principal_of(stage, stage.team.client_id)["appRoleAssignmentRequired"] is True
    assert last.done
    assert (await stage.through_the_gateway()).status == 200


async def test_one_that_is_made_can_require_an_assignment_too(stage: Stage) -> None:
    nobody_published_it(stage)
    may_assign(stage)
    stage.give_identity(SYSTEM)

    await stage.settled(stage.binding(api=API, entra=MADE | {"requireAssignment": True}))

    assert principal_of(stage, made(stage)["appId"])["appRoleAssignmentRequired"] is True
    assert await through(stage) == 200


async def test_callers_without_an_assignment_are_not_cut_off_unasked(stage: Stage) -> None:
    may_assign(stage)
    stage.give_identity(SYSTEM)
    await stage.settled()
    entra = required(stage, allow={"clientIds": [STRANGER]})

    done = await stage.reconcile(stage.binding(adopt=False, entra=entra))

    found = outcome(done, "AppRegistrationReady")
    assert (found.reason, STRANGER in found.message) == ("WouldCutOff", True)
    assert not principal_of(stage, stage.team.client_id)["appRoleAssignmentRequired"]


async def test_a_missing_right_to_assign_is_named(stage: Stage) -> None:
    stage.give_identity(SYSTEM)

    done = await stage.reconcile(stage.binding(entra=required(stage)))

    assert ASSIGN in outcome(done, "AppRegistrationReady").message
    assert not principal_of(stage, stage.team.client_id)["appRoleAssignmentRequired"]


# --- crashes


class Crashed(Exception):
    """The process ends before its next write."""


def fence_after(writes: int) -> Callable[[], None]:
    left = iter(range(writes))

    def fence() -> None:
        if next(left, None) is None:
            raise Crashed

    return fence


@pytest.mark.parametrize("writes", range(12))
async def test_wherever_the_first_pass_breaks_off_the_next_ones_come_to_the_same_end(stage: Stage, writes: int) -> None:
    nobody_published_it(stage)
    may_assign(stage)
    binding = stage.binding(api=API, entra=MADE | {"requireAssignment": True})

    with suppress(Crashed):
        await stage.reconcile(binding, fence=fence_after(writes))
    for _ in range(3):
        last = await stage.reconcile(binding)

    assert last.done, troubles(last)
    assert len([each for each in stage.world.entra.applications.values() if each.get("uniqueName")]) == 1
    assert await through(stage) == 200
    assert stage.door_is_closed()
