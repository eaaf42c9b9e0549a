"""The audit log of kube-apiserver, read as the list of what was asked of it.

Source: kubernetes.io/docs/reference/config-api/apiserver-audit.v1.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [{"level": "None", "nonResourceURLs": ["/readyz*", "/livez*"]}, {"level": "Metadata"}],
}


@dataclass(frozen=True, kw_only=True)
class AuditEntry:
    """One request. `resource` is empty where the path names none, as in discovery; `user` where nobody is known."""

    verb: str
    resource: str
    subresource: str
    namespace: str
    name: str
    status: int
    user: str
    path: str


def read(log: Path, user: str | None = None) -> list[AuditEntry]:
    """All requests so far, or those of one user, in the order of their answers. A watch counts from its start."""
    # A watch is logged when it starts and again when it ends, under the same id. Most others are logged only when they
    # end, those without a valid identity only when they start.
    requests: dict[str, dict[str, Any]] = {}
    for event in _events(log):
        requests.setdefault(event["auditID"], event)
    return [entry for event in requests.values() if user in (None, (entry := _entry(event)).user)]


def _events(log: Path) -> Iterator[dict[str, Any]]:
    if not log.exists():
        return
    with log.open(encoding="utf-8") as lines:
        for line in lines:
            if line.endswith("\n"):  # the last one may still be on its way
                yield json.loads(line)


def _entry(event: dict[str, Any]) -> AuditEntry:
    target = event.get("objectRef", {})
    return AuditEntry(
        verb=event["verb"],
        resource=target.get("resource", ""),
        subresource=target.get("subresource", ""),
        namespace=target.get("namespace", ""),
        name=target.get("name", ""),
        status=event.get("responseStatus", {}).get("code", 0),
        user=event["user"].get("username", ""),
        path=event["requestURI"],
    )
