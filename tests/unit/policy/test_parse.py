"""Reading and writing."""

import pytest
from lxml import etree

from funcgate.policy import PolicyError, equal, parse, render
from unit.policy.documents import CORPUS, Written, a_policy, as_stored, text_of

CONDITION = '@(context.Variables.GetValueOrDefault<string>("a","") != "<&amp;>" && 1 < 2)'


def value_of(text: str) -> str:
    """The condition of the first `when` as API Management gets to see it."""
    found = etree.fromstring(render(parse(text))).find(".//when")
    assert found is not None
    return str(found.get("condition"))


def when(condition: str, quote: str = '"') -> str:
    return a_policy(f"<base />\n<choose><when condition={quote}{condition}{quote}><a /></when></choose>")


@pytest.mark.parametrize("nothing", [None, "", " \r\n", "\ufeff", "<?xml version='1.0'?>\n"])
def test_nothing_is_a_document_without_sections(nothing: str | None) -> None:
    assert render(parse(nothing)) == "<policies/>"


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_a_document_is_written_as_it_was_read(path: Written) -> None:
    document = parse(text_of(path))
    assert equal(parse(render(document)), document)
    assert render(parse(render(document))) == render(document)


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_what_is_stored_differs_in_nothing(path: Written) -> None:
    document = parse(text_of(path))
    assert equal(parse(as_stored(document)), document)


def test_a_verbatim_expression_arrives_character_by_character() -> None:
    assert value_of(when(CONDITION)) == CONDITION


def test_an_expression_between_single_quotes_may_hold_them() -> None:
    expression = """@(a == 'b' || c == "d" && e < f)"""
    assert value_of(when(expression, quote="'")) == expression


def test_an_escaped_expression_arrives_unescaped() -> None:
    assert value_of(when("@(a == &quot;b&quot; &amp;&amp; 1 &lt; 2)")) == '@(a == "b" && 1 < 2)'


def test_an_expression_escaped_but_for_its_quotes_arrives_unescaped() -> None:
    assert value_of(when('@(a == "&lt;" &amp;&amp; 1 &lt; 2 && b)')) == '@(a == "<" && 1 < 2 && b)'


@pytest.mark.parametrize("expression", ["@{ // isn't\n\treturn true; }", "@{ // isn't \"\n\treturn true; }"])
def test_code_in_an_attribute_keeps_its_line_ends_and_tabs(expression: str) -> None:
    assert value_of(when(expression)) == expression


def test_markup_in_a_string_of_an_expression_is_no_markup_of_the_document() -> None:
    text = a_policy('<base /><set-body>@{ return "<order>" + a + "</order>"; }</set-body>')
    body = etree.fromstring(render(parse(text))).find(".//set-body")
    assert body is not None
    assert (len(body), body.text) == (0, '@{ return "<order>" + a + "</order>"; }')


def test_a_text_that_only_looks_like_an_expression_stays_markup() -> None:
    text = a_policy("<base /><set-body>@(see <b>below</b></set-body>")
    assert "@(see <b>below</b>" in render(parse(text))


def test_expressions_in_comments_cdata_and_instructions_are_left_alone() -> None:
    around = '<!-- @("a --><?note @("a ?><set-body><![CDATA[@("a < ]]></set-body><value>@(a < b)</value>'
    written = render(parse(a_policy(around)))
    assert '<!-- @("a --><?note @("a ?><set-body><![CDATA[@("a < ]]></set-body><value>@(a &lt; b)</value>' in written


def test_line_ends_of_any_kind_mean_the_same() -> None:
    text = a_policy("<base />\n<a b='@{\n\treturn 1;\n}' />\n<!-- c\nd --><e>f\ng</e>")
    documents = [parse(text.replace("\n", end)) for end in ("\n", "\r\n", "\r")]
    assert render(documents[0]) == render(documents[1]) == render(documents[2])


def test_code_that_somebody_commented_out_is_no_code() -> None:
    code = '<a b="@{\n\treturn 1;\n}" />'
    text = a_policy(f"<base /><!-- {code} -->{code}<set-body><![CDATA[{code}]]></set-body><!-- {code} -->")
    written = render(parse(text))
    assert written.count(code) == 3
    assert '<a b="@{&#10;&#9;return 1;&#10;}"/>' in written


def test_text_that_looks_like_an_attribute_is_none() -> None:
    looks = 'say "@(one\n" and "@(two\n"'
    assert looks in render(parse(a_policy(f"<base /><a b='1' c=\"@(2\n)\" d='@(3\n)'>{looks}</a>")))


def test_comments_around_the_root_stay_where_they_are() -> None:
    assert render(parse("<!-- a -->\n<policies/>\n<!-- b -->")) == "<!-- a -->\n<policies/>\n<!-- b -->"


REFUSED = [
    ("<policies>\n<inbound></policies>", 2, 21, "mismatch"),
    ('<policies>\n<inbound><a b="@(c["d)" /></inbound></policies>', 2, 16, "does not end"),
    ("<policies>\n<inbound>@(c[</inbound></policies><", 2, 10, "does not end"),
    ('<policies>\n<a b="@(1 < 2)\nx" c=""/></policies>', 2, 15, "goes on"),
    ("<policies>\n<a b=\"@(1 <\n 2)\" c='@(3 < 4)' d=5 /></policies>", 3, 21, "AttValue"),
    ("<policies><v>@(1 < 2) and @(3)</v></policies>", 1, 22, "goes on"),
    ('<policies>\n<a b="never ends></policies>', 2, 0, ""),
    ('<policies>\n<a b="@(1 < 2)', 2, 0, ""),
    ("<policies>\n<a ", 2, 0, ""),
    ("<policies>\n<!-- never ends", 2, 0, ""),
    ("<policies>\n<é b='ü' c=d /></policies>", 2, 12, "AttValue"),
    ("<fragment/>", 1, 1, "not <policies>"),
    ("<policies><inbound/>\n<inbound/></policies>", 2, 1, "a second time"),
    ("<!DOCTYPE policies [<!ENTITY a 'b'>]><policies>&a;</policies>", 1, 1, "document type"),
    ("<policies>&unknown;</policies>", 1, 0, "unknown"),
    ("<policies>\ud800</policies>", 1, 0, ""),
    ("no markup at all", 1, 0, ""),
]


@pytest.mark.parametrize(("text", "line", "column", "says"), REFUSED, ids=[str(i) for i in range(len(REFUSED))])
def test_an_unreadable_document_is_refused_with_its_place(text: str, line: int, column: int, says: str) -> None:
    with pytest.raises(PolicyError, match="correct it there with API Management's policy editor") as refusal:
        parse(text)
    assert says in str(refusal.value)
    assert refusal.value.line == line
    assert column in (0, refusal.value.column)


def test_entities_are_never_expanded() -> None:
    bomb = "".join(f"<!ENTITY a{n} '{f'&a{n - 1};' * 9 if n else 'ha'}'>" for n in range(12))
    with pytest.raises(PolicyError):
        parse(f"<!DOCTYPE policies [{bomb}]><policies a='&a11;'>&a11;</policies>")


def test_a_document_shows_its_sections_and_nothing_that_others_wrote() -> None:
    document = parse(a_policy('<set-header name="X"><value>word</value></set-header>'))
    assert repr(document) == "Document(inbound, backend, outbound, on-error)"


def test_a_declaration_in_somebodys_text_stays() -> None:
    body = "<![CDATA[<?xml version='1.0'?><order />]]>"
    assert body in render(parse(a_policy(f"<base /><set-body>{body}</set-body>")))
