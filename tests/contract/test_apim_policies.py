"""Policy entities: what is refused, what is stored, how it comes back."""

from collections.abc import AsyncIterator

import pytest

from contract.apim_world import Apim, apim, policies, refusals

pytestmark = pytest.mark.item("apim-10")
API = "/apis/orders"
OPERATION = f"{API}/operations/list"
POLICY = f"{API}/policies/policy"
TOKEN = '@("Bearer " + (string)context.Variables["msi-access-token"])'
TARGET = f"""<policies>
  <inbound>
    <base />
    <authentication-managed-identity resource="d0000000" output-token-variable-name="msi-access-token" />
    <set-header name="Authorization" exists-action="override"><value>{TOKEN}</value></set-header>
    <set-backend-service id="apim-generated-policy" backend-id="orders-fn" />
  </inbound>
  <backend><base /></backend>
  <outbound><base /></outbound>
  <on-error><base /></on-error>
</policies>"""


@pytest.fixture
async def here() -> AsyncIterator[Apim]:
    async with apim() as started:
        await started.an_api()
        await started.an_operation("list", "/orders")
        await started.put("/products/starter", displayName="Starter")
        yield started


# --- what is refused --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("scope", [API, OPERATION])
async def test_a_missing_backend_is_refused_with_the_place_in_the_submitted_text(here: Apim, scope: str) -> None:
    """Source: Azure/apiops tracker."""
    place = "Error in element 'set-backend-service' on line 6, column 6: "
    answer = await here.put_policy(scope, TARGET)
    assert refusals(answer) == [("set-backend-service", place + "Backend with id 'orders-fn' could not be found.")]
    assert (await here.arm("GET", f"{scope}/policies/policy")).status == 404


async def test_a_backend_id_is_looked_up_after_named_values_are_filled_in(here: Apim) -> None:
    """Source: MicrosoftDocs/azure-docs tracker."""
    await here.named_value("stage", "fn", secret=False)
    await here.a_backend()
    answer = await here.put_policy(API, policies('<set-backend-service backend-id="orders-{{stage}}" />'))
    assert answer.status == 201


SECOND_LINE = "<policies>\n  <inbound>\n    {}\n  </inbound>\n</policies>"


@pytest.mark.parametrize(
    ("inbound", "target", "message"),
    [
        (
            '<set-header name="a"><value>{{nothing}}</value></set-header>',
            "set-header",
            "Error in element 'set-header' on line 3, column 27: Cannot find a property 'nothing'",
        ),
        (
            "<unheard-of />",
            "inbound",
            "Error in element 'inbound' on line 3, column 6: "
            "The element 'inbound' has invalid child element 'unheard-of'.",
        ),
        (
            '<set-header name="a">text</set-header>',
            "set-header",
            "Error in element 'set-header' on line 3, column 6: "
            "The element 'set-header' cannot contain text. List of possible elements expected: 'value'.",
        ),
        (
            '<set-header exists-action="skip" />',
            "set-header",
            "Error in element 'set-header' on line 3, column 6: The required attribute 'name' is missing.",
        ),
        (
            '<authentication-managed-identity output-token-variable-name="x" />',
            "authentication-managed-identity",
            "Error in element 'authentication-managed-identity' on line 3, column 6: "
            "The required attribute 'resource' is missing.",
        ),
        (
            '<authentication-managed-identity resource="a" output-token-variable-name="@("x")" />',
            "authentication-managed-identity",
            "Error in element 'authentication-managed-identity' on line 3, column 6: "
            "Policy expressions are not allowed in the attribute 'output-token-variable-name'.",
        ),
        (
            '<set-header name="a" exists-action="replace" />',
            "set-header",
            "Error in element 'set-header' on line 3, column 6: "
            "The 'exists-action' attribute is invalid - The value 'replace' is invalid.",
        ),
        (
            "<set-backend-service />",
            "set-backend-service",
            "Error in element 'set-backend-service' on line 3, column 6: "
            "Exactly one of the attributes 'base-url' and 'backend-id' must be specified.",
        ),
        (
            '<set-backend-service base-url="https://a.example" backend-id="b" />',
            "set-backend-service",
            "Error in element 'set-backend-service' on line 3, column 6: "
            "Exactly one of the attributes 'base-url' and 'backend-id' must be specified.",
        ),
        (
            "<forward-request />",
            "forward-request",
            "Error in element 'forward-request' on line 3, column 6: Policy is not allowed in the specified section",
        ),
        (
            "<base /><base />",
            "inbound",
            "Error in element 'inbound' on line 3, column 14: The element 'inbound' has invalid child element 'base'.",
        ),
        (
            '<set-variable name="a" value="@("b" + )" />',
            "set-variable",
            "Error in element 'set-variable' on line 3, column 6: Invalid expression term ')'",
        ),
        (
            '<choose><when condition="@("a")" /></choose>',
            "choose",
            "Error in element 'choose' on line 3, column 14: Cannot implicitly convert type 'string' to 'bool'",
        ),
    ],
)
async def test_what_the_schema_forbids_is_refused(here: Apim, inbound: str, target: str, message: str) -> None:
    """
    Source: microsoft/vscode-apimanagement tracker (text in set-header) and policySchemas; MicrosoftDocs/azure-docs
    tracker and Azure/azure-api-management-devops-resource-kit tracker (form). The other texts are assumed.
    """
    found = refusals(await here.put_policy(API, SECOND_LINE.format(inbound)))
    assert (target, message) in found


