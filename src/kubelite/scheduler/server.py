"""`kubelite scheduler`: chooses a node for each pending pod.

What: watches pods and nodes, decides with cycle.py, binds with binding.py. Flow: informers → cache.py (columns, queue) →
`place` one pod after the other without waiting → bindings in the background (at most 64 under way, more pods wait in the
queue) → the watch confirms. One scheduler leads at a time; the others hold warm caches.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Coroutine
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
from kubelite.scheduler.cache import Cache
from kubelite.scheduler.pods import Node, Pod, PodInfo
from kubelite.util import http1
from kubelite.util.clock import SystemClock
from kubelite.util.log import get_logger
from kubelite.util.metrics import Registry, add_process_metrics
from kubelite.util.tasks import cancel, supervise

log = get_logger(__name__)
BINDINGS_AT_ONCE = 64
PODS_A_TURN = 32


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
        self.client, self.cache = client, Cache(frozenset((config.scheduler_name,)))
        self.work = asyncio.Event()
        self.tasks: set[asyncio.Task[None]] = set()
        self.recorder = Recorder(client, config.scheduler_name)
        self.binder = Binder(client, self.recorder, SystemClock(), self.binding_failed)
        living = "status.phase!=Succeeded,status.phase!=Failed"
        self.pods: Informer[Pod] = Informer(client, POD, type=Pod, field_selector=living)
        self.nodes: Informer[Node] = Informer(client, NODE, type=Node)
        self.namespaces: Informer[Namespace] = Informer(client, NAMESPACE, type=Namespace)
        self.pods.add_handler(self.pod_changed)
        self.nodes.add_handler(self.node_changed)
        self.namespaces.add_handler(self.namespace_changed)
        self.metrics = Registry()
        add_process_metrics(self.metrics)
        self.attempts = self.metrics.counter(
            "scheduler_schedule_attempts_total",
            "Number of attempts to schedule pods, by the result.",
            ("result", "profile"),
        )
        self.metrics.gauge(
            "scheduler_pending_pods", "Number of pending pods.", read=lambda: float(len(self.cache.pending))
        )
        self.durations = self.metrics.histogram(
            "scheduler_scheduling_algorithm_duration_seconds",
            "Scheduling algorithm latency in seconds.",
            buckets=(0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.05, 0.1),
        )
        self.profile = config.scheduler_name

    def pod_changed(self, change: Change[Pod]) -> None:
        self.cache.pod_changed(change.old, change.new, self.now())
        self.work.set()

    def node_changed(self, change: Change[Node]) -> None:
        self.cache.node_changed(change.old, change.new, self.now())
        self.work.set()

    def namespace_changed(self, change: Change[Namespace]) -> None:
        meta = change.object.metadata
        self.cache.namespace_changed(meta.name, None if change.new is None else meta.labels, self.now())
        self.work.set()

    def binding_failed(self, info: PodInfo) -> None:
        """The pod goes back to the queue if it still waits for a node."""
        self.cache.binding_failed(info, self.pods.get(info.key), self.now())
        self.work.set()

    @staticmethod
    def now() -> float:
        return asyncio.get_running_loop().time()

    async def synced(self) -> None:
        await asyncio.gather(self.pods.synced(), self.nodes.synced(), self.namespaces.synced())

    async def schedule(self) -> None:
        """The loop: never returns."""
        await self.synced()
        while True:
            self.work.clear()
            wait = self.cache.pending.tick(self.now())
            for _ in range(PODS_A_TURN):
                if len(self.tasks) >= BINDINGS_AT_ONCE or not self.one():
                    break
            if self.cache.pending.has_ready:
                if len(self.tasks) >= BINDINGS_AT_ONCE:
                    await asyncio.wait(self.tasks, return_when=asyncio.FIRST_COMPLETED)
                else:
                    await asyncio.sleep(0)
                continue
            try:
                await asyncio.wait_for(self.work.wait(), wait)
            except TimeoutError:
                continue

    def one(self) -> bool:
        """Tries the next pod; whether there was one."""
        entry = self.cache.pending.pop()
        if entry is None:
            return False
        began = self.now()
        result = self.cache.scheduler.place(entry.info)
        self.durations.observe(self.now() - began)
        if isinstance(result, str):
            self.attempts.inc("scheduled", self.profile)
            self.cache.pending.assigned(entry)
            self.cache.assume(entry.info, result)
            self.spawn(self.binder.bind(entry.info, result))
        else:
            self.attempts.inc("unschedulable", self.profile)
            self.cache.pending.failed(entry, self.now(), result.plugins)
            self.spawn(self.binder.report(entry.info, result))
        return True

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.done)

    def done(self, task: asyncio.Task[None]) -> None:
        self.tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("A write failed unexpectedly", error=task.exception())
        if self.cache.pending.has_ready:
            self.work.set()


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
        )
    finally:
        if listener is not None:
            listener.close()
        # A binding that was sent may still succeed: the next start sees it.
        await cancel(*server.tasks)
        await server.recorder.close()
        await client.close()
