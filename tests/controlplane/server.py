"""One control plane as a process: started, joined, ended."""

import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from controlplane import audit, program
from controlplane.credentials import Credentials, kubeconfig, write_secret
from controlplane.leash import Leash, program_ends

START_SECONDS = 120.0  # seconds pass where two cores are free; a loaded machine took 18
END_SECONDS = 10.0
PORT_ATTEMPTS = 3
ISSUER = "https://kubernetes.default.svc.cluster.local"


class ControlPlaneError(Exception):
    """The control plane did not start; the message ends with the end of its log."""


class Server:
    """etcd and kube-apiserver, and the directory of files that tells all about them."""

    issuer = ISSUER

    def __init__(self, directory: Path | None = None, *, flags: Sequence[str] = ()) -> None:
        """Files go to `directory`, by default a temporary one that `stop` removes. `flags` come last, so they win."""
        self._temporary = directory is None
        self.directory = directory or Path(tempfile.mkdtemp(prefix="controlplane-"))
        self._flags = tuple(flags)
        self._leash: Leash | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return str(self._state()["url"])

    @property
    def pid(self) -> int:
        return int(self._state()["pid"])

    @property
    def ca_file(self) -> Path:
        return self.directory / "ca.pem"

    @property
    def admin_kubeconfig(self) -> Path:
        return self.directory / "admin.kubeconfig"

    @property
    def audit_log(self) -> Path:
        return self.directory / "audit.jsonl"

    @property
    def server_log(self) -> Path:
        return self.directory / "server.log"

    def start(self) -> Self:
        """The API answers and the built-in roles exist."""
        self.directory.mkdir(parents=True, exist_ok=True)
        command = program.command()
        credentials = Credentials.create(self.directory)
        (self.directory / "audit-policy.json").write_text(json.dumps(audit.POLICY))
        for attempt in range(1, PORT_ATTEMPTS + 1):
            port = _free_port()
            self._spawn([*command, *self._server_flags(credentials, port), *self._flags], port)
            if self._ready(credentials.ca_file):
                break
            self._give_up(last=attempt == PORT_ATTEMPTS)
        write_secret(self.admin_kubeconfig, kubeconfig(self.url, self.ca_file, credentials.admin()))
        return self

    def join(self) -> bool:
        """Whether a control plane that another process started in this directory lives, and now also for us."""
        self._leash = Leash.join(self._leash_path)
        return self._leash is not None

    def stop(self) -> None:
        """Nobody's hold is left but that of other processes; without one the control plane has ended."""
        if self._end() and self._temporary:
            shutil.rmtree(self.directory, ignore_errors=True)

    def ends(self, within_seconds: float) -> bool:
        """Whether no control plane lives in this directory any more, given so much time. Anyone may ask."""
        return program_ends(self._leash_path, within_seconds)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    @property
    def _leash_path(self) -> Path:
        return self.directory / "leash"

    def _state(self) -> dict[str, Any]:
        state: dict[str, Any] = json.loads((self.directory / "state.json").read_text())
        return state

    def _server_flags(self, credentials: Credentials, port: int) -> list[str]:
        """envtest's, for loopback only: kubernetes-sigs/controller-runtime, pkg/internal/testing/controlplane."""
        return [
            f"--etcd-data-dir={self.directory / 'etcd'}",
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            f"--secure-port={port}",
            "--endpoint-reconciler-type=none",  # it refuses loopback addresses, and nobody needs that Service
            "--service-cluster-ip-range=10.0.0.0/24",
            "--allow-privileged=true",
            f"--cert-dir={self.directory}",
            f"--tls-cert-file={credentials.serving_certificate}",
            f"--tls-private-key-file={credentials.serving_key}",
            f"--client-ca-file={credentials.ca_file}",
            "--authorization-mode=RBAC",
            "--disable-admission-plugins=ServiceAccount",  # nobody makes the default accounts it insists on
            f"--service-account-issuer={ISSUER}",
            f"--service-account-key-file={credentials.service_account_key}",
            f"--service-account-signing-key-file={credentials.service_account_key}",
            f"--audit-policy-file={self.directory / 'audit-policy.json'}",
            f"--audit-log-path={self.audit_log}",
            "--audit-log-maxsize=10000",  # megabytes: one file, never rotated away under a reader
            "--profiling=false",
        ]

    def _spawn(self, command: list[str], port: int) -> None:
        self._leash, standard_input = Leash.lay(self._leash_path)
        with self.server_log.open("wb") as log:
            # Ctrl-C is for whoever holds the leash: a session of its own keeps the signal away from the server.
            self._process = subprocess.Popen(
                command, stdin=standard_input, stdout=log, stderr=log, start_new_session=True
            )
        os.close(standard_input)
        state = {"url": f"https://127.0.0.1:{port}", "pid": self._process.pid}
        (self.directory / "state.json").write_text(json.dumps(state))

    def _ready(self, ca_file: Path) -> bool:
        """Whether /readyz says ok, which includes the built-in roles, before the process ends."""
        assert self._process is not None
        opener = _opener(ca_file)
        deadline = time.monotonic() + START_SECONDS
        while self._process.poll() is None and time.monotonic() < deadline:
            try:
                opener.open(f"{self.url}/readyz", timeout=5).close()
            except OSError:  # refused, or an HTTP error while it is not ready
                time.sleep(0.05)
            else:
                return self._process.poll() is None
        return False

    def _give_up(self, *, last: bool) -> None:
        """Ended; raises unless somebody else was faster at taking the port and another one may be tried."""
        self._end()
        log = self.server_log.read_text(errors="replace")
        if last or "address already in use" not in log:
            raise ControlPlaneError(f"kube-apiserver did not become ready, see {self.server_log}:\n{log[-3000:]}")

    def _end(self) -> bool:
        """Whether our hold was the last one, and the program is gone."""
        if self._leash is None:
            return False
        last = self._leash.let_go()
        if last and not self.ends(END_SECONDS):
            os.killpg(self.pid, signal.SIGKILL)  # the leash shows it alive, so the pid cannot be anyone else's
        self._leash = None
        self._reap(ended=last)
        return last

    def _reap(self, *, ended: bool) -> None:
        if self._process is not None and ended:
            self._process.wait()
        elif self._process is not None:
            self._process.returncode = 0  # others hold it: not ours to wait for, nor to be warned about at exit
        self._process = None


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def _opener(ca_file: Path) -> urllib.request.OpenerDirector:
    """Trusts this control plane only and takes no proxy."""
    trust = ssl.create_default_context(cafile=str(ca_file))
    return urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trust))
