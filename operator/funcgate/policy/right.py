"""Whether a document is as it must be. Asked at each look, and mostly it is: so it costs no more than reading does."""

from collections.abc import Sequence
from functools import lru_cache

from funcgate.policy.compare import canonical, says_the_same
from funcgate.policy.document import SECTIONS, Element, concerns_request
from funcgate.policy.others import last_before_ours
from funcgate.policy.ours import choice_around, marks_in, sends_our_token, takes_our_token, telling_headers
from funcgate.policy.statements import TOKEN, Statements, elements, marked_owner


def is_right(root: Element, wanted: Statements) -> bool:
    """
    Whether merging would change nothing.

    Where a second mark or a second statement of ours stands anywhere at all, that is left to `merge`.
    """
    marks = marks_in(root)
    if len(marks) != 1 or marked_owner(marks[0]) != wanted.owner:
        return False
    (mark,) = marks
    inbound = mark.getparent()
    if inbound is None or inbound.tag != "inbound" or inbound.getparent() is not root:
        return False
    block = _block_behind(mark, wanted)
    if not block or _others_like_ours(root, block):
        return False
    last = last_before_ours(inbound)
    return (last is None or inbound.index(last) < inbound.index(mark)) and is_complete(root)


def _block_behind(mark: Element, wanted: Statements) -> Sequence[Element]:
    """Our statements, when they follow the mark as they must, with nothing but comments in between."""
    following = mark.itersiblings("*")
    block = []
    for form, element in _written(wanted):
        node = next(following, None)
        if node is None or (canonical(node) != form and not says_the_same(node, element)):
            return ()
        block.append(node)
    return block


@lru_cache(maxsize=64)
def _written(wanted: Statements) -> Sequence[tuple[bytes, Element]]:
    """Our statements, each in its canonical form too; to be looked at only."""
    return [(canonical(node), node) for node in elements(wanted)[1:]]


def _others_like_ours(root: Element, block: Sequence[Element]) -> bool:
    """Whether somewhere else in the document a statement does what one of ours does."""
    if any(takes_our_token(node) and node not in block for node in root.iter(TOKEN)):
        return True
    headers = (node for node in telling_headers(root) if node not in block)
    return any(sends_our_token(node) or choice_around(node) not in (None, *block) for node in headers)


def is_complete(root: Element) -> bool:
    """Whether all four sections stand there and take over what the outer scopes say."""
    found = {each.tag: each for each in root}
    return all(name in found and takes_over(found[name]) for name in SECTIONS)


def takes_over(found: Element) -> bool:
    """
    Whether the outer scope's section runs as a part of this one, or is replaced on purpose.

    Who forwards the request in `backend` does without `<base/>`; with it, the request would go out twice.
    Source: learn.microsoft.com/azure/api-management/forward-request-policy: set up at the global scope by default.
    """
    if len(found) and found[0].tag == "base":
        return True
    stand_ins = ("base", "forward-request") if found.tag == "backend" else ("base",)
    return any(map(concerns_request, found.iter(*stand_ins)))
