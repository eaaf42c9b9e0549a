"""
Policy documents compared by meaning.

White space between elements, the order of attributes, entities, CDATA, CRLF and defaults spelled out or left out mean
nothing: API Management rewrites all of them when it stores a document.
Source: Azure/azure-cli recordings test_apim_api_policy (what was sent, what came back).
"""

from bisect import bisect_left
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from funcgate.policy.document import Document, Element, is_element, tree
from funcgate.policy.statements import DEFAULTS, marked_owner

T = TypeVar("T")

SHOWN = frozenset(
    {
        "backend-id",
        "client-id",
        "exists-action",
        "id",
        "ignore-error",
        "output-token-variable-name",
        "owner",
        "resource",
    }
)
"""Attributes whose values may be printed. Others' statements hold keys and passwords."""


@dataclass(frozen=True, eq=False)
class Meaning:
    """What a node says, without the way it is written. Equal only to itself: `Meanings` makes one of a kind."""

    tag: str
    attributes: tuple[tuple[str, str], ...] = ()
    content: "tuple[Meaning, ...]" = ()
    text: str = ""

    @cached_property
    def label(self) -> str:
        """How a person would name it among its neighbours."""
        name = dict(self.attributes).get("name")
        return f"{self.tag}[{name}]" if name else self.tag


class Meanings:
    """Reads documents into meanings: one object for all nodes that say the same, so no two are compared in depth."""

    def __init__(self) -> None:
        self._known: dict[object, Meaning] = {}

    def of(self, document: Document) -> Meaning:
        """What the document says, comments around it too."""
        root = tree(document)
        around = [*reversed(list(root.itersiblings(preceding=True))), root, *root.itersiblings()]
        return self._one(Meaning("", content=tuple(map(self._of_node, around))))

    def _one(self, said: Meaning) -> Meaning:
        return self._known.setdefault((said.tag, said.attributes, said.content, said.text), said)

    def _of_node(self, node: Element) -> Meaning:
        if not is_element(node):
            owner = marked_owner(node)
            comment = Meaning("comment()", text=_text(node.text))
            return self._one(comment if owner is None else Meaning("mark", (("owner", owner),)))
        attributes = {str(name): str(value).replace("\r\n", "\n") for name, value in node.attrib.items()}
        said = ((n, v) for n, v in sorted(attributes.items()) if DEFAULTS.get((str(node.tag), n)) != v)
        return self._one(Meaning(str(node.tag), tuple(said), tuple(self._content(node))))

    def _content(self, node: Element) -> Iterator[Meaning]:
        yield from self._as_text(node.text)
        for child in node:
            yield self._of_node(child)
            yield from self._as_text(child.tail)

    def _as_text(self, text: str | None) -> Iterator[Meaning]:
        if said := _text(text):
            yield self._one(Meaning("text()", text=said))


def equal(a: Document, b: Document) -> bool:
    """Whether both documents mean the same."""
    meanings = Meanings()
    return meanings.of(a) is meanings.of(b)


def differences(a: Document, b: Document) -> tuple[str, ...]:
    """What of `a` is not as in `b`, as readable paths; empty exactly when both are equal."""
    meanings = Meanings()
    return tuple(_differences(meanings.of(a), meanings.of(b), ""))


def _text(text: str | None) -> str:
    return (text or "").replace("\r\n", "\n").strip()


def _differences(a: Meaning, b: Meaning, path: str) -> Iterator[str]:
    if a.text != b.text:
        yield f"{path}: says something else"
    seen, wanted = dict(a.attributes), dict(b.attributes)
    for name in sorted(seen.keys() | wanted.keys()):
        if seen.get(name) != wanted.get(name):
            yield f"{path}/@{name}: {_instead(a.tag, name, seen.get(name), wanted.get(name))}"
    yield from _in_content(a, b, path)


def _instead(tag: str, name: str, seen: str | None, wanted: str | None) -> str:
    default = DEFAULTS.get((tag, name))
    said = (_shown(name, default if value is None else value) for value in (seen, wanted))
    return " instead of ".join(said)


def _shown(name: str, value: str | None) -> str:
    if value is None:
        return "absent"
    return f"'{value[:120]}'" if name in SHOWN else "another value"


def _in_content(a: Meaning, b: Meaning, path: str) -> Iterator[str]:
    """Pairs what carries one label, and says what is left over on either side."""
    gone, come = _unmatched(a.content, b.content)
    names_a, names_b = _names(a.content), _names(b.content)
    left: defaultdict[str, deque[int]] = defaultdict(deque)
    for i in gone:
        left[a.content[i].label].append(i)
    for j in come:
        alike = left[b.content[j].label]
        if not alike:
            yield _missing(path, b.content[j], names_b[j])
            continue
        i = alike.popleft()
        found = tuple(_differences(a.content[i], b.content[j], _join(path, names_a[i])))
        yield from found or [f"{_join(path, names_a[i])}: stands in another place"]
    for i in sorted(i for alike in left.values() for i in alike):
        yield f"{_join(path, names_a[i])}: does not belong here"


def _unmatched(a: Sequence[Meaning], b: Sequence[Meaning]) -> tuple[list[int], list[int]]:
    """The places on either side that have no equal counterpart in the same order. Twins are told apart by number."""
    places = {twin: j for j, twin in enumerate(_numbered(b))}
    counterparts = {i: places[twin] for i, twin in enumerate(_numbered(a)) if twin in places}
    kept = _longest_rising(counterparts)
    taken = {counterparts[i] for i in kept}
    return [i for i in range(len(a)) if i not in kept], [j for j in range(len(b)) if j not in taken]


def _longest_rising(numbers: dict[int, int]) -> set[int]:
    """The keys of as many numbers as possible that only rise. Patience sorting: n log n, whatever the order."""
    ends: list[int] = []  # for each length of a rising run, the lowest number with which one ends
    keys: list[int] = []  # and that number's key
    before: dict[int, int | None] = {}
    for key, number in numbers.items():
        length = bisect_left(ends, number)
        before[key] = keys[length - 1] if length else None
        ends[length : length + 1], keys[length : length + 1] = [number], [key]
    kept: set[int] = set()
    last = keys[-1] if keys else None
    while last is not None:
        kept.add(last)
        last = before[last]
    return kept


def _names(nodes: Sequence[Meaning]) -> list[str]:
    """Labels, numbered where one occurs more than once."""
    often = Counter(node.label for node in nodes)
    numbered = _numbered(node.label for node in nodes)
    return [label if often[label] == 1 else f"{label}[{number}]" for label, number in numbered]


def _numbered(values: Iterable[T]) -> Iterator[tuple[T, int]]:
    """Each value, and the how manieth of its kind it is."""
    often: Counter[T] = Counter()
    for value in values:
        often[value] += 1
        yield value, often[value]


def _missing(path: str, node: Meaning, name: str) -> str:
    return f"{path}: <base/> is missing" if node.tag == "base" else f"{_join(path, name)}: is missing"


def _join(path: str, name: str) -> str:
    return "" if name == "policies" else f"{path}/{name}".lstrip("/")
