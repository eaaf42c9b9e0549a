"""What nobody could verify about Microsoft Graph, both ways."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class GraphSwitches:
    graph_visibility_seconds: float = 0.0
    """How long reads after a write see the old state (404 for new objects). Minutes have been seen in the field."""
    graph_page_size: int = 100
    """Objects in a page of a list without $top. 100 is documented; smaller pages make clients follow links."""
    graph_rights_from_token: bool = True
    """Rights are the roles in the caller's token, as they were when it was issued, which is what Graph does; off, what
    is granted and taken away counts at once."""
    graph_nested_merge: bool = True
    """PATCH of `web` (and other complex types) keeps omitted nested members. UNVERIFIED for nested members."""
    graph_owned_by_assigns_roles: bool = False
    """Application.ReadWrite.OwnedBy suffices for appRoleAssignedTo on an owned service principal. Reports disagree."""
    graph_owned_by_makes_owner: bool = True
    """An app created under OwnedBy is owned by its creator. UNVERIFIED."""
    graph_identifier_uri_policy: bool = False
    """The tenant takes only identifier URIs that hold its id, a verified domain of it or the client id; newer tenants
    begin so."""
    graph_throttle: bool = False
    """Who has spent the resource units of a small tenant, or its writes, is refused with 429."""
