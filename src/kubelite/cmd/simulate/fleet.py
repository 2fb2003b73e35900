"""All simulated nodes of a process.

What: `Fleet.run(stop)` registers the nodes, follows pods and nodes with one watch each, and keeps the heartbeats going.
Why: a watch, a timer and a task for each of thousands of nodes would cost more than their pods. Flow: pod watch →
`spec.nodeName` → the node's pod workers → `PretendedRuntime` → one `StatusManager`. Leases are renewed one after the other,
spread over the heartbeat's period, statuses over five minutes. Bounds: `AT_ONCE` requests for nodes, `WRITERS` for pods; a
node whose turn comes while it waits for its last one is passed over, so a slow API server gets fewer heartbeats, not a
queue of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any

from kubelite.api.types.core_v1 import Node, Pod, PodStatus
from kubelite.client.client import Client
from kubelite.client.errors import ConnectionFailed
from kubelite.client.informer import Change, Informer
from kubelite.client.recorder import Recorder
from kubelite.cmd.simulate import nodes
from kubelite.cmd.simulate.node import HollowNode
from kubelite.cmd.simulate.nodes import MARK, Shape
from kubelite.cmd.simulate.probes import PretendedProbes
from kubelite.cmd.simulate.runtime import NAME, NOTHING_MORE, PretendedRuntime
from kubelite.cmd.simulate.script import Script
from kubelite.cmd.simulate.slim import concerns_node, keep_once, leave_out, slim
from kubelite.kubelet.admit import Rejection
from kubelite.kubelet.config import Config as KubeletConfig
from kubelite.kubelet.kinds import NODE, POD
from kubelite.kubelet.pods import PodTable
from kubelite.kubelet.podworkers.parts import Parts
from kubelite.kubelet.runtime.reporter import Reporter
from kubelite.kubelet.status.manager import StatusManager
from kubelite.machinery.errors import StatusError
from kubelite.util.log import get_logger
from kubelite.util.tasks import supervise

log = get_logger(__name__)

AT_ONCE = 16
WRITERS = 16
STATUS_SECONDS = 300.0
SETTLE_SECONDS = {"Pending": 2.0, "Succeeded": 0.1, "Failed": 0.1}
"""A pod that starts within this time writes one status, that it runs, and its end is one: as with a kubelet that has many pods
to report."""
TICK = 0.1
LEASE_PERIODS = 4
"""A lease lasts so many heartbeats, as a kubelet's does."""
EVENTS = ("none", "warnings", "all")


class Volumes:
    """Pods of simulated nodes have no files."""

    async def update(self, pod: Pod) -> None:
        """Nothing to do."""

    async def unmount(self, pod_uid: str) -> None:
        """Nothing to do."""


class Cgroups:
    """Nor processes."""

    def remove_pod(self, uid: str) -> bool:
        return True


class Voice:
    """Writes the events that were asked for: `none`, `warnings` or `all`."""

    def __init__(self, recorder: Recorder, which: str) -> None:
        self._recorder = recorder
        self._types = {"none": (), "warnings": ("Warning",), "all": ("Normal", "Warning")}[which]

    def event(self, kind: Any, obj: Any, type_: str, reason: str, message: str, field_path: str = "") -> None:
        if type_ in self._types:
            self._recorder.event(kind, obj, type_, reason, message, field_path=field_path)


