"""
Where a policy expression ends: C# as far as strings, characters, comments and brackets go.

`@(…)` and `@{…}` hold C# 7, so there are regular, verbatim and interpolated strings, but no raw ones (`\"""`).
Source: learn.microsoft.com/azure/api-management/api-management-policy-expressions.
"""

import re
from dataclasses import dataclass
from functools import cached_property

CLOSER = {"(": ")", "[": "]", "{": "}"}
MAX_NESTING = 32  # interpolated strings inside interpolated strings; people stop at two

OPENING = re.compile(r"\s*(?=@[({])")
"""What stands before an expression: it is a whole attribute value or a whole text, never a part of one."""

ENTITY = r"&(?:lt|gt|amp|quot|apos|\#[0-9]+|\#x[0-9a-fA-F]+);"

LINE_END = r"(?:\n|&\#0*1[03];|&\#x0*[aAdD];)"


class Unclosed(ValueError):
    """No end was found: a quote or a bracket is missing, or the text is no C#."""


@dataclass(frozen=True)
class Spelling:
    """How quotes, line ends and single characters are written: verbatim, or with XML's entities."""

    quote: str
    tick: str
    line_end: str
    character: str
    entities: bool

    @cached_property
    def code(self) -> re.Pattern[str]:
        """What to notice in code."""
        q, t, nl, c = self.quote, self.tick, self.line_end, self.character
        return re.compile(
            rf"""
              (?P<skip> //(?:(?!{LINE_END}).)* | /\*.*?\*/
                | @{q}(?:{q}{q}|(?!{q}){c})*+{q}
                | {q}(?:\\{c}|(?!{q}|{nl}|\\){c})*+{q}
                | {t}(?:\\{c}(?:(?!{t}|{nl}).){{0,8}}|(?!{t}|{nl}|\\){c}){t} )
            | (?P<interpolated> \${q} ) | (?P<interpolated_verbatim> (?:\$@|@\$){q} )
            | (?P<broken> {q} | {t} | /\* )
            | (?P<entity> {ENTITY} )
            | [()\[\]{{}}:]
            """,
            re.VERBOSE | re.DOTALL,
        )

    @cached_property
    def interpolated(self) -> re.Pattern[str]:
        """What to notice in `$"…"`."""
        return re.compile(
            rf"\{{\{{|\}}\}}|\\{self.character}|(?P<hole>\{{)|(?P<end>{self.quote})|{self.line_end}", re.DOTALL
        )

    @cached_property
    def interpolated_verbatim(self) -> re.Pattern[str]:
        """What to notice in `$@"…"`."""
        return re.compile(rf"\{{\{{|\}}\}}|{self.quote}{self.quote}|(?P<hole>\{{)|(?P<end>{self.quote})", re.DOTALL)


VERBATIM = Spelling(quote='"', tick="'", line_end=r"\n", character=".", entities=False)
ESCAPED = Spelling(
    quote=r'(?:"|&quot;|&\#0*34;|&\#x0*22;)',
    tick=r"(?:'|&apos;|&\#0*39;|&\#x0*27;)",
    line_end=LINE_END,
    character=rf"(?>{ENTITY}|.)",  # atomic: an entity is never also five characters
    entities=True,
)


def expression_end(text: str, start: int) -> tuple[int, Spelling]:
    """
    The offset behind the expression that begins at `start`, and how it is spelled.

    An entity where code stands (`a &lt; b`) or at the end of a comment (`// why &#10;`) is no C#, so the whole
    expression is taken as escaped; inside a string of an expression that is otherwise verbatim, `&lt;` means itself.
    Raises Unclosed.
    """
    try:
        return _code(text, start + 2, VERBATIM, 0), VERBATIM
    except Unclosed:
        return _code(text, start + 2, ESCAPED, 0), ESCAPED


def is_whole(text: str) -> bool:
    """Whether the verbatim text is no expression, or one that comes to its end."""
    opening = OPENING.match(text)
    if opening is None:
        return True
    try:
        _code(text, opening.end() + 2, VERBATIM, 0)
    except Unclosed:
        return False
    return True


def _code(text: str, at: int, spelling: Spelling, nesting: int) -> int:
    """The offset behind the bracket that closes the one before `at`."""
    closers = [CLOSER[text[at - 1]]]
    while token := spelling.code.search(text, at):
        at, mark = token.end(), token.group()
        if token["interpolated"] or token["interpolated_verbatim"]:
            at = _interpolated(text, at, spelling, bool(token["interpolated_verbatim"]), nesting + 1)
        elif token["broken"] or (token["entity"] and not spelling.entities):
            break
        elif mark in CLOSER:
            closers.append(CLOSER[mark])
        elif mark in CLOSER.values():
            if closers.pop() != mark:
                break
            if not closers:
                return at
        elif mark == ":" and nesting and len(closers) == 1:  # a hole's format: `{when:HH:mm}`
            at = text.find("}", at) + 1
            if at:
                return at
            break
    raise Unclosed


def _interpolated(text: str, at: int, spelling: Spelling, verbatim: bool, nesting: int) -> int:
    """The offset behind the quote that closes the interpolated string whose content begins at `at`."""
    if nesting > MAX_NESTING:
        raise Unclosed
    pattern = spelling.interpolated_verbatim if verbatim else spelling.interpolated
    while token := pattern.search(text, at):
        at = token.end()
        if token["hole"]:
            at = _code(text, at, spelling, nesting)
        elif token["end"]:
            return at
        elif re.fullmatch(spelling.line_end, token.group()):
            break
    raise Unclosed
