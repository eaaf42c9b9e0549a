"""
What compares as equal does the same: documents and changes of them, run by the simulated gateway.

The other way round nothing is claimed: a comment is a difference, and no call shows it.
"""

import copy
from collections.abc import Iterator
from functools import cache

import pytest
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st
from lxml import etree

from funcgate.policy import differences, equal, find, merge, parse, remove, render
from funcgate.policy.expressions import BEARER, IN_OTHER_WORDS, SHOWN_ONE, THAT_ONE
from unit.policy.behaviour import SEED, Refused, behaviour
from unit.policy.documents import BEARER as WRITTEN
from unit.policy.documents import CORPUS, a_policy, as_stored, text_of, wanted

XML = {path.stem: render(parse(text_of(path))) for path in CORPUS if len(text_of(path)) < 8_000}


def runs(text: str) -> bool:
    try:
        return bool(behaviour(text))
    except Refused:
        return False


@cache
def running() -> dict[str, str]:
    """The documents that API Management takes and the simulator can run."""
    return {"seed": SEED} | {name: text for name, text in XML.items() if runs(text)}


def is_told(before: str, after: str) -> bool:
    """Whether the gateway acts on a change. Fails when it does and the comparison does not say where."""
    acted = behaviour(before) != behaviour(after)
    said = differences(parse(before), parse(after))
    if acted:
        assert said, etree.tostring(etree.fromstring(after), encoding="unicode")
        assert all(path.partition(": ")[0] for path in said)
        assert not equal(parse(before), parse(after))
    return acted


def test_most_of_the_corpus_runs() -> None:
    assert len(running()) > 40
    assert len({behaviour(text) for text in running().values()}) > 20


# --- every change that takes something away


def without_each_part(text: str) -> Iterator[str]:
    root = etree.fromstring(text)
    count = sum(1 for _ in root.iter("*"))
    for index in range(1, count):
        names = [*list(root.iter("*"))[index].attrib, None]
        for name in names:
            changed = copy.deepcopy(root)
            node = list(changed.iter("*"))[index]
            if name is None:
                above = node.getparent()
                assert above is not None
                above.remove(node)
            else:
                del node.attrib[name]
            yield etree.tostring(changed, encoding="unicode")


def test_whatever_is_taken_away_and_missed_by_a_call_is_a_difference() -> None:
    tried = [text for text in without_each_part(SEED) if runs(text)]
    acted = [is_told(SEED, text) for text in tried]
    assert len(tried) > 25
    assert sum(acted) > len(acted) / 2


# --- changes at random

WORDS = st.sampled_from(
    ["", "a", "b", "true", "X-One", "override", "skip", "200", "orders-fn", " b ", "@(1 < 2)", BEARER]
)


@st.composite
def changes(draw: st.DrawFn) -> tuple[str, str]:
    """A document that runs, and the same with one change by hand."""
    name = draw(st.sampled_from(sorted(running())) | st.just("seed"))
    root = etree.fromstring(running()[name])
    nodes = [node for node in root.iter("*") if node is not root]
    node = draw(st.sampled_from(nodes))
    above = node.getparent()
    assert above is not None
    kind = draw(st.sampled_from(["remove", "twice", "swap", "attribute", "text", "pad", "move", "wrap", "rename"]))
    if kind == "remove":
        above.remove(node)
    elif kind == "twice":
        node.addnext(copy.deepcopy(node))
    elif kind == "swap":
        following = node.getnext()
        assume(following is not None)
        following.addnext(node)
    elif kind == "attribute":
        assume(node.attrib)
        node.set(draw(st.sampled_from(sorted(node.attrib))), draw(WORDS))
    elif kind == "text":
        assume(len(node) == 0)
        node.text = draw(WORDS)
    elif kind == "pad":
        assume(len(node) == 0 and (node.text or "").strip())
        node.text = draw(st.sampled_from([" {}", "{} ", "\n{}\n", "{}\t"])).format(node.text)
    elif kind == "move":
        draw(st.sampled_from(nodes[:-1] or nodes)).addprevious(copy.deepcopy(node))
        above.remove(node)
    elif kind == "wrap":
        around = etree.Element("choose")
        branch = etree.SubElement(around, "when", condition=draw(st.sampled_from(["@(true)", "@(false)"])))
        above.replace(node, around)
        branch.append(node)
    else:
        node.tag = draw(st.sampled_from(["trace", "set-header", "base", "when", "otherwise", "outbound"]))
    event(kind)
    return running()[name], etree.tostring(root, encoding="unicode")


