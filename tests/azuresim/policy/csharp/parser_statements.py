"""The statements inside `@{ … }`."""

from __future__ import annotations

from azuresim.policy.csharp import syntax
from azuresim.policy.csharp.errors import ExpressionError, NotSimulated
from azuresim.policy.csharp.parser import Parser
from azuresim.policy.csharp.syntax import Node

UNKNOWN = (
    "try",
    "switch",
    "do",
    "throw",
    "using",
    "lock",
    "goto",
    "const",
    "yield",
    "checked",
    "unsafe",
    "fixed",
    "await",
)


class StatementParser(Parser):
    def body(self) -> syntax.Block:
        """All statements up to the end of the source."""
        found: list[Node] = []
        while self.here.kind != "end":
            found.append(self.statement())
        return syntax.Block(tuple(found))

    def block(self) -> Node:
        self.expect("{")
        found: list[Node] = []
        while not self.accept("}"):
            if self.here.kind == "end":
                raise ExpressionError("} expected")
            found.append(self.statement())
        return syntax.Block(tuple(found))

    def statement(self) -> Node:
        self.descend()
        found = self.one()
        self.depth -= 1
        return found

    def one(self) -> Node:
        word = self.peek()
        if word in UNKNOWN:
            raise NotSimulated(f"the statement '{word}' is not simulated")
        if word == "{":
            return self.block()
        if self.accept(";"):
            return syntax.Block(())
        if word in ("break", "continue"):
            self.at += 1
            return self.ended(syntax.Leave(word))
        if word in KEYWORDS:
            self.at += 1
            return KEYWORDS[word](self)
        return self.ended(self.simple())

    def ended(self, node: Node) -> Node:
        self.expect(";")
        return node

    def simple(self) -> Node:
        """A declaration, or an expression that does something."""
        declared = self.declaration()
        if declared is not None:
            return declared
        start = self.at
        if self.here.kind == "name" and self.peek(1) in ("++", "--"):
            name = syntax.Name(self.identifier())
            self.at += 1
            return syntax.Run(syntax.Assign(self.tokens[self.at - 1].text[0] + "=", name, syntax.Literal(1)))
        found = self.expression()
        if not isinstance(found, syntax.Assign | syntax.Call | syntax.Conditional | syntax.New):
            raise ExpressionError(
                "Only assignment, call, increment, decrement, and new object expressions can be used as a statement"
            )
        assert self.at > start
        return syntax.Run(found)

    def declaration(self) -> Node | None:
        start = self.at
        if self.here.kind != "name" or self.peek() == "new":
            return None
        try:
            kind = None if self.accept("var") else self.type()
        except ExpressionError:
            self.at = start
            return None
        if self.here.kind not in ("name", "identifier") or self.tokens[self.at + 1].text not in ("=", ";", ",", "("):
            self.at = start
            return None
        if self.tokens[self.at + 1].text == "(":
            raise NotSimulated("local functions are not simulated")
        return self.declared(kind)

    def declared(self, kind: syntax.TypeName | None) -> Node:
        name = self.identifier()
        value = None
        if self.accept("="):
            array = kind is not None and kind.ranks > 0 and self.peek() == "{"
            value = self.array(kind) if array and kind is not None else self.expression()
        if self.peek() == ",":
            raise NotSimulated("several variables in one declaration are not simulated")
        return syntax.Declare(kind, name, value)

    def array(self, kind: syntax.TypeName) -> Node:
        element = syntax.TypeName(kind.name, kind.args, kind.nullable, kind.ranks - 1)
        return syntax.NewArray(element, None, self.values())

    def condition(self) -> Node:
        self.expect("(")
        found = self.expression()
        self.expect(")")
        return found

    def if_(self) -> Node:
        condition = self.condition()
        yes = self.statement()
        return syntax.If(condition, yes, self.statement() if self.accept("else") else None)

    def return_(self) -> Node:
        return self.ended(syntax.Return(None if self.peek() == ";" else self.expression()))

    def foreach(self) -> Node:
        self.expect("(")
        kind = None if self.accept("var") else self.type()
        name = self.identifier()
        self.expect("in")
        of = self.expression()
        self.expect(")")
        return syntax.Each(kind, name, of, self.statement())

    def while_(self) -> Node:
        return syntax.Loop((), self.condition(), (), self.statement())

    def for_(self) -> Node:
        self.expect("(")
        begin = () if self.peek() == ";" else (self.simple(),)
        self.expect(";")
        condition = None if self.peek() == ";" else self.expression()
        self.expect(";")
        after = () if self.peek() == ")" else (self.simple(),)
        self.expect(")")
        return syntax.Loop(begin, condition, after, self.statement())


KEYWORDS = {
    "if": StatementParser.if_,
    "return": StatementParser.return_,
    "foreach": StatementParser.foreach,
    "for": StatementParser.for_,
    "while": StatementParser.while_,
}
