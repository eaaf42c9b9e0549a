"""
Policy expressions, as far as the simulated gateway runs them: a small, strict part of C#.

Understood: string, integer and boolean literals, null, `+`, `==`, `!=`, `&&`, `||`, `!`, parentheses, the casts
`(string)`, `(int)`, `(bool)`, `context.Variables["x"]`, `context.Variables.GetValueOrDefault("x", "d")` and
`context.Request.Headers.GetValueOrDefault("a", "b")`. Everything else raises NotSimulated when it is compiled, so that
a test never runs on an expression which the simulator only guessed.
Source: learn.microsoft.com/azure/api-management/api-management-policy-expressions.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal as OneOf
from typing import Protocol

from azuresim.policy.csharp.context import Context, Scope
from azuresim.policy.csharp.errors import EvaluationError, ExpressionError, NotSimulated

Value = str | int | bool | None
Kind = OneOf["string", "int", "bool", "null", "object"]


__all__ = [
    "Context",
    "EvaluationError",
    "Expression",
    "ExpressionError",
    "Kind",
    "NotSimulated",
    "Scope",
    "Value",
    "compile_text",
    "is_expression",
    "text_of",
]


class Expression(Protocol):
    @property
    def kind(self) -> Kind: ...

    def evaluate(self, context: Scope) -> Value: ...


@dataclass(frozen=True)
class Literal:
    value: Value

    @property
    def kind(self) -> Kind:
        match self.value:
            case None:
                return "null"
            case bool():
                return "bool"
            case int():
                return "int"
            case _:
                return "string"

    def evaluate(self, context: Scope) -> Value:
        return self.value


@dataclass(frozen=True)
class Variable:
    """`context.Variables["x"]`: KeyNotFoundException when nobody has set it."""

    name: str
    kind: Kind = "object"

    def evaluate(self, context: Scope) -> Value:
        if self.name not in context.variables:
            raise EvaluationError("The given key was not present in the dictionary.")
        return context.variables[self.name]


@dataclass(frozen=True)
class VariableOrDefault:
    name: str
    default: Expression
    kind: Kind

    def evaluate(self, context: Scope) -> Value:
        if self.name in context.variables:
            return converted(context.variables[self.name], self.kind)
        return self.default.evaluate(context)


@dataclass(frozen=True)
class HeaderOrDefault:
    """`context.Request.Headers.GetValueOrDefault("a", "b")`: several values come joined by a comma."""

    name: str
    default: Expression
    kind: Kind = "string"

    def evaluate(self, context: Scope) -> Value:
        value = context.header(self.name)
        return self.default.evaluate(context) if value is None else value


@dataclass(frozen=True)
class Cast:
    kind: Kind
    of: Expression

    def evaluate(self, context: Scope) -> Value:
        return converted(self.of.evaluate(context), self.kind)


@dataclass(frozen=True)
class Not:
    of: Expression
    kind: Kind = "bool"

    def evaluate(self, context: Scope) -> Value:
        return not self.of.evaluate(context)


@dataclass(frozen=True)
class Binary:
    operator: str
    left: Expression
    right: Expression
    kind: Kind

    def evaluate(self, context: Scope) -> Value:
        left = self.left.evaluate(context)
        match self.operator:
            case "&&":
                return bool(left) and bool(self.right.evaluate(context))
            case "||":
                return bool(left) or bool(self.right.evaluate(context))
        right = self.right.evaluate(context)
        match self.operator:
            case "==":
                return left == right
            case "!=":
                return left != right
        if self.kind == "int" and isinstance(left, int) and isinstance(right, int):
            return left + right
        return text_of(left) + text_of(right)


def converted(value: Value, kind: Kind) -> Value:
    """The value, when it is of that type: C# unboxes, it does not convert."""
    found = Literal(value).kind
    if kind in ("object", found) or (found == "null" and kind == "string"):
        return value
    raise EvaluationError(f"Unable to cast object of type '{found}' to type '{kind}'.")


def text_of(value: Value) -> str:
    """A value as C# writes it into a string: null is empty, booleans begin with a capital."""
    return "" if value is None else str(value)


def is_expression(text: str) -> bool:
    return text.lstrip().startswith(("@(", "@{"))


def compile_text(text: str) -> Expression:
    """The expression in `@(...)`, or the text itself as a literal. Raises ExpressionError."""
    if not is_expression(text):
        return Literal(text)
    stripped = text.strip()
    if stripped.startswith("@{"):
        raise NotSimulated(f"multi-statement expressions are not simulated: {stripped}")
    if not stripped.endswith(")"):
        raise ExpressionError(f") expected: {stripped}")
    return Parser(stripped[2:-1]).whole()


TOKEN = re.compile(
    r"""\s*(?:
    (?P<verbatim>@"(?:[^"]|"")*")
  | (?P<string>"(?:[^"\\\n]|\\.)*")
  | (?P<number>\d+(?![\w.]))
  | (?P<name>[A-Za-z_]\w*)
  | (?P<symbol>&&|\|\||==|!=|[()\[\]<>.,+!])
  )""",
    re.VERBOSE,
)
ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "0": "\0", '"': '"', "'": "'", "\\": "\\"}
CASTS: Mapping[str, Kind] = {"string": "string", "int": "int", "bool": "bool"}
CONSTANTS: Mapping[str, Value] = {"true": True, "false": False, "null": None}


@dataclass(frozen=True)
class Token:
    kind: str
    text: str


