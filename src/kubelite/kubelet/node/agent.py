"""Keeps the Node object true: registers it, writes its status when it changed or five minutes passed.

What: `NodeAgent.run()` looks at the machine and the runtime every ten seconds, oftener while the node is not ready. Why: the
scheduler and the node controller see the node only through this object. Flow: machine + CRI Status → `NodeFacts` →
`compute_status` → PATCH status; a Node that someone deleted is registered again.
Upstream: pkg/kubelet/kubelet_node_status.go.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from kubelite.api.types.core_v1 import Node
from kubelite.client.client import Client
from kubelite.client.errors import ConnectionFailed
from kubelite.kubelet.config import Config
from kubelite.kubelet.cri import Cri, CriError
from kubelite.kubelet.interfaces import Recorder
from kubelite.kubelet.kinds import NODE
from kubelite.kubelet.node import status as node_status
from kubelite.kubelet.node.lease import HEARTBEAT_SECONDS
from kubelite.kubelet.node.machine import Machine, available_memory, default_address
from kubelite.kubelet.pleg import Pleg
from kubelite.kubelet.runtime import resources
from kubelite.machinery.errors import StatusError
from kubelite.util.backoff import Backoff
from kubelite.util.log import get_logger

log = get_logger(__name__)

LOOK_WHEN_NOT_READY = 0.5
EVICTION_MEMORY = 100 << 20
IMAGE_LIST_SECONDS = 30.0


class NodeAgent:
    """One per kubelet."""

    def __init__(
        self, config: Config, name: str, client: Client, cri: Cri, machine: Machine, pleg: Pleg, recorder: Recorder
    ) -> None:
        self._config = config
        self.name = name
        self._client = client
        self._cri = cri
        self._machine = machine
        self._pleg = pleg
        self._recorder = recorder
        self.node: Node | None = None
        self.network_problem = "container runtime network not ready"
        self.runtime_problem = "container runtime is down"
        self.runtime_name = "containerd"
        self._runtime_version = ""
        self._pod_cidr = ""
        self._images: list[tuple[Sequence[str], int]] = []
        self._images_at = 0.0
        self._written_at = 0.0
        self.ips: tuple[str, ...] = tuple(ip for ip in config.node_ip.split(",") if ip) or (default_address(),)
        self.registered = asyncio.Event()
        """Set whenever the node was registered, for who writes into the object as well; they clear it."""

    @property
    def allocatable(self) -> dict[str, Any]:
        return dict(node_status.allocatable(self._facts_now()))

    async def run(self) -> None:
        """Never returns."""
        backoff = Backoff(initial=0.2, cap=7.0)
        while True:
            try:
                await self.look()
                async with asyncio.timeout(HEARTBEAT_SECONDS):
                    await self._write()
                backoff.reset()
                healthy = not (self.runtime_problem or self.network_problem)
                wait = self._config.node_status_update_frequency if healthy else LOOK_WHEN_NOT_READY
            except (StatusError, ConnectionFailed, OSError) as error:
                log.warning("Cannot write the node status", error=error)
                wait = backoff.next()
            await asyncio.sleep(wait)

    async def look(self) -> None:
        """Asks the runtime how it is."""
        try:
            if not self._runtime_version:
                version = await self._cri.version()
                self.runtime_name = version.runtime_name
                self._runtime_version = f"{version.runtime_name}://{version.runtime_version}"
            conditions = {c.type: c for c in (await self._cri.status()).status.conditions}
            self.runtime_problem = _problem(conditions.get("RuntimeReady"), "container runtime not ready: RuntimeReady")
            self.network_problem = _problem(
                conditions.get("NetworkReady"), "container runtime network not ready: NetworkReady"
            )
            if time.monotonic() - self._images_at > IMAGE_LIST_SECONDS or not self._images_at:
                await self._list_images()
        except CriError as error:
            self._runtime_version = ""
            self.runtime_problem = f"container runtime is down, error: {error.message}"
        if self._pleg.problem and not self.runtime_problem:
            self.runtime_problem = f"PLEG is not healthy: {self._pleg.problem}"

    async def _list_images(self) -> None:
        images = await self._cri.list_images()
        self._images = [([*image.repo_digests, *image.repo_tags], int(image.size)) for image in images]
        self._images_at = time.monotonic()

    def _facts_now(self) -> node_status.NodeFacts:
        config = self._config
        disk = os.statvfs(_existing(config.root_dir))
        free = disk.f_bavail / max(1, disk.f_blocks)
        return node_status.NodeFacts(
            machine=self._machine,
            hostname=self.name,
            ips=self.ips,
            port=config.port,
            max_pods=config.max_pods,
            disk_bytes=disk.f_blocks * disk.f_frsize,
            reserved=_reserved(config.system_reserved, config.kube_reserved),
            runtime_version=self._runtime_version or f"{self.runtime_name}://Unknown",
            images=self._images,
            runtime_problem=self.runtime_problem,
            network_problem=self.network_problem if not self.runtime_problem else "",
            memory_pressure=available_memory() < EVICTION_MEMORY,
            disk_pressure=free < 0.05,
        )

    # --- the object

    async def _write(self) -> None:
        facts = self._facts_now()
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        if self.node is None:
            await self._register(facts, now)
            return
        try:
            node: Node = await self._client.get(NODE, self.name)
        except StatusError as error:
            if error.code == 404:
                log.info("The node object is gone: registering again", node=self.name)
                await self._register(facts, now)
                return
            raise
        self.node = node
        await self._hand_down_pod_cidr()
        fresh = node_status.compute_status(facts, node.status, now)
        changed = node_status.differs(node.status, fresh)
        if not changed and time.monotonic() - self._written_at < self._config.node_status_report_frequency:
            return
        before = {c.type: c.status for c in node.status.conditions}
        body = {"metadata": {"uid": node.metadata.uid}, "status": _full_patch(fresh)}
        try:
            self.node = await self._client.patch(NODE, self.name, body, patch_type="strategic", subresource="status")
        except StatusError as error:
            if error.code in (404, 409):
                # Someone deleted it, or made another of the same name: register again at the next look.
                self.node = None
            raise
        self._written_at = time.monotonic()
        self._tell_changes(before)

    async def _register(self, facts: node_status.NodeFacts, now: str) -> None:
        config = self._config
        wanted = node_status.new_node(self.name, facts, config.node_labels, config.register_with_taints, now)
        try:
            found: Node = await self._client.get(NODE, self.name)
            missing = {k: v for k, v in wanted.metadata.labels.items() if found.metadata.labels.get(k) != v}
            if missing:
                found = await self._client.patch(NODE, self.name, {"metadata": {"labels": missing}})
            self.node = found
            self._written_at = 0.0
        except StatusError as error:
            if error.code != 404 or not config.register_node:
                raise
            self.node = await self._client.create(NODE, wanted)
            log.info("Registered the node", node=self.name)
            self._tell_changes({})
        self.registered.set()
        if self._written_at == 0.0:
            await self._write()

    def _tell_changes(self, before: dict[str, str]) -> None:
        if self.node is None:
            return
        words = {
            ("MemoryPressure", "False"): "NodeHasSufficientMemory",
            ("MemoryPressure", "True"): "NodeHasInsufficientMemory",
            ("DiskPressure", "False"): "NodeHasNoDiskPressure",
            ("DiskPressure", "True"): "NodeHasDiskPressure",
            ("PIDPressure", "False"): "NodeHasSufficientPID",
            ("PIDPressure", "True"): "NodeHasInsufficientPID",
            ("Ready", "True"): "NodeReady",
            ("Ready", "False"): "NodeNotReady",
        }
        for condition in self.node.status.conditions:
            reason = words.get((condition.type, condition.status))
            if reason and before.get(condition.type) != condition.status:
                self._recorder.event(NODE, self.node, "Normal", reason, f"Node {self.name} status is now: {reason}")

    async def _hand_down_pod_cidr(self) -> None:
        cidr = self.node.spec.podCIDR if self.node else ""
        if cidr and cidr != self._pod_cidr:
            try:
                await self._cri.set_pod_cidr(cidr)
                self._pod_cidr = cidr
            except CriError as error:
                log.warning("Runtime did not take the pod CIDR", cidr=cidr, error=error)


def _problem(condition: Any, what: str) -> str:
    """ "" when the runtime's condition holds."""
    if condition is not None and condition.status:
        return ""
    reason = condition.reason if condition is not None else "unknown"
    message = condition.message if condition is not None else "the runtime does not say"
    return f"{what}=false reason:{reason} message:{message}"


def _full_patch(status: Any) -> dict[str, Any]:
    """The status as a strategic merge patch: lists without a merge key are replaced, the others merged by theirs."""
    value: dict[str, Any] = msgspec.to_builtins(status)
    for name in ("volumesInUse", "volumesAttached"):
        value.pop(name, None)
    if "addresses" in value:
        value["addresses"] = [*value["addresses"], {"$patch": "replace"}]
    return value


def _existing(path: str) -> str:
    while not os.path.exists(path):
        path = os.path.dirname(path)
    return path


def _reserved(*texts: str) -> dict[str, int]:
    """`cpu=100m,memory=1Gi` summed."""
    total: dict[str, int] = {}
    for text in texts:
        for item in filter(None, text.split(",")):
            name, _, value = item.partition("=")
            number = resources.milli({name: value}, name) if name == "cpu" else resources.amount({name: value}, name)
            total[name] = total.get(name, 0) + number
    return total
