"""The rules say what they mean: promtool checks them, and runs their tests."""

import re
from pathlib import Path

import pytest
import yaml

from monitoring import promtool
from stage import DEPLOY, REPOSITORY

RULES = DEPLOY / "monitoring" / "rules.yaml"
CASES = sorted((REPOSITORY / "tests" / "monitoring").glob("*_test.yaml"))
pytestmark = pytest.mark.usefixtures("prometheus_programs")
CHECK = re.compile(r'alertname="(\w+)", alertstate="firing".*\n.*\n.*value: (\d+)')


def test_promtool_takes_the_rules() -> None:
    checked = promtool("check", "rules", "--lint=all", "--lint-fatal", str(RULES))
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize("path", CASES, ids=[each.stem for each in CASES])
def test_the_alerts_fire_when_they_should_and_only_then(path: Path) -> None:
    ran = promtool("test", "rules", str(path))
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_every_alert_is_seen_to_fire_and_to_be_silent() -> None:
    checks = {found for path in CASES for found in CHECK.findall(path.read_text())}
    (group,) = yaml.safe_load(RULES.read_text())["groups"]
    assert checks == {(each["alert"], fires) for each in group["rules"] for fires in ("0", "1")}
