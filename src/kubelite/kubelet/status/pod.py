"""The status of a pod: phase, conditions, addresses and its containers. Pure.

Upstream: pkg/kubelet/kubelet_pods.go:getPhase, generateAPIPodStatus; pkg/kubelet/status/generate.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from kubelite.api.logic import restartrules
from kubelite.api.logic.podresources import qos_class
from kubelite.api.types.core_v1 import ContainerStatus, HostIP, Pod, PodCondition, PodIP, PodStatus
from kubelite.kubelet import podspec
from kubelite.kubelet.status.containers import ALL_RESTARTING, RESTARTING_ALL, StatusInput, container_statuses

OWNED_CONDITIONS = (
    "PodReadyToStartContainers",
    "Initialized",
    "Ready",
    "ContainersReady",
    "PodScheduled",
    ALL_RESTARTING,
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """A phase decided from outside the containers: rejected, evicted, over its deadline."""

    phase: str
    reason: str
    message: str
    rejected: bool = False
    """The pod never began: its status tells of no containers."""


def compute_status(given: StatusInput, verdict: Verdict | None = None) -> PodStatus:
    """The pod's whole status; conditions keep their lastTransitionTime while their status stays."""
    pod, observed = given.pod, given.observed
    status = PodStatus(
        qosClass=given.old.qosClass or qos_class(pod),
        startTime=given.old.startTime or given.now,
        observedGeneration=pod.metadata.generation,
        hostIP=given.host_ips[0] if given.host_ips else "",
        hostIPs=[HostIP(ip=ip) for ip in given.host_ips],
        nominatedNodeName=given.old.nominatedNodeName,
    )
    if verdict is not None and verdict.rejected:
        status.phase, status.reason, status.message = verdict.phase, verdict.reason, verdict.message
        status.conditions = given.old.conditions
        return status
    status.initContainerStatuses = container_statuses(given, "init")
    status.containerStatuses = container_statuses(given, "main")
    status.ephemeralContainerStatuses = container_statuses(given, "ephemeral")
    status.phase = phase(pod, status, given.ended)
    if given.old.phase in ("Failed", "Succeeded") and status.phase not in ("Failed", "Succeeded"):
        status.phase, status.reason, status.message = given.old.phase, given.old.reason, given.old.message
    elif given.old.phase == "Failed" and status.phase == "Failed":
        status.reason, status.message = given.old.reason, given.old.message
    if verdict is not None:
        status.phase, status.reason, status.message = verdict.phase, verdict.reason, verdict.message
    ips: Sequence[str] = given.host_ips if podspec.is_host_network(pod) and observed.sandbox else observed.ips
    if not ips and (given.ended or status.phase in ("Failed", "Succeeded")):
        ips = [item.ip for item in given.old.podIPs]
    status.podIP = ips[0] if ips else ""
    status.podIPs = [PodIP(ip=ip) for ip in ips]
    status.conditions = _conditions(given, status)
    return status


# --- phase


def phase(pod: Pod, status: PodStatus, ended: bool) -> str:
    """Pending, Running, Succeeded or Failed from the containers alone."""
    init = _init_phase(pod, status)
    if init:
        return init
    waiting = running = stopped = succeeded = 0
    for item in status.containerStatuses:
        state, last = item.state, item.lastState
        if state is None:
            waiting += 1
        elif state.running is not None:
            running += 1
        elif state.terminated is not None:
            stopped += 1
            succeeded += state.terminated.exitCode == 0
        elif last is not None and last.terminated is not None:
            stopped += 1
        else:
            waiting += 1
    comes_back = any(map(partial(_comes_back, pod), status.containerStatuses))
    return _main_phase(pod, ended, waiting, running, stopped, succeeded, comes_back)


def _comes_back(pod: Pod, item: ContainerStatus) -> bool:
    """Whether a container's own policy or rules start it again after its last end, whatever the pod's policy."""
    container = podspec.find_main(pod, item.name)
    ended = item.state.terminated if item.state is not None else None
    if ended is None and item.lastState is not None:
        ended = item.lastState.terminated
        if ended is not None and ended.reason == RESTARTING_ALL:
            return True
    return (
        ended is not None and container is not None and podspec.restarts_after_exit(pod, container, ended.exitCode or 0)
    )


def _main_phase(
    pod: Pod, ended: bool, waiting: int, running: int, stopped: int, succeeded: int, comes_back: bool
) -> str:
    if waiting:
        return "Pending"
    if running:
        return "Running"
    if not stopped:
        return "Pending"
    if ended:
        return "Succeeded" if stopped == succeeded else "Failed"
    policy = pod.spec.restartPolicy or "Always"
    if policy == "Always" or comes_back:
        return "Running"
    if stopped == succeeded:
        return "Succeeded"
    return "Failed" if policy == "Never" else "Running"


