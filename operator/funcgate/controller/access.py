"""
Where the Kubernetes API is and who we are there: the pod's service account, or the kubeconfig that KUBECONFIG names.

Everything is read from files each time it is asked for: projected service account tokens are replaced about hourly
(kubernetes.io/docs/concepts/storage/projected-volumes/#serviceaccounttoken).
"""

import base64
import os
import ssl
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from funcgate.errors import FuncgateError

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


class NoAccess(FuncgateError):
    """There is no way to the Kubernetes API; the message says what is missing."""


@dataclass(frozen=True, kw_only=True)
class Access:
    """One way to one API server. `token` and the certificate's key are secrets and not part of its text."""

    server: str
    ca_file: Path | None = None
    ca_data: str | None = None  # PEM
    token_file: Path | None = None
    fixed_token: str | None = None
    certificate: tuple[str, str] | None = None  # PEM of the client certificate and of its key

    def __repr__(self) -> str:
        return f"Access(server={self.server!r})"

    @property
    def token(self) -> str | None:
        """The bearer token as it is now."""
        return self.token_file.read_text().strip() if self.token_file else self.fixed_token

    def tls(self) -> ssl.SSLContext:
        """A context that trusts this API server's CA and shows the client certificate, if there is one."""
        context = ssl.create_default_context(cafile=self.ca_file, cadata=self.ca_data)
        if self.certificate:
            _show(context, *self.certificate)
        return context


def find(environment: Mapping[str, str] = os.environ, service_account: Path = SERVICE_ACCOUNT) -> Access:
    """KUBECONFIG when it is set, else the pod's service account. Raises NoAccess."""
    if kubeconfig := environment.get("KUBECONFIG"):
        return from_kubeconfig(Path(kubeconfig.split(os.pathsep)[0]))
    host, port = environment.get("KUBERNETES_SERVICE_HOST"), environment.get("KUBERNETES_SERVICE_PORT", "443")
    if not host:
        raise NoAccess("neither KUBECONFIG nor KUBERNETES_SERVICE_HOST is set; run in a pod, or set KUBECONFIG")
    return Access(
        server=f"https://{f'[{host}]' if ':' in host else host}:{port}",
        ca_file=service_account / "ca.crt",
        token_file=service_account / "token",
    )


def from_kubeconfig(path: Path) -> Access:
    """The current context of a kubeconfig. Raises NoAccess when it can't be read or needs a login program."""
    try:
        config = yaml.safe_load(path.read_text())
        context = _named(config["contexts"], config["current-context"])["context"]
        cluster = _named(config["clusters"], context["cluster"])["cluster"]
        user = _named(config["users"], context["user"])["user"]
        server = cluster["server"].rstrip("/")
    except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise NoAccess(f"{path} is not a usable kubeconfig: {type(error).__name__} {error}") from None
    if "exec" in user or "auth-provider" in user:
        raise NoAccess(f"{path} logs in with a program; use one with a token or a client certificate")
    token_file = user.get("tokenFile")
    certificate = _pem(user, "client-certificate", path), _pem(user, "client-key", path)
    return Access(
        server=server,
        ca_data=_pem(cluster, "certificate-authority", path),
        token_file=path.parent / token_file if token_file else None,
        fixed_token=user.get("token"),
        certificate=(certificate[0], certificate[1]) if certificate[0] and certificate[1] else None,
    )


def _named(items: list[dict[str, Any]], name: str) -> dict[str, Any]:
    for item in items:
        if item["name"] == name:
            return item
    raise KeyError(name)


def _pem(section: Mapping[str, str], field: str, kubeconfig: Path) -> str | None:
    if data := section.get(f"{field}-data"):
        return base64.b64decode(data).decode()
    if file := section.get(field):
        return (kubeconfig.parent / file).read_text()
    return None


def _show(context: ssl.SSLContext, certificate: str, key: str) -> None:
    """The context shows this client certificate. `ssl` only reads files, so there is one for a moment."""
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:  # made with mode 600
        file.write(f"{certificate}\n{key}\n")
        file.flush()
        context.load_cert_chain(file.name)
