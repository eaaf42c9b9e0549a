"""What nobody could verify about Entra's tokens and sign-in, both ways."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class EntraSwitches:
    entra_specific_federation_codes: bool = False
    """AADSTS700211 / 700213 / 700212 (issuer, subject, audience) instead of AADSTS70021 when no federated credential
    matches. Both are quoted in threads of Azure/azure-workload-identity, the specific ones since 2025."""
