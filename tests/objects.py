"""Custom resources as the API server sends them, and an API of them in memory."""

import copy
from typing import Any

from builders import a_manifest_spec
from engines import TYPES
from funcgate.controller.cache import FINALIZER, Snapshot
from funcgate.controller.kube import Conflict, KubeError, Missing
from funcgate.controller.queue import Key
from funcgate.secrets import Secret
from funcgate.spec import SecretRef

KEY = Key("shop", "orders")


def an_object(
    name: str = "orders",
    *,
    namespace: str = "shop",
    uid: str = "",
    version: int = 1,
    generation: int = 1,
    held: bool = True,
    deleting: bool = False,
    annotations: dict[str, str] | None = None,
    status: dict[str, Any] | None = None,
    created: str = "2026-01-01T00:00:00Z",
    **spec: Any,
) -> dict[str, Any]:
    """A custom resource; keywords replace top-level fields of its spec."""
    metadata: dict[str, Any] = {
        "namespace": namespace,
        "name": name,
        "uid": uid or f"uid-{name}",
        "resourceVersion": str(version),
        "generation": generation,
        "creationTimestamp": created,
        "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "long"} | (annotations or {}),
        "managedFields": [{"manager": "kubectl"}],
    }
    if held:
        metadata["finalizers"] = ["others.example/finalizer", FINALIZER]
    if deleting:
        metadata["deletionTimestamp"] = "2026-01-02T00:00:00Z"
    return {"metadata": metadata, "spec": a_manifest_spec(**spec)} | ({"status": status} if status else {})


def a_snapshot(name: str = "orders", **more: Any) -> Snapshot:
    """The same as the controller keeps it."""
    return Snapshot.read(an_object(name, **more))


def a_ready_status(generation: int = 1, **more: Any) -> dict[str, Any]:
    """The status of a binding that is in force."""
    conditions = [
        {
            "type": each,
            "status": "False" if each in ("Reconciling", "Stalled") else "True",
            "reason": "InSync",
            "message": "Azure shows what the manifest asks for." if each == "Ready" else "",
            "observedGeneration": generation,
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        }
        for each in ("Ready", "Reconciling", "Stalled", *TYPES)
    ]
    return {"observedGeneration": generation, "instanceId": "prod", "conditions": conditions} | more


class ObjectsInMemory:
    """What `Bindings` offers, over a dict. `writes` lists what was written; `others_write` happens before the next."""

    def __init__(self, *bodies: dict[str, Any]) -> None:
        self.bodies = {Key(each["metadata"]["namespace"], each["metadata"]["name"]): each for each in bodies}
        self.annotations: dict[str, dict[str, str]] = {}
        self.writes: list[tuple[str, Any]] = []
        self.others_write: list[dict[str, Any]] = []
        self.error: KubeError | None = None
        self.namespaces_gone: set[str] = set()

    async def get(self, key: Key) -> Snapshot | None:
        self._fail()
        return Snapshot.read(copy.deepcopy(self.bodies[key])) if key in self.bodies else None

    async def write_status(self, snapshot: Snapshot, patch: dict[str, Any]) -> Snapshot:
        body = self._current(snapshot)
        body["status"] = {k: v for k, v in (body.get("status", {}) | patch).items() if v is not None}
        return self._stored("status", patch, body)

    async def add_finalizer(self, snapshot: Snapshot) -> Snapshot:
        body = self._current(snapshot)
        body["metadata"].setdefault("finalizers", []).append(FINALIZER)
        return self._stored("add finalizer", None, body)

    async def remove_finalizer(self, snapshot: Snapshot) -> None:
        body = self._current(snapshot)
        body["metadata"]["finalizers"].remove(FINALIZER)
        self._stored("remove finalizer", None, body)
        if body["metadata"].get("deletionTimestamp"):
            del self.bodies[snapshot.key]

    async def namespace_annotations(self, namespace: str) -> dict[str, str]:
        self._fail()
        if namespace in self.namespaces_gone:
            raise Missing(404, "NotFound", f"namespaces {namespace} not found")
        return self.annotations.get(namespace, {})

    async def secret(self, namespace: str, ref: SecretRef) -> Secret:
        raise AssertionError("no pass here needs one")

    @property
    def kinds(self) -> list[str]:
        """What kind of writes there were."""
        return [what for what, _ in self.writes]

    def condition(self, type_: str = "Ready", key: Key = KEY) -> str:
        """Status and reason of a condition."""
        conditions = self.bodies[key].get("status", {}).get("conditions", ())
        return next((f"{each['status']} {each['reason']}" for each in conditions if each["type"] == type_), "absent")

    def _fail(self) -> None:
        if self.error:
            raise self.error

    def _current(self, snapshot: Snapshot) -> dict[str, Any]:
        self._fail()
        if self.others_write:
            other = self.others_write.pop(0)
            self.bodies[Key(other["metadata"]["namespace"], other["metadata"]["name"])] = other
        if snapshot.key not in self.bodies:
            raise Missing(404, "NotFound", str(snapshot.key))
        body = copy.deepcopy(self.bodies[snapshot.key])
        if body["metadata"]["resourceVersion"] != snapshot.version:
            raise Conflict(409, "Conflict", "the object has been modified")
        return body

    def _stored(self, what: str, patch: Any, body: dict[str, Any]) -> Snapshot:
        body["metadata"]["resourceVersion"] = str(int(body["metadata"]["resourceVersion"]) + 1)
        key = Key(body["metadata"]["namespace"], body["metadata"]["name"])
        self.bodies[key] = body
        self.writes.append((what, patch))
        return Snapshot.read(copy.deepcopy(body))
