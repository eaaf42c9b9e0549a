"""Schema and release are upgraded and go, and bindings stay. On a control plane of its own: a schema is all tests'."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from controlplane import ControlPlane
from helm import helm
from installing import CHART, DEPLOY, SYSTEM

pytestmark = pytest.mark.xdist_group("upgrade")

Json = dict[str, Any]

NAME = "functionapibindings.funcgate.dev"
CRDS = DEPLOY.parent / "crds"
ON = {"enabled": True}


@pytest.fixture(scope="module")
def own_plane() -> Iterator[ControlPlane]:
    plane = ControlPlane()
    plane.start()
    try:
        for name in (SYSTEM, "shop"):
            plane.kubectl("create", "namespace", name)
        yield plane
    finally:
        plane.stop()


@pytest.fixture
def plane(own_plane: ControlPlane) -> Iterator[ControlPlane]:
    """Without a schema before and after."""
    yield own_plane
    own_plane.kubectl("delete", "crd", NAME, "--ignore-not-found")


def older(schema: Path) -> str:
    """A schema that lacks a field of today's, and has one that went."""
    crd = yaml.safe_load(schema.read_text())
    spec = properties(crd)
    del spec["signIns"]
    spec["fallback"] = {"type": "string"}
    return yaml.safe_dump(crd, sort_keys=False)


def properties(crd: Json) -> Json:
    found: Json = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    return found


def served(plane: ControlPlane) -> set[str]:
    """The fields of the spec in the schema that the cluster has."""
    return set(properties(json.loads(plane.kubectl("get", "crd", NAME, "-o", "json").stdout)))


def binding(plane: ControlPlane) -> Json:
    found: Json = json.loads(plane.kubectl("get", "fab", "orders", "-n", "shop", "-o", "json").stdout)
    return found


def add_binding(plane: ControlPlane) -> str:
    """The first sample is there; returns its uid."""
    plane.wait_for_crd(NAME)
    manifests = yaml.safe_load_all((DEPLOY / "samples" / "orders.yaml").read_text())
    (orders,) = (each for each in manifests if each["kind"] == "FunctionApiBinding")
    orders["metadata"]["namespace"] = "shop"
    plane.apply(orders)
    return str(binding(plane)["metadata"]["uid"])


TODAY = set(properties(yaml.safe_load((CRDS / "functionapibindings.yaml").read_text())))


def test_a_newer_schema_takes_the_place_of_an_older_one_and_bindings_stay(plane: ControlPlane, tmp_path: Path) -> None:
    old = tmp_path / "crd.yaml"
    old.write_text(older(CRDS / "functionapibindings.yaml"))
    plane.kubectl("apply", "--server-side", "-f", str(old))
    uid = add_binding(plane)
    assert served(plane) == TODAY - {"signIns"} | {"fallback"}

    plane.kubectl("apply", "--server-side", "-k", str(CRDS))
    assert served(plane) == TODAY, "what went is gone, what came is there"
    assert binding(plane)["metadata"]["uid"] == uid
    plane.wait_for_crd(NAME)


def release(plane: ControlPlane, *arguments: str, **values: Any) -> None:
    where = ("funcgate", "--namespace", SYSTEM)
    done = helm(arguments[0], *where, *arguments[1:], values=values, kubeconfig=plane.admin_kubeconfig)
    assert done.returncode == 0, done.stderr


def kinds(plane: ControlPlane) -> set[str]:
    """What a release may leave or add, as far as it is there."""
    asked = "deployments,configmaps,poddisruptionbudgets,networkpolicies,clusterroles,roles,priorityclasses"
    found = plane.kubectl("get", asked, "-A", "-l", "app.kubernetes.io/name=funcgate", "-o", "name").stdout
    return {line.partition("/")[0].partition(".")[0] for line in found.splitlines()}


def test_a_release_is_upgraded_with_its_schema_and_goes_without_the_bindings(
    plane: ControlPlane, tmp_path: Path
) -> None:
    before = tmp_path / "funcgate"
    shutil.copytree(CHART, before)
    (before / "files" / "functionapibindings.yaml").write_text(older(CRDS / "functionapibindings.yaml"))
    release(plane, "install", str(before))
    uid = add_binding(plane)
    assert served(plane) == TODAY - {"signIns"} | {"fallback"}
    assert kinds(plane) == {"deployment", "configmap", "clusterrole", "role"}

    every = dict.fromkeys(("podDisruptionBudget", "networkPolicy", "priority"), ON)
    release(plane, "upgrade", str(CHART), namespaces=["shop"], **every)
    assert served(plane) == TODAY
    optional = {"poddisruptionbudget", "networkpolicy", "priorityclass"}
    assert kinds(plane) == {"deployment", "configmap", "role"} | optional, "the ClusterRole is gone"

    release(plane, "uninstall")
    assert kinds(plane) == set()
    assert binding(plane)["metadata"]["uid"] == uid

    release(plane, "install", str(CHART))
    assert binding(plane)["metadata"]["uid"] == uid
    release(plane, "uninstall")


def test_a_schema_that_was_installed_otherwise_is_taken_over_on_request(plane: ControlPlane) -> None:
    plane.kubectl("apply", "--server-side", "-k", str(CRDS))
    uid = add_binding(plane)
    arguments = ("install", "funcgate", str(CHART), "--namespace", SYSTEM)
    refused = helm(*arguments, kubeconfig=plane.admin_kubeconfig)
    assert refused.returncode != 0
    assert f'"{NAME}"' in refused.stderr

    release(plane, "install", str(CHART), crds={"install": False})
    release(plane, "upgrade", str(CHART), "--take-ownership", crds={"install": True})
    release(plane, "uninstall")
    assert binding(plane)["metadata"]["uid"] == uid
