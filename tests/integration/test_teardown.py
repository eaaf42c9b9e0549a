"""A binding that goes takes what is its own along, leaves the rest, keeps the door closed, and ends or says why not."""

import copy
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import pytest

from azuresim.web import Runtime, site_of
from integration.azure_stage import NAMED, SYSTEM, Stage, on_stage, outcome, troubles

OTHERS = """<policies>
  <inbound><base /><set-header name="x-team"><value>blue</value></set-header></inbound>
  <backend><base /></backend>
  <outbound><base /><set-header name="x-powered-by" exists-action="delete" /></outbound>
  <on-error><base /></on-error>
</policies>"""


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    """The binding is settled."""
    async with on_stage(check_contracts=False) as stage:
        stage.add_identities()
        stage.give_identity(SYSTEM)
        await stage.settled()
        yield stage


async def test_the_statements_leave_and_an_empty_policy_goes_with_them(stage: Stage) -> None:
    done = await stage.settled(stage.binding(deleting=True))

    assert stage.writes() == ["DELETE policies/policy", "PUT backends/orders-fn"]
    assert stage.world.arm.get(stage.policy_id) is None
    assert [(str(write.action), write.key) for write in done.changes] == [
        ("delete", "apis/orders/policies/policy"),
        ("release", "backends/orders-fn"),
    ]


async def test_what_others_wrote_into_the_policy_stays() -> None:
    async with on_stage() as stage:
        stage.put_policy(OTHERS)
        before = stage.policy
        await stage.settled()

        await stage.settled(stage.binding(deleting=True))

        assert stage.policy == before


async def test_the_door_stays_as_closed_as_it_was(stage: Stage) -> None:
    before = copy.deepcopy(stage.auth)

    await stage.settled(stage.binding(deleting=True))

    assert stage.auth == before
    assert stage.door_is_closed()
    assert (await stage.past_the_gateway(**{"x-functions-key": stage.team.host_key})).status == 401


async def test_the_identity_stays(stage: Stage) -> None:
    await stage.settled(stage.binding(identity=NAMED))
    before = copy.deepcopy(stage.service.body["identity"])

    await stage.settled(stage.binding(identity=NAMED, deleting=True))

    assert stage.service.body["identity"] == before


async def test_an_adopted_backend_is_left_as_the_import_made_it() -> None:
    async with on_stage() as stage:
        before = copy.deepcopy(stage.backend)
        await stage.settled()

        await stage.settled(stage.binding(deleting=True))

        assert stage.backend == before


def without_operation_policies(stage: Stage) -> None:
    """Nobody but us names the backend."""
    for operation in stage.team.operation_ids:
        stage.world.arm.delete(f"{operation}/policies/policy")


async def test_a_backend_that_we_made_is_deleted(stage: Stage) -> None:
    without_operation_policies(stage)
    stage.world.arm.delete(stage.team.backend_id)
    await stage.settled()

    await stage.settled(stage.binding(deleting=True))

    assert stage.writes() == ["DELETE policies/policy", "DELETE backends/orders-fn"]
    assert stage.world.arm.get(stage.team.backend_id) is None


async def test_a_backend_that_we_made_and_others_use_is_left_without_our_mark(stage: Stage) -> None:
    stage.world.arm.delete(stage.team.backend_id)
    await stage.settled()

    await stage.settled(stage.binding(deleting=True))

    assert "funcgate" not in stage.backend["description"]
    assert (await stage.settled(stage.binding(deleting=True))).changes == ()


async def test_a_second_teardown_writes_nothing(stage: Stage) -> None:
    await stage.settled(stage.binding(deleting=True))

    done = await stage.settled(stage.binding(deleting=True))

    assert stage.writes() == []
    assert done.changes == ()


async def test_nothing_is_torn_down_that_was_never_built() -> None:
    async with on_stage(check_contracts=False) as stage:
        await stage.settled(stage.binding(deleting=True))

        assert stage.writes() == []


async def test_orphaned_things_are_left_as_they_are_without_a_call(stage: Stage) -> None:
    done = await stage.settled(stage.binding(deleting=True, deletionPolicy="Orphan"))

    assert stage.calls() == []
    assert done.changes == ()


async def test_what_carries_another_owners_mark_is_not_touched(stage: Stage) -> None:
    stage.backend["description"] = "orders-fn [funcgate owner=prod/shop/somebody-else created]"
    stage.put_policy(stage.policy.replace("owner=prod/shop/orders", "owner=prod/shop/somebody-else"))

    await stage.settled(stage.binding(deleting=True))

    assert stage.writes() == []


async def test_a_dry_run_of_a_deletion_writes_nothing(stage: Stage) -> None:
    done = await stage.reconcile(stage.binding(deleting=True), dry_run=True)

    assert stage.writes() == []
    assert {write.key for write in done.changes} == {"backends/orders-fn", "apis/orders/policies/policy"}


# --- what is gone already


def gone(which: Callable[[Stage], str]) -> Callable[[Stage], object]:
    return lambda stage: stage.world.arm.delete(which(stage))


GONE: Mapping[str, Callable[[Stage], object]] = {
    "the_policy": gone(lambda stage: stage.policy_id),
    "the_api": gone(lambda stage: stage.team.api_id),
    "the_backend": gone(lambda stage: stage.team.backend_id),
    "the_service": gone(lambda stage: stage.team.service_id),
    "the_site": gone(lambda stage: stage.team.site_id),
    "service_and_site": lambda stage: [
        stage.world.arm.delete(each) for each in (stage.team.service_id, stage.team.site_id)
    ],
    "the_group": lambda stage: stage.world.arm.remove_group(stage.team.group_id),
    "the_registration": lambda stage: stage.world.entra.applications.clear(),
    "the_identity": lambda stage: stage.give_identity(None),
}


