"""
Lists in pages: `$top`, `$skiptoken` and `nextLink`, as ARM's own lists and most providers' have them.

    return ArmResponse(200, page(request, bodies))                 # at most `arm_page_size` in one, or `$top`
    return ArmResponse(200, page(request, documents, show=shown))  # `show` is called for what the page holds only

The token is opaque to clients and says how many were sent. A `$top` is kept in the nextLink, so it is the size of
each page.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

from azuresim.arm.routes import ArmError, ArmRequest

T = TypeVar("T")
LARGEST_TOP = 1_000_000


def itself(item: Any) -> Any:
    """The default way of showing an item: as it is."""
    return item


def page(request: ArmRequest, items: Sequence[T], *, show: Callable[[T], Any] = itself) -> dict[str, Any]:
    """`{"value": […]}` with a `nextLink` when there is more. ArmError 400 for a wrong `$top` or `$skiptoken`."""
    start, size = position(request), size_of(request)
    body: dict[str, Any] = {"value": [show(item) for item in items[start : start + size]]}
    if start + size < len(items):
        body["nextLink"] = next_link(request, start + size)
    return body


def argument(request: ArmRequest, name: str) -> str | None:
    """A query parameter, its name without case."""
    return request.call.argument(name)


def size_of(request: ArmRequest) -> int:
    largest, top = request.world.switches.arm_page_size, argument(request, "$top")
    if top is None:
        return largest
    if not (top.isascii() and top.isdigit()) or not 0 < len(top) < 8 or not 0 < int(top) <= LARGEST_TOP:
        raise wrong(f"The value '{top[:100]}' of the query parameter '$top' is not a positive number.")
    return min(int(top), largest)


def position(request: ArmRequest) -> int:
    token = argument(request, "$skiptoken")
    if token is None:
        return 0
    try:
        text = base64.urlsafe_b64decode(token.encode()).decode()
        found = int(text.removeprefix("sent:")) if text.startswith("sent:") and len(text) < 20 else -1
    except (ValueError, binascii.Error):
        found = -1
    if found < 0:
        raise wrong("The provided skip token is invalid.")
    return found


def next_link(request: ArmRequest, sent: int) -> str:
    token = base64.urlsafe_b64encode(f"sent:{sent}".encode()).decode()
    kept = [(name, value) for name, value in request.call.query if name.lower() != "$skiptoken"]
    return request.absolute(f"{quote(request.call.path)}?{urlencode([*kept, ('$skiptoken', token)], safe='$')}")


def wrong(text: str) -> ArmError:
    return ArmError(400, "InvalidQueryParameterValue", text)
