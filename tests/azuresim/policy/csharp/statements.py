"""The statements of `@{ … }`, and what the whole answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from azuresim.policy.csharp import syntax
from azuresim.policy.csharp.binder import Bound, common_type
from azuresim.policy.csharp.calls import Calls
from azuresim.policy.csharp.errors import ExpressionError, NotSimulated
from azuresim.policy.csharp.frame import Frame
from azuresim.policy.csharp.names import resolved_type
from azuresim.policy.csharp.syntax import Node
from azuresim.policy.csharp.types import NULL, OBJECT, T, cost, element_of
from azuresim.policy.csharp.values import unboxed

NEXT, BREAK, CONTINUE = object(), object(), object()
Step = Callable[[Frame], Any]  # NEXT, BREAK, CONTINUE, or a tuple with the value that is returned


class Statements(Calls):
    def __init__(self) -> None:
        super().__init__()
        self.returned: list[Bound] = []
        self.loops = 0

    def body(self, node: syntax.Block) -> Bound:
        """The whole block; its type is the one that all `return`s convert to."""
        step, goes_on = self.block(node)
        if goes_on:
            raise ExpressionError("Not all code paths return a value in lambda expression of type 'Func<object>'")
        kinds = [one.type for one in self.returned]
        kind = common_type(kinds) or (NULL if all(one == NULL for one in kinds) else OBJECT)
        changes = {id(one): self.converted(one, kind) if kind != NULL else one for one in self.returned}

        def run(frame: Frame) -> Any:
            found = step(frame)
            return changes[id(found[0])].run(frame)

        return Bound(kind, run)

    def step(self, node: Node) -> tuple[Step, bool]:
        """What it does, and whether what follows can be reached."""
        return STEPS[type(node)](self, node)

    def scoped(self, node: Node) -> tuple[Step, bool]:
        if isinstance(node, syntax.Declare):
            raise ExpressionError("Embedded statement cannot be a declaration or labeled statement")
        self.scopes.append({})
        found = self.step(node)
        self.scopes.pop()
        return found

    def block(self, node: syntax.Block) -> tuple[Step, bool]:
        self.scopes.append({})
        steps, goes_on = [], True
        for statement in node.statements:
            step, after = self.step(statement)
            steps.append(step)
            goes_on = goes_on and after
        self.scopes.pop()

        def run(frame: Frame) -> Any:
            for step in steps:
                found = step(frame)
                if found is not NEXT:
                    return found
            return NEXT

        return run, goes_on

    def declaration(self, node: syntax.Declare) -> tuple[Step, bool]:
        if node.value is None:
            if node.type is None:
                raise ExpressionError("Implicitly-typed variables must be initialized")
            self.declare(node.name, resolved_type(node.type), assigned=False)
            return lambda _: NEXT, True
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

        return run, True

    def run(self, node: syntax.Run) -> tuple[Step, bool]:
        work = self.bind(node.of).run

        def run(frame: Frame) -> Any:
            frame.step()
            work(frame)
            return NEXT

        return run, True

    def if_(self, node: syntax.If) -> tuple[Step, bool]:
        condition = self.condition(node.condition)
        yes, goes_on = self.scoped(node.yes)
        no, otherwise = self.scoped(node.no) if node.no else (lambda _: NEXT, True)
        return lambda frame: yes(frame) if condition(frame) else no(frame), goes_on or otherwise

    def return_(self, node: syntax.Return) -> tuple[Step, bool]:
        if node.of is None:
            raise ExpressionError("An object of a type convertible to 'object' is required")
        value = self.value(node.of)
        self.returned.append(value)
        found = (value,)
        return lambda _: found, False

    def each(self, node: syntax.Each) -> tuple[Step, bool]:
        of = self.value(node.of)
        element = element_of(of.type)
        if element is None:
            raise ExpressionError(
                f"foreach statement cannot operate on variables of type '{of.type}' because '{of.type}' does not contain a"
                " public instance definition for 'GetEnumerator'"
            )
        kind = resolved_type(node.type) if node.type else element
        cast = self.element_cast(element, kind)
        self.scopes.append({})
        slot = self.declare(node.name, kind).slot
        body = self.looped(node.body)
        self.scopes.pop()

        def run(frame: Frame) -> Any:
            for one in frame.items(of.run(frame)):
                frame.locals[slot] = cast(one)
                found = body(frame)
                if found is BREAK:
                    break
                if found not in (NEXT, CONTINUE):
                    return found
            return NEXT

        return run, True

    def element_cast(self, element: T, kind: T) -> Callable[[Any], Any]:
        if element == kind:
            return lambda value: value
        if cost(element, kind) is None and cost(kind, element) is None and element != OBJECT:
            raise ExpressionError(f"Cannot convert type '{element}' to '{kind}'")
        if element.name.startswith("J") and not kind.name.startswith("J") and kind != OBJECT:
            raise NotSimulated(f"foreach over '{element}' as '{kind}' is not simulated")
        return lambda value: unboxed(value, kind)

    def looped(self, node: Node) -> Step:
        self.loops += 1
        body, _ = self.scoped(node)
        self.loops -= 1
        return body

    def loop(self, node: syntax.Loop) -> tuple[Step, bool]:
        self.scopes.append({})
        begin = [self.step(one)[0] for one in node.begin]
        condition = self.condition(node.condition) if node.condition else lambda _: True
        body = self.looped(node.body)
        after = [self.step(one if isinstance(one, syntax.Run) else syntax.Run(one))[0] for one in node.next]
        self.scopes.pop()

        def run(frame: Frame) -> Any:
            for one in begin:
                one(frame)
            while condition(frame):
                frame.step()
                found = body(frame)
                if found is BREAK:
                    break
                if found not in (NEXT, CONTINUE):
                    return found
                for one in after:
                    one(frame)
            return NEXT

        return run, not endless(node)

    def leave(self, node: syntax.Leave) -> tuple[Step, bool]:
        if not self.loops:
            raise ExpressionError("No enclosing loop out of which to break or continue")
        found = BREAK if node.word == "break" else CONTINUE
        return lambda _: found, False


def endless(node: syntax.Loop) -> bool:
    """Whether nothing behind the loop can be reached: no condition, and no break inside."""
    if node.condition is not None and node.condition != syntax.Literal(True):
        return False
    level: list[object] = [node.body]
    while level:
        if any(isinstance(one, syntax.Leave) and one.word == "break" for one in level):
            return False
        level = [
            part for one in level if not isinstance(one, syntax.Each | syntax.Loop) for part in syntax.children(one)
        ]
    return True


STEPS: dict[type[Node], Callable[[Any, Any], tuple[Step, bool]]] = {
    syntax.Block: Statements.block,
    syntax.Declare: Statements.declaration,
    syntax.Run: Statements.run,
    syntax.If: Statements.if_,
    syntax.Return: Statements.return_,
    syntax.Each: Statements.each,
    syntax.Loop: Statements.loop,
    syntax.Leave: Statements.leave,
}
