"""Resource groups and listings of resources over HTTP: refusals, filters, pages, tags."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import quote

import pytest

from azuresim import Simulator
from azuresim.apim.service import add_service
from azuresim.msi import add_user_identity
from contract.arm_world import (
    APIM,
    GROUP,
    HERE,
    IDENTITIES,
    IDENTITY,
    MSI,
    SERVICE,
    SUBSCRIPTION,
    arm,
    message,
    refusal,
)

FRESH = f"{SUBSCRIPTION}/resourceGroups/fresh"


@pytest.fixture(autouse=True)
def group(azure: Simulator) -> None:
    azure.world.arm.add_group(GROUP)


@pytest.mark.parametrize(
    ("name", "body", "status", "code"),
    [
        ("fresh", {}, 400, "LocationRequired"),
        ("fresh", {"location": 3}, 400, "LocationRequired"),
        ("fresh", {"location": "atlantis"}, 400, "LocationNotAvailableForResourceGroup"),
        ("fresh", HERE | {"colour": "red"}, 400, "InvalidRequestContent"),
        ("fresh", HERE | {"tags": {"a": 3}}, 400, "InvalidRequestContent"),
        ("fresh", HERE | {"tags": {f"t{n}": "" for n in range(51)}}, 400, "TooManyTags"),
        ("fresh", HERE | {"tags": {"a/b": ""}}, 400, "InvalidTagNameCharacters"),
        ("fresh.", HERE, 400, "InvalidResourceGroup"),
        ("fre*sh", HERE, 400, "InvalidResourceGroup"),
        ("f" * 91, HERE, 400, "InvalidResourceGroup"),
        ("shop", {"location": "eastus"}, 409, "InvalidResourceGroupLocation"),
    ],
)
async def test_a_group_that_azure_would_not_make_is_refused(
    azure: Simulator, name: str, body: dict[str, Any], status: int, code: str
) -> None:
    """Source: learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules and tag-resources;
    threads of Azure/azure-cli and hashicorp/terraform-provider-azurerm, which quote most codes; those of tags are
    assumed."""
    path = f"{SUBSCRIPTION}/resourceGroups/{quote(name)}"
    assert refusal(await arm(azure, "PUT", path, body)) == (status, code)


async def test_head_tells_whether_a_group_exists(azure: Simulator) -> None:
    """Source: learn.microsoft.com/rest/api/resources/resource-groups/check-existence (204, 404)."""
    answers = [await arm(azure, "HEAD", path) for path in (GROUP, FRESH)]
    assert [(answer.status, answer.body) for answer in answers] == [(204, b""), (404, b"")]


async def test_deleting_a_group_takes_a_while_and_everything_in_it(azure: Simulator) -> None:
    """Source: learn.microsoft.com/rest/api/resources/resource-groups/delete; learn.microsoft.com/azure/
    azure-resource-manager/management/async-operations (202, Location, 200)."""
    add_user_identity(azure.world, IDENTITY)
    begun = await arm(azure, "DELETE", GROUP)
    refused = await arm(azure, "PUT", f"{IDENTITIES}/late", HERE, version=MSI)
    polls = [await arm(azure, "GET", begun.headers["Location"]) for _ in range(2)]
    assert (begun.status, begun.body, [poll.status for poll in polls]) == (202, b"", [202, 200])
    assert "Azure-AsyncOperation" not in begun.headers
    assert refusal(refused) == (409, "ResourceGroupBeingDeleted")
    assert azure.world.arm.below(GROUP) == []
    assert refusal(await arm(azure, "DELETE", GROUP)) == (404, "ResourceGroupNotFound")


async def test_a_group_whose_deletion_fails_is_as_it_was(azure: Simulator) -> None:
    """Source: learn.microsoft.com/azure/azure-resource-manager/management/delete-resource-group."""
    azure.world.operations.plan("*/resourceGroups/shop", fails=("Conflict", "Something holds on to it."), status=409)
    begun = await arm(azure, "DELETE", GROUP)
    polls = [await arm(azure, "GET", begun.headers["Location"]) for _ in range(2)]
    assert (polls[0].status, refusal(polls[1])) == (202, (409, "Conflict"))
    assert (await arm(azure, "GET", GROUP)).data()["properties"] == {"provisioningState": "Succeeded"}


# --- listings ---------------------------------------------------------------------------------------------------------
async def names(azure: Simulator, path: str) -> list[str]:
    """Of all pages."""
    found: list[str] = []
    link: str | None = path
    while link:
        body = (await arm(azure, "GET", link)).data()
        found += [one["name"] for one in body["value"]]
        link = body.get("nextLink")
    return found


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("name eq 'ALICE'", ["alice"]),
        ("name eq 'alice' or name eq 'bob'", ["alice", "bob"]),
        ("resourceType eq 'microsoft.managedidentity/userassignedidentities' and name ne 'bob'", ["alice", "carol"]),
        ("resourceGroup eq 'shop'", ["alice", "bob", "carol"]),
        ("resourceGroup eq 'nowhere'", []),
        ("startswith(name, 'ca')", ["carol"]),
        ("not (name eq 'bob')", ["alice", "carol"]),
        ("tagName eq 'team'", ["alice", "bob"]),
        ("tagName eq 'team' and tagValue eq 'blue'", ["bob"]),
    ],
)
async def test_resources_are_found_by_what_a_filter_says(azure: Simulator, asked: str, expected: list[str]) -> None:
    """Source: learn.microsoft.com/rest/api/resources/resources/list ($filter)."""
    for name, tags in {"alice": {"team": "red"}, "bob": {"TEAM": "blue"}, "carol": {}}.items():
        await arm(azure, "PUT", f"{IDENTITIES}/{name}", HERE | {"tags": tags}, version=MSI)
    assert await names(azure, f"{SUBSCRIPTION}/resources?$filter={quote(asked)}") == expected


@pytest.mark.parametrize(
    "asked",
    ["colour eq 'red'", "name eq", "name", "(" * 200, "name eq 'a' garbage", "name lt 'a'", "%", "tagName eq 'a' or x"],
)
async def test_a_filter_that_arm_does_not_understand_is_refused(azure: Simulator, asked: str) -> None:
    """Source: threads of Azure/azure-sdk-for-net and Azure/azure-powershell (InvalidFilterInQueryString)."""
    answer = await arm(azure, "GET", f"{SUBSCRIPTION}/resources?$filter={quote(asked)}")
    assert refusal(answer) == (400, "InvalidFilterInQueryString")


@pytest.mark.parametrize("query", ["$top=0", "$top=-1", "$top=many", "$top=99999999999999999999", "$skiptoken=mine"])
async def test_a_page_that_cannot_be_is_refused(azure: Simulator, query: str) -> None:
    """Source: microsoft/api-guidelines (paging); the code is assumed."""
    assert (await arm(azure, "GET", f"{SUBSCRIPTION}/resources?{query}")).status == 400


async def test_top_is_the_size_of_each_page_and_the_filter_stays_in_the_link(azure: Simulator) -> None:
    """Source: learn.microsoft.com/rest/api/resources/resources/list ($top, nextLink)."""
    for name in ("a-one", "a-two", "a-three", "b-four"):
        add_user_identity(azure.world, f"{IDENTITIES}/{name}")
    path = f"{SUBSCRIPTION}/resources?$top=2&$filter=startswith(name,'a')"
    first = (await arm(azure, "GET", path)).data()
    assert len(first["value"]) == 2
    assert first["nextLink"].startswith(azure.url)
    assert await names(azure, path) == ["a-one", "a-two", "a-three"]


async def test_a_listing_shows_times_and_states_only_when_asked(azure: Simulator) -> None:
    """Source: learn.microsoft.com/rest/api/resources/resources/list ($expand)."""
    add_user_identity(azure.world, IDENTITY)
    azure.world.clock.advance(60)
    await arm(azure, "PUT", IDENTITY, HERE | {"tags": {"a": "b"}}, version=MSI)
    plain, expanded = [
        (await arm(azure, "GET", f"{GROUP}/resources{query}")).data()["value"][0]
        for query in ("", "?$expand=createdTime,changedTime,provisioningState")
    ]
    assert plain.keys() == {"id", "name", "type", "location", "tags"}
    assert expanded["createdTime"] < expanded["changedTime"]
    assert refusal(await arm(azure, "GET", f"{GROUP}/resources?$expand=colour"))[0] == 400


async def test_what_lies_below_a_resource_is_not_listed(azure: Simulator) -> None:
    """Source: learn.microsoft.com/rest/api/resources/resources/list: resources, not their children."""
    service = f"{GROUP}/providers/Microsoft.ApiManagement/service/contoso"
    for resource_id in (service, f"{service}/apis/orders"):
        azure.world.arm.put(resource_id, {"id": resource_id, "name": resource_id.rpartition("/")[2], "type": "x"})
    assert await names(azure, f"{GROUP}/resources") == ["contoso"]


async def test_twenty_thousand_children_do_not_slow_a_listing_or_a_delete_elsewhere(azure: Simulator) -> None:
    """No Azure behaviour: lists and deletes look at what they are about only."""
    service = f"{GROUP}/providers/Microsoft.ApiManagement/service/contoso"
    azure.world.journal.watched = False
    for number in range(20_000):
        azure.world.arm.put(f"{service}/apis/a{number}", {"type": "x"})
    azure.world.arm.put(IDENTITY, {"type": "x"})
    loop_began = time.perf_counter()
    for _ in range(200):
        azure.world.arm.below(IDENTITY)
        azure.world.arm.delete(f"{service}/apis/a1")
        azure.world.arm.put(f"{service}/apis/a1", {"type": "x"})
    assert time.perf_counter() - loop_began < 1.0


async def test_tags_of_what_does_not_exist_are_not_found(azure: Simulator) -> None:
    """Source: learn.microsoft.com/rest/api/resources/tags (Get At Scope)."""
    tags = "/providers/Microsoft.Resources/tags/default"
    assert refusal(await arm(azure, "GET", IDENTITY + tags)) == (404, "ResourceNotFound")
    assert refusal(await arm(azure, "GET", FRESH + tags)) == (404, "ResourceGroupNotFound")
    assert (await arm(azure, "GET", SUBSCRIPTION + tags)).data()["properties"] == {"tags": {}}


async def test_an_unknown_member_of_a_group_is_named(azure: Simulator) -> None:
    """Source: threads of Azure/azure-powershell ("Could not find member … on object of type")."""
    answer = await arm(azure, "PUT", FRESH, HERE | {"colour": "red"})
    assert "Could not find member 'colour' on object of type 'ResourceGroupDefinition'" in message(answer)


@pytest.mark.assumed
async def test_resources_are_listed_and_filtered_by_the_plain_name_of_their_region(azure: Simulator) -> None:
    """
    Source: Azure/azure-cli, `az resource list --location` (the plain name is sent). That the list shows it whatever
    the provider itself shows is assumed.
    """
    add_service(azure.world, SERVICE, location="West Europe")
    asked = quote("location eq 'westeurope'")
    listed = await arm(azure, "GET", f"{SUBSCRIPTION}/resources?$filter={asked}")
    assert [(one["name"], one["location"]) for one in listed.data()["value"]] == [("contoso", "westeurope")]
    itself = await arm(azure, "GET", f"{SERVICE}?api-version={APIM}")
    assert itself.data()["location"] == "West Europe"


@pytest.mark.parametrize("place", [SUBSCRIPTION, GROUP])
async def test_there_are_no_deployments_until_somebody_makes_one(azure: Simulator, place: str) -> None:
    """Source: learn.microsoft.com/rest/api/resources/deployments (list by group, list at subscription scope)."""
    path = f"{place}/providers/Microsoft.Resources/deployments"
    assert (await arm(azure, "GET", path)).data() == {"value": []}
    assert (await arm(azure, "PUT", f"{path}/mine", {"properties": {}})).status == 501
