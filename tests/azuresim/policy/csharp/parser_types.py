"""The way through the tokens, and the types that stand among them: `List<string>`, `int?`, the `(T)` of a cast."""

from __future__ import annotations

from azuresim.policy.csharp import syntax
from azuresim.policy.csharp.errors import ExpressionError, NotSimulated
from azuresim.policy.csharp.lexer import Token, tokenize
from azuresim.policy.csharp.syntax import TypeName

PREDEFINED = ("string", "int", "long", "double", "decimal", "bool", "char", "byte", "object", "float", "short", "uint")
CONSTANTS = {"true": True, "false": False, "null": None}
AFTER_GENERIC = ("(", ")", "]", "}", ":", ";", ",", ".", "?", "==", "!=", "?.", "")


class TypeParser:
    def __init__(self, source: str, nested: int = 0) -> None:
        self.tokens, self.at, self.depth = tokenize(source), 0, nested

    @property
    def here(self) -> Token:
        return self.tokens[self.at]

    def peek(self, ahead: int = 0) -> str:
        token = self.tokens[min(self.at + ahead, len(self.tokens) - 1)]
        return token.text if token.kind in ("op", "name") else ""

    def accept(self, *texts: str) -> str:
        if self.peek() not in texts or not self.peek():
            return ""
        self.at += 1
        return self.tokens[self.at - 1].text

    def expect(self, text: str) -> None:
        if not self.accept(text):
            raise ExpressionError(f"{text} expected")

    def identifier(self) -> str:
        token = self.here
        if token.kind not in ("name", "identifier") or (token.kind == "name" and token.text in CONSTANTS):
            raise ExpressionError("Identifier expected")
        self.at += 1
        return token.text

    def descend(self) -> None:
        self.depth += 1
        if self.depth > syntax.DEEPEST:
            raise NotSimulated(f"an expression nested deeper than {syntax.DEEPEST} is not simulated")

    # --- types ---
    def type(self, question: bool = True) -> TypeName:
        self.descend()
        if self.here.kind != "name":
            raise ExpressionError("Type expected")
        name = self.identifier()
        while self.peek() == "." and self.tokens[self.at + 1].kind == "name":
            self.at += 1
            name += "." + self.identifier()
        args = self.generic() if self.accept("<") else ()
        nullable = bool(question and self.accept("?"))
        ranks = 0
        while self.peek() == "[" and self.peek(1) == "]":
            self.at += 2
            ranks += 1
        self.depth -= 1
        return TypeName(name, args, nullable, ranks)

    def generic(self) -> tuple[TypeName, ...]:
        args = [self.type()]
        while self.accept(","):
            args.append(self.type())
        self.expect(">")
        return tuple(args)

    def type_arguments(self) -> tuple[TypeName, ...]:
        """`<T>` behind a name, when what follows cannot be a comparison."""
        start = self.at
        if not self.accept("<"):
            return ()
        try:
            args = self.generic()
        except NotSimulated:
            raise
        except ExpressionError:
            self.at = start
            return ()
        if self.here.kind in ("op", "end") and self.peek() in AFTER_GENERIC:
            return args
        self.at = start
        return ()

    def cast_type(self) -> TypeName | None:
        """The type of `(T)`, when what follows makes it a cast."""
        start, self.at = self.at, self.at + 1
        try:
            found = self.type()
        except ExpressionError:
            found = None
        if found is not None and self.accept(")"):
            sure = found.name in PREDEFINED or found.ranks > 0 or found.nullable
            token = self.here
            operand = token.kind not in ("op", "end") and token.text not in ("is", "as")
            if operand or self.peek() in ("(", "!", "~") or (sure and self.peek() in ("-", "+")):
                return found
        self.at = start
        return None
