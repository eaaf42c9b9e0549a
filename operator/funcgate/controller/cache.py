"""
What the watch showed last: one small snapshot per binding, never older than what we wrote ourselves.

Resource versions of one kind can be compared as numbers (kubernetes.dev/resources/keps/5504, stable in 1.35, and true
for every etcd-backed API server before). So the answer to our own write goes into the cache at once, and what the watch
still delivers from before that write is left out: no pass ever starts from a state that we know to be over.
"""

import json
from bisect import bisect_left, insort
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from sys import intern
from types import MappingProxyType
from typing import Any

from funcgate.conditions import HOLES, READY
from funcgate.controller.queue import Key
from funcgate.controller.scopes import folded
from funcgate.metrics import Metrics
from funcgate.spec import GROUP, PAUSED, RECONCILE_POLICY, RECONCILE_REQUESTED_AT

FINALIZER = f"{GROUP}/azure"
NEW = "new"
_NONE: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """
    One custom resource, without what nobody here reads.

    Spec and status are kept as text: there may be ten thousand, and as objects they would take four times the memory.
    """

    key: Key
    uid: str
    version: str
    generation: int
    created: str
    deleting: bool
    finalizers: tuple[str, ...]
    annotations: Mapping[str, str]  # ours only
    spec_text: bytes
    status_text: bytes
    ready: str  # the status of the Ready condition
    acted_on: int  # the generation that the status speaks about; less than 1 when it speaks about none
    holes: tuple[str, ...]  # the reasons of conditions that name a way in
    drifting: bool  # whether differences stand that nobody has corrected
    lane: str  # the API Management service, in the one form that ids are compared in; what is new waits for no service
    site: str  # the function app, likewise
    registration: str  # its client id, likewise: as the spec names it, else as the last pass found it
    established: bool  # whether a pass has used that registration already

    @classmethod
    def read(cls, body: Mapping[str, Any]) -> "Snapshot":
        """From the object as the API server sends it."""
        metadata = body["metadata"]
        annotations = metadata.get("annotations") or {}
        spec, status = body.get("spec") or {}, body.get("status") or {}
        registration = _client_id(spec) or folded(str(status.get("clientId") or ""))
        return cls(
            key=Key(intern(metadata["namespace"]), metadata["name"]),
            uid=metadata["uid"],
            version=metadata["resourceVersion"],
            generation=metadata.get("generation", 0),
            created=metadata.get("creationTimestamp") or "",
            deleting=bool(metadata.get("deletionTimestamp")),
            finalizers=tuple(map(intern, metadata.get("finalizers") or ())),
            annotations={name: value for name, value in annotations.items() if name.startswith(f"{GROUP}/")} or _NONE,
            spec_text=_text(spec),
            status_text=_text(status),
            ready=_ready(status),
            acted_on=status.get("observedGeneration", -1),
            holes=_holes(status),
            drifting=bool(status.get("drifting")),
            lane=_id(spec, "apiManagement") if status.get("conditions") else NEW,
            site=_id(spec, "functionApp"),
            registration=registration,
            established=bool(registration) and status.get("clientId") == registration,
        )

    @property
    def spec(self) -> dict[str, Any]:
        """The wish, as it was written."""
        return _object(self.spec_text)

    @property
    def status(self) -> dict[str, Any]:
        """What we said of it last."""
        return _object(self.status_text)

    @property
    def greeted(self) -> bool:
        """Whether the object says that it is seen."""
        return self.lane != NEW

    @property
    def seniority(self) -> tuple[bool, str, str]:
        """The less, the earlier it used its registration. Age alone would not do: a client id can be edited."""
        return (not self.established, self.created, self.uid)

    @property
    def held(self) -> bool:
        """Whether our finalizer keeps the object until we are done with it."""
        return FINALIZER in self.finalizers

    @property
    def paused(self) -> bool:
        """Whether somebody said: hands off."""
        return self.annotations.get(PAUSED) == "true"

    @property
    def requested_at(self) -> str | None:
        """The last request to look at once; any new value is a new request."""
        return self.annotations.get(RECONCILE_REQUESTED_AT)

    @property
    def policy(self) -> str:
        """What the reconcile-policy annotation says, known or not."""
        return self.annotations.get(RECONCILE_POLICY, "manage")

    @property
    def in_force(self) -> bool:
        """Whether the wish as it is now stood in Azure after the last pass."""
        return self.ready == "True" and self.acted_on == self.generation and not self.deleting

    @property
    def settled(self) -> bool:
        """Whether nothing waits for us: in force, and every request answered."""
        return self.in_force and self._answered

    @property
    def trigger(self) -> str:
        """Why a pass over it is due, in one word, as far as the object itself tells."""
        if self.deleting:
            return "deletion"
        if self.acted_on != self.generation:
            return "changed" if self.greeted else "new"
        if not self._answered:
            return "requested"
        return "interval" if self.in_force else "retry"

    @property
    def _answered(self) -> bool:
        return self.requested_at in (None, self.status.get("lastHandledReconcileAt"))


