"""`funcgate plan` as people and pipelines run it: a process, files, an exit code. It writes nothing."""

import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest

from integration.azure_stage import on_stage
from integration.terminal import Terminal


@pytest.fixture
async def terminal(tmp_path: Path) -> AsyncIterator[Terminal]:
    async with on_stage() as stage:
        yield Terminal(stage, tmp_path)


async def test_a_plan_shows_what_a_pass_would_write_and_writes_nothing(terminal: Terminal) -> None:
    ran = await terminal.run("plan", "-f", terminal.manifest())
    assert ran.code == 2, ran.err
    assert ran.out.splitlines() == [
        "shop/orders",
        "  ~ identity  (IdentityReady)",
        "      assigned: false → true",
        "  ~ application  (AppRegistrationReady)",
        f"      redirects: [web https://{terminal.stage.team.site_host}/.auth/login/aad/callback] → []",
        "      implicitTokens: [idToken] → []",
        "  ~ backends/orders-fn  (BackendReady)",
        "      mark: absent → ours",
        "  · PolicyReady: Waiting: waits for the identity's client id, from IdentityReady",
        "  ! EasyAuthReady: DoorOpen: the function app lets callers in without a token; closing it waits for the "
        "identity's tenant, from IdentityReady",
    ]
    assert terminal.writes() == []


async def test_a_settled_binding_has_nothing_to_do_and_no_function_is_called_to_see_that(terminal: Terminal) -> None:
    await terminal.stage.settled()
    ran = await terminal.run("plan", "-f", terminal.manifest(verify={"operation": "GET /ping"}))
    assert (ran.code, ran.out) == (0, "shop/orders\n  nothing to do\n")
    assert terminal.calls() & {("GET", "site"), ("GET", "gateway")} == set()


async def test_a_plan_as_data_names_part_field_before_and_after(terminal: Terminal) -> None:
    await terminal.stage.settled()
    terminal.stage.backend["url"] = "https://elsewhere.example"
    ran = await terminal.run("plan", "-f", terminal.manifest(), "-o", "json")
    (plan,) = json.loads(ran.out)
    wanted = f"https://{terminal.stage.team.site_host}/v1"
    field: Mapping[str, str] = {"field": "url", "before": "https://elsewhere.example", "after": wanted}
    change = {"part": "BackendReady", "key": "backends/orders-fn", "action": "update", "fields": [field]}
    assert (ran.code, plan["binding"], plan["ok"], plan["changes"]) == (2, "shop/orders", False, [change])


async def test_what_stands_in_the_way_is_said_and_ends_with_1(terminal: Terminal) -> None:
    ran = await terminal.run("plan", "-f", terminal.manifest(api={"name": "billing", "import": {"from": "None"}}))
    assert ran.code == 1
    assert "! ApiReady: ApiNotFound: the service has no API named billing (spec.api.name)" in ran.out


async def test_a_wish_that_cannot_be_names_its_field_before_any_call(terminal: Terminal) -> None:
    ran = await terminal.run("plan", "-f", terminal.manifest(drift={"interval": "soon"}))
    assert (ran.code, terminal.calls()) == (1, set())
    assert "spec.drift.interval" in ran.err


async def test_a_file_without_a_binding_is_an_error(terminal: Terminal) -> None:
    file = terminal.folder / "other.yaml"
    file.write_text("kind: ConfigMap\n")
    ran = await terminal.run("plan", "-f", file)
    assert ran.code == 1
    assert "no FunctionApiBinding in" in ran.err


async def test_a_file_that_is_no_yaml_is_named(terminal: Terminal) -> None:
    file = terminal.folder / "broken.yaml"
    file.write_text("spec: [")
    ran = await terminal.run("plan", "-f", file)
    assert ran.code == 1
    assert "broken.yaml: is not YAML" in ran.err


async def test_a_wrong_setting_is_named(terminal: Terminal) -> None:
    ran = await terminal.run("plan", "-f", terminal.manifest(), FUNCGATE_INSTANCE_ID="Not A Name")
    assert ran.code == 1
    assert "FUNCGATE_INSTANCE_ID" in ran.err
