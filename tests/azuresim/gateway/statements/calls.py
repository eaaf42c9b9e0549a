"""
Statements that call others: forward-request, set-backend-service, send-request, send-one-way-request.

Sources: learn.microsoft.com/azure/api-management/forward-request-policy, set-backend-service-policy,
send-request-policy, send-one-way-request-policy.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from urllib.parse import parse_qsl, unquote, urljoin, urlsplit

from multidict import CIMultiDict, MultiMapping

from azuresim.gateway.backends import backend_target, note_answer, tripped, unavailable, with_credentials
from azuresim.gateway.context import response_of
from azuresim.gateway.exchange import Exchange, Target
from azuresim.gateway.failures import Broken, NotRun, PolicyFailure
from azuresim.gateway.pipeline import Handler, Run, Step
from azuresim.gateway.reach import reach
from azuresim.gateway.statements.callers import identity_token
from azuresim.gateway.statements.messages import body_of, changed_headers, method_of
from azuresim.gateway.traces import shown_headers
from azuresim.policy.text import Element
from azuresim.wire import HttpAnswer, HttpCall

HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "transfer-encoding", "content-length", "host", "te", "trailer", "upgrade",
     "proxy-authenticate", "proxy-authorization", "proxy-connection"}
)  # fmt: skip
MOST_REDIRECTS = 10
FORWARD_SECONDS, SEND_SECONDS = 300, 60


def set_backend_service(run: Run, step: Step) -> None:
    """A backend entity with its credentials, or a bare URL; after an entity only another entity may come."""
    exchange, statement = run.exchange, step.element
    if any(name.startswith(("sf-", "dapr-")) for name in statement.attributes):
        raise NotRun("set-backend-service for Service Fabric or Dapr")
    backend_id = exchange.attribute(statement, "backend-id")
    if backend_id:
        exchange.target = backend_target(exchange, backend_id)
        return
    if exchange.target is not None and exchange.target.by_id:
        raise Broken("set-backend-service: a backend-id cannot be overridden by a base-url")
    exchange.target = Target(url=exchange.attribute(statement, "base-url"))


async def forward_request(run: Run, step: Step) -> None:
    """The backend's answer is the answer: its URL, the rest of the path, credentials with named values filled in."""
    exchange, statement = run.exchange, step.element
    if exchange.target is None:
        raise Broken("forward-request: the API has no backend", "BackendNotFound")
    backend = exchange.target.backend
    if backend is not None and tripped(exchange, backend):
        raise unavailable()
    call = backend_call(exchange, exchange.target)
    if exchange.tracer is not None:
        shown = {"method": call.method, "url": f"{call.scheme}://{call.host}{call.raw_path}"}
        exchange.tracer.add("forward-request", {"request": {**shown, "headers": shown_headers(call.headers)}})
    answer = await reach(exchange, call, "forward-request", seconds(exchange, statement, FORWARD_SECONDS))
    if exchange.flag(statement, "follow-redirects"):
        answer = await followed(exchange, call, answer)
    if backend is not None:
        note_answer(exchange, backend, answer)
    exchange.respond(without_connection(answer))
    if exchange.flag(statement, "fail-on-error-status-code") and answer.status >= 400:
        error = f"The backend answered with status {answer.status}."
        raise PolicyFailure(answer.status, error, reason="BackendErrorStatusCode", answer_kept=exchange.answer)


def seconds(exchange: Exchange, statement: Element, default: float) -> float:
    if "timeout-ms" in statement.attributes:
        return exchange.number(statement, "timeout-ms") / 1000
    return float(exchange.number(statement, "timeout", str(default)))


def backend_call(exchange: Exchange, target: Target) -> HttpCall:
    try:
        url = urlsplit(target.url)
    except ValueError as error:
        raise Broken(f"forward-request: '{target.url}' is no URL", "BackendConnectionFailure") from error
    host = (url.hostname or "").lower()
    raw_path = url.path.rstrip("/") + exchange.rest
    headers, query = with_credentials(exchange, target)
    headers["Host"] = host
    before = headers.get("X-Forwarded-For")
    caller = exchange.world.gateway.caller_ip
    headers["X-Forwarded-For"] = f"{before}, {caller}" if before else caller
    return HttpCall(
        method=exchange.method,
        host=host,
        path=unquote(raw_path),
        query=[*parse_qsl(url.query, keep_blank_values=True), *query],
        headers=folded(headers),
        body=b"" if exchange.body.taken else exchange.body.content,
        raw_path=raw_path,
        scheme=url.scheme,
    )


