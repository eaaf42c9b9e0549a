"""Expressions by recursive descent, with C#'s precedences; statements are in parser_statements."""

from __future__ import annotations

from collections.abc import Sequence

from azuresim.policy.csharp import syntax
from azuresim.policy.csharp.errors import ExpressionError, NotSimulated
from azuresim.policy.csharp.lexer import Hole
from azuresim.policy.csharp.parser_types import CONSTANTS, TypeParser
from azuresim.policy.csharp.syntax import Node, TypeName

PRECEDENCE = {
    **{"??": 1, "||": 2, "&&": 3, "|": 4, "^": 5, "&": 6, "==": 7, "!=": 7},
    **{"<": 8, ">": 8, "<=": 8, ">=": 8, "is": 8, "as": 8, "<<": 9, "+": 10, "-": 10, "*": 11, "/": 11, "%": 11},
}
ASSIGNMENTS = ("=", "+=", "-=", "*=", "/=", "%=")
UNKNOWN_WORDS = ("await", "checked", "delegate", "from", "stackalloc", "typeof", "unchecked", "sizeof", "throw")
STATEMENT_WORDS = (
    "if",
    "return",
    "foreach",
    "for",
    "while",
    "break",
    "continue",
    "else",
    "do",
    "switch",
    "try",
    "using",
)
LONGEST_CHAIN = 200


