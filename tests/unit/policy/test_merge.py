"""Ours in, ours out, everything else kept."""

import re

import pytest
from lxml import etree

from funcgate.policy import Document, contradictions, differences, equal, find, merge, parse, remove, render
from funcgate.policy.document import tree
from funcgate.policy.ours import recognise
from unit.policy.documents import (
    CORPUS,
    FORWARD,
    HEADER,
    MARK,
    OURS,
    ROUTE,
    TOKEN,
    Written,
    a_policy,
    inbound_of,
    text_of,
    wanted,
)

PASTED = f"{TOKEN}{HEADER}{ROUTE}"
OURS_IN_CORPUS = {
    "a-mark-alone",
    "another-owner",
    "check-added-after-ours",
    "contradicting-neighbours",
    "half-deleted",
    "marks-of-two",
    "ours-as-stored",
    "ours-before-the-base",
    "ours-in-a-condition",
    "ours-in-outbound",
    "ours-scattered-and-doubled",
    "ours-three-times",
    "ours-with-attributes-turned-round",
    "pasted-by-hand",
}
WITHOUT_OURS = [path for path in CORPUS if path.stem not in OURS_IN_CORPUS]
BLOCK = inbound_of(merge(None, wanted()))[1:]
ROUTE_ALONE = BLOCK[-1]


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_merging_twice_changes_nothing_more(path: Written) -> None:
    once = merge(parse(text_of(path)), wanted())
    assert find(once, wanted()).differs == ()
    assert equal(merge(once, wanted()), once)


@pytest.mark.parametrize("path", WITHOUT_OURS, ids=lambda path: path.stem)
def test_what_was_merged_into_a_document_without_ours_comes_out_again(path: Written) -> None:
    document = parse(text_of(path))
    left = remove(merge(document, wanted()))
    if says_nothing(document):
        assert left is None
    else:
        assert left is not None
        assert differences(left, document) == ()


def says_nothing(document: Document) -> bool:
    """Whether somebody who deleted the document would change nothing."""
    return not others_of(document) and all(len(part) == 1 for part in tree(document))


def others_of(document: Document) -> list[str]:
    """Everything that is not ours, statement by statement, in the order in which it stands."""
    root = tree(document)
    mine = set(recognise(root, wanted()).nodes)
    found = [node for part in root for node in part if node not in mine and node.tag != "base"]
    return [" ".join(etree.tostring(node, encoding="unicode", with_tail=False).split()) for node in found]


KEPT_APART = {"ours-in-a-condition", "ours-scattered-and-doubled"}  # ours are a part of somebody's statement


@pytest.mark.parametrize("path", [each for each in CORPUS if each.stem not in KEPT_APART], ids=lambda path: path.stem)
def test_merging_keeps_every_other_statement_in_its_order(path: Written) -> None:
    document = parse(text_of(path))
    assert others_of(merge(document, wanted())) == others_of(document)


def test_the_corpus_is_as_varied_as_what_people_write() -> None:
    assert len(CORPUS) >= 60


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_merging_leaves_the_given_document_as_it_was(path: Written) -> None:
    document = parse(text_of(path))
    before = render(document)
    merge(document, wanted())
    remove(document)
    assert render(document) == before


def test_into_nothing_the_whole_document_is_written() -> None:
    assert render(merge(None, wanted(identity_client_id="c"))) == (
        "<policies>\n\t<inbound>\n\t\t<base/>\n\t\t<!-- funcgate: owner=cluster-a/shop/orders -->\n"
        '\t\t<authentication-managed-identity resource="11111111-1111-1111-1111-111111111111" client-id="c"'
        ' output-token-variable-name="msi-access-token" ignore-error="false"/>\n'
        '\t\t<set-header name="Authorization" exists-action="override"><value>'
        '@("Bearer " + (string)context.Variables["msi-access-token"])</value></set-header>\n'
        '\t\t<set-backend-service id="apim-generated-policy" backend-id="orders-fn"/>\n'
        "\t</inbound>\n\t<backend>\n\t\t<base/>\n\t</backend>\n\t<outbound>\n\t\t<base/>\n\t</outbound>\n"
        "\t<on-error>\n\t\t<base/>\n\t</on-error>\n</policies>"
    )


