"""
An API from its description: OpenAPI 3 and Swagger 2, as JSON or YAML, sent along or fetched by a link.

Operations take the description's operationId as their name, or method and path; templates, parameters, request bodies
and responses are carried over as far as an operation can hold them. A link is looked up in `world.web_documents`, by
URL; nothing is fetched from outside.
Sources: REST reference, "Apis - Create Or Update" (formats); learn.microsoft.com/azure/api-management/
api-management-api-import-restrictions (ids, limits). The wording of parse errors is assumed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from azuresim.apim.entities import invalid, not_simulated
from azuresim.arm import ArmRequest
from azuresim.resources import Body

INLINE = {"openapi", "openapi+json", "swagger-json"}
LINKED = {"openapi-link", "openapi+json-link", "swagger-link-json"}
OTHER = {"wadl-link-json", "wadl-xml", "wsdl", "wsdl-link", "graphql-link", "odata", "odata-link", "grpc", "grpc-link"}
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
LARGEST = 4 * 1024 * 1024
PLACEHOLDER = re.compile(r"\{([^{}]+)\}")


@dataclass(frozen=True, kw_only=True)
class Described:
    """What the description says of the API, and its operations by their ids."""

    properties: Body
    operations: Mapping[str, Body]


def described(request: ArmRequest, sent: Body) -> Described:
    """What was sent along, read; ArmError 400 for what is no description."""
    written, value = sent.get("format"), sent.get("value")
    if not isinstance(written, str):
        raise invalid(("format", "The format is no text."))
    if written in OTHER:
        raise not_simulated(f"import of format {written}")
    if written not in INLINE | LINKED:
        raise invalid(("format", f"'{written}' is not a format of API descriptions."))
    if not isinstance(value, str) or not value:
        raise invalid(("value", "The description is required."))
    if written in LINKED:
        value = fetched(request, value)
    if len(value.encode(errors="replace")) > LARGEST:
        raise invalid(("value", "The description exceeds 4 MB."))
    return described_by(parsed(value))


def fetched(request: ArmRequest, url: str) -> str:
    found = request.world.web_documents.get(url)
    if found is None:
        raise invalid(("value", f"Unable to fetch the description from '{url}'."))
    return found


def parsed(text: str) -> Body:
    """The description as an object, from JSON or YAML."""
    try:
        document = json.loads(text) if text.lstrip().startswith("{") else yaml.safe_load(text)
    except (ValueError, yaml.YAMLError, RecursionError) as wrong:
        reason = str(wrong).splitlines()[0] if str(wrong) else "nested too deeply"
        raise unreadable(reason) from None
    if not isinstance(document, dict):
        raise unreadable("the document is no object")
    if not (str(document.get("openapi", "")).startswith("3.") or str(document.get("swagger", "")) == "2.0"):
        raise unreadable("the document names no supported version of OpenAPI")
    if not isinstance(document.get("paths"), dict):
        raise unreadable("the document has no paths")
    return document


def unreadable(reason: str) -> Exception:
    return invalid(("value", f"Parsing error(s): {reason}."))


def described_by(document: Body) -> Described:
    info = document.get("info") if isinstance(document.get("info"), dict) else {}
    assert isinstance(info, dict)
    properties: Body = {"displayName": str(info.get("title") or "API")[:300]}
    if isinstance(info.get("description"), str):
        properties["description"] = info["description"]
    if url := server_of(document):
        properties["serviceUrl"] = url
    operations: dict[str, Body] = {}
    for path, method, said, shared in said_operations(document):
        name = unique(operation_id(method, path, said), operations)
        operations[name] = operation_of(document, path, method, said, shared)
    return Described(properties=properties, operations=operations)


def server_of(document: Body) -> str | None:
    servers = document.get("servers")
    if (
        isinstance(servers, list)
        and servers
        and isinstance(servers[0], dict)
        and isinstance(servers[0].get("url"), str)
    ):
        url = str(servers[0]["url"]).rstrip("/")
        return url if url.startswith("http") else None
    if isinstance(document.get("host"), str):
        schemes = document.get("schemes")
        scheme = schemes[0] if isinstance(schemes, list) and schemes else "https"
        return f"{scheme}://{document['host']}{document.get('basePath') or ''}".rstrip("/")
    return None


def said_operations(document: Body) -> Iterator[tuple[str, str, Body, list[Any]]]:
    """Path, method, what is said of the operation, and the parameters that its path shares."""
    for path, item in document["paths"].items():
        if not isinstance(item, dict):
            continue
        shared = item.get("parameters") if isinstance(item.get("parameters"), list) else []
        for method in METHODS:
            if isinstance(item.get(method), dict):
                yield str(path), method, item[method], list(shared or [])


def operation_id(method: str, path: str, said: Body) -> str:
    """The description's id, or method and path, in the characters that an id may have."""
    written = said.get("operationId")
    text = written if isinstance(written, str) and written else f"{method}-{path}"
    return re.sub(r"-+", "-", re.sub(r"[^A-Za-z0-9_.-]", "-", text)).strip("-")[:76].lower() or "operation"


