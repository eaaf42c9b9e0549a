"""The Helm chart and the kustomization install the same, and what the chart is told wrongly it refuses."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from controlplane import ControlPlane
from funcgate import __version__
from funcgate.settings import Settings
from helm import PROGRAM, helm
from installing import CHART, COMPONENTS, DEPLOY, SYSTEM, by_helm, by_kustomize, one, pod_of

pytestmark = pytest.mark.xdist_group("cluster")

Json = dict[str, Any]

CRD = DEPLOY.parent / "crds" / "functionapibindings.yaml"
ON = {"enabled": True}
OF_PROMETHEUS_OPERATOR = {"ServiceMonitor", "PrometheusRule"}
SUBSCRIPTION = "/subscriptions/11111111-1111-4111-8111-111111111111"
SETTINGS = (
    "FUNCGATE_INSTANCE_ID=prod",
    f"FUNCGATE_AZURE_SCOPES={SUBSCRIPTION}/resourceGroups/shop-rg,{SUBSCRIPTION}",
    "FUNCGATE_LOG_LEVEL=DEBUG",
)

SAME: dict[str, tuple[Json, Json]] = {
    "as they come": ({}, {}),
    "network policy": ({"components": ["network-policy"]}, {"networkPolicy": ON}),
    "budget": ({"components": ["pod-disruption-budget"]}, {"podDisruptionBudget": ON}),
    "priority": ({"components": ["priority"]}, {"priority": ON}),
    "service monitor": ({"components": ["service-monitor"]}, {"serviceMonitor": ON}),
    "alerts and dashboard": ({"components": ["../monitoring"]}, {"monitoring": ON}),
    "named namespaces": (
        {"components": ["namespaced"], "namespaces": ["shop", "billing"]},
        {"namespaces": ["shop", "billing"]},
    ),
    "settings": (
        {"settings": SETTINGS},
        {
            "instanceId": "prod",
            "azure": {"scopes": [f"{SUBSCRIPTION}/resourceGroups/shop-rg", SUBSCRIPTION]},
            "settings": {"FUNCGATE_LOG_LEVEL": "DEBUG"},
        },
    ),
    "everything": (
        {"components": [*COMPONENTS, "../monitoring"], "namespaces": ["shop"], "settings": SETTINGS[2:]},
        {
            **dict.fromkeys(("networkPolicy", "podDisruptionBudget", "priority", "monitoring", "serviceMonitor"), ON),
            "namespaces": ["shop"],
            "settings": {"FUNCGATE_LOG_LEVEL": "DEBUG"},
        },
    ),
}
"""What an overlay says, and the values that say the same."""


@pytest.fixture(scope="session", autouse=True)
def _helm(request: pytest.FixtureRequest) -> None:
    """Helm is built; in sight, since that takes minutes once."""
    capture = request.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        PROGRAM.build()


def alike(rendered: list[Json]) -> dict[tuple[str, str, str], Json]:
    """
    Each object by what it is, without the three things in which the two differ on purpose.

    The namespace is the release's, and Helm makes it. The schema is kept when a release goes. Other settings make other
    pods, by the name of the ConfigMap here and by an annotation there.
    """
    found = {}
    for original in rendered:
        each = json.loads(re.sub(r"funcgate-settings-[a-z0-9]{10}\b", "funcgate-settings", json.dumps(original)))
        annotations = each["metadata"].get("annotations", {})
        annotations.pop("helm.sh/resource-policy", None)
        if each["kind"] == "Deployment":
            each["spec"]["template"]["metadata"].get("annotations", {}).pop("checksum/settings", None)
        found[each["kind"], each["metadata"].get("namespace", ""), each["metadata"]["name"]] = pruned(each)
    return {name: each for name, each in found.items() if name[0] != "Namespace"}


def pruned(value: Any) -> Any:
    """Without annotations that are empty."""
    if isinstance(value, dict):
        return {name: pruned(each) for name, each in value.items() if (name, each) != ("annotations", {})}
    return [pruned(each) for each in value] if isinstance(value, list) else value


@pytest.mark.parametrize(("overlay", "values"), SAME.values(), ids=SAME.keys())
def test_the_chart_installs_what_the_kustomization_installs(overlay: Json, values: Json) -> None:
    ours, theirs = alike(by_kustomize(**overlay)), alike(by_helm(values))
    assert set(theirs) == set(ours)
    for name, each in ours.items():
        assert theirs[name] == each, name


def test_every_component_has_its_value() -> None:
    said = {each for overlay, _ in list(SAME.values())[:-1] for each in overlay.get("components", ())}
    assert said == {*COMPONENTS, "../monitoring"}, "each has been compared alone, too"


def test_the_charts_copies_are_what_they_were_copied_from() -> None:
    """`make chart` makes them anew."""
    sources = [CRD, *(DEPLOY / "monitoring" / each for each in ("prometheusrule.yaml", "dashboard.json"))]
    assert {path.name for path in (CHART / "files").iterdir()} == {path.name for path in sources}
    for path in sources:
        assert (CHART / "files" / path.name).read_bytes() == path.read_bytes(), path.name


def test_the_schema_is_kept_when_the_release_goes_and_left_out_on_request() -> None:
    kept = one(by_helm(), "CustomResourceDefinition")["metadata"]["annotations"]
    assert kept == {"helm.sh/resource-policy": "keep"}
    without = by_helm({"crds": {"install": False}})
    assert "CustomResourceDefinition" not in {each["kind"] for each in without}


def test_chart_and_operator_have_one_version() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert (chart["version"], chart["appVersion"]) == (__version__, __version__)


def test_helm_finds_nothing_to_complain_about() -> None:
    done = helm("lint", "--strict", "--quiet", str(CHART))
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stdout


def test_the_packaged_chart_renders_the_same(tmp_path: Path) -> None:
    assert helm("package", str(CHART), "--destination", str(tmp_path)).returncode == 0
    (package,) = tmp_path.glob("*.tgz")
    done = helm("template", "funcgate", str(package), "--namespace", SYSTEM)
    assert [each for each in yaml.safe_load_all(done.stdout) if each] == by_helm()


def test_another_namespace_is_followed_everywhere() -> None:
    values = SAME["everything"][1]
    assert SYSTEM not in json.dumps(by_helm(values, namespace="platform"))


def test_other_settings_make_other_pods() -> None:
    def checksum(values: Json) -> str:
        return str(one(by_helm(values), "Deployment")["spec"]["template"]["metadata"]["annotations"])

    assert checksum({}) != checksum({"instanceId": "prod"})


def test_the_image_is_named_by_its_digest_where_there_is_one() -> None:
    digest = f"sha256:{'ab' * 32}"
    image = {"repository": "registry.example/funcgate", "tag": "0.2.0", "digest": digest}
    (container,) = pod_of(by_helm({"image": image}))["spec"]["containers"]
    assert container["image"] == f"registry.example/funcgate@{digest}"


def test_pods_go_where_the_values_send_them() -> None:
    values = {
        "nodeSelector": {"kubernetes.azure.com/mode": "system"},
        "tolerations": [{"key": "CriticalAddonsOnly", "operator": "Exists"}],
        "podAnnotations": {"team": "platform"},
        "image": {"pullSecrets": [{"name": "registry"}]},
    }
    pod = pod_of(by_helm(values))
    assert pod["metadata"]["annotations"]["team"] == "platform"
    assert (pod["spec"]["nodeSelector"], pod["spec"]["tolerations"], pod["spec"]["imagePullSecrets"]) == (
        values["nodeSelector"],
        values["tolerations"],
        [{"name": "registry"}],
    )


def test_secret_settings_come_from_a_secret() -> None:
    """A proxy's password, say."""
    (container,) = pod_of(by_helm({"settingsSecret": "proxy"}))["spec"]["containers"]
    assert container["envFrom"] == [
        {"configMapRef": {"name": "funcgate-settings"}},
        {"secretRef": {"name": "proxy"}},
    ]


