"""Federated credentials of managed identities: the resource, and what Entra then trusts, are the same thing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azuresim.resources import Document

if TYPE_CHECKING:
    from azuresim.world import World

TYPE = "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials"


def trust(world: World, document: Document) -> None:
    """Assertions of this issuer for this subject are proofs of the identity from now on."""
    properties = document.properties
    for audience in properties["audiences"]:
        world.entra.add_federated_credential(
            document.private["client_id"],
            issuer=properties["issuer"],
            subject=properties["subject"],
            audience=audience,
        )


def forget(world: World, document: Document) -> None:
    """They are no proofs any more; nothing happens for a document of another type."""
    if document.body.get("type") != TYPE:
        return
    properties, client_id = document.properties, document.private["client_id"]
    world.entra.federated = [
        one
        for one in world.entra.federated
        if (one.client_id, one.issuer, one.subject) != (client_id, properties["issuer"], properties["subject"])
    ]
