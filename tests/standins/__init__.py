"""
Programs that the pages use and that cannot do here what they do: they need an Azure, a container engine, a node.

`folder` fills a folder for PATH. Each takes what the real one takes, and answers what later commands of the page need.
"""

import sys
from pathlib import Path

MAIN = Path(__file__).parent / "main.py"
PROGRAMS = ("az", "docker", "jq", "kubectl", "terraform")


def fill(folder: Path) -> Path:
    """The folder, with a program of each name in it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in PROGRAMS:
        program = folder / name
        program.write_text(f'#!/bin/sh\nSTANDINS={folder} exec {sys.executable} {MAIN} {name} "$@"\n')
        program.chmod(0o755)
    return folder
