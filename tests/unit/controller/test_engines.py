import asyncio
from typing import Any

import pytest

from engines import ScriptedEngine
from funcgate.controller.engines import Engines


class Opening:
    """Makes engines; fails as often as it is told to."""

    def __init__(self, failures: int = 0) -> None:
        self.failures = failures
        self.opened: list[str] = []

    async def __call__(self, client_id: str) -> Any:
        self.opened.append(client_id)
        await asyncio.sleep(0)
        if self.failures:
            self.failures -= 1
            raise OSError("no more sockets")
        return ScriptedEngine()


async def test_each_identity_has_one_engine_however_many_ask_at_once() -> None:
    opening = Opening()
    engines = Engines(ScriptedEngine(), opening)  # type: ignore[arg-type]
    first, again, other = await asyncio.gather(*(engines.acting_as(each) for each in ("a", "a", "b")))
    assert (first is again, first is other, opening.opened) == (True, False, ["a", "b"])


async def test_without_an_identity_of_its_own_a_namespace_has_the_operators() -> None:
    own = ScriptedEngine()
    assert await Engines(own, Opening()).acting_as(None) is own  # type: ignore[arg-type,comparison-overlap]


async def test_what_could_not_be_opened_is_tried_again_by_the_next_pass() -> None:
    engines = Engines(ScriptedEngine(), Opening(failures=1))  # type: ignore[arg-type]
    with pytest.raises(OSError, match="sockets"):
        await engines.acting_as("a")
    assert isinstance(await engines.acting_as("a"), ScriptedEngine)
