"""Whatever is wrong with what a command is given: it says what it could not read, where, and what to do."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import Result

from builders import a_manifest_spec
from controlplane import ControlPlane
from funcgate.cli import main
from integration.in_process import run_now

pytestmark = [pytest.mark.usefixtures("our_kind"), pytest.mark.xdist_group("cluster")]

LOOKING = ("explain", "plan", "verify")
STEERING = ("pause", "resume", "reconcile", "observe", "manage")


def refused(*arguments: str, **environment: str) -> str:
    """What a command says that ends with 1 for a reason of its own."""
    return said(run_now(arguments, environment))


def said(ran: Result) -> str:
    assert isinstance(ran.exception, SystemExit), ran.exception
    assert (ran.exit_code, ran.stdout, "Traceback" in ran.stderr) == (1, "", False), ran.output
    return " ".join(ran.stderr.split())


# --- the way to the cluster


def kubeconfig(folder: Path, **parts: Any) -> str:
    """A kubeconfig of the context `shop` at a port where nobody is; keywords replace parts of it."""
    whole = {
        "current-context": "shop",
        "contexts": [{"name": "shop", "context": {"cluster": "shop", "user": "ada"}}],
        "clusters": [{"name": "shop", "cluster": {"server": "https://127.0.0.1:1"}}],
        "users": [{"name": "ada", "user": {"token": "t"}}],
    }
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(whole | parts))
    return str(path)


def a_program(command: str, **more: Any) -> list[dict[str, Any]]:
    return [{"name": "ada", "user": {"exec": {"command": command, "apiVersion": "v1", **more}}}]


WAYS: dict[str, tuple[Callable[[Path], str], tuple[str, ...], str]] = {
    "a context that is not there": (kubeconfig, ("--context", "nowhere"), "--context takes one of: shop"),
    "no current context": (
        lambda folder: kubeconfig(folder, **{"current-context": ""}),
        (),
        "has no current context; choose one with --context: shop",
    ),
    "a context whose cluster is not there": (
        lambda folder: kubeconfig(folder, clusters=[]),
        (),
        "context 'shop' names the cluster 'shop', which",
    ),
    "a cluster without an address": (
        lambda folder: kubeconfig(folder, clusters=[{"name": "shop", "cluster": {}}]),
        (),
        "has no server",
    ),
    "a certificate that is not there": (
        lambda folder: kubeconfig(folder, users=[{"name": "ada", "user": {"client-certificate": "/no/c.pem"}}]),
        (),
        "names /no/c.pem, which cannot be read: No such file",
    ),
    "nobody at its address": (kubeconfig, (), "cannot be reached (ClientConnectorError); is it running"),
    "a program that is not installed": (
        lambda folder: kubeconfig(folder, users=a_program("kubelogin-is-nowhere", installHint="Get kubelogin.")),
        (),
        "signs in with 'kubelogin-is-nowhere': No such file or directory; Get kubelogin.",
    ),
    "a program that fails": (
        lambda folder: kubeconfig(folder, users=a_program("false")),
        (),
        "'false', with which context 'shop' signs in, ended with 1",
    ),
    "a program that says nothing": (
        lambda folder: kubeconfig(folder, users=a_program("true")),
        (),
        "gave neither token nor certificate",
    ),
    "a provider that is no more": (
        lambda folder: kubeconfig(folder, users=[{"name": "ada", "user": {"auth-provider": {"name": "azure"}}}]),
        (),
        "auth-provider",
    ),
}


@pytest.mark.parametrize("what", WAYS)
def test_a_way_that_leads_nowhere_says_what_leads_somewhere(tmp_path: Path, what: str) -> None:
    config, options, says = WAYS[what]
    assert says in refused("pause", "orders", *options, KUBECONFIG=config(tmp_path))


@pytest.mark.parametrize("text", ["clusters: [", "- a list", "\x80"])
def test_a_file_that_is_no_kubeconfig_is_named(tmp_path: Path, text: str) -> None:
    file = tmp_path / "config"
    file.write_bytes(text.encode("latin-1"))
    assert f"{file} is no kubeconfig" in refused("pause", "orders", "--kubeconfig", str(file))


@pytest.mark.parametrize("command", [*LOOKING, *STEERING])
def test_without_any_way_every_command_says_how_to_name_one(command: str) -> None:
    assert "there is no way to a cluster" in refused(command, "orders")


@pytest.mark.parametrize("command", [*LOOKING, *STEERING])
def test_every_command_says_which_contexts_there_are(tmp_path: Path, command: str) -> None:
    assert "one of: shop" in refused(command, "orders", "--context", "no", KUBECONFIG=kubeconfig(tmp_path))


def test_a_program_that_signs_in_is_heard(control_plane: ControlPlane, namespace: str, tmp_path: Path) -> None:
    control_plane.kubectl("create", "serviceaccount", "ada", "-n", namespace)
    token = control_plane.service_account_token(namespace, "ada")
    answer = json.dumps({"kind": "ExecCredential", "status": {"token": token}})
    cluster = {"server": control_plane.url, "certificate-authority": str(control_plane.ca_file)}
    config = kubeconfig(
        tmp_path, users=a_program("printf", args=["%s", answer]), clusters=[{"name": "shop", "cluster": cluster}]
    )
    assert f"system:serviceaccount:{namespace}:ada may not list" in refused("pause", "orders", KUBECONFIG=config)


# --- the cluster


@pytest.mark.parametrize("command", [*LOOKING, *STEERING])
def test_where_the_kind_is_not_installed_that_is_said_with_the_command(
    bare_control_plane: ControlPlane, command: str
) -> None:
    config = str(bare_control_plane.admin_kubeconfig)
    assert "install it with: kubectl apply -k crds/" in refused(command, "orders", KUBECONFIG=config)


@pytest.fixture(scope="module")
def visitor(control_plane: ControlPlane) -> str:
    """The kubeconfig of somebody without any right."""
    namespace = control_plane.namespace("visit")
    control_plane.kubectl("create", "serviceaccount", "visitor", "-n", namespace)
    return str(control_plane.service_account_kubeconfig(namespace, "visitor"))


@pytest.mark.parametrize("command", [*LOOKING, *STEERING])
def test_without_rights_the_missing_one_is_named_with_its_role(visitor: str, command: str) -> None:
    told = refused(command, "orders", KUBECONFIG=visitor)
    assert "visitor may not list functionapibindings in" in told
    assert "--verb=list --resource=functionapibindings.funcgate.dev" in told


def test_credentials_that_ran_out_say_to_sign_in_again(control_plane: ControlPlane, tmp_path: Path) -> None:
    cluster = {"server": control_plane.url, "certificate-authority": str(control_plane.ca_file)}
    config = kubeconfig(tmp_path, clusters=[{"name": "shop", "cluster": cluster}])
    assert "does not accept the credentials of context 'shop'; sign in again" in refused(
        "explain", "orders", KUBECONFIG=config
    )


@pytest.mark.parametrize("command", [*LOOKING, *STEERING])
def test_a_name_that_is_not_there_is_said(control_plane: ControlPlane, namespace: str, command: str) -> None:
    told = refused(command, "nobody", "-n", namespace, KUBECONFIG=str(control_plane.admin_kubeconfig))
    assert f"nobody: is no FunctionApiBinding in namespace {namespace}; name another, or say -n" in told


def test_a_namespace_without_bindings_is_said(control_plane: ControlPlane, namespace: str) -> None:
    told = refused("pause", "--all", "-n", namespace, KUBECONFIG=str(control_plane.admin_kubeconfig))
    assert f"namespace {namespace}: has no bindings" in told


# --- credentials and settings

CREDENTIALS = [
    ({"AZURE_FEDERATED_TOKEN_FILE": "/no"}, "AZURE_CLIENT_ID and AZURE_TENANT_ID is not set"),
    (
        {"AZURE_FEDERATED_TOKEN_FILE": "/no", "AZURE_CLIENT_ID": "a", "AZURE_TENANT_ID": "b"},
        "/no cannot be read: No such file or directory",
    ),
    ({"AZURE_CLIENT_SECRET": "hush", "AZURE_CLIENT_ID": "a"}, "AZURE_TENANT_ID is not set"),
    ({"AZURE_TENANT_ID": "a", "AZURE_CLIENT_ID": "b"}, "nothing that proves them"),
    ({"FUNCGATE_CLOUD": "AzureMars"}, "FUNCGATE_CLOUD: 'AzureMars' is none of"),
    ({"FUNCGATE_AZURE_SCOPES": "shop-rg"}, "FUNCGATE_AZURE_SCOPES: 'shop-rg' is neither"),
]


@pytest.fixture
def manifest(tmp_path: Path) -> str:
    return written(tmp_path, yaml.safe_dump(a_binding()))


def a_binding(**changes: Any) -> dict[str, Any]:
    kind = {"apiVersion": "funcgate.dev/v1alpha1", "kind": "FunctionApiBinding", "metadata": {"name": "orders"}}
    return kind | {"spec": a_manifest_spec()} | changes


def written(folder: Path, text: str) -> str:
    path = folder / "orders.yaml"
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize("command", [*LOOKING, "export"])
@pytest.mark.parametrize(("environment", "says"), CREDENTIALS)
def test_half_of_what_belongs_together_is_named(
    manifest: str, command: str, environment: dict[str, str], says: str
) -> None:
    service = a_manifest_spec()["apiManagement"]["id"]
    about = ("--service", service, "--api", "orders") if command == "export" else ("-f", manifest)
    told = refused(command, *about, **environment)
    assert says in told
    assert "hush" not in told


@pytest.mark.parametrize("command", LOOKING)
def test_somebody_who_is_not_signed_in_is_told_so_once(manifest: str, command: str) -> None:
    told = refused(command, "-f", manifest, AZURE_TOKEN_CREDENTIALS="EnvironmentCredential")
    assert told == (
        "Error: nobody is signed in to Azure here: run az login, or set AZURE_CLIENT_ID, AZURE_TENANT_ID and a secret "
        "of it"
    )


# --- files

FILES = {
    "no YAML": ("spec: [", "is not YAML"),
    "no text": ("\udcff", "cannot be read"),
    "nothing of ours": ("kind: ConfigMap", "no FunctionApiBinding in"),
    "nothing at all": ("", "no FunctionApiBinding in"),
    "metadata that is none": (yaml.safe_dump(a_binding(metadata="orders")), "metadata: is no mapping"),
    "metadata without a name": (yaml.safe_dump(a_binding(metadata={})), "metadata.name"),
    "a spec that is none": (yaml.safe_dump(a_binding(spec="orders")), "spec"),
    "no spec": (yaml.safe_dump({k: v for k, v in a_binding().items() if k != "spec"}), "spec"),
    "a field that nobody knows": (yaml.safe_dump(a_binding(spec=a_manifest_spec(colour="blue"))), "spec.colour"),
    "a value of another kind": (yaml.safe_dump(a_binding(spec=a_manifest_spec(adopt="perhaps"))), "spec.adopt"),
    "the same twice": (
        yaml.safe_dump_all([a_binding(), a_binding()]),
        "default/orders is in",
    ),
}


@pytest.mark.parametrize("command", LOOKING)
@pytest.mark.parametrize("what", FILES)
def test_a_file_that_cannot_be_taken_is_named_with_what_is_wrong(tmp_path: Path, command: str, what: str) -> None:
    text, says = FILES[what]
    file = tmp_path / "orders.yaml"
    file.write_bytes(text.encode(errors="surrogateescape"))
    told = refused(command, "-f", str(file))
    assert "orders.yaml" in told
    assert says in told


@pytest.mark.parametrize("command", LOOKING)
def test_a_file_that_is_not_there_is_named(command: str) -> None:
    assert "'/nowhere.yaml' does not exist" in refused(command, "-f", "/nowhere.yaml")


def test_a_folder_without_manifests_is_named(tmp_path: Path) -> None:
    assert f"no FunctionApiBinding in {tmp_path}" in refused("plan", "-f", str(tmp_path))


# --- options


@pytest.mark.parametrize("command", main.commands)
def test_an_option_that_there_is_not_is_said_by_every_command(command: str) -> None:
    assert "No such option '--loudly'" in refused(command, "--loudly")


@pytest.mark.parametrize("command", [*LOOKING, *STEERING])
def test_without_a_binding_every_command_says_how_to_name_one(command: str) -> None:
    assert "say which bindings" in refused(command)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("fly",), "No such command 'fly'"),
        (("plan", "-o", "xml", "orders"), "'xml' is not one of"),
        (("completion", "powershell"), "'powershell' is not one of"),
        (("reconcile", "orders", "--wait", "--timeout", "soon"), "'soon' is not a valid float range"),
        (("pause", "orders", "--all"), "say which bindings"),
        (("export", "--service", "contoso", "--api", "orders"), "'contoso' is not a resource id"),
    ],
)
def test_a_wrong_word_is_named(arguments: tuple[str, ...], says: str) -> None:
    assert says in refused(*arguments)


@pytest.mark.parametrize("command", ["", *main.commands])
def test_help_fits_a_screen(command: str) -> None:
    ran = run_now(tuple(filter(None, [command, "--help"])), {"COLUMNS": "80"})
    lines = ran.stdout.splitlines()
    assert ran.exit_code == 0
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 80
