"""Long-running operations: follow one to its end, or say that it takes longer than anybody should wait."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from funcgate.azure.http import Answer, Call, Http
from funcgate.azure.refusals import refusal, retry_after
from funcgate.errors import AccessDenied, AzureError, TryAgain

KIND: Final = "operations"
BUDGET_SECONDS = 60.0
POLL_SECONDS = 2.0
SHORTEST_SECONDS = 0.2
FAILED = frozenset({"failed", "canceled", "cancelled"})


async def finish(http: Http, call: Call, accepted: Answer, pending: TryAgain) -> None:
    """
    The operation that `call` began has succeeded; nothing to wait for when its answer announces none.

    `Azure-AsyncOperation` answers `{"status": …, "error": …}`, `Location` answers 202 until it is done; the first is
    preferred. Waits as long as Retry-After asks, two seconds where it does not. Raises what the operation failed with,
    or `pending` when a minute would not be enough, or when looking at the operation is not allowed: its address lies
    under the subscription, where a role that is assigned to a resource group does not reach. The resource tells then.
    Source: learn.microsoft.com/azure/azure-resource-manager/management/async-operations.
    """
    reporting = accepted.headers.get("azure-asyncoperation")
    url = reporting or accepted.headers.get("location")
    started, answer, done = http.time.now(), accepted, url is None
    while url and not done:
        asked = retry_after(answer.headers)
        pause = POLL_SECONDS if asked is None else max(asked, SHORTEST_SECONDS)
        if http.time.now() - started + pause > BUDGET_SECONDS:
            raise pending
        await http.time.sleep(pause)
        answer = await _poll(http, url, pending)
        try:
            done = _done(call, answer, must_report=reporting is not None)
        except AzureError as failed:
            failed.correlation_id = accepted.correlation_id  # that of the write, not of the look at it
            raise


async def _poll(http: Http, url: str, pending: TryAgain) -> Answer:
    try:
        return await http.send(Call(method="GET", url=url, kind=KIND))
    except AccessDenied:
        raise pending from None


def _done(call: Call, answer: Answer, *, must_report: bool) -> bool:
    """
    Whether it is over; raises when it failed.

    Some operations of API Management answer the resource instead of `{"status": …}`: then the resource's own
    provisioningState counts (Azure/azure-sdk-for-python issue 40909).
    """
    body = answer.json()
    document: Mapping[str, Any] = body if isinstance(body, dict) else {}
    status = str(document.get("status") or (document.get("properties") or {}).get("provisioningState") or "").lower()
    if status in FAILED:
        raise refusal(call.method, urlsplit(call.url).path, 400, {}, document)
    if answer.status == 202 or (must_report and not document):
        return False
    return status in ("", "succeeded")