class Fleet:
    """`nodes` by name; `ready` is set when all are registered and the pods are known."""

    def __init__(
        self,
        pod_client: Client,
        node_client: Client,
        shape: Shape,
        count: int,
        script: Script,
        *,
        heartbeat: float = 10.0,
        events: str = "warnings",
    ) -> None:
        self._node_client = node_client
        self._heartbeat = heartbeat
        self._recorder = Recorder(node_client, "kubelet", shape.prefix)
        self._config = KubeletConfig(cgroups_per_qos=False, sync_frequency=NOTHING_MORE)
        self._table = PodTable()
        self.statuses = StatusManager(pod_client, self._table.get, writers=WRITERS, settle=_settle)
        self._table.read_status_from(self.statuses.get)
        reporter = Reporter(Voice(self._recorder, events))
        self.runtime = PretendedRuntime(script, reporter, self._wake, shape.prefix)
        self._probes = PretendedProbes(self._ready_in, self._wake)
        self._reporter = reporter
        lease = max(1, round(heartbeat * LEASE_PERIODS))
        self.nodes = {
            node.name: node
            for node in (
                HollowNode(shape, index, node_client, self._table, self._assemble, lease) for index in range(count)
            )
        }
        self.registered = asyncio.Event()
        self._node_informer: Informer[Node] = Informer(node_client, NODE, label_selector=f"{MARK}=true")
        self._node_informer.add_handler(self._node_changed)
        self.pods: Informer[Pod] = Informer(pod_client, POD, field_selector="spec.nodeName!=", thin=self._thin)
        self.pods.add_handler(self._pod_changed)
        self._due: dict[str, Callable[[], Awaitable[None]]] = {}
        self._work = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    def _assemble(self, ips: tuple[str, ...], admit: Callable[[Pod], Rejection | None]) -> Parts:
        return Parts(
            config=self._config,
            observer=self.runtime,
            runtime=self.runtime,
            launcher=self.runtime,
            stopper=self.runtime,
            cleaner=self.runtime,
            cgroups=Cgroups(),
            volumes=Volumes(),
            probes=self._probes,
            statuses=self.statuses,
            reporter=self._reporter,
            admit=admit,
            network_problem=lambda: "",
            host_ips=lambda: ips,
            runtime_name=lambda: NAME,
        )

    # --- life

    async def run(self, stop: asyncio.Event) -> None:
        """Registers all nodes, then lives until `stop` is set. The Nodes stay: `remove` deletes them."""
        try:
            await supervise(stop, fleet=self._run())
        finally:
            for node in self.nodes.values():
                await node.workers.close()
            await self._recorder.close()

    async def _run(self) -> None:
        await each(self.nodes.values(), lambda node: node.register())
        log.info("Nodes registered", nodes=len(self.nodes))
        self.registered.set()
        async with asyncio.TaskGroup() as group:
            group.create_task(self.pods.run())
            group.create_task(self._node_informer.run())
            group.create_task(self.statuses.run())
            group.create_task(self._pace(self._heartbeat, "lease", HollowNode.renew))
            group.create_task(self._pace(STATUS_SECONDS, "status", HollowNode.report))
            for _ in range(AT_ONCE):
                group.create_task(self._writer())

    async def remove(self) -> None:
        """Deletes the Nodes."""
        await each(self.nodes.values(), lambda node: node.deregister())

    # --- pods

    def _wake(self, uid: str) -> None:
        pod = self._table.get(uid)
        node = self.nodes.get(pod.spec.nodeName) if pod is not None else None
        if node is not None:
            node.workers.wake(uid)

    def _ready_in(self, uid: str, name: str, container_id: str) -> float:
        pod = self._table.get(uid)
        return self.runtime.ready_in(pod, name, container_id) if pod is not None else 0.0

    def _thin(self, pod: Pod) -> None:
        if pod.spec.nodeName in self.nodes:
            slim(pod)
        else:
            leave_out(pod)

    def _pod_changed(self, change: Change[Pod]) -> None:
        node = self.nodes.get(change.object.spec.nodeName)
        if node is None:
            return
        if change.new is not None:
            keep_once(change.old, change.new, self.statuses.get(change.new.metadata.uid))
            if change.old is None:
                self.runtime.adopt(change.new)
            elif not concerns_node(change.old, change.new, self.statuses.get(change.new.metadata.uid)):
                node.note(change.new)
                return
        node.handle(change)

    def counts(self) -> dict[str, int]:
        """Pods on simulated nodes by phase, and those that are Ready."""
        found: dict[str, int] = {}
        for pod in self.pods.list():
            if pod.spec.nodeName in self.nodes:
                phase = pod.status.phase or "Pending"
                found[phase] = found.get(phase, 0) + 1
        return found

    # --- nodes

    def _node_changed(self, change: Change[Node]) -> None:
        node = self.nodes.get(change.object.metadata.name)
        if node is None:
            return
        node.node = change.new
        if change.new is None:
            log.info("Node was deleted", node=node.name)
            del self.nodes[node.name]
            self._background(node.workers.close())
            return
        lost = nodes.is_lost(change.new)
        if lost != node.lost:
            node.lost = lost
            log.info("Node is silent" if lost else "Node speaks again", node=node.name)
            self._background(self._silence(node) if lost else self._return(node))
        elif not lost and not nodes.is_ready(change.new):
            self._enqueue(f"status/{node.name}", node.report)

    def _background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _silence(self, node: HollowNode) -> None:
        """Its containers go on, as behind a cut network; nobody hears of them."""
        uids = [worker.uid for worker in node.workers.all()]
        await node.workers.close()
        for uid in uids:
            self.statuses.forget(uid)

    async def _return(self, node: HollowNode) -> None:
        """As a kubelet that starts again: what the API has here is looked after, what it has no more is stopped."""
        self._enqueue(f"lease/{node.name}", node.renew)
        self._enqueue(f"status/{node.name}", node.report)
        present = {pod.metadata.uid for pod in self.pods.list() if pod.spec.nodeName == node.name}
        for pod in self.pods.list():
            if pod.spec.nodeName == node.name:
                node.handle(Change(None, pod))
        for worker_pod in self._table.list():
            if worker_pod.spec.nodeName == node.name and worker_pod.metadata.uid not in present:
                self._table.remove(worker_pod.metadata.uid)
                node.workers.adopt_orphan(await self.runtime.observe(worker_pod.metadata.uid))

    # --- heartbeats

    async def _pace(self, period: float, what: str, act: Callable[[HollowNode], Awaitable[None]]) -> None:
        """Each node once a period, evenly spread."""
        loop = asyncio.get_running_loop()
        position, last = 0.0, loop.time()
        while True:
            await asyncio.sleep(TICK)
            names = list(self.nodes)
            now = loop.time()
            before, position = position, position + min(now - last, period) / period * len(names)
            last = now
            for number in range(int(before), int(position)):
                node = self.nodes[names[number % len(names)]]
                self._enqueue(f"{what}/{node.name}", lambda node=node: act(node))  # type: ignore[misc]

    def _enqueue(self, key: str, act: Callable[[], Awaitable[None]]) -> None:
        self._due.setdefault(key, act)
        self._work.set()

    async def _writer(self) -> None:
        while True:
            key = next(iter(self._due), None)
            if key is None:
                self._work.clear()
                await self._work.wait()
                continue
            act = self._due.pop(key)
            try:
                await act()
            except (StatusError, ConnectionFailed, OSError) as error:
                log.warning("Cannot write for a node", what=key, error=error)
                await asyncio.sleep(1.0)


def _settle(status: PodStatus) -> float:
    return SETTLE_SECONDS.get(status.phase, 0.0)


async def each(items: Iterable[HollowNode], act: Callable[[HollowNode], Awaitable[None]]) -> None:
    """Does it to all, `AT_ONCE` at a time; the first error ends it."""
    pending = iter(list(items))

    async def worker() -> None:
        for item in pending:
            await act(item)

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(worker())


def first_error(error: BaseException) -> BaseException:
    """The failure of the first task of a group."""
    return first_error(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error
