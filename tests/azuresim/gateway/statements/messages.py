"""
Statements that change the request or the answer.

Sources: learn.microsoft.com/azure/api-management, one page per statement (`set-header-policy`, `set-body-policy`, …).
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from urllib.parse import parse_qsl, quote

from multidict import CIMultiDict

from azuresim.gateway.exchange import Exchange
from azuresim.gateway.failures import Broken, NotRun, Returned
from azuresim.gateway.pipeline import Handler, Run, Step
from azuresim.policy.csharp.context import MessageBody, Response
from azuresim.policy.expressions import text_of
from azuresim.policy.text import Element
from azuresim.resources import Body
from azuresim.wire import HttpAnswer

PLACEHOLDER = re.compile(r"\{\*?([^{}*?]+)\}")
HEADER_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")


def set_header(run: Run, step: Step) -> None:
    """Request headers before the backend has answered, response headers afterwards."""
    exchange = run.exchange
    if step.request:
        changed_headers(exchange, step.element, exchange.headers)
        return
    answer = exchange.answer or HttpAnswer(200)
    headers = CIMultiDict(answer.headers)
    changed_headers(exchange, step.element, headers)
    exchange.answer = HttpAnswer(answer.status, headers, answer.body)


def changed_headers(exchange: Exchange, statement: Element, headers: CIMultiDict[str]) -> None:
    name = exchange.attribute(statement, "name")
    if not HEADER_NAME.fullmatch(name):
        raise Broken(f"set-header: '{name}' is no name of a header")
    action = exchange.attribute(statement, "exists-action", "override")
    values = [one_line(value) for value in exchange.texts(statement, "value")]
    if action == "skip" and name in headers:
        return
    if action in ("override", "delete"):
        headers.popall(name, None)
    if action != "delete":
        headers.extend([(name, value) for value in values])


def one_line(value: str) -> str:
    """The value, when a header can hold it."""
    if any(character in value for character in "\r\n\0") or value != value.encode(errors="replace").decode():
        raise Broken("set-header: the header's value contains invalid characters")
    return value


def set_query_parameter(run: Run, step: Step) -> None:
    exchange, statement = run.exchange, step.element
    name = exchange.attribute(statement, "name")
    action = exchange.attribute(statement, "exists-action", "override")
    present = any(key == name for key, _ in exchange.query)
    if action == "skip" and present:
        return
    if action in ("override", "delete"):
        exchange.query = [(key, value) for key, value in exchange.query if key != name]
    if action != "delete":
        exchange.query += [(name, value) for value in exchange.texts(statement, "value")]


def set_method(run: Run, step: Step) -> None:
    run.exchange.method = method_of(run.exchange, step.element)


def method_of(exchange: Exchange, statement: Element) -> str:
    method = exchange.text(statement.text.strip()).strip()
    if not HEADER_NAME.fullmatch(method):
        raise Broken(f"set-method: '{method}' is no HTTP method")
    return method


def set_status(run: Run, step: Step) -> None:
    exchange = run.exchange
    answer = exchange.answer or HttpAnswer(200)
    status = exchange.status(step.element, "code")
    if "reason" in step.element.attributes:
        exchange.reasons[status] = exchange.attribute(step.element, "reason")
    exchange.answer = HttpAnswer(status, answer.headers, answer.body)


def set_body(run: Run, step: Step) -> None:
    exchange = run.exchange
    content = body_of(exchange, step.element)
    if step.request:
        exchange.body = MessageBody(content)
        return
    answer = exchange.answer or HttpAnswer(200)
    exchange.respond(HttpAnswer(answer.status, answer.headers, content))


def body_of(exchange: Exchange, statement: Element) -> bytes:
    """The literal or the expression in a `set-body`."""
    if exchange.attribute(statement, "template") == "liquid":
        raise NotRun("set-body with a liquid template")
    if statement.elements():
        raise NotRun("set-body with XML inside")
    value = exchange.value(statement.text)
    return bytes(value) if isinstance(value, bytes | bytearray) else text_of(value).encode(errors="replace")


def rewrite_uri(run: Run, step: Step) -> None:
    """The rest of the URL is the template's; unmatched query parameters stay unless told otherwise."""
    exchange = run.exchange
    template = exchange.attribute(step.element, "template")
    missing = set(PLACEHOLDER.findall(template)) - exchange.parameters.keys()
    if missing:
        raise Broken(f"rewrite-uri: no value for {', '.join(sorted(missing))}")
    path, _, query = PLACEHOLDER.sub(lambda found: quote(exchange.parameters[found[1]]), template).partition("?")
    exchange.rest = "/" + path.lstrip("/")
    kept = exchange.query if exchange.flag(step.element, "copy-unmatched-params", default=True) else []
    exchange.query = [*parse_qsl(query, keep_blank_values=True), *kept]


