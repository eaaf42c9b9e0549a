"""The custom resource as a real API server serves it: what it takes, fills in, refuses and shows."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from builders import CLIENT_ID, NAMED_IDENTITY, SERVICE, a_manifest_spec
from controlplane import ControlPlane
from manifests import BAD, GOOD, Bad, Good

pytestmark = [pytest.mark.usefixtures("our_kind"), pytest.mark.xdist_group("cluster")]


def a_manifest(**changes: Any) -> str:
    return json.dumps(
        {
            "apiVersion": "funcgate.dev/v1alpha1",
            "kind": "FunctionApiBinding",
            "metadata": {"name": "orders"},
            "spec": a_manifest_spec(**changes),
        }
    )


class Kubectl:
    """kubectl in one namespace."""

    def __init__(self, control_plane: ControlPlane, namespace: str) -> None:
        self._control_plane = control_plane
        self._namespace = namespace

    def __call__(self, *args: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
        return self._control_plane.kubectl(*args, "--namespace", self._namespace, input=text, check=False)

    def show(self, *args: str) -> Any:
        return json.loads(self("get", *args, "--output", "json").stdout)


@pytest.fixture
def kubectl(control_plane: ControlPlane, namespace: str) -> Kubectl:
    return Kubectl(control_plane, namespace)


@pytest.fixture(scope="module")
def kubectl_trying(control_plane: ControlPlane) -> Kubectl:
    """One namespace for all that is only tried."""
    return Kubectl(control_plane, control_plane.namespace("tried"))


@pytest.fixture
def kubectl_with_orders(kubectl: Kubectl) -> Kubectl:
    """A namespace that has a binding named orders."""
    assert kubectl("apply", "--filename", "-", text=a_manifest()).returncode == 0
    return kubectl


@pytest.mark.parametrize("case", GOOD, ids=lambda case: case.reason)
def test_a_good_manifest_is_taken(kubectl_trying: Kubectl, case: Good) -> None:
    answer = kubectl_trying("create", "--dry-run=server", "--filename", "-", text=a_manifest(**case.change))
    assert (answer.returncode, answer.stderr) == (0, "")


@pytest.mark.parametrize("case", BAD, ids=lambda case: case.reason)
def test_a_bad_manifest_is_refused_with_the_field_and_the_way_out(kubectl_trying: Kubectl, case: Bad) -> None:
    answer = kubectl_trying("create", "--dry-run=server", "--filename", "-", text=a_manifest(**case.change))
    assert answer.returncode == 1
    assert f"spec.{case.field}" in answer.stderr
    assert case.way_out in answer.stderr


def test_defaults_are_filled_in_and_what_has_none_stays_absent(kubectl: Kubectl) -> None:
    wish = a_manifest_spec()
    del wish["adopt"]
    kubectl("apply", "--filename", "-", text=json.dumps(json.loads(a_manifest()) | {"spec": wish}))
    assert kubectl.show("fab", "orders")["spec"] == wish | {
        "apiManagement": {"id": SERVICE, "identity": {"type": "SystemAssigned"}},
        "functionApp": wish["functionApp"] | {"key": {"source": "HostKey"}},
        "entra": wish["entra"] | {"harden": "Own", "requireAssignment": False},
        "policy": {
            "scope": {"type": "Api"},
            "allowAnonymousCallers": False,
            "callerAuthorization": {"mode": "Replace"},
        },
        "verify": {"direct": True, "trace": "Never"},
        "drift": {"interval": "10m", "mode": "Correct"},
        "deletionPolicy": "Delete",
        "adopt": False,
    }


OTHER_SERVICE = SERVICE.replace("contoso", "fabrikam")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"apiManagement": {"id": OTHER_SERVICE}}, "spec.apiManagement.id"),
        ({"functionApp": {"id": a_manifest_spec()["functionApp"]["id"] + "2"}}, "spec.functionApp.id"),
        ({"api": {"name": "invoices", "import": {"from": "None"}}}, "spec.api.name"),
    ],
)
def test_what_would_leave_things_behind_cannot_change(
    kubectl_with_orders: Kubectl, change: dict[str, Any], field: str
) -> None:
    answer = kubectl_with_orders("apply", "--filename", "-", text=a_manifest(**change))
    assert answer.returncode == 1
    assert f"{field}: Invalid value" in answer.stderr
    assert "cannot change" in answer.stderr
    assert "Delete this binding and create one with the new" in answer.stderr
    assert "Argo CD: sync it with Replace=true,Force=true" in answer.stderr


@pytest.mark.parametrize(
    ("reason", "change"),
    [
        ("case means nothing to Azure", {"apiManagement": {"id": SERVICE.lower()}}),
        ("another identity may call", {
            "apiManagement": {"id": SERVICE, "identity": {"type": "UserAssigned", "id": NAMED_IDENTITY}}}),
        ("another registration may guard", {
            "entra": {"registration": {"type": "Existing", "clientId": CLIENT_ID.replace("1", "9")}}}),
        ("drift is looked for less often", {"drift": {"interval": "2h"}}),
    ],
)  # fmt: skip
def test_what_leaves_nothing_behind_may_change(
    kubectl_with_orders: Kubectl, reason: str, change: dict[str, Any]
) -> None:
    answer = kubectl_with_orders("apply", "--filename", "-", text=a_manifest(**change))
    assert (answer.returncode, answer.stderr) == (0, ""), reason


STATUS: dict[str, Any] = {
    "observedGeneration": 1,
    "conditions": [
        {
            "type": "Ready",
            "status": "False",
            "reason": "GatewayOpen",
            "message": "Nobody checks the caller.",
            "observedGeneration": 1,
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        }
    ],
    "lastHandledReconcileAt": "yesterday",
    "gatewayUrl": "https://contoso.azure-api.net",
    "apiPath": "orders/v1",
    "hostName": "orders-fn.azurewebsites.net",
    "clientId": CLIENT_ID,
    "tenantId": CLIENT_ID,
    "principalId": CLIENT_ID,
    "identityClientId": CLIENT_ID,
}


def tell(kubectl: Kubectl, status: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    patch = json.dumps({"status": status})
    return kubectl("patch", "fab", "orders", "--subresource=status", "--type=merge", "--patch", patch)


def test_a_status_is_kept_as_written_and_leaves_the_generation(kubectl_with_orders: Kubectl) -> None:
    tell(kubectl_with_orders, STATUS)
    binding = kubectl_with_orders.show("fab", "orders")
    assert binding["status"] == STATUS
    assert binding["metadata"]["generation"] == 1


def test_a_status_field_that_nobody_knows_is_not_kept(kubectl_with_orders: Kubectl) -> None:
    tell(kubectl_with_orders, {"functionKey": "hush"})
    assert "functionKey" not in kubectl_with_orders.show("fab", "orders")["status"]


def test_the_list_shows_how_things_stand(kubectl_with_orders: Kubectl) -> None:
    tell(kubectl_with_orders, STATUS)
    header, line = kubectl_with_orders("get", "functionapibindings").stdout.splitlines()
    assert header.split() == ["NAME", "READY", "REASON", "API", "URL", "AGE"]
    assert line.split()[:5] == ["orders", "False", "GatewayOpen", "orders/v1", "https://contoso.azure-api.net"]


def test_the_wide_list_says_what_to_do(kubectl_with_orders: Kubectl) -> None:
    tell(kubectl_with_orders, STATUS)
    header, line = kubectl_with_orders("get", "azure", "--output", "wide").stdout.splitlines()
    assert header.split()[-1] == "MESSAGE"
    assert line.endswith("Nobody checks the caller.")


def test_a_new_binding_is_listed_before_it_has_a_status(kubectl_with_orders: Kubectl) -> None:
    assert kubectl_with_orders("get", "fab").stdout.splitlines()[1].split()[0] == "orders"


@pytest.mark.parametrize(("name", "found"), [("orders", ["orders"]), ("invoices", [])])
def test_bindings_are_found_by_the_name_of_their_api(kubectl_with_orders: Kubectl, name: str, found: list[str]) -> None:
    listed = kubectl_with_orders.show("fab", f"--field-selector=spec.api.name={name}")["items"]
    assert [each["metadata"]["name"] for each in listed] == found


def test_explain_says_what_a_field_is_for(kubectl_trying: Kubectl) -> None:
    shown = " ".join(kubectl_trying("explain", "fab.spec.deletionPolicy").stdout.split())
    assert "ENUM: Delete Orphan" in shown
    assert "What becomes of Azure when this object is deleted." in shown


WAYS_OUT = (
    "such as",
    "remove",
    "add ",
    "take ",
    "say ",
    "prints",
    "shows",
    "delete this binding",
    "between",
    "needs a",
)


def rules(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    """Each rule's place and message."""
    for rule in schema.get("x-kubernetes-validations", ()):
        yield path, rule["message"]
    for name, inner in schema.get("properties", {}).items():
        yield from rules(inner, f"{path}.{name}")
    if "items" in schema:
        yield from rules(schema["items"], f"{path}[]")


