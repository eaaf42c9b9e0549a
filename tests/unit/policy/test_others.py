"""Others' statements that ours cannot stand beside."""

import re

import pytest

from funcgate.policy import contradictions, cut_off, merge, parse, render
from unit.policy.documents import CORPUS, HEADER, MARK, OURS, RESOURCE, ROUTE, TOKEN, a_policy, text_of, wanted

BASIC = "<set-header name='authorization'><value>Basic swordfish</value></set-header>"
LEGACY = "<set-backend-service base-url='https://a:swordfish@legacy.example/api?code=swordfish' />"


def test_both_lines_are_quoted_without_what_may_be_secret() -> None:
    (path,) = [path for path in CORPUS if path.stem == "contradicting-neighbours"]
    assert contradictions(parse(text_of(path))) == (
        'line 4: <set-backend-service base-url="https://legacy.example/api"> is undone by '
        'line 8: <set-backend-service id="apim-generated-policy" backend-id="orders-fn">',
        'line 9: <set-header name="Authorization" exists-action="override"> undoes '
        'line 7: <set-header name="Authorization" exists-action="override">',
    )


UNDOING = [
    (BASIC, "another Authorization header"),
    (BASIC.replace("<value", "<!-- why --><value"), "with a comment in it"),
    (f"<choose><when condition='a'>{BASIC}</when></choose>", "under a condition"),
    ("<authentication-basic username='a' password='swordfish' />", "a password"),
    ("<authentication-managed-identity resource='r' />", "a token that goes into the header by itself"),
    (LEGACY, "another address"),
    ("<set-backend-service base-url='@(&quot;https://&quot; + &quot;swordfish&quot;)' />", "a computed address"),
    ("<set-backend-service backend-id='other' />", "another backend"),
]


@pytest.mark.parametrize(("theirs", "reason"), UNDOING, ids=[reason for _, reason in UNDOING])
def test_a_statement_behind_ours_that_undoes_them_is_reported(theirs: str, reason: str) -> None:
    (line,) = contradictions(parse(a_policy(f"<base />{OURS}{theirs}")))
    assert " undoes line 2: <" in line, reason
    assert "swordfish" not in line


def test_the_backend_section_comes_after_ours() -> None:
    assert len(contradictions(parse(a_policy(f"<base />{OURS}", backend=f"{LEGACY}<base />{BASIC}")))) == 2


ANSWER = "<return-response><set-status code='503' /></return-response>"
ANSWERING = [
    (ANSWER, "return-response", "an answer for every call"),
    ("<mock-response status-code='200' />", "mock-response", "a mock"),
    (f"<limit-concurrency key='a' max-count='3'>{ANSWER}</limit-concurrency>", "limit-concurrency", "inside what runs"),
    (
        f"<choose><when condition='a'>{ANSWER}</when><otherwise><trace />{ANSWER}</otherwise></choose>",
        "choose",
        "in every branch",
    ),
]


@pytest.mark.parametrize(("theirs", "tag", "reason"), ANSWERING, ids=[reason for *_, reason in ANSWERING])
def test_an_answer_before_ours_that_every_call_gets_is_reported_with_both_lines(
    theirs: str, tag: str, reason: str
) -> None:
    (line,) = contradictions(parse(a_policy(f"<base />{theirs}\n{OURS}")))
    assert line.startswith(f"line 2: <{tag}"), reason
    assert " answers every call before line 3: <authentication-managed-identity " in line
    assert contradictions(parse(a_policy(f"<base />{OURS}{theirs}"))) == ()


def test_of_what_merging_leaves_the_lines_are_those_that_will_be_sent() -> None:
    merged = merge(parse(a_policy(f"<base />{ANSWER}{LEGACY}")), wanted())
    lines = render(merged).splitlines()
    quoted = [int(number) for each in contradictions(merged) for number in re.findall(r"line (\d+):", each)]
    tags = ["<set-backend-service", "<set-backend-service", "<return-response", "<authentication-managed-identity"]
    assert len(quoted) == len(tags)
    assert all(tag in lines[number - 1] for tag, number in zip(tags, quoted, strict=True))


