"""etcd and kube-apiserver of `KUBEBUILDER_ASSETS`, run as if they were the one program of this folder.

    python assets.py DIRECTORY --etcd-data-dir=DIR <flags of kube-apiserver>

Started as a file of its own, so that it needs nothing but Python. Ends both when its standard input is closed.
"""

import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

START_SECONDS = 20.0


def main(assets: str, *arguments: str) -> int:
    """The exit code of whichever ended first, 0 when it was the standard input."""
    data_dir = next(flag.partition("=")[2] for flag in arguments if flag.startswith("--etcd-data-dir="))
    flags = [flag for flag in arguments if not flag.startswith("--etcd-data-dir=")]
    client, peer = _free_url(), _free_url()
    children = [_start(assets, "etcd", *_etcd_flags(data_dir, client, peer))]
    try:
        _wait_for(client)
        children.append(_start(assets, "kube-apiserver", *flags, f"--etcd-servers={client}"))
        return _first_end(children)
    finally:
        for child in children:
            child.kill()
            child.wait()
        shutil.rmtree(data_dir, ignore_errors=True)


def _etcd_flags(data_dir: str, client: str, peer: str) -> list[str]:
    return [
        f"--data-dir={data_dir}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
        "--unsafe-no-fsync",
        "--log-level=error",
    ]


def _start(assets: str, name: str, *flags: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([str(Path(assets) / name), *flags], stdin=subprocess.DEVNULL)


def _free_url() -> str:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"http://127.0.0.1:{server.getsockname()[1]}"


def _wait_for(client: str) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            opener.open(f"{client}/health", timeout=2).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def _first_end(children: list[subprocess.Popen[bytes]]) -> int:
    """One thread per child and one for the standard input; the first to come back decides."""
    ended = threading.Event()
    codes: list[int] = []

    def wait(child: subprocess.Popen[bytes]) -> None:
        codes.append(child.wait())
        ended.set()

    def read() -> None:
        while os.read(0, 4096):
            pass
        codes.append(0)
        ended.set()

    for child in children:
        threading.Thread(target=wait, args=(child,), daemon=True).start()
    threading.Thread(target=read, daemon=True).start()
    ended.wait()
    return codes[0]


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
