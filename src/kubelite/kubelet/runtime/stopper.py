"""Stops containers and sandboxes: preStop hook, stop signal, grace, then the kill.

What: `Stopper.container` for one, `Stopper.pod` for all of a pod. Rules: hooks count against the grace period, at least two
seconds are left for the stop signal; main containers stop together, then the sidecars in reverse order, each waiting for
those before it as long as grace lasts.
Upstream: pkg/kubelet/kuberuntime/kuberuntime_container.go:killContainer, kuberuntime_termination_order.go.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from kubelite.api.types.core_v1 import LifecycleHandler, Pod
from kubelite.kubelet import podspec
from kubelite.kubelet.cri import Cri, CriError
from kubelite.kubelet.interfaces import AnyContainer
from kubelite.kubelet.lifecycle import HookFailed, Hooks
from kubelite.kubelet.observed import ObservedContainer, ObservedPod
from kubelite.kubelet.runtime.reporter import Reporter
from kubelite.util.log import get_logger

log = get_logger(__name__)

MIN_GRACE = 2


class Stopper:
    """Stops what runs; every call is safe to repeat."""

    def __init__(self, cri: Cri, hooks: Hooks, reporter: Reporter) -> None:
        self._cri = cri
        self._hooks = hooks
        self._reporter = reporter

    async def container(
        self, pod: Pod, container: ObservedContainer, *, message: str, grace: int, pod_ip: str = ""
    ) -> None:
        """Stops one container; returns when it has ended."""
        self._reporter.container(pod, container.name, "Normal", "Killing", message)
        found = podspec.find_container(pod, container.name)
        if found is not None and grace > 0:
            handler = found[1].lifecycle.preStop if found[1].lifecycle else None
            if handler is not None:
                grace = await self._pre_stop(pod, found[1], container.id, handler, grace, pod_ip)
        try:
            await self._cri.stop_container(container.id, grace)
        except CriError as error:
            if error.code != "NOT_FOUND":
                raise

    async def _pre_stop(
        self, pod: Pod, container: AnyContainer, container_id: str, handler: LifecycleHandler, grace: int, pod_ip: str
    ) -> int:
        """Runs the hook within the grace period; the seconds that are left."""
        started = time.monotonic()
        try:
            async with asyncio.timeout(grace):
                await self._hooks.run(pod, container, container_id, handler, pod_ip)
        except HookFailed as error:
            # The text of the hook may hold secrets: it goes to the log, not into an event.
            log.warning("PreStop hook failed", pod=podspec.full_name(pod), container=container.name, error=str(error))
            self._reporter.container(pod, container.name, "Warning", "FailedPreStopHook", "PreStopHook failed")
        except TimeoutError:
            log.info("preStop hook used up the grace period", pod=podspec.full_name(pod), container=container.name)
        return max(MIN_GRACE, grace - int(time.monotonic() - started))

    async def pod(self, pod: Pod, observed: ObservedPod, grace: int) -> None:
        """Stops all containers and then all sandboxes of the pod. The first error is raised after all were tried."""
        errors = await self._containers(pod, observed, grace)
        for sandbox in observed.sandboxes:
            try:
                await self._cri.stop_sandbox(sandbox.id)
            except CriError as error:
                if error.code != "NOT_FOUND":
                    errors.append(error)
        if errors:
            raise errors[0]

    async def _containers(self, pod: Pod, observed: ObservedPod, grace: int) -> list[BaseException]:
        sidecars = [c.name for c in pod.spec.initContainers if podspec.is_restartable_init(c)]
        running = observed.running
        first = [c for c in running if c.name not in sidecars]
        ip = observed.ips[0] if observed.ips else ""
        deadline = time.monotonic() + grace
        errors = await self._together(pod, first, grace, ip)
        for name in reversed(sidecars):
            left = max(0 if grace == 0 else MIN_GRACE, int(deadline - time.monotonic()))
            errors += await self._together(pod, [c for c in running if c.name == name], left, ip)
        return errors

    async def _together(
        self, pod: Pod, containers: Sequence[ObservedContainer], grace: int, ip: str
    ) -> list[BaseException]:
        stops = [
            self.container(pod, c, message=f"Stopping container {c.name}", grace=grace, pod_ip=ip) for c in containers
        ]
        results = await asyncio.gather(*stops, return_exceptions=True)
        return [result for result in results if isinstance(result, BaseException)]
