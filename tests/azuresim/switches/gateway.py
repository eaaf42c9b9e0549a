"""What nobody could verify about API Management's gateway, both ways."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass
class GatewaySwitches:
    apim_missing_section_inherits: bool = False
    """A section that a policy document leaves out inherits, as if it held `<base />`. UNVERIFIED."""

    apim_wrong_key_of_open_api: Literal["refused", "ignored"] = "refused"
    """
    A key that fits nothing, sent to an API that needs none and is in no open product: 401 as the rules of
    learn.microsoft.com/azure/api-management/api-management-subscriptions read, or let through. UNVERIFIED.
    """

    apim_subscription_key_forwarded: bool = False
    """The backend gets the caller's subscription key. UNVERIFIED: samples that delete the header suggest it may."""

    apim_cache_hit_runs_outbound: bool = True
    """An answer from `cache-lookup` still passes the outbound section. UNVERIFIED."""

    apim_backend_timeout_status: Literal[500, 504] = 504
    """What a caller gets when `forward-request` waited too long. UNVERIFIED: the reason `Timeout` is documented."""

    apim_trace_ready_seconds: float = 0.0
    """How long after the answer a trace can be read. UNVERIFIED: no page promises that it is there at once."""

    apim_ocp_trace: bool = False
    """The retired `Ocp-Apim-Trace: true` still leads to a trace, for subscriptions with `allowTracing`."""
