"""Volume mounts and raw block devices of a container.

Upstream: ValidateVolumeMounts, ValidateVolumeDevices, validateMountPropagation, validateMountRecursiveReadOnly.
"""

from __future__ import annotations

from collections.abc import Mapping

from kubelite.api.core.pod.validation.paths import descending_path, has_backstep
from kubelite.api.types import core_v1 as v1
from kubelite.machinery import fielderrors as fe
from kubelite.machinery.fielderrors import FieldErrors, Path

Volumes = Mapping[str, v1.Volume]
AnyContainer = v1.Container | v1.EphemeralContainer
_PROPAGATIONS = ("Bidirectional", "HostToContainer", "None")
_RECURSIVE = ("Disabled", "Enabled", "IfPossible")


def validate_mounts(container: AnyContainer, volumes: Volumes, path: Path) -> FieldErrors:
    """The mistakes in `volumeMounts`; `volumes` are the pod's, by name."""
    errors: FieldErrors = []
    seen: set[str] = set()
    devices = {device.name: device.devicePath for device in container.volumeDevices}
    for index, mount in enumerate(container.volumeMounts):
        volume = volumes.get(mount.name)
        mounted = mount.mountPath
        if volume is None or not mounted or mounted in seen or devices:
            errors += _place(mount, volume, mounted in seen, devices, path.index(index))
        seen.add(mounted)
        if mount.subPath or mount.subPathExpr:
            errors += _sub_path(mount, volume, path, path.index(index))
        if mount.mountPropagation:
            errors += _propagation(mount.mountPropagation, container, path / "mountPropagation")
        if mount.recursiveReadOnly:
            errors += _recursive(mount, path / "recursiveReadOnly")
    return errors


def _place(
    mount: v1.VolumeMount, volume: v1.Volume | None, repeated: bool, devices: Mapping[str, str], path: Path
) -> FieldErrors:
    errors: FieldErrors = []
    if not mount.name:
        errors.append(fe.required(path / "name"))
    if volume is None:
        errors.append(fe.not_found(path / "name", mount.name))
    if not mount.mountPath:
        errors.append(fe.required(path / "mountPath"))
    if repeated:
        errors.append(fe.invalid(path / "mountPath", mount.mountPath, "must be unique"))
    if mount.name in devices:
        errors.append(fe.invalid(path / "name", mount.name, "must not already exist in volumeDevices"))
    if mount.mountPath in devices.values():
        detail = "must not already exist as a path in volumeDevices"
        errors.append(fe.invalid(path / "mountPath", mount.mountPath, detail))
    return errors


def _sub_path(mount: v1.VolumeMount, volume: v1.Volume | None, path: Path, here: Path) -> FieldErrors:
    """`path` is the list's: upstream reports the content of a sub path without an index."""
    errors: FieldErrors = []
    if mount.subPath:
        errors += descending_path(mount.subPath, path / "subPath")
    if mount.subPathExpr:
        if mount.subPath:
            detail = "subPathExpr and subPath are mutually exclusive"
            errors.append(fe.invalid(here / "subPathExpr", mount.subPathExpr, detail))
        errors += descending_path(mount.subPathExpr, path / "subPathExpr")
    return errors


def _propagation(mode: str, container: AnyContainer, path: Path) -> FieldErrors:
    errors: FieldErrors = []
    if mode not in _PROPAGATIONS:
        errors.append(fe.not_supported(path, mode, _PROPAGATIONS))
    privileged = container.securityContext is not None and container.securityContext.privileged
    if mode == "Bidirectional" and not privileged:
        errors.append(fe.forbidden(path, "Bidirectional mount propagation is available only to privileged containers"))
    return errors


def _recursive(mount: v1.VolumeMount, path: Path) -> FieldErrors:
    mode = mount.recursiveReadOnly
    if mode == "Disabled":
        return []
    if mode not in _RECURSIVE:
        return [fe.not_supported(path, mode, _RECURSIVE)]
    errors: FieldErrors = []
    if not mount.readOnly:
        errors.append(fe.forbidden(path, "may only be specified when readOnly is true"))
    if mount.mountPropagation not in ("", "None"):
        errors.append(fe.forbidden(path, "may only be specified when mountPropagation is None or not specified"))
    return errors


def validate_devices(container: AnyContainer, volumes: Volumes, path: Path) -> FieldErrors:
    """The mistakes in `volumeDevices`."""
    errors: FieldErrors = []
    mounts = {mount.name: mount.mountPath for mount in container.volumeMounts}
    names: set[str] = set()
    paths: set[str] = set()
    for index, device in enumerate(container.volumeDevices):
        here = path.index(index)
        errors += _device_name(device, volumes.get(device.name), device.name in names, mounts, here / "name")
        errors += _device_path(device, device.devicePath in paths, mounts, here / "devicePath")
        if device.name:
            names.add(device.name)
        paths.add(device.devicePath)
    return errors


def _device_name(
    device: v1.VolumeDevice, volume: v1.Volume | None, repeated: bool, mounts: Mapping[str, str], path: Path
) -> FieldErrors:
    errors: FieldErrors = []
    if not device.name:
        errors.append(fe.required(path))
    if repeated:
        errors.append(fe.invalid(path, device.name, "must be unique"))
    if volume is None:
        errors.append(fe.not_found(path, device.name))
    elif volume.persistentVolumeClaim is None and volume.ephemeral is None:
        detail = "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode"
        errors.append(fe.invalid(path, device.name, detail))
    if device.name in mounts:
        errors.append(fe.invalid(path, device.name, "must not already exist in volumeMounts"))
    return errors


def _device_path(device: v1.VolumeDevice, repeated: bool, mounts: Mapping[str, str], path: Path) -> FieldErrors:
    errors: FieldErrors = []
    where = device.devicePath
    if not where:
        errors.append(fe.required(path))
    if repeated:
        errors.append(fe.invalid(path, where, "must be unique"))
    if has_backstep(where):
        errors.append(fe.invalid(path, where, "can not contain backsteps ('..')"))
    if where in mounts.values():
        errors.append(fe.invalid(path, where, "must not already exist as a path in volumeMounts"))
    return errors
