"""
Bindings under Argo CD and Flux: nothing is OutOfSync, and every manifest of the guides and of the example is taken.

Neither of them runs here. The API server is a real one, which serves their kinds as well, and the operator has the
rights that are deployed; Azure is a script.
"""

import asyncio
import copy
import json
import re
import shlex
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
import yaml

import argocd
import gitops_kinds
from azuresim.scenarios import GROUP
from controlplane import ControlPlane
from engines import ScriptedEngine
from funcgate.controller.access import from_kubeconfig
from funcgate.controller.engines import Engines
from funcgate.controller.main import Tuning, operator_main
from funcgate.errors import Unmet
from funcgate.settings import Settings
from funcgate.spec import KIND, Cluster, ConfigMapRef, Spec
from integration.azure_stage import on_stage
from pages import blocks
from stage import DEPLOY, OPERATOR_ACCOUNT, OPERATOR_NAMESPACE, REPOSITORY, SAMPLES, install

EXAMPLE = DEPLOY / "argocd/example"
GUIDES = [REPOSITORY / f"docs/how-to/{name}.md" for name in ("argo-cd", "flux")]
ARGO = ("--server-side", "--field-manager=argocd-controller", "--force-conflicts")  # as with ServerSideApply=true
pytestmark = pytest.mark.xdist_group("cluster")

Json = dict[str, Any]


@pytest.fixture(scope="module")
def plane(control_plane: ControlPlane) -> ControlPlane:
    """A control plane with funcgate installed."""
    install(control_plane)
    return control_plane


@pytest.fixture(scope="module")
def gitops(plane: ControlPlane) -> ControlPlane:
    """It knows the kinds of Argo CD and Flux too."""
    for schema in gitops_kinds.schemas():
        applied = plane.kubectl("apply", "--server-side", "--filename", str(schema), "--output=name").stdout
        plane.wait_for_crd(applied.strip().partition("/")[2])
    return plane


@asynccontextmanager
async def operating(plane: ControlPlane, namespace: str, engine: ScriptedEngine) -> AsyncIterator[None]:
    """An operator for the bindings of this namespace."""
    stop = asyncio.Event()

    async def nobody_else(client_id: str) -> Any:
        raise AssertionError(f"no namespace brings {client_id}")

    @asynccontextmanager
    async def engines(_: Any) -> AsyncIterator[Engines]:
        yield Engines(engine, nobody_else)  # type: ignore[arg-type]

    settings = Settings(azure_scopes=(GROUP,), health_host="127.0.0.1", health_port=0, leader_election=False)
    access = from_kubeconfig(plane.service_account_kubeconfig(OPERATOR_NAMESPACE, OPERATOR_ACCOUNT))
    tuning = Tuning(grace_seconds=5, label_selector=f"test={namespace}")
    running = asyncio.create_task(operator_main(settings, engines, stop=stop, access=access, tuning=tuning))
    yield
    stop.set()
    assert await asyncio.wait_for(running, 20) == 0


@pytest.fixture
def kubectl(plane: ControlPlane, namespace: str) -> Any:
    """kubectl in the test's namespace: what it prints; with `fails`, what it complains of."""

    async def run(*args: str, given: Any = None, fails: bool = False) -> str:
        text = yaml.safe_dump_all(given) if isinstance(given, list) else None
        done = await asyncio.to_thread(plane.kubectl, "-n", namespace, *args, input=text, check=not fails)
        assert bool(done.returncode) is fails, done.stdout
        return done.stderr if fails else done.stdout

    return run


def samples(namespace: str, *names: str) -> list[Json]:
    """The manifests of deploy/samples, with a label by which the operator of this test knows them."""
    files = sorted(path for path in SAMPLES.glob("*.yaml") if path.stem in (names or (path.stem,)))
    found = [each for path in files for each in yaml.safe_load_all(path.read_text())]
    for each in found:
        each["metadata"]["labels"] = {"test": namespace}
    return found


async def live(kubectl: Any, git: Json) -> Json:
    asked = ("get", git["kind"], git["metadata"]["name"], "--output=json", "--show-managed-fields")
    found: Json = json.loads(await kubectl(*asked))
    return found


# --- in sync


