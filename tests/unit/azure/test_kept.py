"""Reads that a glance may do without."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import pytest

from funcgate.azure import glancing, this_pass
from funcgate.azure.kept import Kept, Listed, Unchanged


@dataclass
class Reads:
    """What is read is the number of reads so far."""

    now: float = 0.0
    made: list[str] = field(default_factory=list)

    async def read(self) -> int:
        self.made.append(f"at {self.now:.0f}")
        number = len(self.made)
        await asyncio.sleep(0)
        return number


@pytest.fixture
def reads() -> Reads:
    return Reads()


@pytest.fixture
def kept(reads: Reads) -> Kept[int]:
    return Kept(lambda: reads.now, 60.0)


@pytest.fixture
def glance() -> Iterator[None]:
    token = glancing.set(True)
    yield
    glancing.reset(token)


async def test_every_look_reads_anew(kept: Kept[int], reads: Reads) -> None:
    assert [await kept.of("a", reads.read) for _ in range(2)] == [1, 2]


async def test_what_is_read_once_a_pass_is_read_again_after_a_write_and_in_the_next_pass(reads: Reads) -> None:
    kept: Kept[int] = Kept(lambda: reads.now, 60.0, once_a_pass=True)
    assert [await kept.of("a", reads.read) for _ in range(2)] == [1, 2], "no pass is under way"
    first = this_pass.set(object())
    assert [await kept.of("a", reads.read) for _ in range(2)] == [3, 3]
    kept.forget("a")
    assert [await kept.of("a", reads.read) for _ in range(2)] == [4, 4]
    this_pass.set(object())
    assert await kept.of("a", reads.read) == 5
    this_pass.reset(first)


@pytest.mark.usefixtures("glance")
async def test_few_names_are_read_more_often_and_many_cost_no_more_than_few(reads: Reads) -> None:
    kept: Kept[int] = Kept(lambda: reads.now, 60.0, each=10.0)
    await kept.of("alone", reads.read)
    reads.now = 11.0
    await kept.of("alone", reads.read)
    assert reads.made == ["at 0", "at 11"]
    for name in range(5):
        await kept.of(f"name {name}", reads.read)
    reads.made.clear()
    for reads.now in (30.0, 70.9):
        await kept.of("name 4", reads.read)
    assert reads.made == []
    reads.now = 71.1
    await kept.of("name 4", reads.read)
    assert reads.made == ["at 71"]


@pytest.mark.usefixtures("glance")
async def test_a_glance_takes_what_was_read_before_until_its_time_is_over(kept: Kept[int], reads: Reads) -> None:
    found = []
    for reads.now in (0.0, 59.0, 61.0, 62.0):
        found.append(await kept.of("a", reads.read))
    assert (found, reads.made) == ([1, 1, 2, 2], ["at 0", "at 61"])


async def test_a_glance_takes_what_the_last_look_read(kept: Kept[int], reads: Reads) -> None:
    await kept.of("a", reads.read)
    await kept.of("A", reads.read)
    token = glancing.set(True)
    assert await kept.of("a", reads.read) == 2
    glancing.reset(token)


async def test_looks_at_the_same_time_share_one_read_and_none_with_a_glance(kept: Kept[int], reads: Reads) -> None:
    async def at_a_glance() -> int:
        glancing.set(True)
        return await kept.of("a", reads.read)

    found = await asyncio.gather(kept.of("a", reads.read), asyncio.create_task(at_a_glance()), kept.of("a", reads.read))
    assert (len(reads.made), found[0] == found[2], found[0] == found[1]) == (2, True, False)


@pytest.mark.usefixtures("glance")
async def test_what_nobody_asks_for_any_more_is_forgotten(kept: Kept[int], reads: Reads) -> None:
    for number in range(100):
        await kept.of(str(number), reads.read)
    reads.now = 130.0
    await kept.of("the last", reads.read)
    assert list(kept._kept) == ["the last"]


@dataclass
class Document:
    """What stands there, in one version."""

    etag: str | None
    reads: int = 0
    asked: int = 0

    async def read(self) -> "Document | None":
        self.reads += 1
        return replace(self) if self.etag else None

    async def version(self) -> str | None:
        self.asked += 1
        return self.etag


@pytest.mark.parametrize(("now", "reads"), [('"1"', 1), ('"2"', 2), (None, 2)], ids=["the same", "changed", "gone"])
async def test_a_glance_reads_again_only_what_has_another_etag(now: str | None, reads: int) -> None:
    unchanged: Unchanged[Document] = Unchanged(lambda: 0.0)
    there = Document(etag='"1"')
    await unchanged.of("a", there.read, there.version)
    assert there.asked == 0
    there.etag = now
    token = glancing.set(True)
    seen = await unchanged.of("A", there.read, there.version)
    glancing.reset(token)
    assert (there.reads, seen and seen.etag, there.asked) == (reads, now, 1)


class Shelf:
    """A list of three items on two pages; counts how it is read."""

    def __init__(self) -> None:
        self.listed: Listed[str] = Listed(lambda: self.now)
        self.now = 0.0
        self.reads: list[str] = []

    async def get(self, name: str) -> str | None:
        async def one() -> str | None:
            self.reads.append(name)
            return name if name in "abc" else None

        async def all_() -> tuple[dict[str, str], int]:
            self.reads.append("list")
            return {each: each for each in "abc"}, 2

        return await self.listed.of("service", name, one, all_)


@pytest.mark.usefixtures("glance")
async def test_items_are_listed_once_more_are_asked_for_than_there_are_pages() -> None:
    shelf = Shelf()
    assert [await shelf.get(each) for each in "abc"] == ["a", "b", "c"]
    assert shelf.reads == ["a", "list"]  # until it was read, a list is taken to have one page
    shelf.now = 61.0
    assert [await shelf.get(each) for each in "ax"] == ["a", None]
    assert shelf.reads == ["a", "list", "list"]  # as many were asked for in the minute before


@pytest.mark.usefixtures("glance")
async def test_a_few_items_are_read_one_by_one() -> None:
    shelf = Shelf()
    for shelf.now in (0.0, 61.0, 130.0, 600.0):
        await shelf.get("a")
    assert shelf.reads == ["a"] * 4


async def test_every_look_but_a_glance_reads_the_item_itself() -> None:
    shelf = Shelf()
    assert [await shelf.get(each) for each in "abc"] == ["a", "b", "c"]
    assert shelf.reads == ["a", "b", "c"]


async def test_that_there_is_nothing_is_not_kept() -> None:
    unchanged: Unchanged[Document] = Unchanged(lambda: 0.0)
    absent = Document(etag=None)
    assert await unchanged.of("a", absent.read, absent.version) is None
    assert unchanged._kept._kept == {}
