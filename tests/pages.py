"""
The pages as people read them: their blocks in order, each with its line, and with what a reader puts in for a "…".

What a block does is nothing to it; `shell.Shell` types it.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
DOCS = REPOSITORY / "docs"

_FENCED = re.compile(r"^( *)```(\w+)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_NAMED_WITHIN = re.compile(r"# ([\w./-]+\.\w+)\b")
_NAMED_BEFORE = re.compile(r"`([\w./-]+\.\w+)`:\s*\Z")
_PLACEHOLDER = re.compile(r"…|<[a-z][\w -]*>")
_COMMENT = re.compile(r"(^|\s)#.*$", re.MULTILINE)


class Outdated(Exception):
    """A page and what is put into it do not fit."""


@dataclass(frozen=True)
class Block:
    """A fenced block without its indentation; `line` is the page's line on which its text begins."""

    page: Path
    line: int
    language: str
    text: str
    file: str | None = None
    """The file that the page says it is: in the block's first line, a comment, or at the end of the words before it."""

    def __str__(self) -> str:
        return f"{where(self.page)}:{self.line}"


def where(page: Path) -> str:
    """The page's name as one can open it."""
    return str(page.relative_to(REPOSITORY) if page.is_relative_to(REPOSITORY) else page)


def blocks(page: Path, *languages: str) -> Iterator[Block]:
    """The page's blocks in these languages, or in any, in order."""
    text = page.read_text()
    for found in _FENCED.finditer(text):
        indentation, language, inside = found.groups()
        if not languages or language in languages:
            line = text.count("\n", 0, found.start()) + 2
            block = re.sub(rf"^{indentation}", "", inside, flags=re.MULTILINE)
            named = _NAMED_WITHIN.match(block) or _NAMED_BEFORE.search(text, 0, found.start())
            yield Block(page, line, language, block, named[1] if named else None)


def typed(page: Path, put: Mapping[str, str], language: str = "sh") -> list[Block]:
    """
    The page's blocks as a reader types them: each key of `put` stands in the page, and is replaced by its value.

    Raises Outdated for a key that no block has, and for a "…" or a "<name>" that nothing is put in for.
    """
    printed = list(blocks(page, language))
    gone = [each for each in put if not any(each in block.text for block in printed)]
    if gone:
        raise Outdated(f"{where(page)} has no block with {', '.join(map(repr, gone))}")
    left = [f"{block}: {found[0]}" for block in printed for found in _PLACEHOLDER.finditer(_bare(block.text, put))]
    if left:
        raise Outdated(f"nothing is put in for {', '.join(left)}")
    return [replace(block, text=_filled(block.text, put)) for block in printed]


def _filled(text: str, put: Mapping[str, str]) -> str:
    for printed, value in put.items():
        text = text.replace(printed, value)
    return text


def _bare(text: str, put: Mapping[str, str]) -> str:
    """What is left to be typed as it is printed, without comments."""
    return _COMMENT.sub("", _filled(text, dict.fromkeys(put, "")))
