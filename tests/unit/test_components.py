"""What each component of deploy/ adds to the base or takes away from it."""

from typing import Any

import pytest
import yaml

from funcgate import __version__
from funcgate.settings import Settings
from installing import COMPONENTS, DEPLOY, SYSTEM, by_kustomize, one, pod_of

Json = dict[str, Any]


@pytest.fixture(scope="module")
def base() -> list[Json]:
    return by_kustomize()


@pytest.fixture(scope="module")
def everything() -> list[Json]:
    """All components at once."""
    return by_kustomize(COMPONENTS, namespaces=("shop", "billing"))


def ids(rendered: list[Json]) -> set[tuple[str, str, str]]:
    return {(each["kind"], each["metadata"].get("namespace", ""), each["metadata"]["name"]) for each in rendered}


@pytest.mark.parametrize(
    ("component", "adds", "takes"),
    [
        ("network-policy", {("NetworkPolicy", SYSTEM, "funcgate")}, set()),
        ("pod-disruption-budget", {("PodDisruptionBudget", SYSTEM, "funcgate")}, set()),
        ("priority", {("PriorityClass", "", "funcgate")}, set()),
        ("service-monitor", {("Service", SYSTEM, "funcgate"), ("ServiceMonitor", SYSTEM, "funcgate")}, set()),
        ("namespaced", set(), {("ClusterRole", "", "funcgate"), ("ClusterRoleBinding", "", "funcgate")}),
    ],
)
def test_a_component_adds_and_takes_away_just_what_it_is_about(
    base: list[Json], component: str, adds: set[Any], takes: set[Any]
) -> None:
    rendered = by_kustomize([component])
    assert (ids(rendered) - ids(base), ids(base) - ids(rendered)) == (adds, takes)


def test_whatever_selects_pods_selects_the_operators(everything: list[Json]) -> None:
    labels = pod_of(everything)["metadata"]["labels"]
    selectors = [
        one(everything, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
        one(everything, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        one(everything, "Service")["spec"]["selector"],
        *(each["labelSelector"]["matchLabels"] for each in pod_of(everything)["spec"]["topologySpreadConstraints"]),
    ]
    assert [each for each in selectors if not each.items() <= labels.items()] == []


def test_prometheus_finds_the_metrics_at_both_replicas(everything: list[Json]) -> None:
    service, monitor = one(everything, "Service"), one(everything, "ServiceMonitor")
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    (endpoint,), (port,) = monitor["spec"]["endpoints"], service["spec"]["ports"]
    (container,) = pod_of(everything)["spec"]["containers"]
    named = {each["name"]: each["containerPort"] for each in container["ports"]}
    assert (endpoint["port"], endpoint["path"]) == (port["name"], "/metrics")
    assert named[port["targetPort"]] == Settings.model_fields["health_port"].default
    assert service["spec"]["clusterIP"] == "None", "each replica is a target of its own"


def test_only_the_metrics_port_is_open_and_only_to_one_namespace(everything: list[Json]) -> None:
    policy = one(everything, "NetworkPolicy")["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    (rule,) = policy["ingress"]
    assert rule["ports"] == [{"protocol": "TCP", "port": "http"}]
    (source,) = rule["from"]
    assert source == {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}


def test_the_metadata_service_of_the_nodes_cannot_be_reached(everything: list[Json]) -> None:
    """It answers at port 80, and hands out the tokens of the node's own identity."""
    rules = one(everything, "NetworkPolicy")["spec"]["egress"]
    assert {port["port"] for rule in rules for port in rule["ports"]} == {53, 443, 6443}


def test_a_drain_is_never_blocked_and_never_takes_both_replicas(everything: list[Json]) -> None:
    budget = one(everything, "PodDisruptionBudget")["spec"]
    assert (budget["maxUnavailable"], one(everything, "Deployment")["spec"]["replicas"]) == (1, 2)


def test_the_pods_have_the_priority_that_comes_with_them(everything: list[Json]) -> None:
    priority = one(everything, "PriorityClass")
    assert pod_of(everything)["spec"]["priorityClassName"] == priority["metadata"]["name"]
    assert priority["value"] < 1_000_000_000, "greater ones are the system's own"


def test_without_the_cluster_wide_watch_no_right_in_the_whole_cluster_is_left(everything: list[Json]) -> None:
    kinds = {each["kind"] for each in everything}
    assert not kinds & {"ClusterRole", "ClusterRoleBinding"}
    assert one(everything, "ConfigMap")["data"]["FUNCGATE_NAMESPACES"] == "shop,billing"


def test_each_named_namespace_has_the_rights_that_else_the_cluster_has(
    base: list[Json], everything: list[Json]
) -> None:
    wide = one(base, "ClusterRole")["rules"]
    for namespace in ("shop", "billing"):
        here = [each for each in everything if each["metadata"].get("namespace") == namespace]
        assert one(here, "Role")["rules"] == wide
        binding = one(here, "RoleBinding")
        assert binding["roleRef"]["name"] == one(here, "Role")["metadata"]["name"]
        assert binding["subjects"] == one(base, "ClusterRoleBinding")["subjects"]


def test_the_image_has_the_operators_version(base: list[Json]) -> None:
    (container,) = pod_of(base)["spec"]["containers"]
    assert container["image"] == f"funcgate:{__version__}"


def test_alerts_and_dashboard_are_where_the_operator_is(base: list[Json]) -> None:
    rendered = by_kustomize(["../monitoring"])
    added = {("PrometheusRule", SYSTEM, "funcgate"), ("ConfigMap", SYSTEM, "funcgate-dashboard")}
    assert ids(rendered) - ids(base) == added


def test_every_component_says_what_it_is_for() -> None:
    for name in COMPONENTS:
        text = (DEPLOY / "components" / name / "kustomization.yaml").read_text()
        assert text.startswith("# "), name
        assert yaml.safe_load(text)["kind"] == "Component"