PLACES = [
    ("<base /><cors />", ["<base/>", "<cors/>", *BLOCK], "at the end, behind what is there"),
    (f"<base />{OURS}<cors />", ["<base/>", *BLOCK, "<cors/>"], "where it is"),
    (f"<base />{PASTED}<cors />", ["<base/>", *BLOCK, "<cors/>"], "where it was pasted"),
    (f"<base />{ROUTE}<cors />", ["<base/>", ROUTE_ALONE, "<cors/>", *BLOCK], "beside the route that an import left"),
    (f"<base />{ROUTE}{OURS}", ["<base/>", ROUTE_ALONE, *BLOCK], "the same, settled"),
    (
        f"<base />{ROUTE}<cors />{MARK}{TOKEN}{HEADER}",
        ["<base/>", "<cors/>", *BLOCK],
        "with a route that was moved away",
    ),
    (f"<base />{TOKEN}<cors />{ROUTE}", ["<base/>", *BLOCK, "<cors/>"], "a token does"),
    (f"{OURS}<cors /><base /><a />", ["<cors/>", "<base/>", *BLOCK, "<a/>"], "behind the outer scopes"),
    (f"<base />{OURS}{PASTED}<a />", ["<base/>", *BLOCK, "<a/>"], "once"),
    (
        f"<base />{OURS}<choose><when condition='a'><validate-jwt header-name='Authorization' /></when></choose><a />",
        [
            "<base/>",
            '<choose><when condition="a"><validate-jwt header-name="Authorization"/></when></choose>',
            *BLOCK,
            "<a/>",
        ],
        "behind a check of the caller, wherever it is",
    ),
    (
        "<choose><when condition='a'><base /></when></choose>",
        ['<choose><when condition="a"><base/></when></choose>', *BLOCK],
        "with the outer scopes where somebody put them",
    ),
]


def test_our_block_stands_behind_outer_scopes_that_were_missing_and_says_that_it_brought_them() -> None:
    seen = inbound_of(merge(parse(a_policy(f"{OURS}<cors />")), wanted()))
    assert seen == ["<base/>", BLOCK[0].replace(" -->", " added=inbound/base -->"), *BLOCK[1:], "<cors/>"]


@pytest.mark.parametrize(("inbound", "expected", "reason"), PLACES, ids=[reason for *_, reason in PLACES])
def test_our_block_stands(inbound: str, expected: list[str], reason: str) -> None:
    assert inbound_of(merge(parse(a_policy(inbound)), wanted())) == expected, reason


LOOKS = "@(context.Request.Headers.GetValueOrDefault(&quot;Authorization&quot;, &quot;&quot;))"
CHECKS = [
    ("<validate-azure-ad-token tenant-id='t' />", True, "Authorization is its default"),
    ("<validate-azure-ad-token tenant-id='t' header-name='X-Token' />", False, "another header"),
    ("<validate-jwt query-parameter-name='token' />", False, "a parameter"),
    ("<validate-jwt token-value='@((string)context.Variables[&quot;t&quot;])' />", False, "a variable"),
    ("<validate-jwt token-value='@(context.Request.Headers[&quot;authorization&quot;][0])' />", True, "by hand"),
    ("<check-header name='AUTHORIZATION' failed-check-httpcode='401' />", True, "header names know no case"),
    ("<check-header name='X-Key' failed-check-httpcode='401' />", False, "a check of something else"),
    ("<send-request><validate-jwt header-name='Authorization' /></send-request>", False, "about another request"),
    (f"<choose><when condition='{LOOKS}'><return-response /></when></choose>", True, "a check in one's own words"),
    (
        f"<choose><when condition='{LOOKS}'><a /></when><otherwise><return-response /></otherwise></choose>",
        True,
        "the other way round",
    ),
    (f"<choose><when condition='{LOOKS}'><a /></when></choose>", False, "a look at the token that turns nobody away"),
    ("<choose><when condition='a'><return-response /></when></choose>", False, "an answer for another reason"),
    (f"<set-variable name='t' value='{LOOKS}' />", True, "the token kept for later"),
    ("<set-variable name='t' value='@(context.Request.Headers[&quot;X&quot;][0])' />", False, "another header kept"),
    ("<include-fragment fragment-id='check-callers' />", True, "a fragment may do any of it"),
]


@pytest.mark.parametrize(("check", "first", "reason"), CHECKS, ids=[reason for *_, reason in CHECKS])
def test_whatever_judges_the_callers_token_stays_before_ours(check: str, first: bool, reason: str) -> None:
    tags = [text[:4] for text in inbound_of(merge(parse(a_policy(f"<base />{OURS}{check}")), wanted()))]
    assert (tags[1] != "<!--") is first, reason


