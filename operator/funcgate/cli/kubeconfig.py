"""
The way to the cluster as kubectl finds it: `--kubeconfig`, KUBECONFIG with all its files, the home folder, the pod.

More than the operator needs (`controller/access.py`): another context, several files, programs that sign in. Source:
kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig,
kubernetes.io/docs/reference/access-authn-authz/authentication (client-go credential plugins).
"""

import base64
import binascii
import json
import os
import ssl
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from funcgate.controller.access import Access, NoAccess, find

HOME = Path(".kube/config")
DEFAULT = "default"
EXEC_INFO = "KUBERNETES_EXEC_INFO"

Json = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Way:
    """A way to a cluster, and where in it people work who do not say."""

    access: Access
    context: str
    namespace: str = DEFAULT


class Unchecked(Access):
    """As kubeconfig's `insecure-skip-tls-verify` asks for."""

    def tls(self) -> ssl.SSLContext:
        """A context that trusts whoever answers."""
        context = super().tls()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context


def way(context: str | None, kubeconfig: Path | None, environment: Mapping[str, str] = os.environ) -> Way:
    """The way that these options and the environment lead. Raises NoAccess, whose message says what to do."""
    files = _files(kubeconfig, environment)
    if files or context:
        return _Merged(files).way(context)
    namespace = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
    try:
        inside = find(environment)
    except NoAccess:
        raise NoAccess(
            f"there is no way to a cluster: neither ~/{HOME} nor the variable KUBECONFIG; name a file with --kubeconfig"
        ) from None
    return Way(
        access=inside,
        context="the pod's service account",
        namespace=namespace.read_text() if namespace.exists() else DEFAULT,
    )


def contexts(kubeconfig: Path | None, environment: Mapping[str, str] = os.environ) -> list[str]:
    """The names of the contexts there are."""
    return sorted(_Merged(_files(kubeconfig, environment)).contexts)


def _files(kubeconfig: Path | None, environment: Mapping[str, str]) -> Sequence[Path]:
    if kubeconfig:
        return [kubeconfig]
    if named := environment.get("KUBECONFIG"):
        paths = [Path(each) for each in named.split(os.pathsep) if each]
        return [each for each in paths if each.exists()] or paths[:1]
    home = Path(environment.get("HOME") or Path.home()) / HOME
    inside = environment.get("KUBERNETES_SERVICE_HOST")
    return [home] if home.is_file() and not inside else []


class _Merged:
    """Several kubeconfigs as one: whoever names a thing first wins."""

    def __init__(self, files: Sequence[Path]) -> None:
        self.files = files
        self.clusters: dict[str, tuple[Json, Path]] = {}
        self.users: dict[str, tuple[Json, Path]] = {}
        self.contexts: dict[str, tuple[Json, Path]] = {}
        self.current = ""
        for file in files:
            self._add(file, _loaded(file))

    def _add(self, file: Path, config: Json) -> None:
        self.current = self.current or str(config.get("current-context") or "")
        for kept, list_, name in (
            (self.clusters, "clusters", "cluster"),
            (self.users, "users", "user"),
            (self.contexts, "contexts", "context"),
        ):
            for each in _mappings(config.get(list_)):
                kept.setdefault(str(each.get("name")), (_mapping(each.get(name)), file))

    @property
    def _where(self) -> str:
        return ", ".join(map(str, self.files)) or "any kubeconfig"

    def way(self, wanted: str | None) -> Way:
        name = wanted or self.current
        there = ", ".join(sorted(self.contexts)) or "none is there"
        if not name:
            raise NoAccess(f"{self._where} has no current context; choose one with --context: {there}")
        if name not in self.contexts:
            raise NoAccess(f"there is no context {name!r} in {self._where}; --context takes one of: {there}")
        context, _ = self.contexts[name]
        cluster, user = (self._part(kept, context, part, name) for kept, part in self._parts())
        server = cluster[0].get("server")
        if not isinstance(server, str):
            raise NoAccess(f"the cluster of context {name!r} has no server in {cluster[1]}; add it")
        try:
            return Way(
                access=_access(server.rstrip("/"), cluster, _signed_in(name, user, cluster)),
                context=name,
                namespace=str(context.get("namespace") or DEFAULT),
            )
        except OSError as error:
            raise NoAccess(f"context {name!r} names {error.filename}, which cannot be read: {error.strerror}") from None
        except (binascii.Error, UnicodeDecodeError):
            raise NoAccess(f"context {name!r} in {self._where} holds a certificate that is not base64") from None

    def _parts(self) -> Iterator[tuple[dict[str, tuple[Json, Path]], str]]:
        yield self.clusters, "cluster"
        yield self.users, "user"

    def _part(self, kept: Mapping[str, tuple[Json, Path]], context: Json, part: str, name: str) -> tuple[Json, Path]:
        if (named := str(context.get(part))) not in kept:
            raise NoAccess(f"context {name!r} names the {part} {named!r}, which {self._where} does not have")
        return kept[named]