def folded(headers: CIMultiDict[str]) -> CIMultiDict[str]:
    """One line per header, several values joined by a comma: the same request, in the form that .NET sends."""
    return CIMultiDict([(name, ", ".join(headers.getall(name))) for name in dict.fromkeys(headers.keys())])


def without_connection(answer: HttpAnswer) -> HttpAnswer:
    kept = [(name, value) for name, value in answer.headers.items() if name.lower() not in HOP_BY_HOP]
    return HttpAnswer(answer.status, CIMultiDict(kept), answer.body)


async def followed(exchange: Exchange, call: HttpCall, answer: HttpAnswer) -> HttpAnswer:
    """The answer at the end of redirects, ten at most; what is not a GET becomes one, but for 307 and 308."""
    for _ in range(MOST_REDIRECTS):
        where = answer.headers.get("Location")
        if answer.status not in (301, 302, 303, 307, 308) or not where:
            break
        same = answer.status in (307, 308)
        try:
            url = urljoin(f"{call.scheme}://{call.host}{call.raw_path}", where)
            next_call = HttpCall.of(call.method if same else "GET", url, None, call.body if same else b"")
        except ValueError:
            break
        call = addressed(next_call, call.headers)
        answer = await reach(exchange, call, "forward-request")
    return answer


# --- send-request -----------------------------------------------------------------------------------------------------
async def send_request(run: Run, step: Step) -> None:
    """The answer is in the variable; a failure is a null there, when `ignore-error` says so."""
    exchange, statement = run.exchange, step.element
    variable = exchange.attribute(statement, "response-variable-name")
    answer = None
    try:
        answer = await sent(exchange, statement)
        if exchange.flag(statement, "fail-on-error-status-code") and answer.status >= 400:
            raise Broken(f"send-request: the answer has status {answer.status}", "BackendErrorStatusCode")
    except NotRun:
        raise
    except PolicyFailure:
        if not exchange.flag(statement, "ignore-error"):
            raise
    if variable:
        exchange.variables[variable] = None if answer is None else response_of(answer, None)


async def send_one_way_request(run: Run, step: Step) -> None:
    """Sent and forgotten: whatever comes of it, the call goes on. `world.gateway.sent` has it."""
    exchange = run.exchange
    call = request_of(exchange, step.element)
    answer = None
    with suppress(PolicyFailure):  # nobody waits for the answer
        answer = await reach(exchange, call, "send-one-way-request")
    exchange.world.gateway.sent.append((call, answer))


async def sent(exchange: Exchange, statement: Element) -> HttpAnswer:
    call = request_of(exchange, statement)
    return await reach(exchange, call, "send-request", seconds(exchange, statement, SEND_SECONDS))


def request_of(exchange: Exchange, statement: Element) -> HttpCall:
    """A new request, or a copy of the one that is processed, changed by the parts of the statement."""
    for name in ("authentication-certificate", "proxy"):
        if statement.named(name):
            raise NotRun(f"{statement.name} with {name}")
    copied = exchange.attribute(statement, "mode", "new") == "copy"
    url = exchange.shown_url() if copied else ""
    method = exchange.method if copied else "GET"
    headers = exchange.headers.copy() if copied else CIMultiDict[str]()
    body = exchange.body.content if copied else b""
    for part in statement.named("set-url"):
        url = exchange.text(part.text.strip())
    for part in statement.named("set-method"):
        method = method_of(exchange, part)
    for part in statement.named("set-header"):
        changed_headers(exchange, part, headers)
    for part in statement.named("set-body"):
        body = body_of(exchange, part)
    for part in statement.named("authentication-managed-identity"):
        token = identity_token(exchange, part)
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
    return absolute_call(statement, method, url, headers, body)


def absolute_call(statement: Element, method: str, url: str, headers: CIMultiDict[str], body: bytes) -> HttpCall:
    try:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(url)
        call = HttpCall.of(method, url, None, body)
    except ValueError as error:
        raise Broken(f"{statement.name}: '{url}' is no absolute URL") from error
    return addressed(call, folded(headers))


def addressed(call: HttpCall, headers: MultiMapping[str]) -> HttpCall:
    """The call with these headers, and with its own Host."""
    sent = CIMultiDict(headers)
    sent["Host"] = call.host
    return call.with_(headers=sent)


HANDLERS: Mapping[str, Handler] = {
    "forward-request": forward_request,
    "send-one-way-request": send_one_way_request,
    "send-request": send_request,
    "set-backend-service": set_backend_service,
}
