"""
Whose answer it is, and why a call did not come through: read off what came back. Pure.

A 403 has unrelated causes: Easy Auth's policy, the functions host without a key, the platform in front of both, a quota
of the gateway, or the function itself. Each says it in its own way.
Sources: learn.microsoft.com/azure/api-management/api-management-error-handling-policies and -subscriptions (the
gateway's sentences); Azure/azure-functions-host issue 4674 (Easy Auth's), AuthenticationLevelHandler (no body);
learn.microsoft.com/azure/app-service/overview-access-restrictions (x-ms-forbidden-ip).
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import unquote

from funcgate.azure import Heard
from funcgate.errors import Unmet

EASY_AUTH = "you do not have permission to view this directory or page"
HOST_DOWN = "function host is not running"
SITE_STOPPED = "this web app is stopped"
NO_SITE = "web site not found"
FORBIDDEN_ADDRESS = "x-ms-forbidden-ip"
CLOSED = (401, 403)
REDIRECTS = (301, 302, 303, 307, 308)
SIGN_IN = "/.auth/login/"
GATEWAY_FAILED = "GatewayFailed"


@dataclass(frozen=True, kw_only=True)
class Cause:
    """One line of the table: how to know it, its reason, and what to do."""

    reason: str
    when: Callable[[Heard], bool]
    advice: str
    passes: bool = False  # nobody need act


def gateway_says(heard: Heard) -> str | None:
    """The sentence of the gateway's own error, in lower case; None when something else answered."""
    try:
        body = json.loads(heard.said)
    except ValueError:
        return None
    return str(body.get("message") or "").lower() if isinstance(body, dict) and "statusCode" in body else None


def _gateway(status: int, *texts: str) -> Callable[[Heard], bool]:
    def told(heard: Heard) -> bool:
        said = gateway_says(heard)
        return heard.status == status and said is not None and (not texts or any(text in said for text in texts))

    return told


def _site(status: int, text: str = "") -> Callable[[Heard], bool]:
    return lambda heard: heard.status == status and gateway_says(heard) is None and text in heard.said.lower()


def _silent(*statuses: int) -> Callable[[Heard], bool]:
    return lambda heard: heard.status in statuses and not heard.said.strip()


CAUSES: tuple[Cause, ...] = (
    Cause(
        reason="SubscriptionKeyMissing",
        when=_gateway(401, "missing subscription key"),
        advice="the API asks for a subscription key and the call carried none: name a Secret with one in "
        "spec.verify.subscriptionKeySecretRef",
    ),
    Cause(
        reason="SubscriptionKeyInvalid",
        when=_gateway(401, "invalid subscription key"),
        advice="the gateway does not know the key in spec.verify.subscriptionKeySecretRef, or its subscription is not "
        "active or not for this API",
    ),
    Cause(
        reason="CallVolumeExceeded",
        when=lambda heard: heard.status == 429 or _gateway(403, "quota")(heard),
        advice="a rate limit or quota in the gateway's policies turned the call away",
        passes=True,
    ),
    Cause(
        reason="CallerTokenRefused",
        when=_gateway(401),
        advice="a policy of the gateway asks its callers for a token, which this call does not have: name an operation "
        "without such a policy, or leave spec.verify.operation out",
    ),
    Cause(
        reason="CallerAddressRefused",
        when=_gateway(403),
        advice="a policy of the gateway turned the call away, as ip-filter does: let the operator's address in, or "
        "leave spec.verify.operation out",
    ),
    Cause(
        reason="OperationNotMatched",
        when=_gateway(404),
        advice="the gateway has no API or operation for this call: correct spec.verify.operation, or look whether the "
        "API offers it",
    ),
    Cause(
        reason=GATEWAY_FAILED,
        when=_gateway(500),
        advice="the gateway failed before the function was reached: it got no token for its identity, or could not "
        "reach the backend; a trace in the API's test console names the statement",
        passes=True,
    ),
    Cause(
        reason="BackendSlow",
        when=lambda heard: heard.status in (504, 408),
        advice="the function did not answer the gateway in time",
        passes=True,
    ),
    Cause(
        reason="BackendUnavailable",
        when=lambda heard: _gateway(503)(heard) or heard.status == 502,
        advice="the gateway cannot use the backend at the moment: look at its circuit breaker and at its network",
        passes=True,
    ),
    Cause(
        reason="HostRuntimeDown",
        when=lambda heard: heard.status == 503,
        advice="the functions host does not run: look whether the app starts, its content is deployed and its storage "
        "account can be reached",
        passes=True,
    ),
    Cause(
        reason="FunctionAppStopped",
        when=_site(403, SITE_STOPPED),
        advice="the function app is stopped; start it",
    ),
    Cause(
        reason="AccessRestricted",
        when=lambda heard: heard.status == 403 and FORBIDDEN_ADDRESS in heard.headers,
        advice="the app's access restrictions turn the gateway away: let in its outbound addresses or network",
    ),
    Cause(
        reason="TokenOutdated",
        when=_site(401, EASY_AUTH),
        advice="the function app does not accept the gateway's token, although its settings fit the registration: the "
        "gateway keeps a token for up to a day, so this one is from before the registration, its token version or its "
        "audience was changed, or the settings are a few minutes old and do not work yet",
        passes=True,
    ),
    Cause(
        reason="CallerNotAllowed",
        when=_site(403, EASY_AUTH),
        advice="the function app accepts the token and not whom it is for: the gateway still sends one of another "
        "identity, or the app has not taken up its new settings",
        passes=True,
    ),
    Cause(
        reason="KeyRefused",
        when=_silent(401, 403),
        advice="the functions host got no key that opens the function: look at its authLevel, at the backend's "
        "x-functions-key, and whether spec.functionApp.key says None",
    ),
    Cause(
        reason="FunctionNotFound",
        when=_silent(404),
        advice="the functions host answered that nothing is there: no function has this route, or it is disabled",
    ),
    Cause(
        reason="FunctionRefused",
        when=lambda heard: heard.status in (401, 403, 404),
        advice="the function itself turned the call away: name an operation that anybody may call, with values that "
        "are there",
    ),
    Cause(
        reason="FunctionFailed",
        when=lambda heard: heard.status >= 500,
        advice="the function failed; its own log says why",
    ),
)


