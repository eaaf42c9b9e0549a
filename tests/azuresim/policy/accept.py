"""
What API Management refuses when a policy document is written. Pure: text and what it may refer to in, document out.

The service validates against an XML schema with .NET, so refusals read like .NET's; positions are those of the
element's name in the submitted text. Texts not seen in public reports are assumed and marked so in the tests.
Sources: learn.microsoft.com/azure/api-management/api-management-policies; Azure/apiops tracker (backends);
microsoft/vscode-apimanagement tracker (schema texts).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from azuresim.policy.expressions import ExpressionError, NotSimulated, compile_text, is_expression
from azuresim.policy.statements import (
    BASE,
    NOT_SIMULATED,
    NOT_SIMULATED_ATTRIBUTES,
    NOT_SIMULATED_CHILDREN,
    SECTIONS,
    SHAPES,
    TOKEN_PLACES,
    WHERE,
    Shape,
)
from azuresim.policy.text import Element, MalformedPolicy, PolicyText, read

NAMED_VALUE = re.compile(r"\{\{([^{}]+)\}\}")


@dataclass(frozen=True)
class Refusal:
    """One entry of the error's `details`."""

    target: str | None
    message: str


class PolicyRefused(ValueError):
    """Azure refuses this document, for these reasons."""

    def __init__(self, *refusals: Refusal) -> None:
        super().__init__("; ".join(refusal.message for refusal in refusals))
        self.refusals = refusals


class PolicyNotSimulated(ValueError):
    """Azure may accept this document; the simulator cannot run it, so it does not pretend to."""


@dataclass(frozen=True, kw_only=True)
class Known:
    """What a document may refer to: backends by resource name, named values by display name (with their values)."""

    backends: frozenset[str] = frozenset()
    named_values: Mapping[str, str]
    max_bytes: int = 256 * 1024


def accept(text: str, raw: bool, known: Known) -> PolicyText:
    """The document, when Azure would store it. Raises PolicyRefused or PolicyNotSimulated."""
    if len(text.encode()) > known.max_bytes:
        raise PolicyRefused(Refusal(None, f"Policy size exceeds the limit of {known.max_bytes} bytes."))
    try:
        document = read(text, raw)
    except MalformedPolicy as error:
        raise PolicyRefused(Refusal("representation", str(error))) from None
    refusals = [*document_refusals(document.root), *reference_refusals(document.root, known)]
    if refusals:
        raise PolicyRefused(*refusals)
    return document


def at(element: Element, message: str, of: Element | None = None) -> Refusal:
    """A refusal in the service's form, named after the statement `of` when the culprit is only a part of it."""
    named = of or element
    place = f"on line {element.line}, column {element.column}"
    return Refusal(named.name, f"Error in element '{named.name}' {place}: {message}")


def document_refusals(root: Element) -> Iterator[Refusal]:
    """Root and sections: `policies` with each of the four at most once, in any order."""
    if root.name != "policies":
        yield at(root, f"The '{root.name}' element is not declared.")
        return
    seen: set[str] = set()
    for section in root.elements():
        if section.name not in SECTIONS or section.name in seen:
            expected = ", ".join(name for name in SECTIONS if name not in seen)
            yield at(section, invalid_child(root, section, expected), root)
        seen.add(section.name)
    yield from attribute_refusals(root, Shape(), root)
    for section in root.elements():
        if section.name in SECTIONS:
            yield from attribute_refusals(section, Shape(), section)
            yield from text_refusals(section, Shape(statements=True))
            yield from statements_refusals(section, section.name, nested=False)


def statements_refusals(parent: Element, section: str, nested: bool) -> Iterator[Refusal]:
    bases = parent.named("base")
    for base in bases[1:] if not nested else bases:
        yield at(base, invalid_child(parent, base), parent)
    for statement in parent.elements():
        if statement.name == "base":
            yield from element_refusals(statement, BASE, section, statement)
        else:
            yield from statement_refusals(parent, statement, section)


