"""
One HTTP request and one answer as plain values; `azuresim.world` hands them on as its own names.

Nobody changes one that is made. They are not frozen all the same: each call makes several, and a frozen one takes
three times as long to make.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import orjson
from multidict import CIMultiDict, MultiMapping, istr
from yarl import URL

AUTHORIZATION = istr("Authorization")
CONTENT_TYPE = istr("Content-Type")
HOST = istr("Host")
JSON = "application/json; charset=utf-8"
DIGITS_AS_ZEROS = bytes.maketrans(b"123456789", b"000000000")
LONG_NUMBER = b"0" * 17
DEEP = 500


@dataclass(slots=True)
class HttpCall:
    """
    A request after TLS. `host` is lower case without port, `path` percent-decoded, `raw_path` as sent, without query.

    Names of headers go without case. `query` keeps order and repetitions: `[("a", "1"), ("a", "2")]`;
    `call.argument("a")` is the first one.
    """

    method: str
    host: str
    path: str
    query: Sequence[tuple[str, str]] = ()
    headers: MultiMapping[str] = field(default_factory=CIMultiDict)
    body: bytes = b""
    raw_path: str = ""
    scheme: str = "https"

    @classmethod
    def of(cls, method: str, url: str, headers: Mapping[str, str] | None = None, body: bytes = b"") -> HttpCall:
        """A call to an absolute URL; host and query are taken out of it."""
        parsed = URL(url)
        return cls(
            method=method.upper(),
            host=(parsed.host or "").lower(),
            path=unquote(parsed.raw_path),
            query=list(parsed.query.items()),
            headers=CIMultiDict(headers or {}),
            body=body,
            raw_path=parsed.raw_path,
            scheme=parsed.scheme,
        )

    def argument(self, name: str) -> str | None:
        """The first query parameter of that name; case counts not, as with ARM's `api-version`."""
        for key, value in self.query:
            if key == name or key.lower() == name.lower():
                return value
        return None

    def header(self, name: str, default: str = "") -> str:
        return self.headers.get(name, default)

    def json(self) -> Any:
        """The body as JSON; ValueError when it is none, or is nested too deeply to be read."""
        return read_json(self.body)

    def with_(self, **changes: Any) -> HttpCall:
        return dataclasses.replace(self, **changes)


@dataclass(slots=True)
class HttpAnswer:
    """Status, headers (any mapping; kept as a case-insensitive one) and body."""

    status: int
    headers: Mapping[str, str] = field(default_factory=CIMultiDict)
    body: bytes = b""

    def __post_init__(self) -> None:
        if type(self.headers) is not CIMultiDict:
            self.headers = CIMultiDict(self.headers)

    @classmethod
    def json(cls, status: int, document: Any, headers: Mapping[str, str] | None = None) -> HttpAnswer:
        return cls(status, {CONTENT_TYPE: JSON, **(headers or {})}, compact(document))

    @classmethod
    def text(cls, status: int, text: str, media: str = "text/plain") -> HttpAnswer:
        return cls(status, {"Content-Type": f"{media}; charset=utf-8"}, text.encode())

    def data(self) -> Any:
        """The body as JSON, None when there is no body; ValueError when it is something else."""
        return json.loads(self.body) if self.body else None

    def plus(self, headers: Mapping[str, str]) -> HttpAnswer:
        """The same answer with headers added where they are missing."""
        if not headers:
            return self
        merged = CIMultiDict(self.headers)
        for name, value in headers.items():
            merged.setdefault(name, value)
        return HttpAnswer(self.status, merged, self.body)

    def with_headers(self, headers: Mapping[str, str]) -> HttpAnswer:
        """The same answer with these headers set."""
        merged = CIMultiDict(self.headers)
        merged.update(headers)
        return HttpAnswer(self.status, merged, self.body)


@dataclass(slots=True)
class ArmResponse:
    """What an ARM handler answers: a JSON object, ready JSON (bytes) or text (sent as they are), or nothing."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def http(self) -> HttpAnswer:
        if self.body is None:
            return HttpAnswer(self.status, self.headers)
        if isinstance(self.body, bytes):
            return HttpAnswer(self.status, {CONTENT_TYPE: JSON, **self.headers}, self.body)
        if isinstance(self.body, str):
            media = JSON if self.body.lstrip()[:1] in "{[" else "text/html; charset=utf-8"
            return HttpAnswer(self.status, {CONTENT_TYPE: media, **self.headers}, self.body.encode())
        return HttpAnswer.json(self.status, self.body, self.headers)


def read_json(text: bytes) -> Any:
    """
    What Python's own decoder makes of it; ValueError when it is no JSON, or nested too deeply.

    The faster decoder reads what both agree on: long integers it would round, and deep documents it would take.
    """
    shallow = len(text) < 2 * DEEP or text.count(b"{") + text.count(b"[") < DEEP
    if shallow and LONG_NUMBER not in text.translate(DIGITS_AS_ZEROS):
        try:
            return orjson.loads(text)
        except orjson.JSONDecodeError:
            pass  # UTF-16, NaN and lone surrogates, say
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("the document is nested too deeply") from None


def pretty(document: Any) -> bytes:
    """JSON indented with CRLF, as API Management's children come."""
    try:
        text = orjson.dumps(document, option=orjson.OPT_INDENT_2)
    except TypeError:  # numbers or characters that only Python's own encoder takes
        text = json.dumps(document, indent=2).encode()
    return text.replace(b"\n", b"\r\n")


def copied(value: Any) -> Any:
    """A copy of a JSON value that shares no object and no list with it."""
    try:
        return orjson.loads(orjson.dumps(value))
    except TypeError:  # numbers or characters that only Python's own encoder takes
        return copied_by_hand(value)


def copied_by_hand(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: copied_by_hand(inner) for name, inner in value.items()}
    return [copied_by_hand(inner) for inner in value] if isinstance(value, list) else value


def compact(document: Any) -> bytes:
    try:
        return orjson.dumps(document)
    except TypeError:
        return json.dumps(document, separators=(",", ":")).encode()


def exact(text: bytes) -> bytes:
    """The same bytes to keep: orjson leaves a hole in memory behind what it wrote, too small for the next document."""
    return bytes(memoryview(text))