@settings(deadline=None, max_examples=100)
@given(changes())
def test_any_change_that_the_gateway_acts_on_is_a_difference_with_a_path(change: tuple[str, str]) -> None:
    before, after = change
    try:
        event("acted on" if is_told(before, after) else "makes no difference to these calls")
    except Refused:
        event("refused")


# --- what is no difference


def test_what_azure_stores_is_no_difference_and_does_the_same() -> None:
    for name, text in running().items():
        stored = as_stored(parse(text))
        assert differences(parse(stored), parse(text)) == (), name
        assert behaviour(stored) == behaviour(text), name


FORMS = [(ours, said) for ours, others in IN_OTHER_WORDS.items() for said in others]
SPELLINGS = ["@({})", "@( ( {} ) )", "@{{ return {}; }}", "@{{\n  // our token\n  return {};\n}}"]


def saying(expression: str) -> str:
    """A document in which the expression matters."""
    ours = etree.fromstring(SEED.replace(f"<value>{WRITTEN}</value>", "<value />"))
    header = ours.find("inbound/set-header")
    assert header is not None
    value = header.find("value")
    assert value is not None
    value.text = expression
    return etree.tostring(ours, encoding="unicode")


@pytest.mark.parametrize(("ours", "said"), FORMS)
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_in_other_words_our_expressions_do_the_same_and_are_no_difference(ours: str, said: str, spelling: str) -> None:
    a, b = saying(ours), saying(spelling.format(said))
    assert differences(parse(a), parse(b)) == ()
    assert behaviour(a) == behaviour(b)


OTHERS = [
    (BEARER, '@("bearer " + (string)context.Variables["msi-access-token"])'),
    (BEARER, '@("Bearer" + (string)context.Variables["msi-access-token"])'),
    (BEARER, '@("Bearer " + context.Variables.GetValueOrDefault<string>("msi-access-token", "none"))'),
    (BEARER, '@("Bearer " + (string)context.Variables["kind"])'),
    (BEARER, '@("Bearer " /* " + (string)context.Variables["msi-access-token"]) */)'),
    (BEARER, '@("Bearer " + (string)context.Variables["msi-access-token"] + "")'),
    (SHOWN_ONE, '@(!context.Request.Headers.ContainsKey("Authorization"))'),
    (THAT_ONE, '@(context.Request.Headers.GetValueOrDefault("Authorization", " "))'),
    (THAT_ONE, '@(context.Request.Headers.GetValueOrDefault("X-Authorization", ""))'),
    (BEARER, f"{BEARER}{' ' * 500}x"),
    (BEARER, '@{ return ("Bearer ") + (string)context.Variables["msi-access-token"]; }'),
]


@pytest.mark.parametrize(("ours", "other"), OTHERS)
def test_other_expressions_are_differences(ours: str, other: str) -> None:
    said = differences(parse(saying(ours)), parse(saying(other)))
    assert said == ("inbound/set-header[Authorization]/value/text(): says something else",)


# --- ours in and out


def test_removed_again_ours_have_changed_nothing_for_callers() -> None:
    for name, text in running().items():
        before = parse(text)
        found = find(before)
        if found.owner is None and found.resource is None:
            left = remove(merge(before, wanted()))
            assert behaviour(a_policy() if left is None else render(left)) == behaviour(render(before)), name
