"""The members of every type that is simulated; importing this declares them."""

from azuresim.policy.csharp.members import (
    call,
    collections,
    encodings,
    json,
    linq,
    numbers,
    regex,
    security,
    text,
    time,
)

__all__ = ["call", "collections", "encodings", "json", "linq", "numbers", "regex", "security", "text", "time"]
