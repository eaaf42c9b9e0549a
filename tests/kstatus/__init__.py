"""What kstatus (sigs.k8s.io/cli-utils), and with it Flux, kpt and others, makes of an object: its own code says so."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from controlplane.go_program import GoProgram

SOURCE = Path(__file__).parent
PROGRAM = GoProgram(name="kstatus", source=SOURCE, about="kstatus", takes="about a minute")


def judge(objects: Sequence[Mapping[str, Any]]) -> list[str]:
    """The status of each: Current, InProgress, Failed or Terminating."""
    asked = json.dumps(list(objects))
    answer = subprocess.run([PROGRAM.build()], input=asked, capture_output=True, text=True, check=True)
    return [each["status"] for each in json.loads(answer.stdout)]
