"""Putting nodes into a tree and taking them out, with the white space around them as a person would leave it."""

from collections.abc import Sequence

from funcgate.policy.document import Element


def put_in(parent: Element, index: int, nodes: Sequence[Element]) -> None:
    """The nodes stand in `parent` from `index` on, one on a line, indented like their neighbours."""
    inner, outer = _indents(parent)
    last = index == len(parent)
    before = parent[index - 1] if index else None
    text = (parent.text if before is None else before.tail) or ""
    if last or not _is_indent(text):
        text = text.rstrip() + inner
    if before is None:
        parent.text = text
    else:
        before.tail = text
    for offset, node in enumerate(nodes):
        node.tail = inner
        parent.insert(index + offset, node)
    if last:
        nodes[-1].tail = outer


def take_out(node: Element) -> None:
    """The node is gone, what stood around it is not: text after it stays, the line it had to itself goes."""
    parent, before = node.getparent(), node.getprevious()
    assert parent is not None, "the root stays"
    text = (parent.text if before is None else before.tail) or ""
    tail = node.tail or ""
    kept = text + tail if text.strip() else tail
    parent.remove(node)
    if before is None:
        parent.text = kept
    else:
        before.tail = kept


def _indents(parent: Element) -> tuple[str, str]:
    """Line end and indent of the parent's children, and of its own end tag."""
    depth = sum(1 for _ in parent.iterancestors())
    first = parent.text or ""
    last = (parent[-1].tail or "") if len(parent) else ""
    inner = first if len(parent) and _is_indent(first) else "\n" + "\t" * (depth + 1)
    outer = last if _is_indent(last) else "\n" + "\t" * depth
    return inner, outer


def _is_indent(text: str) -> bool:
    return "\n" in text and not text.strip()
