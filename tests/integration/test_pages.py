"""The commands of the pages, typed as they are printed, and their manifests, given to the API server."""

import asyncio
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import yaml

import helm
import standins
from controlplane import ControlPlane
from demo import PROGRAMS, act, installed, playing, terminal
from installing import CHART, DEPLOY, by_helm
from pages import Block, blocks, typed
from readings import ELSEWHERE, OTHERWISE, READINGS, all_pages, name_of, path_of
from shell import Shell
from stage import REPOSITORY, Stage

pytestmark = [pytest.mark.xdist_group("pages"), pytest.mark.asyncio(loop_scope="module")]
INSTALLING = "how-to/install-on-aks.md"
"""Whoever reads another page has read this one, and has its files."""

Json = dict[str, Any]


@dataclass(frozen=True)
class Desk:
    """Where the pages are read: the demo's stage, and a second cluster with nothing in it."""

    stage: Stage
    other: ControlPlane
    folder: Path

    def shell(self) -> Shell:
        """A terminal as the demo gives one, in a folder of its own."""
        here = Path(self.folder, "reader")
        shutil.rmtree(here, ignore_errors=True)
        here.mkdir()
        for name in ("crds", "deploy", "requirements", "operator/funcgate/__init__.py", "Makefile", "Dockerfile"):
            source, target = REPOSITORY / name, here / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copytree(source, target) if source.is_dir() else shutil.copy(source, target)
        environment = {
            "HOME": str(here),
            "PATH": os.defpath,
            "PROGRAMS": str(PROGRAMS),
            "OTHER_KUBECONFIG": str(self.other.admin_kubeconfig),
        }
        return Shell(here, environment)

    def start(self) -> str:
        """What is typed first: the demo's terminal, with the stand-ins before all other programs."""
        own = standins.fill(self.folder / "standins")
        tools = self.folder / "tools"
        tools.mkdir(exist_ok=True)
        with suppress(FileExistsError):
            (tools / "helm").symlink_to(helm.PROGRAM.build())
        return f". {terminal(self.stage, PROGRAMS)}\nexport PATH={own}:{tools}:$PATH\n{KUBECONFIG}"


KUBECONFIG = """cp $KUBECONFIG kubeconfig; export KUBECONFIG=$PWD/kubeconfig
for NAME in old new; do
  kubectl config set-context $NAME --cluster "$(kubectl config view -o jsonpath='{.contexts[0].context.cluster}')" \\
    --user "$(kubectl config view -o jsonpath='{.contexts[0].context.user}')"
done
"""
"""A kubeconfig of one's own, in which the cluster has two more names."""

AS_IT_WAS = """for NAME in azure-scopes azure-client-id client-ids shared-registrations; do
  kubectl annotate namespace shop funcgate.dev/$NAME-
done
kubectl apply -n shop -f deploy/samples/orders.yaml
kubectl annotate fab orders -n shop funcgate.dev/paused- funcgate.dev/reconcile-policy-
kubectl wait -n shop --for=condition=Ready fab --all --timeout=1m
"""


@pytest.fixture(scope="module")
def _programs(request: pytest.FixtureRequest) -> None:
    """Helm is built; in sight, since that takes minutes once."""
    capture = request.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        helm.PROGRAM.build()


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    with ControlPlane(tmp_path_factory.mktemp("other")) as plane:
        yield plane


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desk(_programs: None, other: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    async with playing(installed, PROGRAMS) as (stage, apps):
        assert await act(stage, apps)
        planes, controllers = (stage.plane, other), (deployments_are_available, namespaces_go)
        running = [asyncio.create_task(each(plane)) for plane in planes for each in controllers]
        yield Desk(stage, other, tmp_path_factory.mktemp("desk"))
        for each in running:
            each.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def watched(plane: ControlPlane, kind: str, *fields: str) -> AsyncIterator[list[str]]:
    """These fields of each object of the kind, in all namespaces, whenever it changes."""
    environment = os.environ | {"KUBECONFIG": str(plane.admin_kubeconfig)}
    shown = " ".join(f"{{{each}}}" for each in fields)
    watch = ("get", kind, "--all-namespaces", "--watch", f"--output=jsonpath={shown}{{'\\n'}}")
    process = await asyncio.create_subprocess_exec(
        PROGRAMS / "kubectl", *watch, env=environment, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout
    try:
        async for line in process.stdout:
            yield line.decode().split()
    finally:
        process.terminate()
        await process.wait()


async def deployments_are_available(plane: ControlPlane) -> None:
    """No node runs here and nobody counts pods: what is deployed is said to be there, as it would be."""
    fields = (".metadata.namespace", ".metadata.name", ".spec.replicas", ".metadata.generation")
    async for namespace, name, replicas, generation, *seen in watched(
        plane, "deployments", *fields, ".status.observedGeneration"
    ):
        if seen == [generation]:
            continue
        counts = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), int(replicas))
        reasons = {"Available": "MinimumReplicasAvailable", "Progressing": "NewReplicaSetAvailable"}
        conditions = [{"type": each, "status": "True", "reason": why} for each, why in reasons.items()]
        patch = json.dumps({"status": {"observedGeneration": int(generation), "conditions": conditions, **counts}})
        where = ("patch", "deployment", name, "--namespace", namespace, "--subresource=status", "--type=merge")
        await asyncio.to_thread(plane.kubectl, *where, "--patch", patch, check=False)


