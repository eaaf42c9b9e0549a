"""Our statements into a document, and out of it again; everything else stays."""

from lxml import etree

from funcgate.policy.document import SECTIONS, Document, Element, section, tree_to_change, within
from funcgate.policy.edit import put_in, take_out
from funcgate.policy.others import last_before_ours
from funcgate.policy.ours import Ours, recognise
from funcgate.policy.parse import parse, read_xml, render
from funcgate.policy.statements import Statements, elements


def merge(document: Document | None, wanted: Statements) -> Document:
    """
    Ours stand in inbound, together and once, behind `<base/>` and what judges the caller; all sections have `<base/>`.

    Others' statements keep their order and are never removed. Ours stay where they are among them when that place will
    do, and go to the end otherwise. Whose mark stood there is for the caller to ask, with `find`.
    """
    root = tree_to_change(document or parse(None))
    _complete(root)
    inbound = root.find("inbound")
    assert inbound is not None, "just completed"
    ours = recognise(root, wanted)
    mine = set(ours.nodes)
    others = [node for node in inbound if node not in mine]
    place = max(_place(inbound, ours, others), last_before_ours(others))
    for node in ours.nodes:
        take_out(node)
    put_in(inbound, place, elements(wanted))
    return _read_back(root)


def with_bases(document: Document) -> Document:
    """All four sections stand there and take over what the outer scopes say."""
    root = tree_to_change(document)
    _complete(root)
    return _read_back(root)


def remove(document: Document) -> Document | None:
    """
    Ours are gone, from wherever they stand; None when nothing but `<base/>` is left, so that the policy can be deleted.

    Only with our mark: statements that look like ours and carry none were made by hand and stay. Whose mark it is, is
    for the caller to ask, with `find`.
    """
    root = tree_to_change(document)
    ours = recognise(root)
    for node in ours.nodes if ours.marks else ():
        take_out(node)
    return None if _says_nothing(root) else _read_back(root)


def _read_back(root: Element) -> Document:
    """The document as it will be read from the text that is sent, so that lines are those of that text."""
    return read_xml(render(Document(root)))


def _complete(root: Element) -> None:
    for index, name in enumerate(SECTIONS):
        found = section(root, name)
        if found is None:
            found = etree.Element(name)
            earlier = [root.index(node) for node in root if node.tag in SECTIONS[:index]]
            put_in(root, max(earlier, default=-1) + 1, [found])
        if not _takes_over(found):
            put_in(found, 0, [etree.Element("base")])


def _takes_over(found: Element) -> bool:
    """
    Whether the outer scope's section runs as a part of this one, or is replaced on purpose.

    Who forwards the request in `backend` does without `<base/>`; with it, the request would go out twice.
    Source: learn.microsoft.com/azure/api-management/forward-request-policy: set up at the global scope by default.
    """
    stand_ins = ("base", "forward-request") if found.tag == "backend" else ("base",)
    return any(node.tag in stand_ins for node in within(found))


def _place(inbound: Element, ours: Ours, others: list[Element]) -> int:
    """How many of the others stand before ours: before the mark, else the header, else the token, else all of them."""
    for node in (*ours.marks, *ours.headers, *ours.tokens):
        if node.getparent() is inbound:
            before = set(node.itersiblings(preceding=True))
            return sum(other in before for other in others)
    return len(others)


def _says_nothing(root: Element) -> bool:
    around = [*root.itersiblings(preceding=True), *root.itersiblings()]
    return not around and all(child.tag in SECTIONS and _is_base_only(child) for child in root)


def _is_base_only(found: Element) -> bool:
    text = "".join(str(part) for part in found.itertext())
    return [node.tag for node in found] == ["base"] and not text.strip()
