"""Starts the back ends that the store's contract suite runs on.

What: a `Backend` opens and reopens a store; `Etcd` is a real etcd in a temporary folder on free loopback ports.
Why: every back end answers to the same tests. Flow: the fixtures in `test_storage*.py` use these.
"""

from __future__ import annotations

import asyncio
import os
import pathlib
import shutil
import socket
import subprocess
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from kubelite.storage.interface import Store


def free_ports(count: int) -> list[int]:
    """Loopback ports that were free a moment ago."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(s.getsockname()[1]) for s in sockets]
    for s in sockets:
        s.close()
    return ports


class Etcd:
    """One etcd member; `start` may be called again after `kill`."""

    def __init__(self, folder: pathlib.Path, scheme: str = "http", flags: tuple[str, ...] = ()) -> None:
        self.folder, self.flags = folder, flags
        client, peer = free_ports(2)
        self.endpoint = f"{scheme}://127.0.0.1:{client}"
        self._peer = f"http://127.0.0.1:{peer}"
        self._port = client
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns when the port answers. Raises RuntimeError with etcd's log if it does not."""
        binary = shutil.which("etcd")
        assert binary is not None
        command = [
            binary,
            f"--data-dir={self.folder / 'data'}",
            f"--listen-client-urls={self.endpoint}",
            f"--advertise-client-urls={self.endpoint}",
            f"--listen-peer-urls={self._peer}",
            f"--initial-advertise-peer-urls={self._peer}",
            f"--initial-cluster=default={self._peer}",
            "--heartbeat-interval=50",
            "--election-timeout=500",
            *self.flags,
        ]
        environment = {name: text for name, text in os.environ.items() if not name.startswith("ETCD_")}
        log = self.folder / "etcd.log"
        with open(log, "ab") as output:
            self._process = subprocess.Popen(command, stdout=output, stderr=output, env=environment)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self._port), timeout=1).close()
            except OSError:
                time.sleep(0.05)
            else:
                return
        raise RuntimeError(f"etcd does not start: {log.read_text()[-2000:]}")

    def kill(self) -> None:
        """kill -9, as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@dataclass
class Backend:
    """`reopen` is None for a store that does not survive its process."""

    name: str
    open: Callable[[], Awaitable[Store]]
    durable: bool
    prefix: str


async def ready(store: Store) -> Store:
    """The store, once it answers."""
    from kubelite.storage.interface import Unavailable

    for _ in range(100):
        try:
            await store.ping()
        except Unavailable:
            await asyncio.sleep(0.05)
        else:
            return store
    raise RuntimeError("the store does not answer")


async def open_memory() -> Store:
    from kubelite.storage.memory import MemoryStore

    return MemoryStore()


def backend(name: str, folder: pathlib.Path, etcd: Etcd | None) -> Backend:
    """The back end `name` with keys of its own."""

    async def open_sqlite() -> Store:
        from kubelite.storage.sqlite import SqliteStore

        return await SqliteStore.open(str(folder / "state.db"))

    async def open_etcd() -> Store:
        from kubelite.storage.etcd import EtcdStore

        assert etcd is not None
        return await ready(await EtcdStore.open([etcd.endpoint]))

    openers: dict[str, Callable[[], Awaitable[Store]]] = {
        "memory": open_memory,
        "sqlite": open_sqlite,
        "etcd": open_etcd,
    }
    return Backend(name, openers[name], durable=name != "memory", prefix=f"/registry/{uuid.uuid4().hex[:8]}/")
