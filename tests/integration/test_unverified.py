"""
Whatever Azure does where nobody could verify it: the binding settles, drift is mended, the end is clean, the door shut.

Every value of every switch of the simulated Azure that has a closed set of values is tried, one at a time.
"""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from azuresim.arm.role_assignments import assign_role
from azuresim.switches import Switches, alternatives
from integration.azure_stage import SYSTEM, Stage, on_stage, troubles

PASSES = 6
MEASURES = {
    "operation_polls": 2,
    "operation_seconds": 0.0,
    "operation_retry_after": None,
    "graph_visibility_seconds": 45.0,
    "graph_page_size": 1,
    "arm_page_size": 1,
    "arm_registration_polls": 2,
    "arm_role_propagation_seconds": 45.0,
    "apim_page_size": 1,
    "apim_trace_ready_seconds": 5.0,
    "sign_in_delivery_seconds": 600.0,
    "activity_log_seconds": 600.0,
}
"""Values of switches that are numbers; those of which every value is tried come from `alternatives`."""

CASES = [*alternatives(), *((name, value) for name, value in MEASURES.items())]


@pytest.fixture(params=CASES, ids=[f"{name}={value}" for name, value in CASES])
async def stage(request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    name, value = request.param
    async with on_stage(check_contracts=False) as stage:
        operator = stage.world.entra.principal(stage.team.operator_client_id)
        assert operator is not None
        assign_role(stage.world, operator["id"], "Contributor", stage.team.group_id)  # counts where roles are enforced
        setattr(stage.world.switches, name, value)
        yield stage


async def settled(stage: Stage, **binding: Any) -> None:
    """Passes until nothing is left to do; time goes by between them, as it does."""
    for _ in range(PASSES):
        done = await stage.reconcile(stage.binding(**binding))
        if done.done:
            return
        stage.world.clock.advance(60)
    raise AssertionError(troubles(done))


def test_no_switch_is_left_out() -> None:
    assert {name for name, _ in CASES} == set(vars(Switches()))


async def test_the_binding_settles_drift_is_mended_and_the_end_is_clean(stage: Stage) -> None:
    await settled(stage)
    assert (await stage.through_the_gateway()).status == 200
    assert stage.door_is_closed()

    stage.put_auth({"platform": {"enabled": False}})
    await settled(stage)
    assert (await stage.through_the_gateway()).status == 200
    assert stage.door_is_closed()

    await stage.reconcile()
    assert stage.writes() == []

    await settled(stage, deleting=True)
    assert stage.door_is_closed()
    assert stage.world.arm.get(stage.policy_id) is None


async def test_an_identity_that_was_there_is_kept(stage: Stage) -> None:
    stage.add_identities()
    stage.give_identity(SYSTEM)
    await settled(stage)
    assert stage.service.body["identity"]["type"] == "SystemAssigned"
