"""
The simulator beside a simple model, over long random histories: ETags, cascades, uniqueness, references.

Each rule is one call; the model says what Azure must answer. Sources are those of the behaviours themselves, which have
tests of their own; here they meet each other.
"""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from azuresim import World
from azuresim.apim.service import add_service
from azuresim.services import Services, service_of
from azuresim.wire import HttpAnswer, HttpCall

GROUP = "/subscriptions/00000000-aaaa-4000-8000-00000000000a/resourceGroups/shop"
SERVICE = f"{GROUP}/providers/Microsoft.ApiManagement/service/contoso"
CLIENT = "0be7a70a-0000-4000-8000-000000000001"
SETTINGS = settings(
    max_examples=12,
    stateful_step_count=40,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)


class Machine(RuleBasedStateMachine):
    """A world with one client that may do everything, asked without a network between."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.world.entra.add_application("client", client_id=CLIENT)
        self.world.entra.graph_permissions[CLIENT] = {"Application.ReadWrite.All", "AppRoleAssignment.ReadWrite.All"}
        self.services = Services(self.world, None)

    def ask(self, method: str, url: str, body: Any = None, headers: dict[str, str] | None = None) -> HttpAnswer:
        audience = "https://graph.microsoft.com" if "graph.microsoft.com" in url else "https://management.azure.com"
        token = self.world.entra.token_for_client(CLIENT, audience)
        sent = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", **(headers or {})}
        call = HttpCall.of(method, url, sent, b"" if body is None else json.dumps(body).encode())
        return asyncio.run(self.services.handle(service_of(call), call)).answer


# --- API Management ---------------------------------------------------------------------------------------------------
APIS, BACKENDS, NAMED_VALUES, OPERATIONS = ("a", "b", "C"), ("one", "two"), ("n1", "n2"), ("get", "list")
apis = st.sampled_from(APIS)
backends = st.sampled_from(BACKENDS)
named_values = st.sampled_from(NAMED_VALUES)
matches = st.sampled_from(["none", "any", "current", "stale"])


def policy_of(backend: str | None, named_value: str | None) -> str:
    statements = f'<set-backend-service backend-id="{backend}" />' if backend else ""
    if named_value:
        statements += f'<set-header name="x"><value>{{{{{named_value}}}}}</value></set-header>'
    return f"<policies><inbound><base />{statements}</inbound><backend><base /></backend></policies>"


class ApiManagement(Machine):
    """`there` maps ids below the service to what the model knows of them."""

    def __init__(self) -> None:
        super().__init__()
        add_service(self.world, SERVICE)
        self.there: dict[str, Any] = {}
        self.etags: dict[str, str] = {}
        self.newest = 0

    # --- asking
    def call(self, method: str, path: str, body: Any = None, match: str = "none") -> HttpAnswer:
        sent = {"none": {}, "any": {"If-Match": "*"}, "stale": {"If-Match": '"AAAAAAAAAAA="'}}.get(match)
        if sent is None:
            sent = {"If-Match": self.etags.get(path, '"AAAAAAAAAAA="')}
        url = f"https://management.azure.com{SERVICE}{path}?api-version=2024-05-01"
        return self.ask(method, url, body, sent)

    def refused_by_etag(self, path: str, match: str) -> bool:
        return match == "stale" or (match == "current" and path not in self.there)

    def write(self, path: str, content: Any, properties: dict[str, Any], match: str, valid: bool) -> None:
        """A PUT: refused by ETag, then by what the model says, else 201 or 200 with an ETag that tells changes."""
        answer = self.call("PUT", path, {"properties": properties}, match)
        if self.refused_by_etag(path, match):
            assert answer.status == 412
            return
        if not valid:
            assert (answer.status, answer.data()["error"]["code"]) == (400, "ValidationError"), answer.body
            return
        assert answer.status == (200 if path in self.there else 201), answer.body
        self.now_there(path, content)

    def now_there(self, path: str, content: Any) -> None:
        etag = self.call("GET", path).headers["ETag"]
        number = int.from_bytes(base64.b64decode(etag.strip('"')), "big")
        if self.there.get(path) == content:
            assert etag == self.etags[path]
        else:
            assert number > self.newest, "a change raises the service's one counter"
            self.newest = number
        self.there[path], self.etags[path] = content, etag

    def remove(self, path: str, match: str, allowed: bool = True) -> None:
        answer = self.call("DELETE", path, match=match)
        if path not in self.there:
            assert answer.status == 204
        elif self.refused_by_etag(path, match):
            assert answer.status == 412
        elif not allowed:
            assert answer.status == 400
        else:
            assert answer.status in (200, 202)
            for gone in [each for each in self.there if each == path or each.startswith(f"{path}/")]:
                del self.there[gone], self.etags[gone]

    def users_of(self, kind: str, name: str) -> list[str]:
        return [path for path, content in self.there.items() if path.endswith("/policy") and content.get(kind) == name]

    # --- rules
    @rule(api=apis, path=st.sampled_from(["p", "q", "Q", "r/s"]), match=matches)
    def put_api(self, api: str, path: str, match: str) -> None:
        mine = f"/apis/{api}"
        taken = {c["path"].lower() for p, c in self.there.items() if p.count("/") == 2 and "/apis/" in p and p != mine}
        properties = {"displayName": api, "path": path, "protocols": ["https"]}
        self.write(mine, {"path": path}, properties, match, valid=path.lower() not in taken)

    @rule(api=apis, match=matches)
    def delete_api(self, api: str, match: str) -> None:
        self.remove(f"/apis/{api}", match)

    @rule(api=apis, operation=st.sampled_from(OPERATIONS), method=st.sampled_from(["GET", "POST"]), match=matches)
    def put_operation(self, api: str, operation: str, method: str, match: str) -> None:
        path = f"/apis/{api}/operations/{operation}"
        properties = {"displayName": operation, "method": method, "urlTemplate": "/x", "templateParameters": []}
        if f"/apis/{api}" not in self.there:
            assert self.call("PUT", path, {"properties": properties}).status == 404
            return
        others = [c for p, c in self.there.items() if p.startswith(f"/apis/{api}/operations/") and p != path]
        clash = any(other.get("method") == method for other in others)
        self.write(path, {"method": method}, properties, match, valid=not clash)

    @rule(backend=backends, url=st.sampled_from(["https://x.example", "https://y.example"]), match=matches)
    def put_backend(self, backend: str, url: str, match: str) -> None:
        self.write(f"/backends/{backend}", {"url": url}, {"url": url, "protocol": "http"}, match, valid=True)

    @rule(backend=backends, match=matches)
    def delete_backend(self, backend: str, match: str) -> None:
        self.remove(f"/backends/{backend}", match, allowed=not self.users_of("backend", backend))

    @rule(name=named_values, value=st.sampled_from(["v", "w"]))
    def put_named_value(self, name: str, value: str) -> None:
        path = f"/namedValues/{name}"
        sent = {"properties": {"displayName": name, "value": value}}
        answer = self.call("PUT", path, sent)
        assert answer.status == (200 if path in self.there else 201), answer.body
        self.world.operations.finish(f"{SERVICE}{path}")
        self.now_there(path, {"value": value})

    @rule(name=named_values, match=matches)
    def delete_named_value(self, name: str, match: str) -> None:
        self.remove(f"/namedValues/{name}", match, allowed=not self.users_of("named value", name))

    @rule(api=apis, backend=st.none() | backends, name=st.none() | named_values, match=matches)
    def put_policy(self, api: str, backend: str | None, name: str | None, match: str) -> None:
        path = f"/apis/{api}/policies/policy"
        properties = {"format": "rawxml", "value": policy_of(backend, name)}
        if f"/apis/{api}" not in self.there:
            assert self.call("PUT", path, {"properties": properties}).status == 404
            return
        known = (backend is None or f"/backends/{backend}" in self.there) and (
            name is None or f"/namedValues/{name}" in self.there
        )
        self.write(path, {"backend": backend, "named value": name}, properties, match, valid=known)

    @rule(api=apis, match=matches)
    def delete_policy(self, api: str, match: str) -> None:
        self.remove(f"/apis/{api}/policies/policy", match)

    # --- what always holds
    @invariant()
    def everything_is_where_the_model_has_it(self) -> None:
        for path, etag in self.etags.items():
            answer = self.call("GET", path)
            assert (answer.status, answer.headers["ETag"]) == (200, etag)

    @invariant()
    def lists_hold_exactly_the_members(self) -> None:
        for collection in ("/apis", "/backends", "/namedValues"):
            listed = {item["name"] for item in self.call("GET", collection).data()["value"]}
            assert listed == {p.rpartition("/")[2] for p in self.there if p.rpartition("/")[0] == collection}


TestApiManagement = ApiManagement.TestCase
TestApiManagement.settings = SETTINGS


# --- the directory ----------------------------------------------------------------------------------------------------
GRAPH = "https://graph.microsoft.com/v1.0"
URIS = ("api://contoso.onmicrosoft.com/one", "api://contoso.onmicrosoft.com/two")
ROLE = {
    "allowedMemberTypes": ["Application"],
    "displayName": "Caller",
    "description": "May call.",
    "id": "0a0a0a0a-0000-4000-8000-000000000001",
    "value": "Caller",
    "isEnabled": True,
}
slots = st.sampled_from([0, 1, 2])


class Directory(Machine):
    """Up to three applications, each perhaps with a service principal; `apps` is the model."""

    def __init__(self) -> None:
        super().__init__()
        self.apps: dict[int, dict[str, Any]] = {}

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> HttpAnswer:
        return self.ask(method, f"{GRAPH}/{path}", body, headers)

    @rule(slot=slots)
    def create(self, slot: int) -> None:
        if slot in self.apps:
            return
        answer = self.call("POST", "applications", {"displayName": "same for all"})
        assert answer.status == 201, "duplicate display names are allowed"
        body = answer.data()
        self.apps[slot] = {"id": body["id"], "appId": body["appId"], "uris": [], "role": None, "principal": None}

    @rule(slot=slots)
    def delete(self, slot: int) -> None:
        app = self.apps.pop(slot, None)
        if app is None:
            return
        assert self.call("DELETE", f"applications/{app['id']}").status == 204
        assert self.call("GET", f"directory/deletedItems/{app['id']}").status == 200
        if app["principal"]:
            assert self.call("GET", f"servicePrincipals/{app['principal']}").status == 404

    @rule(slot=slots, uri=st.sampled_from(URIS))
    def claim_uri(self, slot: int, uri: str) -> None:
        app = self.apps.get(slot)
        if app is None:
            return
        taken = any(uri in other["uris"] for other in self.apps.values() if other is not app)
        answer = self.call("PATCH", f"applications/{app['id']}", {"identifierUris": [uri]})
        if taken:
            assert answer.status in (400, 409)
        else:
            assert answer.status == 204, answer.body
            app["uris"] = [uri]

    @rule(slot=slots)
    def add_principal(self, slot: int) -> None:
        app = self.apps.get(slot)
        if app is None:
            return
        answer = self.call("POST", "servicePrincipals", {"appId": app["appId"]})
        assert answer.status == (409 if app["principal"] else 201)
        if not app["principal"]:
            app["principal"] = answer.data()["id"]

    @rule(slot=slots, enabled=st.booleans())
    def set_role(self, slot: int, enabled: bool) -> None:
        app = self.apps.get(slot)
        if app is None:
            return
        answer = self.call("PATCH", f"applications/{app['id']}", {"appRoles": [ROLE | {"isEnabled": enabled}]})
        assert answer.status == 204, answer.body
        app["role"] = enabled

    @rule(slot=slots)
    def remove_role(self, slot: int) -> None:
        app = self.apps.get(slot)
        if app is None:
            return
        answer = self.call("PATCH", f"applications/{app['id']}", {"appRoles": []})
        assert answer.status == (400 if app["role"] else 204), "an enabled role must be disabled first"
        if not app["role"]:
            app["role"] = None

    @invariant()
    def what_is_there_is_found_by_id_and_by_client_id(self) -> None:
        for app in self.apps.values():
            for address in (f"applications/{app['id']}", f"applications(appId='{app['appId']}')"):
                body = self.call("GET", address).data()
                seen = (body["id"], body["identifierUris"], [role["isEnabled"] for role in body["appRoles"]])
                assert seen == (app["id"], app["uris"], [] if app["role"] is None else [app["role"]])
            if app["principal"]:
                principal = self.call("GET", f"servicePrincipals(appId='{app['appId']}')").data()
                assert principal["id"] == app["principal"]
                assert len(principal["appRoles"]) == (app["role"] is not None)


TestDirectory = Directory.TestCase
TestDirectory.settings = SETTINGS


def test_the_machines_are_not_idle() -> None:
    """Nothing of Azure: a machine whose rules all returned at once would prove nothing."""
    machine = ApiManagement()
    machine.newest = 10**6
    with pytest.raises(AssertionError, match="raises the service's one counter"):
        machine.put_backend("one", "https://x.example", "none")
