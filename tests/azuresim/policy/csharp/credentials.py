"""
`AsJwt()` and `AsBasic()`: what an Authorization header carries, read and not verified.

Source: learn.microsoft.com/azure/api-management/api-management-policy-expressions, table "Context variable".
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from azuresim.policy.csharp.types import STRING, T, array
from azuresim.policy.csharp.values import Array, Credentials, text_of

STRINGS = array(STRING)
EPOCH = datetime(1970, 1, 1)


@dataclass(frozen=True)
class Jwt:
    header: dict[str, Any]
    claims: dict[str, tuple[str, ...]]
    type = T("Jwt")

    def first(self, claim: str) -> str | None:
        return self.claims[claim][0] if self.claims.get(claim) else None

    def time(self, claim: str) -> datetime | None:
        text = self.first(claim)
        if text is None or not text.lstrip("-").isdecimal() or len(text) > 12:
            return None
        try:
            return EPOCH + timedelta(seconds=int(text))
        except OverflowError:
            return None

    def all(self, claim: str) -> Array:
        return Array(STRINGS, self.claims.get(claim, ()))


def jwt_of(text: str | None) -> Jwt | None:
    """The token behind `Bearer ` or on its own; null when the text is none."""
    if text is None:
        return None
    token = text.strip()
    if token[:7].lower() == "bearer ":
        token = token[7:].strip()
    parts = token.split(".")
    if len(parts) != 3:
        return None
    header, payload = part_of(parts[0]), part_of(parts[1])
    if header is None or payload is None or not isinstance(header.get("alg"), str):
        return None
    return Jwt(header, {name: values_of(value) for name, value in payload.items()})


def part_of(part: str) -> dict[str, Any] | None:
    try:
        found = json.loads(base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def values_of(value: Any) -> tuple[str, ...]:
    if isinstance(value, list):
        return tuple(one for part in value for one in values_of(part)) if len(value) < 10_000 else ()
    if isinstance(value, bool):
        return ("true" if value else "false",)
    if isinstance(value, dict | float):
        return (json.dumps(value, separators=(",", ":")),)
    return () if value is None else (text_of(value),)


def basic_of(text: str | None) -> Credentials | None:
    if text is None or text[:6].lower() != "basic ":
        return None
    try:
        decoded = base64.b64decode(text[6:].strip(), validate=True).decode()
    except (binascii.Error, ValueError):
        return None
    user, colon, password = decoded.partition(":")
    return Credentials(user, password) if colon else None
