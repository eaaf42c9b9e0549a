"""The dashboard's panels, and the answers of a Prometheus to their queries."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from monitoring.run import Recording
from monitoring.server import Series
from stage import DEPLOY

DASHBOARD = DEPLOY / "monitoring" / "dashboard.json"
RATE_SECONDS = 10
POINTS = 120


@dataclass(frozen=True, kw_only=True)
class Query:
    """One of the queries of a panel, as Grafana sends it."""

    expression: str
    legend: str

    def named(self, labels: Mapping[str, str]) -> str:
        """What the legend says of a series."""
        return re.sub(r"\{\{\s*(\w+)\s*}}", lambda found: labels.get(found[1], ""), self.legend)


@dataclass(frozen=True, kw_only=True)
class Panel:
    """What is drawn of it: where it stands on a grid of 24 columns, and what it asks."""

    title: str
    stat: bool
    unit: str
    place: tuple[int, int, int, int]
    queries: tuple[Query, ...]

    def answers(self, recording: Recording) -> list[tuple[str, Series]]:
        """Each series with its name in the legend, over the time of the recording."""
        step = max(1.0, (recording.end - recording.start) / POINTS)
        return [
            (query.named(series[0]), series)
            for query in self.queries
            for series in recording.prometheus.over_time(query.expression, recording.start, recording.end, step)
        ]


def panels(seconds: float) -> Iterator[Panel]:
    """All of them; their queries are about so many seconds."""
    variables = {"$__rate_interval": f"{RATE_SECONDS}s", "$__range": f"{seconds:.0f}s", "$job": ".*"}
    for each in json.loads(DASHBOARD.read_text())["panels"]:
        yield Panel(
            title=each["title"],
            stat=each["type"] == "stat",
            unit=each["fieldConfig"]["defaults"]["unit"],
            place=tuple(each["gridPos"][name] for name in "xywh"),
            queries=tuple(_query(target, variables) for target in each["targets"]),
        )


def _query(target: Mapping[str, Any], variables: Mapping[str, str]) -> Query:
    expression = str(target["expr"])
    for name, value in variables.items():
        expression = expression.replace(name, value)
    return Query(expression=expression, legend=target["legendFormat"])