def _text(section: Mapping[str, Any]) -> bytes:
    return json.dumps(dict(section), separators=(",", ":"), sort_keys=True).encode()


def _object(text: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text)
    return found


def _ready(status: Mapping[str, Any]) -> str:
    conditions = status.get("conditions") or ()
    return next((intern(each["status"]) for each in conditions if each.get("type") == READY), "Unknown")


def _holes(status: Mapping[str, Any]) -> tuple[str, ...]:
    conditions = status.get("conditions") or ()
    found = {each.get("reason") for each in conditions if each.get("status") != "True"}
    return tuple(reason for reason in HOLES if reason in found)


def _id(spec: Mapping[str, Any], part: str) -> str:
    section = spec.get(part)
    return intern(folded(str(section.get("id", "")))) if isinstance(section, Mapping) else ""


def _client_id(spec: Mapping[str, Any]) -> str:
    section: Any = spec
    for name in ("entra", "registration"):
        section = section.get(name) if isinstance(section, Mapping) else None
    return intern(folded(str(section.get("clientId", "")))) if isinstance(section, Mapping) else ""


def calls_for_a_pass(before: Snapshot | None, now: Snapshot) -> bool:
    """Whether this change is one to act on. Our own status comes back as an event too, and is none."""
    return (
        before is None
        or before.uid != now.uid
        or before.generation != now.generation
        or before.deleting != now.deleting
        or before.annotations != now.annotations
        or (before.held and not now.held)
    )


def older(version: str, than: str) -> bool:
    """Whether one resource version comes before another of the same kind; unreadable ones never do."""
    return version.isdecimal() and than.isdecimal() and int(version) < int(than)


class Cache:
    """The snapshots, by key, by site and by registration."""

    def __init__(self, metrics: Metrics) -> None:
        self._snapshots: dict[Key, Snapshot] = {}
        self._sites: defaultdict[str, set[Key]] = defaultdict(set)
        self._registrations: defaultdict[str, list[tuple[tuple[bool, str, str], Key]]] = defaultdict(list)
        self._ready: Counter[str] = Counter()
        self._holes: Counter[str] = Counter()
        self._drifting = 0
        for status in ("True", "False", "Unknown"):
            metrics.bindings.labels(status).set_function(partial(self._ready.__getitem__, status))
        for reason in HOLES:
            metrics.holes.labels(reason).set_function(partial(self._holes.__getitem__, reason))
        metrics.drifting.set_function(lambda: self._drifting)

    def __len__(self) -> int:
        return len(self._snapshots)

    def __iter__(self) -> Iterator[Key]:
        return iter(self._snapshots)

    def get(self, key: Key) -> Snapshot | None:
        """What is known of `key`, if it is there."""
        return self._snapshots.get(key)

    def saw(self, now: Snapshot) -> bool:
        """`now` is known, unless we know something newer; whether it calls for a pass."""
        before = self._snapshots.get(now.key)
        if before and older(now.version, before.version):
            return False
        self._put(now.key, before, now)
        return calls_for_a_pass(before, now)

    def gone(self, key: Key, uid: str) -> Snapshot | None:
        """That very object is forgotten, and returned if it was known; another one of its name is not touched."""
        before = self._snapshots.get(key)
        if before is None or before.uid != uid:
            return None
        self._put(key, before, None)
        return before

    def at_site(self, site: str) -> Iterator[Snapshot]:
        """All bindings of one function app."""
        return (self._snapshots[key] for key in sorted(self._sites.get(site, ())))

    def with_registration(self, client_id: str) -> Iterator[Snapshot]:
        """All bindings that name this registration, those that used it first before the others."""
        return (self._snapshots[key] for _, key in tuple(self._registrations.get(client_id, ())))

    def uses(self, key: Key, client_id: str) -> None:
        """That binding found this registration just now; whoever finds it next comes after it."""
        if (before := self._snapshots.get(key)) and not before.registration:
            self._put(key, before, replace(before, registration=intern(folded(client_id))))

    def lane(self, key: Key) -> str:
        """The lane of `key` in the queue."""
        snapshot = self._snapshots.get(key)
        return snapshot.lane if snapshot else ""

    def _put(self, key: Key, before: Snapshot | None, now: Snapshot | None) -> None:
        if before:
            self._ready[before.ready] -= 1
            self._holes.subtract(before.holes)
            self._drifting -= before.drifting
            self._sites[before.site].discard(key)
            if not self._sites[before.site]:
                del self._sites[before.site]
            self._leave_registration(before)
            del self._snapshots[key]
        if now:
            self._ready[now.ready] += 1
            self._holes.update(now.holes)
            self._drifting += now.drifting
            self._sites[now.site].add(key)
            insort(self._registrations[now.registration], (now.seniority, key))
            self._snapshots[key] = now

    def _leave_registration(self, before: Snapshot) -> None:
        sharing = self._registrations[before.registration]
        del sharing[bisect_left(sharing, (before.seniority, before.key))]
        if not sharing:
            del self._registrations[before.registration]
