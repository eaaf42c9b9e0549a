"""Graph beyond single objects: filters, batches, delta, deleted items, credentials, owners."""

from __future__ import annotations

from typing import Any

import pytest

from azuresim import Simulator
from azuresim.wire import HttpAnswer
from contract.conftest import OPERATOR

pytestmark = [pytest.mark.item("web-10")]


@pytest.fixture(autouse=True)
def rights(azure: Simulator) -> None:
    azure.world.entra.graph_permissions[OPERATOR] = {"Application.ReadWrite.All", "Directory.Read.All"}


async def graph(azure: Simulator, method: str, path: str, body: Any = None, **headers: str) -> HttpAnswer:
    sent = {**azure.graph_headers(OPERATOR), **{name.replace("_", "-"): value for name, value in headers.items()}}
    return await azure.send(method, "", f"/v1.0{path}", headers=sent, json=body)


async def an_app(azure: Simulator, name: str = "door", **more: Any) -> dict[str, Any]:
    answer = await graph(azure, "POST", "/applications", {"displayName": name, **more})
    assert answer.status == 201, answer.body
    body: dict[str, Any] = answer.data()
    return body


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("displayName eq 'One'", {"one"}),
        ("startswith(displayName,'t')", {"two"}),
        ("displayName in ('one','two')", {"one", "two"}),
        ("identifierUris/any(u:u eq 'api://contoso.onmicrosoft.com/two')", {"two"}),
        ("displayName eq 'one' or displayName eq 'two'", {"one", "two"}),
        ("(displayName eq 'one') and startsWith(displayName,'x')", set()),
    ],
)
async def test_filters_find_what_they_ask_for(azure: Simulator, condition: str, found: set[str]) -> None:
    """Source: learn.microsoft.com/graph/filter-query-parameter."""
    await an_app(azure, "one")
    await an_app(azure, "two", identifierUris=["api://contoso.onmicrosoft.com/two"])
    answer = await graph(azure, "GET", f"/applications?$filter={condition}")
    assert {app["displayName"] for app in answer.data()["value"]} == found


async def test_an_advanced_filter_needs_eventual_consistency_and_a_count(azure: Simulator) -> None:
    """Source: learn.microsoft.com/graph/aad-advanced-queries."""
    await an_app(azure, "one")
    plain = await graph(azure, "GET", "/applications?$filter=displayName ne 'one'")
    assert (plain.status, plain.data()["error"]["code"]) == (400, "Request_UnsupportedQuery")
    path = "/applications?$count=true&$filter=displayName ne 'one'"
    counted = (await graph(azure, "GET", path, ConsistencyLevel="eventual")).data()
    assert counted["@odata.count"] == len(counted["value"]) == 1


async def test_a_batch_answers_each_request_and_fails_what_depends_on_a_failure(azure: Simulator) -> None:
    """Source: learn.microsoft.com/graph/json-batching."""
    app = await an_app(azure)
    requests = [
        {"id": "1", "method": "GET", "url": f"/applications/{app['id']}"},
        {"id": "2", "method": "GET", "url": "/applications/99999999-0000-4000-8000-000000000000"},
        {"id": "3", "method": "GET", "url": "/applications", "dependsOn": ["2"]},
    ]
    answer = await graph(azure, "POST", "/$batch", {"requests": requests})
    assert {one["id"]: one["status"] for one in answer.data()["responses"]} == {"1": 200, "2": 404, "3": 424}


@pytest.mark.parametrize(
    "requests", [[], [{"id": "1"}, {"id": "1"}], [{"method": "GET"}], [{"id": str(n)} for n in range(21)]]
)
async def test_a_batch_that_is_none_is_refused(azure: Simulator, requests: list[dict[str, Any]]) -> None:
    """Source: learn.microsoft.com/graph/json-batching (limits, ids)."""
    assert (await graph(azure, "POST", "/$batch", {"requests": requests})).status == 400


async def test_a_federated_credential_lets_its_issuer_in_until_it_is_deleted(azure: Simulator) -> None:
    """Source: learn.microsoft.com/graph/api (application-post-federatedidentitycredentials)."""
    app = await an_app(azure)
    sent = {"name": "c", "issuer": "https://i.example", "subject": "s", "audiences": ["api://AzureADTokenExchange"]}
    path = f"/applications/{app['id']}/federatedIdentityCredentials"
    assert (await graph(azure, "POST", path, sent)).status == 201
    assert [one.subject for one in azure.world.entra.federated if one.client_id == app["appId"]] == ["s"]
    twice = await graph(azure, "POST", path, {**sent, "name": "d"})
    assert twice.status == 409
    assert (await graph(azure, "DELETE", f"{path}/c")).status == 204
    assert [one for one in azure.world.entra.federated if one.client_id == app["appId"]] == []


