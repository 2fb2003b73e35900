"""What a persistent volume is on: checks of each source, and their defaults.

What: `SOURCES`, a check by field, in upstream's order. Why: most are the sources that pods name directly; those that refer to a
secret of any namespace have checks of their own. Flow: `persistent_volume` calls the check of the one source that is set.
Upstream: validateCSIPersistentVolumeSource, validateISCSIPersistentVolumeSource and their like.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kubelite.api import validation as check
from kubelite.api.core.pod.validation.disks import DISKS
from kubelite.api.core.pod.validation.paths import no_backsteps
from kubelite.api.core.pod.validation.volumes import SOURCES as POD_SOURCES
from kubelite.api.types import core_v1 as v1
from kubelite.machinery import fielderrors as fe
from kubelite.machinery import names
from kubelite.machinery.fielderrors import FieldErrors, Path

Check = Callable[[Any, Path], FieldErrors]
MAX_DRIVER = 63
CSI_SECRETS = (
    "controllerPublishSecretRef",
    "controllerExpandSecretRef",
    "nodePublishSecretRef",
    "nodeExpandSecretRef",
)


def driver_name(name: str, path: Path) -> FieldErrors:
    """The name of a CSI driver: a domain in any case, at most 63 long."""
    if not name:
        return [fe.required(path)]
    errors = [fe.too_long(path, MAX_DRIVER)] if len(name.encode()) > MAX_DRIVER else []
    return errors + check.complaints(path, name, names.dns1123_subdomain(name.lower()))


def _whole_reference(ref: Any | None, path: Path) -> FieldErrors:
    """A secret by name and namespace, if there is one."""
    if ref is None:
        return []
    return [fe.required(path / name) for name in ("name", "namespace") if not getattr(ref, name)]


def _csi(source: v1.CSIPersistentVolumeSource, path: Path) -> FieldErrors:
    errors = driver_name(source.driver, path / "driver")
    if not source.volumeHandle:
        errors.append(fe.required(path / "volumeHandle"))
    for name in (*CSI_SECRETS, "nodeStageSecretRef"):
        errors += _whole_reference(getattr(source, name), path / name)
    return errors


def _local(source: v1.LocalVolumeSource, path: Path) -> FieldErrors:
    if not source.path:
        return [fe.required(path / "path")]
    return no_backsteps(source.path, path / "path")


def _iscsi(source: v1.ISCSIPersistentVolumeSource, path: Path) -> FieldErrors:
    errors = DISKS["iscsi"](source, path)
    if source.secretRef is not None and not source.secretRef.name:
        errors.append(fe.required(path / "secretRef" / "name"))
    return errors


def _cinder(source: v1.CinderPersistentVolumeSource, path: Path) -> FieldErrors:
    errors = [] if source.volumeID else [fe.required(path / "volumeID")]
    return errors + _whole_reference(source.secretRef, path / "secretRef")


def _glusterfs(source: v1.GlusterfsPersistentVolumeSource, path: Path) -> FieldErrors:
    errors = DISKS["glusterfs"](source, path)
    for why in names.dns1123_label(source.endpointsNamespace) if source.endpointsNamespace else ():
        detail = f"if the endpointsNamespace is set, it must be a valid namespace name: {why}"
        errors.append(fe.invalid(path / "endpointsNamespace", source.endpointsNamespace, detail))
    return errors


def _storage_os(source: v1.StorageOSPersistentVolumeSource, path: Path) -> FieldErrors:
    errors: FieldErrors = []
    if not source.volumeName:
        errors.append(fe.required(path / "volumeName"))
    for name in ("volumeName", "volumeNamespace"):
        value = getattr(source, name)
        errors += check.complaints(path / name, value, names.dns1123_label(value) if value else ())
    return errors + _whole_reference(source.secretRef, path / "secretRef")


SOURCES: dict[str, Check] = {
    "hostPath": POD_SOURCES["hostPath"],
    "gcePersistentDisk": DISKS["gcePersistentDisk"],
    "awsElasticBlockStore": DISKS["awsElasticBlockStore"],
    "glusterfs": _glusterfs,
    "flocker": DISKS["flocker"],
    "nfs": POD_SOURCES["nfs"],
    "rbd": DISKS["rbd"],
    "quobyte": DISKS["quobyte"],
    "cephfs": DISKS["cephfs"],
    "iscsi": _iscsi,
    "cinder": _cinder,
    "fc": DISKS["fc"],
    "flexVolume": DISKS["flexVolume"],
    "azureFile": DISKS["azureFile"],
    "vsphereVolume": DISKS["vsphereVolume"],
    "photonPersistentDisk": DISKS["photonPersistentDisk"],
    "portworxVolume": DISKS["portworxVolume"],
    "azureDisk": DISKS["azureDisk"],
    "scaleIO": DISKS["scaleIO"],
    "local": _local,
    "storageos": _storage_os,
    "csi": _csi,
}
"""Checks by the field of the spec."""

GONE = {
    "photonPersistentDisk": "deprecated in v1.11, non-functional in v1.16+",
    "scaleIO": "deprecated in v1.16, non-functional in v1.22+",
    "storageos": "deprecated in v1.22, non-functional in v1.25+",
    "glusterfs": "deprecated in v1.25, non-functional in v1.26+",
    "rbd": "deprecated in v1.28, non-functional in v1.31+",
    "cephfs": "deprecated in v1.28, non-functional in v1.31+",
}
"""What a client is warned of, by the field of the spec."""
_SHOWN = {"storageos": "storageOS"}


def gone_warnings(spec: v1.PersistentVolumeSpec, path: str) -> list[str]:
    """Texts about sources that upstream no longer serves."""
    return [
        f"{path}.{_SHOWN.get(name, name)}: {text}" for name, text in GONE.items() if getattr(spec, name) is not None
    ]


def of(spec: v1.PersistentVolumeSpec) -> dict[str, Any]:
    """The sources that are set, by field."""
    return {name: getattr(spec, name) for name in SOURCES if getattr(spec, name) is not None}
