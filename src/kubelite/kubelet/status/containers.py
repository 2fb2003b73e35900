"""The status of each container, from its spec, what runs, and why it waits. Pure.

Upstream: pkg/kubelet/kubelet_pods.go:convertToAPIContainerStatuses, pkg/kubelet/prober/prober_manager.go:UpdatePodStatus.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from kubelite.api.logic import restartrules
from kubelite.api.types.core_v1 import (
    ContainerState,
    ContainerStateRunning,
    ContainerStateTerminated,
    ContainerStateWaiting,
    ContainerStatus,
    ContainerUser,
    LinuxContainerUser,
    Pod,
    PodStatus,
    ResourceRequirements,
    VolumeMountStatus,
)
from kubelite.kubelet import podspec
from kubelite.kubelet.interfaces import SUCCESS, AnyContainer
from kubelite.kubelet.observed import EXITED, RUNNING, ObservedContainer, ObservedPod

Probe = Callable[[str, str, str], str | None]
"""(container name, container id, probe kind) → result."""

RESTARTING_ALL = "RestartingAllContainers"
RESTARTING_ALL_MESSAGE = "The container is removed because RestartAllContainers in place"
ALL_RESTARTING = "AllContainersRestarting"
"""Type of the condition."""
KILLED = 137
UNKNOWN_MESSAGE = "The container could not be located when the pod was deleted.  The container used to be Running"
RUNTIME = "containerd"


@dataclass(frozen=True, slots=True)
class StatusInput:
    """Everything a pod's status depends on; `now` is RFC3339, `reasons` maps container → (reason, message) of its wait."""

    pod: Pod
    observed: ObservedPod
    old: PodStatus
    reasons: Mapping[str, tuple[str, str]]
    probe: Probe
    now: str
    host_ips: Sequence[str] = ()
    runtime: str = RUNTIME
    ended: bool = False
    """The pod is over: nothing of it runs, nothing will."""
    started_hooks: frozenset[str] = frozenset()
    """Ids of containers whose postStart hook is still running."""


