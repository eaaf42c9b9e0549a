"""
Operations of an API: method, template, parameters.

Operations gain empty lists on GET, and lists of operations leave `request` out.
Sources: Azure/azure-cli recording test_apim_api_operation; hashicorp/terraform-provider-azurerm tracker (template
parameters); REST reference, "Api Operation".
"""

from __future__ import annotations

import re

from azuresim.apim.entities import SERVICE, THE_API, Entity, invalid, serve
from azuresim.arm import ArmRequest
from azuresim.resources import Body, Document

API = f"{SERVICE}/apis/{{api}}"


PLACEHOLDER = re.compile(r"\{\*?([^{}*?]+)\}")
REQUEST_FIELDS = ("description", "queryParameters", "headers", "representations")
REQUEST: Body = {"queryParameters": [], "headers": [], "representations": []}


def operation_properties(request: ArmRequest, sent: Body, existing: Document | None) -> Body:
    for name, most in (("displayName", 300), ("method", 80), ("urlTemplate", 1000)):
        if not isinstance(sent.get(name), str) or not 1 <= len(sent[name]) <= most:
            raise invalid((name, f"'{name}' is required and must have at most {most} characters."))
    parameters = objects(sent, "templateParameters")
    check_shapes(sent)
    check_template(sent["urlTemplate"], parameters)
    check_duplicate(request, sent)
    return {
        "displayName": sent["displayName"],
        "method": sent["method"],
        "urlTemplate": sent["urlTemplate"],
        "templateParameters": [{**parameter, "values": parameter.get("values") or []} for parameter in parameters],
        "description": sent.get("description"),
        "request": {**REQUEST, **{k: v for k, v in (sent.get("request") or {}).items() if k in REQUEST_FIELDS}},
        "responses": objects(sent, "responses"),
        "policies": None,
    }


def objects(sent: Body, name: str) -> list[Body]:
    """A list of objects, empty when it is not there; 400 for anything else."""
    found = sent.get(name)
    if found is None:
        return []
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise invalid((name, f"'{name}' must be a list of objects."))
    return found


def check_shapes(sent: Body) -> None:
    """Description, request and responses are what they are said to be; parameters have names."""
    if sent.get("description") is not None and not isinstance(sent["description"], str):
        raise invalid(("description", "'description' is no text."))
    request = sent.get("request")
    if request is not None and not isinstance(request, dict):
        raise invalid(("request", "'request' must be an object."))
    for name in ("queryParameters", "headers", "representations"):
        objects(request or {}, name)
    for response in objects(sent, "responses"):
        status = response.get("statusCode")
        if isinstance(status, bool) or not isinstance(status, int) or not 100 <= status <= 599:
            raise invalid(("responses", "A response needs a status code between 100 and 599."))
    for parameter in objects(sent, "templateParameters"):
        if not isinstance(parameter.get("name"), str) or not isinstance(parameter.get("values") or [], list):
            raise invalid(("templateParameters", "A template parameter needs a name, and a list of values if any."))


def check_template(template: str, parameters: list[Body]) -> None:
    """Placeholders and templateParameters name each other, both ways; a `*` is not part of the name."""
    placed = set(PLACEHOLDER.findall(template))
    declared = {str(parameter.get("name")) for parameter in parameters}
    if undeclared := sorted(placed - declared):
        names = ", ".join(undeclared)
        raise invalid(
            ("templateParameters", f"All template parameters used in the UriTemplate must be defined: {names}")
        )
    if unplaced := sorted(declared - placed):
        names = ", ".join(unplaced)
        raise invalid(
            ("templateParameters", f"All defined template parameters must be used in the UriTemplate: {names}")
        )


def check_duplicate(request: ArmRequest, sent: Body) -> None:
    """Method and template are unique in an API. The refusal is reported, its text is not."""
    for other in request.world.arm.members(f"{request.up_to('api')}/operations"):
        if other.name.lower() != request.params["operation"].lower() and signature(other.properties) == signature(sent):
            message = f"Operation with the same method and URL template already exists: '{other.name}'."
            raise invalid(("urlTemplate", message))


def signature(operation: Body) -> tuple[str, str]:
    return operation["method"].upper(), operation["urlTemplate"].strip("/").lower()


def without_request(document: Body) -> Body:
    kept = {name: value for name, value in document["properties"].items() if name != "request"}
    return {**document, "properties": kept}


serve(
    Entity(
        template=f"{API}/operations/{{operation}}",
        label="Operation",
        normalise=operation_properties,
        listed=without_request,
        exclusive=THE_API,
    )
)
