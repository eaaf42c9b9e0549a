"""Our statements into a document, and out of it again; everything else stays."""

from collections.abc import Sequence

from lxml import etree

from funcgate.policy.document import SECTIONS, Document, Element, is_element, section, tree, tree_to_change
from funcgate.policy.edit import put_in, take_out
from funcgate.policy.others import last_before_ours
from funcgate.policy.ours import Ours, recognise
from funcgate.policy.parse import parse
from funcgate.policy.right import is_complete, is_right, takes_over
from funcgate.policy.statements import Statements, elements


def merge(document: Document | None, wanted: Statements) -> Document:
    """
    Ours stand in inbound, together and once, behind `<base/>` and what judges the caller; all sections have `<base/>`.

    Others' statements and comments keep their order and are never removed. Ours stay where they are among them when
    that place will do, and go to the end otherwise. Whose mark stood there is for the caller to ask, with `find`. A
    document in which nothing is to be done is given back as it is.
    """
    before = document or parse(None)
    if is_right(tree(before), wanted):
        return before
    root = tree_to_change(before)
    was_there = _says_something(root)
    added = _complete(root)
    inbound = root.find("inbound")
    assert inbound is not None, "just completed"
    ours = recognise(root, wanted)
    block = _with_remarks(elements(wanted, ours.added | added if was_there else ours.added), ours)
    gone = {*ours.nodes, *block}
    others = [node for node in inbound if node not in gone]
    last = last_before_ours(inbound)
    place = max(_place(inbound, ours, others), 0 if last is None else others.index(last) + 1)
    for node in ours.nodes:
        take_out(node)
    for node in block:
        if node.getparent() is inbound:
            take_out(node)
    put_in(inbound, place, block)
    return Document(root, has_lines=False)


def with_bases(document: Document) -> Document:
    """All four sections stand there and take over what the outer scopes say."""
    if is_complete(tree(document)):
        return document
    root = tree_to_change(document)
    _complete(root)
    return Document(root, has_lines=False)


def remove(document: Document) -> Document | None:
    """
    Ours are gone, from wherever they stand, and the sections and `<base/>` that came with them; None when nothing but
    `<base/>` is left, so that the policy can be deleted.

    Only with our mark: statements that look like ours and carry none were made by hand and stay. Whose mark it is, is
    for the caller to ask, with `find`.
    """
    root = tree_to_change(document)
    ours = recognise(root)
    added = ours.added
    for node in ours.nodes if ours.marks else ():
        take_out(node)
    for name in SECTIONS:
        _take_back(root, name, added)
    return None if _says_nothing(root) else Document(root, has_lines=False)


def _with_remarks(block: Sequence[Element], ours: Ours) -> Sequence[Element]:
    """Our block with the comments that stand between ours or in them, each in front of what it stood in front of."""
    mine = set(ours.nodes)
    roles = {id(node): role for role, nodes in enumerate(_by_role(ours)) for node in nodes}
    remarks: list[list[Element]] = [[], [], [], [], []]
    for node in ours.nodes:
        remarks[roles[id(node)]] += [*_between(node, mine), *_inside(node)]
    found: list[Element] = []
    forwards = len(block) == len(remarks)
    for role, some in enumerate(remarks):
        found += some
        if role != FORWARD or forwards:
            found.append(block[role if forwards or role < FORWARD else role - 1])
    return found


FORWARD = 2
"""The role that not every block has."""


def _by_role(ours: Ours) -> Sequence[Sequence[Element]]:
    return (ours.marks, ours.tokens, ours.forwards, ours.headers, ours.backends)


def _inside(node: Element) -> Sequence[Element]:
    return list(node.iter(etree.Comment)) if is_element(node) else []


def _between(node: Element, mine: set[Element]) -> Sequence[Element]:
    """The comments between this one of ours and the one before it."""
    found: list[Element] = []
    for before in node.itersiblings(preceding=True):
        if before in mine:
            return found[::-1]
        if is_element(before):
            break
        found.append(before)
    return []


def _complete(root: Element) -> frozenset[str]:
    """All sections stand there with their `<base/>`; gives what of it was added, as a mark says it."""
    added = []
    for index, name in enumerate(SECTIONS):
        found = section(root, name)
        if found is None:
            found = etree.Element(name)
            earlier = [root.index(node) for node in root if node.tag in SECTIONS[:index]]
            put_in(root, max(earlier, default=-1) + 1, [found])
            put_in(found, 0, [etree.Element("base")])
            added.append(name)
        elif not takes_over(found):
            put_in(found, 0, [etree.Element("base")])
            added.append(f"{name}/base")
    return frozenset(added)


def _take_back(root: Element, name: str, added: frozenset[str]) -> None:
    """The section and its `<base/>` are as before `_complete`, unless somebody has come to use the section since."""
    found = section(root, name)
    if found is None:
        return
    if name in added and _is_base_only(found):
        take_out(found)
    base = found.find("base") if f"{name}/base" in added else None
    if base is not None:
        take_out(base)


def _place(inbound: Element, ours: Ours, others: list[Element]) -> int:
    """How many of the others stand before ours: before the mark, else the header, else the token, else all of them."""
    for node in (*ours.marks, *ours.headers, *ours.tokens):
        if node.getparent() is inbound:
            before = set(node.itersiblings(preceding=True))
            return sum(other in before for other in others)
    return len(others)


def _says_something(root: Element) -> bool:
    """Whether anything at all stands in the document."""
    return len(root) > 0 or bool(_around(root))


def _says_nothing(root: Element) -> bool:
    return not _around(root) and all(child.tag in SECTIONS and _is_base_only(child) for child in root)


def _around(root: Element) -> Sequence[Element]:
    return [*root.itersiblings(preceding=True), *root.itersiblings()]


def _is_base_only(found: Element) -> bool:
    text = "".join(str(part) for part in found.itertext())
    return [node.tag for node in found] == ["base"] and not text.strip()
