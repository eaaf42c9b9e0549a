"""What nobody could verify about App Service, Easy Auth and the functions host, both ways."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass
class WebSwitches:
    easy_auth_v1_token_passes_v2_issuer: bool = False
    """A v1 token passes an `openIdIssuer` ending in `/v2.0`. The documentation says to drop the `/v2.0` for an
    application that uses v1 tokens; many sites run with both. Sources disagree."""
    easy_auth_empty_allow_list: Literal["allows all", "refuses all"] = "allows all"
    """What `allowedApplications: []` means, and no list beside `allowedAudiences`. The documentation enforces only a
    list with entries; in production every valid token got 403 then (pnp/Microsoft365-Analytics-Insights)."""
    easy_auth_excluded_paths: Literal["prefix", "exact"] = "prefix"
    """How a path is held against `excludedPaths`. Published nowhere."""
    functions_listed_while_down: bool = False
    """ARM lists functions from its cache while the functions host is down, instead of passing on the host's error."""
