"""
Backends: which one a call goes to, what is added for it, and how one that keeps failing is left alone.

Sources: learn.microsoft.com/azure/api-management/backends (pools, circuit breaker), set-backend-service-policy.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from multidict import CIMultiDict

from azuresim.gateway.exchange import Exchange, Target
from azuresim.gateway.failures import Broken, PolicyFailure
from azuresim.gateway.state import Breaker
from azuresim.resources import Body, Document
from azuresim.wire import HttpAnswer

DURATION = re.compile(r"^P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?$")
UNAVAILABLE = "Service Unavailable"


def backend_target(exchange: Exchange, name: str) -> Target:
    """The backend entity of that name, or a member of the pool that it is."""
    backend = exchange.world.arm.get(f"{exchange.service.id}/backends/{name}")
    if backend is None:
        raise Broken(f"set-backend-service: Backend with id '{name}' could not be found.", "BackendNotFound")
    members = (backend.properties.get("pool") or {}).get("services")
    if members:
        backend = member_of(exchange, backend, members)
    return Target(
        url=exchange.text(str(backend.properties.get("url") or "")),
        credentials=backend.properties.get("credentials") or {},
        backend=backend,
    )


def member_of(exchange: Exchange, pool: Document, members: Sequence[Body]) -> Document:
    """The next member in turn, by weight, among those of the best priority whose breaker is closed."""
    usable = []
    for member in members:
        found = exchange.world.arm.get(str(member.get("id")))
        if found is not None and not tripped(exchange, found):
            usable.append((int(member.get("priority") or 0), int(member.get("weight") or 1), found))
    if not usable:
        raise unavailable()
    best = min(priority for priority, _, _ in usable)
    turns = [found for priority, weight, found in usable if priority == best for _ in range(min(max(weight, 1), 100))]
    turn = exchange.world.gateway.turns[pool.id]
    exchange.world.gateway.turns[pool.id] = turn + 1
    return turns[turn % len(turns)]


# --- circuit breaker --------------------------------------------------------------------------------------------------
def unavailable() -> PolicyFailure:
    return PolicyFailure(503, UNAVAILABLE, reason="BackendCircuitOpen", error="The backend's circuit breaker is open.")


def rules_of(backend: Document) -> list[Body]:
    return list((backend.properties.get("circuitBreaker") or {}).get("rules") or [])


def tripped(exchange: Exchange, backend: Document) -> bool:
    breaker = exchange.world.gateway.breakers.get(backend.id)
    return breaker is not None and exchange.world.clock.timestamp() < breaker.open_until


def note_answer(exchange: Exchange, backend: Document, answer: HttpAnswer) -> None:
    """A failure counts; too many of them within the rule's interval open the circuit for its trip duration."""
    for rule in rules_of(backend):
        condition = rule.get("failureCondition") or {}
        if not any(within(answer.status, one) for one in condition.get("statusCodeRanges") or []):
            continue
        breaker, now = exchange.world.gateway.breakers[backend.id], exchange.world.clock.timestamp()
        breaker.failures.append(now)
        while breaker.failures and breaker.failures[0] <= now - seconds_of(condition.get("interval")):
            breaker.failures.popleft()
        if len(breaker.failures) >= int(condition.get("count") or 1):
            trip(breaker, rule, answer, now)


def trip(breaker: Breaker, rule: Body, answer: HttpAnswer, now: float) -> None:
    seconds = seconds_of(rule.get("tripDuration"))
    asked = answer.headers.get("Retry-After", "")
    if rule.get("acceptRetryAfter") and asked.isdecimal():
        seconds = float(asked)
    breaker.open_until = now + seconds
    breaker.failures.clear()


def within(status: int, ranged: Body) -> bool:
    return int(ranged.get("min") or 200) <= status <= int(ranged.get("max") or 599)


def seconds_of(text: Any) -> float:
    """An ISO 8601 duration; a minute when it is none."""
    found = DURATION.match(str(text))
    if found is None:
        return 60.0
    days, hours, minutes, seconds = (float(part or 0) for part in found.groups())
    return days * 86_400 + hours * 3_600 + minutes * 60 + seconds


# --- credentials ------------------------------------------------------------------------------------------------------
def several(values: Any) -> list[Any]:
    return values if isinstance(values, list) else [values]


def with_credentials(exchange: Exchange, target: Target) -> tuple[CIMultiDict[str], list[tuple[str, str]]]:
    """Headers and query with what the backend entity adds; its values replace the caller's."""
    headers, query = exchange.headers.copy(), list(exchange.query)
    for name, values in (target.credentials.get("header") or {}).items():
        headers.popall(name, None)
        headers.extend([(name, exchange.text(str(value))) for value in several(values)])
    for name, values in (target.credentials.get("query") or {}).items():
        query = [(key, value) for key, value in query if key.lower() != name.lower()]
        query += [(name, exchange.text(str(value))) for value in several(values)]
    authorization = target.credentials.get("authorization")
    if authorization:
        scheme, parameter = authorization["scheme"], authorization.get("parameter", "")
        headers["Authorization"] = exchange.text(f"{scheme} {parameter}")
    return headers, query
