"""A container as CRI wants it described.

Upstream: pkg/kubelet/kuberuntime/kuberuntime_container.go:generateContainerConfig, kuberuntime_container_linux.go.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from kubelite.api.types.core_v1 import Pod
from kubelite.kubelet import podspec
from kubelite.kubelet.expansion import expand
from kubelite.kubelet.interfaces import AnyContainer
from kubelite.kubelet.runtime import names
from kubelite.kubelet.runtime.mounts import DEFAULT_TERMINATION_PATH
from kubelite.rpc import cri_v1_pb2 as pb


def render(
    pod: Pod,
    container: AnyContainer,
    attempt: int,
    *,
    image: str,
    variables: Mapping[str, str],
    mounts: Sequence[Any],
    resources: Mapping[str, Any],
    security: Any,
    devices: Sequence[Any] = (),
) -> Any:
    """The `ContainerConfig`; `image` is the id of the image that is present."""
    config = pb.ContainerConfig(
        metadata=pb.ContainerMetadata(name=container.name, attempt=attempt),
        image=pb.ImageSpec(image=image, user_specified_image=container.image),
        command=[expand(word, variables) for word in container.command],
        args=[expand(word, variables) for word in container.args],
        working_dir=container.workingDir,
        envs=[pb.KeyValue(key=key, value=value.encode()) for key, value in variables.items()],
        mounts=list(mounts),
        devices=list(devices),
        labels=names.container_labels(pod, container.name),
        annotations=_annotations(pod, container, attempt),
        log_path=names.log_path(container.name, attempt),
        stdin=bool(container.stdin),
        stdin_once=bool(container.stdinOnce),
        tty=bool(container.tty),
    )
    config.linux.resources.CopyFrom(pb.LinuxContainerResources(**resources))
    config.linux.security_context.CopyFrom(security)
    signal = container.lifecycle.stopSignal if container.lifecycle else ""
    if signal:
        config.stop_signal = pb.Signal.Value(signal)
    return config


def _annotations(pod: Pod, container: AnyContainer, attempt: int) -> dict[str, str]:
    """What the kubelet must know of a container when the pod's spec is gone."""
    notes = {
        names.HASH: podspec.container_hash(container),
        names.RESTART_COUNT: str(attempt),
        names.TERMINATION_PATH: container.terminationMessagePath or DEFAULT_TERMINATION_PATH,
        names.TERMINATION_POLICY: container.terminationMessagePolicy or "File",
    }
    if pod.metadata.deletionGracePeriodSeconds is not None:
        notes[names.POD_DELETION_GRACE] = str(pod.metadata.deletionGracePeriodSeconds)
    if pod.spec.terminationGracePeriodSeconds is not None:
        notes[names.POD_TERMINATION_GRACE] = str(pod.spec.terminationGracePeriodSeconds)
    if container.lifecycle is not None and container.lifecycle.preStop is not None:
        notes[names.PRE_STOP] = msgspec.json.encode(container.lifecycle.preStop).decode()
    if container.ports:
        notes[names.PORTS] = msgspec.json.encode(container.ports).decode()
    return notes