@pytest.mark.parametrize(
    ("text", "target", "part"),
    [
        ("<policy />", "policy", "The 'policy' element is not declared."),
        ("<policies><inbound /><inbound /></policies>", "policies", "has invalid child element 'inbound'"),
        ("<policies><incoming /></policies>", "policies", "has invalid child element 'incoming'"),
        ("<policies>\n<inbound>\n</policies>", "representation", "Line 3, position"),
        ("<policies><inbound>@(\n</inbound></policies>", "representation", "Line 1, position 20"),
        ("<!DOCTYPE a><policies />", "representation", "DTD is prohibited"),
    ],
)
async def test_root_sections_and_syntax_are_checked(here: Apim, text: str, target: str, part: str) -> None:
    """Assumed: the texts. Source of the rules: microsoft/vscode-apimanagement, policies.xsd."""
    [(found, message)] = refusals(await here.put_policy(API, text))
    assert found == target
    assert part in message


@pytest.mark.parametrize(("sku", "status"), [("Consumption", 400), ("Developer", 201)])
async def test_a_large_document_fits_some_tiers(sku: str, status: int) -> None:
    """Source: learn.microsoft.com/azure/api-management/service-limits (16 KiB on Consumption, 256 KiB elsewhere)."""
    async with apim(sku=sku) as here:
        await here.an_api()
        assert (await here.put_policy(API, policies(f"<!--{'x' * 20_000}-->"))).status == status


@pytest.mark.parametrize(
    "inbound",
    [
        '<set-variable name="a" value="@(context.Request.Certificate.Thumbprint)" />',
        '<set-variable name="a" value="@{ return System.Xml.Linq.XElement.Parse("a"); }" />',
    ],
)
async def test_what_the_simulator_cannot_run_is_refused_loudly(here: Apim, inbound: str) -> None:
    """No Azure behaviour: no expression is accepted of which it cannot tell whether it compiles."""
    answer = await here.put_policy(API, policies(inbound))
    assert (answer.status, answer.data()["error"]["code"]) == (501, "NotSimulated")
    assert "not simulated" in answer.data()["error"]["message"]


async def test_a_policy_is_always_named_policy(here: Apim) -> None:
    """Source: Azure/bicep-types-az tracker (code BadRequest, no message)."""
    answer = await here.put(f"{API}/policies/mine", format="xml", value=policies())
    assert (answer.status, answer.data()["error"]["code"]) == (400, "BadRequest")


# --- what is stored ---------------------------------------------------------------------------------------------------
async def test_a_document_comes_back_indented_by_tabs_with_crlf(here: Apim) -> None:
    """Source: Azure/azure-cli recording test_apim_api_policy."""
    await here.a_backend()
    written = await here.put_policy(API, TARGET)
    properties = written.data()["properties"]
    assert (written.status, properties["format"]) == (201, "xml")
    assert properties["value"].startswith(
        "<policies>\r\n\t<inbound>\r\n\t\t<base />\r\n\t\t<authentication-managed-identity "
    )
    assert f"\r\n\t\t\t<value>{TOKEN}</value>\r\n" in properties["value"]
    assert properties["value"] != TARGET
    assert (await here.arm("GET", POLICY)).data() == written.data()


EXPRESSION = '@(context.Request.Headers.GetValueOrDefault("a", "<&>") == "b")'
ESCAPED = "@(context.Request.Headers.GetValueOrDefault(&quot;a&quot;, &quot;&lt;&amp;&gt;&quot;) == &quot;b&quot;)"


