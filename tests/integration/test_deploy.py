"""What `kubectl apply -k deploy` installs: it renders, a real API server takes it, its rights are those it needs."""

import json
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

DEPLOY = Path(__file__).parents[2] / "deploy"
SAMPLES = sorted(DEPLOY.glob("samples/*.yaml"))
SYSTEM = "funcgate-system"
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


def one(rendered: list[Json], kind: str) -> Json:
    (found,) = (each for each in rendered if each["kind"] == kind)
    return found


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


def pod(rendered: list[Json], **container_changes: Any) -> str:
    template = one(rendered, "Deployment")["spec"]["template"]
    spec = template["spec"] | {"containers": [container(rendered) | container_changes]}
    metadata = {"name": "funcgate", "namespace": SYSTEM, "labels": template["metadata"]["labels"]}
    return json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})


@pytest.mark.usefixtures("operator_kubeconfig")
def test_the_pods_fit_into_a_restricted_namespace(control_plane: ControlPlane, rendered: list[Json]) -> None:
    control_plane.kubectl("create", "--dry-run=server", "--filename", "-", input=pod(rendered))


@pytest.mark.usefixtures("operator_kubeconfig")
def test_a_pod_with_more_privileges_would_be_refused(control_plane: ControlPlane, rendered: list[Json]) -> None:
    answer = control_plane.kubectl(
        "create", "--dry-run=server", "--filename", "-", input=pod(rendered, securityContext={}), check=False
    )
    assert 'violates PodSecurity "restricted' in answer.stderr


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
