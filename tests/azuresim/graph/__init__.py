"""
Microsoft Graph v1.0, as far as applications and service principals go: who asks, and the error envelope.

What is served is in routes.py: the collections `applications` and `servicePrincipals` (reading.py, writes.py,
refusals.py), what hangs on them, deleted items, delta, `$batch`. Anything else is refused loudly, not answered with
something likely.

Rights are those of the token (`roles`, as they were when it was issued), or those of now: a switch decides.
Sources: learn.microsoft.com/graph/api (application, servicePrincipal, "Resolve Microsoft Graph authorization errors"),
microsoftgraph/msgraph-metadata, threads of microsoftgraph/microsoft-graph-docs-contrib.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from azuresim.entra.directory import Body
from azuresim.entra.tokens import GRAPH_AUDIENCES, Caller, InvalidToken
from azuresim.graph.batch import batch, is_batch
from azuresim.graph.request import GraphError, GraphRequest
from azuresim.graph.routes import dispatch
from azuresim.graph.throttling import take, units
from azuresim.journal import acting
from azuresim.wire import AUTHORIZATION, HttpAnswer, HttpCall

if TYPE_CHECKING:
    from azuresim.world import World


def graph(call: HttpCall, world: World) -> tuple[HttpAnswer, Caller | None]:
    """The answer, and who asked."""
    caller: Caller | None = None
    try:
        caller = authenticate(call, world)
        request = GraphRequest(call=call, world=world, caller=caller)
        with acting(caller.client_id):
            answer = batch(request, lambda inner: inside(inner, world)) if is_batch(call) else answered(request)
    except GraphError as refused:
        answer = envelope(refused, call, world)
    request_id = world.guid()
    headers = {"request-id": request_id, "client-request-id": call.header("client-request-id", request_id)}
    return answer.plus(headers | {"x-ms-resource-unit": str(units(call))}), caller


def answered(request: GraphRequest) -> HttpAnswer:
    spent = take(request.world, request.call, request.caller.client_id)
    return dispatch(request).plus(spent)


def inside(call: HttpCall, world: World) -> HttpAnswer:
    """One request of a batch: it meets trouble of its own."""
    fault = world.faults.take(call, "graph")
    if fault is not None and fault.replaces_the_work and not fault.reset:
        return fault.answer()
    return graph(call, world)[0]


def authenticate(call: HttpCall, world: World) -> Caller:
    try:
        found = world.entra.caller(call.header(AUTHORIZATION), GRAPH_AUDIENCES)
    except InvalidToken as refused:
        expired = refused.arm_code == "ExpiredAuthenticationToken"
        text = "Lifetime validation failed, the token is expired." if expired else "Access token validation failure."
        raise GraphError(401, "InvalidAuthenticationToken", text) from refused
    if found is None:
        raise GraphError(401, "InvalidAuthenticationToken", "Access token is empty.")
    return found


def envelope(refused: GraphError, call: HttpCall, world: World) -> HttpAnswer:
    request_id = world.guid()
    error: Body = {
        "code": refused.code,
        "message": refused.message,
        "innerError": {
            "date": world.clock.now().strftime("%Y-%m-%dT%H:%M:%S"),
            "request-id": request_id,
            "client-request-id": call.header("client-request-id", request_id),
        },
    }
    if refused.details:
        error["details"] = refused.details
    return HttpAnswer.json(refused.status, {"error": error}, refused.headers)
