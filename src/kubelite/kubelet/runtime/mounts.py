"""What a container sees of the host: volumes, /etc/hosts and its termination log.

What: `container_mounts` makes the CRI mounts of one container; `hosts_file` renders /etc/hosts, `write_hosts` keeps it.
Upstream: pkg/kubelet/kubelet_pods.go:makeMounts, hostsFileContent.
"""

from __future__ import annotations

import os
import posixpath
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kubelite.api.types.core_v1 import Pod, VolumeMount
from kubelite.kubelet.expansion import expand
from kubelite.kubelet.interfaces import AnyContainer, SyncError
from kubelite.kubelet.runtime.sandbox import HostName
from kubelite.rpc import cri_v1_pb2 as pb

SubPath = Callable[[Pod, str, str, int, str, str], str]
"""`VolumeManager.sub_path`."""

HOSTS = "/etc/hosts"
DEFAULT_TERMINATION_PATH = "/dev/termination-log"
PROPAGATION = {
    "": pb.PROPAGATION_PRIVATE,
    "None": pb.PROPAGATION_PRIVATE,
    "HostToContainer": pb.PROPAGATION_HOST_TO_CONTAINER,
    "Bidirectional": pb.PROPAGATION_BIDIRECTIONAL,
}
MANAGED = "# Kubernetes-managed hosts file.\n"
MANAGED_HOST = "# Kubernetes-managed hosts file (host network).\n"


def pod_dir(root_dir: str, uid: str) -> str:
    return os.path.join(root_dir, "pods", uid)


def hosts_file(pod: Pod, hostname: HostName, ips: Sequence[str], host_text: str) -> str:
    """The text of /etc/hosts; on the host's network it is the host's own (`host_text`) plus the aliases."""
    if pod.spec.hostNetwork:
        text = MANAGED_HOST + host_text
    else:
        text = MANAGED + (
            "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\nfe00::0\tip6-localnet\n"
            "fe00::0\tip6-mcastprefix\nfe00::1\tip6-allnodes\nfe00::2\tip6-allrouters\n"
        )
        short = hostname.name.removesuffix("." + hostname.domain) if hostname.domain else hostname.name
        own = f"{short}.{hostname.domain}\t{short}" if hostname.domain else short
        text += "".join(f"{ip}\t{own}\n" for ip in ips)
    if pod.spec.hostAliases:
        text += "\n# Entries added by HostAliases.\n"
        text += "".join(f"{alias.ip}\t{chr(9).join(alias.hostnames)}\n" for alias in pod.spec.hostAliases)
    return text


def write_hosts(pod: Pod, hostname: HostName, ips: Sequence[str], root_dir: str) -> str:
    """Writes the pod's hosts file in place (containers have it bind-mounted) and returns its path."""
    path = os.path.join(pod_dir(root_dir, pod.metadata.uid), "etc-hosts")
    host_text = ""
    if pod.spec.hostNetwork:
        try:
            with open(HOSTS) as file:
                host_text = file.read()
        except OSError:
            host_text = "127.0.0.1\tlocalhost\n"
    text = hosts_file(pod, hostname, ips, host_text)
    try:
        with open(path) as file:
            if file.read() == text:
                return path
    except OSError:
        os.makedirs(os.path.dirname(path), mode=0o750, exist_ok=True)
    with open(path, "w") as file:
        file.write(text)
    os.chmod(path, 0o644)
    return path


def container_mounts(
    pod: Pod,
    container: AnyContainer,
    volumes: Mapping[str, str],
    variables: Mapping[str, str],
    sub_path: SubPath,
    hosts_path: str,
    root_dir: str,
    attempt: int,
) -> list[Any]:
    """CRI mounts of one container; makes its sub-paths and its termination log. SyncError for what cannot be mounted."""
    read_only = _read_only(pod)
    mounts = [
        _volume_mount(
            mount, _source(pod, container.name, index, mount, volumes, variables, sub_path), mount.name in read_only
        )
        for index, mount in enumerate(container.volumeMounts)
    ]
    targets = {mount.container_path for mount in mounts}
    if HOSTS not in targets and hosts_path:
        mounts.append(pb.Mount(container_path=HOSTS, host_path=hosts_path))
    target = container.terminationMessagePath or DEFAULT_TERMINATION_PATH
    if target not in targets:
        mounts.append(pb.Mount(container_path=target, host_path=_termination_log(pod, container, root_dir, attempt)))
    return mounts


def container_devices(pod: Pod, container: AnyContainer, volumes: Mapping[str, str]) -> list[Any]:
    """CRI devices of one container: its block volumes."""
    read_only, found = _read_only(pod), []
    for device in container.volumeDevices:
        source = volumes.get(device.name)
        if source is None:
            text = f'cannot find volume "{device.name}" to pass into container "{container.name}"'
            raise SyncError("CreateContainerConfigError", text)
        allowed = "r" if device.name in read_only else "mrw"
        found.append(pb.Device(container_path=device.devicePath, host_path=source, permissions=allowed))
    return found


def _read_only(pod: Pod) -> set[str]:
    """Volumes whose files the kubelet writes and keeps fresh, and claims used for reading: no container may write into them."""
    return {
        v.name
        for v in pod.spec.volumes
        if v.configMap
        or v.secret
        or v.downwardAPI
        or v.projected
        or (v.csi and v.csi.readOnly)
        or (v.nfs and v.nfs.readOnly)
        or (v.persistentVolumeClaim and v.persistentVolumeClaim.readOnly)
    }


def _termination_log(pod: Pod, container: AnyContainer, root_dir: str, attempt: int) -> str:
    directory = os.path.join(pod_dir(root_dir, pod.metadata.uid), "containers", container.name)
    os.makedirs(directory, mode=0o750, exist_ok=True)
    path = os.path.join(directory, f"termination-{attempt}")
    with open(path, "wb"):
        pass
    # The container's user is unknown here and must be able to write.
    os.chmod(path, 0o666)
    return path


def _source(
    pod: Pod,
    container: str,
    index: int,
    mount: VolumeMount,
    volumes: Mapping[str, str],
    variables: Mapping[str, str],
    sub_path: SubPath,
) -> str:
    """The host path behind one mount."""
    source = volumes.get(mount.name)
    if source is None:
        text = f'cannot find volume "{mount.name}" to mount into container "{container}"'
        raise SyncError("CreateContainerConfigError", text)
    path = mount.subPath
    if mount.subPathExpr:
        path = expand(mount.subPathExpr, variables)
        if "$(" in path:
            text = f'failed to expand subPath "{mount.subPathExpr}": a variable is not defined'
            raise SyncError("CreateContainerConfigError", text)
    return sub_path(pod, mount.name, container, index, source, path) if path else source


def _volume_mount(mount: VolumeMount, source: str, read_only: bool) -> Any:
    target = mount.mountPath if mount.mountPath.startswith("/") else posixpath.join("/", mount.mountPath)
    return pb.Mount(
        container_path=target,
        host_path=source,
        readonly=bool(mount.readOnly) or read_only,
        propagation=PROPAGATION[mount.mountPropagation],
        recursive_read_only=mount.recursiveReadOnly == "Enabled",
    )