def text_time(nanoseconds: int) -> str | None:
    """RFC3339 in whole seconds; None for 0."""
    if not nanoseconds:
        return None
    return datetime.fromtimestamp(nanoseconds // 1_000_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def container_statuses(given: StatusInput, kind: str) -> list[ContainerStatus]:
    """The statuses of all containers of `kind` (`init`, `main`, `ephemeral`), in the order of the spec."""
    old_lists = {
        "init": given.old.initContainerStatuses,
        "main": given.old.containerStatuses,
        "ephemeral": given.old.ephemeralContainerStatuses,
    }
    old = {status.name: status for status in old_lists[kind]}
    return [
        _container_status(given, kind, container, old.get(container.name))
        for container_kind, container in podspec.all_containers(given.pod)
        if container_kind == kind
    ]


def _container_status(
    given: StatusInput, kind: str, container: AnyContainer, old: ContainerStatus | None
) -> ContainerStatus:
    newest = given.observed.latest(container.name)
    if newest is None:
        status = _without_container(given, container, old)
    else:
        status = _from_observed(given, container, newest)
        previous = given.observed.previous(container.name)
        if previous is not None and previous.state == EXITED:
            status.lastState = ContainerState(terminated=terminated(given.runtime, previous))
        elif newest.attempt and old is not None and old.restartCount == newest.attempt and old.lastState is not None:
            status.lastState = old.lastState
    _apply_wait(given, kind, container, status, newest)
    _apply_readiness(given, kind, container, status, newest, old)
    if given.ended:
        _apply_end(status, may_be_unstarted=kind == "main" and not _initialized(given))
    return status


def _waiting_default(given: StatusInput) -> ContainerState:
    reason = "PodInitializing" if given.pod.spec.initContainers else "ContainerCreating"
    return ContainerState(waiting=ContainerStateWaiting(reason=reason))


def _without_container(given: StatusInput, container: AnyContainer, old: ContainerStatus | None) -> ContainerStatus:
    """The runtime knows no such container: it was never made, or it was lost."""
    status = ContainerStatus(
        name=container.name,
        image=container.image,
        imageID="",
        restartCount=0,
        state=_waiting_default(given),
        lastState=ContainerState(),
    )
    if old is None or old.state is None:
        return status
    status.restartCount = old.restartCount or 0
    status.lastState = old.lastState or ContainerState()
    if _removed_to_restart(given, container, old.state):
        waiting = ContainerStateWaiting(reason=RESTARTING_ALL, message=RESTARTING_ALL_MESSAGE)
        last = ContainerStateTerminated(reason=RESTARTING_ALL, message=RESTARTING_ALL_MESSAGE, exitCode=KILLED)
        status.state, status.lastState = ContainerState(waiting=waiting), ContainerState(terminated=last)
        status.restartCount += 1
    elif old.state.terminated is not None:
        status.state = old.state
        status.imageID, status.containerID, status.image = old.imageID, old.containerID, old.image
    elif old.state.running is not None:
        lost = ContainerStateTerminated(
            reason="ContainerStatusUnknown", message=UNKNOWN_MESSAGE, exitCode=KILLED, containerID=old.containerID
        )
        status.containerID = old.containerID
        if podspec.restarts_after_exit(given.pod, container, KILLED):
            status.lastState = ContainerState(terminated=lost)
            status.restartCount += 1
        else:
            status.state = ContainerState(terminated=lost)
    return status


def _removed_to_restart(given: StatusInput, container: AnyContainer, old: ContainerState) -> bool:
    """A container that had been made is gone while all are restarted; once it waits, that is told already."""
    if old.waiting is not None or container in given.pod.spec.ephemeralContainers:
        return False
    if not restartrules.could_restart_all(given.pod.spec):
        return False
    told = any(c.type == ALL_RESTARTING and c.status == "True" for c in given.old.conditions)
    return told or bool(podspec.restart_causes(given.pod, given.observed))


def _from_observed(given: StatusInput, container: AnyContainer, newest: ObservedContainer) -> ContainerStatus:
    status = ContainerStatus(
        name=container.name,
        containerID=f"{given.runtime}://{newest.id}",
        image=newest.image or container.image,
        imageID=newest.image_id,
        restartCount=newest.attempt,
        lastState=ContainerState(),
    )
    if newest.state == RUNNING:
        status.state = ContainerState(running=ContainerStateRunning(startedAt=text_time(newest.started_at)))
        _add_running_details(container, status, newest)
    elif newest.state == EXITED:
        status.state = ContainerState(terminated=terminated(given.runtime, newest))
    else:
        status.state = _waiting_default(given)
    status.volumeMounts = [
        VolumeMountStatus(
            name=mount.name,
            mountPath=mount.mountPath,
            readOnly=mount.readOnly or None,
            recursiveReadOnly="Disabled" if mount.readOnly else "",
        )
        for mount in container.volumeMounts
    ]
    return status


def _add_running_details(container: AnyContainer, status: ContainerStatus, newest: ObservedContainer) -> None:
    resources = container.resources
    status.resources = ResourceRequirements(
        limits=resources.limits if resources else {}, requests=resources.requests if resources else {}
    )
    status.allocatedResources = dict(resources.requests) if resources else {}
    if newest.user is not None:
        uid, gid, groups = newest.user
        status.user = ContainerUser(linux=LinuxContainerUser(uid=uid, gid=gid, supplementalGroups=list(groups)))


def terminated(runtime: str, container: ObservedContainer) -> ContainerStateTerminated:
    return ContainerStateTerminated(
        exitCode=container.exit_code,
        reason=container.reason or ("Completed" if container.exit_code == 0 else "Error"),
        message=container.message,
        startedAt=text_time(container.started_at),
        finishedAt=text_time(container.finished_at),
        containerID=f"{runtime}://{container.id}",
    )


def _apply_wait(
    given: StatusInput, kind: str, container: AnyContainer, status: ContainerStatus, newest: ObservedContainer | None
) -> None:
    """A container that should start but cannot shows why, and its last end moves to lastState."""
    wait = given.reasons.get(container.name)
    if wait is None or given.ended or (newest is not None and newest.state == RUNNING):
        return
    if newest is not None and newest.state == EXITED:
        restarts = podspec.restarts_after_exit(given.pod, container, newest.exit_code)
        if kind == "ephemeral" or not restarts:
            return
        status.lastState = ContainerState(terminated=terminated(given.runtime, newest))
    status.state = ContainerState(waiting=ContainerStateWaiting(reason=wait[0], message=wait[1]))


def _apply_readiness(
    given: StatusInput,
    kind: str,
    container: AnyContainer,
    status: ContainerStatus,
    newest: ObservedContainer | None,
    old: ContainerStatus | None,
) -> None:
    running = newest is not None and newest.state == RUNNING and status.state is not None and status.state.running
    if kind == "init" and not podspec.is_restartable_init(container):
        done = status.state is not None and status.state.terminated is not None
        status.ready = bool(done and status.state and status.state.terminated and status.state.terminated.exitCode == 0)
        status.started = bool(running)
        return
    if not running or newest is None:
        status.ready = status.started = False
        return
    same = old is not None and old.containerID == status.containerID
    status.started = newest.id not in given.started_hooks and _probed(
        given, container, newest.id, "startup", bool(same and old and old.started)
    )
    status.ready = status.started and _probed(
        given, container, newest.id, "readiness", bool(same and old and old.ready)
    )
    if kind == "ephemeral":
        status.ready = False


def _probed(given: StatusInput, container: AnyContainer, container_id: str, kind: str, before: bool) -> bool:
    """Whether the probe is satisfied; before its first result (after a restart of the kubelet) what was known before."""
    if (container.startupProbe if kind == "startup" else container.readinessProbe) is None:
        return True
    result = given.probe(container.name, container_id, kind)
    return before if result is None else result == SUCCESS


def _initialized(given: StatusInput) -> bool:
    """Every init container that must end has ended well, or a main container was made."""
    if any(given.observed.latest(container.name) for container in given.pod.spec.containers):
        return True
    return all(
        (last := given.observed.latest(c.name)) is not None and last.state == EXITED and last.exit_code == 0
        for c in given.pod.spec.initContainers
        if not podspec.is_restartable_init(c)
    )


def _apply_end(status: ContainerStatus, *, may_be_unstarted: bool) -> None:
    """Of a pod that is over no container runs, and none waits but those whose turn never came (TerminatePod)."""
    if not status.ready or status.state is None or status.state.terminated is None:
        status.ready = False
    status.started = False
    if may_be_unstarted and not status.containerID:
        return
    if status.state is not None and status.state.terminated is not None:
        return
    last = status.lastState
    if last is not None and last.terminated is not None and not (status.state and status.state.running):
        status.state, status.lastState = last, ContainerState()
        return
    status.state = ContainerState(
        terminated=ContainerStateTerminated(
            reason="ContainerStatusUnknown",
            message="The container could not be located when the pod was terminated",
            exitCode=KILLED,
        )
    )
