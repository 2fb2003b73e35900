"""Defaults of volumes.

Flow: a typed Volume in, the same changed in place: files get mode 0644, an empty source becomes emptyDir, a token lives for
an hour. Upstream: SetDefaults_Volume and the SetDefaults_*VolumeSource functions of pkg/apis/core/v1.
"""

from __future__ import annotations

from collections.abc import Iterable

from kubelite.api.core.pod.images import default_pull_policy
from kubelite.api.core.pod.quantities import canonical_amount, rounded_amount
from kubelite.api.types import core_v1 as v1

FILE_MODE = 0o644
TOKEN_SECONDS = 3600
SOURCES = tuple(name for name in v1.Volume.__struct_fields__ if name != "name")
"""Every kind of volume source, in the order of the type."""


def default_volume(volume: v1.Volume) -> None:
    """Default one volume of a pod or template."""
    for files in (volume.secret, volume.configMap, volume.downwardAPI, volume.projected):
        if files is not None and files.defaultMode is None:
            files.defaultMode = FILE_MODE
    if volume.emptyDir is not None:
        if volume.emptyDir.sizeLimit is not None:
            volume.emptyDir.sizeLimit = canonical_amount(volume.emptyDir.sizeLimit)
    elif volume.projected is not None:
        _default_projections(volume.projected.sources)
    elif volume.downwardAPI is not None:
        _default_files(volume.downwardAPI.items)
    elif volume.image is not None:
        volume.image.pullPolicy = volume.image.pullPolicy or default_pull_policy(volume.image.reference)
    elif volume.ephemeral is not None:
        _default_claim_template(volume.ephemeral)
    elif not any(getattr(volume, name) is not None for name in SOURCES):
        volume.emptyDir = v1.EmptyDirVolumeSource()
    else:
        default_network_disk(volume)


def _default_projections(sources: Iterable[v1.VolumeProjection]) -> None:
    for source in sources:
        if source.serviceAccountToken is not None and source.serviceAccountToken.expirationSeconds is None:
            source.serviceAccountToken.expirationSeconds = TOKEN_SECONDS
        if source.downwardAPI is not None:
            _default_files(source.downwardAPI.items)


def _default_files(files: Iterable[v1.DownwardAPIVolumeFile]) -> None:
    for file in files:
        if file.fieldRef is not None:
            default_field_ref(file.fieldRef)
        if file.resourceFieldRef is not None:
            file.resourceFieldRef.divisor = canonical_amount(file.resourceFieldRef.divisor or "0")


def default_field_ref(reference: v1.ObjectFieldSelector) -> None:
    """A field reference speaks of v1 unless it says otherwise."""
    if not reference.apiVersion:
        reference.apiVersion = "v1"


def _default_claim_template(source: v1.EphemeralVolumeSource) -> None:
    template = source.volumeClaimTemplate
    if template is None:
        return
    spec = template.spec
    spec.volumeMode = spec.volumeMode or "Filesystem"
    if spec.resources is not None:
        for amounts in (spec.resources.requests, spec.resources.limits):
            amounts.update({name: rounded_amount(amount) for name, amount in amounts.items()})


def default_folders(spec: v1.PodSpec) -> None:
    """Folders of the node in a spec that was stored before they had a default type: nothing else may look changed."""
    for volume in spec.volumes:
        if volume.hostPath is not None and volume.hostPath.type is None:
            volume.hostPath.type = ""


def default_network_disk(volume: v1.Volume | v1.PersistentVolumeSpec) -> None:
    """The old network disks have defaults of their own; so have folders of the node, which they share with claims."""
    if volume.iscsi is not None and not volume.iscsi.iscsiInterface:
        volume.iscsi.iscsiInterface = "default"
    if volume.rbd is not None:
        volume.rbd.pool = volume.rbd.pool or "rbd"
        volume.rbd.user = volume.rbd.user or "admin"
        volume.rbd.keyring = volume.rbd.keyring or "/etc/ceph/keyring"
    if volume.scaleIO is not None:
        volume.scaleIO.storageMode = volume.scaleIO.storageMode or "ThinProvisioned"
        volume.scaleIO.fsType = volume.scaleIO.fsType or "xfs"
    if volume.hostPath is not None and volume.hostPath.type is None:
        volume.hostPath.type = ""
    if volume.azureDisk is not None:
        disk = volume.azureDisk
        disk.cachingMode = disk.cachingMode or "ReadWrite"
        disk.kind = disk.kind or "Shared"
        disk.fsType = disk.fsType or "ext4"
        disk.readOnly = bool(disk.readOnly)
