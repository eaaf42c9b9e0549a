"""What is shown of an operator at work: its metrics, rules and dashboard, in a real Prometheus that scraped it."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping

import pytest
from lxml import etree
from prometheus_client.parser import text_string_to_metric_families as families

from controlplane import ControlPlane
from monitoring import promtool
from monitoring.dashboard import Panel, panels
from monitoring.drawing import drawn
from monitoring.programs import Programs
from monitoring.run import Recording, recorded
from stage import DEPLOY, REPOSITORY, install

RULES = DEPLOY / "monitoring" / "rules.yaml"
REFERENCE = REPOSITORY / "docs" / "reference" / "metrics.md"
OPEN = {"kind", "method", "status", "result", "what"}
"""Labels whose values are no list of the reference; how many there are is known all the same."""

pytestmark = pytest.mark.xdist_group("cluster")


@pytest.fixture(scope="module")
def recording(
    prometheus_programs: Programs, control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Recording]:
    """One play for all tests of this module."""
    install(control_plane)
    folder = tmp_path_factory.mktemp("monitoring")
    with recorded(control_plane, control_plane.namespace(), folder, RULES, scrapes=3) as done:
        yield done


def test_promtool_finds_nothing_to_complain_about(recording: Recording) -> None:
    checked = promtool("check", "metrics", text=recording.metrics)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


def documented(table: str) -> Mapping[str, list[str]]:
    """The rows of the reference below this heading of a table, by the name in their first cell."""
    lines = REFERENCE.read_text().partition(f"\n| {table} |")[2].partition("\n\n")[0].splitlines()
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if line.startswith("| `")]
    return {name.strip("`"): rest for name, *rest in cells}


def test_what_it_shows_is_what_the_reference_says(recording: Recording) -> None:
    metrics, labels = documented("metric"), documented("label")
    seen = set()
    for family in families(recording.metrics):
        name = f"{family.name}_total" if family.type == "counter" else family.name
        seen.add(name)
        shown = {label for sample in family.samples for label in sample.labels} - {"le"}
        assert name.endswith("_created") or not shown or shown == set(re.findall(r"`(\w+)`", metrics[name][0])), name
    assert {each for each in seen if not each.endswith("_created")} == metrics.keys()
    values = {name: set(re.findall(r"\w+", cells[-1])) for name, cells in labels.items()}
    values["reason"] = set(re.findall(r"\w+", metrics["funcgate_bindings_with_hole"][1]))
    for family in families(recording.metrics):
        for sample in family.samples:
            for label, value in sample.labels.items():
                assert label in OPEN | {"le"} or value in values[label], (sample.name, label, value)


def test_no_label_holds_the_name_of_a_binding_or_of_what_it_is_about(recording: Recording) -> None:
    values = {value for each in families(recording.metrics) for it in each.samples for value in it.labels.values()}
    assert not {each for each in values for name in ("orders", "catalog", "billing", "contoso") if name in each}


def test_every_write_is_a_line_of_the_log_by_which_azures_log_can_be_searched(recording: Recording) -> None:
    applied = [each for each in recording.lines if each["msg"] == "applied"]
    assert len(applied) > 10
    ids = [each["correlation_id"] for each in applied]
    assert len(set(ids)) == len(ids), "each write is one change: who finds what another made has made none"
    for each in applied:
        path = recording.asked.get(each["correlation_id"], "").lower()
        assert path or each["aspect"] == "AppRegistrationReady", "all but Graph is in Azure's log"
        if each["aspect"] in ("BackendReady", "EasyAuthReady", "NamedValueReady"):
            assert path.endswith(f"/{each['key'].lower()}")
        if each["aspect"] == "IdentityReady":
            assert path.rpartition("/")[0].endswith("/service")
        if each["aspect"] == "ApiReady" and "/operations/" in each["key"]:
            assert ("ping" in each["key"]) == ("ping" in path.rpartition("/operations/")[2])


def test_every_pass_is_a_trace_and_ends_as_it_is_counted(recording: Recording) -> None:
    ended = Counter(each.about["funcgate.result"] for each in recording.traces.roots())
    counted = {
        sample.labels["result"]: sample.value
        for family in families(recording.metrics)
        for sample in family.samples
        if sample.name == "funcgate_passes_total" and sample.value
    }
    assert ended.total() - sum(counted.values()) in range(3), "after the last scrape there may have been one more"
    assert all(ended[result] >= count for result, count in counted.items())
    assert {each.about["funcgate.trigger"] for each in recording.traces.roots()} >= {"new", "changed", "requested"}


def test_a_line_of_the_log_finds_the_trace_of_its_pass_and_in_it_the_call(recording: Recording) -> None:
    passes = {each.trace_id: each for each in recording.traces.roots()}
    written = {each.about.get("funcgate.correlation_id"): each for each in recording.traces.spans if each.calls}
    for line in recording.lines:
        assert passes[line["trace_id"]].about["funcgate.binding"] == line["binding"]
        if line["msg"] == "applied":
            assert written[line["correlation_id"]].trace_id == line["trace_id"]


def test_what_spans_say_is_what_the_guide_says(recording: Recording) -> None:
    guide = (REPOSITORY / "docs" / "how-to" / "trace-passes.md").read_text()
    said = {name for each in recording.traces.spans for name in each.about}
    assert {name for name in said if name.startswith("funcgate.")} == set(re.findall(r"`(funcgate\.\w+)`", guide))
    triggers = set(re.findall(r"\w+", guide.partition("`funcgate.trigger` (")[2].partition(")")[0])) - {"else"}
    assert {each.about["funcgate.trigger"] for each in recording.traces.roots()} <= triggers


def test_no_secret_is_in_a_trace(recording: Recording) -> None:
    sent, told = b"".join(recording.traces.bodies), str([each.about for each in recording.traces.spans])
    assert len(recording.secrets) > 3
    assert not [each for each in recording.secrets if each.encode() in sent]
    assert not [each for each in ("Bearer", "eyJ", "api-version", "?") if each in told]


def test_the_rules_are_taken_and_none_finds_a_mistake(recording: Recording) -> None:
    (group,) = recording.prometheus.get("rules")["groups"]
    assert {each["health"] for each in group["rules"]} == {"ok"}
    states = {each["name"]: each["state"] for each in group["rules"]}
    assert states["FuncgateChangedByHand"] == "firing", "somebody opened doors, and they were closed"
    assert states["FuncgatePassBroken"] == "inactive"


def test_every_panel_of_the_dashboard_has_an_answer(recording: Recording) -> None:
    shown: dict[str, Panel] = {each.title: each for each in panels(recording.end - recording.start)}
    assert len(shown) >= 15
    for each in shown.values():
        for query in each.queries:
            recording.prometheus.query(query.expression, at=recording.end)
        assert any(points for _, (_, points) in each.answers(recording)), each.title


def test_the_picture_of_the_dashboard_holds_every_panel(recording: Recording) -> None:
    shown = list(panels(recording.end - recording.start))
    answered = [(each, each.answers(recording)) for each in shown]
    drawing = drawn(answered, recording.start, recording.end)
    titles = {each.title for each in shown}
    for picture in (drawing, (REPOSITORY / "docs" / "images" / "dashboard.svg").read_text()):
        texts = {each.text for each in etree.fromstring(picture.encode()).iter("{*}text")}
        assert titles <= texts
        assert "no data" not in texts


PEAKS = {
    "Bindings": {"bindings": 3},
    "Ready": {"ready": 3},
    "Holes and drift": {"DoorOpen": 2, "drifting": 1},
    "Leaders": {"leaders": 1},
}


def test_the_dashboard_shows_what_happened(recording: Recording) -> None:
    shown = {each.title: each for each in panels(recording.end - recording.start)}
    for title, peaks in PEAKS.items():
        found = {name: max(value for _, value in points) for name, (_, points) in shown[title].answers(recording)}
        assert found == peaks, title
    for title, name in (("Throttled calls (429)", "arm"), ("Writes by part", "EasyAuthReady")):
        drawn = [value for at, (_, points) in shown[title].answers(recording) if at == name for _, value in points]
        assert max(drawn, default=0) > 0, title
