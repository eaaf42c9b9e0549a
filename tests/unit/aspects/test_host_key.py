from typing import Any

import pytest

from builders import a_binding
from funcgate.aspects.host_key import HostKey
from funcgate.engine import Outcome
from funcgate.errors import TryAgain
from funcgate.names import host_key_names
from funcgate.spec import Binding, Neighbour
from stubs import StubFunctionApps, run

OURS, IN_TURN = host_key_names(a_binding())
NONE = {"id": a_binding().spec.function_app.id, "key": {"source": "None"}}
NEIGHBOUR = Neighbour(name="shop/other", older=True, client_id="c", allowed=frozenset())


async def reconcile(apps: StubFunctionApps, binding: Binding | None = None, **facts: Any) -> Outcome:
    outcome, _ = await run(
        HostKey(apps), binding or a_binding(), **({"host_name": "x", "held_key": OURS, "wanted_keys": (OURS,)} | facts)
    )
    return outcome


async def test_a_missing_key_is_made_by_the_host_under_this_bindings_name() -> None:
    apps = StubFunctionApps()
    outcome = await reconcile(apps)
    assert apps.written == [("make", OURS)]
    assert (outcome.true, outcome.message) == (True, f"The function app knows host key {OURS}.")


async def test_a_key_that_is_there_is_left_alone() -> None:
    apps = StubFunctionApps(keys={OURS: "x"})
    assert ((await reconcile(apps)).true, apps.written) == (True, [])


async def test_no_key_is_made_where_the_gateway_holds_another_valid_one() -> None:
    apps = StubFunctionApps(keys={"apim-contoso": "x"})
    outcome = await reconcile(apps, held_key="apim-contoso", wanted_keys=())
    assert (outcome.message, apps.written) == ("The function app knows host key apim-contoso.", [])


async def test_a_new_key_is_made_beside_the_one_that_is_sent() -> None:
    apps = StubFunctionApps(keys={OURS: "x"})
    outcome = await reconcile(apps, wanted_keys=(IN_TURN, OURS))
    assert (apps.written, set(apps.keys)) == ([("make", IN_TURN)], {OURS, IN_TURN})
    assert outcome.message == f"The function app knows host key {IN_TURN}, and {OURS} for a while yet."


async def test_a_former_key_goes_once_it_is_not_wanted_any_more() -> None:
    apps = StubFunctionApps(keys={OURS: "x", IN_TURN: "y", "default": "d"})
    outcome = await reconcile(apps, wanted_keys=(IN_TURN,))
    assert (outcome.true, apps.keys) == (True, {IN_TURN: "y", "default": "d"})


async def test_where_no_key_is_wanted_ours_goes() -> None:
    apps = StubFunctionApps(keys={OURS: "x", "default": "d"})
    outcome = await reconcile(apps, a_binding(functionApp=NONE))
    assert (outcome.message, apps.keys) == ("No host key is sent.", {"default": "d"})


async def test_deletion_takes_our_key_and_no_other() -> None:
    apps = StubFunctionApps(keys={OURS: "x", IN_TURN: "y", "default": "d"})
    await reconcile(apps, a_binding(deleting=True))
    assert apps.keys == {"default": "d"}


async def test_a_key_that_a_neighbour_may_send_is_left() -> None:
    apps = StubFunctionApps(keys={OURS: "x"})
    await reconcile(apps, a_binding(deleting=True, neighbours=(NEIGHBOUR,)))
    assert apps.keys == {OURS: "x"}


async def test_a_host_that_is_down_is_waited_for() -> None:
    apps = StubFunctionApps(keys=TryAgain("the functions host does not answer", reason="HostRuntimeDown"))
    outcome = await reconcile(apps)
    assert (outcome.status, outcome.reason, outcome.stalled) == ("Unknown", "HostRuntimeDown", False)


async def test_no_key_is_made_before_it_is_known_what_the_gateway_holds() -> None:
    apps = StubFunctionApps()
    outcome = await reconcile(apps, wanted_keys=None)
    assert (outcome.status, outcome.reason, apps.written) == ("Unknown", "Waiting", [])


async def test_a_deletion_that_the_host_stops_says_which_key_is_left() -> None:
    apps = StubFunctionApps(keys=TryAgain("the functions host does not answer", reason="HostRuntimeDown"))
    outcome = await reconcile(apps, a_binding(deleting=True))
    assert (outcome.reason, outcome.stalled, OURS in outcome.message) == ("HostRuntimeDown", True, True)


async def test_what_passes_only_delays_a_deletion() -> None:
    apps = StubFunctionApps(keys=TryAgain("slow down", reason="Throttled"))
    outcome = await reconcile(apps, a_binding(deleting=True))
    assert (outcome.reason, outcome.stalled) == ("Throttled", False)


@pytest.mark.parametrize("changes", [{"functionApp": NONE}, {}])
def test_the_key_is_wanted_unless_the_author_says_none(changes: dict[str, Any]) -> None:
    assert a_binding(**changes).spec.function_app.has_key is (not changes)
