from typing import Any

import pytest

from builders import OWNER, SITE, a_binding
from funcgate.aspects.backend import Backend
from funcgate.azure import ANY
from funcgate.engine import Outcome
from funcgate.errors import Rejected
from funcgate.model import Action, Drift
from funcgate.spec import Binding
from stubs import StubApim, a_backend, run

FACTS = {"host_name": "orders-abc.azurewebsites.net", "route_prefix": "v1", "key_reference": "orders-fn-key"}
URL = "https://orders-abc.azurewebsites.net/v1"
OURS = f"orders-fn [funcgate owner={OWNER} created]"
ADOPTED = f"orders-fn [funcgate owner={OWNER} adopted]"
FOREIGN = "orders-fn [funcgate owner=prod/shop/other created]"


async def reconcile(apim: StubApim, binding: Binding | None = None, **facts: Any) -> Outcome:
    outcome, _ = await run(Backend(apim, "https://management.azure.com"), binding or a_binding(), **(FACTS | facts))
    return outcome


def holding(**changes: Any) -> StubApim:
    return StubApim(backends={"orders-fn": a_backend(**changes)})


async def test_an_absent_backend_is_created_with_address_key_and_mark() -> None:
    apim = StubApim()
    outcome = await reconcile(apim)
    properties = {
        "url": URL,
        "protocol": "http",
        "description": f"[funcgate owner={OWNER} created]",
        "credentials": {"header": {"x-functions-key": ["{{orders-fn-key}}"]}},
        "resourceId": f"https://management.azure.com{SITE}",
    }
    assert apim.written == [("put", "orders-fn", properties, None)]
    assert (outcome.true, outcome.changes[0].action) == (True, Action.CREATE)
    assert outcome.message == f"Backend orders-fn points at {URL} and sends the key from named value orders-fn-key."


async def test_our_backend_that_is_as_wished_is_left_alone() -> None:
    apim = holding(description=OURS)
    assert ((await reconcile(apim)).true, apim.written) == (True, [])


async def test_the_imports_backend_is_adopted_and_keeps_its_description() -> None:
    apim = holding(url="https://orders-fn.azurewebsites.net/api")
    outcome = await reconcile(apim)
    assert apim.backends["orders-fn"].description == ADOPTED
    assert outcome.changes[0].drifts == (
        Drift(field="url", wanted=URL, seen="https://orders-fn.azurewebsites.net/api"),
    )
    assert apim.written[0][3] == '"1"'


async def test_an_unmarked_backend_is_a_conflict_without_adopt() -> None:
    apim = holding()
    outcome = await reconcile(apim, a_binding(adopt=False))
    assert (outcome.reason, outcome.stalled, apim.written) == ("Conflict", True, [])


@pytest.mark.parametrize(
    ("change", "field", "reason"),
    [
        ({"url": "https://elsewhere.example"}, "url", "pointed elsewhere by hand"),
        ({"header_credentials": {}}, "key", "the key's header was removed"),
        ({"header_credentials": {"X-Functions-Key": ("(hidden)",)}}, "key", "a literal key was put there"),
        ({"header_credentials": {"x-functions-key": ("{{a}}", "{{b}}")}}, "key", "two keys are none"),
    ],
)
async def test_drift_is_found_by_field_and_mended(change: dict[str, Any], field: str, reason: str) -> None:
    apim = holding(description=OURS, **change)
    outcome = await reconcile(apim)
    assert ([each.field for each in outcome.changes[0].drifts], outcome.true) == ([field], True), reason


@pytest.mark.parametrize(
    ("url", "seen"),
    [
        ("https://user:secret@old.example/api?code=secret", "https://old.example/api?…"),
        ("https://old.example/api", "https://old.example/api"),
        ("https://[x/", "(not an address)"),
    ],
)
async def test_what_may_be_secret_in_an_address_is_not_shown(url: str, seen: str) -> None:
    outcome = await reconcile(holding(description=OURS, url=url))
    assert [drift.seen for drift in outcome.changes[0].drifts] == [seen]


async def test_another_named_value_gives_way_to_the_one_that_is_known_to_hold_a_key() -> None:
    apim = holding(description=OURS, header_credentials={"x-functions-key": ("{{ team-key }}",)})
    await reconcile(apim)
    assert apim.written[0][2]["credentials"] == {"header": {"x-functions-key": ["{{orders-fn-key}}"]}}


async def test_where_no_key_is_sent_the_header_goes() -> None:
    apim = holding(description=OURS)
    outcome = await reconcile(apim, key_reference="")
    assert apim.written[0][2]["credentials"] == {"header": {"x-functions-key": None}}
    assert [drift.field for drift in outcome.changes[0].drifts] == ["key"]


async def test_a_trailing_slash_is_no_drift() -> None:
    apim = holding(description=OURS, url=f"{URL}/")
    assert ((await reconcile(apim)).true, apim.written) == (True, [])


async def test_an_empty_route_prefix_leaves_the_bare_host() -> None:
    apim = StubApim()
    await reconcile(apim, route_prefix="")
    assert apim.written[0][2]["url"] == "https://orders-abc.azurewebsites.net"


async def test_another_bindings_backend_serves_as_it_is() -> None:
    apim = holding(description=FOREIGN)
    assert ((await reconcile(apim)).true, apim.written) == (True, [])


async def test_another_bindings_backend_that_points_elsewhere_is_a_conflict() -> None:
    apim = holding(description=FOREIGN, url="https://elsewhere.example")
    assert ((await reconcile(apim)).reason, apim.written) == ("Conflict", [])


async def test_deletion_removes_the_backend_that_we_made() -> None:
    apim = holding(description=OURS)
    await reconcile(apim, a_binding(deleting=True))
    assert apim.written == [("delete", "orders-fn", '"1"')]


async def test_deletion_leaves_an_adopted_backend_without_our_mark() -> None:
    apim = holding(description=ADOPTED)
    outcome = await reconcile(apim, a_binding(deleting=True))
    assert apim.written == [("put", "orders-fn", {"description": "orders-fn"}, ANY)]
    assert outcome.changes[0].action is Action.RELEASE


async def test_deletion_leaves_a_backend_that_others_use_without_our_mark() -> None:
    apim = holding(description=f"[funcgate owner={OWNER} created]")
    apim.refuses_delete = Rejected("in use", reason="ValidationError")
    await reconcile(apim, a_binding(deleting=True))
    assert apim.backends["orders-fn"].description == "orders-fn"


@pytest.mark.parametrize("apim", [StubApim(), holding(description=FOREIGN), holding()])
async def test_deletion_touches_nothing_that_is_not_ours(apim: StubApim) -> None:
    outcome = await reconcile(apim, a_binding(deleting=True))
    assert (outcome.true, apim.written) == (True, [])