def why(heard: Heard, expected: tuple[int, ...]) -> Unmet:
    """Why this is not one of the expected answers."""
    for cause in CAUSES:
        if cause.when(heard):
            return Unmet(cause.reason, f"answered with {heard.status}: {cause.advice}", stalled=not cause.passes)
    wanted = ", ".join(map(str, expected))
    return Unmet(
        "UnexpectedStatus",
        f"answered with {heard.status}, and spec.verify.expect names {wanted}: correct one of the two",
        stalled=True,
    )


@dataclass(frozen=True, kw_only=True)
class Inside:
    """One line of the table of what a gateway's own failure, or a look at the app's host name, tells."""

    reason: str
    says: tuple[str, ...]
    advice: str


BEHIND_THE_GATEWAY: tuple[Inside, ...] = (
    Inside(
        reason="TokenNotIssued",
        says=("authentication-managed-identity",),
        advice="Microsoft Entra gives the gateway's identity no token for the registration: an assignment is required "
        "and the identity has none, or the registration's service principal is disabled or gone",
    ),
    Inside(
        reason="BackendNameNotResolved",
        says=("could not be resolved", "NameNotResolved"),
        advice="the gateway finds no address for the function app's host name: look whether the app still has it, and "
        "in a private network at the DNS zones that the gateway's network is linked to",
    ),
    Inside(
        reason="BackendCertificateNotTrusted",
        says=("trust relationship", "CertificateNotTrusted"),
        advice="the certificate that answers under the function app's host name has run out or is not trusted: renew "
        "it, or look at what stands in front of the app",
    ),
)


def inside(told: str) -> Inside | None:
    """Which failure behind the gateway this is: a sentence of its trace, or the reason of an unanswered call."""
    return next((each for each in BEHIND_THE_GATEWAY if any(text in told for text in each.says)), None)


def may_be_the_doors(heard: Heard) -> bool:
    """
    Whether Easy Auth may have said it: 401, 403, or the way to a sign-in that comes back to it.

    A redirect to anywhere else is the function's. Source: learn.microsoft.com/azure/app-service/
    configure-authentication-customize-sign-in-out (/.auth/login/<provider>, and …/callback as its redirect URI).
    """
    if heard.status in REDIRECTS:
        return SIGN_IN in unquote(heard.headers.get("location", ""))
    return heard.status in CLOSED


def is_the_doors(heard: Heard) -> bool:
    """Whether it can have been nobody but Easy Auth: a function and its host say 401 and 403 too, in other words."""
    return may_be_the_doors(heard) and (heard.status in REDIRECTS or EASY_AUTH in heard.said.lower())


def from_in_front(heard: Heard) -> bool:
    """Whether the platform answered, so that it cannot be told what stands behind it."""
    text = heard.said.lower()
    in_front = SITE_STOPPED in text or NO_SITE in text or HOST_DOWN in text
    return in_front or FORBIDDEN_ADDRESS in heard.headers or heard.status >= 500
