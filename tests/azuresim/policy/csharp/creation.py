"""`new`, initialisers and assignments."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from azuresim.policy.csharp import syntax
from azuresim.policy.csharp.binder import BINDERS
from azuresim.policy.csharp.bound import Bound, also
from azuresim.policy.csharp.calls import Calls
from azuresim.policy.csharp.casts import cannot_convert, common_type
from azuresim.policy.csharp.errors import EvaluationError, ExpressionError, NotSimulated
from azuresim.policy.csharp.frame import Frame
from azuresim.policy.csharp.json_values import Json, put
from azuresim.policy.csharp.names import resolved_type
from azuresim.policy.csharp.overloads import Match, invoked, overloads
from azuresim.policy.csharp.signatures import TYPES
from azuresim.policy.csharp.syntax import Node
from azuresim.policy.csharp.types import OBJECT, T, array, cost, is_interface, is_json, is_value
from azuresim.policy.csharp.values import Array, Dictionary, NullReference


class Creation(Calls):
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
        if local.fixed:
            raise ExpressionError(f"Cannot assign to '{to.name}' because it is a '{local.fixed}'")
        value = self.value(self.compound(node))
        if node.operator != "=" and cost(value.type, local.type) is None and is_value(local.type):
            raise ExpressionError(cannot_convert(value.type, local.type))
        work = self.converted(value, local.type).run
        self.assigned = also(self.assigned, local.slot)

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


def adding(match: Match) -> Callable[[Frame, Any], Any]:
    return lambda frame, made: invoked(match, Bound(OBJECT, lambda _: made)).run(frame)


BINDERS.update({syntax.New: Creation.new, syntax.NewArray: Creation.new_array, syntax.Assign: Creation.assign})
