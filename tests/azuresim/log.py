"""One line for each HTTP call as it was answered, with secrets left out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

SECRETS = {
    "client_secret",
    "client_assertion",
    "password",
    "secrettext",
    "key",
    "primarykey",
    "secondarykey",
    "masterkey",
}
SECRET_ARGUMENTS = ("code", "subscription-key")


@dataclass(kw_only=True, slots=True)
class Call:
    """
    One HTTP call as it was answered; `body` is the request's, redacted; `caller` the client id.

    `linked` are the actions that it needed on other resources. `at` is the world's time; `began` (monotonic) and
    `seconds` are real ones, for whoever measures.
    """

    method: str
    service: str
    path: str
    status: int
    at: float
    caller: str | None = None
    host: str = ""
    action: str | None = None
    linked: tuple[str, ...] = ()
    began: float = 0.0
    seconds: float = 0.0
    arguments: Sequence[tuple[str, str]] = field(default=(), repr=False)
    content: tuple[str, bytes] = field(default=("", b""), repr=False)
    """Media type and body, as they were sent."""

    @property
    def body(self) -> Any:
        """The request's body without secrets; None when it is no JSON or form."""
        return redacted_body(*self.content)

    @property
    def query(self) -> Mapping[str, str]:
        """The request's arguments without secrets; the last of those with one name."""
        return {name: "***" if name.lower() in SECRET_ARGUMENTS else value for name, value in self.arguments}


def redacted_body(media: str, body: bytes) -> Any:
    """The body without secrets; None when it is no JSON or form."""
    if not body:
        return None
    if media.startswith("application/x-www-form-urlencoded"):
        return redact(dict(parse_qsl(body.decode(errors="replace"))))
    try:
        return redact(json.loads(body))
    except (ValueError, RecursionError):
        return None


def redact(value: Any, name: str = "") -> Any:
    """Named secrets, `value` beside no `format` (policies keep theirs), and header credentials become `***`."""
    if name.lower() in SECRETS and isinstance(value, str):
        return "***"
    if isinstance(value, dict):
        hidden = {"value"} if "format" not in value else set()
        return {k: "***" if k in hidden or name == "header" else redact(v, k) for k, v in value.items()}
    return [redact(item, name) for item in value] if isinstance(value, list) else value
