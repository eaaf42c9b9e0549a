"""
Argo CD's Lua, as far as it is needed to try what is in deploy/argocd: Lua 5.1 with just what Argo CD opens in it.

Source: argo-cd v3.4, util/lua/lua.go and oslib_safe.go (libraries, limits, what is made of an action's answer) and
layeh.com/gopher-json (how a table becomes JSON).
"""

import copy
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from textwrap import indent
from typing import Any

from lupa import lua51  # type: ignore[import-untyped]

Json = dict[str, Any]

CUSTOMIZATION = Path(__file__).parents[1] / "deploy/argocd/resource_customizations/funcgate.dev/FunctionApiBinding"
STATUSES = {"Healthy", "Progressing", "Degraded", "Suspended", "Missing", "Unknown"}

LIMITS = """
local date, time = os.date, os.time
debug.sethook(function() error("takes longer than Argo CD allows") end, "", 1000000)
getmetatable("").__index = nil
for _, name in ipairs({"string", "math", "io", "os", "debug", "coroutine", "python"}) do
  _G[name], package.loaded[name] = nil, nil
end
table.date, table.time = date, time -- where the safe os library lands; `require("os")` finds it too
package.loaded.os = {date = date, time = time}
"""


def health(script: str, live: Json) -> Json:
    """What Argo CD shows of a live object. Being deleted, it would not even ask."""
    found: Json = run(script, live)
    assert found["status"] in STATUSES, found
    return found


def discover(script: str, live: Json) -> list[Json]:
    """The actions that Argo CD offers, by name."""
    found: Mapping[str, Json] = run(script, live)
    return [{"name": name, "disabled": False} | about for name, about in sorted(found.items())]


def act(script: str, live: Json) -> Json:
    """The live object as the action leaves it; Argo CD patches the difference."""
    found: Json = _cleaned(run(script, live), live)
    return found


def run(script: str, live: Json) -> Any:
    """What the script returns, as JSON."""
    lua = lua51.LuaRuntime(register_eval=False)
    lua.execute(LIMITS)
    lua.globals().obj = _lua(lua, live)
    return _json(lua.execute(script))


def _lua(lua: lua51.LuaRuntime, value: Any) -> Any:
    if isinstance(value, dict):
        return lua.table_from({name: _lua(lua, each) for name, each in value.items() if each is not None})
    return lua.table_from([_lua(lua, each) for each in value]) if isinstance(value, list) else value


def _json(value: Any) -> Any:
    if lua51.lua_type(value) != "table":
        return int(value) if isinstance(value, float) and value.is_integer() else value
    pairs = dict(value.items())
    if all(isinstance(key, int) for key in pairs):  # an empty table too
        assert list(pairs) == list(range(1, len(pairs) + 1)), "sparse array"
        return [_json(each) for each in pairs.values()]
    assert all(isinstance(key, str) for key in pairs), "cannot encode mixed or invalid key types"
    return {key: _json(each) for key, each in pairs.items()}


def _cleaned(new: Any, old: Any) -> Any:
    """An object that came back as an empty array is what it was before: Lua cannot tell one from the other."""
    if isinstance(new, dict) and isinstance(old, dict):
        return new | {name: _cleaned(new[name], each) for name, each in old.items() if name in new}
    if isinstance(new, list) and isinstance(old, list):
        return [_cleaned(*both) for both in zip(new, old, strict=False)] + new[len(old) :]
    return old if new == [] and isinstance(old, dict) else new


def merge_patch(old: Any, new: Any) -> Any:
    """What makes the one of the other (RFC 7386), which is what Argo CD sends."""
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return new
    changed = {name: merge_patch(old.get(name), each) for name, each in new.items() if old.get(name) != each}
    return changed | dict.fromkeys(old.keys() - new.keys())


def is_now(text: str) -> bool:
    """Whether that is the time, within a minute, as Kubernetes writes it."""
    then = datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    return abs((datetime.now(UTC) - then).total_seconds()) < 60


# --- how an installation is told of the Lua

CONFIG_MAP = CUSTOMIZATION.parents[2] / "argocd-cm.yaml"
KEYS = "resource.customizations.{}.funcgate.dev_FunctionApiBinding"


def config_map() -> str:
    """What makes Argo CD's ConfigMap of one without our kind: operator-manual/health.md and resource_actions.md."""
    health, discovery = (
        (CUSTOMIZATION / "health.lua").read_text(),
        (CUSTOMIZATION / "actions/discovery.lua").read_text(),
    )
    lines = [
        "# The Lua of resource_customizations/, which has its tests beside it, as Argo CD's ConfigMap takes it.\n",
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: argocd-cm\ndata:\n",
        f"  {KEYS.format('health')}: |\n{indent(health, ' ' * 4)}",
        f"  {KEYS.format('actions')}: |\n    discovery.lua: |\n{indent(discovery, ' ' * 6)}    definitions:\n",
    ]
    for script in sorted(CUSTOMIZATION.glob("actions/*/action.lua")):
        lines.append(
            f"      - name: {script.parent.name}\n        action.lua: |\n{indent(script.read_text(), ' ' * 10)}"
        )
    return "".join(lines)


# --- what Argo CD calls OutOfSync

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def out_of_sync(git: Json, live: Json) -> Json:
    """
    What Argo CD's three-way diff would change in the live object; empty when that is in sync.

    Only what Git says, or said when it was last applied, is compared; lists are compared as a whole. Source: argo-cd,
    gitops-engine/pkg/diff/diff.go, which makes JSON merge patches for custom resources.
    """
    last = json.loads(live["metadata"].get("annotations", {}).get(LAST_APPLIED, "null")) or copy.deepcopy(git)
    last["metadata"].pop("namespace", None)  # kubectl writes these two down whether or not Git says them
    if not last["metadata"].get("annotations"):
        last["metadata"].pop("annotations", None)
    found: Json = _both(_changes(git, live), _removals(git, last, live))
    return found


def _changes(git: Json, live: Json) -> Json:
    """What Git says and the live object does not."""
    changed: Json = {}
    for name, each in git.items():
        there = live.get(name)
        if isinstance(each, dict) and isinstance(there, dict):
            if inner := _changes(each, there):
                changed[name] = inner
        elif each != there:
            changed[name] = each
    return changed


def _removals(git: Json, last: Json, live: Json) -> Json:
    """What Git said before, says no more, and the live object still has."""
    removed: Json = {}
    for name, each in last.items():
        if name not in git and name in live:
            removed[name] = None
        elif all(isinstance(part.get(name), dict) for part in (git, last, live)) and (
            inner := _removals(git[name], each, live[name])
        ):
            removed[name] = inner
    return removed


def _both(one: Json, other: Json) -> Json:
    inner = {name: _both(one[name], other[name]) for name in one.keys() & other.keys()}
    return one | other | inner
