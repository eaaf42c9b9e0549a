"""`funcgate doctor` over an installation that lacks nothing, and over such that lack one thing."""

import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import Result

from builders import a_manifest_spec
from controlplane import ControlPlane
from integration.azure_stage import Stage, on_stage
from integration.in_process import run
from integration.terminal import Terminal

pytestmark = [pytest.mark.usefixtures("our_kind"), pytest.mark.xdist_group("cluster")]
REPOSITORY = Path(__file__).parents[2]
INSTALLER = """
apiVersion: v1
kind: ServiceAccount
metadata: {name: installer, namespace: funcgate-system}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: visitor, namespace: funcgate-system}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: installer}
rules:
  - {apiGroups: [authorization.k8s.io], resources: [subjectaccessreviews], verbs: [create]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: installer}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: installer}
subjects: [{kind: ServiceAccount, name: installer, namespace: funcgate-system}]
"""


@dataclass(frozen=True)
class Practice:
    """An installation in which nothing is missing yet, and somebody who may look at it."""

    stage: Stage
    plane: ControlPlane
    terminal: Terminal
    kubeconfig: Path  # of one who may ask what others may do, and cannot see bindings

    async def doctor(self, *arguments: str, **environment: str) -> Result:
        usual = self.terminal._environment() | {
            "KUBECONFIG": str(self.kubeconfig),
            "FUNCGATE_AZURE_SCOPES": self.stage.team.group_id,
        }
        return await run("doctor", *arguments, **(usual | environment))


@pytest.fixture(scope="module")
def installed(control_plane: ControlPlane) -> Path:
    """The operator's account and rights are in the cluster."""
    namespace = control_plane.kubectl("create", "namespace", "funcgate-system", check=False)
    assert namespace.returncode == 0 or "AlreadyExists" in namespace.stderr
    control_plane.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", input=INSTALLER)
    rights = ("-n", "funcgate-system", "-f", str(REPOSITORY / "deploy" / "rbac.yaml"))
    control_plane.kubectl("apply", "--server-side", "--force-conflicts", *rights)
    return control_plane.service_account_kubeconfig("funcgate-system", "installer")


@pytest.fixture
async def practice(control_plane: ControlPlane, installed: Path, tmp_path: Path) -> AsyncIterator[Practice]:
    async with on_stage(check_contracts=False) as stage:
        yield Practice(stage, control_plane, Terminal(stage, tmp_path), installed)


def findings(ran: Result) -> dict[str, dict[str, Any]]:
    """Each check with what was found; the last of those with the same name."""
    return {each["check"]: each for each in json.loads(ran.stdout)}


def states(ran: Result) -> dict[str, str]:
    return {name: each["state"] for name, each in findings(ran).items()}


ALL = ("cluster", "kind", "cluster rights", "credentials", "azure role", "graph", "clock")


async def test_an_installation_that_lacks_nothing_is_all_right(practice: Practice) -> None:
    ran = await practice.doctor("-o", "json")
    assert (states(ran), ran.exit_code) == (dict.fromkeys(ALL, "holds"), 0), ran.output


async def test_for_people_each_thing_has_its_sign_and_what_mends_it_its_command(practice: Practice) -> None:
    practice.stage.world.denied.add("Microsoft.Web/sites/config/Write")
    ran = await practice.doctor()
    lines = ran.stdout.splitlines()
    assert [line[0] for line in lines if line[0] in "✓✗?"] == ["✓", "✓", "✓", "✓", "✗", "✓", "✓"]
    assert f"✗ {'azure role':18}{practice.stage.team.group_id}: 1 of 48 actions are not granted" in lines
    assert f"{'':20}Microsoft.Web/sites/config/Write" in lines
    assert '$ az role assignment create --role "funcgate operator"' in ran.stdout
    assert (lines[-1], ran.exit_code) == ("6 right, 1 wrong, 0 not to be seen", 1)


async def test_a_role_that_nobody_assigned_is_assigned_by_the_command(practice: Practice) -> None:
    practice.stage.world.switches.arm_enforce_roles = True
    role = findings(await practice.doctor("-o", "json"))["azure role"]
    assert (role["state"], "no action is granted" in role["says"][0]) == ("broken", True)
    oid = practice.stage.world.entra.principal(practice.stage.team.operator_client_id)["id"]
    assert role["mend"] == [
        f'az role assignment create --role "funcgate operator" --scope {practice.stage.team.group_id} '
        f"--assignee-object-id {oid} --assignee-principal-type ServicePrincipal"
    ]