def test_what_stands_in_other_sections_is_moved_home() -> None:
    document = merge(parse(a_policy("<base />", outbound=f"<base />{OURS}<a />")), wanted())
    assert inbound_of(document) == ["<base/>", *BLOCK]
    assert "<outbound><base/><a/></outbound>" in render(document)


def test_text_between_statements_stays() -> None:
    document = merge(parse(a_policy(f"<base />\n{{{{a}}}}{PASTED}{{{{b}}}}<c />{{{{d}}}}")), wanted())
    assert all(text in render(document) for text in ("{{a}}", "{{b}}", "{{d}}"))
    left = remove(document)
    assert left is not None
    assert inbound_of(left) == ["<base/>", "<c/>"]
    assert "{{a}}{{b}}" in render(left).replace("\n", "").replace(" ", "").replace("\t", "")


def test_sections_are_added_in_their_order() -> None:
    document = merge(parse("<policies><!-- a --><outbound><base/></outbound></policies>"), wanted())
    written = render(document)
    assert written.index("<inbound>") < written.index("<backend>") < written.index("<outbound>")
    assert written.index("<outbound>") < written.index("<on-error>")


@pytest.mark.parametrize("backend", ["<forward-request />", "<retry count='2'><forward-request /></retry>"])
def test_who_forwards_the_request_alone_gets_no_second_forwarding(backend: str) -> None:
    assert "<base/>" not in render(merge(parse(a_policy(backend=backend)), wanted())).split("backend>")[1]


def test_a_route_of_an_import_stays_when_ours_go() -> None:
    document = parse(a_policy(f"<base />{ROUTE}"))
    left = remove(merge(document, wanted()))
    assert left is not None
    assert differences(left, document) == ()


def test_a_second_route_under_our_label_is_reported_and_not_fought_over() -> None:
    theirs = ROUTE.replace("orders-fn", "billing-fn")
    document = parse(a_policy(f"<base />{OURS}{theirs}"))
    assert merge(document, wanted()) is document
    assert len(contradictions(document)) == 1


def test_routes_that_split_traffic_are_kept_and_reported() -> None:
    (path,) = [path for path in CORPUS if path.stem == "split-traffic"]
    document = merge(parse(text_of(path)), wanted())
    assert "orders-canary" in render(document)
    assert "orders-stable" in render(document)
    assert len(contradictions(document)) == 2


def test_a_condition_around_our_own_route_is_undone() -> None:
    inbound = f"<base />{MARK}{TOKEN}{HEADER}<choose><when condition='a'>{ROUTE}</when></choose>"
    assert inbound_of(merge(parse(a_policy(inbound)), wanted())) == [
        "<base/>",
        *BLOCK,
        '<choose><when condition="a"/></choose>',
    ]


# --- comments beside and inside ours

WHY = "<!-- why -->"
COMMENTED = [
    OURS.replace(HEADER, WHY + HEADER),
    OURS.replace("<value>", f"{WHY}<value>"),
    WHY + OURS + WHY,
    OURS.replace(TOKEN, f"{WHY}{TOKEN}{WHY}").replace(ROUTE, f"<!-- where -->{ROUTE}"),
]


@pytest.mark.parametrize("ours", COMMENTED)
def test_comments_beside_and_inside_ours_are_left_where_they_are(ours: str) -> None:
    document = parse(a_policy(f"<base />{ours}"))
    assert merge(document, wanted()) is document
    assert find(document, wanted()).differs == ()


MENDED = [
    (OURS.replace(HEADER, f"{WHY}{HEADER.replace('override', 'skip')}"), [*BLOCK[:2], WHY, *BLOCK[2:]]),
    (OURS.replace("override", "skip").replace("<value>", f"{WHY}<value>"), [*BLOCK[:2], WHY, *BLOCK[2:]]),
    (MARK + HEADER + WHY + TOKEN + ROUTE, [BLOCK[0], WHY, *BLOCK[1:]]),
    (MARK + TOKEN + WHY + FORWARD + HEADER + ROUTE, [*BLOCK[:2], WHY, *BLOCK[2:]]),
    (OURS.replace("orders-fn", "other") + WHY, [*BLOCK, WHY]),
]


@pytest.mark.parametrize(("ours", "expected"), MENDED)
def test_comments_stay_beside_ours_when_ours_are_mended(ours: str, expected: list[str]) -> None:
    merged = merge(parse(a_policy(f"<base />{ours}")), wanted())
    assert inbound_of(merged) == ["<base/>", *expected]
    assert merge(merged, wanted()) is merged


