"""The network disks of particular vendors that a pod can name directly.

Upstream: validateISCSIVolumeSource, validateFCVolumeSource, validateRBDVolumeSource and their like.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from kubelite.api.types import core_v1 as v1
from kubelite.machinery import fielderrors as fe
from kubelite.machinery.fielderrors import FieldErrors, Path

Check = Callable[[Any, Path], FieldErrors]
_INITIATOR = {
    "iqn": re.compile(r"iqn\.\d{4}-\d{2}\.([\w.-]+)(:[^,;*&$|\s]+)$"),
    "eui": re.compile(r"eui\.[0-9A-Fa-f]{16}$"),
    "naa": re.compile(r"naa\.[0-9A-Fa-f]{32}$"),
}
_BYTE = "must be between 0 and 255, inclusive"


def _needs(*fields: str) -> Check:
    """The check that these fields are given."""

    def validate(source: Any, path: Path) -> FieldErrors:
        return [fe.required(path / name) for name in fields if not getattr(source, name)]

    return validate


def _partitioned(field: str) -> Check:
    def validate(source: Any, path: Path) -> FieldErrors:
        errors = [] if getattr(source, field) else [fe.required(path / field)]
        if not 0 <= (source.partition or 0) <= 255:
            errors.append(fe.invalid(path / "partition", source.partition, _BYTE))
        return errors

    return validate


def _initiator(name: str, path: Path) -> FieldErrors:
    pattern = _INITIATOR.get(name[:3])
    if pattern is None:
        return [fe.invalid(path, name, "must be valid format starting with iqn, eui, or naa")]
    return [] if pattern.match(name) else [fe.invalid(path, name, "must be valid format")]


def _iscsi(source: v1.ISCSIVolumeSource, path: Path) -> FieldErrors:
    errors = [] if source.targetPortal else [fe.required(path / "targetPortal")]
    if not source.iqn:
        errors.append(fe.required(path / "iqn"))
    else:
        errors += _initiator(source.iqn, path / "iqn")
    if not 0 <= (source.lun or 0) <= 255:
        errors.append(fe.invalid(path / "lun", source.lun, _BYTE))
    if (source.chapAuthDiscovery or source.chapAuthSession) and source.secretRef is None:
        errors.append(fe.required(path / "secretRef"))
    if source.initiatorName:
        errors += _initiator(source.initiatorName, path / "initiatorname")
    return errors


def _fc(source: v1.FCVolumeSource, path: Path) -> FieldErrors:
    errors: FieldErrors = []
    here = path / "targetWWNs"
    if not source.targetWWNs and not source.wwids:
        errors.append(fe.required(here, "must specify either targetWWNs or wwids, but not both"))
    if source.targetWWNs and source.wwids:
        detail = "targetWWNs and wwids can not be specified simultaneously"
        errors.append(fe.invalid(here, source.targetWWNs, detail))
    if source.targetWWNs:
        if source.lun is None:
            errors.append(fe.required(path / "lun", "lun is required if targetWWNs is specified"))
        elif not 0 <= source.lun <= 255:
            errors.append(fe.invalid(path / "lun", source.lun, _BYTE))
    return errors


def _flex(source: v1.FlexVolumeSource, path: Path) -> FieldErrors:
    errors = [] if source.driver else [fe.required(path / "driver")]
    for key in source.options:
        domain = "." + key.partition("/")[0].lower()
        if domain.endswith((".kubernetes.io", ".k8s.io")):
            detail = "kubernetes.io and k8s.io namespaces are reserved"
            errors.append(fe.invalid((path / "options").key(key), key, detail))
    return errors


def _flocker(source: v1.FlockerVolumeSource, path: Path) -> FieldErrors:
    errors: FieldErrors = []
    if not source.datasetName and not source.datasetUUID:
        errors.append(fe.required(path, "one of datasetName and datasetUUID is required"))
    if source.datasetName and source.datasetUUID:
        detail = "datasetName and datasetUUID can not be specified simultaneously"
        errors.append(fe.invalid(path, "resource", detail))
    if "/" in source.datasetName:
        errors.append(fe.invalid(path / "datasetName", source.datasetName, "must not contain '/'"))
    return errors


def _cinder(source: v1.CinderVolumeSource, path: Path) -> FieldErrors:
    errors = [] if source.volumeID else [fe.required(path / "volumeID")]
    if source.secretRef is not None and not source.secretRef.name:
        errors.append(fe.required(path / "secretRef" / "name"))
    return errors


def _quobyte(source: v1.QuobyteVolumeSource, path: Path) -> FieldErrors:
    errors: FieldErrors = []
    detail = "must be a host:port pair or multiple pairs separated by commas"
    if not source.registry:
        errors.append(fe.required(path / "registry", detail))
    elif any(pair.count(":") != 1 for pair in source.registry.split(",")):
        errors.append(fe.invalid(path / "registry", source.registry, detail))
    if not source.volume:
        errors.append(fe.required(path / "volume"))
    return errors


def _azure_disk(source: v1.AzureDiskVolumeSource, path: Path) -> FieldErrors:
    errors = [fe.required(path / name) for name in ("diskName", "diskURI") if not getattr(source, name)]
    caching, kinds = ("None", "ReadOnly", "ReadWrite"), ("Dedicated", "Managed", "Shared")
    if source.cachingMode not in caching:
        errors.append(fe.not_supported(path / "cachingMode", source.cachingMode, caching))
    if source.kind not in kinds:
        errors.append(fe.not_supported(path / "kind", source.kind, kinds))
    return errors


def _storage_os(source: v1.StorageOSVolumeSource, path: Path) -> FieldErrors:
    errors = [] if source.volumeName else [fe.required(path / "volumeName")]
    if source.secretRef is not None and not source.secretRef.name:
        errors.append(fe.required(path / "secretRef" / "name"))
    return errors


DISKS: dict[str, Check] = {
    "gcePersistentDisk": _partitioned("pdName"),
    "awsElasticBlockStore": _partitioned("volumeID"),
    "iscsi": _iscsi,
    "glusterfs": _needs("endpoints", "path"),
    "flocker": _flocker,
    "rbd": _needs("monitors", "image"),
    "cinder": _cinder,
    "cephfs": _needs("monitors"),
    "quobyte": _quobyte,
    "fc": _fc,
    "flexVolume": _flex,
    "azureFile": _needs("secretName", "shareName"),
    "vsphereVolume": _needs("volumePath"),
    "photonPersistentDisk": _needs("pdID"),
    "portworxVolume": _needs("volumeID"),
    "azureDisk": _azure_disk,
    "storageos": _storage_os,
    "scaleIO": _needs("gateway", "system", "volumeName"),
}
"""Checks by the field of the volume."""
