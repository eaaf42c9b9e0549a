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
    world.arm.lock(scope, "ReadOnly" | "CanNotDelete") / unlock(scope)
    world.arm.on_delete.append(lambda document: …)

Ids are compared without case and answered as first written. `body` is what a GET shows (a copy is
kept); `private` is never shown, and kept as it is.
"""

from __future__ import annotations

import base64
import copy
from collections.abc import Callable, Iterator, MutableMapping
from dataclasses import dataclass, field
from typing import Any, Literal

from azuresim.clock import Clock
from azuresim.journal import SECRET, Journal

LockLevel = Literal["ReadOnly", "CanNotDelete"]
Body = dict[str, Any]


def key_of(resource_id: str) -> str:
    return "/" + resource_id.strip("/").lower()


def parent_of(resource_id: str) -> str:
    return key_of(resource_id).rpartition("/")[0]


def root_of(resource_id: str) -> str:
    """The id (lower case) of the top-level resource that this is, or lies under."""
    head, slash, tail = key_of(resource_id).rpartition("/providers/")
    return f"{head}{slash}{'/'.join(tail.split('/')[:3])}"


def group_of(resource_id: str) -> str | None:
    """`/subscriptions/s/resourceGroups/rg` of an id in a group, as written."""
    parts = ["", *resource_id.strip("/").split("/")]
    return "/".join(parts[:5]) if len(parts) > 4 and parts[3].lower() == "resourcegroups" else None


def within(resource_id: str, scope: str) -> bool:
    return (key_of(resource_id) + "/").startswith(key_of(scope) + "/")


def row_version(number: int) -> str:
    """A quoted base64 of 8 bytes, big-endian, as API Management's ETags (Azure/azure-service-operator recordings)."""
    return '"' + base64.b64encode(number.to_bytes(8, "big")).decode() + '"'


@dataclass
class Document:
    id: str
    etag: str
    body: Body
    private: Body = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.id.rpartition("/")[2]

    @property
    def properties(self) -> Body:
        """`properties` of the body, made when missing."""
        properties: Body = self.body.setdefault("properties", {})
        return properties


class Documents(MutableMapping[str, Document]):
    """A mapping of id to Document whose keys do without case, with an index by collection."""

    def __init__(self) -> None:
        self._all: dict[str, Document] = {}
        self._members: dict[str, dict[str, Document]] = {}

    def __getitem__(self, key: str) -> Document:
        return self._all[key_of(key)]

    def __setitem__(self, key: str, document: Document) -> None:
        self._all[key_of(key)] = self._members.setdefault(parent_of(key), {})[key_of(key)] = document

    def __delitem__(self, key: str) -> None:
        del self._all[key_of(key)]
        members = self._members[parent_of(key)]
        del members[key_of(key)]
        if not members:
            del self._members[parent_of(key)]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)

    def members(self, collection: str) -> list[Document]:
        return list(self._members.get(key_of(collection), {}).values())

    def below(self, resource_id: str) -> list[Document]:
        prefix = key_of(resource_id) + "/"
        own = self._members.get(key_of(resource_id), {}).values()
        deeper = [d for c, members in self._members.items() if c.startswith(prefix) for d in members.values()]
        return [*own, *deeper]


@dataclass(frozen=True)
class Lock:
    scope: str
    level: LockLevel


class Arm:
    def __init__(self, journal: Journal | None = None) -> None:
        self.journal = journal or Journal(Clock())
        self.documents = Documents()
        self.locks: list[Lock] = []
        self.on_delete: list[Callable[[Document], None]] = []
        self._versions: dict[str, int] = {}

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
            found = Document(
                document_id, self.next_etag(document_id), copy.deepcopy(body), copy.deepcopy(private or {})
            )
            self.documents[document_id] = found
            self.journal.record("arm", document_id, None, found.body)
            return found
        hidden = found.private if private is None else private
        if (found.body, found.private) != (body, hidden):
            before, secret = found.body, found.private != hidden
            found.body, found.private = copy.deepcopy(body), hidden
            self.touch(resource_id)
            marks = ({SECRET: "before"}, {SECRET: "after"}) if secret else ({}, {})
            self.journal.record("arm", found.id, before | marks[0], found.body | marks[1])
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
        return True

    def members(self, collection_id: str) -> list[Document]:
        return self.documents.members(collection_id)

    def below(self, resource_id: str) -> list[Document]:
        return self.documents.below(resource_id)

    def next_etag(self, resource_id: str) -> str:
        root = root_of(resource_id)
        self._versions[root] = self._versions.get(root, 0) + 1
        return row_version(self._versions[root])

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
        document = Document(group, "", body)
        self.documents[group] = document
        return document

    def remove_group(self, group_id: str) -> None:
        """The group and everything in it are gone, its locks too: what is left after somebody deleted it."""
        self.delete(group_id)
        self.locks = [lock for lock in self.locks if not within(lock.scope, group_id)]

    def _with_group(self, resource_id: str) -> None:
        group = group_of(resource_id)
        if group is not None and group not in self.documents:
            self.add_group(group)

    # --- locks --------------------------------------------------------------------------------------------------------
    def lock(self, scope: str, level: LockLevel) -> None:
        self.locks.append(Lock("/" + scope.strip("/"), level))

    def unlock(self, scope: str) -> None:
        self.locks = [lock for lock in self.locks if key_of(lock.scope) != key_of(scope)]

    def locks_on(self, resource_id: str) -> list[Lock]:
        """Locks on it or on anything it lies in."""
        return [lock for lock in self.locks if within(resource_id, lock.scope)]
