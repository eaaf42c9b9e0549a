"""
Policy expressions: `@( expression )` and `@{ statements }` in C# 7, compiled when a policy is written, run per call.

The public face of `policy.csharp`. A text is refused (ExpressionError) in the compiler's words when Azure's compiler
would refuse it; what may compile in Azure and is not known here is NotSimulated, so that no test runs on a guess; and
what fails while it runs is an EvaluationError with the text of .NET's exception.
Source: learn.microsoft.com/azure/api-management/api-management-policy-expressions.

Assumed, as no public source says: the invariant culture and UTC for everything written without a format, `\r\n` between
the lines of indented JSON, the texts of refusals (those of Microsoft's C# compiler of Visual Studio 2017).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

from azuresim.policy.csharp import members, syntax
from azuresim.policy.csharp.bound import Bound
from azuresim.policy.csharp.branches import Branches
from azuresim.policy.csharp.context import Context, Scope
from azuresim.policy.csharp.creation import Creation
from azuresim.policy.csharp.errors import EvaluationError, ExpressionError, NotRun, NotSimulated
from azuresim.policy.csharp.frame import Frame
from azuresim.policy.csharp.parser import Parser
from azuresim.policy.csharp.parser_statements import StatementParser
from azuresim.policy.csharp.types import VOID
from azuresim.policy.csharp.values import text_of

Value = Any  # see csharp.values for what stands for which type
Kind = str  # the static type as C# writes it: "string", "int", "bool", "JObject", "<null>", …


class Expression(Protocol):
    @property
    def kind(self) -> Kind: ...

    def evaluate(self, context: Scope) -> Value:
        """Raises EvaluationError."""
        ...


@dataclass(frozen=True)
class Literal:
    value: str
    kind: Kind = "string"

    def evaluate(self, context: Scope) -> Value:
        return self.value


@dataclass(frozen=True)
class Compiled:
    bound: Bound

    @property
    def kind(self) -> Kind:
        return "null" if str(self.bound.type) == "<null>" else str(self.bound.type)

    def evaluate(self, context: Scope) -> Value:
        try:
            return self.bound.run(Frame(context))
        except RecursionError as error:
            raise NotRun("an expression that deep is not simulated") from error


def is_expression(text: str) -> bool:
    return text.lstrip().startswith(("@(", "@{"))


def compile_text(text: str) -> Expression:
    """The expression in `@(…)` or `@{…}`, or the text itself as a literal. Raises ExpressionError."""
    return compiled(text.strip()) if is_expression(text) else Literal(text)


@lru_cache(maxsize=2048)
def compiled(text: str) -> Expression:
    end = ")" if text.startswith("@(") else "}"
    if not text.endswith(end) or len(text) < 3:
        raise ExpressionError(f"{end} expected: {text}")
    try:
        return Compiled(bound(text[2:-1], end))
    except RecursionError as error:
        raise NotSimulated("an expression that deep is not simulated") from error
    except NotSimulated as error:
        raise NotSimulated(f"this part of an expression is not simulated: {error} (in {text})") from error


def bound(source: str, end: str) -> Bound:
    if end == "}":
        body = StatementParser(source).body()
        syntax.refuse_depth(body)
        return Branches().body(body)
    node = Parser(source).whole()
    syntax.refuse_depth(node)
    found = Creation().bind(node)
    if found.type == VOID:
        raise ExpressionError("Cannot implicitly convert type 'void' to 'object'")
    return found


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
    "members",
    "text_of",
]
