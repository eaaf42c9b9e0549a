"""Azure's Activity Log: who wrote to a resource last."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import quote

from funcgate.azure.http import Http
from funcgate.azure.ids import ResourceId
from funcgate.clock import utc_now
from funcgate.errors import AzureError

VERSION: Final = "2015-04-01"
KEPT: Final = timedelta(days=89)  # Azure keeps events for 90 days and refuses an earlier beginning
FIELDS: Final = ("claims", "eventTimestamp", "operationName", "resourceId", "status")
VERBS: Final = ("write", "delete", "action")
APP: Final = "appid"
USER_NAME: Final = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn"
OBJECT: Final = "http://schemas.microsoft.com/identity/claims/objectidentifier"
EMAIL: Final = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress"
NAME: Final = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name"
NAMES: Final = (USER_NAME, EMAIL, NAME, APP, OBJECT)


@dataclass(frozen=True, kw_only=True)
class Writer:
    """
    Somebody who changed something in Azure.

    `who` is the name that a person signs in with, or the client id of an application, `operation` is named as in roles.
    """

    who: str
    operation: str
    at: datetime


class ActivityClient:
    """Reads of the Activity Log, api-version 2015-04-01."""

    def __init__(self, http: Http, now: Callable[[], datetime] = utc_now, *, ours: Collection[str] = ()) -> None:
        """`ours` are the ids of the identity that this operator acts as."""
        self._http = http
        self._now = now
        self._ours = tuple(ours)

    async def rival(self, resource: str, since: datetime) -> str | None:
        """Who else last wrote to this resource since then; None where that cannot be told. No AzureError is raised."""
        if not self._ours:
            return None
        try:
            found = await self.last_writer(resource, since, self._ours)
        except AzureError:
            return None
        return found.who if found else None

    async def last_writer(self, resource: str, since: datetime, besides: Collection[str]) -> Writer | None:
        """
        Whoever last wrote to this resource, or to something below it, since then; None when the log names nobody.

        `besides`: client ids and object ids of those who are not meant, ourselves. Events are there some 3 to 20
        minutes after they happened, and for 90 days. Lists of secrets are actions too; they change nothing and do not
        count.
        GET /subscriptions/{id}/providers/Microsoft.Insights/eventtypes/management/values → `{"value": [{"claims",
        "eventTimestamp", "operationName": {"value"}, "resourceId", "status": {"value"}}], "nextLink"}`. `caller` is not
        among the properties that may be selected; it is computed from the claims. No page promises an order.
        Raises AccessDenied without Microsoft.Insights/eventtypes/values/read on the subscription.
        Sources: REST reference, "Activity Logs - List"; learn.microsoft.com/azure/azure-monitor/platform/activity-log
        and …/activity-log-schema; Azure/azure-powershell issue 4810 (caller). Assumed: events of what lies below are
        found under the resource's own id.
        """
        ours = {each.lower() for each in besides}
        writes = list(_writes(await self._events(ResourceId.parse(resource), since), resource, ours))
        if not writes:
            return None
        newest = max(writes, key=_instant)
        who = next((newest["claims"][name] for name in NAMES if newest["claims"].get(name)), None)
        return Writer(who=who, operation=_operation(newest), at=_instant(newest)) if who else None

    async def _events(self, resource: ResourceId, since: datetime) -> Sequence[Mapping[str, Any]]:
        now = self._now()
        begin = max(since, now - KEPT)
        meant = (
            f"eventTimestamp ge '{_written(begin)}' and eventTimestamp le '{_written(now)}' "
            f"and resourceUri eq '{resource.text}'"
        )
        url = (
            f"{self._http.address}/subscriptions/{resource.subscription}/providers/Microsoft.Insights/eventtypes"
            f"/management/values?api-version={VERSION}&$filter={quote(meant)}&$select={','.join(FIELDS)}"
        )
        return await self._http.items(url, "activity")


def _writes(events: Sequence[Mapping[str, Any]], resource: str, ours: Set[str]) -> Iterator[Mapping[str, Any]]:
    """Those events that are successful writes by others: each write is told twice, when it begins and when it ends."""
    at = resource.lower().rstrip("/")
    for event in events:
        where, claims = str(event.get("resourceId") or "").lower(), event.get("claims") or {}
        ended_well = _value(event, "status").lower() == "succeeded" and bool(event.get("eventTimestamp"))
        callers = {str(claims.get(name) or "").lower() for name in (APP, OBJECT)}
        if ended_well and (where + "/").startswith(at + "/") and _changes(_operation(event)) and not callers & ours:
            yield {**event, "claims": claims}


def _changes(operation: str) -> bool:
    """Whether something is different after it: `…/listkeys/action` only reads, as Azure asks for secrets."""
    *_, before, verb = ("", *operation.lower().split("/"))
    return verb in VERBS and not (verb == "action" and before.startswith("list"))


def _operation(event: Mapping[str, Any]) -> str:
    return _value(event, "operationName")


def _value(event: Mapping[str, Any], name: str) -> str:
    return str((event.get(name) or {}).get("value") or "")


def _instant(event: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(str(event["eventTimestamp"])).astimezone(UTC)


def _written(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
