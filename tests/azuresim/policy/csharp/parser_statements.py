"""The statements inside `@{ … }`."""

from __future__ import annotations

from azuresim.policy.csharp import syntax
from azuresim.policy.csharp.errors import ExpressionError, NotSimulated
from azuresim.policy.csharp.parser import Parser
from azuresim.policy.csharp.syntax import Node

UNKNOWN = (
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

    def try_(self) -> Node:
        body = self.block()
        if self.peek() == "finally":
            raise NotSimulated("the statement 'finally' is not simulated")
        if not self.accept("catch"):
            raise ExpressionError("Expected catch or finally")
        kind, name = self.exception() if self.accept("(") else (None, "")
        caught = self.block()
        if self.peek() in ("catch", "finally"):
            raise NotSimulated(f"the statement '{self.peek()}' behind a catch is not simulated")
        return syntax.Try(body, kind, name, caught)

    def exception(self) -> tuple[syntax.TypeName, str]:
        kind = self.type()
        name = "" if self.peek() == ")" else self.identifier()
        self.expect(")")
        if self.peek() == "when":
            raise NotSimulated("an exception filter is not simulated")
        return kind, name

    def switch(self) -> Node:
        of = self.condition()
        self.expect("{")
        sections: list[syntax.Section] = []
        while not self.accept("}"):
            labels = [self.label()]
            while self.labelled():
                labels.append(self.label())
            statements: list[Node] = []
            while not self.labelled() and self.peek() != "}":
                statements.append(self.statement())
            sections.append(syntax.Section(tuple(labels), tuple(statements)))
        return syntax.Switch(of, tuple(sections))

    def labelled(self) -> bool:
        return self.peek() == "case" or (self.peek() == "default" and self.peek(1) == ":")

    def label(self) -> Node | None:
        found = None
        if self.accept("case"):
            found = self.expression()
        elif not self.accept("default"):
            raise ExpressionError("Expected case or default label" if self.here.kind != "end" else "} expected")
        if self.peek() != ":":
            raise NotSimulated("patterns in a switch are not simulated")
        self.at += 1
        return found

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
    "switch": StatementParser.switch,
    "try": StatementParser.try_,
}
