"""The documentation as a site: all of it is in the navigation, it builds without a warning, and it loads nothing."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

REPOSITORY = Path(__file__).parents[2]
DOCS = REPOSITORY / "docs"
CONFIG = REPOSITORY / "mkdocs.yml"
KINDS = ["Learn", "Do", "Look up", "Understand"]


def leaves(nav: Any) -> Iterator[str]:
    """The pages of a navigation, in order."""
    if isinstance(nav, str):
        yield nav
    else:
        for each in nav.values() if isinstance(nav, dict) else nav:
            yield from leaves(each)


def test_every_page_is_in_the_navigation_once() -> None:
    listed = list(leaves(yaml.safe_load(CONFIG.read_text())["nav"]))
    assert sorted(listed) == sorted(str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md"))


def test_the_navigation_has_four_kinds_of_pages() -> None:
    nav = yaml.safe_load(CONFIG.read_text())["nav"]
    assert [next(iter(each)) for each in nav if isinstance(each, dict)] == KINDS


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site as `make site` builds it; fails where that warns."""
    folder = tmp_path_factory.mktemp("site")
    command = (sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", folder)
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    built = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=120)
    said = built.stdout + built.stderr
    assert (built.returncode, [line for line in said.splitlines() if not line.startswith("INFO")]) == (0, [])
    return folder


def test_the_site_builds_without_a_warning_and_has_every_page(site: Path) -> None:
    pages = {str(page.relative_to(DOCS).with_suffix(".html")) for page in DOCS.rglob("*.md")}
    assert pages <= {str(each.relative_to(site)) for each in site.rglob("*.html")}


def test_no_page_of_the_site_loads_anything_from_elsewhere(site: Path) -> None:
    loads = re.compile(
        r"<(?:script|img|iframe|link(?! rel=\"?canonical))\b[^>]*?(?:src|href)=\"?(?:https?:)?//[^\" >]+"
    )
    assert [found for page in site.rglob("*.html") for found in loads.findall(page.read_text())] == []
    styles = "".join(each.read_text() for each in site.rglob("*.css"))
    assert re.findall(r"url\(\"?(?:https?:)?//[^)]*", styles) == []


# --- commands


def scripts() -> Iterator[tuple[str, str]]:
    for page in (*REPOSITORY.glob("*.md"), *sorted(DOCS.rglob("*.md"))):
        for found in re.finditer(r"^( *)```sh\n(.*?)^ *```$", page.read_text(), re.MULTILINE | re.DOTALL):
            yield page.name, re.sub(rf"^{found[1]}", "", found[2], flags=re.MULTILINE)


def test_every_block_of_commands_is_one_that_a_shell_can_read() -> None:
    found = list(scripts())
    assert len(found) > 50
    synopses = {script for _, script in found if "[-" in script}
    for page, script in found:
        if script not in synopses:
            read = subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True)
            assert (read.returncode, read.stderr) == (0, ""), page
