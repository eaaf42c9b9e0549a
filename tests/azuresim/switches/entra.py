"""What nobody could verify about Entra's tokens and sign-in, both ways."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class EntraSwitches:
    entra_specific_federation_codes: bool = False
    """AADSTS700211 / 700213 / 700212 (issuer, subject, audience) instead of AADSTS70021 when no federated credential
    matches. Both are quoted in threads of Azure/azure-workload-identity, the specific ones since 2025."""

    sign_in_delivery_seconds: float = 0.0
    """How long after a sign-in its row can be queried in Log Analytics. Minutes to about an hour in practice; no page
    promises a figure."""
