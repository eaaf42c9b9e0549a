"""What ARM refuses before a provider sees a call: what is missing, locked, not registered, or denied by a policy."""

from __future__ import annotations

import json
import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from azuresim.arm.providers import known_namespaces
from azuresim.arm.registrations import need_registration
from azuresim.arm.rights import lacks
from azuresim.arm.routes import (
    OF_ARM_ITSELF,
    ROUTES,
    ArmError,
    ArmRequest,
    Route,
    namespace_in,
    resource_not_found,
    subscription_in,
)
from azuresim.resources import within
from azuresim.wire import CONTENT_TYPE, HttpCall

if TYPE_CHECKING:
    from azuresim.world import World

GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
GROUP = "/subscriptions/{sub}/resourceGroups/{rg}"
SERVED_IN_PART = ("microsoft.insights",)
"""Providers of which most is missing here: what has no route may well exist in Azure."""
LARGEST_BODY = 4 * 1024 * 1024


def need_subscription(world: World, subscription: str) -> None:
    if not subscription or f"/subscriptions/{subscription}" in world.arm.documents:
        return
    if not GUID.fullmatch(subscription):
        text = f"The provided subscription identifier '{subscription}' is malformed or invalid."
        raise ArmError(400, "InvalidSubscriptionId", text)
    raise ArmError(404, "SubscriptionNotFound", f"The subscription '{subscription}' could not be found.")


def unrouted(call: HttpCall, methods: frozenset[str], version: str) -> ArmError:
    """404 for no such type, 405 for no such method there."""
    if methods:
        body = {"Message": f"The requested resource does not support http method '{call.method}'."}
        headers = {"Allow": ",".join(sorted(methods))}
        return ArmError(405, "MethodNotAllowed", body["Message"], headers=headers, body=body)
    namespace = namespace_in(call.path + "/")
    if not namespace and not subscription_in(call.path):
        text = "The request did not have a subscription or a valid tenant level resource provider."
        return ArmError(404, "MissingSubscription", text)
    if namespace in known_namespaces() and (namespace not in ROUTES or namespace in SERVED_IN_PART):
        return ArmError(501, "NotSimulated", f"azuresim: this of {known_namespaces()[namespace]} is not simulated.")
    if namespace not in ROUTES:
        return ArmError(404, "InvalidResourceNamespace", f"The resource namespace '{namespace}' is invalid.")
    types = "/".join(call.path.lower().rpartition("/providers/")[2].strip("/").split("/")[1::2])
    return ArmError(
        404,
        "InvalidResourceType",
        f"The resource type '{types}' could not be found in the namespace '{namespace}' for api version '{version}'.",
    )


def need_right(request: ArmRequest) -> None:
    action, caller = request.action, request.caller
    if lacks(request.world, caller, action, request.id):
        raise ArmError(
            403,
            "AuthorizationFailed",
            f"The client '{caller.client_id}' with object id '{caller.object_id}' does not have authorization to "
            f"perform action '{action}' over scope '{request.id}' or the scope is invalid. If access was recently "
            "granted, please refresh your credentials.",
        )


def need_group(request: ArmRequest) -> None:
    """The group is there, unless this makes it; a group on its way out takes no writes."""
    group_id = request.target.group
    if group_id is None or (request.route.template == GROUP and request.method == "PUT"):
        return
    group = request.world.arm.get(group_id)
    name = group_id.rpartition("/")[2]
    if group is None:
        raise ArmError(404, "ResourceGroupNotFound", f"Resource group '{name}' could not be found.")
    if request.method in ("PUT", "PATCH") and group.properties.get("provisioningState") == "Deleting":
        text = f"The resource group '{name}' is in deprovisioning state and cannot perform this operation."
        raise ArmError(409, "ResourceGroupBeingDeleted", text)


