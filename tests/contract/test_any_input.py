"""
Any input gets an answer that Azure could give: no handler fails, and the status is one that the route declares.

No behaviour of Azure beyond that: the refusals themselves are tested where they belong.
"""

from __future__ import annotations

import asyncio
import copy
import json
import re
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from azuresim import World
from azuresim.arm import ROUTES, Route
from azuresim.scenarios import OPERATOR, imported
from azuresim.services import Services, service_of
from azuresim.wire import HttpAnswer, HttpCall

EXAMPLES = 25
NOTHING_TO_SHRINK = (Phase.explicit, Phase.generate)
SETTINGS = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    phases=NOTHING_TO_SHRINK,
    suppress_health_check=list(HealthCheck),
)
ALL_ROUTES = sorted(
    (route for routes in ROUTES.values() for route in routes), key=lambda route: (route.template, route.method)
)

# --- what is sent -----------------------------------------------------------------------------------------------------
plain_texts = st.one_of(
    st.text(max_size=20),
    st.sampled_from(
        [
            "",
            " ",
            "..",
            "%2f",
            "{{x}}",
            "{*path}",
            "/",
            "\x00",
            "\ud800",
            "🙂",
            "a" * 5000,
            "null",
            "-1",
            "1e999",
            "'",
            "*",
        ]
    ),
)
values = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(min_value=-(10**30), max_value=10**30),
        st.floats(allow_nan=False, allow_infinity=False),
        plain_texts,
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(plain_texts, inner, max_size=3)),
    max_leaves=8,
)
NAMES = re.findall(
    r"\S+",
    """
    properties tags location identity sku name type kind value format displayName path protocols secret keyVault url
    protocol credentials method urlTemplate templateParameters request responses scope state siteConfig serverFarmId
    enabled platform identityProviders azureActiveDirectory globalValidation login appSettings policy
    userAssignedIdentities principalId roleDefinitionId permissions level apiId apiRevision isCurrent sourceApiId
    products versioningScheme description subscriptionRequired pool services credentialsExpireAfter purposes traceId
    secretIdentifier header query import
    """,
)
objects = st.dictionaries(st.sampled_from(NAMES), values, max_size=6)
bodies = st.one_of(
    objects.map(lambda sent: {"properties": sent}),
    objects,
    values,
    st.dictionaries(st.sampled_from(NAMES), objects, max_size=3),
).map(lambda body: json.dumps(body).encode())
xml = st.sampled_from(
    [
        "<policies/>",
        "<policies><inbound><base/></inbound></policies>",
        "<policies><inbound>" + "<choose>" * 400,
        "<!DOCTYPE x [<!ENTITY a 'b'>]><policies>&a;</policies>",
        '<policies><inbound><set-header name="@(" /></inbound></policies>',
        "<policies><inbound><set-variable name='x' value='@("
        + "(" * 300
        + "1"
        + ")" * 300
        + ")' /></inbound></policies>",
        "<policies><inbound><set-variable name='x' value='@{ while(true) {} }' /></inbound></policies>",
        "﻿<policies></policies>",
        "<fragment><base /></fragment>",
        "{{",
    ]
).flatmap(lambda text: st.one_of(st.just(text), plain_texts.map(lambda more: text[: len(text) // 2] + more)))
policies = st.tuples(xml, st.sampled_from(["xml", "rawxml", "xml-link", "nope"])).map(
    lambda sent: json.dumps({"properties": {"value": sent[0], "format": sent[1]}}).encode()
)
anything = st.one_of(bodies, bodies, policies, st.binary(max_size=60), st.just(b""), st.just(b"[" * 3000))
some_queries = st.lists(
    st.tuples(
        st.sampled_from(
            ["$filter", "$top", "$skip", "$select", "$expand", "$skiptoken", "format", "asyncId", "export"]
        ),
        st.one_of(plain_texts, st.sampled_from(["rawxml", "-1", "99999999999999999999", "name eq 'x'", "true", "a/b"])),
    ),
    max_size=3,
)
headers = st.fixed_dictionaries(
    {},
    optional={
        "If-Match": st.sampled_from(["*", "*", "*", '"AAAAAAAAAAE="', "nonsense", ""]),
        "Content-Type": st.sampled_from(["application/json", "text/plain", "application/xml", ""]),
        "Accept": st.sampled_from(["*/*", "nonsense"]),
    },
)


VALID: Mapping[str, Any] = {
    "service": {
        "location": "westeurope",
        "sku": {"name": "Developer", "capacity": 1},
        "identity": {"type": "SystemAssigned"},
        "tags": {"a": "b"},
        "properties": {"publisherEmail": "a@example.com", "publisherName": "a", "customProperties": {}},
    },
    "namedValues": {"properties": {"displayName": "n", "value": "v", "secret": True, "tags": ["t"]}},
    "policyFragments": {"properties": {"value": "<fragment />", "format": "rawxml", "description": "d"}},
    "products": {"properties": {"displayName": "p", "subscriptionRequired": True, "state": "published", "terms": ""}},
    "subscriptions": {"properties": {"displayName": "s", "scope": "/apis", "state": "active", "primaryKey": "k" * 32}},
    "tags": {"properties": {"displayName": "t"}},
    "apiVersionSets": {"properties": {"displayName": "v", "versioningScheme": "Header", "versionHeaderName": "x"}},
    "releases": {"properties": {"apiId": "/apis/orders", "notes": "n"}},
    "groups": {"properties": {"displayName": "g", "type": "custom", "externalId": None}},
    "listDebugCredentials": {"apiId": "/apis/orders", "credentialsExpireAfter": "PT1H", "purposes": ["tracing"]},
    "listTrace": {"traceId": "t"},
    "userAssignedIdentities": {"location": "westeurope", "tags": {"a": "b"}},
    "federatedIdentityCredentials": {"properties": {"issuer": "https://i", "subject": "s", "audiences": ["a"]}},
    "serverfarms": {"location": "westeurope", "kind": "linux", "sku": {"name": "Y1"}, "properties": {"reserved": True}},
    "sites": {
        "location": "westeurope",
        "kind": "functionapp,linux",
        "identity": {"type": "SystemAssigned"},
        "properties": {"siteConfig": {"appSettings": [{"name": "a", "value": "b"}]}, "httpsOnly": True},
    },
    "appsettings": {"properties": {"A": "b"}},
    "roleAssignments": {"properties": {"roleDefinitionId": "/x", "principalId": "y", "principalType": "User"}},
    "roleDefinitions": {
        "properties": {
            "roleName": "r",
            "type": "CustomRole",
            "permissions": [{"actions": ["*"], "notActions": [], "dataActions": []}],
            "assignableScopes": ["/"],
        }
    },
    "locks": {"properties": {"level": "CanNotDelete", "notes": "n", "owners": [{"applicationId": "a"}]}},
}
"""Bodies that are nearly right, by the collection or the action that they are sent to."""


WRONG: Sequence[Any] = (
    5,
    -1.5,
    "x",
    "",
    True,
    None,
    [],
    [5],
    ["x", None],
    {},
    {"a": 1},
    {"a": {"b": []}},
    "\ud800",
    "a" * 5000,
)
REMOVED = object()


def damaged(body: Any) -> Iterator[bytes]:
    """The body once as it is, and once for each of its places and each wrong value there, and without that place."""
    yield json.dumps(body).encode()
    for number, _ in enumerate(places(body)):
        for wrong in (*WRONG, REMOVED):
            broken = copy.deepcopy(body)
            place, at = list(places(broken))[number]
            if wrong is REMOVED:
                del place[at]
            else:
                place[at] = wrong
            yield json.dumps(broken).encode()


def places(body: Any) -> Iterator[tuple[Any, Any]]:
    """Every container in the body with each of its keys or indexes."""
    inside = body.items() if isinstance(body, dict) else enumerate(body) if isinstance(body, list) else ()
    for at, value in list(inside):
        yield body, at
        yield from places(value)


class There:
    """A world with one imported app, whose ids fill the parameters of routes."""

    def __init__(self) -> None:
        self.world = World()
        self.team = imported(self.world)
        self.services = Services(self.world, None)
        entra = self.world.entra
        entra.graph_permissions[OPERATOR] = {"Application.ReadWrite.All", "AppRoleAssignment.ReadWrite.All"}
        self.arm_token = entra.token_for_client(OPERATOR, "https://management.azure.com")
        self.graph_token = entra.token_for_client(OPERATOR, "https://graph.microsoft.com")

    def parameters(self) -> dict[str, str]:
        team = self.team
        return {
            "sub": team.subscription_id,
            "rg": "shop-rg",
            "scope": team.service_id.strip("/"),
            "service": "contoso",
            "api": team.api_name,
            "operation": team.operation_ids[0].rpartition("/")[2],
            "policy": "policy",
            "backend": team.backend_name,
            "named_value": team.named_value_name,
            "sid": "master",
            "name": "orders-fn",
            "function": "Ping",
            "key": team.host_key_name,
        }

    def nearly_right(self, route: Route) -> Any:
        """What such a route takes, as far as it is known: what is stored under its id, or an example."""
        known = self.parameters()
        stored = self.world.arm.get(route.template.format(**{name: known.get(name, "x") for name in names_in(route)}))
        static = [part for part in route.template.split("/") if part and not part.startswith("{")]
        example = next((VALID[part] for part in reversed(static[-2:]) if part in VALID), {"properties": {}})
        return example if stored is None or route.method == "POST" else stored.body

    def ask(self, call: HttpCall) -> HttpAnswer:
        """The answer of whichever service; an exception of a handler comes out here."""
        return run(self.services.handle(service_of(call), call)).answer


def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(coroutine)


def headers_with(token: str, more: dict[str, str]) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", "Content-Type": "application/json", **more}


# --- Resource Manager -------------------------------------------------------------------------------------------------
def arm_call(there: There, route: Route, body: bytes, **changes: Any) -> HttpCall:
    """A call to this route with the ids of the imported app in its path."""
    known = there.parameters()
    path = route.template.format(**{name: known.get(name, "x") for name in names_in(route)})
    call = HttpCall.of(route.method, "https://management.azure.com/", headers_with(there.arm_token, {}), body)
    version = [("api-version", route.versions[-1])]
    return call.with_(**{"path": path, "raw_path": path, "query": version, **changes})


def names_in(route: Route) -> list[str]:
    return [part[1:-1] for part in route.template.split("/") if part.startswith("{")]


def assert_declared(there: There, route: Route, call: HttpCall) -> None:
    answer = there.ask(call)
    told = f"{route.method} {call.path}: {answer.status} {answer.body[:300]!r} for {call.body[:300]!r}"
    assert answer.status in route.statuses, told


def label(route: Route) -> str:
    return f"{route.method} {route.template.rpartition('/providers/')[2] or route.template}"


@pytest.mark.parametrize("route", [r for r in ALL_ROUTES if r.method in ("PUT", "PATCH", "POST")], ids=label)
def test_a_body_that_is_wrong_in_any_one_place_gets_a_status_that_the_route_declares(route: Route) -> None:
    there = There()
    right = there.nearly_right(route)
    for body in damaged(right):
        assert_declared(there, route, arm_call(there, route, body))


@pytest.mark.parametrize("route", ALL_ROUTES, ids=label)
def test_every_route_of_arm_answers_anything_with_a_status_that_it_declares(route: Route) -> None:
    there = There()

    @SETTINGS
    @given(body=anything, query=some_queries, more=headers, strange=plain_texts, which=st.integers(0, 3))
    def any_input(body: bytes, query: list[tuple[str, str]], more: dict[str, str], strange: str, which: int) -> None:
        call = arm_call(there, route, body)
        call = call.with_(
            query=[*call.query, *query],
            headers=HttpCall.of("GET", "https://x/", headers_with(there.arm_token, more)).headers,
        )
        last = strange.replace("/", "").replace("\ud800", "")
        if which == 0 and route.template.endswith("}") and last:
            path = f"{call.path.rpartition('/')[0]}/{last}"
            call = call.with_(path=path, raw_path=quote(path))
        assert_declared(there, route, call)

    any_input()


# --- the others -------------------------------------------------------------------------------------------------------
ENTRA = [
    "oauth2/v2.0/token",
    "oauth2/token",
    "v2.0/.well-known/openid-configuration",
    "discovery/v2.0/keys",
    "nonsense",
]
GRAPH = [
    "applications",
    "servicePrincipals",
    "applications/{app}",
    "applications(appId='{client}')",
    "applications(uniqueName='x')",
    "servicePrincipals/{sp}",
    "servicePrincipals/{sp}/appRoleAssignedTo",
    "servicePrincipals/{sp}/appRoleAssignments/x",
    "applications/{app}/federatedIdentityCredentials",
    "applications/{app}/addPassword",
    "applications/{app}/owners/$ref",
    "applications/delta",
    "directory/deletedItems/{app}",
    "directory/deletedItems/microsoft.graph.application",
    "$batch",
    "organization",
    "nonsense",
]
GRAPH_NAMES = re.findall(
    r"\S+",
    """
    displayName appId uniqueName identifierUris web spa publicClient api appRoles tags notes requests id method url
    body keyCredentials passwordCredential name issuer subject audiences principalId resourceId appRoleId @odata.id
    requiredResourceAccess signInAudience isFallbackPublicClient optionalClaims info owners
    """,
)
graph_bodies = st.one_of(
    st.dictionaries(st.sampled_from(GRAPH_NAMES), values, max_size=6),
    st.just({"requests": [{"id": "1", "method": "GET", "url": "/applications"}, {"id": 1}, None]}),
).map(lambda body: json.dumps(body).encode())
METHODS = st.sampled_from(["GET", "HEAD", "PUT", "PATCH", "POST", "DELETE", "OPTIONS", "NONSENSE"])
PLAUSIBLE = {*range(200, 207), 302, 301, 304, *range(400, 430), 500, 501, 502, 503}


def call_to(url: str, method: str, body: bytes, sent: dict[str, str], query: list[tuple[str, str]]) -> HttpCall:
    return HttpCall.of(method, url, sent, body).with_(query=query)


@pytest.mark.parametrize("path", GRAPH)
def test_graph_answers_anything(path: str) -> None:
    there = There()
    team = there.team
    target = path.format(app=team.application_id, client=team.client_id, sp=team.principal_id)

    @SETTINGS
    @given(method=METHODS, body=st.one_of(graph_bodies, anything), query=some_queries, more=headers)
    def any_input(method: str, body: bytes, query: list[tuple[str, str]], more: dict[str, str]) -> None:
        sent = headers_with(there.graph_token, more)
        answer = there.ask(call_to(f"https://graph.microsoft.com/v1.0/{target}", method, body, sent, query))
        assert answer.status in PLAUSIBLE - {500}
        if answer.status >= 400 and method != "HEAD":
            assert {"code", "message"} <= answer.data()["error"].keys()

    any_input()


@pytest.mark.parametrize("path", ENTRA)
def test_entra_answers_anything(path: str) -> None:
    there = There()
    forms = st.dictionaries(
        st.sampled_from(
            [
                "grant_type",
                "client_id",
                "client_secret",
                "client_assertion",
                "client_assertion_type",
                "scope",
                "resource",
                "username",
                "x",
            ]
        ),
        st.one_of(
            plain_texts.map(lambda text: text.replace("\ud800", "")),
            st.sampled_from(
                ["client_credentials", OPERATOR, "https://management.azure.com/.default", "a.b.c", "e30.e30.x"]
            ),
        ),
        max_size=6,
    ).map(lambda form: "&".join(f"{name}={value}" for name, value in form.items()).encode())

    @SETTINGS
    @given(method=METHODS, body=st.one_of(forms, anything), query=some_queries)
    def any_input(method: str, body: bytes, query: list[tuple[str, str]]) -> None:
        sent = {"Content-Type": "application/x-www-form-urlencoded"}
        url = f"https://login.microsoftonline.com/{there.world.tenant_id}/{path}"
        answer = there.ask(call_to(url, method, body, sent, query))
        assert answer.status in PLAUSIBLE - {500}

    any_input()


def hosts() -> dict[str, Callable[[There], str]]:
    return {
        "gateway": lambda there: f"https://{there.team.gateway_host}",
        "site": lambda there: f"https://{there.team.site_host}",
        "nobody": lambda there: "https://somewhere.example",
    }


@pytest.mark.parametrize("which", hosts())
def test_gateway_and_site_answer_anything(which: str) -> None:
    there = There()
    origin = hosts()[which](there)
    paths = st.sampled_from(
        [
            "/",
            "/orders/orders",
            "/orders/orders/7",
            "/v1/ping",
            "/.auth/me",
            "/.auth/login/aad",
            "/admin/host/status",
            "//",
            "/%",
        ]
    )
    sent = st.dictionaries(
        st.sampled_from(
            [
                "Authorization",
                "Ocp-Apim-Subscription-Key",
                "x-functions-key",
                "Apim-Debug-Authorization",
                "Cookie",
                "Origin",
            ]
        ),
        st.one_of(
            st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=30),
            st.just(f"Bearer {there.graph_token}"),
            st.just(there.team.master_key),
        ),
        max_size=4,
    )

    @SETTINGS
    @given(method=METHODS, path=paths, body=st.binary(max_size=30), query=some_queries, given_headers=sent)
    def any_input(
        method: str, path: str, body: bytes, query: list[tuple[str, str]], given_headers: dict[str, str]
    ) -> None:
        call = HttpCall.of(method, origin, given_headers, body).with_(path=path, raw_path=path, query=query)
        assert there.ask(call).status in PLAUSIBLE

    any_input()
