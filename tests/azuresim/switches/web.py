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
    site_put_resets_what_it_omits: bool = True
    """A PUT of a site takes `httpsOnly`, `clientCertEnabled` and their like back to their defaults when it leaves them
    out, instead of keeping them. Templates and providers send all of them; sources disagree."""
    flex_refuses_extension_version: bool = False
    """`FUNCTIONS_EXTENSION_VERSION` is refused among the app settings of Flex Consumption, as the other settings of the
    deprecated list are. Azure/azure-functions-host tracker (10714) shows a site that needed it."""
    slot_swap_takes_auth_settings: bool = False
    """A swap exchanges the authentication settings of two slots. Published nowhere."""