@pytest.mark.parametrize("how", [(), ARGO], ids=["client-side", "server-side"])
async def test_nothing_that_the_api_server_or_the_operator_adds_is_out_of_sync(
    plane: ControlPlane, namespace: str, kubectl: Any, how: tuple[str, ...]
) -> None:
    manifests = samples(namespace)
    bindings = [each for each in manifests if each["kind"] == KIND]
    async with operating(plane, namespace, ScriptedEngine()):
        await kubectl("apply", *how, "-f", "-", given=manifests)
        await kubectl("wait", "--for=condition=Ready", "--timeout=20s", "--all", "fab")

        for git in manifests:
            there = await live(kubectl, git)
            assert argocd.out_of_sync(git, there) == {}
            assert await predicted(kubectl, git) == without_bookkeeping(there)
        for git in bindings:
            there = await live(kubectl, git)
            assert added(git["metadata"], there["metadata"]) == {"finalizers": ["funcgate.dev/azure"]}
            assert len([entry for entry in there["metadata"]["managedFields"] if "f:spec" in entry["fieldsV1"]]) == 1
        await kubectl("diff", "-f", "-", given=manifests)
        await kubectl("diff", *ARGO, "-f", "-", given=manifests)

        before = [await live(kubectl, git) for git in bindings]
        await kubectl("apply", *how, "-f", "-", given=manifests)
        assert [await live(kubectl, git) for git in bindings] == before, "a second sync writes nothing"


async def test_what_a_person_changes_is_out_of_sync(namespace: str, kubectl: Any) -> None:
    (git,) = samples(namespace, "orders")
    await kubectl("apply", "-f", "-", given=[git])
    await kubectl("patch", "fab/orders", "--type=merge", "-p", '{"spec": {"api": {"path": "else"}, "adopt": true}}')
    assert argocd.out_of_sync(git, await live(kubectl, git)) == {"spec": {"api": {"path": "orders"}}}


async def predicted(kubectl: Any, git: Json) -> Json:
    """What the object would be after a sync, as Argo CD asks with ServerSideDiff=true."""
    asked = ("apply", *ARGO, "--dry-run=server", "-o", "json", "-f", "-")
    return without_bookkeeping(json.loads(await kubectl(*asked, given=[git])))


def without_bookkeeping(there: Json) -> Json:
    found = copy.deepcopy(there)
    for name in ("managedFields", "resourceVersion"):
        found["metadata"].pop(name, None)
    return found


def added(git: Json, there: Json) -> Json:
    """Metadata that nobody wrote into the manifest, the API server's own and that of `kubectl apply` left out."""
    own = {"creationTimestamp", "generation", "managedFields", "namespace", "resourceVersion", "uid"}
    found = {name: each for name, each in there.items() if name not in own | git.keys()}
    if set(found.get("annotations", ())) == {argocd.LAST_APPLIED}:
        del found["annotations"]
    return found


