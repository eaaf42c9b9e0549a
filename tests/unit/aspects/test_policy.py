import re
import threading
from collections.abc import Callable
from typing import Any

import pytest

from builders import CLIENT_ID, IDENTITY_CLIENT_ID, NAMED_IDENTITY, OWNER, SERVICE, a_binding
from funcgate import policy as documents
from funcgate.aspects.policy import Policy
from funcgate.azure import PolicyText
from funcgate.engine import Outcome, Pass
from funcgate.errors import NotFound
from funcgate.model import Action, Change
from funcgate.policy import Statements
from funcgate.spec import Binding
from stubs import StubApim, run

FACTS = {
    "api_path": "shop/orders",
    "placed": {},
    "client_id": CLIENT_ID,
    "identity_client_id": IDENTITY_CLIENT_ID,
    "backend_id": "orders-fn",
}
OTHERS = "<policies><inbound><base /><rate-limit calls='5' renewal-period='1' /></inbound></policies>"


def a_policy(base: str | None = OTHERS, **changes: Any) -> PolicyText:
    """A document that holds our statements beside others'."""
    wanted = {"resource": CLIENT_ID, "identity_client_id": None, "backend_id": "orders-fn", "owner": OWNER} | changes
    return PolicyText(text=documents.render(documents.merge(documents.parse(base), Statements(**wanted))), etag='"1"')


async def reconcile(apim: StubApim, binding: Binding | None = None, **facts: Any) -> tuple[Outcome, Pass]:
    return await run(Policy(apim), binding or a_binding(), **(FACTS | facts))


def stands(apim: StubApim) -> Statements | None:
    assert apim.policy
    return documents.find(documents.parse(apim.policy.text)).statements


async def test_where_no_policy_stands_ours_is_created() -> None:
    apim = StubApim()
    outcome, done = await reconcile(apim)
    assert (outcome.true, outcome.changes[0].action, apim.written) == (True, Action.CREATE, [("put", "orders", None)])
    assert stands(apim) == Statements(resource=CLIENT_ID, identity_client_id=None, backend_id="orders-fn", owner=OWNER)
    assert (done.known.sends_token, done.known.marked) == (True, True)


async def test_ours_as_it_must_be_is_left_alone() -> None:
    apim = StubApim(policy=a_policy())
    outcome, _ = await reconcile(apim)
    assert (outcome.true, apim.written) == (True, [])
    assert outcome.message == f"The base policy of orders sends a token for {CLIENT_ID} to orders-fn."


async def test_others_statements_stay_when_ours_are_added() -> None:
    apim = StubApim(policy=PolicyText(text=OTHERS, etag='"7"'))
    outcome, _ = await reconcile(apim)
    assert apim.written == [("put", "orders", '"7"')]
    assert outcome.changes[0].action is Action.UPDATE
    assert apim.policy
    assert "rate-limit" in apim.policy.text


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"resource": "someone-else"}, "resource"),
        ({"backend_id": "other"}, "backendId"),
        ({"identity_client_id": "x"}, "identityClientId"),
    ],
)
async def test_drift_is_found_by_field_and_mended(changes: dict[str, str], field: str) -> None:
    apim = StubApim(policy=a_policy(**changes))
    outcome, _ = await reconcile(apim)
    assert [each.field for each in outcome.changes[0].drifts] == [field]
    assert (outcome.true, (await reconcile(apim))[0].changes) == (True, ())


async def test_a_broken_block_is_mended_and_says_what_was_wrong() -> None:
    policy = a_policy()
    broken = policy.text.replace('ignore-error="false"', 'ignore-error="true"')
    apim = StubApim(policy=PolicyText(text=broken, etag=None))
    outcome, _ = await reconcile(apim)
    assert any("ignore-error" in drift.seen for drift in outcome.changes[0].drifts)
    assert stands(apim)


