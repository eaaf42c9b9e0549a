"""`kubectl funcgate …` as kubectl finds it on PATH, and the commands that steer bindings by annotations."""

import json
import os
import subprocess
import sys
import threading
import time
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from builders import a_manifest_spec
from controlplane import ControlPlane
from funcgate.cli import main

pytestmark = [pytest.mark.usefixtures("our_kind"), pytest.mark.xdist_group("cluster")]
REPOSITORY = Path(__file__).parents[2]
SCRIPTS = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["scripts"]


class Desk:
    """Somebody with a kubeconfig and the binding `orders` in a namespace of its own."""

    def __init__(self, plane: ControlPlane, namespace: str) -> None:
        self.plane, self.namespace = plane, namespace
        self.apply("orders")

    def apply(self, name: str) -> None:
        kind = {"apiVersion": "funcgate.dev/v1alpha1", "kind": "FunctionApiBinding", "metadata": {"name": name}}
        self.plane.apply(kind | {"spec": a_manifest_spec()}, namespace=self.namespace)

    def run(self, *arguments: str) -> Result:
        """`funcgate …` in this process."""
        environment = {"KUBECONFIG": str(self.plane.admin_kubeconfig), "COLUMNS": "200"}
        return CliRunner().invoke(main, [*arguments, "-n", self.namespace], env=environment)

    def kubectl(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.plane.kubectl("--namespace", self.namespace, *arguments)

    def show(self, name: str = "orders") -> dict[str, Any]:
        shown: dict[str, Any] = json.loads(self.kubectl("get", "fab", name, "-o", "json").stdout)
        return shown

    def ours(self, name: str = "orders") -> dict[str, str]:
        """Our annotations on it."""
        annotations = self.show(name)["metadata"].get("annotations", {})
        return {key.partition("/")[2]: text for key, text in annotations.items() if key.startswith("funcgate.dev/")}

    def answered(self, say: Callable[[dict[str, str]], dict[str, Any]]) -> threading.Thread:
        """Somebody plays the operator: once there is an annotation of ours, `say` makes the status of it."""

        def play() -> None:
            while not (found := self.ours()):
                time.sleep(0.1)
            patch = json.dumps({"status": say(found)})
            self.kubectl("patch", "fab", "orders", "--subresource=status", "--type=merge", "--patch", patch)

        thread = threading.Thread(target=play, daemon=True)
        thread.start()
        return thread


@pytest.fixture
def desk(control_plane: ControlPlane, namespace: str) -> Desk:
    return Desk(control_plane, namespace)


def ready(status: str, reason: str, message: str) -> dict[str, Any]:
    condition = {"type": "Ready", "status": status, "reason": reason, "message": message}
    return {"conditions": [condition | {"lastTransitionTime": "2026-01-01T00:00:00Z"}]}


# --- found by kubectl


@pytest.fixture
def plugged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The programs that installing the package makes lie on PATH, as pip writes them."""
    for name, target in SCRIPTS.items():
        module, _, function = target.partition(":")
        script = tmp_path / name
        script.write_text(f"#!{sys.executable}\nimport sys\nfrom {module} import {function}\nsys.exit({function}())\n")
        script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY / "operator"))


@pytest.mark.usefixtures("plugged")
def test_kubectl_finds_the_plugin_and_what_it_did_stands_on_the_binding(desk: Desk) -> None:
    ran = desk.plane.kubectl("funcgate", "pause", "orders", "-n", desk.namespace)
    assert (ran.stdout, desk.ours()) == (f"{desk.namespace}/orders paused\n", {"paused": "true"})


@pytest.mark.usefixtures("plugged")
def test_kubectl_completes_commands_and_the_names_of_bindings(desk: Desk) -> None:
    commands = desk.plane.kubectl("__complete", "funcgate", "re").stdout
    assert [line.split("\t")[0] for line in commands.splitlines()] == ["resume", "reconcile", ":4"]
    names = desk.plane.kubectl("__complete", "funcgate", "resume", "-n", desk.namespace, "o").stdout
    assert names.splitlines() == ["orders", ":4"]


# --- what steers bindings


def test_a_binding_is_paused_and_resumed_and_twice_is_said(desk: Desk) -> None:
    said = [desk.run(command, "orders").output for command in ("pause", "pause", "resume", "resume")]
    name = f"{desk.namespace}/orders"
    assert said == [f"{name} paused\n", f"{name} is paused already\n", f"{name} resumed\n", f"{name} is not paused\n"]
    assert desk.ours() == {}


def test_a_binding_is_observed_and_managed_again(desk: Desk) -> None:
    assert desk.run("observe", "orders").exit_code == 0
    assert desk.ours()["reconcile-policy"] == "observe"
    assert desk.run("manage", "orders").exit_code == 0
    assert "reconcile-policy" not in desk.ours()


def test_all_of_a_namespace_are_meant_at_once(desk: Desk) -> None:
    desk.apply("invoices")
    assert desk.run("pause", "--all").output.splitlines() == [
        f"{desk.namespace}/invoices paused",
        f"{desk.namespace}/orders paused",
    ]
    assert desk.ours("invoices") == desk.ours("orders") == {"paused": "true"}


def test_a_request_that_is_waited_for_ends_with_the_answer_and_how_the_binding_stands(desk: Desk) -> None:
    operator = desk.answered(
        lambda found: (
            ready("True", "InSync", "All is well.") | {"lastHandledReconcileAt": found["reconcile-requested-at"]}
        )
    )
    ran = desk.run("reconcile", "orders", "--wait")
    operator.join()
    assert (ran.exit_code, ran.output.splitlines()[-1]) == (
        0,
        f"{desk.namespace}/orders Ready True InSync: All is well.",
    )


def test_a_pause_that_is_waited_for_ends_when_the_operator_has_said_it(desk: Desk) -> None:
    operator = desk.answered(lambda _: ready("Unknown", "Paused", "Nothing is looked at."))
    ran = desk.run("pause", "orders", "--wait")
    operator.join()
    assert (ran.exit_code, "Ready Unknown Paused" in ran.output) == (0, True)


def test_nobody_answers_in_time_and_that_says_where_to_look(desk: Desk) -> None:
    ran = desk.run("reconcile", "orders", "--wait", "--timeout", "0.1")
    assert ran.exit_code == 1
    assert "was not heeded within 0.1 s: is the operator running" in ran.output


def test_a_request_to_a_paused_binding_says_that_it_waits(desk: Desk) -> None:
    desk.run("pause", "orders")
    assert "it is paused, so only after: funcgate resume" in desk.run("reconcile", "orders").output
