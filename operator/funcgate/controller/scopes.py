"""
Which Azure resources and registrations a binding may name at all. Pure.

The operator holds wide rights in Azure on behalf of many namespaces. So it fails closed: its own setting lists the
subscriptions and resource groups that bindings may name, and a namespace's annotations narrow that further.
"""

from collections.abc import Iterable, Iterator, Mapping
from string import ascii_lowercase, ascii_uppercase
from uuid import UUID

from funcgate.errors import Unmet
from funcgate.spec import GROUP, Spec, UserAssigned

ANNOTATION = f"{GROUP}/azure-scopes"
CLIENT_IDS = f"{GROUP}/client-ids"
AZURE_CLIENT_ID = f"{GROUP}/azure-client-id"
REASON = "ScopeNotAllowed"
_LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)


def folded(id_: str) -> str:
    """The one form that ids are compared in. Only A to Z have a case: `str.lower` makes a k of the Kelvin sign too."""
    return id_.translate(_LOWER)


def listed(text: str | None) -> tuple[str, ...] | None:
    """What an annotation lists with commas between, for comparing; None when there is none. Empty lists nothing."""
    if text is None:
        return None
    return tuple(folded(each.strip()) for each in text.split(",") if each.strip())


def refused(spec: Spec, allowed: Iterable[str], annotations: Mapping[str, str]) -> Unmet | None:
    """Why this spec may not be acted on in a namespace with these annotations: the first id that lies outside."""
    if acts_as(annotations) == "":
        return Unmet(
            REASON,
            f"the namespace's annotation {AZURE_CLIENT_ID} is no client id (a GUID); ask the cluster's admin to "
            "correct or remove it",
            stalled=True,
        )
    narrowed = listed(annotations.get(ANNOTATION))
    for field, id_ in _ids(spec):
        if not _within_any(id_, allowed):
            return _unmet(field, id_, "the operator's setting azureScopes; ask whoever runs funcgate to add")
        if narrowed is not None and not _within_any(id_, narrowed):
            return _unmet(field, id_, f"the namespace's annotation {ANNOTATION}; ask the cluster's admin to add")
    return refused_registration(spec.entra.client_id, annotations) if spec.entra.client_id else None


def acts_as(annotations: Mapping[str, str]) -> str | None:
    """
    The client id of the identity that acts in Azure for a namespace with these annotations; None is the operator's own.

    Empty for an annotation that says none: then nobody acts.
    """
    text = annotations.get(AZURE_CLIENT_ID)
    if text is None:
        return None
    try:
        return str(UUID(text.strip()))
    except ValueError:
        return ""


def refused_registration(client_id: str, annotations: Mapping[str, str]) -> Unmet | None:
    """Why a binding in a namespace with these annotations may not use this registration."""
    named = listed(annotations.get(CLIENT_IDS))
    if named is None or folded(client_id) in named:
        return None
    return Unmet(
        REASON,
        f"the registration {client_id} is not in the namespace's annotation {CLIENT_IDS}; ask the cluster's admin to "
        "add it, or name another one in spec.entra.registration",
        stalled=True,
    )


def _ids(spec: Spec) -> Iterator[tuple[str, str]]:
    yield "spec.apiManagement.id", spec.api_management.id
    yield "spec.functionApp.id", spec.function_app.id
    if isinstance(spec.api_management.identity, UserAssigned):
        yield "spec.apiManagement.identity.id", spec.api_management.identity.id


def _within_any(id_: str, scopes: Iterable[str]) -> bool:
    """Whether the id is one of the scopes or below one; only whole segments count."""
    path = folded(id_)
    return any(f"{path}/".startswith(f"{folded(scope).rstrip('/')}/") for scope in scopes if scope.strip("/ "))


def _unmet(field: str, id_: str, what: str) -> Unmet:
    group = "/".join(id_.split("/")[:5])
    return Unmet(REASON, f"{field} lies outside {what} {group}, or name another resource", stalled=True)