def test_the_schema_puts_no_default_into_an_item_of_a_list() -> None:
    """Argo CD compares lists as a whole, so that one would show as a difference."""
    schema = yaml.safe_load((REPOSITORY / "crds/functionapibindings.yaml").read_text())
    spec = schema["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    assert [path for path in defaults(spec) if "[]" in path] == []
    assert ".adopt" in defaults(spec)


def defaults(schema: Json, path: str = "") -> list[str]:
    """The paths of all fields that have one."""
    here = [path] if "default" in schema else []
    inner = [each for name, field in schema.get("properties", {}).items() for each in defaults(field, f"{path}.{name}")]
    return here + inner + (defaults(schema["items"], f"{path}[]") if "items" in schema else [])


# --- replaced

HELD = "--for=jsonpath={.metadata.finalizers[0]}=funcgate.dev/azure"


async def test_a_plain_replace_takes_our_finalizer_away_and_the_operator_puts_it_back(
    plane: ControlPlane, namespace: str, kubectl: Any
) -> None:
    (git,) = samples(namespace, "orders")
    await kubectl("apply", "-f", "-", given=[git])
    async with operating(plane, namespace, ScriptedEngine()):
        await kubectl("wait", "--for=condition=Ready", "fab/orders", "--timeout=20s")
        before = await live(kubectl, git)
        replaced = json.loads(await kubectl("replace", "-f", "-", "-o", "json", given=[git]))
        assert "finalizers" not in replaced["metadata"]
        assert replaced["status"] == before["status"]
        await kubectl("wait", HELD, "fab/orders", "--timeout=20s")


async def test_a_finalizer_that_went_while_nobody_ran_is_put_back_at_once(
    plane: ControlPlane, namespace: str, kubectl: Any
) -> None:
    (git,) = samples(namespace, "orders")
    await kubectl("apply", "-f", "-", given=[git])
    async with operating(plane, namespace, ScriptedEngine()):
        await kubectl("wait", "--for=condition=Ready", "fab/orders", "--timeout=20s")
    await kubectl("replace", "-f", "-", given=[git])
    async with operating(plane, namespace, ScriptedEngine()):
        await kubectl("wait", HELD, "fab/orders", "--timeout=20s")


async def test_another_function_app_takes_a_replace_by_force_which_cleans_up_first(
    plane: ControlPlane, namespace: str, kubectl: Any
) -> None:
    (git,) = samples(namespace, "orders")
    other = copy.deepcopy(git)
    other["spec"]["functionApp"]["id"] += "-2"
    engine = ScriptedEngine()
    async with operating(plane, namespace, engine):
        await kubectl("apply", "-f", "-", given=[git])
        await kubectl("wait", "--for=condition=Ready", "fab/orders", "--timeout=20s")
        assert "Replace=true,Force=true" in await kubectl("apply", "-f", "-", given=[other], fails=True)
        await kubectl("replace", "--force", "-f", "-", given=[other])
        await kubectl("wait", "--for=condition=Ready", "fab/orders", "--timeout=20s")
    seen = [(each.deleting, each.spec.function_app.id.rpartition("/")[2]) for each in engine.seen]
    assert seen == [(False, "orders-fn"), (True, "orders-fn"), (False, "orders-fn-2")]


# --- its actions


async def test_the_actions_do_on_a_live_object_what_they_say(namespace: str, kubectl: Any) -> None:
    (git,) = samples(namespace, "orders")
    await kubectl("apply", *ARGO, "-f", "-", given=[git])

    async def press(action: str) -> Json:
        before = await live(kubectl, git)
        script = (argocd.CUSTOMIZATION / "actions" / action / "action.lua").read_text()
        patch = argocd.merge_patch(before, argocd.act(script, before))
        await kubectl("patch", "fab/orders", "--type=merge", "-p", json.dumps(patch))
        after = await live(kubectl, git)
        assert argocd.out_of_sync(git, after) == {}
        return dict(after["metadata"].get("annotations", {}))

    assert await press("pause") == {"funcgate.dev/paused": "true"}
    assert await press("resume") == {}
    assert await press("observe") == {"funcgate.dev/reconcile-policy": "observe"}
    assert await press("manage") == {}
    assert argocd.is_now((await press("reconcile"))["funcgate.dev/reconcile-requested-at"])


# --- what went before it


@dataclass(frozen=True)
class Emptied(Cluster):
    """A namespace from which the ConfigMaps are gone, unless one is handed in."""

    text: str = ""

    async def config_map(self, ref: ConfigMapRef) -> str:
        if not self.text:
            raise Unmet("DocumentNotReadable", "it is gone", stalled=True)
        return self.text


async def test_a_binding_goes_though_its_document_went_before_it() -> None:
    document = yaml.safe_load((EXAMPLE / "shop/base/catalog-openapi.yaml").read_text())
    source = {"from": "OpenAPI", "openAPI": {"configMapKeyRef": {"name": "catalog-openapi", "key": "openapi.yaml"}}}
    api = {"path": "catalog", "import": source}
    async with on_stage() as stage:
        await stage.settled(replace(stage.binding(api=api), cluster=Emptied(json.dumps(document))))
        await stage.settled(replace(stage.binding(api=api, deleting=True), cluster=Emptied()))


# --- the example


def rendered(plane: ControlPlane, folder: Path) -> list[Json]:
    return list(yaml.safe_load_all(plane.kubectl("kustomize", str(folder)).stdout))


APPLICATIONS = {
    path.stem: yaml.safe_load(path.read_text()) for path in (EXAMPLE / "root.yaml", *EXAMPLE.glob("apps/*"))
}
PROJECT = APPLICATIONS.pop("project")
STAGES = ("staging", "production")


def test_argo_cd_takes_every_manifest_of_the_example(gitops: ControlPlane) -> None:
    gitops.kubectl("apply", "-f", "-", input=json.dumps(a_namespace("argocd")))
    for path in (EXAMPLE / "root.yaml", EXAMPLE / "apps"):
        gitops.kubectl("create", "--dry-run=server", "--validate=strict", "-f", str(path))


def a_namespace(name: str) -> Json:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


@pytest.mark.parametrize("stage", STAGES)
def test_each_stage_renders_to_what_the_api_server_and_the_operator_take(plane: ControlPlane, stage: str) -> None:
    manifests = rendered(plane, EXAMPLE / "shop" / stage)
    plane.kubectl("apply", "-f", "-", input=yaml.safe_dump(manifests[0]))
    plane.kubectl("create", "--dry-run=server", "-f", "-", input=yaml.safe_dump_all(manifests[1:]))
    bindings = [each for each in manifests if each["kind"] == KIND]
    assert len(bindings) == len({each["metadata"]["name"] for each in bindings}) == 3
    scope = manifests[0]["metadata"]["annotations"]["funcgate.dev/azure-scopes"]
    assert scope.endswith(f"/resourceGroups/shop-{stage}-rg")
    for each in bindings:
        spec = Spec.parse(each["spec"])
        ids = (spec.api_management.id, spec.function_app.id)
        assert [id_.partition("/providers/")[0] for id_ in ids] == [scope, scope]


@pytest.mark.parametrize("stage", STAGES)
def test_an_application_syncs_a_folder_that_is_there_and_what_its_project_allows(
    plane: ControlPlane, stage: str
) -> None:
    spec = APPLICATIONS[f"shop-{stage}"]["spec"]
    allowed = PROJECT["spec"]
    assert spec["project"] == PROJECT["metadata"]["name"]
    assert spec["source"]["repoURL"] in allowed["sourceRepos"]
    assert fnmatchcase(spec["destination"]["namespace"], allowed["destinations"][0]["namespace"])
    for each in rendered(plane, EXAMPLE / spec["source"]["path"]):
        within = each["metadata"].get("namespace")
        group = each["apiVersion"].rpartition("/")[0]
        kinds = allowed["namespaceResourceWhitelist" if within else "clusterResourceWhitelist"]
        assert {"group": group, "kind": each["kind"]} in kinds
        assert (within or each["metadata"]["name"]) == spec["destination"]["namespace"]


@pytest.mark.parametrize("stage", STAGES)
def test_what_a_binding_needs_comes_before_it_and_goes_after_it(plane: ControlPlane, stage: str) -> None:
    waves: dict[str, set[int]] = {}
    for each in rendered(plane, EXAMPLE / "shop" / stage):
        waves.setdefault(each["kind"], set()).add(wave(each))
    assert waves == {"Namespace": {-2}, "Role": {-1}, "RoleBinding": {-1}, "ConfigMap": {-1}, KIND: {0}}
    assert wave(PROJECT) < wave(APPLICATIONS["funcgate"]) < wave(APPLICATIONS[f"shop-{stage}"])


def wave(manifest: Json) -> int:
    return int(manifest["metadata"].get("annotations", {}).get("argocd.argoproj.io/sync-wave", "0"))


def test_in_production_nothing_goes_before_a_person_has_said_so(plane: ControlPlane) -> None:
    bindings = [each for each in rendered(plane, EXAMPLE / "shop/production") if each["kind"] == KIND]
    assert {each["metadata"]["annotations"]["argocd.argoproj.io/sync-options"] for each in bindings} == {
        "Prune=confirm,Delete=confirm"
    }
    assert "finalizers" not in APPLICATIONS["shop-production"]["metadata"]


def test_the_operators_application_installs_deploy_with_settings_that_the_stages_need(
    plane: ControlPlane, tmp_path: Path
) -> None:
    source = APPLICATIONS["funcgate"]["spec"]["source"]
    for folder in ("crds", source["path"]):
        shutil.copytree(REPOSITORY / folder, tmp_path / folder, symlinks=True)
    add(source["kustomize"], to=tmp_path / source["path"] / "kustomization.yaml")
    manifests = rendered(plane, tmp_path / source["path"])
    plane.kubectl("apply", *ARGO, "--dry-run=server", "-f", "-", input=yaml.safe_dump_all(manifests))
    found = {each["kind"]: each for each in manifests}
    scopes = found["ConfigMap"]["data"]["FUNCGATE_AZURE_SCOPES"].split(",")
    (container,) = found["Deployment"]["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "registry.example/funcgate:0.1.0"
    assert container["envFrom"] == [{"configMapRef": {"name": found["ConfigMap"]["metadata"]["name"]}}]
    assert not found["ServiceAccount"]["metadata"]["annotations"]["azure.workload.identity/client-id"].startswith(
        "0000"
    )
    for stage in STAGES:
        for each in rendered(plane, EXAMPLE / "shop" / stage):
            if each["kind"] == KIND:
                assert any(each["spec"]["functionApp"]["id"].startswith(f"{scope}/") for scope in scopes)


def add(options: Json, *, to: Path) -> None:
    """What an application says under `kustomize` is put into the kustomization, as Argo CD does."""
    kustomization = yaml.safe_load(to.read_text())
    kustomization["patches"] = kustomization.get("patches", []) + options["patches"]
    images = [re.split("[=:]", each) for each in options["images"]]
    kustomization["images"] = [{"name": name, "newName": new, "newTag": tag} for name, new, tag in images]
    to.write_text(yaml.safe_dump(kustomization))


@pytest.mark.parametrize("metadata", [{}, {"namespace": "argocd"}], ids=["plain", "with a namespace"])
def test_the_component_patches_the_config_map_of_an_installation(
    plane: ControlPlane, tmp_path: Path, metadata: Json
) -> None:
    cm: Json = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "argocd-cm"} | metadata}
    cm["data"] = {"url": "https://argo.example"}
    mine = tmp_path / "platform/argocd"
    (mine / "argo-cd").mkdir(parents=True)
    (mine / "argo-cd/kustomization.yaml").write_text("resources: [cm.yaml]")
    (mine / "argo-cd/cm.yaml").write_text(yaml.safe_dump(cm))
    shutil.copytree(DEPLOY, tmp_path / "platform/funcgate/deploy", symlinks=True)
    (said,) = [each for each in documents(GUIDES[0], "yaml") if each.get("kind") == "Kustomization"]
    (mine / "kustomization.yaml").write_text(yaml.safe_dump(said))
    (found,) = rendered(plane, mine)
    theirs = yaml.safe_load((DEPLOY / "argocd/argocd-cm.yaml").read_text())["data"]
    assert found["data"] == theirs | cm["data"]


