"""
How the processing of a call ends early: refused, broken, answered, or not simulated.

Reasons and messages: learn.microsoft.com/azure/api-management/api-management-error-handling-policies.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from azuresim.wire import HttpAnswer

INTERNAL = "Internal server error"


def error_answer(status: int, message: str, headers: Mapping[str, str] | None = None, **more: Any) -> HttpAnswer:
    """The gateway's own errors: JSON with spaces inside the braces, as widely quoted."""
    inner = json.dumps({"statusCode": status, "message": message, **more}, ensure_ascii=False)[1:-1]
    body = f"{{ {inner} }}".encode(errors="replace")
    return HttpAnswer(status, {"Content-Type": "application/json", **(headers or {})}, body)


class PolicyFailure(RuntimeError):
    """
    Processing stops, `on-error` runs, and the caller gets this status with this message.

    `reason` and `error` are `LastError.Reason` and `.Message`; `source` is the statement that runs unless given.
    `answer_kept` is what the caller gets instead of the gateway's own error.
    """

    def __init__(
        self,
        status: int,
        message: str,
        headers: Mapping[str, str] | None = None,
        *,
        reason: str = "",
        error: str = "",
        source: str = "",
        answer_kept: HttpAnswer | None = None,
    ) -> None:
        super().__init__(error or message)
        self.status, self.message, self.headers = status, message, headers or {}
        self.reason, self.error, self.source, self.answer_kept = reason, error or message, source, answer_kept

    def answer(self, activity: str) -> HttpAnswer:
        if self.answer_kept is not None:
            return self.answer_kept
        more = {"activityId": activity} if self.status == 500 else {}
        return error_answer(self.status, self.message, self.headers, **more)


class Broken(PolicyFailure):
    """A statement failed while it ran. The caller is not told why; traces and `LastError` are."""

    def __init__(self, why: str, reason: str = "") -> None:
        super().__init__(500, INTERNAL, reason=reason, error=why)


class NotRun(PolicyFailure):
    """A call reached what Azure would run and the simulator does not: loud for the caller, and counted."""

    def __init__(self, what: str) -> None:
        super().__init__(500, INTERNAL, reason="NotSimulated", error=f"azuresim: {what} is not simulated")
        self.what = what

    def answer(self, activity: str) -> HttpAnswer:
        more = {"code": "NotSimulated", "message": self.error}
        return error_answer(self.status, self.message, None, activityId=activity, error=more)


class Returned(Exception):  # not an error: return-response ends the processing
    def __init__(self, answer: HttpAnswer) -> None:
        super().__init__(answer.status)
        self.answer = answer


class SectionEnds(Exception):  # not an error either: a cached answer makes the backend needless
    """The answer is there already; go on with the outbound section."""