async def test_a_password_is_shown_once_and_works_until_it_is_removed(azure: Simulator) -> None:
    """Source: learn.microsoft.com/graph/api (application-addpassword, application-removepassword)."""
    app = await an_app(azure)
    made = (await graph(azure, "POST", f"/applications/{app['id']}/addPassword", {})).data()
    shown = (await graph(azure, "GET", f"/applications/{app['id']}")).data()["passwordCredentials"]
    assert made["secretText"] in azure.world.entra.secrets[app["appId"].lower()]
    assert [one["secretText"] for one in shown] == [None]
    gone = await graph(azure, "POST", f"/applications/{app['id']}/removePassword", {"keyId": made["keyId"]})
    assert gone.status == 204
    assert azure.world.entra.secrets[app["appId"].lower()] == set()


async def test_a_deleted_application_can_be_restored_or_removed_for_good(azure: Simulator) -> None:
    """Source: learn.microsoft.com/graph/api (directory-deleteditems-restore, directory-deleteditems-delete)."""
    app = await an_app(azure)
    await graph(azure, "DELETE", f"/applications/{app['id']}")
    listed = (await graph(azure, "GET", "/directory/deletedItems/microsoft.graph.application")).data()["value"]
    assert [one["id"] for one in listed] == [app["id"]]
    assert (await graph(azure, "POST", f"/directory/deletedItems/{app['id']}/restore")).status == 200
    assert (await graph(azure, "GET", f"/applications/{app['id']}")).status == 200
    await graph(azure, "DELETE", f"/applications/{app['id']}")
    assert (await graph(azure, "DELETE", f"/directory/deletedItems/{app['id']}")).status == 204
    assert (await graph(azure, "GET", f"/directory/deletedItems/{app['id']}")).status == 404


async def test_delta_tells_what_changed_and_what_went_until_its_token_expires(azure: Simulator) -> None:
    """Source: learn.microsoft.com/graph/delta-query-overview (removed objects, seven days)."""
    kept, gone = await an_app(azure, "kept"), await an_app(azure, "gone")
    first = (await graph(azure, "GET", "/applications/delta")).data()
    link = first["@odata.deltaLink"].partition("/v1.0")[2]
    await graph(azure, "PATCH", f"/applications/{kept['id']}", {"displayName": "renamed"})
    await graph(azure, "DELETE", f"/applications/{gone['id']}")
    changes = (await graph(azure, "GET", link)).data()["value"]
    assert [(one["id"], "@removed" in one) for one in changes] == [(kept["id"], False), (gone["id"], True)]
    azure.world.clock.advance(8 * 24 * 3600)
    assert (await graph(azure, "GET", link)).status == 410


async def test_owners_are_added_listed_and_removed(azure: Simulator) -> None:
    """Source: learn.microsoft.com/graph/api (application-post-owners, application-delete-owners)."""
    app, principal = await an_app(azure), azure.world.entra.principal(OPERATOR)
    assert principal is not None
    reference = {"@odata.id": f"https://graph.microsoft.com/v1.0/directoryObjects/{principal['id']}"}
    assert (await graph(azure, "POST", f"/applications/{app['id']}/owners/$ref", reference)).status == 204
    assert (await graph(azure, "POST", f"/applications/{app['id']}/owners/$ref", reference)).status == 400
    listed = (await graph(azure, "GET", f"/applications/{app['id']}/owners")).data()["value"]
    assert [one["id"] for one in listed] == [principal["id"]]
    assert (await graph(azure, "DELETE", f"/applications/{app['id']}/owners/{principal['id']}/$ref")).status == 204


async def test_an_application_cannot_ask_for_itself_as_a_user(azure: Simulator) -> None:
    """Source: learn.microsoft.com/graph/api/user-get (delegated only)."""
    assert (await graph(azure, "GET", "/me")).status == 400
    assert (await graph(azure, "GET", "/organization")).data()["value"][0]["id"] == azure.world.tenant_id
