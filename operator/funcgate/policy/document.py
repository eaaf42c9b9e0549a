"""A policy document as a value: an XML tree that callers cannot change, and the words to walk it."""

import copy
from collections.abc import Iterator
from typing import TypeAlias

from lxml import etree

Element: TypeAlias = etree._Element

SECTIONS = ("inbound", "backend", "outbound", "on-error")

# Their content is about another request, about a response, or no statement at all.
# learn.microsoft.com/azure/api-management/send-request-policy, …/return-response-policy, …/set-body-policy
OPAQUE = frozenset({"send-request", "send-one-way-request", "return-response", "set-body"})


class PolicyError(ValueError):
    """The document cannot be read; says where and what to do. `line` and `column` count from one."""

    def __init__(self, reason: str, line: int, column: int) -> None:
        super().__init__(
            f"the policy document cannot be read at line {line}, column {column}: {reason}; "
            "correct it there with API Management's policy editor"
        )
        self.line = line
        self.column = column


class Document:
    """One policy document. Functions of this package return new ones, none changes the one it is given."""

    __slots__ = ("_root", "has_lines")

    def __init__(self, root: Element, *, has_lines: bool = True) -> None:
        self._root = root
        self.has_lines = has_lines  # whether `line_of` its nodes leads to lines of its text

    def __repr__(self) -> str:
        """Names the sections only: others' statements may hold secrets."""
        return f"Document({', '.join(str(child.tag) for child in self._root if is_element(child))})"


def tree(document: Document) -> Element:
    """The root of the document's own tree: look, don't touch."""
    return document._root


def tree_to_change(document: Document) -> Element:
    """The root of a copy, with the comments around it."""
    return copy.deepcopy(document._root.getroottree()).getroot()


def is_element(node: Element) -> bool:
    """Whether this is a statement, not a comment or a processing instruction."""
    return isinstance(node.tag, str)


def concerns_request(node: Element) -> bool:
    """Whether the node says something of the request itself, as all that `within` yields."""
    return next(node.iterancestors(*OPAQUE), None) is None


def line_of(node: Element) -> int:
    """The line on which the node's tag ends, in the text that the document was read from."""
    line: object = node.sourceline
    return line if isinstance(line, int) else 1


def section(root: Element, name: str) -> Element | None:
    """The section of that name, if it stands there."""
    return next((child for child in root if child.tag == name), None)


def sections(root: Element) -> Iterator[Element]:
    """The sections that stand there, in the order in which API Management runs them."""
    return (found for name in SECTIONS if (found := section(root, name)) is not None)


def within(node: Element) -> Iterator[Element]:
    """The node and all below it that concerns the request itself, comments too, in document order."""
    waiting = [node]
    while waiting:
        node = waiting.pop()
        yield node
        if node.tag not in OPAQUE:
            waiting.extend(reversed(node))