@pytest.mark.usefixtures("our_kind")
def test_the_api_server_takes_the_release_without_a_warning(control_plane: ControlPlane, namespace: str) -> None:
    restricted = "pod-security.kubernetes.io/enforce=restricted"
    control_plane.kubectl("label", "namespace", namespace, restricted)
    values = SAME["everything"][1] | {"namespaces": [namespace]}
    objects = [each for each in by_helm(values, namespace=namespace) if each["kind"] not in OF_PROMETHEUS_OPERATOR]
    manifest = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
    options = ("--server-side", "--force-conflicts", "--dry-run=server")
    answer = control_plane.kubectl("apply", *options, "--filename", "-", input=manifest, check=False)
    assert (answer.returncode, answer.stderr) == (0, "")


# --- values

WRONG: list[tuple[str, Mapping[str, Any], str]] = [
    ("a value that there is not", {"replica": 2}, "additional properties 'replica' not allowed"),
    ("one level deeper", {"azure": {"scope": []}}, "at '/azure': additional properties 'scope' not allowed"),
    ("no client id", {"azure": {"clientId": "funcgate"}}, "at '/azure/clientId': 'funcgate' does not match"),
    ("no scope", {"azure": {"scopes": ["/subscriptions/all"]}}, "at '/azure/scopes/0': '/subscriptions/all' does not"),
    ("a list as a text", {"namespaces": "shop"}, "at '/namespaces': got string, want array"),
    ("a pattern as a namespace", {"namespaces": ["shop-*"]}, "at '/namespaces/0': 'shop-*' does not match"),
    ("a number as a text", {"replicas": "2"}, "at '/replicas': got string, want integer"),
    ("a setting that is no text", {"settings": {"FUNCGATE_HEALTH_PORT": 80}}, "at '/settings/FUNCGATE_HEALTH_PORT'"),
    ("a setting of others", {"settings": {"LD_PRELOAD": "x"}}, "additional properties 'LD_PRELOAD' not allowed"),
    (
        "a setting with a value of its own",
        {"settings": {"FUNCGATE_NAMESPACES": "shop"}},
        "settings.FUNCGATE_NAMESPACES: say it in the value namespaces",
    ),
    ("half a digest", {"image": {"digest": "sha256:abc"}}, "at '/image/digest': 'sha256:abc' does not match"),
    ("yes and no", {"networkPolicy": {"enabled": "yes"}}, "at '/networkPolicy/enabled': got string, want boolean"),
    ("metrics for nobody", {"networkPolicy": {"metricsFrom": []}}, "at '/networkPolicy/metricsFrom': minItems"),
]


