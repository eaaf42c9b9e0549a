"""One call on its way through the gateway: what policies read and change, and how the call can end early."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from multidict import CIMultiDict

from azuresim.policy.accept import resolved
from azuresim.policy.expressions import Value, compile_text, text_of
from azuresim.policy.text import Element
from azuresim.resources import Body, Document
from azuresim.wire import HttpAnswer, HttpCall
from azuresim.world import World


class PolicyFailure(RuntimeError):
    """Processing stops, `on-error` runs, and the caller gets this status with this message."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.headers = status, message, headers or {}

    def answer(self) -> HttpAnswer:
        return HttpAnswer.json(self.status, {"statusCode": self.status, "message": self.message}, self.headers)


class Broken(PolicyFailure):
    """A statement failed while it ran. The caller is not told why; `reason` is for whoever reads the test."""

    def __init__(self, reason: str) -> None:
        super().__init__(500, "Internal server error")
        self.reason = reason


class Returned(Exception):  # not an error: return-response ends the processing
    def __init__(self, answer: HttpAnswer) -> None:
        super().__init__(answer.status)
        self.answer = answer


@dataclass(frozen=True, kw_only=True)
class Target:
    """Where the call goes: a base URL, and the credentials of the backend entity when there is one."""

    url: str
    credentials: Body = field(default_factory=dict)
    by_id: bool = False


@dataclass(kw_only=True)
class Exchange:
    """The state that statements work on. `headers` and `query` are those of the request to the backend."""

    world: World
    service: Document
    call: HttpCall
    named_values: Mapping[str, str]
    parameters: Mapping[str, str]
    rest: str
    headers: CIMultiDict[str]
    query: list[tuple[str, str]]
    variables: dict[str, Value] = field(default_factory=dict)
    target: Target | None = None
    answer: HttpAnswer | None = None
    claims: dict[str, Any] = field(default_factory=dict)

    def header(self, name: str) -> str | None:
        """All values of a request header, joined by a comma; None when it is absent."""
        values = self.headers.getall(name, [])
        return ",".join(values) if values else None

    def value(self, text: str) -> Value:
        """A literal or an expression, with named values put in first."""
        return compile_text(resolved(text, self.named_values)).evaluate(self)

    def text(self, text: str) -> str:
        return text_of(self.value(text))

    def attribute(self, element: Element, name: str, default: str = "") -> str:
        return self.text(element.attributes[name]) if name in element.attributes else default

    def status(self, element: Element, name: str, default: str = "") -> int:
        """An attribute that is an HTTP status; a broken statement when it is none."""
        text = self.attribute(element, name, default)
        if not (text.isdecimal() and 100 <= int(text) <= 599):
            raise Broken(f"{element.name}: '{text}' is no HTTP status")
        return int(text)

    def flag(self, element: Element, name: str, default: bool = False) -> bool:
        return self.attribute(element, name, str(default)).lower() == "true"

    def texts(self, element: Element, name: str) -> list[str]:
        return [self.text(child.text) for child in element.named(name)]
