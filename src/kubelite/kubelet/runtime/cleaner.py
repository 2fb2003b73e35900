"""Removes what a pod leaves behind: records in the runtime, directories, logs; and dead containers of living pods.

Upstream: pkg/kubelet/kuberuntime/kuberuntime_gc.go, pkg/kubelet/kubelet_pods.go:HandlePodCleanups.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
from collections import defaultdict

from kubelite.api.types.core_v1 import Pod
from kubelite.kubelet.config import Config
from kubelite.kubelet.cri import Cri, CriError
from kubelite.kubelet.observed import EXITED, ObservedContainer, ObservedPod
from kubelite.kubelet.runtime import names
from kubelite.kubelet.runtime.mounts import pod_dir
from kubelite.util.log import get_logger

log = get_logger(__name__)


class Cleaner:
    """Idempotent: what is gone already is no error."""

    def __init__(self, config: Config, cri: Cri) -> None:
        self._config = config
        self._cri = cri

    async def remove_pod(self, pod: Pod, observed: ObservedPod) -> None:
        """Everything of a pod whose containers have ended and whose volumes are unmounted."""
        for container in observed.containers:
            await self.remove_container(container, pod)
        for sandbox in observed.sandboxes:
            with contextlib.suppress(CriError):
                await self._cri.stop_sandbox(sandbox.id)
            try:
                await self._cri.remove_sandbox(sandbox.id)
            except CriError as error:
                if error.code != "NOT_FOUND":
                    raise
        await asyncio.to_thread(self._remove_directories, pod)

    def _remove_directories(self, pod: Pod) -> None:
        meta = pod.metadata
        directory = pod_dir(self._config.root_dir, meta.uid)
        if os.path.isdir(directory) and not has_mounts(directory):
            shutil.rmtree(directory, ignore_errors=True)
        if meta.name:
            logs = names.pod_log_dir(self._config.pod_log_dir, meta.namespace, meta.name, meta.uid)
            shutil.rmtree(logs, ignore_errors=True)

    async def remove_container(self, container: ObservedContainer, pod: Pod) -> None:
        """The record of a container that has ended; its log stays."""
        try:
            await self._cri.remove_container(container.id)
        except CriError as error:
            if error.code != "NOT_FOUND":
                raise
        if self._config.container_log_dir and pod.metadata.name:
            link = names.log_link(self._config.container_log_dir, pod, container.name, container.id)
            with contextlib.suppress(OSError):
                os.unlink(link)

    async def trim(self, pod: Pod, observed: ObservedPod) -> None:
        """Of each container of a living pod keeps the newest dead ones only, and no old sandbox without containers."""
        dead: dict[str, list[ObservedContainer]] = defaultdict(list)
        for container in observed.containers:
            if container.state == EXITED:
                dead[container.name].append(container)
        newest = {observed.latest(c.name) for c in observed.containers}
        used = {c.sandbox_id for c in observed.containers}
        for containers in dead.values():
            older = [c for c in containers if c not in newest]
            for container in older[self._config.max_dead_containers_per_container :]:
                await self.remove_container(container, pod)
                with contextlib.suppress(OSError):
                    os.unlink(container.log_path)
        for sandbox in observed.sandboxes[1:]:
            if not sandbox.ready and sandbox.id not in used:
                with contextlib.suppress(CriError):
                    await self._cri.remove_sandbox(sandbox.id)

    def remove_older_logs(self, pod: Pod, container: ObservedContainer) -> None:
        """Logs of the container's name before this one; its own tells the next one its number."""
        meta = pod.metadata
        directory = names.pod_log_dir(self._config.pod_log_dir, meta.namespace, meta.name, meta.uid)
        for path in names.logs_before(os.path.join(directory, container.name), container.attempt):
            with contextlib.suppress(OSError):
                os.unlink(path)

    def remove_orphan_logs(self, known: set[str]) -> None:
        """Log directories of pods that are gone, and links to logs that are gone."""
        try:
            entries = os.listdir(self._config.pod_log_dir)
        except OSError:
            return
        for entry in entries:
            if entry.count("_") == 2 and entry.rsplit("_", 1)[1] not in known:
                shutil.rmtree(os.path.join(self._config.pod_log_dir, entry), ignore_errors=True)
        with contextlib.suppress(OSError):
            for link in os.scandir(self._config.container_log_dir or "/nonexistent"):
                if link.is_symlink() and not os.path.exists(link.path):
                    os.unlink(link.path)

    def pod_directories(self) -> list[str]:
        """uids of the pods that have a directory."""
        try:
            return os.listdir(os.path.join(self._config.root_dir, "pods"))
        except OSError:
            return []


def has_mounts(directory: str) -> bool:
    """Whether anything is mounted below; then nothing there may be removed."""
    prefix = os.path.realpath(directory) + "/"
    with open("/proc/self/mounts") as file:
        return any(line.split()[1].startswith(prefix) for line in file)