def need_version(request: ArmRequest) -> None:
    versions = request.route.versions
    if request.api_version in versions or "*" in versions:
        return
    namespace = request.route.provider_parts[0] if request.route.provider_parts else ""
    if request.world.switches.arm_unknown_version == "NoRegisteredProviderFound" and namespace:
        types = "/".join(request.route.provider_parts[1::2])
        raise ArmError(
            400,
            "NoRegisteredProviderFound",
            f"No registered resource provider found for location 'westeurope' and API version '{request.api_version}' "
            f"for type '{types}'. The supported api-versions are '{', '.join(versions)}'. The supported locations "
            "are 'westeurope'.",
        )
    raise ArmError(
        400,
        "InvalidApiVersionParameter",
        f"The api-version '{request.api_version}' is invalid. The supported versions are '{','.join(versions)}'.",
    )


def need_json(request: ArmRequest) -> None:
    """A body that is sent says that it is JSON; curl without `-H` says that it is a form, and is refused."""
    call = request.call
    if not call.body:
        return
    if len(call.body) > LARGEST_BODY:
        limit = f"The request content size exceeds the maximum size of '{LARGEST_BODY // 1024 // 1024} MB'."
        raise ArmError(413, "RequestContentTooLarge", limit)
    sent = call.headers.get(CONTENT_TYPE)
    if sent == "application/json":
        return
    media = "" if sent is None else sent.partition(";")[0].strip().lower()
    if sent is not None and not (media.endswith(("/json", "+json"))):
        text = f"The content media type '{media}' is not supported. Only 'application/json' is supported."
        raise ArmError(415, "UnsupportedMediaType", text)


def need_unlocked(request: ArmRequest) -> None:
    """No lock at or above refuses it; for what takes things below along, no lock below it either."""
    if not request.world.arm.locks or is_lock(request.route):
        return
    arm, verb = request.world.arm, "delete" if request.method == "DELETE" else "write"
    levels = ("ReadOnly", "CanNotDelete") if verb == "delete" else ("ReadOnly",)
    locks = arm.locks_on(request.id)
    if verb == "delete":
        locks += [lock for lock in arm.locks if lock not in locks and within(lock.scope, request.id)]
    scopes = [lock.scope for lock in locks if lock.level in levels]
    if scopes:
        raise ArmError(
            409,
            "ScopeLocked",
            f"The scope '{request.id}' cannot perform {verb} operation because following scope(s) are locked: "
            f"'{','.join(scopes)}'. Please remove the lock and try again.",
        )


def is_lock(route: Route) -> bool:
    return [part.lower() for part in route.provider_parts[:2]] == ["microsoft.authorization", "locks"]


def need_provider(request: ArmRequest) -> None:
    """Writes need the namespace to be registered with the subscription."""
    namespace = request.route.namespace
    if not namespace or namespace in OF_ARM_ITSELF or namespace.startswith("{"):
        return
    need_registration(request.world, subscription_in(request.id), request.route.provider_parts[0])


def need_allowed(request: ArmRequest) -> None:
    """No policy denies the write; the effect is `deny`, the form is the one of Azure Policy."""
    if not request.world.policies or request.method not in ("PUT", "PATCH"):
        return
    body = body_or_none(request)
    for policy in request.world.policies:
        if fnmatchcase(request.id.lower(), policy.resource.lower()) and policy.when(body or {}):
            raise policy.refusal(request.id)


def body_or_none(request: ArmRequest) -> Any:
    try:
        body = json.loads(request.call.body or b"{}")
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def need_owner(request: ArmRequest) -> None:
    """The top-level resource is there, or this is the call that makes or removes it, or a list."""
    owner = request.target.owner
    if owner is not None and owner not in request.world.arm.documents:
        raise resource_not_found(owner)


OF_READS = (need_right, need_group, need_version, need_owner)
OF_WRITES = (
    need_right,
    need_group,
    need_version,
    need_json,
    need_unlocked,
    need_provider,
    need_allowed,
    need_owner,
)
"""In this order."""
CHECKS = {"GET": OF_READS, "HEAD": OF_READS}
