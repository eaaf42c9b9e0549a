"""What a refused policy document is refused with: entries of the error's `details`, in .NET's words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from azuresim.policy.text import Element


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
    """
    What a document may refer to, and where it will stand.

    Backends, fragments and loggers by resource name, named values by display name (with their values). None is
    "not asked": whatever the document names is taken for granted. `scope` is global, product, api or operation.
    """

    backends: frozenset[str] = frozenset()
    named_values: Mapping[str, str]
    max_bytes: int = 256 * 1024
    fragments: frozenset[str] | None = None
    loggers: frozenset[str] | None = None
    scope: str | None = None


def at(element: Element, message: str, of: Element | None = None) -> Refusal:
    """A refusal in the service's form, named after the statement `of` when the culprit is only a part of it."""
    named = of or element
    place = f"on line {element.line}, column {element.column}"
    return Refusal(named.name, f"Error in element '{named.name}' {place}: {message}")


def invalid_child(parent: Element, child: Element, expected: str = "") -> str:
    message = f"The element '{parent.name}' has invalid child element '{child.name}'."
    return f"{message} List of possible elements expected: '{expected}'." if expected else message
