"""Regions by the two names that they have: `westeurope` in ids and requests, `West Europe` in App Service's answers."""

from __future__ import annotations

NAMES = """Australia East|Australia Southeast|Brazil South|Canada Central|Canada East|Central India|Central US|East Asia
East US|East US 2|France Central|Germany West Central|Italy North|Japan East|Japan West|Korea Central|North Central US
North Europe|Norway East|Poland Central|South Africa North|South Central US|South India|Southeast Asia|Spain Central
Sweden Central|Switzerland North|UAE North|UK South|UK West|West Central US|West Europe|West India|West US|West US 2
West US 3""".replace("\n", "|").split("|")
REGIONS = {name.replace(" ", "").lower(): name for name in NAMES}


def code(location: str) -> str:
    """`westeurope` of either spelling."""
    return location.replace(" ", "").lower()


def display(location: str) -> str:
    """`West Europe`; a region that is not known stays as it was written."""
    return REGIONS.get(code(location), location)


def short(location: str) -> str:
    """`WestEurope`, as web spaces are called."""
    return display(location).replace(" ", "")
