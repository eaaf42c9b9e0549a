"""The regions that this Azure has, and their two spellings: `westeurope` and `West Europe`."""

from __future__ import annotations

from typing import Any

REGIONS: dict[str, tuple[str, str, str, str, str, str]] = {
    "westeurope": ("West Europe", "Europe", "Netherlands", "52.3667", "4.9", "northeurope"),
    "northeurope": ("North Europe", "Europe", "Ireland", "53.3478", "-6.2597", "westeurope"),
    "eastus": ("East US", "US", "Virginia", "37.3719", "-79.8164", "westus"),
    "westus": ("West US", "US", "California", "37.783", "-122.417", "eastus"),
    "eastus2": ("East US 2", "US", "Virginia", "36.6681", "-78.3889", "centralus"),
    "westus2": ("West US 2", "US", "Washington", "47.233", "-119.852", "westcentralus"),
    "centralus": ("Central US", "US", "Iowa", "41.5908", "-93.6208", "eastus2"),
    "westcentralus": ("West Central US", "US", "Wyoming", "40.890", "-110.234", "westus2"),
    "uksouth": ("UK South", "Europe", "London", "50.941", "-0.799", "ukwest"),
    "ukwest": ("UK West", "Europe", "Cardiff", "53.427", "-3.084", "uksouth"),
    "germanywestcentral": ("Germany West Central", "Europe", "Frankfurt", "50.110924", "8.682127", "germanynorth"),
    "germanynorth": ("Germany North", "Europe", "Berlin", "53.073635", "8.806422", "germanywestcentral"),
    "francecentral": ("France Central", "Europe", "Paris", "46.3772", "2.3730", "francesouth"),
    "francesouth": ("France South", "Europe", "Marseille", "43.8345", "2.1972", "francecentral"),
    "swedencentral": ("Sweden Central", "Europe", "Gävle", "60.67488", "17.14127", "swedensouth"),
    "swedensouth": ("Sweden South", "Europe", "Malmö", "55.6059", "13.0007", "swedencentral"),
    "japaneast": ("Japan East", "Asia Pacific", "Tokyo, Saitama", "35.68", "139.77", "japanwest"),
    "japanwest": ("Japan West", "Asia Pacific", "Osaka", "34.6939", "135.5022", "japaneast"),
    "australiaeast": ("Australia East", "Asia Pacific", "New South Wales", "-33.86", "151.2094", "australiasoutheast"),
    "australiasoutheast": ("Australia Southeast", "Asia Pacific", "Victoria", "-37.8136", "144.9631", "australiaeast"),
    "southeastasia": ("Southeast Asia", "Asia Pacific", "Singapore", "1.283", "103.833", "eastasia"),
    "eastasia": ("East Asia", "Asia Pacific", "Hong Kong", "22.267", "114.188", "southeastasia"),
}
"""Display name, geography group, place, latitude, longitude, paired region. Source: `az account list-locations`."""

GEOGRAPHIES = {
    **dict.fromkeys(("eastus", "westus", "eastus2", "westus2", "centralus", "westcentralus"), "United States"),
    **dict.fromkeys(("uksouth", "ukwest"), "United Kingdom"),
    **dict.fromkeys(("germanywestcentral", "germanynorth"), "Germany"),
    **dict.fromkeys(("francecentral", "francesouth"), "France"),
    **dict.fromkeys(("swedencentral", "swedensouth"), "Sweden"),
    **dict.fromkeys(("japaneast", "japanwest"), "Japan"),
    **dict.fromkeys(("australiaeast", "australiasoutheast"), "Australia"),
}
"""Where data stay, for regions whose geography is not called as their group of geographies is. Source:
learn.microsoft.com/azure/reliability/regions-list."""


def plain(location: str) -> str:
    """`westeurope` of `West Europe`: what ARM keeps and shows for its own types."""
    return location.replace(" ", "").lower()


def display(location: str) -> str:
    """`West Europe` of either spelling; what is no region stays as it was written."""
    found = REGIONS.get(plain(location))
    return found[0] if found is not None else location


def shown(subscription: str, name: str) -> dict[str, Any]:
    display, group, place, latitude, longitude, paired = REGIONS[name]
    at = f"/subscriptions/{subscription}/locations"
    return {
        "id": f"{at}/{name}",
        "name": name,
        "type": "Region",
        "displayName": display,
        "regionalDisplayName": f"({group}) {display}",
        "metadata": {
            "regionType": "Physical",
            "regionCategory": "Recommended",
            "geography": GEOGRAPHIES.get(name, group),
            "geographyGroup": group,
            "longitude": longitude,
            "latitude": latitude,
            "physicalLocation": place,
            "pairedRegion": [{"name": paired, "id": f"{at}/{paired}"}],
        },
    }
