"""The Activity Log: what is told of writes, to whom, after how long, and what can be asked for."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest

from azuresim import Simulator
from azuresim.arm.role_assignments import assign_role
from azuresim.scenarios import GROUP, STRANGER, SUBSCRIPTION, Imported, imported
from azuresim.wire import HttpAnswer
from contract.arm_world import message, refusal

LOG = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Insights/eventtypes/management/values"
VERSION, APIM = "2015-04-01", "2024-05-01"
BEGIN, END = "BeginRequest", "EndRequest"
WRITE = "Microsoft.ApiManagement/service/backends/write"
Event = Mapping[str, Any]


class Stage:
    def __init__(self, azure: Simulator) -> None:
        self.azure, self.world = azure, azure.world
        self.team: Imported = imported(azure.world)
        self.world.journal.clear()

    async def call(
        self, method: str, path: str, body: Any = None, *, who: str = STRANGER, version: str = APIM
    ) -> HttpAnswer:
        joiner = "&" if "?" in path else "?"
        headers = self.azure.arm_headers(who)
        return await self.azure.send(method, "", f"{path}{joiner}api-version={version}", headers=headers, json=body)

    async def change(self, url: str = "https://elsewhere.example", *, who: str = STRANGER) -> HttpAnswer:
        """Somebody lets the backend point elsewhere."""
        return await self.call("PUT", self.team.backend_id, {"properties": {"url": url, "protocol": "http"}}, who=who)

    def instant(self, **ago: float) -> str:
        return (self.world.clock.now() - timedelta(**ago)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def times(self, **ago: float) -> str:
        return f"eventTimestamp ge '{self.instant(**(ago or {'hours': 1}))}' and eventTimestamp le '{self.instant()}'"

    async def ask(self, meant: str | None, select: str = "") -> HttpAnswer:
        arguments = [
            f"$filter={quote(meant)}" if meant is not None else "",
            f"$select={quote(select)}" if select else "",
        ]
        return await self.call("GET", f"{LOG}?{'&'.join(each for each in arguments if each)}", version=VERSION)

    async def events(self, about: str = "", select: str = "", **ago: float) -> list[Event]:
        answer = await self.ask(self.times(**ago) + (f" and {about}" if about else ""), select)
        assert answer.status == 200, answer.body
        return list(answer.data()["value"])


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with Simulator() as azure:
        yield Stage(azure)


def told(events: list[Event]) -> list[tuple[str, str]]:
    """Name and status of each, the oldest first."""
    return [(event["eventName"]["value"], event["status"]["value"]) for event in reversed(events)]


# --- what is told -----------------------------------------------------------------------------------------------------
async def test_a_write_is_told_with_who_and_what_and_when(stage: Stage) -> None:
    """Source: learn.microsoft.com/azure/azure-monitor/platform/activity-log-schema (Administrative, sample event)."""
    await stage.change()
    event, _ = await stage.events()
    assert event["operationName"]["value"] == event["authorization"]["action"] == WRITE
    assert event["resourceId"].lower() == stage.team.backend_id.lower()
    assert event["resourceGroupName"] == GROUP.rpartition("/")[2]
    assert event["resourceType"]["value"] == "Microsoft.ApiManagement/service/backends"
    assert event["category"]["value"] == "Administrative"
    assert event["httpRequest"]["method"] == "PUT"
    assert datetime.fromisoformat(event["eventTimestamp"]).timestamp() == pytest.approx(stage.world.clock.timestamp())


async def test_the_beginning_of_a_write_is_told_and_its_end(stage: Stage) -> None:
    """Source: learn.microsoft.com/azure/azure-monitor/platform/activity-log-schema (Administrative category)."""
    await stage.change()
    begun, ended = reversed(await stage.events())
    assert told([ended, begun]) == [(BEGIN, "Started"), (END, "Succeeded")]
    assert begun["operationId"] == ended["operationId"]
    assert begun["eventDataId"] != ended["eventDataId"]


async def test_an_application_is_told_by_its_ids(stage: Stage) -> None:
    """Source: MicrosoftDocs/azure-docs issue 56412 (caller: the object id); activity-log-schema (names of claims)."""
    await stage.change()
    event, _ = await stage.events()
    principal = stage.world.entra.principal(STRANGER)
    assert principal
    assert event["caller"] == principal["id"]
    assert event["claims"]["appid"] == STRANGER
    assert event["claims"]["http://schemas.microsoft.com/identity/claims/objectidentifier"] == principal["id"]


async def test_a_person_is_told_by_the_name_to_sign_in_with(stage: Stage) -> None:
    """Source: learn.microsoft.com/azure/azure-monitor/platform/activity-log-schema (sample event)."""
    claims = stage.world.entra.claims(STRANGER, "https://management.azure.com") | {"upn": "rob@contoso.com"}
    token = stage.world.entra.sign(claims)
    headers = {"Authorization": f"Bearer {token}"}
    path = f"{stage.team.backend_id}?api-version={APIM}"
    await stage.azure.send("DELETE", "", path, headers=headers)
    event, _ = await stage.events()
    assert event["caller"] == "rob@contoso.com"
    assert event["claims"]["http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn"] == "rob@contoso.com"


async def test_a_write_that_changes_nothing_is_told_too(stage: Stage) -> None:
    """Source: learn.microsoft.com/azure/azure-monitor/platform/activity-log-schema ("every action taken")."""
    await stage.change()
    await stage.change()
    assert told(await stage.events())[1::2] == [(END, "Succeeded")] * 2


async def test_what_was_refused_is_told_as_failed(stage: Stage) -> None:
    """Source: learn.microsoft.com/azure/azure-monitor/platform/activity-log-schema (start, and success or fail)."""
    stage.world.denied.add(WRITE.lower())
    assert (await stage.change()).status == 403
    event, _ = await stage.events()
    assert (event["status"]["value"], event["level"]) == ("Failed", "Error")
    assert event["subStatus"] == {"value": "Forbidden", "localizedValue": "Forbidden (HTTP Status Code: 403)"}


async def test_reads_are_not_told_and_actions_are(stage: Stage) -> None:
    """Source: learn.microsoft.com/azure/azure-monitor/platform/activity-log; MicrosoftDocs/azure-docs issue 35509."""
    await stage.call("GET", stage.team.backend_id)
    await stage.call("POST", f"{stage.team.named_value_id}/listValue")
    event, _ = await stage.events()
    assert event["operationName"]["value"] == "Microsoft.ApiManagement/service/namedValues/listValue/action"
    assert event["resourceId"].lower() == stage.team.named_value_id.lower()


@pytest.mark.assumed
async def test_what_goes_on_by_itself_is_accepted_and_told_again_when_it_ended(stage: Stage) -> None:
    """Assumed: a status `Accepted` between the documented ones."""
    await stage.call("PATCH", stage.team.service_id, {"identity": {"type": "SystemAssigned"}})
    assert told(await stage.events()) == [(BEGIN, "Started"), (END, "Accepted")]
    stage.world.operations.finish(stage.team.service_id)
    assert told(await stage.events())[-1] == (END, "Succeeded")


@pytest.mark.assumed
async def test_what_goes_on_by_itself_can_end_badly(stage: Stage) -> None:
    """Assumed: told with the operation's own id."""
    stage.world.operations.plan("*/service/contoso", fails=("ServiceLocked", "No."), status=409)
    await stage.call("PATCH", stage.team.service_id, {"identity": {"type": "SystemAssigned"}})
    stage.world.operations.finish(stage.team.service_id)
    events = await stage.events()
    assert told(events)[-1] == (END, "Failed")
    assert len({event["operationId"] for event in events}) == 1


