"""
ARM's documents by id: subscriptions, groups, resources, children; with row versions, locks and removal.

    world.arm.documents                          lower-cased id -> Document(id, etag, body); keys lower themselves
    world.arm.put(id, body, private=None)        -> Document; a new ETag only if body or private part changed
    world.arm.get(id) / need(id) / delete(id)    delete takes all below it along
    world.arm.members("…/service/contoso/apis")  direct members of a collection, in order of creation
    world.arm.below(id)                          all descendants
    world.arm.next_etag(id)                      '"AAAAAAAAAAE="': one rising counter per top-level resource, big-endian
    world.arm.touch(id)                          a new ETag after a change made in place (someone changed it by hand)
    world.arm.add_subscription(guid) / add_group(id) / remove_group(id)
    world.arm.lock(scope, "ReadOnly" | "CanNotDelete", name="") / unlock(scope)
    world.arm.documents.names(path)              what lies directly below a path, lower case
    world.arm.on_delete.append(lambda document: …)

Ids are compared without case and answered as first written. `body` is what a GET shows (a copy is
kept); `private` is never shown, and kept as it is.
"""

from __future__ import annotations

import base64
import copy
from collections.abc import Callable, Iterator, MutableMapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal, TypeVar, overload

from azuresim.clock import Clock
from azuresim.journal import SECRET, Journal
from azuresim.wire import copied

LockLevel = Literal["ReadOnly", "CanNotDelete"]
Body = dict[str, Any]
T = TypeVar("T")
AUTHORIZATION = "/providers/microsoft.authorization/"


@lru_cache(maxsize=16384)
def key_of(resource_id: str) -> str:
    """The form in which ids are compared."""
    return "/" + resource_id.strip("/").lower()


def parent_of(resource_id: str) -> str:
    return key_of(resource_id).rpartition("/")[0]


@lru_cache(maxsize=16384)
def root_of(resource_id: str) -> str:
    """The id (lower case) of the top-level resource that this is, or lies under."""
    head, slash, tail = key_of(resource_id).rpartition("/providers/")
    return f"{head}{slash}{'/'.join(tail.split('/')[:3])}"


@lru_cache(maxsize=16384)
def group_of(resource_id: str) -> str | None:
    """`/subscriptions/s/resourceGroups/rg` of an id in a group, as written."""
    parts = ["", *resource_id.strip("/").split("/")]
    return "/".join(parts[:5]) if len(parts) > 4 and parts[3].lower() == "resourcegroups" else None


def within(resource_id: str, scope: str) -> bool:
    return (key_of(resource_id) + "/").startswith(key_of(scope) + "/")


def row_version(number: int) -> str:
    """A quoted base64 of 8 bytes, big-endian, as API Management's ETags (Azure/azure-service-operator recordings)."""
    return '"' + base64.b64encode(number.to_bytes(8, "big")).decode() + '"'


@dataclass(slots=True)
class Document:
    """`created` and `changed` are the world's time, in seconds."""

    id: str
    etag: str
    body: Body
    private: Body = field(default_factory=dict)
    created: float = 0.0
    changed: float = 0.0

    @property
    def name(self) -> str:
        return self.id.rpartition("/")[2]

    @property
    def properties(self) -> Body:
        """`properties` of the body, made when missing."""
        properties: Body = self.body.setdefault("properties", {})
        return properties


class Documents(MutableMapping[str, Document]):
    """A mapping of id to Document whose keys do without case, with an index of what lies directly below each path."""

    def __init__(self) -> None:
        self._all: dict[str, Document] = {}
        self._children: dict[str, dict[str, None]] = {}
        self._authorization: dict[str, None] = {}

    def __getitem__(self, key: str) -> Document:
        return self._all[key_of(key)]

    @overload
    def get(self, key: str, default: None = None, /) -> Document | None: ...
    @overload
    def get(self, key: str, default: Document | T, /) -> Document | T: ...
    def get(self, key: str, default: Document | T | None = None, /) -> Document | T | None:
        return self._all.get(key_of(key), default)

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and key_of(key) in self._all

    def __setitem__(self, key: str, document: Document) -> None:
        at = key_of(key)
        if at not in self._all:
            self._children.setdefault(parent_of(at), {}).pop(at, None)  # lists show the order in which things came
        self._all[at] = document
        if AUTHORIZATION in at:
            self._authorization[at] = None
        while at != "/":
            parent = parent_of(at)
            siblings = self._children.setdefault(parent, {})
            if at in siblings:
                return
            siblings[at] = None
            at = parent

    def __delitem__(self, key: str) -> None:
        at = key_of(key)
        del self._all[at]
        self._authorization.pop(at, None)
        while at != "/" and at not in self._all and at not in self._children:
            parent = parent_of(at)
            siblings = self._children[parent]
            del siblings[at]
            if siblings:
                return
            del self._children[parent]
            at = parent

    def __iter__(self) -> Iterator[str]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)

    def names(self, path: str) -> list[str]:
        """The last parts (lower case) of what is directly below a path: collections, or members of one."""
        return [child.rpartition("/")[2] for child in self._children.get(key_of(path), ())]

    def authorization(self) -> list[Document]:
        """What Microsoft.Authorization keeps, at whatever scope."""
        return [self._all[at] for at in self._authorization]

    def members(self, collection: str) -> list[Document]:
        return [self._all[child] for child in self._children.get(key_of(collection), ()) if child in self._all]

    def below(self, resource_id: str) -> list[Document]:
        found: list[Document] = []
        waiting = [key_of(resource_id)]
        while waiting:
            for child in self._children.get(waiting.pop(), ()):
                waiting.append(child)
                if child in self._all:
                    found.append(self._all[child])
        return found


