"""
`$filter`, as far as directory clients use it: eq, ne, in, ge, le, startsWith, endsWith, and, or, not, parentheses,
any() over lists, and how many a list has (`/$count`).

`ne`, `not`, `endsWith` and `/$count` are advanced queries: they need `ConsistencyLevel: eventual` and `$count=true`.
What is not known is refused, never ignored. Sources: learn.microsoft.com/graph/filter-query-parameter and
aad-advanced-queries; the text about types is OData's (OData/odata.net).
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

from azuresim.entra.directory import Body
from azuresim.graph.request import GraphError, bad_request

Test = Callable[[Body], bool]
GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)", re.IGNORECASE)
TOKEN = re.compile(
    rf"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<guid>{GUID.pattern})|(?P<instant>{INSTANT.pattern})"
    r"|(?P<word>[A-Za-z_][\w./$]*)|(?P<number>-?\d+)|(?P<mark>[(),:]))",
    re.IGNORECASE,
)
DEEPEST = 20
ORDERS: dict[str, Callable[[Any, Any], bool]] = {"ge": operator.ge, "le": operator.le}
ADVANCED = "Operator is not supported without 'ConsistencyLevel: eventual' and '$count=true'."


def unsupported(text: str) -> GraphError:
    return bad_request(text, "Request_UnsupportedQuery")


class Guid(str):
    """A literal without quotes: what properties of type Edm.Guid are compared with, and texts are not."""

    __slots__ = ()


class Parser:
    """Raises GraphError 400 for what is no filter, or none that is simulated."""

    def __init__(self, text: str, known: Mapping[str, str], *, advanced: bool) -> None:
        self.text, self.known, self.advanced = text, known, advanced
        self.tokens = list(self.split(text))
        self.at = self.depth = 0
        self.lambda_name = ""

    def split(self, text: str) -> list[str]:
        found, at, end = [], 0, len(text.rstrip())
        while at < end:
            match = TOKEN.match(text, at)
            if match is None:
                raise bad_request(f"Invalid filter clause: {text[:200]!r}.", "BadRequest")
            found.append(match[0].strip())
            at = match.end()
        return found

    def whole(self) -> Test:
        test = self.either()
        if self.at < len(self.tokens):
            raise bad_request(f"Invalid filter clause: {self.text[:200]!r}.", "BadRequest")
        return test

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self, *wanted: str) -> str:
        found = self.peek()
        if wanted and found.lower() not in wanted:
            raise bad_request(f"Invalid filter clause: {self.text[:200]!r}.", "BadRequest")
        self.at += 1
        return found

    def either(self) -> Test:
        tests = [self.both()]
        while self.peek().lower() == "or":
            self.take()
            tests.append(self.both())
        return tests[0] if len(tests) == 1 else lambda body: any(test(body) for test in tests)

    def both(self) -> Test:
        tests = [self.one()]
        while self.peek().lower() == "and":
            self.take()
            tests.append(self.one())
        return tests[0] if len(tests) == 1 else lambda body: all(test(body) for test in tests)

    def one(self) -> Test:
        self.depth += 1
        if self.depth > DEEPEST:
            raise bad_request("The filter is nested too deeply.", "BadRequest")
        try:
            if self.peek() == "(":
                self.take()
                inner = self.either()
                self.take(")")
                return inner
            if self.peek().lower() == "not":
                self.need_advanced()
                self.take()
                negated = self.one()
                return lambda body: not negated(body)
            return self.comparison()
        finally:
            self.depth -= 1

    def need_advanced(self) -> None:
        if not self.advanced:
            raise unsupported(ADVANCED)

    def comparison(self) -> Test:
        name = self.take()
        if name.lower() in ("startswith", "endswith") and self.peek() == "(":
            return self.function(name.lower())
        if name.endswith("/any") and self.peek() == "(":
            return self.any_of(name.removesuffix("/any"))
        if name.endswith("/$count"):
            self.need_advanced()
        values = self.values_at(name)
        word = self.take().lower()
        if word == "in":
            wanted = [self.fitting(name, one) for one in self.list_of_values()]
            return lambda body: any(same(value, one) for value in values(body) for one in wanted)
        if word in ORDERS:
            limit, holds = self.fitting(name, self.value()), ORDERS[word]
            return lambda body: any(comparable(found, limit) and holds(found, limit) for found in values(body))
        if word not in ("eq", "ne"):
            raise unsupported(f"The operator '{word[:40]}' is not simulated.")
        if word == "ne":
            self.need_advanced()
        value = self.fitting(name, self.value())
        return lambda body: any(same(found, value) for found in values(body)) == (word == "eq")

    def fitting(self, name: str, value: Any) -> Any:
        """The value, when its type is that of the property."""
        kind = self.known.get(name, "")
        found = "Edm.Guid" if isinstance(value, Guid) else "Edm.String" if isinstance(value, str) else ""
        if {kind, found} == {"Edm.Guid", "Edm.String"}:
            raise bad_request(
                "A binary operator with incompatible types was detected. Found operand types "
                f"'{kind}' and '{found}' for operator kind 'Equal'.",
                "BadRequest",
            )
        return value

    def function(self, name: str) -> Test:
        if name == "endswith":
            self.need_advanced()
        self.take("(")
        values = self.values_at(self.take())
        self.take(",")
        part = self.value()
        self.take(")")
        if not isinstance(part, str):
            raise bad_request(f"Invalid filter clause: {self.text[:200]!r}.", "BadRequest")
        ends = part.lower()

        def test(body: Body) -> bool:
            found = [value.lower() for value in values(body) if isinstance(value, str)]
            return any(one.startswith(ends) if name == "startswith" else one.endswith(ends) for one in found)

        return test

    def any_of(self, path: str) -> Test:
        """`identifierUris/any(x:x eq '…')`, `appRoles/any(r:r/value eq '…')`."""
        lists = self.values_at(path)
        self.take("(")
        outer, self.lambda_name = self.lambda_name, self.take()
        self.take(":")
        inner = self.either()
        self.take(")")
        self.lambda_name = outer
        return lambda body: any(
            inner(item if isinstance(item, dict) else {"": item})
            for value in lists(body)
            for item in (value if isinstance(value, list) else [])
        )

    def values_at(self, path: str) -> Callable[[Body], list[Any]]:
        parts = path.split("/")
        if self.lambda_name and parts[0] == self.lambda_name:
            parts = parts[1:] or [""]
        elif parts[0] not in self.known:
            raise bad_request(f"Could not find a property named '{parts[0][:100]}'.", "BadRequest")

        def values(body: Body) -> list[Any]:
            found: Any = body
            for part in parts:
                if part == "$count":
                    found = len(found) if isinstance(found, list) else 0
                else:
                    found = found.get(part) if isinstance(found, dict) else None
            return [found]

        return values

    def list_of_values(self) -> list[Any]:
        self.take("(")
        found = [self.value()]
        while self.peek() == ",":
            self.take()
            found.append(self.value())
        self.take(")")
        return found

    def value(self) -> Any:
        token = self.take()
        if token.startswith("'"):
            return token[1:-1].replace("''", "'")
        if token.lower() in ("true", "false", "null"):
            return {"true": True, "false": False, "null": None}[token.lower()]
        if GUID.fullmatch(token):
            return Guid(token)
        if INSTANT.fullmatch(token):
            return token
        if re.fullmatch(r"-?\d{1,18}", token):
            return int(token)
        raise bad_request(f"Invalid filter clause: {self.text[:200]!r}.", "BadRequest")


def same(found: Any, wanted: Any) -> bool:
    """Texts are compared without case, as the directory does."""
    if isinstance(found, str) and isinstance(wanted, str):
        return found.lower() == wanted.lower()
    return type(found) is type(wanted) and bool(found == wanted)


def comparable(found: Any, limit: Any) -> bool:
    return isinstance(found, str) == isinstance(limit, str) and found is not None and limit is not None
