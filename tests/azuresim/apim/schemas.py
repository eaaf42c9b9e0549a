"""
Schemas of an API and of the service: the shapes that descriptions and `validate-content` refer to.

Sources: REST reference, "Api Schema" (contentType and document) and "Global Schema" (schemaType xml or json, with
value or document). The texts of refusals are assumed.
"""

from __future__ import annotations

from azuresim.apim.entities import SERVICE, THE_API, Entity, invalid, serve
from azuresim.arm import ArmRequest
from azuresim.resources import Body, Document

UNCOVERED = "schemas are not among the trimmed contracts"
TYPES = ("xml", "json")


def api_schema(_: ArmRequest, sent: Body, __: Document | None) -> Body:
    media, document = sent.get("contentType"), sent.get("document")
    if not isinstance(media, str) or not media:
        raise invalid(("contentType", "Schema content type is required."))
    if document is not None and not isinstance(document, dict):
        raise invalid(("document", "Schema document is no object."))
    return {"contentType": media, "document": document or {}}


def global_schema(_: ArmRequest, sent: Body, __: Document | None) -> Body:
    kind = sent.get("schemaType")
    if kind not in TYPES:
        raise invalid(("schemaType", f"'{kind}' is not a type of schema."))
    shape = {name: sent[name] for name in ("value", "document") if sent.get(name) is not None}
    if not shape:
        raise invalid(("value", "A schema needs a value or a document."))
    return {"description": sent.get("description"), "schemaType": kind, **shape}


serve(
    Entity(
        template=f"{SERVICE}/apis/{{api}}/schemas/{{schema}}",
        label="Schema",
        normalise=api_schema,
        exclusive=THE_API,
        uncovered=UNCOVERED,
        methods=("GET", "HEAD", "PUT", "DELETE"),
    )
)
serve(
    Entity(
        template=f"{SERVICE}/schemas/{{schema}}",
        label="Schema",
        normalise=global_schema,
        uncovered=UNCOVERED,
        methods=("GET", "HEAD", "PUT", "DELETE"),
    )
)
