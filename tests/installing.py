"""What kustomize and Helm make of deploy/, as people use them: an overlay with components, a release with values."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from helm import helm

REPOSITORY = Path(__file__).parents[1]
DEPLOY = REPOSITORY / "deploy"
COMPONENTS = tuple(sorted(each.name for each in (DEPLOY / "components").iterdir()))
CHART = DEPLOY / "chart"
SYSTEM = "funcgate-system"
CLIENT_ID = "azure.workload.identity/client-id"
KUBECTL = Path(sys.executable).parent / "kubectl"

Json = dict[str, Any]


def by_kustomize(
    components: Sequence[str] = (),
    *,
    namespaces: Sequence[str] = (),
    settings: Sequence[str] = (),
    client_id: str | None = None,
) -> list[Json]:
    """An overlay of deploy/ with these components, rights in these namespaces, and settings and identity on top."""
    # Bases must be named relative to the overlay, and must not lie in it, so it is a folder beside them.
    with tempfile.TemporaryDirectory(dir=REPOSITORY, prefix=".overlay-") as folder:
        overlay = Path(folder)
        for name in namespaces:
            resources = {"namespace": name, "resources": ["../../deploy/namespace-rights"]}
            _kustomization(overlay / name, **resources)
        on_top = [f"FUNCGATE_NAMESPACES={','.join(namespaces)}"] if namespaces else []
        generator = {"name": "funcgate-settings", "namespace": SYSTEM, "behavior": "merge"}
        identity = {"metadata": {"name": "funcgate", "annotations": {CLIENT_ID: client_id}}}
        account = {"apiVersion": "v1", "kind": "ServiceAccount", **identity}
        _kustomization(
            overlay,
            resources=["../deploy", *namespaces],
            components=[f"../deploy/components/{each}" for each in components],
            configMapGenerator=[generator | {"literals": [*on_top, *settings]}] if on_top or settings else [],
            patches=[{"target": {"kind": "ServiceAccount"}, "patch": json.dumps(account)}] if client_id else [],
        )
        done = subprocess.run([KUBECTL, "kustomize", overlay], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


def _kustomization(folder: Path, **fields: Any) -> None:
    folder.mkdir(exist_ok=True)
    head = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}
    (folder / "kustomization.yaml").write_text(json.dumps(head | fields))


def one(rendered: Sequence[Json], kind: str, name: str | None = None) -> Json:
    """The only object of its kind, or of its kind and name."""
    (found,) = (each for each in rendered if each["kind"] == kind and name in (None, each["metadata"]["name"]))
    return found


def pod_of(rendered: Sequence[Json]) -> Json:
    """The pod that the Deployment would make."""
    deployment = one(rendered, "Deployment")
    template = deployment["spec"]["template"]
    metadata = template["metadata"] | {"name": "funcgate", "namespace": deployment["metadata"]["namespace"]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}


def by_helm(values: Mapping[str, Any] | None = None, *, namespace: str = SYSTEM) -> list[Json]:
    """A release of the chart with these values on top of its own."""
    done = helm("template", "funcgate", str(CHART), "--namespace", namespace, values=values)
    assert done.returncode == 0, done.stderr
    return [each for each in yaml.safe_load_all(done.stdout) if each]
