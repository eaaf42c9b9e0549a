"""A site as JSON and back."""

import json

import pytest

from azuresim.web import site_from_json, site_of, site_to_json
from contract.web_world import SITE, web


async def test_a_site_that_was_written_as_json_reads_back_the_same() -> None:
    """No Azure behaviour: A property of the simulator, not of Azure."""
    async with web() as here:
        here.site.app_settings["A"] = "b"
        here.site.connection_strings["db"] = {"value": "x", "type": "Custom"}
        saved = json.loads(json.dumps(site_to_json(here.site)))
        assert site_to_json(site_from_json(saved)) == saved
        assert site_from_json(saved).keys == site_of(here.world, SITE).keys


def test_what_is_no_site_is_refused() -> None:
    """No Azure behaviour: A property of the simulator, not of Azure."""
    with pytest.raises(ValueError, match="route_prefix"):
        site_from_json({"route_prefix": 5})
