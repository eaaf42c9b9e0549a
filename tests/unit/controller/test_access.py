"""Where the API is and who we are: from a pod's files or from a kubeconfig."""

import base64
import ssl
from pathlib import Path
from typing import Any

import pytest
import trustme
import yaml

from funcgate.controller.access import Access, NoAccess, find, from_kubeconfig


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def pem(authority: trustme.CA) -> str:
    return authority.cert_pem.bytes().decode()


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def a_kubeconfig(path: Path, user: dict[str, Any], cluster: dict[str, Any] | None = None) -> Path:
    config = {
        "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:6443/"} | (cluster or {})}],
        "users": [{"name": "u", "user": user}],
    }
    path.write_text(yaml.safe_dump(config))
    return path


def test_a_pod_uses_its_service_account(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("first\n")
    access = find({"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443"}, tmp_path)
    assert (access.server, access.token, access.ca_file) == ("https://10.0.0.1:443", "first", tmp_path / "ca.crt")


def test_a_token_that_was_replaced_is_used_at_once(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("first")
    access = find({"KUBERNETES_SERVICE_HOST": "fd00::1"}, tmp_path)
    (tmp_path / "token").write_text("second")
    assert (access.token, access.server) == ("second", "https://[fd00::1]:443")


def test_kubeconfig_comes_first(tmp_path: Path, authority: trustme.CA) -> None:
    ca = {"certificate-authority-data": encoded(pem(authority))}
    path = a_kubeconfig(tmp_path / "config", {"token": "t"}, ca)
    access = find({"KUBECONFIG": str(path), "KUBERNETES_SERVICE_HOST": "10.0.0.1"})
    assert (access.server, access.token, access.ca_data) == ("https://127.0.0.1:6443", "t", pem(authority))
    assert access.tls().verify_mode is ssl.CERT_REQUIRED


def test_files_are_found_beside_the_kubeconfig(tmp_path: Path, authority: trustme.CA) -> None:
    (tmp_path / "ca.pem").write_text(pem(authority))
    (tmp_path / "token").write_text("from a file")
    path = a_kubeconfig(tmp_path / "config", {"tokenFile": "token"}, {"certificate-authority": "ca.pem"})
    access = from_kubeconfig(path)
    assert (access.token, access.ca_data) == ("from a file", pem(authority))


def test_a_client_certificate_is_shown(tmp_path: Path, authority: trustme.CA) -> None:
    issued = authority.issue_cert("admin@example.org")
    user = {
        "client-certificate-data": encoded(issued.cert_chain_pems[0].bytes().decode()),
        "client-key-data": encoded(issued.private_key_pem.bytes().decode()),
    }
    access = from_kubeconfig(a_kubeconfig(tmp_path / "config", user))
    assert access.certificate
    assert access.token is None
    access.tls()


def test_the_text_of_an_access_shows_no_secret() -> None:
    access = Access(server="https://here", fixed_token="hush", certificate=("public", "hush"))
    assert repr(access) == "Access(server='https://here')"


UNUSABLE = [
    ("there is no such file", None, "FileNotFoundError"),
    ("it is not YAML", "{", "is not a usable kubeconfig"),
    ("it is empty", "", "is not a usable kubeconfig"),
    ("there is no current context", "contexts: []", "current-context"),
    ("the context is not in it", "{current-context: x, contexts: []}", "x"),
]


@pytest.mark.parametrize(("reason", "text", "said"), UNUSABLE, ids=[each[0] for each in UNUSABLE])
def test_an_unusable_kubeconfig_says_why(tmp_path: Path, reason: str, text: str | None, said: str) -> None:
    path = tmp_path / "config"
    if text is not None:
        path.write_text(text)
    with pytest.raises(NoAccess, match=said):
        from_kubeconfig(path)


def test_a_login_program_is_refused_with_a_way_out(tmp_path: Path) -> None:
    with pytest.raises(NoAccess, match="use one with a token or a client certificate"):
        from_kubeconfig(a_kubeconfig(tmp_path / "config", {"exec": {"command": "kubelogin"}}))


def test_outside_a_cluster_and_without_kubeconfig_there_is_no_access() -> None:
    with pytest.raises(NoAccess, match="set KUBECONFIG"):
        find({})
