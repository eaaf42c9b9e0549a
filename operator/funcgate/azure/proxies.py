"""The way out where a proxy stands before the internet: HTTPS_PROXY and NO_PROXY, read once."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies_environment, proxy_bypass_environment  # type: ignore[attr-defined]  # not in typeshed

from aiohttp import encode_basic_auth
from azure.core.pipeline.transport import AioHttpTransport
from azure.core.rest import AsyncHttpResponse, HttpRequest
from yarl import URL

WayTo = Callable[[str], str | None]
"""The proxy that leads to a URL, with its credentials if it has any; None for straight there."""


def ways_from_environment() -> WayTo:
    """
    Https calls go by HTTPS_PROXY, but to what NO_PROXY names; all others, such as those to a node's own endpoint for
    managed identities, go straight there. Upper and lower case count; the lower one wins. A proxy without a scheme is
    an http one. Raises ValueError, without the address, which may hold a password, when it is none.

    Source: docs.python.org/3/library/urllib.request.html#urllib.request.getproxies.
    """
    proxies = getproxies_environment()
    proxy = _checked(proxies["https"]) if proxies.get("https") else None

    def way_to(url: str) -> str | None:
        address = urlsplit(url)
        straight = address.scheme != "https" or proxy_bypass_environment(address.netloc.rpartition("@")[2], proxies)
        return None if straight else proxy

    return way_to


def _checked(proxy: str) -> str:
    address = proxy if "://" in proxy else f"http://{proxy}"
    try:
        parts = urlsplit(address)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ValueError("must be the address of a proxy, such as http://proxy.example:3128")
    return address


class ProxiedTransport(AioHttpTransport):  # type: ignore[misc]  # azure-core loads it lazily, without a type
    """azure-core's transport, with the way of each request looked up in memory."""

    def __init__(self, way_to: WayTo, **options: Any) -> None:
        super().__init__(**options)
        self._way_to = way_to

    async def send(self, request: HttpRequest, **config: Any) -> AsyncHttpResponse:
        """The answer, by the proxy that leads there."""
        way = self._way_to(request.url)
        if way is not None:
            # Apart from each other: aiohttp's exceptions show the address that they were given.
            address = URL(way)
            config["proxy"] = str(address.with_user(None))
            if address.user:
                login = encode_basic_auth(address.user, address.password or "")
                config["proxy_headers"] = {"Proxy-Authorization": login}
        answer: AsyncHttpResponse = await super().send(request, **config)
        return answer
