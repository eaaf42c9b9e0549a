"""What of ours stands in a document, and what of it is not as it should be."""

from dataclasses import dataclass

from funcgate.policy.compare import differences
from funcgate.policy.document import Document, tree
from funcgate.policy.merge import merge, with_bases
from funcgate.policy.ours import recognise
from funcgate.policy.statements import Statements


@dataclass(frozen=True, kw_only=True)
class Found:
    """What stands there, as far as it is ours."""

    statements: Statements | None  # when all three are there; `owner` is "" without a mark
    differs: tuple[str, ...]  # readable paths of what is not as `merge` would leave it
    owner: str | None  # the mark; of several, one that is not the wanted one
    resource: str | None = None  # of our token statement, even where the rest is missing
    sends_token: bool = False  # callers through the gateway arrive with our token, whatever else is wrong


def find(document: Document, wanted: Statements | None = None) -> Found:
    """
    What stands in the document, held against what `merge` makes of it: nothing differs when that changes nothing.

    Without `wanted` the statements are measured against what they say themselves, and where nothing is ours only the
    sections and `<base/>` count.
    """
    ours = recognise(tree(document), wanted)
    measure = wanted or (ours.as_far_as_known() if ours.nodes else None)
    expected = merge(document, measure) if measure else with_bases(document)
    return Found(
        statements=ours.statements(),
        differs=differences(document, expected),
        owner=ours.owner(wanted),
        resource=ours.resource,
        sends_token=ours.send_token,
    )
