"""A policy document as plans show it: what differs in it, and never what may be secret."""

import pytest

from funcgate import policy
from funcgate.policy import CallerToken, Statements
from funcgate.policy.shown import lines

OURS = Statements(resource="app-id", identity_client_id=None, backend_id="orders-fn", owner="prod/shop/orders")
FORWARDING = Statements(
    resource="app-id",
    identity_client_id="caller-id",
    backend_id="orders-fn",
    owner="prod/shop/orders",
    caller=CallerToken(handed_on_in="X-Caller"),
)


def document(inbound: str, before: str = "") -> policy.Document:
    return policy.parse(
        f"{before}<policies><inbound>{inbound}</inbound><backend><base /></backend>"
        "<outbound><base /></outbound><on-error><base /></on-error></policies>"
    )


def shown(inbound: str) -> list[str]:
    """The lines of inbound."""
    found = list(lines(document(inbound)))
    return [each.strip() for each in found[found.index("    <inbound>") + 1 : found.index("    </inbound>")]]


def test_what_is_put_into_a_document_is_shown_as_people_write_it() -> None:
    before = document("<base />")
    assert policy.diff(before, policy.merge(before, OURS)) == [
        "@@ -1,6 +1,12 @@",
        " <policies>",
        "     <inbound>",
        "         <base />",
        "+        <!-- funcgate: owner=prod/shop/orders -->",
        '+        <authentication-managed-identity resource="app-id" output-token-variable-name="msi-access-token" '
        'ignore-error="false" />',
        '+        <set-header name="Authorization" exists-action="override">',
        '+            <value>@("Bearer " + (string)context.Variables["msi-access-token"])</value>',
        "+        </set-header>",
        '+        <set-backend-service id="apim-generated-policy" backend-id="orders-fn" />',
        "     </inbound>",
        "     <backend>",
        "         <base />",
    ]


def test_all_of_ours_is_shown_whole() -> None:
    text = "\n".join(policy.diff(None, policy.merge(None, FORWARDING)))
    assert '<when condition="@(context.Request.Headers.ContainsKey("Authorization"))">' in text
    assert '<value>@(context.Request.Headers.GetValueOrDefault("Authorization", ""))</value>' in text
    assert 'client-id="caller-id"' in text
    assert "…" not in text


def test_what_is_taken_out_of_a_document_is_shown() -> None:
    ours = policy.merge(None, OURS)
    assert policy.remove(ours) is None
    taken = policy.diff(ours, None)
    assert taken[0].startswith("@@ -1,")
    assert all(line.startswith("-") for line in taken[1:])


def test_white_space_is_no_difference() -> None:
    assert policy.diff(document("<base /><cors />"), document("\n\t<base/>\n\n  <cors></cors>")) == []


SECRET = "hunter2-Zm9vYmFy"


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        (f'<authentication-basic username="bob" password="{SECRET}" />', 'username="…" password="…"'),
        (f'<set-header name="x-api-key"><value>{SECRET}</value></set-header>', '<set-header name="x-api-key">'),
        (f'<set-header name="x"><value>@("{SECRET}" + "a")</value></set-header>', "<value>@(…)</value>"),
        (f'<set-header name="{{{{n}}}}"><value>@{{ return "{SECRET}"; }}</value></set-header>', 'name="{{n}}"'),
        (f"<choose><when condition='@(true == \"{SECRET}\".Any())' /></choose>", 'condition="@(…)"'),
        (f"<!-- <authentication-basic password='{SECRET}' /> -->", "<!-- … -->"),
        (f'<set-variable name="v" value="{SECRET}" />', '<set-variable name="v" value="…" />'),
        (f"<set-body>{SECRET}</set-body>", "<set-body>…</set-body>"),
        (f"<validate-jwt>{SECRET}<audience>us</audience>{SECRET}</validate-jwt>", "<audience>us</audience>"),
        (f"<?secret {SECRET}?>", "…"),
        (f'<cache-lookup-value key="{SECRET}" variable-name="v" />', 'key="…" variable-name="v"'),
        ('<authentication-basic username="bob" password="4711" />', 'password="…"'),
        (f"<set-body><![CDATA[{SECRET}]]></set-body>", "<set-body>…</set-body>"),
    ],
)
def test_nothing_that_may_be_secret_is_shown(statement: str, said: str) -> None:
    text = "\n".join(shown(statement))
    assert said in text
    assert SECRET not in text


def test_references_to_named_values_and_switches_are_shown() -> None:
    assert shown('<set-header name="x"><value>{{the-key}}</value></set-header><rate-limit calls="10" on="true" />') == [
        '<set-header name="x">',
        "<value>{{the-key}}</value>",
        "</set-header>",
        '<rate-limit calls="10" on="true" />',
    ]


def test_what_stands_around_the_document_is_part_of_it() -> None:
    assert next(lines(document("", before="<!-- by hand -->"))) == "<!-- … -->"


def test_an_attribute_that_holds_markup_stays_markup() -> None:
    assert shown("<set-header name='a&quot;b' />") == ["<set-header name='a\"b' />"]