def _loaded(file: Path) -> Json:
    try:
        config = yaml.safe_load(file.read_text())
    except OSError as error:
        raise NoAccess(
            f"the kubeconfig {file} cannot be read: {error.strerror}; set KUBECONFIG or name another with --kubeconfig"
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError):
        raise NoAccess(f"{file} is no kubeconfig: it is not YAML; set KUBECONFIG or use --kubeconfig") from None
    if not isinstance(config, dict):
        raise NoAccess(f"{file} is no kubeconfig: it has no contexts; set KUBECONFIG or use --kubeconfig")
    return config


def _mappings(items: Any) -> list[Json]:
    return [each for each in items if isinstance(each, dict)] if isinstance(items, list) else []


def _mapping(item: Any) -> Json:
    return item if isinstance(item, dict) else {}


def _access(server: str, cluster: tuple[Json, Path], user: tuple[Json, Path]) -> Access:
    certificate, key = _pem(user, "client-certificate"), _pem(user, "client-key")
    token_file = user[0].get("tokenFile")
    kind = Unchecked if cluster[0].get("insecure-skip-tls-verify") else Access
    return kind(
        server=server,
        ca_data=_pem(cluster, "certificate-authority"),
        token_file=user[1].parent / token_file if token_file else None,
        fixed_token=user[0].get("token"),
        certificate=(certificate, key) if certificate and key else None,
    )


def _pem(section: tuple[Json, Path], field: str) -> str | None:
    values, file = section
    if data := values.get(f"{field}-data"):
        return base64.b64decode(data).decode()
    return (file.parent / values[field]).read_text() if values.get(field) else None


# --- programs that sign in


def _signed_in(context: str, user: tuple[Json, Path], cluster: tuple[Json, Path]) -> tuple[Json, Path]:
    """The user with what its program gives, if it has one."""
    values, file = user
    if "auth-provider" in values:
        raise NoAccess(f"context {context!r} signs in with an auth-provider, which Kubernetes took out; use a program")
    if not isinstance(program := values.get("exec"), dict):
        return user
    status = _asked(context, program, file, cluster)
    given = {
        "token": status.get("token"),
        "client-certificate-data": _encoded(status.get("clientCertificateData")),
        "client-key-data": _encoded(status.get("clientKeyData")),
    }
    return {name: value for name, value in given.items() if value}, file


def _encoded(pem: str | None) -> str | None:
    return base64.b64encode(pem.encode()).decode() if pem else None


def _asked(context: str, program: Json, file: Path, cluster: tuple[Json, Path]) -> Json:
    """What the program answers; it may ask people on the terminal."""
    command = str(program.get("command"))
    path = str(file.parent / command) if os.sep in command else command
    variables = {str(each.get("name")): str(each.get("value")) for each in _mappings(program.get("env"))}
    about: dict[str, Any] = {"interactive": sys.stdin.isatty()}
    if program.get("provideClusterInfo"):
        ca = _encoded(_pem(cluster, "certificate-authority"))
        about["cluster"] = {"server": cluster[0].get("server"), "certificate-authority-data": ca}
    info = {"kind": "ExecCredential", "apiVersion": program.get("apiVersion"), "spec": about}
    try:
        done = subprocess.run(  # noqa: S603 the kubeconfig names it, as for kubectl
            [path, *map(str, program.get("args") or ())],
            env=os.environ | variables | {EXEC_INFO: json.dumps(info)},
            stdout=subprocess.PIPE,
            check=False,
        )
    except OSError as error:
        hint = str(program.get("installHint") or "install it, or use another context").strip()
        raise NoAccess(f"context {context!r} signs in with {command!r}: {error.strerror}; {hint}") from None
    if done.returncode:
        raise NoAccess(f"{command!r}, with which context {context!r} signs in, ended with {done.returncode}; run it")
    try:
        status = _mapping(_mapping(json.loads(done.stdout)).get("status"))
    except ValueError:
        status = {}
    if not status.get("token") and not status.get("clientCertificateData"):
        raise NoAccess(f"{command!r}, with which context {context!r} signs in, gave neither token nor certificate")
    return status
