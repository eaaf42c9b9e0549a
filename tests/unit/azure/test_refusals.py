"""Every answer that is no success has a stable reason, and says who acts next."""

from typing import Any

import pytest

from funcgate.azure.refusals import RULES, refusal, retry_after
from funcgate.errors import AccessDenied, AzureError, NotFound, Rejected, TryAgain

PATH = "/subscriptions/s/resourceGroups/shop/providers/Microsoft.Web/sites/orders-fn"


def arm(code: str, message: str = "Words.", **more: Any) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, **more}}


def app_service(code: str, message: str) -> dict[str, Any]:
    return {"Code": code, "Message": message, "Target": None, "Details": [], "Innererror": None}


UNAUTHORISED = (
    "The client 'c' with object id 'o' does not have authorization to perform action "
    "'Microsoft.Web/sites/config/write' over scope '/subscriptions/s/x' or the scope is invalid. If access was "
    "recently granted, please refresh your credentials."
)
LINKED = (
    "The client 'c' with object id 'o' has permission to perform action 'Microsoft.ApiManagement/service/write' on "
    "scope '/subscriptions/s/apim'; however, it does not have permission to perform action(s) "
    "'Microsoft.ManagedIdentity/userAssignedIdentities/assign/action' on the linked scope(s) '/subscriptions/s/uami' "
    "(respectively) or the linked scope(s) are invalid."
)
LINKED_IN_OLDER_WORDS = LINKED.replace("action(s)", "action").replace("(respectively) ", "")  # aad-pod-identity 613
POLICY = (
    "Resource 'orders-fn' was disallowed by policy. Policy identifiers: "
    '\'[{"policyAssignment":{"name":"Only with TLS","id":"/x"},"policyDefinition":{"name":"d","id":"/y"}}]\'.'
)
LOCKED = (
    "The scope '/a/b' cannot perform write operation because following scope(s) are locked: '/a'. Please remove the "
    "lock and try again."
)
HOST_DOWN = "Encountered an error (ServiceUnavailable) from host runtime."
UNREGISTERED = "The subscription is not registered to use namespace 'Microsoft.ApiManagement'."
BACKEND_MISSING = [{"code": "ValidationError", "target": "set-backend-service", "message": "Backend 'x' is not there."}]

