"""API Management's documents: what is ours is laid over what is there, and absence is told from loss."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funcgate.azure.apim import ApimClient
from funcgate.azure.apim_calls import ANY
from funcgate.azure.apim_documents import (
    HIDDEN,
    Api,
    Backend,
    NamedValue,
    PolicyText,
    Product,
    UserIdentity,
    lay_over,
    read_backend,
)
from funcgate.azure.apim_policies import AT_ONCE
from funcgate.azure.http import Answer, Call, Http
from funcgate.errors import NotFound, Rejected, TryAgain
from funcgate.secrets import Secret
from unit.azure.wire import ARM, Wire

SERVICE = "/subscriptions/s/resourceGroups/shop/providers/Microsoft.ApiManagement/service/contoso"
UAMI = "/subscriptions/s/resourceGroups/Shop/providers/Microsoft.ManagedIdentity/userAssignedIdentities/Caller"
OTHER = "/subscriptions/s/resourceGroups/Shop/providers/Microsoft.ManagedIdentity/userAssignedIdentities/Vault"
BACKEND = f"{SERVICE}/backends/orders-fn"
POLICY = f"{SERVICE}/apis/orders/policies/policy"
GONE = {"error": {"code": "ResourceNotFound", "message": "The Resource was not found."}}


@pytest.fixture
def apim(http: Http) -> ApimClient:
    return ApimClient(http)


def a_service(identity: Any = None, state: str = "Succeeded") -> dict[str, Any]:
    properties = {"gatewayUrl": "https://contoso.azure-api.net/", "provisioningState": state}
    return {"location": "West Europe", "sku": {"name": "BasicV2"}, "identity": identity, "properties": properties}


def carrying(*ids: str, system: bool = False) -> dict[str, Any]:
    types = ["SystemAssigned"] * system + ["UserAssigned"] * bool(ids)
    named = {id_: {"principalId": "p", "clientId": "c"} for id_ in ids}
    own = {"principalId": "sp", "tenantId": "t"} if system else {}
    return {"type": ",".join(types), **own, "userAssignedIdentities": named or None}


def a_backend(**properties: Any) -> dict[str, Any]:
    return {
        "name": "orders-fn",
        "properties": {"url": "https://fn/api", "protocol": "http", "title": None, **properties},
    }


# --- the service and its identity


async def test_a_service_without_identity_is_read(wire: Wire, apim: ApimClient) -> None:
    wire.says("GET", SERVICE, 200, a_service())

    service = await apim.get_service(SERVICE)

    assert (service.gateway_url, service.sku) == ("https://contoso.azure-api.net", "BasicV2")
    assert (service.has_system_identity, service.principal_id, service.user_assigned) == (False, None, {})
    assert "api-version=2024-05-01" in wire.calls[0].url


@pytest.mark.parametrize("kind", ["SystemAssigned, UserAssigned", "SystemAssigned,UserAssigned", "systemassigned"])
async def test_the_kinds_of_identity_are_a_list_in_one_text(wire: Wire, apim: ApimClient, kind: str) -> None:
    wire.says("GET", SERVICE, 200, a_service({"type": kind, "principalId": "sp", "tenantId": "t"}))

    service = await apim.get_service(SERVICE)

    assert (service.has_system_identity, service.principal_id, service.tenant_id) == (True, "sp", "t")


async def test_user_assigned_identities_are_found_without_regard_to_case(wire: Wire, apim: ApimClient) -> None:
    wire.says("GET", SERVICE, 200, a_service(carrying(UAMI)))

    service = await apim.get_service(SERVICE)

    assert service.user_assigned == {UAMI.lower(): UserIdentity(id=UAMI, principal_id="p", client_id="c")}
    assert service.carries(system=False, user_assigned=UAMI.upper())


async def test_an_identity_that_is_there_is_not_written_again(wire: Wire, apim: ApimClient) -> None:
    wire.says("GET", SERVICE, 200, a_service(carrying(system=True), state="Updating"))

    await apim.add_identity(SERVICE, system=True, user_assigned=None)

    assert wire.written == []


@pytest.mark.parametrize(
    ("there", "system", "named", "sent"),
    [
        (None, True, None, {"type": "SystemAssigned"}),
        (None, False, UAMI, {"type": "UserAssigned", "userAssignedIdentities": {UAMI: {}}}),
        (
            carrying(OTHER),
            True,
            None,
            {"type": "SystemAssigned, UserAssigned", "userAssignedIdentities": {OTHER: {}}},
        ),
        (
            carrying(OTHER, system=True),
            False,
            UAMI,
            {"type": "SystemAssigned, UserAssigned", "userAssignedIdentities": {OTHER: {}, UAMI: {}}},
        ),
    ],
)
async def test_an_identity_is_added_beside_those_that_are_there(
    wire: Wire, apim: ApimClient, there: Any, system: bool, named: str | None, sent: Any
) -> None:
    wire.says("GET", SERVICE, 200, a_service(there)).says("PATCH", SERVICE, 200, {})
    wire.says("GET", SERVICE, 200, a_service(carrying(OTHER, UAMI, system=True)))

    settled = await apim.add_identity(SERVICE, system=system, user_assigned=named)

    assert wire.written[0].body == {"identity": sent}
    assert settled.carries(system=system, user_assigned=named)


async def test_adding_an_identity_waits_until_the_service_has_settled(wire: Wire, apim: ApimClient) -> None:
    operation = {"azure-asyncoperation": "https://management.azure.com/op"}
    wire.says("GET", SERVICE, 200, a_service()).says("PATCH", SERVICE, 202, {}, operation)
    wire.says("GET", "/op", 200, {"status": "InProgress"}).says("GET", "/op", 200, {"status": "Succeeded"})
    wire.says("GET", SERVICE, 200, a_service(carrying(system=True)))

    settled = await apim.add_identity(SERVICE, system=True, user_assigned=None)

    assert settled.principal_id == "sp"
    assert wire.asked == [f"GET {SERVICE}", f"PATCH {SERVICE}", "GET /op", "GET /op", f"GET {SERVICE}"]


async def test_a_service_that_is_being_changed_is_not_written(wire: Wire, apim: ApimClient) -> None:
    wire.says("GET", SERVICE, 200, a_service(state="Updating"))

    with pytest.raises(TryAgain) as raised:
        await apim.add_identity(SERVICE, system=True, user_assigned=None)

    assert (raised.value.reason, wire.written) == ("ServiceTransitioning", [])


@pytest.mark.parametrize("seen", [a_service(), a_service(carrying(system=True), state="Updating")])
async def test_an_identity_that_does_not_show_yet_is_pending(wire: Wire, apim: ApimClient, seen: Any) -> None:
    wire.says("GET", SERVICE, 200, a_service()).says("PATCH", SERVICE, 200, {}).says("GET", SERVICE, 200, seen)

    with pytest.raises(TryAgain) as raised:
        await apim.add_identity(SERVICE, system=True, user_assigned=None)

    assert raised.value.reason == "IdentityPending"


async def test_two_bindings_that_want_the_same_identity_write_once(wire: Wire, apim: ApimClient) -> None:
    wire.says("GET", SERVICE, 200, a_service()).says("PATCH", SERVICE, 200, {})
    wire.says("GET", SERVICE, 200, a_service(carrying(system=True)))

    await asyncio.gather(*(apim.add_identity(SERVICE, system=True, user_assigned=None) for _ in range(5)))

    assert len(wire.written) == 1


# --- APIs and named values


async def test_an_api_is_read_by_its_name_without_the_revision(wire: Wire, apim: ApimClient) -> None:
    properties = {"displayName": "Orders", "path": "/orders", "subscriptionRequired": True, "apiRevision": "3"}
    wire.says("GET", f"{SERVICE}/apis/orders", 200, {"name": "orders;rev=3", "properties": properties})

    assert await apim.get_api(SERVICE, "orders") == Api(
        name="orders", display_name="Orders", path="orders", subscription_required=True, is_current=True, revision="3"
    )


async def test_a_missing_child_of_a_service_that_is_there_is_none(wire: Wire, apim: ApimClient) -> None:
    wire.says("GET", SERVICE, 200, a_service())

    assert await apim.get_api(SERVICE, "orders") is None
    assert await apim.get_backend(SERVICE, "orders-fn") is None
    assert await apim.get_named_value(SERVICE, "orders-fn-key") is None


async def test_a_missing_child_of_a_missing_service_is_an_error(wire: Wire, apim: ApimClient) -> None:
    for look in (
        apim.get_api(SERVICE, "orders"),
        apim.get_backend(SERVICE, "orders-fn"),
        apim.get_named_value(SERVICE, "key"),
        apim.get_policy(SERVICE, "orders"),
        apim.delete_backend(SERVICE, "orders-fn", None),
    ):
        with pytest.raises(NotFound) as raised:
            await look
        assert raised.value.code == "ResourceNotFound"


NAMED_VALUE = f"{SERVICE}/namedValues/orders-fn-key"


def a_named_value(**properties: Any) -> dict[str, Any]:
    return {"name": "orders-fn-key", "properties": {"secret": True, "tags": None, **properties}}


async def test_a_named_value_is_read_without_its_value(wire: Wire, apim: ApimClient) -> None:
    wire.says(
        "GET", NAMED_VALUE, 200, a_named_value(tags=["team"], keyVault={"secretIdentifier": "x"}), {"etag": '"1"'}
    )

    assert await apim.get_named_value(SERVICE, "orders-fn-key") == NamedValue(
        name="orders-fn-key", secret=True, tags=("team",), key_vault=True, etag='"1"'
    )
    assert wire.asked == [f"GET {NAMED_VALUE}"]


async def test_looks_at_the_same_time_share_one_request(wire: Wire, apim: ApimClient) -> None:
    wire.says("GET", NAMED_VALUE, 200, a_named_value())

    looks = [apim.get_named_value(SERVICE, "orders-fn-key") for _ in range(5)]
    assert len(set(map(str, await asyncio.gather(*looks)))) == 1
    await apim.get_named_value(SERVICE, "orders-fn-key")
    assert wire.asked == [f"GET {NAMED_VALUE}"] * 2


async def test_a_value_is_asked_for_again_only_when_its_etag_changed(wire: Wire, apim: ApimClient) -> None:
    for value in ("one", "two"):
        wire.says("POST", f"{NAMED_VALUE}/listValue", 200, {"value": value})
    seen = NamedValue(name="orders-fn-key", secret=True, etag='"1"')

    values = [await apim.value_of(SERVICE, each) for each in (seen, seen, replace(seen, etag='"2"'))]
    assert values == [Secret("one"), Secret("one"), Secret("two")]
    assert wire.written == [], "a POST that lists is no write"


async def test_a_value_without_an_etag_is_asked_for_each_time(wire: Wire, apim: ApimClient) -> None:
    wire.says("POST", f"{NAMED_VALUE}/listValue", 200, {"value": "one"})
    seen = NamedValue(name="orders-fn-key", secret=True)

    assert [await apim.value_of(SERVICE, seen) for _ in range(2)] == [Secret("one")] * 2
    assert len(wire.calls) == 2


async def test_a_named_value_is_written_as_a_secret_and_followed_to_its_end(wire: Wire, apim: ApimClient) -> None:
    poll = f"{NAMED_VALUE}/operations/1"
    where = {"azure-asyncoperation": f"https://management.azure.com{poll}"}
    wire.says("GET", SERVICE, 200, a_service())
    wire.says("PUT", NAMED_VALUE, 201, {}, where).says("GET", poll, 200, {"status": "Succeeded"})

    await apim.put_named_value(SERVICE, "orders-fn-key", Secret("hush"), ["team"], None)

    [put] = wire.written
    properties = {"displayName": "orders-fn-key", "value": "hush", "secret": True, "tags": ["team"]}
    assert (put.body, put.headers) == ({"properties": properties}, {})
    assert "hush" not in repr(put)


async def test_a_named_value_that_appeared_meanwhile_is_not_written_over(wire: Wire, apim: ApimClient) -> None:
    wire.says("HEAD", NAMED_VALUE, 200)

    with pytest.raises(TryAgain) as raised:
        await apim.put_named_value(SERVICE, "orders-fn-key", Secret("hush"), [], None)
    assert (raised.value.reason, wire.written) == ("ChangedMeanwhile", [])


async def test_only_the_tags_of_a_named_value_are_changed(wire: Wire, apim: ApimClient) -> None:
    wire.says("PATCH", NAMED_VALUE, 200)

    await apim.tag_named_value(SERVICE, "orders-fn-key", ["team"], '"1"')

    [patch] = wire.written
    assert (patch.body, patch.headers) == ({"properties": {"tags": ["team"]}}, {"If-Match": '"1"'})


async def test_a_named_value_is_deleted_as_it_was_seen(wire: Wire, apim: ApimClient) -> None:
    wire.says("DELETE", NAMED_VALUE, 200)

    await apim.delete_named_value(SERVICE, "orders-fn-key", '"1"')
    assert [(call.method, call.headers) for call in wire.written] == [("DELETE", {"If-Match": '"1"'})]


@pytest.mark.parametrize("name", ["..", "."])
async def test_a_name_that_leads_to_another_scopes_policy_is_never_sent(
    wire: Wire, apim: ApimClient, name: str
) -> None:
    with pytest.raises(Rejected, match="cannot be the name"):
        await apim.put_policy(SERVICE, name, "<policies/>", None)

    assert wire.calls == []


# --- backends


async def test_a_backend_is_read_with_its_etag(wire: Wire, apim: ApimClient) -> None:
    header = {"x-functions-key": ["{{orders-fn-key}}"], "x-own": ["a literal"], "x-none": None}
    body = a_backend(description="mine", credentials={"header": header}, tls={"validateCertificateName": False})
    wire.says("GET", BACKEND, 200, body, {"etag": '"AAE="'})

    assert await apim.get_backend(SERVICE, "orders-fn") == Backend(
        name="orders-fn",
        url="https://fn/api",
        protocol="http",
        resource_id="",
        description="mine",
        header_credentials={"x-functions-key": ("{{orders-fn-key}}",), "x-own": (HIDDEN,), "x-none": ()},
        validates_certificate_name=False,
        etag='"AAE="',
    )


@given(st.text(min_size=1).filter(lambda text: "{{" not in text))
def test_a_credential_that_is_no_reference_never_shows(secret: str) -> None:
    body = a_backend(credentials={"header": {"x-functions-key": [secret, f"{{{{key}}}}{secret}"]}})

    shown = read_backend(body, None).header_credentials["x-functions-key"]

    assert shown == (HIDDEN, HIDDEN) or not secret.strip()


async def test_all_backends_are_listed(wire: Wire, apim: ApimClient) -> None:
    following = f"https://management.azure.com{SERVICE}/more"
    wire.says("GET", f"{SERVICE}/backends", 200, {"value": [a_backend()], "nextLink": following})
    wire.says("GET", f"{SERVICE}/more", 200, {"value": [{"name": "bare"}]})

    assert [each.name for each in await apim.list_backends(SERVICE)] == ["orders-fn", "bare"]


async def test_a_change_is_laid_over_the_backend_as_it_stands(wire: Wire, apim: ApimClient) -> None:
    credentials = {"query": {"a": ["1"]}, "header": {"X-Functions-Key": ["{{old}}"], "x-own": ["literal"]}}
    wire.says(
        "GET", BACKEND, 200, a_backend(tls={"validateCertificateName": False}, credentials=credentials), {"etag": "e1"}
    )
    wire.says("PUT", BACKEND, 200, {})

    change = {"url": "https://new/api", "credentials": {"header": {"x-functions-key": ["{{new}}"]}}}
    await apim.put_backend(SERVICE, "orders-fn", change, "e1")

    assert wire.written[0].headers == {"If-Match": "e1"}
    assert wire.written[0].body["properties"] == {
        "url": "https://new/api",
        "protocol": "http",
        "tls": {"validateCertificateName": False},
        "credentials": {
            "query": {"a": ["1"]},
            "header": {"x-own": ["literal"], "x-functions-key": ["{{new}}"]},
        },
    }


async def test_a_backend_that_is_absent_is_created(wire: Wire, apim: ApimClient) -> None:
    wire.says("GET", SERVICE, 200, a_service()).says("PUT", BACKEND, 201, {})

    await apim.put_backend(SERVICE, "orders-fn", {"url": "https://new/api", "title": None}, None)

    assert wire.written[0].headers == {}
    assert wire.written[0].body == {"properties": {"url": "https://new/api"}}


@pytest.mark.parametrize(
    ("there", "planned_on", "reason"),
    [
        ("e2", "e1", "somebody wrote it"),
        ("e2", None, "somebody created it"),
        (None, "e1", "somebody deleted it"),
    ],
)
async def test_a_plan_on_what_is_no_longer_true_is_not_carried_out(
    wire: Wire, apim: ApimClient, there: str | None, planned_on: str | None, reason: str
) -> None:
    wire.says("GET", SERVICE, 200, a_service())
    if there:
        wire.says("GET", BACKEND, 200, a_backend(), {"etag": there})

    with pytest.raises(TryAgain) as raised:
        await apim.put_backend(SERVICE, "orders-fn", {"url": "https://new/api"}, planned_on)

    assert (raised.value.reason, wire.written) == ("ChangedMeanwhile", []), reason


async def test_a_change_may_be_laid_over_whatever_stands_there(wire: Wire, apim: ApimClient) -> None:
    wire.says("GET", BACKEND, 200, a_backend(), {"etag": "e2"}).says("PUT", BACKEND, 200, {})

    await apim.put_backend(SERVICE, "orders-fn", {"description": "released"}, ANY)

    assert wire.written[0].headers == {"If-Match": "e2"}


async def test_writes_to_one_backend_follow_each_other(wire: Wire, apim: ApimClient) -> None:
    wire.says("GET", BACKEND, 200, a_backend(), {"etag": "e1"}).says("PUT", BACKEND, 200, {})

    await asyncio.gather(*(apim.put_backend(SERVICE, "orders-fn", {"url": f"https://{n}"}, "e1") for n in range(3)))

    assert wire.asked == [f"GET {BACKEND}", f"PUT {BACKEND}"] * 3


@pytest.mark.parametrize(("etag", "sent"), [("e1", "e1"), (None, "*")])
async def test_a_backend_is_deleted_as_it_was_seen(wire: Wire, apim: ApimClient, etag: str | None, sent: str) -> None:
    wire.says("DELETE", BACKEND, 200)

    await apim.delete_backend(SERVICE, "orders-fn", etag)

    assert wire.written[0].headers == {"If-Match": sent}


async def test_deleting_what_is_gone_already_is_fine(wire: Wire, apim: ApimClient) -> None:
    wire.says("GET", SERVICE, 200, a_service())

    await apim.delete_backend(SERVICE, "orders-fn", "e1")
    await apim.delete_policy(SERVICE, "orders", "e1")


@given(
    st.dictionaries(st.sampled_from(["url", "protocol", "title"]), st.text()),
    st.dictionaries(st.sampled_from(["url", "description"]), st.text()),
)
def test_laying_over_twice_is_laying_over_once(under: dict[str, str], change: dict[str, str]) -> None:
    once = lay_over(under, change)

    assert lay_over(once, change) == once
    assert {name: once[name] for name in change} == change
    assert {name: once[name] for name in under.keys() - change.keys()} == {
        name: under[name] for name in under.keys() - change.keys()
    }


# --- policies


async def test_a_policy_is_read_in_the_escaped_form(wire: Wire, apim: ApimClient) -> None:
    text = '<set-header name="a"><value>@("&lt;" + x)</value></set-header>'
    wire.says("GET", POLICY, 200, {"properties": {"format": "xml", "value": text}}, {"etag": "e1"})

    found = await apim.get_policy(SERVICE, "orders")

    assert found is not None
    assert (found.text, found.etag) == (text, "e1")
    assert wire.calls[0].url.endswith("&format=xml")


async def test_an_api_without_a_policy_of_its_own_has_none(wire: Wire, apim: ApimClient) -> None:
    wire.says("GET", f"{SERVICE}/apis/orders", 200, {"name": "orders"})

    assert await apim.get_policy(SERVICE, "orders") is None


async def test_the_policy_of_a_missing_api_is_an_error_of_its_own(wire: Wire, apim: ApimClient) -> None:
    wire.says("GET", SERVICE, 200, a_service())

    with pytest.raises(NotFound) as raised:
        await apim.get_policy(SERVICE, "orders")

    assert raised.value.reason == "ApiNotFound"


async def test_a_policy_is_written_in_the_form_in_which_it_was_read(wire: Wire, apim: ApimClient) -> None:
    wire.says("PUT", POLICY, 200, {})

    await apim.put_policy(SERVICE, "orders", "<policies/>", "e1")

    assert wire.written[0].body == {"properties": {"format": "xml", "value": "<policies/>"}}
    assert wire.written[0].headers == {"If-Match": "e1"}


async def test_a_first_policy_is_written_only_where_there_is_none(wire: Wire, apim: ApimClient) -> None:
    wire.says("HEAD", POLICY, 200, b"", {"etag": "e1"})

    with pytest.raises(TryAgain) as raised:
        await apim.put_policy(SERVICE, "orders", "<policies/>", None)

    assert (raised.value.reason, wire.written) == ("ChangedMeanwhile", [])


async def test_a_first_policy_is_written(wire: Wire, apim: ApimClient) -> None:
    wire.says("PUT", POLICY, 201, {})

    await apim.put_policy(SERVICE, "orders", "<policies/>", None)

    assert (wire.asked, wire.written[0].headers) == ([f"HEAD {POLICY}", f"PUT {POLICY}"], {})


async def test_a_policy_that_was_changed_meanwhile_is_not_overwritten(wire: Wire, apim: ApimClient) -> None:
    wire.says("PUT", POLICY, 412)

    with pytest.raises(TryAgain) as raised:
        await apim.put_policy(SERVICE, "orders", "<policies/>", "e1")

    assert raised.value.reason == "ChangedMeanwhile"


async def test_a_refused_policy_says_what_is_wrong_with_it(wire: Wire, apim: ApimClient) -> None:
    detail = {"code": "ValidationError", "target": "set-backend-service", "message": "on line 6: Backend not found."}
    wire.says("PUT", POLICY, 400, {"error": {"code": "ValidationError", "message": "Wrong:", "details": [detail]}})

    with pytest.raises(Rejected, match="set-backend-service: on line 6"):
        await apim.put_policy(SERVICE, "orders", "<policies/>", "e1")


async def test_a_policy_is_deleted_as_it_was_seen(wire: Wire, apim: ApimClient) -> None:
    wire.says("DELETE", POLICY, 200)

    await apim.delete_policy(SERVICE, "orders", "e1")

    assert wire.written[0].headers == {"If-Match": "e1"}


# --- who is asked for what


async def test_the_products_of_an_api_say_what_they_ask_for(wire: Wire, apim: ApimClient) -> None:
    items = [
        {"name": "open", "properties": {"subscriptionRequired": False, "state": "published"}},
        {"name": "draft", "properties": {"state": "notPublished"}},
    ]
    wire.says("GET", f"{SERVICE}/apis/orders/products", 200, {"value": items})

    assert await apim.products_of(SERVICE, "orders") == [
        Product(name="open", subscription_required=False, published=True),
        Product(name="draft", subscription_required=True, published=False),
    ]


async def test_the_policy_of_a_whole_service_is_read_or_absent(wire: Wire, apim: ApimClient) -> None:
    assert await apim.get_global_policy(SERVICE) is None
    wire.says("GET", f"{SERVICE}/policies/policy", 200, {"properties": {"value": "<policies />"}}, {"etag": '"1"'})

    assert await apim.get_global_policy(SERVICE) == PolicyText(text="<policies />", etag='"1"')


class Crowd(Wire):
    """Notes how many calls are under way at the same time."""

    now = most = 0

    async def __call__(self, call: Call) -> Answer:
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(0)
        self.now -= 1
        return await super().__call__(call)


async def test_the_policies_of_many_operations_are_read_a_few_at_a_time() -> None:
    crowd = Crowd()
    listed = [{"name": f"o{n}", "properties": {"method": "GET", "urlTemplate": f"/{n}"}} for n in range(100)]
    crowd.says("GET", f"{SERVICE}/apis/orders/operations", body={"value": listed})
    policy = {"properties": {"format": "xml", "value": "<policies />"}}
    crowd.says("GET", f"{SERVICE}/apis/orders/operations/o7/policies/policy", body=policy)
    client = ApimClient(Http(service="arm", address=ARM, transport=crowd))
    found = await client.get_inner_policies(SERVICE, "orders")
    assert [(operation.name, seen.text) for operation, seen in found] == [("o7", "<policies />")]
    assert (len(crowd.calls), crowd.most) == (101, AT_ONCE)
