"""
What an installation needs, as `doctor` checks it: the package's own copy of what `deploy/`, `crds/` and the guide say.

Tests hold each equal to the file that people apply.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from funcgate.spec import GROUP, PLURAL


@dataclass(frozen=True, kw_only=True)
class Right:
    """One verb on one resource; `at_home`: only in the operator's own namespace."""

    group: str
    resource: str
    verb: str
    at_home: bool = False

    def __str__(self) -> str:
        return f"{self.verb} {self.resource}"


RIGHTS = (
    *(Right(group=GROUP, resource=PLURAL, verb=verb) for verb in ("get", "list", "watch", "patch")),
    Right(group=GROUP, resource=f"{PLURAL}/status", verb="patch"),
    Right(group="events.k8s.io", resource="events", verb="create"),
    Right(group="", resource="namespaces", verb="get"),
    *(
        Right(group="coordination.k8s.io", resource="leases", verb=verb, at_home=True)
        for verb in ("get", "create", "update")
    ),
)
"""Of the operator's service account: deploy/rbac.yaml."""

ACTIONS = (
    "Microsoft.ApiManagement/locations/operationsStatuses/read",
    "Microsoft.ApiManagement/service/read",
    "Microsoft.ApiManagement/service/write",
    "Microsoft.ApiManagement/service/operationresults/read",
    "Microsoft.ApiManagement/service/tenant/operationResults/read",
    "Microsoft.ApiManagement/service/apis/read",
    "Microsoft.ApiManagement/service/apis/write",
    "Microsoft.ApiManagement/service/apis/delete",
    "Microsoft.ApiManagement/service/apis/operations/read",
    "Microsoft.ApiManagement/service/apis/operations/write",
    "Microsoft.ApiManagement/service/apis/operations/delete",
    "Microsoft.ApiManagement/service/apis/operations/policies/read",
    "Microsoft.ApiManagement/service/apis/operations/policies/write",
    "Microsoft.ApiManagement/service/apis/operations/policies/delete",
    "Microsoft.ApiManagement/service/apis/products/read",
    "Microsoft.ApiManagement/service/apis/policies/read",
    "Microsoft.ApiManagement/service/apis/policies/write",
    "Microsoft.ApiManagement/service/apis/policies/delete",
    "Microsoft.ApiManagement/service/backends/read",
    "Microsoft.ApiManagement/service/backends/write",
    "Microsoft.ApiManagement/service/backends/delete",
    "Microsoft.ApiManagement/service/policies/read",
    "Microsoft.ApiManagement/service/products/read",
    "Microsoft.ApiManagement/service/products/apis/write",
    "Microsoft.ApiManagement/service/subscriptions/read",
    "Microsoft.ApiManagement/service/namedValues/read",
    "Microsoft.ApiManagement/service/namedValues/write",
    "Microsoft.ApiManagement/service/namedValues/delete",
    "Microsoft.ApiManagement/service/namedValues/listValue/action",
    "Microsoft.ManagedIdentity/identities/read",
    "Microsoft.ManagedIdentity/userAssignedIdentities/read",
    "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action",
    "Microsoft.Resources/subscriptions/read",
    "Microsoft.Resources/subscriptions/resourceGroups/read",
    "Microsoft.Web/sites/Read",
    "Microsoft.Web/sites/config/Read",
    "Microsoft.Web/sites/config/Write",
    "Microsoft.Web/sites/functions/read",
    "Microsoft.Web/sites/host/listkeys/action",
    "Microsoft.Web/sites/host/functionkeys/write",
    "Microsoft.Web/sites/host/functionkeys/delete",
    "Microsoft.Web/sites/slots/Read",
    "Microsoft.Web/sites/slots/config/Read",
    "Microsoft.Web/sites/slots/config/Write",
    "Microsoft.Web/sites/slots/functions/read",
    "Microsoft.Web/sites/slots/host/listkeys/action",
    "Microsoft.Web/sites/slots/host/functionkeys/write",
    "Microsoft.Web/sites/slots/host/functionkeys/delete",
)
"""Of its identity in Azure: deploy/azure-role.json."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A permission of Microsoft Graph, by the id of its role, and what goes without it. `always`: most need it."""

    name: str
    id: str
    without: str
    always: bool = True


PERMISSIONS = (
    Wanted(
        name="Application.ReadWrite.OwnedBy",
        id="18a4783c-866b-4cc7-a460-3d5e5662c884",
        without="name registrations that exist, with spec.entra.harden: Nothing",
    ),
    Wanted(
        name="Application.Read.All",
        id="9a5d68dd-52b0-4cc2-bd40-abcf44ac3a30",
        without="state spec.entra.tokenVersion in each binding, or let funcgate make the registrations",
    ),
    Wanted(
        name="AppRoleAssignment.ReadWrite.All",
        id="06b708a9-e830-4db3-a914-8e69da51d44f",
        without="assign API Management's identity yourself where spec.entra.requireAssignment asks for it",
        always=False,
    ),
)
"""
Of the same identity in the directory: docs/how-to/install-on-aks.md.

Ids: learn.microsoft.com/graph/permissions-reference.
"""

GRAPH_CLIENT_ID = "00000003-0000-0000-c000-000000000000"
"""Microsoft Graph itself, in every tenant."""

SCHEMA = "0a3409cbca95"
"""The fingerprint of the schema in crds/ that this version was built for."""


def fingerprint(spec_and_status: Mapping[str, Any]) -> str:
    """
    The same for schemas that take and refuse the same.

    Descriptions do not count, nor do the Kubernetes extensions, which an API server publishes in words of its own.
    """
    text = json.dumps(_bare(spec_and_status), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _bare(node: Any) -> Any:
    if isinstance(node, list):
        return [_bare(each) for each in node]
    if not isinstance(node, dict):
        return node
    return {
        name: {each: _bare(inner) for each, inner in value.items()} if name == "properties" else _bare(value)
        for name, value in node.items()
        if name == "properties" or (name != "description" and not name.startswith("x-kubernetes-"))
    }
