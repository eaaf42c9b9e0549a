"""
Which Azure resources a binding may name at all. Pure.

The operator holds wide rights in Azure on behalf of many namespaces. So it fails closed: its own setting lists the
subscriptions and resource groups that bindings may name, and a namespace's annotation narrows that further.
"""

from collections.abc import Iterable, Iterator

from funcgate.errors import Unmet
from funcgate.spec import GROUP, Spec, UserAssigned

ANNOTATION = f"{GROUP}/azure-scopes"
REASON = "ScopeNotAllowed"


def from_annotation(text: str | None) -> tuple[str, ...] | None:
    """The namespace's scopes, separated by commas; None when it does not narrow anything. Empty allows nothing."""
    if text is None:
        return None
    return tuple(scope.strip() for scope in text.split(",") if scope.strip())


def refused(spec: Spec, allowed: Iterable[str], narrowed: Iterable[str] | None) -> Unmet | None:
    """Why this spec may not be acted on: the first of its ids that lies outside. None when all lie inside."""
    for field, id_ in _ids(spec):
        if not _within_any(id_, allowed):
            return _unmet(field, id_, "the operator's setting azureScopes; ask whoever runs funcgate to add")
        if narrowed is not None and not _within_any(id_, narrowed):
            return _unmet(field, id_, f"the namespace's annotation {ANNOTATION}; ask the cluster's admin to add")
    return None


def _ids(spec: Spec) -> Iterator[tuple[str, str]]:
    yield "spec.apiManagement.id", spec.api_management.id
    yield "spec.functionApp.id", spec.function_app.id
    if isinstance(spec.api_management.identity, UserAssigned):
        yield "spec.apiManagement.identity.id", spec.api_management.identity.id


def _within_any(id_: str, scopes: Iterable[str]) -> bool:
    """Whether the id is one of the scopes or below one; ids compare without case, and only whole segments count."""
    path = id_.lower()
    return any(f"{path}/".startswith(f"{scope.lower().rstrip('/')}/") for scope in scopes if scope.strip("/ "))


def _unmet(field: str, id_: str, what: str) -> Unmet:
    group = "/".join(id_.split("/")[:5])
    return Unmet(REASON, f"{field} lies outside {what} {group}, or name another resource", stalled=True)
