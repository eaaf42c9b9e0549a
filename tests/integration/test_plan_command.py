"""`funcgate plan` as people and pipelines run it: a process, files, an exit code. It writes nothing."""

import json
import re
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import jsonschema
import pytest
import yaml

from azuresim.policy.text import read, write
from azuresim.web import site_of
from integration.azure_stage import NAMED, on_stage
from integration.terminal import Terminal

SCHEMA = Path(__file__).parents[2] / "docs" / "reference" / "plan.schema.json"


@pytest.fixture
async def terminal(tmp_path: Path) -> AsyncIterator[Terminal]:
    async with on_stage() as stage:
        yield Terminal(stage, tmp_path)


async def test_a_plan_shows_what_a_pass_would_write_and_writes_nothing(terminal: Terminal) -> None:
    ran = await terminal.process("plan", "-f", terminal.manifest())
    assert ran.code == 2, ran.err
    assert ran.out.splitlines() == [
        "shop/orders",
        "  ~ identity  (IdentityReady)",
        "      assigned: false → true",
        "  ~ backends/orders-fn  (BackendReady)",
        "      mark: absent → ours",
        "  ~ application  (AppRegistrationReady)",
        f"      redirects: [web https://{terminal.stage.team.site_host}/.auth/login/aad/callback] → []",
        "      implicitTokens: [idToken] → []",
        "  · PolicyReady: Waiting: waits for the identity's client id, from IdentityReady",
        "  ! EasyAuthReady: DoorOpen: the function app lets callers in without a token; closing it waits for the "
        "identity's tenant, from IdentityReady",
        "  0 to create, 3 to change, 0 to delete",
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
    change = {"part": "BackendReady", "key": "backends/orders-fn", "action": "update", "phase": "add"}
    assert (ran.code, plan["binding"], plan["ok"]) == (2, "shop/orders", False)
    assert plan["changes"] == [change | {"fields": [field], "diff": []}]
    jsonschema.validate([plan], json.loads(SCHEMA.read_text()))


async def test_what_changes_in_a_policy_is_shown_line_by_line_and_no_secret_of_others(terminal: Terminal) -> None:
    await terminal.stage.settled()
    text = write(read(terminal.stage.policy, raw=False), raw=True)
    theirs = '<authentication-basic username="bob" password="hunter2" />'
    terminal.stage.put_policy(re.sub("<set-backend-service .*?/>", theirs, text))
    ran = await terminal.run("plan", "-f", terminal.manifest())
    assert ran.code == 2, ran.err
    lines = ran.out.splitlines()
    assert '      +        <set-backend-service id="apim-generated-policy" backend-id="orders-fn" />' in lines
    assert '               <authentication-basic username="…" password="…" />' in lines
    assert "hunter2" not in ran.out


async def test_of_a_new_set_up_all_that_can_be_known_is_shown(terminal: Terminal) -> None:
    """With an identity and a registration that are there, nothing is left to wait for."""
    stage = terminal.stage
    for each in (stage.team.api_id, stage.team.backend_id, stage.team.named_value_id):
        stage.world.arm.delete(each)
    site_of(stage.world, stage.team.site_id).keys.functions.clear()
    stage.add_identities()
    service = {"id": stage.team.service_id, "identity": NAMED}
    manifest = terminal.manifest(apiManagement=service, api={"path": "shop/v2"})
    ran = await terminal.run("plan", "-f", manifest, "-o", "json")
    (plan,) = json.loads(ran.out)
    assert [each for each in plan["conditions"] if each["waits"]] == []
    assert [each["key"] for each in plan["changes"] if "/operations/" not in each["key"]] == [
        "identity",
        "host/functionKeys/funcgate-shop-orders-af29a953",
        "namedValues/orders-fn-key",
        "backends/orders-fn",
        "config/authsettingsV2",
        "apis/shop-orders",
        "apis/shop-orders/policies/policy",
        "application",
    ]


async def test_a_plan_can_be_posted_on_a_pull_request(terminal: Terminal) -> None:
    ran = await terminal.run("plan", "-f", terminal.manifest(), "-o", "markdown")
    assert ran.code == 2, ran.err
    assert ran.out.startswith("## funcgate plan\n\n### `shop/orders`\n\n**0 to create, 3 to change, 0 to delete**\n")
    assert "| `~` update | `backends/orders-fn` | mark: `absent` → `ours` | BackendReady |" in ran.out


# --- what is read


async def test_a_folder_is_read_with_all_below_it(terminal: Terminal) -> None:
    below = terminal.folder / "deploy" / "prod"
    below.mkdir(parents=True)
    terminal.manifest("deploy/prod/orders.yaml")
    (below / "others.yml").write_text("kind: Service\n---\n---\njust a text\n")
    (below / "list.json").write_text(json.dumps({"kind": "List", "items": [terminal.binding(name="second")]}))
    (below / "values.txt").write_text("[")
    ran = await terminal.run("plan", "-f", terminal.folder / "deploy", "-o", "json")
    assert [each["binding"] for each in json.loads(ran.out)] == ["shop/second", "shop/orders"], ran.err


async def test_standard_input_is_read(terminal: Terminal) -> None:
    ran = await terminal.process("plan", "-f", "-", input=yaml.safe_dump(terminal.binding()))
    assert (ran.code, ran.out.splitlines()[0]) == (2, "shop/orders"), ran.err


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("kind: ConfigMap\n", "no FunctionApiBinding in"),
        ("spec: [", "wrong.yaml: is not YAML"),
        ("kind: ConfigMap\n---\nkind: FunctionApiBinding\n", "wrong.yaml, document 2: metadata.name: is missing"),
        ("kind: FunctionApiBinding\nmetadata: [a]\n", "wrong.yaml, document 1: metadata: is no mapping"),
        ("kind: FunctionApiBinding\nmetadata: {name: a}\nspec: {api: 7}\n", "wrong.yaml, document 1: spec.a"),
        ("kind: FunctionApiBinding\nmetadata: {name: a}\nspec: text\n", "wrong.yaml, document 1: spec"),
        (b"\xff\xfe\xfa", "wrong.yaml: "),
    ],
)
async def test_what_is_wrong_with_a_file_is_named(terminal: Terminal, text: str | bytes, says: str) -> None:
    file = terminal.folder / "wrong.yaml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    ran = await terminal.run("plan", "-f", file)
    assert (ran.code, terminal.calls()) == (1, set())
    assert says in ran.err
    assert "Traceback" not in ran.err


