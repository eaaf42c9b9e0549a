"""What nobody could verify about API Management's management plane, both ways."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass
class ApimSwitches:
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
    apim_api_delete_status: Literal[200, 202] = 202
    """What DELETE of an API answers. The contract says 202 since 2024-05-01 (before it 200, which is not switched); no
    capture is public."""
    apim_paths_ignore_case: bool = True
    """API paths that differ only in case are the same path. UNVERIFIED."""
    apim_import_words: Literal["request", "document"] = "request"
    """Whose title and description an API has that is made from a document: those that came along in the request, or
    the document's own. UNVERIFIED."""