PEACEFUL = [
    (f"<choose><when condition='a'>{ANSWER}</when></choose>{OURS}", "an answer for some calls"),
    (f"<choose><when condition='a'>{ANSWER}</when><otherwise /></choose>{OURS}", "an answer in one branch"),
    (f"<mock-response enabled='false' />{OURS}", "a mock that is switched off"),
    (f"<retry condition='a' count='1' interval='1'><trace /></retry>{OURS}", "statements around others"),
    (f"{OURS}<set-backend-service backend-id='Orders-FN' />", "the same backend in capitals"),
    (f"{ROUTE}{OURS}", "the route that an import left before ours"),
    (f"{OURS}<cors />{ROUTE}", "the route that an import left behind ours"),
    (f"{BASIC}{OURS}", "a header that ours replaces"),
    (OURS + BASIC.replace("name=", "exists-action='skip' name="), "a header that gives way"),
    (f"{OURS}<set-header name='X'><value>a</value></set-header>", "another header"),
    (f"{OURS}<set-backend-service backend-id='orders-fn' />", "a route to the same backend"),
    (f"{OURS}<send-request>{BASIC}</send-request>", "the header of another request"),
    (f"{OURS}<return-response>{BASIC}</return-response>", "the header of a response"),
    (f"{OURS}<authentication-managed-identity resource='r' output-token-variable-name='v' />", "a token kept aside"),
    (f"{BASIC}{LEGACY}", "nothing of ours"),
]


@pytest.mark.parametrize(("inbound", "reason"), PEACEFUL, ids=[reason for _, reason in PEACEFUL])
def test_what_leaves_ours_alone_is_not_reported(inbound: str, reason: str) -> None:
    assert contradictions(parse(a_policy(f"<base />{inbound}"))) == (), reason


def test_ours_that_the_request_never_meets_are_contradicted_by_nobody() -> None:
    text = a_policy(f"<base />{BASIC}{LEGACY}", outbound=f"<base />{MARK}{TOKEN}{HEADER}{ROUTE}")
    assert contradictions(parse(text)) == ()


def test_lines_are_those_of_the_text_even_behind_code_of_many_lines() -> None:
    condition = '@{\n  var a = "b" + 1;\n  return a < "c";\n}'
    text = a_policy(f'<base /><choose><when condition="{condition}" /></choose>\n{OURS}\n{LEGACY}')
    line = text[: text.index("legacy.example")].count("\n") + 1
    assert contradictions(parse(text))[0].startswith(f"line {line}: <set-backend-service base-url=")
    assert f" undoes line {line - 1}: " in contradictions(parse(text))[0]


ANOTHER = TOKEN.replace(RESOURCE, "api://billing")
WORKING = [
    (ROUTE.replace("orders-fn", "billing-fn"), "a route that an import left, to another backend"),
    ("<set-backend-service backend-id='billing-fn' />", "a route to another backend"),
    (LEGACY, "a route to an address"),
    (f"<choose><when condition='a'>{LEGACY}</when></choose>", "a route under a condition"),
    (f"{ANOTHER}{HEADER}", "a token for another resource"),
    (ANOTHER, "the same, kept where ours would be"),
    ("<authentication-managed-identity resource='api://billing' />", "one that goes into the header by itself"),
    (ANOTHER.replace("msi-access-token", "t") + HEADER.replace("msi-access-token", "t"), "kept under another name"),
]


@pytest.mark.parametrize(("inbound", "reason"), WORKING, ids=[reason for _, reason in WORKING])
def test_what_would_no_longer_work_is_quoted(inbound: str, reason: str) -> None:
    (line,) = cut_off(parse(a_policy(f"<base />{inbound}")), wanted())
    assert line.startswith(("line 2: <set-backend-service ", "line 2: <authentication-managed-identity ")), reason
    assert "swordfish" not in line


def test_routes_of_the_backend_section_count() -> None:
    assert len(cut_off(parse(a_policy(backend=f"{LEGACY}<base />")), wanted())) == 1


def test_the_other_resource_is_named() -> None:
    (line,) = cut_off(parse(a_policy(f"<base />{ANOTHER}")), wanted())
    assert 'resource="api://billing"' in line


FREE = [
    ("", "nothing"),
    ("<rate-limit calls='5' renewal-period='1' />", "statements of another kind"),
    (f"{TOKEN}{HEADER}{ROUTE}", "what we would write"),
    (ROUTE, "the route that an import left"),
    (f"<authentication-managed-identity resource='{RESOURCE}' />", "our token, sent in another way"),
    (ANOTHER.replace("msi-access-token", "t"), "a token kept aside"),
    (f"<send-request>{ANOTHER}{LEGACY}</send-request>", "another request"),
]


@pytest.mark.parametrize(("inbound", "reason"), FREE, ids=[reason for _, reason in FREE])
def test_what_goes_on_as_before_is_not_quoted(inbound: str, reason: str) -> None:
    assert cut_off(parse(a_policy(f"<base />{inbound}")), wanted()) == (), reason
