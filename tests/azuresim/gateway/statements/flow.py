"""
Statements that steer: choose, retry, limit-concurrency, include-fragment.

Sources: learn.microsoft.com/azure/api-management/choose-policy, retry-policy, limit-concurrency-policy,
policy-fragments.
"""

from __future__ import annotations

from collections.abc import Mapping

from azuresim.gateway.chain import fragment_at
from azuresim.gateway.failures import Broken, PolicyFailure
from azuresim.gateway.pipeline import Handler, Run, Step
from azuresim.policy.expressions import Value

MOST_RETRIES = 50


async def choose(run: Run, step: Step) -> None:
    """The first branch that holds; `otherwise` when none does."""
    whens = 0
    for branch in step.element.elements():
        whens += branch.name == "when"
        if branch.name == "otherwise":
            await run.block(step, branch, f"{step.path}/otherwise")
            return
        if truth(run.exchange.value(branch.attributes["condition"])):
            if run.exchange.tracer is not None:
                run.exchange.tracer.add("choose", {"message": "Expression was evaluated to true", "branch": whens})
            await run.block(step, branch, f"{step.path}/when[{whens}]")
            return


def truth(value: Value) -> bool:
    """A boolean, or the text of one."""
    return value if isinstance(value, bool) else str(value).strip().lower() in ("true", "1")


async def retry(run: Run, step: Step) -> None:
    """
    The statements inside run once, and again while the condition holds, `count` times at most.

    The time between attempts passes for the caller (`exchange.waited`), not on the world's clock.
    """
    exchange, statement = run.exchange, step.element
    count, interval = exchange.number(statement, "count"), exchange.number(statement, "interval")
    if not 1 <= count <= MOST_RETRIES:
        raise Broken(f"retry: the count {count} is not between 1 and {MOST_RETRIES}")
    for attempt in range(count + 1):
        failure = await attempted(run, step, last=attempt == count)
        if attempt == count or not truth(exchange.value(statement.attributes["condition"])):
            if failure is not None:
                raise failure
            return
        if not (attempt == 0 and exchange.flag(statement, "first-fast-retry")):
            exchange.wait(pause(run, step, interval, attempt))


async def attempted(run: Run, step: Step, last: bool) -> PolicyFailure | None:
    """One attempt; a backend that could not be reached is a reason for another one, any other failure is not."""
    try:
        await run.block(step, step.element, step.path)
    except PolicyFailure as failure:
        if last or failure.reason not in ("BackendConnectionFailure", "Timeout"):
            raise
        return failure
    run.failed_at = None
    return None


def pause(run: Run, step: Step, interval: int, attempt: int) -> int:
    """Fixed; linear with `delta`; with `max-interval` besides, exponential up to that."""
    exchange, statement = run.exchange, step.element
    if "delta" not in statement.attributes:
        return interval
    delta = exchange.number(statement, "delta")
    if "max-interval" not in statement.attributes:
        return interval + delta * attempt
    return min(interval + ((1 << min(attempt, 50)) - 1) * delta, exchange.number(statement, "max-interval"))


async def limit_concurrency(run: Run, step: Step) -> None:
    """At most so many at once with one key; the next one is refused with 429, none waits."""
    exchange, statement = run.exchange, step.element
    key = (exchange.service.id, exchange.attribute(statement, "key"))
    busy = exchange.world.gateway.busy
    if busy.get(key, 0) >= exchange.number(statement, "max-count"):
        raise PolicyFailure(429, "Too many requests.", reason="ConcurrencyLimitExceeded")
    busy[key] += 1
    try:
        await run.block(step, statement, step.path)
    finally:
        busy[key] -= 1
        if not busy[key]:
            del busy[key]


async def include_fragment(run: Run, step: Step) -> None:
    """The fragment's statements run here, as if they stood in the document."""
    name = step.element.attributes["fragment-id"]
    document = fragment_at(run.exchange.world, run.exchange.service, run.exchange.text(name))
    if document is None:
        raise Broken(f"include-fragment: Policy fragment with id '{name}' could not be found.")
    await run.block(step, document.root, step.path)


HANDLERS: Mapping[str, Handler] = {
    "choose": choose,
    "include-fragment": include_fragment,
    "limit-concurrency": limit_concurrency,
    "retry": retry,
}
