"""
A pod of the Deployment that the API server serves, as a process on this machine: no kubelet runs here.

Command, arguments, environment and account are the Deployment's. `Stage.here` says all that is different.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from image import FINAL, in_final
from installing import CLIENT_ID
from stage import OPERATOR_NAMESPACE, Stage

USES_IDENTITY = "azure.workload.identity/use"
POD = "funcgate-0"

Json = dict[str, Any]


@dataclass(frozen=True)
class Container:
    """What is started, and with what in its environment."""

    command: tuple[str, ...]
    environment: Mapping[str, str]


def container(stage: Stage, programs: Path) -> Container:
    """The operator's, with `programs` in place of the folder that the image has on its PATH."""
    pod = _served(stage, "deployment", "funcgate")["spec"]["template"]
    (asked,) = pod["spec"]["containers"]
    command = asked.get("command") or json.loads(in_final("ENTRYPOINT"))
    arguments = asked.get("args") or json.loads(in_final("CMD"))
    account = pod["spec"]["serviceAccountName"]
    environment = {
        **dict(_of_the_image()),
        "PATH": f"{programs}:/usr/bin:/bin",
        **dict(_of_the_container(stage, asked)),
        **_of_the_webhook(stage, pod["metadata"]["labels"], account),
        **stage.here(account),
    }
    return Container((str(programs / command[0]), *command[1:], *arguments), environment)


def _served(stage: Stage, kind: str, name: str) -> Json:
    found: Json = json.loads(stage.plane.kubectl("get", kind, name, "-n", OPERATOR_NAMESPACE, "-o", "json").stdout)
    return found


def _of_the_image() -> Iterator[tuple[str, str]]:
    (said,) = (each.rest for each in FINAL if each.word == "ENV")
    for each in said.split():
        name, _, value = each.partition("=")
        yield name, value


def _of_the_container(stage: Stage, asked: Json) -> Iterator[tuple[str, str]]:
    """What envFrom brings, and over it what env says."""
    for each in asked.get("envFrom", ()):
        yield from _served(stage, "configmap", each["configMapRef"]["name"])["data"].items()
    fields = {"metadata.name": POD, "metadata.namespace": OPERATOR_NAMESPACE}
    for each in asked.get("env", ()):
        yield each["name"], each["value"] if "value" in each else fields[each["valueFrom"]["fieldRef"]["fieldPath"]]


def _of_the_webhook(stage: Stage, labels: Mapping[str, str], account: str) -> Mapping[str, str]:
    """Workload identity's: only for pods that ask for it, as whom their account says."""
    if labels.get(USES_IDENTITY) != "true":
        return {}
    annotations = _served(stage, "serviceaccount", account)["metadata"]["annotations"]
    return stage.identity(annotations[CLIENT_ID], account)
