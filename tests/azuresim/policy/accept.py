"""
What API Management refuses when a policy document is written. Pure: text and what it may refer to in, document out.

    accept(text, raw, known) -> PolicyText                  a document with root `policies`
    accept_fragment(text, raw, known) -> PolicyText         a policy fragment, root `fragment`, at most 32 KB

The service validates against an XML schema with .NET, so refusals read like .NET's; positions are those of the
element's name in the submitted text. A statement that no call could run is accepted all the same: the call fails.
Texts not seen in public reports are assumed and marked so in the tests.
Sources: learn.microsoft.com/azure/api-management/api-management-policies and policy-fragments; Azure/apiops tracker
(backends, fragments); microsoft/vscode-apimanagement tracker (schema texts).
"""

from __future__ import annotations

from collections.abc import Iterator

from azuresim.policy.expressions import ExpressionError, NotSimulated, compile_text, is_expression
from azuresim.policy.named_values import NAMED_VALUE, named_values_in, resolved
from azuresim.policy.refusals import Known, PolicyNotSimulated, PolicyRefused, Refusal, at
from azuresim.policy.schema import Schema
from azuresim.policy.statements import NESTING
from azuresim.policy.text import Element, MalformedPolicy, PolicyText, read

__all__ = [
    "NAMED_VALUE",
    "Known",
    "PolicyNotSimulated",
    "PolicyRefused",
    "Refusal",
    "accept",
    "accept_fragment",
    "backends_in",
    "fragments_in",
    "named_values_in",
    "resolved",
]

LARGEST_FRAGMENT = 32 * 1024
BOOLEANS = ("true", "false", "0", "1")


def accept(text: str, raw: bool, known: Known) -> PolicyText:
    """The document, when Azure would store it. Raises PolicyRefused or PolicyNotSimulated."""
    document = well_formed(text, raw, known.max_bytes)
    refuse(*Schema(known).policies(document.root), *references(document.root, known))
    return document


def accept_fragment(text: str, raw: bool, known: Known) -> PolicyText:
    """The fragment, when Azure would store it. Raises PolicyRefused or PolicyNotSimulated."""
    document = well_formed(text, raw, min(known.max_bytes, LARGEST_FRAGMENT))
    refuse(*Schema(known).fragment(document.root), *block_references(document.root, known))
    return document


def well_formed(text: str, raw: bool, max_bytes: int) -> PolicyText:
    if len(text.encode(errors="replace")) > max_bytes:
        raise PolicyRefused(Refusal(None, f"Policy size exceeds the limit of {max_bytes} bytes."))
    try:
        return read(text, raw)
    except MalformedPolicy as error:
        raise PolicyRefused(Refusal("representation", str(error))) from None


def refuse(*refusals: Refusal) -> None:
    if refusals:
        raise PolicyRefused(*refusals)


# --- what a document refers to ----------------------------------------------------------------------------------------
def references(root: Element, known: Known) -> Iterator[Refusal]:
    """Named values, expressions, backends, fragments and loggers, section by section."""
    for section in root.elements():
        yield from block_references(section, known)


def block_references(block: Element, known: Known) -> Iterator[Refusal]:
    """Those of the statements that stand in a block, and of the blocks inside them."""
    for statement in block.elements():
        yield from own_references(statement, statement, known)
        if statement.name == "choose":
            for branch in statement.elements():
                yield from own_references(branch, statement, known)
                yield from block_references(branch, known)
        elif statement.name in NESTING:
            yield from block_references(statement, known)
        else:
            for part in statement.elements():
                yield from part_references(part, statement, known)
        yield from named_things(statement, known)


def part_references(part: Element, statement: Element, known: Known) -> Iterator[Refusal]:
    for element in part.walk():
        yield from own_references(element, statement, known)


def own_references(element: Element, statement: Element, known: Known) -> Iterator[Refusal]:
    """Named values and expressions in an element's attributes and text."""
    for attribute, text in {**element.attributes, "": element.text}.items():
        missing = [name for name in NAMED_VALUE.findall(text) if name not in known.named_values]
        for name in missing:
            yield at(element, f"Cannot find a property '{name}'", statement)
        if not missing:
            yield from expression(element, attribute, resolved(text, known.named_values), statement)


def expression(element: Element, attribute: str, text: str, statement: Element) -> Iterator[Refusal]:
    try:
        kind = compile_text(text).kind
    except NotSimulated as error:
        raise PolicyNotSimulated(f"line {element.line}: {error}") from None
    except ExpressionError as error:
        yield at(element, str(error), statement)
        return
    if attribute == "condition" and kind != "bool" and text not in BOOLEANS:
        yield at(element, f"Cannot implicitly convert type '{kind}' to 'bool'", statement)


def named_things(statement: Element, known: Known) -> Iterator[Refusal]:
    """A literal id must name what exists; with an expression only the call can tell."""
    if statement.name == "set-backend-service":
        yield from unknown_name(statement, "backend-id", "Backend", known.backends, known)
    elif statement.name == "include-fragment":
        yield from unknown_name(statement, "fragment-id", "Policy fragment", known.fragments, known)
    elif statement.name == "log-to-eventhub":
        yield from unknown_name(statement, "logger-id", "Logger", known.loggers, known)


def unknown_name(
    statement: Element, attribute: str, label: str, there: frozenset[str] | None, known: Known
) -> Iterator[Refusal]:
    name = resolved(statement.attributes.get(attribute, ""), known.named_values)
    if there is None or not name or "{{" in name or is_expression(name):
        return
    if name.lower() not in {one.lower() for one in there}:
        yield at(statement, f"{label} with id '{name}' could not be found.")


def backends_in(document: PolicyText) -> set[str]:
    """The backends that the document names literally."""
    return named_in(document, "set-backend-service", "backend-id")


def fragments_in(document: PolicyText) -> set[str]:
    """The fragments that the document includes."""
    return named_in(document, "include-fragment", "fragment-id")


def named_in(document: PolicyText, statement: str, attribute: str) -> set[str]:
    return {
        element.attributes[attribute]
        for element in document.root.walk()
        if element.name == statement and attribute in element.attributes
    }
