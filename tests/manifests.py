"""
Wishes that are good and wishes that are not, each with the reason.

One table for the schema and for `spec.py`, so that they agree. The changes replace top-level fields of
`builders.a_manifest_spec()`.
"""

from typing import Any, NamedTuple

from builders import CLIENT_ID, GROUP, IDENTITY_CLIENT_ID, NAMED_IDENTITY, SERVICE, SITE


class Good(NamedTuple):
    """A change that leaves a manifest good."""

    reason: str
    change: dict[str, Any]


class Bad(NamedTuple):
    """A change that spoils a manifest: the field at fault, and what a refusal has to say for its author to get on."""

    reason: str
    change: dict[str, Any]
    field: str
    way_out: str


def service(**identity: Any) -> dict[str, Any]:
    return {"apiManagement": {"id": SERVICE, "identity": identity}}


def registration(**fields: Any) -> dict[str, Any]:
    return {"entra": {"registration": {"type": "Existing", "clientId": CLIENT_ID} | fields}}


def entra(**fields: Any) -> dict[str, Any]:
    return {"entra": {"registration": {"type": "Existing", "clientId": CLIENT_ID}} | fields}


def functions(**names: Any) -> dict[str, Any]:
    return {"functionApp": {"id": SITE, "functions": names}}


def policy(**caller: Any) -> dict[str, Any]:
    return {"policy": {"callerAuthorization": caller}}


def document(from_: str = "OpenAPI", **ref: str) -> dict[str, Any]:
    return {"api": {"path": "shop", "import": {"from": from_, "openAPI": {"configMapKeyRef": ref}}}}


def rotated(after: str, source: str = "HostKey") -> dict[str, Any]:
    key = {"source": source, "rotateAfter": after}
    return {"functionApp": {"id": SITE, "key": key}}


def scope(**fields: Any) -> dict[str, Any]:
    return {"policy": {"scope": fields}}


def api(**fields: Any) -> dict[str, Any]:
    return {"api": {"name": "orders", "import": {"from": "None"}} | fields}


GOOD = (
    Good("nothing is changed", {}),
    Good("ids are as the portal writes them, in whatever case", {"apiManagement": {"id": SERVICE.lower()}}),
    Good("a group's name may have letters of any script, dots and brackets",
         {"functionApp": {"id": SITE.replace("shop-rg", "bücher_(alt).eu")}}),
    Good("the service's own identity is named", service(type="SystemAssigned")),
    Good("an identity of its own is named", service(type="UserAssigned", id=NAMED_IDENTITY)),
    Good("a client id in capitals is the same client id", registration(clientId=CLIENT_ID.upper())),
    Good("the token version is stated", entra(tokenVersion=1)),
    Good("others may call past the gateway", entra(allow={"clientIds": [IDENTITY_CLIENT_ID]})),
    Good("nobody else may call", entra(allow={})),
    Good("an API's name may have spaces", api(name="Orders v1")),
    Good("a path is all that an import needs", {"api": {"path": "shop/orders.v1"}}),
    Good("an import may say more", {"api": {"name": "orders", "path": "orders", "displayName": "Orders",
        "description": "All orders", "subscriptionRequired": False, "import": {"from": "Functions"}}}),
    Good("the caller's token is handed on", policy(mode="Forward")),
    Good("the caller's token is handed on under a name", policy(mode="Forward", header="X-Caller")),
    Good("callers keep their token", policy(mode="Keep", header="X-Gateway")
         | entra(allow={"clientIds": [IDENTITY_CLIENT_ID]})),
    Good("no call past the gateway", {"verify": {"direct": False}}),
    Good("a call through the gateway", {"verify": {"operation": "GET /orders/1?a=b", "expect": [200, 404]}}),
    Good("a call with what must be encoded", {"verify": {"operation": "GET /orders/a%20b%C3%BC"}}),
    Good("an admin of the shop's own", {"verify": {"operation": "GET /administrators/1.json"}}),
    Good("a call with a key", {"verify": {"operation": "GET /", "subscriptionKeySecretRef": {"name": "a.b",
                                                                                             "key": "k"}}}),
    Good("some functions are published", functions(include=["GetOrder", "list_orders-2"], exclude=["Purge"])
         | {"api": {"path": "orders"}}),
    Good("a slot is a function app", {"functionApp": {"id": SITE + "/slots/staging"}}),
    Good("products hold the API", {"api": {"path": "orders", "products": ["starter", "Partners-2"]}}),
    Good("the shortest interval", {"drift": {"interval": "60s"}}),
    Good("the longest interval", {"drift": {"interval": "23h59m60s"}}),
    Good("no interval is the usual one", {"drift": {}}),
    Good("nothing is written", {"drift": {"mode": "Report"}}),
    Good("parts of their own", {"drift": {"mode": "Ignore", "parts": {"easyAuth": {"mode": "Correct"}, "policy": {}}}}),
    Good("fields of others", {"drift": {"parts": {"backend": {"ignore": ["url", "key"]}}}}),
    Good("all stays in Azure when the binding goes", {"deletionPolicy": "Orphan"}),
    Good("nothing is taken over", {"adopt": False}),
    Good("a key for a day", rotated("24h")),
    Good("one part stays", {"deletionOverrides": {"api": {"policy": "Orphan"}, "hostKey": {"policy": "Delete"}}}),
    Good("a workspace is named", {"signIns": {"workspaceId": CLIENT_ID}}),
    Good("a failing call is traced", {"verify": {"operation": "GET /health", "trace": "OnFailure"}}),
    Good("a document", document(name="orders-openapi", key="openapi.yaml")),
    Good("operations by name and by call", scope(type="Operations", operations=["get-ping", "get /orders/{id}"])),
)  # fmt: skip

