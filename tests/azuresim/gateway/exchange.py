"""One call on its way through the gateway: what policies read and change. To expressions it is `context`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from urllib.parse import urlencode
from uuid import UUID

from multidict import CIMultiDict

from azuresim.apim.named_values import named_values
from azuresim.gateway import context
from azuresim.gateway.failures import Broken, PolicyFailure, Returned, SectionEnds
from azuresim.gateway.matching import Match
from azuresim.gateway.traces import Tracer
from azuresim.policy.csharp import context as csharp
from azuresim.policy.expressions import Value, compile_text, is_expression, text_of
from azuresim.policy.named_values import resolved
from azuresim.policy.text import Element
from azuresim.resources import Body, Document
from azuresim.wire import HttpAnswer, HttpCall
from azuresim.world import World

__all__ = ["Broken", "Exchange", "PolicyFailure", "Returned", "SectionEnds", "Target"]


@dataclass(frozen=True, kw_only=True)
class Target:
    """Where the call goes: a base URL, and the credentials of the backend entity when there is one."""

    url: str
    credentials: Body = field(default_factory=dict)
    backend: Document | None = None

    @property
    def by_id(self) -> bool:
        return self.backend is not None


@dataclass(kw_only=True)
class Exchange:
    """The state that statements work on. `headers`, `query`, `method` and `body` are those of the backend's request."""

    world: World
    service: Document
    call: HttpCall
    match: Match | None
    rest: str
    headers: CIMultiDict[str]
    query: list[tuple[str, str]]
    subscription_document: Document | None = None
    product_document: Document | None = None
    target: Target | None = None
    answer: HttpAnswer | None = None
    tracer: Tracer | None = None
    method: str = ""
    key: str = ""
    body: csharp.MessageBody = field(init=False)
    answer_body: csharp.MessageBody | None = None
    variables: dict[str, Value] = field(default_factory=dict)
    added: CIMultiDict[str] = field(default_factory=CIMultiDict)
    afterwards: list[Callable[[], Awaitable[None] | None]] = field(default_factory=list)
    reasons: dict[int, str] = field(default_factory=dict)
    error: csharp.LastError | None = None
    waited: float = 0.0
    cache_key: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        self.method = self.method or self.call.method
        self.body = csharp.MessageBody(self.call.body)
        self.began = self.world.clock.now()

    # --- what statements ask ------------------------------------------------------------------------------------------
    @cached_property
    def named_values(self) -> Mapping[str, str]:
        return named_values(self.world, self.service.id)

    @property
    def parameters(self) -> Mapping[str, str]:
        return self.match.parameters if self.match else {}

    def header(self, name: str) -> str | None:
        """All values of a request header, joined by a comma; None when it is absent."""
        values = self.headers.getall(name, [])
        return ",".join(values) if values else None

    def value(self, text: str) -> Value:
        """A literal or an expression, with named values put in first."""
        if "{{" in text:
            text = resolved(text, self.named_values)
        return compile_text(text).evaluate(self) if is_expression(text) else text

    def text(self, text: str) -> str:
        return text_of(self.value(text))

    def attribute(self, element: Element, name: str, default: str = "") -> str:
        return self.text(element.attributes[name]) if name in element.attributes else default

    def status(self, element: Element, name: str, default: str = "") -> int:
        """An attribute that is an HTTP status; a broken statement when it is none."""
        number = self.number(element, name, default)
        if not 100 <= number <= 599:
            raise Broken(f"{element.name}: '{number}' is no HTTP status")
        return number

    def number(self, element: Element, name: str, default: str = "") -> int:
        """An attribute that is a whole number; a broken statement when it is none."""
        text = self.attribute(element, name, default).strip()
        try:
            return int(text)
        except ValueError:
            raise Broken(f"{element.name}: '{text}' of '{name}' is no number") from None

    def flag(self, element: Element, name: str, default: bool = False) -> bool:
        return self.attribute(element, name, str(default)).strip().lower() in ("true", "1")

    def texts(self, element: Element, name: str) -> list[str]:
        return [self.text(child.text) for child in element.named(name)]

    def respond(self, answer: HttpAnswer) -> None:
        """This is the answer now, with a body that expressions have not read yet."""
        self.answer, self.answer_body = answer, csharp.MessageBody(answer.body)

    def wait(self, seconds: float) -> None:
        """So much of the caller's time is over; the world's clock does not move."""
        self.waited += seconds

    # --- what expressions ask (csharp.context.Context) ----------------------------------------------------------------
    @property
    def request(self) -> csharp.Request:
        url = context.url_of(self.call.scheme, self.call.host, self.call.path, self.call.query)
        changed = context.url_of(self.call.scheme, self.call.host, self.call.path, self.query)
        return csharp.Request(
            method=self.method,
            url=changed,
            original_url=url,
            headers=context.headers_of(self.headers),
            ip_address=self.world.gateway.caller_ip,
            matched_parameters=self.parameters,
            body=self.body,
        )

    @property
    def response(self) -> csharp.Response | None:
        if self.answer is None:
            return None
        return context.response_of(self.answer, self.answer_body, self.reasons.get(self.answer.status))

    @property
    def api(self) -> csharp.Api | None:
        return context.api_of(self.match.api) if self.match else None

    @property
    def operation(self) -> csharp.Operation | None:
        return context.operation_of(self.match.operation) if self.match and self.match.operation else None

    @property
    def product(self) -> csharp.Product | None:
        return context.product_of(self.world, self.product_document) if self.product_document else None

    @property
    def subscription(self) -> csharp.Subscription | None:
        return context.subscription_of(self.subscription_document, self.key) if self.subscription_document else None

    @property
    def user(self) -> csharp.User | None:
        return context.user_of(self.world, self.subscription_document) if self.subscription_document else None

    @property
    def deployment(self) -> csharp.Deployment:
        return csharp.Deployment(
            service_name=self.service.name,
            service_id=f"{self.service.name.lower()}.azure-api.net",
            region=str(self.service.body.get("location", "")),
        )

    @property
    def timestamp(self) -> datetime:
        return self.began

    @cached_property
    def request_id(self) -> UUID:
        return UUID(self.world.guid())

    @property
    def elapsed(self) -> timedelta:
        return self.now() - self.began

    @property
    def last_error(self) -> csharp.LastError | None:
        return self.error

    @property
    def tracing(self) -> bool:
        return self.tracer is not None

    def trace(self, message: str) -> None:
        if self.tracer is not None:
            self.tracer.add("trace", {"message": message})

    def now(self) -> datetime:
        return self.world.clock.now() + timedelta(seconds=self.waited)

    def new_guid(self) -> UUID:
        return UUID(self.world.guid())

    def shown_url(self) -> str:
        query = urlencode(self.call.query)
        return f"{self.call.scheme}://{self.call.host}{self.call.raw_path or self.call.path}" + (query and f"?{query}")
