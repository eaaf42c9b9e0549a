"""
The Kubernetes API, as far as funcgate speaks it itself; Kopf only watches.

One aiohttp session, no proxies from the environment, a timeout on every request. Every request carries the token as its
file holds it then.
"""

import json
from collections.abc import AsyncIterator, Mapping
from types import TracebackType
from typing import Any, Self

import aiohttp

from funcgate import __version__
from funcgate.controller.access import Access
from funcgate.errors import FuncgateError

Json = dict[str, Any]

MERGE = "application/merge-patch+json"
METADATA_LIST = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"


class KubeError(FuncgateError):
    """The Kubernetes API did not do what was asked; `status` is 0 when it did not answer at all."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(f"{reason} ({status}): {message}" if status else f"{reason}: {message}")
        self.status = status
        self.reason = reason


class Conflict(KubeError):
    """Somebody wrote first, or made the same thing: read again."""


class Invalid(KubeError):
    """The server refuses the content: it is against the schema, or a webhook says no."""


class Missing(KubeError):
    """There is no such object, or no such kind."""


class Unavailable(KubeError):
    """Nobody's fault: no answer, too many requests, or the server is unwell."""


class Kube:
    """A session with one API server; an asynchronous context manager."""

    def __init__(self, access: Access, *, timeout_seconds: float = 10.0, connections: int = 32) -> None:
        self.access = access
        self._timeout = timeout_seconds
        self._connections = connections
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=self._connections, ssl=self.access.tls() if self.access.server.startswith("https") else False
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": f"funcgate/{__version__}"},
            trust_env=False,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session:
            await self._session.close()

    async def get(self, path: str, *, timeout_seconds: float | None = None) -> Json:
        """The object at `path`. Raises Missing."""
        return await self._call("GET", path, timeout_seconds=timeout_seconds)

    async def create(self, path: str, body: Json, *, timeout_seconds: float | None = None) -> Json:
        """The object is there, new. Raises Conflict when one of its name is there already."""
        return await self._call("POST", path, body, timeout_seconds=timeout_seconds)

    async def replace(self, path: str, body: Json, *, timeout_seconds: float | None = None) -> Json:
        """The object is `body`, if nobody wrote since its resourceVersion. Raises Conflict."""
        return await self._call("PUT", path, body, timeout_seconds=timeout_seconds)

    async def merge(self, path: str, patch: Json) -> Json:
        """The patch is laid over the object (RFC 7386). Raises Conflict when its resourceVersion is not the last."""
        return await self._call("PATCH", path, patch, content_type=MERGE)

    async def metadata(self, path: str, *, label_selector: str = "", chunk: int = 500) -> AsyncIterator[Json]:
        """The metadata of every object below `path`, page by page; specs and statuses stay at the server."""
        wanted = {"limit": str(chunk)} | ({"labelSelector": label_selector} if label_selector else {})
        token = ""
        while True:
            query = wanted | ({"continue": token} if token else {})
            page = await self._call("GET", path, query=query, accept=METADATA_LIST)
            for item in page.get("items") or ():
                yield item["metadata"]
            token = page.get("metadata", {}).get("continue") or ""
            if not token:
                return

    async def _call(
        self,
        method: str,
        path: str,
        body: Json | None = None,
        *,
        query: Mapping[str, str] | None = None,
        content_type: str = "application/json",
        accept: str = "application/json",
        timeout_seconds: float | None = None,
    ) -> Json:
        if self._session is None:
            raise RuntimeError("use `async with Kube(...)`")
        headers = {"Accept": accept} | ({"Content-Type": content_type} if body is not None else {})
        try:
            if token := self.access.token:
                headers["Authorization"] = f"Bearer {token}"
            async with self._session.request(
                method,
                self.access.server + path,
                params=query,
                data=json.dumps(body).encode() if body is not None else None,
                headers=headers,
                timeout=aiohttp.ClientTimeout(total=timeout_seconds or self._timeout),
                allow_redirects=False,
            ) as answer:
                text = await answer.text()
                status = answer.status
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Unavailable(0, type(error).__name__, f"{method} {path}: {error}") from None
        return _read(method, path, status, text)


def _read(method: str, path: str, status: int, text: str) -> Json:
    try:
        answer = json.loads(text) if text else {}
    except ValueError:
        answer = {}
    if 200 <= status < 300 and isinstance(answer, dict):
        return answer
    told = answer if isinstance(answer, dict) else {}
    reason = told.get("reason") or "Unreadable"
    raise _class(status)(status, reason, f"{method} {path}: {told.get('message') or 'no message'}")


def _class(status: int) -> type[KubeError]:
    if status == 429 or status >= 500:
        return Unavailable
    return {404: Missing, 409: Conflict, 422: Invalid}.get(status, KubeError)
