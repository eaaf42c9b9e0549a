"""Clients that stand in for Azure's in the aspects' unit tests: a dict each, and a list of what was written."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from builders import CLIENT_ID, IDENTITY_CLIENT_ID, PRINCIPAL_ID, SERVICE, SITE, TENANT
from funcgate.azure import (
    Api,
    ApiOperation,
    Application,
    Backend,
    Function,
    ManagedIdentity,
    NamedValue,
    PolicyText,
    Product,
    Service,
    ServicePrincipal,
    Site,
    UserIdentity,
    WaysIn,
)
from funcgate.engine import Engine, Outcome, Pass
from funcgate.errors import NotFound
from funcgate.model import Aspect, Facts
from funcgate.secrets import Secret
from funcgate.spec import Binding
from funcgate.steps import wrote


class Written(list[Any]):
    """What was written; each write belongs to the step under way, as a real client's."""

    def append(self, what: Any) -> None:
        super().append(what)
        wrote(f"id of write {len(self)}")


IDS = ManagedIdentity(principal_id=PRINCIPAL_ID, client_id=IDENTITY_CLIENT_ID, tenant_id=TENANT)


def a_service(**changes: Any) -> Service:
    service = Service(
        id=SERVICE, gateway_url="https://contoso.azure-api.net", provisioning_state="Succeeded", location="x", sku="y"
    )
    return replace(service, **changes)


def a_backend(**changes: Any) -> Backend:
    backend = Backend(
        name="orders-fn",
        url="https://orders-abc.azurewebsites.net/v1",
        protocol="http",
        resource_id=f"https://management.azure.com{SITE}",
        description="orders-fn",
        header_credentials={"x-functions-key": ("{{orders-fn-key}}",)},
        etag='"1"',
    )
    return replace(backend, **changes)


def a_site(**changes: Any) -> Site:
    site = Site(
        id=SITE,
        host_name="orders-abc.azurewebsites.net",
        host_names=("orders-abc.azurewebsites.net",),
        kind="functionapp,linux",
        state="Running",
        enabled=True,
        location="x",
        sku="Dynamic",
        https_only=True,
    )
    return replace(site, **changes)


def a_function(
    name: str = "GetOrder", route: str | None = "orders/{id}", prefix: str = "v1/", **binding: Any
) -> Function:
    trigger = {"type": "httpTrigger", "route": route} | binding
    template = f"https://orders-abc.azurewebsites.net/{prefix}{route or name}".lower()
    return Function(name=name, bindings=[trigger], invoke_url_template=template, disabled=False)


