"""
Answers that are no success → errors, sorted by who acts next. Pure: one table, read from top to bottom.

Sentences stay the same from pass to pass, since conditions are written when their meaning changes: no request ids,
times or countdowns from Azure's texts.

Sources: learn.microsoft.com/azure/azure-resource-manager/troubleshooting/common-deployment-errors,
…/management/lock-resources, …/management/request-limits-and-throttling; learn.microsoft.com/graph/errors;
Azure/azure-functions-host issue 5722 and Azure/azure-cli issue 20892 (host runtime); Azure/apiops src/common/Http.cs
(API Management's passing refusals); microsoftgraph/msgraph-bicep-types issue 193 (a directory that is behind).
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from socket import gaierror
from typing import Any

from funcgate.errors import AccessDenied, AzureError, NotFound, Rejected, TryAgain
from funcgate.spec import RECONCILE_POLICY

LONGEST_MESSAGE = 800
THROTTLED_SECONDS = 5.0

_PASSES = re.compile(
    r"\s*(trace id|correlation id|timestamp|request id|x-ms-correlation-request-id|x-ms-request-id)\s*:.*",
    re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """What Azure said, whichever envelope it used."""

    method: str
    path: str
    status: int
    code: str
    message: str
    details: tuple[str, ...] = ()
    after_seconds: float | None = None

    def says(self, *texts: str) -> bool:
        """Whether one of these texts is in the message, whatever the case."""
        return any(text.lower() in self.message.lower() for text in texts)

    @property
    def sentence(self) -> str:
        """Azure's own words, without what changes from call to call."""
        words = "; ".join((self.message, *self.details)) or "without a word of explanation"
        return _PASSES.sub("", words).strip()[:LONGEST_MESSAGE]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One line of the table: when it applies, what it is called and what to do."""

    reason: str
    kind: type[AzureError]
    when: Callable[[Refusal], bool]
    advice: Callable[[Refusal], str]

    def error(self, refused: Refusal) -> AzureError:
        """The error to raise."""
        message = self.advice(refused)
        if issubclass(self.kind, TryAgain):
            return self.kind(
                message,
                reason=self.reason,
                after_seconds=refused.after_seconds,
                code=refused.code,
                status=refused.status,
            )
        return self.kind(message, reason=self.reason, code=refused.code, status=refused.status)


def refusal(method: str, path: str, status: int, headers: Mapping[str, str], body: Any) -> AzureError:
    """The error for an answer that is no success; header names in lower case, `body` None when it was no JSON."""
    code, message, details = _envelope(body)
    refused = Refusal(
        method=method,
        path=path,
        status=status,
        code=code,
        message=message,
        details=tuple(details),
        after_seconds=retry_after(headers, status),
    )
    return next(rule for rule in RULES if rule.when(refused)).error(refused)


def unreachable(host: str, cause: BaseException) -> TryAgain:
    """No answer at all. Names host and kind of failure; addresses and ports, which change from try to try, stay out."""
    if isinstance(cause, gaierror) or "DNS" in type(cause).__name__:
        return TryAgain(f"no address was found for {host}", reason="NameNotResolved")
    if "certificate" in f"{type(cause).__name__} {cause}".lower():
        return TryAgain(
            f"the certificate of {host} is not trusted; SSL_CERT_FILE must name a bundle with its authority",
            reason="CertificateNotTrusted",
        )
    return TryAgain(f"{host} could not be reached ({type(cause).__name__})", reason="Unreachable")


def retry_after(headers: Mapping[str, str], status: int = 0) -> float | None:
    """
    The seconds that Azure asks to wait; 5 for a 429 that does not say.

    Read from x-ms-retry-after-ms, else Retry-After as seconds or as a date (RFC 9110, section 10.2.3).
    """
    text = headers.get("retry-after", "").strip()
    milliseconds = headers.get("x-ms-retry-after-ms", "").strip()
    if milliseconds.isdigit():
        return int(milliseconds) / 1000
    if text.isdigit():
        return float(text)
    try:
        return max(0.0, (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return THROTTLED_SECONDS if status == 429 else None


def _envelope(body: Any) -> tuple[str, str, Sequence[str]]:
    """
    Code, message and details of the envelopes in use.

    Resource Manager and Graph: `{"error": {"code", "message", "details": [{"target", "message"}]}}`. App Service:
    `{"Code", "Message", "Details": [{"ErrorEntity": {"ExtendedCode"}}]}` (Azure/azure-functions-host issue 5722).
    API Management's 405: `{"Message"}`.
    """
    if not isinstance(body, dict):
        return "", "", ()
    error = body.get("error")
    if isinstance(error, dict):
        return _text(error.get("code")), _text(error.get("message")), tuple(_details(error.get("details")))
    return _text(body.get("Code")), _text(body.get("Message") or body.get("message")), ()


def _details(details: Any) -> Iterator[str]:
    for each in details if isinstance(details, list) else ():
        if isinstance(each, dict) and each.get("message"):
            target = _text(each.get("target"))
            yield f"{target}: {_text(each['message'])}" if target else _text(each["message"])


def _text(value: Any) -> str:
    return " ".join(value.split()) if isinstance(value, str) else ""


def _is(*codes: str) -> Callable[[Refusal], bool]:
    return lambda refused: refused.code.lower() in {code.lower() for code in codes}


def _status(*statuses: int) -> Callable[[Refusal], bool]:
    return lambda refused: refused.status in statuses


def _resource(refused: Refusal) -> str:
    return refused.path


def _missing_role(refused: Refusal) -> str:
    action = re.search(r"perform action '([^']+)'", refused.message)
    scope = re.search(r"over scope '([^']+)'", refused.message)
    doing = f"perform {action[1]} on {scope[1]}" if action and scope else f"{refused.method} {refused.path}"
    return (
        f"the operator may not {doing}: assign its identity a role with this action there; a new assignment takes "
        "up to ten minutes to work"
    )


def _missing_linked_role(refused: Refusal) -> str:
    action = re.search(r"not have permission to perform action(?:\(s\))? '([^']+)'", refused.message)
    scope = re.search(r"linked scope\(s\) '([^']+)'", refused.message)
    if not action or not scope:
        return f"the operator lacks a role on a resource that this one would refer to: {refused.sentence}"
    return (
        f"the operator may not perform {action[1]} on {scope[1]}, which this resource would refer to: assign its "
        "identity a role with this action there"
    )


def _missing_permission(refused: Refusal) -> str:
    if refused.method == "GET":
        return (
            "the operator may not read the directory: grant its identity the Microsoft Graph application permission "
            "Application.Read.All, with an administrator's consent"
        )
    if "approleassignedto" in refused.path.lower():
        return (
            "the operator may not assign callers to the registration: grant its identity the Microsoft Graph "
            "application permission AppRoleAssignment.ReadWrite.All, or assign API Management's identity yourself"
        )
    return (
        "the operator may not make or change registrations: grant its identity the Microsoft Graph application "
        "permission Application.ReadWrite.OwnedBy and make it an owner of a registration that it did not make itself, "
        "or set spec.entra.harden: Nothing"
    )


def _denied_by_policy(refused: Refusal) -> str:
    found = re.search(r'"policyAssignment":\s*\{"name":\s*"([^"]+)"', refused.message)
    named = f" '{found[1]}'" if found else ""
    return (
        f"the Azure Policy assignment{named} forbids {refused.method} on {refused.path}: ask for an exemption, or "
        "change the spec to something that it allows"
    )


def _locked(refused: Refusal) -> str:
    found = re.search(r"are locked: '([^']+)'", refused.message)
    where = found[1] if found else refused.path
    return f"a lock on {where} forbids this write: remove the lock, or set the annotation {RECONCILE_POLICY}: observe"


def _unregistered(refused: Refusal) -> str:
    found = re.search(r"namespace '([^']+)'", refused.message)
    return f"the subscription must be registered for {found[1] if found else 'the resource provider'} first"


def _wrong_subscription(refused: Refusal) -> str:
    found = re.search(r"/subscriptions/([^/]+)", refused.path, re.IGNORECASE)
    return (
        f"the subscription {found[1] if found else ''} is not to be seen: it does not exist, belongs to another "
        "tenant, or the operator's identity has no role in it"
    )


def _said(prefix: str) -> Callable[[Refusal], str]:
    return lambda refused: f"{prefix}: {f'{refused.code}: ' if refused.code else ''}{refused.sentence}"


RULES: tuple[Rule, ...] = (
    # Nobody acts: it passes.
    Rule(
        reason="Throttled",
        kind=TryAgain,
        when=_status(429),
        advice=lambda refused: "Azure slows the operator down; it goes on when the wait that Azure asked for is over",
    ),
    Rule(
        reason="ChangedMeanwhile",
        kind=TryAgain,
        when=_status(412),
        advice=lambda refused: f"{_resource(refused)} was changed by somebody else between reading and writing",
    ),
    Rule(
        reason="HostRuntimeDown",
        kind=TryAgain,
        when=lambda refused: refused.says("from host runtime", "error retrieving master key"),
        advice=lambda refused: (
            "the functions host does not answer App Service: look whether the app starts, its content is deployed and "
            "its storage account can be reached"
        ),
    ),
    Rule(
        reason="PessimisticConcurrencyConflict",
        kind=TryAgain,
        when=lambda refused: (
            _is("PessimisticConcurrencyConflict")(refused)
            or (refused.status == 409 and refused.says("operation on the api is in progress"))
        ),
        advice=lambda refused: "API Management is still busy with another write to the same API",
    ),
    Rule(
        reason="ManagementApiRequestFailed",
        kind=TryAgain,
        when=_is("ManagementApiRequestFailed", "ManagementApiFailure"),
        advice=lambda refused: (
            "API Management cannot reach its own management endpoint; if this stays, look at the network status of the "
            "service"
        ),
    ),
    Rule(
        reason="DirectoryBehind",
        kind=TryAgain,
        when=lambda refused: (
            refused.says("not a valid reference update", "does not reference a valid application object")
            or (_is("Request_ResourceNotFound")(refused) and refused.method != "GET")
        ),
        advice=lambda refused: "Microsoft Entra does not know everywhere yet what was made a moment ago",
    ),
    # A platform's admin acts.
    Rule(reason="ScopeLocked", kind=AccessDenied, when=_is("ScopeLocked"), advice=_locked),
    Rule(
        reason="RequestDisallowedByPolicy",
        kind=AccessDenied,
        when=_is("RequestDisallowedByPolicy"),
        advice=_denied_by_policy,
    ),
    Rule(
        reason="LinkedAuthorizationFailed",
        kind=AccessDenied,
        when=_is("LinkedAuthorizationFailed"),
        advice=_missing_linked_role,
    ),
    Rule(
        reason="LogsNotReadable",
        kind=AccessDenied,
        when=_is("InsufficientAccessError"),
        advice=lambda refused: (
            "the operator may not query the Log Analytics workspace: assign its identity the role Log Analytics Reader "
            "on it"
        ),
    ),
    Rule(reason="AuthorizationFailed", kind=AccessDenied, when=_is("AuthorizationFailed"), advice=_missing_role),
    Rule(
        reason="GraphPermissionMissing",
        kind=AccessDenied,
        when=_is("Authorization_RequestDenied"),
        advice=_missing_permission,
    ),
    Rule(
        reason="MissingSubscriptionRegistration",
        kind=AccessDenied,
        when=_is("MissingSubscriptionRegistration"),
        advice=_unregistered,
    ),
    Rule(
        reason="SubscriptionDisabled",
        kind=AccessDenied,
        when=_is("ReadOnlyDisabledSubscription", "SubscriptionDisabled"),
        advice=lambda refused: "the subscription is disabled and can only be read: have it enabled again",
    ),
    Rule(
        reason="WrongTenant",
        kind=AccessDenied,
        when=_is("InvalidAuthenticationTokenTenant"),
        advice=lambda refused: (
            "the subscription belongs to another tenant than the operator's identity: use an identity of that tenant"
        ),
    ),
    Rule(
        reason="TokenRefused",
        kind=AccessDenied,
        when=_status(401),
        advice=_said("Azure does not accept the operator's token; check that endpoints and scopes are of one cloud"),
    ),
    Rule(reason="Forbidden", kind=AccessDenied, when=_status(403), advice=_said("Azure forbids this")),
    # Nobody acts, but not before: the rules above give these their own names.
    Rule(
        reason="ServiceTransitioning",
        kind=TryAgain,
        when=lambda refused: refused.status in (409, 422) and refused.says("transition", "is being updated"),
        advice=lambda refused: "the API Management service is being changed; it takes writes again afterwards",
    ),
    Rule(
        reason="AnotherWriteUnderWay", kind=TryAgain, when=_status(409), advice=_said("another operation is in the way")
    ),
    Rule(
        reason="AzureUnavailable",
        kind=TryAgain,
        when=lambda refused: refused.status == 408 or refused.status >= 500,
        advice=lambda refused: f"Azure answered {refused.status} to {refused.method} {_resource(refused)}",
    ),
    # What a name points at is not there.
    Rule(
        reason="SubscriptionNotFound",
        kind=NotFound,
        when=_is("SubscriptionNotFound", "InvalidSubscriptionId"),
        advice=_wrong_subscription,
    ),
    Rule(
        reason="ResourceGroupNotFound",
        kind=NotFound,
        when=_is("ResourceGroupNotFound"),
        advice=lambda refused: f"the resource group of {_resource(refused)} is not there: check the id in the spec",
    ),
    Rule(
        reason="ResourceNotFound",
        kind=NotFound,
        when=_status(404),
        advice=lambda refused: f"{_resource(refused)} is not there: check the id in the spec",
    ),
    # The author acts.
    Rule(
        reason="MethodNotAllowedInPricingTier",
        kind=Rejected,
        when=_is("MethodNotAllowedInPricingTier"),
        advice=_said("the pricing tier of the API Management service does not offer this"),
    ),
    Rule(
        reason="ValidationError", kind=Rejected, when=_is("ValidationError"), advice=_said("Azure refuses the content")
    ),
    Rule(
        reason="UnexpectedAnswer",
        kind=TryAgain,
        when=lambda refused: refused.status < 400,
        advice=lambda refused: (
            f"{_resource(refused)} answered {refused.status}; look for a proxy between the operator and Azure"
        ),
    ),
    Rule(reason="Rejected", kind=Rejected, when=lambda refused: True, advice=_said("Azure refuses the request")),
)
