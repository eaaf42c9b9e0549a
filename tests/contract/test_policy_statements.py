"""Which statements a policy may hold, where, and with what in them: what a PUT takes and what it refuses."""

import pytest

from azuresim.policy.accept import Known, PolicyRefused, accept, accept_fragment
from azuresim.policy.statements import STATEMENTS

pytestmark = pytest.mark.item("apim-10")
ELSEWHERE: dict[str, str] = {}
WHOLE = {
    "set-header": '<set-header name="a" exists-action="append"><value>b</value><value>c</value></set-header>',
    "set-query-parameter": '<set-query-parameter name="a"><value>b</value></set-query-parameter>',
    "set-status": '<set-status code="201" reason="Created" />',
    "set-method": "<set-method>POST</set-method>",
    "set-body": '<set-body template="liquid">{"a": "b"}</set-body>',
    "rewrite-uri": '<rewrite-uri template="/a" copy-unmatched-params="false" />',
    "find-and-replace": '<find-and-replace from="a" to="b" />',
    "redirect-content-urls": "<redirect-content-urls />",
    "json-to-xml": '<json-to-xml apply="always" consider-accept-header="false" />',
    "xml-to-json": '<xml-to-json kind="direct" apply="content-type-xml" />',
    "xsl-transform": '<xsl-transform><xsl xmlns="urn:a"><any a="b" /></xsl></xsl-transform>',
    "jsonp": '<jsonp callback-parameter-name="cb" />',
    "mock-response": '<mock-response status-code="200" content-type="application/json" />',
    "return-response": '<return-response><set-status code="200" reason="OK" /><set-body>a</set-body></return-response>',
    "validate-content": '<validate-content unspecified-content-type-action="prevent" max-size="100" '
    'size-exceeded-action="detect"><content validate-as="json" action="prevent" type="a/b" /></validate-content>',
    "validate-parameters": '<validate-parameters specified-parameter-action="prevent" '
    'unspecified-parameter-action="ignore"><query specified-parameter-action="detect" '
    'unspecified-parameter-action="detect"><parameter name="a" action="ignore" /></query></validate-parameters>',
    "validate-headers": '<validate-headers specified-header-action="ignore" unspecified-header-action="prevent">'
    '<header name="a" action="ignore" /></validate-headers>',
    "validate-status-code": '<validate-status-code unspecified-status-code-action="prevent">'
    '<status-code code="200" action="ignore" /></validate-status-code>',
    "validate-graphql-request": '<validate-graphql-request max-depth="3"><authorize><rule path="/" action="reject" />'
    "</authorize></validate-graphql-request>",
    "validate-odata-request": '<validate-odata-request default-odata-version="4.0" />',
    "set-variable": '<set-variable name="a" value="@(1)" />',
    "authentication-basic": '<authentication-basic username="a" password="b" />',
    "authentication-certificate": '<authentication-certificate thumbprint="AB" />',
    "authentication-managed-identity": '<authentication-managed-identity resource="a" ignore-error="true" />',
    "check-header": '<check-header name="a" failed-check-httpcode="401" failed-check-error-message="b" '
    'ignore-case="false"><value>c</value></check-header>',
    "ip-filter": '<ip-filter action="allow"><address>10.0.0.1</address><address-range from="10.0.0.2" to="10.0.0.3" />'
    "</ip-filter>",
    "validate-azure-ad-token": '<validate-azure-ad-token tenant-id="a" output-token-variable-name="t">'
    "<client-application-ids><application-id>b</application-id></client-application-ids></validate-azure-ad-token>",
    "validate-jwt": '<validate-jwt header-name="a" clock-skew="60" require-signed-tokens="false">'
    "<issuer-signing-keys><key>a2V5</key></issuer-signing-keys><audiences><audience>b</audience></audiences>"
    "</validate-jwt>",
    "validate-client-certificate": '<validate-client-certificate validate-trust="true"><identities>'
    '<identity thumbprint="AB" /></identities></validate-client-certificate>',
    "get-authorization-context": '<get-authorization-context provider-id="a" authorization-id="b" '
    'context-variable-name="c" />',
    "rate-limit": '<rate-limit calls="1" renewal-period="2"><api id="a" calls="1" renewal-period="2"><operation id="b" '
    'calls="1" renewal-period="2" /></api></rate-limit>',
    "rate-limit-by-key": '<rate-limit-by-key calls="1" renewal-period="2" counter-key="c" />',
    "quota": '<quota calls="1" renewal-period="2"><api id="a" calls="1" renewal-period="2" /></quota>',
    "quota-by-key": '<quota-by-key calls="1" renewal-period="2" counter-key="c" />',
    "cors": '<cors allow-credentials="true"><allowed-origins><origin>https://a.example</origin></allowed-origins>'
    '<allowed-methods preflight-result-max-age="3"><method>GET</method></allowed-methods></cors>',
    "cross-domain": '<cross-domain><cross-domain-policy><allow-access-from domain="*" /></cross-domain-policy>'
    "</cross-domain>",
    "choose": '<choose><when condition="@(true)"><set-variable name="a" value="b" /></when><otherwise /></choose>',
    "retry": '<retry condition="@(false)" count="3" interval="1" first-fast-retry="true"><trace source="a">b</trace>'
    "</retry>",
    "limit-concurrency": '<limit-concurrency key="a" max-count="3"><trace source="a">b</trace></limit-concurrency>',
    "include-fragment": '<include-fragment fragment-id="shared" />',
    "wait": '<wait for="any"><send-request mode="new" response-variable-name="r"><set-url>https://a.example</set-url>'
    "</send-request></wait>",
    "forward-request": '<forward-request timeout="3" follow-redirects="true" http-version="2or1" />',
    "send-request": '<send-request mode="copy" response-variable-name="r" timeout="3" ignore-error="true">'
    "<set-url>https://a.example</set-url><set-method>GET</set-method></send-request>",
    "send-one-way-request": '<send-one-way-request mode="new"><set-url>https://a.example</set-url>'
    "</send-one-way-request>",
    "send-service-bus-message": '<send-service-bus-message queue-name="a" namespace="b"><payload>c</payload>'
    "</send-service-bus-message>",
    "set-backend-service": '<set-backend-service base-url="https://a.example" />',
    "proxy": '<proxy url="https://a.example" />',
    "cache-lookup": '<cache-lookup vary-by-developer="false" vary-by-developer-groups="false">'
    "<vary-by-header>Accept</vary-by-header></cache-lookup>",
    "cache-store": '<cache-store duration="60" />',
    "cache-lookup-value": '<cache-lookup-value key="a" variable-name="b" />',
    "cache-store-value": '<cache-store-value key="a" value="b" duration="60" />',
    "cache-remove-value": '<cache-remove-value key="a" />',
    "trace": '<trace source="a" severity="error"><message>b</message><metadata name="c" value="d" /></trace>',
    "emit-metric": '<emit-metric name="a" value="1"><dimension name="API ID" /></emit-metric>',
    "log-to-eventhub": '<log-to-eventhub logger-id="a" partition-id="0">@("b")</log-to-eventhub>',
    "invoke-dapr-binding": '<invoke-dapr-binding name="a"><data>b</data></invoke-dapr-binding>',
    "publish-to-dapr": '<publish-to-dapr topic="a">b</publish-to-dapr>',
    "azure-openai-token-limit": '<azure-openai-token-limit counter-key="a" estimate-prompt-tokens="true" '
    'tokens-per-minute="5" />',
    "azure-openai-emit-token-metric": '<azure-openai-emit-token-metric><dimension name="a" />'
    "</azure-openai-emit-token-metric>",
    "azure-openai-semantic-cache-lookup": '<azure-openai-semantic-cache-lookup score-threshold="0.1" '
    'embeddings-backend-id="a" embeddings-backend-auth="system-assigned" />',
    "azure-openai-semantic-cache-store": '<azure-openai-semantic-cache-store duration="60" />',
    "llm-token-limit": '<llm-token-limit counter-key="a" estimate-prompt-tokens="false" />',
    "llm-emit-token-metric": '<llm-emit-token-metric namespace="a" />',
    "llm-semantic-cache-lookup": '<llm-semantic-cache-lookup score-threshold="0.1" embeddings-backend-id="a" />',
    "llm-semantic-cache-store": '<llm-semantic-cache-store duration="60" />',
    "llm-content-safety": '<llm-content-safety backend-id="a"><categories><category name="Hate" threshold="4" />'
    "</categories></llm-content-safety>",
}
SECTIONS = ("inbound", "backend", "outbound", "on-error")


