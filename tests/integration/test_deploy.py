"""What `kubectl apply -k deploy` installs: it renders, a real API server takes it, its rights are those it needs."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from azuresim.scenarios import deployed, imported
from azuresim.world import World
from controlplane import ControlPlane
from funcgate.cli import main
from funcgate.settings import Settings
from installing import COMPONENTS, SYSTEM, by_kustomize, one, pod_of

DEPLOY = Path(__file__).parents[2] / "deploy"
SAMPLES = sorted(DEPLOY.glob("samples/*.yaml"))
pytestmark = pytest.mark.xdist_group("cluster")

Json = dict[str, Any]


@pytest.fixture(scope="module")
def rendered(control_plane: ControlPlane) -> list[Json]:
    return list(yaml.safe_load_all(control_plane.kubectl("kustomize", str(DEPLOY)).stdout))


@pytest.fixture(scope="module")
def system_namespace(control_plane: ControlPlane, rendered: list[Json]) -> str:
    """The operator's namespace stands; a dry run of what goes into it needs that."""
    (namespace,) = (each for each in rendered if each["kind"] == "Namespace")
    control_plane.kubectl("apply", "--server-side", "--filename", "-", input=json.dumps(namespace))
    return str(namespace["metadata"]["name"])


@pytest.fixture(scope="module")
def operator_kubeconfig(
    control_plane: ControlPlane, rendered: list[Json], system_namespace: str, our_kind: None
) -> Path:
    """The operator's service account, with exactly the rights that are deployed."""
    kinds = {"ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"}
    rights = {"apiVersion": "v1", "kind": "List", "items": [each for each in rendered if each["kind"] in kinds]}
    control_plane.kubectl("apply", "--server-side", "--filename", "-", input=json.dumps(rights))
    return control_plane.service_account_kubeconfig(system_namespace, "funcgate")


def container(rendered: list[Json]) -> Json:
    (found,) = one(rendered, "Deployment")["spec"]["template"]["spec"]["containers"]
    return dict(found)


def test_the_api_server_takes_all_of_it(
    control_plane: ControlPlane, rendered: list[Json], system_namespace: str
) -> None:
    answer = control_plane.kubectl(
        "apply", "--server-side", "--dry-run=server", "--kustomize", str(DEPLOY), check=False
    )
    assert (answer.returncode, answer.stderr) == (0, "")
    assert len(answer.stdout.splitlines()) == len(rendered)


@pytest.mark.usefixtures("our_kind")
@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_every_sample_is_taken(control_plane: ControlPlane, namespace: str, sample: Path) -> None:
    control_plane.kubectl("create", "--dry-run=server", "--namespace", namespace, "--filename", str(sample))


def sample(name: str) -> Json:
    manifests = yaml.safe_load_all((DEPLOY / f"samples/{name}.yaml").read_text())
    found: Json = next(each["spec"] for each in manifests if each["kind"] == "FunctionApiBinding")
    return found


def test_the_first_sample_says_three_things_about_an_app_that_nobody_published() -> None:
    azure = deployed(World())
    assert sample("orders") == {
        "apiManagement": {"id": azure.service_id},
        "functionApp": {"id": azure.site_id},
        "api": {"path": "orders"},
    }


def test_the_second_sample_is_about_what_the_portals_import_leaves() -> None:
    azure, spec = imported(World(), "billing"), sample("billing")
    assert (spec["apiManagement"]["id"], spec["functionApp"]["id"]) == (azure.service_id, azure.site_id)
    assert spec["entra"]["registration"]["clientId"] == azure.client_id
    assert (spec["api"]["name"], spec["api"]["path"]) == (azure.api_name, azure.api_path)


