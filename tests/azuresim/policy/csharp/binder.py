"""
From the parser's tree to something that runs: names resolved, types checked, refusals in the compiler's words.

Texts: learn.microsoft.com/dotnet/csharp/language-reference/compiler-messages; the two about types and members that
expressions may not use: Azure/azure-api-management-policy-toolkit, src/Analyzers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from azuresim.policy.csharp import operators, syntax
from azuresim.policy.csharp.errors import EvaluationError, ExpressionError, NotSimulated
from azuresim.policy.csharp.frame import Frame
from azuresim.policy.csharp.json_values import Json, from_json, to_json
from azuresim.policy.csharp.names import resolved_type, static_type
from azuresim.policy.csharp.syntax import Node
from azuresim.policy.csharp.types import (
    BOOL,
    CHAR,
    DECIMAL,
    DOUBLE,
    INT,
    JTOKEN,
    LONG,
    NULL,
    OBJECT,
    STRING,
    VOID,
    T,
    casts,
    cost,
    is_enum,
    is_json,
    is_value,
    nullable,
)
from azuresim.policy.csharp.values import (
    Char,
    Enum,
    Long,
    NullReference,
    bounded,
    is_of,
    text_of,
    type_of,
    unboxed,
)

Work = Callable[[Frame], Any]
CONTEXT = T("IProxyRequestContext")


@dataclass(frozen=True)
class Bound:
    """An expression with its static type. `constant` is its node when it is a literal."""

    type: T
    run: Work
    constant: syntax.Literal | None = None


@dataclass(frozen=True)
class Local:
    type: T
    slot: int


class Binder:
    """Expressions and the variables in sight; calls are in binder_calls."""

    def __init__(self) -> None:
        self.scopes: list[dict[str, Local]] = [{}]
        self.assigned: set[int] = set()
        self.slots = 0
        self.receivers: dict[int, Local] = {}

    # --- variables ---
    def declare(self, name: str, kind: T, assigned: bool = True) -> Local:
        if name == "context" or any(name in scope for scope in self.scopes):
            raise ExpressionError(
                f"A local variable or function named '{name}' is already defined in this scope"
                if name in self.scopes[-1]
                else f"A local or parameter named '{name}' cannot be declared in this scope because that name is used in"
                " an enclosing local scope to define a local or parameter"
            )
        local = self.slot(kind)
        self.scopes[-1][name] = local
        if assigned:
            self.assigned.add(local.slot)
        return local

    def slot(self, kind: T) -> Local:
        self.slots += 1
        return Local(kind, self.slots)

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

    def condition(self, node: Node) -> Work:
        return self.converted(self.value(node), BOOL).run

    def converted(self, of: Bound, target: T) -> Bound:
        """The value in that type, when it converts by itself."""
        if of.type == target:
            return of
        byte = target == T("byte") and of.constant is not None and of.type == INT
        if byte and of.constant is not None and 0 <= int(str(of.constant.value)) <= 255:
            return Bound(target, of.run)
        if cost(of.type, target) is None:
            raise ExpressionError(cannot_convert(of.type, target))
        change = implicit(of.type, target)
        if change is None:
            return Bound(target, of.run)
        return Bound(target, lambda frame: change(of.run(frame)))

    def literal(self, node: syntax.Literal) -> Bound:
        value = node.value
        return Bound(type_of(value), lambda _: value, node)

    def name(self, node: syntax.Name) -> Bound:
        local = self.local(node.name)
        if local is not None:
            if local.slot not in self.assigned:
                raise ExpressionError(f"Use of unassigned local variable '{node.name}'")
            slot = local.slot
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
        rest = self.bind(node.rest)

        def run(frame: Frame) -> Any:
            value = frame.locals[local.slot] = of.run(frame)
            return None if value is None else rest.run(frame)

        return Bound(rest.type if rest.type == VOID else nullable(rest.type), run)

    def unary(self, node: syntax.Unary) -> Bound:
        of = self.value(node.of)
        kind, work = operators.unary(node.operator, of.type)
        if node.operator == "-" and of.constant is not None and of.constant.value == 2**31 and kind == LONG:
            return self.literal(syntax.Literal(-(2**31)))
        if of.constant is not None:
            return self.literal(syntax.Literal(work(of.constant.value)))
        return Bound(kind, lambda frame: work(of.run(frame)))

    def binary(self, node: syntax.Binary) -> Bound:
        if node.operator in ("&&", "||"):
            return self.short(node)
        if node.operator == "??":
            return self.coalesced(node)
        left, right = self.value(node.left), self.value(node.right)
        if (is_enum(left.type) or is_enum(right.type)) and node.operator not in ("==", "!="):
            return self.flags(node.operator, left, right)
        kind, work = operators.binary(node.operator, left.type, right.type)
        constant = self.folded(node.operator, left, right, work)
        if constant is not None:
            return constant
        return Bound(kind, lambda frame: work(left.run(frame), right.run(frame)))

    def folded(self, operator: str, left: Bound, right: Bound, work: Callable[[Any, Any], Any]) -> Bound | None:
        """The constant that two constants make. The compiler refuses overflow and division by zero."""
        if right.constant is not None and operator in ("/", "%") and right.type in (INT, LONG):
            if right.constant.value == 0 and left.type in (INT, LONG, T("byte"), CHAR):
                raise ExpressionError("Division by constant zero")
        if left.constant is None or right.constant is None or NULL in (left.type, right.type):
            return None
        value = work(left.constant.value, right.constant.value)
        whole = {"+": int.__add__, "-": int.__sub__, "*": int.__mul__}.get(operator)
        if whole and left.type in (INT, LONG) and right.type in (INT, LONG):
            if whole(int(str(left.constant.value)), int(str(right.constant.value))) != value:
                raise ExpressionError("The operation overflows at compile time in checked mode")
        return self.literal(syntax.Literal(value))

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
        left, right = self.value(node.left), self.value(node.right)
        if (left.type, right.type) != (BOOL, BOOL):
            raise ExpressionError(
                f"Operator '{node.operator}' cannot be applied to operands of type '{left.type}' and '{right.type}'"
            )
        if node.operator == "&&":
            return Bound(BOOL, lambda frame: left.run(frame) and right.run(frame))
        return Bound(BOOL, lambda frame: left.run(frame) or right.run(frame))

    def coalesced(self, node: syntax.Binary) -> Bound:
        left, right = self.value(node.left), self.value(node.right)
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
        condition = self.condition(node.condition)
        yes, no = self.value(node.yes), self.value(node.no)
        kind = common_type([yes.type, no.type])
        if kind is None:
            raise ExpressionError(
                "Type of conditional expression cannot be determined because there is no implicit conversion between"
                f" '{yes.type}' and '{no.type}'"
            )
        first, second = self.converted(yes, kind).run, self.converted(no, kind).run
        return Bound(kind, lambda frame: first(frame) if condition(frame) else second(frame))

    def cast(self, node: syntax.Cast) -> Bound:
        target, of = resolved_type(node.type), self.value(node.of)
        if of.type == NULL:
            return self.converted(of, target)
        if not casts(of.type, target):
            raise ExpressionError(f"Cannot convert type '{of.type}' to '{target}'")
        change = explicit(of.type, target)
        if of.constant is not None and target in (INT, LONG, DOUBLE, DECIMAL, CHAR, STRING, BOOL) and of.type != STRING:
            return self.literal(syntax.Literal(change(of.constant.value)))
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
        local = self.declare(node.name, target) if node.name else None

        def run(frame: Frame) -> bool:
            value = of.run(frame)
            found = is_of(value, target)
            if local is not None:
                frame.locals[local.slot] = value if found else None
            return found

        return Bound(BOOL, run)

    def interpolated(self, node: syntax.Interpolated) -> Bound:
        parts = [self.filled(part) if isinstance(part, syntax.Filled) else self.bind(part).run for part in node.parts]
        return Bound(STRING, lambda frame: bounded("".join(part(frame) for part in parts)))

    def filled(self, node: syntax.Filled) -> Work:
        from azuresim.policy.csharp.formats import aligned, formatted

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
        zeros: Mapping[T, Any] = {INT: 0, LONG: Long(0), DOUBLE: 0.0, BOOL: False, CHAR: Char("\0")}
        if is_value(kind) and kind.name != "?" and kind not in zeros:
            raise NotSimulated(f"default({kind}) is not simulated")
        value = zeros.get(kind)
        return Bound(kind, lambda _: value)

    def lambda_(self, node: syntax.Lambda) -> Bound:
        raise ExpressionError("Cannot convert lambda expression to type 'object' because it is not a delegate type")

    def out(self, node: syntax.Out) -> Bound:
        raise ExpressionError(f"Argument may not be passed with the 'out' keyword: {node.name}")


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


def same(value: Any) -> Any:
    return value


def cannot_convert(source: T, target: T) -> str:
    if source == NULL:
        return f"Cannot convert null to '{target}' because it is a non-nullable value type"
    message = f"Cannot implicitly convert type '{source}' to '{target}'"
    if casts(source, target):
        message += ". An explicit conversion exists (are you missing a cast?)"
    return message


def implicit(source: T, target: T) -> Callable[[Any], Any] | None:
    """What changes in the value; None when nothing does."""
    source = source.args[0] if source.name == "?" else source
    target = target.args[0] if target.name == "?" else target
    if target in (LONG, DOUBLE, DECIMAL, INT) and source != target and source != NULL:
        change = number_to(target)
        return lambda value: None if value is None else change(value)
    if target == JTOKEN and not is_json(source) and source != NULL:
        return to_json
    return None


def number_to(target: T) -> Callable[[Any], Any]:
    if target == LONG:
        return lambda value: operators.wrapped(whole(value), LONG)
    if target == INT:
        return lambda value: operators.wrapped(whole(value), INT)
    return lambda value: operators.promoted(value, target)


def whole(value: Any) -> int:
    if isinstance(value, float) and (value != value or abs(value) > 2**63):
        return -(2**63)
    return ord(value) if isinstance(value, Char) else int(value)


def explicit(source: T, target: T) -> Callable[[Any], Any]:
    """What `(target)value` does to a value of that static type."""
    if is_json(source) and not is_json(target) and target not in (OBJECT,):
        return lambda value: from_json(value, target)
    if source == OBJECT or not (is_value(source) or target == JTOKEN):
        return lambda value: unboxed(value, target)
    if source.name == "?" and target.name != "?":
        inner = explicit(source.args[0], target) if source.args[0] != target else same
        return lambda value: inner(present(value))
    plain = target.args[0] if target.name == "?" else target
    if plain in (INT, LONG, DOUBLE, DECIMAL):
        change = number_to(plain)
        return lambda value: None if value is None else change(value.number if isinstance(value, Enum) else value)
    if plain == CHAR:
        return lambda value: Char(chr(whole(value) & 0xFFFF))
    if plain == T("byte"):
        return byte_of
    if is_enum(plain) and source != plain:
        raise NotSimulated(f"a cast to '{plain}' is not simulated")
    return implicit(source, target) or same


def byte_of(value: Any) -> Any:
    from azuresim.policy.csharp.values import Byte

    return Byte(whole(value) & 0xFF)


def present(value: Any) -> Any:
    if value is None:
        raise EvaluationError("Nullable object must have a value.")
    return value


def reference_casts(source: T, target: T) -> bool:
    return casts(source, target) and not (is_json(source) and not is_json(target) and target != OBJECT)


def common_type(types: list[T]) -> T | None:
    """The one among them that all others convert to."""
    for kind in dict.fromkeys(types):
        if kind not in (NULL, VOID) and all(cost(other, kind) is not None for other in types):
            return kind
    return None


__all__ = ["BINDERS", "Binder", "Bound", "Json", "Local", "NullReference", "common_type"]
