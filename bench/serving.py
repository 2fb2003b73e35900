"""A server in a process of its own, for the benchmarks that drive one over TLS: `python -m bench.serving DIR PORT ETCD KIND`.

What: `make_keys`, `start_server`, `start_etcd`, `wait_for`. Why: the load must not run in the process that is measured.
Flow: keys in a folder → the server's process on the first CPU → whoever measures waits until its port is open.
"""

from __future__ import annotations

import asyncio
import os
import pathlib
import socket
import ssl
import subprocess
import sys
import time


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def serve(directory: str, port: int, etcd: str, kind: str) -> None:
    """The server's process."""
    import uvloop

    from kubelite.apiserver.config import Config
    from kubelite.apiserver.server import run

    config = Config(
        bind_address="127.0.0.1",
        secure_port=port,
        tls_cert_file=f"{directory}/server.crt",
        tls_private_key_file=f"{directory}/server.key",
        client_ca_file=f"{directory}/ca.crt",
        service_account_signing_key_file=f"{directory}/sa.key",
        etcd_servers=etcd,
        data_path="memory" if kind == "memory" else f"{directory}/state.db",
    )
    uvloop.run(run(config, asyncio.Event()))


def make_keys(directory: pathlib.Path) -> None:
    """An authority, the server's and an administrator's certificates, and the key of service account tokens."""
    from kubelite.util import tls

    authority = tls.Authority.load_or_create(directory / "ca.crt", directory / "ca.key", "bench-ca")
    for name, pair in (
        ("server", authority.issue_server("kube-apiserver", ["127.0.0.1", "localhost"])),
        ("admin", authority.issue_client("admin", ["system:masters"])),
    ):
        (directory / f"{name}.crt").write_bytes(pair.certificate)
        (directory / f"{name}.key").write_bytes(pair.key)
    (directory / "sa.key").write_bytes(tls.new_key())


def client_context(directory: pathlib.Path) -> ssl.SSLContext:
    """TLS as the administrator."""
    context = ssl.create_default_context(cafile=str(directory / "ca.crt"))
    context.load_cert_chain(directory / "admin.crt", directory / "admin.key")
    return context


def start_server(directory: pathlib.Path, port: int, etcd: str, kind: str) -> subprocess.Popen[bytes]:
    """The process, under way."""
    return subprocess.Popen([sys.executable, "-m", "bench.serving", str(directory), str(port), etcd or "-", kind])


def start_etcd(directory: pathlib.Path) -> tuple[subprocess.Popen[bytes], str]:
    client, peer = free_port(), free_port()
    url = f"http://127.0.0.1:{client}"
    peers = f"http://127.0.0.1:{peer}"
    command = [
        "etcd",
        "--data-dir",
        str(directory / "etcd"),
        "--listen-client-urls",
        url,
        "--advertise-client-urls",
        url,
    ]
    command += [
        "--listen-peer-urls",
        peers,
        "--initial-advertise-peer-urls",
        peers,
        "--initial-cluster",
        f"default={peers}",
    ]
    quiet = subprocess.DEVNULL
    return subprocess.Popen(command, stdout=quiet, stderr=quiet), url


def wait_for(port: int, server: subprocess.Popen[bytes], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise SystemExit("the server ended")
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.02)
    raise SystemExit("the server does not listen")


if __name__ == "__main__":
    os.sched_setaffinity(0, {0})
    serve(sys.argv[1], int(sys.argv[2]), "" if sys.argv[3] == "-" else sys.argv[3], sys.argv[4])
