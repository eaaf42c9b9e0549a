"""
.NET's regular expressions as Python's: what both read the same way. Everything else is not simulated, and so is a
pattern that could take very long.

Source: learn.microsoft.com/dotnet/standard/base-types/regular-expression-language-quick-reference.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from azuresim.policy.csharp.errors import EvaluationError, NotRun
from azuresim.policy.csharp.values import Enum

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from re import _constants as op  # type: ignore[attr-defined]
    from re import _parser as parser  # type: ignore[attr-defined]

MOST_WORK = 20_000_000
LONGEST_PATTERN = 1_000
ALPHABET = [*map(chr, range(256)), "\u0391", "\u4e00", "\u2028"]
FLAGS = {1: re.IGNORECASE, 2: re.MULTILINE, 16: re.DOTALL, 8: 0, 512: 0}
PIECE = re.compile(
    r"""(?P<escape>\\[kp]<\w+>|\\.)|(?P<group>\(\?(?:<(?P<name>[A-Za-z_]\w*)>|'(?P<quoted>[A-Za-z_]\w*)'))
      | (?P<plain>\(\?(?:[:=!>]|<[=!]|[ims]+(?:-[ims]+)?:|[im]+(?=\))))|(?P<unknown>\(\?)|(?P<set>\[\^?\]?)
      | (?P<possessive>[*+?}]\+)|(?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)


class Pattern:
    """A compiled pattern, which knows how long its inputs may be."""

    def __init__(self, compiled: re.Pattern[str], power: int) -> None:
        self.compiled, self.power = compiled, power

    def bounded(self, text: str | None) -> str:
        if text is None:
            raise EvaluationError("Value cannot be null. (Parameter 'input')")
        if len(text) ** self.power > MOST_WORK:
            raise NotRun(
                f"a regular expression like {self.compiled.pattern} on {len(text)} characters is not simulated"
            )
        return text


def pattern_of(text: str | None, options: Enum | None = None) -> Pattern:
    if text is None:
        raise EvaluationError("Value cannot be null. (Parameter 'pattern')")
    return translated(text, options.number if options else 0)


@lru_cache(maxsize=256)
def translated(text: str, options: int) -> Pattern:
    """Raises EvaluationError for what is no pattern in .NET, NotRun for what is not simulated."""
    if len(text) > LONGEST_PATTERN:
        raise NotRun("a regular expression of more than a thousand characters is not simulated")
    flags = 0
    for bit in (1 << shift for shift in range(12)):
        if options & bit:
            if bit not in FLAGS:
                raise NotRun("these options of a regular expression are not simulated")
            flags |= FLAGS[bit]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            python = "".join(pieces(text))
            compiled = re.compile(python, flags)
            tree = parser.parse(python, flags)
    except (re.error, RecursionError, OverflowError, Warning) as error:
        raise NotRun(f"the regular expression {text} is not simulated: {error}") from error
    return Pattern(compiled, power_of(tree, bool(flags & re.MULTILINE)))


def pieces(text: str) -> list[str]:
    found, inside = [], False
    for piece in PIECE.finditer(text):
        if inside:
            inside = piece[0] not in ("]", "]+") and not piece["set"]
            if piece[0] == "]+":
                inside = False
            if piece["set"] or piece[0] == "&" or (piece["escape"] and piece[0][1] in "pPck"):
                raise NotRun(f"the regular expression {text} is not simulated")
            found.append(piece[0])
        else:
            found.append(outside(piece, text))
            inside = bool(piece["set"])
    return found


def outside(piece: re.Match[str], text: str) -> str:
    if piece["group"]:
        return f"(?P<{piece['name'] or piece['quoted']}>"
    if piece["unknown"] or piece["possessive"]:
        raise NotRun(f"the regular expression {text} is not simulated")
    if piece["escape"]:
        return escape(piece[0], text)
    return piece[0]


def escape(piece: str, text: str) -> str:
    if piece.startswith("\\k<"):
        return f"(?P={piece[3:-1]})"
    if piece[1] == "z":
        return r"\Z"
    if piece[1] == "Z":
        return r"(?=\n?\Z)"
    if (piece[1].isalpha() and piece[1] not in "wWdDsSbBAntrfvx") or piece == "\\e":
        raise NotRun(f"the regular expression {text} is not simulated")
    return piece


# --- how much work a pattern can make ---------------------------------------------------------------------------------
def power_of(tree: Any, multiline: bool) -> int:
    """The exponent of the worst case in the length of the input."""
    items = list(tree)
    anchored = bool(items) and items[0][0] is op.AT and items[0][1] in (op.AT_BEGINNING, op.AT_BEGINNING_STRING)
    return max(1, repeats(items) + (0 if anchored and not multiline else 1))


def repeats(items: Sequence[Any]) -> int:
    """How many repetitions can give characters back to one another. NotRun for one inside another."""
    total = 0
    flat = flattened(items)
    for at, (code, argument) in enumerate(flat):
        if code in (op.MAX_REPEAT, op.MIN_REPEAT, getattr(op, "POSSESSIVE_REPEAT", None)):
            least, most, body = argument
            inner = repeats(list(body))
            if inner or (len(list(body)) != 1 and most > 4):
                refuse_nested(body, most, inner)
            if most - least > 4 and not deterministic(flat, at):
                total += 1
            total += inner if most <= 4 else 0
        else:
            total += sum(repeats(list(part)) for part in parts(code, argument))
    return total


def refuse_nested(body: Any, most: int, inner: int) -> None:
    if inner and most > 4:
        raise NotRun("a regular expression with one repetition inside another is not simulated")


def flattened(items: Sequence[Any]) -> list[tuple[Any, Any]]:
    """Groups opened, so that neighbours stand side by side."""
    found: list[tuple[Any, Any]] = []
    for code, argument in items:
        if code is op.SUBPATTERN:
            found += flattened(list(argument[3]))
        else:
            found.append((code, argument))
    return found


def parts(code: Any, argument: Any) -> list[Any]:
    if code is op.BRANCH:
        return list(argument[1])
    if code in (op.ASSERT, op.ASSERT_NOT):
        return [argument[1]]
    return [argument] if code is getattr(op, "ATOMIC_GROUP", None) else []


def deterministic(flat: list[tuple[Any, Any]], at: int) -> bool:
    """Whether what follows cannot begin with what is repeated, so that nothing is tried twice."""
    body = flattened(list(flat[at][1][2]))
    own = characters(*body[0]) if len(body) == 1 else None
    if own is None:
        return False
    if at + 1 == len(flat):
        return True
    code, argument = flat[at + 1]
    if code is op.AT and argument in (op.AT_END, op.AT_END_STRING):
        return at + 2 == len(flat)
    following = characters(code, argument)
    return following is not None and not own & following


def characters(code: Any, argument: Any) -> set[str] | None:
    """Which of a sample of characters this matches; None when that cannot be said."""
    if code in (op.MAX_REPEAT, op.MIN_REPEAT) and argument[0] > 0:
        body = flattened(list(argument[2]))
        return characters(*body[0]) if len(body) == 1 else None
    if code is op.LITERAL:
        return {chr(argument)}
    if code is op.NOT_LITERAL:
        return {one for one in ALPHABET if one != chr(argument)}
    if code is op.ANY:
        return set(ALPHABET)
    return in_set(argument) if code is op.IN else None


def in_set(items: Sequence[Any]) -> set[str] | None:
    found: set[str] = set()
    for code, argument in items:
        if code is op.LITERAL:
            found.add(chr(argument))
        elif code is op.RANGE:
            found |= {one for one in ALPHABET if argument[0] <= ord(one) <= argument[1]}
        elif code is op.CATEGORY:
            test = re.compile(CATEGORIES[str(argument)])
            found |= {one for one in ALPHABET if test.fullmatch(one)}
    negated = bool(items) and items[0][0] is op.NEGATE
    return {one for one in ALPHABET if one not in found} if negated else found


CATEGORIES = {
    "CATEGORY_DIGIT": r"\d",
    "CATEGORY_NOT_DIGIT": r"\D",
    "CATEGORY_SPACE": r"\s",
    "CATEGORY_NOT_SPACE": r"\S",
    "CATEGORY_WORD": r"\w",
    "CATEGORY_NOT_WORD": r"\W",
}
