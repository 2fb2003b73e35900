"""An etcd cluster of three members on the loopback, to be killed and started again.

What: `EtcdCluster` holds the members' processes and folders. Why: a majority must be able to lose a member while clients write.
Flow: `start` all, `kill(n)`, `start_member(n)`, `stop`.
"""

from __future__ import annotations

import os
import pathlib
import shutil
import socket
import subprocess
import time

from tests.fuzz.process import free_port

MEMBERS = 3
START_SECONDS = 30.0


class EtcdCluster:
    """Three members; `endpoints` for clients."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self._ports = [(free_port(), free_port()) for _ in range(MEMBERS)]
        self._processes: list[subprocess.Popen[bytes] | None] = [None] * MEMBERS

    @property
    def endpoints(self) -> list[str]:
        return [f"http://127.0.0.1:{client}" for client, _ in self._ports]

    def down(self) -> list[int]:
        """The members that do not run."""
        return [n for n in range(MEMBERS) if (process := self._processes[n]) is None or process.poll() is not None]

    def start(self) -> None:
        """All members; returns when their ports answer."""
        for number in range(MEMBERS):
            self.start_member(number)
        deadline = time.monotonic() + START_SECONDS
        for client, _ in self._ports:
            while True:
                try:
                    socket.create_connection(("127.0.0.1", client), timeout=1).close()
                    break
                except OSError:
                    if time.monotonic() > deadline:
                        raise RuntimeError("etcd does not start") from None
                    time.sleep(0.05)

    def start_member(self, number: int) -> None:
        """Starts one member and does not wait."""
        binary = shutil.which("etcd")
        assert binary is not None
        client, peer = self._ports[number]
        cluster = ",".join(f"m{n}=http://127.0.0.1:{p}" for n, (_, p) in enumerate(self._ports))
        command = [
            binary, f"--name=m{number}", f"--data-dir={self.folder / f'm{number}'}", f"--initial-cluster={cluster}",
            f"--listen-client-urls=http://127.0.0.1:{client}", f"--advertise-client-urls=http://127.0.0.1:{client}",
            f"--listen-peer-urls=http://127.0.0.1:{peer}", f"--initial-advertise-peer-urls=http://127.0.0.1:{peer}",
            "--heartbeat-interval=100", "--election-timeout=1000", "--initial-cluster-token=linearize",
        ]  # fmt: skip
        environment = {name: text for name, text in os.environ.items() if not name.startswith("ETCD_")}
        with open(self.folder / f"m{number}.log", "ab") as output:
            self._processes[number] = subprocess.Popen(command, stdout=output, stderr=output, env=environment)

    def kill(self, number: int) -> None:
        """kill -9."""
        process, self._processes[number] = self._processes[number], None
        if process is not None:
            process.kill()
            process.wait()

    def stop(self) -> None:
        """All members."""
        for number in range(MEMBERS):
            self.kill(number)
