"""Members, calls, indexers, `new` and assignments: which overload is meant, and what it does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from azuresim.policy.csharp import syntax
from azuresim.policy.csharp.binder import BINDERS, Binder, Bound, Local, cannot_convert, common_type
from azuresim.policy.csharp.errors import EvaluationError, ExpressionError, NotSimulated
from azuresim.policy.csharp.frame import Frame
from azuresim.policy.csharp.json_values import Json, put
from azuresim.policy.csharp.members.refused import REFUSED_MEMBERS
from azuresim.policy.csharp.names import dotted, resolved_type, static_type
from azuresim.policy.csharp.signatures import TYPES, Live, Parameter, Signature, Typed
from azuresim.policy.csharp.syntax import Node
from azuresim.policy.csharp.types import (
    ENUM_VALUES,
    ENUMS,
    INT,
    NULL,
    OBJECT,
    STRING,
    VOID,
    T,
    array,
    cost,
    is_enum,
    is_interface,
    is_json,
    is_value,
    parents,
)
from azuresim.policy.csharp.values import Array, Dictionary, Enum, NullReference, bounded

Types = dict[str, T]


@dataclass
class Match:
    """An overload that takes the arguments, its parameters in order."""

    signature: Signature
    types: Types
    values: list[Callable[[Frame], Any]] = field(default_factory=list)
    outs: list[Local] = field(default_factory=list)
    distance: int = 0


Given = tuple[syntax.Argument, Bound | None]  # no value for lambdas and `out`


def overloads(of: T, name: str) -> list[tuple[Signature, Types]]:
    found = []
    for one in (of, *parents(of), OBJECT):
        for key in (str(one), one.name) if one.args else (one.name,):
            info = TYPES.get(key)
            if info is not None:
                types = dict(zip(info.generics, one.args, strict=False))
                found += [(signature, types) for signature in info.members.get(name, ())]
    return found


def others(of: T) -> set[str]:
    return {name for one in (of, *parents(of)) if one.name in TYPES for name in TYPES[one.name].others}


def missing(of: T, name: str, static: bool) -> ExpressionError:
    """Why there is no such member."""
    for one in (of, *parents(of)):
        if name in REFUSED_MEMBERS.get(one.name, ()):
            shown = f"{TYPES[one.name].space}.{one.name}"
            return ExpressionError(f"Usage of member '{name}' of type '{shown}' is not supported within expressions")
    if {name, name + "*"} & others(of):
        return NotSimulated(f"'{of}.{name}' is not simulated")
    if static:
        return ExpressionError(f"'{of}' does not contain a definition for '{name}'")
    return ExpressionError(
        f"'{of}' does not contain a definition for '{name}' and no extension method '{name}' accepting a first argument of"
        f" type '{of}' could be found (are you missing a using directive or an assembly reference?)"
    )


def substituted(of: T, types: Types) -> T:
    if of.name in types and not of.args:
        return types[of.name]
    return T(of.name, tuple(substituted(one, types) for one in of.args)) if of.args else of


def unify(pattern: T, actual: T, generics: Sequence[str], types: Types) -> None:
    """What the type parameters must be for the argument to fit."""
    if pattern.name in generics and not pattern.args:
        if pattern.name not in types and actual not in (NULL, VOID):
            types[pattern.name] = actual
        return
    for one in (actual, *parents(actual)):
        if one.name == pattern.name and len(one.args) == len(pattern.args):
            for inner, given in zip(pattern.args, one.args, strict=True):
                unify(inner, given, generics, types)
            return


class Calls(Binder):
    # --- members ---
    def owner(self, node: Node) -> tuple[Bound | None, T]:
        """The value before the dot, or the type."""
        name = dotted(node)
        if name is not None and self.local(name) is None and name != "context":
            kind = static_type(node)
            if kind is not None:
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
        raise ExpressionError(f"No overload for method '{shown(name)}' takes {len(arguments)} arguments")

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
            raise ExpressionError(
                f"The type arguments for method '{signature.name}' cannot be inferred from the usage. Try specifying the"
                " type arguments explicitly."
            )
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
            raise ExpressionError(
                f"The type arguments for method '{match.signature.name}' cannot be inferred from the usage. Try"
                " specifying the type arguments explicitly."
            )
        byte = kind == T("byte") and bound.constant is not None and bound.type == INT
        if distance is None and not byte:
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
        if node.declared:
            named = resolved_type(node.type) if node.type else kind
            local = self.declare(node.name, named)
        if local is None:
            raise ExpressionError(f"The name '{node.name}' does not exist in the current context")
        if local.type != kind:
            raise ExpressionError(f"Argument 2: cannot convert from 'out {local.type}' to 'out {kind}'")
        self.assigned.add(local.slot)
        match.outs.append(local)

    def function(self, node: syntax.Lambda, wanted: T, match: Match) -> Callable[[Frame], Any]:
        if wanted.name != "Func" or len(wanted.args) - 1 != len(node.parameters):
            if wanted.name == "Func":
                raise ExpressionError(f"Delegate '{wanted}' does not take {len(node.parameters)} arguments")
            raise ExpressionError(
                f"Cannot convert lambda expression to type '{wanted}' because it is not a delegate type"
            )
        self.scopes.append({})
        kinds = [substituted(one, match.types) for one in wanted.args[:-1]]
        slots = [self.declare(name, kind).slot for name, kind in zip(node.parameters, kinds, strict=True)]
        body = self.value(node.body)
        self.scopes.pop()
        unify(wanted.args[-1], body.type, match.signature.generics, match.types)
        result = substituted(wanted.args[-1], match.types)
        work = (body if result.name in match.signature.generics else self.converted(body, result)).run
        return lambda frame: closure(frame, slots, work)

    # --- new ---
    def new(self, node: syntax.New) -> Bound:
        kind = resolved_type(node.type)
        found = overloads(kind, "new") if kind.name in TYPES else []
        found = [one for one in found if one[0] in TYPES[kind.name].members.get("new", ())]
        if not found:
            if is_interface(kind) or kind.name == "JToken":
                raise ExpressionError(f"Cannot create an instance of the abstract class or interface '{kind}'")
            raise NotSimulated(f"'new {kind}' is not simulated")
        match = self.chosen(kind, kind.name, found, node.arguments, [])
        made = invoked(match, None)
        made_value = made.run
        made = Bound(kind, lambda frame: typed(made_value(frame), kind))
        return made if node.items is None else self.filled_with(made, node.items)

    def filled_with(self, made: Bound, items: Sequence[syntax.Item]) -> Bound:
        """Collection initialisers: each item goes to Add, or to the indexer."""
        steps: list[Callable[[Frame, Any], Any]] = []
        for item in items:
            if item.key is not None:
                steps.append(self.put_item(made.type, item))
                continue
            methods = overloads(made.type, "Add")
            if not methods:
                raise ExpressionError(
                    f"Cannot initialize type '{made.type}' with a collection initializer because it does not implement"
                    " 'System.Collections.IEnumerable'"
                )
            match = self.chosen(made.type, "Add", methods, [syntax.Argument(one) for one in item.values], [])
            steps.append(adding(match))

        def run(frame: Frame) -> Any:
            value = made.run(frame)
            for step in steps:
                frame.step()
                step(frame, value)
            return value

        return Bound(made.type, run)

    def put_item(self, kind: T, item: syntax.Item) -> Callable[[Frame, Any], Any]:
        key, value = self.value(item.key) if item.key else None, self.value(item.values[0])
        assert key is not None
        wanted = stored(kind, key.type)
        work = self.converted(value, wanted).run
        return lambda frame, made: write(made, key.run(frame), work(frame))

    def new_array(self, node: syntax.NewArray) -> Bound:
        values = [self.value(one) for one in node.items or ()]
        element = resolved_type(node.type) if node.type else common_type([one.type for one in values])
        if element is None:
            raise ExpressionError("No best type found for implicitly-typed array")
        if node.size is not None:
            return self.sized(element, node)
        works = [self.converted(one, element).run for one in values]
        kind = array(element)
        if element == T("byte"):
            return Bound(kind, lambda frame: bytes(work(frame) for work in works))
        return Bound(kind, lambda frame: Array(kind, [work(frame) for work in works]))

    def sized(self, element: T, node: syntax.NewArray) -> Bound:
        raise NotSimulated(f"'new {element}[size]' is not simulated")

    # --- assignment ---
    def assign(self, node: syntax.Assign) -> Bound:
        if isinstance(node.to, syntax.Name):
            return self.assign_local(node, node.to)
        if isinstance(node.to, syntax.Index):
            return self.assign_index(node, node.to)
        if isinstance(node.to, syntax.Member):
            self.member(node.to)
            raise ExpressionError(f"Property or indexer '{node.to.name}' cannot be assigned to -- it is read only")
        raise ExpressionError("The left-hand side of an assignment must be a variable, property or indexer")

    def assign_local(self, node: syntax.Assign, to: syntax.Name) -> Bound:
        local = self.local(to.name)
        if local is None:
            if to.name == "context":
                raise ExpressionError("Cannot assign to 'context' because it is read only")
            raise ExpressionError(f"The name '{to.name}' does not exist in the current context")
        value = self.value(self.compound(node))
        if node.operator != "=" and cost(value.type, local.type) is None and is_value(local.type):
            raise ExpressionError(cannot_convert(value.type, local.type))
        work = self.converted(value, local.type).run
        self.assigned.add(local.slot)

        def run(frame: Frame) -> Any:
            frame.step()
            found = frame.locals[local.slot] = work(frame)
            return found

        return Bound(local.type, run)

    def compound(self, node: syntax.Assign) -> Node:
        return node.value if node.operator == "=" else syntax.Binary(node.operator[0], node.to, node.value)

    def assign_index(self, node: syntax.Assign, to: syntax.Index) -> Bound:
        of, before = self.value(to.of), self.index(to)
        if of.type.name in ("IReadOnlyDictionary", "string", "GroupCollection") or len(to.arguments) != 1:
            raise ExpressionError(f"Property or indexer '{of.type}.this[]' cannot be assigned to -- it is read only")
        key = self.value(to.arguments[0].value)
        value = self.value(self.compound(node))
        work = self.converted(value, before.type).run

        def run(frame: Frame) -> Any:
            frame.step()
            target, name, found = of.run(frame), key.run(frame), work(frame)
            if target is None:
                raise NullReference
            write(target, name, found)
            return found

        return Bound(before.type, run)


def shown(name: str) -> str:
    return name


def stored(kind: T, key: T) -> T:
    """What an indexer with that key takes."""
    if is_json(kind):
        return T("JToken")
    if kind.name == "Dictionary" and cost(key, kind.args[0]) is not None:
        return kind.args[1]
    raise ExpressionError(f"Cannot apply indexing with [] to an expression of type '{kind}'")


def write(target: Any, key: Any, value: Any) -> None:
    if isinstance(target, Json):
        put(target, key, value)
    elif isinstance(target, Dictionary):
        target[key] = value
    elif isinstance(target, Array):
        if not 0 <= key < len(target):
            raise EvaluationError("Index was outside the bounds of the array.")
        target[key] = value
    else:
        raise EvaluationError("Specified method is not supported.")


def typed(value: Any, kind: T) -> Any:
    if isinstance(value, Array | Dictionary):
        value.type = kind
    return value


def enum_member(kind: T, name: str) -> Bound:
    names = ENUMS[kind.name]
    if name in REFUSED_MEMBERS.get(kind.name, ()):
        raise missing(kind, name, static=True)
    if name not in names:
        raise missing(kind, name, static=True)
    numbers = ENUM_VALUES.get(kind.name, range(len(names)))
    value = Enum(kind, name, numbers[names.index(name)])
    return Bound(kind, lambda _: value)


def placed_arguments(signature: Signature, given: list[Given]) -> list[tuple[Parameter, list[Given]]] | None:
    """Which arguments go to which parameter; None when they cannot."""
    parameters = signature.parameters or ()
    placed: list[tuple[Parameter, list[Given]]] = [(one, []) for one in parameters]
    names = [one.name for one in parameters]
    for position, argument in enumerate(given):
        name = argument[0].name
        if name and name not in names:
            raise ExpressionError(f"The best overload for '{signature.name}' does not have a parameter named '{name}'")
        at = names.index(name) if name else min(position, len(parameters) - 1)
        if at < 0 or (placed[at][1] and not parameters[at].rest):
            return None
        placed[at][1].append(argument)
    for parameter, arguments in placed:
        if not arguments and parameter.default is None and not parameter.rest:
            return None
    return placed


def closure(frame: Frame, slots: Sequence[int], work: Callable[[Frame], Any]) -> Callable[..., Any]:
    def function(*values: Any) -> Any:
        frame.step()
        frame.locals.update(zip(slots, values, strict=True))
        return work(frame)

    return function


def adding(match: Match) -> Callable[[Frame, Any], Any]:
    return lambda frame, made: invoked(match, Bound(OBJECT, lambda _: made)).run(frame)


def invoked(match: Match, of: Bound | None) -> Bound:
    """The call of the overload on a value, or of a static one."""
    signature, work, values, outs = match.signature, match.signature.work, match.values, match.outs
    returns = substituted(signature.returns, match.types)
    types = match.types

    def run(frame: Frame) -> Any:
        first: list[Any] = []
        if of is not None:
            target = of.run(frame)
            if target is None and not signature.extension:
                raise NullReference
            first = [target]
        arguments = [value(frame) for value in values]
        frame.step()
        if isinstance(work, Typed):
            result = work.work(frame, types, *first, *arguments)
        elif isinstance(work, Live):
            result = work.work(frame, *first, *arguments)
        else:
            result = work(*first, *arguments)
        if outs:
            result, *given = result
            for local, one in zip(outs, given, strict=True):
                frame.locals[local.slot] = one
        return bounded(result) if isinstance(result, str) and returns == STRING else result

    return Bound(returns, run)


BINDERS.update(
    {
        syntax.Member: Calls.member,
        syntax.Call: Calls.call,
        syntax.Index: Calls.index,
        syntax.New: Calls.new,
        syntax.NewArray: Calls.new_array,
        syntax.Assign: Calls.assign,
    }
)