class Parser(TypeParser):
    """Expressions. `nested` is how deep this source lies in interpolated strings."""

    def __init__(self, source: str, nested: int = 0) -> None:
        super().__init__(source, nested)
        self.receivers = nested * 1000

    # --- expressions ---
    def whole(self) -> Node:
        found = self.expression()
        if self.here.kind != "end":
            raise ExpressionError(") expected" if self.peek() != ";" else "Invalid expression term ';'")
        return found

    def expression(self) -> Node:
        self.descend()
        left = self.lambda_() or self.ternary()
        if operator := self.accept(*ASSIGNMENTS):
            left = syntax.Assign(operator, left, self.expression())
        elif self.peek() in ("??=", "&=", "|=", "^=", "<<=", ">>="):
            raise NotSimulated(f"the operator {self.peek()} is not simulated")
        self.depth -= 1
        return left

    def lambda_(self) -> Node | None:
        start = self.at
        names: list[str] = []
        if self.here.kind == "name" and self.peek(1) == "=>":
            names.append(self.identifier())
        elif self.peek() == "(" and self.lambda_follows():
            self.at += 1
            while not self.accept(")"):
                if self.tokens[self.at + 1].text not in (",", ")"):
                    self.type()
                names.append(self.identifier())
                self.accept(",")
        if not self.accept("=>"):
            self.at = start
            return None
        return syntax.Lambda(tuple(names), self.lambda_body())

    def lambda_follows(self) -> bool:
        at = self.at + 1
        while self.tokens[at].kind == "name" or self.tokens[at].text in (",", "<", ">", "[", "]", "."):
            at += 1
        return self.tokens[at].text == ")" and self.tokens[at + 1].text == "=>" and self.tokens[at].kind == "op"

    def lambda_body(self) -> Node:
        if self.peek() == "{":
            return self.block()
        return self.expression()

    def block(self) -> Node:
        raise NotSimulated("a lambda with a body of statements is not simulated")

    def ternary(self) -> Node:
        condition = self.binary(1)
        if not self.accept("?"):
            return condition
        yes = self.expression()
        self.expect(":")
        return syntax.Ternary(condition, yes, self.expression())

    def binary(self, least: int) -> Node:
        left = self.unary()
        for _ in range(LONGEST_CHAIN):
            operator = self.shift() or self.peek()
            precedence = PRECEDENCE.get(operator, 0)
            if precedence < least:
                return left
            self.at += 1
            if operator in ("is", "as"):
                left = self.type_test(operator, left)
            else:
                left = syntax.Binary(operator, left, self.binary(precedence + (operator != "??")))
        raise NotSimulated(f"a chain of more than {LONGEST_CHAIN} operators is not simulated")

    def shift(self) -> str:
        if self.peek() == ">" and self.peek(1) == ">":
            raise NotSimulated("the operator >> is not simulated")
        return ""

    def type_test(self, operator: str, left: Node) -> Node:
        if self.here.kind == "literal" or self.peek() in ("null", "true", "false", "-"):
            if operator == "is" and self.accept("null"):
                return syntax.Binary("==", left, syntax.Literal(None))
            raise NotSimulated("a constant pattern is not simulated")
        kind = self.type(question=False)
        name = ""
        if operator == "is" and self.here.kind == "name" and self.peek() not in PRECEDENCE:
            name = self.identifier()
        return syntax.TypeTest(operator, left, kind, name)

    def unary(self) -> Node:
        self.descend()
        try:
            if operator := self.accept("!", "-", "+", "~"):
                return syntax.Unary(operator, self.unary())
            if operator := self.accept("++", "--"):
                return syntax.Assign(operator[0] + "=", self.unary(), syntax.Literal(1))
            if self.peek() == "(" and (cast := self.cast_type()) is not None:
                return syntax.Cast(cast, self.unary())
            return self.postfix(self.primary())
        finally:
            self.depth -= 1

    def postfix(self, of: Node) -> Node:
        for _ in range(LONGEST_CHAIN):
            if self.accept("."):
                of = syntax.Member(of, self.identifier(), self.type_arguments())
            elif self.accept("("):
                of = syntax.Call(of, self.arguments(")"))
            elif self.accept("["):
                of = syntax.Index(of, self.arguments("]"))
            elif self.peek() in ("?.", "?["):
                return self.conditional(of)
            elif self.peek() in ("++", "--"):
                raise NotSimulated("++ and -- behind an operand are not simulated here")
            else:
                return of
        raise NotSimulated(f"a chain of more than {LONGEST_CHAIN} members is not simulated")

    def conditional(self, of: Node) -> Node:
        self.descend()
        self.receivers += 1
        receiver = syntax.Receiver(self.receivers)
        if self.accept("?."):
            first: Node = syntax.Member(receiver, self.identifier(), self.type_arguments())
        else:
            self.at += 1
            first = syntax.Index(receiver, self.arguments("]"))
        rest = self.postfix(first)
        self.depth -= 1
        return syntax.Conditional(of, receiver, rest)

    def arguments(self, end: str) -> tuple[syntax.Argument, ...]:
        found: list[syntax.Argument] = []
        while not self.accept(end):
            if found:
                self.expect_more(end)
            name = ""
            if self.here.kind == "name" and self.peek(1) == ":":
                name = self.identifier()
                self.at += 1
            found.append(syntax.Argument(self.out() if self.accept("out") else self.expression(), name))
        return tuple(found)

    def expect_more(self, end: str) -> None:
        if not self.accept(","):
            raise ExpressionError(f"{end} expected" if self.here.kind == "end" else "Syntax error, ',' expected")
        if self.peek() == end:
            raise ExpressionError(f"Invalid expression term '{end}'")

    def out(self) -> Node:
        if self.tokens[min(self.at + 1, len(self.tokens) - 1)].text in (",", ")"):
            return syntax.Out(self.identifier())
        kind = None if self.accept("var") else self.type()
        return syntax.Out(self.identifier(), True, kind)

    def primary(self) -> Node:
        token = self.here
        if token.kind == "literal":
            self.at += 1
            return syntax.Literal(token.value)
        if token.kind == "interpolated":
            self.at += 1
            return self.interpolated(token.parts)
        if token.kind == "identifier":
            self.at += 1
            return syntax.Name(token.text)
        if token.kind == "name":
            return self.word()
        if self.accept("("):
            inner = self.expression()
            if self.peek() == ",":
                raise NotSimulated("tuples are not simulated")
            self.expect(")")
            return inner
        shown = token.text or ")"
        raise ExpressionError(f"Invalid expression term '{shown}'")

    def word(self) -> Node:
        word = self.here.text
        if word in CONSTANTS:
            self.at += 1
            return syntax.Literal(CONSTANTS[word])
        if word == "new":
            self.at += 1
            return self.new()
        if word == "default":
            return self.default()
        if word in UNKNOWN_WORDS:
            raise NotSimulated(f"'{word}' is not simulated in an expression")
        if word in STATEMENT_WORDS:
            raise ExpressionError(f"Invalid expression term '{word}'")
        self.at += 1
        return syntax.Name(word, self.type_arguments())

    def default(self) -> Node:
        self.at += 1
        if not self.accept("("):
            raise NotSimulated("'default' without a type is not simulated")
        kind = self.type()
        self.expect(")")
        return syntax.Default(kind)

    def interpolated(self, parts: Sequence[str | Hole]) -> Node:
        found: list[Node] = []
        for part in parts:
            if isinstance(part, str):
                found.append(syntax.Literal(part))
                continue
            value = self.inner(part.source)
            alignment = self.inner(part.alignment) if part.alignment else None
            found.append(syntax.Filled(value, alignment, part.format))
        return syntax.Interpolated(tuple(found))

    def inner(self, source: str) -> Node:
        self.descend()
        found = Parser(source, self.depth).whole()
        self.depth -= 1
        return found

    # --- new ---
    def new(self) -> Node:
        if self.accept("["):
            self.expect("]")
            return syntax.NewArray(None, None, self.values())
        if self.peek() == "{":
            return self.anonymous()
        kind = self.type(question=False)
        if kind.ranks:
            shorter = TypeName(kind.name, kind.args, kind.nullable, kind.ranks - 1)
            return syntax.NewArray(shorter, None, self.values())
        if self.accept("["):
            size = self.expression()
            self.expect("]")
            return syntax.NewArray(kind, size, self.values() if self.peek() == "{" else None)
        arguments = self.arguments(")") if self.accept("(") else None
        items = self.items() if self.peek() == "{" else None
        if arguments is None and items is None:
            raise ExpressionError("A new expression requires an argument list or (), [], or {} after type")
        return syntax.New(kind, arguments or (), items)

    def anonymous(self) -> Node:
        raise NotSimulated("anonymous types are not simulated")

    def values(self) -> tuple[Node, ...]:
        self.expect("{")
        found: list[Node] = []
        while not self.accept("}"):
            found.append(self.expression())
            if not self.accept(",") and self.peek() != "}":
                raise ExpressionError("} expected")
        return tuple(found)

    def items(self) -> tuple[syntax.Item, ...]:
        self.expect("{")
        found: list[syntax.Item] = []
        while not self.accept("}"):
            found.append(self.item())
            if not self.accept(",") and self.peek() != "}":
                raise ExpressionError("} expected")
        return tuple(found)

    def item(self) -> syntax.Item:
        if self.peek() == "{":
            return syntax.Item(self.values())
        if self.accept("["):
            key = self.expression()
            self.expect("]")
            self.expect("=")
            return syntax.Item((self.expression(),), key)
        if self.here.kind == "name" and self.peek(1) == "=":
            raise NotSimulated("object initialisers are not simulated")
        return syntax.Item((self.expression(),))
