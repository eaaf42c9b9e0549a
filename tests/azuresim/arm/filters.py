"""
The part of OData's `$filter` that ARM's lists understand.

    matches = parsed(text, {"name": lambda item: item["name"]}, {"atscope": lambda item: …})
    matches(item)            # `name eq 'a' and (startswith(name, 'b') or not name ne 'c')`

Names and values are compared without case, as ARM does. ArmError 400 InvalidFilterInQueryString for everything else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from azuresim.arm.routes import ArmError

Test = Callable[[Any], bool]
Field = Callable[[Any], str | None]
TOKEN = re.compile(r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<word>[A-Za-z_][\w./]*)|(?P<sign>[(),]))")
DEEPEST = 40


def parsed(text: str, fields: Mapping[str, Field], functions: Mapping[str, Callable[..., bool]] | None = None) -> Test:
    """What the filter asks. `fields` and `functions` go by lower-case names; functions get the item and texts."""
    return Parser(text, fields, functions or {}).whole()


class Parser:
    def __init__(self, text: str, fields: Mapping[str, Field], functions: Mapping[str, Callable[..., bool]]) -> None:
        self.text, self.fields, self.functions = text, fields, functions
        self.tokens = self._tokens()
        self.depth = 0

    def refusal(self) -> ArmError:
        shown = self.text[:200]
        return ArmError(400, "InvalidFilterInQueryString", f"Invalid $filter '{shown}' specified in the query string.")

    def _tokens(self) -> list[str]:
        found, at, text = [], 0, self.text.rstrip()
        while at < len(text):
            token = TOKEN.match(text, at)
            if token is None:
                raise self.refusal()
            found.append(token[0].strip())
            at = token.end()
        return found

    # --- tokens -------------------------------------------------------------------------------------------------------
    def next_is(self, word: str) -> bool:
        return bool(self.tokens) and self.tokens[0].lower() == word

    def take(self, word: str | None = None) -> str:
        if not self.tokens or (word is not None and not self.next_is(word)):
            raise self.refusal()
        return self.tokens.pop(0)

    def literal(self) -> str:
        token = self.take()
        if not token.startswith("'"):
            raise self.refusal()
        return token[1:-1].replace("''", "'").lower()

    def field(self) -> Field:
        found = self.fields.get(self.take().lower())
        if found is None:
            raise self.refusal()
        return found

    # --- grammar ------------------------------------------------------------------------------------------------------
    def whole(self) -> Test:
        test = self.either()
        if self.tokens:
            raise self.refusal()
        return test

    def either(self) -> Test:
        tests = [self.both()]
        while self.next_is("or"):
            self.take()
            tests.append(self.both())
        return tests[0] if len(tests) == 1 else lambda item: any(test(item) for test in tests)

    def both(self) -> Test:
        tests = [self.one()]
        while self.next_is("and"):
            self.take()
            tests.append(self.one())
        return tests[0] if len(tests) == 1 else lambda item: all(test(item) for test in tests)

    def one(self) -> Test:
        self.depth += 1
        if self.depth > DEEPEST:
            raise self.refusal()
        try:
            if self.next_is("not"):
                self.take()
                inner = self.one()
                return lambda item: not inner(item)
            if self.next_is("("):
                self.take()
                inside = self.either()
                self.take(")")
                return inside
            return self.call() if len(self.tokens) > 1 and self.tokens[1] == "(" else self.comparison()
        finally:
            self.depth -= 1

    def comparison(self) -> Test:
        field, operator, value = self.field(), self.take().lower(), self.literal()
        if operator not in ("eq", "ne"):
            raise self.refusal()
        wanted = operator == "eq"
        return lambda item: ((field(item) or "").lower() == value) is wanted

    def call(self) -> Test:
        name = self.take().lower()
        self.take("(")
        if name in ("startswith", "endswith", "contains"):
            field = self.field()
            self.take(",")
            value = self.literal()
        elif name == "substringof":
            value = self.literal()
            self.take(",")
            field = self.field()
        else:
            return self.own(name)
        self.take(")")
        return lambda item: text_test(name, (field(item) or "").lower(), value)

    def own(self, name: str) -> Test:
        arguments = []
        while not self.next_is(")"):
            arguments.append(self.literal())
            if not self.next_is(")"):
                self.take(",")
        self.take(")")
        function = self.functions.get(name)
        if function is None or function.__code__.co_argcount != len(arguments) + 1:
            raise self.refusal()
        return lambda item: function(item, *arguments)


def text_test(name: str, text: str, value: str) -> bool:
    if name == "startswith":
        return text.startswith(value)
    return text.endswith(value) if name == "endswith" else value in text
