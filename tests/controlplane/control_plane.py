"""What tests do with a running control plane."""

import json
import secrets
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from controlplane import audit, kubectl
from controlplane.credentials import kubeconfig, write_secret
from controlplane.server import Server

Manifest = Path | str | Mapping[str, Any]


class ControlPlane(Server):
    """A Kubernetes API on a free loopback port: RBAC on, audited, empty at every start.

    What only kube-controller-manager does never happens: namespaces are not emptied, owners' dependants not collected,
    default service accounts not created. Source: book.kubebuilder.io/reference/envtest.
    """

    def audit(self, user: str | None = None) -> list[audit.AuditEntry]:
        """What was asked of the API so far, by this user or by all."""
        return audit.read(self.audit_log, user)

    def kubectl(
        self,
        *args: str,
        input: str | None = None,  # noqa: A002 - the name that subprocess.run has for it
        kubeconfig: Path | None = None,
        check: bool = True,
    ) -> subprocess.CompletedProcess[str]:
        """kubectl's answer, as admin unless another kubeconfig is given. Raises KubectlError, unless `check` is off."""
        who = kubeconfig or self.admin_kubeconfig
        return kubectl.run(args, who, cache=self.directory / "kubectl", text=input, check=check)

    def apply(self, *manifests: Manifest, namespace: str | None = None, kubeconfig: Path | None = None) -> None:
        """Files, folders, kustomizations, text or objects are applied, one after the other."""
        where = ("--namespace", namespace) if namespace else ()
        for manifest in manifests:
            source, text = _source(manifest)
            self.kubectl("apply", *where, *source, input=text, kubeconfig=kubeconfig)

    def namespace(self, prefix: str = "test") -> str:
        """A new, empty namespace. Old ones stay: what would empty them does not run."""
        name = f"{prefix}-{secrets.token_hex(4)}"
        self.kubectl("create", "namespace", name)
        return name

    def service_account_token(
        self, namespace: str, name: str, *, audience: str | None = None, expiration_seconds: int = 86_400
    ) -> str:
        """A token of an existing service account, by the TokenRequest API."""
        wanted = ["--duration", f"{expiration_seconds}s", *(["--audience", audience] if audience else [])]
        return self.kubectl("create", "token", name, "--namespace", namespace, *wanted).stdout.strip()

    def service_account_kubeconfig(self, namespace: str, name: str, expiration_seconds: int = 86_400) -> Path:
        """A kubeconfig that carries such a token, in a file for its owner only."""
        token = self.service_account_token(namespace, name, expiration_seconds=expiration_seconds)
        path = self.directory / f"{namespace}.{name}.kubeconfig"
        return write_secret(path, kubeconfig(self.url, self.ca_file, {"token": token}, namespace))

    def wait_for_crd(self, name: str, timeout_seconds: int = 30) -> None:
        """
        The custom resource is served.

        A definition that was stored a moment ago has no conditions at all, on which `kubectl wait` gives up.
        """
        deadline = time.monotonic() + timeout_seconds
        while True:
            try:
                self.kubectl("wait", "--for=condition=Established", f"crd/{name}", f"--timeout={timeout_seconds}s")
            except kubectl.KubectlError as early:
                if "accessor error" not in str(early) or time.monotonic() > deadline:
                    raise
            else:
                return


def _source(manifest: Manifest) -> tuple[tuple[str, ...], str | None]:
    """kubectl's arguments and standard input for a manifest."""
    if isinstance(manifest, Path):
        kustomized = (manifest / "kustomization.yaml").exists()
        return ("--kustomize" if kustomized else "--filename", str(manifest)), None
    return ("--filename", "-"), manifest if isinstance(manifest, str) else json.dumps(manifest)
