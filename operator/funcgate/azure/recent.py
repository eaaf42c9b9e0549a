"""What was written to a directory lately: its reads go on showing the former state for seconds to minutes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

SECONDS = 300.0
"""As long as a read that shows exactly what stood there before our write is not believed."""

Json = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class _Written:
    until: float
    before: Json  # the properties that were written, as they were; empty for what was made
    after: Json  # for what was made, all of it


class Recent:
    """
    Reads seen in the light of our own writes.

    Only a value that is the one from before our write is taken for stale: whatever else is there, somebody else wrote.
    Losing this memory costs a write that was made already. Source: hashicorp/terraform-provider-azuread issues 1802 and
    1811, microsoft/onefuzz issue 938.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._written: dict[str, _Written] = {}

    def made(self, body: Json) -> None:
        """This object was made."""
        self._remember(str(body["id"]), {}, body)

    def changed(self, body: Json, patch: Json) -> None:
        """The object that read like this was changed."""
        self._remember(str(body["id"]), {name: body.get(name) for name in patch}, patch)

    def removed(self, object_id: str) -> None:
        """The object is gone."""
        self._written.pop(object_id, None)

    def seen(self, body: Json | None, key: str, value: str) -> Json | None:
        """What stands under that key, given what a read shows of it."""
        if body is None:
            return next((each.after for each in self._made() if each.after.get(key) == value), None)
        written = self._fresh().get(str(body.get("id")))
        if written is None or not written.before:
            return body
        stale = {name for name, was in written.before.items() if body.get(name) == was}
        return {**body, **{name: value for name, value in written.after.items() if name in stale}}

    def _remember(self, object_id: str, before: Json, after: Json) -> None:
        known = self._fresh().get(object_id)
        if known and not known.before:  # made a moment ago, and changed since
            after, before = {**known.after, **after}, {}
        self._written[object_id] = _Written(until=self._now() + SECONDS, before=before, after=after)

    def _made(self) -> list[_Written]:
        return [each for each in self._fresh().values() if not each.before]

    def _fresh(self) -> Mapping[str, _Written]:
        now = self._now()
        self._written = {key: each for key, each in self._written.items() if each.until > now}
        return self._written
