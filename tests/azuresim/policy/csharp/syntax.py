"""What the parser finds: one class per form of expression and statement."""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass

from azuresim.policy.csharp.errors import NotSimulated

DEEPEST = 100


@dataclass(frozen=True)
class TypeName:
    """`List<string>[]?` as written; `var` is None where it may stand."""

    name: str
    args: tuple[TypeName, ...] = ()
    nullable: bool = False
    ranks: int = 0


class Node:
    pass


@dataclass(frozen=True)
class Literal(Node):
    value: object


@dataclass(frozen=True)
class Name(Node):
    name: str
    args: tuple[TypeName, ...] = ()


@dataclass(frozen=True)
class Member(Node):
    of: Node
    name: str
    args: tuple[TypeName, ...] = ()


@dataclass(frozen=True)
class Argument(Node):
    value: Node
    name: str = ""


@dataclass(frozen=True)
class Out(Node):
    """`out name`, `out var name`, `out T name`."""

    name: str
    declared: bool = False
    type: TypeName | None = None


@dataclass(frozen=True)
class Call(Node):
    of: Node
    arguments: tuple[Argument, ...]


@dataclass(frozen=True)
class Index(Node):
    of: Node
    arguments: tuple[Argument, ...]


@dataclass(frozen=True)
class Receiver(Node):
    """What stands before `?.`, once it is known not to be null."""

    number: int


@dataclass(frozen=True)
class Conditional(Node):
    """`of?.rest`."""

    of: Node
    receiver: Receiver
    rest: Node


@dataclass(frozen=True)
class Unary(Node):
    operator: str
    of: Node


@dataclass(frozen=True)
class Binary(Node):
    operator: str
    left: Node
    right: Node


@dataclass(frozen=True)
class Ternary(Node):
    condition: Node
    yes: Node
    no: Node


@dataclass(frozen=True)
class Cast(Node):
    type: TypeName
    of: Node


@dataclass(frozen=True)
class TypeTest(Node):
    """`is` and `as`."""

    operator: str
    of: Node
    type: TypeName
    name: str = ""


@dataclass(frozen=True)
class New(Node):
    """`new T(arguments) { items }`; without items `{}` None. An item is a value, a list of them, or (key, value)."""

    type: TypeName
    arguments: tuple[Argument, ...] = ()
    items: tuple[Item, ...] | None = None


@dataclass(frozen=True)
class Item(Node):
    values: tuple[Node, ...]
    key: Node | None = None


@dataclass(frozen=True)
class NewArray(Node):
    type: TypeName | None
    size: Node | None = None
    items: tuple[Node, ...] | None = None


@dataclass(frozen=True)
class Lambda(Node):
    parameters: tuple[str, ...]
    body: Node


@dataclass(frozen=True)
class Filled(Node):
    """One hole of an interpolated string."""

    value: Node
    alignment: Node | None
    format: str


@dataclass(frozen=True)
class Interpolated(Node):
    parts: tuple[Node, ...]


@dataclass(frozen=True)
class Default(Node):
    type: TypeName


@dataclass(frozen=True)
class Assign(Node):
    operator: str
    to: Node
    value: Node


# --- statements -------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Block(Node):
    statements: tuple[Node, ...]


@dataclass(frozen=True)
class Declare(Node):
    type: TypeName | None
    name: str
    value: Node | None


@dataclass(frozen=True)
class Run(Node):
    of: Node


@dataclass(frozen=True)
class If(Node):
    condition: Node
    yes: Node
    no: Node | None


@dataclass(frozen=True)
class Return(Node):
    of: Node | None


@dataclass(frozen=True)
class Each(Node):
    type: TypeName | None
    name: str
    of: Node
    body: Node


@dataclass(frozen=True)
class Loop(Node):
    """`for` and `while`."""

    begin: tuple[Node, ...]
    condition: Node | None
    next: tuple[Node, ...]
    body: Node


@dataclass(frozen=True)
class Leave(Node):
    """`break` and `continue`."""

    word: str


@dataclass(frozen=True)
class Section(Node):
    """`case a: case b: statements`; None among the labels is `default`."""

    labels: tuple[Node | None, ...]
    statements: tuple[Node, ...]


@dataclass(frozen=True)
class Switch(Node):
    of: Node
    sections: tuple[Section, ...]


@dataclass(frozen=True)
class Try(Node):
    """`try { } catch (type name) { }`; the type may be left out, and the name too."""

    body: Node
    type: TypeName | None
    name: str
    caught: Node


def refuse_depth(root: Node) -> None:
    """NotSimulated when the tree is so deep that running it could exhaust the stack."""
    level: list[object] = [root]
    for _ in range(DEEPEST * 2):
        level = [child for node in level for child in children(node)]
        if not level:
            return
    raise NotSimulated(f"an expression nested deeper than {DEEPEST} is not simulated")


def children(node: object) -> list[object]:
    if isinstance(node, tuple):
        return [part for part in node if isinstance(part, Node | tuple)]
    if not is_dataclass(node):
        return []
    values = (getattr(node, field.name) for field in fields(node))
    return [
        part for value in values for part in (value if isinstance(value, tuple) else (value,)) if isinstance(part, Node)
    ]