async def test_a_user_assigned_identity_is_named_in_the_statement() -> None:
    apim = StubApim()
    named = {"id": SERVICE, "identity": {"type": "UserAssigned", "id": NAMED_IDENTITY}}
    await reconcile(apim, a_binding(apiManagement=named))
    found = stands(apim)
    assert found
    assert found.identity_client_id == IDENTITY_CLIENT_ID


PASTED = re.sub("<!-- funcgate: .*? -->", "", a_policy().text)
ROUTED = (
    "<policies><inbound><base /><set-backend-service id='apim-generated-policy' backend-id='{}' /></inbound></policies>"
)
WORKING = [
    (ROUTED.format("billing-fn"), 'backend-id="billing-fn"', "the route that an import left, to another backend"),
    (ROUTED.format("x").replace("id='apim-generated-policy' ", ""), 'backend-id="x"', "a route made by hand"),
    (PASTED.replace(CLIENT_ID, "api://billing"), 'resource="api://billing"', "a token for another resource"),
]


@pytest.mark.parametrize(("text", "quoted", "reason"), WORKING, ids=[reason for *_, reason in WORKING])
async def test_what_works_for_somebody_else_waits_for_leave_to_adopt(text: str, quoted: str, reason: str) -> None:
    apim = StubApim(policy=PolicyText(text=text, etag='"1"'))
    outcome, _ = await reconcile(apim, a_binding(adopt=False))
    assert (outcome.reason, outcome.stalled, apim.written) == ("WouldCutOff", True, []), reason
    assert quoted in outcome.message
    assert "spec.adopt: true" in outcome.message


@pytest.mark.parametrize("text", [WORKING[0][0], WORKING[2][0]])
async def test_with_leave_to_adopt_it_is_replaced(text: str) -> None:
    apim = StubApim(policy=PolicyText(text=text, etag='"1"'))
    outcome, _ = await reconcile(apim, a_binding(adopt=True))
    assert (outcome.true, apim.written) == (True, [("put", "orders", '"1"')])


@pytest.mark.parametrize("text", [OTHERS, ROUTED.format("orders-fn"), PASTED])
async def test_what_means_the_same_or_nothing_of_the_kind_needs_no_leave(text: str) -> None:
    apim = StubApim(policy=PolicyText(text=text, etag='"1"'))
    outcome, _ = await reconcile(apim, a_binding(adopt=False))
    assert (outcome.true, apim.written) == (True, [("put", "orders", '"1"')])


async def test_our_own_statements_are_set_right_without_leave() -> None:
    apim = StubApim(policy=a_policy(backend_id="other"))
    outcome, _ = await reconcile(apim, a_binding(adopt=False))
    assert (outcome.true, apim.written) == (True, [("put", "orders", '"1"')])


async def test_of_many_statements_of_others_a_few_are_quoted() -> None:
    routes = "".join(f"<set-backend-service backend-id='team-{n}' />" for n in range(9))
    text = OTHERS.replace("<base />", f"<base />{routes}")
    outcome, _ = await reconcile(StubApim(policy=PolicyText(text=text, etag=None)), a_binding(adopt=False))
    assert outcome.message.count("<set-backend-service") == 3
    assert "; 6 more; " in outcome.message


@pytest.mark.parametrize(("statements", "aside"), [(100, False), (3000, True)])
async def test_a_large_document_leaves_the_event_loop_to_others(
    monkeypatch: pytest.MonkeyPatch, statements: int, aside: bool
) -> None:
    large = a_policy(OTHERS.replace("<base />", "<base />" + "<set-variable name='a' value='1' />" * statements))
    policy, binding = Policy(StubApim(policy=large)), a_binding()
    threads: list[str] = []
    for name in ("parse", "remove"):
        monkeypatch.setattr(documents, name, _spied(getattr(documents, name), threads))
    (seen,) = (await policy.observe(binding)).values()
    await policy.apply(binding, Change(key="", before=seen.state, after=None))
    assert [each != threading.main_thread().name for each in threads] == [aside, aside]


