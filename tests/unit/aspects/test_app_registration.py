from dataclasses import replace
from typing import Any

import pytest

from builders import CLIENT_ID, PRINCIPAL_ID, a_binding
from funcgate.aspects.app_registration import AppRegistration
from funcgate.azure import PolicyText, Redirect, ServicePrincipal, WaysIn
from funcgate.errors import AccessDenied
from funcgate.names import registration_name
from funcgate.registration import CALLER_ROLE
from funcgate.spec import Binding
from stubs import StubApim, StubFunctionApps, StubGraph, an_application, run

DENIED = AccessDenied("Insufficient privileges", reason="GraphPermissionMissing")


def an_aspect(graph: StubGraph, apps: StubFunctionApps | None = None, apim: StubApim | None = None) -> AppRegistration:
    return AppRegistration(graph, apps or StubFunctionApps(), apim or StubApim())


def a_binding_with(type_: str = "Auto", **more: Any) -> Binding:
    """One whose registration is found or made."""
    return a_binding(entra={"registration": {"type": type_}, **more})


def a_binding_that_states(version: int | None) -> Binding:
    entra: dict[str, Any] = {"registration": {"type": "Existing", "clientId": CLIENT_ID}}
    return a_binding(entra=entra | ({"tokenVersion": version} if version else {}))


async def test_the_registration_gives_its_client_id_and_token_version() -> None:
    outcome, done = await run(an_aspect(StubGraph()), a_binding())
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
    outcome, done = await run(an_aspect(graph), a_binding())
    assert (outcome.reason, outcome.stalled, done.known.client_id) == (reason, True, None)


async def test_a_disabled_service_principal_is_named() -> None:
    disabled = ServicePrincipal(object_id="s", client_id=CLIENT_ID, assignment_required=False, enabled=False)
    outcome, _ = await run(an_aspect(StubGraph(principal=disabled)), a_binding())
    assert (outcome.reason, outcome.stalled) == ("ServicePrincipalDisabled", True)


async def test_a_stated_version_that_is_not_the_registrations_is_named() -> None:
    outcome, _ = await run(an_aspect(StubGraph()), a_binding_that_states(1))
    assert (outcome.status, outcome.reason) == ("False", "TokenVersionMismatch")


async def test_without_leave_to_look_a_stated_version_is_enough() -> None:
    outcome, done = await run(an_aspect(StubGraph(refuses=DENIED)), a_binding_that_states(2))
    assert (outcome.status, outcome.reason, outcome.blocking) == ("Unknown", "GraphNotReadable", False)
    assert (done.known.client_id, done.known.token_version, done.done) == (CLIENT_ID, 2, True)


async def test_without_leave_to_look_and_without_a_stated_version_a_person_must_act() -> None:
    outcome, done = await run(an_aspect(StubGraph(refuses=DENIED)), a_binding())
    assert (outcome.blocking, outcome.stalled, done.known.token_version) == (True, True, None)


async def test_an_operator_that_gets_no_token_is_not_told_to_ask_for_a_permission() -> None:
    refused = AccessDenied("Entra gives the operator no token", reason="CredentialRefused")
    outcome, _ = await run(an_aspect(StubGraph(refuses=refused)), a_binding())
    assert (outcome.reason, outcome.status, outcome.stalled) == ("CredentialRefused", "Unknown", True)


def test_its_home_is_the_function_app() -> None:
    assert an_aspect(StubGraph()).home(a_binding()) == a_binding().spec.function_app.id


# --- which one it is

EASY_AUTH = {"identityProviders": {"azureActiveDirectory": {"registration": {"clientId": CLIENT_ID.upper()}}}}


async def test_what_earlier_passes_used_is_used_without_looking_for_another() -> None:
    elsewhere = {"identityProviders": {"azureActiveDirectory": {"registration": {"clientId": "other"}}}}
    aspect = an_aspect(StubGraph(), StubFunctionApps(auth=elsewhere))
    _, done = await run(aspect, replace(a_binding_with(), pinned=CLIENT_ID))
    assert done.known.client_id == CLIENT_ID


@pytest.mark.parametrize("apim", [StubApim(policy=PolicyText(text="<no", etag=None)), StubApim(api_gone=True)])
async def test_where_no_policy_tells_the_one_that_easy_auth_names_is_taken(apim: StubApim) -> None:
    _, done = await run(an_aspect(StubGraph(), StubFunctionApps(auth=EASY_AUTH), apim), a_binding_with())
    assert done.known.client_id == CLIENT_ID


async def test_what_easy_auth_names_is_taken_unseen_where_the_version_is_stated() -> None:
    aspect = an_aspect(StubGraph(refuses=DENIED), StubFunctionApps(auth=EASY_AUTH))
    outcome, done = await run(aspect, a_binding_with(tokenVersion=2))
    assert (outcome.reason, done.known.client_id, done.known.token_version) == ("GraphNotReadable", CLIENT_ID, 2)


