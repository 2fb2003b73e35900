"""Probes that ask nobody: what the kubelet's pod workers are given instead of its probe manager.

What: liveness and startup probes always succeed; a readiness probe succeeds after the script's `ready-after`. Flow: the
worker tells which containers there are → a timer for each that is not ready yet → `wake(uid)` → the worker asks for the
result.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from kubelite.api.types.core_v1 import Pod
from kubelite.kubelet.interfaces import FAILURE, SUCCESS, ProbeTarget

READINESS = "readiness"


class PretendedProbes:
    """`ready_in(uid, container name, container id)`: seconds until it is ready."""

    def __init__(self, ready_in: Callable[[str, str, str], float], wake: Callable[[str], None]) -> None:
        self._ready_in = ready_in
        self._wake = wake

    def sync(self, pod: Pod, pod_ip: str, targets: Sequence[ProbeTarget]) -> None:
        uid = pod.metadata.uid
        for target in targets:
            if target.container.readinessProbe is None or not target.running:
                continue
            wait = self._ready_in(uid, target.container.name, target.container_id)
            if wait > 0:
                asyncio.get_running_loop().call_later(wait, self._wake, uid)

    def terminating(self, pod_uid: str) -> None:
        """Nothing to stop."""

    def remove(self, pod_uid: str) -> None:
        """Nothing to forget."""

    def result(self, pod_uid: str, container_name: str, container_id: str, kind: str) -> str | None:
        if kind == READINESS and self._ready_in(pod_uid, container_name, container_id) > 0:
            return FAILURE
        return SUCCESS

    async def run(self) -> None:
        await asyncio.get_running_loop().create_future()
