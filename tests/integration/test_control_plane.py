"""The control plane that other integration tests stand on is a real one, and leaves nothing behind."""

import json
import os
import secrets
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from controlplane import ControlPlane, ControlPlaneError, KubectlError
from controlplane.shared import shared

TESTS = Path(__file__).parents[1]

PARENT = """
import signal, sys
from pathlib import Path
from controlplane import ControlPlane
ControlPlane(Path(sys.argv[1])).start()
print("ready", flush=True)
signal.pause()
"""


def a_crd(group: str) -> dict[str, Any]:
    """Gates with an immutable name and a defaulted size."""
    properties = {
        "name": {"type": "string", "maxLength": 20},
        "size": {"type": "integer", "default": 3},
    }
    spec = {
        "type": "object",
        "properties": properties,
        "x-kubernetes-validations": [{"rule": "self.name == oldSelf.name", "message": "the name is immutable"}],
    }
    schema = {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec}}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"gates.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"plural": "gates", "singular": "gate", "kind": "Gate"},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema}],
        },
    }


def a_gate(group: str, name: str) -> dict[str, Any]:
    return {"apiVersion": f"{group}/v1", "kind": "Gate", "metadata": {"name": "gate"}, "spec": {"name": name}}


def a_service_account(control_plane: ControlPlane, namespace: str) -> str:
    """The user name of the new service account `worker`."""
    control_plane.kubectl("create", "serviceaccount", "worker", "--namespace", namespace)
    return f"system:serviceaccount:{namespace}:worker"


def may_read_config_maps(control_plane: ControlPlane, namespace: str) -> None:
    where = ("--namespace", namespace)
    control_plane.kubectl("create", "role", "reader", "--verb=get,list", "--resource=configmaps", *where)
    control_plane.kubectl(
        "create", "rolebinding", "reader", "--role=reader", f"--serviceaccount={namespace}:worker", *where
    )


@pytest.fixture
def crd_group(control_plane: ControlPlane) -> str:
    """A group of the test's own in which gates are served."""
    group = f"test-{secrets.token_hex(4)}.example.com"
    control_plane.apply(a_crd(group))
    control_plane.wait_for_crd(f"gates.{group}")
    return group


def test_the_server_is_kubernetes_1_37_2(control_plane: ControlPlane) -> None:
    version = json.loads(control_plane.kubectl("version", "--output=json").stdout)["serverVersion"]
    assert (version["gitVersion"], version["major"], version["minor"]) == ("v1.37.2", "1", "37")


def test_a_service_account_without_rights_is_refused(control_plane: ControlPlane, namespace: str) -> None:
    user = a_service_account(control_plane, namespace)
    worker = control_plane.service_account_kubeconfig(namespace, "worker")
    with pytest.raises(KubectlError, match=f'User "{user}" cannot list resource "configmaps"'):
        control_plane.kubectl("get", "configmaps", kubeconfig=worker)


def test_a_requested_token_is_its_service_account_with_its_rights(control_plane: ControlPlane, namespace: str) -> None:
    user = a_service_account(control_plane, namespace)
    may_read_config_maps(control_plane, namespace)
    worker = control_plane.service_account_kubeconfig(namespace, "worker")
    who = json.loads(control_plane.kubectl("auth", "whoami", "--output=json", kubeconfig=worker).stdout)
    assert who["status"]["userInfo"]["username"] == user
    assert control_plane.kubectl("get", "configmaps", "--output=name", kubeconfig=worker).stdout == ""


def test_a_token_for_another_audience_is_no_key_to_the_api(control_plane: ControlPlane, namespace: str) -> None:
    a_service_account(control_plane, namespace)
    token = control_plane.service_account_token(namespace, "worker", audience="api://AzureADTokenExchange")
    refused = control_plane.kubectl(
        "get", "configmaps", f"--token={token}", kubeconfig=_nobody(control_plane), check=False
    )
    assert "You must be logged in" in refused.stderr


def test_defaults_are_filled_in(control_plane: ControlPlane, namespace: str, crd_group: str) -> None:
    control_plane.apply(a_gate(crd_group, "north"), namespace=namespace)
    path = "--output=jsonpath={.spec.size}"
    assert control_plane.kubectl("get", f"gates.{crd_group}", "gate", "--namespace", namespace, path).stdout == "3"


