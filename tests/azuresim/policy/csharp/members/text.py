"""string, char, StringBuilder, Exception. Source: learn.microsoft.com/dotnet/api."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from azuresim.policy.csharp.credentials import basic_of, jwt_of
from azuresim.policy.csharp.errors import EvaluationError, NotRun
from azuresim.policy.csharp.formats import composed
from azuresim.policy.csharp.frame import Frame
from azuresim.policy.csharp.signatures import Live, declare
from azuresim.policy.csharp.types import ENUMS, STRING, T, array
from azuresim.policy.csharp.values import LARGEST_TEXT, Array, Char, Enum, bounded, text_of

ORDINAL: Enum = Enum(T("StringComparison"), "Ordinal", 4)


STRINGS = array(STRING)
OUT_OF_RANGE = "Specified argument was out of the range of valid values."


def plain(text: str) -> str:
    """The text, when Python's positions in it are C#'s: no characters beyond 16 bits."""
    if not text.isascii() and max(text) > "\uffff":
        raise NotRun("positions in a text with characters beyond 16 bits are not simulated")
    return text


def given(text: str | None, name: str = "value") -> str:
    if text is None:
        raise EvaluationError(f"Value cannot be null. (Parameter '{name}')")
    return text


def units(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def upper(text: str) -> str:
    return text.upper() if text.isascii() else "".join(simple(one, one.upper()) for one in text)


def lower(text: str) -> str:
    return text.lower() if text.isascii() else "".join(simple(one, one.lower()) for one in text)


def simple(before: str, after: str) -> str:
    """One character for one: .NET lets those alone that would become two."""
    if len(after) == 1 and after.isascii() and not before.isascii():
        raise NotRun(f"the case of {before!r} differs between versions of .NET and is not simulated")
    return after if len(after) == 1 else before


def folded(text: str, comparison: Enum) -> str:
    return upper(text) if comparison.name.endswith("IgnoreCase") else text


def equal(one: str | None, other: str | None, comparison: Enum) -> bool:
    if one is None or other is None:
        return one is other
    return folded(one, comparison) == folded(other, comparison)


def substring(text: str, start: int, length: int | None = None) -> str:
    length = len(text) - start if length is None else length
    if not 0 <= start <= len(plain(text)) or length < 0 or start + length > len(text):
        raise EvaluationError("Index and length must refer to a location within the string.")
    return text[start : start + length]


def character(text: str, index: int) -> Char:
    if not 0 <= index < len(plain(text)):
        raise EvaluationError("Index was outside the bounds of the array.")
    return Char(text[index])


def find(text: str, wanted: str, start: int = 0) -> int:
    if not 0 <= start <= len(plain(text)):
        raise EvaluationError("Index was out of range. Must be non-negative and less than the size of the collection.")
    return text.find(given(wanted), start)


def replaced(text: str, old: str, new: str | None) -> str:
    if not given(old, "oldValue"):
        raise EvaluationError("String cannot be of zero length. (Parameter 'oldValue')")
    if len(text) + text.count(old) * len(new or "") > 2 * LARGEST_TEXT:
        bounded(" " * (LARGEST_TEXT + 1))
    return text.replace(old, new or "")


def split(text: str, separators: Sequence[str], most: int = 2**31 - 1, options: Enum | None = None) -> Array:
    parts: list[str] = []
    pattern = "|".join(re.escape(one) for one in separators if one) or r"\s"
    if most == 0:
        return Array(STRINGS)
    if options is not None and options.number:
        found = [one for one in re.split(pattern, text) if one]
        if len(found) > most:
            raise NotRun("Split with a count and RemoveEmptyEntries is not simulated")
        return Array(STRINGS, found)
    parts = re.split(pattern, text, maxsplit=max(0, most - 1)) if most > 1 else [text]
    return Array(STRINGS, parts)


def joined(separator: str | None, values: Any) -> str:
    if values is None:
        raise EvaluationError("Value cannot be null. (Parameter 'value')")
    texts = [text_of(one) for one in values]
    size = sum(map(len, texts)) + len(separator or "") * len(texts)
    if size > 2 * LARGEST_TEXT:
        bounded(" " * (LARGEST_TEXT + 1))
    return (separator or "").join(texts)


def join_items(frame: Frame, separator: str | None, values: Any) -> str:
    return joined(separator, list(frame.items(values)))


def padded(text: str, width: int, left: bool, filler: str = " ") -> str:
    if width < 0:
        raise EvaluationError(OUT_OF_RANGE)
    if width > LARGEST_TEXT:
        raise NotRun("a text of more than a million characters is not simulated")
    return text.rjust(width, filler) if left else text.ljust(width, filler)


def repeated(one: str, count: int) -> str:
    if count < 0:
        raise EvaluationError(OUT_OF_RANGE)
    return padded("", count, left=True, filler=one)


SPACES = " \t\n\v\f\r\x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))


def trimmed(side: Callable[[str, str], str]) -> Callable[..., str]:
    return lambda text, letters=None: side(text, "".join(letters) if letters else SPACES)


def compared(one: str | None, other: str | None, comparison: Enum) -> int:
    if not comparison.name.startswith("Ordinal"):
        raise NotRun("comparison in a culture is not simulated")
    left, right = folded(one or "", comparison), folded(other or "", comparison)
    if one is None or other is None:
        return (one is not None) - (other is not None)
    return (left > right) - (left < right)


def inserted(text: str, at: int, more: str) -> str:
    return substring(text, 0, at) + given(more) + text[at:]


def removed(text: str, start: int, count: int | None = None) -> str:
    gone = substring(text, start, count)
    return text[:start] + text[start + len(gone) :]


declare(
    "string",
    "System",
    {
        "int Length": units,
        "char this[int index]": character,
        "static string Empty": lambda: "",
        "new(char c, int count)": repeated,
        "new(char[] value)": "".join,
        "static bool IsNullOrEmpty(string value)": lambda text: not text,
        "static bool IsNullOrWhiteSpace(string value)": lambda text: not text or not text.strip(SPACES),
        "static string Join(string separator, params string[] value)": joined,
        "static string Join<T>(string separator, IEnumerable<T> values)": Live(join_items),
        "static string Join(string separator, params object[] values)": joined,
        "static string Concat(params string[] values)": lambda values: joined("", values),
        "static string Concat(params object[] values)": lambda values: joined("", values),
        "static string Format(string format, params object[] args)": composed,
        "static bool Equals(string a, string b)": lambda one, other: one == other,
        "static bool Equals(string a, string b, StringComparison comparisonType)": equal,
        "static int Compare(string a, string b, StringComparison comparisonType)": compared,
        "static int CompareOrdinal(string a, string b)": lambda a, b: compared(a, b, ORDINAL),
        "bool Equals(string value)": lambda text, other: text == other,
        "bool Equals(string value, StringComparison comparisonType)": equal,
        "bool Equals(object obj)": lambda text, other: type(other) is str and text == other,
        "bool StartsWith(string value)": lambda text, value: text.startswith(given(value)),
        "bool StartsWith(string value, StringComparison c)": lambda text, value, c: folded(text, c).startswith(
            folded(given(value), c)
        ),
        "bool EndsWith(string value)": lambda text, value: text.endswith(given(value)),
        "bool EndsWith(string value, StringComparison c)": lambda text, value, c: folded(text, c).endswith(
            folded(given(value), c)
        ),
        "bool Contains(string value)": lambda text, value: given(value) in text,
        "int IndexOf(string value)": find,
        "int IndexOf(char value)": find,
        "int IndexOf(string value, int startIndex)": find,
        "int IndexOf(char value, int startIndex)": find,
        "int IndexOf(string value, StringComparison c)": lambda text, value, c: find(
            folded(text, c), folded(given(value), c)
        ),
        "int LastIndexOf(string value)": lambda text, value: plain(text).rfind(given(value)),
        "int LastIndexOf(char value)": lambda text, value: plain(text).rfind(value),
        "string Substring(int startIndex)": substring,
        "string Substring(int startIndex, int length)": substring,
        "string ToLower()": lower,
        "string ToUpper()": upper,
        "string ToLowerInvariant()": lower,
        "string ToUpperInvariant()": upper,
        "string ToString()": str,
        "string Trim(params char[] trimChars)": trimmed(str.strip),
        "string TrimStart(params char[] trimChars)": trimmed(str.lstrip),
        "string TrimEnd(params char[] trimChars)": trimmed(str.rstrip),
        "string Replace(string oldValue, string newValue)": replaced,
        "string Replace(char oldChar, char newChar)": replaced,
        "string Insert(int startIndex, string value)": inserted,
        "string Remove(int startIndex)": removed,
        "string Remove(int startIndex, int count)": removed,
        "string PadLeft(int totalWidth)": lambda text, width: padded(text, width, True),
        "string PadLeft(int totalWidth, char paddingChar)": lambda text, width, one: padded(text, width, True, one),
        "string PadRight(int totalWidth)": lambda text, width: padded(text, width, False),
        "string PadRight(int totalWidth, char paddingChar)": lambda text, width, one: padded(text, width, False, one),
        "string[] Split(params char[] separator)": split,
        "string[] Split(char[] separator, int count)": split,
        "string[] Split(char[] separator, StringSplitOptions options)": lambda text, by, o: split(text, by, options=o),
        "string[] Split(string[] separator, StringSplitOptions options)": lambda text, by, o: split(
            text, by, options=o
        ),
        "string[] Split(string[] separator, int count, StringSplitOptions options)": split,
        "char[] ToCharArray()": lambda text: Array(array(T("char")), [Char(one) for one in plain(text)]),
        "ext Jwt AsJwt()": jwt_of,
        "ext bool TryParseJwt(out Jwt result)": lambda text: (jwt_of(text) is not None, jwt_of(text)),
        "ext BasicAuthCredentials AsBasic()": basic_of,
        "ext bool TryParseBasic(out BasicAuthCredentials result)": lambda text: (
            basic_of(text) is not None,
            basic_of(text),
        ),
    },
    others="""Clone CompareTo CopyTo GetEnumerator GetTypeCode IndexOf* IndexOfAny IsNormalized LastIndexOf*
        LastIndexOfAny Normalize Split* StartsWith* EndsWith* ToLower* ToUpper* ToString* Compare* Concat* Format*
        Copy Intern IsInterned Chars new* Substring* Join* ToCharArray*""",
)

LETTERS = {
    "static bool IsDigit(char c)": lambda one: one.isdecimal(),
    "static bool IsNumber(char c)": lambda one: one.isnumeric(),
    "static bool IsLetter(char c)": lambda one: one.isalpha(),
    "static bool IsLetterOrDigit(char c)": lambda one: one.isalpha() or one.isdecimal(),
    "static bool IsUpper(char c)": lambda one: one.isupper(),
    "static bool IsLower(char c)": lambda one: one.islower(),
    "static bool IsWhiteSpace(char c)": lambda one: one in SPACES,
    "static char ToUpper(char c)": lambda one: Char(upper(one)),
    "static char ToLower(char c)": lambda one: Char(lower(one)),
    "static char ToUpperInvariant(char c)": lambda one: Char(upper(one)),
    "static char ToLowerInvariant(char c)": lambda one: Char(lower(one)),
}
declare("char", "System", LETTERS, others="Parse TryParse IsPunctuation IsSymbol IsControl MinValue MaxValue CompareTo")
SPACES_OF_ENUMS = {
    "Formatting": "Newtonsoft.Json",
    "JTokenType": "Newtonsoft.Json.Linq",
    "RegexOptions": "System.Text.RegularExpressions",
}
for _enum in ENUMS:
    declare(_enum, SPACES_OF_ENUMS.get(_enum, "System"), {}, others="HasFlag CompareTo")
declare(
    "object",
    "System",
    {
        "string ToString()": text_of,
        "bool Equals(object obj)": lambda one, other: type(one) is type(other) and one == other,
    },
    others="GetHashCode GetType Equals* ReferenceEquals",
)
declare(
    "Exception",
    "System",
    {},
    others="Message StackTrace InnerException Data Source HelpLink HResult TargetSite GetBaseException ToString* new",
)


class Builder:
    """StringBuilder."""

    type = T("StringBuilder")

    def __init__(self, text: str | None = "") -> None:
        self.parts, self.size = [text or ""], len(text or "")

    def append(self, value: Any) -> Builder:
        text = text_of(value)
        self.size += len(text)
        if self.size > LARGEST_TEXT:
            raise NotRun("a text of more than a million characters is not simulated")
        self.parts.append(text)
        return self

    def written(self) -> str:
        self.parts = ["".join(self.parts)]
        return self.parts[0]


declare(
    "StringBuilder",
    "System.Text",
    {
        "new()": Builder,
        "new(string value)": Builder,
        "StringBuilder Append(string value)": Builder.append,
        "StringBuilder Append(object value)": Builder.append,
        "StringBuilder AppendLine()": lambda made: made.append("\r\n"),
        "StringBuilder AppendLine(string value)": lambda made, text: made.append(text).append("\r\n"),
        "StringBuilder AppendFormat(string format, params object[] args)": lambda made, form, values: made.append(
            composed(form, values)
        ),
        "int Length": lambda made: units(made.written()),
        "string ToString()": Builder.written,
    },
    others="Insert Remove Replace Clear Capacity EnsureCapacity new* Append* AppendJoin ToString* MaxCapacity",
)