@dataclass
class StubApim:
    """API Management with one service."""

    service: Service = field(default_factory=a_service)
    api: Api | None = None
    backends: dict[str, Backend] = field(default_factory=dict)
    named_values: dict[str, NamedValue] = field(default_factory=dict)
    values: dict[str, Secret] = field(default_factory=dict)
    policy: PolicyText | None = None
    operation_policies: dict[str, PolicyText | None] = field(default_factory=dict)
    products: Sequence[Product] = ()
    global_policy: PolicyText | None = None
    api_gone: bool = False
    refuses_delete: Exception | None = None
    written: Written = field(default_factory=Written)

    async def get_service(self, service: str) -> Service:
        return self.service

    async def add_identity(self, service: str, *, system: bool, user_assigned: str | None) -> Service:
        self.written.append(("identity", system, user_assigned))
        ids = UserIdentity(id=user_assigned or "", principal_id=PRINCIPAL_ID, client_id=IDENTITY_CLIENT_ID)
        named = {user_assigned.lower(): ids} if user_assigned else {}
        self.service = replace(self.service, has_system_identity=system, user_assigned=named)
        return self.service

    async def get_api(self, service: str, api: str) -> Api | None:
        return self.api

    async def products_of(self, service: str, api: str) -> Sequence[Product]:
        return self.products

    async def get_product(self, service: str, product: str) -> Product | None:
        return next((each for each in self.products if each.name == product), None)

    async def get_global_policy(self, service: str) -> PolicyText | None:
        return self.global_policy

    async def get_backend(self, service: str, name: str) -> Backend | None:
        return self.backends.get(name)

    async def list_backends(self, service: str) -> Sequence[Backend]:
        return list(self.backends.values())

    async def get_named_value(self, service: str, name: str) -> NamedValue | None:
        return self.named_values.get(name)

    async def value_of(self, service: str, seen: NamedValue) -> Secret:
        return self.values[seen.name]

    async def put_named_value(
        self, service: str, name: str, value: Secret, tags: Sequence[str], etag: str | None
    ) -> None:
        self.written.append(("put", name, tuple(tags), etag))
        self.named_values[name] = NamedValue(name=name, secret=True, tags=tuple(tags), etag='"2"')
        self.values[name] = value

    async def tag_named_value(self, service: str, name: str, tags: Sequence[str], etag: str | None) -> None:
        self.written.append(("tag", name, tuple(tags), etag))
        self.named_values[name] = replace(self.named_values[name], tags=tuple(tags))

    async def delete_named_value(self, service: str, name: str, etag: str | None) -> None:
        if self.refuses_delete:
            raise self.refuses_delete
        self.written.append(("delete", name, etag))
        del self.named_values[name]

    async def put_backend(self, service: str, name: str, change: Mapping[str, Any], etag: str | None) -> None:
        self.written.append(("put", name, change, etag))
        seen = self.backends.get(name, a_backend(header_credentials={}))
        headers = {
            key.lower(): tuple(values or ()) for key, values in change.get("credentials", {}).get("header", {}).items()
        }
        kept = {key: values for key, values in seen.header_credentials.items() if key.lower() not in headers}
        self.backends[name] = replace(
            seen,
            url=change.get("url", seen.url),
            description=change["description"],
            header_credentials=kept | headers,
        )

    async def delete_backend(self, service: str, name: str, etag: str | None) -> None:
        if self.refuses_delete:
            raise self.refuses_delete
        self.written.append(("delete", name, etag))
        del self.backends[name]

    async def list_operations(self, service: str, api: str) -> Sequence[ApiOperation]:
        return [
            ApiOperation(name=each, method="GET", template=f"/{each.partition('-')[2]}")
            for each in self.operation_policies
        ]

    async def get_inner_policies(
        self, service: str, api: str, watched: Callable[[ApiOperation], bool] = lambda _: False
    ) -> Sequence[tuple[ApiOperation, PolicyText]]:
        operations = await self.list_operations(service, api)
        return [(each, policy) for each in operations if (policy := self.operation_policies[each.name])]

    async def get_policy(self, service: str, api: str, operation: str | None = None) -> PolicyText | None:
        if self.api_gone:
            raise NotFound("no such API", reason="ApiNotFound")
        return self.operation_policies.get(operation) if operation else self.policy

    async def put_policy(
        self, service: str, api: str, text: str, etag: str | None, operation: str | None = None
    ) -> None:
        if operation and operation not in self.operation_policies:
            raise NotFound("no such operation", reason="ResourceNotFound")
        self.written.append(("put", operation or api, etag))
        self._keep(operation, PolicyText(text=text, etag='"2"'))

    async def delete_policy(self, service: str, api: str, etag: str | None, operation: str | None = None) -> None:
        self.written.append(("delete", operation or api, etag))
        self._keep(operation, None)

    def _keep(self, operation: str | None, policy: PolicyText | None) -> None:
        if operation:
            self.operation_policies[operation] = policy
        else:
            self.policy = policy


