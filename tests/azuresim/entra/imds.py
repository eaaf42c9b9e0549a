"""
Where a machine or an app gets tokens of its managed identity: IMDS, and App Service's own endpoint.

    world.entra.attach(identity_id, …)                      # this machine has these identities, the first by default
    secret = world.entra.attach_site(site_secret, identity_id, …)   # an app, by its IDENTITY_HEADER

IMDS: `GET /metadata/identity/oauth2/token?api-version=2018-02-01&resource=…` with `Metadata: true`; App Service:
`GET /msi/token?api-version=2019-08-01&resource=…` with `X-IDENTITY-HEADER`. Without an id the system-assigned identity
answers, or the only user-assigned one.
Sources: learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token;
learn.microsoft.com/azure/app-service/overview-managed-identity; sources of azure-identity and msal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from azuresim.entra.directory import ManagedIdentity
from azuresim.entra.tokens import IDENTITY_TOKEN_SECONDS, EntraError
from azuresim.wire import HttpAnswer, HttpCall

if TYPE_CHECKING:
    from azuresim.world import World

IMDS, APP_SERVICE = "/metadata/identity/oauth2/token", "/msi/token"
IMDS_VERSIONS = ("2018-02-01", "2018-04-02", "2018-10-01", "2019-02-01", "2019-03-11", "2019-06-01", "2020-06-01")
APP_SERVICE_VERSIONS = ("2017-09-01", "2019-08-01")


def is_identity_endpoint(path: str) -> bool:
    return path.rstrip("/").lower() in (IMDS, APP_SERVICE)


def identity_endpoint(call: HttpCall, world: World) -> HttpAnswer:
    """The answer of the endpoint that the path names."""
    return imds(call, world) if call.path.rstrip("/").lower() == IMDS else app_service(call, world)


def imds(call: HttpCall, world: World) -> HttpAnswer:
    if call.method != "GET":
        return refused(405, "invalid_request", "Method not allowed")
    if call.header("Metadata").lower() != "true":
        return refused(400, "invalid_request", "Required metadata header not specified")
    if call.argument("api-version") not in IMDS_VERSIONS:
        return refused(400, "invalid_request", "Required query variable 'api-version' is missing or not supported")
    return handed_out(call, world, world.entra.attached, numbers=False)


def app_service(call: HttpCall, world: World) -> HttpAnswer:
    """Assumed: the wording of its refusals. The old version shows its secret in `secret` and tells dates as texts."""
    version = call.argument("api-version")
    if version not in APP_SERVICE_VERSIONS:
        return HttpAnswer.json(400, {"statusCode": 400, "message": "Unsupported api-version."})
    shown = call.header("X-IDENTITY-HEADER" if version != "2017-09-01" else "secret")
    identities = world.entra.attached_sites.get(shown)
    if identities is None:
        return HttpAnswer.json(401, {"statusCode": 401, "message": "The identity header is missing or wrong."})
    return handed_out(call, world, identities, numbers=False)


def handed_out(call: HttpCall, world: World, identities: list[str], *, numbers: bool) -> HttpAnswer:
    resource = call.argument("resource")
    if not resource:
        return refused(400, "invalid_request", "Required query variable 'resource' is missing")
    identity = chosen(call, world, identities)
    if identity is None:
        return refused(400, "invalid_request", "Identity not found")
    try:
        token = world.entra.managed_identity_token(identity, resource.rstrip("/"))
    except EntraError as wrong:
        return refused(400, wrong.error, str(wrong))
    claims = world.entra.verify(token)
    return HttpAnswer.json(
        200,
        {
            "access_token": token,
            "client_id": identity.client_id,
            "expires_in": str(int(claims["exp"] - world.clock.timestamp())),
            "expires_on": str(claims["exp"]),
            "ext_expires_in": str(IDENTITY_TOKEN_SECONDS),
            "not_before": str(claims["nbf"]),
            "resource": resource,
            "token_type": "Bearer",
        },
    )


def chosen(call: HttpCall, world: World, identities: list[str]) -> ManagedIdentity | None:
    """The identity that an id names, else the system-assigned one, else the only one."""
    known = [found for one in identities if (found := world.entra.identity(one)) is not None]
    asked: dict[str, Any] = {
        "client_id": lambda one, value: one.client_id.lower() == value,
        "object_id": lambda one, value: one.principal_id.lower() == value,
        "principal_id": lambda one, value: one.principal_id.lower() == value,
        "msi_res_id": lambda one, value: one.resource_id.lower() == value,
        "mi_res_id": lambda one, value: one.resource_id.lower() == value,
    }
    for name, fits in asked.items():
        if value := call.argument(name):
            return next((one for one in known if fits(one, value.lower())), None)
    system = next((one for one in known if not one.user_assigned), None)
    return system or (known[0] if len(known) == 1 else None)


def refused(status: int, error: str, description: str) -> HttpAnswer:
    return HttpAnswer.json(status, {"error": error, "error_description": description})