@pytest.mark.parametrize(("reason", "values", "says"), WRONG, ids=[each[0] for each in WRONG])
def test_a_wrong_value_is_refused_by_its_name(reason: str, values: Mapping[str, Any], says: str) -> None:
    done = helm("template", "funcgate", str(CHART), values=values)
    assert done.returncode != 0
    assert says in done.stderr


def test_every_value_is_in_the_schema_and_the_other_way_round() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())["properties"]
    del schema["global"]
    assert names(yaml.safe_load((CHART / "values.yaml").read_text()), schema) == []


def names(values: Any, schema: Json, path: str = "") -> list[str]:
    """Paths that only one of the two knows."""
    odd = [f"{path}{name}" for name in values.keys() ^ schema.keys()]
    for name in values.keys() & schema.keys():
        if "properties" in schema[name]:
            odd += names(values[name], schema[name]["properties"], f"{path}{name}.")
    return odd


def test_the_settings_in_the_schema_are_the_operators() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())["properties"]
    (pattern,) = schema["settings"]["patternProperties"]
    for name in Settings.model_fields:
        assert re.search(pattern, f"FUNCGATE_{name.upper()}")
    (ours,) = (each.pattern for each in Settings.model_fields["instance_id"].metadata if hasattr(each, "pattern"))
    assert schema["instanceId"]["pattern"] == ours
