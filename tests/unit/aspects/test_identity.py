from builders import IDENTITY_CLIENT_ID, NAMED_IDENTITY, PRINCIPAL_ID, SERVICE, TENANT, a_binding
from funcgate.aspects.identity import Identity
from funcgate.azure import ManagedIdentity, UserIdentity
from funcgate.errors import NotFound
from funcgate.model import Drift
from stubs import StubApim, StubIdentities, a_service, run

NAMED = {"id": SERVICE, "identity": {"type": "UserAssigned", "id": NAMED_IDENTITY}}
CARRIED = {
    NAMED_IDENTITY.lower(): UserIdentity(id=NAMED_IDENTITY, principal_id=PRINCIPAL_ID, client_id=IDENTITY_CLIENT_ID)
}


async def test_a_service_without_an_identity_gets_its_own() -> None:
    apim = StubApim()
    outcome, _ = await run(Identity(apim, StubIdentities()), a_binding())
    assert apim.written == [("identity", True, None)]
    assert outcome.changes[0].drifts == (Drift(field="assigned", wanted="true", seen="false"),)


async def test_a_named_identity_is_added() -> None:
    apim = StubApim()
    outcome, _ = await run(Identity(apim, StubIdentities()), a_binding(apiManagement=NAMED))
    assert (apim.written, outcome.true) == ([("identity", False, NAMED_IDENTITY)], True)


async def test_an_identity_that_is_there_is_left_alone_and_gives_its_ids() -> None:
    apim = StubApim(service=a_service(has_system_identity=True))
    outcome, done = await run(Identity(apim, StubIdentities()), a_binding())
    assert (apim.written, outcome.true) == ([], True)
    assert outcome.message == f"API Management calls as client {IDENTITY_CLIENT_ID} (principal {PRINCIPAL_ID})."
    assert (done.known.tenant_id, done.known.gateway_url) == (TENANT, "https://contoso.azure-api.net")


async def test_a_named_identity_is_found_whatever_its_case() -> None:
    apim = StubApim(service=a_service(user_assigned=CARRIED))
    outcome, _ = await run(Identity(apim, StubIdentities()), a_binding(apiManagement=NAMED))
    assert (apim.written, outcome.true) == ([], True)


async def test_a_named_identity_that_does_not_exist_is_named_with_its_field() -> None:
    missing = NotFound("no identity caller", reason="ResourceNotFound")
    outcome, _ = await run(Identity(StubApim(), StubIdentities(named=missing)), a_binding(apiManagement=NAMED))
    assert (outcome.reason, outcome.stalled) == ("IdentityNotFound", True)
    assert "spec.apiManagement.identity.id" in outcome.message


async def test_an_identity_that_was_made_anew_must_be_detached_first() -> None:
    former = UserIdentity(id=NAMED_IDENTITY, principal_id="p", client_id="former")
    apim = StubApim(service=a_service(user_assigned={NAMED_IDENTITY.lower(): former}))
    outcome, done = await run(Identity(apim, StubIdentities()), a_binding(apiManagement=NAMED))
    assert (outcome.reason, outcome.stalled, apim.written) == ("IdentityReplaced", True, [])
    assert "detach it from the service" in outcome.message
    assert done.known.identity_client_id is None


async def test_ids_that_are_not_published_yet_are_waited_for() -> None:
    apim = StubApim(service=a_service(has_system_identity=True))
    outcome, done = await run(Identity(apim, StubIdentities(system=None)), a_binding())
    assert (outcome.status, outcome.reason, done.known.identity_client_id) == ("Unknown", "IdentityPending", None)


async def test_ids_of_the_system_assigned_identity_before_this_one_count_as_none() -> None:
    apim = StubApim(service=a_service(has_system_identity=True, principal_id="another"))
    outcome, done = await run(Identity(apim, StubIdentities()), a_binding())
    assert (outcome.status, outcome.reason) == ("Unknown", "IdentityPending")
    assert (done.known.principal_id, done.known.identity_client_id) == (None, None)


async def test_the_identitys_client_id_is_known_in_lower_case() -> None:
    apim = StubApim(service=a_service(has_system_identity=True))
    ids = ManagedIdentity(principal_id="p", client_id=IDENTITY_CLIENT_ID.upper(), tenant_id=TENANT)
    _, done = await run(Identity(apim, StubIdentities(system=ids)), a_binding())
    assert done.known.identity_client_id == IDENTITY_CLIENT_ID


def test_the_identity_outlives_the_binding() -> None:
    assert Identity.outlives