async def test_an_operator_without_a_token_is_told_so_before_one_is_chosen() -> None:
    refused = AccessDenied("Entra gives the operator no token", reason="CredentialRefused")
    outcome, _ = await run(an_aspect(StubGraph(refuses=refused), StubFunctionApps(auth=EASY_AUTH)), a_binding_with())
    assert outcome.reason == "CredentialRefused"


async def test_one_is_made_where_none_is_named_and_then_known() -> None:
    graph = StubGraph(application=None, principal=None)
    outcome, done = await run(an_aspect(graph), a_binding_with())
    assert [each[0] for each in graph.written] == ["make", "present"]
    assert (outcome.true, done.known.client_id, done.known.token_version) == (True, CLIENT_ID, 2)


# --- what is kept of it


async def test_tokens_of_one_that_was_made_are_of_version_2_whatever_somebody_set() -> None:
    name = registration_name(a_binding_with("Managed"))
    graph = StubGraph(application=an_application(unique_name=name, token_version=1))
    outcome, done = await run(an_aspect(graph), a_binding_with("Managed"))
    assert graph.written == [("change", {"api": {"requestedAccessTokenVersion": 2}})]
    assert (outcome.true, done.known.token_version) == (True, 2)


@pytest.mark.parametrize("uri", ["https://[", "urn:ietf:wg:oauth:2.0:oob"])
async def test_a_redirect_without_a_host_is_somebody_elses(uri: str) -> None:
    graph = StubGraph(application=an_application(ways_in=WaysIn(redirects=frozenset({Redirect("web", uri)}))))
    outcome, _ = await run(an_aspect(graph), a_binding(), host_names=("orders.example",))
    assert (outcome.reason, outcome.blocking, graph.written) == ("RegistrationShared", False, [])


async def test_many_places_where_others_sign_in_are_counted() -> None:
    redirects = frozenset(Redirect("web", f"https://{number}.example") for number in range(8))
    graph = StubGraph(application=an_application(ways_in=WaysIn(redirects=redirects)))
    outcome, _ = await run(an_aspect(graph), a_binding(), host_names=("orders.example",))
    assert "web https://4.example, 3 more)" in outcome.message


async def test_as_long_as_the_apps_names_are_not_known_no_callback_is_called_somebody_elses() -> None:
    ways = WaysIn(redirects=frozenset({Redirect("web", "https://orders.example/.auth/login/aad/callback")}))
    outcome, _ = await run(an_aspect(StubGraph(application=an_application(ways_in=ways))), a_binding())
    assert outcome.true


async def test_an_identity_that_is_assigned_already_gets_nothing_twice() -> None:
    graph = StubGraph(assigned=[PRINCIPAL_ID], application=an_application(roles=frozenset({CALLER_ROLE})))
    binding = a_binding(entra={"registration": {"type": "Existing", "clientId": CLIENT_ID}, "requireAssignment": True})
    await run(an_aspect(graph), binding, principal_id=PRINCIPAL_ID)
    assert graph.written == [("require", "s")]


async def test_without_the_identity_nobody_is_shut_out() -> None:
    graph = StubGraph()
    binding = a_binding(entra={"registration": {"type": "Existing", "clientId": CLIENT_ID}, "requireAssignment": True})
    outcome, _ = await run(an_aspect(graph), binding)
    assert (outcome.reason, outcome.status, graph.written) == ("Waiting", "Unknown", [])


# --- when the binding goes


@pytest.mark.parametrize(
    ("type_", "reason"), [("Managed", "GraphPermissionMissing"), ("Auto", "GraphPermissionMissing")]
)
async def test_what_may_have_been_made_and_cannot_be_seen_keeps_the_binding(type_: str, reason: str) -> None:
    outcome, _ = await run(an_aspect(StubGraph(refuses=DENIED)), replace(a_binding_with(type_), deleting=True))
    assert (outcome.reason, outcome.stalled) == (reason, True)


async def test_who_may_not_look_and_names_one_has_made_none() -> None:
    outcome, _ = await run(an_aspect(StubGraph(refuses=DENIED)), a_binding(deleting=True))
    assert outcome.true


async def test_the_directory_is_waited_for_when_it_does_not_show_what_was_made() -> None:
    graph = StubGraph(application=None, principal=None)
    graph.make_application = _makes_nothing  # type: ignore[method-assign]
    outcome, _ = await run(an_aspect(graph), a_binding_with())
    assert (outcome.reason, outcome.stalled) == ("DirectoryBehind", False)


async def test_a_service_principal_that_is_not_shown_when_it_is_needed_is_waited_for() -> None:
    graph = StubGraph()
    shown = iter([graph.principal])

    async def once(client_id: str) -> ServicePrincipal | None:
        return next(shown, None)

    graph.get_service_principal = once  # type: ignore[method-assign]
    entra = {"registration": {"type": "Existing", "clientId": CLIENT_ID}, "requireAssignment": True}
    outcome, _ = await run(an_aspect(graph), a_binding(entra=entra), principal_id=PRINCIPAL_ID)
    assert (outcome.reason, graph.written) == ("DirectoryBehind", [("role", "Functions.Call")])


async def _makes_nothing(unique_name: str, properties: Any) -> None:
    """It will be seen later."""
