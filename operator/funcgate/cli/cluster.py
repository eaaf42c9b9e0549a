"""Bindings as they stand in the cluster, for commands that only look, with the rights of whoever calls them."""

import asyncio
import functools
import re
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from funcgate.cli import kubeconfig
from funcgate.cli.kubeconfig import Way
from funcgate.controller import referred
from funcgate.controller.around import binding_of
from funcgate.controller.cache import Snapshot
from funcgate.controller.kube import Kube, KubeError, Missing, Unavailable
from funcgate.controller.neighbours import neighbours
from funcgate.controller.queue import Key
from funcgate.controller.scopes import folded
from funcgate.errors import FuncgateError, SpecError, Unmet
from funcgate.marks import INSTANCE_ID
from funcgate.secrets import Secret
from funcgate.spec import GROUP, PLURAL, VERSION, Binding, Cluster, ConfigMapRef, SecretRef, Spec

KINDS = f"/apis/{GROUP}/{VERSION}/{PLURAL}"
PAUSES_SECONDS = (0.5, 1.0, 2.0)
CHOSEN = f"{__name__}.chosen"


class NoCluster(FuncgateError):
    """The cluster does not do what a command needs of it; the message says what to do."""


def takes_cluster(command: Any) -> Any:
    """The command has `--context` and `--kubeconfig`; `reached` heeds them."""
    options = (
        click.option(
            "--context",
            metavar="NAME",
            expose_value=False,
            callback=_choose,
            shell_complete=_contexts,
            help="Context of the kubeconfig, instead of the current one.",
        ),
        click.option(
            "--kubeconfig",
            metavar="FILE",
            type=click.Path(path_type=Path),
            expose_value=False,
            callback=_choose,
            help="Kubeconfig to use, instead of KUBECONFIG.",
        ),
    )
    return functools.reduce(lambda inner, option: option(inner), reversed(options), command)


def _choose(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    context.meta.setdefault(CHOSEN, {})[parameter.name] = value


def _chosen() -> dict[str, Any]:
    context = click.get_current_context(silent=True)
    return context.meta.get(CHOSEN, {}) if context else {}


def _contexts(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    try:
        return [each for each in kubeconfig.contexts(_chosen().get("kubeconfig")) if each.startswith(incomplete)]
    except FuncgateError:
        return []


@asynccontextmanager
async def reached(timeout_seconds: float = 10.0) -> AsyncIterator[tuple[Kube, Way]]:
    """The cluster that the command is about. Raises NoAccess; what the cluster refuses comes out as NoCluster."""
    way = kubeconfig.way(_chosen().get("context"), _chosen().get("kubeconfig"))
    try:
        async with Kube(way.access, timeout_seconds=timeout_seconds) as kube:
            yield kube, way
    except KubeError as error:
        raise NoCluster(told(error, way)) from error


NOT_INSTALLED = f"the cluster does not know {PLURAL}.{GROUP}/{VERSION}; install it with: kubectl apply -k crds/"


def told(error: KubeError, way: Way) -> str:
    """What went wrong with the cluster, and what to do."""
    if isinstance(error, Unavailable) and not error.status:
        return (
            f"the cluster of context {way.context!r} at {way.access.server} cannot be reached ({error.reason}); "
            "is it running, and is this its network? --context names another"
        )
    if isinstance(error, Unavailable):
        return f"the cluster is busy or unwell ({error.status} {error.reason}); try again in a moment"
    if error.status == 401:
        return f"the cluster does not accept the credentials of context {way.context!r}; sign in again"
    if error.status == 403:
        return _forbidden(str(error))
    if isinstance(error, Missing) and error.reason != "NotFound":  # the page of a path that is not served
        return NOT_INSTALLED
    return str(error)


def _forbidden(said: str) -> str:
    """Kubernetes' own words name who may not do what; the way out is a role."""
    found = re.search(r'User "([^"]+)" cannot (\S+) resource "([^"]+)"', said)
    if not found:
        return f"{said}; ask for the right"
    user, verb, resource = found.groups()
    where = re.search(r'in the namespace "([^"]+)"', said)
    place, kind = (f" in namespace {where[1]}", "role") if where else (" in the whole cluster", "clusterrole")
    group = f".{GROUP}" if resource == PLURAL else ""
    create = f"kubectl create {kind} funcgate-{verb} --verb={verb} --resource={resource}{group}"
    return f"{user} may not {verb} {resource}{place}; ask for that right, say: {create}, and bind it"


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
async def standing(
    names: Sequence[str], namespace: str | None, *, instance_id: str | None
) -> AsyncIterator[list[Binding]]:
    """
    The bindings of these names in the namespace, each with those of its function app in all namespaces.

    They belong to the installation `instance_id`; to the one that their status names when it is None.

    Without names all of the namespace, without a namespace all of the cluster. Raises SpecError for a name that is not
    there, KubeError, NoAccess. Needs `list` on functionapibindings in the whole cluster: what a function app's door
    must let in is the sum of all its bindings.
    """
    async with reached() as (kube, way):
        known = await listed(kube)
        keys = [Key(namespace or way.namespace, name) for name in names] or _all(known, namespace)
        yield [await _binding(kube, _of(known, key), known.values(), instance_id) for key in keys]


async def listed(kube: Kube, namespace: str | None = None) -> dict[Key, Snapshot]:
    """The bindings of the namespace, or of the whole cluster. Raises KubeError."""
    below = f"/apis/{GROUP}/{VERSION}/namespaces/{namespace}/{PLURAL}" if namespace else KINDS
    answer = await _patiently(kube, below)
    return {each.key: each for each in map(Snapshot.read, answer.get("items") or ())}


async def _patiently(kube: Kube, path: str) -> Mapping[str, Any]:
    """A server that is busy, or has just been told of our kind, is asked again for a moment."""
    for pause in PAUSES_SECONDS:
        try:
            return await kube.get(path)
        except Unavailable as busy:
            if not busy.status:
                raise
        await asyncio.sleep(pause)
    return await kube.get(path)


def _of(known: Mapping[Key, Snapshot], key: Key) -> Snapshot:
    if key not in known:
        raise SpecError(key.name, not_there(key))
    return known[key]


def not_there(key: Key) -> str:
    """That there is no such binding."""
    return f"is no FunctionApiBinding in namespace {key.namespace}; name another, or say -n"


def _all(known: Collection[Key], namespace: str | None) -> list[Key]:
    """Raises SpecError when there is none."""
    found = sorted(key for key in known if namespace in (None, key.namespace))
    if not found:
        raise SpecError(f"namespace {namespace}" if namespace else "the cluster", "has no FunctionApiBinding")
    return found


async def _binding(kube: Kube, mine: Snapshot, all_: Collection[Snapshot], instance_id: str | None) -> Binding:
    try:
        spec = Spec.parse(mine.spec)
    except SpecError as wrong:
        raise SpecError(f"{mine.key.namespace}/{mine.key.name}", str(wrong)) from None
    return binding_of(
        mine,
        spec,
        instance_id=instance_id or mine.status.get("instanceId") or INSTANCE_ID,
        neighbours=await neighbours(mine, [each for each in all_ if each.site == mine.site], _nobody),
        cluster=Live(kube=kube, mine=mine, others=[each for each in all_ if each.key != mine.key]),
    )


async def _nobody(mine: Snapshot, spec: Spec) -> Unmet | None:
    """Which bindings the operator refuses is not known here."""
    return None