# --- the guides


def documents(page: Path, language: str) -> Iterator[Json]:
    for block in blocks(page, language):
        yield from yaml.safe_load_all(block.text)


@pytest.mark.parametrize("page", GUIDES, ids=lambda page: page.stem)
async def test_every_manifest_of_a_guide_is_taken(
    gitops: ControlPlane, kubectl: Any, namespace: str, page: Path
) -> None:
    """A piece of one is laid over what it is a piece of: a binding, or a Kustomization of Flux."""
    whole = {
        each["metadata"]["name"]: each for each in documents(page, "yaml") if "metadata" in each and "kind" in each
    }
    (binding,) = samples(namespace, "orders")
    pieces = [each for each in documents(page, "yaml") if "kind" not in each]
    for each in (*whole.values(), *(laid_over(whole["shop"] if "spec" in it else binding, it) for it in pieces)):
        each["metadata"]["namespace"] = namespace
        await kubectl("create", "--dry-run=server", "--validate=strict", "-f", "-", given=[each])


def laid_over(whole: Json, piece: Json) -> Json:
    found = copy.deepcopy(whole)
    for name, part in piece.items():
        found[name] |= part
    return found


@pytest.mark.parametrize("page", GUIDES, ids=lambda page: page.stem)
async def test_every_command_of_a_guide_does_something(
    gitops: ControlPlane, kubectl: Any, namespace: str, page: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(REPOSITORY)
    await kubectl("create", "configmap", "argocd-cm")
    await kubectl("apply", "-f", "-", given=samples(namespace, "orders"))
    gitops.kubectl("apply", "-f", "-", input=json.dumps(a_namespace("argocd")))
    for line in "".join(block.text for block in blocks(page, "sh")).splitlines():
        program, verb, *rest = shlex.split(line)
        assert program == "kubectl", line
        where = [namespace if before == "-n" else word for before, word in zip(["", *rest], rest, strict=False)]
        dry = () if verb == "get" else ("--dry-run=server",)
        done = await asyncio.to_thread(gitops.kubectl, verb, *where, *dry)
        assert done.stdout, line
