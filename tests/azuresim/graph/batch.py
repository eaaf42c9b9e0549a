"""
`$batch`: up to twenty requests in one, some perhaps after others.

A request whose `dependsOn` failed, or was never answered, gets 424. Source: learn.microsoft.com/graph/json-batching.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, unquote

from multidict import CIMultiDict

from azuresim.graph.request import GraphError, GraphRequest, bad_request
from azuresim.wire import HttpAnswer, HttpCall

MOST = 20
Ask = Callable[[HttpCall], HttpAnswer]


def is_batch(call: HttpCall) -> bool:
    return call.method == "POST" and call.path.lower().rstrip("/") == "/v1.0/$batch"


def batch(request: GraphRequest, ask: Ask) -> HttpAnswer:
    sent = request.json().get("requests")
    if not isinstance(sent, list) or not 1 <= len(sent) <= MOST:
        raise bad_request(f"The batch must hold between 1 and {MOST} requests.", "BadRequest")
    ids = [one.get("id") if isinstance(one, dict) else None for one in sent]
    if any(not isinstance(one, str) or not one for one in ids) or len(set(ids)) != len(ids):
        raise bad_request("Every request of a batch needs an id of its own.", "BadRequest")
    answers: dict[str, dict[str, Any]] = {}
    for one in sent:
        answers[one["id"]] = answered(request, one, answers, ask)
    return HttpAnswer.json(200, {"responses": list(answers.values())})


def answered(request: GraphRequest, one: dict[str, Any], before: dict[str, dict[str, Any]], ask: Ask) -> dict[str, Any]:
    needed = one.get("dependsOn") or []
    if not isinstance(needed, list) or any(
        str(name) not in before or before[str(name)]["status"] >= 400 for name in needed
    ):
        error = {"code": "FailedDependency", "message": "Failed dependency."}
        return {"id": one["id"], "status": 424, "body": {"error": error}}
    call = inner(request, one)
    if is_batch(call):
        raise bad_request("A batch cannot be part of a batch.", "BadRequest")
    answer = ask(call)
    body: Any = None
    if answer.body:
        try:
            body = answer.data()
        except ValueError:
            body = answer.body.decode(errors="replace")
    shown = {"id": one["id"], "status": answer.status, "headers": dict(answer.headers)}
    return shown if body is None else {**shown, "body": body}


def inner(request: GraphRequest, one: dict[str, Any]) -> HttpCall:
    """One request as a call of its own. Raises GraphError for what is none."""
    method, url = one.get("method"), one.get("url")
    if not isinstance(method, str) or not isinstance(url, str) or not url:
        raise GraphError(400, "BadRequest", f"The request '{one['id'][:40]}' needs a method and a relative url.")
    path, _, query = url.partition("?")
    headers = CIMultiDict(request.call.headers)
    extra = one.get("headers")
    headers.update({str(k): str(v) for k, v in extra.items()} if isinstance(extra, dict) else {})
    path = "/v1.0/" + path.lstrip("/")
    body = b"" if one.get("body") is None else json.dumps(one["body"]).encode()
    return request.call.with_(
        method=method.upper(),
        path=unquote(path),
        raw_path=path,
        query=parse_qsl(query, keep_blank_values=True),
        headers=headers,
        body=body,
    )
