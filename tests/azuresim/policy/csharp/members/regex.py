"""Regex and what it finds. Source: learn.microsoft.com/dotnet/api/system.text.regularexpressions.regex."""

from __future__ import annotations

import re
from typing import Any

from azuresim.policy.csharp.errors import EvaluationError, NotRun
from azuresim.policy.csharp.regexes import Pattern, pattern_of
from azuresim.policy.csharp.signatures import declare
from azuresim.policy.csharp.types import STRING, T, array
from azuresim.policy.csharp.values import LARGEST_TEXT, Array, Enum

SPACE = "System.Text.RegularExpressions"


class Group:
    type = T("Group")

    def __init__(self, found: re.Match[str] | None, group: str | int = 0) -> None:
        self.found = found if found is not None and found[group] is not None else None
        self.group = group

    @property
    def value(self) -> str:
        return self.found[self.group] if self.found else ""

    def written(self) -> str:
        return self.value

    def index(self) -> int:
        return self.found.start(self.group) if self.found else 0


class Match(Group):
    type = T("Match")


class Groups:
    type = T("GroupCollection")

    def __init__(self, found: re.Match[str] | None) -> None:
        self.found = found

    def group(self, key: str | int | None) -> Group:
        if key is None:
            raise EvaluationError("Value cannot be null. (Parameter 'name')")
        if isinstance(key, str) and key.isdecimal():
            key = int(key)
        if self.found is None:
            return Group(None)
        there = key in self.found.re.groupindex if isinstance(key, str) else 0 <= key <= self.found.re.groups
        return Group(self.found, key) if there else Group(None)


def is_match(text: str | None, pattern: str | None, options: Enum | None = None) -> bool:
    return found_in(pattern_of(pattern, options), text).found is not None


def match(text: str | None, pattern: str | None, options: Enum | None = None) -> Match:
    return found_in(pattern_of(pattern, options), text)


def found_in(pattern: Pattern, text: str | None) -> Match:
    return Match(pattern.compiled.search(pattern.bounded(text)))


def replace(text: str | None, pattern: str | None, new: str | None, options: Enum | None = None) -> str:
    return replaced(pattern_of(pattern, options), text, new)


def replaced(pattern: Pattern, text: str | None, new: str | None) -> str:
    if new is None:
        raise EvaluationError("Value cannot be null. (Parameter 'replacement')")
    template = re.compile(r"\$(?:(\d+)|\{(\w+)\}|(\$)|(&)|(.?))", re.DOTALL)
    total = 0

    def one(found: re.Match[str]) -> str:
        nonlocal total
        shown = template.sub(lambda mark: marked(found, mark), new)
        total += len(shown)
        if total > LARGEST_TEXT:
            raise NotRun("a text of more than a million characters is not simulated")
        return shown

    return pattern.compiled.sub(one, pattern.bounded(text))


def marked(found: re.Match[str], mark: re.Match[str]) -> str:
    if mark[3] or mark[4]:
        return "$" if mark[3] else found[0]
    name = mark[1] or mark[2]
    if name is None:
        if mark[5] in ("`", "'", "+", "_"):
            raise NotRun(f"the replacement ${mark[5]} is not simulated")
        return mark[0]
    if name.isdecimal() and int(name) <= found.re.groups:
        return found[int(name)] or ""
    if not name.isdecimal() and name in found.re.groupindex:
        return found[name] or ""
    return mark[0]


def split(text: str | None, pattern: str | None) -> Array:
    compiled = pattern_of(pattern)
    parts = compiled.compiled.split(compiled.bounded(text))
    return Array(array(STRING), [one for one in parts if one is not None])


FOUND: dict[str, Any] = {
    "string Value": lambda found: found.value,
    "int Length": lambda found: len(found.value),
    "int Index": lambda found: found.index(),
    "string ToString()": lambda found: found.value,
}
declare("Capture", SPACE, FOUND)
declare("Group", SPACE, {"bool Success": lambda found: found.found is not None}, others="Captures")
declare("Match", SPACE, {"GroupCollection Groups": lambda found: Groups(found.found)}, others="Result Empty")
declare(
    "GroupCollection",
    SPACE,
    {
        "Group this[string groupname]": Groups.group,
        "Group this[int groupnum]": Groups.group,
        "int Count": lambda groups: groups.found.re.groups + 1 if groups.found else 1,
    },
    others="Item",
)
declare(
    "Regex",
    SPACE,
    {
        "static bool IsMatch(string input, string pattern)": is_match,
        "static bool IsMatch(string input, string pattern, RegexOptions options)": is_match,
        "static Match Match(string input, string pattern)": match,
        "static Match Match(string input, string pattern, RegexOptions options)": match,
        "static string Replace(string input, string pattern, string replacement)": replace,
        "static string Replace(string input, string pattern, string replacement, RegexOptions options)": replace,
        "static string[] Split(string input, string pattern)": split,
        "new(string pattern)": pattern_of,
        "new(string pattern, RegexOptions options)": pattern_of,
        "bool IsMatch(string input)": lambda pattern, text: found_in(pattern, text).found is not None,
        "Match Match(string input)": found_in,
        "string Replace(string input, string replacement)": replaced,
    },
    others="Matches Unescape Split* IsMatch* Match* Replace* new*",
)