def test_cel_refuses_the_change_of_an_immutable_field(
    control_plane: ControlPlane, namespace: str, crd_group: str
) -> None:
    control_plane.apply(a_gate(crd_group, "north"), namespace=namespace)
    with pytest.raises(KubectlError, match="the name is immutable"):
        control_plane.apply(a_gate(crd_group, "south"), namespace=namespace)


def test_the_audit_log_has_the_calls_of_a_service_account(control_plane: ControlPlane, namespace: str) -> None:
    user = a_service_account(control_plane, namespace)
    may_read_config_maps(control_plane, namespace)
    worker = control_plane.service_account_kubeconfig(namespace, "worker")
    control_plane.kubectl("get", "--raw", f"/api/v1/namespaces/{namespace}/configmaps", kubeconfig=worker)
    control_plane.kubectl("get", "--raw", f"/api/v1/namespaces/{namespace}/secrets/x", kubeconfig=worker, check=False)
    seen = [(call.verb, call.resource, call.namespace, call.name, call.status) for call in control_plane.audit(user)]
    assert seen == [("list", "configmaps", namespace, "", 200), ("get", "secrets", namespace, "x", 403)]


def test_a_watch_is_in_the_audit_log_once(control_plane: ControlPlane, namespace: str) -> None:
    user = a_service_account(control_plane, namespace)
    control_plane.kubectl("create", "clusterrolebinding", namespace, "--clusterrole=cluster-admin", f"--user={user}")
    worker = control_plane.service_account_kubeconfig(namespace, "worker")
    path = f"/api/v1/namespaces/{namespace}/configmaps?watch=true&timeoutSeconds=1"
    control_plane.kubectl("get", "--raw", path, kubeconfig=worker)
    assert [(call.verb, call.status) for call in control_plane.audit(user)] == [("watch", 200)]


def test_who_is_not_known_is_in_the_audit_log_without_a_name(control_plane: ControlPlane) -> None:
    path = f"/api/v1/namespaces/{secrets.token_hex(4)}"
    control_plane.kubectl("get", "--raw", path, "--token=wrong", kubeconfig=_nobody(control_plane), check=False)
    assert [(call.status, call.user) for call in control_plane.audit() if call.path == path] == [(401, "")]


def test_who_joins_and_leaves_does_not_end_it_for_others(control_plane: ControlPlane) -> None:
    with shared(control_plane.directory) as joined:
        assert joined.url == control_plane.url
    assert control_plane.kubectl("get", "--raw", "/readyz").stdout == "ok"


def test_it_ends_when_the_process_that_started_it_is_killed(tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONPATH": str(TESTS)}
    command = [sys.executable, "-c", PARENT, str(tmp_path)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "ready\n"
        parent.send_signal(signal.SIGKILL)
    orphan = ControlPlane(tmp_path)
    assert orphan.ends(within_seconds=10)
    assert not (tmp_path / "etcd").exists()
    assert "refused" in orphan.kubectl("get", "--raw", "/readyz", check=False).stderr


def test_a_start_that_fails_says_why_and_leaves_no_process(tmp_path: Path) -> None:
    broken = ControlPlane(tmp_path, flags=["--no-such-flag"])
    with pytest.raises(ControlPlaneError, match="unknown flag: --no-such-flag"):
        broken.start()
    assert broken.ends(within_seconds=0)


def test_alone_it_prints_its_kubeconfig_and_ends_with_ctrl_c() -> None:
    environment = os.environ | {"PYTHONPATH": str(TESTS)}
    command = [sys.executable, "-m", "controlplane"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as alone:
        assert alone.stdout is not None
        kubeconfig = Path(alone.stdout.readline().strip())
        assert ControlPlane(kubeconfig.parent).kubectl("get", "--raw", "/readyz").stdout == "ok"
        alone.send_signal(signal.SIGINT)
    assert alone.returncode == 0
    assert not kubeconfig.parent.exists()


def _nobody(control_plane: ControlPlane) -> Path:
    """A kubeconfig that knows the server and no user."""
    content = json.loads(control_plane.admin_kubeconfig.read_text())
    content["users"][0]["user"] = {}
    path = control_plane.directory / "nobody.kubeconfig"
    path.write_text(json.dumps(content))
    return path
