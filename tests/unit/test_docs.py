"""The documentation says what the code does: every name on either side has its place on the other."""

import ast
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import sentinel

import jsonschema
import pytest
import yaml

from builders import a_binding
from funcgate.aspects import all_aspects, all_checks
from funcgate.azure import Azure, Endpoints
from funcgate.cli.manifests import ERROR
from funcgate.cli.plan import CHANGES, NOTHING_TO_DO
from funcgate.conditions import READY, RECONCILING, STALLED
from funcgate.controller import registrations, scopes, verdicts
from funcgate.controller.cache import FINALIZER
from funcgate.effects import ABSENT, ANYBODY, EFFECTS
from funcgate.engine import Outcome, Pass, Write
from funcgate.metrics import Metrics
from funcgate.model import Action, Drift, camel
from funcgate.plan_report import data
from funcgate.settings import Settings
from funcgate.spec import CONFIRM_DELETE, GROUP, KIND, PAUSED, RECONCILE_POLICY, RECONCILE_REQUESTED_AT, VERSION, Spec
from pages import DOCS, REPOSITORY, blocks

SOURCES = REPOSITORY / "operator" / "funcgate"
PAGES = (
    *(REPOSITORY / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md")),
    *sorted(DOCS.rglob("*.md")),
    *sorted((REPOSITORY / "changes").glob("*.md")),
)

ERRORS = {"TryAgain", "AccessDenied", "NotFound", "Rejected"}
REASON_STANDS = {"Unmet": 0, "_unproven": 0, "unsettled": 1, "_outcome": 1, "_condition": 2, "_stopped": 2, "emit": 2}
"""Functions that take a reason, and at which place; everywhere else it is the keyword `reason`."""


def reference(name: str) -> str:
    return (DOCS / "reference" / f"{name}.md").read_text()


def headings(text: str, level: int) -> list[str]:
    return re.findall(rf"^{'#' * level} (.+)$", text, re.MULTILINE)


def rows(text: str) -> dict[str, tuple[str, ...]]:
    """The table rows whose first cell is code, by that code; several names in one cell are several rows."""
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line[:3] == "| `"]
    return {name: tuple(cells[1:]) for cells in lines for name in re.findall(r"`([^`]+)`", cells[0])}


# --- conditions and reasons


@cache
def trees() -> dict[Path, ast.Module]:
    return {path: ast.parse(path.read_text()) for path in sorted(SOURCES.rglob("*.py"))}


