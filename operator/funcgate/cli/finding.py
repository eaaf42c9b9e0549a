"""One thing that `doctor` has looked at."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from funcgate.report import State


@dataclass(frozen=True, kw_only=True)
class Operator:
    """Where the operator runs, and as whom."""

    namespace: str
    account: str

    @property
    def user(self) -> str:
        """Its name for the API server."""
        return f"system:serviceaccount:{self.namespace}:{self.account}"

    @property
    def inside(self) -> str:
        """The command that asks the operator itself, with its own rights and settings."""
        return f"kubectl -n {self.namespace} exec deployment/funcgate -- funcgate doctor"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """How it stands, what there is to say, and the commands that mend it."""

    check: str
    state: State
    says: tuple[str, ...]
    mend: tuple[str, ...] = ()

    def as_data(self) -> dict[str, Any]:
        """For programs; `docs/reference/commands.md` describes it."""
        return {"check": self.check, "state": str(self.state), "says": list(self.says), "mend": list(self.mend)}


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What the cluster tells of the rest: the operator's settings, where bindings publish and call, what they need."""

    variables: Mapping[str, str] = field(default_factory=dict)
    hosts: Sequence[str] = ()
    assigns: bool = False  # whether a binding says spec.entra.requireAssignment


def right(check: str, *says: str) -> Finding:
    """As it must be."""
    return Finding(check=check, state=State.HOLDS, says=says)


def wrong(check: str, *says: str, mend: tuple[str, ...] = ()) -> Finding:
    """Not as it must be."""
    return Finding(check=check, state=State.BROKEN, says=says, mend=mend)


def unseen(check: str, *says: str, mend: tuple[str, ...] = ()) -> Finding:
    """Nobody can tell from here."""
    return Finding(check=check, state=State.UNKNOWN, says=says, mend=mend)
