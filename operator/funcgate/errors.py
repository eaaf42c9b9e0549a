"""
What can go wrong, sorted by who acts next.

    FuncgateError
    ├─ SpecError         the author: the manifest contradicts itself; names the field
    ├─ Unmet             the reason in it says who: something that must be true is not
    └─ AzureError
       ├─ TryAgain       nobody: throttled, busy, timed out, lost a race   → requeue after `after_seconds`
       ├─ AccessDenied   the platform's admin: a role or permission is missing
       ├─ NotFound       what a name points at is not there
       └─ Rejected       the author: Azure refuses the input

No text in here ever holds a secret: messages are built from names, codes and Azure's own error sentences.
"""


class FuncgateError(Exception):
    """Anything that funcgate raises on purpose."""


class SpecError(FuncgateError):
    """The manifest asks for something that cannot be; `field` is the path to it, as in `spec.api.name`."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field


class Unmet(FuncgateError):
    """
    Something that must be true is not, and one more write would not make it so.

    `reason` is stable and has a heading in the reference; `message` says what to do next. `stalled`: a person must
    act, a retry alone changes nothing. `status` is the condition's: Unknown when the truth could not be seen.
    `blocking`: Ready waits for it. `after_seconds`: what is missing may well be on its way, so that it is worth a look
    then, and later ever more rarely.
    """

    def __init__(
        self,
        reason: str,
        message: str,
        *,
        stalled: bool = False,
        status: str = "False",
        blocking: bool = True,
        after_seconds: float | None = None,
    ) -> None:
        super().__init__(f"{reason}: {message}")
        self.reason = reason
        self.message = message
        self.stalled = stalled
        self.status = status
        self.blocking = blocking
        self.after_seconds = after_seconds


class AzureError(FuncgateError):
    """
    Azure answered with something other than what was asked for.

    `correlation_id`: what it calls that call in its logs; it changes from call to call and so is no part of the text.
    """

    correlation_id = ""

    def __init__(self, message: str, *, reason: str, code: str = "", status: int = 0) -> None:
        super().__init__(message)
        self.reason = reason
        self.code = code
        self.status = status


class TryAgain(AzureError):
    """The same call may well go through later: throttled, busy, timed out, or another writer was faster."""

    def __init__(
        self, message: str, *, reason: str, after_seconds: float | None = None, code: str = "", status: int = 0
    ) -> None:
        super().__init__(message, reason=reason, code=code, status=status)
        self.after_seconds = after_seconds


class AccessDenied(AzureError):
    """A role or permission is missing; the message names the action and the scope."""


class NotFound(AzureError):
    """What a name points at is not there: the resource, its group or the subscription, as `code` says."""


class Rejected(AzureError):
    """Azure understood the request and refuses its content; repeating it changes nothing."""
