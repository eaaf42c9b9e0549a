"""
What an API is to us: its states as the api aspect compares them, and what the spec makes of functions and documents.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from funcgate import marks, openapi
from funcgate.azure import Api, ApiOperation, Product
from funcgate.conditions import WAITING
from funcgate.errors import Unmet
from funcgate.marks import Mark
from funcgate.model import Facts, named
from funcgate.openapi import ApiDocument
from funcgate.routes import Operation, shape
from funcgate.spec import Binding, ConfigMapRef


@dataclass(frozen=True, kw_only=True)
class PublishedApi:
    """The slice of an API that is ours; what the author leaves open is None on both sides."""

    path: str
    subscription_required: bool = True
    display_name: str | None = None
    text: str | None = None  # the description, without a mark
    document: str | None = None  # the digest of the one it is made from
    described: frozenset[str] | None = field(  # the shapes of its operations
        default=None, metadata={"shown": lambda shapes: f"{len(shapes or ())} operations"}
    )
    description: str = field(default="", compare=False)
    revision: str = field(default="", compare=False)
    unasked: str = field(default="", compare=False)  # why callers need no key; empty when they do
    made_from: ApiDocument | None = field(default=None, compare=False)


@dataclass(frozen=True, kw_only=True)
class OfferedOperation:
    """An operation as callers see it: it is known by its method and the shape of its template."""

    shape: str
    name: str = field(default="", compare=False)
    function: str = field(default="", compare=False)
    operation: Operation | None = field(default=None, compare=False)


@dataclass(frozen=True, kw_only=True)
class InProduct:
    """That a product holds the API; its name in lower case, since Azure compares names without regard to it."""

    product: str


@dataclass(frozen=True, kw_only=True)
class Described:
    """The document to which the API is to be kept equal. It is looked at with the API, and nobody's to write."""

    document: ApiDocument


QUOTED = 5
"""As many of those who use an API a message names."""

State = PublishedApi | OfferedOperation | InProduct | Described


def not_there(binding: Binding, facts: Facts) -> Unmet | None:
    """Functions that the author names and the app does not have, if there are any."""
    listed = {each.function.lower() for each in facts.operations or ()}
    missing = [each for each in binding.spec.function_app.functions.include if each.lower() not in listed]
    if not missing:
        return None
    return Unmet(
        "FunctionsNotFound",
        f"the app has no HTTP function that an API could offer named {', '.join(missing[:QUOTED])} "
        "(spec.functionApp.functions.include): correct the names, or deploy and enable them",
        stalled=True,
    )


def is_open(product: Product) -> bool:
    """Whether its callers need no key."""
    return product.published and not product.subscription_required


def one_by_one(binding: Binding) -> bool:
    """Whether each operation is written for itself."""
    return binding.spec.api.import_.from_ == "Functions"


async def document_of(binding: Binding, ref: ConfigMapRef) -> ApiDocument:
    """What lies there. Raises Unmet for what is no description of an API."""
    text = await binding.cluster.config_map(ref)
    try:
        return await asyncio.to_thread(openapi.read, text)
    except openapi.DocumentError as wrong:
        raise Unmet(
            "DocumentUnreadable",
            f"key {ref.key} of ConfigMap {ref.name} (spec.api.import.openAPI) {wrong}: correct it there",
            stalled=True,
        ) from wrong


def wished(binding: Binding, facts: Facts) -> PublishedApi:
    """The API as the author wants it, and the document with it where there is one."""
    api = binding.spec.api
    published = PublishedApi(
        path=str(api.path),
        subscription_required=api.subscription_required is not False,
        display_name=api.display_name,
        text=api.description,
    )
    if api.document is None:
        return published
    given: ApiDocument = facts.document
    return replace(published, document=given.digest, described=given.operations, made_from=given)


def chosen(binding: Binding, facts: Facts) -> Sequence[Operation]:
    """What of the functions becomes operations. Raises Unmet when that is nothing."""
    if facts.operations is None:
        raise Unmet(WAITING, f"waits for {named('operations')}, from FunctionAppReady", status="Unknown")
    if not facts.operations:
        raise Unmet(
            "NoFunctionsToOffer",
            "the app has no HTTP function that an API could offer: all are disabled, or ask for the admin key",
            stalled=True,
        )
    chosen = [each for each in facts.operations if binding.spec.function_app.functions.takes(each.function)]
    if not chosen:
        raise Unmet(
            "NoFunctionsToOffer",
            "spec.functionApp.functions leaves none of the app's functions over: correct include or exclude",
            stalled=True,
        )
    return chosen


def needs_import(before: State | None, after: PublishedApi) -> bool:
    """Whether the document is to be handed over, not only what the manifest says beside it."""
    if not isinstance(before, PublishedApi):
        return True
    return (before.document, before.described) != (after.document, after.described)


def as_it_stands(binding: Binding, api: Api, operations: Sequence[ApiOperation]) -> PublishedApi:
    """Our slice of an API that is there, for comparing with the wish."""
    wish, mark = binding.spec.api, marks.find(api.description)
    from_document = wish.document is not None
    shapes = frozenset(shape(each.method, each.template) for each in operations)
    return PublishedApi(
        path=api.path,
        subscription_required=api.subscription_required,
        display_name=api.display_name if wish.display_name is not None else None,
        text=marks.take(api.description) if wish.description is not None else None,
        document=mark.document if from_document and mark else None,
        described=shapes if from_document else None,
        description=api.description,
        revision=api.revision,
    )


def offered(seen: ApiOperation) -> OfferedOperation:
    """An operation that is there."""
    known_by = shape(seen.method, seen.template)
    return OfferedOperation(shape=known_by, name=seen.name, function=seen.display_name)


def held(name: str, mark: Mark) -> Unmet:
    """That another binding has the API."""
    return Unmet(
        "Conflict",
        f"API {name} carries the mark of {mark.owner}; remove that binding, or give this one another spec.api.name",
        stalled=True,
    )


def properties_of(binding: Binding, after: PublishedApi, seen: str, *, created: bool) -> dict[str, Any]:
    """What is sent to Azure for it; `seen` is the description that stands there."""
    mark = Mark(owner=binding.owner, created=created, document=after.document)
    said = after.made_from.description if after.made_from and not seen else seen
    properties: dict[str, Any] = {
        "path": after.path,
        "subscriptionRequired": after.subscription_required,
        "description": marks.put(after.text if after.text is not None else said, mark),
    }
    return properties | ({"displayName": after.display_name} if after.display_name else {})
