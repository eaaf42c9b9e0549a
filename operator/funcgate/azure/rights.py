"""Who we are in Azure and what we may do there: the claims of our own tokens, and the permissions at a scope."""

import base64
import binascii
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any, Final

from azure.core.credentials_async import AsyncTokenCredential

from funcgate.azure.http import Call, Http

VERSION: Final = "2022-04-01"
SUBSCRIPTIONS_VERSION: Final = "2022-09-01"


@dataclass(frozen=True, kw_only=True)
class Who:
    """Whom our tokens name. `person`: somebody signed in, not an application; `permissions` are Graph's to it."""

    client_id: str
    object_id: str
    tenant_id: str
    name: str
    person: bool
    permissions: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class Permission:
    """What one role grants: patterns of actions, and those that it takes away again."""

    actions: tuple[str, ...]
    not_actions: tuple[str, ...]

    def allows(self, action: str) -> bool:
        """Whether the role grants this action."""
        return any(_covers(each, action) for each in self.actions) and not any(
            _covers(each, action) for each in self.not_actions
        )


def missing(actions: Iterable[str], granted: Sequence[Permission]) -> tuple[str, ...]:
    """The actions that none of these roles grants. Pure."""
    return tuple(action for action in actions if not any(each.allows(action) for each in granted))


@cache
def _covers(pattern: str, action: str) -> bool:
    """`*` stands for anything. Source: learn.microsoft.com/azure/role-based-access-control/role-definitions."""
    return bool(re.fullmatch(re.escape(pattern.lower()).replace(r"\*", ".*"), action.lower()))


class RightsClient:
    """Questions about ourselves, for those who install."""

    def __init__(self, http: Http, credential: AsyncTokenCredential, *, arm_scope: str, graph_scope: str) -> None:
        self._http = http
        self._credential = credential
        self._arm_scope = arm_scope
        self._graph_scope = graph_scope

    async def in_azure(self) -> Who:
        """Whom our tokens for Resource Manager name. Raises AccessDenied, TryAgain."""
        return await self._who(self._arm_scope)

    async def in_graph(self) -> Who:
        """Whom our tokens for Graph name, with the permissions that they carry (`roles`, for people `scp`)."""
        return await self._who(self._graph_scope)

    async def granted(self, scope: str) -> Sequence[Permission]:
        """
        What our roles grant at this scope.

        GET {scope}/providers/Microsoft.Authorization/permissions → `{"value": [{"actions": […], "notActions": […]}]}`.
        Source: REST reference, Authorization 2022-04-01, "Permissions - List For Resource Group".
        """
        url = f"{self._http.address}{scope}/providers/Microsoft.Authorization/permissions?api-version={VERSION}"
        return [
            Permission(actions=tuple(each.get("actions") or ()), not_actions=tuple(each.get("notActions") or ()))
            for each in await self._http.items(url, "permissions")
        ]

    async def clock(self) -> datetime | None:
        """
        What time it is at Resource Manager, by the Date of an answer that needs no right; None when it bears none.

        GET /subscriptions lists those that we may see. Source: RFC 9110, section 6.6.1.
        """
        url = f"{self._http.address}/subscriptions?api-version={SUBSCRIPTIONS_VERSION}"
        answer = await self._http.send(Call(method="GET", url=url, kind="subscriptions"))
        try:
            return parsedate_to_datetime(answer.headers.get("date", ""))
        except ValueError:
            return None

    async def _who(self, scope: str) -> Who:
        token = await self._credential.get_token(scope)
        return _named(_claims(token.token))


def _claims(token: str) -> Mapping[str, Any]:
    """What stands in a token, unchecked: it is our own. Nothing where it is none that can be read."""
    try:
        body = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    except (IndexError, ValueError, binascii.Error):
        return {}
    return claims if isinstance(claims, dict) else {}


def _named(claims: Mapping[str, Any]) -> Who:
    """Source: learn.microsoft.com/entra/identity-platform/access-token-claims-reference."""
    person = claims.get("idtyp") == "user" or "scp" in claims
    client_id = str(claims.get("appid") or claims.get("azp") or "")
    name = claims.get("upn") or claims.get("unique_name") or claims.get("preferred_username")
    return Who(
        client_id=client_id,
        object_id=str(claims.get("oid") or ""),
        tenant_id=str(claims.get("tid") or ""),
        name=str(name or client_id),
        person=person,
        permissions=frozenset(claims.get("roles") or ()) | frozenset(str(claims.get("scp") or "").split()),
    )