def statement_refusals(parent: Element, statement: Element, section: str) -> Iterator[Refusal]:
    if statement.name in NOT_SIMULATED:
        raise PolicyNotSimulated(f"the statement '{statement.name}' (line {statement.line}) is not simulated")
    if statement.name not in SHAPES:
        yield at(statement, invalid_child(parent, statement), parent)
    elif section not in WHERE[statement.name]:
        yield at(statement, "Policy is not allowed in the specified section")
    else:
        yield from element_refusals(statement, SHAPES[statement.name], section, statement)
        yield from SPECIAL.get(statement.name, nothing_special)(statement)


def element_refusals(element: Element, shape: Shape, section: str, statement: Element) -> Iterator[Refusal]:
    """Attributes, text and children of one element that is, or is a part of, `statement`."""
    yield from attribute_refusals(element, shape, statement)
    yield from text_refusals(element, shape)
    if shape.statements:
        yield from statements_refusals(element, section, nested=True)
        return
    yield from children_refusals(element, shape)
    for child in element.elements():
        if child.name in shape.children:
            yield from element_refusals(child, shape.children[child.name], section, statement)


def attribute_refusals(element: Element, shape: Shape, statement: Element) -> Iterator[Refusal]:
    for name, value in element.attributes.items():
        if name in NOT_SIMULATED_ATTRIBUTES.get(element.name, ()):
            raise PolicyNotSimulated(f"'{name}' of '{element.name}' (line {element.line}) is not simulated")
        if name not in shape.attributes:
            yield at(element, f"The '{name}' attribute is not declared.", statement)
        elif is_expression(value) and name in shape.literal:
            yield at(element, f"Policy expressions are not allowed in the attribute '{name}'.", statement)
        elif name in shape.choices and not is_expression(value) and value not in shape.choices[name]:
            yield at(element, f"The '{name}' attribute is invalid - The value '{value}' is invalid.", statement)
    for name in shape.required:
        if name not in element.attributes:
            yield at(element, f"The required attribute '{name}' is missing.", statement)


def text_refusals(element: Element, shape: Shape) -> Iterator[Refusal]:
    if element.text and not shape.text:
        message = f"The element '{element.name}' cannot contain text."
        if shape.children:
            message += f" List of possible elements expected: '{', '.join(shape.children)}'."
        yield at(element, message)


def children_refusals(element: Element, shape: Shape) -> Iterator[Refusal]:
    order = list(shape.children)
    reached, seen = 0, set[str]()
    for child in element.elements():
        if child.name in NOT_SIMULATED_CHILDREN.get(element.name, ()):
            raise PolicyNotSimulated(f"'{child.name}' in '{element.name}' (line {child.line}) is not simulated")
        index = order.index(child.name) if child.name in order else -1
        repeated = child.name in seen and child.name in shape.single_children
        if index < 0 or repeated or (shape.ordered and index < reached):
            expected = ", ".join(order[reached if shape.ordered else 0 :])
            yield at(child, invalid_child(element, child, expected), element)
        reached = max(reached, index)
        seen.add(child.name)
    for name in shape.needed_children:
        if name not in seen:
            expected = f"List of possible elements expected: '{name}'."
            yield at(element, f"The element '{element.name}' has incomplete content. {expected}")


def invalid_child(parent: Element, child: Element, expected: str = "") -> str:
    message = f"The element '{parent.name}' has invalid child element '{child.name}'."
    return f"{message} List of possible elements expected: '{expected}'." if expected else message


def nothing_special(_: Element) -> Iterator[Refusal]:
    yield from ()


def backend_service_refusals(statement: Element) -> Iterator[Refusal]:
    given = [name for name in ("base-url", "backend-id") if name in statement.attributes]
    if len(given) != 1:
        yield at(statement, "Exactly one of the attributes 'base-url' and 'backend-id' must be specified.")


