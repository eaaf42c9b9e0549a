"""
Statements that limit how often: rate-limit, rate-limit-by-key, quota, quota-by-key. They count on the world's clock.

Per subscription (calls without one are not limited), with limits of APIs and operations beside; or per key, over all
scopes. 429 with `Retry-After`; 403 when a quota is used up.
Sources: learn.microsoft.com/azure/api-management/rate-limit-policy, rate-limit-by-key-policy, quota-policy,
quota-by-key-policy, api-management-error-handling-policies (reasons, texts of quotas).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta

from azuresim.gateway.exchange import Exchange
from azuresim.gateway.failures import PolicyFailure
from azuresim.gateway.pipeline import Handler, Run, Step
from azuresim.gateway.state import Quota
from azuresim.gateway.statements.flow import truth
from azuresim.policy.text import Element
from azuresim.resources import Document

NEVER = 0


# --- rates ------------------------------------------------------------------------------------------------------------
def rate_limit(run: Run, step: Step) -> None:
    """Per subscription, for the whole of the scope, and for the APIs and operations that the statement names."""
    exchange = run.exchange
    if exchange.subscription_document is None:
        return
    place = scope_id(exchange, step)
    for number, limit in enumerate(limits_of(exchange, step.element)):
        key = ("rate", place, exchange.subscription_document.id, str(number))
        check_rate(exchange, limit, key)
        count_call(exchange, limit, key, 1)


def scope_id(exchange: Exchange, step: Step) -> str:
    match, product = exchange.match, exchange.product_document
    places: Mapping[str, Document | None] = {
        "product": product,
        "api": match.api if match else None,
        "operation": match.operation if match else None,
    }
    place = places.get(step.scope)
    return f"{place.id if place else exchange.service.id}#{step.path}"


def limits_of(exchange: Exchange, statement: Element) -> Iterator[Element]:
    """The statement's own limit, and those of its `api` and `operation` parts that this call is for."""
    yield statement
    api = exchange.match.api if exchange.match else None
    operation = exchange.match.operation if exchange.match else None
    for part in statement.named("api"):
        if named(part, api):
            yield part
            yield from (inner for inner in part.named("operation") if named(inner, operation))
    yield from (part for part in statement.named("operation") if named(part, operation))


def named(part: Element, document: Document | None) -> bool:
    """By id or name; the id wins when both are there."""
    if document is None:
        return False
    if "id" in part.attributes:
        return part.attributes["id"].lower() == document.name.partition(";")[0].lower()
    return part.attributes.get("name") == document.properties.get("displayName")


def rate_limit_by_key(run: Run, step: Step) -> None:
    """Per value of `counter-key`; counted at once, or when the answer is there if a condition or attribute asks."""
    exchange, statement = run.exchange, step.element
    key = ("rate-key", exchange.service.id, exchange.attribute(statement, "counter-key"))
    check_rate(exchange, statement, key)
    after = exchange.flag(statement, "increment-after-response") or "increment-condition" in statement.attributes
    if not after:
        count_call(exchange, statement, key, increment(exchange, statement))
        return

    def later() -> None:
        if truth(exchange.value(statement.attributes.get("increment-condition", "true"))):
            count_call(exchange, statement, key, increment(exchange, statement))

    exchange.afterwards.append(later)


def increment(exchange: Exchange, statement: Element) -> int:
    return exchange.number(statement, "increment-count", "1")


def check_rate(exchange: Exchange, limit: Element, key: tuple[str, ...]) -> None:
    """429 when the window is full; headers and variables that were asked for either way."""
    if "calls" not in limit.attributes:
        return
    calls, period = exchange.number(limit, "calls"), exchange.number(limit, "renewal-period", "60")
    times, now = exchange.world.gateway.rates[key], exchange.world.clock.timestamp()
    while times and times[0][0] <= now - period:
        times.popleft()
    if counted(times) < calls:
        return
    wait = max(1, math.ceil((times[0][0] if times else now) + period - now))
    told(exchange, limit, "remaining-calls", 0)
    if variable := limit.attributes.get("retry-after-variable-name"):
        exchange.variables[variable] = wait
    header = exchange.attribute(limit, "retry-after-header-name", "Retry-After")
    message = f"Rate limit is exceeded. Try again in {wait} seconds."
    raise PolicyFailure(429, message, {header: str(wait)}, reason="RateLimitExceeded", error="Rate limit is exceeded")