def test_an_instruction_is_no_comment() -> None:
    note, remark = (parse(a_policy(f"<base />{each}")) for each in ("<?why now?>", "<!--why now-->"))
    assert differences(note, remark) != ()
    assert equal(merge(note, wanted()), merge(merge(note, wanted()), wanted()))


# --- the frame around others' statements: sections and <base/> that came with ours

FRAMES = [
    "<policies><inbound /></policies>",
    "<policies><outbound><cors /></outbound></policies>",
    "<policies><!-- nothing yet --></policies>",
    "<!-- nothing yet --><policies />",
    "<policies><inbound><base /><a /></inbound><backend><retry /></backend><on-error><b /></on-error></policies>",
]


@pytest.mark.parametrize("text", FRAMES)
def test_sections_and_bases_that_came_with_ours_go_with_ours(text: str) -> None:
    document = parse(text)
    merged = merge(document, wanted())
    assert merge(merged, wanted()) is merged
    left = remove(parse(render(merge(merged, wanted(backend_id="another")))))
    assert left is not None
    assert differences(left, document) == ()


def test_a_section_that_somebody_has_come_to_use_stays() -> None:
    merged = render(merge(parse("<policies><inbound><a /></inbound></policies>"), wanted()))
    used = parse(merged.replace("<outbound>", "<outbound><cors />"))
    left = remove(used)
    assert left is not None
    assert "<outbound>" in render(left)
    assert "<on-error>" not in render(left)
    gone = parse(re.sub("<on-error>.*</on-error>", "", merged, flags=re.DOTALL))
    assert "<on-error>" not in render(remove(gone) or gone)


def test_nothing_is_left_of_a_policy_that_was_only_ours() -> None:
    assert remove(merge(None, wanted())) is None
    assert remove(parse(None)) is None


LEFT = [
    (a_policy(f"<base />{OURS}<cors />"), "somebody's statement"),
    (a_policy(f"<base />{OURS}{{{{nv}}}}"), "somebody's text"),
    (a_policy(f"<base />{OURS}<!-- why -->"), "somebody's comment"),
    ("<!-- why -->" + a_policy(f"<base />{OURS}"), "a comment above"),
    (a_policy(f"<base />{OURS}", outbound=""), "a section that leaves the outer scopes out"),
    (a_policy(f"<base />{OURS}", backend="<forward-request />"), "forwarding of its own"),
]


@pytest.mark.parametrize(("text", "reason"), LEFT, ids=[reason for _, reason in LEFT])
def test_a_policy_with_anything_else_in_it_is_left(text: str, reason: str) -> None:
    left = remove(parse(text))
    assert left is not None, reason
    assert differences(left, parse(text.replace(OURS, ""))) == ()


def test_a_half_deleted_block_with_our_mark_goes() -> None:
    left = remove(parse(a_policy(f"<base />{MARK}{HEADER}<cors />{ROUTE}")))
    assert left is not None
    assert inbound_of(left) == ["<base/>", "<cors/>"]


def test_of_two_headers_beside_the_mark_only_the_first_is_ours() -> None:
    first, second = (HEADER.replace("Bearer", word).replace("msi-access-token", "x") for word in ("One", "Two"))
    document = merge(parse(a_policy(f"<base />{MARK}{TOKEN}{first}{ROUTE}{second}")), wanted())
    assert ('"One "' in render(document), '"Two "' in render(document)) == (False, True)


def test_a_statement_beside_two_marks_is_taken_out_once() -> None:
    token = TOKEN.replace("msi-access-token", "other")
    assert inbound_of(merge(parse(a_policy(f"<base />{MARK}{MARK}{token}")), wanted())) == ["<base/>", *BLOCK]


def test_statements_without_a_mark_stay() -> None:
    document = parse(a_policy(f"<base />{PASTED}"))
    left = remove(document)
    assert left is not None
    assert equal(left, document)


def test_nothing_but_a_hole_is_left_where_ours_stood() -> None:
    text = "<policies>\n  <inbound>\n    <base/>\n    <a/>\n  </inbound>\n</policies>"
    left = remove(merge(parse(text), wanted()))
    assert left is not None
    assert render(left).startswith("<policies>\n  <inbound>\n    <base/>\n    <a/>\n  </inbound>\n")
