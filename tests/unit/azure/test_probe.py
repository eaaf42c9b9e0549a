"""Calls as others make them, over real sockets."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from funcgate.azure import Heard, ProbeClient, ssl_context
from funcgate.azure.probe import READ_BYTES
from funcgate.azure.session import open_session


@asynccontextmanager
async def answering(status: int, *pieces: bytes, host: str = "127.0.0.1") -> AsyncIterator[str]:
    """A server that sends these pieces one by one; its host:port."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(status=status)
        response.enable_chunked_encoding()
        await response.prepare(request)
        for piece in pieces:
            await response.write(piece)
            for _ in range(20):  # the one who asked takes it first
                await asyncio.sleep(0)
        return response

    app = web.Application()
    app.router.add_get("/", answer)
    async with TestServer(app, host=host) as server:
        yield f"[{host}]:{server.port}" if ":" in host else f"{host}:{server.port}"


async def asked(address: str) -> Heard:
    async with open_session(ssl_context(), address) as session:
        return await ProbeClient(session).get("http://orders.example/", "direct")


async def test_an_answer_that_comes_in_pieces_is_read_on() -> None:
    async with answering(403, b"<h1>Error 403 - This ", b"web app is stopped.</h1>") as address:
        assert (await asked(address)).said == "<h1>Error 403 - This web app is stopped.</h1>"


async def test_of_a_long_answer_only_the_beginning_is_read() -> None:
    async with answering(200, b"a" * (READ_BYTES // 2), b"b" * READ_BYTES) as address:
        assert (await asked(address)).said == "a" * (READ_BYTES // 2) + "b" * (READ_BYTES // 2)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_every_name_is_reached_at_the_one_address(host: str) -> None:
    async with answering(401, host=host) as address:
        assert (await asked(address)).status == 401
