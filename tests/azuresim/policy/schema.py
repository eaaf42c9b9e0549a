"""
What the XML schema of policies refuses: elements, attributes, text and values out of place. Pure.

Sources: microsoft/vscode-apimanagement, resources/policySchemas; the texts are those of .NET's schema validation, seen
in public reports (Azure/apiops, MicrosoftDocs/azure-docs and microsoft/vscode-apimanagement trackers) or assumed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from azuresim.policy.expressions import is_expression
from azuresim.policy.named_values import resolved
from azuresim.policy.refusals import Known, Refusal, at, invalid_child
from azuresim.policy.statements import BASE, SECTIONS, STATEMENTS, TOKEN_PLACES, Shape
from azuresim.policy.text import Element

MOST_RETRIES = 50
WHOLE = re.compile(r"\s*[+-]?[0-9]{1,40}\s*")
RANGES: Mapping[str, tuple[int, int, str]] = {
    "int": (-(2**31), 2**31 - 1, "Int32"),
    "long": (-(2**63), 2**63 - 1, "Int64"),
    "unsignedInt": (0, 2**32 - 1, "UInt32"),
    "integer": (-(10**28), 10**28, "Integer"),
    "positiveInteger": (1, 10**28, "PositiveInteger"),
    "nonNegativeInteger": (0, 10**28, "NonNegativeInteger"),
}


class Schema:
    """The checks of one document; `known` says what named values hold and at which scope the document stands."""

    def __init__(self, known: Known) -> None:
        self.known = known
        self.seen: set[str] = set()

    def policies(self, root: Element) -> Iterator[Refusal]:
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
        yield from self.attributes(root, Shape(), root)
        yield from self.text(root, Shape(statements=True))
        for section in root.elements():
            if section.name in SECTIONS:
                yield from self.attributes(section, Shape(), section)
                yield from self.text(section, Shape(statements=True))
                yield from self.statements(section, section.name, nested=False)

    def fragment(self, root: Element) -> Iterator[Refusal]:
        """`fragment` with statements, and neither sections, `base` nor other fragments."""
        if root.name != "fragment":
            yield at(root, f"The '{root.name}' element is not declared.")
            return
        yield from self.attributes(root, Shape(), root)
        yield from self.text(root, Shape(statements=True))
        yield from self.statements(root, None, nested=True)

    def statements(self, parent: Element, section: str | None, nested: bool) -> Iterator[Refusal]:
        bases = parent.named("base")
        for base in bases[1:] if not nested else bases:
            yield at(base, invalid_child(parent, base), parent)
        for statement in parent.elements():
            if statement.name != "base":
                yield from self.statement(parent, statement, section)
            elif not nested:
                yield from self.element(statement, BASE, section, statement)

    def statement(self, parent: Element, statement: Element, section: str | None) -> Iterator[Refusal]:
        described = STATEMENTS.get(statement.name)
        if described is None:
            yield at(statement, invalid_child(parent, statement), parent)
        elif section is not None and section not in described.sections:
            yield at(statement, "Policy is not allowed in the specified section")
        elif self.known.scope is not None and self.known.scope not in described.scopes:
            yield at(statement, "Policy is not allowed in the specified scope")
        elif section is None and statement.name == "include-fragment":
            yield at(statement, "Policy fragments cannot be nested.")
        elif described.once and statement.name in self.seen:
            yield at(statement, "Policy is allowed only once in a policy document")
        else:
            self.seen.add(statement.name)
            yield from self.element(statement, described.shape, section, statement)
            yield from SPECIAL.get(statement.name, nothing_special)(statement)

    def element(self, element: Element, shape: Shape, section: str | None, statement: Element) -> Iterator[Refusal]:
        """Attributes, text and children of one element that is, or is a part of, `statement`."""
        yield from self.attributes(element, shape, statement)
        yield from self.text(element, shape)
        if shape.statements:
            yield from self.statements(element, section, nested=True)
        elif not shape.free:
            yield from self.children(element, shape)
            for child in element.elements():
                if child.name in shape.children:
                    yield from self.element(child, shape.children[child.name], section, statement)

    def attributes(self, element: Element, shape: Shape, statement: Element) -> Iterator[Refusal]:
        for name, written in element.attributes.items():
            value = resolved(written, self.known.named_values)
            if name not in shape.attributes:
                yield at(element, f"The '{name}' attribute is not declared.", statement)
            elif not is_expression(value):
                if "{{" not in value and (problem := wrong_value(shape, name, value)):
                    yield at(
                        element, f"The '{name}' attribute is invalid - The value '{value}' is {problem}", statement
                    )
            elif name in shape.literal:
                yield at(element, f"Policy expressions are not allowed in the attribute '{name}'.", statement)
        for name in shape.required:
            if name not in element.attributes:
                yield at(element, f"The required attribute '{name}' is missing.", statement)

    def text(self, element: Element, shape: Shape) -> Iterator[Refusal]:
        if element.text and not (shape.text or shape.free):
            message = f"The element '{element.name}' cannot contain text."
            if shape.children:
                message += f" List of possible elements expected: '{', '.join(shape.children)}'."
            yield at(element, message)

    def children(self, element: Element, shape: Shape) -> Iterator[Refusal]:
        order = list(shape.children)
        reached, seen = 0, set[str]()
        for child in element.elements():
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


def wrong_value(shape: Shape, name: str, value: str) -> str:
    """How .NET goes on after "The value '…' is"; empty when the value will do."""
    if name in shape.choices and value not in shape.choices[name]:
        return "invalid."
    if name not in shape.types:
        return ""
    low, high, kind = RANGES[shape.types[name]]
    if WHOLE.fullmatch(value) and low <= int(value) <= high:
        return ""
    datatype = f"http://www.w3.org/2001/XMLSchema:{shape.types[name]}"
    return f"invalid according to its datatype '{datatype}' - The string '{value}' is not a valid {kind} value."


# --- what attributes have to do with one another ----------------------------------------------------------------------
def nothing_special(_: Element) -> Iterator[Refusal]:
    yield from ()


def backend_service(statement: Element) -> Iterator[Refusal]:
    given = [name for name in ("base-url", "backend-id") if name in statement.attributes]
    elsewhere = any(name.startswith(("sf-", "dapr-")) for name in statement.attributes)
    if len(given) > 1 or not (given or elsewhere):
        yield at(statement, "Exactly one of the attributes 'base-url' and 'backend-id' must be specified.")


def token_place(statement: Element) -> Iterator[Refusal]:
    given = [name for name in TOKEN_PLACES if name in statement.attributes]
    optional = statement.name == "validate-azure-ad-token"  # there header-name has a default
    if len(given) > 1 or not (given or optional):
        yield at(statement, f"Exactly one of the attributes '{', '.join(TOKEN_PLACES)}' must be specified.")


def some_limit(statement: Element) -> Iterator[Refusal]:
    """A quota limits calls, bandwidth or both (learn.microsoft.com/azure/api-management/quota-policy)."""
    if not {"calls", "bandwidth"} & statement.attributes.keys():
        yield at(statement, "At least one of the attributes 'calls, bandwidth' must be specified.")


def certificate_place(statement: Element) -> Iterator[Refusal]:
    given = [name for name in ("thumbprint", "certificate-id", "body") if name in statement.attributes]
    if len(given) != 1:
        yield at(statement, "Exactly one of the attributes 'thumbprint, certificate-id, body' must be specified.")


def only_anybody(statement: Element) -> Iterator[Refusal]:
    """`*` stands alone (learn.microsoft.com/azure/api-management/cors-policy)."""
    origins = [origin.text.strip() for listed in statement.named("allowed-origins") for origin in listed.elements()]
    if len(origins) > 1 and "*" in origins:
        yield at(statement, "Wildcard '*' cannot be combined with other origins in 'allowed-origins'.")


def few_retries(statement: Element) -> Iterator[Refusal]:
    """Between 1 and 50 (learn.microsoft.com/azure/api-management/retry-policy)."""
    count = statement.attributes.get("count", "")
    if WHOLE.fullmatch(count) and int(count) > MOST_RETRIES:
        yield at(statement, f"The 'count' attribute must be between 1 and {MOST_RETRIES}.")


SPECIAL: Mapping[str, Callable[[Element], Iterator[Refusal]]] = {
    "authentication-certificate": certificate_place,
    "cors": only_anybody,
    "quota": some_limit,
    "retry": few_retries,
    "quota-by-key": some_limit,
    "set-backend-service": backend_service,
    "validate-jwt": token_place,
    "validate-azure-ad-token": token_place,
}
