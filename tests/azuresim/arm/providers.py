"""Resource providers: which there are, what they can do, and whether a subscription is registered with them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from azuresim.arm.paging import argument, page
from azuresim.arm.regions import REGIONS
from azuresim.arm.registrations import looked_at, registration, set_registration
from azuresim.arm.routes import ROUTES, ArmError, ArmRequest, Route, route
from azuresim.arm.versions import RESOURCES, ROLE_DEFINITIONS
from azuresim.wire import ArmResponse

if TYPE_CHECKING:
    from azuresim.world import World

UNCOVERED = "resource providers are not among the contract documents"
PROVIDERS = "/subscriptions/{sub}/providers"
PROVIDER = f"{PROVIDERS}/{{namespace}}"
FREE = ("microsoft.authorization", "microsoft.resources")
GLOBAL = ("microsoft.authorization", "microsoft.resources")
OTHERS = (
    *("AlertsManagement", "AppConfiguration", "AppPlatform", "Automation", "AVS", "BotService", "Cache", "Cdn"),
    *("CognitiveServices", "Compute", "ContainerInstance", "ContainerRegistry", "ContainerService", "CostManagement"),
    *("CustomProviders", "DBforMySQL", "DBforPostgreSQL", "DataFactory", "DataProtection", "Databricks", "DevTestLab"),
    *("Devices", "DocumentDB", "EventGrid", "EventHub", "HDInsight", "HealthcareApis", "KeyVault", "Kusto", "Logic"),
    *("MachineLearningServices", "Maintenance", "ManagedServices", "Management", "Maps", "Network"),
    *("NotificationHubs", "OperationalInsights", "OperationsManagement", "PolicyInsights", "PowerBIDedicated"),
    *("RecoveryServices", "Relay", "Search", "Security", "SecurityInsights", "ServiceBus", "ServiceFabric"),
    *("SignalRService", "Sql", "StreamAnalytics"),
)
"""Providers that clients expect to be registered, of which nothing is simulated. Source: the list that
hashicorp/terraform-provider-azurerm registers. They show no resource types."""


def known_namespaces() -> dict[str, str]:
    """The spelling of every namespace, by its lower-case form."""
    served = (routes[0].provider_parts[0] for name, routes in ROUTES.items() if name)
    others = (*(f"Microsoft.{name}" for name in OTHERS), "Microsoft.Insights", "microsoft.insights")
    return {name.lower(): name for name in (*others, *served, "Microsoft.Resources")}


def spelled(namespace: str) -> str:
    found = known_namespaces().get(namespace.lower())
    if found is None:
        raise ArmError(404, "InvalidResourceNamespace", f"The resource namespace '{namespace}' is invalid.")
    return found


def type_of(one: Route) -> str:
    return "/".join(part for part in one.provider_parts[1::2] if not part.startswith("{"))


def types_of(namespace: str) -> list[dict[str, Any]]:
    """Every type that a route reads or writes, with its versions, the newest first."""
    versions: dict[str, set[str]] = {}
    for one in ROUTES.get(namespace.lower(), ()):
        if one.method in ("GET", "PUT") and type_of(one):
            versions.setdefault(type_of(one), set()).update(one.versions)
    locations = [] if namespace.lower() in GLOBAL else [region[0] for region in REGIONS.values()]
    return [type_shown(name, sorted(found, reverse=True), locations) for name, found in sorted(versions.items())]


def type_shown(name: str, versions: list[str], locations: list[str]) -> dict[str, Any]:
    return {
        "resourceType": name,
        "locations": locations if "/" not in name else [],
        "apiVersions": versions,
        "defaultApiVersion": versions[0],
        "capabilities": "None" if "/" in name else "CrossResourceGroupResourceMove, SupportsTags, SupportsLocation",
    }


def shown(subscription: str, namespace: str, state: str | None) -> dict[str, Any]:
    """`state` is None at tenant level, where nothing is registered."""
    place = f"/subscriptions/{subscription}" if state is not None else ""
    free = namespace.lower() in FREE
    return {
        "id": f"{place}/providers/{namespace}",
        "namespace": namespace,
        "registrationPolicy": "RegistrationFree" if free else "RegistrationRequired",
        **({} if state is None else {"registrationState": state}),
        "resourceTypes": types_of(namespace),
    }


# --- of a subscription ------------------------------------------------------------------------------------------------
@route("GET", PROVIDERS, versions=RESOURCES, action="Microsoft.Resources/providers/read", uncovered=UNCOVERED)
def list_providers(request: ArmRequest, world: World) -> ArmResponse:
    subscription = request.params["sub"]
    names = sorted(known_namespaces().values(), key=str.lower)
    return ArmResponse(
        200,
        page(request, names, show=lambda name: shown(subscription, name, registration(world, subscription, name))),
    )


@route("GET", PROVIDER, versions=RESOURCES, action="Microsoft.Resources/providers/read", uncovered=UNCOVERED)
def get_provider(request: ArmRequest, world: World) -> ArmResponse:
    """A look at it: Registering is Registered after some."""
    namespace = spelled(request.params["namespace"])
    state = looked_at(world, request.params["sub"], namespace)
    return ArmResponse(200, shown(request.params["sub"], namespace, state))


@route("POST", f"{PROVIDER}/register", versions=RESOURCES, action="{namespace}/register/action", uncovered=UNCOVERED)
def register(request: ArmRequest, world: World) -> ArmResponse:
    """Registering from now on; what is registered stays so."""
    namespace, subscription = spelled(request.params["namespace"]), request.params["sub"]
    if registration(world, subscription, namespace) != "Registered":
        set_registration(world, subscription, namespace, "Registering")
    return ArmResponse(200, shown(subscription, namespace, registration(world, subscription, namespace)))


@route("POST", f"{PROVIDER}/unregister", versions=RESOURCES, action="{namespace}/unregister/action",
       uncovered=UNCOVERED)  # fmt: skip
def unregister(request: ArmRequest, world: World) -> ArmResponse:
    """
    Refused while the subscription holds resources of it.

    Source: learn.microsoft.com/azure/azure-resource-manager/management/resource-providers-and-types; the code is
    assumed.
    """
    namespace, subscription = spelled(request.params["namespace"]), request.params["sub"]
    groups = world.arm.members(f"/subscriptions/{subscription}/resourceGroups")
    if any(world.arm.documents.names(f"{group.id}/providers/{namespace}") for group in groups):
        text = f"Cannot unregister the resource provider '{namespace}': the subscription still has resources of it."
        raise ArmError(409, "CannotUnregisterProviderWithResources", text)
    if registration(world, subscription, namespace) in ("Registered", "Registering"):
        set_registration(world, subscription, namespace, "Unregistering")
    return ArmResponse(200, shown(subscription, namespace, registration(world, subscription, namespace)))


@route("GET", f"{PROVIDER}/resourceTypes", versions=RESOURCES, action="Microsoft.Resources/providers/read",
       uncovered=UNCOVERED)  # fmt: skip
def list_types(request: ArmRequest, world: World) -> ArmResponse:
    return ArmResponse(200, {"value": types_of(spelled(request.params["namespace"]))})


# --- of the tenant ----------------------------------------------------------------------------------------------------
@route("GET", "/providers", versions=RESOURCES, action="Microsoft.Resources/providers/read", uncovered=UNCOVERED)
def list_tenant_providers(request: ArmRequest, world: World) -> ArmResponse:
    names = sorted(known_namespaces().values(), key=str.lower)
    return ArmResponse(200, page(request, names, show=lambda name: shown("", name, None)))


@route("GET", "/providers/{namespace}", versions=RESOURCES, action="Microsoft.Resources/providers/read",
       uncovered=UNCOVERED)  # fmt: skip
def get_tenant_provider(request: ArmRequest, world: World) -> ArmResponse:
    return ArmResponse(200, shown("", spelled(request.params["namespace"]), None))


@route("GET", "/providers/{namespace}/operations", versions={"*"}, action="{namespace}/operations/read",
       uncovered=UNCOVERED)  # fmt: skip
def list_operations(request: ArmRequest, world: World) -> ArmResponse:
    """What can be done with the provider: the actions that its routes need."""
    namespace = spelled(request.params["namespace"])
    value = [
        {
            "name": action,
            "isDataAction": False,
            "display": {
                "provider": namespace,
                "resource": kind,
                "operation": action.rpartition("/")[2],
                "description": f"{action.rpartition('/')[2]} {kind}",
            },
        }
        for action, kind in actions_of(namespace)
    ]
    return ArmResponse(200, page(request, value))


def actions_of(namespace: str) -> list[tuple[str, str]]:
    """Every action with the type that it is about."""
    found = {one.action: type_of(one) for one in ROUTES.get(namespace.lower(), ()) if "{" not in one.action}
    return sorted(found.items())


# --- the catalogue of actions -----------------------------------------------------------------------------------------
CATALOGUE = "/providers/Microsoft.Authorization/providerOperations"


@route("GET", f"{CATALOGUE}/{{namespace}}", versions=ROLE_DEFINITIONS, uncovered=UNCOVERED,
       action="Microsoft.Authorization/providerOperations/read")  # fmt: skip
def get_catalogue(request: ArmRequest, world: World) -> ArmResponse:
    return ArmResponse(200, catalogue(spelled(request.params["namespace"]), expanded(request)))


@route("GET", CATALOGUE, versions=ROLE_DEFINITIONS, uncovered=UNCOVERED,
       action="Microsoft.Authorization/providerOperations/read")  # fmt: skip
def list_catalogues(request: ArmRequest, world: World) -> ArmResponse:
    names = sorted(known_namespaces().values(), key=str.lower)
    return ArmResponse(200, {"value": [catalogue(name, expanded(request)) for name in names]})


def expanded(request: ArmRequest) -> bool:
    return (argument(request, "$expand") or "").lower() == "resourcetypes"


def catalogue(namespace: str, with_types: bool) -> dict[str, Any]:
    return {
        "id": f"{CATALOGUE}/{namespace}",
        "name": namespace,
        "type": "Microsoft.Authorization/providerOperations",
        "displayName": namespace,
        "operations": [],
        "resourceTypes": list(by_type(actions_of(namespace))) if with_types else [],
    }


def by_type(actions: Iterable[tuple[str, str]]) -> Iterator[dict[str, Any]]:
    grouped: dict[str, list[str]] = {}
    for action, kind in actions:
        grouped.setdefault(kind, []).append(action)
    for kind, names in sorted(grouped.items()):
        operations = [
            {"name": name, "displayName": name, "description": name, "origin": "user,system", "isDataAction": False}
            for name in names
        ]
        yield {"name": kind, "displayName": kind, "operations": operations}
