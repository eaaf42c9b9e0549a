"""
What a plan shows is what the pass after it writes, in that order: over set-ups that are broken at random.

A plan is made, then a pass, and both are held against the log of the simulated Azure. Where a fact is known only after
a write, the plan says who waits for it, and shows of the others what the pass writes. Writes that nothing orders may
come in any order: those of one phase, of parts that need nothing of each other.
"""

import random
import re
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cache
from itertools import combinations
from typing import Any
from unittest.mock import sentinel

import pytest

from azuresim.scenarios import put
from azuresim.web import http_function, site_of
from azuresim.world import Call
from funcgate.aspects import all_aspects
from funcgate.azure import Azure, Endpoints
from funcgate.engine import Pass, Write
from funcgate.spec import Binding
from integration.azure_stage import BOTH, NAMED, SYSTEM, Stage, is_write
from integration.test_drift import DRIFTS
from integration.test_rows import ROWS, done_by_hand, nobody_imported_it

SEEDS = range(30)
ROUNDS = 3
LATER = 3600  # by then the clients no longer know by heart what they made
WAITS = re.compile(r"\bwaits for .+, from (\w+)|\bwaits for (\w+)$")
FOREIGN = "<!-- funcgate: owner=prod/shop/somebody-else -->"

ByHand = Callable[[Stage], object]


# --- what is broken


def a_foreign_mark(stage: Stage) -> None:
    stage.backend["description"] = "[funcgate owner=prod/shop/somebody-else created]"
    stage.world.arm.touch(stage.team.backend_id)


def a_foreign_policy(stage: Stage) -> None:
    stage.put_policy(f"<policies><inbound>{FOREIGN}<base /></inbound><outbound><base /></outbound></policies>")


def other_functions(*names: str) -> ByHand:
    """Only these are deployed, beside one that was there."""

    def change(stage: Stage) -> None:
        site = site_of(stage.world, stage.team.site_id)
        site.deploy([*site.functions[:1], *(http_function(each, methods=["get"], route=each) for each in names)])
        site.sync()

    return change


def no_functions_listed(stage: Stage) -> None:
    site_of(stage.world, stage.team.site_id).listed.clear()


def no_service_principal(stage: Stage) -> None:
    made = [each["appId"] for each in stage.world.entra.applications.values() if each.get("uniqueName")]
    stage.world.entra.service_principals.pop(next(_principals(stage, made)))


def no_application(stage: Stage) -> None:
    made = [key for key, each in stage.world.entra.applications.items() if each.get("uniqueName")]
    client_ids = [stage.world.entra.applications.pop(each)["appId"] for each in made]
    for each in list(_principals(stage, client_ids)):
        stage.world.entra.service_principals.pop(each)


def _principals(stage: Stage, client_ids: Sequence[str]) -> Iterator[str]:
    return (key for key, each in stage.world.entra.service_principals.items() if each["appId"] in client_ids)


def both_identities(stage: Stage) -> None:
    stage.give_identity(BOTH)


BY_HAND: Mapping[str, ByHand] = {
    **{f"{row.name} {name}": by_hand for row in ROWS for name, by_hand in row.breaks.items()},
    **{name: drifted.by_hand for name, drifted in DRIFTS.items()},
    "foreign mark": a_foreign_mark,
    "foreign policy": a_foreign_policy,
    "other functions": other_functions("one", "two"),
    "more functions": other_functions(*(f"function{each}" for each in range(12))),
    "no functions": no_functions_listed,
    "no service principal": no_service_principal,
    "no application": no_application,
    "both identities": both_identities,
}


def a_spec(stage: Stage, choose: random.Random, *, adopt: bool) -> dict[str, Any]:
    """A manifest that anybody may write."""
    team = stage.team
    put(stage.world, f"{team.service_id}/products/planned", {"displayName": "Planned", "state": "published"})
    existing = {"type": "Existing", "clientId": team.client_id}
    policies: list[dict[str, Any]] = [{}, {"callerAuthorization": {"mode": "Forward"}}]
    policies += [{"scope": {"type": "Operations", "operations": ["GET /ping", "GET /orders"]}}]
    named = {"name": team.api_name} if adopt else {}
    return {
        "apiManagement": {"id": team.service_id, "identity": choose.choice([SYSTEM, SYSTEM, NAMED])},
        "functionApp": {"id": team.site_id} | choose.choice([{}, {}, {"key": {"source": "None"}}]),
        "api": {"path": team.api_path} | named | choose.choice([{}, {"products": ["planned"]}]),
        "entra": choose.choice([{}, {"registration": existing}, {"registration": {"type": "Managed"}}])
        | choose.choice([{}, {}, {"requireAssignment": True}]),
        "policy": choose.choice(policies),
    } | choose.choice([{"adopt": True}, {"adopt": True}, {}] if adopt else [{}])


def of(spec: Mapping[str, Any], *, deleting: bool = False) -> Binding:
    metadata = {"namespace": "shop", "name": "orders", "generation": 1}
    metadata |= {"deletionTimestamp": "2026-01-01T00:00:00Z"} if deleting else {}
    return Binding.of({"metadata": metadata, "spec": dict(spec)}, instance_id="prod")


# --- what must be so


ASPECTS = all_aspects(Azure(*([sentinel.client] * len(Azure.__dataclass_fields__))), Endpoints())
OWN_PHASE = {each.condition: each.phase for each in ASPECTS}
"""What is written later than that, others have not to wait for."""


