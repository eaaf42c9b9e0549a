from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from builders import OWNER, a_binding
from funcgate.aspects.host_key import HostKey
from funcgate.aspects.named_value import NamedKey, Rotation, rotation
from funcgate.azure import NamedValue
from funcgate.engine import Engine, Outcome, Pass
from funcgate.errors import Rejected
from funcgate.model import Action, Drift
from funcgate.names import host_key_names
from funcgate.secrets import Secret
from funcgate.spec import Binding, Neighbour
from stubs import Given, StubApim, StubFunctionApps, run

NAME = "orders-fn-key"
KEY, IN_TURN = host_key_names(a_binding())
CREATED = (f"funcgate-owner={OWNER}", "funcgate-created")
ADOPTED = (f"funcgate-owner={OWNER}",)
FOREIGN = ("funcgate-owner=prod/shop/other", "funcgate-created")
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
NONE = {"id": a_binding().spec.function_app.id, "key": {"source": "None"}}
NEIGHBOUR = Neighbour(name="shop/other", older=True, client_id="c", allowed=frozenset())


def holding(value: str, tags: tuple[str, ...] = (), **more: Any) -> StubApim:
    seen = NamedValue(name=NAME, secret=True, tags=tags, etag='"1"')
    return StubApim(named_values={NAME: replace(seen, **more)}, values={NAME: Secret(value)})


async def passed(apim: StubApim, binding: Binding | None = None, **keys: str) -> tuple[Outcome, Pass]:
    """`keys` are the app's host keys; ours is there unless they are given."""
    apps = StubFunctionApps(keys=dict(keys or {KEY: "mine", "apim-contoso": "portal"}))
    return await run(NamedKey(apim, apps, lambda: NOW), binding or a_binding(), made_keys=frozenset(apps.keys))


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
    assert (outcome.true, apim.written, done.known.key_reference, done.known.held_key) == (True, [], NAME, KEY)


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


@pytest.mark.parametrize("tags", [ADOPTED, FOREIGN, ()])
async def test_our_key_in_whosever_named_value_is_one_that_the_app_must_have(tags: tuple[str, ...]) -> None:
    _, done = await passed(holding("mine", tags))
    assert done.known.wanted_keys == (KEY,)


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


# --- rotation

ROTATED = {"id": a_binding().spec.function_app.id, "key": {"source": "HostKey", "rotateAfter": "720h"}}
TURN = "funcgate-key-turn"
SINCE_NOW = "funcgate-key-since=2026-06-01T12:00:00Z"
BOTH = {KEY: "mine", IN_TURN: "in turn"}
AFTER, HOUR = 720 * 3600.0, 3600.0


def since(**ago: float) -> str:
    return f"funcgate-key-since={NOW - timedelta(**ago):%Y-%m-%dT%H:%M:%SZ}"


def rotated(*, operation: bool = False, proven: bool = False) -> Binding:
    verify = {"operation": "GET /ping"} if operation else {}
    return replace(a_binding(functionApp=ROTATED, verify=verify), proven=proven)


async def test_a_key_whose_age_nobody_knows_is_dated_from_now_on() -> None:
    apim = holding("mine", CREATED)
    outcome = await reconcile(apim, rotated())
    assert (outcome.true, apim.written) == (True, [("put", NAME, (*CREATED, SINCE_NOW), '"1"')])
    assert apim.values[NAME] == Secret("mine")
    apim.written.clear()
    assert ((await reconcile(apim, rotated())).true, apim.written) == (True, [])


async def turn(apim: StubApim, apps: StubFunctionApps, binding: Binding) -> Pass:
    """One pass of both aspects that have to do with keys."""

    async def is_gone(_: str) -> bool | None:
        return False

    aspects = [Given(host_name="x"), HostKey(apps), NamedKey(apim, apps, lambda: NOW)]
    done = await Engine(aspects, is_gone).reconcile(binding)
    assert done.done, done
    return done


async def test_a_key_that_is_old_enough_is_replaced_by_the_other_one_and_stays_valid() -> None:
    apim, apps = holding("mine", (*CREATED, since(days=30))), StubFunctionApps(keys={KEY: "mine"})
    begun = await turn(apim, apps, rotated())
    assert (apim.written, apps.written) == ([("tag", NAME, (*CREATED, since(days=30), TURN), '"1"')], [])
    assert begun.known.held_key == KEY
    apim.written.clear()
    done = await turn(apim, apps, rotated())
    assert apps.written == [("make", IN_TURN)]
    assert [each[:3] for each in apim.written] == [("put", NAME, (*CREATED, SINCE_NOW))]
    assert (set(apps.keys), apim.values[NAME]) == ({KEY, IN_TURN}, Secret(f"value of {IN_TURN}"))
    assert done.known.held_key == IN_TURN