def document(section: str, statement: str) -> str:
    return f"<policies>\n<{section}>\n{statement}\n</{section}>\n</policies>"


def refused(text: str, known: Known | None = None, *, raw: bool = True) -> list[tuple[str | None, str]]:
    """Target and message of each refusal; empty when the document is taken."""
    try:
        accept(text, raw, known or Known(named_values=ELSEWHERE))
    except PolicyRefused as error:
        return [(refusal.target, refusal.message) for refusal in error.refusals]
    return []


def test_every_statement_has_an_example_here() -> None:
    """Source: microsoft/vscode-apimanagement, resources/policySchemas (one schema per statement)."""
    assert WHOLE.keys() == STATEMENTS.keys()


@pytest.mark.parametrize("name", WHOLE)
def test_a_statement_is_taken_in_its_sections_and_refused_in_the_others(name: str) -> None:
    """Source: learn.microsoft.com/azure/api-management/api-management-policies, one page per statement (sections)."""
    for section in SECTIONS:
        found = refused(document(section, WHOLE[name]))
        if section in STATEMENTS[name].sections:
            assert found == [], section
        else:
            place = f"Error in element '{name}' on line 3, column 2: "
            assert (name, place + "Policy is not allowed in the specified section") in found


@pytest.mark.parametrize("name", WHOLE)
def test_an_attribute_that_no_schema_declares_is_refused(name: str) -> None:
    """Source: microsoft/vscode-apimanagement, resources/policySchemas; the form of the text: its tracker."""
    section = sorted(STATEMENTS[name].sections)[0]
    text = document(section, WHOLE[name].replace(f"<{name}", f'<{name} unheard-of="a"', 1))
    message = f"Error in element '{name}' on line 3, column 2: The 'unheard-of' attribute is not declared."
    assert (name, message) in refused(text)