CASES: list[tuple[int, Any, type[AzureError], str, str]] = [
    (429, arm("SubscriptionRequestsThrottled"), TryAgain, "Throttled", "ARM's buckets"),
    (429, None, TryAgain, "Throttled", "a body is not needed"),
    (412, arm("PreconditionFailed"), TryAgain, "ChangedMeanwhile", "an ETag that is no longer true"),
    (400, app_service("BadRequest", HOST_DOWN), TryAgain, "HostRuntimeDown", "the functions host is down: 400"),
    (404, app_service("NotFound", "Error retrieving master key."), TryAgain, "HostRuntimeDown", "its storage is: 404"),
    (403, arm("InsufficientAccessError"), AccessDenied, "LogsNotReadable", "a workspace of others"),
    (409, arm("PessimisticConcurrencyConflict"), TryAgain, "PessimisticConcurrencyConflict", "two writes to one API"),
    (
        409,
        arm("Conflict", "Operation on the API is in progress"),
        TryAgain,
        "PessimisticConcurrencyConflict",
        "wrapped",
    ),
    (422, arm("ManagementApiRequestFailed"), TryAgain, "ManagementApiRequestFailed", "management plane hiccup, 422"),
    (409, arm("ManagementApiRequestFailed"), TryAgain, "ManagementApiRequestFailed", "management plane hiccup, 409"),
    (409, arm("ScopeLocked", LOCKED), AccessDenied, "ScopeLocked", "a lock is no conflict"),
    (403, arm("RequestDisallowedByPolicy", POLICY), AccessDenied, "RequestDisallowedByPolicy", "403, but no role"),
    (403, arm("AuthorizationFailed", UNAUTHORISED), AccessDenied, "AuthorizationFailed", "403, a role"),
    (403, arm("LinkedAuthorizationFailed", LINKED), AccessDenied, "LinkedAuthorizationFailed", "a role elsewhere"),
    (403, arm("Authorization_RequestDenied"), AccessDenied, "GraphPermissionMissing", "Graph's 403"),
    (409, arm("MissingSubscriptionRegistration", UNREGISTERED), AccessDenied, "MissingSubscriptionRegistration", ""),
    (409, arm("ReadOnlyDisabledSubscription"), AccessDenied, "SubscriptionDisabled", "an unpaid bill"),
    (401, arm("InvalidAuthenticationTokenTenant"), AccessDenied, "WrongTenant", "the subscription is elsewhere"),
    (401, arm("InvalidAuthenticationToken"), AccessDenied, "TokenRefused", "wrong audience, say"),
    (401, None, AccessDenied, "TokenRefused", "a body is not needed"),
    (403, None, AccessDenied, "Forbidden", "a firewall's 403 has no code"),
    (409, arm("Conflict", "Service is transitioning at this time."), TryAgain, "ServiceTransitioning", "busy, 409"),
    (422, arm("Unprocessable", "is transitioning at this time"), TryAgain, "ServiceTransitioning", "busy, 422"),
    (409, arm("AnotherOperationInProgress"), TryAgain, "AnotherWriteUnderWay", "any other 409 passes"),
    (500, arm("InternalServerError"), TryAgain, "AzureUnavailable", "500"),
    (502, None, TryAgain, "AzureUnavailable", "a page of HTML"),
    (503, None, TryAgain, "AzureUnavailable", "503"),
    (504, arm("GatewayTimeout"), TryAgain, "AzureUnavailable", "504"),
    (408, None, TryAgain, "AzureUnavailable", "408"),
    (404, arm("SubscriptionNotFound"), NotFound, "SubscriptionNotFound", "may be a lost role"),
    (404, arm("ResourceGroupNotFound"), NotFound, "ResourceGroupNotFound", "the group"),
    (404, arm("ResourceNotFound"), NotFound, "ResourceNotFound", "the resource"),
    (404, arm("Request_ResourceNotFound"), TryAgain, "DirectoryBehind", "a write to what Graph does not show yet"),
    (400, arm("Request_BadRequest", "Not a valid reference update."), TryAgain, "DirectoryBehind", "a new principal"),
    (
        400,
        arm("Request_BadRequest", "The appId 'x' does not reference a valid application object."),
        TryAgain,
        "DirectoryBehind",
        "a new application",
    ),
    (404, None, NotFound, "ResourceNotFound", "a body is not needed"),
    (400, arm("MethodNotAllowedInPricingTier"), Rejected, "MethodNotAllowedInPricingTier", "SKU"),
    (400, arm("ValidationError", "Wrong:", details=BACKEND_MISSING), Rejected, "ValidationError", "content"),
    (400, app_service("BadRequest", "Cannot execute the request."), Rejected, "Rejected", "App Service's envelope"),
    (405, {"Message": "The requested resource does not support http method 'GET'."}, Rejected, "Rejected", "its 405"),
    (400, ["no", "object"], Rejected, "Rejected", "a body of another shape"),
    (302, None, TryAgain, "UnexpectedAnswer", "a proxy's sign-in page"),
]


@pytest.mark.parametrize(("status", "body", "kind", "reason", "because"), CASES)
def test_each_answer_has_its_reason(status: int, body: Any, kind: type[AzureError], reason: str, because: str) -> None:
    error = refusal("PUT", PATH, status, {}, body)

    assert (type(error), error.reason, error.status) == (kind, reason, status), because


def test_a_read_of_what_graph_does_not_have_finds_nothing() -> None:
    error = refusal("GET", "/v1.0/applications(appId='x')", 404, {}, arm("Request_ResourceNotFound"))
    assert (type(error), error.reason) == (NotFound, "ResourceNotFound")


@pytest.mark.parametrize(
    ("method", "path", "permission"),
    [
        ("GET", "/v1.0/applications(appId='x')", "Application.Read.All"),
        ("PATCH", "/v1.0/applications/x", "Application.ReadWrite.OwnedBy"),
        ("POST", "/v1.0/servicePrincipals/x/appRoleAssignedTo", "AppRoleAssignment.ReadWrite.All"),
    ],
)
def test_a_missing_permission_of_graph_is_named(method: str, path: str, permission: str) -> None:
    assert permission in str(refusal(method, path, 403, {}, arm("Authorization_RequestDenied")))