@dataclass(frozen=True)
class Lock:
    """`name` and `notes` are what the lock shows as a resource at its scope."""

    scope: str
    level: LockLevel
    name: str = ""
    notes: str = ""


class Arm:
    def __init__(self, journal: Journal | None = None, clock: Clock | None = None) -> None:
        self.clock = clock or Clock()
        self.journal = journal or Journal(self.clock)
        self.documents = Documents()
        self.locks: list[Lock] = []
        self.on_delete: list[Callable[[Document], None]] = []
        self.versions: dict[str, int] = {}

    # --- documents --------------------------------------------------------------------------------------------------
    def put(self, resource_id: str, body: Body, *, private: Body | None = None) -> Document:
        """
        It stands there with this body; the ETag rises only when body or private part differ from before.

        `private=None` keeps the private part. Subscription and group come with the first thing in them.
        """
        self._with_group(resource_id)
        found = self.documents.get(resource_id)
        if found is None:
            document_id = "/" + resource_id.strip("/")
            now = self.clock.timestamp()
            etag = self.next_etag(document_id)
            found = Document(document_id, etag, copied(body), copy.deepcopy(private or {}), now, now)
            self.documents[document_id] = found
            self.journal.record("arm", document_id, None, found.body)
            return found
        hidden = found.private if private is None else private
        if (found.body, found.private) != (body, hidden):
            before, secret = found.body, found.private != hidden
            found.body, found.private, found.changed = copied(body), hidden, self.clock.timestamp()
            found.etag = self.next_etag(found.id)
            if secret:
                self.journal.record("arm", found.id, before | {SECRET: "before"}, found.body | {SECRET: "after"})
            else:
                self.journal.record("arm", found.id, before, found.body)
        return found

    def get(self, resource_id: str) -> Document | None:
        return self.documents.get(resource_id)

    def need(self, resource_id: str) -> Document:
        """The document; KeyError when there is none, for tests and for code that just checked."""
        return self.documents[resource_id]

    def delete(self, resource_id: str) -> bool:
        """Gone with everything below it; False when there was nothing."""
        if resource_id not in self.documents:
            return False
        for document in [*self.documents.below(resource_id), self.documents[resource_id]]:
            del self.documents[document.id]
            self.journal.record("arm", document.id, document.body, None)
            for hook in self.on_delete:
                hook(document)
        self.locks = [lock for lock in self.locks if not within(lock.scope, resource_id)]
        return True

    def members(self, collection_id: str) -> list[Document]:
        return self.documents.members(collection_id)

    def below(self, resource_id: str) -> list[Document]:
        return self.documents.below(resource_id)

    def next_etag(self, resource_id: str) -> str:
        root = root_of(resource_id)
        self.versions[root] = self.versions.get(root, 0) + 1
        return row_version(self.versions[root])

    def touch(self, resource_id: str) -> Document:
        document = self.documents[resource_id]
        document.etag = self.next_etag(resource_id)
        return document

    # --- subscriptions and groups -------------------------------------------------------------------------------------
    def add_subscription(self, subscription_id: str, *, display_name: str = "Simulated") -> Document:
        """Readable at /subscriptions/{id}; the tenant is filled in by the answer."""
        body = {
            "id": f"/subscriptions/{subscription_id}",
            "subscriptionId": subscription_id,
            "displayName": display_name,
            "state": "Enabled",
        }
        return self.put(body["id"], dict(body))

    def add_group(self, group_id: str, *, location: str = "westeurope") -> Document:
        """The group, and its subscription when that is new."""
        group = "/" + group_id.strip("/")
        subscription = group.split("/")[2]
        if f"/subscriptions/{subscription}" not in self.documents:
            self.add_subscription(subscription)
        body = {
            "id": group,
            "name": group.rpartition("/")[2],
            "type": "Microsoft.Resources/resourceGroups",
            "location": location,
            "properties": {"provisioningState": "Succeeded"},
        }
        now = self.clock.timestamp()
        document = Document(group, "", body, created=now, changed=now)
        self.documents[group] = document
        return document

    def remove_group(self, group_id: str) -> None:
        """The group and everything in it are gone, its locks too: what is left after somebody deleted it."""
        self.delete(group_id)

    def _with_group(self, resource_id: str) -> None:
        group = group_of(resource_id)
        if group is not None and group not in self.documents:
            self.add_group(group)

    # --- locks --------------------------------------------------------------------------------------------------------
    def lock(self, scope: str, level: LockLevel, *, name: str = "", notes: str = "") -> Lock:
        """Locked; a lock of the same name at the same scope is replaced."""
        taken = {lock.name for lock in self.locks}
        free = next(f"lock-{n}" for n in range(1, len(taken) + 2) if f"lock-{n}" not in taken)
        made = Lock("/" + scope.strip("/"), level, name or free, notes)
        self.unlock(scope, name=made.name)
        self.locks.append(made)
        return made

    def unlock(self, scope: str, *, name: str | None = None) -> None:
        """The locks at exactly this scope are gone, or the one of that name."""
        self.locks = [
            lock for lock in self.locks if key_of(lock.scope) != key_of(scope) or name not in (None, lock.name)
        ]

    def locks_on(self, resource_id: str) -> list[Lock]:
        """Locks on it or on anything it lies in."""
        return [lock for lock in self.locks if within(resource_id, lock.scope)]