async def test_a_binding_that_stands_in_two_files_is_named(terminal: Terminal) -> None:
    ran = await terminal.run("plan", "-f", terminal.manifest("one.yaml"), "-f", terminal.manifest("two.yaml"))
    assert ran.code == 1
    assert "two.yaml, document 1: shop/orders is in" in ran.err


async def test_what_stands_in_the_way_is_said_and_ends_with_1(terminal: Terminal) -> None:
    ran = await terminal.run("plan", "-f", terminal.manifest(api={"name": "billing", "import": {"from": "None"}}))
    assert ran.code == 1
    assert "! ApiReady: ApiNotFound: the service has no API named billing (spec.api.name)" in ran.out


async def test_a_wish_that_cannot_be_names_its_field_before_any_call(terminal: Terminal) -> None:
    ran = await terminal.run("plan", "-f", terminal.manifest(drift={"interval": "soon"}))
    assert (ran.code, terminal.calls()) == (1, set())
    assert "spec.drift.interval" in ran.err


async def test_a_wrong_setting_is_named(terminal: Terminal) -> None:
    ran = await terminal.run("plan", "-f", terminal.manifest(), FUNCGATE_INSTANCE_ID="Not A Name")
    assert ran.code == 1
    assert "FUNCGATE_INSTANCE_ID" in ran.err
