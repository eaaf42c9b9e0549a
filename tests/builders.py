"""Things that tests are about, valid by default, so that a test names only what matters to it."""

from typing import Any

from funcgate.spec import Binding, Neighbour, Spec

SUBSCRIPTION = "/subscriptions/11111111-1111-4111-8111-111111111111"
GROUP = f"{SUBSCRIPTION}/resourceGroups/shop-rg"
SERVICE = f"{GROUP}/providers/Microsoft.ApiManagement/service/contoso"
SITE = f"{GROUP}/providers/Microsoft.Web/sites/orders-fn"
NAMED_IDENTITY = f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/caller"
CLIENT_ID = "aaaaaaaa-0000-4000-8000-000000000001"
IDENTITY_CLIENT_ID = "bbbbbbbb-0000-4000-8000-000000000002"
PRINCIPAL_ID = "cccccccc-0000-4000-8000-000000000003"
TENANT = "dddddddd-0000-4000-8000-000000000004"
OWNER = "prod/shop/orders"


def a_manifest_spec(**changes: Any) -> dict[str, Any]:
    """The `spec` of a manifest, in camelCase; top-level fields may be replaced."""
    spec: dict[str, Any] = {
        "apiManagement": {"id": SERVICE},
        "functionApp": {"id": SITE},
        "entra": {"registration": {"type": "Existing", "clientId": CLIENT_ID}},
        "api": {"name": "orders", "import": {"from": "None"}},
        "adopt": True,
    }
    return spec | changes


def a_spec(**changes: Any) -> Spec:
    """A parsed spec."""
    return Spec.parse(a_manifest_spec(**changes))


def a_binding(*, deleting: bool = False, neighbours: tuple[Neighbour, ...] = (), **spec: Any) -> Binding:
    """A binding named shop/orders; keywords replace top-level fields of its spec."""
    return Binding(
        namespace="shop",
        name="orders",
        generation=1,
        spec=a_spec(**spec),
        owner=OWNER,
        deleting=deleting,
        neighbours=neighbours,
    )
