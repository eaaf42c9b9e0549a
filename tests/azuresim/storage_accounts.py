"""
Storage accounts, as far as making a function app asks for one: the account and its keys. What is stored is elsewhere.

Source: REST reference, "Storage Accounts" (Create, Get Properties, List, List Keys, Check Name Availability, Delete);
learn.microsoft.com/azure/storage/common/storage-account-overview (names). Assumed: a new account is there at once (200;
202 is documented too).
"""

from __future__ import annotations

import base64
import re

from azuresim import arm
from azuresim.arm import ArmError, ArmRequest
from azuresim.arm.paging import page
from azuresim.resources import Body, Document
from azuresim.wire import ArmResponse
from azuresim.world import World

VERSIONS = frozenset(
    f"{version}" for version in (
        "2019-06-01", "2021-04-01", "2021-09-01", "2022-09-01", "2023-01-01", "2023-05-01", "2024-01-01", "2025-01-01",
        "2025-06-01", "2025-08-01",
    )
)  # fmt: skip
UNCOVERED = "storage accounts are not among the contract documents"
COLLECTION = "providers/Microsoft.Storage/storageAccounts"
OF_GROUP = f"/subscriptions/{{sub}}/resourceGroups/{{rg}}/{COLLECTION}"
ACCOUNT = f"{OF_GROUP}/{{account}}"
NAME = re.compile(r"[a-z0-9]{3,24}")
CONTAINER_NAME = re.compile(r"[a-z0-9](?:-?[a-z0-9]){2,62}|\$root|\$web")
SERVICES = ("blob", "queue", "table", "file", "dfs", "web")
WRONG_NAME = (
    "is not a valid storage account name. Storage account name must be between 3 and 24 characters in length and use "
    "numbers and lower-case letters only."
)
CHANGEABLE = (
    "accessTier", "allowBlobPublicAccess", "allowSharedKeyAccess", "minimumTlsVersion", "networkAcls",
    "publicNetworkAccess", "supportsHttpsTrafficOnly",
)  # fmt: skip
DEFAULTS: Body = {
    "minimumTlsVersion": "TLS1_2",
    "allowBlobPublicAccess": False,
    "allowSharedKeyAccess": True,
    "supportsHttpsTrafficOnly": True,
    "publicNetworkAccess": "Enabled",
    "networkAcls": {"bypass": "AzureServices", "virtualNetworkRules": [], "ipRules": [], "defaultAction": "Allow"},
    "accessTier": "Hot",
}


def all_accounts(world: World) -> list[Document]:
    kind = "Microsoft.Storage/storageAccounts"
    return [found for found in world.arm.documents.values() if found.body.get("type") == kind]


@arm.route("PUT", ACCOUNT, versions=VERSIONS, uncovered=UNCOVERED)
def put_account(request: ArmRequest, world: World) -> ArmResponse:
    found, sent, name = world.arm.get(request.id), request.json, request.params["account"]
    if NAME.fullmatch(name) is None:
        raise ArmError(400, "AccountNameInvalid", f"{name} {WRONG_NAME}")
    if found is None and any(one.name == name for one in all_accounts(world)):
        raise ArmError(409, "StorageAccountAlreadyTaken", f"The storage account named {name} is already taken.")
    sku, kind, location = sent.get("sku"), sent.get("kind") or "StorageV2", sent.get("location")
    if not isinstance(location, str) or not location:
        raise ArmError(400, "LocationRequired", "The location property is required for this definition.")
    if not isinstance(sku, dict) or not re.fullmatch(r"(Standard|Premium)(V2)?_[A-Z]{3,6}", str(sku.get("name"))):
        raise ArmError(400, "InvalidRequestPropertyName", "The sku name of the storage account is not valid.")
    if not isinstance(kind, str):
        raise ArmError(400, "InvalidRequestPropertyName", "The kind of the storage account is not valid.")
    body = {
        "sku": {"name": sku["name"], "tier": str(sku["name"]).partition("_")[0]},
        "kind": kind,
        "id": request.id,
        "name": name,
        "type": "Microsoft.Storage/storageAccounts",
        "location": location.replace(" ", "").lower(),
        "tags": sent.get("tags") if isinstance(sent.get("tags"), dict) else {},
        "properties": shown(name, location, found, sent.get("properties"), world),
    }
    keys = {f"key{n}": base64.b64encode(world.hexadecimal(64).encode()).decode() for n in (1, 2)}
    return ArmResponse(200, world.arm.put(request.id, body, private=found.private if found else keys).body)


