"""Simulated nodes: kubelets without containers, whose pods start, become ready, end and fail by a script.

What: `Machine` is the node with what runs on it; `kubelet()` is the work of its process. Why: control loops need
somebody who answers, at any speed and in any state. Flow: pods bound to the node (an informer) → `_sync` compares the
script with the clock → status patches, and a deletion without grace once a deleted pod has stopped. A dead kubelet
leaves its pods running; a rebooted machine does not.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from kubelite.api.core.pod.kind import POD
from kubelite.client.client import Client
from kubelite.client.controller import Controller, Result
from kubelite.client.errors import ConnectionFailed
from kubelite.client.informer import Informer
from kubelite.controllers.objects import Pod
from kubelite.kubelet.node.lease import HEARTBEAT_SECONDS
from kubelite.machinery import times
from kubelite.machinery.errors import StatusError
from tests.simulation.api import STRATEGIC, Api
from tests.simulation.determinism import VirtualDatetime, datetime_module

CAPACITY = {"cpu": "2", "memory": "4Gi", "pods": "20", "ephemeral-storage": "10Gi"}
STATUS_EVERY = 4
"""Beats between two reports of the node's status, unless one was lost."""


@dataclass
class Script:
    """What a pod will do: seconds of the virtual clock."""

    key: str
    uid: str
    begins: float
    ready: float
    ends: float
    fails: bool
    stops: float = 0.0
    """When it has stopped after a deletion; 0 while nobody asked."""
    flaps: list[float] = field(default_factory=list)
    started: bool = False


class Machine:
    """A node and what runs on it; it outlives its kubelet."""

    def __init__(self, name: str, zone: str, seed: str) -> None:
        self.name, self.zone, self._seed = name, zone, seed
        self.scripts: dict[str, Script] = {}
        self.on_run: Callable[[Machine, Script], None] = lambda machine, script: None
        self.slowness = 1.0
        self.flapping = 0.1
        """The chance of a pod to be not ready for a moment, once."""
        self.capacity = CAPACITY

    def script(self, pod: Pod, now: float) -> Script:
        """The script of a pod, written when it is first seen."""
        meta = pod.metadata
        known = self.scripts.get(meta.uid)
        if known is None:
            rng = Random(f"{self._seed}:{meta.uid}")
            begins = now + rng.uniform(0.2, 4) * self.slowness
            ready = begins + rng.uniform(0.1, 6) * self.slowness
            ends = float("inf")
            if (pod.spec.restartPolicy or "Always") != "Always":
                ends = ready + rng.uniform(1, 60)
            chance = float((meta.annotations or {}).get("simulation/fails", "0"))
            known = self.scripts[meta.uid] = Script(
                f"{meta.namespace}/{meta.name}", meta.uid, begins, ready, ends, rng.random() < chance
            )
            if rng.random() < self.flapping:
                known.flaps = [ready + rng.uniform(20, 200)]
        return known

    def reboot(self) -> None:
        """Everything that ran is gone; what has not ended starts again."""
        for script in self.scripts.values():
            script.started = False

    def running(self) -> list[Script]:
        """What runs now."""
        return [script for script in self.scripts.values() if script.started]


def kubelet(machine: Machine, client: Client) -> Any:
    """The work of a kubelet's process; never returns."""
    return Kubelet(machine, client).run()


