"""
Policies at work: which statements apply to a call, and what each of them does.

The chain is global, product, API, operation; `<base />` is where the enclosing scope's statements go, so a policy
without it drops them. Sources: learn.microsoft.com/azure/api-management/api-management-howto-policies and one page per
statement beside it; Azure/azure-api-management-policy-toolkit (emulator, for the two forms of
authentication-managed-identity).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from urllib.parse import parse_qsl, quote

from multidict import CIMultiDict

from azuresim.apim.apis import PLACEHOLDER
from azuresim.apim.identity import IdentityFailure, token_of_service
from azuresim.gateway.caller_tokens import validate_azure_ad_token, validate_jwt
from azuresim.gateway.exchange import Broken, Exchange, PolicyFailure, Returned, Target
from azuresim.policy.expressions import EvaluationError, ExpressionError
from azuresim.policy.text import Element, PolicyText
from azuresim.wire import HttpAnswer

Forward = Callable[[Exchange], Awaitable[HttpAnswer]]
Chain = Sequence[PolicyText | None]


def section_of(chain: Chain, name: str, inherit_missing: bool) -> list[Element]:
    """The statements of one section for a call, outermost scope first, `<base />` filled in."""
    if not chain:
        return []
    *outer, document = chain
    if document is None:
        return section_of(outer, name, inherit_missing)
    sections = document.root.named(name)
    if not sections:
        return section_of(outer, name, inherit_missing) if inherit_missing else []
    statements: list[Element] = []
    for statement in sections[0].elements():
        statements += section_of(outer, name, inherit_missing) if statement.name == "base" else [statement]
    return statements


async def process(exchange: Exchange, chain: Chain, check: Callable[[], None], forward: Forward) -> HttpAnswer:
    """
    The gateway's answer to a call: `check` (the subscription key), inbound, backend, outbound.

    A failure anywhere leads to `on-error`, whose statements work on the answer that reports the failure.
    """
    run = Run(exchange, chain, forward)
    try:
        check()
        for section in ("inbound", "backend", "outbound"):
            await run.section(section)
    except Returned as returned:
        return returned.answer
    except PolicyFailure as failure:
        return await run.failed(failure)
    return exchange.answer or HttpAnswer(200)


class Run:
    def __init__(self, exchange: Exchange, chain: Chain, forward: Forward) -> None:
        self.exchange, self.chain, self.forward = exchange, chain, forward

    async def section(self, name: str) -> None:
        inherit = self.exchange.world.switches.apim_missing_section_inherits
        if name == "outbound" and self.exchange.answer is None:
            self.exchange.answer = HttpAnswer(200)
        await self.statements(section_of(self.chain, name, inherit), name)

    async def failed(self, failure: PolicyFailure) -> HttpAnswer:
        self.exchange.answer = failure.answer()
        try:
            await self.section("on-error")
        except Returned as returned:
            return returned.answer
        except PolicyFailure as again:
            return again.answer()
        return self.exchange.answer

    async def statements(self, statements: Sequence[Element], section: str) -> None:
        for statement in statements:
            try:
                await self.statement(statement, section)
            except (EvaluationError, ExpressionError) as error:
                raise Broken(f"{statement.name}: {error}") from error

    async def statement(self, statement: Element, section: str) -> None:
        exchange = self.exchange
        if statement.name == "choose":
            await self.choose(statement, section)
        elif statement.name == "forward-request":
            exchange.answer = await self.forward(exchange)
        elif statement.name == "set-header":
            exchange.answer = set_header(exchange, statement, section)
        elif statement.name in TOKEN_STATEMENTS:
            await TOKEN_STATEMENTS[statement.name](exchange, statement)
        else:
            STATEMENTS[statement.name](exchange, statement)

    async def choose(self, statement: Element, section: str) -> None:
        for branch in statement.elements():
            if branch.name == "otherwise" or self.exchange.flag(branch, "condition"):
                await self.statements(branch.elements(), section)
                return


# --- one function per statement ---------------------------------------------------------------------------------------
async def authentication_managed_identity(exchange: Exchange, statement: Element) -> None:
    """The token goes into the variable when one is named, and only there; otherwise into `Authorization`."""
    variable = statement.attributes.get("output-token-variable-name")
    token: str | None = None
    try:
        token = token_of_service(
            exchange.world,
            exchange.service,
            exchange.attribute(statement, "resource"),
            exchange.attribute(statement, "client-id") or None,
        )
    except IdentityFailure as error:
        if not exchange.flag(statement, "ignore-error"):
            raise Broken(f"authentication-managed-identity: {error}") from error
    if variable:
        exchange.variables[variable] = token
    elif token is not None:
        exchange.headers["Authorization"] = f"Bearer {token}"


def set_header(exchange: Exchange, statement: Element, section: str) -> HttpAnswer | None:
    """Request headers before the backend has answered, response headers afterwards."""
    if section in ("inbound", "backend"):
        changed_headers(exchange, statement, exchange.headers)
        return exchange.answer
    answer = exchange.answer or HttpAnswer(200)
    headers = CIMultiDict(answer.headers)
    changed_headers(exchange, statement, headers)
    return HttpAnswer(answer.status, headers, answer.body)


def changed_headers(exchange: Exchange, statement: Element, headers: CIMultiDict[str]) -> None:
    name = exchange.attribute(statement, "name")
    action = exchange.attribute(statement, "exists-action", "override")
    values = exchange.texts(statement, "value")
    if action == "skip" and name in headers:
        return
    if action in ("override", "delete"):
        headers.popall(name, None)
    if action != "delete":
        headers.extend([(name, value) for value in values])


def set_query_parameter(exchange: Exchange, statement: Element) -> None:
    name = exchange.attribute(statement, "name")
    action = exchange.attribute(statement, "exists-action", "override")
    present = any(key == name for key, _ in exchange.query)
    if action == "skip" and present:
        return
    if action in ("override", "delete"):
        exchange.query = [(key, value) for key, value in exchange.query if key != name]
    if action != "delete":
        exchange.query += [(name, value) for value in exchange.texts(statement, "value")]


def set_backend_service(exchange: Exchange, statement: Element) -> None:
    """A backend entity with its credentials, or a bare URL; after an entity only another entity may come."""
    backend_id = exchange.attribute(statement, "backend-id")
    if not backend_id:
        if exchange.target is not None and exchange.target.by_id:
            raise Broken("set-backend-service: a backend-id cannot be overridden by a base-url")
        exchange.target = Target(url=exchange.attribute(statement, "base-url"))
        return
    backend = exchange.world.arm.get(f"{exchange.service.id}/backends/{backend_id}")
    if backend is None:
        raise Broken(f"set-backend-service: Backend with id '{backend_id}' could not be found.")
    exchange.target = Target(
        url=exchange.text(backend.properties["url"]),
        credentials=backend.properties.get("credentials") or {},
        by_id=True,
    )


def set_variable(exchange: Exchange, statement: Element) -> None:
    exchange.variables[statement.attributes["name"]] = exchange.value(statement.attributes["value"])


def rewrite_uri(exchange: Exchange, statement: Element) -> None:
    """The rest of the URL is the template's; unmatched query parameters stay unless told otherwise."""
    template = exchange.attribute(statement, "template")
    missing = set(PLACEHOLDER.findall(template)) - exchange.parameters.keys()
    if missing:
        raise Broken(f"rewrite-uri: no value for {', '.join(sorted(missing))}")
    path, _, query = PLACEHOLDER.sub(lambda found: quote(exchange.parameters[found[1]]), template).partition("?")
    exchange.rest = "/" + path.lstrip("/")
    kept = exchange.query if exchange.flag(statement, "copy-unmatched-params", default=True) else []
    exchange.query = [*parse_qsl(query, keep_blank_values=True), *kept]


