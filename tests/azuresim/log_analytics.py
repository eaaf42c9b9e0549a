"""
Log Analytics, as far as a reader of sign-ins needs it: workspaces, one table, queries of a few operators.

    world.workspaces.add(WORKSPACE, readers={principal_id})     # sign-ins are delivered to it from now on
    world.workspaces.add(OTHER, readers={…}, collects=False)    # nobody set up the delivery: it has no such table

POST {endpoint}/v1/workspaces/{id}/query `{"query", "timespan"}`, endpoint api.loganalytics.io or any path-style name,
with a token for https://api.loganalytics.io. Tokens that managed identities fetched anew, and those that they were
refused, are rows of AADManagedIdentitySignInLogs. Queries: a table, `where` with `==` and `>` joined by `and`, `top N
by`, `project`; anything else is refused.
Sources: learn.microsoft.com/azure/azure-monitor/logs/api/request-format, …/response-format, …/errors;
azure-monitor-query 2.0 (path and body); the table's reference. Assumed: the delay of `sign_in_delivery_seconds`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from azuresim.entra.tokens import InvalidToken
from azuresim.wire import HttpAnswer, HttpCall

if TYPE_CHECKING:
    from azuresim.world import World

HOST = "api.loganalytics.io"
AUDIENCE = f"https://{HOST}"
TABLE = "AADManagedIdentitySignInLogs"
COLUMNS = {
    "TimeGenerated": "datetime",
    "OperationName": "string",
    "ResultType": "string",
    "ResultDescription": "string",
    "AppId": "string",
    "ServicePrincipalId": "string",
    "ResourceIdentity": "string",
    "ResourceServicePrincipalId": "string",
    "ResourceDisplayName": "string",
    "UniqueTokenIdentifier": "string",
}
_PATH = re.compile(r"/v1/workspaces/([^/]+)/query", re.IGNORECASE)
_CONDITION = re.compile(r'(\w+)\s*(==|>)\s*(?:"([^"]*)"|ago\((\d+)([dhm])\))')
_TOP = re.compile(r"(\d+)\s+by\s+(\w+)(?:\s+(asc|desc))?")
SECONDS = {"d": 86400, "h": 3600, "m": 60}

Row = Mapping[str, Any]


@dataclass
class Workspace:
    readers: set[str]  # object ids
    collects: bool = True


@dataclass
class Workspaces:
    all: dict[str, Workspace] = field(default_factory=dict)

    def add(self, workspace_id: str, *, readers: Set[str], collects: bool = True) -> None:
        """There is such a workspace, which these service principals (object ids) may query."""
        self.all[workspace_id.lower()] = Workspace(readers=set(readers), collects=collects)


class QueryError(Exception):
    """A refusal in the service's own form."""

    def __init__(self, status: int, code: str, message: str, inner: tuple[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.inner = status, code, message, inner

    def answer(self) -> HttpAnswer:
        error: dict[str, Any] = {"message": self.message, "code": self.code}
        if self.inner:
            error["innererror"] = {"code": self.inner[0], "message": self.inner[1]}
        return HttpAnswer.json(self.status, {"error": error})


def is_query_path(path: str) -> bool:
    return _PATH.fullmatch(path) is not None


async def log_analytics(call: HttpCall, world: World) -> HttpAnswer:
    try:
        return HttpAnswer.json(200, answered(call, world))
    except QueryError as refused:
        return refused.answer()


def answered(call: HttpCall, world: World) -> dict[str, Any]:
    found = _PATH.fullmatch(call.path)
    if found is None or call.method != "POST":
        raise QueryError(404, "PathNotFoundError", "The requested path does not exist")
    caller = who_asks(call, world)
    workspace = world.workspaces.all.get(found[1].lower())
    if workspace is None:
        raise QueryError(404, "WorkspaceNotFoundError", "The requested workspace does not exist")
    if caller not in workspace.readers:
        text = "The provided credentials have insufficient access to perform the requested operation"
        raise QueryError(403, "InsufficientAccessError", text)
    body = call.json() if call.body else None
    query = body.get("query") if isinstance(body, dict) else None
    if not isinstance(query, str) or not query.strip():
        raise QueryError(400, "BadArgumentError", "The request had some invalid properties")
    return result(run(query, workspace, world), query)


def who_asks(call: HttpCall, world: World) -> str:
    """The object id of whoever the token is for."""
    scheme, _, token = call.headers.get("Authorization", "").partition(" ")
    try:
        if scheme.lower() != "bearer":
            raise InvalidToken("no token")
        claims = world.entra.verify(token, audiences=[AUDIENCE, f"{AUDIENCE}/"])
    except InvalidToken:
        text = "Valid authentication was not provided"
        raise QueryError(401, "AuthorizationRequiredError", text) from None
    return str(claims["oid"])


def run(query: str, workspace: Workspace, world: World) -> list[Row]:
    table, *steps = (part.strip() for part in query.split("|"))
    if table != TABLE or not workspace.collects:
        text = f"'{table}' operator: Failed to resolve table or column expression named '{table}'"
        raise semantic_error(text)
    now = world.clock.timestamp()
    rows: list[Row] = [
        row for row in world.entra.sign_ins if row["at"] + world.switches.sign_in_delivery_seconds <= now
    ]
    for step in steps:
        operator, _, said = step.partition(" ")
        rows = OPERATORS.get(operator, refuse)(rows, said.strip(), now)
    return rows


def semantic_error(text: str) -> QueryError:
    return QueryError(400, "BadArgumentError", "The request had some invalid properties", ("SemanticError", text))


def refuse(rows: Sequence[Row], said: str, now: float) -> list[Row]:
    raise QueryError(501, "NotSimulated", "this operator is not simulated")


def where(rows: Sequence[Row], said: str, now: float) -> list[Row]:
    kept = list(rows)
    for condition in re.split(r"\s+and\s+", said):
        found = _CONDITION.fullmatch(condition.strip())
        if found is None:
            return refuse(rows, said, now)
        column, compared, text, number, unit = found.groups()
        known(column)
        if text is None:
            since = now - int(number) * SECONDS[unit]
            kept = [row for row in kept if column == "TimeGenerated" and row["at"] > since]
        elif compared == "==":
            kept = [row for row in kept if row.get(column) == text]
        else:
            return refuse(rows, said, now)
    return kept


def top(rows: Sequence[Row], said: str, now: float) -> list[Row]:
    found = _TOP.fullmatch(said)
    if found is None:
        return refuse(rows, said, now)
    known(found[2])
    key = "at" if found[2] == "TimeGenerated" else found[2]
    return sorted(rows, key=lambda row: row[key], reverse=found[3] != "asc")[: int(found[1])]


def project(rows: Sequence[Row], said: str, now: float) -> list[Row]:
    for column in said.split(","):
        known(column.strip())
    return list(rows)


def known(column: str) -> None:
    if column not in COLUMNS:
        raise semantic_error(f"'where' operator: Failed to resolve scalar expression named '{column}'")


OPERATORS = {"where": where, "top": top, "project": project}


def result(rows: Sequence[Row], query: str) -> dict[str, Any]:
    last = query.split("|")[-1].strip()
    asked = (
        [each.strip() for each in last.removeprefix("project ").split(",")] if last.startswith("project ") else COLUMNS
    )
    columns = [{"name": name, "type": COLUMNS[name]} for name in asked]
    table = {
        "name": "PrimaryResult",
        "columns": columns,
        "rows": [[shown(row, name) for name in asked] for row in rows],
    }
    return {"tables": [table]}


def shown(row: Row, column: str) -> Any:
    if column == "TimeGenerated":
        return datetime.fromtimestamp(row["at"], UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return row.get(column, "")
