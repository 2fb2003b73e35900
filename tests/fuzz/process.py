"""An API server in a process of its own, for runs that kill it, measure it, or wait for it to hang.

What: `ServerProcess` starts `kubelite apiserver` over SQLite or etcd on a loopback port, plain HTTP, with one administrator. Why:
its memory is its own, and kill -9 is real. Flow: `start` returns when /readyz answers; `stop` or `kill` end it.
"""

from __future__ import annotations

import os
import pathlib
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

TOKEN = "admin-token-of-the-runs"
READY_SECONDS = 30.0


def free_port() -> int:
    """A loopback port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class ServerProcess:
    """One server. `folder` holds its token file, key, data and log."""

    def __init__(self, folder: pathlib.Path, *flags: str, port: int = 0, etcd: str = "") -> None:
        self.folder = folder
        self.port = port or free_port()
        self.log = folder / f"apiserver-{self.port}.log"
        self._flags = list(flags)
        self._flags += [f"--etcd-servers={etcd}"] if etcd else [f"--data-path={folder / 'state.db'}"]
        self._process: subprocess.Popen[bytes] | None = None
        self._prepare()

    def _prepare(self) -> None:
        from kubelite.util import tls

        key, tokens = self.folder / "sa.key", self.folder / "tokens.csv"
        if not key.exists():
            key.write_bytes(tls.new_key())
            tokens.write_text(f'{TOKEN},admin,admin-uid,"system:masters"\n')

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def launch(self) -> None:
        """Starts it and does not wait."""
        command = [
            sys.executable, "-m", "kubelite.cmd.main", "apiserver", "--bind-address=127.0.0.1", f"--secure-port={self.port}",
            f"--token-auth-file={self.folder / 'tokens.csv'}", f"--service-account-signing-key-file={self.folder / 'sa.key'}",
            "--disable-admission-plugins=ServiceAccount", *self._flags,
        ]  # fmt: skip
        with open(self.log, "ab") as output:
            self._process = subprocess.Popen(command, stdout=output, stderr=output)

    def start(self) -> None:
        """Returns when it is ready. Raises RuntimeError with its log if it does not become so."""
        self.launch()
        deadline = time.monotonic() + READY_SECONDS
        request = urllib.request.Request(f"{self.url}/readyz", headers={"Authorization": f"Bearer {TOKEN}"})
        while time.monotonic() < deadline and self.alive:
            try:
                urllib.request.urlopen(request, timeout=1).close()
            except (OSError, urllib.error.URLError):
                time.sleep(0.05)
            else:
                return
        raise RuntimeError(f"the API server does not start: {self.log.read_text()[-3000:]}")

    def memory(self) -> int:
        """Resident bytes."""
        assert self._process is not None
        pages = int(pathlib.Path(f"/proc/{self._process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def busy(self) -> float:
        """Seconds of processor time that it has used."""
        assert self._process is not None
        fields = pathlib.Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def written(self) -> str:
        """The last keys that were written; for a server over SQLite."""
        import sqlite3

        store = sqlite3.connect(f"file:{self.folder / 'state.db'}?mode=ro", uri=True)
        rows = store.execute("SELECT revision, key, previous FROM log ORDER BY revision DESC LIMIT 12").fetchall()
        store.close()
        return "; ".join(f"{revision} {key} (before: {previous})" for revision, key, previous in rows)

    def kill(self) -> None:
        """kill -9."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """In good order, else by force."""
        self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.send_signal(number)
            try:
                self._process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._process = None
