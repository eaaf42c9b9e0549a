"""
A cloud that no table knows: its addresses, asked of its own Azure Resource Manager and of its Entra.

Source: azure-cli, `az cloud register --endpoint-resource-manager` (what the metadata is used for);
learn.microsoft.com/entra/identity-platform/v2-protocols-oidc (`issuer` with `{tenantid}` in the discovery documents).
"""

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from funcgate.azure.clouds import Endpoints
from funcgate.azure.proxies import ways_from_environment
from funcgate.azure.refusals import unreachable
from funcgate.azure.session import open_session, ssl_context
from funcgate.errors import FuncgateError

VERSION = "2022-09-01"
SECONDS = 15.0
NOT_NEEDED = ("connect_to", "logs", "logs_scope")

Json = Mapping[str, Any]


class NoSuchCloud(FuncgateError):
    """The cloud does not say where it answers; names what was asked."""


async def located(stated: Endpoints) -> Endpoints:
    """
    The same addresses, and for those that are empty what the cloud itself says. Asks nobody where none is empty.

    Raises NoSuchCloud.
    """
    if all(getattr(stated, each.name) for each in fields(stated) if each.name not in NOT_NEEDED):
        return stated
    async with open_session(ssl_context()) as session:
        said = await _metadata(session, stated.arm.rstrip("/"))
        authority = stated.authority or said["authority"]
        issuers = {
            "issuer_v1": await _issuer(session, f"{authority}/common"),
            "issuer_v2": await _issuer(session, f"{authority}/common/v2.0"),
        }
    found = said | issuers
    return replace(stated, **{name: value for name, value in found.items() if not getattr(stated, name)})


async def _metadata(session: aiohttp.ClientSession, arm: str) -> dict[str, str]:
    url = f"{arm}/metadata/endpoints?api-version={VERSION}"
    body = await _get(session, url)
    login = body.get("authentication") or {}
    audience, graph, logs = (
        str(each or "").rstrip("/")
        for each in (
            next(iter(login.get("audiences") or ()), ""),
            body.get("microsoftGraphResourceId"),
            body.get("logAnalyticsResourceId"),
        )
    )
    authority = str(login.get("loginEndpoint") or "").rstrip("/")
    if not (audience and graph and authority):
        raise NoSuchCloud(f"{url} does not say where Microsoft Entra and Microsoft Graph answer; state all addresses")
    return {
        "arm_scope": f"{audience}/.default",
        "graph": graph,
        "graph_scope": f"{graph}/.default",
        "authority": authority,
        "logs": logs,
        "logs_scope": logs and f"{logs}/.default",
    }


async def _issuer(session: aiohttp.ClientSession, authority: str) -> str:
    url = f"{authority}/.well-known/openid-configuration"
    issuer = str((await _get(session, url)).get("issuer") or "")
    if not issuer:
        raise NoSuchCloud(f"{url} names no issuer; state FUNCGATE_ISSUER_V1 and FUNCGATE_ISSUER_V2")
    return issuer.replace("{tenantid}", "{tenant}")


async def _get(session: aiohttp.ClientSession, url: str) -> Json:
    try:
        async with session.get(
            url, proxy=ways_from_environment()(url), timeout=aiohttp.ClientTimeout(total=SECONDS)
        ) as answer:
            if answer.status != 200:
                raise NoSuchCloud(
                    f"{url} answered {answer.status}; correct FUNCGATE_ARM_ENDPOINT, or state all addresses"
                )
            body = await answer.json(content_type=None)
    except (aiohttp.ClientError, OSError, TimeoutError) as broken:
        raise NoSuchCloud(f"{url}: {unreachable(urlsplit(url).hostname or '', broken)}") from broken
    except ValueError:
        body = None
    body = body[0] if isinstance(body, list) and body else body
    if not isinstance(body, dict):
        raise NoSuchCloud(f"{url} answered without a JSON object; look for a proxy between here and the cloud")
    return body
