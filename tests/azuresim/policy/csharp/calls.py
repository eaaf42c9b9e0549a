"""Members, calls and indexers: which overload is meant, and what it does. `new` and assignments are in creation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from azuresim.policy.csharp import syntax
from azuresim.policy.csharp.binder import BINDERS, Binder, fits_byte
from azuresim.policy.csharp.bound import Bound, also
from azuresim.policy.csharp.errors import ExpressionError, NotSimulated
from azuresim.policy.csharp.frame import Frame
from azuresim.policy.csharp.names import dotted, resolved_type, static_type, wrong_arguments
from azuresim.policy.csharp.overloads import (
    Given,
    Match,
    Types,
    closure,
    enum_member,
    invoked,
    missing,
    others,
    overloads,
    placed_arguments,
    substituted,
    unify,
)
from azuresim.policy.csharp.signatures import TYPES, Parameter, Signature
from azuresim.policy.csharp.syntax import Node
from azuresim.policy.csharp.types import INT, LONG, NULL, T, cost, is_enum
from azuresim.policy.csharp.values import Array


class Calls(Binder):
    # --- members ---
    def owner(self, node: Node) -> tuple[Bound | None, T]:
        """The value before the dot, or the type."""
        name = dotted(node)
        if name is not None and self.local(name) is None and name != "context":
            kind = static_type(node)
            if kind is not None:
                refuse_generic(kind, node)
                return None, kind
        of = self.value(node)
        if of.type == NULL:
            raise ExpressionError("Operator '.' cannot be applied to operand of type '<null>'")
        return of, of.type

    def member(self, node: syntax.Member) -> Bound:
        of, kind = self.owner(node.of)
        if of is None and is_enum(kind):
            return enum_member(kind, node.name)
        found = [one for one in overloads(kind, node.name) if one[0].static == (of is None)]
        properties = [one for one in found if one[0].parameters is None]
        if not properties and found:
            raise ExpressionError(
                f"Cannot convert method group '{node.name}' to non-delegate type 'object'. Did you intend to invoke the"
                " method?"
            )
        if not properties:
            raise self.wrong_side(kind, node.name, of is None)
        signature, types = properties[0]
        if signature.static and kind == signature.returns and kind in (INT, LONG):
            return self.literal(syntax.Literal(signature.work()))
        return invoked(Match(signature, types), of)

    def wrong_side(self, kind: T, name: str, static: bool) -> ExpressionError:
        found = overloads(kind, name)
        if found and static:
            return ExpressionError(
                f"An object reference is required for the non-static field, method, or property '{kind}.{name}'"
            )
        if found:
            return ExpressionError(
                f"Member '{kind}.{name}' cannot be accessed with an instance reference; qualify it with a type name"
                " instead"
            )
        return missing(kind, name, static)

    def call(self, node: syntax.Call) -> Bound:
        if isinstance(node.of, syntax.Name):
            if node.of.name == "nameof":
                raise NotSimulated("'nameof' is not simulated")
            self.refuse_name(node.of.name)
        if not isinstance(node.of, syntax.Member):
            raise ExpressionError("Method name expected")
        of, kind = self.owner(node.of.of)
        name = node.of.name
        found = overloads(kind, name)
        methods = [one for one in found if one[0].parameters is not None and one[0].static == (of is None)]
        if not methods and any(one[0].parameters is None for one in found):
            raise ExpressionError(f"Non-invocable member '{kind}.{name}' cannot be used like a method.")
        if not methods:
            raise self.wrong_side(kind, name, of is None)
        args = [resolved_type(one) for one in node.of.args]
        return invoked(self.chosen(kind, name, methods, node.arguments, args), of)

    def refuse_name(self, name: str) -> None:
        if self.local(name) is not None:
            raise ExpressionError("Method name expected")
        raise ExpressionError(f"The name '{name}' does not exist in the current context")

    def index(self, node: syntax.Index) -> Bound:
        of = self.value(node.of)
        found = overloads(of.type, "this")
        if not found:
            raise ExpressionError(f"Cannot apply indexing with [] to an expression of type '{of.type}'")
        return invoked(self.chosen(of.type, "this", found, node.arguments, []), of)

    # --- overloads ---
    def chosen(
        self,
        of: T,
        name: str,
        found: list[tuple[Signature, Types]],
        arguments: Sequence[syntax.Argument],
        args: list[T],
    ) -> Match:
        """The overload that fits best. Raises ExpressionError when none does."""
        given: list[Given] = [(one, self.given(one.value)) for one in arguments]
        failure: ExpressionError | None = None
        best: Match | None = None
        for signature, types in found:
            try:
                match = self.matched(signature, dict(types), given, args)
            except NotSimulated:
                raise
            except ExpressionError as error:
                failure = failure or error
                continue
            if match is not None and (best is None or match.distance < best.distance):
                best = match
        if best is not None:
            return best
        if name + "*" in others(of):
            raise NotSimulated(f"'{of}.{name}' with these arguments is not simulated")
        if failure is not None:
            raise failure
        raise ExpressionError(f"No overload for method '{name}' takes {len(arguments)} arguments")

    def given(self, node: Node) -> Bound | None:
        return None if isinstance(node, syntax.Lambda | syntax.Out) else self.value(node)

    def matched(self, signature: Signature, types: Types, given: list[Given], args: list[T]) -> Match | None:
        """None when the number of arguments differs."""
        placed = placed_arguments(signature, given)
        if placed is None or (args and len(args) != len(signature.generics)):
            return None
        types |= dict(zip(signature.generics, args, strict=False))
        for parameter, arguments in placed:
            for _, bound in arguments:
                if bound is not None:
                    unify(parameter.type, bound.type, signature.generics, types)
                    if parameter.rest:
                        unify(parameter.type.args[0], bound.type, signature.generics, types)
        match = Match(signature, types)
        for parameter, arguments in placed:
            self.fill(match, parameter, arguments)
        if any(name not in types for name in signature.generics):
            raise not_inferred(signature)
        return match

    def fill(self, match: Match, parameter: Parameter, arguments: list[Given]) -> None:
        if parameter.rest:
            self.fill_rest(match, parameter, arguments)
        elif not arguments:
            default = parameter.default.value if parameter.default else None
            match.values.append(lambda _: default)
        elif parameter.out or isinstance(arguments[0][0].value, syntax.Out):
            self.fill_out(match, parameter, arguments[0][0].value)
        elif isinstance(arguments[0][0].value, syntax.Lambda):
            match.values.append(self.function(arguments[0][0].value, parameter.type, match))
        else:
            match.values.append(self.fitted(match, arguments[0], parameter.type).run)

    def fitted(self, match: Match, given: Given, wanted: T) -> Bound:
        kind = substituted(wanted, match.types)
        bound = given[1]
        if bound is None:
            raise ExpressionError(
                f"Cannot convert lambda expression to type '{kind}' because it is not a delegate type"
            )
        distance = cost(bound.type, kind)
        if kind.name in match.signature.generics and bound.type == NULL:
            raise not_inferred(match.signature)
        if distance is None and not fits_byte(bound, kind):
            raise ExpressionError(f"Argument 1: cannot convert from '{bound.type}' to '{kind}'")
        match.distance += distance or 0
        return self.converted(bound, kind)

    def fill_rest(self, match: Match, parameter: Parameter, arguments: list[Given]) -> None:
        """`params T[]`: an array as it is, or the values one by one."""
        whole = substituted(parameter.type, match.types)
        if len(arguments) == 1 and arguments[0][1] is not None and cost(arguments[0][1].type, whole) is not None:
            match.values.append(self.fitted(match, arguments[0], parameter.type).run)
            return
        values = [self.fitted(match, one, parameter.type.args[0]).run for one in arguments]
        match.distance += 100
        match.values.append(lambda frame: Array(whole, [value(frame) for value in values]))

    def fill_out(self, match: Match, parameter: Parameter, node: Node) -> None:
        kind = substituted(parameter.type, match.types)
        if not isinstance(node, syntax.Out) or not parameter.out:
            raise ExpressionError(
                "Argument 2 must be passed with the 'out' keyword"
                if parameter.out
                else ("Argument 1 may not be passed with the 'out' keyword")
            )
        local = self.local(node.name)
        if node.name == "_" and local is None:
            local = self.slot(resolved_type(node.type) if node.type else kind)
        elif node.declared:
            local = self.declare(node.name, resolved_type(node.type) if node.type else kind)
        if local is None:
            raise ExpressionError(f"The name '{node.name}' does not exist in the current context")
        if local.type != kind:
            raise ExpressionError(f"Argument 2: cannot convert from 'out {local.type}' to 'out {kind}'")
        if local.fixed:
            raise ExpressionError(f"Cannot use '{node.name}' as a ref or out value because it is a '{local.fixed}'")
        self.assigned = also(self.assigned, local.slot)
        match.outs.append(local)

    def function(self, node: syntax.Lambda, wanted: T, match: Match) -> Callable[[Frame], Any]:
        if wanted.name != "Func" or len(wanted.args) - 1 != len(node.parameters):
            if wanted.name == "Func":
                raise ExpressionError(f"Delegate '{wanted}' does not take {len(node.parameters)} arguments")
            raise ExpressionError(
                f"Cannot convert lambda expression to type '{wanted}' because it is not a delegate type"
            )
        kinds = [substituted(one, match.types) for one in wanted.args[:-1]]
        slots, body, captured = self.lambda_body(node, kinds)
        unify(wanted.args[-1], body.type, match.signature.generics, match.types)
        result = substituted(wanted.args[-1], match.types)
        work = (body if result.name in match.signature.generics else self.converted(body, result)).run
        return lambda frame: closure(frame, slots, work, captured)

    def lambda_body(self, node: syntax.Lambda, kinds: list[T]) -> tuple[list[int], Bound, list[int]]:
        """The slots of its parameters, what it answers, and the slots of outer variables that it reads."""
        before, reads, first = self.assigned, self.reads, self.slots
        self.reads = set()
        self.scopes.append({})
        slots = [self.declare(name, kind).slot for name, kind in zip(node.parameters, kinds, strict=True)]
        body = self.value(node.body)
        self.scopes.pop()
        captured = [slot for slot in self.reads if slot <= first]
        self.assigned, self.reads = before, reads | self.reads
        return slots, body, captured


def not_inferred(signature: Signature) -> ExpressionError:
    return ExpressionError(
        f"The type arguments for method '{signature.name}' cannot be inferred from the usage. Try specifying the type"
        " arguments explicitly."
    )


def refuse_generic(kind: T, node: Node) -> None:
    """Static members of generic types are not simulated; without type arguments there is no such type."""
    generics = TYPES[kind.name].generics if kind.name in TYPES else ()
    if generics and getattr(node, "args", ()):
        raise NotSimulated(f"static members of '{kind}' are not simulated")
    if generics:
        raise ExpressionError(wrong_arguments(kind, len(generics), 0))


BINDERS.update({syntax.Member: Calls.member, syntax.Call: Calls.call, syntax.Index: Calls.index})
