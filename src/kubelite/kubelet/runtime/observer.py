"""Reads what runs from the runtime and keeps the details of what has not changed since.

What: `Observer.relist()` for all pods, `observe(uid)` for one, both as `ObservedPod`. Why: details (exit codes, addresses,
termination messages) cost one call a container, and never change while a container's state stays: they are asked once.
Flow: ListPodSandbox + ListContainers → cache by (id, state) → values. The cache holds only what the last relist saw.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from kubelite.kubelet.cri import Cri, CriError
from kubelite.kubelet.observed import (
    CREATED,
    EXITED,
    RUNNING,
    UNKNOWN,
    ObservedContainer,
    ObservedPod,
    ObservedSandbox,
)
from kubelite.kubelet.runtime import names, termination
from kubelite.rpc import cri_v1_pb2 as pb

OOM_NEWS_DELAY = 3_000_000_000
"""Nanoseconds for which a container's reason may still become OOMKilled."""

STATES = {
    pb.CONTAINER_CREATED: CREATED,
    pb.CONTAINER_RUNNING: RUNNING,
    pb.CONTAINER_EXITED: EXITED,
    pb.CONTAINER_UNKNOWN: UNKNOWN,
}


class Observer:
    """One per kubelet; safe for concurrent use by pod workers."""

    def __init__(self, cri: Cri) -> None:
        self._cri = cri
        self._containers: dict[str, ObservedContainer] = {}
        self._sandboxes: dict[str, ObservedSandbox] = {}

    async def relist(self) -> dict[str, tuple[tuple[str, str], ...]]:
        """uid → (id, state) of everything the runtime holds for that pod, cheap enough for each second."""
        sandboxes, containers = await asyncio.gather(self._cri.list_sandboxes(), self._cri.list_containers())
        seen: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for sandbox in sandboxes:
            seen[sandbox.metadata.uid].append(
                (sandbox.id, "ready" if sandbox.state == pb.SANDBOX_READY else "notready")
            )
        for container in containers:
            uid = container.labels.get(names.POD_UID, "")
            if uid:
                seen[uid].append((container.id, STATES[container.state]))
        self._forget({item.id for item in sandboxes}, {item.id for item in containers})
        return {uid: tuple(sorted(items)) for uid, items in seen.items()}

    def _forget(self, sandboxes: set[str], containers: set[str]) -> None:
        for gone in self._sandboxes.keys() - sandboxes:
            del self._sandboxes[gone]
        for gone in self._containers.keys() - containers:
            del self._containers[gone]

    async def observe(self, uid: str) -> ObservedPod:
        """The pod's sandboxes and containers now, with all details."""
        label = {names.POD_UID: uid}
        sandboxes, containers = await asyncio.gather(self._cri.list_sandboxes(label), self._cri.list_containers(label))
        details = await asyncio.gather(
            *(self._sandbox(item) for item in sandboxes), *(self._container(item) for item in containers)
        )
        seen = [item for item in details if item is not None]
        meta = sandboxes[0].metadata if sandboxes else None
        return ObservedPod(
            uid=uid,
            namespace=meta.namespace if meta else "",
            name=meta.name if meta else "",
            sandboxes=_newest_first(item for item in seen if isinstance(item, ObservedSandbox)),
            containers=_newest_first(item for item in seen if isinstance(item, ObservedContainer)),
        )

    async def _sandbox(self, listed: Any) -> ObservedSandbox | None:
        ready = listed.state == pb.SANDBOX_READY
        known = self._sandboxes.get(listed.id)
        if known is not None and known.ready == ready and (known.ips or known.host_network or not ready):
            return known
        try:
            status = await self._cri.sandbox_status(listed.id)
        except CriError as error:
            if error.code == "NOT_FOUND":
                return None
            raise
        host = status.linux.namespaces.options.network == pb.NODE
        network = status.network
        ips = tuple(ip for ip in (network.ip, *(item.ip for item in network.additional_ips)) if ip)
        sandbox = ObservedSandbox(
            id=listed.id,
            attempt=listed.metadata.attempt,
            ready=status.state == pb.SANDBOX_READY,
            created_at=listed.created_at,
            host_network=host,
            ips=() if host else ips,
        )
        self._sandboxes[listed.id] = sandbox
        return sandbox

    async def _container(self, listed: Any) -> ObservedContainer | None:
        state = STATES[listed.state]
        known = self._containers.get(listed.id)
        if known is not None and known.state == state:
            return known
        try:
            status = await self._cri.container_status(listed.id)
        except CriError as error:
            if error.code == "NOT_FOUND":
                return None
            raise
        container = await self._from_status(listed, status)
        if not _may_change(container):
            self._containers[listed.id] = container
        return container

    async def _from_status(self, listed: Any, status: Any) -> ObservedContainer:
        state = STATES[status.state]
        message = status.message
        if state == EXITED:
            message = await asyncio.to_thread(termination.message, status)
        user = status.user.linux
        return ObservedContainer(
            id=listed.id,
            sandbox_id=listed.pod_sandbox_id,
            name=listed.labels.get(names.CONTAINER_NAME, listed.metadata.name),
            attempt=int(listed.annotations.get(names.RESTART_COUNT, listed.metadata.attempt)),
            state=state,
            created_at=status.created_at,
            started_at=status.started_at if state != CREATED else 0,
            finished_at=status.finished_at if state == EXITED else 0,
            exit_code=status.exit_code,
            reason=status.reason,
            message=message,
            image=status.image.user_specified_image or status.image.image,
            image_id=status.image_ref or status.image_id,
            hash=listed.annotations.get(names.HASH, ""),
            log_path=status.log_path,
            grace=_number(listed.annotations.get(names.POD_TERMINATION_GRACE, "")),
            user=(user.uid, user.gid, tuple(user.supplemental_groups)) if status.user.HasField("linux") else None,
        )


def _may_change(container: ObservedContainer) -> bool:
    """The news that it was the kernel that killed a container may reach the runtime after the news of its end."""
    killed = container.state == EXITED and container.exit_code == 137 and container.reason != "OOMKilled"
    return killed and time.time_ns() - container.finished_at < OOM_NEWS_DELAY


def _number(text: str) -> int | None:
    return int(text) if text.isdigit() else None


def _newest_first(items: Iterable[Any]) -> tuple[Any, ...]:
    ordered: Sequence[Any] = sorted(items, key=lambda item: (item.created_at, item.attempt), reverse=True)
    return tuple(ordered)
