"""The files of configMap, secret, downwardAPI and projected volumes. Pure.

What: one function for each source, object in, files out. Why: what a volume shows is decided apart from how it is written.
Source: pkg/volume/configmap, pkg/volume/secret, pkg/volume/downwardapi, pkg/volume/projected. Raises ValueError with the
user's text.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence

from kubelite.api.types.core_v1 import ConfigMap, Container, DownwardAPIVolumeFile, KeyToPath, Pod, Secret
from kubelite.kubelet.env.downward import field_value, resource_value
from kubelite.kubelet.volumes.atomic import File

DEFAULT_MODE = 0o644
TOKEN_MODE = 0o600


def data_of(obj: ConfigMap | Secret) -> dict[str, bytes]:
    """Keys and bytes of an object."""
    if isinstance(obj, Secret):
        return {key: base64.b64decode(value) for key, value in obj.data.items()}
    data = {key: value.encode() for key, value in obj.data.items()}
    data.update({key: base64.b64decode(value) for key, value in obj.binaryData.items()})
    return data


def of_object(
    obj: ConfigMap | Secret | None, kind: str, name: str, items: Sequence[KeyToPath], mode: int, optional: bool
) -> dict[str, File]:
    """The files of a config map or secret: all keys, or the chosen ones at their paths."""
    if obj is None:
        if optional:
            return {}
        raise ValueError(f'{kind} "{name}" not found')
    data = data_of(obj)
    if not items:
        return {key: File(value, mode) for key, value in data.items()}
    files = {}
    for item in items:
        if item.key not in data:
            if optional:
                continue
            what = (
                "configmap references non-existent config key"
                if kind == "configmap"
                else "references non-existent secret key"
            )
            raise ValueError(f"{what}: {item.key}")
        files[item.path] = File(data[item.key], mode if item.mode is None else item.mode)
    return files


def of_downward(
    pod: Pod,
    items: Sequence[DownwardAPIVolumeFile],
    mode: int,
    allocatable: Mapping[str, str | int | float],
    host_ips: Sequence[str] = (),
    pod_ips: Sequence[str] = (),
) -> dict[str, File]:
    """The files of a downwardAPI source."""
    files = {}
    for item in items:
        if item.fieldRef:
            text = field_value(pod, item.fieldRef.fieldPath, pod_ips=pod_ips, host_ips=host_ips)
        elif item.resourceFieldRef:
            text = resource_value(pod, item.resourceFieldRef, None, allocatable)
        else:
            text = ""
        files[item.path] = File(text.encode(), mode if item.mode is None else item.mode)
    return files


def fs_user(pod: Pod) -> int | None:
    """The one user as whom all containers run; None when they differ or do not say."""
    users = set()
    containers: list[Container] = [*pod.spec.initContainers, *pod.spec.containers]
    shared = pod.spec.securityContext.runAsUser if pod.spec.securityContext else None
    for container in containers:
        own = container.securityContext.runAsUser if container.securityContext else None
        users.add(shared if own is None else own)
    return users.pop() if len(users) == 1 else None


def of_token(path: str, token: str, mode: int, user: int | None, group: int | None) -> dict[str, File]:
    """The file of a service account token: for its user or group alone where there is one."""
    if user is None and group is None:
        return {path: File(token.encode(), mode)}
    return {path: File(token.encode(), TOKEN_MODE, user)}
