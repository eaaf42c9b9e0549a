"""Log Analytics: which sign-ins of an identity a workspace has heard of."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote
from uuid import UUID

from funcgate.azure.http import Call, Http
from funcgate.azure.kept import HOUR, Kept
from funcgate.errors import NotFound, Rejected

TABLE: Final = "AADManagedIdentitySignInLogs"
DAYS: Final = 2
_SUCCESS: Final = ("0", "success")


@dataclass(frozen=True, kw_only=True)
class SignIn:
    """One try of an identity to get a token. `refused` is the number of Entra's refusal; None when it got one."""

    at: str  # as the workspace writes it, in UTC
    refused: str | None


class LogsClient:
    """
    Queries of a Log Analytics workspace.

    Raises AccessDenied without the right to query it, TryAgain for what passes.
    """

    def __init__(self, http: Http) -> None:
        self._http = http
        self._kept: Kept[SignIn | None] = Kept(http.time.now, HOUR)

    async def newest_sign_in(self, workspace: str, principal_id: str, resource_principal_id: str) -> SignIn | None:
        """
        The newest try of the last two days of this identity to get a token for that resource; None without any.

        Both are object ids of service principals. A token lasts a day, so there is about one row a day; rows come with
        a delay of minutes to an hour. A glance takes what was read in the last hour. Raises NotFound,
        SignInsNotCollected, for a workspace that has never heard of such sign-ins.
        POST {endpoint}/v1/workspaces/{id}/query `{"query"}` → `{"tables": [{"columns": [{"name"}], "rows": [[…]]}]}`.
        Needs the role Log Analytics Reader on the workspace. Source: azure-monitor-query 2.0; Azure Monitor's reference
        of the table.
        """
        if not self._http.address:
            raise NotFound(
                "this cloud does not say where its Log Analytics answers; state FUNCGATE_LOGS_ENDPOINT and "
                "FUNCGATE_LOGS_SCOPE, or leave spec.signIns out",
                reason="SignInsNotCollected",
            )
        name = f"{workspace}/{principal_id}/{resource_principal_id}"
        return await self._kept.of(name, lambda: self._newest(workspace, principal_id, resource_principal_id))

    async def _newest(self, workspace: str, principal_id: str, resource_principal_id: str) -> SignIn | None:
        query = (
            f"{TABLE} | where TimeGenerated > ago({DAYS}d) "
            f'and ServicePrincipalId == "{UUID(principal_id)}" '
            f'and ResourceServicePrincipalId == "{UUID(resource_principal_id)}" '
            "| top 1 by TimeGenerated desc | project TimeGenerated, ResultType"
        )
        url = f"{self._http.address}/v1/workspaces/{quote(workspace)}/query"
        try:
            body, _ = await self._http.document(
                Call(method="POST", url=url, kind="signIns", body={"query": query}, lists=True)
            )
        except Rejected as refused:
            if refused.code != "BadArgumentError":
                raise
            raise NotFound(
                f"workspace {workspace} has no sign-ins of managed identities: add a diagnostic setting of Microsoft "
                "Entra that sends ManagedIdentitySignInLogs to it",
                reason="SignInsNotCollected",
                code=refused.code,
                status=refused.status,
            ) from refused
        return _first(body)


def _first(body: Mapping[str, Any]) -> SignIn | None:
    for table in body.get("tables") or ():
        names = [str(each.get("name")) for each in table.get("columns") or ()]
        for row in table.get("rows") or ():
            return _read(dict(zip(names, row, strict=False)))
    return None


def _read(row: Mapping[str, Any]) -> SignIn:
    result = str(row.get("ResultType", ""))
    at = re.sub(r"\.\d+Z$", "Z", str(row.get("TimeGenerated", "")))
    return SignIn(at=at, refused=None if result.lower() in _SUCCESS else result)