async def test_expressions_come_back_escaped_or_verbatim(here: Apim) -> None:
    """Source: Azure/azure-rest-api-specs tracker."""
    body = f'<set-variable name="a" value="{EXPRESSION}" />'
    assert (await here.put_policy(API, policies(body), "rawxml")).status == 201
    xml = (await here.arm("GET", POLICY)).data()["properties"]
    raw = (await here.arm("GET", POLICY, query="format=rawxml")).data()["properties"]
    assert (xml["format"], f'value="{ESCAPED}"' in xml["value"]) == ("xml", True)
    assert (raw["format"], f'value="{EXPRESSION}"' in raw["value"]) == ("rawxml", True)


async def test_format_xml_wants_xml(here: Apim) -> None:
    """Source: REST reference, PolicyContract (`xml`: the document must be valid XML)."""
    assert (await here.put_policy(API, policies(f'<set-variable name="a" value="{ESCAPED}" />'), "xml")).status == 201
    answer = await here.put_policy(API, policies(f'<set-variable name="a" value="{EXPRESSION}" />'), "xml")
    assert refusals(answer)[0][0] == "representation"


async def test_comments_and_the_form_of_empty_elements_stay(here: Apim) -> None:
    """Source: Azure/azure-cli recording test_apim_api_policy."""
    await here.put_policy(API, policies('<!-- ours --><set-variable name="a" value="b"></set-variable>', outbound=""))
    value = (await here.arm("GET", POLICY)).data()["properties"]["value"]
    assert "\t\t<!-- ours -->\r\n" in value
    assert '<set-variable name="a" value="b"></set-variable>' in value
    assert "\t<outbound></outbound>\r\n" in value


async def test_sections_that_were_not_sent_are_not_added(here: Apim) -> None:
    """Source: Azure/azure-service-operator recording Test_ApiManagement_20240501_CRUD."""
    answer = await here.put_policy(API, "<policies><inbound /></policies>")
    assert answer.data()["properties"]["value"] == "<policies>\r\n\t<inbound />\r\n</policies>"


# --- the entity -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("scope", ["/products/starter", API, OPERATION])
async def test_every_scope_has_one(here: Apim, scope: str) -> None:
    """Source: Azure/azure-cli recording test_apim_policy (404 text); REST reference (scopes)."""
    path = f"{scope}/policies/policy"
    absent = await here.arm("GET", path)
    assert (absent.status, absent.data()["error"]) == (
        404,
        {"code": "ResourceNotFound", "message": "PoliciesConfiguration not found.", "details": None},
    )
    assert (await here.arm("HEAD", path)).status == 404
    assert (await here.put_policy(scope, policies())).status == 201
    assert (await here.put_policy(scope, policies())).status == 200
    assert (await here.arm("GET", f"{scope}/policies")).data()["count"] == 1
    assert (await here.delete(path)).status == 200
    assert (await here.delete(path)).status == 204


async def test_a_service_has_a_global_policy_from_the_beginning(here: Apim) -> None:
    """Source: Azure/azure-cli recording test_apim_policy (404 after a DELETE)."""
    assert "<forward-request />" in (await here.arm("GET", "/policies/policy")).data()["properties"]["value"]
    assert (await here.delete("/policies/policy")).status == 200
    assert (await here.arm("GET", "/policies/policy")).status == 404


@pytest.mark.item("apim-1")
async def test_identical_content_keeps_the_etag_and_other_content_does_not(here: Apim) -> None:
    """Source: Azure/azure-cli recordings test_apim_policy and test_apim_api_policy."""
    first = await here.put_policy(API, policies())
    again = await here.put_policy(API, policies().replace("><", ">\n<"))
    other = await here.put_policy(API, policies('<set-variable name="a" value="b" />'))
    assert first.headers["ETag"] == again.headers["ETag"] != other.headers["ETag"]
    assert (await here.arm("HEAD", POLICY)).headers["ETag"] == other.headers["ETag"]


@pytest.mark.item("apim-3")
async def test_a_wrong_etag_is_refused_with_412(here: Apim) -> None:
    """Source: REST reference, "Api Policy - Create Or Update" (If-Match)."""
    first = await here.put_policy(API, policies())
    await here.put_policy(API, policies('<set-variable name="a" value="b" />'))
    stale = first.headers["ETag"]
    assert (await here.put_policy(API, policies(), If_Match=stale)).status == 412
    assert (await here.arm("DELETE", POLICY, headers={"If-Match": stale})).status == 412
    assert (await here.put_policy(API, policies())).status == 200