@cache
def needed_by(condition: str) -> frozenset[str]:
    """The conditions whose parts come before this one's, since it needs facts of them."""
    givers = {fact: each.condition for each in ASPECTS for fact in each.gives}
    direct = {givers[fact] for each in ASPECTS if each.condition == condition for fact in each.needs}
    return frozenset(direct.union(*map(needed_by, direct)))


def ordered(first: Write, then: Write, *, deleting: bool) -> bool:
    """Whether these two may not change places."""
    if first.phase is not then.phase or (first.condition, first.key) == (then.condition, then.key):
        return True
    giver, taker = (then, first) if deleting else (first, then)
    return giver.condition in needed_by(taker.condition) and (deleting or giver.phase is OWN_PHASE[giver.condition])


PATHS: Sequence[tuple[str, str]] = (
    (r"identity", r"PATCH \S+/service/contoso"),
    (r"application", r"(PATCH|DELETE) \S*/applications\S+|POST \S*/applications\S*"),
    (r"servicePrincipal", r"(POST|PATCH) \S*/servicePrincipals(/[^/]+)?"),
    (r"appRoleAssignment/.*", r"POST \S+/appRoleAssignedTo"),
    (r"host/functionKeys/(.*)", r"(PUT|DELETE) \S+/host/default/functionkeys/\1"),
    (r"(namedValues|backends|apis)/([^/]+)", r"(PUT|PATCH|DELETE) \S+/service/contoso/\1/\2"),
    (r"apis/([^/]+)/operations/(?!.*/policies/policy$).*", r"(PUT|DELETE) \S+/apis/\1/operations/[^/]+"),
    (r"products/([^/]+)/apis/([^/]+)", r"PUT \S+/products/\1/apis/\2"),
    (r"(apis/.*/policies/policy)", r"(PUT|DELETE) \S+/\1"),
    (r"(config/authsettingsV2)", r"PUT \S+/\1"),
)
"""By what kind of call a document is written, by its key."""


def is_of(call: Call, write: Write) -> bool:
    """Whether this is how that is written."""
    path, key = next((path, found) for key, path in PATHS if (found := re.fullmatch(key, write.key)))
    for place, part in enumerate(key.groups(), start=1):
        path = path.replace(f"\\{place}", re.escape(part))
    return bool(re.fullmatch(path, f"{call.method} {call.path}", re.IGNORECASE))


def places(calls: Sequence[Call], writes: Sequence[Write]) -> list[list[int]]:
    """For each write the places of its calls in the log; each call is one write's, an application may take several."""
    found: list[list[int]] = [[] for _ in writes]
    for place, call in enumerate(calls):
        mine = [index for index, write in enumerate(writes) if is_of(call, write)]
        assert mine, f"{call.method} {call.path} is in no plan"
        free = [index for index in mine if not found[index]]
        found[free[0] if free else mine[-1]].append(place)
    return found


def bare(writes: Iterable[Write]) -> list[Write]:
    return [replace(each, diff=(), made=True) for each in writes]


def waiting(plan: Pass) -> dict[str, str]:
    """Who waits for whom, as the plan says."""
    found = {each.condition: WAITS.search(each.message) for each in plan.outcomes}
    return {condition: said[1] or said[2] for condition, said in found.items() if said}


def hold(plan: Pass, done: Pass, calls: Sequence[Call]) -> None:
    """The plan against the pass, and the pass against the log."""
    shown, made = bare(plan.changes), bare(done.changes)
    rest = iter(made)
    assert all(each in rest for each in shown), f"not written, or in another order: {shown} / {made}"
    announced = waiting(plan)
    writers = {each.condition for each in shown} | announced.keys()
    assert {each.condition for each in made if each not in shown} <= announced.keys(), (announced, made)
    assert set(announced.values()) <= writers | {each.condition for each in plan.outcomes if not each.true}

    at = places(calls, made)
    deleting = plan.binding.deleting
    assert all(at), f"not in the log: {[each for each, found in zip(made, at, strict=True) if not found]}"
    for (one, before), (other, after) in combinations(zip(made, at, strict=True), 2):
        if ordered(one, other, deleting=deleting):
            assert before[-1] < after[0], f"{one.key} comes before {other.key}, and did not"


async def plan_and_pass(stage: Stage, binding: Binding) -> Pass:
    """One of each, held against each other."""
    plan = await stage.reconcile(binding, dry_run=True)
    assert stage.writes() == []
    done = await stage.reconcile(binding)
    hold(plan, done, [call for call in stage.calls() if is_write(call) and call.status < 300])
    return done


@pytest.fixture(params=SEEDS)
def choose(request: pytest.FixtureRequest) -> random.Random:
    return random.Random(request.param)


@pytest.fixture
async def stage(choose: random.Random) -> AsyncIterator[Stage]:
    async with choose.choice([done_by_hand, nobody_imported_it])() as stage:
        yield stage


async def test_what_a_plan_shows_is_what_the_pass_writes(stage: Stage, choose: random.Random) -> None:
    spec = a_spec(stage, choose, adopt=stage.team.name == "orders")
    history: list[str] = [str(spec)]
    try:
        for _ in range(ROUNDS):
            await plan_and_pass(stage, of(spec))
            await plan_and_pass(stage, of(spec))
            for name in choose.sample(sorted(BY_HAND), choose.randint(1, 4)):
                with suppress(AssertionError, LookupError, StopIteration, TypeError, ValueError):  # nothing to break
                    history.append(name)
                    BY_HAND[name](stage)
            stage.later(LATER)
        await plan_and_pass(stage, of(spec, deleting=True))
    except AssertionError as wrong:
        wrong.add_note("\n".join(history))
        raise
