"""Event Grid's events in a storage queue, read with azure-storage-queue as a client would."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError, ResourceNotFoundError
from azure.core.pipeline.transport import AioHttpTransport
from azure.storage.queue.aio import QueueClient

from azuresim import Simulator
from azuresim.storage_queues import ACCOUNT
from azuresim.wire import HttpAnswer
from contract.conftest import OPERATOR

pytestmark = [pytest.mark.item("web-12")]
GROUP = "/subscriptions/00000000-aaaa-4000-8000-00000000000a/resourceGroups/Shop"
OTHER = "/subscriptions/00000000-aaaa-4000-8000-00000000000a/resourceGroups/other"
SOURCE = "Microsoft.ManagedIdentity/userAssignedIdentities"


class Credential:
    """Tokens of one client, as azure-identity would get them."""

    def __init__(self, azure: Simulator) -> None:
        self.azure = azure

    async def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        token = self.azure.world.entra.token_for_client(OPERATOR, scopes[0].removesuffix("/.default"))
        return AccessToken(token, int(self.azure.world.clock.timestamp()) + 3000)

    async def close(self) -> None:
        """Nothing is open."""

    async def __aenter__(self) -> Credential:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Nothing is open."""


@asynccontextmanager
async def reader(azure: Simulator, queue: str = "events") -> AsyncIterator[QueueClient]:
    transport = AioHttpTransport(session=azure.session(), session_owner=False)
    url = f"{azure.url}/{ACCOUNT}"
    async with QueueClient(url, queue, credential=Credential(azure), transport=transport, retry_total=0) as client:
        yield client


async def put(azure: Simulator, name: str = "caller", group: str = GROUP, **body: Any) -> HttpAnswer:
    target = f"{group}/providers/{SOURCE}/{name}?api-version=2024-11-30"
    sent = {"location": "westeurope", **body}
    return await azure.send("PUT", "", target, headers=azure.arm_headers(OPERATOR), json=sent)


async def told(client: QueueClient) -> list[dict[str, Any]]:
    return [json.loads(base64.b64decode(m.content)) async for m in client.receive_messages(messages_per_page=32)]


@pytest.fixture(autouse=True)
def groups(azure: Simulator) -> None:
    azure.world.arm.add_group(GROUP)
    azure.world.arm.add_group(OTHER)


async def test_a_write_is_told_with_who_and_what_and_never_the_values(azure: Simulator) -> None:
    """Source: learn.microsoft.com/azure/event-grid/event-schema-resource-groups."""
    azure.world.events.subscribe(GROUP, queue="events")
    await put(azure, tags={"colour": "green"})
    async with reader(azure) as client:
        (event,) = await told(client)
    assert event["eventType"] == "Microsoft.Resources.ResourceWriteSuccess"
    assert event["subject"].lower() == f"{GROUP}/providers/{SOURCE}/caller".lower()
    assert event["data"]["operationName"] == f"{SOURCE}/write"
    assert event["data"]["claims"]["appid"] == OPERATOR
    assert "green" not in json.dumps(event)


async def test_the_case_of_a_subject_is_not_that_of_the_id(azure: Simulator) -> None:
    """Source: learn.microsoft.com/azure/event-grid/event-schema-resource-groups (samples of both)."""
    azure.world.events.subscribe(GROUP, queue="events")
    await put(azure)
    async with reader(azure) as client:
        (event,) = await told(client)
    assert "/resourcegroups/" in event["subject"]
    assert GROUP not in event["subject"]


@pytest.mark.parametrize(
    ("method", "kind"),
    [
        ("DELETE", "Microsoft.Resources.ResourceDeleteSuccess"),
        ("PUT", "Microsoft.Resources.ResourceWriteFailure"),
        ("GET", None),
    ],
)
async def test_what_was_done_decides_the_type_and_reads_are_not_told(
    azure: Simulator, method: str, kind: str | None
) -> None:
    """Source: learn.microsoft.com/azure/event-grid/event-schema-resource-groups."""
    azure.world.events.subscribe(GROUP, queue="events")
    target = f"{GROUP}/providers/{SOURCE}/caller?api-version=2024-11-30"
    azure.world.denied = {f"{SOURCE}/write".lower()} if method == "PUT" else set()
    await azure.send(method, "", target, headers=azure.arm_headers(OPERATOR), json={} if method == "PUT" else None)
    async with reader(azure) as client:
        assert [event["eventType"] for event in await told(client)] == ([kind] if kind else [])


