"""Documents compared by meaning."""

import pytest

from funcgate.policy import differences, equal, parse
from unit.policy.documents import a_policy

A = '<base /><set-header name="X" exists-action="override"><value>@(a &lt; "b")</value></set-header><choose />'

SAME = [
    (A.replace("><", ">\r\n\t\t<"), "white space between elements"),
    (
        A.replace('name="X" exists-action="override"', "exists-action='override'\n name='X'"),
        "attribute order and quotes",
    ),
    (A.replace("&lt;", "&#60;"), "the form of an entity"),
    (A.replace('@(a &lt; "b")', '<![CDATA[@(a < "b")]]>'), "CDATA"),
    (A.replace("<base />", "<base></base>"), "an empty element's end"),
    (A.replace(' exists-action="override"', ""), "a default left out"),
    (A.replace("<value>", "<value>\n  ").replace("</value>", "\r\n</value>"), "white space around a text"),
]


@pytest.mark.parametrize(("inbound", "reason"), SAME, ids=[reason for _, reason in SAME])
def test_the_way_it_is_written_means_nothing(inbound: str, reason: str) -> None:
    a, b = parse(a_policy(A)), parse(a_policy(inbound))
    assert equal(a, b), reason
    assert differences(a, b) == ()


def test_a_line_end_spelled_out_is_a_line_end() -> None:
    text = "<base /><a b='@(c &lt;{end}d)'>@(c &lt;{end}d)</a>"
    spelled = [parse(a_policy(text.format(end=end))) for end in ("&#13;&#10;", "&#xD;&#xA;", "&#10;")]
    assert equal(spelled[0], spelled[1])
    assert equal(spelled[1], spelled[2])


DIFFERENT = [
    ("<base />", ("inbound/set-header[X]: is missing", "inbound/choose: is missing")),
    (A.replace("<base />", ""), ("inbound: <base/> is missing",)),
    (A.replace("<choose />", "<choose /><choose />"), ("inbound/choose[2]: does not belong here",)),
    (A.replace('"b"', '"b "'), ("inbound/set-header[X]/value/text(): says something else",)),
    (A.replace("override", "skip"), ("inbound/set-header[X]/@exists-action: 'skip' instead of 'override'",)),
    (A + "<!-- a -->", ("inbound/comment(): does not belong here",)),
    (A + "{{a}}", ("inbound/text(): does not belong here",)),
    (A.replace("<base />", "") + "<base />", ("inbound/base: stands in another place",)),
    (A.replace("<choose />", "<choose a='password' />"), ("inbound/choose/@a: another value instead of absent",)),
]


@pytest.mark.parametrize(("inbound", "paths"), DIFFERENT, ids=[paths[0] for _, paths in DIFFERENT])
def test_each_difference_has_a_readable_path(inbound: str, paths: tuple[str, ...]) -> None:
    a, b = parse(a_policy(inbound)), parse(a_policy(A))
    assert not equal(a, b)
    assert differences(a, b) == paths


def test_a_comment_that_says_something_else_differs() -> None:
    a, b = (parse(a_policy(f"<base /><!-- {text} -->")) for text in "ab")
    assert differences(a, b) == ("inbound/comment(): says something else",)


def test_values_that_may_be_secret_are_not_printed() -> None:
    a, b = (parse(a_policy(f"<base /><a password='{word}'>{word}</a>")) for word in ("swordfish", "hunter"))
    assert not any("swordfish" in line or "hunter" in line for line in differences(a, b))
