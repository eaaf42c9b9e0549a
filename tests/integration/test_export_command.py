"""`funcgate export`: what it writes describes what stands, so that a plan on it shows what is missing and no more."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from integration.azure_stage import ADOPTION, NAMED, Stage, on_stage
from integration.terminal import Ran, Terminal


@pytest.fixture
async def terminal(tmp_path: Path) -> AsyncIterator[Terminal]:
    async with on_stage() as stage:
        stage.add_identities()
        yield Terminal(stage, tmp_path)


async def exported(terminal: Terminal, *more: str, api: str = "") -> Ran:
    team = terminal.stage.team
    where = ("--service", team.service_id, "--api", api or team.api_name, "--name", "orders", "--namespace", "shop")
    return await terminal.run("export", *where, *more)


async def planned(terminal: Terminal, ran: Ran) -> list[str]:
    """The keys that a plan on the exported manifest would write."""
    assert ran.code == 0, ran.err
    file = terminal.folder / "exported.yaml"
    file.write_text(ran.out)
    plan = await terminal.run("plan", "-f", file, "-o", "json")
    (found,) = json.loads(plan.out)
    assert all(each["reason"] in ("InSync", "Waiting", "ChangesPending", "DoorOpen") for each in found["conditions"])
    return [each["key"] for each in found["changes"]]


FORWARD: dict[str, Any] = {"callerAuthorization": {"mode": "Forward", "header": "X-Caller"}}
KEEP: dict[str, Any] = {"callerAuthorization": {"mode": "Keep", "header": "X-Gateway"}}
OTHERS: dict[str, Any] = {"allow": {"clientIds": ["cccccccc-0000-4000-8000-000000000001"]}}
SETUPS: dict[str, dict[str, Any]] = {
    "adopted": {},
    "a named identity": {"identity": NAMED},
    "published": {"api": {"path": "shop/v2"}, "adopt": False},
    "no key at all": {"functionApp": {"key": {"source": "None"}}},
    "others may call": {"entra": OTHERS},
    "tokens handed on": {"policy": FORWARD},
    "single operations": {"policy": {"scope": {"type": "Operations", "operations": ["get-ping", "GET /orders/{id}"]}}},
    "tokens kept": {"policy": KEEP, "entra": OTHERS},
}


def a_setup(stage: Stage, spec: dict[str, Any]) -> dict[str, Any]:
    """The keywords of `stage.binding` for it."""
    whole = dict(spec)
    if "entra" in whole:
        whole["entra"] = {"registration": {"type": "Existing", "clientId": stage.team.client_id}} | whole["entra"]
    if "functionApp" in whole:
        whole["functionApp"] = {"id": stage.team.site_id} | whole["functionApp"]
    return whole


@pytest.mark.parametrize("setup", SETUPS)
async def test_what_funcgate_keeps_is_described_so_that_nothing_is_left_to_do(terminal: Terminal, setup: str) -> None:
    stage, spec = terminal.stage, a_setup(terminal.stage, SETUPS[setup])
    if setup == "published":
        stage.world.arm.delete(stage.team.api_id)
        for left in (stage.team.backend_id, stage.team.named_value_id):
            stage.world.arm.delete(left)
    await stage.settled(stage.binding(**spec))

    ran = await exported(terminal, api="shop-orders" if setup == "published" else "")

    assert (await planned(terminal, ran), terminal.writes()) == ([], [])


async def test_what_the_portals_import_left_is_described_and_the_plan_shows_what_is_missing(terminal: Terminal) -> None:
    ran = await exported(terminal)
    spec = yaml.safe_load(ran.out)["spec"]
    team = terminal.stage.team
    assert spec == {
        "apiManagement": {"id": team.service_id},
        "functionApp": {"id": team.site_id},
        "api": {"name": team.api_name, "import": {"from": "None"}},
        "adopt": True,
    }
    assert len(ADOPTION) > len(await planned(terminal, ran)) > 1


async def test_as_data_it_is_the_same(terminal: Terminal) -> None:
    text, data = await exported(terminal), await exported(terminal, "-o", "json")
    assert yaml.safe_load(text.out) == json.loads(data.out)


async def test_no_secret_is_in_it(terminal: Terminal) -> None:
    await terminal.stage.settled()
    ran = await exported(terminal)
    assert terminal.stage.team.host_key not in ran.out
    assert terminal.stage.team.subscription_key not in ran.out


async def test_an_api_that_is_not_there_is_named(terminal: Terminal) -> None:
    ran = await terminal.process("export", "--service", terminal.stage.team.service_id, "--api", "nothing")
    assert (ran.code, "the service has no API named nothing" in ran.err) == (1, True)


async def test_a_backend_that_is_not_there_is_named_with_those_that_are(terminal: Terminal) -> None:
    ran = await exported(terminal, "--backend", "nothing")
    assert (ran.code, "name one of orders-fn" in ran.err) == (1, True)


async def test_what_is_no_id_is_named(terminal: Terminal) -> None:
    ran = await terminal.run("export", "--service", "contoso", "--api", "orders")
    assert (ran.code, "--service: 'contoso' is not a resource id" in ran.err) == (1, True)
