"""`funcgate export --service ID --api NAME`: the manifest that describes what stands in Azure already."""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import click

from funcgate import marks
from funcgate import policy as documents
from funcgate.azure import Api, Azure, Backend, PolicyText, ResourceId, Service, connect, located
from funcgate.azure.auth_settings import AuthSettings, named_registration, read
from funcgate.cli.credentials import must_be_whole
from funcgate.cli.manifests import LookingCommand
from funcgate.cli.shell import show, working
from funcgate.errors import FuncgateError, SpecError
from funcgate.policy import REPLACED, Statements
from funcgate.settings import Settings
from funcgate.spec import GROUP, KIND, VERSION, Spec

KEY_HEADER = "x-functions-key"
SITES = "microsoft.web/sites"


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What was found of one API and the way behind it."""

    service: Service
    api: Api
    backend: Backend
    statements: Statements | None  # of the base policy, as far as they are as funcgate writes them
    operations: tuple[str, ...]  # in whose policies they stand; none: in the base policy
    door: AuthSettings
    registration: str | None
    identity_client_id: str | None


@click.command(cls=LookingCommand)
@click.option("--service", required=True, help="Resource id of the API Management service.")
@click.option("--api", required=True, help="Resource name of the API, the last part of its id.")
@click.option("--backend", help="Name of the backend that leads to the function app, where the policy does not tell.")
@click.option("--name", help="Name of the binding; the API's, if left out.")
@click.option("--namespace", default="default", show_default=True, help="Its namespace.")
@click.option("-o", "--output", type=click.Choice(["yaml", "json"]), default="yaml", show_default=True)
def export(service: str, api: str, backend: str | None, name: str | None, namespace: str, output: str) -> None:
    """
    Write the manifest that describes a set-up that stands already, made by hand or by funcgate.

    Only looks. `funcgate plan` on what it writes shows what is missing, or nothing.
    """
    must_be_whole()
    try:
        with working("Looking at Azure"):
            found = asyncio.run(_found(Settings.read(), service, api, backend))
        spec = describe(found)
        Spec.parse(spec)
    except FuncgateError as error:
        raise click.ClickException(str(error)) from error
    metadata = {"name": name or _a_name(api), "namespace": namespace}
    manifest = {"apiVersion": f"{GROUP}/{VERSION}", "kind": KIND, "metadata": metadata, "spec": spec}
    show(manifest, output)


async def _found(settings: Settings, service: str, api: str, backend: str | None) -> Standing:
    _must_be_an_id(service)
    async with connect(await located(settings.endpoints())) as azure:
        seen = await azure.apim.get_service(service)
        found = await azure.apim.get_api(service, api)
        if found is None:
            raise SpecError("--api", f"the service has no API named {api}; az apim api list shows them")
        statements, operations = await _statements(azure, service, api)
        behind = await _behind(azure, service, backend, statements)
        door = await azure.function_apps.get_auth(_site(behind))
        identity = await _identity(azure, seen, statements)
        return Standing(
            service=seen,
            api=found,
            backend=behind,
            statements=statements,
            operations=operations,
            door=read(door),
            registration=named_registration(door),
            identity_client_id=identity,
        )


def _must_be_an_id(service: str) -> None:
    try:
        ResourceId.parse(service)
    except ValueError as wrong:
        raise SpecError("--service", str(wrong)) from None


async def _statements(azure: Azure, service: str, api: str) -> tuple[Statements | None, tuple[str, ...]]:
    """
    What of the base policy is as funcgate would write it; where nothing is, what of operations' policies, and of which.
    """
    base = _read(await azure.apim.get_policy(service, api))
    if base:
        return base, ()
    inner = await azure.apim.get_inner_policies(service, api)
    found = [(each, statements) for each, seen in inner if (statements := _read(seen))]
    called = tuple(f"{each.method.upper()} /{each.template.strip('/')}" for each, _ in found)
    return (found[0][1] if found else None), called


def _read(seen: PolicyText | None) -> Statements | None:
    """Our statements, or those that look like them; nothing where the document cannot be read."""
    try:
        return documents.find(documents.parse(seen.text)).statements if seen else None
    except documents.PolicyError:
        return None


async def _behind(azure: Azure, service: str, named: str | None, statements: Statements | None) -> Backend:
    """The backend that the author names, that the base policy routes to, or the only one of a function app."""
    backends = {each.name.lower(): each for each in await azure.apim.list_backends(service) if _is_apps(each)}
    wanted = named or (statements.backend_id if statements else None)
    if wanted and wanted.lower() in backends:
        return backends[wanted.lower()]
    if len(backends) == 1 and not named:
        return next(iter(backends.values()))
    there = ", ".join(sorted(backends)) or "none"
    raise SpecError("--backend", f"cannot tell which backend leads to the function app: name one of {there}")


def _is_apps(backend: Backend) -> bool:
    try:
        return ResourceId.parse(backend.resource_id or "").type.lower().startswith(SITES)
    except ValueError:
        return False


def _site(backend: Backend) -> str:
    return ResourceId.parse(backend.resource_id or "").text


async def _identity(azure: Azure, service: Service, statements: Statements | None) -> str | None:
    """The client id of the identity that calls: the one in the policy, else the service's own."""
    named = statements.identity_client_id if statements else None
    if named or not service.has_system_identity:
        return named
    ids = await azure.identities.system_assigned(service.id)
    return ids.client_id.lower() if ids else None