def set_variable(run: Run, step: Step) -> None:
    exchange = run.exchange
    exchange.variables[step.element.attributes["name"]] = exchange.value(step.element.attributes["value"])


def find_and_replace(run: Run, step: Step) -> None:
    """In the body of the request, or of the answer once there is one."""
    exchange = run.exchange
    old, new = exchange.attribute(step.element, "from"), exchange.attribute(step.element, "to")
    if not old:
        raise Broken("find-and-replace: there is nothing to look for")
    if step.request:
        content = exchange.body.take(preserve=True)
        exchange.body = MessageBody(content.replace(old.encode(), new.encode()))
    elif exchange.answer is not None:
        answer = exchange.answer
        exchange.respond(HttpAnswer(answer.status, answer.headers, answer.body.replace(old.encode(), new.encode())))


def authentication_basic(run: Run, step: Step) -> None:
    exchange = run.exchange
    user, password = exchange.attribute(step.element, "username"), exchange.attribute(step.element, "password")
    exchange.headers["Authorization"] = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def return_response(run: Run, step: Step) -> None:
    """The caller gets this answer; nothing else runs, outbound included."""
    exchange, statement = run.exchange, step.element
    given = start_of(exchange, statement.attributes.get("response-variable-name"))
    status, headers, body = given.status, CIMultiDict(given.headers), given.body
    for part in statement.named("set-status"):
        status = exchange.status(part, "code")
    for header in statement.named("set-header"):
        changed_headers(exchange, header, headers)
    for part in statement.named("set-body"):
        body = body_of(exchange, part)
    raise Returned(HttpAnswer(status, headers, body))


def start_of(exchange: Exchange, variable: str | None) -> HttpAnswer:
    """The answer in a variable, or an empty one."""
    if variable is None:
        return HttpAnswer(200)
    found = exchange.variables.get(variable)
    if not isinstance(found, Response):
        raise Broken(f"return-response: the variable '{variable}' holds no response")
    headers = CIMultiDict([(name, value) for name, values in found.headers.items() for value in values])
    return HttpAnswer(found.status_code, headers, found.body.take(preserve=True) if found.body else b"")


def mock_response(run: Run, step: Step) -> None:
    """The example of the operation's response in that status and media type; nothing else runs."""
    exchange, statement = run.exchange, step.element
    if not exchange.flag(statement, "enabled", default=True):
        return
    status = exchange.status(statement, "status-code", "200")
    wanted = exchange.attribute(statement, "content-type")
    representation = example(exchange, status, wanted, exchange.number(statement, "index", "0"))
    media, text = representation or (wanted, "")
    raise Returned(HttpAnswer(status, {"Content-Type": media} if media else {}, text.encode()))


def example(exchange: Exchange, status: int, media: str, index: int) -> tuple[str, str] | None:
    """Media type and text of an example; the first representation that has that media type."""
    operation = exchange.match.operation if exchange.match else None
    responses: list[Body] = (operation.properties.get("responses") or []) if operation else []
    for response in responses:
        if response.get("statusCode") != status:
            continue
        for one in response.get("representations") or []:
            if not media or one.get("contentType") == media:
                return str(one.get("contentType")), sample(one, index)
    return None


def sample(representation: Body, index: int) -> str:
    """The text of the representation's example; older contracts call it `sample`."""
    examples = list((representation.get("examples") or {}).values())
    if not examples:
        return str(representation.get("sample") or "")
    value = examples[index].get("value") if 0 <= index < len(examples) else None
    return value if isinstance(value, str) else json.dumps(value) if value is not None else ""


HANDLERS: Mapping[str, Handler] = {
    "authentication-basic": authentication_basic,
    "find-and-replace": find_and_replace,
    "mock-response": mock_response,
    "return-response": return_response,
    "rewrite-uri": rewrite_uri,
    "set-body": set_body,
    "set-header": set_header,
    "set-method": set_method,
    "set-query-parameter": set_query_parameter,
    "set-status": set_status,
    "set-variable": set_variable,
}
