"""Outcomes of a pass → conditions, and the three that sum them up: Ready, Reconciling, Stalled. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from funcgate.errors import Unmet

READY = "Ready"
RECONCILING = "Reconciling"
STALLED = "Stalled"
SUMMARIES = (READY, RECONCILING, STALLED)


@dataclass(frozen=True, kw_only=True)
class Condition:
    """One line of `status.conditions`; `since` moves only when `status` does."""

    type: str
    status: str
    reason: str
    message: str
    observed_generation: int
    since: datetime | None = None

    def says_the_same(self, other: "Condition") -> bool:
        """Whether nothing differs that people or tools act on; time does not count."""
        return replace(self, since=None) == replace(other, since=None)

    def wire(self) -> dict[str, object]:
        """As the Kubernetes API spells it."""
        return {
            "type": self.type,
            "status": self.status,
            "reason": self.reason,
            "message": self.message,
            "observedGeneration": self.observed_generation,
            "lastTransitionTime": (self.since or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
