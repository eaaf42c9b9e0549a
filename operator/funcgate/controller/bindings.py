"""What funcgate writes to its own custom resources, and reads beside them. Every write asks the fence first."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence

from funcgate.controller import referred
from funcgate.controller.cache import FINALIZER, Snapshot
from funcgate.controller.kube import Json, Kube, KubeError, Missing
from funcgate.controller.lease import Fence
from funcgate.controller.queue import Key
from funcgate.errors import FuncgateError
from funcgate.metrics import Metrics
from funcgate.secrets import Secret
from funcgate.spec import GROUP, PLURAL, VERSION, ConfigMapRef, SecretRef

API = f"/apis/{GROUP}/{VERSION}"
NAMESPACE_SECONDS = 60.0


class NotInstalled(FuncgateError):
    """The cluster does not know our kind."""


class Bindings:
    """Our objects in the cluster."""

    def __init__(
        self,
        kube: Kube,
        fence: Fence,
        metrics: Metrics,
        *,
        namespaces: Sequence[str] = (),
        label_selector: str = "",
        home: str = referred.HOME,
    ) -> None:
        self._kube = kube
        self._fence = fence
        self._metrics = metrics
        self._lists = [f"{API}/namespaces/{each}/{PLURAL}" for each in namespaces] or [f"{API}/{PLURAL}"]
        self._label_selector = label_selector
        self._home = home
        self._namespaces: dict[str, tuple[float, Mapping[str, str]]] = {}

    async def get(self, key: Key) -> Snapshot | None:
        """The object as it is now; None when it is gone."""
        try:
            return Snapshot.read(await self._kube.get(_path(key)))
        except Missing:
            return None

    async def identities(self) -> AsyncIterator[tuple[Key, str, str]]:
        """Key, uid and resource version of every binding in our care; cheap, as neither spec nor status travels."""
        for path in self._lists:
            async for each in self._kube.metadata(path, label_selector=self._label_selector):
                yield Key(each["namespace"], each["name"]), each["uid"], each["resourceVersion"]

    async def write_status(self, snapshot: Snapshot, patch: Json) -> Snapshot:
        """The patch is laid over the status, if the object is still the one we know. Raises Conflict or Missing."""
        body = {"metadata": _only(snapshot), "status": patch}
        return await self._write("status", f"{_path(snapshot.key)}/status", body)

    async def add_finalizer(self, snapshot: Snapshot) -> Snapshot:
        """The object stays until we let go of it. Raises Conflict or Missing."""
        return await self._set_finalizers(snapshot, (*snapshot.finalizers, FINALIZER))

    async def remove_finalizer(self, snapshot: Snapshot) -> None:
        """We let go of the object. Raises Conflict; that it is gone already is fine."""
        try:
            await self._set_finalizers(snapshot, tuple(each for each in snapshot.finalizers if each != FINALIZER))
        except Missing:
            return

    async def namespace_annotations(self, namespace: str) -> Mapping[str, str]:
        """The annotations of a namespace, at most a minute old."""
        now = asyncio.get_running_loop().time()
        known = self._namespaces.get(namespace)
        if known and now - known[0] < NAMESPACE_SECONDS:
            return known[1]
        body = await self._kube.get(f"/api/v1/namespaces/{namespace}")
        annotations: Mapping[str, str] = body["metadata"].get("annotations") or {}
        self._namespaces[namespace] = (now, annotations)
        return annotations

    async def document(self, namespace: str, ref: ConfigMapRef) -> str:
        """The text under a key of a ConfigMap. Raises Unmet."""
        return await referred.document(self._kube, namespace, ref, self._home)

    async def secret(self, namespace: str, ref: SecretRef) -> Secret:
        """What a binding of that namespace refers to. Raises Unmet when it is not to be had."""
        return await referred.secret(self._kube, namespace, ref, self._home)

    async def _set_finalizers(self, snapshot: Snapshot, finalizers: tuple[str, ...]) -> Snapshot:
        body = {"metadata": _only(snapshot) | {"finalizers": list(finalizers)}}
        return await self._write("finalizer", _path(snapshot.key), body)

    async def _write(self, what: str, path: str, patch: Json) -> Snapshot:
        self._fence.check()
        try:
            answer = await self._kube.merge(path, patch)
        except KubeError as error:
            self._metrics.kubernetes_writes.labels(what, error.reason).inc()
            raise
        self._metrics.kubernetes_writes.labels(what, "ok").inc()
        return Snapshot.read(answer)


async def ensure_installed(kube: Kube) -> None:
    """The cluster serves our kind. Raises NotInstalled."""
    try:
        served = await kube.get(API)
    except Missing:
        served = {}
    if not any(each.get("name") == PLURAL for each in served.get("resources") or ()):
        raise NotInstalled(f"the cluster does not know {PLURAL}.{GROUP}/{VERSION}; apply crds/ first")


def _only(snapshot: Snapshot) -> Json:
    """Metadata with which a patch is laid over this very version of this very object, or refused as a conflict."""
    return {"uid": snapshot.uid, "resourceVersion": snapshot.version}


def _path(key: Key) -> str:
    return f"{API}/namespaces/{key.namespace}/{PLURAL}/{key.name}"