class Kubelet:
    """One life of the kubelet of a machine."""

    def __init__(self, machine: Machine, client: Client) -> None:
        self.machine, self.client, self.api = machine, client, Api(client)
        selector = f"spec.nodeName={machine.name}"
        self.pods: Informer[Pod] = Informer(client, POD, type=Pod, field_selector=selector)
        self.loop = Controller("kubelet", self._sync, workers=3)
        self.loop.watch(self.pods)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._heartbeats())
            group.create_task(self.pods.run())
            group.create_task(self.loop.run(self.pods))
            group.create_task(self._housekeeping())

    # the node

    async def _heartbeats(self) -> None:
        while True:
            try:
                await self._register()
                for number in itertools.count():
                    async with asyncio.timeout(HEARTBEAT_SECONDS):
                        await self._beat(status=number % STATUS_EVERY == 0)
                    await asyncio.sleep(10)
            except (StatusError, ConnectionFailed, TimeoutError):
                await asyncio.sleep(2)

    async def _register(self) -> None:
        machine = self.machine
        labels = {"kubernetes.io/hostname": machine.name, "topology.kubernetes.io/zone": machine.zone}
        body = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": machine.name, "labels": labels}}
        try:
            await self.api.create("nodes", body)
        except StatusError as error:
            if error.code != 409:
                raise
        lease = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": machine.name, "namespace": "kube-node-lease"},
            "spec": {"holderIdentity": machine.name, "leaseDurationSeconds": 40, "renewTime": _micro()},
        }
        try:
            await self.api.create("leases", lease, "kube-node-lease")
        except StatusError as error:
            if error.code != 409:
                raise

    async def _beat(self, *, status: bool) -> None:
        name = self.machine.name
        await self.api.patch("leases", {"spec": {"renewTime": _micro()}}, "kube-node-lease", name)
        if not status:
            return
        ready = {"type": "Ready", "status": "True", "reason": "KubeletReady", "lastHeartbeatTime": _now()}
        capacity = self.machine.capacity
        body = {"status": {"conditions": [ready], "capacity": capacity, "allocatable": capacity}}
        await self.api.patch("nodes", body, "", name, "status", STRATEGIC)

    # its pods

    async def _housekeeping(self) -> None:
        """Stops what the API server no longer knows."""
        await self.pods.synced()
        while True:
            known = {pod.metadata.uid for pod in self.pods.list()}
            for uid in [uid for uid in self.machine.scripts if uid not in known]:
                del self.machine.scripts[uid]
            await asyncio.sleep(2)

    async def _sync(self, key: str) -> Result | None:
        pod = self.pods.get(key)
        for uid in [uid for uid, one in self.machine.scripts.items() if one.key == key]:
            if pod is None or uid != pod.metadata.uid:  # a namesake waits until the old one has stopped
                del self.machine.scripts[uid]
        if pod is None:
            return None
        now = asyncio.get_running_loop().time()
        script = self.machine.script(pod, now)
        phase = pod.status.phase
        if pod.metadata.deletionTimestamp:
            return await self._terminate(pod, script, now)
        if phase in ("Succeeded", "Failed"):
            script.started = False
            return None
        if now < script.begins:
            return Result(script.begins - now)
        if not script.started:
            script.started = True
            self.machine.on_run(self.machine, script)
        if now >= script.ends:
            script.started = False
            await self._report(pod, "Failed" if script.fails else "Succeeded", ready=False)
            return None
        while script.flaps and now > script.flaps[0] + 15:
            script.flaps.pop(0)
        flapping = bool(script.flaps) and now >= script.flaps[0]
        await self._report(pod, "Running", ready=now >= script.ready and not flapping)
        turns = [script.ready, script.ends, *script.flaps, *(flap + 15.1 for flap in script.flaps)]
        later = [turn - now for turn in turns if turn > now and turn != float("inf")]
        return Result(min(later) + 0.01) if later else None

    async def _terminate(self, pod: Pod, script: Script, now: float) -> Result | None:
        meta = pod.metadata
        grace = float(meta.deletionGracePeriodSeconds or 0)
        if not script.stops:
            script.stops = now + (min(grace, 0.3 + script.begins % 3) if script.started else 0.1)
        if now < script.stops:
            return Result(script.stops - now)
        if script.started or pod.status.phase in ("Pending", "Running", ""):
            script.started = False
            ended = now >= script.ends and not script.fails
            await self._report(pod, "Succeeded" if ended else "Failed", ready=False)
        try:
            await self.api.delete(
                "pods", meta.namespace, meta.name, gracePeriodSeconds=0, preconditions={"uid": meta.uid}
            )
        except StatusError as error:
            if error.code not in (404, 409):
                raise
        return None

    async def _report(self, pod: Pod, phase: str, *, ready: bool) -> None:
        meta = pod.metadata
        text = "True" if ready else "False"
        known = next((one.status for one in pod.status.conditions if one.type == "Ready"), "")
        if pod.status.phase == phase and known == text:
            return
        conditions = [
            {"type": kind, "status": text, "lastTransitionTime": _now()} for kind in ("Ready", "ContainersReady")
        ]
        conditions.append({"type": "Initialized", "status": "True"})
        if phase == "Running":
            state: dict[str, Any] = {"running": {"startedAt": _now()}}
        else:
            state = {"terminated": {"exitCode": 0 if phase == "Succeeded" else 1, "finishedAt": _now()}}
        container = {"name": "main", "image": "x", "imageID": "x", "ready": ready, "restartCount": 0, "state": state}
        status = {"phase": phase, "conditions": conditions, "containerStatuses": [container]}
        status["podIP"] = "10.0.0." + str(1 + sum(meta.uid.encode()) % 250)
        status["podIPs"] = [{"ip": status["podIP"]}]
        body = {"metadata": {"uid": meta.uid}, "status": status}
        try:
            await self.api.patch("pods", body, meta.namespace, meta.name, "status", STRATEGIC)
        except StatusError as error:
            if error.code not in (404, 409, 422):
                raise
            if error.code != 404:
                raise


def _now() -> str:
    return times.now_text(VirtualDatetime.now(datetime_module.UTC))


def _micro() -> str:
    text: str = VirtualDatetime.now(datetime_module.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return text
