"""How an answer leaves the server: whole and in one write, or cut in the middle when a fault says so."""

from __future__ import annotations

import time
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus

from aiohttp import HttpVersion11, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http import SERVER_SOFTWARE
from multidict import CIMultiDict, istr

from azuresim.wire import CONTENT_TYPE, HttpAnswer

CONTENT_LENGTH = istr("Content-Length")
DATE = istr("Date")
SERVER = istr("Server")
NO_BODY = (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)


def written(request: web.BaseRequest, answer: HttpAnswer) -> web.StreamResponse:
    """What aiohttp is to send: the usual form of an answer, or aiohttp's own response, which knows the unusual ones."""
    usual = (
        answer.body
        and answer.status not in NO_BODY
        and request.method != "HEAD"
        and request.keep_alive
        and request.version == HttpVersion11
        and CONTENT_LENGTH not in answer.headers
    )
    if usual:
        return Usual(answer)
    return web.Response(status=answer.status, headers=CIMultiDict(answer.headers), body=answer.body)


class Usual(web.StreamResponse):
    """
    A body of known length on a connection that stays, which is how nearly every answer leaves.

    aiohttp's own response finds out first whether to compress, to chunk, to leave the body out or to hang up; that
    takes longer than most answers take to be made.
    """

    def __init__(self, answer: HttpAnswer) -> None:
        super().__init__(status=answer.status, headers=answer.headers)
        self._keep_alive = True
        self._answer = answer

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """The head waits in the writer, to go out with the body."""
        headers = self._headers
        headers[CONTENT_LENGTH] = str(len(self._answer.body))
        headers.setdefault(CONTENT_TYPE, "application/octet-stream")
        headers.setdefault(DATE, date(int(time.time())))
        headers.setdefault(SERVER, SERVER_SOFTWARE)
        self._payload_writer = request.writer
        await request.writer.write_headers(status_line(self._answer.status), headers)
        return request.writer

    async def write_eof(self, data: bytes = b"") -> None:
        assert self._payload_writer is not None
        await self._payload_writer.write_eof(self._answer.body)


@lru_cache(maxsize=1)
def date(second: int) -> str:
    return formatdate(second, usegmt=True)


@lru_cache(maxsize=128)
def status_line(status: int) -> str:
    try:
        return f"HTTP/1.1 {status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"HTTP/1.1 {status} "


async def cut(request: web.BaseRequest, answer: HttpAnswer) -> web.StreamResponse:
    """The answer's head and half of its body, and then the connection ends."""
    response = web.StreamResponse(status=answer.status, headers=CIMultiDict(answer.headers))
    response.content_length = max(len(answer.body), 2)
    await response.prepare(request)
    await response.write(answer.body[: len(answer.body) // 2])
    if request.transport is not None:
        request.transport.close()
    return response
