"""
`$filter`, as far as directory clients use it: eq, ne, in, startsWith, and, or, not, parentheses, any() over lists.

`ne`, `not` and `endsWith` are advanced queries: they need `ConsistencyLevel: eventual` and `$count=true`. What is not
known is refused, never ignored. Sources: learn.microsoft.com/graph/filter-query-parameter and aad-advanced-queries.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from azuresim.entra.directory import Body
from azuresim.graph.request import GraphError, bad_request

Test = Callable[[Body], bool]
TOKEN = re.compile(r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<word>[A-Za-z_][\w./]*)|(?P<number>-?\d+)|(?P<mark>[(),:]))")
DEEPEST = 20
ADVANCED = "Operator is not supported without 'ConsistencyLevel: eventual' and '$count=true'."


def unsupported(text: str) -> GraphError:
    return bad_request(text, "Request_UnsupportedQuery")


class Parser:
    """Raises GraphError 400 for what is no filter, or none that is simulated."""

    def __init__(self, text: str, known: frozenset[str], *, advanced: bool) -> None:
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
        values = self.values_at(name)
        operator = self.take().lower()
        if operator == "in":
            wanted = self.list_of_values()
            return lambda body: any(same(value, one) for value in values(body) for one in wanted)
        if operator not in ("eq", "ne"):
            raise unsupported(f"The operator '{operator[:40]}' is not simulated.")
        if operator == "ne":
            self.need_advanced()
        value = self.value()
        return lambda body: any(same(found, value) for found in values(body)) == (operator == "eq")

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
        if re.fullmatch(r"-?\d{1,18}", token):
            return int(token)
        raise bad_request(f"Invalid filter clause: {self.text[:200]!r}.", "BadRequest")


def same(found: Any, wanted: Any) -> bool:
    """Texts are compared without case, as the directory does."""
    if isinstance(found, str) and isinstance(wanted, str):
        return found.lower() == wanted.lower()
    return type(found) is type(wanted) and bool(found == wanted)
