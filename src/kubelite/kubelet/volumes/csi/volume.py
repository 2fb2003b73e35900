"""A CSI volume of a pod: what PersistentVolume or pod say of it, in one form. Pure.

What: `of_claim`, `of_pod`, and what a driver is told beside it. Sources: pkg/volume/csi/csi_mounter.go, csi_plugin.go,
csi_util.go.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from kubelite.api.types.core_v1 import PersistentVolume, Pod, SecretReference
from kubelite.api.types.core_v1 import Volume as PodVolume
from kubelite.api.types.storage_v1 import CSIDriver
from kubelite.kubelet.volumes.csi import names

PERSISTENT: Final = "Persistent"
EPHEMERAL: Final = "Ephemeral"
MOUNT_OPTIONS: Final = "volume.beta.kubernetes.io/mount-options"
POD_NAME: Final = "csi.storage.k8s.io/pod.name"
POD_NAMESPACE: Final = "csi.storage.k8s.io/pod.namespace"
POD_UID: Final = "csi.storage.k8s.io/pod.uid"
ACCOUNT: Final = "csi.storage.k8s.io/serviceAccount.name"
IS_EPHEMERAL: Final = "csi.storage.k8s.io/ephemeral"
TOKENS: Final = "csi.storage.k8s.io/serviceAccount.tokens"


@dataclass(frozen=True, slots=True)
class Volume:
    """`name` is that of the PersistentVolume, or of the pod's own volume; `volume` is what the pod calls it."""

    name: str
    volume: str
    driver: str
    handle: str
    mode: str = PERSISTENT
    fs_type: str = ""
    read_only: bool = False
    is_block: bool = False
    access_modes: tuple[str, ...] = ()
    mount_options: tuple[str, ...] = ()
    attributes: Mapping[str, str] = field(default_factory=dict)
    stage_secret: SecretReference | None = None
    publish_secret: SecretReference | None = None
    expand_secret: SecretReference | None = None

    @property
    def access_mode(self) -> str:
        """The one that a driver is told."""
        return self.access_modes[0] if self.access_modes else "ReadWriteOnce"

    @property
    def is_persistent(self) -> bool:
        return self.mode == PERSISTENT

    @property
    def unique_name(self) -> str:
        return names.unique_name(self.driver, self.handle)


def mount_options(volume: PersistentVolume) -> tuple[str, ...]:
    """Of a PersistentVolume; the annotation is older than the field."""
    old = volume.metadata.annotations.get(MOUNT_OPTIONS, "")
    return tuple(one for one in old.split(",") if one) or tuple(volume.spec.mountOptions)


def of_claim(volume: PersistentVolume, name: str, *, read_only: bool) -> Volume:
    """A claim's volume; `name` is what the pod calls it."""
    source = volume.spec.csi
    assert source is not None
    return Volume(
        name=volume.metadata.name,
        volume=name,
        driver=source.driver,
        handle=source.volumeHandle,
        fs_type=source.fsType,
        read_only=read_only,
        is_block=volume.spec.volumeMode == "Block",
        access_modes=tuple(volume.spec.accessModes),
        mount_options=mount_options(volume),
        attributes=source.volumeAttributes,
        stage_secret=source.nodeStageSecretRef,
        publish_secret=source.nodePublishSecretRef,
        expand_secret=source.nodeExpandSecretRef,
    )


def of_pod(pod: Pod, volume: PodVolume) -> Volume:
    """A volume that lives in the pod's spec, and with the pod."""
    source, secret = volume.csi, None
    assert source is not None
    if source.nodePublishSecretRef is not None:
        secret = SecretReference(name=source.nodePublishSecretRef.name, namespace=pod.metadata.namespace)
    return Volume(
        name=volume.name,
        volume=volume.name,
        driver=source.driver,
        handle=names.inline_handle(pod.metadata.uid, volume.name),
        mode=EPHEMERAL,
        fs_type=source.fsType,
        read_only=bool(source.readOnly),
        attributes=source.volumeAttributes,
        publish_secret=secret,
    )


def check_mode(volume: Volume, driver: CSIDriver | None) -> None:
    """Raises ValueError when the driver does not say that it can do this."""
    if driver is None:
        if not volume.is_persistent:
            raise ValueError(
                f'volume mode "{volume.mode}" not supported by driver {volume.driver} (no CSIDriver object)'
            )
        return
    supported = driver.spec.volumeLifecycleModes
    if volume.mode not in supported:
        listed = " ".join(json.dumps(mode) for mode in supported)
        raise ValueError(
            f'volume mode "{volume.mode}" not supported by driver {volume.driver} (only supports [{listed}])'
        )


def attaches(driver: CSIDriver | None) -> bool:
    """Whether its volumes are attached first; one that has not said otherwise does."""
    return driver is None or driver.spec.attachRequired is not False


def pod_info(pod: Pod, volume: Volume, driver: CSIDriver | None) -> dict[str, str]:
    """What a driver that asks for it is told of the pod."""
    if driver is None or not driver.spec.podInfoOnMount:
        return {}
    return {
        POD_NAME: pod.metadata.name,
        POD_NAMESPACE: pod.metadata.namespace,
        POD_UID: pod.metadata.uid,
        ACCOUNT: pod.spec.serviceAccountName,
        IS_EPHEMERAL: "false" if volume.is_persistent else "true",
    }


def changes_owner(volume: Volume, group: int | None, driver: CSIDriver | None) -> bool:
    """Whether the kubelet gives the volume's files to the pod's group: never a volume that is only read."""
    policy = driver.spec.fsGroupPolicy if driver is not None else ""
    if group is None or policy == "None" or volume.read_only or volume.is_block:
        return False
    if policy == "File":
        return True
    if not volume.fs_type:
        return False
    return not volume.is_persistent or bool({"ReadWriteOnce", "ReadWriteOncePod"} & set(volume.access_modes))


def tokens_attribute(tokens: Sequence[tuple[str, str, str]]) -> dict[str, str]:
    """`tokens` are (audience, token, expiration): one attribute that holds them all."""
    if not tokens:
        return {}
    shown = {audience: {"token": token, "expirationTimestamp": expires} for audience, token, expires in tokens}
    return {TOKENS: json.dumps(shown, separators=(",", ":"), sort_keys=True)}
