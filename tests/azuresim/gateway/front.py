"""
API Management's data plane: a call to `<service>.azure-api.net`, from matching it to the backend's answer.

A preflight is answered by `cors`; then the operation, the subscription key or open product, the policies, the backend.
Sources: learn.microsoft.com/azure/api-management/api-management-subscriptions (keys), api-management-howto-policies
(order), add-api-manually (404 for what no operation matches), api-management-error-handling-policies (errors),
api-management-howto-api-inspector (traces).
"""

from __future__ import annotations

from collections.abc import Mapping

from multidict import CIMultiDict

from azuresim.gateway.chain import chain_of, section_of
from azuresim.gateway.exchange import Exchange, Target
from azuresim.gateway.failures import PolicyFailure, Returned, error_answer
from azuresim.gateway.matching import Match, matched, service_of
from azuresim.gateway.pipeline import Run
from azuresim.gateway.statements import HANDLERS
from azuresim.gateway.statements.calls import HOP_BY_HOP
from azuresim.gateway.statements.cors import is_preflight, preflight
from azuresim.gateway.subscriptions import Admission, admitted, key_names
from azuresim.gateway.traces import AUTHORIZATION, TRACE_ID, shown_headers, tracer_of
from azuresim.resources import Document
from azuresim.wire import HttpAnswer, HttpCall
from azuresim.world import World

NOT_FOUND = "Resource not found"
BODILESS = ("HEAD",)


async def gateway(request: HttpCall, world: World) -> HttpAnswer:
    """The answer that a caller of the API gets."""
    service = service_of(world, request.host)
    if service is None:
        return error_answer(404, NOT_FOUND)
    if is_preflight(request):
        answer = answer_to_preflight(request, world, service)
        if answer is not None:
            return answer
    match = matched(world, service, request)
    if match is None or match.operation is None:
        return await answered(request, world, service, match, Admission(refusal=not_found()))
    return await answered(request, world, service, match, admitted(world, service, match.api, request))


def not_found() -> PolicyFailure:
    error = "Unable to match incoming request to an operation."
    return PolicyFailure(404, NOT_FOUND, reason="OperationNotFound", error=error, source="configuration")


async def answered(
    request: HttpCall, world: World, service: Document, match: Match | None, admission: Admission
) -> HttpAnswer:
    """The call's way through its policies; what it adds to the answer, a trace's id among it, is added at the end."""
    exchange = exchange_of(request, world, service, match, admission)
    api = match.api if match else None
    exchange.tracer, headers = tracer_of(world, service, api, admission.subscription, request, admission.key)
    if exchange.tracer is not None:
        begin_trace(exchange)
    chain = chain_of(world, service, admission.product, api, match.operation if match else None)
    answer = await Run(exchange, chain, HANDLERS).process(admission.refusal)
    if exchange.tracer is not None:
        exchange.tracer.add("transfer-response", {"response": {"status": {"code": answer.status}}})
        headers = {TRACE_ID: exchange.tracer.keep()}
    answer = answer.with_headers({**exchange.added, **headers})
    return HttpAnswer(answer.status, answer.headers) if request.method.upper() in BODILESS else answer


def begin_trace(exchange: Exchange) -> None:
    tracer, call, match = exchange.tracer, exchange.call, exchange.match
    if tracer is None:
        return
    sent = {"method": call.method, "url": exchange.shown_url(), "headers": shown_headers(call.headers)}
    tracer.add("api-inspector", {"request": sent})
    if match is not None:
        names = {"api": match.api.name, "operation": match.operation.name if match.operation else None}
        product = exchange.product_document
        tracer.add("api-inspector", {"configuration": {**names, "product": product.name if product else None}})


def exchange_of(
    request: HttpCall, world: World, service: Document, match: Match | None, admission: Admission
) -> Exchange:
    api = match.api if match else None
    names = key_names(api) if api else {"header": "", "query": ""}
    kept = world.switches.apim_subscription_key_forwarded
    secret = "" if kept else names["query"].lower()
    return Exchange(
        world=world,
        service=service,
        call=request,
        match=match,
        rest=match.rest if match else "",
        headers=forwarded(request.headers, "" if kept else names["header"]),
        query=[(name, value) for name, value in request.query if not secret or name.lower() != secret],
        subscription_document=admission.subscription,
        product_document=admission.product,
        target=own_target(world, service, api) if api else None,
        key=admission.key,
    )


def forwarded(headers: Mapping[str, str], key_header: str) -> CIMultiDict[str]:
    """The caller's headers as the backend gets them: without the key and what belongs to one connection."""
    left_out = HOP_BY_HOP | {key_header.lower(), AUTHORIZATION.lower()}
    return CIMultiDict([(name, value) for name, value in headers.items() if name.lower() not in left_out])


def own_target(world: World, service: Document, api: Document) -> Target | None:
    """The API's own backend: its service URL."""
    url = api.properties.get("serviceUrl")
    return Target(url=str(url)) if url else None


def answer_to_preflight(request: HttpCall, world: World, service: Document) -> HttpAnswer | None:
    """What `cors` says to a preflight; None when the API has an OPTIONS operation for it, or no `cors` in its way."""
    own = matched(world, service, request)
    if own is not None and own.operation is not None:
        return None
    match = matched(world, service, request, request.header("Access-Control-Request-Method"))
    exchange = exchange_of(request, world, service, match, Admission())
    api, operation = (match.api, match.operation) if match else (None, None)
    chain = chain_of(world, service, None, api, operation)
    inbound = section_of(chain, "inbound", world.switches.apim_missing_section_inherits)
    try:
        return preflight(exchange, inbound)
    except Returned as returned:
        return returned.answer
    except PolicyFailure as failure:
        return failure.answer(str(exchange.request_id))
