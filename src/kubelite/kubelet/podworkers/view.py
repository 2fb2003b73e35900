"""What a worker knows of its pod's state, and how it shows it: probe results, reasons of waits, the status.

Why: the worker decides when; this says what is seen. Flow: ObservedPod + probes + reasons → `compute_status` → StatusManager.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from kubelite.api.types.core_v1 import PodStatus
from kubelite.kubelet import podspec
from kubelite.kubelet.interfaces import ProbeTarget
from kubelite.kubelet.observed import RUNNING, ObservedPod
from kubelite.kubelet.podworkers.parts import Parts
from kubelite.kubelet.status.containers import StatusInput
from kubelite.kubelet.status.pod import Verdict, compute_status

if TYPE_CHECKING:
    from kubelite.kubelet.podworkers.worker import PodWorker


class PodView:
    """Of one worker."""

    def __init__(self, parts: Parts, worker: PodWorker) -> None:
        self._parts = parts
        self._worker = worker
        self.reasons: dict[str, tuple[str, str]] = {}
        """Container → why it waits."""

    def probe(self, name: str, container_id: str, kind: str) -> str | None:
        return self._parts.probes.result(self._worker.uid, name, container_id, kind)

    def start_time(self) -> float | None:
        known = self._parts.statuses.get(self._worker.uid) or self._worker.pod.status
        if not known.startTime:
            return None
        return datetime.fromisoformat(known.startTime).timestamp()

    def publish(
        self, observed: ObservedPod, verdict: Verdict | None, *, ended: bool = False, over: bool = False
    ) -> PodStatus:
        """Computes the status and hands it to the manager; a final phase is shown only when nothing runs any more."""
        parts, pod = self._parts, self._worker.pod
        given = StatusInput(
            pod=pod,
            observed=observed,
            old=parts.statuses.get(pod.metadata.uid) or pod.status,
            reasons=self.reasons,
            probe=self.probe,
            now=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            host_ips=parts.host_ips(),
            runtime=parts.runtime_name(),
            ended=ended,
            started_hooks=frozenset(parts.launcher.hooking),
        )
        status = compute_status(given, verdict)
        shown = status
        if status.phase in ("Succeeded", "Failed") and observed.running and given.old.phase:
            shown = compute_status(given, None)
            shown.phase = given.old.phase
        if not self._worker.gone:
            parts.statuses.set(pod, shown, over=over)
        return status

    def sync_probes(self, observed: ObservedPod) -> None:
        """Tells the probe manager which containers there are."""
        pod = self._worker.pod
        targets = []
        for kind, container in podspec.all_containers(pod):
            if kind == "ephemeral" or (kind == "init" and not podspec.is_restartable_init(container)):
                continue
            seen = observed.latest(container.name)
            if seen is not None and (container.livenessProbe or container.readinessProbe or container.startupProbe):
                targets.append(
                    ProbeTarget(
                        container=container,  # type: ignore[arg-type]
                        container_id=seen.id,
                        running=seen.state == RUNNING,
                        started_at=seen.started_at / 1e9,
                    )
                )
        ips = self._parts.host_ips() if podspec.is_host_network(pod) else observed.ips
        if targets:
            self._parts.probes.sync(pod, ips[0] if ips else "", targets)
