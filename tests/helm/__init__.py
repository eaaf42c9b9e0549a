"""Helm itself, built once from its module: what `helm template` makes of the chart is what an installation gets."""

import json
import os
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from controlplane.go_program import GoProgram

SOURCE = Path(__file__).parent
PROGRAM = GoProgram(name="helm", source=SOURCE, about="Helm", takes="two to four minutes")


def helm(
    *arguments: str, values: Mapping[str, Any] | None = None, kubeconfig: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Helm's answer. Nothing of the user's own configuration takes part, and no cluster but the one that is named."""
    program = PROGRAM.build()
    with tempfile.TemporaryDirectory() as home:
        file = Path(home) / "values.json"
        file.write_text(json.dumps(values or {}))
        given = ["--values", str(file)] if values else []
        folders = {f"HELM_{name}_HOME": home for name in ("CACHE", "CONFIG", "DATA")}
        environment = os.environ | folders | {"KUBECONFIG": str(kubeconfig or os.devnull)}
        return subprocess.run([program, *arguments, *given], capture_output=True, text=True, env=environment)