async def test_a_permission_of_graph_that_is_missing_is_granted_by_the_command(practice: Practice) -> None:
    client_id = practice.stage.team.operator_client_id
    practice.stage.world.entra.graph_permissions[client_id] = {"Application.ReadWrite.OwnedBy"}
    graph = findings(await practice.doctor("-o", "json"))["graph"]
    assert (graph["state"], graph["says"][0].partition(",")[0]) == ("broken", "without Application.Read.All")
    assert "9a5d68dd-52b0-4cc2-bd40-abcf44ac3a30" in graph["mend"][0]


async def test_an_account_without_rights_is_told_with_each_that_it_lacks(practice: Practice) -> None:
    rights = findings(await practice.doctor("-o", "json", "--service-account", "nobody"))["cluster rights"]
    assert (rights["state"], rights["mend"]) == ("broken", ["kubectl apply -k deploy/"])
    assert "patch functionapibindings/status" in rights["says"][0]


async def test_the_operators_own_account_may_ask_about_itself(practice: Practice) -> None:
    practice.plane.kubectl("create", "serviceaccount", "funcgate", "-n", "funcgate-system", check=False)
    own = practice.plane.service_account_kubeconfig("funcgate-system", "funcgate")
    assert states(await practice.doctor("-o", "json", KUBECONFIG=str(own)))["cluster rights"] == "holds"


async def test_who_may_not_ask_about_others_cannot_see_and_it_ends_with_2(practice: Practice) -> None:
    visitor = practice.plane.service_account_kubeconfig("funcgate-system", "visitor")
    ran = await practice.doctor("-o", "json", KUBECONFIG=str(visitor))
    assert (findings(ran)["cluster rights"]["state"], ran.exit_code) == ("unknown", 2)
    assert findings(ran)["cluster rights"]["mend"] == [
        "kubectl -n funcgate-system exec deployment/funcgate -- funcgate doctor"
    ]


async def test_a_cluster_without_our_kind_is_told_how_it_gets_there(
    practice: Practice, bare_control_plane: ControlPlane
) -> None:
    ran = await practice.doctor("-o", "json", KUBECONFIG=str(bare_control_plane.admin_kubeconfig))
    assert findings(ran)["kind"]["mend"] == ["kubectl apply -k crds/"]
    assert (states(ran)["cluster"], states(ran)["kind"], ran.exit_code) == ("holds", "broken", 1)


