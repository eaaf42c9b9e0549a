"""What the guides for a move and for uninstalling say to type: callers notice nothing, and another cluster goes on."""

import asyncio
import json
import re
import shlex
from pathlib import Path

import pytest

from integration.test_whole import Whole, becomes, installed, whole

__all__ = ["installed", "whole"]  # fixtures
GUIDES = Path(__file__).parents[2] / "docs" / "how-to"
SEEN_BY_ONE_CLUSTER = ("uid", "resourceVersion", "generation", "creationTimestamp", "finalizers")
pytestmark = pytest.mark.xdist_group("cluster")


def typed(guide: str, what: str) -> list[list[str]]:
    """The guide's kubectl commands on bindings with these words, for one namespace instead of all."""
    text = (GUIDES / f"{guide}.md").read_text().replace("\\\n", " ")
    lines = [line.strip() for line in text.splitlines() if line.strip().startswith("kubectl ")]
    found = [shlex.split(re.sub(r" --context \w+| --all-namespaces", "", line)) for line in lines if what in line]
    return [words[1:] for words in found]


@pytest.mark.parametrize("guide", ["move-between-clusters", "uninstall"])
async def test_letting_go_as_the_guide_says_leaves_all_of_it_and_coming_back_writes_nothing(
    whole: Whole, guide: str
) -> None:
    await whole.apply()
    await whole.ready()
    kept = await whole.binding()

    (annotate,), (delete,) = typed(guide, "annotate functionapibindings"), typed(guide, "delete functionapibindings")
    before = len(whole.azure_writes())
    await whole.kubectl(*annotate)
    await whole.kubectl(*delete)

    assert await whole.binding() == {}
    assert whole.azure_writes()[before:] == []
    assert await whole.answers() == (200, 401, 401, 403)

    kept.pop("status")
    kept["metadata"] = {name: value for name, value in kept["metadata"].items() if name not in SEEN_BY_ONE_CLUSTER}
    await asyncio.to_thread(whole.stage.plane.kubectl, "apply", "-f", "-", input=json.dumps(kept))
    await whole.ready()
    await becomes(whole.reason, "True InSync")

    assert whole.azure_writes()[before:] == []


def test_the_guide_for_a_move_leaves_out_what_only_the_old_cluster_knows() -> None:
    text = (GUIDES / "move-between-clusters.md").read_text()
    assert all(f'"{name}"' in text for name in SEEN_BY_ONE_CLUSTER)
