"""
Many requests over a few kept connections, with as little work of its own as Python allows.

The requests are bytes made in advance; of an answer only the status and the length are read. Client and server are
processes of their own, so that neither waits for the other's garbage.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Sequence

CONNECTIONS = 16


def request_bytes(method: str, host: str, path: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", *(f"{name}: {value}" for name, value in headers.items())]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


async def rate(port: int, ca_file: str, requests: Sequence[bytes], total: int) -> float:
    """Requests a second, all of them answered with 2xx; AssertionError otherwise."""
    context = ssl.create_default_context(cafile=ca_file)
    share = total // CONNECTIONS
    connections = [await asyncio.open_connection("127.0.0.1", port, ssl=context) for _ in range(CONNECTIONS)]
    began = time.perf_counter()
    await asyncio.gather(
        *(
            one_after_the_other(reader, writer, requests, share, offset)
            for offset, (reader, writer) in enumerate(connections)
        )
    )
    seconds = time.perf_counter() - began
    for _, writer in connections:
        writer.close()
    return share * CONNECTIONS / seconds


async def one_after_the_other(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, requests: Sequence[bytes], count: int, offset: int
) -> None:
    for index in range(count):
        writer.write(requests[(offset + index) % len(requests)])
        head = await reader.readuntil(b"\r\n\r\n")
        status = int(head[9:12])
        assert 200 <= status < 300, head.decode(errors="replace")
        length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
        if length:
            await reader.readexactly(int(length))
