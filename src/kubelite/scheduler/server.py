"""`kubelite scheduler`: chooses a node for each pending pod.

What: watches pods, nodes and what else decisions look at, decides with cycle.py, writes with binding.py and eviction.py.
Flow: informers → cache.py (columns, queue) → loop.py → the API server → the watch confirms. One scheduler leads at a time; the
others hold warm caches.
"""

from __future__ import annotations

import asyncio
import os
import socket
from dataclasses import dataclass
from typing import Any

import msgspec

from kubelite.api import constants
from kubelite.api.core.namespace import NAMESPACE
from kubelite.api.core.node import NODE
from kubelite.api.core.pod.kind import POD
from kubelite.client.client import Client
from kubelite.client.config import load_kubeconfig
from kubelite.client.informer import Change, Informer
from kubelite.client.leaderelection import lead
from kubelite.client.recorder import Recorder
from kubelite.scheduler.binding import Binder
from kubelite.scheduler.budgets import PodDisruptionBudget
from kubelite.scheduler.cache import Cache
from kubelite.scheduler.eviction import Evictor
from kubelite.scheduler.loop import Loop
from kubelite.scheduler.metrics import Metrics
from kubelite.scheduler.optional import OptionalInformer, Watch
from kubelite.scheduler.owners import WithMap, WithSelector
from kubelite.scheduler.pods import Node, Pod, PodInfo
from kubelite.scheduler.profile import default_profile
from kubelite.util import http1
from kubelite.util.clock import SystemClock
from kubelite.util.tasks import cancel, supervise


@dataclass(frozen=True, slots=True)
class Config:
    """The settings of the scheduler."""

    kubeconfig: str = f"{constants.ETC}/scheduler.kubeconfig"
    """How to reach the API server."""
    scheduler_name: str = "default-scheduler"
    """Pods whose spec.schedulerName is this are scheduled."""
    leader_elect: bool = True
    """Hold a Lease before scheduling, so that several schedulers can stand by."""
    healthz_bind_address: str = f"127.0.0.1:{constants.SCHEDULER_PORT}"
    """Address of /healthz and /metrics; empty for none."""


class NamespaceMeta(msgspec.Struct):
    name: str = ""
    resourceVersion: str = ""
    labels: dict[str, str] = msgspec.field(default_factory=dict)


class Namespace(msgspec.Struct):
    """What namespace selectors look at."""

    metadata: NamespaceMeta


class Server:
    """The wiring of one scheduler."""

    def __init__(self, config: Config, client: Client) -> None:
        self.client, self.cache = client, Cache([default_profile(config.scheduler_name)])
        self.recorder = Recorder(client, config.scheduler_name)
        clock = SystemClock()
        self.metrics = Metrics(self.cache.pending)
        binder = Binder(client, self.recorder, clock, self.binding_failed)
        self.loop = Loop(self.cache, binder, Evictor(client, self.recorder, clock), self.metrics, self.now)
        living = "status.phase!=Succeeded,status.phase!=Failed"
        self.pods: Informer[Pod] = Informer(client, POD, type=Pod, field_selector=living)
        self.nodes: Informer[Node] = Informer(client, NODE, type=Node)
        self.namespaces: Informer[Namespace] = Informer(client, NAMESPACE, type=Namespace)
        self.pods.add_handler(self.pod_changed)
        self.nodes.add_handler(self.node_changed)
        self.namespaces.add_handler(self.namespace_changed)
        self.optional = [OptionalInformer(client, watch) for watch in self.watches()]

    def watches(self) -> list[Watch]:
        """What refines decisions, if the server has it."""

        def owner(kind: str, group: str, plural: str, type: type[Any]) -> Watch:
            return Watch(group, "v1", kind, plural, type, lambda change: self.owner_changed(kind, change))

        return [
            Watch(
                "policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets", PodDisruptionBudget, self.budget_changed
            ),
            owner("Service", "", "services", WithMap),
            owner("ReplicationController", "", "replicationcontrollers", WithMap),
            owner("ReplicaSet", "apps", "replicasets", WithSelector),
            owner("StatefulSet", "apps", "statefulsets", WithSelector),
        ]

    def pod_changed(self, change: Change[Pod]) -> None:
        self.cache.pod_changed(change.old, change.new, self.now())
        self.loop.work.set()

    def node_changed(self, change: Change[Node]) -> None:
        self.cache.node_changed(change.old, change.new, self.now())
        self.loop.work.set()

    def namespace_changed(self, change: Change[Namespace]) -> None:
        meta = change.object.metadata
        self.cache.namespace_changed(meta.name, None if change.new is None else meta.labels, self.now())
        self.loop.work.set()

    def budget_changed(self, change: Change[PodDisruptionBudget]) -> None:
        budgets = self.cache.world.budgets
        if change.new is None:
            budgets.remove(change.object)
        else:
            budgets.set(change.new)

    def owner_changed(self, kind: str, change: Change[Any]) -> None:
        owners = self.cache.world.owners
        if change.new is None:
            owners.remove(kind, change.object)
        else:
            owners.set(kind, change.new)

    def binding_failed(self, info: PodInfo) -> None:
        """The pod goes back to the queue if it still waits for a node."""
        self.cache.binding_failed(info, self.pods.get(info.key), self.now())
        self.loop.work.set()

    @staticmethod
    def now() -> float:
        return asyncio.get_running_loop().time()

    async def schedule(self) -> None:
        """Never returns."""
        await asyncio.gather(self.pods.synced(), self.nodes.synced(), self.namespaces.synced())
        await asyncio.gather(*(optional.ready() for optional in self.optional))
        await self.loop.schedule()


async def run(config: Config, stop: asyncio.Event) -> None:
    """Runs until `stop`, or until the leadership is lost, which ends the process so that it starts with a fresh view."""
    config_of_client = load_kubeconfig(config.kubeconfig)
    client = Client.from_config(config_of_client, user_agent="kubelite-scheduler", patience=float("inf"))
    server = Server(config, client)
    listener = None
    if config.healthz_bind_address:
        routes = {
            "/healthz": http1.healthy,
            "/livez": http1.healthy,
            "/readyz": http1.healthy,
            "/metrics": lambda: (200, server.metrics.render()),
        }
        listener = await http1.serve(config.healthz_bind_address, routes)
    identity = f"{socket.gethostname()}_{os.urandom(8).hex()}"
    leading = lead(client, "kube-scheduler", identity, server.schedule) if config.leader_elect else server.schedule()
    try:
        await supervise(
            stop,
            pods=server.pods.run(),
            nodes=server.nodes.run(),
            namespaces=server.namespaces.run(),
            scheduling=leading,
            **{optional.informer.kind.plural: optional.run() for optional in server.optional},
        )
    finally:
        if listener is not None:
            listener.close()
        # A binding that was sent may still succeed: the next start sees it.
        await cancel(*server.loop.tasks)
        await server.recorder.close()
        await client.close()
