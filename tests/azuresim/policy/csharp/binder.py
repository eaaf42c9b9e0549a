"""
From the parser's tree to something that runs: names resolved, types checked, refusals in the compiler's words.

Texts: learn.microsoft.com/dotnet/csharp/language-reference/compiler-messages; the two about types and members that
expressions may not use: Azure/azure-api-management-policy-toolkit, src/Analyzers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from azuresim.policy.csharp import operators, syntax
from azuresim.policy.csharp.bound import Assigned, Bound, Local, Work, also, meet
from azuresim.policy.csharp.casts import (
    cannot_convert,
    common_type,
    explicit,
    implicit,
    reference_casts,
    refuse_constant,
    same,
)
from azuresim.policy.csharp.constants import OVERFLOWS, constant_of, folded
from azuresim.policy.csharp.errors import ExpressionError, NotRun, NotSimulated
from azuresim.policy.csharp.formats import aligned, formatted
from azuresim.policy.csharp.frame import Frame
from azuresim.policy.csharp.names import resolved_type, static_type
from azuresim.policy.csharp.syntax import Node
from azuresim.policy.csharp.types import (
    BOOL,
    BYTE,
    CHAR,
    DECIMAL,
    DOUBLE,
    INT,
    LONG,
    NULL,
    STRING,
    VOID,
    T,
    casts,
    cost,
    is_enum,
    is_value,
    nullable,
)
from azuresim.policy.csharp.values import Enum, IntEdge, bounded, default_of, is_of, text_of, type_of

CONTEXT = T("IProxyRequestContext")


class Binder:
    """Expressions and the variables in sight; members and calls are in calls, `new` and assignments in creation."""

    def __init__(self) -> None:
        self.scopes: list[dict[str, Local]] = [{}]
        self.assigned: Assigned = frozenset()
        self.reads: set[int] = set()
        self.slots = 0
        self.receivers: dict[int, Local] = {}

    # --- variables ---
    def declare(self, name: str, kind: T, assigned: bool = True, fixed: str = "") -> Local:
        if name == "context" or any(name in scope for scope in self.scopes):
            raise ExpressionError(self.taken(name))
        local = self.slot(kind, fixed)
        self.scopes[-1][name] = local
        if assigned:
            self.assigned = also(self.assigned, local.slot)
        return local

    def taken(self, name: str) -> str:
        if name in self.scopes[-1]:
            return f"A local variable or function named '{name}' is already defined in this scope"
        return (
            f"A local or parameter named '{name}' cannot be declared in this scope because that name is used in an"
            " enclosing local scope to define a local or parameter"
        )

    def slot(self, kind: T, fixed: str = "") -> Local:
        self.slots += 1
        return Local(kind, self.slots, fixed)

    def local(self, name: str) -> Local | None:
        return next((scope[name] for scope in reversed(self.scopes) if name in scope), None)

    # --- expressions ---
    def bind(self, node: Node) -> Bound:
        """Raises ExpressionError and NotSimulated."""
        return BINDERS[type(node)](self, node)

    def value(self, node: Node) -> Bound:
        found = self.bind(node)
        if found.type == VOID:
            raise ExpressionError("Cannot implicitly convert type 'void' to 'object'")
        return found

    def tested(self, node: Node) -> tuple[Bound, Assigned, Assigned]:
        """A condition, with what is assigned when it holds and when it does not."""
        bound = self.converted(self.value(node), BOOL)
        return bound, *self.split(bound)

    def split(self, of: Bound) -> tuple[Assigned, Assigned]:
        if of.when is not None:
            return of.when
        constant = of.constant.value if of.constant is not None else None
        return self.assigned if constant is not False else None, self.assigned if constant is not True else None

    def converted(self, of: Bound, target: T) -> Bound:
        """The value in that type, when it converts by itself."""
        if of.type == target:
            return of
        if fits_byte(of, target):
            return Bound(target, of.run)
        if cost(of.type, target) is None:
            raise ExpressionError(cannot_convert(of.type, target))
        change = implicit(of.type, target)
        if change is None:
            return Bound(target, of.run)
        return Bound(target, lambda frame: change(of.run(frame)))

    def literal(self, node: syntax.Literal) -> Bound:
        value = node.value
        if isinstance(value, IntEdge):
            raise NotSimulated(f"the number {value} has a type that is not simulated")
        return Bound(type_of(value), lambda _: value, node)

    def name(self, node: syntax.Name) -> Bound:
        local = self.local(node.name)
        if local is not None:
            if self.assigned is not None and local.slot not in self.assigned:
                raise ExpressionError(f"Use of unassigned local variable '{node.name}'")
            slot = local.slot
            self.reads.add(slot)
            return Bound(local.type, lambda frame: frame.locals[slot])
        if node.name == "context":
            return Bound(CONTEXT, lambda frame: frame.context)
        if static_type(node) is not None:
            raise ExpressionError(f"'{node.name}' is a type, which is not valid in the given context")
        raise ExpressionError(f"The name '{node.name}' does not exist in the current context")

    def receiver(self, node: syntax.Receiver) -> Bound:
        local = self.receivers[node.number]
        return Bound(local.type, lambda frame: frame.locals[local.slot])

    def conditional(self, node: syntax.Conditional) -> Bound:
        """`a?.b`: null when `a` is null, and T? for a value type T."""
        of = self.value(node.of)
        if is_value(of.type) and of.type.name != "?":
            raise ExpressionError(f"Operator '?' cannot be applied to operand of type '{of.type}'")
        inner = of.type.args[0] if of.type.name == "?" else of.type
        local = self.receivers[node.receiver.number] = self.slot(inner)
        before = self.assigned
        rest = self.bind(node.rest)
        self.assigned = before

        def run(frame: Frame) -> Any:
            value = frame.locals[local.slot] = of.run(frame)
            return None if value is None else rest.run(frame)

        return Bound(rest.type if rest.type == VOID else nullable(rest.type), run)

    def unary(self, node: syntax.Unary) -> Bound:
        if node.operator == "-" and isinstance(node.of, syntax.Literal) and isinstance(node.of.value, IntEdge):
            return self.literal(syntax.Literal(-(2**31)))
        if node.operator == "!":
            return self.negated(node)
        of = self.value(node.of)
        kind, work = operators.unary(node.operator, of.type)
        if of.constant is None:
            return Bound(kind, lambda frame: work(of.run(frame)))
        value = work(of.constant.value)
        if node.operator == "-" and kind in (INT, LONG) and value == of.constant.value != 0:
            raise ExpressionError(OVERFLOWS)
        return self.literal(syntax.Literal(value))

    def negated(self, node: syntax.Unary) -> Bound:
        of = self.value(node.of)
        kind, work = operators.unary(node.operator, of.type)
        if of.constant is not None:
            return self.literal(syntax.Literal(work(of.constant.value)))
        return Bound(kind, lambda frame: work(of.run(frame)), when=of.when and of.when[::-1])

    def binary(self, node: syntax.Binary) -> Bound:
        if node.operator in ("&&", "||"):
            return self.short(node)
        if node.operator == "??":
            return self.coalesced(node)
        left, right = self.value(node.left), self.value(node.right)
        if (is_enum(left.type) or is_enum(right.type)) and node.operator not in ("==", "!="):
            return self.flags(node.operator, left, right)
        kind, work = operators.binary(node.operator, left.type, right.type)
        constant = folded(node.operator, left, right, work)
        if constant is not None:
            return self.literal(constant)
        return Bound(kind, lambda frame: work(left.run(frame), right.run(frame)))

    def flags(self, operator: str, left: Bound, right: Bound) -> Bound:
        if operator == "|" and left.type == right.type:
            kind = left.type

            def run(frame: Frame) -> Enum:
                one, other = left.run(frame), right.run(frame)
                return Enum(kind, f"{one.name}, {other.name}", one.number | other.number)

            return Bound(kind, run)
        if operator == "+" and STRING in (left.type, right.type):
            return Bound(STRING, lambda frame: text_of(left.run(frame)) + text_of(right.run(frame)))
        if left.type == right.type:
            raise NotSimulated(f"the operator {operator} on '{left.type}' is not simulated")
        raise ExpressionError(
            f"Operator '{operator}' cannot be applied to operands of type '{left.type}' and '{right.type}'"
        )

    def short(self, node: syntax.Binary) -> Bound:
        left = self.value(node.left)
        yes, no = self.split(left)
        self.assigned = yes if node.operator == "&&" else no
        right = self.value(node.right)
        if (left.type, right.type) != (BOOL, BOOL):
            raise ExpressionError(
                f"Operator '{node.operator}' cannot be applied to operands of type '{left.type}' and '{right.type}'"
            )
        both = node.operator == "&&"
        holds, fails = self.split(right)
        when = (holds, meet(no, fails)) if both else (meet(yes, holds), fails)
        self.assigned = meet(*when)
        if both:
            return Bound(BOOL, lambda frame: left.run(frame) and right.run(frame), when=when)
        return Bound(BOOL, lambda frame: left.run(frame) or right.run(frame), when=when)

    def coalesced(self, node: syntax.Binary) -> Bound:
        left = self.value(node.left)
        before = self.assigned
        right = self.value(node.right)
        self.assigned = before
        if left.type == NULL:
            return right
        inner = left.type.args[0] if left.type.name == "?" else left.type
        if is_value(left.type) and left.type.name != "?":
            kind = None
        else:
            kind = next((one for one in (inner, left.type, right.type) if self.fits(left, right, one)), None)
        if kind is None:
            raise ExpressionError(
                f"Operator '??' cannot be applied to operands of type '{left.type}' and '{right.type}'"
            )
        change, other = implicit(inner, kind) or same, self.converted(right, kind)

        def run(frame: Frame) -> Any:
            value = left.run(frame)
            return other.run(frame) if value is None else change(value)

        return Bound(kind, run)

    def fits(self, left: Bound, right: Bound, kind: T) -> bool:
        inner = left.type.args[0] if left.type.name == "?" else left.type
        return cost(inner, kind) is not None and cost(right.type, kind) is not None

    def ternary(self, node: syntax.Ternary) -> Bound:
        condition, holds, fails = self.tested(node.condition)
        self.assigned = holds
        yes = self.value(node.yes)
        holds, self.assigned = self.assigned, fails
        no = self.value(node.no)
        self.assigned = meet(holds, self.assigned)
        kind = common_type([yes.type, no.type])
        if kind is None:
            raise ExpressionError(
                "Type of conditional expression cannot be determined because there is no implicit conversion between"
                f" '{yes.type}' and '{no.type}'"
            )
        first, second = self.converted(yes, kind).run, self.converted(no, kind).run
        return Bound(kind, lambda frame: first(frame) if condition.run(frame) else second(frame))

    def cast(self, node: syntax.Cast) -> Bound:
        target, of = resolved_type(node.type), self.value(node.of)
        if of.type == NULL:
            return self.converted(of, target)
        if not casts(of.type, target):
            raise ExpressionError(f"Cannot convert type '{of.type}' to '{target}'")
        if of.constant is not None:
            refuse_constant(of.constant.value, target)
        change = explicit(of.type, target)
        if of.constant is not None and target in (INT, LONG, DOUBLE, DECIMAL, CHAR, STRING, BOOL) and of.type != STRING:
            return self.literal(syntax.Literal(constant_of(change, of.constant.value)))
        return Bound(target, lambda frame: change(of.run(frame)))

    def type_test(self, node: syntax.TypeTest) -> Bound:
        of, target = self.value(node.of), resolved_type(node.type)
        if node.operator == "as":
            if is_value(target) and target.name != "?":
                raise ExpressionError(
                    f"The as operator must be used with a reference type or nullable type ('{target}' is a"
                    " non-nullable value type)"
                )
            if not reference_casts(of.type, target):
                raise ExpressionError(
                    f"Cannot convert type '{of.type}' to '{target}' via a reference conversion, boxing conversion,"
                    " unboxing conversion, wrapping conversion, or null type conversion"
                )
            return Bound(target, lambda frame: value if is_of(value := of.run(frame), target) else None)
        local = self.declare(node.name, target, assigned=False) if node.name else None

        def run(frame: Frame) -> bool:
            value = of.run(frame)
            found = is_of(value, target)
            if local is not None:
                frame.locals[local.slot] = value if found else None
            return found

        return Bound(BOOL, run, when=(also(self.assigned, local.slot), self.assigned) if local else None)

    def interpolated(self, node: syntax.Interpolated) -> Bound:
        parts = [self.filled(part) if isinstance(part, syntax.Filled) else self.bind(part).run for part in node.parts]
        return Bound(STRING, lambda frame: bounded("".join(part(frame) for part in parts)))

    def filled(self, node: syntax.Filled) -> Work:
        of = self.value(node.value)
        width = 0
        if node.alignment is not None:
            alignment = self.value(node.alignment)
            if alignment.constant is None or alignment.type != INT:
                raise ExpressionError("A constant value is expected")
            width = int(str(alignment.constant.value))
        return lambda frame: aligned(formatted(of.run(frame), node.format), width)

    def default(self, node: syntax.Default) -> Bound:
        kind = resolved_type(node.type)
        try:
            value = default_of(kind)
        except NotRun as error:
            raise NotSimulated(str(error)) from error
        return Bound(kind, lambda _: value)

    def lambda_(self, node: syntax.Lambda) -> Bound:
        raise ExpressionError("Cannot convert lambda expression to type 'object' because it is not a delegate type")

    def out(self, node: syntax.Out) -> Bound:
        raise ExpressionError(f"Argument may not be passed with the 'out' keyword: {node.name}")


def fits_byte(of: Bound, target: T) -> bool:
    """Whether it is a constant int that converts to a byte by itself."""
    constant = of.constant.value if of.constant is not None and of.type == INT else None
    return target == BYTE and isinstance(constant, int) and 0 <= constant <= 255


Binders = dict[type[Node], Callable[[Any, Any], Bound]]
BINDERS: Binders = {
    syntax.Literal: Binder.literal,
    syntax.Name: Binder.name,
    syntax.Receiver: Binder.receiver,
    syntax.Conditional: Binder.conditional,
    syntax.Unary: Binder.unary,
    syntax.Binary: Binder.binary,
    syntax.Ternary: Binder.ternary,
    syntax.Cast: Binder.cast,
    syntax.TypeTest: Binder.type_test,
    syntax.Interpolated: Binder.interpolated,
    syntax.Default: Binder.default,
    syntax.Lambda: Binder.lambda_,
    syntax.Out: Binder.out,
}
