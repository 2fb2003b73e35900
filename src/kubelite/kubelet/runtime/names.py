"""Labels, annotations and paths by which the kubelet finds its own again after a restart.

Upstream: pkg/kubelet/types/labels.go, pkg/kubelet/kuberuntime/labels.go, helpers.go.
"""

from __future__ import annotations

import os
import re

from kubelite.api.types.core_v1 import Pod

POD_NAME = "io.kubernetes.pod.name"
POD_NAMESPACE = "io.kubernetes.pod.namespace"
POD_UID = "io.kubernetes.pod.uid"
CONTAINER_NAME = "io.kubernetes.container.name"

HASH = "io.kubernetes.container.hash"
RESTART_COUNT = "io.kubernetes.container.restartCount"
TERMINATION_PATH = "io.kubernetes.container.terminationMessagePath"
TERMINATION_POLICY = "io.kubernetes.container.terminationMessagePolicy"
POD_DELETION_GRACE = "io.kubernetes.pod.deletionGracePeriod"
POD_TERMINATION_GRACE = "io.kubernetes.pod.terminationGracePeriod"
PRE_STOP = "io.kubernetes.container.preStopHandler"
PORTS = "io.kubernetes.container.ports"

_LOG_FILE = re.compile(r"(\d+)\.log")


def pod_log_dir(root: str, namespace: str, name: str, uid: str) -> str:
    """`<root>/<namespace>_<name>_<uid>`."""
    return os.path.join(root, f"{namespace}_{name}_{uid}")


def log_path(container_name: str, attempt: int) -> str:
    """A container's log, relative to the pod's log directory."""
    return f"{container_name}/{attempt}.log"


def log_link(container_log_dir: str, pod: Pod, container_name: str, container_id: str) -> str:
    """The link that log collectors follow; names that would be too long are cut as upstream cuts them."""
    stem = f"{pod.metadata.name}_{pod.metadata.namespace}_{container_name}"
    suffix = f"-{container_id}.log"
    return os.path.join(container_log_dir, stem[: 255 - len(suffix)] + suffix)


def attempts_logged(directory: str) -> int:
    """The restart count that the log files of a container let one conclude: the highest number plus one, 0 for none."""
    try:
        entries = os.listdir(directory)
    except OSError:
        return 0
    numbers = [int(match.group(1)) for entry in entries if (match := _LOG_FILE.match(entry))]
    return max(numbers) + 1 if numbers else 0


def logs_before(directory: str, attempt: int) -> list[str]:
    """Paths of the log files, rotated ones too, of a container's attempts before this one."""
    try:
        entries = os.listdir(directory)
    except OSError:
        return []
    older = (entry for entry in entries if (match := _LOG_FILE.match(entry)) and int(match.group(1)) < attempt)
    return [os.path.join(directory, entry) for entry in older]


def pod_labels(pod: Pod) -> dict[str, str]:
    meta = pod.metadata
    return {**meta.labels, POD_NAME: meta.name, POD_NAMESPACE: meta.namespace, POD_UID: meta.uid}


def container_labels(pod: Pod, container_name: str) -> dict[str, str]:
    meta = pod.metadata
    return {
        CONTAINER_NAME: container_name,
        POD_NAME: meta.name,
        POD_NAMESPACE: meta.namespace,
        POD_UID: meta.uid,
    }
