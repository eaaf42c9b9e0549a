"""What nobody could verify about Resource Manager, both ways."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass
class ArmSwitches:
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
    arm_enforce_roles: bool = False
    """Callers may do only what role assignments at or above the scope grant. What Azure does; off so that tests of
    other things need no assignments (`world.denied` always counts)."""
    arm_role_propagation_seconds: float = 0.0
    """How long after its creation an assignment does not count yet, by the world's clock. Up to 10 minutes are
    documented."""
    arm_registration_polls: int = 1
    """How many looks at a provider see it still Registering or Unregistering."""
    arm_page_size: int = 1000
    """Most items in a page of subscriptions, groups, resources, identities and role assignments. How many Azure sends
    differs by list and is documented for few of them."""
    arm_unknown_version: Literal["InvalidApiVersionParameter", "NoRegisteredProviderFound"] = (
        "InvalidApiVersionParameter"
    )
    """The code for an api-version that a provider's type does not have. Both are quoted in trackers: the first in
    Azure/azure-cli and Azure/azure-sdk-for-go, the second in Azure/azure-powershell and
    hashicorp/terraform-provider-azurerm."""
    activity_log_seconds: float = 0.0
    """How long after it happened an event is in the Activity Log. Usually 3 to 20 minutes, as
    learn.microsoft.com/azure/azure-monitor/platform/activity-log says."""
    activity_log_children: bool = True
    """Events of what lies below a resource are found by the resource's own `resourceUri`. UNVERIFIED."""