def test_every_line_of_the_table_is_reached() -> None:
    assert {rule.reason for rule in RULES} == {reason for _, _, _, reason, _ in CASES}


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (403, arm("AuthorizationFailed", UNAUTHORISED), "Microsoft.Web/sites/config/write on /subscriptions/s/x"),
        (403, arm("AuthorizationFailed", "Other words."), f"PUT {PATH}"),
        (403, arm("LinkedAuthorizationFailed", LINKED), "assign/action on /subscriptions/s/uami"),
        (403, arm("LinkedAuthorizationFailed", LINKED_IN_OLDER_WORDS), "assign/action on /subscriptions/s/uami"),
        (403, arm("LinkedAuthorizationFailed", "Other words."), "Other words."),
        (403, arm("RequestDisallowedByPolicy", POLICY), "assignment 'Only with TLS' forbids"),
        (403, arm("RequestDisallowedByPolicy", "Other words."), "assignment forbids PUT"),
        (409, arm("ScopeLocked", LOCKED), "a lock on /a forbids"),
        (409, arm("MissingSubscriptionRegistration", UNREGISTERED), "registered for Microsoft.ApiManagement"),
        (404, arm("SubscriptionNotFound"), "the subscription s is not to be seen"),
        (
            400,
            arm("ValidationError", "Wrong:", details=BACKEND_MISSING),
            "set-backend-service: Backend 'x' is not there.",
        ),
        (400, arm("ValidationError", "Wrong:", details=[{"message": "Bare."}, "odd"]), "Wrong:; Bare."),
        (400, arm("", ""), "without a word of explanation"),
    ],
)
def test_the_sentence_says_what_to_do(status: int, body: Any, words: str) -> None:
    assert words in str(refusal("PUT", PATH, status, {}, body))


def test_the_code_is_azures_own() -> None:
    assert refusal("GET", PATH, 400, {}, app_service("BadRequest", "No.")).code == "BadRequest"


@pytest.mark.parametrize(
    "tail",
    ["Trace ID: 1 Correlation ID: 2 Timestamp: 3", "x-ms-correlation-request-id: 4", "Request Id: 5", "Timestamp: 6"],
)
def test_what_changes_from_call_to_call_stays_out_of_the_sentence(tail: str) -> None:
    error = refusal("PUT", PATH, 400, {}, arm("Odd", f"It did not work. {tail}"))

    assert str(error) == "Azure refuses the request: Odd: It did not work."


def test_a_long_sentence_is_cut() -> None:
    assert len(str(refusal("PUT", PATH, 400, {}, arm("Odd", "long " * 1000)))) < 900


@pytest.mark.parametrize(
    ("headers", "status", "seconds", "because"),
    [
        ({"retry-after": "7"}, 429, 7.0, "seconds"),
        ({"retry-after": "3600"}, 429, 3600.0, "an hour is passed on, not shortened"),
        ({"x-ms-retry-after-ms": "250", "retry-after": "1"}, 429, 0.25, "the finer one"),
        ({"retry-after": "Mon, 01 Jan 2001 00:00:00 GMT"}, 503, 0.0, "a date that has passed"),
        ({"retry-after": "soon"}, 429, 5.0, "not readable"),
        ({}, 429, 5.0, "a throttle that does not say"),
        ({}, 503, None, "nothing asked for"),
    ],
)
def test_the_wait_is_the_one_that_azure_asks_for(
    headers: dict[str, str], status: int, seconds: float | None, because: str
) -> None:
    assert retry_after(headers, status) == seconds, because


def test_a_throttle_carries_its_wait_and_a_sentence_without_it() -> None:
    error = refusal("GET", PATH, 429, {"retry-after": "17"}, arm("TooManyRequests", "Try again after '17' seconds."))

    assert isinstance(error, TryAgain)
    assert error.after_seconds == 17.0
    assert "17" not in str(error)