@dataclass
class StubFunctionApps:
    """App Service with one site."""

    site: Site = field(default_factory=a_site)
    functions: Sequence[Function] | Exception = field(default_factory=lambda: [a_function()])
    auth: dict[str, Any] = field(default_factory=lambda: {"platform": {"enabled": False}})
    site_gone: Exception | None = None
    keys: dict[str, str] | Exception = field(default_factory=lambda: {"default": "d"})
    written: Written = field(default_factory=Written)

    async def host_keys(self, site: str) -> Mapping[str, Secret]:
        if isinstance(self.keys, Exception):
            raise self.keys
        return {name: Secret(value) for name, value in self.keys.items()}

    async def make_host_key(self, site: str, name: str) -> None:
        assert isinstance(self.keys, dict)
        self.written.append(("make", name))
        self.keys[name] = f"value of {name}"

    async def delete_host_key(self, site: str, name: str) -> None:
        assert isinstance(self.keys, dict)
        self.written.append(("delete", name))
        del self.keys[name]

    async def get_site(self, site: str) -> Site:
        if self.site_gone:
            raise self.site_gone
        return self.site

    async def list_functions(self, site: str) -> Sequence[Function]:
        if isinstance(self.functions, Exception):
            raise self.functions
        return self.functions

    async def get_auth(self, site: str) -> Mapping[str, Any]:
        return self.auth

    async def put_auth(self, site: str, lay: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> None:
        self.auth = dict(lay(self.auth))
        self.written.append(self.auth)


@dataclass
class StubIdentities:
    """Managed identities; a missing one is None, or raises when it was named."""

    system: ManagedIdentity | None = IDS
    named: ManagedIdentity | Exception = IDS

    async def system_assigned(self, scope: str) -> ManagedIdentity | None:
        return self.system

    async def user_assigned(self, id: str) -> ManagedIdentity:  # noqa: A002 as the client calls it
        if isinstance(self.named, Exception):
            raise self.named
        return self.named


def an_application(**changes: Any) -> Application:
    application = Application(
        object_id="o",
        client_id=CLIENT_ID,
        display_name="Orders",
        unique_name="",
        token_version=2,
        ways_in=WaysIn(),
        roles=frozenset(),
    )
    return replace(application, **changes)


def a_principal(**changes: Any) -> ServicePrincipal:
    principal = ServicePrincipal(object_id="s", client_id=CLIENT_ID, assignment_required=False, enabled=True)
    return replace(principal, **changes)


@dataclass
class StubGraph:
    """Microsoft Graph with one application."""

    application: Application | None = field(default_factory=an_application)
    principal: ServicePrincipal | None = field(default_factory=a_principal)
    assigned: list[str] = field(default_factory=list)
    refuses: Exception | None = None
    written: Written = field(default_factory=Written)

    async def get_application(self, client_id: str) -> Application | None:
        if self.refuses:
            raise self.refuses
        return self.application if self.application and self.application.client_id == client_id else None

    async def find_application(self, unique_name: str) -> Application | None:
        if self.refuses:
            raise self.refuses
        return self.application if self.application and self.application.unique_name == unique_name else None

    async def make_application(self, unique_name: str, properties: Mapping[str, Any]) -> None:
        self.written.append(("make", unique_name, properties))
        roles = frozenset(each["id"] for each in properties["appRoles"])
        self.application = an_application(unique_name=unique_name, roles=roles)

    async def change_application(self, client_id: str, properties: Mapping[str, Any]) -> None:
        assert self.application
        self.written.append(("change", properties))
        self.application = replace(self.application, token_version=properties["api"]["requestedAccessTokenVersion"])

    async def close_ways_in(self, client_id: str, gone: WaysIn) -> None:
        assert self.application
        self.written.append(("close", gone))
        before = self.application.ways_in
        after = WaysIn(
            redirects=before.redirects - gone.redirects,
            implicit_tokens=before.implicit_tokens - gone.implicit_tokens,
            public_client=before.public_client and not gone.public_client,
        )
        self.application = replace(self.application, ways_in=after)

    async def add_role(self, client_id: str, role: Mapping[str, Any]) -> None:
        assert self.application
        self.written.append(("role", role["value"]))
        self.application = replace(self.application, roles=self.application.roles | {role["id"]})

    async def delete_application(self, client_id: str) -> None:
        self.written.append(("delete", client_id))
        self.application = None

    async def get_service_principal(self, client_id: str) -> ServicePrincipal | None:
        return self.principal

    async def make_service_principal(self, client_id: str) -> None:
        self.written.append(("present", client_id))
        self.principal = a_principal(client_id=client_id)

    async def require_assignment(self, principal: ServicePrincipal) -> None:
        self.written.append(("require", principal.object_id))
        self.principal = replace(principal, assignment_required=True)

    async def assigned_to(self, principal: ServicePrincipal) -> Sequence[str]:
        return list(self.assigned)

    async def assign(self, principal: ServicePrincipal, to: str, role: str) -> None:
        self.written.append(("assign", to))
        self.assigned.append(to)


class Given(Aspect[Any]):
    """Gives facts and does nothing else: what the other aspects would have found."""

    name = "given"
    condition = "GivenReady"

    def __init__(self, **facts: Any) -> None:
        self.facts = facts
        self.gives = tuple(Facts.__dataclass_fields__)  # type: ignore[misc]

    def home(self, binding: Binding) -> str:
        return binding.spec.api_management.id

    async def observe(self, binding: Binding) -> Mapping[str, Any]:
        return {}

    def learn(self, binding: Binding, observed: Mapping[str, Any]) -> Mapping[str, Any]:
        return self.facts


async def run(aspect: Aspect[Any], binding: Binding, **facts: Any) -> tuple[Outcome, Pass]:
    """One pass of this aspect alone, with these facts given."""

    async def is_gone(_: str) -> bool | None:
        return False

    done = await Engine([Given(**facts), aspect], is_gone).reconcile(binding)
    return done.outcomes[-1], done
