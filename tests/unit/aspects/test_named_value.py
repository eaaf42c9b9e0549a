from dataclasses import replace
from typing import Any

import pytest

from builders import OWNER, a_binding
from funcgate.aspects.named_value import NamedKey
from funcgate.azure import NamedValue, Secret
from funcgate.engine import Outcome, Pass
from funcgate.errors import Rejected
from funcgate.model import Action, Drift
from funcgate.names import host_key_name
from funcgate.spec import Binding, Neighbour
from stubs import StubApim, StubFunctionApps, run

NAME = "orders-fn-key"
KEY = host_key_name(a_binding())
CREATED = (f"funcgate-owner={OWNER}", "funcgate-created")
ADOPTED = (f"funcgate-owner={OWNER}",)
FOREIGN = ("funcgate-owner=prod/shop/other", "funcgate-created")
NONE = {"id": a_binding().spec.function_app.id, "key": {"source": "None"}}
NEIGHBOUR = Neighbour(name="shop/other", older=True, client_id="c", allowed=frozenset())


def holding(value: str, tags: tuple[str, ...] = (), **more: Any) -> StubApim:
    seen = NamedValue(name=NAME, secret=True, tags=tags, etag='"1"')
    return StubApim(named_values={NAME: replace(seen, **more)}, values={NAME: Secret(value)})


async def passed(apim: StubApim, binding: Binding | None = None, **keys: str) -> tuple[Outcome, Pass]:
    """`keys` are the app's host keys; ours is there unless they are given."""
    apps = StubFunctionApps(keys=dict(keys or {KEY: "mine", "apim-contoso": "portal"}))
    return await run(NamedKey(apim, apps), binding or a_binding(), key_name=KEY)


async def reconcile(apim: StubApim, binding: Binding | None = None, **keys: str) -> Outcome:
    return (await passed(apim, binding, **keys))[0]


async def test_an_absent_one_is_made_with_our_key_and_our_mark() -> None:
    apim = StubApim()
    outcome = await reconcile(apim)
    assert (apim.written, apim.values[NAME]) == ([("put", NAME, CREATED, None)], Secret("mine"))
    assert outcome.message == f"Named value {NAME} holds host key {KEY}."
    assert "mine" not in repr(outcome)


async def test_ours_with_our_key_is_left_alone() -> None:
    apim = holding("mine", CREATED)
    outcome, done = await passed(apim)
    assert (outcome.true, apim.written, done.known.key_reference, done.known.held_key) == (True, [], NAME, "")


@pytest.mark.parametrize(("value", "more"), [("changed by hand", {}), ("portal", {}), ("mine", {"secret": False})])
async def test_ours_is_made_whole_when_somebody_changed_it(value: str, more: dict[str, Any]) -> None:
    apim = holding(value, CREATED, **more)
    outcome = await reconcile(apim)
    assert (outcome.true, apim.written, apim.values[NAME]) == (True, [("put", NAME, CREATED, '"1"')], Secret("mine"))


async def test_a_drift_is_told_without_any_value() -> None:
    outcome = await reconcile(holding("changed by hand", CREATED))
    assert outcome.changes[0].drifts == (Drift(field="value", wanted="a host key of the app", seen="another value"),)


async def test_the_imports_key_serves_as_it_is_and_is_named() -> None:
    apim = holding("portal")
    outcome, done = await passed(apim, a_binding(adopt=False))
    assert (outcome.true, apim.written, done.known.held_key) == (True, [], "apim-contoso")
    assert outcome.message == f"Named value {NAME} holds host key apim-contoso."


async def test_another_bindings_serves_as_it_is_while_its_key_is_valid() -> None:
    apim = holding("portal", FOREIGN)
    assert ((await reconcile(apim)).true, apim.written) == (True, [])


@pytest.mark.parametrize("tags", [(), FOREIGN])
async def test_what_does_not_serve_and_is_not_ours_is_a_conflict(tags: tuple[str, ...]) -> None:
    apim = holding("nothing of the app's", tags)
    outcome = await reconcile(apim, a_binding(adopt=False))
    assert (outcome.reason, outcome.stalled, apim.written) == ("Conflict", True, [])


async def test_an_unmarked_one_that_does_not_serve_is_taken_over_with_adopt_and_keeps_its_tags() -> None:
    apim = holding("nothing of the app's", ("team", "shop"))
    outcome = await reconcile(apim)
    assert apim.written == [("put", NAME, ("team", "shop", *ADOPTED), '"1"')]
    assert (outcome.true, apim.values[NAME]) == (True, Secret("mine"))


async def test_without_our_key_in_the_app_nothing_is_written() -> None:
    apim = StubApim()
    outcome = await reconcile(apim, default="d")
    assert (outcome.status, outcome.reason, apim.written) == ("Unknown", "Waiting", [])


async def test_a_value_from_a_key_vault_is_not_ours_to_change() -> None:
    apim = holding("x", key_vault=True)
    outcome = await reconcile(apim)
    assert (outcome.reason, outcome.stalled, apim.written) == ("NamedValueInKeyVault", True, [])


async def test_where_no_key_is_wanted_ours_goes_and_others_stay() -> None:
    ours, others = holding("mine", CREATED), holding("portal")
    outcome, done = await passed(ours, a_binding(functionApp=NONE))
    await passed(others, a_binding(functionApp=NONE))
    assert (outcome.message, done.known.key_reference) == ("No host key is sent.", "")
    assert (ours.written, others.written) == ([("delete", NAME, '"1"')], [])


async def test_deletion_takes_the_one_that_we_made() -> None:
    apim = holding("mine", CREATED)
    await reconcile(apim, a_binding(deleting=True))
    assert apim.written == [("delete", NAME, '"1"')]


@pytest.mark.parametrize(
    ("tags", "neighbours", "refuses"),
    [((*ADOPTED, "team"), (), None), ((*CREATED, "team"), (NEIGHBOUR,), None), ((*CREATED, "team"), (), "used")],
)
async def test_deletion_leaves_what_others_need_without_our_mark(
    tags: tuple[str, ...], neighbours: tuple[Neighbour, ...], refuses: str | None
) -> None:
    apim = holding("mine", tags)
    apim.refuses_delete = Rejected("in use", reason="ValidationError") if refuses else None
    outcome = await reconcile(apim, a_binding(deleting=True, neighbours=neighbours))
    assert (apim.written, outcome.true) == ([("tag", NAME, ("team",), '"1"')], True)
    assert outcome.changes[0].action in (Action.RELEASE, Action.DELETE)


@pytest.mark.parametrize("apim", [StubApim(), holding("x"), holding("x", FOREIGN)])
async def test_deletion_touches_nothing_that_is_not_ours(apim: StubApim) -> None:
    assert ((await reconcile(apim, a_binding(deleting=True))).true, apim.written) == (True, [])
