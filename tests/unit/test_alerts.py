"""Every alert leads to a page that says what to do, and is the same in both forms."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

REPOSITORY = Path(__file__).parents[2]
MONITORING = REPOSITORY / "deploy" / "monitoring"
RUNBOOKS = REPOSITORY / "docs" / "runbooks"


def groups() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load((MONITORING / "rules.yaml").read_text())["groups"]
    return found


ALERTS = [rule for group in groups() for rule in group["rules"]]


@pytest.mark.parametrize("alert", ALERTS, ids=[each["alert"] for each in ALERTS])
def test_every_alert_has_a_page_that_says_what_it_means_where_to_look_and_what_to_do(alert: dict[str, Any]) -> None:
    page = RUNBOOKS / f"{alert['alert']}.md"
    assert alert["annotations"]["runbook_url"] == str(page.relative_to(REPOSITORY))
    lines = page.read_text().splitlines()
    assert [each for each in lines if each.startswith("#")] == [f"# {alert['alert']}", "## Look at", "## Do"]


def test_every_page_has_its_alert() -> None:
    assert {page.stem for page in RUNBOOKS.glob("*.md")} == {each["alert"] for each in ALERTS}


def test_an_alert_says_how_bad_it_is_and_what_happened() -> None:
    for each in ALERTS:
        assert each["labels"]["severity"] in ("critical", "warning", "info"), each["alert"]
        assert each["annotations"].keys() == {"summary", "description", "runbook_url"}, each["alert"]


def test_the_object_for_the_prometheus_operator_holds_the_same_rules() -> None:
    rule = yaml.safe_load((MONITORING / "prometheusrule.yaml").read_text())
    assert (rule["apiVersion"], rule["kind"]) == ("monitoring.coreos.com/v1", "PrometheusRule")
    assert rule["spec"] == {"groups": groups()}


def test_the_component_brings_the_rules_and_the_dashboard(tmp_path: Path) -> None:
    component = os.path.relpath(MONITORING, tmp_path)
    overlay = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "components": [component]}
    (tmp_path / "kustomization.yaml").write_text(json.dumps(overlay))
    kubectl = Path(sys.executable).parent / "kubectl"
    rendered = subprocess.run([kubectl, "kustomize", tmp_path], capture_output=True, text=True, check=True).stdout
    found = {each["kind"]: each for each in yaml.safe_load_all(rendered)}
    assert found["PrometheusRule"]["spec"] == {"groups": groups()}
    assert found["ConfigMap"]["metadata"]["labels"] == {"grafana_dashboard": "1"}
    assert json.loads(found["ConfigMap"]["data"]["dashboard.json"])["uid"] == "funcgate"


def test_the_dashboard_names_no_data_source_of_its_own() -> None:
    dashboard = json.loads((MONITORING / "dashboard.json").read_text())
    sources = [target["datasource"]["uid"] for panel in dashboard["panels"] for target in panel["targets"]]
    assert set(sources) == {"${datasource}"}
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