def test_the_samples_use_every_field() -> None:
    schema = yaml.safe_load((DEPLOY.parent / "crds/functionapibindings.yaml").read_text())
    spec = schema["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    assert set(fields(spec)) - {*said(sample("billing")), *said(sample("catalog"))} == set()


def test_the_third_sample_is_about_another_app_that_nobody_published() -> None:
    azure, spec = deployed(World(), "catalog"), sample("catalog")
    assert (spec["apiManagement"]["id"], spec["functionApp"]["id"]) == (azure.service_id, azure.site_id)


def fields(schema: Json, path: str = "") -> Iterator[str]:
    for name, each in schema.get("properties", {}).items():
        inner = list(fields(each, f"{path}{name}."))
        yield from inner or [f"{path}{name}"]


def said(value: Any, path: str = "") -> Iterator[str]:
    if not isinstance(value, dict):
        yield path.removesuffix(".")
    else:
        for name, each in value.items():
            yield from said(each, f"{path}{name}.")


def test_all_that_has_a_namespace_is_in_the_operators_own(rendered: list[Json]) -> None:
    namespaces = {each["metadata"].get("namespace", SYSTEM) for each in rendered}
    subjects = {subject["namespace"] for each in rendered for subject in each.get("subjects", ())}
    assert namespaces | subjects == {SYSTEM}


BINDINGS = "functionapibindings.funcgate.dev"


@pytest.mark.parametrize(
    ("answer", "verb", "resource", "where"),
    [
        ("yes", "get", BINDINGS, "shop"),
        ("yes", "list", BINDINGS, None),
        ("yes", "watch", BINDINGS, None),
        ("yes", "patch", BINDINGS, "shop"),
        ("yes", "patch", f"{BINDINGS}/status", "shop"),
        ("yes", "create", "events.events.k8s.io", "shop"),
        ("yes", "get", "namespaces", "shop"),
        ("yes", "get", "leases.coordination.k8s.io", SYSTEM),
        ("yes", "create", "leases.coordination.k8s.io", SYSTEM),
        ("yes", "update", "leases.coordination.k8s.io", SYSTEM),
        ("no", "create", BINDINGS, "shop"),
        ("no", "delete", BINDINGS, "shop"),
        ("no", "update", BINDINGS, "shop"),
        ("no", "list", "namespaces", None),
        ("no", "get", "secrets", SYSTEM),
        ("no", "get", "secrets", "shop"),
        ("no", "get", "configmaps", "shop"),
        ("no", "get", "leases.coordination.k8s.io", "shop"),
        ("no", "delete", "leases.coordination.k8s.io", SYSTEM),
        ("no", "get", "customresourcedefinitions.apiextensions.k8s.io", None),
    ],
)
def test_the_operator_may_do_what_it_does_and_no_more(
    control_plane: ControlPlane, operator_kubeconfig: Path, answer: str, verb: str, resource: str, where: str | None
) -> None:
    kind, _, subresource = resource.partition("/")
    scope = ("--namespace", where) if where else ("--all-namespaces",)
    asked = control_plane.kubectl(
        "auth", "can-i", verb, kind, f"--subresource={subresource}", *scope, kubeconfig=operator_kubeconfig, check=False
    )
    assert asked.stdout.strip() == answer


def test_no_right_is_a_wildcard(rendered: list[Json]) -> None:
    rules = [rule for each in rendered if each["kind"] in {"ClusterRole", "Role"} for rule in each["rules"]]
    assert not [rule for rule in rules if "*" in (*rule["apiGroups"], *rule["resources"], *rule["verbs"])]


RESTRICTED = "pod-security.kubernetes.io/enforce=restricted"
NOT_THERE = {"CustomResourceDefinition", "Namespace", "ServiceMonitor"}
"""Installed already, or of a kind that only Prometheus Operator brings."""

INSTALLATIONS: dict[str, dict[str, Any]] = {
    "base": {},
    "all components": {"components": COMPONENTS, "namespaces": ("shop",)},
}


@pytest.fixture(scope="module", params=INSTALLATIONS.values(), ids=INSTALLATIONS.keys())
def installation(request: pytest.FixtureRequest) -> list[Json]:
    return by_kustomize(**request.param)


@pytest.fixture(scope="module")
def restricted(control_plane: ControlPlane, operator_kubeconfig: Path) -> str:
    """The operator's namespace, which enforces Pod Security's strictest standard, and one to watch."""
    labels = json.loads(control_plane.kubectl("get", "namespace", SYSTEM, "-o", "json").stdout)["metadata"]["labels"]
    assert "=".join((RESTRICTED.partition("=")[0], labels[RESTRICTED.partition("=")[0]])) == RESTRICTED
    control_plane.kubectl("create", "namespace", "shop", check=False)
    return SYSTEM


def dry_run(control_plane: ControlPlane, *objects: Json) -> subprocess.CompletedProcess[str]:
    """The server's own answer, and its warnings, without anything being stored."""
    manifest = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
    options = ("--server-side", "--force-conflicts", "--dry-run=server")
    return control_plane.kubectl("apply", *options, "--filename", "-", input=manifest, check=False)


def weakened(manifest: Json, container_changes: Json, **pod_changes: Any) -> Json:
    """The same Pod or Deployment, with less security."""
    changed: Json = json.loads(json.dumps(manifest))
    spec = changed["spec"] if changed["kind"] == "Pod" else changed["spec"]["template"]["spec"]
    spec |= pod_changes
    spec["containers"][0] |= container_changes
    return changed


def priorityless(pod: Json) -> Json:
    """The class is only in the dry run too, so the pod cannot name it yet."""
    return pod | {"spec": {name: value for name, value in pod["spec"].items() if name != "priorityClassName"}}


@pytest.mark.usefixtures("restricted")
def test_the_api_server_takes_every_component_without_a_warning(
    control_plane: ControlPlane, installation: list[Json]
) -> None:
    objects = [each for each in installation if each["kind"] not in NOT_THERE]
    answer = dry_run(control_plane, *objects)
    assert (answer.returncode, answer.stderr) == (0, "")
    assert len(answer.stdout.splitlines()) == len(objects)


@pytest.mark.usefixtures("restricted")
def test_the_pods_fit_into_a_restricted_namespace(control_plane: ControlPlane, installation: list[Json]) -> None:
    answer = dry_run(control_plane, priorityless(pod_of(installation)))
    assert (answer.returncode, answer.stderr) == (0, "")


WEAKER: list[tuple[str, Json, Json]] = [
    ("no securityContext at all", {"securityContext": {}}, {}),
    ("privileged", {"securityContext": {"privileged": True}}, {}),
    ("the host's network", {}, {"hostNetwork": True}),
    ("root", {}, {"securityContext": {"runAsUser": 0, "runAsNonRoot": False}}),
    ("a folder of the host", {}, {"volumes": [{"name": "host", "hostPath": {"path": "/"}}]}),
]


@pytest.mark.usefixtures("restricted")
@pytest.mark.parametrize(("reason", "container", "pod"), WEAKER, ids=[each[0] for each in WEAKER])
def test_a_pod_with_more_privileges_would_be_refused(
    control_plane: ControlPlane, rendered: list[Json], reason: str, container: Json, pod: Json
) -> None:
    answer = dry_run(control_plane, weakened(pod_of(rendered), container, **pod))
    assert answer.returncode != 0
    assert 'violates PodSecurity "restricted' in answer.stderr


@pytest.mark.usefixtures("restricted")
def test_a_deployment_of_such_pods_would_be_warned_about(control_plane: ControlPlane, rendered: list[Json]) -> None:
    """So the silence about ours means something."""
    answer = dry_run(control_plane, weakened(one(rendered, "Deployment"), {"securityContext": {}}))
    assert (answer.returncode, "would violate PodSecurity" in answer.stderr) == (0, True)


def test_nothing_can_be_written_in_the_container(rendered: list[Json]) -> None:
    assert container(rendered)["securityContext"]["readOnlyRootFilesystem"] is True
    assert "volumeMounts" not in container(rendered)


def test_the_container_runs_a_command_there_is(rendered: list[Json]) -> None:
    (command,) = container(rendered)["args"]
    assert command in main.commands


def test_the_probes_ask_where_the_operator_answers(rendered: list[Json]) -> None:
    ports = {port["name"]: port["containerPort"] for port in container(rendered)["ports"]}
    probes = [container(rendered)[each]["httpGet"] for each in ("startupProbe", "livenessProbe", "readinessProbe")]
    assert [(each["path"], ports[each["port"]]) for each in probes] == [
        ("/livez", Settings.model_fields["health_port"].default),
        ("/livez", 8080),
        ("/readyz", 8080),
    ]


@pytest.fixture
def deployed_settings(rendered: list[Json], monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The settings as the operator reads them in its pod."""
    config_map = one(rendered, "ConfigMap")
    assert container(rendered)["envFrom"] == [{"configMapRef": {"name": config_map["metadata"]["name"]}}]
    for name, value in config_map["data"].items():
        monkeypatch.setenv(name, value)
    for each in container(rendered)["env"]:
        monkeypatch.setenv(each["name"], each["valueFrom"]["fieldRef"]["fieldPath"])
    return Settings.read()


def test_the_deployed_settings_allow_no_scope_until_somebody_says_so(deployed_settings: Settings) -> None:
    assert deployed_settings.azure_scopes == ()


def test_the_deployed_operator_elects_in_its_own_namespace_by_its_own_name(deployed_settings: Settings) -> None:
    assert deployed_settings.leader_election
    assert deployed_settings.pod_namespace == "metadata.namespace"
    assert deployed_settings.pod_name == "metadata.name"


def test_every_deployed_setting_is_one_that_the_operator_reads(rendered: list[Json]) -> None:
    read = {f"FUNCGATE_{name.upper()}" for name in Settings.model_fields}
    assert set(one(rendered, "ConfigMap")["data"]) <= read


ROLE = json.loads((DEPLOY / "azure-role.json").read_text())


def test_the_role_in_azure_has_what_a_custom_role_must_have() -> None:
    """learn.microsoft.com/azure/role-based-access-control/custom-roles: the properties of a role for `az role`."""
    assert set(ROLE) == {
        *("Name", "IsCustom", "Description", "AssignableScopes"),
        *("Actions", "NotActions", "DataActions", "NotDataActions"),
    }
    assert ROLE["IsCustom"] is True
    assert len(ROLE["Description"]) <= 2048


def test_the_role_in_azure_names_each_action_once_and_in_full() -> None:
    actions = ROLE["Actions"]
    assert len({each.lower() for each in actions}) == len(actions)
    assert not [each for each in actions if "*" in each]
    assert [ROLE[each] for each in ("NotActions", "DataActions", "NotDataActions")] == [[], [], []]


def test_the_role_in_azure_reads_no_secret_but_the_keys_that_it_keeps_equal() -> None:
    listing = {each.lower() for each in ROLE["Actions"] if "list" in each.lower()}
    assert listing == {
        "microsoft.apimanagement/service/namedvalues/listvalue/action",
        "microsoft.web/sites/host/listkeys/action",
        "microsoft.web/sites/slots/host/listkeys/action",
    }
