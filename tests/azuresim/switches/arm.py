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
