"""Who changed something in Azure: the real client, against the simulated Activity Log."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest

from funcgate.azure import Writer
from funcgate.azure.activity import ActivityClient
from funcgate.errors import AccessDenied
from integration.azure_stage import Stage, on_stage

READ = "Microsoft.Insights/eventtypes/values/read"


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with on_stage() as stage:
        yield stage


def since(stage: Stage) -> datetime:
    return stage.world.clock.now() - timedelta(hours=1)


async def last_writer(stage: Stage, resource: str) -> Writer | None:
    return await stage.azure.activity.last_writer(resource, since(stage), {stage.team.operator_client_id})


async def stranger_changes_the_backend(stage: Stage) -> None:
    """Another automation of the tenant lets it point elsewhere."""
    url = f"{stage.team.backend_id}?api-version=2024-05-01"
    headers = stage.simulator.arm_headers(stage.team.stranger_client_id)
    body = {"properties": {"url": "https://elsewhere.example", "protocol": "http"}}
    answer = await stage.simulator.send("PUT", "", url, headers=headers, json=body)
    assert answer.status == 200


async def test_who_changed_something_by_hand_is_named(stage: Stage) -> None:
    await stage.settled()
    await stranger_changes_the_backend(stage)

    found = await last_writer(stage, stage.team.backend_id)

    assert found == Writer(
        who=stage.team.stranger_client_id,
        operation="Microsoft.ApiManagement/service/backends/write",
        at=stage.world.clock.now(),
    )
    assert found == await last_writer(stage, stage.team.service_id), "what lies below a resource counts too"


async def test_our_repair_does_not_hide_them(stage: Stage) -> None:
    await stage.settled()
    await stranger_changes_the_backend(stage)
    await stage.settled()

    found = await last_writer(stage, stage.team.backend_id)

    assert found is not None
    assert found.who == stage.team.stranger_client_id


async def test_where_children_are_not_found_under_a_resource_they_are_by_their_own_ids(stage: Stage) -> None:
    stage.world.switches.activity_log_children = False
    await stranger_changes_the_backend(stage)

    assert await last_writer(stage, stage.team.backend_id) is not None
    assert await last_writer(stage, stage.team.service_id) is None


async def test_with_our_own_writes_only_it_was_nobody(stage: Stage) -> None:
    await stage.settled()
    assert stage.writes()

    assert await last_writer(stage, stage.team.backend_id) is None
    assert await last_writer(stage, stage.team.service_id) is None


async def test_nobody_is_named_before_the_event_has_arrived(stage: Stage) -> None:
    stage.world.switches.activity_log_seconds = 600.0
    await stranger_changes_the_backend(stage)

    assert await last_writer(stage, stage.team.backend_id) is None


async def test_events_are_found_over_all_pages(stage: Stage) -> None:
    stage.world.switches.arm_page_size = 2
    await stranger_changes_the_backend(stage)
    await stage.settled()

    assert await last_writer(stage, stage.team.service_id) is not None


async def test_without_the_right_it_is_named(stage: Stage) -> None:
    stage.world.denied.add(READ.lower())

    with pytest.raises(AccessDenied, match=READ) as refused:
        await last_writer(stage, stage.team.backend_id)

    assert refused.value.reason == "AuthorizationFailed"


# --- named by the engine, for those who fight over a field


async def rival(stage: Stage) -> str | None:
    done = await stage.settled()
    [write] = done.changes
    return await stage.engine.rival(stage.binding(), write, since(stage))


async def test_whoever_changed_what_was_written_back_is_the_rival(stage: Stage) -> None:
    await stage.settled()
    await stranger_changes_the_backend(stage)
    assert await rival(stage) == stage.team.stranger_client_id


async def test_without_the_right_the_rival_is_not_named_and_nothing_fails(stage: Stage) -> None:
    await stage.settled()
    await stranger_changes_the_backend(stage)
    stage.world.denied.add(READ.lower())
    assert await rival(stage) is None


async def test_the_rival_for_the_services_identity_is_looked_up_at_the_service(stage: Stage) -> None:
    await stage.settled()
    await stranger_changes_the_backend(stage)
    stage.give_identity(None)
    done = await stage.reconcile(stage.binding(drift={"mode": "Report"}))
    write = next(each for each in done.differences if each.condition == "IdentityReady")
    assert await stage.engine.rival(stage.binding(), write, since(stage)) == stage.team.stranger_client_id


async def test_who_does_not_know_its_own_id_names_nobody(stage: Stage) -> None:
    await stranger_changes_the_backend(stage)
    unknown = ActivityClient(stage.azure.activity._http)
    assert await unknown.rival(stage.team.backend_id, since(stage)) is None
