"""
`python -m bench [scenario …]`: runs the scenarios, prints one table, writes bench/out/<scenario>.json.

Ends with 1 when a figure misses its limit.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench import compare, one, simulator
from bench.figures import Figure

SCENARIOS = {"simulator": simulator.measure, "one": one.measure, "at-rest": one.at_rest, "compare": compare.measure}
OUT = Path(__file__).parent / "out"


def main(names: list[str]) -> int:
    unknown = [name for name in names if name not in SCENARIOS]
    if unknown:
        print(f"No scenario is called {', '.join(unknown)}. There are: {', '.join(SCENARIOS)}.", file=sys.stderr)
        return 2
    figures = {name: run(name) for name in names or SCENARIOS}
    Console().print(table(figures))
    return 0 if all(figure.holds for each in figures.values() for figure in each) else 1


def run(name: str) -> list[Figure]:
    print(f"==> {name}", flush=True)
    figures = SCENARIOS[name]()
    OUT.mkdir(exist_ok=True)
    (OUT / f"{name}.json").write_text(json.dumps([figure.as_json() for figure in figures], indent=2) + "\n")
    return figures


def table(figures: dict[str, list[Figure]]) -> Table:
    made = Table("scenario", "figure", "measured", "limit", "")
    for name, each in figures.items():
        for figure in each:
            made.add_row(name, figure.name, figure.shown, figure.limit_shown, "ok" if figure.holds else "MISSED")
    return made


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
