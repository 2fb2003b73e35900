"""Starts one container: image, configuration, create, start, postStart.

What: `Launcher.start(...)` does the steps in order; SyncError carries the reason that the pod's status shows.
Upstream: pkg/kubelet/kuberuntime/kuberuntime_container.go:startContainer.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kubelite.api.logic.podresources import qos_class
from kubelite.api.types.core_v1 import LifecycleHandler, Pod
from kubelite.kubelet.config import Config
from kubelite.kubelet.cri import Cri, CriError
from kubelite.kubelet.interfaces import AnyContainer, Environment, SyncError, VolumeManager
from kubelite.kubelet.lifecycle import HookFailed, Hooks
from kubelite.kubelet.node.machine import Machine
from kubelite.kubelet.observed import ObservedContainer, ObservedPod
from kubelite.kubelet.plan import Start
from kubelite.kubelet.podspec import find_container, grace_period
from kubelite.kubelet.runtime import container as container_config
from kubelite.kubelet.runtime import mounts, names, resources, security
from kubelite.kubelet.runtime.images import Images, PresentImage
from kubelite.kubelet.runtime.reporter import Reporter
from kubelite.kubelet.runtime.sandbox import HostName
from kubelite.kubelet.runtime.stopper import Stopper
from kubelite.util.log import get_logger

log = get_logger(__name__)

RETRY = {"ErrImagePull": 1.0, "ErrImageNeverPull": 10.0, "InvalidImageName": 30.0}
"""A failed pull is looked at soon, only to show its back-off; what nothing but a change can mend is tried seldom."""
RETRY_OTHERS = 5.0


@dataclass(frozen=True, slots=True)
class Sandbox:
    """Where containers of a pod are started."""

    id: str
    config: Any
    hostname: HostName
    ips: Sequence[str]
    volumes: Mapping[str, str]
    host_ips: Sequence[str]


class Launcher:
    """Starts containers of one kubelet. `hooking` holds the ids whose postStart hook runs now."""

    def __init__(
        self,
        *,
        config: Config,
        cri: Cri,
        images: Images,
        env: Environment,
        volumes: VolumeManager,
        hooks: Hooks,
        stopper: Stopper,
        reporter: Reporter,
        machine: Machine,
        lowest_oom: int,
        cgroup_v2: bool,
    ) -> None:
        self._config = config
        self._cri = cri
        self._images = images
        self._env = env
        self._volumes = volumes
        self._hooks = hooks
        self._stopper = stopper
        self._reporter = reporter
        self._machine = machine
        self._lowest_oom = lowest_oom
        self._cgroup_v2 = cgroup_v2
        self.hooking: set[str] = set()

    async def start(
        self, pod: Pod, container: AnyContainer, start: Start, sandbox: Sandbox, observed: ObservedPod
    ) -> None:
        """All steps for one container; raises SyncError with the reason of what failed."""

        def tell(type_: str, reason: str, message: str) -> None:
            self._reporter.container(pod, container.name, type_, reason, message)

        try:
            image = await self._images.ensure(pod, container, sandbox.config, tell)
        except SyncError as error:
            tell("Warning", "Failed", f"Error: {error.reason}")
            raise
        if start.replaces:
            await self._remove_unstarted(start.replaces)
        attempt = start.attempt or self._attempt_from_logs(pod, container.name)
        try:
            config = await self._config_of(pod, container, attempt, sandbox, image, observed)
        except SyncError as error:
            tell("Warning", "Failed", f"Error: {error.message}")
            raise
        container_id = await self._create(container, sandbox, config, tell)
        tell("Normal", "Created", "Container created")
        try:
            await self._cri.start_container(container_id)
        except CriError as error:
            tell("Warning", "Failed", f"Error: {error.message}")
            raise SyncError("RunContainerError", error.message) from error
        tell("Normal", "Started", "Container started")
        self._link_log(pod, container.name, container_id, attempt)
        hook = container.lifecycle.postStart if container.lifecycle else None
        if hook is not None:
            await self._post_start(pod, container, container_id, hook, sandbox)

    async def _remove_unstarted(self, container_id: str) -> None:
        """A container that an earlier kubelet made and had no time to start."""
        try:
            await self._cri.remove_container(container_id)
        except CriError as error:
            if error.code != "NOT_FOUND":
                raise

    def retry_after(self, pod: Pod, container: AnyContainer, reason: str) -> float:
        """Seconds after which a container that could not start for `reason` is tried again."""
        if reason == "ImagePullBackOff":
            return self._images.next_try(pod, container) + 0.1
        return RETRY.get(reason, RETRY_OTHERS)

    def _attempt_from_logs(self, pod: Pod, name: str) -> int:
        """A container whose record is gone goes on counting where its logs end."""
        meta = pod.metadata
        directory = names.pod_log_dir(self._config.pod_log_dir, meta.namespace, meta.name, meta.uid)
        return names.attempts_logged(os.path.join(directory, name))

    async def _config_of(
        self,
        pod: Pod,
        container: AnyContainer,
        attempt: int,
        sandbox: Sandbox,
        image: PresentImage,
        observed: ObservedPod,
    ) -> Any:
        config = self._config
        target = _target_id(container, observed)
        context = security.container_context(
            pod,
            container,
            image.image,
            seccomp_default=config.seccomp_default,
            root_dir=config.root_dir,
            target_id=target,
        )
        variables = await self._env.make_env(pod, container, pod_ips=sandbox.ips, host_ips=sandbox.host_ips)
        hosts = mounts.write_hosts(pod, sandbox.hostname, sandbox.ips, config.root_dir)
        return container_config.render(
            pod,
            container,
            attempt,
            image=image.id,
            variables=variables,
            mounts=mounts.container_mounts(
                pod, container, sandbox.volumes, variables, self._volumes.sub_path, hosts, config.root_dir, attempt
            ),
            resources=resources.container_resources(
                pod,
                container,
                qos_class(pod),
                self._machine.memory_bytes,
                lowest_oom=self._lowest_oom,
                cgroup_v2=self._cgroup_v2,
            ),
            security=context,
            devices=mounts.container_devices(pod, container, sandbox.volumes),
        )

    async def _create(self, container: AnyContainer, sandbox: Sandbox, config: Any, tell: Any) -> str:
        directory = os.path.join(sandbox.config.log_directory, container.name)
        os.makedirs(directory, mode=0o755, exist_ok=True)
        try:
            return await self._cri.create_container(sandbox.id, config, sandbox.config)
        except CriError as error:
            if error.code == "UNKNOWN" and "is reserved for" in error.message:
                # A create whose answer was lost: the runtime holds the name. Its record shows at the next relist.
                log.info("Container name is taken by an earlier try", container=container.name)
            tell("Warning", "Failed", f"Error: {error.message}")
            raise SyncError("CreateContainerError", error.message) from error

    async def _post_start(
        self, pod: Pod, container: AnyContainer, container_id: str, hook: LifecycleHandler, sandbox: Sandbox
    ) -> None:
        """The hook holds up the pod's other containers; when it fails, the container is killed."""
        self.hooking.add(container_id)
        try:
            await self._hooks.run(pod, container, container_id, hook, sandbox.ips[0] if sandbox.ips else "")
        except HookFailed as error:
            # The text of the hook may hold secrets: it goes to the log, not into an event.
            log.warning("PostStart hook failed", pod=pod.metadata.name, container=container.name, error=str(error))
            self._reporter.container(pod, container.name, "Warning", "FailedPostStartHook", "PostStartHook failed")
            doomed = ObservedContainer(
                id=container_id, sandbox_id=sandbox.id, name=container.name, attempt=0, state="running", created_at=0
            )
            await self._stopper.container(pod, doomed, message="FailedPostStartHook", grace=grace_period(pod))
            raise SyncError("PostStartHookError", str(error)) from error
        finally:
            self.hooking.discard(container_id)

    def _link_log(self, pod: Pod, name: str, container_id: str, attempt: int) -> None:
        if not self._config.container_log_dir:
            return
        meta = pod.metadata
        directory = names.pod_log_dir(self._config.pod_log_dir, meta.namespace, meta.name, meta.uid)
        link = names.log_link(self._config.container_log_dir, pod, name, container_id)
        with contextlib.suppress(FileExistsError, OSError):
            os.makedirs(self._config.container_log_dir, exist_ok=True)
            os.symlink(os.path.join(directory, names.log_path(name, attempt)), link)


def _target_id(container: AnyContainer, observed: ObservedPod) -> str:
    """The container whose processes an ephemeral container shares."""
    name = getattr(container, "targetContainerName", "")
    target = observed.latest(name) if name else None
    return target.id if target is not None else ""


def container_of(pod: Pod, name: str) -> AnyContainer:
    """The container of this name; the plan names only those that exist."""
    found = find_container(pod, name)
    if found is None:
        raise SyncError("RunContainerError", f"container {name} is not in the spec")
    return found[1]
