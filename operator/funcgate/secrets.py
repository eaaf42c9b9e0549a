"""Secrets as values that cannot be shown: their text is in no log and no exception, and comparing tells nothing."""

import hmac
from typing import final


@final
class Secret:
    """A text that only `reveal` gives away; two of them are compared in constant time."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself, for the one request that carries it."""
        return self._text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._text.encode(), other._text.encode())

    def __hash__(self) -> int:
        return hash(Secret)

    def __repr__(self) -> str:
        return "(secret)"