def check_header(exchange: Exchange, statement: Element) -> None:
    found = exchange.header(exchange.attribute(statement, "name"))
    allowed = exchange.texts(statement, "value")
    if exchange.flag(statement, "ignore-case"):
        found = found.lower() if found is not None else None
        allowed = [value.lower() for value in allowed]
    if found is None or (allowed and found not in allowed):
        status = exchange.status(statement, "failed-check-httpcode")
        raise PolicyFailure(status, exchange.attribute(statement, "failed-check-error-message"))


def return_response(exchange: Exchange, statement: Element) -> None:
    """The caller gets this answer; nothing else runs, outbound included."""
    statuses, bodies = statement.named("set-status"), statement.named("set-body")
    status = exchange.status(statuses[0], "code") if statuses else 200
    headers: CIMultiDict[str] = CIMultiDict()
    for header in statement.named("set-header"):
        changed_headers(exchange, header, headers)
    body = exchange.text(bodies[0].text).encode() if bodies else b""
    raise Returned(HttpAnswer(status, headers, body))


STATEMENTS: Mapping[str, Callable[[Exchange, Element], None]] = {
    "check-header": check_header,
    "return-response": return_response,
    "rewrite-uri": rewrite_uri,
    "set-backend-service": set_backend_service,
    "set-query-parameter": set_query_parameter,
    "set-variable": set_variable,
}
TOKEN_STATEMENTS: Mapping[str, Callable[[Exchange, Element], Awaitable[None]]] = {
    "authentication-managed-identity": authentication_managed_identity,
    "validate-azure-ad-token": validate_azure_ad_token,
    "validate-jwt": validate_jwt,
}