def shown(name: str, location: str, found: Document | None, sent: object, world: World) -> Body:
    before = found.properties if found else DEFAULTS
    given = sent if isinstance(sent, dict) else {}
    return {
        **before,
        **{field: given[field] for field in CHANGEABLE if given.get(field) is not None},
        "creationTime": before.get("creationTime", world.clock.stamp()),
        "primaryEndpoints": {service: f"https://{name}.{service}.core.windows.net/" for service in SERVICES},
        "primaryLocation": location.replace(" ", "").lower(),
        "statusOfPrimary": "available",
        "provisioningState": "Succeeded",
    }


@arm.route("GET", ACCOUNT, versions=VERSIONS, uncovered=UNCOVERED)
def get_account(request: ArmRequest, _: World) -> ArmResponse:
    return ArmResponse(200, request.document().body)


@arm.route("DELETE", ACCOUNT, versions=VERSIONS, uncovered=UNCOVERED)
def delete_account(request: ArmRequest, world: World) -> ArmResponse:
    return ArmResponse(200 if world.arm.delete(request.id) else 204)


@arm.route("GET", OF_GROUP, versions=VERSIONS, uncovered=UNCOVERED)
def list_accounts(request: ArmRequest, world: World) -> ArmResponse:
    return ArmResponse(200, page(request, world.arm.members(request.id), show=lambda found: found.body))


@arm.route("GET", f"/subscriptions/{{sub}}/{COLLECTION}", versions=VERSIONS, uncovered=UNCOVERED)
def list_accounts_of_subscription(request: ArmRequest, world: World) -> ArmResponse:
    mine = [one for one in all_accounts(world) if one.id.lower().startswith(request.up_to("sub").lower() + "/")]
    return ArmResponse(200, page(request, mine, show=lambda found: found.body))


@arm.route("POST", f"{ACCOUNT}/listKeys", versions=VERSIONS, uncovered=UNCOVERED)
def list_keys(request: ArmRequest, world: World) -> ArmResponse:
    found = world.arm.get(request.up_to("account"))
    keys = found.private if found else {}
    listed = [{"keyName": name, "value": value, "permissions": "FULL"} for name, value in keys.items()]
    return ArmResponse(200, {"keys": listed})


# --- blob containers, which a Flex Consumption app is deployed from ---------------------------------------------------
CONTAINERS = f"{ACCOUNT}/blobServices/default/containers"
CONTAINER = f"{CONTAINERS}/{{container}}"


def the_account(request: ArmRequest) -> Document:
    found = request.world.arm.get(request.up_to("account"))
    if found is None:
        raise arm.resource_not_found(request.up_to("account"))
    return found


@arm.route("PUT", CONTAINER, versions=VERSIONS, uncovered=UNCOVERED)
def put_container(request: ArmRequest, world: World) -> ArmResponse:
    the_account(request)
    name, found = request.params["container"], world.arm.get(request.id)
    if CONTAINER_NAME.fullmatch(name) is None:
        raise ArmError(400, "InvalidResourceName", f"The container name '{name}' is not valid.")
    properties = {"publicAccess": "None", "leaseState": "Available", "hasImmutabilityPolicy": False}
    about = {"id": request.id, "name": name, "type": "Microsoft.Storage/storageAccounts/blobServices/containers"}
    return ArmResponse(200 if found else 201, world.arm.put(request.id, {**about, "properties": properties}).body)


@arm.route("GET", CONTAINER, versions=VERSIONS, uncovered=UNCOVERED)
def get_container(request: ArmRequest, world: World) -> ArmResponse:
    the_account(request)
    found = world.arm.get(request.id)
    if found is None:
        raise ArmError(404, "ContainerNotFound", "The specified container does not exist.")
    return ArmResponse(200, found.body)


@arm.route("DELETE", CONTAINER, versions=VERSIONS, uncovered=UNCOVERED)
def delete_container(request: ArmRequest, world: World) -> ArmResponse:
    the_account(request)
    return ArmResponse(200 if world.arm.delete(request.id) else 204)


@arm.route("GET", CONTAINERS, versions=VERSIONS, uncovered=UNCOVERED)
def list_containers(request: ArmRequest, world: World) -> ArmResponse:
    the_account(request)
    return ArmResponse(200, page(request, world.arm.members(request.id), show=lambda found: found.body))


@arm.route(
    "POST",
    "/subscriptions/{sub}/providers/Microsoft.Storage/checkNameAvailability",
    versions=VERSIONS,
    uncovered=UNCOVERED,
)
def check_name(request: ArmRequest, world: World) -> ArmResponse:
    name = request.json.get("name")
    if not isinstance(name, str) or NAME.fullmatch(name) is None:
        answer = {"nameAvailable": False, "reason": "AccountNameInvalid", "message": f"{name} {WRONG_NAME}"}
        return ArmResponse(200, answer)
    if any(one.name == name for one in all_accounts(world)):
        text = f"The storage account named {name} is already taken."
        return ArmResponse(200, {"nameAvailable": False, "reason": "AlreadyExists", "message": text})
    return ArmResponse(200, {"nameAvailable": True})
