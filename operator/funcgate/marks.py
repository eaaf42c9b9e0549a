"""
The marks that say what is ours: a suffix in a description, readable by people and found again by us.

`Functions of orders-fn [funcgate owner=prod/shop/orders created]`. The last word tells what deletion does: what was
created goes with its owner, what was adopted is left without the mark.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from funcgate.model import Ownership

INSTANCE_ID = "funcgate"
"""What an installation is called in marks that nobody gave a name."""

_OWNER_TAG = "funcgate-owner="
_CREATED_TAG = "funcgate-created"
_SINCE_TAG = "funcgate-key-since="
_TURN_TAG = "funcgate-key-turn"
_SINCE_FORM = "%Y-%m-%dT%H:%M:%S%z"
_MARK = re.compile(
    r"\s*\[funcgate owner=(?P<owner>[^\s\]]+) (?P<how>created|adopted)( document=(?P<document>[0-9a-f]+))?\]"
)


@dataclass(frozen=True, kw_only=True)
class Mark:
    """Who holds a thing, whether they made it, and for an API the digest of the document that it was made from."""

    owner: str
    created: bool
    document: str | None = None

    def ownership(self, owner: str) -> Ownership:
        """What this mark means to `owner`."""
        if self.owner != owner:
            return Ownership.FOREIGN
        return Ownership.OURS if self.created else Ownership.ADOPTED


def find(description: str | None) -> Mark | None:
    """The mark in a description, if there is one."""
    found = _MARK.search(description or "")
    return Mark(owner=found["owner"], created=found["how"] == "created", document=found["document"]) if found else None


def put(description: str | None, mark: Mark) -> str:
    """The description with exactly this mark, at its end."""
    how = "created" if mark.created else "adopted"
    document = f" document={mark.document}" if mark.document else ""
    return f"{take(description)} [funcgate owner={mark.owner} {how}{document}]".strip()


def of_tags(tags: Iterable[str]) -> Mark | None:
    """The mark among the tags of a thing, if there is one: `funcgate-owner=prod/shop/orders`, `funcgate-created`."""
    held = set(tags)
    owner = next((tag.removeprefix(_OWNER_TAG) for tag in sorted(held) if tag.startswith(_OWNER_TAG)), None)
    return None if owner is None else Mark(owner=owner, created=_CREATED_TAG in held)


def tagged(
    tags: Iterable[str], mark: Mark | None, since: datetime | None = None, *, turning: bool = False
) -> tuple[str, ...]:
    """
    The tags with exactly this mark among them, or without any; with it, since when the key in there is used, and
    whether another one is about to take its turn.
    """
    others = tuple(tag for tag in tags if not tag.startswith((_OWNER_TAG, _CREATED_TAG, _SINCE_TAG, _TURN_TAG)))
    if mark is None:
        return others
    created = [_CREATED_TAG] if mark.created else []
    dated = [f"{_SINCE_TAG}{since.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"] if since else []
    turn = [_TURN_TAG] if turning else []
    return (*others, f"{_OWNER_TAG}{mark.owner}", *created, *dated, *turn)


def since(tags: Iterable[str]) -> datetime | None:
    """Since when the key in a named value is used, as its tags say; None when they don't."""
    texts = (tag.removeprefix(_SINCE_TAG) for tag in tags if tag.startswith(_SINCE_TAG))
    try:
        return next((datetime.strptime(text, _SINCE_FORM) for text in texts), None)
    except ValueError:  # somebody changed it by hand
        return None


def turning(tags: Iterable[str]) -> bool:
    """Whether another key is about to take its turn."""
    return _TURN_TAG in tags


def take(description: str | None) -> str:
    """The description without any mark."""
    return _MARK.sub("", description or "").strip()
