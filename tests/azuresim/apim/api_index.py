"""
APIs of a service by their path, so that writing one of 20,000 looks at those with the same path alone.

Kept beside the documents and checked when it is used: an API whose path was changed by hand is no longer found under
its old one.
"""

from __future__ import annotations

from azuresim.resources import Document
from azuresim.world import World


def note_path(world: World, service_id: str, path: str, api_id: str) -> None:
    """The API has, or is about to have, this path."""
    world.api_paths.setdefault(service_id.lower(), {}).setdefault(path.lower(), set()).add(api_id.lower())


def with_path(world: World, service_id: str, path: str) -> list[Document]:
    """The APIs of the service whose path this is, whatever its case."""
    known = world.api_paths.setdefault(service_id.lower(), {})
    if not known:
        for api in world.arm.members(f"{service_id}/apis"):
            note_path(world, service_id, str(api.properties.get("path") or ""), api.id)
    found = []
    for api_id in sorted(known.get(path.lower(), ())):
        there = world.arm.get(api_id)
        if there is not None and str(there.properties.get("path") or "").lower() == path.lower():
            found.append(there)
        else:
            known[path.lower()].discard(api_id)
    return found
