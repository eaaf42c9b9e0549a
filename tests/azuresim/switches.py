"""
What nobody could verify, or what Azure does both ways, as switches: `world.switches.<name> = ...`.

Each field says what it turns, and where the doubt comes from. A test of a switch tests both sides. Authors of further
services add their fields in their own section below; the name starts with the service.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass
class Switches:
    # --- ARM ----------------------------------------------------------------------------------------------------
    arm_throttle: bool = False
    """Enforce the token buckets (250/25 reads, 200/10 writes, 200/10 deletes). Documented; off so that tests are
    calm."""
    arm_post_spends: Literal["writes", "reads"] = "writes"
    """Which bucket a POST action spends. Documentation speaks of read and write requests only: UNVERIFIED."""
    arm_specific_token_codes: bool = False
    """ExpiredAuthenticationToken and InvalidAuthenticationTokenAudience (both bodies are quoted in threads of
    Azure/Azure-Sentinel) instead of one InvalidAuthenticationToken for every refused token."""
    operation_polls: int = 1
    """How many polls of a long-running operation see it still running."""
    operation_seconds: float | None = None
    """When set, operations end by the world's clock after so many seconds, instead of by polls."""
    operation_retry_after: int | None = 0
    """Retry-After of a running operation; None leaves the header out."""

    # --- Entra and Graph ----------------------------------------------------------------------------------------
    entra_specific_federation_codes: bool = False
    """AADSTS700211 / 700213 / 700212 (issuer, subject, audience) instead of AADSTS70021 when no federated credential
    matches. Both are quoted in threads of Azure/azure-workload-identity, the specific ones since 2025."""
    graph_visibility_seconds: float = 0.0
    """How long reads after a write see the old state (404 for new objects). Minutes have been seen in the field."""
    graph_nested_merge: bool = True
    """PATCH of `web` (and other complex types) keeps omitted nested members. UNVERIFIED for nested members."""
    graph_owned_by_assigns_roles: bool = False
    """Application.ReadWrite.OwnedBy suffices for appRoleAssignedTo on an owned service principal. Reports disagree."""
    graph_owned_by_makes_owner: bool = True
    """An app created under OwnedBy is owned by its creator. UNVERIFIED."""

    # --- API Management (apim.py, gateway.py): its author adds fields here ------------------------------------------
    apim_page_size: int = 100
    """Entities on one page of a list when `$top` is not sent. The server's own number is not published."""
    apim_updating_refuses_children: bool = False
    """Writes to children get 409 while the service is Updating. Whether and on which tiers: UNVERIFIED."""
    apim_service_polls: Literal["status", "results"] = "status"
    """How an update of the service is followed: Azure-AsyncOperation beside Location, under the subscription
    (Azure/azure-service-operator recording), or Location alone, under the service (Azure/azure-cli recording of a
    Consumption service)."""
    apim_identity_map_merges: bool = True
    """PATCH of `userAssignedIdentities` keeps identities that it does not name (null detaches one). UNVERIFIED."""
    apim_named_value_writes: Literal["operation", "resource", "accepted"] = "operation"
    """PUT answers 201/200 with a status URL (2024-05-01 capture), with an async URL that answers the resource
    (Azure/azure-sdk-for-python tracker), or 202 with Location only (2021-08-01 capture)."""
    apim_named_value_writes_fail: bool = False
    """Named value writes are accepted and then fail: a create leaves nothing, an update the old value."""
    apim_backend_protects_named_value: bool = False
    """A named value that only a backend refers to cannot be deleted. Documented for policies, UNVERIFIED for
    backends."""
    apim_policy_protects_backend: bool = True
    """A backend that a policy names cannot be deleted. UNVERIFIED."""
    apim_api_delete_status: Literal[200, 202] = 200
    """What DELETE of an API answers. The contract says 202 since 2024-05-01 and 200 before; no capture is public."""
    apim_paths_ignore_case: bool = True
    """API paths that differ only in case are the same path. UNVERIFIED."""
    apim_missing_section_inherits: bool = False
    """A section that a policy document leaves out inherits, as if it held `<base />`. UNVERIFIED."""

    # --- App Service, Easy Auth (web.py, easyauth.py): its author adds fields here ----------------------------------
