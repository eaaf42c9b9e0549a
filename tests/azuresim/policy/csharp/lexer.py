"""
Tokens of C# 7 as far as expressions need them.

Texts of refusals are those of the compiler: learn.microsoft.com/dotnet/csharp/language-reference/compiler-messages.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal

from azuresim.policy.csharp.decimals import decimal_of
from azuresim.policy.csharp.errors import ExpressionError, NotSimulated
from azuresim.policy.csharp.values import Char, IntEdge, Long

LARGEST_SOURCE = 65_536
NAME = re.compile(r"[^\W\d]\w*")
DIGITS = r"[0-9](?:[0-9_]*[0-9])?"
NUMBER = re.compile(
    rf"0[xX][0-9a-fA-F_]+[lLuU]*|0[bB][01_]+[lLuU]*|(?:{DIGITS}(?:\.{DIGITS})?|\.{DIGITS})(?:[eE][+-]?{DIGITS})?[a-zA-Z]*"
)
SPACE = re.compile(r"(?:\s|//[^\n]*|/\*.*?\*/)+", re.DOTALL)
OPERATORS = (
    *("<<=", ">>=", "??="),
    *("=>", "==", "!=", "<=", ">=", "&&", "||", "??", "?.", "?[", "++", "--", "+=", "-=", "*=", "/=", "%=", "&=", "|="),
    *("^=", "<<", "::", "->", *"(){}[]<>.,;:?+-*/%!~&|^="),
)
SIMPLE = {"n": "\n", "r": "\r", "t": "\t", "0": "\0", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}
SIMPLE |= {'"': '"', "'": "'", "\\": "\\"}
WIDTHS = {"u": (4, 4), "U": (8, 8), "x": (1, 4)}


@dataclass(frozen=True)
class Hole:
    """`{source,alignment:format}` in an interpolated string."""

    source: str
    alignment: str = ""
    format: str = ""


@dataclass(frozen=True)
class Token:
    kind: str  # name, literal, interpolated, op, end
    text: str
    value: object = None
    parts: tuple[str | Hole, ...] = field(default=())


def tokenize(source: str) -> list[Token]:
    """The tokens, an `end` last. Raises ExpressionError and NotSimulated."""
    if len(source) > LARGEST_SOURCE:
        raise NotSimulated("an expression of more than 64 KiB is not simulated")
    return Lexer(source).tokens()


class Lexer:
    def __init__(self, source: str) -> None:
        self.source, self.at = source, 0

    def tokens(self) -> list[Token]:
        found: list[Token] = []
        while True:
            if space := SPACE.match(self.source, self.at):
                self.at = space.end()
            if self.at >= len(self.source):
                return [*found, Token("end", "")]
            found.append(self.token())

    def token(self) -> Token:
        source, at = self.source, self.at
        for prefix, verbatim, holes in (
            ('$@"', True, True),
            ('@"', True, False),
            ('$"', False, True),
            ('"', False, False),
        ):
            if source.startswith(prefix, at):
                self.at += len(prefix)
                return self.interpolated(verbatim) if holes else Token("literal", "", whole(self.string(verbatim)))
        if source[at] == "'":
            return self.character()
        if name := NAME.match(source, at):
            self.at = name.end()
            return Token("name", name[0])
        if source[at] == "@" and (name := NAME.match(source, at + 1)):
            self.at = name.end()
            return Token("identifier", name[0])
        if (number := NUMBER.match(source, at)) and number[0][0] in ".0123456789":
            self.at = number.end()
            return Token("literal", number[0], number_of(number[0]))
        return self.operator()

    def operator(self) -> Token:
        text = self.source
        for operator in OPERATORS:
            if text.startswith(operator, self.at):
                if operator == "?." and text[self.at + 2 : self.at + 3].isdigit():
                    continue
                self.at += len(operator)
                return Token("op", operator)
        if text.startswith("/*", self.at):
            raise ExpressionError("End-of-file found, '*/' expected")
        raise ExpressionError(f"Unexpected character '{text[self.at]}'")

    def string(self, verbatim: bool) -> str:
        """The text up to the closing quotation mark, which is left behind."""
        parts: list[str] = []
        while not self.closed(verbatim, parts):
            parts.append(self.source[self.at])
            self.at += 1
        return "".join(parts)

    def closed(self, verbatim: bool, parts: list[str]) -> bool:
        """Whether the string ends here; an escape sequence here goes to the parts."""
        while True:
            here = self.source[self.at : self.at + 1]
            if here == '"' and verbatim and self.source.startswith('""', self.at):
                parts.append('"')
                self.at += 2
            elif here == '"':
                self.at += 1
                return True
            elif not here:
                raise ExpressionError("Unterminated string literal" if verbatim else "Newline in constant")
            elif here == "\\" and not verbatim:
                parts.append(self.escape())
            elif here == "\n" and not verbatim:
                raise ExpressionError("Newline in constant")
            else:
                return False

    def escape(self) -> str:
        letter = self.source[self.at + 1 : self.at + 2]
        if letter in SIMPLE and letter:
            self.at += 2
            return SIMPLE[letter]
        least, most = WIDTHS.get(letter, (0, 0))
        digits = re.compile(f"[0-9a-fA-F]{{{least},{most}}}").match(self.source, self.at + 2) if most else None
        if digits is None or int(digits[0], 16) > 0x10FFFF:
            raise ExpressionError("Unrecognized escape sequence")
        self.at = digits.end()
        return chr(int(digits[0], 16))

    def character(self) -> Token:
        self.at += 1
        here = self.source[self.at : self.at + 1]
        if here == "'":
            raise ExpressionError("Empty character literal")
        if here == "\\":
            value = self.escape()
        else:
            value = here
            self.at += 1
        if not value or value == "\n":
            raise ExpressionError("Newline in constant")
        if not self.source.startswith("'", self.at) or ord(value) > 0xFFFF:
            raise ExpressionError("Too many characters in character literal")
        self.at += 1
        return Token("literal", "", Char(whole(value)))

    def interpolated(self, verbatim: bool) -> Token:
        parts: list[str | Hole] = []
        text: list[str] = []
        while not self.closed(verbatim, text):
            here = self.source[self.at]
            if here in "{}" and self.source.startswith(here * 2, self.at):
                self.at += 1
            elif here == "}":
                raise ExpressionError("A '}' character must be escaped (by doubling) in an interpolated string.")
            elif here == "{":
                parts += [whole("".join(text)), self.hole()]
                text.clear()
                continue
            text.append(here)
            self.at += 1
        return Token("interpolated", "", None, (*parts, whole("".join(text))))

    def hole(self) -> Hole:
        self.at += 1
        source = self.until(",:}")
        alignment = form = ""
        if self.source.startswith(",", self.at):
            self.at += 1
            alignment = self.until(":}").strip()
        if self.source.startswith(":", self.at):
            end = self.source.find("}", self.at)
            form, self.at = self.source[self.at + 1 : end], end
        if self.at < 0 or not self.source.startswith("}", self.at):
            raise ExpressionError("Missing close delimiter '}' for interpolated expression started with '{'.")
        self.at += 1
        return Hole(source, alignment, form)

    def until(self, ends: str) -> str:
        """What stands before one of these characters outside of brackets and strings."""
        begin, depth = self.at, 0
        while self.at < len(self.source):
            here = self.source[self.at]
            if here in ends and depth == 0:
                return self.source[begin : self.at]
            depth += (here in "([{") - (here in ")]}")
            if here in "\"'" or self.source.startswith(('$"', '@"', '$@"'), self.at):
                self.token()
            else:
                self.at += 1
        raise ExpressionError("Missing close delimiter '}' for interpolated expression started with '{'.")


def whole(text: str) -> str:
    """The text with pairs of surrogates made one character. Half a pair is not simulated."""
    if text.isascii():
        return text
    joined = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
    if any("\ud800" <= one <= "\udfff" for one in joined):
        raise NotSimulated("half of a surrogate pair in a text is not simulated")
    return joined


def number_of(text: str) -> object:
    """The value of a numeric literal, in the type that C# gives it."""
    text = text.replace("_", "")
    base = {"0x": 16, "0b": 2}.get(text[:2].lower())
    if base is not None:
        digits = text[2:].rstrip("lLuU")
        if not digits:
            raise ExpressionError("Invalid number")
        return integer(int(digits, base), text[2 + len(digits) :].lower())
    found = re.fullmatch(r"([\d.]+(?:[eE][+-]?\d+)?)([a-zA-Z]*)", text)
    if found is None or len(found[1]) > 400:
        raise ExpressionError("Invalid number")
    digits, suffix = found[1], found[2].lower()
    if suffix in ("f", "u", "ul", "lu"):
        raise NotSimulated(f"the number {text} has a type that is not simulated")
    if suffix not in ("", "d", "m", "l"):
        raise ExpressionError("; expected")
    if suffix in ("", "l") and digits.isdecimal():
        return integer(int(digits), suffix)
    if suffix == "l":
        raise ExpressionError("; expected")
    return decimal(digits) if suffix == "m" else finite(float(digits))


def decimal(digits: str) -> Decimal:
    value = decimal_of(digits)
    if value is None:
        raise ExpressionError("Floating-point constant is outside the range of type 'decimal'")
    return value


def finite(value: float) -> float:
    if value == float("inf"):
        raise ExpressionError("Floating-point constant is outside the range of type 'double'")
    return value


def integer(value: int, suffix: str) -> object:
    if value >= 2**64:
        raise ExpressionError("Integral constant is too large")
    if not suffix and value == 2**31:
        return IntEdge(value)
    if "u" in suffix or value >= 2**63 or (not suffix and 2**31 <= value < 2**32):
        raise NotSimulated(f"the number {value} has a type that is not simulated")
    return Long(value) if suffix or value >= 2**31 else value