async def test_only_what_lies_under_the_scope_is_told(azure: Simulator) -> None:
    """Source: learn.microsoft.com/azure/event-grid/event-schema-resource-groups."""
    azure.world.events.subscribe(OTHER, queue="events")
    await put(azure)
    await put(azure, group=OTHER)
    async with reader(azure) as client:
        assert len(await told(client)) == 1


async def test_an_event_may_come_twice_and_out_of_order(azure: Simulator) -> None:
    """Source: learn.microsoft.com/azure/event-grid/delivery-and-retry (at least once, no order)."""
    azure.world.events.subscribe(GROUP, queue="events", copies=2)
    azure.world.events.hold()
    for name in ("one", "two", "three"):
        await put(azure, name)
    async with reader(azure) as client:
        assert await told(client) == []
        azure.world.events.release(order=random.Random(3))
        names = [event["subject"].rpartition("/")[2] for event in await told(client)]
    assert sorted(names) == sorted(["one", "two", "three"] * 2)
    assert names != ["one", "one", "two", "two", "three", "three"]


@pytest.mark.assumed
async def test_a_message_may_be_plain_text_instead_of_base64(azure: Simulator) -> None:
    """Source: MicrosoftDocs/azure-docs issues 69702 (plain) and 102923 (Base64): reports disagree by age."""
    azure.world.events.subscribe(GROUP, queue="events", plain=True)
    await put(azure)
    async with reader(azure) as client:
        (message,) = [m async for m in client.receive_messages()]
    assert json.loads(message.content)["dataVersion"] == "2"


# --- the queue --------------------------------------------------------------------------------------------------------
async def test_a_message_that_was_got_is_hidden_and_comes_back_with_another_receipt(azure: Simulator) -> None:
    """Source: learn.microsoft.com/rest/api/storageservices/get-messages."""
    async with reader(azure) as client:
        await client.create_queue()
        await client.send_message("hello")
        first = await client.receive_message(visibility_timeout=60)
        assert await client.receive_message() is None
        azure.world.clock.advance(61)
        again = await client.receive_message()
        assert (again.content, again.dequeue_count) == ("hello", 2)
        with pytest.raises(HttpResponseError, match="pop receipt"):
            await client.delete_message(first)
        await client.delete_message(again)
        assert (await client.get_queue_properties()).approximate_message_count == 0


async def test_peeking_takes_nothing_and_updating_hides(azure: Simulator) -> None:
    """Source: learn.microsoft.com/rest/api/storageservices (peek-messages, update-message)."""
    async with reader(azure) as client:
        await client.create_queue()
        await client.send_message("hello")
        assert [m.content for m in await client.peek_messages()] == ["hello"]
        message = await client.receive_message()
        await client.update_message(message, visibility_timeout=0, content="changed")
        assert (await client.receive_message()).content == "changed"
        await client.clear_messages()
        assert await client.peek_messages() == []


async def test_a_queue_that_is_missing_is_404_and_no_token_is_403(azure: Simulator) -> None:
    """Source: learn.microsoft.com/rest/api/storageservices (queue-service-error-codes, authorize-requests)."""
    async with reader(azure, "nothing") as client:
        with pytest.raises(ResourceNotFoundError, match="queue does not exist"):
            await client.receive_message()
    assert (await azure.send("GET", "", f"/{ACCOUNT}/nothing/messages")).status == 403


async def test_shared_keys_are_refused_as_a_wrong_key_is(azure: Simulator) -> None:
    """Source: learn.microsoft.com/rest/api/storageservices/common-rest-api-error-codes; that no key fits is ours."""
    key = {"account_name": ACCOUNT, "account_key": "a2V5"}
    transport = AioHttpTransport(session=azure.session(), session_owner=False)
    async with QueueClient(f"{azure.url}/{ACCOUNT}", "x", credential=key, transport=transport, retry_total=0) as client:
        with pytest.raises(ClientAuthenticationError, match="failed to authenticate"):
            await client.receive_message()