@pytest.mark.parametrize(
    ("name", "attribute"), [(name, one) for name, known in STATEMENTS.items() for one in known.shape.required]
)
def test_an_attribute_that_a_schema_requires_is_missed(name: str, attribute: str) -> None:
    """Source: microsoft/vscode-apimanagement, resources/policySchemas (`use="required"`)."""
    section = sorted(STATEMENTS[name].sections)[0]
    found = refused(document(section, WHOLE[name].replace(f" {attribute}=", " id=", 1)))
    assert any(f"The required attribute '{attribute}' is missing." in message for _, message in found)


@pytest.mark.parametrize(
    ("name", "old", "new", "part"),
    [
        ("rate-limit-by-key", 'calls="1"', 'calls="many"', "XMLSchema:int' - The string 'many' is not a valid Int32"),
        ("retry", 'count="3"', 'count="0"', "XMLSchema:positiveInteger'"),
        ("cache-store", 'duration="60"', 'duration=""', "The string '' is not a valid Int32 value."),
        ("cors", 'max-age="3"', 'max-age="-1"', "XMLSchema:unsignedInt'"),
        ("ip-filter", 'action="allow"', 'action="deny"', "The 'action' attribute is invalid - The value 'deny' is"),
        ("trace", 'severity="error"', 'severity="fatal"', "The 'severity' attribute is invalid"),
        ("forward-request", 'http-version="2or1"', 'http-version="3"', "The 'http-version' attribute is invalid"),
        ("rate-limit", 'calls="1"', 'calls="@(1)"', "Policy expressions are not allowed in the attribute 'calls'."),
        ("set-variable", 'name="a"', 'name="@("a")"', "Policy expressions are not allowed in the attribute 'name'."),
        ("quota", 'calls="1" renewal', "renewal", "At least one of the attributes 'calls, bandwidth'"),
        ("authentication-certificate", 'thumbprint="AB"', "", "'thumbprint, certificate-id, body'"),
        ("cors", "<origin>", "<origin>*</origin><origin>", "Wildcard '*' cannot be combined"),
        ("validate-jwt", "<issuer-signing-keys>", "<audiences /><issuer-signing-keys>", "has invalid child element"),
        ("choose", "<otherwise />", "<otherwise /><otherwise />", "has invalid child element 'otherwise'"),
        ("retry", "<trace", "<base /><trace", "The element 'retry' has invalid child element 'base'."),
        ("limit-concurrency", "<trace", "<unheard-of /><trace", "has invalid child element 'unheard-of'"),
        ("return-response", "<set-body>", "<set-body>x</set-body><set-body>", "has invalid child element 'set-body'"),
        ("cors", "<allowed-origins><origin>https://a.example</origin></allowed-origins>", "", "incomplete content"),
    ],
)
@pytest.mark.assumed
def test_what_stands_wrong_in_a_statement_is_refused(name: str, old: str, new: str, part: str) -> None:
    """Assumed: the texts. Source of the rules: microsoft/vscode-apimanagement, resources/policySchemas."""
    assert old in WHOLE[name]
    section = sorted(STATEMENTS[name].sections)[0]
    found = refused(document(section, WHOLE[name].replace(old, new, 1)))
    assert any(part in message for _, message in found), found


@pytest.mark.parametrize(
    ("name", "taken"),
    [
        ("cross-domain", {"global"}),
        ("quota", {"product"}),
        ("rate-limit", {"product", "api", "operation"}),
        ("cors", {"global", "product", "api", "operation"}),
    ],
)
@pytest.mark.assumed
def test_a_statement_is_taken_at_its_scopes_only(name: str, taken: set[str]) -> None:
    """Source: learn.microsoft.com/azure/api-management/quota-policy and its like (scopes). Assumed: the text."""
    for scope in ("global", "product", "api", "operation"):
        found = refused(document("inbound", WHOLE[name]), Known(named_values=ELSEWHERE, scope=scope))
        assert bool(found) == (scope not in taken), scope
        assert all("Policy is not allowed in the specified scope" in message for _, message in found)


