"""
The whole world as one JSON document: saved, loaded, compared.

    before = snapshot.save(world)
    world = snapshot.load(before)                     # behaves as the one that was saved: ETags, keys, tokens, time
    snapshot.differences(before, snapshot.save(world))          # [Difference(path, before, after)], secrets hidden

What is under way when a world is saved is ended first, as if somebody had waited for it. Not kept: the log, the
journal, faults, quotas, what gateways count, and replication that is still going on; all of that belongs to a run.
The document holds secrets (keys, signing keys): treat it as one.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Annotated, Any

from cryptography.hazmat.primitives import serialization
from pydantic import PlainSerializer, TypeAdapter

from azuresim.clock import Clock
from azuresim.entra.directory import ManagedIdentity
from azuresim.entra.tokens import FederatedCredential, StaticIssuer, keep_rsa_key, rsa_key
from azuresim.journal import SECRET
from azuresim.log_analytics import Workspaces
from azuresim.resources import Document, Lock
from azuresim.storage_queues import Message
from azuresim.switches import Switches
from azuresim.vaults import Vaults
from azuresim.web.sites import Site
from azuresim.world import World

Body = dict[str, Any]
VERSION = 4
PRIVATE: Mapping[str, TypeAdapter[Any]] = {"site": TypeAdapter(Site)}
"""Parts of a document's private half that are more than JSON, by their name."""

Names = Annotated[set[str], PlainSerializer(sorted)]
"""In the same order each time: a set that was filled in another order may be walked in another one."""

WORLD: Mapping[str, TypeAdapter[Any]] = {
    "vaults": TypeAdapter(Vaults),
    "workspaces": TypeAdapter(Workspaces),
    "web_documents": TypeAdapter(dict[str, str]),
}
"""What lies outside of Resource Manager and Entra, by the name of the world's attribute."""

QUEUES = TypeAdapter(dict[str, list[Message]])

ENTRA: Mapping[str, TypeAdapter[Any]] = {
    "applications": TypeAdapter(dict[str, Body]),
    "service_principals": TypeAdapter(dict[str, Body]),
    "assignments": TypeAdapter(dict[str, Body]),
    "deleted": TypeAdapter(dict[str, Body]),
    "identities": TypeAdapter(dict[str, ManagedIdentity]),
    "graph_permissions": TypeAdapter(dict[str, Names]),
    "owners": TypeAdapter(dict[str, Names]),
    "federated_bodies": TypeAdapter(dict[str, dict[str, Body]]),
    "federated_by_graph": TypeAdapter(dict[str, list[FederatedCredential]]),
    "secret_of_key": TypeAdapter(dict[str, str]),
    "permission_grants": TypeAdapter(dict[str, Body]),
    "secrets": TypeAdapter(dict[str, Names]),
    "federated": TypeAdapter(list[FederatedCredential]),
    "certificates": TypeAdapter(dict[str, list[str]]),
    "sign_ins": TypeAdapter(list[Body]),
    "attached": TypeAdapter(list[str]),
    "attached_sites": TypeAdapter(dict[str, list[str]]),
    "cloud": TypeAdapter(str),
    "kid": TypeAdapter(str),
    "published": TypeAdapter(list[str]),
}
"""What Entra remembers, by the name of its attribute."""


# --- saving -----------------------------------------------------------------------------------------------------------
def save(world: World) -> Body:
    """The world as JSON."""
    world.operations.finish_all()
    return {
        "version": VERSION,
        "now": world.clock.now().isoformat(),
        "tenant": world.tenant_id,
        "made": world.made,
        "denied": sorted(world.denied),
        "switches": asdict(world.switches),
        "arm": {
            "documents": [saved_document(document) for document in world.arm.documents.values()],
            "versions": dict(world.arm.versions),
            "locks": [asdict(lock) for lock in world.arm.locks],
        },
        "entra": {name: kind.dump_python(getattr(world.entra, name), mode="json") for name, kind in ENTRA.items()},
        "keys": saved_keys(world),
        "world": {name: kind.dump_python(getattr(world, name), mode="json") for name, kind in WORLD.items()},
        "queues": QUEUES.dump_python(world.queues.all, mode="json"),
    }


