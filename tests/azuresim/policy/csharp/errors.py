"""How an expression can fail: refused when it is written, unknown to the simulator, or failing while it runs."""

from __future__ import annotations


class ExpressionError(ValueError):
    """The expression is no valid C#: what API Management's compiler refuses when the policy is written."""


class NotSimulated(ExpressionError):
    """The expression may be valid for Azure; this simulator does not know it and says so instead of guessing."""


class EvaluationError(RuntimeError):
    """The expression failed while it ran, as an exception in C# would."""


class NotRun(EvaluationError):
    """The expression reached something that Azure would run and this simulator does not."""
