"""
Policies at work: the sections in their order, each statement in its turn, and what happens when one fails.

What each statement does: `azuresim.gateway.statements`, one module per family. Sources:
learn.microsoft.com/azure/api-management/api-management-howto-policies and api-management-error-handling-policies.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from inspect import isawaitable

from azuresim.gateway.chain import Chain, Placed, section_of
from azuresim.gateway.exchange import Exchange
from azuresim.gateway.failures import Broken, NotRun, PolicyFailure, Returned, SectionEnds
from azuresim.policy.csharp.context import LastError
from azuresim.policy.csharp.errors import NotRun as ExpressionNotRun
from azuresim.policy.expressions import EvaluationError, ExpressionError
from azuresim.policy.text import Element
from azuresim.wire import HttpAnswer


@dataclass(frozen=True, kw_only=True)
class Step:
    """A statement in its place: section, scope, and the path that `LastError.Path` shows."""

    element: Element
    section: str
    scope: str
    path: str

    @property
    def request(self) -> bool:
        """Whether messages are requests here: the backend has not answered yet."""
        return self.section in ("inbound", "backend")


Handler = Callable[["Run", Step], Awaitable[None] | None]


class Run:
    """One call's way through the sections. `failed_at` is the step that failed, for `LastError`."""

    def __init__(self, exchange: Exchange, chain: Chain, handlers: Mapping[str, Handler]) -> None:
        self.exchange, self.chain, self.handlers = exchange, chain, handlers
        self.failed_at: Step | None = None

    async def process(self, refusal: PolicyFailure | None) -> HttpAnswer:
        """
        The gateway's answer to a call: inbound, backend, outbound, unless `refusal` says that it ends before.

        A failure anywhere leads to `on-error`, whose statements work on the answer that reports the failure.
        """
        try:
            answer = await self.sections(refusal)
        except Returned as returned:
            answer = returned.answer
        except PolicyFailure as failure:
            answer = await self.failed(failure)
        for work in self.exchange.afterwards:
            with suppress(EvaluationError, ExpressionError, PolicyFailure):  # assumed: nobody is told any more
                waiting = work()
                if isawaitable(waiting):
                    await waiting
        return answer

    async def sections(self, refusal: PolicyFailure | None) -> HttpAnswer:
        if refusal is not None:
            raise refusal
        try:
            await self.section("inbound")
            await self.section("backend")
        except SectionEnds:
            if not self.exchange.world.switches.apim_cache_hit_runs_outbound:
                return self.exchange.answer or HttpAnswer(200)
        if self.exchange.answer is None:
            self.exchange.respond(HttpAnswer(200))
        await self.section("outbound")
        return self.exchange.answer or HttpAnswer(200)

    async def section(self, name: str) -> None:
        exchange = self.exchange
        if exchange.tracer is not None:
            exchange.tracer.section = name
        inherit = exchange.world.switches.apim_missing_section_inherits
        await self.statements(section_of(self.chain, name, inherit), name)

    async def failed(self, failure: PolicyFailure) -> HttpAnswer:
        """`on-error` has run; a second failure in it is what the caller gets."""
        exchange = self.exchange
        self.note(failure)
        self.failed_at = None
        exchange.respond(failure.answer(str(exchange.request_id)))
        try:
            await self.section("on-error")
        except Returned as returned:
            return returned.answer
        except PolicyFailure as again:
            self.note(again)
            return again.answer(str(exchange.request_id))
        return exchange.answer or HttpAnswer(500)

    def note(self, failure: PolicyFailure) -> None:
        """`context.LastError` says what failed, where and why; what is not simulated is counted."""
        step, exchange = self.failed_at, self.exchange
        in_policy = step is not None and not failure.source
        exchange.error = LastError(
            source=step.element.name if in_policy and step else failure.source or "configuration",
            reason=failure.reason,
            message=failure.error,
            scope=step.scope if in_policy and step else None,
            section=step.section if in_policy and step else "inbound",
            path=step.path if in_policy and step else None,
            policy_id=step.element.attributes.get("id") if in_policy and step else None,
        )
        if isinstance(failure, NotRun):
            exchange.world.missing[f"gateway: {failure.what}"] += 1
        if exchange.tracer is not None:
            data = {"messages": [failure.error], "errorReason": failure.reason, "statusCode": failure.status}
            exchange.tracer.add(exchange.error.source, data)

    async def statements(self, placed: Sequence[Placed], section: str, path: str = "") -> None:
        """One statement after the other; `path` is that of the statement in which they stand."""
        counted: Counter[str] = Counter()
        for one in placed:
            name = one.element.name
            counted[name] += 1
            place = f"{path}/{name}[{counted[name]}]".lstrip("/")
            await self.statement(Step(element=one.element, section=section, scope=one.scope, path=place))

    async def block(self, step: Step, parent: Element, path: str) -> None:
        """The statements inside a part of a statement."""
        await self.statements([Placed(element, step.scope) for element in parent.elements()], step.section, path)

    async def statement(self, step: Step) -> None:
        handler = self.handlers.get(step.element.name)
        try:
            if handler is None:
                raise NotRun(f"the statement '{step.element.name}'")
            waiting = handler(self, step)
            if isawaitable(waiting):
                await waiting
        except ExpressionNotRun as error:
            self.failed_at = step
            raise NotRun(f"{step.element.name}: {error}") from error
        except (EvaluationError, ExpressionError) as error:
            self.failed_at = step
            raise Broken(f"{step.element.name}: {error}", "ExpressionValueEvaluationFailure") from error
        except PolicyFailure:
            self.failed_at = self.failed_at or step
            raise
        except Returned:
            self.trace(step)
            raise
        self.trace(step)

    def trace(self, step: Step) -> None:
        """The trace, when there is one, shows that the statement has run."""
        if self.exchange.tracer is not None and step.element.name not in ("trace", "choose"):
            self.exchange.tracer.add(step.element.name, told(self.exchange, step))


def told(exchange: Exchange, step: Step) -> dict[str, object]:
    """What a trace says of a statement that has run: its attributes, and where it stands."""
    attributes = dict(step.element.attributes)
    data: dict[str, object] = {"scope": step.scope, "path": step.path}
    return {**data, "configuration": attributes} if attributes else data