def describe(found: Standing) -> dict[str, Any]:
    """The spec of a binding that wishes for what was found. Pure."""
    made = (mark := marks.find(found.api.description)) is not None and mark.created
    spec: dict[str, Any] = {
        "apiManagement": {"id": found.service.id} | _identity_of(found),
        "functionApp": {"id": _site(found.backend)} | _key(found.backend),
        "entra": _entra(found),
        "api": _published(found.api) if made else {"name": found.api.name, "import": {"from": "None"}},
        "policy": _policy(found),
        "adopt": None if made else True,
    }
    return {name: value for name, value in spec.items() if value}


def _identity_of(found: Standing) -> dict[str, Any]:
    named = found.statements.identity_client_id if found.statements else None
    identities = found.service.user_assigned.values()
    one = next((each.id for each in identities if named and each.client_id.lower() == named.lower()), None)
    return {"identity": {"type": "UserAssigned", "id": one}} if one else {}


def _key(backend: Backend) -> dict[str, Any]:
    sends = any(name.lower() == KEY_HEADER for name in backend.header_credentials)
    return {} if sends else {"key": {"source": "None"}}


def _entra(found: Standing) -> dict[str, Any]:
    entra: dict[str, Any] = {}
    if found.registration:
        entra["registration"] = {"type": "Existing", "clientId": found.registration}
    others = sorted(found.door.allowed_applications - {found.identity_client_id})
    if others:
        entra["allow"] = {"clientIds": others}
    return entra


def _published(api: Api) -> dict[str, Any]:
    published: dict[str, Any] = {"name": api.name, "path": api.path}
    mark = marks.find(api.description)
    if mark and mark.document:  # which ConfigMap it came from, Azure does not know
        ref = {"name": f"{_a_name(api.name)}-openapi", "key": "openapi.yaml"}
        published["import"] = {"from": "OpenAPI", "openAPI": {"configMapKeyRef": ref}}
    return published if api.subscription_required else published | {"subscriptionRequired": False}


def _policy(found: Standing) -> Mapping[str, Any]:
    scope = {"scope": {"type": "Operations", "operations": sorted(found.operations)}} if found.operations else {}
    caller = found.statements.caller if found.statements else REPLACED
    if caller.handed_on_in:
        return scope | {"callerAuthorization": {"mode": "Forward", "header": caller.handed_on_in}}
    if caller != REPLACED:
        return scope | {"callerAuthorization": {"mode": "Keep", "header": caller.token_in}}
    return scope


def _a_name(api: str) -> str:
    """A name that Kubernetes takes."""
    return re.sub(r"[^a-z0-9]+", "-", api.lower()).strip("-")[:63] or "binding"
