"""
The pictures of the documentation, anew: `make pictures`.

A real kube-apiserver, a simulated Azure and the operator live through `run.py`, a real Prometheus scrapes it, and the
dashboard is drawn from what it answers.
"""

import sys
import tempfile
from pathlib import Path

from controlplane import ControlPlane, build
from monitoring.dashboard import panels
from monitoring.drawing import drawn
from monitoring.run import recorded
from stage import DEPLOY, REPOSITORY, install

PICTURE = REPOSITORY / "docs" / "images" / "dashboard.svg"
SCRAPES = 12


def main() -> None:
    """Writes them."""
    build()
    with tempfile.TemporaryDirectory(prefix="funcgate-pictures-") as name, ControlPlane(Path(name) / "kube") as plane:
        install(plane)
        plane.kubectl("create", "namespace", "shop")
        rules = DEPLOY / "monitoring" / "rules.yaml"
        with recorded(plane, "shop", Path(name), rules, scrapes=SCRAPES) as done:
            answered = [(each, each.answers(done)) for each in panels(done.end - done.start)]
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    PICTURE.write_text(drawn(answered, done.start, done.end))
    sys.stdout.write(f"{PICTURE.relative_to(REPOSITORY)}: {len(answered)} panels\n")


if __name__ == "__main__":
    main()
