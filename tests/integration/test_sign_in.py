"""What Entra's log says of the identity's sign-ins, as the status shows it."""

from collections.abc import AsyncIterator

import pytest

from funcgate.engine import Outcome
from funcgate.spec import Binding
from integration.azure_stage import Stage, on_stage, outcome

WORKSPACE = "77777777-7777-4777-8777-777777777777"


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with on_stage() as stage:
        stage.world.workspaces.add(WORKSPACE, readers={operator(stage)})
        yield stage


def operator(stage: Stage) -> str:
    found = stage.world.entra.principal(stage.team.operator_client_id)
    assert found
    return str(found["id"])


def binding(stage: Stage) -> Binding:
    return stage.binding(signIns={"workspaceId": WORKSPACE})


async def seen(stage: Stage) -> Outcome:
    done = await stage.settled(binding(stage))
    return outcome(done, "SignInSeen")


async def test_the_sign_in_of_a_call_that_came_through_is_seen(stage: Stage) -> None:
    await stage.settled()
    assert (await stage.through_the_gateway()).status == 200
    done = await stage.settled(binding(stage))
    found = outcome(done, "SignInSeen")
    assert (found.true, found.message) == (True, "The identity got a token for the registration.")
    assert done.facts["lastSignIn"].endswith("Z")
    assert "." not in done.facts["lastSignIn"]


async def test_silence_is_no_alarm(stage: Stage) -> None:
    found = await seen(stage)
    assert (found.status, found.reason, found.blocking) == ("Unknown", "NoSignInSeen", False)


async def test_a_sign_in_to_something_else_is_none_of_this_bindings(stage: Stage) -> None:
    await stage.settled()
    principal = stage.service.body["identity"]["principalId"]
    stage.world.entra.managed_identity_token(principal, "https://graph.microsoft.com")
    assert (await seen(stage)).reason == "NoSignInSeen"


async def test_a_refusal_is_told_in_plain_words_and_stops_nothing(stage: Stage) -> None:
    await stage.settled()
    service_principal = stage.world.entra.principal(stage.team.client_id)
    assert service_principal
    service_principal["appRoleAssignmentRequired"] = True
    assert (await stage.through_the_gateway()).status == 500
    found = await seen(stage)
    assert (found.status, found.reason, found.blocking) == ("False", "SignInRefused", False)
    assert "AADSTS501051: the identity is not assigned to the registration" in found.message


async def test_without_a_workspace_nobody_asks(stage: Stage) -> None:
    done = await stage.settled()
    found = outcome(done, "SignInSeen")
    assert (found.status, found.reason, found.blocking) == ("Unknown", "NotAskedFor", False)
    assert [call for call in stage.world.log if call.service == "logs"] == []


async def test_who_may_not_read_the_directory_does_not_know_which_sign_ins_to_look_for(stage: Stage) -> None:
    stage.let_nobody_sign_in()
    stage.world.entra.graph_permissions[stage.team.operator_client_id] = set()
    registration = {"type": "Existing", "clientId": stage.team.client_id}
    entra = {"registration": registration, "tokenVersion": 2}
    done = await stage.reconcile(stage.binding(signIns={"workspaceId": WORKSPACE}, entra=entra))
    found = outcome(done, "SignInSeen")
    assert (found.status, found.reason, found.blocking, done.done) == ("Unknown", "SignInNotVisible", False, True)


@pytest.mark.parametrize(
    ("collects", "readable", "reason", "says"),
    [
        (False, True, "SignInsNotCollected", "ManagedIdentitySignInLogs"),
        (True, False, "LogsNotReadable", "Log Analytics Reader"),
    ],
)
async def test_what_keeps_the_log_from_being_read_is_named(
    stage: Stage, collects: bool, readable: bool, reason: str, says: str
) -> None:
    readers = {operator(stage)} if readable else set()
    stage.world.workspaces.add(WORKSPACE, readers=readers, collects=collects)
    found = await seen(stage)
    assert (found.status, found.reason, found.blocking) == ("Unknown", reason, False)
    assert says in found.message


async def test_the_log_is_asked_once_an_hour(stage: Stage) -> None:
    await stage.settled()
    await stage.through_the_gateway()
    await stage.settled(binding(stage))
    asked = []
    for seconds in (600.0, 1200.0, 1800.0, 100.0):
        stage.later(seconds)
        await stage.glance(binding(stage))
        asked.append(len([call for call in stage.world.log if call.service == "logs"]))
    assert asked == [0, 0, 1, 0]