def _spied(work: Callable[[Any], Any], threads: list[str]) -> Callable[[Any], Any]:
    def spied(value: Any) -> Any:
        threads.append(threading.current_thread().name)
        return work(value)

    return spied


async def test_another_bindings_statements_are_a_conflict() -> None:
    apim = StubApim(policy=a_policy(owner="prod/shop/other"))
    outcome, done = await reconcile(apim)
    assert (outcome.reason, apim.written, done.known.marked) == ("Conflict", [], False)


async def test_a_document_that_cannot_be_read_is_never_written() -> None:
    apim = StubApim(policy=PolicyText(text="<policies><inbound>", etag='"1"'))
    outcome, _ = await reconcile(apim)
    assert (outcome.reason, outcome.stalled, apim.written) == ("PolicyUnreadable", True, [])


async def test_someone_elses_statement_that_undoes_ours_is_quoted() -> None:
    policy = a_policy()
    contradiction = '<set-header name="Authorization" exists-action="delete" />'
    text = policy.text.replace("</inbound>", f"{contradiction}</inbound>")
    outcome, _ = await reconcile(StubApim(policy=PolicyText(text=text, etag='"1"')))
    assert (outcome.reason, outcome.stalled) == ("PolicyContradicted", True)
    assert "Authorization" in outcome.message


async def test_a_missing_api_is_left_to_the_aspect_that_looks_for_it() -> None:
    apim = StubApim(api_gone=True)
    outcome, _ = await run(Policy(apim), a_binding(), **(FACTS | {"api_path": None}))
    assert (outcome.reason, outcome.message) == ("Waiting", "waits for the API, from GivenReady")


async def test_deletion_takes_ours_out_and_leaves_the_rest() -> None:
    apim = StubApim(policy=a_policy())
    outcome, _ = await reconcile(apim, a_binding(deleting=True))
    assert (outcome.changes[0].action, apim.written) == (Action.DELETE, [("put", "orders", '"1"')])
    assert apim.policy
    assert "rate-limit" in apim.policy.text
    assert "authentication-managed-identity" not in apim.policy.text


async def test_deletion_removes_a_document_that_holds_nothing_else() -> None:
    apim = StubApim(policy=a_policy(base=None))
    await reconcile(apim, a_binding(deleting=True))
    assert apim.written == [("delete", "orders", '"1"')]


@pytest.mark.parametrize("policy", [None, PolicyText(text=OTHERS, etag='"1"'), a_policy(owner="prod/shop/other")])
async def test_deletion_touches_nothing_that_is_not_ours(policy: PolicyText | None) -> None:
    apim = StubApim(policy=policy)
    outcome, _ = await reconcile(apim, a_binding(deleting=True))
    assert (outcome.true, apim.written) == (True, [])


async def test_deletion_ends_when_the_api_is_gone() -> None:
    outcome, done = await reconcile(StubApim(api_gone=True), a_binding(deleting=True))
    assert (outcome.true, done.done) == (True, True)


class WithoutService(StubApim):
    async def get_policy(self, service: str, api: str) -> PolicyText | None:
        raise NotFound("no such service", reason="ResourceNotFound")


async def test_deletion_takes_a_missing_api_for_nothing_left_and_asks_about_anything_else() -> None:
    binding = a_binding(deleting=True)
    assert await Policy(StubApim(api_gone=True)).observe(binding) == {}
    with pytest.raises(NotFound):
        await Policy(WithoutService()).observe(binding)


# --- who may call the gateway


CHECK = '<validate-jwt header-name="Authorization" />'


def asking(inbound: str) -> StubApim:
    return StubApim(policy=a_policy(f"<policies><inbound><base />{inbound}</inbound></policies>"))