async def namespaces_go(plane: ControlPlane) -> None:
    """Nobody empties a namespace here either: one that is deleted and has nothing of ours in it goes."""
    async for name, *deleted in watched(plane, "namespaces", ".metadata.name", ".metadata.deletionTimestamp"):
        if deleted:
            body = json.dumps({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}, "spec": {}})
            where = ("replace", "--raw", f"/api/v1/namespaces/{name}/finalize", "-f", "-")
            await asyncio.to_thread(plane.kubectl, *where, input=body, check=False)


# --- manifests


PAGES = [each for each in all_pages() if any(blocks(each, "yaml")) and name_of(each) not in ELSEWHERE]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
async def test_every_manifest_of_the_page_is_taken(desk: Desk, page: Path) -> None:
    """A piece is laid over what it is a piece of: the binding of the samples, the overlay, the chart's values."""
    documents = [each for block in blocks(page, "yaml") for each in yaml.safe_load_all(block.text)]
    for each in documents:
        await asyncio.to_thread(taken, desk, each)


def taken(desk: Desk, document: Json) -> None:
    keys = set(document)
    kubectl = desk.stage.plane.kubectl
    if document.get("kind") == "Kustomization" or keys <= {"resources", "components", "configMapGenerator"}:
        assert overlaid(document)
    elif "kind" in document:
        strictly = ("--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict")
        elsewhere = document | {"metadata": document["metadata"] | {"namespace": "default"}}
        kubectl("apply", *strictly, "-f", "-", input=yaml.safe_dump(elsewhere))
    elif keys <= {"metadata", "spec"}:
        kubectl(
            "patch", "fab/orders", "-n", "shop", "--type=merge", "--dry-run=server", "--patch", yaml.safe_dump(document)
        )
    elif keys <= set(yaml.safe_load((CHART / "values.yaml").read_text())):
        assert by_helm(document)
    else:
        scripts = list(scripts_in(document))
        assert scripts, f"nobody takes a document with {', '.join(map(str, keys))}"
        for script in scripts:
            subprocess.run(["bash", "-n"], input=script, text=True, check=True)


def overlaid(piece: Json) -> list[Json]:
    """What a kustomization renders to; a piece of one is laid over the overlay of the installation guide."""
    (overlay,) = (yaml.safe_load(each.text) for each in blocks(path_of(INSTALLING), "yaml"))
    with tempfile.TemporaryDirectory() as folder:
        for source in (DEPLOY, REPOSITORY / "crds"):
            shutil.copytree(source, Path(folder, source.name))
        for name, content in {
            "shop": {"namespace": "shop", "resources": ["../deploy/namespace-rights"]},
            "platform": relative(piece if "kind" in piece else overlay | piece),
        }.items():
            Path(folder, name).mkdir()
            Path(folder, name, "kustomization.yaml").write_text(yaml.safe_dump(content))
        command = [PROGRAMS / "kubectl", "kustomize", f"{folder}/platform"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


def relative(piece: Json) -> Json:
    """The piece, as seen from a folder that lies beside all others."""
    text = re.sub(r"(\.\./)+(?=deploy)|(?<=- )(?=shop$)", "../", yaml.safe_dump(piece), flags=re.MULTILINE)
    found: Json = yaml.safe_load(text)
    return found


def scripts_in(document: Any) -> Iterator[str]:
    """What a pipeline runs."""
    if isinstance(document, dict):
        for name, each in document.items():
            if name in ("run", "script"):
                yield each if isinstance(each, str) else "\n".join(each)
            else:
                yield from scripts_in(each)
    elif isinstance(document, list):
        for each in document:
            yield from scripts_in(each)


# --- commands


@pytest.mark.parametrize("name", READINGS)
async def test_every_command_of_the_page_does_what_it_says(desk: Desk, name: str) -> None:
    reading, page = READINGS[name], path_of(name)
    with desk.shell() as shell:
        type_ = partial(asyncio.to_thread, shell.run)
        await type_(Block(page, 0, "sh", desk.start()))
        await type_(Block(page, 0, "sh", AS_IT_WAS))
        for block in (*blocks(path_of(INSTALLING), "yaml"), *blocks(page, "yaml")):
            if block.file:
                file = desk.folder / "reader" / block.file
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(block.text)
        said = ""
        for number, block in enumerate(typed(page, reading.put)):
            if any(block.text.startswith(each) for each in OTHERWISE):
                continue
            if number in reading.before:
                await type_(Block(page, 0, "sh", reading.before[number]))
            said += (await type_(block, statuses=reading.statuses.get(number, ()))).output
    assert not missing(said, reading.says), said


def missing(said: str, patterns: Sequence[str]) -> str | None:
    """The first pattern that the text does not have behind those before it."""
    at = 0
    for each in patterns:
        if not (found := re.compile(each, re.MULTILINE).search(said, at)):
            return each
        at = found.end()
    return None
