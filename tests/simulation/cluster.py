"""The control plane of a run: API servers, controller managers, schedulers, nodes; each can die and come back.

What: `Cluster` starts the product's own processes (`server.run` of each) on the simulated network. Why: nothing of
them is written anew for the simulation, not even their election of a leader. Flow: `start()` → `crash(name)` /
`revive(name)` by faults.py → `stop()`.
"""

from __future__ import annotations

import asyncio
import pathlib
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from random import Random
from typing import Any

from kubelite.apiserver.config import Config as ApiConfig
from kubelite.apiserver.server import ApiServer
from kubelite.client.client import Client
from kubelite.client.config import ClientConfig
from kubelite.controllers import server as manager
from kubelite.scheduler import server as scheduler
from kubelite.storage.memory import MemoryStore
from tests.simulation.network import Network
from tests.simulation.process import Process
from tests.simulation.store import SlowStore

TOKEN = "token"
HOSTS = ("127.0.0.1", "localhost")
"""Where API servers listen: two names of loopback addresses, which are two machines here."""


class Folder:
    """Files that processes read at their start."""

    def __init__(self, path: pathlib.Path) -> None:
        from kubelite.util import tls

        self.path = path
        (path / "tokens.csv").write_text(f'{TOKEN},admin,admin-uid,"system:masters"\n')
        (path / "sa.key").write_bytes(tls.new_key())
        for host in HOSTS:
            (path / f"kubeconfig-{host}").write_text(KUBECONFIG.format(host=host, token=TOKEN))

    def kubeconfig(self, host: str) -> str:
        """The file with the way to the API server on a host."""
        return str(self.path / f"kubeconfig-{host}")


KUBECONFIG = """apiVersion: v1
kind: Config
current-context: c
clusters: [{{name: c, cluster: {{server: "http://{host}:6443"}}}}]
users: [{{name: u, user: {{token: {token}}}}}]
contexts: [{{name: c, context: {{cluster: c, user: u}}}}]
"""


def client_of(host: str, name: str, patience: float = 5.0) -> Client:
    """A client of the API server on a host."""
    config = ClientConfig(server=f"http://{host}:6443", token=TOKEN)
    return Client.from_config(config, user_agent=name, patience=patience)


@dataclass
class Component:
    """What runs under a name, now or after its next start."""

    name: str
    work: Callable[[Process], Coroutine[Any, Any, None]]
    process: Process | None = None
    lives: int = 0

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.alive


class Cluster:
    """All components by name."""

    def __init__(
        self, store: MemoryStore, network: Network, folder: Folder, rng: Random, note: Callable[[str], None]
    ) -> None:
        self.store, self.network, self.folder, self.rng = store, network, folder, rng
        self.components: dict[str, Component] = {}
        self.stores: dict[str, SlowStore] = {}
        self.servers: dict[str, ApiServer] = {}
        self.failures: list[str] = []
        self._note = note

    def add(self, name: str, work: Callable[[Process], Coroutine[Any, Any, None]]) -> Component:
        """Another component; `revive` starts it."""
        component = self.components[name] = Component(name, work)
        return component

    def add_api_server(self, host: str, *, several: bool) -> None:
        """An API server; `several` says that it is not the only one over the store."""

        async def serve(process: Process) -> None:
            store = self.stores[process.name] = SlowStore(self.store, Random(self.rng.random()))
            server = ApiServer(api_config(self.folder, host, several=several), store)
            await server.start()
            self.servers[process.name] = server
            await asyncio.Event().wait()

        self.add(f"apiserver-{host}", serve)

    def add_manager(self, name: str, host: str, **settings: Any) -> None:
        """A controller manager with all its controllers."""
        config = manager.Config(kubeconfig=self.folder.kubeconfig(host), healthz_bind_address="", **settings)
        self.add(name, lambda process: manager.run(config, asyncio.Event()))

    def add_scheduler(self, name: str, host: str) -> None:
        """A scheduler."""
        config = scheduler.Config(kubeconfig=self.folder.kubeconfig(host), healthz_bind_address="")
        self.add(name, lambda process: scheduler.run(config, asyncio.Event()))

    def revive(self, name: str) -> None:
        """Starts a component that is dead; one that ends by itself is started again, as its supervisor would."""
        component = self.components[name]
        if component.alive:
            return
        component.lives += 1
        process = component.process = Process(name)
        self._note(f"start {name}")
        process.start(self._live(component, process))

    async def _live(self, component: Component, process: Process) -> None:
        try:
            await component.work(process)
        except Exception as error:  # noqa: BLE001 - a process that fails is started again
            self._note(f"ended {component.name} {type(error).__name__}")
        if not process.alive:
            return
        loop = asyncio.get_running_loop()
        process.kill()
        Process("supervisor").context.run(loop.call_later, 1.0, self._again, component, process)

    def _again(self, component: Component, process: Process) -> None:
        if component.process is process:
            self.revive(component.name)

    def crash(self, name: str) -> None:
        """Kills a component; it stays dead until `revive`."""
        component = self.components[name]
        if component.process is not None:
            self._note(f"crash {name}")
            component.process.kill()

    async def ready(self) -> None:
        """Waits until each API server that lives serves."""
        while not all(f"{host}:6443" in self.network.listeners for host in self.hosts()):  # noqa: ASYNC110
            await asyncio.sleep(0.05)

    def hosts(self) -> list[str]:
        """Where living API servers listen, or will."""
        living = [name for name, one in self.components.items() if one.alive]
        return [name.partition("-")[2] for name in living if name.startswith("apiserver")]

    async def stop(self) -> None:
        """Ends everything."""
        processes = [one.process for one in self.components.values() if one.process is not None]
        for process in processes:
            process.kill()
        for process in processes:
            await process.gone()


def api_config(folder: Folder, host: str, *, several: bool) -> ApiConfig:
    """Settings of a simulated API server."""
    return ApiConfig(
        bind_address=host,
        advertise_address=f"10.1.0.{1 + HOSTS.index(host)}",
        secure_port=6443,
        token_auth_file=str(folder.path / "tokens.csv"),
        data_path="memory",
        etcd_servers="simulated" if several else "",
        service_account_signing_key_file=str(folder.path / "sa.key"),
        shutdown_seconds=1.0,
    )
