"""
The marks that say what is ours: a suffix in a description, readable by people and found again by us.

`Functions of orders-fn [funcgate owner=prod/shop/orders created]`. The last word tells what deletion does: what was
created goes with its owner, what was adopted is left without the mark.
"""

import re
from dataclasses import dataclass

from funcgate.model import Ownership

_MARK = re.compile(r"\s*\[funcgate owner=(?P<owner>[^\s\]]+) (?P<how>created|adopted)\]")


@dataclass(frozen=True, kw_only=True)
class Mark:
    """Who holds a thing, and whether they made it."""

    owner: str
    created: bool

    def ownership(self, owner: str) -> Ownership:
        """What this mark means to `owner`."""
        if self.owner != owner:
            return Ownership.FOREIGN
        return Ownership.OURS if self.created else Ownership.ADOPTED


def find(description: str | None) -> Mark | None:
    """The mark in a description, if there is one."""
    found = _MARK.search(description or "")
    return Mark(owner=found["owner"], created=found["how"] == "created") if found else None


def put(description: str | None, mark: Mark) -> str:
    """The description with exactly this mark, at its end."""
    how = "created" if mark.created else "adopted"
    return f"{take(description)} [funcgate owner={mark.owner} {how}]".strip()


def take(description: str | None) -> str:
    """The description without any mark."""
    return _MARK.sub("", description or "").strip()
