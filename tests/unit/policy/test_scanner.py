"""Where expressions end."""

import pytest

from funcgate.policy.scanner import Unclosed, expression_end, is_whole

ENDS = [
    ("@(1)", "brackets"),
    ("@{ return (a[0]); }", "nested brackets of each kind"),
    ('@(")")', "a closing bracket in a string"),
    (r'@("\")" + "\\")', "an escaped quote, an escaped backslash before the end"),
    (r'@(@"c:\" + @"a "")"" b")', "verbatim strings: a backslash is plain, a quote is doubled"),
    ("@(')' + '\"' + '\\'' + '\\u0029')", "characters"),
    ("@{ // it's )\n return 1; }", "a comment to the end of the line"),
    ("@{ /* it's ) \" */ return 1; }", "a comment in between"),
    ('@($"{a} }} {{ \\" )")', "an interpolated string with doubled braces"),
    ('@($"{a[")"]} and {b}")', "a string with a bracket inside a hole"),
    ('@($"{when:HH:mm (zz)} )")', "a hole's format is no code"),
    ('@($"{(a ? ")" : "b")}")', "a colon inside brackets begins no format"),
    ('@($@"c:\\{x}"")")', "verbatim and interpolated"),
    ('@(@$"c:\\{x}"")")', "the other order"),
    ('@($"{$"{$"{a}"}"})")', "holes within holes"),
    ("@(a.As<List<string>>() && b > c)", "generics and comparisons"),
    ("@(x == &quot;)&quot;)", "escaped quotes"),
    ("@(x == &#34;)&#34; || y == &#x22;)&#x22;)", "numbered quotes"),
    ("@(a &lt; b &amp;&amp; c == ')')", "escaped operators beside verbatim quotes"),
    ('@(a &lt; b ? "&lt;)" : &apos;)&apos;)', "an expression with an entity in its code is escaped as a whole"),
    ("@{ return 1; // it&apos;s )&#10;}", "a comment ends at an escaped line end"),
    ('@("&lt;)&gt;")', "entities inside a verbatim string"),
]


@pytest.mark.parametrize(("expression", "reason"), ENDS, ids=[reason for _, reason in ENDS])
def test_an_expression_ends_at_its_own_bracket(expression: str, reason: str) -> None:
    text = f'<v a="{expression}" b=")}}">)</v>'
    assert expression_end(text, 6)[0] == 6 + len(expression), reason


def test_a_comment_with_an_escaped_line_end_does_not_run_on_to_the_end_of_the_line() -> None:
    assert expression_end("@(a // why &#10;) and more )\n)", 0)[0] == len("@(a // why &#10;)")


OPEN = [
    ("@(a", "no bracket"),
    ("@(a]", "the wrong bracket"),
    ('@("a)', "no quote"),
    ('@("a\n")', "a line end in a regular string"),
    ("@('a)", "no tick"),
    ("@(/* )", "no end of the comment"),
    ('@($"{a)', "no end of the hole"),
    ('@($"{a:b', "no end of the format"),
    ('@($"a)', "no end of the interpolated string"),
    ('@($"a\n")', "a line end in an interpolated string"),
    ("@(" + '$"{' * 40 + "a" + '}"' * 40 + ")", "nested beyond belief"),
    ('@(@"a""', "a doubled quote is no end"),
    ("@(&quot;" + "&lt;" * 2000, "a long string without an end, found without trying all ways"),
]


@pytest.mark.parametrize(("text", "reason"), OPEN, ids=[reason for _, reason in OPEN])
def test_an_expression_without_an_end_is_said_to_have_none(text: str, reason: str) -> None:
    with pytest.raises(Unclosed):
        expression_end(text, 0)
    assert not is_whole(text)


def test_text_that_is_no_expression_is_whole() -> None:
    assert is_whole("someone@(example")
    assert is_whole("  @(a)  ")
