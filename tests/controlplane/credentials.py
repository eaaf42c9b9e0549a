"""Certificates, keys and kubeconfigs: who may speak to the control plane, and as whom."""

import base64
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trustme
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

ADMIN = "admin"
ADMIN_GROUP = (
    "system:masters"  # bound to cluster-admin from the start: kubernetes.io/docs/reference/access-authn-authz/rbac
)


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """Paths of what kube-apiserver needs, beside the authority that signed it."""

    ca: trustme.CA
    ca_file: Path
    serving_certificate: Path
    serving_key: Path
    service_account_key: Path

    @classmethod
    def create(cls, directory: Path) -> "Credentials":
        """Everything lies in `directory`, readable by its owner only."""
        ca = trustme.CA()
        serving = ca.issue_cert("127.0.0.1", "localhost")
        return cls(
            ca=ca,
            ca_file=write_secret(directory / "ca.pem", ca.cert_pem.bytes()),
            serving_certificate=write_secret(directory / "serving.crt", serving.cert_chain_pems[0].bytes()),
            serving_key=write_secret(directory / "serving.key", serving.private_key_pem.bytes()),
            service_account_key=write_secret(directory / "service-accounts.key", _rsa_key()),
        )

    def admin(self) -> dict[str, str]:
        """A kubeconfig user: kube-apiserver takes the common name as user and the organisation as group."""
        # The identity is there because trustme marks an empty list of names as critical, which Go's verifier refuses.
        certificate = self.ca.issue_cert(ADMIN, common_name=ADMIN, organization_name=ADMIN_GROUP)
        return {
            "client-certificate-data": _base64(certificate.cert_chain_pems[0].bytes()),
            "client-key-data": _base64(certificate.private_key_pem.bytes()),
        }


def kubeconfig(url: str, ca_file: Path, user: dict[str, str], namespace: str = "default") -> bytes:
    """A kubeconfig with one context, complete in itself. JSON, which is YAML too."""
    content: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {
                "name": "control-plane",
                "cluster": {"server": url, "certificate-authority-data": _base64(ca_file.read_bytes())},
            }
        ],
        "users": [{"name": "user", "user": user}],
        "contexts": [
            {"name": "control-plane", "context": {"cluster": "control-plane", "user": "user", "namespace": namespace}}
        ],
        "current-context": "control-plane",
    }
    return json.dumps(content, indent=2).encode()


def write_secret(path: Path, content: bytes) -> Path:
    """The file holds `content` and only its owner may read it; whoever reads it meanwhile finds what it held before."""
    unfinished = path.with_name(f"{path.name}.{os.getpid()}")
    unfinished.touch(mode=0o600)
    unfinished.write_bytes(content)
    return unfinished.replace(path)


def _rsa_key() -> bytes:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()
