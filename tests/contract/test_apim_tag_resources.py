"""What carries which tag, what an API says about its tags, which policy statements there are, what is left out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from contract.apim_world import SERVICE, Apim, apim, refusals


@pytest.fixture
async def here() -> AsyncIterator[Apim]:
    async with apim() as started:
        yield started


async def tagged(here: Apim, *places: str) -> None:
    """The tag `shop`, shown as Shop, is carried by these."""
    await here.put("/tags/shop", displayName="Shop")
    for place in places:
        assert (await here.arm("PUT", f"{place}/tags/shop")).status == 201


async def value(here: Apim, path: str, query: str = "") -> Any:
    return (await here.arm("GET", path, query=query)).data()["value"]


SHOP = {"id": "/tags/shop", "name": "Shop"}


# --- what carries tags ------------------------------------------------------------------------------------------------
async def test_apis_come_by_tags_with_what_tells_them_apart(here: Apim) -> None:
    """Source: REST reference, "Api - List By Tags" (sample)."""
    await here.an_api("orders", serviceUrl="https://b.example")
    await here.an_api("plain")
    await tagged(here, "/apis/orders")
    answer = (await here.arm("GET", "/apisByTags")).data()
    assert answer["count"] == 1
    assert answer["value"][0]["tag"] == SHOP
    assert answer["value"][0]["api"] == {
        "id": "/apis/orders",
        "name": "orders",
        "apiRevision": "1",
        "isCurrent": True,
        "path": "orders",
        "protocols": ["https"],
        "serviceUrl": "https://b.example",
        "subscriptionRequired": False,
    }


@pytest.mark.assumed
async def test_untagged_ones_come_too_when_they_are_asked_for(here: Apim) -> None:
    """Source: REST reference, "Api - List By Tags" (includeNotTaggedApis). That they have no `tag` is assumed."""
    await here.an_api("orders")
    await here.an_api("plain")
    await tagged(here, "/apis/orders")
    found = await value(here, "/apisByTags", "includeNotTaggedApis=true")
    assert [(line["api"]["id"], line.get("tag")) for line in found] == [("/apis/orders", SHOP), ("/apis/plain", None)]


async def test_operations_come_by_tags_with_their_api(here: Apim) -> None:
    """Source: REST reference, "Operation - List By Tags" (sample)."""
    await here.an_api("orders")
    await here.an_operation("list", "/orders")
    await here.an_operation("other", "/others")
    await tagged(here, "/apis/orders/operations/list")
    assert await value(here, "/apis/orders/operationsByTags") == [
        {
            "tag": SHOP,
            "operation": {
                "id": "/apis/orders/operations/list",
                "name": "list",
                "apiName": "orders",
                "apiRevision": "1",
                "method": "GET",
                "urlTemplate": "/orders",
            },
        }
    ]
    assert (await here.arm("GET", "/apis/nope/operationsByTags")).status == 404


async def test_products_come_by_tags(here: Apim) -> None:
    """Source: REST reference, "Product - List By Tags" (sample)."""
    await here.put("/products/starter", displayName="Starter", description="For beginners", terms="Be kind")
    await tagged(here, "/products/starter")
    assert await value(here, "/productsByTags") == [
        {
            "tag": SHOP,
            "product": {
                "id": "/products/starter",
                "name": "Starter",
                "description": "For beginners",
                "terms": "Be kind",
                "subscriptionRequired": True,
                "approvalRequired": False,
                "state": "notPublished",
            },
        }
    ]


async def test_everything_that_carries_a_tag_comes_in_one_list(here: Apim) -> None:
    """Source: REST reference, "Tag Resource - List By Service" (sample)."""
    await here.an_api("orders")
    await here.an_operation("list", "/orders")
    await here.put("/products/starter", displayName="Starter")
    await tagged(here, "/apis/orders", "/apis/orders/operations/list", "/products/starter")
    found = await value(here, "/tagResources")
    assert [next(name for name in line if name != "tag") for line in found] == ["operation", "api", "product"]
    assert await value(here, "/tagResources", "$filter=path%20eq%20'orders'") == [found[1]]


async def test_an_api_says_more_about_a_tag_of_its_operations(here: Apim) -> None:
    """Source: REST reference, "Api Tag Description - Create Or Update" and "List By Service"."""
    await here.an_api("orders")
    await tagged(here)
    about = {"description": "All that is sold", "externalDocsUrl": "https://docs.example"}
    path = "/apis/orders/tagDescriptions/shop"
    written = await here.put(path, **about)
    assert (written.status, written.data()["properties"]) == (
        201,
        {"tagId": f"{SERVICE}/tags/shop", "displayName": "Shop", **about, "externalDocsDescription": None},
    )
    assert [one["name"] for one in await value(here, "/apis/orders/tagDescriptions")] == ["shop"]
    assert (await here.arm("HEAD", path)).headers["ETag"] == written.headers["ETag"]
    assert (await here.delete(path)).status == 200
    assert (await here.arm("GET", path)).status == 404


@pytest.mark.assumed
async def test_a_description_needs_its_tag_and_goes_with_it(here: Apim) -> None:
    """Source: REST reference, "Api Tag Description" (made of an API and a tag). The refusal is assumed."""
    await here.an_api("orders")
    path = "/apis/orders/tagDescriptions/shop"
    assert (await here.put(path, description="d")).status == 404
    await tagged(here)
    assert (await here.put(path, description="d")).status == 201
    await here.delete("/tags/shop")
    assert (await here.arm("GET", path)).status == 404


# --- policy statements ------------------------------------------------------------------------------------------------
async def test_policy_statements_are_described_with_their_scopes(here: Apim) -> None:
    """Source: REST reference, "Policy Description - List By Service" (sample: authentication-basic)."""
    found = {one["name"]: one for one in await value(here, "/policyDescriptions", "scope=Api")}
    basic = found["authentication-basic"]
    assert (basic["type"], basic["id"], basic["properties"]["scope"]) == (
        "Microsoft.ApiManagement/service/policyDescriptions",
        f"{SERVICE}/policyDescriptions/authentication-basic",
        268435471,
    )


async def test_policy_statements_can_be_narrowed_to_a_scope(here: Apim) -> None:
    """Source: learn.microsoft.com/azure/api-management/quota-policy (product scope); REST reference (scope)."""
    of_products = {one["name"] for one in await value(here, "/policyDescriptions", "scope=Product")}
    of_operations = {one["name"] for one in await value(here, "/policyDescriptions", "scope=Operation")}
    assert ("quota" in of_products, "quota" in of_operations) == (True, False)
    assert refusals(await here.arm("GET", "/policyDescriptions", query="scope=Nowhere"))[0][0] == "scope"


# --- what is left out -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/backup"),
        ("POST", "/restore"),
        ("POST", "/applynetworkconfigurationupdates"),
        ("PUT", "/gateways/mine"),
        ("GET", "/notifications"),
        ("GET", "/templates/applicationApprovedNotificationMessage"),
    ],
)
async def test_what_is_not_simulated_says_so_and_is_counted(here: Apim, method: str, path: str) -> None:
    """No Azure behaviour: all of it exists there, and is left out here."""
    answer = await here.arm(method, path, {} if method != "GET" else None)
    assert (answer.status, answer.data()["error"]["code"]) == (501, "NotSimulated")
    assert [what for what in here.world.missing if path.rpartition("/")[0] in what]


@pytest.mark.parametrize("path", ["/gateways", "/workspaces", "/apis/orders/resolvers", "/authorizationProviders"])
async def test_lists_of_what_was_never_made_are_empty(here: Apim, path: str) -> None:
    """Source: REST reference, "Gateway - List By Service" and its like: lists with a count."""
    await here.an_api("orders")
    assert (await here.arm("GET", path)).data() == {"value": [], "count": 0}
    assert (await here.arm("GET", f"{path}/one")).status == 404