BAD = (
    Bad("a name is no id", {"apiManagement": {"id": "contoso"}}, "apiManagement.id", "az apim show --query id"),
    Bad("a site is no service", {"apiManagement": {"id": SITE}}, "apiManagement.id", "az apim show --query id"),
    Bad("a slash at the end makes it another path", {"apiManagement": {"id": SERVICE + "/"}}, "apiManagement.id",
        "az apim show --query id"),
    Bad("a block scalar brings a line feed along", {"apiManagement": {"id": SERVICE + "\n"}}, "apiManagement.id",
        "az apim show --query id"),
    Bad("names do not end with a hyphen", {"apiManagement": {"id": SERVICE + "-"}}, "apiManagement.id",
        "az apim show --query id"),
    Bad("an API of the service is not the service", {"apiManagement": {"id": SERVICE + "/apis/orders"}},
        "apiManagement.id", "az apim show --query id"),
    Bad("a service is no site", {"functionApp": {"id": SERVICE}}, "functionApp.id", "az functionapp show --query id"),
    Bad("a slot has a name", {"functionApp": {"id": SITE + "/slots/"}}, "functionApp.id", "az functionapp show"),
    Bad("a group is no site", {"functionApp": {"id": GROUP}}, "functionApp.id", "az functionapp show --query id"),
    Bad("which identity is not said", service(type="UserAssigned"), "apiManagement.identity", "add `id`"),
    Bad("the service's own identity has no id", service(type="SystemAssigned", id=NAMED_IDENTITY),
        "apiManagement.identity", "remove `id`"),
    Bad("a site is no identity", service(type="UserAssigned", id=SITE), "apiManagement.identity",
        "az identity show --query id"),
    Bad("there is no such kind of identity", service(type="None"), "apiManagement.identity", "SystemAssigned"),
    Bad("an identity has a type", service(), "apiManagement.identity", "type"),
    Bad("an object id has no name in it", registration(clientId="orders-fn"), "entra.registration.clientId",
        "Application (client) ID"),
    Bad("a GUID has hyphens", registration(clientId=CLIENT_ID.replace("-", "")), "entra.registration.clientId", "GUID"),
    Bad("a GUID ends with its last digit", registration(clientId=CLIENT_ID[:-1] + "\n"), "entra.registration.clientId",
        "GUID"),
    Bad("there is no such kind of registration", registration(type="Own"), "entra.registration", "Managed"),
    Bad("which registration exists is not said", entra(registration={"type": "Existing"}), "entra.registration",
        "add `clientId`"),
    Bad("a registration that is made has no client id yet", registration(type="Managed"), "entra.registration",
        "remove `clientId`"),
    Bad("a registration that is found has no client id yet", registration(type="Auto"), "entra.registration",
        "remove `clientId`"),
    Bad("hard is one of three words", entra(harden="Some"), "entra.harden", "Nothing"),
    Bad("assignment is required or not", entra(requireAssignment="yes"), "entra.requireAssignment", "boolean"),
    Bad("there are two token versions", entra(tokenVersion=3), "entra.tokenVersion", "1"),
    Bad("a version is a number", entra(tokenVersion="2"), "entra.tokenVersion", "integer"),
    Bad("a caller is named by its client id", entra(allow={"clientIds": ["reporting"]}), "entra.allow.clientIds",
        "not its object id"),
    Bad("so many callers are no lock", entra(allow={"clientIds": [f"{n:08}-0000-4000-8000-000000000000"
                                                                 for n in range(51)]}),
        "entra.allow.clientIds", "50"),
    Bad("an API's name goes into a path", api(name="orders/v1"), "api.name", "none of"),
    Bad("an API has a name", api(name=""), "api.name", "1"),
    Bad("a name has an end", api(name="o" * 81), "api.name", "80"),
    Bad("an API comes from somewhere", api(**{"import": {"from": "Hearsay"}}), "api.import.from", "Functions"),
    Bad("functions are served somewhere", {"api": {"name": "orders"}}, "api", "needs a path"),
    Bad("functions are served somewhere, imported or so", api(**{"import": {}}), "api", "needs a path"),
    Bad("an API that stands has a name", {"api": {"import": {"from": "None"}}}, "api", "needs a name"),
    Bad("somebody else's API has a path already", api(path="orders"), "api", "somebody else's"),
    Bad("somebody else's API asks for what it asks for", api(subscriptionRequired=True), "api", "somebody else's"),
    Bad("a path has no slash before it", {"api": {"path": "/orders"}}, "api.path", "shop/orders"),
    Bad("a path has no spaces", {"api": {"path": "my orders"}}, "api.path", "shop/orders"),
    Bad("a path is something", {"api": {"path": ""}}, "api.path", "1"),
    Bad("a path has an end", {"api": {"path": "p" * 401}}, "api.path", "400"),
    Bad("there is no such mode", policy(mode="Drop"), "policy.callerAuthorization", "Keep"),
    Bad("a mode is said", policy(), "policy.callerAuthorization", "mode"),
    Bad("nothing is handed on when it is replaced", policy(mode="Replace", header="X-Caller"),
        "policy.callerAuthorization", "remove `header`"),
    Bad("ours has to go somewhere", policy(mode="Keep") | entra(allow={"clientIds": [IDENTITY_CLIENT_ID]}),
        "policy.callerAuthorization", "add `header`"),
    Bad("a header's name has no spaces", policy(mode="Forward", header="X Caller"), "policy.callerAuthorization.header",
        "X-Forwarded-Authorization"),
    Bad("a header has a name", policy(mode="Forward", header=""), "policy.callerAuthorization.header", "1"),
    Bad("a header's name has an end", policy(mode="Forward", header="x" * 101), "policy.callerAuthorization.header",
        "100"),
    Bad("the key has its header", policy(mode="Forward", header="X-Functions-Key"),
        "policy.callerAuthorization.header", "something else"),
    Bad("Easy Auth has its headers", policy(mode="Forward", header="X-MS-Client-Principal"),
        "policy.callerAuthorization.header", "something else"),
    Bad("somebody must be able to call", policy(mode="Keep", header="X-Gateway"), "entra", "allow.clientIds"),
    Bad("a key lives for a day at least", rotated("23h59m"), "functionApp.key.rotateAfter", "24h"),
    Bad("a key does not live for ever", rotated("17521h"), "functionApp.key.rotateAfter", "17520h"),
    Bad("days are no unit", rotated("90d"), "functionApp.key.rotateAfter", "such as 2160h"),
    Bad("no key, nothing to rotate", rotated("720h", "None"), "functionApp.key", "rotateAfter"),
    Bad("a document has to lie somewhere", {"api": {"path": "shop", "import": {"from": "OpenAPI"}}}, "api.import",
        "openAPI"),
    Bad("functions have no document", document("Functions", name="a", key="b"), "api.import", "openAPI"),
    Bad("a ConfigMap has a name", document(name="No Name", key="b"),
        "api.import.openAPI.configMapKeyRef.name", "kubectl get configmaps"),
    Bad("a name is something", document(name="", key="b"), "api.import.openAPI.configMapKeyRef.name", "1"),
    Bad("a name has an end", document(name="n" * 254, key="b"), "api.import.openAPI.configMapKeyRef.name", "253"),
    Bad("a key has no slash", document(name="a", key="b/c"), "api.import.openAPI.configMapKeyRef.key",
        "kubectl describe configmap"),
    Bad("a key is something", document(name="a", key=""), "api.import.openAPI.configMapKeyRef.key", "1"),
    Bad("a key has an end", document(name="a", key="k" * 254), "api.import.openAPI.configMapKeyRef.key", "253"),
    Bad("there is no such part", {"deletionOverrides": {"identity": {"policy": "Orphan"}}}, "deletionOverrides",
        "unknown field"),
    Bad("a part is left or not", {"deletionOverrides": {"api": {"policy": "Keep"}}}, "deletionOverrides.api.policy",
        "Orphan"),
    Bad("what becomes of it is said", {"deletionOverrides": {"api": {}}}, "deletionOverrides.api", "policy"),
    Bad("a workspace is no name", {"signIns": {"workspaceId": "logs"}}, "signIns.workspaceId", "GUID"),
    Bad("no call, nothing to trace", {"verify": {"trace": "OnFailure"}}, "verify", "operation"),
    Bad("traces are made on failure only", {"verify": {"operation": "GET /a", "trace": "Always"}}, "verify.trace",
        "OnFailure"),
    Bad("there is no such scope", scope(type="Product"), "policy.scope", "Operations"),
    Bad("operations are named", scope(type="Operations"), "policy.scope", "operations"),
    Bad("at least one is named", scope(type="Operations", operations=[]), "policy.scope.operations", "1"),
    Bad("there is an end to them", scope(type="Operations", operations=[f"o{n}" for n in range(101)]),
        "policy.scope.operations", "100"),
    Bad("the base policy is for all of them", scope(type="Api", operations=["get-ping"]), "policy.scope", "operations"),
    Bad("an operation is named once", scope(type="Operations", operations=["get-ping", "Get-Ping"]),
        "policy.scope.operations", "twice"),
    Bad("a name has no slash", scope(type="Operations", operations=["get/ping"]), "policy.scope.operations",
        "az apim api operation list"),
    Bad("a name is something", scope(type="Operations", operations=[""]), "policy.scope.operations", "1"),
    Bad("a name has an end", scope(type="Operations", operations=["o" * 401]), "policy.scope.operations", "400"),
    Bad("a call that may change something", {"verify": {"operation": "POST /orders"}}, "verify.operation",
        "GET /orders/1"),
    Bad("a call without a path", {"verify": {"operation": "GET orders"}}, "verify.operation", "GET /orders/1"),
    Bad("a call to the host itself", {"verify": {"operation": "GET /Admin/host/status"}}, "verify.operation", "/admin"),
    Bad("a call to Easy Auth", {"verify": {"operation": "GET /.auth/me"}}, "verify.operation", "/.auth"),
    Bad("a call out of the API", {"verify": {"operation": "GET /a/../admin"}}, "verify.operation", "a path of the API"),
    Bad("a call out of it in disguise", {"verify": {"operation": "GET /a/%2E./admin"}}, "verify.operation",
        "a path of the API"),
    Bad("a call to the host in disguise", {"verify": {"operation": "GET /%61dmin/host/status"}}, "verify.operation",
        "a path of the API"),
    Bad("a call to the host that asks", {"verify": {"operation": "GET /admin?a=b"}}, "verify.operation", "/admin"),
    Bad("a call to it with two slashes", {"verify": {"operation": "GET //admin/host"}}, "verify.operation", "/admin"),
    Bad("a call of nothing", {"verify": {"operation": ""}}, "verify.operation", "5"),
    Bad("a call without an end", {"verify": {"operation": "GET /" + "a" * 400}}, "verify.operation", "400"),
    Bad("nothing is expected of no call", {"verify": {"expect": [200]}}, "verify", "needs an operation"),
    Bad("no call needs no key", {"verify": {"subscriptionKeySecretRef": {"name": "a", "key": "k"}}}, "verify",
        "needs an operation"),
    Bad("that is no status", {"verify": {"operation": "GET /", "expect": [99]}}, "verify.expect", "100"),
    Bad("nor is that", {"verify": {"operation": "GET /", "expect": [600]}}, "verify.expect", "599"),
    Bad("any status will do", {"verify": {"operation": "GET /", "expect": [*range(200, 211)]}}, "verify.expect", "10"),
    Bad("a Secret's name is small", {"verify": {"operation": "GET /", "subscriptionKeySecretRef": {"name": "A",
        "key": "k"}}}, "verify.subscriptionKeySecretRef.name", "kubectl get secrets"),
    Bad("a Secret's name is no path", {"verify": {"operation": "GET /", "subscriptionKeySecretRef": {"name": "a/b",
        "key": "k"}}}, "verify.subscriptionKeySecretRef.name", "kubectl get secrets"),
    Bad("a Secret's key is no path", {"verify": {"operation": "GET /", "subscriptionKeySecretRef": {"name": "a",
        "key": "k/l"}}}, "verify.subscriptionKeySecretRef.key", "kubectl describe secret"),
    Bad("a function's name is no path", functions(include=["orders/1"]), "functionApp.functions.include", "function"),
    Bad("a function has a name", functions(exclude=[""]), "functionApp.functions.exclude", "1"),
    Bad("a function's name has an end", functions(exclude=["f" * 128]), "functionApp.functions.exclude", "127"),
    Bad("so many functions are no choice", functions(include=[f"f{n}" for n in range(101)]),
        "functionApp.functions.include", "100"),
    Bad("in and out at once", functions(include=["A"], exclude=["A"]) | {"api": {"path": "orders"}},
        "functionApp.functions", "remove it"),
    Bad("of somebody else's API nothing is chosen", functions(exclude=["A"]), "functionApp.functions",
        "from: Functions"),
    Bad("a product's name is no path", {"api": {"path": "orders", "products": ["a/b"]}}, "api.products", "product"),
    Bad("a product has a name", {"api": {"path": "orders", "products": [""]}}, "api.products", "1"),
    Bad("a product's name has an end", {"api": {"path": "orders", "products": ["p" * 81]}}, "api.products", "80"),
    Bad("so many products", {"api": {"path": "orders", "products": [f"p{n}" for n in range(21)]}}, "api.products",
        "20"),
    Bad("somebody else's API is in the products it is in", api(products=["starter"]), "api", "somebody else's"),
    Bad("there is no such mode", {"drift": {"mode": "Off"}}, "drift.mode", 'supported values: "Correct", "Report"'),
    Bad("a field that must not be left to others", {"drift": {"parts": {"easyAuth": {"ignore": ["enabled"]}}}},
        "drift.parts.easyAuth.ignore", 'supported values: "issuer"'),
    Bad("a part without fields to leave", {"drift": {"parts": {"policy": {"ignore": ["url"]}}}},
        "drift.parts.policy.ignore", "unknown field"),
    Bad("a number has no unit", {"drift": {"interval": "600"}}, "drift.interval", "10m, 1h30m or 90s"),
    Bad("soon is no duration", {"drift": {"interval": "soon"}}, "drift.interval", "10m, 1h30m or 90s"),
    Bad("nothing is no duration", {"drift": {"interval": ""}}, "drift.interval", "10m, 1h30m or 90s"),
    Bad("more often than Azure bears", {"drift": {"interval": "59s"}}, "drift.interval", "between 1m and 24h"),
    Bad("less often than anybody would notice", {"drift": {"interval": "24h1s"}}, "drift.interval",
        "between 1m and 24h"),
    Bad("deleting is one word or the other", {"deletionPolicy": "Keep"}, "deletionPolicy", "Orphan"),
    Bad("yes is a string", {"adopt": "yes"}, "adopt", "boolean"),
    Bad("true in quotes is a string", {"adopt": "true"}, "adopt", "boolean"),
    Bad("nobody knows this field", {"apiManagment": {"id": SERVICE}}, "apiManagment", "unknown field"),
    Bad("nobody knows this field in there", api(paht="orders"), "api.paht", "unknown field"),
)  # fmt: skip