def constants(tree: ast.Module) -> dict[str, str]:
    """The module's constants that are texts."""
    return {
        target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def calls(tree: ast.Module) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield getattr(node.func, "id", getattr(node.func, "attr", "")), node


def reason_arguments(tree: ast.Module) -> Iterator[ast.expr]:
    for name, call in calls(tree):
        place = REASON_STANDS.get(name)
        if place is not None and len(call.args) > place:
            yield call.args[place]
        yield from (keyword.value for keyword in call.keywords if keyword.arg == "reason")


def reasons_in_the_code() -> set[str]:
    """Literals, constants of the module itself, else constants of that name anywhere; passed-on variables are none."""
    everywhere = {name: text for tree in trees().values() for name, text in constants(tree).items()}
    found = set()
    for tree in trees().values():
        known = everywhere | constants(tree)
        for each in reason_arguments(tree):
            found.add(each.value if isinstance(each, ast.Constant) else known.get(_name(each), ""))
    return found - {""}


def _name(node: ast.expr) -> str:
    return str(getattr(node, "id", getattr(node, "attr", "")))


NO_AZURE = Azure(*([sentinel.client] * len(fields(Azure))))


def test_every_condition_has_a_heading_and_every_heading_a_condition() -> None:
    assert headings(reference("conditions").partition("\n## Reasons")[0], 3) == [
        READY,
        RECONCILING,
        STALLED,
        *(each.condition for each in (*all_aspects(NO_AZURE, Endpoints()), *all_checks(NO_AZURE))),
    ]


def test_every_reason_in_the_code_has_a_heading() -> None:
    assert reasons_in_the_code() - set(headings(reference("conditions"), 4)) == set()


def test_every_cause_that_explain_knows_has_its_line() -> None:
    known = {each.cause for each in (*EFFECTS.values(), *ABSENT.values(), ANYBODY)}
    assert set(re.findall(r"^\| `(\w+)` \| \w", reference("explain"), re.MULTILINE)) - {"0", "1", "2"} == known


def test_no_reason_is_documented_that_the_code_cannot_give() -> None:
    assert set(headings(reference("conditions"), 4)) - reasons_in_the_code() == set()


def test_no_reason_has_two_headings() -> None:
    assert len(headings(reference("conditions"), 4)) == len(set(headings(reference("conditions"), 4)))


def test_every_error_of_azure_states_its_reason() -> None:
    silent = [
        f"{path.name}:{call.lineno}"
        for path, tree in trees().items()
        for name, call in calls(tree)
        if name in ERRORS and not any(keyword.arg == "reason" for keyword in call.keywords)
    ]
    assert silent == []


@pytest.mark.parametrize("group", ["Whoever wrote the manifest acts", "An administrator of Azure acts"])
def test_a_reason_that_needs_somebody_says_what_to_do(group: str) -> None:
    text = reference("conditions").partition(f"\n### {group}\n")[2]
    parts = re.split(r"^#### ", re.split(r"^##{1,2} ", text, flags=re.MULTILINE)[0], flags=re.MULTILINE)[1:]
    assert parts
    assert [part.partition("\n")[0] for part in parts if "**Do:**" not in part] == []


# --- settings


def variables() -> dict[str, str]:
    """Each variable that the settings are read from, with its default as the page spells it."""
    found = {}
    for name, about in Settings.model_fields.items():
        alias: Any = about.validation_alias
        for variable in alias.choices if alias else [f"FUNCGATE_{name.upper()}"]:
            found[variable] = _spelled(about.default)
    return found


def _spelled(default: Any) -> str:
    if default in ((), ""):
        return "none"
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def test_every_setting_has_a_row_with_its_default() -> None:
    text = reference("settings").partition("\n## ")[0]
    assert {name: cells[0] for name, cells in rows(text).items()} == variables()


# --- the custom resource


def schema() -> dict[str, Any]:
    document = yaml.safe_load((REPOSITORY / "crds" / "functionapibindings.yaml").read_text())
    properties: dict[str, Any] = document["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
    return properties


def leaves(properties: dict[str, Any], required: list[str], path: str = "") -> Iterator[tuple[str, str]]:
    """The fields below, with their default as the page spells it. What an object defaults to counts for its fields."""
    for name, field in properties.items():
        if field.get("type") == "object":
            fields = {each: about | _default(field, each) for each, about in field["properties"].items()}
            yield from leaves(fields, field.get("required", []), f"{path}{name}.")
        elif "default" in field:
            yield f"{path}{name}", _spelled(field["default"])
        elif name in required:
            yield f"{path}{name}", "required"
        else:
            yield f"{path}{name}", "looked up" if name == "tokenVersion" else ""


def _default(field: dict[str, Any], name: str) -> dict[str, Any]:
    default = field.get("default") or {}
    return {"default": default[name]} if name in default else {}


def test_every_field_of_the_spec_has_a_row_with_its_default() -> None:
    text = reference("spec").partition("\n## spec")[2].partition("\n## status")[0]
    spec = schema()["spec"]
    assert {name: cells[0] for name, cells in rows(text).items()} == dict(leaves(spec["properties"], spec["required"]))


def test_every_field_of_the_status_has_a_row() -> None:
    text = reference("spec").partition("\n## status")[2]
    assert set(rows(text)) == set(schema()["status"]["properties"])


def manifests() -> Iterator[tuple[Path, dict[str, Any]]]:
    for page in PAGES:
        for block in blocks(page, "yaml"):
            for document in yaml.safe_load_all(block.text):
                if isinstance(document, dict) and document.get("kind") == KIND:
                    yield page, document


def test_every_binding_in_the_documentation_is_one_that_the_operator_takes() -> None:
    found = list(manifests())
    assert len(found) >= 4
    for page, document in found:
        assert document["apiVersion"] == f"{GROUP}/{VERSION}", page
        Spec.parse(document["spec"])


def test_every_field_that_a_message_or_a_page_names_exists() -> None:
    spec = schema()["spec"]
    known = {f".{path}." for path, _ in leaves(spec["properties"], spec["required"])}
    texts = {path.name: "\n".join(strings(tree)) for path, tree in trees().items()}
    texts |= {page.name: page.read_text() for page in PAGES}
    named = {
        (where, field)
        for where, text in texts.items()
        for field in re.findall(r"\bspec\.((?!py\b|md\b)[a-z]\w*(?:\.\w+)*)", text)
    }
    assert named
    assert [each for each in sorted(named) if not any(path.startswith(f".{each[1]}.") for path in known)] == []


def strings(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


# --- annotations, metrics, plan


def test_every_annotation_has_a_row() -> None:
    assert {name for name in rows(reference("annotations")) if name.startswith(GROUP)} == {
        CONFIRM_DELETE,
        PAUSED,
        RECONCILE_POLICY,
        RECONCILE_REQUESTED_AT,
        scopes.ANNOTATION,
        scopes.AZURE_CLIENT_ID,
        scopes.CLIENT_IDS,
        registrations.ANNOTATION,
    }


def test_the_values_of_the_reconcile_policy_are_the_ones_that_the_controller_knows() -> None:
    cells = rows(reference("annotations"))[RECONCILE_POLICY]
    assert tuple(re.findall(r"`([^`]+)`", cells[0])) == verdicts.POLICIES


def test_the_finalizer_is_called_by_its_name() -> None:
    assert f"`{FINALIZER}`" in (DOCS / "explanation" / "what-deletion-leaves.md").read_text()


def test_every_metric_has_a_row() -> None:
    families = {
        f"{family.name}_total" if family.type == "counter" else family.name for family in Metrics().registry.collect()
    }
    assert set(rows(reference("metrics").partition("\n## ")[0])) == families


def test_every_label_of_a_metric_is_documented_and_bounded() -> None:
    metrics, labels = rows(reference("metrics").partition("\n## ")[0]), rows(reference("metrics"))
    used = {label for cells in metrics.values() for label in re.findall(r"`(\w+)`", cells[0])}
    assert used == {name for name, cells in labels.items() if name not in metrics and cells[-1]}
    for family in Metrics().registry.collect():
        name = f"{family.name}_total" if family.type == "counter" else family.name
        shown = {label for sample in family.samples for label in sample.labels} - {"le"}
        assert shown <= set(re.findall(r"`(\w+)`", metrics[name][0])), name


def test_the_results_of_passes_are_all_listed() -> None:
    tree = trees()[SOURCES / "controller" / "reconciler.py"]
    returned = [node.value for node in ast.walk(tree) if isinstance(node, ast.Return)]
    results = {each.value for each in returned if isinstance(each, ast.Constant) and isinstance(each.value, str)}
    listed = rows(reference("metrics"))["funcgate_passes_total"][1].partition(": ")[2]
    assert set(listed.strip(".").split(", ")) == results


def test_every_exit_code_of_plan_has_a_row() -> None:
    codes = {name for name in rows(reference("plan")) if name.isdigit()}
    assert codes == {str(NOTHING_TO_DO), str(ERROR), str(CHANGES)}


def test_the_json_of_a_plan_has_exactly_the_documented_keys() -> None:
    drift = Drift(field="url", wanted="https://orders-fn.example/v1", seen="https://elsewhere.example")
    write = Write(condition="BackendReady", key="backends/orders-fn", action=Action.UPDATE, drifts=(drift,))
    outcome = Outcome(condition="BackendReady", status="False", reason="ChangesPending", message="…", changes=(write,))
    said = data("shop/orders", Pass(binding=a_binding(), outcomes=(outcome,)))
    (documented,) = [json.loads(block.text) for block in blocks(DOCS / "reference" / "plan.md", "json")]
    assert keys(said) == keys(documented[0])
    assert said["changes"] == documented[0]["changes"]
    jsonschema.validate(documented, json.loads((DOCS / "reference" / "plan.schema.json").read_text()))
    table = reference("plan").partition("\n## JSON")[2]
    assert set(rows(table)) == set(said)


def keys(value: Any) -> Any:
    """The shape of a document: its keys, down to the leaves."""
    if isinstance(value, dict):
        return {name: keys(each) for name, each in value.items()}
    return [keys(each) for each in value] if isinstance(value, list) else None


def test_every_aspect_has_its_row_about_drift() -> None:
    listed = rows((DOCS / "explanation" / "drift.md").read_text().partition("## Modes")[0])
    assert set(listed) == {camel(each.name) for each in all_aspects(NO_AZURE, Endpoints())}
    assert all(len(cells) == 2 and all(cells) for cells in listed.values())


# --- installing


def test_the_overlay_of_the_installation_guide_renders_to_what_it_says(tmp_path: Path) -> None:
    guide = blocks(DOCS / "how-to" / "install-on-aks.md", "yaml")
    (overlay,) = [block.text for block in guide if yaml.safe_load(block.text).get("kind") == "Kustomization"]
    for folder in ("crds", "deploy"):
        shutil.copytree(REPOSITORY / folder, tmp_path / folder)
    mine = tmp_path / "platform" / "funcgate"
    mine.mkdir(parents=True)
    (mine / "kustomization.yaml").write_text(overlay)
    kubectl = Path(sys.executable).parent / "kubectl"
    rendered = subprocess.run([kubectl, "kustomize", mine], capture_output=True, text=True, check=True).stdout
    said = yaml.safe_load(overlay)
    for each in said["configMapGenerator"][0]["literals"]:
        assert each.replace("=", ": ", 1) in rendered
    assert f"image: {said['images'][0]['newName']}:{said['images'][0]['newTag']}" in rendered
    assert "azure.workload.identity/client-id: 00000000" not in rendered


# --- links and words


def links() -> Iterator[tuple[Path, str]]:
    for page in PAGES:
        text = re.sub(r"^ *```.*?^ *```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
        yield from ((page, target) for target in re.findall(r"\]\(([^)\s]+)\)", text))


def anchor(heading: str) -> str:
    """A heading's address, as code hosts make it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def test_every_link_between_pages_leads_somewhere() -> None:
    broken = []
    for page, target in links():
        if "://" in target:
            continue
        path, _, fragment = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        known = re.findall(r"^#+ (.+)$", there.read_text(), re.MULTILINE) if there.is_file() else []
        if not there.exists() or (fragment and fragment not in map(anchor, known)):
            broken.append(f"{page.relative_to(REPOSITORY)}: {target}")
    assert broken == []


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached, following = set(), [REPOSITORY / "README.md"]
    while following:
        page = following.pop()
        if page in reached:
            continue
        reached.add(page)
        targets = [(page.parent / target.partition("#")[0]).resolve() for at, target in links() if at == page]
        folders = [each for target in targets if target.is_dir() for each in target.glob("*.md")]
        following += [each for each in (*targets, *folders) if each.suffix == ".md"]
    assert set(PAGES) - reached == set()


def test_every_path_that_a_page_names_is_there() -> None:
    named = {
        (page, path)
        for page in PAGES
        for path in re.findall(
            r"(?<![\w./-])((?:deploy|crds|tests|operator|requirements)/[\w./-]*\w)", page.read_text()
        )
    }
    assert named
    assert [f"{page.name}: {path}" for page, path in sorted(named) if not (REPOSITORY / path).exists()] == []