def test_every_rule_says_what_to_do_instead() -> None:
    document = yaml.safe_load((Path(__file__).parents[2] / "crds" / "functionapibindings.yaml").read_text())
    found = list(rules(document["spec"]["versions"][0]["schema"]["openAPIV3Schema"]))
    assert len(found) > 40
    assert [each for each in found if not any(way in each[1].lower() for way in WAYS_OUT)] == []


EXTRA = {
    "drifting": 2,
    "conditions": [
        *STATUS["conditions"],
        {
            "type": "Verified",
            "status": "Unknown",
            "reason": "Waiting",
            "message": "waits",
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        },
    ],
}


def test_the_wide_list_has_all_columns_in_their_order(kubectl_with_orders: Kubectl) -> None:
    tell(kubectl_with_orders, STATUS | EXTRA)
    header, line = kubectl_with_orders("get", "fab", "--output", "wide").stdout.splitlines()
    columns = ["NAME", "READY", "REASON", "API", "URL", "AGE", "VERIFIED", "DRIFT", "MESSAGE"]
    assert header.split() == columns
    values = line.split(maxsplit=len(columns) - 1)
    assert values[:5] == ["orders", "False", "GatewayOpen", "orders/v1", "https://contoso.azure-api.net"]
    assert values[6:] == ["Unknown", "2", "Nobody checks the caller."]


def test_describe_shows_each_condition_with_its_reason_and_what_to_do(kubectl_with_orders: Kubectl) -> None:
    tell(kubectl_with_orders, STATUS | EXTRA)
    shown = kubectl_with_orders("describe", "fab", "orders").stdout
    lines = [" ".join(line.split()) for line in shown.partition("\nStatus:\n")[2].splitlines()]
    for line in ("Reason: GatewayOpen", "Message: Nobody checks the caller.", "Drifting: 2", "API Path: orders/v1"):
        assert line in lines


@pytest.mark.parametrize("part", ["fab.spec", "fab.status"])
def test_explain_describes_every_field(kubectl_trying: Kubectl, part: str) -> None:
    """As many as there are, and none of them only by its type."""

    def described(field: str) -> Iterator[str]:
        shown = kubectl_trying("explain", field)
        assert (shown.returncode, "<no description>" in shown.stdout) == (0, False), field
        yield field
        fields = shown.stdout.partition("\nFIELDS:\n")[2]
        for name, kind in re.findall(r"^  (\w+)\t<(.+?)>", fields, re.MULTILINE):
            if "Object" in kind:
                yield from described(f"{field}.{name}")

    assert len(list(described(part))) > 3