def saved_document(document: Document) -> Body:
    private = {
        name: PRIVATE[name].dump_python(value, mode="json") if name in PRIVATE else value
        for name, value in document.private.items()
    }
    times = {"created": document.created, "changed": document.changed}
    return copy.deepcopy({"id": document.id, "etag": document.etag, "body": document.body, "private": private, **times})


def saved_keys(world: World) -> Body:
    """Signing keys as PEM: Entra's own, those of static issuers, and public ones of other trusted issuers."""
    issuers = world.entra.static_issuers
    public, form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    return {
        "own": {name: private_pem(name) for name in [*world.entra.published, *issuers]},
        "static": sorted(issuers),
        "trusted": {
            issuer: [key.public_bytes(public, form).decode() for key in keys]
            for issuer, keys in world.entra.issuers.items()
            if issuer not in issuers
        },
    }


def private_pem(name: str) -> str:
    form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return rsa_key(name).private_bytes(serialization.Encoding.PEM, form, plain).decode()


# --- loading ----------------------------------------------------------------------------------------------------------
def load(saved: Any, *, clock: Clock | None = None) -> World:
    """
    The world that was saved. Its clock stands where it stood, unless another one is given.

    ValueError when this is no such document, or one of another version.
    """
    if not isinstance(saved, dict) or saved.get("version") != VERSION:
        raise ValueError("this is no state that this version of the simulator wrote")
    world = World(
        clock=clock or Clock(start=datetime.fromisoformat(saved["now"])),
        tenant_id=saved["tenant"],
        denied=set(saved["denied"]),
        switches=TypeAdapter(Switches).validate_python(saved["switches"]),
        made=saved["made"],
    )
    for document in saved["arm"]["documents"]:
        world.arm.documents[document["id"]] = loaded_document(document)
    world.arm.versions.update(saved["arm"]["versions"])
    world.arm.locks.extend(Lock(**lock) for lock in saved["arm"]["locks"])
    for name, kind in ENTRA.items():
        setattr(world.entra, name, kind.validate_python(saved["entra"][name]))
    load_keys(world, saved["keys"])
    for name, kind in WORLD.items():
        setattr(world, name, kind.validate_python(saved["world"][name]))
    world.queues.all = QUEUES.validate_python(saved["queues"])
    return world


def loaded_document(saved: Body) -> Document:
    private = {
        name: PRIVATE[name].validate_python(value) if name in PRIVATE else value
        for name, value in saved["private"].items()
    }
    return Document(saved["id"], saved["etag"], saved["body"], private, saved["created"], saved["changed"])


def load_keys(world: World, saved: Body) -> None:
    for name, pem in saved["own"].items():
        keep_rsa_key(name, pem)
    for issuer in saved["static"]:
        made = StaticIssuer(issuer, world)
        world.entra.trust_issuer(issuer, made.jwks())
        world.entra.static_issuers[issuer] = made
    for issuer, keys in saved["trusted"].items():
        world.entra.issuers[issuer] = [serialization.load_pem_public_key(key.encode()) for key in keys]


# --- comparing --------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, kw_only=True)
class Difference:
    """One value that differs; None where there is none. Documents of ARM are named by their id in the path."""

    path: str
    before: Any
    after: Any


def differences(before: Body, after: Body) -> list[Difference]:
    """Where two saved worlds differ in what Azure holds: documents and directory; not in time or ETags."""
    return [
        *differing("arm", by_id(before), by_id(after)),
        *differing("entra", before["entra"], after["entra"]),
    ]


def by_id(saved: Body) -> Body:
    return {
        document["id"].lower(): {"body": document["body"], "private": document["private"]}
        for document in saved["arm"]["documents"]
    }


def differing(path: str, before: Any, after: Any) -> Iterator[Difference]:
    if isinstance(before, dict) and isinstance(after, dict):
        for name in sorted({*before, *after}):
            yield from differing(f"{path}/{name}", before.get(name), after.get(name))
    elif before != after:
        hidden = "/private/" in f"{path}/" or path.startswith(("entra/secret", "world/vaults"))
        shown = (SECRET if before is not None else None, SECRET if after is not None else None)
        yield Difference(path=path, before=shown[0] if hidden else before, after=shown[1] if hidden else after)
