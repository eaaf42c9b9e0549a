"""One measured figure and the limit that it has to keep."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Figure:
    """`least` or `most` is the limit; neither: for information. `details` are what it was computed from."""

    name: str
    value: float
    unit: str = ""
    least: float | None = None
    most: float | None = None
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        return (self.least is None or self.value >= self.least) and (self.most is None or self.value <= self.most)

    @property
    def shown(self) -> str:
        return f"{self.value:.2f} {self.unit}".strip()

    @property
    def limit_shown(self) -> str:
        if self.least is not None:
            return f"≥ {self.least:g} {self.unit}".strip()
        return f"≤ {self.most:g} {self.unit}".strip() if self.most is not None else ""

    def as_json(self) -> dict[str, Any]:
        limits = {"least": self.least, "most": self.most}
        return {"name": self.name, "value": self.value, "unit": self.unit, **limits, "details": self.details}