def _init_phase(pod: Pod, status: PodStatus) -> str:
    """The phase while init containers are not done; "" when the main containers decide."""
    main_started = any(
        item.state is not None and (item.state.running is not None or item.state.terminated is not None)
        for item in status.containerStatuses
    )
    for container, item in zip(pod.spec.initContainers, status.initContainerStatuses, strict=True):
        state = item.state
        if podspec.is_restartable_init(container):
            if not main_started and not item.started and (state is None or state.terminated is None):
                return "Pending"
            continue
        if main_started and (state is None or state.terminated is None):
            continue
        if state is None or state.terminated is None:
            return "Pending"
        code = state.terminated.exitCode or 0
        if code:
            return "Pending" if podspec.restarts_after_exit(pod, container, code) else "Failed"
    return ""


# --- conditions


def _conditions(given: StatusInput, status: PodStatus) -> list[PodCondition]:
    pod = given.pod
    conditions = [c for c in given.old.conditions if c.type not in OWNED_CONDITIONS]
    extra = {c.type: c.status for c in (*conditions, *pod.status.conditions)}
    containers_ready = _containers_ready(pod, status, "ContainersReady")
    wanted = [
        PodCondition(type="PodReadyToStartContainers", status="True" if _has_sandbox(given) else "False"),
        _initialized(pod, status),
        _ready(pod, status, containers_ready, extra),
        containers_ready,
        PodCondition(type="PodScheduled", status="True"),
        *_all_restarting(given, status),
    ]
    old = {c.type: c for c in (*pod.status.conditions, *given.old.conditions)}
    for condition in wanted:
        before = old.get(condition.type)
        unchanged = before is not None and before.status == condition.status
        condition.lastTransitionTime = before.lastTransitionTime if before and unchanged else given.now
        condition.observedGeneration = pod.metadata.generation
    return [*wanted, *conditions]


def _all_restarting(given: StatusInput, status: PodStatus) -> list[PodCondition]:
    """Of a pod that may restart all its containers: whether they are being removed for that now."""
    if not restartrules.could_restart_all(given.pod.spec):
        return []
    if status.phase in ("Succeeded", "Failed"):
        reason = "PodCompleted" if status.phase == "Succeeded" else "PodFailed"
        return [PodCondition(type=ALL_RESTARTING, status="False", reason=reason)]
    if not podspec.restart_causes(given.pod, given.observed):
        return [PodCondition(type=ALL_RESTARTING, status="False")]
    message = "container exited with restart policy rule"
    return [PodCondition(type=ALL_RESTARTING, status="True", reason="RestartAllContainersStarted", message=message)]


def _has_sandbox(given: StatusInput) -> bool:
    sandbox = given.observed.sandbox
    return sandbox is not None and sandbox.ready and (podspec.is_host_network(given.pod) or bool(sandbox.ips))


def _initialized(pod: Pod, status: PodStatus) -> PodCondition:
    if status.phase == "Succeeded":
        return PodCondition(type="Initialized", status="True", reason="PodCompleted")
    incomplete = []
    for container, item in zip(pod.spec.initContainers, status.initContainerStatuses, strict=True):
        sidecar = podspec.is_restartable_init(container)
        if not (item.started if sidecar else item.ready):
            incomplete.append(container.name)
    started = any(c.state is not None and (c.state.running or c.state.terminated) for c in status.containerStatuses)
    if not incomplete or started:
        return PodCondition(type="Initialized", status="True")
    message = f"containers with incomplete status: [{' '.join(incomplete)}]"
    return PodCondition(type="Initialized", status="False", reason="ContainersNotInitialized", message=message)


def _unready(pod: Pod, status: PodStatus) -> list[str]:
    names = []
    for container, item in zip(pod.spec.initContainers, status.initContainerStatuses, strict=True):
        if podspec.is_restartable_init(container) and not item.ready:
            names.append(item.name)
    return names + [item.name for item in status.containerStatuses if not item.ready]


def _containers_ready(pod: Pod, status: PodStatus, type_: str) -> PodCondition:
    if status.phase == "Succeeded":
        return PodCondition(type=type_, status="False", reason="PodCompleted")
    if status.phase == "Failed":
        return PodCondition(type=type_, status="False", reason="PodFailed")
    unready = _unready(pod, status)
    if not unready:
        return PodCondition(type=type_, status="True")
    message = f"containers with unready status: [{' '.join(unready)}]"
    return PodCondition(type=type_, status="False", reason="ContainersNotReady", message=message)


def _ready(pod: Pod, status: PodStatus, containers: PodCondition, extra: dict[str, str]) -> PodCondition:
    if containers.status != "True":
        return PodCondition(type="Ready", status="False", reason=containers.reason, message=containers.message)
    missing = []
    for gate in pod.spec.readinessGates:
        found = extra.get(gate.conditionType)
        if found is None:
            missing.append(f'corresponding condition of pod readiness gate "{gate.conditionType}" does not exist.')
        elif found != "True":
            missing.append(f'the status of pod readiness gate "{gate.conditionType}" is not "True", but {found}')
    if missing:
        message = ", ".join(missing)
        return PodCondition(type="Ready", status="False", reason="ReadinessGatesNotReady", message=message)
    return PodCondition(type="Ready", status="True")
