"""A binding as its pass sees it: what the object says, and what may be asked of its cluster."""

from dataclasses import dataclass

from funcgate.controller.bindings import Bindings
from funcgate.controller.cache import Snapshot
from funcgate.controller.rights import Rights
from funcgate.errors import Unmet
from funcgate.secrets import Secret
from funcgate.spec import Binding, Cluster, ConfigMapRef, Neighbour, SecretRef, Spec, confirms, proven


def binding_of(
    mine: Snapshot, spec: Spec, *, instance_id: str, neighbours: tuple[Neighbour, ...], cluster: Cluster
) -> Binding:
    """The binding that `mine` shows, with this spec, among these others of its function app."""
    namespace, name = mine.key
    return Binding(
        namespace=namespace,
        name=name,
        generation=mine.generation,
        spec=spec,
        owner=f"{instance_id}/{namespace}/{name}",
        deleting=mine.deleting,
        neighbours=neighbours,
        pinned=mine.status.get("clientId"),
        proven=proven(mine.status),
        confirmed=confirms(mine.annotations),
        cluster=cluster,
    )


@dataclass(frozen=True, kw_only=True)
class Around(Cluster):
    """Answers for the binding that `mine` shows."""

    mine: Snapshot
    rights: Rights
    bindings: Bindings

    async def may_use(self, client_id: str) -> Unmet | None:
        """As the namespace's annotations and the other bindings say."""
        return await self.rights.may_use(self.mine, client_id)

    async def used_elsewhere(self, client_id: str) -> bool:
        """As the other bindings say."""
        return await self.rights.used_elsewhere(self.mine, client_id)

    async def config_map(self, ref: ConfigMapRef) -> str:
        """From the binding's own namespace."""
        return await self.bindings.document(self.mine.key.namespace, ref)

    async def secret(self, ref: SecretRef) -> Secret:
        """From the binding's own namespace."""
        return await self.bindings.secret(self.mine.key.namespace, ref)