@pytest.mark.parametrize(
    ("inbound", "ready"),
    [
        ("", False),
        (CHECK, True),
        ('<validate-azure-ad-token tenant-id="t" />', True),
        ("<validate-client-certificate />", True),
        ('<check-header name="x-key" failed-check-httpcode="401" />', True),
        (f'<choose><when condition="@(true)">{CHECK}</when></choose>', False),
        ('<include-fragment fragment-id="check" />', False),
    ],
)
async def test_an_api_that_asks_for_no_key_needs_a_check_of_its_callers(inbound: str, ready: bool) -> None:
    outcome, _ = await reconcile(asking(inbound), unasked="its subscriptionRequired is off")
    assert (outcome.true, outcome.reason, outcome.stalled) == (ready, "InSync" if ready else "GatewayOpen", not ready)
    assert ready or "its subscriptionRequired is off" in outcome.message


async def test_anybody_may_call_when_the_author_says_so() -> None:
    binding = a_binding(policy={"allowAnonymousCallers": True})
    outcome, _ = await reconcile(asking(""), binding, unasked="its subscriptionRequired is off")
    assert outcome.true


async def test_an_api_that_asks_for_a_key_needs_no_check() -> None:
    assert (await reconcile(asking(""), unasked=""))[0].true


ASKS = "<policies><inbound><base />{}</inbound></policies>"
TWO = {"policy": {"scope": {"type": "Operations", "operations": ["get-a", "GET /b"]}}}
PLACED = {"get-a": "get-a", "GET /a": "get-a", "get-b": "get-b", "GET /b": "get-b"}


async def test_operations_are_found_by_name_and_by_what_they_are_called_with() -> None:
    apim = StubApim(operation_policies={"get-a": None, "get-b": None})
    outcome, done = await reconcile(apim, a_binding(**TWO), placed=PLACED)
    assert (outcome.true, apim.written) == (True, [("put", "get-a", None), ("put", "get-b", None)])
    assert done.known.sends_token is True
    assert outcome.message == f"The policies of 2 operations of orders send a token for {CLIENT_ID} to orders-fn."


async def test_moved_statements_stand_in_the_new_place_before_they_leave_the_old_one() -> None:
    apim = StubApim(policy=a_policy(None), operation_policies={"get-a": None, "get-b": None})
    await reconcile(apim, a_binding(**TWO), placed=PLACED)
    assert apim.written == [("put", "get-a", None), ("put", "get-b", None), ("delete", "orders", '"1"')]
    apim.written.clear()
    await reconcile(apim, a_binding(), placed=PLACED)
    assert [each[:2] for each in apim.written] == [("put", "orders"), ("delete", "get-a"), ("delete", "get-b")]


async def test_nothing_is_written_while_a_named_operation_is_missing() -> None:
    apim = StubApim(policy=a_policy(None), operation_policies={"get-a": None})
    outcome, _ = await reconcile(apim, a_binding(**TWO), placed={"get-a": "get-a"})
    assert (outcome.reason, outcome.stalled, apim.written) == ("OperationNotFound", True, [])
    assert "no operation GET /b" in outcome.message


async def test_operations_that_all_check_their_callers_need_no_key() -> None:
    asks = PolicyText(text=ASKS.format('<validate-jwt header-name="Authorization" />'), etag='"1"')
    apim = StubApim(operation_policies={"get-a": asks, "get-b": asks})
    outcome, _ = await reconcile(apim, a_binding(**TWO), placed=PLACED, unasked="its subscriptionRequired is off")
    assert outcome.true
    apim.operation_policies["get-b"] = None
    outcome, _ = await reconcile(apim, a_binding(**TWO), placed=PLACED, unasked="its subscriptionRequired is off")
    assert outcome.reason == "GatewayOpen"


async def test_another_bindings_statements_in_an_operation_undo_ours_for_it() -> None:
    theirs = a_policy(None, backend_id="billing-fn", owner="prod/shop/billing")
    apim = StubApim(policy=a_policy(None), operation_policies={"get-a": theirs})
    outcome, _ = await reconcile(apim)
    assert (outcome.reason, apim.written) == ("PolicyContradicted", [])
    assert "policy of operation get-a, line 7: <set-backend-service" in outcome.message
