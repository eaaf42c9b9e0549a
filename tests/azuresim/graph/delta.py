"""
Delta: everything first, and then what changed since the token, for seven days.

Pages of a round belong to the moment at which it began. `$select` and `$filter` by ids hold for all later rounds, for
the links carry them. Sources: learn.microsoft.com/graph/delta-query-overview; learn.microsoft.com/graph/api
(application-delta, serviceprincipal-delta).
"""

from __future__ import annotations

import copy
from datetime import timedelta
from urllib.parse import quote, urlencode

from azuresim.entra.directory import Body
from azuresim.graph.filters import Parser
from azuresim.graph.options import chosen, names_in
from azuresim.graph.request import READ_ALL, GraphError, GraphRequest, bad_request, context, origin
from azuresim.wire import HttpAnswer

LIFE = timedelta(days=7).total_seconds()
State = dict[str, Body]
KEPT_OPTIONS = ("$select", "$filter")


def delta(request: GraphRequest) -> HttpAnswer:
    request.need(bool(request.permissions & READ_ALL))
    given, page = request.call.argument("$deltatoken"), request.call.argument("$skiptoken")
    if page is not None:
        return answered(request, *page_in(page))
    token = request.world.hexadecimal(32)
    entra = request.world.entra
    entra.delta_states[request.kind, token] = (request.world.clock.timestamp(), copy.deepcopy(request.objects))
    return answered(request, token if given == "latest" else given or "", token, 0)


def page_in(text: str) -> tuple[str, str, int]:
    """From which state to which one, and how much of the difference was told already."""
    since, _, rest = text.partition(".")
    until, _, told = rest.partition(".")
    if not told.isdecimal():
        raise bad_request("The skip token is not valid.", "BadRequest")
    return since, until, int(told)


def answered(request: GraphRequest, since: str, until: str, told: int) -> HttpAnswer:
    changes = differences(request, state(request, since) if since else {}, state(request, until))
    most = request.world.switches.graph_page_size
    body: Body = {"@odata.context": context(request), "value": changes[told : told + most]}
    if told + most < len(changes):
        body["@odata.nextLink"] = link(request, "$skiptoken", f"{since}.{until}.{told + most}")
    else:
        body["@odata.deltaLink"] = link(request, "$deltatoken", until)
    return HttpAnswer.json(200, body)


def state(request: GraphRequest, token: str) -> State:
    """The collection as it was; 410 for a token that is too old or never was."""
    kept = request.world.entra.delta_states.get((request.kind, token))
    if kept is None or request.world.clock.timestamp() - kept[0] > LIFE:
        raise GraphError(410, "syncStateNotFound", "The sync state generation is not found; delta must start anew.")
    return kept[1]


def differences(request: GraphRequest, before: State, after: State) -> list[Body]:
    """New and changed objects, then those that went: `changed` while they can be restored, `deleted` afterwards."""
    names = names_in(request.call.argument("$select"), request.type)
    text = request.call.argument("$filter")
    meant = Parser(text, {"id": "Edm.String"}, advanced=False).whole() if text is not None else None

    def seen(states: State) -> State:
        shown = {object_id: body for object_id, body in states.items() if meant is None or meant(body)}
        return {object_id: {**chosen(body, names), "id": object_id} for object_id, body in shown.items()}

    was, is_now = seen(before), seen(after)
    changed = [body for object_id, body in is_now.items() if was.get(object_id) != body]
    restorable = request.world.entra.deleted
    gone = [one for one in was if one not in is_now]
    reasons = {one: "changed" if one in restorable else "deleted" for one in gone}
    return [*changed, *({"id": one, "@removed": {"reason": reasons[one]}} for one in gone)]


def link(request: GraphRequest, name: str, value: str) -> str:
    kept = [(option, request.call.argument(option)) for option in KEPT_OPTIONS]
    query = [(option, text) for option, text in kept if text is not None]
    encoded = urlencode([*query, (name, value)], safe="$,()'", quote_via=quote)
    return f"{origin(request.call)}/v1.0/{request.kind}/delta?{encoded}"
