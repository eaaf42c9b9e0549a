"""What nobody could verify about API Management's gateway, both ways."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class GatewaySwitches:
    apim_missing_section_inherits: bool = False
    """A section that a policy document leaves out inherits, as if it held `<base />`. UNVERIFIED."""
