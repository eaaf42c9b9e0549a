"""Azure's own Python clients, pointed at the simulator as a user would: real TLS, real sign-in with a secret."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from azure.identity.aio import ClientSecretCredential

from azuresim import Simulator

CLIENT = "0be7a70a-0000-4000-8000-0000000000aa"
SECRET = "not-a-secret"
SUBSCRIPTION = "00000000-aaaa-4000-8000-00000000000a"
SCOPES = ["https://management.azure.com/.default"]


@pytest.fixture
def trusted(azure: Simulator) -> Simulator:
    """The simulator of the test, with a secret for the client and a subscription; `client_of` trusts its CA."""
    azure.world.entra.add_secret(CLIENT, SECRET)
    azure.world.arm.add_subscription(SUBSCRIPTION)
    return azure


@asynccontextmanager
async def signed_in(azure: Simulator) -> AsyncIterator[ClientSecretCredential]:
    credential = ClientSecretCredential(
        azure.world.tenant_id, CLIENT, SECRET, authority=azure.url, disable_instance_discovery=True,
        connection_verify=str(azure.ca_file),
    )  # fmt: skip
    async with credential:
        yield credential


@asynccontextmanager
async def client_of(azure: Simulator, kind: Callable[..., Any], *arguments: Any, **more: Any) -> AsyncIterator[Any]:
    """`kind(credential, *arguments)` at the simulator; it waits for nothing between polls."""
    async with signed_in(azure) as credential:
        there = {"base_url": azure.url, "credential_scopes": SCOPES, "connection_verify": str(azure.ca_file)}
        client = kind(credential, *arguments, **there, polling_interval=0, **more)
        async with client:
            yield client