class Parser:
    """Recursive descent with C#'s precedences: `||`, `&&`, equality, `+`, unary, primary."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.tokens = tokenize(source)
        self.at = 0

    def whole(self) -> Expression:
        result = self.either()
        if self.at < len(self.tokens):
            raise self.unknown()
        return result

    def either(self) -> Expression:
        left = self.both()
        while self.accept("||"):
            left = binary("||", left, self.both())
        return left

    def both(self) -> Expression:
        left = self.equality()
        while self.accept("&&"):
            left = binary("&&", left, self.equality())
        return left

    def equality(self) -> Expression:
        left = self.sum()
        while operator := self.accept("==", "!="):
            left = binary(operator, left, self.sum())
        return left

    def sum(self) -> Expression:
        left = self.unary()
        while self.accept("+"):
            left = binary("+", left, self.unary())
        return left

    def unary(self) -> Expression:
        if self.accept("!"):
            of = self.unary()
            if of.kind != "bool":
                raise ExpressionError(f"Operator '!' cannot be applied to operand of type '{of.kind}'")
            return Not(of)
        if self.peek(0) == "(" and self.peek(1) in CASTS and self.peek(2) == ")":
            kind = CASTS[self.peek(1)]
            self.at += 3
            return cast(kind, self.unary())
        return self.primary()

    def primary(self) -> Expression:
        if self.accept("("):
            inner = self.either()
            self.expect(")")
            return inner
        if self.at >= len(self.tokens):
            raise ExpressionError(f"Invalid expression term ')': {self.source}")
        token = self.tokens[self.at]
        if token.kind in ("string", "verbatim", "number") or token.text in CONSTANTS:
            self.at += 1
            return Literal(value_of(token))
        return self.context()

    def context(self) -> Expression:
        if self.follows("context", ".", "Variables", "["):
            name = self.string()
            self.expect("]")
            return Variable(name)
        if self.follows("context", ".", "Variables", ".", "GetValueOrDefault"):
            kind = self.type_argument()
            name, default = self.arguments()
            return VariableOrDefault(name, default, kind or ("object" if default.kind == "null" else default.kind))
        if self.follows("context", ".", "Request", ".", "Headers", ".", "GetValueOrDefault"):
            return HeaderOrDefault(*self.arguments())
        raise self.unknown()

    def type_argument(self) -> Kind | None:
        if not self.accept("<"):
            return None
        kind = CASTS.get(self.peek(0))
        if kind is None:
            raise self.unknown()
        self.at += 1
        self.expect(">")
        return kind

    def arguments(self) -> tuple[str, Expression]:
        """The name, and the default: null when there is none."""
        self.expect("(")
        name = self.string()
        default: Expression = self.either() if self.accept(",") else Literal(None)
        self.expect(")")
        return name, default

    def string(self) -> str:
        if self.at < len(self.tokens) and self.tokens[self.at].kind in ("string", "verbatim"):
            self.at += 1
            return text_of(value_of(self.tokens[self.at - 1]))
        raise self.unknown()

    def peek(self, ahead: int) -> str:
        index = self.at + ahead
        if index >= len(self.tokens) or self.tokens[index].kind in ("string", "verbatim"):
            return ""
        return self.tokens[index].text

    def accept(self, *texts: str) -> str:
        found = self.peek(0)
        if found not in texts:
            return ""
        self.at += 1
        return found

    def expect(self, text: str) -> None:
        if not self.accept(text):
            raise ExpressionError(f"{text} expected: {self.source}")

    def follows(self, *texts: str) -> bool:
        if any(self.peek(ahead) != text for ahead, text in enumerate(texts)):
            return False
        self.at += len(texts)
        return True

    def unknown(self) -> NotSimulated:
        rest = " ".join(token.text for token in self.tokens[self.at : self.at + 8])
        return NotSimulated(f"this part of an expression is not simulated: {rest or 'its end'} (in {self.source})")


def tokenize(source: str) -> list[Token]:
    tokens, at, end = [], 0, len(source.rstrip())
    while at < end:
        found = TOKEN.match(source, at)
        if found is None:
            raise NotSimulated(f"this part of an expression is not simulated: {source[at:].strip()} (in {source})")
        kind = found.lastgroup or ""
        tokens.append(Token(kind, found.group(kind)))
        at = found.end()
    return tokens


def value_of(token: Token) -> Value:
    if token.kind == "verbatim":
        return token.text[2:-1].replace('""', '"')
    if token.kind == "number":
        return int(token.text)
    if token.kind == "name":
        return CONSTANTS[token.text]
    return re.sub(r"\\(.)", unescaped, token.text[1:-1])


def unescaped(found: re.Match[str]) -> str:
    if found[1] not in ESCAPES:
        raise ExpressionError(f"Unrecognized escape sequence: {found[0]}")
    return ESCAPES[found[1]]


def cast(kind: Kind, of: Expression) -> Expression:
    if of.kind not in ("object", kind) and not (kind == "string" and of.kind == "null"):
        raise ExpressionError(f"Cannot convert type '{of.kind}' to '{kind}'")
    return Cast(kind, of)


def binary(operator: str, left: Expression, right: Expression) -> Expression:
    """`left operator right`, when C# would compile it."""
    kinds = {left.kind, right.kind}
    if operator == "+" and ("string" in kinds or kinds == {"int"}):
        return Binary(operator, left, right, "int" if kinds == {"int"} else "string")
    if operator in ("==", "!=") and (len(kinds) == 1 or kinds <= {"object", "string", "null"}):
        return Binary(operator, left, right, "bool")
    if operator in ("&&", "||") and kinds == {"bool"}:
        return Binary(operator, left, right, "bool")
    raise ExpressionError(
        f"Operator '{operator}' cannot be applied to operands of type '{left.kind}' and '{right.kind}'"
    )
