"""
From the form that people write to XML that a parser can read.

Expressions stand verbatim in `rawxml`: `condition="@(a["x"] < 2 && b)"`. Here they are escaped, and nothing else is.
Line ends and TABs in their attribute values are kept as `&#10;` and `&#9;`: XML would make them spaces, and a `//`
comment would swallow the rest. Every later statement stays on its line; `origin` leads from any other place back to the
text as it was.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from funcgate.policy.document import PolicyError
from funcgate.policy.scanner import ENTITY, ESCAPED, OPENING, Spelling, Unclosed, expression_end

MARKUP = re.compile(
    r"<!--.*?(?:-->|\Z)|<!\[CDATA\[.*?(?:\]\]>|\Z)|<\?.*?(?:\?>|\Z)|<[!/][^>]*>?|(?P<tag><)|(?P<text>[^<]+)", re.DOTALL
)
IN_TAG = re.compile(r"""[^"'>]*(?P<end>["'>])""")
LOOSE_AMPERSAND = re.compile(rf"&(?!{ENTITY.removeprefix('&')})")


@dataclass(frozen=True)
class Escaped:
    """The text with its expressions escaped, and where offsets moved by that: (here, in the original)."""

    text: str
    original: str
    moved: list[tuple[int, int]]

    def origin(self, line: int, column: int) -> tuple[int, int]:
        """Line and column in the original of a place in the escaped text."""
        offset = sum(len(each) + 1 for each in self.text.split("\n")[: line - 1]) + column - 1
        here, there = self.moved[bisect_right(self.moved, (offset, len(self.original))) - 1]
        return place(self.original, there + offset - here)


@dataclass(frozen=True)
class Piece:
    """A stretch of the text and what stands there instead."""

    start: int
    end: int
    instead: str


def place(text: str, offset: int) -> tuple[int, int]:
    """Line and column of an offset, counted from one."""
    before = text[:offset]
    return before.count("\n") + 1, len(before) - before.rfind("\n")


def escape_expressions(text: str) -> Escaped:
    """A `rawxml` text as XML. Raises PolicyError for an expression without an end."""
    text = text.replace("\r\n", "\n")
    return _replaced(text, _expressions(text))


def keep_line_ends(text: str) -> Escaped:
    """A text that is XML already, but for line ends and TABs in its attributes' expressions."""
    if not any(each.search(text) for each in LINE_ENDS):
        return Escaped(text, text, [(0, 0)])
    text = text.replace("\r\n", "\n")
    return _replaced(text, _tags_with_line_ends(text))


SKIPPED = re.compile(r"<!--.*?(?:-->|\Z)|<!\[CDATA\[.*?(?:\]\]>|\Z)|<\?.*?(?:\?>|\Z)", re.DOTALL)
LINE_ENDS = (re.compile(r"""\"\s*+@[({][^"<\n\t]*+[\n\t]"""), re.compile(r"""'\s*+@[({][^'<\n\t]*+[\n\t]"""))
"""
What may be a value that is an expression and goes on behind a line end or TAB, between double or single quotes.

Most documents have none.
"""

LINE_END = re.compile("|".join(each.pattern for each in LINE_ENDS))


def _tags_with_line_ends(text: str) -> Iterator[Piece]:
    """The expressions of those tags alone that need it."""
    skipped = SKIPPED.finditer(text)
    around = next(skipped, None)
    at = 0
    while found := LINE_END.search(text, at):
        while around and around.end() <= found.start():
            around = next(skipped, None)
        if around and around.start() < found.start():
            at = around.end()
            continue
        tag = text.rfind("<", at, found.start()) + 1  # none: in the tag before, which is done, or in its text
        at = found.end()
        for piece in _in_attributes(text, tag, verbatim=False) if tag else ():
            yield piece
            at = max(at, piece.end)


def _replaced(text: str, pieces: Iterator[Piece]) -> Escaped:
    parts: list[str] = []
    moved = [(0, 0)]
    at = length = 0
    for piece in pieces:
        parts += [text[at : piece.start], piece.instead]
        length += piece.start - at + len(piece.instead)
        at = piece.end
        moved.append((length, at))
    return Escaped("".join([*parts, text[at:]]), text, moved)


def _expressions(text: str) -> Iterator[Piece]:
    at = 0
    while token := MARKUP.match(text, at):
        at = token.end()
        if token["tag"]:
            for piece in _in_attributes(text, at, verbatim=True):
                yield piece
                at = piece.end
            at = _tag_end(text, at)
        elif token["text"] and (opening := OPENING.match(token.group())):
            start = token.start() + opening.end()
            at, spelling = _end(text, start)
            _nothing_follows(text, at, "<")
            yield Piece(start, at, _escaped(text[start:at], spelling))


def _tag_end(text: str, at: int) -> int:
    """The offset behind the `>` of the tag in which `at` is, outside its quoted values."""
    while (token := IN_TAG.match(text, at)) and token["end"] != ">":
        at = text.find(token["end"], token.end()) + 1 or len(text)
    return token.end() if token else len(text)


def _in_attributes(text: str, at: int, *, verbatim: bool) -> Iterator[Piece]:
    """The tag's expressions with their closing quote, and behind it the line ends that left the value."""
    while (token := IN_TAG.match(text, at)) and token["end"] != ">":
        quote, start = token["end"], token.end()
        opening = OPENING.match(text, start)
        end, spelling = _end(text, opening.end()) if opening and verbatim else (start, ESCAPED)
        at = text.find(quote, end) + 1 or len(text)
        if opening:
            if verbatim:
                _nothing_follows(text, end, quote)
            value = text[start : at - 1]
            instead = _escaped_value(value, spelling) if verbatim else _with_white_space(value)
            yield Piece(start, at, instead + quote + "\n" * value.count("\n"))


def _end(text: str, start: int) -> tuple[int, Spelling]:
    try:
        return expression_end(text, start)
    except Unclosed:
        reason = "the expression that begins here does not end, a quote or a bracket is missing"
        raise PolicyError(reason, *place(text, start)) from None


def _nothing_follows(text: str, at: int, closing: str) -> None:
    """
    An expression is the whole value, or it was read wrongly: better no document than one that is torn.

    Source: learn.microsoft.com/azure/api-management/api-management-policy-expressions (used as attribute values or as
    text values, not inside them).
    """
    if not re.compile(rf"\s*(?:{closing}|\Z)").match(text, at):
        raise PolicyError("an expression ends here and its value goes on", *place(text, at))


def _escaped(expression: str, spelling: Spelling) -> str:
    ampersand = LOOSE_AMPERSAND if spelling.entities else re.compile("&")
    return ampersand.sub("&amp;", expression).replace("<", "&lt;").replace(">", "&gt;")


def _escaped_value(expression: str, spelling: Spelling) -> str:
    text = _escaped(expression, spelling).replace('"', "&quot;").replace("'", "&apos;")
    return _with_white_space(text)


def _with_white_space(value: str) -> str:
    return value.replace("\n", "&#10;").replace("\t", "&#9;")
