"""
The internal cache: cache-lookup, cache-store, and single values. It lives by the world's clock.

Sources: learn.microsoft.com/azure/api-management/cache-lookup-policy, cache-store-policy, cache-lookup-value-policy,
cache-store-value-policy, cache-remove-value-policy. Assumed: only answers to GET with status 200 are stored unless
`cache-response` says otherwise; external caches do not exist here, so `external` is refused while it runs.
"""

from __future__ import annotations

from collections.abc import Mapping

from azuresim.gateway.exchange import Exchange
from azuresim.gateway.failures import NotRun, SectionEnds
from azuresim.gateway.pipeline import Handler, Run, Step
from azuresim.policy.text import Element
from azuresim.wire import HttpAnswer

MOST_ENTRIES = 10_000


def cache_lookup(run: Run, step: Step) -> None:
    """A stored answer is the answer, and the backend is not called; else `cache-store` may store this one."""
    exchange, statement = run.exchange, step.element
    internal_only(exchange, statement)
    private = "Authorization" in exchange.call.headers
    if private and not exchange.flag(statement, "allow-private-response-caching"):
        return
    exchange.cache_key = key_of(exchange, statement)
    found = stored(exchange, exchange.cache_key)
    if isinstance(found, HttpAnswer):
        exchange.respond(found)
        raise SectionEnds


def key_of(exchange: Exchange, statement: Element) -> tuple[str, ...]:
    """What must be the same for a stored answer to be given: URL, and all that the statement varies by."""
    names = [text.strip().lower() for part in exchange.texts(statement, "vary-by-query-parameter")
             for text in part.split(";")]  # fmt: skip
    query = sorted((key, value) for key, value in exchange.query if not names or key.lower() in names)
    headers = [f"{name}={exchange.header(name)}" for name in exchange.texts(statement, "vary-by-header")]
    developer = ""
    if exchange.flag(statement, "vary-by-developer") and exchange.subscription_document is not None:
        subscription = exchange.subscription_document
        developer = str(subscription.properties.get("ownerId") or subscription.id)
    return (
        "answer", exchange.service.id, exchange.method, exchange.call.path.lower(), str(query), str(headers), developer,
    )  # fmt: skip


def cache_store(run: Run, step: Step) -> None:
    exchange, statement = run.exchange, step.element
    if exchange.cache_key is None or exchange.answer is None:
        return
    usual = exchange.call.method.upper() == "GET" and exchange.answer.status == 200
    if exchange.flag(statement, "cache-response", default=usual):
        keep(exchange, exchange.cache_key, exchange.answer, exchange.number(statement, "duration"))


def cache_lookup_value(run: Run, step: Step) -> None:
    """The variable holds the value, or the default; it is not set when there is neither."""
    exchange, statement = run.exchange, step.element
    internal_only(exchange, statement)
    found = stored(exchange, value_key(exchange, statement))
    if found is None and "default-value" in statement.attributes:
        found = exchange.value(statement.attributes["default-value"])
    if found is not None:
        exchange.variables[statement.attributes["variable-name"]] = found


def cache_store_value(run: Run, step: Step) -> None:
    exchange, statement = run.exchange, step.element
    internal_only(exchange, statement)
    value = exchange.value(statement.attributes["value"])
    keep(exchange, value_key(exchange, statement), value, exchange.number(statement, "duration"))


def cache_remove_value(run: Run, step: Step) -> None:
    internal_only(run.exchange, step.element)
    run.exchange.world.gateway.cache.pop(value_key(run.exchange, step.element), None)


def value_key(exchange: Exchange, statement: Element) -> tuple[str, ...]:
    return ("value", exchange.service.id, exchange.attribute(statement, "key"))


def internal_only(exchange: Exchange, statement: Element) -> None:
    if exchange.attribute(statement, "caching-type", "prefer-external") == "external":
        raise NotRun(f"{statement.name} with an external cache")


def stored(exchange: Exchange, key: tuple[str, ...]) -> object:
    until, value = exchange.world.gateway.cache.get(key, (0.0, None))
    return value if exchange.world.clock.timestamp() < until else None


def keep(exchange: Exchange, key: tuple[str, ...], value: object, seconds: int) -> None:
    cache = exchange.world.gateway.cache
    cache.pop(key, None)
    cache[key] = (exchange.world.clock.timestamp() + seconds, value)
    while len(cache) > MOST_ENTRIES:
        cache.pop(next(iter(cache)))


HANDLERS: Mapping[str, Handler] = {
    "cache-lookup": cache_lookup,
    "cache-lookup-value": cache_lookup_value,
    "cache-remove-value": cache_remove_value,
    "cache-store": cache_store,
    "cache-store-value": cache_store_value,
}
