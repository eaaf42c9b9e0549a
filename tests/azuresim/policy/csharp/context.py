"""
What `context` holds in an expression, as plain data that the gateway fills in.

Members and types: learn.microsoft.com/azure/api-management/api-management-policy-expressions, table "Context variable".
Everything that C# may find null is None here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from azuresim.policy.csharp.errors import EvaluationError


class Body(Protocol):
    """The body of a message. Reading it without preserving leaves nothing for whoever reads next."""

    def take(self, preserve: bool) -> bytes:
        """The content. Raises EvaluationError when somebody took it before."""
        ...


@dataclass
class MessageBody:
    content: bytes
    taken: bool = False

    def take(self, preserve: bool) -> bytes:
        if self.taken:
            raise EvaluationError("The message body has been read before without preserveContent.")
        self.taken = not preserve
        return self.content


Headers = Mapping[str, Sequence[str]]  # IReadOnlyDictionary<string, string[]>; names match in any case


@dataclass(frozen=True, kw_only=True)
class Url:
    """IUrl: `path` begins with a slash, `query` holds the decoded values in their order."""

    scheme: str
    host: str
    port: int
    path: str
    query_string: str = ""  # with its question mark
    query: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Request:
    method: str
    url: Url
    original_url: Url
    headers: Headers
    ip_address: str = ""
    matched_parameters: Mapping[str, str] = field(default_factory=dict)
    body: Body | None = None


@dataclass(frozen=True, kw_only=True)
class Response:
    """IResponse: of the backend, or what `send-request` put into a variable."""

    status_code: int
    status_reason: str = ""
    headers: Headers = field(default_factory=dict)
    body: Body | None = None


@dataclass(frozen=True, kw_only=True)
class Api:
    id: str
    name: str
    path: str
    revision: str = "1"
    version: str | None = None
    service_url: Url | None = None
    is_current_revision: bool = True
    protocols: Sequence[str] = ("https",)
    header_parameter: str = "Ocp-Apim-Subscription-Key"
    query_parameter: str = "subscription-key"


@dataclass(frozen=True, kw_only=True)
class Operation:
    id: str
    name: str
    method: str
    url_template: str


@dataclass(frozen=True, kw_only=True)
class Group:
    id: str
    name: str


@dataclass(frozen=True, kw_only=True)
class Product:
    id: str
    name: str
    subscription_required: bool = True
    approval_required: bool = False
    subscription_limit: int | None = None
    published: bool = True
    groups: Sequence[Group] = ()
    apis: Sequence[Api] = ()


@dataclass(frozen=True, kw_only=True)
class Subscription:
    id: str
    name: str
    key: str
    primary_key: str
    secondary_key: str
    created_time: datetime
    start_date: datetime | None = None
    end_date: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class UserIdentity:
    id: str
    provider: str


@dataclass(frozen=True, kw_only=True)
class User:
    id: str
    email: str
    first_name: str
    last_name: str
    registration_date: datetime
    note: str | None = None
    groups: Sequence[Group] = ()
    identities: Sequence[UserIdentity] = ()


@dataclass(frozen=True, kw_only=True)
class Deployment:
    service_name: str
    service_id: str
    region: str
    gateway_id: str = "managed"


@dataclass(frozen=True, kw_only=True)
class LastError:
    source: str
    reason: str
    message: str
    scope: str | None = None
    section: str | None = None
    path: str | None = None
    policy_id: str | None = None


class Scope(Protocol):
    """The least that an expression needs; asking for more of it is an EvaluationError that says what is missing."""

    @property
    def variables(self) -> Mapping[str, Any]: ...

    def header(self, name: str) -> str | None: ...


class Context(Scope, Protocol):
    """
    What an expression can see of the call that is being processed.

    `timestamp` is when the call came in and `now` the present of the simulated clock, both in UTC; `new_guid` is what
    `Guid.NewGuid()` answers. Python's names of the documented members; None is null.
    """

    @property
    def request(self) -> Request: ...
    @property
    def response(self) -> Response | None: ...
    @property
    def api(self) -> Api | None: ...
    @property
    def operation(self) -> Operation | None: ...
    @property
    def product(self) -> Product | None: ...
    @property
    def subscription(self) -> Subscription | None: ...
    @property
    def user(self) -> User | None: ...
    @property
    def deployment(self) -> Deployment: ...
    @property
    def timestamp(self) -> datetime: ...
    @property
    def request_id(self) -> UUID: ...
    @property
    def elapsed(self) -> timedelta: ...
    @property
    def last_error(self) -> LastError | None: ...
    @property
    def tracing(self) -> bool: ...
    def trace(self, message: str) -> None: ...
    def now(self) -> datetime: ...
    def new_guid(self) -> UUID: ...
