"""
What a gateway's trace of one call tells of why it failed: the statement, and what it said. Pure.

A trace is full of what must not be told, tokens above all, so no more than that leaves it. Its form is documented by
example only (learn.microsoft.com/azure/api-management/api-management-howto-api-inspector), so whatever is not as it is
there gives None.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

SECTIONS = ("inbound", "backend", "outbound", "on-error")
LONGEST = 240
HIDDEN = "…"

_TOKEN = re.compile(r"\b(?:Bearer|Basic)\s+\S+|\beyJ[\w-]+(?:\.[\w-]*)*", re.IGNORECASE)
_KEY = re.compile(r"\b[0-9a-fA-F]{32,}\b|(?<![\w/.-])(?=\S*[A-Z])(?=\S*[a-z])(?=\S*\d)[\w+/=~]{20,}(?![\w.-])")


def decisive(trace: Mapping[str, Any], secrets: Collection[str] = ()) -> str | None:
    """
    The statement at which the call failed, and its sentence, without `secrets` and without whatever looks like one.

    `trace`: `{"traceEntries": {"inbound": [{"source", "data"}], …}}`.
    """
    for source, data in _entries(trace):
        sentence = _complaint(data)
        if sentence:
            return f"{source}: {_redacted(sentence, secrets)}"
    return None


def _entries(trace: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """In the order in which they were written."""
    sections = trace.get("traceEntries")
    for name in SECTIONS:
        entries = sections.get(name) if isinstance(sections, Mapping) else None
        for entry in entries if isinstance(entries, list) else ():
            if isinstance(entry, Mapping):
                yield str(entry.get("source") or "a statement"), entry.get("data")


def _complaint(data: Any) -> str:
    """What it says went wrong; empty for a statement that did its work."""
    if not isinstance(data, Mapping):
        return ""
    wrong = any(name in data for name in ("errorReason", "exception", "error"))
    messages = data.get("messages")
    told = messages if isinstance(messages, list) else [data.get("message"), data.get("error"), data.get("exception")]
    said = " ".join(" ".join(each.split()) for each in told if isinstance(each, str))
    return (said or str(data.get("errorReason") or "")) if wrong else ""


def _redacted(text: str, secrets: Collection[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, HIDDEN) if secret else text
    text = _KEY.sub(HIDDEN, _TOKEN.sub(HIDDEN, text))
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}{HIDDEN}"
