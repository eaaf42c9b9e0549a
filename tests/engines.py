"""An engine whose passes are written down in advance: what the controller makes of them is what its tests are about."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from funcgate.conditions import Condition, settled, unsettled
from funcgate.engine import Outcome
from funcgate.model import Action, Drift
from funcgate.spec import Binding

TYPES = ("BackendReady", "PolicyReady")


@dataclass(frozen=True, kw_only=True)
class AWrite:
    """A write that went through."""

    condition: str = "BackendReady"
    key: str = "backends/orders"
    action: Action = Action.UPDATE
    drifts: Sequence[Drift] = (Drift(field="url", wanted="https://orders", seen="http://orders"),)
    made: bool = True
    correlation_id: str = ""


@dataclass(frozen=True, kw_only=True)
class APass:
    """What one pass reports."""

    conditions: Sequence[Condition]
    facts: Mapping[str, Any] = field(default_factory=dict)
    changes: Sequence[AWrite] = ()
    done: bool = False
    retry_after: float | None = None
    throttled: bool = False
    reported: bool = False

    @property
    def differences(self) -> Sequence[AWrite]:
        return self.changes

    @property
    def outcomes(self) -> Sequence[Outcome]:
        """What became of each aspect, as its condition says."""
        return [
            Outcome(condition=each.type, status=each.status, reason=each.reason, message=each.message)
            for each in self.conditions
            if each.type in TYPES
        ]


def ready(generation: int = 1, **more: Any) -> APass:
    """All is as it should be."""
    return APass(conditions=(*settled(generation), *_aspects("True", "InSync", generation)), **more)


def waiting(reason: str = "Waiting", generation: int = 1, *, status: str = "Unknown", **more: Any) -> APass:
    """Not yet; funcgate goes on by itself."""
    summaries = unsettled(status, reason, f"{reason}, says Azure.", generation, stalled=False)
    return APass(conditions=(*summaries, *_aspects("Unknown", reason, generation)), **more)


def stalled(reason: str = "Conflict", generation: int = 1, *, status: str = "False", **more: Any) -> APass:
    """A person must act."""
    summaries = unsettled(status, reason, f"{reason}, says Azure.", generation, stalled=True)
    return APass(conditions=(*summaries, *_aspects(status, reason, generation)), **more)


def with_condition(of: APass, type_: str, status: str) -> APass:
    """The same, but for the status of one condition."""
    return replace(
        of, conditions=[replace(each, status=status) if each.type == type_ else each for each in of.conditions]
    )


def _aspects(status: str, reason: str, generation: int) -> tuple[Condition, ...]:
    return tuple(
        Condition(type=each, status=status, reason=reason, message="", observed_generation=generation) for each in TYPES
    )


def _all_well(binding: Binding) -> APass:
    return ready(binding.generation, done=binding.deleting)


Step = Callable[[Binding], APass] | APass | Exception


@dataclass
class ScriptedEngine:
    """Answers with one step after the other, the last one for ever; keeps what it was asked."""

    steps: list[Step] = field(default_factory=lambda: [_all_well])
    seen: list[Binding] = field(default_factory=list)
    dry_runs: list[bool] = field(default_factory=list)
    at_a_glance: APass | None = None  # what a glance sees; None: something that has to be looked at
    glances: int = 0
    hold: asyncio.Event | None = None  # a pass waits for it
    at_work: int = 0
    condition_types: Sequence[str] = TYPES

    async def reconcile(
        self,
        binding: Binding,
        *,
        fence: Callable[[], None],
        dry_run: bool,
    ) -> APass:
        self.seen.append(binding)
        self.dry_runs.append(dry_run)
        self.at_work += 1
        try:
            if self.hold:
                await self.hold.wait()
            fence()
            return self._next(binding)
        finally:
            self.at_work -= 1

    async def rival(self, binding: Binding, write: AWrite, since: datetime) -> str | None:
        """Whoever it was, by the name of what was written to."""
        return f"the writer of {write.key}"

    async def glance(self, binding: Binding) -> APass:
        self.glances += 1
        return self.at_a_glance or APass(conditions=(), changes=(AWrite(),))

    async def passes_under_way(self) -> int:
        return self.at_work

    def _next(self, binding: Binding) -> APass:
        step = self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]
        if isinstance(step, Exception):
            raise step
        return step if isinstance(step, APass) else step(binding)
