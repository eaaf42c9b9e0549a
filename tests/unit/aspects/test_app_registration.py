from typing import Any

import pytest

from builders import CLIENT_ID, a_binding
from funcgate.aspects.app_registration import AppRegistration
from funcgate.azure import ServicePrincipal
from funcgate.errors import AccessDenied
from funcgate.spec import Binding
from stubs import StubGraph, run

DENIED = AccessDenied("Insufficient privileges", reason="GraphPermissionMissing")


def a_binding_that_states(version: int | None) -> Binding:
    entra: dict[str, Any] = {"registration": {"type": "Existing", "clientId": CLIENT_ID}}
    return a_binding(entra=entra | ({"tokenVersion": version} if version else {}))


async def test_the_registration_gives_its_client_id_and_token_version() -> None:
    outcome, done = await run(AppRegistration(StubGraph()), a_binding())
    assert (done.known.client_id, done.known.token_version) == (CLIENT_ID, 2)
    assert outcome.message == f"Application {CLIENT_ID} issues version 2 tokens."


@pytest.mark.parametrize(
    ("graph", "reason"),
    [
        (StubGraph(application=None), "RegistrationNotFound"),
        (StubGraph(principal=None), "ServicePrincipalMissing"),
    ],
)
async def test_a_registration_that_cannot_be_used_gives_no_facts(graph: StubGraph, reason: str) -> None:
    outcome, done = await run(AppRegistration(graph), a_binding())
    assert (outcome.reason, outcome.stalled, done.known.client_id) == (reason, True, None)


async def test_a_disabled_service_principal_is_named() -> None:
    disabled = ServicePrincipal(object_id="s", client_id=CLIENT_ID, assignment_required=False, enabled=False)
    outcome, _ = await run(AppRegistration(StubGraph(principal=disabled)), a_binding())
    assert (outcome.reason, outcome.stalled) == ("ServicePrincipalDisabled", True)


async def test_a_stated_version_that_is_not_the_registrations_is_named() -> None:
    outcome, _ = await run(AppRegistration(StubGraph()), a_binding_that_states(1))
    assert (outcome.status, outcome.reason) == ("False", "TokenVersionMismatch")


async def test_without_leave_to_look_a_stated_version_is_enough() -> None:
    outcome, done = await run(AppRegistration(StubGraph(refuses=DENIED)), a_binding_that_states(2))
    assert (outcome.status, outcome.reason, outcome.blocking) == ("Unknown", "GraphNotReadable", False)
    assert (done.known.client_id, done.known.token_version, done.done) == (CLIENT_ID, 2, True)


async def test_without_leave_to_look_and_without_a_stated_version_a_person_must_act() -> None:
    outcome, done = await run(AppRegistration(StubGraph(refuses=DENIED)), a_binding())
    assert (outcome.blocking, outcome.stalled, done.known.token_version) == (True, True, None)


async def test_an_operator_that_gets_no_token_is_not_told_to_ask_for_a_permission() -> None:
    refused = AccessDenied("Entra gives the operator no token", reason="CredentialRefused")
    outcome, _ = await run(AppRegistration(StubGraph(refuses=refused)), a_binding())
    assert (outcome.reason, outcome.status, outcome.stalled) == ("CredentialRefused", "Unknown", True)


def test_its_home_is_the_function_app() -> None:
    assert AppRegistration(StubGraph()).home(a_binding()) == a_binding().spec.function_app.id
