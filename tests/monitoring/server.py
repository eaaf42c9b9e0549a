"""A Prometheus of our own on a free loopback port: it scrapes, knows the rules, and answers queries."""

import json
import math
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from monitoring.programs import programs

START_SECONDS = 60
STOP_SECONDS = 20
CONFIG = """
global: {{scrape_interval: {seconds}s, evaluation_interval: {seconds}s}}
rule_files: {rules}
scrape_configs:
  - job_name: funcgate
    static_configs: [{{targets: ["{target}"]}}]
"""
Series = tuple[Mapping[str, str], Sequence[tuple[float, float]]]
"""Labels, and the points in time with their values."""

_open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open


class QueryError(Exception):
    """Prometheus did not take the query; the message is its own."""


class Prometheus:
    """Runs until the end of the `with`."""

    def __init__(self, folder: Path, target: str, *, rules: Sequence[Path] = (), every_seconds: int = 1) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        config = folder / "prometheus.yaml"
        names = json.dumps([str(each) for each in rules])
        config.write_text(CONFIG.format(seconds=every_seconds, rules=names, target=target))
        self._command = [
            str(programs().prometheus),
            f"--config.file={config}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--log.level=warn",
        ]

    def __enter__(self) -> Self:
        self._log = (self._folder / "prometheus.log").open("w+")
        self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log)
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.__exit__(None, None, None)
                raise RuntimeError(f"Prometheus did not start:\n{(self._folder / 'prometheus.log').read_text()}")
            time.sleep(0.05)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()

    def query(self, expression: str, at: float) -> list[Series]:
        """The answer at that moment: each series with one point. Raises QueryError."""
        data = self.get("query", query=expression, time=at)
        if data["resultType"] == "scalar":
            return [({}, _points([data["result"]]))]
        return [(each["metric"], _points([each["value"]])) for each in data["result"]]

    def over_time(self, expression: str, start: float, end: float, step: float) -> list[Series]:
        """The answers from then to then. Raises QueryError."""
        found = self.get("query_range", query=expression, start=start, end=end, step=step)
        return [(each["metric"], _points(each["values"])) for each in found["result"]]

    def get(self, what: str, **parameters: Any) -> Any:
        """What its API says. Raises QueryError."""
        url = f"{self.url}/api/v1/{what}?{urllib.parse.urlencode(parameters)}"
        try:
            with _open(url, timeout=30) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as refused:
            raise QueryError(json.load(refused).get("error", "")) from refused

    def _answers(self) -> bool:
        try:
            with _open(f"{self.url}/-/ready", timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


def _points(values: Sequence[Sequence[Any]]) -> list[tuple[float, float]]:
    points = [(float(at), float(value)) for at, value in values]
    return [each for each in points if math.isfinite(each[1])]


def free_port() -> int:
    """One that nobody listens on just now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