def unique(name: str, taken: Mapping[str, Any]) -> str:
    number = 1
    while (found := name if number == 1 else f"{name}-{number}") in taken:
        number += 1
    return found


def operation_of(document: Body, path: str, method: str, said: Body, shared: list[Any]) -> Body:
    own = said.get("parameters") if isinstance(said.get("parameters"), list) else []
    parameters = [
        p for p in (resolved(document, one) for one in [*shared, *(own or [])]) if isinstance(p.get("name"), str)
    ]
    placed = PLACEHOLDER.findall(path)
    named = {p["name"]: p for p in parameters if p.get("in") == "path"}
    return {
        "displayName": str(said.get("summary") or said.get("operationId") or path)[:300],
        "method": method.upper(),
        "urlTemplate": path if path.startswith("/") else f"/{path}",
        "templateParameters": [
            parameter_of({"name": name, "required": True, **named.get(name, {})}) for name in dict.fromkeys(placed)
        ],
        "description": said.get("description") if isinstance(said.get("description"), str) else None,
        "request": {
            "queryParameters": [parameter_of(p) for p in parameters if p.get("in") == "query"],
            "headers": [parameter_of(p) for p in parameters if p.get("in") == "header"],
            "representations": representations_of(resolved(document, said.get("requestBody"))),
        },
        "responses": list(responses_of(document, said)),
        "policies": None,
    }


def resolved(document: Body, part: Any) -> Body:
    """The part, or what its `$ref` points at within the document; empty for anything else."""
    for _ in range(10):
        if not isinstance(part, dict):
            return {}
        if not isinstance(part.get("$ref"), str):
            return part
        reference, part = str(part["$ref"]), document
        for step in reference.removeprefix("#/").split("/"):
            part = part.get(step.replace("~1", "/").replace("~0", "~")) if isinstance(part, dict) else None
    return {}


def parameter_of(said: Body) -> Body:
    schema = said.get("schema") if isinstance(said.get("schema"), dict) else said
    assert isinstance(schema, dict)
    kind, allowed = schema.get("type"), schema.get("enum")
    return {
        "name": said["name"],
        **({"description": said["description"]} if isinstance(said.get("description"), str) else {}),
        "type": kind if isinstance(kind, str) else "string",
        **({"required": True} if said.get("required") is True or said.get("in") == "path" else {}),
        "values": [str(value) for value in allowed] if isinstance(allowed, list) else [],
    }


def representations_of(body: Body) -> list[Body]:
    content = body.get("content")
    return [{"contentType": str(media)} for media in content] if isinstance(content, dict) else []


def responses_of(document: Body, said: Body) -> Iterator[Body]:
    responses = said.get("responses")
    for status, written in responses.items() if isinstance(responses, dict) else ():
        if not str(status).isdigit() or not 100 <= int(status) <= 599:
            continue
        response = resolved(document, written)
        yield {
            "statusCode": int(status),
            "description": response.get("description") if isinstance(response.get("description"), str) else None,
            "headers": [],
            "representations": representations_of(response),
        }
