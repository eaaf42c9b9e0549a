"""A service at the other end of a wire that says what a test tells it to; time that passes only while sleeping."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from funcgate.azure.http import Answer, Call

ARM = "https://management.azure.com"
ABSENT = {"error": {"code": "ResourceNotFound", "message": "Not found."}}


@dataclass
class Wire:
    """A transport with prepared answers by method and path; the last one is repeated, all else is 404. No case."""

    answers: dict[tuple[str, str], list[Answer | Exception]] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)

    def says(
        self, method: str, path: str, status: int = 200, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> "Wire":
        content = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else b""
        answer = Answer(status=status, headers=dict(headers or {}), content=content)
        self.answers.setdefault((method, path.lower()), []).append(answer)
        return self

    def breaks(self, method: str, path: str, error: Exception) -> "Wire":
        self.answers.setdefault((method, path.lower()), []).append(error)
        return self

    async def __call__(self, call: Call) -> Answer:
        self.calls.append(call)
        prepared = self.answers.get((call.method, urlsplit(call.url).path.lower()))
        if not prepared:
            return Answer(status=404, headers={}, content=json.dumps(ABSENT).encode())
        answer = prepared.pop(0) if len(prepared) > 1 else prepared[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    @property
    def asked(self) -> list[str]:
        return [f"{call.method} {urlsplit(call.url).path}" for call in self.calls]

    @property
    def written(self) -> list[Call]:
        return [call for call in self.calls if call.writes]


@dataclass
class Sleeper:
    """Time that only passes while sleeping."""

    naps: list[float] = field(default_factory=list)

    async def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)

    def now(self) -> float:
        return sum(self.naps)
