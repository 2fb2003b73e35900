"""Questions about a pod's spec that plan, status and runtime all ask. Pure.

Upstream: pkg/api/v1/pod/util.go, pkg/kubelet/container/helpers.go.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import msgspec

from kubelite.api.logic import restartrules
from kubelite.api.types.core_v1 import Container, Pod
from kubelite.kubelet.interfaces import AnyContainer
from kubelite.kubelet.observed import CREATED, EXITED, RUNNING, ObservedContainer, ObservedPod

MIRROR_ANNOTATION = "kubernetes.io/config.mirror"


def full_name(pod: Pod) -> str:
    """`name_namespace(uid)`, as messages to users show a pod."""
    return f"{pod.metadata.name}_{pod.metadata.namespace}({pod.metadata.uid})"


def is_restartable_init(container: AnyContainer) -> bool:
    """A sidecar: an init container with restartPolicy Always."""
    return container.restartPolicy == "Always"


def all_containers(pod: Pod) -> Iterator[tuple[str, AnyContainer]]:
    """(`init` | `main` | `ephemeral`, container) in the order they start."""
    for container in pod.spec.initContainers:
        yield "init", container
    for container in pod.spec.containers:
        yield "main", container
    for ephemeral in pod.spec.ephemeralContainers:
        yield "ephemeral", ephemeral


def find_container(pod: Pod, name: str) -> tuple[str, AnyContainer] | None:
    return next(((kind, c) for kind, c in all_containers(pod) if c.name == name), None)


def field_path(pod: Pod, name: str) -> str:
    """`spec.containers{web}`: which container an event is about."""
    fields = {"init": "spec.initContainers", "main": "spec.containers", "ephemeral": "spec.ephemeralContainers"}
    found = find_container(pod, name)
    return f"{fields[found[0]]}{{{name}}}" if found else ""


def container_hash(container: AnyContainer) -> str:
    """Changes when a running container must be replaced: its name or its image changed."""
    return hashlib.blake2b(msgspec.json.encode([container.name, container.image]), digest_size=4).hexdigest()


def is_host_network(pod: Pod) -> bool:
    return bool(pod.spec.hostNetwork)


def grace_period(pod: Pod) -> int:
    """Seconds between the stop signal and the kill when the pod is deleted or stops by itself."""
    if pod.metadata.deletionGracePeriodSeconds is not None:
        return pod.metadata.deletionGracePeriodSeconds
    seconds = pod.spec.terminationGracePeriodSeconds
    return 30 if seconds is None else seconds


def restarts_after_exit(pod: Pod, container: AnyContainer, exit_code: int) -> bool:
    """Whether a container that ended with `exit_code` runs again."""
    if restartrules.action(container, exit_code):
        return True  # alone, or with all others
    policy = container.restartPolicy or pod.spec.restartPolicy or "Always"
    return policy == "Always" or (policy == "OnFailure" and exit_code != 0)


def should_be_started(pod: Pod, container: AnyContainer, status: ObservedContainer | None) -> bool:
    """Whether a main container must be (re)started, given its newest instance (ShouldContainerBeRestarted)."""
    if pod.metadata.deletionTimestamp is not None:
        return False
    if status is None:
        return True
    if status.state == RUNNING:
        return False
    if status.state in (CREATED,):
        return True
    return restarts_after_exit(pod, container, status.exit_code) if status.state == EXITED else True


def restart_causes(pod: Pod, observed: ObservedPod) -> tuple[ObservedContainer, ...]:
    """The containers whose exit asks for a restart of all; none for a pod that is being deleted."""
    if pod.metadata.deletionTimestamp is not None or not restartrules.could_restart_all(pod.spec):
        return ()
    newest = ((c, observed.latest(c.name)) for c in (*pod.spec.initContainers, *pod.spec.containers))
    return tuple(
        seen
        for container, seen in newest
        if seen is not None
        and seen.state == EXITED
        and restartrules.action(container, seen.exit_code) == restartrules.RESTART_ALL
    )


def find_main(pod: Pod, name: str) -> Container | None:
    return next((c for c in pod.spec.containers if c.name == name), None)
