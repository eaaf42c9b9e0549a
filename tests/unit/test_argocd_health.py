"""What Argo CD shows of a binding, and the actions it offers: tests in Argo CD's own format, and a few more."""

import copy
import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from argocd import CONFIG_MAP, CUSTOMIZATION, KEYS, act, config_map, discover, health, is_now, merge_patch, run

REQUESTED_AT = "funcgate.dev/reconcile-requested-at"
ACTIONS = CUSTOMIZATION / "actions"
HEALTH = (CUSTOMIZATION / "health.lua").read_text()
DISCOVERY = (ACTIONS / "discovery.lua").read_text()

Json = dict[str, Any]


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


HEALTH_TESTS = load(CUSTOMIZATION / "health_test.yaml")["tests"]
ACTION_TESTS = load(ACTIONS / "action_test.yaml")
MOMENTS = {path.stem: load(path) for path in sorted(CUSTOMIZATION.glob("testdata/*.yaml"))}


def script(action: str) -> str:
    return (ACTIONS / action / "action.lua").read_text()


def path_of(test: Json) -> str:
    return " ".join(str(value) for name, value in test.items() if name in ("action", "inputPath"))


# --- the tests as Argo CD runs them: argo-cd, util/lua/health_test.go and custom_actions_test.go


@pytest.mark.parametrize("test", HEALTH_TESTS, ids=path_of)
def test_the_health_is_the_expected_one(test: Json) -> None:
    assert health(HEALTH, load(CUSTOMIZATION / test["inputPath"])) == test["healthStatus"]


@pytest.mark.parametrize("test", ACTION_TESTS["discoveryTests"], ids=path_of)
def test_the_actions_on_offer_are_the_expected_ones(test: Json) -> None:
    offered = discover(DISCOVERY, load(ACTIONS / test["inputPath"]))
    assert offered == sorted(test["result"], key=lambda each: each["name"])


@pytest.mark.parametrize("test", ACTION_TESTS["actionTests"], ids=path_of)
def test_an_action_leaves_the_expected_object(test: Json) -> None:
    done = act(script(test["action"]), load(ACTIONS / test["inputPath"]))
    annotations = done["metadata"].get("annotations", {})
    if test["action"] == "reconcile" and is_now(annotations[REQUESTED_AT]):
        annotations[REQUESTED_AT] = "0001-01-01T00:00:00Z"
    assert done == load(ACTIONS / test["expectedOutputPath"])


def test_every_moment_of_a_life_and_every_action_has_a_test() -> None:
    assert {each["inputPath"] for each in HEALTH_TESTS} == {f"testdata/{name}.yaml" for name in MOMENTS}
    offered = {each["name"] for each in discover(DISCOVERY, MOMENTS["ready"])}
    assert offered == {each["action"] for each in ACTION_TESTS["actionTests"]}
    assert offered == {path.parent.name for path in ACTIONS.glob("*/action.lua")}


# --- health


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("where", ["metadata", "condition"])
def test_what_is_said_of_an_older_spec_is_neither_good_nor_bad_news(moment: str, where: str) -> None:
    live = copy.deepcopy(MOMENTS[moment])
    if where == "metadata":
        live["metadata"]["generation"] += 1
    for each in live["status"].get("conditions", ()):
        if where == "condition" and each["type"] == "Ready":
            each["observedGeneration"] -= 1
    assert health(HEALTH, live)["status"] == ("Suspended" if moment == "paused" else "Progressing")


def test_an_object_without_any_status_is_progressing() -> None:
    live = {name: part for name, part in MOMENTS["new"].items() if name != "status"}
    assert health(HEALTH, live)["status"] == "Progressing"


def test_paused_is_what_the_annotation_says_whatever_was_seen_last() -> None:
    live = copy.deepcopy(MOMENTS["needs-a-person"])
    live["metadata"]["annotations"] = {"funcgate.dev/paused": "true"}
    assert health(HEALTH, live)["status"] == "Suspended"
    live["metadata"]["annotations"] = {"funcgate.dev/paused": "yes"}
    assert health(HEALTH, live)["status"] == "Degraded"


def test_resumed_is_progressing_until_somebody_has_looked() -> None:
    live = copy.deepcopy(MOMENTS["paused"])
    del live["metadata"]["annotations"]
    assert health(HEALTH, live) == {"status": "Progressing", "message": "Waiting for funcgate to look at it"}


@pytest.mark.parametrize("status", ["False", "Unknown"])
def test_only_what_needs_somebody_is_degraded(status: str) -> None:
    """A Degraded member of a wave fails the whole sync, which trouble that passes by itself must not."""
    live = copy.deepcopy(MOMENTS["throttled"])
    for each in live["status"]["conditions"]:
        if each["type"] == "Ready":
            each["status"] = status
    assert health(HEALTH, live)["status"] == "Progressing"
    for each in live["status"]["conditions"]:
        if each["type"] == "Stalled":
            each["status"] = "True"
    assert health(HEALTH, live)["status"] == "Degraded"


# --- actions


def test_taking_the_last_annotation_away_is_a_patch_that_does_so() -> None:
    """An empty table comes back from Lua as an empty array, which Argo CD takes for no change."""
    live = load(ACTIONS / "testdata/paused.yaml")
    assert merge_patch(live, act(script("resume"), live)) == {"metadata": {"annotations": None}}
    assert act('obj.metadata.annotations["funcgate.dev/paused"] = nil return obj', live) == live


@pytest.mark.parametrize("action", sorted(path.parent.name for path in ACTIONS.glob("*/action.lua")))
@pytest.mark.parametrize("moment", MOMENTS)
def test_an_action_changes_nothing_but_annotations(action: str, moment: str) -> None:
    patch = merge_patch(MOMENTS[moment], act(script(action), MOMENTS[moment]))
    assert set(patch) <= {"metadata"}
    assert set(patch.get("metadata", ())) <= {"annotations"}


# --- the ConfigMap


def test_the_config_map_holds_the_same_lua() -> None:
    if os.environ.get("UPDATE_FIXTURES"):
        CONFIG_MAP.write_text(config_map())
    assert CONFIG_MAP.read_text() == config_map(), "UPDATE_FIXTURES=1 writes it anew"
    data = load(CONFIG_MAP)["data"]
    assert set(data) == {KEYS.format("health"), KEYS.format("actions")}
    assert data[KEYS.format("health")] == HEALTH
    actions = yaml.safe_load(data[KEYS.format("actions")])
    assert set(actions) == {"discovery.lua", "definitions"}
    assert actions["discovery.lua"] == DISCOVERY
    scripts = {each["name"]: each["action.lua"] for each in actions["definitions"]}
    assert scripts == {path.parent.name: path.read_text() for path in ACTIONS.glob("*/action.lua")}


# --- the Lua that all of this ran in


@pytest.mark.parametrize(
    "forbidden",
    ['string.sub("a", 1)', '("a"):upper()', "math.floor(1)", "io.write()", "os.date()", "debug.getinfo(1)", "python"],
)
def test_what_argo_cd_does_not_open_is_not_there(forbidden: str) -> None:
    assert run(f"return {{pcall(function() return assert({forbidden}) end)}}", {})[0] is False


def test_what_argo_cd_opens_is_there() -> None:
    assert run('return {require("os").time() > 0, table.concat({"a", "b"}), next({}) == nil}', {}) == [True, "ab", True]


def test_a_script_that_does_not_end_is_ended() -> None:
    with pytest.raises(Exception, match="takes longer than Argo CD allows"):
        run("while true do end", {})