@pytest.mark.parametrize("by_hand", GONE.values(), ids=GONE)
async def test_what_is_gone_already_stops_no_deletion(stage: Stage, by_hand: Callable[[Stage], object]) -> None:
    by_hand(stage)

    await stage.settled(stage.binding(deleting=True))

    ours = [document.body for document in stage.world.arm.documents.values() if "funcgate" in str(document.body)]
    assert ours == []
    assert (await stage.settled(stage.binding(deleting=True))).changes == ()


async def test_a_functions_host_that_is_down_keeps_only_the_key(stage: Stage) -> None:
    site = site_of(stage.world, stage.team.site_id)
    site.runtime = Runtime.UNAVAILABLE

    first = await stage.reconcile(stage.binding(deleting=True))
    assert set(troubles(first)) == {"HostKeyReady"}
    assert "detach-on-delete" in first.conditions[0].message
    assert "funcgate" not in str(stage.backend)

    site.runtime = Runtime.UP
    await stage.settled(stage.binding(deleting=True))


# --- what stops it


def no_subscription(stage: Stage) -> None:
    """The operator lost its last role there, or the subscription moved: both look the same."""
    for key in [key for key in stage.world.arm.documents if key.startswith("/subscriptions/")]:
        del stage.world.arm.documents[key]


def broken_policy(stage: Stage) -> None:
    stage.world.arm.need(stage.policy_id).properties["value"] = "<policies><inbound><base /></policies>"


def denied(*actions: str) -> Callable[[Stage], None]:
    return lambda stage: stage.world.denied.update(actions)


def gone_and_denied(*actions: str) -> Callable[[Stage], None]:
    def change(stage: Stage) -> None:
        stage.world.arm.remove_group(stage.team.group_id)
        stage.world.denied.update(actions)

    return change


BLOCKED: Mapping[str, tuple[Callable[[Stage], Any], str, str, str]] = {
    "subscription_not_to_be_seen": (no_subscription, "PolicyReady", "DeleteBlocked", "may also be a lost right"),
    "group_gone_and_subscription_not_readable": (
        gone_and_denied("microsoft.resources/subscriptions/read"),
        "PolicyReady",
        "DeleteBlocked",
        "may also be a lost right",
    ),
    "policy_not_readable": (
        denied("microsoft.apimanagement/service/apis/policies/read"),
        "PolicyReady",
        "AuthorizationFailed",
        "assign its identity a role",
    ),
    "policy_not_deletable": (
        denied("microsoft.apimanagement/service/apis/policies/delete"),
        "PolicyReady",
        "AuthorizationFailed",
        "Microsoft.ApiManagement/service/apis/policies/delete",
    ),
    "backend_not_writable": (
        denied("microsoft.apimanagement/service/backends/write"),
        "BackendReady",
        "AuthorizationFailed",
        "Microsoft.ApiManagement/service/backends/write",
    ),
    "policy_unreadable": (broken_policy, "PolicyReady", "PolicyUnreadable", "correct it there"),
    "locked": (
        lambda stage: stage.world.arm.lock(stage.team.service_id, "CanNotDelete"),
        "PolicyReady",
        "ScopeLocked",
        "remove the lock",
    ),
}


@pytest.mark.parametrize(("by_hand", "condition", "reason", "says"), BLOCKED.values(), ids=BLOCKED)
async def test_a_deletion_that_cannot_end_says_why_and_what_releases_it(
    stage: Stage, by_hand: Callable[[Stage], Any], condition: str, reason: str, says: str
) -> None:
    by_hand(stage)

    done = await stage.reconcile(stage.binding(deleting=True))

    assert not done.done
    found = outcome(done, condition)
    assert (found.reason, found.stalled) == (reason, True), troubles(done)
    assert says in found.message
    ready = done.conditions[0]
    assert ready.reason == "DeleteBlocked"
    assert says in ready.message
    assert "detach-on-delete" in ready.message


async def test_a_backend_that_may_not_be_deleted_blocks_and_names_the_right(stage: Stage) -> None:
    without_operation_policies(stage)
    stage.world.arm.delete(stage.team.backend_id)
    await stage.settled()
    stage.world.denied.add("microsoft.apimanagement/service/backends/delete")

    done = await stage.reconcile(stage.binding(deleting=True))

    found = outcome(done, "BackendReady")
    assert (found.reason, found.stalled) == ("AuthorizationFailed", True)
    assert "Microsoft.ApiManagement/service/backends/delete" in found.message


async def test_a_group_that_may_not_be_read_proves_nothing(stage: Stage) -> None:
    stage.world.arm.delete(stage.team.service_id)
    stage.world.denied.add("microsoft.resources/subscriptions/resourcegroups/read")

    done = await stage.reconcile(stage.binding(deleting=True))

    in_the_service = [
        each for each in done.outcomes if each.condition not in ("HostKeyReady", "ApiReady", "AppRegistrationReady")
    ]
    assert {each.reason for each in in_the_service} == {"DeleteBlocked"}


async def test_what_passes_only_delays_a_deletion(stage: Stage) -> None:
    stage.world.faults.add(method="DELETE", path="*/policies/policy", status=409, body={"error": {"code": "Busy"}})

    first = await stage.reconcile(stage.binding(deleting=True))
    await stage.settled(stage.binding(deleting=True))

    assert not first.done
    assert first.conditions[2].status == "False"
    assert "funcgate" not in str(stage.backend)
