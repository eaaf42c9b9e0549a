"""
Policy documents compared by meaning.

White space between elements, the order of attributes, entities, CDATA, CRLF and defaults spelled out or left out mean
nothing: API Management rewrites all of them when it stores a document.
Source: Azure/azure-cli recordings test_apim_api_policy (what was sent, what came back).
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from funcgate.policy.document import Document, Element, is_element, tree
from funcgate.policy.statements import DEFAULTS, marked_owner

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


@dataclass(frozen=True)
class Meaning:
    """What a node says, without the way it is written."""

    tag: str
    attributes: tuple[tuple[str, str], ...] = ()
    content: "tuple[Meaning, ...]" = ()
    text: str = ""

    @property
    def label(self) -> str:
        """How a person would name it among its neighbours."""
        name = dict(self.attributes).get("name")
        return f"{self.tag}[{name}]" if name else self.tag


def equal(a: Document, b: Document) -> bool:
    """Whether both documents mean the same."""
    return _meaning_of(a) == _meaning_of(b)


def differences(a: Document, b: Document) -> tuple[str, ...]:
    """What of `a` is not as in `b`, as readable paths; empty exactly when both are equal."""
    return tuple(_differences(_meaning_of(a), _meaning_of(b), ""))


def _meaning_of(document: Document) -> Meaning:
    root = tree(document)
    around = [*reversed(list(root.itersiblings(preceding=True))), root, *root.itersiblings()]
    return Meaning("", content=tuple(map(_meaning, around)))


def _meaning(node: Element) -> Meaning:
    if not is_element(node):
        owner = marked_owner(node)
        return Meaning("comment()", text=_text(node.text)) if owner is None else Meaning("mark", (("owner", owner),))
    attributes = {str(name): str(value).replace("\r\n", "\n") for name, value in node.attrib.items()}
    said = ((n, v) for n, v in sorted(attributes.items()) if DEFAULTS.get((str(node.tag), n)) != v)
    return Meaning(str(node.tag), tuple(said), tuple(_content(node)))


def _content(node: Element) -> Iterator[Meaning]:
    yield from _as_text(node.text)
    for child in node:
        yield _meaning(child)
        yield from _as_text(child.tail)


def _as_text(text: str | None) -> Iterator[Meaning]:
    if said := _text(text):
        yield Meaning("text()", text=said)


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
    for j in come:
        i = next((i for i in gone if a.content[i].label == b.content[j].label), None)
        if i is None:
            yield _missing(path, b.content[j], names_b[j])
            continue
        gone.remove(i)
        found = tuple(_differences(a.content[i], b.content[j], _join(path, names_a[i])))
        yield from found or [f"{_join(path, names_a[i])}: stands in another place"]
    for i in gone:
        yield f"{_join(path, names_a[i])}: does not belong here"


def _unmatched(a: Sequence[Meaning], b: Sequence[Meaning]) -> tuple[list[int], list[int]]:
    """The places on either side that have no equal counterpart in the same order."""
    codes = [code for code in SequenceMatcher(None, a, b, autojunk=False).get_opcodes() if code[0] != "equal"]
    gone = [i for _, start, end, _, _ in codes for i in range(start, end)]
    return gone, [j for _, _, _, start, end in codes for j in range(start, end)]


def _names(nodes: Sequence[Meaning]) -> list[str]:
    """Labels, numbered where one occurs more than once."""
    often = Counter(node.label for node in nodes)
    names = []
    for index, node in enumerate(nodes):
        number = sum(node.label == earlier.label for earlier in nodes[: index + 1])
        names.append(node.label if often[node.label] == 1 else f"{node.label}[{number}]")
    return names


def _missing(path: str, node: Meaning, name: str) -> str:
    return f"{path}: <base/> is missing" if node.tag == "base" else f"{_join(path, name)}: is missing"


def _join(path: str, name: str) -> str:
    return "" if name == "policies" else f"{path}/{name}".lstrip("/")
