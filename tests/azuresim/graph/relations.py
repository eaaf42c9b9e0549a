"""
What is related to an application or a service principal, by the name of the relation.

Sources: microsoftgraph/msgraph-metadata (names), learn.microsoft.com/graph/api (serviceprincipal-list-*). Of policies,
memberships and the like the simulated tenant has none.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from azuresim.entra.directory import Body

if TYPE_CHECKING:
    from azuresim.world import World


def owners_of(world: World, found: Body) -> list[Body]:
    owners = (world.entra.service_principals.get(one) for one in sorted(world.entra.owners.get(found["id"], ())))
    return [typed("servicePrincipal", one) for one in owners if one is not None]


def owned_by(world: World, principal: Body) -> list[Body]:
    entra = world.entra
    return [
        typed(kind, one)
        for kind, objects in (("application", entra.applications), ("servicePrincipal", entra.service_principals))
        for one in objects.values()
        if principal["id"] in entra.owners.get(one["id"], ())
    ]


def typed(kind: str, body: Body) -> Body:
    """The body as one of a list that holds objects of several types."""
    return {"@odata.type": f"#microsoft.graph.{kind}", **body}


def credentials_of(world: World, application: Body) -> list[Body]:
    return list(world.entra.federated_bodies.get(application["id"], {}).values())


def grants_of(world: World, principal: Body) -> list[Body]:
    return [one for one in world.entra.permission_grants.values() if one["clientId"] == principal["id"]]


def assigned_to(world: World, resource: Body) -> list[Body]:
    return [one for one in world.entra.assignments.values() if one["resourceId"] == resource["id"]]


def assignments_of(world: World, principal: Body) -> list[Body]:
    return [one for one in world.entra.assignments.values() if one["principalId"] == principal["id"]]


RELATED: dict[str, Callable[[World, Body], list[Body]]] = {
    "owners": owners_of,
    "ownedObjects": owned_by,
    "federatedIdentityCredentials": credentials_of,
    "oauth2PermissionGrants": grants_of,
    "appRoleAssignedTo": assigned_to,
    "appRoleAssignments": assignments_of,
}


def related_of(world: World, body: Body, name: str) -> list[Body]:
    find = RELATED.get(name)
    return [] if find is None else find(world, body)
