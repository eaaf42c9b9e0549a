"""Bindings as they stand in the cluster, for commands that only look, with the rights of whoever calls them."""

import os
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from funcgate.azure import Secret
from funcgate.controller import referred
from funcgate.controller.access import Access, find
from funcgate.controller.around import binding_of
from funcgate.controller.cache import Snapshot
from funcgate.controller.kube import Kube
from funcgate.controller.neighbours import neighbours
from funcgate.controller.queue import Key
from funcgate.controller.scopes import folded
from funcgate.errors import SpecError, Unmet
from funcgate.spec import GROUP, PLURAL, VERSION, Binding, Cluster, ConfigMapRef, SecretRef, Spec

KUBECONFIG = Path(".kube/config")
DEFAULT = "default"


@dataclass(frozen=True, kw_only=True)
class Live(Cluster):
    """The cluster as somebody with a kubeconfig sees it."""

    kube: Kube
    mine: Snapshot
    others: Collection[Snapshot]

    async def used_elsewhere(self, client_id: str) -> bool:
        """Whether another binding uses the registration; whether it may is not asked."""
        return any(each.registration == folded(client_id) and not each.deleting for each in self.others)

    async def config_map(self, ref: ConfigMapRef) -> str:
        """From the binding's own namespace."""
        return await referred.document(self.kube, self.mine.key.namespace, ref)

    async def secret(self, ref: SecretRef) -> Secret:
        """From the binding's own namespace."""
        return await referred.secret(self.kube, self.mine.key.namespace, ref)


@asynccontextmanager
async def standing(names: Sequence[str], namespace: str | None, *, instance_id: str) -> AsyncIterator[list[Binding]]:
    """
    The bindings of these names in the namespace, each with those of its function app in all namespaces.

    Without names all of the namespace, without a namespace all of the cluster. Raises SpecError for a name that is not
    there, KubeError, NoAccess. Needs `list` on functionapibindings in the whole cluster: what a function app's door
    must let in is the sum of all its bindings.
    """
    async with Kube(_way()) as kube:
        listed = await kube.get(f"/apis/{GROUP}/{VERSION}/{PLURAL}")
        known = {each.key: each for each in map(Snapshot.read, listed.get("items") or ())}
        keys = [Key(namespace or DEFAULT, name) for name in names] or _all(known, namespace)
        for key in keys:
            if key not in known:
                raise SpecError(
                    key.name, f"is no FunctionApiBinding in namespace {key.namespace}; name another, or say -n"
                )
        yield [await _binding(kube, known[key], known.values(), instance_id) for key in keys]


def _all(known: Collection[Key], namespace: str | None) -> list[Key]:
    """Raises SpecError when there is none."""
    found = sorted(key for key in known if namespace in (None, key.namespace))
    if not found:
        raise SpecError(f"namespace {namespace}" if namespace else "the cluster", "has no FunctionApiBinding")
    return found


def _way() -> Access:
    """As kubectl finds it: KUBECONFIG, else the file in the home folder; in a pod its service account."""
    home = Path.home() / KUBECONFIG
    outside = not os.environ.get("KUBECONFIG") and not os.environ.get("KUBERNETES_SERVICE_HOST")
    return find({**os.environ, "KUBECONFIG": str(home)}) if outside and home.is_file() else find()


async def _binding(kube: Kube, mine: Snapshot, all_: Collection[Snapshot], instance_id: str) -> Binding:
    try:
        spec = Spec.parse(mine.spec)
    except SpecError as wrong:
        raise SpecError(f"{mine.key.namespace}/{mine.key.name}", str(wrong)) from None
    return binding_of(
        mine,
        spec,
        instance_id=instance_id,
        neighbours=await neighbours(mine, [each for each in all_ if each.site == mine.site], _nobody),
        cluster=Live(kube=kube, mine=mine, others=[each for each in all_ if each.key != mine.key]),
    )


async def _nobody(mine: Snapshot, spec: Spec) -> Unmet | None:
    """Which bindings the operator refuses is not known here."""
    return None
