"""What `doctor` looks at in Azure: settings, credentials, the role action by action, Graph, the network, the clock."""

import asyncio
import shlex
from collections.abc import Sequence
from datetime import UTC, datetime

from funcgate.azure import Azure, NoSuchCloud, Who, connect, located, missing
from funcgate.cli.credentials import HalfConfigured, must_be_whole
from funcgate.cli.finding import Finding, Operator, Seen, right, unseen, wrong
from funcgate.cli.needs import ACTIONS, GRAPH_CLIENT_ID, PERMISSIONS, Wanted
from funcgate.errors import AccessDenied, AzureError
from funcgate.settings import Settings, SettingsError

SKEW_SECONDS = 60.0
"""Entra takes five minutes; a clock that is off by one has stopped being set."""

NETWORK = {"Unreachable", "NameNotResolved", "CertificateNotTrusted", "TimedOut", "CredentialUnreachable"}
SIGN_IN = ("az login",)


async def findings(operator: Operator, scopes: Sequence[str], seen: Seen) -> list[Finding]:
    """What there is to say. Gateways and function apps are called as verification would."""
    try:
        settings = Settings.read(seen.variables)
        must_be_whole()
        endpoints = await located(settings.endpoints())
    except SettingsError as error:
        return [wrong("settings", f"{error}; docs/reference/settings.md lists what it takes")]
    except HalfConfigured as error:
        return [wrong("credentials", str(error), mend=SIGN_IN)]
    except NoSuchCloud as error:
        return [wrong("settings", str(error))]
    places = tuple(scopes) or settings.azure_scopes
    async with connect(endpoints) as azure:
        who, credentials = await _credentials(azure, operator, endpoints.authority)
        rest = await asyncio.gather(
            *(_role(azure, who, each, operator) for each in places),
            _graph(azure, who, endpoints.graph, assigns=seen.assigns),
            _clock(azure),
            *(_host(azure, each) for each in seen.hosts),
        )
    return [credentials, *_settings(places), *rest]


def _settings(scopes: Sequence[str]) -> list[Finding]:
    if scopes:
        return []
    return [
        wrong(
            "scopes",
            "FUNCGATE_AZURE_SCOPES is empty, so bindings may name nothing; set it in your overlay, or look at one with "
            "--scope",
            mend=("az group list --query [].id -o tsv",),
        )
    ]


async def _credentials(azure: Azure, operator: Operator, authority: str) -> tuple[Who | None, Finding]:
    try:
        who = await azure.rights.in_azure()
    except AzureError as error:
        if error.reason in NETWORK:
            return None, _unreached("credentials", authority, error)
        return None, wrong("credentials", str(error), mend=(*SIGN_IN, operator.inside))
    if who.person:
        says = f"signed in as {who.name}: what follows is about you; the operator's own rights see its pod"
        return who, unseen("credentials", says, mend=(operator.inside,))
    return who, right("credentials", f"tokens come for client {who.client_id} in tenant {who.tenant_id}")


def _unreached(check: str, address: str, error: AzureError) -> Finding:
    """No answer: the network, a proxy, or whom we trust."""
    return wrong(check, str(error), "look for a firewall, or a proxy (HTTPS_PROXY)", mend=(f"curl -v {address}",))


# --- Resource Manager


async def _role(azure: Azure, who: Who | None, scope: str, operator: Operator) -> Finding:
    check = "azure role"
    if who is None:
        return unseen(check, f"{scope}: no token, so nobody could ask")
    try:
        granted = await azure.rights.granted(scope)
    except AccessDenied:
        granted = []
    except AzureError as error:
        return unseen(check, f"{scope}: {error}")
    lacking = missing(ACTIONS, granted)
    if not lacking:
        return right(check, f"{scope}: all {len(ACTIONS)} actions are granted")
    if len(lacking) == len(ACTIONS):
        return wrong(check, f"{scope}: no action is granted; assign the role", mend=(_assign(who, scope),))
    return wrong(
        check,
        f"{scope}: {len(lacking)} of {len(ACTIONS)} actions are not granted",
        *lacking,
        mend=("az role definition update --role-definition @role.json", _assign(who, scope)),
    )


def _assign(who: Who, scope: str) -> str:
    kind = "User" if who.person else "ServicePrincipal"
    return (
        f'az role assignment create --role "funcgate operator" --scope {shlex.quote(scope)} '
        f"--assignee-object-id {who.object_id} --assignee-principal-type {kind}"
    )


async def _clock(azure: Azure) -> Finding:
    check = "clock"
    before = datetime.now(UTC)
    try:
        there = await azure.rights.clock()
    except AzureError as error:
        return unseen(check, f"Resource Manager does not answer: {error}")
    return judged(check, there, before, datetime.now(UTC))


def judged(check: str, there: datetime | None, before: datetime, after: datetime) -> Finding:
    """How far the clock is off, when Azure's was read between these two moments. Pure."""
    if there is None:
        return unseen(check, "Resource Manager's answer bears no date")
    ahead = (before - there).total_seconds()
    behind = (there - after).total_seconds()
    off, way = (ahead, "ahead of") if ahead > behind else (behind, "behind")
    if off > SKEW_SECONDS:
        says = f"{off:.0f} s {way} Azure's; tokens are good for a while by the clock, so set it"
        return wrong(check, says, mend=("timedatectl set-ntp true",))
    return right(check, "agrees with Azure's to within a minute")


# --- Graph


async def _graph(azure: Azure, who: Who | None, address: str, *, assigns: bool) -> Finding:
    check = "graph"
    host = address.removeprefix("https://").partition("/")[0]
    if who is None:
        return unseen(check, "no token, so nobody could ask")
    try:
        mine = await azure.rights.in_graph()
        await azure.graph.get_application(mine.client_id)
    except AccessDenied:
        pass  # it answers; what is missing stands in the token
    except AzureError as error:
        return _unreached(check, address, error) if error.reason in NETWORK else unseen(check, str(error))
    if mine.person:
        return unseen(check, f"{host} answers; which permissions the operator has, only its own token tells")
    lacking = [each for each in PERMISSIONS if each.name not in mine.permissions]
    needed = [each for each in lacking if each.always or assigns]
    if needed:
        says = [f"without {each.name}, {each.without}" for each in needed]
        return wrong(check, *says, mend=tuple(_permit(each, mine, address) for each in needed))
    unneeded = [f"without {each.name}, {each.without}" for each in lacking]
    return right(check, f"{host} answers, and the permissions are granted", *unneeded)


def _permit(wanted: Wanted, who: Who, address: str) -> str:
    graph = f'"$(az ad sp show --id {GRAPH_CLIENT_ID} --query id -o tsv)"'
    return (
        f"az rest --method post --url {address}/v1.0/servicePrincipals/{who.object_id}/appRoleAssignments --body "
        f'\'{{"principalId": "{who.object_id}", "resourceId": "\'{graph}\'", "appRoleId": "{wanted.id}"}}\''
    )


# --- where calls go


async def _host(azure: Azure, host: str) -> Finding:
    try:
        heard = await azure.probe.get(f"https://{host}/", "host")
    except AzureError as error:
        return wrong(
            "network",
            f"{error}; Verified stays Unknown for its bindings",
            "open the way, or set FUNCGATE_CONNECT_TO",
            mend=(f"curl -v https://{host}/",),
        )
    return right("network", f"{host} answers ({heard.status})")
