"""
What a site holds beside its ARM document, changed with a line in the journal.

    put_secret(world, f"{site.id}/config/appsettings/A", site.app_settings, "A", "value")
    drop_secret(world, f"{site.id}/host/default/functionKeys/apim", site.keys.functions, "apim")

A value is never in the journal: a change shows as `{"***": "before"}` and `{"***": "after"}`, as in ARM's documents.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from azuresim.journal import SECRET
from azuresim.world import World

Value = TypeVar("Value")
SERVICE = "web"


def put_secret(world: World, where: str, into: dict[str, Value], name: str, value: Value) -> None:
    """It is there under that name; the journal knows when that is news."""
    before = into.get(name)
    into[name] = value
    if before != value:
        known = None if before is None else {"name": name, SECRET: "before"}
        world.journal.record(SERVICE, where, known, {"name": name, SECRET: "after"})


def drop_secret(world: World, where: str, out_of: dict[str, Value], name: str) -> bool:
    """It is gone; False when it was not there."""
    if name not in out_of:
        return False
    del out_of[name]
    world.journal.record(SERVICE, where, {"name": name, SECRET: "before"}, None)
    return True


def replace_secrets(world: World, where: str, held: dict[str, Value], wanted: Mapping[str, Value]) -> bool:
    """These and no others; whether that changed anything."""
    changed = dict(held) != dict(wanted)
    for name in [name for name in held if name not in wanted]:
        drop_secret(world, f"{where}/{name}", held, name)
    for name, value in wanted.items():
        put_secret(world, f"{where}/{name}", held, name, value)
    return changed
