"""The screen of the demo: what a run prints, as people read it."""

import re
from pathlib import Path

import pytest
from lxml import etree

import screen

REPOSITORY = Path(__file__).parents[2]

PRINTED = """\
==> the operator starts: funcgate run (log: /tmp/operator.log)
==> kubectl get functionapibindings --watch
    NAMESPACE   NAME      READY   REASON   API   URL   AGE
    shop        orders    Unknown   Pending               3s
    NAME      READY   REASON   API       URL
    orders    True    InSync   orders    https://contoso.azure-api.net
    8 s
==> after: only API Management gets in
    orders: past the gateway, with the key ............................. 401
    orders: the function saw a token with aud=00000072-f00d-4000-8000-000000000000
"""


def test_the_screen_tells_the_story_and_leaves_the_rest_out() -> None:
    assert [line.split()[0] for line in screen.told(PRINTED)] == ["$", "==>", "NAME", "orders", "==>", "orders:"]


@pytest.mark.parametrize(
    ("line", "style", "reason"),
    [
        ("    orders: past the gateway, with the key ... 200", screen.BAD, "whoever has the key gets in"),
        ("    orders: past the gateway, with the key ... 401", screen.GOOD, "the door is closed"),
        ("    orders: through the gateway .............. 200", screen.GOOD, "callers get through"),
    ],
)
def test_what_should_not_be_is_red_and_what_should_is_green(line: str, style: str, reason: str) -> None:
    assert screen.coloured(line).spans[-1].style == style, reason


def test_the_screen_in_the_readme_is_of_a_run_that_came_out_well_and_loads_nothing() -> None:
    assert "](docs/images/demo.svg)" in (REPOSITORY / "README.md").read_text()
    text = screen.PICTURE.read_text()
    shown = "\n".join(str(each) for each in etree.fromstring(text.encode()).itertext())
    for said in ("==> before", "==> after", "easyAuth.enabled: false → true", " 401"):
        assert said in shown.replace("\xa0", " ")
    assert "expected" not in shown
    assert re.findall(r"(?:href|src|url)\W+https?:[^\s\"]*|@import|@font-face", text) == []
