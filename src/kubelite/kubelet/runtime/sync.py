"""Carries out a plan: kills, makes the sandbox, starts containers, in that order.

What: `Runtime.sync(pod, observed, plan)` → `Outcome` with the reasons of what could not be done. Why: one place where CRI is
told what to run. Flow: Plan in; CRI calls, events; what failed stays visible in the outcome and is planned again.
Upstream: pkg/kubelet/kuberuntime/kuberuntime_manager.go:SyncPod.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from kubelite.api.types.core_v1 import Pod
from kubelite.kubelet.cgroups import Cgroups
from kubelite.kubelet.config import Config
from kubelite.kubelet.crashloop import CrashLoop
from kubelite.kubelet.cri import Cri, CriError
from kubelite.kubelet.interfaces import Environment, SyncError, VolumeManager
from kubelite.kubelet.node.machine import Machine
from kubelite.kubelet.observed import ObservedPod
from kubelite.kubelet.plan import Kill, Plan, Reset, Start
from kubelite.kubelet.podspec import find_container, grace_period, is_host_network
from kubelite.kubelet.runtime import sandbox as sandbox_config
from kubelite.kubelet.runtime.cleaner import Cleaner
from kubelite.kubelet.runtime.launcher import Launcher, Sandbox, container_of
from kubelite.kubelet.runtime.reporter import Reporter
from kubelite.kubelet.runtime.stopper import Stopper
from kubelite.machinery.errors import StatusError
from kubelite.util.log import get_logger

log = get_logger(__name__)

RESET = "killing"
"""What the event says of a container that is killed so that all start anew."""


@dataclass(slots=True)
class Outcome:
    """What a sync could not do: container → (reason, message); `error` is a failure of the pod as a whole."""

    reasons: dict[str, tuple[str, str]] = field(default_factory=dict)
    error: SyncError | None = None
    wait: float = 0.0
    """Seconds until it makes sense to try again, 0.0: nothing waits."""

    def retry_in(self, seconds: float) -> None:
        self.wait = min(self.wait, seconds) if self.wait else seconds


class Runtime:
    """Acts on pods of one kubelet; one call at a time for each pod (their workers see to that)."""

    def __init__(
        self,
        *,
        config: Config,
        cri: Cri,
        cgroups: Cgroups,
        volumes: VolumeManager,
        env: Environment,
        launcher: Launcher,
        stopper: Stopper,
        reporter: Reporter,
        machine: Machine,
        crashes: CrashLoop,
        runtime_class: Callable[[str], Awaitable[str]],
    ) -> None:
        self._config = config
        self._cri = cri
        self._cgroups = cgroups
        self._volumes = volumes
        self._env = env
        self._launcher = launcher
        self._stopper = stopper
        self._cleaner = Cleaner(config, cri)
        self._reporter = reporter
        self._machine = machine
        self.crashes = crashes
        self._runtime_class = runtime_class

    async def sync(self, pod: Pod, observed: ObservedPod, plan: Plan, host_ips: Sequence[str]) -> Outcome:
        """Does what the plan says; a failed step keeps the later ones that need it from being tried."""
        outcome = Outcome(reasons=self.note_waits(pod, plan))
        for wait in plan.waits:
            outcome.retry_in(wait.seconds + 0.05)
        if plan.reset:
            await self._reset(pod, observed, plan.reset)
            return outcome
        if plan.kill_pod:
            await self._stopper.pod(pod, observed, grace_period(pod))
            if not plan.create_sandbox:
                return outcome
        await self._kill(pod, observed, plan.kill)
        starts = (*plan.start_ephemeral, *plan.start_init, *plan.start)
        if not starts and not plan.create_sandbox:
            return outcome
        try:
            sandbox = await self._sandbox(pod, observed, plan, host_ips)
        except SyncError as error:
            outcome.error = error
            return outcome
        for start in starts:
            await self._start(pod, observed, start, sandbox, outcome)
        return outcome

    def note_waits(self, pod: Pod, plan: Plan) -> dict[str, tuple[str, str]]:
        """Tells of the containers in back-off; container → (reason, message)."""
        return self._reporter.waits(pod, plan)

    async def _kill(self, pod: Pod, observed: ObservedPod, kills: Sequence[Kill]) -> None:
        running = {c.id: c for c in observed.containers}
        ip = observed.ips[0] if observed.ips else ""
        for kill in kills:
            container = running.get(kill.container_id)
            if container is not None:
                grace = _probe_grace(pod, kill)
                await self._stopper.container(pod, container, message=kill.message, grace=grace, pod_ip=ip)

    async def _reset(self, pod: Pod, observed: ObservedPod, resets: Sequence[Reset]) -> None:
        """Removes containers without grace and without preStop; sandbox and volumes stay."""
        present = {c.id: c for c in observed.containers}
        for reset in resets:
            container = present[reset.container_id]
            if reset.kill:
                await self._stopper.container(pod, container, message=RESET, grace=0)
            await self._cleaner.remove_container(container, pod)
            if container == observed.latest(container.name):
                await asyncio.to_thread(self._cleaner.remove_older_logs, pod, container)

    # --- sandbox

    async def _sandbox(self, pod: Pod, observed: ObservedPod, plan: Plan, host_ips: Sequence[str]) -> Sandbox:
        """The sandbox to start containers in, made if the plan wants a new one."""
        parent = ""
        if self._config.cgroups_per_qos:
            parent = await asyncio.to_thread(self._cgroups.ensure_pod, pod)
        volumes = await self._mount(pod)
        hostname = sandbox_config.hostname_of(pod, self._config, self._machine.hostname)
        current = observed.sandbox
        attempt = plan.sandbox_attempt if plan.create_sandbox else (current.attempt if current else 0)
        config = sandbox_config.render(
            pod,
            attempt,
            config=self._config,
            dns=self._env.dns(pod),
            hostname=hostname,
            cgroup_parent=parent,
        )
        ips: Sequence[str]
        if plan.create_sandbox or current is None:
            sandbox_id = await self._run_sandbox(pod, config)
            status = await self._cri.sandbox_status(sandbox_id)
            ips = tuple(ip for ip in (status.network.ip, *(i.ip for i in status.network.additional_ips)) if ip)
        else:
            sandbox_id, ips = current.id, current.ips
        if is_host_network(pod):
            ips = host_ips
        return Sandbox(sandbox_id, config, hostname, ips, volumes, host_ips)

    async def _mount(self, pod: Pod) -> dict[str, str]:
        try:
            return dict(await self._volumes.mount(pod))
        except SyncError as error:
            self._reporter.pod(pod, "Warning", error.reason, error.message)
            raise

    async def _handler_of(self, pod: Pod) -> str:
        """The runtime handler of the pod's runtime class; refuses what this node cannot give."""
        if pod.spec.hostUsers is False:
            text = "user namespaces are not supported on this node: hostUsers must not be false"
            self._reporter.pod(pod, "Warning", "FailedCreatePodSandBox", text)
            raise SyncError("CreatePodSandboxError", text)
        if not pod.spec.runtimeClassName:
            return ""
        try:
            return await self._runtime_class(pod.spec.runtimeClassName)
        except StatusError as error:
            text = f"Failed to create pod sandbox: failed to get sandbox runtime: {error.message}"
            self._reporter.pod(pod, "Warning", "FailedCreatePodSandBox", text)
            raise SyncError("CreatePodSandboxError", text) from error

    async def _run_sandbox(self, pod: Pod, config: Any) -> str:
        os.makedirs(config.log_directory, mode=0o755, exist_ok=True)
        handler = await self._handler_of(pod)
        try:
            return await self._cri.run_sandbox(config, handler)
        except CriError as error:
            text = f"Failed to create pod sandbox: {error.text}"
            self._reporter.pod(pod, "Warning", "FailedCreatePodSandBox", text)
            raise SyncError("CreatePodSandboxError", text) from error

    # --- containers

    async def _start(self, pod: Pod, observed: ObservedPod, start: Start, sandbox: Sandbox, outcome: Outcome) -> None:
        container = container_of(pod, start.name)
        try:
            await self._launcher.start(pod, container, start, sandbox, observed)
        except SyncError as error:
            outcome.reasons[start.name] = (error.reason, error.message)
            outcome.retry_in(self._launcher.retry_after(pod, container, error.reason))
        except CriError as error:
            outcome.reasons[start.name] = ("RunContainerError", error.text)
            outcome.retry_in(5.0)
        finally:
            if start.finished_at:
                self.crashes.started(pod.metadata.uid, start.name, start.finished_at, time.time())


def _probe_grace(pod: Pod, kill: Kill) -> int:
    """A probe may name its own grace period for the containers it condemns."""
    found = find_container(pod, kill.name)
    if found is not None and kill.reason:
        probe = found[1].livenessProbe if kill.reason == "liveness" else found[1].startupProbe
        if probe is not None and probe.terminationGracePeriodSeconds is not None:
            return probe.terminationGracePeriodSeconds
    return grace_period(pod)
