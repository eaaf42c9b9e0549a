"""
Which route a path belongs to, found by walking its segments: the cost does not grow with the number of routes.

Static segments match without case and win over `{names}`. A template `/{scope}/providers/…` is looked up from the last
`providers` of the path on; what stands before it is the scope, which may be empty.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Generic, Protocol, TypeVar


class Routed(Protocol):
    @property
    def method(self) -> str: ...
    @property
    def template(self) -> str: ...
    @property
    def extends(self) -> bool: ...


R = TypeVar("R", bound=Routed)
Found = tuple[R, dict[str, str]]


class Node(Generic[R]):
    """One segment of templates: what may follow, and the routes that end here, with the places of their names."""

    __slots__ = ("named", "routes", "static")

    def __init__(self) -> None:
        self.static: dict[str, Node[R]] = {}
        self.named: Node[R] | None = None
        self.routes: dict[str, tuple[R, tuple[tuple[int, str], ...]]] = {}

    def child(self, segment: str) -> Node[R]:
        if segment.startswith("{"):
            self.named = self.named or Node()
            return self.named
        return self.static.setdefault(segment.lower(), Node())


class Table(Generic[R]):
    def __init__(self) -> None:
        self._whole: Node[R] = Node()
        self._extensions: Node[R] = Node()

    def add(self, route: R) -> None:
        """It answers from now on, unless another one already has its method and template."""
        template = route.template.removeprefix("/{scope}/providers") if route.extends else route.template
        segments = template.strip("/").split("/") if template.strip("/") else []
        node = self._extensions if route.extends else self._whole
        for segment in segments:
            node = node.child(segment)
        places = tuple((at, segment[1:-1]) for at, segment in enumerate(segments) if segment.startswith("{"))
        node.routes.setdefault(route.method, (route, places))

    def find(self, path: str, method: str) -> tuple[Found[R] | None, set[str]]:
        """The route and its parameters; without one, the methods that the path does have."""
        segments = [segment for segment in path.split("/") if segment]
        methods: set[str] = set()
        for node, scope, own in self._candidates(segments):
            found = node.routes.get(method)
            if found is not None:
                route, places = found
                params = {} if scope is None else {"scope": scope}
                params.update((name, own[at]) for at, name in places)
                return (route, params), methods
            methods.update(node.routes)
        return None, methods

    def _candidates(self, segments: Sequence[str]) -> Iterator[tuple[Node[R], str | None, Sequence[str]]]:
        lowered = [segment.lower() for segment in segments]
        for node in matching(self._whole, lowered, 0):
            yield node, None, segments
        if "providers" in lowered:
            at = len(lowered) - 1 - lowered[::-1].index("providers")
            for node in matching(self._extensions, lowered[at + 1 :], 0):
                yield node, "/".join(segments[:at]), segments[at + 1 :]


def matching(node: Node[R], segments: Sequence[str], at: int) -> Iterator[Node[R]]:
    """The nodes with routes that these segments lead to, the more literal ones first."""
    if at == len(segments):
        if node.routes:
            yield node
        return
    static = node.static.get(segments[at])
    if static is not None:
        yield from matching(static, segments, at + 1)
    if node.named is not None:
        yield from matching(node.named, segments, at + 1)
