"""
Policy documents compared by meaning.

White space between elements and around expressions, the order of attributes, entities, CDATA, CRLF and defaults
spelled out or left out mean nothing: API Management rewrites all of them when it stores a document. Nor does it matter
in which words an expression says what one of ours says. White space around any other text does matter: a header's value
is sent with it.
Source: Azure/azure-cli recordings test_apim_api_policy (what was sent, what came back).
"""

import re
from bisect import bisect_left
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from lxml import etree

from funcgate.policy.document import SECTIONS, Document, Element, is_element, section, tree
from funcgate.policy.expressions import in_our_words
from funcgate.policy.statements import DEFAULTS, read_mark

T = TypeVar("T")

SHOWN = frozenset(
    {
        "added",
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

    def __init__(self, *, remarks: bool = True) -> None:
        self._known: dict[object, Meaning] = {}
        self._alike: dict[Element, Meaning] = {}
        self._remarks = remarks  # whether comments count

    def of(self, document: Document) -> Meaning:
        """What the document says, comments around it too."""
        root = tree(document)
        around = [*reversed(list(root.itersiblings(preceding=True))), root, *root.itersiblings()]
        return self._one(Meaning("", content=tuple(map(self.of_node, around))))

    def take_for_the_same(self, a: Element, b: Element) -> None:
        """Both are known to say the same, so neither is read."""
        self._alike[a] = self._alike[b] = Meaning(str(a.tag), (("name", a.get("name", "")),))

    def of_node(self, node: Element) -> Meaning:
        """What the node says, without the text behind it."""
        if (alike := self._alike.get(node)) is not None:
            return alike
        if not is_element(node):
            return self._one(_remark(node))
        tag = str(node.tag)
        attributes = {str(name): _expression(str(value)) for name, value in node.attrib.items()}
        said = ((n, v) for n, v in sorted(attributes.items()) if DEFAULTS.get((tag, n)) != v)
        return self._one(Meaning(tag, tuple(said), tuple(self._content(node))))

    def _one(self, said: Meaning) -> Meaning:
        return self._known.setdefault((said.tag, said.attributes, said.content, said.text), said)

    def _content(self, node: Element) -> Iterator[Meaning]:
        yield from self._as_text(node.text, alone=len(node) == 0)
        for child in node:
            if self._remarks or is_element(child):
                yield self.of_node(child)
            yield from self._as_text(child.tail)

    def _as_text(self, text: str | None, *, alone: bool = False) -> Iterator[Meaning]:
        if said := _text(text or "", alone=alone):
            yield self._one(Meaning("text()", text=said))


def equal(a: Document, b: Document) -> bool:
    """Whether both documents mean the same."""
    return a is b or _canonical(a) == _canonical(b) or not differences(a, b)


def differences(a: Document, b: Document) -> tuple[str, ...]:
    """What of `a` is not as in `b`, as readable paths; empty exactly when both are equal."""
    if a is b:
        return ()
    meanings = Meanings()
    for name in SECTIONS:
        for pair in _same_at_the_ends(section(tree(a), name), section(tree(b), name)):
            meanings.take_for_the_same(*pair)
    return tuple(_differences(meanings.of(a), meanings.of(b), ""))


def says_the_same(a: Element, b: Element) -> bool:
    """Whether both nodes mean the same, whatever comments stand in them."""
    meanings = Meanings(remarks=False)
    return meanings.of_node(a) is meanings.of_node(b)


BETWEEN = re.compile(rb">\s+<")


def canonical(node: Element) -> bytes:
    """One form for many spellings of a node; what has the same form means the same, though not the other way round."""
    return BETWEEN.sub(b"><", etree.tostring(node, method="c14n"))


def _canonical(document: Document) -> bytes:
    return BETWEEN.sub(b"><", etree.tostring(tree(document).getroottree(), method="c14n"))


def _same_at_the_ends(a: Element | None, b: Element | None) -> Iterator[tuple[Element, Element]]:
    """The nodes at the beginning and at the end of both that are written alike."""
    left, right = list(() if a is None else a), list(() if b is None else b)
    count = min(len(left), len(right))
    first = next((i for i in range(count) if not _alike(left[i], right[i])), count)
    yield from zip(left[:first], right[:first], strict=True)
    for x, y in zip(left[: first - 1 - len(left) : -1], right[: first - 1 - len(right) : -1], strict=False):
        if not _alike(x, y):
            return
        yield x, y


def _alike(a: Element, b: Element) -> bool:
    return is_element(a) and etree.tostring(a, with_tail=False) == etree.tostring(b, with_tail=False)


def _remark(node: Element) -> Meaning:
    mark = read_mark(node)
    if mark is not None:
        return Meaning("mark", (("added", ",".join(sorted(mark.added))), ("owner", mark.owner)))
    if isinstance(node, etree._Comment):
        return Meaning("comment()", text=_lines(node.text or "").strip())
    return Meaning("processing-instruction()", text=str(node))


def _text(text: str, *, alone: bool) -> str:
    """What a text says; beside elements it is no more than its words."""
    bare = text.strip()
    if not bare or bare.startswith(("@(", "@{")):
        return in_our_words(_lines(bare))
    return _lines(text if alone else bare)


def _expression(value: str) -> str:
    return in_our_words(_lines(value))


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n")


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
    if not gone and not come:
        return
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
    first, last = _common(a, b), _common(a[::-1], b[::-1])
    last = min(last, len(a) - first, len(b) - first)
    gone, come = _unmatched_between(a[first : len(a) - last], b[first : len(b) - last])
    return [first + i for i in gone], [first + j for j in come]


def _common(a: Sequence[Meaning], b: Sequence[Meaning]) -> int:
    """How many at the beginning are the same."""
    count = 0
    for x, y in zip(a, b, strict=False):
        if x is not y:
            break
        count += 1
    return count


def _unmatched_between(a: Sequence[Meaning], b: Sequence[Meaning]) -> tuple[list[int], list[int]]:
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
