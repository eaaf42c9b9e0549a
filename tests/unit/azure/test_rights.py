"""Who we are by our own token, and what roles grant."""

import base64
import json
import time
from typing import Any
from unittest.mock import AsyncMock, sentinel

import pytest
from azure.core.credentials import AccessToken

from funcgate.azure import Permission, RightsClient, Who, missing


def granted(*actions: str, without: tuple[str, ...] = ()) -> Permission:
    return Permission(actions=actions, not_actions=without)


WRITE = "Microsoft.Web/sites/config/Write"


@pytest.mark.parametrize(
    ("roles", "lacking"),
    [
        ([], (WRITE,)),
        ([granted("*")], ()),
        ([granted("microsoft.web/sites/*")], ()),
        ([granted("*/read")], (WRITE,)),
        ([granted("*", without=("Microsoft.Web/*/Write",))], (WRITE,)),
        ([granted("*", without=("Microsoft.Web/*",)), granted(WRITE)], ()),
    ],
)
def test_an_action_is_granted_by_any_role_that_does_not_take_it_away_itself(
    roles: list[Permission], lacking: tuple[str, ...]
) -> None:
    assert missing([WRITE], roles) == lacking


async def named(token: str) -> Who:
    credential = AsyncMock()
    credential.get_token.return_value = AccessToken(token, int(time.time()) + 3600)
    return await RightsClient(sentinel.http, credential, arm_scope="arm", graph_scope="graph").in_graph()


def a_token(**claims: Any) -> str:
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"header.{body}.signature"


async def test_an_application_is_known_by_its_client_id_and_carries_roles() -> None:
    who = await named(a_token(appid="client", oid="object", tid="tenant", roles=["Application.Read.All"]))
    assert (who.name, who.object_id, who.tenant_id, who.person) == ("client", "object", "tenant", False)
    assert who.permissions == {"Application.Read.All"}


async def test_a_person_is_known_by_name_and_carries_scopes() -> None:
    who = await named(a_token(appid="cli", upn="ada@contoso.example", scp="User.Read Directory.Read.All"))
    assert (who.name, who.person, who.permissions) == (
        "ada@contoso.example",
        True,
        {"User.Read", "Directory.Read.All"},
    )


@pytest.mark.parametrize("token", ["opaque", "a.b.c", "a.bnVsbA.c"])
async def test_a_token_that_cannot_be_read_names_nobody(token: str) -> None:
    assert (await named(token)).name == ""
