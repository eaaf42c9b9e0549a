"""What the numbers are called."""

import ast
import math
from pathlib import Path

from funcgate import aspects
from funcgate.conditions import HOLES
from funcgate.metrics import LATELY_SECONDS, Metrics


def test_a_call_to_azure_is_counted_by_bounded_labels() -> None:
    metrics = Metrics()
    metrics.observe_call("arm", "GET", "backends", 200, 0.3)
    labels = {"service": "arm", "method": "GET", "kind": "backends", "status": "200"}
    assert metrics.registry.get_sample_value("funcgate_azure_requests_total", labels) == 1
    seconds = {"service": "arm", "method": "GET"}
    assert metrics.registry.get_sample_value("funcgate_azure_request_duration_seconds_sum", seconds) == 0.3


def test_only_what_azure_throttles_counts_as_throttled() -> None:
    metrics = Metrics()
    for service, status in (("arm", 429), ("arm", 200), ("probe", 429)):
        metrics.observe_call(service, "GET", "backends", status, 0.3)
    assert metrics.registry.get_sample_value("funcgate_azure_throttled_total", {"service": "arm"}) == 1
    assert metrics.registry.get_sample_value("funcgate_azure_throttled_total", {"service": "graph"}) == 0
    assert metrics.registry.get_sample_value("funcgate_azure_throttled_total", {"service": "probe"}) is None


def test_two_operators_in_one_process_do_not_share_numbers() -> None:
    one, other = Metrics(), Metrics()
    one.leader.set(1)
    assert other.registry.get_sample_value("funcgate_leader") == 0


def test_the_lowest_budget_that_was_seen_lately_is_shown() -> None:
    now = 0.0
    metrics = Metrics(clock=lambda: now)

    def shown() -> float:
        found = metrics.registry.get_sample_value("funcgate_azure_budget_remaining", {"kind": "reads"})
        return math.nan if found is None else found

    assert math.isnan(shown())
    for at, left in ((0.0, 240), (10.0, 30), (20.0, 249), (30.0, 100)):
        now = at
        metrics.observe_call("arm", "GET", "backends", 200, 0.3, {"reads": left, "others": 1})
    assert shown() == 30
    now = 10.0 + LATELY_SECONDS + 1
    assert shown() == 100
    metrics.observe_call("arm", "GET", "backends", 200, 0.3, {"reads": 250})
    assert shown() == 100
    now = 1000.0 + LATELY_SECONDS
    assert math.isnan(shown()), "nobody called, so nobody knows"


def test_every_hole_that_the_aspects_look_for_is_counted() -> None:
    found = set()
    for path in Path(aspects.__path__[0]).glob("*.py"):
        functions = {each.name: each for each in ast.walk(ast.parse(path.read_text())) if _is_function(each)}
        following = ["hole"] if "hole" in functions else []
        while following:
            if not (function := functions.pop(following.pop(), None)):
                continue
            calls = [each for each in ast.walk(function) if isinstance(each, ast.Call)]
            names = [each.func.id for each in calls if isinstance(each.func, ast.Name)]
            following += {name for name in names if name in functions}
            raised = {each.exc for each in ast.walk(function) if isinstance(each, ast.Raise)}
            given = [each for each in calls if isinstance(each.func, ast.Name) and each not in raised]
            unmet = [each.args[0] for each in given if getattr(each.func, "id", "") == "Unmet"]
            found |= {each.value for each in unmet if isinstance(each, ast.Constant)}
    assert found == set(HOLES)


def _is_function(node: ast.AST) -> bool:
    return isinstance(node, ast.FunctionDef)
