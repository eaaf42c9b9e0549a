"""The statements of `@{ … }`, and what the whole answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from azuresim.policy.csharp import syntax
from azuresim.policy.csharp.bound import Assigned, Bound, meet
from azuresim.policy.csharp.creation import Creation
from azuresim.policy.csharp.errors import ExpressionError, NotSimulated
from azuresim.policy.csharp.frame import Frame
from azuresim.policy.csharp.names import resolved_type
from azuresim.policy.csharp.syntax import Node
from azuresim.policy.csharp.types import NULL, OBJECT, T, cost, element_of, is_json, is_value
from azuresim.policy.csharp.values import unboxed

NEXT, BREAK, CONTINUE = object(), object(), object()
Step = Callable[[Frame], Any]  # NEXT, BREAK, CONTINUE, or a tuple with the value that is returned


@dataclass
class Around:
    """A loop or switch around a statement: what is assigned where it is left, and where its next round begins."""

    left: Assigned = None
    next: Assigned = None
    loop: bool = True


class Statements(Creation):
    """Each statement leaves in `assigned` what holds behind it: None where nothing can get to."""

    def __init__(self) -> None:
        super().__init__()
        self.returned: list[Bound] = []
        self.around: list[Around] = []

    def body(self, node: syntax.Block) -> Bound:
        """The whole block; its type is that of all its `return`s, and object when they differ."""
        step = self.block(node)
        if self.assigned is not None:
            raise ExpressionError("Not all code paths return a value in lambda expression of type 'Func<object>'")
        kinds = {one.type for one in self.returned}
        some = kinds - {NULL}
        one = next(iter(some or {NULL}))
        kind = one if kinds == {one} or (len(some) == 1 and cost(NULL, one) is not None) else OBJECT
        return Bound(kind, lambda frame: step(frame)[0])

    def step(self, node: Node) -> Step:
        return STEPS[type(node)](self, node)

    def scoped(self, node: Node) -> Step:
        if isinstance(node, syntax.Declare):
            raise ExpressionError("Embedded statement cannot be a declaration or labeled statement")
        self.scopes.append({})
        found = self.step(node)
        self.scopes.pop()
        return found

    def block(self, node: syntax.Block) -> Step:
        self.scopes.append({})
        steps = [self.step(one) for one in node.statements]
        self.scopes.pop()
        return in_turn(steps)

    def declaration(self, node: syntax.Declare) -> Step:
        if node.value is None:
            if node.type is None:
                raise ExpressionError("Implicitly-typed variables must be initialized")
            self.declare(node.name, resolved_type(node.type), assigned=False)
            return lambda _: NEXT
        kind = resolved_type(node.type) if node.type else None
        value = self.value(node.value)
        if kind is None and value.type == NULL:
            raise ExpressionError("Cannot assign <null> to an implicitly-typed variable")
        bound = self.converted(value, kind) if kind else value
        slot = self.declare(node.name, bound.type).slot

        def run(frame: Frame) -> Any:
            frame.step()
            frame.locals[slot] = bound.run(frame)
            return NEXT

        return run

    def run(self, node: syntax.Run) -> Step:
        work = self.bind(node.of).run

        def run(frame: Frame) -> Any:
            frame.step()
            work(frame)
            return NEXT

        return run

    def if_(self, node: syntax.If) -> Step:
        condition, holds, fails = self.tested(node.condition)
        self.assigned = holds
        yes = self.scoped(node.yes)
        holds, self.assigned = self.assigned, fails
        no: Step = self.scoped(node.no) if node.no else lambda _: NEXT
        self.assigned = meet(holds, self.assigned)
        return lambda frame: yes(frame) if condition.run(frame) else no(frame)

    def return_(self, node: syntax.Return) -> Step:
        if node.of is None:
            raise ExpressionError("An object of a type convertible to 'object' is required")
        value = self.value(node.of)
        self.returned.append(value)
        self.assigned = None
        return lambda frame: (value.run(frame),)

    def each(self, node: syntax.Each) -> Step:
        of = self.value(node.of)
        element = element_of(of.type)
        if element is None:
            raise ExpressionError(
                f"foreach statement cannot operate on variables of type '{of.type}' because '{of.type}' does not"
                " contain a public instance definition for 'GetEnumerator'"
            )
        kind = resolved_type(node.type) if node.type else element
        cast = self.element_cast(element, kind)
        before = self.assigned
        self.scopes.append({})
        slot = self.declare(node.name, kind, fixed="foreach iteration variable").slot
        body, _ = self.looped(node.body)
        self.scopes.pop()
        self.assigned = before

        def run(frame: Frame) -> Any:
            for one in frame.items(of.run(frame)):
                frame.locals[slot] = cast(one)
                found = body(frame)
                if found is BREAK:
                    break
                if found not in (NEXT, CONTINUE):
                    return found
            return NEXT

        return run

    def element_cast(self, element: T, kind: T) -> Callable[[Any], Any]:
        if element == kind:
            return lambda value: value
        if cost(element, kind) is None and cost(kind, element) is None and element != OBJECT:
            raise ExpressionError(f"Cannot convert type '{element}' to '{kind}'")
        if kind != OBJECT and (is_value(element) or is_json(element) != is_json(kind)):
            raise NotSimulated(f"foreach over '{element}' as '{kind}' is not simulated")
        return lambda value: unboxed(value, kind)

    def looped(self, node: Node) -> tuple[Step, Around]:
        """The body of a loop; behind it, `assigned` is what holds when the next round begins."""
        around = Around()
        self.around.append(around)
        body = self.scoped(node)
        self.around.pop()
        self.assigned = meet(self.assigned, around.next)
        return body, around

    def loop(self, node: syntax.Loop) -> Step:
        self.scopes.append({})
        begin = [self.step(one) for one in node.begin]
        condition, holds, fails = self.tested(node.condition or syntax.Literal(True))
        self.assigned = holds
        body, around = self.looped(node.body)
        after = [self.step(one if isinstance(one, syntax.Run) else syntax.Run(one)) for one in node.next]
        self.scopes.pop()
        self.assigned = meet(fails, around.left)

        def run(frame: Frame) -> Any:
            for one in begin:
                one(frame)
            while condition.run(frame):
                frame.step()
                found = body(frame)
                if found is BREAK:
                    break
                if found not in (NEXT, CONTINUE):
                    return found
                for one in after:
                    one(frame)
            return NEXT

        return run

    def leave(self, node: syntax.Leave) -> Step:
        around = next((one for one in reversed(self.around) if one.loop or node.word == "break"), None)
        if around is None:
            raise ExpressionError("No enclosing loop out of which to break or continue")
        if node.word == "break":
            around.left = meet(around.left, self.assigned)
        else:
            around.next = meet(around.next, self.assigned)
        self.assigned = None
        found = BREAK if node.word == "break" else CONTINUE
        return lambda _: found


def in_turn(steps: Sequence[Step]) -> Step:
    """One after the other, until one of them leaves."""

    def run(frame: Frame) -> Any:
        for step in steps:
            found = step(frame)
            if found is not NEXT:
                return found
        return NEXT

    return run


STEPS: dict[type[Node], Callable[[Any, Any], Step]] = {
    syntax.Block: Statements.block,
    syntax.Declare: Statements.declaration,
    syntax.Run: Statements.run,
    syntax.If: Statements.if_,
    syntax.Return: Statements.return_,
    syntax.Each: Statements.each,
    syntax.Loop: Statements.loop,
    syntax.Leave: Statements.leave,
}
