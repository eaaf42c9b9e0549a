"""`{{display name}}` in policy texts: what they stand for, and which ones a document refers to. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from azuresim.policy.text import PolicyText

NAMED_VALUE = re.compile(r"\{\{([^{}]+)\}\}")


def resolved(text: str, named_values: Mapping[str, str]) -> str:
    """The text with `{{display names}}` replaced by their values, before any expression is compiled."""
    if "{{" not in text:
        return text
    return NAMED_VALUE.sub(lambda found: named_values.get(found[1], found[0]), text)


def named_values_in(document: PolicyText) -> set[str]:
    """The display names that the document refers to."""
    return {
        name
        for element in document.root.walk()
        for text in (*element.attributes.values(), element.text)
        for name in NAMED_VALUE.findall(text)
    }