async def test_a_kind_of_another_version_is_told_from_ours(
    practice: Practice, bare_control_plane: ControlPlane
) -> None:
    kind = yaml.safe_load((REPOSITORY / "crds" / "functionapibindings.yaml").read_text())
    del kind["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["status"]["properties"]["drift"]
    bare_control_plane.apply(kind)
    try:
        bare_control_plane.wait_for_crd("functionapibindings.funcgate.dev")
        kubeconfig = str(bare_control_plane.admin_kubeconfig)
        deadline = time.monotonic() + 20
        while (
            "has schema"
            not in (found := findings(await practice.doctor("-o", "json", KUBECONFIG=kubeconfig)))["kind"]["says"][0]
        ):
            assert time.monotonic() < deadline, found
        assert found["kind"]["state"] == "broken"
    finally:
        bare_control_plane.kubectl("delete", "crd", "functionapibindings.funcgate.dev")


NOWHERE = "127.0.0.1:1"
BROKEN: dict[str, tuple[dict[str, str], str, str]] = {
    "half of a workload identity": ({"AZURE_TENANT_ID": ""}, "credentials", "AZURE_TENANT_ID is not set"),
    "an application that Entra does not know": (
        {"AZURE_CLIENT_ID": "99999999-0000-4000-8000-000000000000"},
        "credentials",
        "AADSTS700016",
    ),
    "no way to Entra": ({"AZURE_AUTHORITY_HOST": f"https://{NOWHERE}"}, "credentials", "no token from"),
    "no way to Graph": ({"FUNCGATE_GRAPH_ENDPOINT": f"https://{NOWHERE}"}, "graph", "could not be reached"),
    "no scopes": ({"FUNCGATE_AZURE_SCOPES": ""}, "scopes", "FUNCGATE_AZURE_SCOPES is empty"),
    "a setting that is none": ({"FUNCGATE_INSTANCE_ID": "Not A Name"}, "settings", "FUNCGATE_INSTANCE_ID"),
    "no cluster": ({"KUBECONFIG": "/nowhere"}, "cluster", "/nowhere cannot be read"),
}


@pytest.mark.parametrize("what", BROKEN)
async def test_what_is_broken_is_named_with_its_way_out_and_ends_with_1(practice: Practice, what: str) -> None:
    environment, check, says = BROKEN[what]
    ran = await practice.doctor("-o", "json", **environment)
    found = findings(ran)[check]
    assert (found["state"], ran.exit_code) == ("broken", 1), ran.output
    assert says in found["says"][0]


async def test_resource_manager_out_of_reach_cannot_be_seen_through(practice: Practice) -> None:
    ran = await practice.doctor("-o", "json", FUNCGATE_ARM_ENDPOINT=f"https://{NOWHERE}")
    assert (states(ran)["azure role"], states(ran)["clock"], ran.exit_code) == ("unknown", "unknown", 2)


async def test_gateways_are_called_as_verification_would(practice: Practice, namespace: str) -> None:
    kind = {"apiVersion": "funcgate.dev/v1alpha1", "kind": "FunctionApiBinding", "metadata": {"name": "orders"}}
    practice.plane.apply(kind | {"spec": a_manifest_spec()}, namespace=namespace)
    host = practice.stage.team.gateway_host
    status = json.dumps({"status": {"gatewayUrl": f"https://{host}"}})
    kubectl = partial(practice.plane.kubectl, "--namespace", namespace)
    kubectl("patch", "fab", "orders", "--subresource=status", "--type=merge", "--patch", status)

    async def network(**environment: str) -> str:
        admin = str(practice.plane.admin_kubeconfig)
        found = json.loads((await practice.doctor("-o", "json", KUBECONFIG=admin, **environment)).stdout)
        (state,) = [each["state"] for each in found if each["check"] == "network" and host in each["says"][0]]
        return str(state)

    assert (await network(), await network(FUNCGATE_CONNECT_TO=NOWHERE)) == ("holds", "broken")


DEPLOYED = """
apiVersion: v1
kind: ConfigMap
metadata: {name: funcgate-settings-1, namespace: elsewhere}
data: {FUNCGATE_AZURE_SCOPES: $scope, FUNCGATE_NAMESPACES: $watched}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: funcgate, namespace: elsewhere, labels: {app.kubernetes.io/name: funcgate}}
spec:
  selector: {matchLabels: {app.kubernetes.io/name: funcgate}}
  template:
    metadata: {labels: {app.kubernetes.io/name: funcgate}}
    spec:
      containers: [{name: operator, image: funcgate, envFrom: [{configMapRef: {name: funcgate-settings-1}}]}]
"""


async def test_from_a_desk_the_operators_settings_are_read_in_the_cluster(practice: Practice, namespace: str) -> None:
    """It watches one namespace, and has its rights in that one only."""
    practice.plane.kubectl("create", "namespace", "elsewhere")
    practice.plane.apply(DEPLOYED.replace("$scope", practice.stage.team.group_id).replace("$watched", namespace))
    rights = (REPOSITORY / "deploy" / "namespace-rights" / "rights.yaml").read_text()
    practice.plane.apply(rights.replace("funcgate-system", "elsewhere"), namespace=namespace)
    admin = str(practice.plane.admin_kubeconfig)
    environment = practice.terminal._environment() | {"KUBECONFIG": admin}
    found = findings(await run("doctor", "-n", "elsewhere", "-o", "json", **environment))
    assert found["azure role"]["says"] == [f"{practice.stage.team.group_id}: all 48 actions are granted"]
    lacking = found["cluster rights"]["says"][0].partition(" may not ")[2]
    assert lacking == "get leases in elsewhere, create leases in elsewhere, update leases in elsewhere"