async def test_a_turn_that_broke_off_goes_on_with_the_key_that_was_made() -> None:
    apim, apps = holding("mine", (*CREATED, since(days=30), TURN)), StubFunctionApps(keys=dict(BOTH))
    await turn(apim, apps, rotated())
    assert (apps.written, apim.values[NAME]) == ([], Secret("in turn"))


async def test_what_is_left_of_an_earlier_turn_is_never_sent_again() -> None:
    apim, apps = holding("mine", (*CREATED, since(days=30))), StubFunctionApps(keys=dict(BOTH))
    for _ in range(3):
        await turn(apim, apps, rotated())
    assert apps.written == [("delete", IN_TURN), ("make", IN_TURN)]
    assert apim.values[NAME] == Secret(f"value of {IN_TURN}")


LONG = 30 * 86400.0
STAGES: list[tuple[str, str | None, Any, float | None, bool, Rotation]] = [
    ("young enough", KEY, {KEY}, LONG - 1, False, Rotation(wanted=(KEY,))),
    ("old enough", KEY, {KEY}, LONG, False, Rotation(wanted=(KEY,), turn="due")),
    ("of unknown age", KEY, {KEY}, None, False, Rotation(wanted=(KEY,))),
    ("a turn is begun", KEY, {KEY}, LONG, True, Rotation(wanted=(IN_TURN, KEY), turn="begun")),
    ("and its key is made", KEY, BOTH, LONG, True, Rotation(wanted=(IN_TURN, KEY), turn="begun")),
    ("the turn of the first one", IN_TURN, {IN_TURN}, LONG, True, Rotation(wanted=(KEY, IN_TURN), turn="begun")),
    ("the former one is still sent here and there", IN_TURN, BOTH, HOUR - 1, False, Rotation(wanted=(IN_TURN, KEY))),
    ("the former one is not sent any more", IN_TURN, BOTH, HOUR, False, Rotation(wanted=(IN_TURN,))),
    ("what is left goes before a turn", KEY, BOTH, LONG, False, Rotation(wanted=(KEY,))),
    ("no key at all", None, set(), None, False, Rotation(wanted=(KEY,))),
    ("the named value was changed by hand", None, {IN_TURN}, LONG, False, Rotation(wanted=(IN_TURN,))),
    ("somebody else's", "apim-contoso", {"apim-contoso"}, None, False, Rotation(wanted=(KEY,))),
]


@pytest.mark.parametrize(
    ("held", "there", "age", "begun", "expected"), [each[1:] for each in STAGES], ids=[each[0] for each in STAGES]
)
def test_which_keys_the_app_must_have(
    held: str | None, there: Any, age: float | None, begun: bool, expected: Rotation
) -> None:
    assert rotation(rotated(), held, there, age, begun=begun) == expected


@pytest.mark.parametrize(("proven", "age", "kept"), [(False, HOUR, True), (True, HOUR, False), (False, AFTER, False)])
def test_the_former_key_stays_until_a_call_came_out_well(proven: bool, age: float, kept: bool) -> None:
    assert (KEY in rotation(rotated(operation=True, proven=proven), IN_TURN, BOTH, age).wanted) is kept


def test_without_rotation_a_key_that_is_left_goes() -> None:
    assert rotation(a_binding(), KEY, BOTH, None) == Rotation(wanted=(KEY,))


async def test_an_imports_key_is_not_rotated_without_leave_to_adopt() -> None:
    apim = holding("portal")
    outcome = await reconcile(apim, replace(rotated(), spec=a_binding(functionApp=ROTATED, adopt=False).spec))
    assert (outcome.reason, apim.written) == ("Conflict", [])


async def test_with_leave_to_adopt_ours_takes_the_place_of_the_imports_key() -> None:
    apim = holding("portal")
    outcome = await reconcile(apim, rotated())
    assert (outcome.true, apim.values[NAME]) == (True, Secret("mine"))
    assert apim.written == [("put", NAME, (*ADOPTED, SINCE_NOW), '"1"')]


async def test_a_date_that_somebody_broke_is_written_anew() -> None:
    apim = holding("mine", (*CREATED, "funcgate-key-since=yesterday"))
    await reconcile(apim, rotated())
    assert apim.written == [("put", NAME, (*CREATED, SINCE_NOW), '"1"')]


async def test_a_key_that_is_put_back_keeps_its_age() -> None:
    apim = holding("changed by hand", (*CREATED, since(days=3)))
    await reconcile(apim, rotated())
    assert apim.written == [("put", NAME, (*CREATED, since(days=3)), '"1"')]