async def test_an_event_takes_a_while_to_arrive(stage: Stage) -> None:
    """Source: learn.microsoft.com/azure/azure-monitor/platform/activity-log ("within 3 to 20 minutes")."""
    stage.world.switches.activity_log_seconds = 600.0
    await stage.change()
    assert await stage.events() == []
    stage.world.clock.advance(600)
    event, _ = await stage.events()
    arrived, happened = (datetime.fromisoformat(event[f"{name}Timestamp"]) for name in ("submission", "event"))
    assert arrived - happened == timedelta(minutes=10)


# --- what can be asked for --------------------------------------------------------------------------------------------
async def test_events_are_found_by_each_of_the_patterns(stage: Stage) -> None:
    """Source: REST reference, "Activity Logs - List" ($filter)."""
    answer = await stage.change()
    correlation = answer.headers["x-ms-correlation-request-id"]
    for about in (
        "",
        f"resourceGroupName eq '{GROUP.rpartition('/')[2]}'",
        f"resourceUri eq '{stage.team.backend_id}'",
        f"resourceUri eq '{stage.team.backend_id.upper()}'",
        "resourceProvider eq 'Microsoft.ApiManagement'",
        f"correlationId eq '{correlation}'",
    ):
        assert len(await stage.events(about)) == 2, about
    for about in (
        "resourceGroupName eq 'other-rg'",
        f"resourceUri eq '{stage.team.backend_id}-2'",
        "resourceProvider eq 'Microsoft.Web'",
        "correlationId eq '00000000-0000-0000-0000-000000000000'",
    ):
        assert await stage.events(about) == [], about


async def test_the_time_says_what_is_found(stage: Stage) -> None:
    """Source: REST reference, "Activity Logs - List" ($filter)."""
    await stage.change()
    stage.world.clock.advance(7200)
    assert await stage.events(hours=1) == []
    assert len(await stage.events(hours=3)) == 2
    early = f"eventTimestamp ge '{stage.instant(hours=5)}' and eventTimestamp le '{stage.instant(hours=4)}'"
    assert (await stage.ask(early)).data()["value"] == []


@pytest.mark.parametrize("children", [True, False])
@pytest.mark.assumed
async def test_what_lies_below_a_resource_is_found_under_it_or_not(stage: Stage, children: bool) -> None:
    """Assumed either way: no page says whether `resourceUri` means children too."""
    stage.world.switches.activity_log_children = children
    await stage.change()
    assert bool(await stage.events(f"resourceUri eq '{stage.team.service_id}'")) is children