def token_place_refusals(statement: Element) -> Iterator[Refusal]:
    given = [name for name in TOKEN_PLACES if name in statement.attributes]
    optional = statement.name == "validate-azure-ad-token"  # there header-name has a default
    if len(given) > 1 or not (given or optional):
        yield at(statement, f"Exactly one of the attributes '{', '.join(TOKEN_PLACES)}' must be specified.")


SPECIAL: Mapping[str, Callable[[Element], Iterator[Refusal]]] = {
    "set-backend-service": backend_service_refusals,
    "validate-jwt": token_place_refusals,
    "validate-azure-ad-token": token_place_refusals,
}


def reference_refusals(root: Element, known: Known) -> Iterator[Refusal]:
    """Named values, expressions and backends, each statement's own and its parts'."""
    for section in root.elements():
        for statement in statements_in(section):
            yield from reference_refusals_of(statement, statement, known)
            if statement.name == "set-backend-service":
                yield from backend_refusals(statement, known)


def statements_in(parent: Element) -> Iterator[Element]:
    """The statements of a section, those inside `choose` included."""
    for statement in parent.elements():
        if statement.name == "choose":
            yield statement
            for branch in statement.elements():
                yield from statements_in(branch)
        elif statement.name in SHAPES:
            yield statement


def reference_refusals_of(element: Element, statement: Element, known: Known) -> Iterator[Refusal]:
    texts = {**element.attributes, "": element.text}
    for attribute, text in texts.items():
        missing = [name for name in NAMED_VALUE.findall(text) if name not in known.named_values]
        for name in missing:
            yield at(element, f"Cannot find a property '{name}'", statement)
        if not missing:
            yield from expression_refusals(element, attribute, resolved(text, known.named_values), statement)
    for child in element.elements():
        if statement.name != "choose":
            yield from reference_refusals_of(child, statement, known)
        elif element is statement:
            yield from reference_refusals_of(without_children(child), statement, known)


def without_children(element: Element) -> Element:
    """A branch of `choose` on its own: the statements inside it answer for themselves."""
    return Element(element.name, element.attributes, element.line, element.column)


def expression_refusals(element: Element, attribute: str, text: str, statement: Element) -> Iterator[Refusal]:
    try:
        kind = compile_text(text).kind
    except NotSimulated as error:
        raise PolicyNotSimulated(f"line {element.line}: {error}") from None
    except ExpressionError as error:
        yield at(element, str(error), statement)
        return
    if element.name == "when" and attribute == "condition" and kind != "bool" and text not in BOOLEANS:
        yield at(element, f"Cannot implicitly convert type '{kind}' to 'bool'", statement)


BOOLEANS = ("true", "false")


def backend_refusals(statement: Element, known: Known) -> Iterator[Refusal]:
    """A literal backend id must name a backend; with an expression only the call can tell."""
    written = statement.attributes.get("backend-id", "")
    if any(name not in known.named_values for name in NAMED_VALUE.findall(written)):
        return
    backend = resolved(written, known.named_values)
    if backend and not is_expression(backend) and backend not in known.backends:
        yield at(statement, f"Backend with id '{backend}' could not be found.")


def resolved(text: str, named_values: Mapping[str, str]) -> str:
    """The text with `{{display names}}` replaced by their values, before any expression is compiled."""
    return NAMED_VALUE.sub(lambda found: named_values.get(found[1], found[0]), text)


def named_values_in(document: PolicyText) -> set[str]:
    """The display names that the document refers to."""
    return {
        name
        for element in document.root.walk()
        for text in (*element.attributes.values(), element.text)
        for name in NAMED_VALUE.findall(text)
    }


def backends_in(document: PolicyText) -> set[str]:
    """The backends that the document names literally."""
    return {
        element.attributes["backend-id"]
        for element in document.root.walk()
        if element.name == "set-backend-service" and "backend-id" in element.attributes
    }