def counted(times: Iterable[tuple[float, int]]) -> int:
    return sum(number for _, number in times)


def count_call(exchange: Exchange, limit: Element, key: tuple[str, ...], number: int) -> None:
    if "calls" not in limit.attributes:
        return
    calls = exchange.number(limit, "calls")
    times = exchange.world.gateway.rates[key]
    if number > 0:
        times.append((exchange.world.clock.timestamp(), number))
    told(exchange, limit, "remaining-calls", max(0, calls - counted(times)))
    if header := exchange.attribute(limit, "total-calls-header-name"):
        exchange.added[header] = str(calls)


def told(exchange: Exchange, limit: Element, what: str, number: int) -> None:
    """The number is in the header and the variable that the statement names."""
    if header := exchange.attribute(limit, f"{what}-header-name"):
        exchange.added[header] = str(number)
    if variable := limit.attributes.get(f"{what}-variable-name"):
        exchange.variables[variable] = number


# --- quotas -----------------------------------------------------------------------------------------------------------
def quota(run: Run, step: Step) -> None:
    """Calls and kilobytes per subscription and period; a period of 0 never ends."""
    exchange = run.exchange
    if exchange.subscription_document is None:
        return
    place = scope_id(exchange, step)
    period = exchange.attribute(step.element, "renewal-period", "0")
    for number, limit in enumerate(limits_of(exchange, step.element)):
        key = ("quota", place, exchange.subscription_document.id, str(number))
        seconds = int(exchange.attribute(limit, "renewal-period", period) or NEVER)
        use_quota(exchange, limit, key, seconds)


def quota_by_key(run: Run, step: Step) -> None:
    exchange, statement = run.exchange, step.element
    key = ("quota-key", exchange.service.id, exchange.attribute(statement, "counter-key"))
    use_quota(exchange, statement, key, exchange.number(statement, "renewal-period", "0"))


def use_quota(exchange: Exchange, limit: Element, key: tuple[str, ...], period: int) -> None:
    """403 when it is used up; the call counts when its answer is there, with the bytes of both bodies."""
    used = period_of(exchange, key, period)
    if "calls" in limit.attributes and used.calls >= exchange.number(limit, "calls"):
        raise out_of_quota(exchange, "call volume", used, period)
    if "bandwidth" in limit.attributes and used.bytes >= exchange.number(limit, "bandwidth") * 1024:
        raise out_of_quota(exchange, "bandwidth", used, period)
    exchange.afterwards.append(lambda: count_quota(exchange, limit, used))


def period_of(exchange: Exchange, key: tuple[str, ...], period: int) -> Quota:
    quotas, now = exchange.world.gateway.quotas, exchange.world.clock.timestamp()
    used = quotas.get(key)
    if used is None or (period > NEVER and now >= used.began + period):
        used = quotas[key] = Quota(began=now)
    return used


def count_quota(exchange: Exchange, limit: Element, used: Quota) -> None:
    if truth(exchange.value(limit.attributes.get("increment-condition", "true"))):
        used.calls += increment(exchange, limit)
        used.bytes += len(exchange.call.body) + len(exchange.answer.body if exchange.answer else b"")


def out_of_quota(exchange: Exchange, what: str, used: Quota, period: int) -> PolicyFailure:
    left = max(0, math.ceil(used.began + period - exchange.world.clock.timestamp())) if period else 0
    span = timedelta(seconds=left)
    days = f"{span.days}." if span.days else ""
    clock = f"{days}{span.seconds // 3600:02}:{span.seconds // 60 % 60:02}:{span.seconds % 60:02}"
    message = f"Out of {what} quota. Quota will be replenished in {clock}."
    headers = {"Retry-After": str(left)} if period else {}
    return PolicyFailure(403, message, headers, reason="QuotaExceeded")


HANDLERS: Mapping[str, Handler] = {
    "quota": quota,
    "quota-by-key": quota_by_key,
    "rate-limit": rate_limit,
    "rate-limit-by-key": rate_limit_by_key,
}