@pytest.mark.parametrize(
    "meant",
    [
        None,
        "",
        "eventTimestamp le '2026-01-01T00:00:00Z'",
        "resourceUri eq '/subscriptions/x'",
        "{times} and caller eq 'rob@contoso.com'",
        "{times} and resourceUri ne 'x'",
        "{times} or resourceUri eq 'x'",
        "{times} and resourceUri eq 'x' and correlationId eq 'y'",
        "{times} and resourceUri eq x",
        "eventTimestamp ge 'yesterday'",
        "({times})",
    ],
)
async def test_no_other_syntax_is_allowed(stage: Stage, meant: str | None) -> None:
    """
    Source: REST reference, "Activity Logs - List" ("No other syntax is allowed", the start is required);
    MicrosoftDocs/feedback issue 319 (BadRequest and its text).
    """
    answer = await stage.ask(meant and meant.format(times=stage.times()))
    assert answer.status == 400
    assert answer.data() == {"Code": "BadRequest", "Message": "$filter searching parameters invalid"}


async def test_what_is_older_than_ninety_days_is_refused_and_forgotten(stage: Stage) -> None:
    """
    Source: Azure/azure-cli issue 4885 (400); learn.microsoft.com/azure/azure-monitor/platform/activity-log (90 days).

    Assumed: the text.
    """
    await stage.change()
    stage.world.clock.advance(90 * 86_400)
    assert await stage.events(days=89) == []
    assert (await stage.ask(stage.times(days=91))).status == 400


async def test_only_the_selected_properties_come(stage: Stage) -> None:
    """Source: REST reference, "Activity Logs - List" ($select)."""
    await stage.change()
    event, _ = await stage.events(select="eventTimestamp,operationName, status")
    assert set(event) == {"eventTimestamp", "operationName", "status"}


@pytest.mark.assumed
async def test_what_is_no_property_cannot_be_selected(stage: Stage) -> None:
    """Assumed: refused as a wrong filter is."""
    assert (await stage.ask(stage.times(), "eventTimestamp,secret")).status == 400


async def test_events_come_in_pages(stage: Stage) -> None:
    """Source: REST reference, "Activity Logs - List" (nextLink). Assumed: the newest first."""
    stage.world.switches.arm_page_size = 3
    for number in range(4):
        await stage.change(f"https://elsewhere-{number}.example")
        stage.world.clock.advance(1)
    found: list[Event] = []
    following = f"{LOG}?api-version={VERSION}&$filter={quote(stage.times())}"
    while following:
        answer = await stage.azure.send(
            "GET", "", following.removeprefix(stage.azure.url), headers=stage.azure.arm_headers(STRANGER)
        )
        assert len(answer.data()["value"]) <= 3
        found += answer.data()["value"]
        following = answer.data().get("nextLink", "")
    stamps = [event["eventTimestamp"] for event in found]
    assert len(found) == 8
    assert stamps == sorted(stamps, reverse=True)


# --- who may ask ------------------------------------------------------------------------------------------------------
async def test_reading_it_needs_a_right_of_its_own(stage: Stage) -> None:
    """
    Source: learn.microsoft.com/azure/azure-monitor/roles-permissions-security (eventtypes/values/Read);
    Azure/azure-rest-api-specs issue 899 (the refusal).
    """
    stage.world.denied.add("microsoft.insights/eventtypes/values/read")
    answer = await stage.ask(stage.times())
    assert refusal(answer) == (403, "AuthorizationFailed")
    assert "perform action 'Microsoft.Insights/eventtypes/values/read'" in message(answer)


async def test_the_right_is_one_on_the_subscription(stage: Stage) -> None:
    """Source: learn.microsoft.com/azure/azure-monitor/roles-permissions-security ("in a subscription")."""
    principal = stage.world.entra.principal(STRANGER)
    assert principal
    assign_role(stage.world, str(principal["id"]), "Reader", GROUP)
    stage.world.switches.arm_enforce_roles = True
    assert (await stage.ask(stage.times())).status == 403
    assign_role(stage.world, str(principal["id"]), "Reader", f"/subscriptions/{SUBSCRIPTION}")
    assert (await stage.ask(stage.times())).status == 200


async def test_another_version_is_not_known(stage: Stage) -> None:
    """Source: REST reference, "Activity Logs - List" (api-version 2015-04-01)."""
    answer = await stage.call("GET", LOG, version="2026-01-01")
    assert refusal(answer) == (400, "InvalidApiVersionParameter")


async def test_the_rest_of_azure_monitor_is_not_simulated(stage: Stage) -> None:
    """No Azure behaviour: nothing likely is answered."""
    answer = await stage.call("GET", f"{GROUP}/providers/Microsoft.Insights/actionGroups/x", version="2023-01-01")
    assert refusal(answer) == (501, "NotSimulated")


def test_a_sample_of_the_reference_is_read_as_utc() -> None:
    """Source: learn.microsoft.com/azure/azure-monitor/platform/activity-log-schema (seven digits of a second)."""
    assert datetime.fromisoformat("2018-01-29T20:42:31.3810679Z").astimezone(UTC).microsecond == 381067