@pytest.mark.parametrize("name", ["quota", "rate-limit"])
@pytest.mark.assumed
def test_a_limit_per_subscription_stands_once_in_a_document(name: str) -> None:
    """Source: learn.microsoft.com/azure/api-management/rate-limit-policy ("only once per policy definition")."""
    assert refused(document("inbound", WHOLE[name])) == []
    [(target, message)] = refused(document("inbound", WHOLE[name] * 2))
    assert (target, "only once" in message) == (name, True)


def test_a_named_value_is_filled_in_before_its_type_is_judged() -> None:
    """Source: learn.microsoft.com/azure/api-management/api-management-howto-properties."""
    text = document("inbound", '<rate-limit-by-key calls="{{calls}}" renewal-period="1" counter-key="a" />')
    assert refused(text, Known(named_values={"calls": "5"})) == []
    assert "is not a valid Int32 value" in refused(text, Known(named_values={"calls": "five"}))[0][1]


@pytest.mark.parametrize(
    ("statement", "target", "message"),
    [
        ('<include-fragment fragment-id="gone" />', "include-fragment", "Policy fragment with id 'gone'"),
        ('<log-to-eventhub logger-id="gone">a</log-to-eventhub>', "log-to-eventhub", "Logger with id 'gone'"),
        ('<set-backend-service backend-id="gone" />', "set-backend-service", "Backend with id 'gone'"),
        (
            '<choose><when condition="@(true)"><include-fragment fragment-id="gone" /></when></choose>',
            "include-fragment",
            "Policy fragment with id 'gone'",
        ),
        (
            '<retry condition="@(true)" count="1" interval="1"><set-backend-service backend-id="gone" /></retry>',
            "set-backend-service",
            "Backend with id 'gone'",
        ),
    ],
)
def test_what_a_document_names_must_be_there(statement: str, target: str, message: str) -> None:
    """Source: Azure/apiops tracker (backends and fragments); loggers alike are assumed."""
    known = Known(named_values=ELSEWHERE, fragments=frozenset({"there"}), loggers=frozenset())
    [(found, text)] = refused(document("inbound", statement), known)
    assert (found, text.partition(": ")[2]) == (target, f"{message} could not be found.")
    there = Known(
        named_values=ELSEWHERE,
        backends=frozenset({"gone"}),
        fragments=frozenset({"gone"}),
        loggers=frozenset({"gone"}),
    )
    assert refused(document("inbound", statement), there) == []


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("<fragment><set-method>GET</set-method></fragment>", ""),
        ("<policies />", "The 'policies' element is not declared."),
        ("<fragment><inbound /></fragment>", "has invalid child element 'inbound'"),
        ("<fragment><base /></fragment>", "has invalid child element 'base'"),
        ('<fragment><include-fragment fragment-id="a" /></fragment>', "cannot be nested"),
        ('<fragment><set-header exists-action="skip" /></fragment>', "The required attribute 'name' is missing."),
        (f"<fragment><!--{'x' * 33_000}--></fragment>", "exceeds the limit of 32768 bytes"),
        ("<fragment>", "Line 1"),
    ],
)
def test_a_fragment_holds_statements_and_nothing_around_them(text: str, part: str) -> None:
    """Source: learn.microsoft.com/azure/api-management/policy-fragments (limits). The texts are assumed."""
    messages = []
    try:
        accept_fragment(text, True, Known(named_values=ELSEWHERE))
    except PolicyRefused as error:
        messages = [refusal.message for refusal in error.refusals]
    assert part in "\n".join(messages) if part else messages == []


@pytest.mark.assumed
def test_a_document_that_is_nested_too_deeply_is_refused() -> None:
    """Assumed: the limit. Source of the rule: any parser has one."""
    deep = '<choose><when condition="true">' * 5000 + "</when></choose>" * 5000
    [(target, message)] = refused(document("inbound", deep), Known(named_values=ELSEWHERE, max_bytes=10**6))
    assert (target, message.partition(". ")[0]) == ("representation", "The document is nested too deeply")


@pytest.mark.assumed
def test_more_than_fifty_retries_are_refused() -> None:
    """Source: learn.microsoft.com/azure/api-management/retry-policy (1 to 50). Assumed: the text."""
    text = document("inbound", WHOLE["retry"].replace('count="3"', 'count="51"'))
    assert "must be between 1 and 50" in refused(text)[0][1]
