"""
The `cors` statement, and preflight calls, which it answers before any operation is looked for.

Source: learn.microsoft.com/azure/api-management/cors-policy (`terminate-unmatched-request`, defaults) and
enable-cors-policy: product policies do not count for a preflight, since it carries no key.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from azuresim.gateway.chain import Placed, fragment_at
from azuresim.gateway.exchange import Exchange
from azuresim.gateway.failures import Returned
from azuresim.gateway.pipeline import Handler, Run, Step
from azuresim.policy.text import Element
from azuresim.wire import HttpAnswer, HttpCall

SIMPLE_METHODS = ("GET", "POST")
SIMPLE_HEADERS = ("accept", "accept-language", "content-language", "content-type", "origin", "last-event-id", "")
UNMATCHED_SIMPLE = ("GET", "HEAD")
ORIGIN, ASKED_METHOD = "Origin", "Access-Control-Request-Method"


def is_preflight(call: HttpCall) -> bool:
    return call.method.upper() == "OPTIONS" and bool(call.header(ORIGIN)) and bool(call.header(ASKED_METHOD))


def cors(run: Run, step: Step) -> None:
    """A fitting origin gets its headers on the answer; another one ends the call when it is simple, else goes on."""
    exchange = run.exchange
    origin = exchange.call.header(ORIGIN)
    if not origin:
        return
    if not origin_allowed(exchange, step.element, origin):
        stops = exchange.flag(step.element, "terminate-unmatched-request", default=True)
        if stops and exchange.call.method.upper() in UNMATCHED_SIMPLE:
            raise Returned(HttpAnswer(200))
        return
    exchange.added.update(answer_headers(exchange, step.element, origin))
    exposed = listed(exchange, step.element, "expose-headers", "header")
    if exposed:
        exchange.added["Access-Control-Expose-Headers"] = ",".join(exposed)


def preflight(exchange: Exchange, inbound: Sequence[Placed]) -> HttpAnswer | None:
    """The answer to a preflight by the `cors` statements in its way; None when there are none."""
    statements = list(in_scope(exchange, inbound))
    if not statements:
        return None
    for statement in statements:
        if fits(exchange, statement):
            return HttpAnswer(200, preflight_headers(exchange, statement))
        if exchange.flag(statement, "terminate-unmatched-request", default=True):
            break
    return HttpAnswer(200)


def in_scope(exchange: Exchange, inbound: Sequence[Placed]) -> Iterator[Element]:
    """The `cors` statements that stand directly in the section, or in a fragment that does."""
    for placed in inbound:
        if placed.element.name == "cors":
            yield placed.element
        elif placed.element.name == "include-fragment":
            name = exchange.attribute(placed.element, "fragment-id")
            fragment = fragment_at(exchange.world, exchange.service, name)
            yield from fragment.root.named("cors") if fragment else ()


def fits(exchange: Exchange, statement: Element) -> bool:
    """Origin, announced method and announced headers are all allowed."""
    call = exchange.call
    methods = [name.upper() for name in listed(exchange, statement, "allowed-methods", "method")] or SIMPLE_METHODS
    headers = [name.lower() for name in listed(exchange, statement, "allowed-headers", "header")]
    asked = [name.strip().lower() for name in call.header("Access-Control-Request-Headers").split(",")]
    return (
        origin_allowed(exchange, statement, call.header(ORIGIN))
        and ("*" in methods or call.header(ASKED_METHOD).upper() in methods)
        and ("*" in headers or all(name in headers or name in SIMPLE_HEADERS for name in asked))
    )


def origin_allowed(exchange: Exchange, statement: Element, origin: str) -> bool:
    allowed = [name.rstrip("/").lower() for name in listed(exchange, statement, "allowed-origins", "origin")]
    return "*" in allowed or origin.rstrip("/").lower() in allowed


def listed(exchange: Exchange, statement: Element, group: str, name: str) -> list[str]:
    return [text.strip() for part in statement.named(group) for text in exchange.texts(part, name)]


def answer_headers(exchange: Exchange, statement: Element, origin: str) -> dict[str, str]:
    """`*` is answered as it is, unless credentials may come along: browsers take no wildcard then."""
    credentials = exchange.flag(statement, "allow-credentials")
    anybody = "*" in listed(exchange, statement, "allowed-origins", "origin") and not credentials
    headers = {"Access-Control-Allow-Origin": "*" if anybody else origin}
    return {**headers, "Access-Control-Allow-Credentials": "true"} if credentials else headers


def preflight_headers(exchange: Exchange, statement: Element) -> dict[str, str]:
    call = exchange.call
    headers = answer_headers(exchange, statement, call.header(ORIGIN))
    headers["Access-Control-Allow-Methods"] = call.header(ASKED_METHOD)
    if asked := call.header("Access-Control-Request-Headers"):
        headers["Access-Control-Allow-Headers"] = asked
    for part in statement.named("allowed-methods"):
        if "preflight-result-max-age" in part.attributes:
            headers["Access-Control-Max-Age"] = exchange.attribute(part, "preflight-result-max-age")
    return headers


HANDLERS: Mapping[str, Handler] = {"cors": cors}
