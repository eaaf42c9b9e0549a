"""`switch` and `try`."""

from __future__ import annotations

from typing import Any

from azuresim.policy.csharp import syntax
from azuresim.policy.csharp.bound import Bound, meet
from azuresim.policy.csharp.errors import EvaluationError, ExpressionError, NotRun, NotSimulated
from azuresim.policy.csharp.frame import Frame
from azuresim.policy.csharp.names import resolved_type
from azuresim.policy.csharp.statements import BREAK, NEXT, STEPS, Around, Statements, Step, in_turn
from azuresim.policy.csharp.syntax import Node
from azuresim.policy.csharp.types import BOOL, CHAR, INT, LONG, STRING, T

EXCEPTION = T("Exception")
DEFAULT = object()


class Branches(Statements):
    def switch(self, node: syntax.Switch) -> Step:
        of = self.value(node.of)
        if of.type not in (STRING, INT, LONG, CHAR, BOOL):
            raise NotSimulated(f"a switch over '{of.type}' is not simulated")
        before, around = self.assigned, Around(loop=False)
        self.around.append(around)
        self.scopes.append({})
        cases: dict[Any, Step] = {}
        for section in node.sections:
            self.assigned = before
            step = self.section(section, last=section is node.sections[-1])
            for label in section.labels:
                value = DEFAULT if label is None else self.case(label, of.type)
                if value in cases:
                    raise ExpressionError(
                        "The switch statement contains multiple cases with the label value"
                        f" '{case_text(label).removeprefix('case ').rstrip(':')}'"
                    )
                cases[value] = step
        self.scopes.pop()
        self.around.pop()
        self.assigned = around.left if DEFAULT in cases else meet(around.left, before)
        return switched(of, cases)

    def section(self, node: syntax.Section, last: bool) -> Step:
        step = in_turn([self.step(one) for one in node.statements])
        if self.assigned is None:
            return step
        shown = case_text(node.labels[-1])
        if last:
            raise ExpressionError(f"Control cannot fall out of switch from final case label ('{shown}')")
        raise ExpressionError(f"Control cannot fall through from one case label ('{shown}') to another")

    def case(self, node: Node, kind: T) -> Any:
        bound = self.value(node)
        if bound.constant is None:
            raise ExpressionError("A constant value is expected")
        return self.converted(bound, kind).run(Frame(None))

    def try_(self, node: syntax.Try) -> Step:
        before = self.assigned
        body = self.step(node.body)
        after, self.assigned = self.assigned, before
        kind = resolved_type(node.type) if node.type else EXCEPTION
        if kind != EXCEPTION:
            raise ExpressionError("The type caught or thrown must be derived from System.Exception")
        self.scopes.append({})
        slot = self.declare(node.name, kind).slot if node.name else 0
        caught = self.step(node.caught)
        self.scopes.pop()
        self.assigned = meet(after, self.assigned)

        def run(frame: Frame) -> Any:
            try:
                return body(frame)
            except NotRun:
                raise
            except EvaluationError as error:
                frame.locals[slot] = error
                return caught(frame)

        return run


def switched(of: Bound, cases: dict[Any, Step]) -> Step:
    def run(frame: Frame) -> Any:
        frame.step()
        step = cases.get(of.run(frame)) or cases.get(DEFAULT)
        found = step(frame) if step is not None else NEXT
        return NEXT if found is BREAK else found

    return run


def case_text(label: Node | None) -> str:
    if label is None:
        return "default:"
    value = label.value if isinstance(label, syntax.Literal) else "…"
    return f'case "{value}":' if type(value) is str else f"case {value}:"


STEPS.update({syntax.Switch: Branches.switch, syntax.Try: Branches.try_})
