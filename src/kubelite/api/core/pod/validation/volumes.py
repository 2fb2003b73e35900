"""Volumes: one source each, and that source in order.

Flow: `validate_volumes` returns the mistakes and the usable volumes by name, which the mounts refer to. The network disks of
old are in `disks`. Upstream: ValidateVolumes, validateVolumeSource and the functions it calls.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from kubelite.api import validation as check
from kubelite.api.core.pod.validation.disks import DISKS
from kubelite.api.core.pod.validation.env import VOLUME_FIELDS, validate_field_ref, validate_resource_ref
from kubelite.api.core.pod.validation.known import Known, outline_of_volume
from kubelite.api.core.pod.validation.paths import descending_path, no_backsteps, non_reserved_path
from kubelite.api.types import core_v1 as v1
from kubelite.machinery import fielderrors as fe
from kubelite.machinery import names, quantity
from kubelite.machinery.fielderrors import FieldErrors, Path

_SECOND_SOURCE = "may not specify more than 1 volume type"
_BAD_MODE = "must be a number between 0 and 0777 (octal), both inclusive"
_HOST_PATH_TYPES = (
    "",
    "DirectoryOrCreate",
    "Directory",
    "FileOrCreate",
    "File",
    "Socket",
    "CharDevice",
    "BlockDevice",
)
PULL_POLICIES = ("Always", "IfNotPresent", "Never")
_CLAIM_MODES = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")
_TOKEN_MIN = 600
_TOKEN_MAX = 1 << 32
_KNOWN = Known()


def validate_volumes(
    volumes: list[v1.Volume], pod_name: str, path: Path, *, in_pod: bool
) -> tuple[FieldErrors, dict[str, v1.Volume]]:
    """(mistakes, the volumes without mistakes by name); `pod_name` is "" for templates."""
    errors: FieldErrors = []
    usable: dict[str, v1.Volume] = {}
    created = {f"{pod_name}-{v.name}" for v in volumes if v.ephemeral is not None} if pod_name else set()
    for index, volume in enumerate(volumes):
        here = path.index(index)
        # What an ephemeral volume is right for depends on the pod's name, and an image's on whether it is in a pod.
        outline = outline_of_volume(volume) if in_pod and volume.ephemeral is None else b""
        found = [] if outline in _KNOWN else _source(volume, pod_name, here, in_pod)
        if outline and not found:
            _KNOWN.add(outline)
        if not volume.name:
            found.append(fe.required(here / "name"))
        else:
            wrong = names.dns1123_label(volume.name)
            if wrong:
                found += check.complaints(here / "name", volume.name, wrong)
        if volume.name in usable:
            found.append(fe.duplicate(here / "name", volume.name))
        if found:
            errors += found
        else:
            usable[volume.name] = volume
        claim = volume.persistentVolumeClaim
        if created and claim is not None and claim.claimName in created:
            detail = "must not reference a PVC that gets created for an ephemeral volume"
            errors.append(fe.invalid(here / "persistentVolumeClaim" / "claimName", claim.claimName, detail))
    return errors, usable


def _source(volume: v1.Volume, pod_name: str, path: Path, in_pod: bool) -> FieldErrors:
    errors: FieldErrors = []
    found = ""
    for name, source in zip(v1.Volume.__struct_fields__, msgspec.structs.astuple(volume), strict=True):
        if source is None or name == "name":
            continue
        if found:
            errors.append(fe.forbidden(path / name, _SECOND_SOURCE))
            continue
        found = name
        errors += SOURCES[name](source, path / name)
    if not found:
        return [fe.required(path, "must specify a volume type")]
    if found == "image" and in_pod and volume.image is not None and not volume.image.reference:
        errors.append(fe.required(path / "image" / "reference"))
    if found == "ephemeral" and pod_name and volume.name:
        claim = f"{pod_name}-{volume.name}"
        for text in names.dns1123_subdomain(claim):
            errors.append(fe.invalid(path / "name", volume.name, f'PVC name "{claim}": {text}'))
    return errors


def _mode(value: int | None, path: Path, field: str) -> FieldErrors:
    return [fe.invalid(path / field, value, _BAD_MODE)] if value is not None and not 0 <= value <= 0o777 else []


def _empty_dir(source: v1.EmptyDirVolumeSource, path: Path) -> FieldErrors:
    if source.sizeLimit is None:
        return []
    try:
        if quantity.parse(source.sizeLimit) >= 0:
            return []
    except ValueError:
        pass
    return [fe.forbidden(path / "sizeLimit", "SizeLimit field must be a valid resource quantity")]


def _host_path(source: v1.HostPathVolumeSource, path: Path) -> FieldErrors:
    if not source.path:
        return [fe.required(path / "path")]
    errors = no_backsteps(source.path, path / "path")
    if (source.type or "") not in _HOST_PATH_TYPES:
        errors.append(fe.not_supported(path / "type", source.type, _HOST_PATH_TYPES))
    return errors


def _key_to_path(items: list[v1.KeyToPath], path: Path) -> FieldErrors:
    errors: FieldErrors = []
    for index, item in enumerate(items):
        here = (path / "items").index(index)
        if not item.key:
            errors.append(fe.required(here / "key"))
        if not item.path:
            errors.append(fe.required(here / "path"))
        errors += non_reserved_path(item.path, here, "path")
        errors += _mode(item.mode, here, "mode")
    return errors


def _secret(source: v1.SecretVolumeSource, path: Path) -> FieldErrors:
    errors = [] if source.secretName else [fe.required(path / "secretName")]
    errors += _mode(source.defaultMode, path, "defaultMode")
    return errors + _key_to_path(source.items, path)


def _config_map(source: v1.ConfigMapVolumeSource, path: Path) -> FieldErrors:
    errors = [] if source.name else [fe.required(path / "name")]
    errors += _mode(source.defaultMode, path, "defaultMode")
    return errors + _key_to_path(source.items, path)


def _claim(source: v1.PersistentVolumeClaimVolumeSource, path: Path) -> FieldErrors:
    return [] if source.claimName else [fe.required(path / "claimName")]


def _nfs(source: v1.NFSVolumeSource, path: Path) -> FieldErrors:
    errors = [fe.required(path / name) for name in ("server", "path") if not getattr(source, name)]
    if not source.path.startswith("/"):
        errors.append(fe.invalid(path / "path", source.path, "must be an absolute path"))
    return errors


def _git_repo(source: v1.GitRepoVolumeSource, path: Path) -> FieldErrors:
    errors = [] if source.repository else [fe.required(path / "repository")]
    return errors + descending_path(source.directory, path / "directory")


def _file(file: v1.DownwardAPIVolumeFile, path: Path) -> FieldErrors:
    errors = [] if file.path else [fe.required(path / "path")]
    errors += non_reserved_path(file.path, path, "path")
    if file.fieldRef is not None:
        errors += validate_field_ref(file.fieldRef, VOLUME_FIELDS, path / "fieldRef")
        if file.resourceFieldRef is not None:
            detail = "fieldRef and resourceFieldRef can not be specified simultaneously"
            errors.append(fe.invalid(path, "resource", detail))
    elif file.resourceFieldRef is not None:
        errors += validate_resource_ref(file.resourceFieldRef, path / "resourceFieldRef", in_volume=True)
    else:
        errors.append(fe.required(path, "one of fieldRef and resourceFieldRef is required"))
    return errors + _mode(file.mode, path, "mode")


def _downward(source: v1.DownwardAPIVolumeSource, path: Path) -> FieldErrors:
    errors = _mode(source.defaultMode, path, "defaultMode")
    for file in source.items:
        errors += _file(file, path)
    return errors


def _projected(source: v1.ProjectedVolumeSource, path: Path) -> FieldErrors:
    errors = _mode(source.defaultMode, path, "defaultMode")
    taken: set[str] = set()
    for index, projection in enumerate(source.sources):
        here = (path / "sources").index(index)
        found = [name for name in PROJECTIONS if getattr(projection, name) is not None]
        for name in found:
            part = getattr(projection, name)
            errors += PROJECTIONS[name](part, here / name, path)
            for shown, target in _targets(name, part):
                if target in taken:
                    errors.append(fe.invalid(path, shown, "conflicting duplicate paths"))
                taken.add(target)
        if len(found) > 1:
            errors.append(fe.forbidden(here, "may not specify more than 1 volume type per source"))
    return errors


def _targets(kind: str, part: Any) -> list[tuple[str, str]]:
    """(the value an error shows, the path of a file) for each file of a projection that must not clash."""
    if kind in ("secret", "configMap"):
        return [(part.name, item.path) for item in part.items if item.path]
    if kind == "downwardAPI":
        return [(file.path, file.path) for file in part.items if file.path]
    if kind == "clusterTrustBundle":
        return [(part.path, part.path)]
    if kind == "podCertificate":
        files = (part.credentialBundlePath, part.keyPath, part.certificateChainPath)
        return [(file, file) for file in files if file]
    return []


def _named_items(part: v1.SecretProjection | v1.ConfigMapProjection, path: Path, volume: Path) -> FieldErrors:
    errors = [] if part.name else [fe.required(path / "name")]
    return errors + _key_to_path(part.items, path)


def _downward_part(part: v1.DownwardAPIProjection, path: Path, volume: Path) -> FieldErrors:
    errors: FieldErrors = []
    for file in part.items:
        errors += _file(file, path)
    return errors


def _token(part: v1.ServiceAccountTokenProjection, path: Path, volume: Path) -> FieldErrors:
    errors: FieldErrors = []
    seconds = part.expirationSeconds or 0
    if seconds < _TOKEN_MIN:
        detail = "may not specify a duration less than 10 minutes"
        errors.append(fe.invalid(path / "expirationSeconds", seconds, detail))
    if seconds > _TOKEN_MAX:
        detail = "may not specify a duration larger than 2^32 seconds"
        errors.append(fe.invalid(path / "expirationSeconds", seconds, detail))
    if not part.path:
        errors.append(fe.required(volume / "path"))
    else:
        errors += non_reserved_path(part.path, volume, "path")
    return errors


def _trust_bundle(part: v1.ClusterTrustBundleProjection, path: Path, volume: Path) -> FieldErrors:
    errors: FieldErrors = []
    if part.name and part.signerName:
        errors.append(fe.invalid(path, part, "only one of name and signerName may be used"))
    elif part.name:
        last = part.name.rpartition(":")[2]
        for text in names.dns1123_subdomain(last):
            errors.append(fe.invalid(path / "name", part.name, f"not a valid clustertrustbundlename: {text}"))
        if part.labelSelector is not None:
            detail = "labelSelector must be unset if name is specified"
            errors.append(fe.invalid(path / "labelSelector", part.labelSelector, detail))
    elif part.signerName:
        signer = part.signerName
        errors += check.complaints(path / "signerName", signer, names.domain_prefixed_path(signer))
        errors += check.label_selector(part.labelSelector, path / "labelSelector")
    else:
        errors.append(fe.required(path, "either name or signerName must be specified"))
    if not part.path:
        errors.append(fe.required(path / "path"))
    return errors + non_reserved_path(part.path, path, "path")


def _certificate(part: v1.PodCertificateProjection, path: Path, volume: Path) -> FieldErrors:
    errors: FieldErrors = []
    if not part.signerName:
        errors.append(fe.required(path / "signerName"))
    else:
        errors += check.complaints(path / "signerName", part.signerName, names.domain_prefixed_path(part.signerName))
    files = ("credentialBundlePath", "keyPath", "certificateChainPath")
    for name in files:
        if getattr(part, name):
            errors += non_reserved_path(getattr(part, name), path, name)
    if not any(getattr(part, name) for name in files):
        detail = "specify at least one of credentialBundlePath, keyPath, and certificateChainPath"
        errors.append(fe.required(path, detail))
    return errors


PROJECTIONS: dict[str, Callable[[Any, Path, Path], FieldErrors]] = {
    "secret": _named_items,
    "configMap": _named_items,
    "downwardAPI": _downward_part,
    "serviceAccountToken": _token,
    "clusterTrustBundle": _trust_bundle,
    "podCertificate": _certificate,
}
"""Checks of a projection: (the part, its path, the volume's path)."""


def _csi(source: v1.CSIVolumeSource, path: Path) -> FieldErrors:
    errors: FieldErrors = []
    if not source.driver:
        errors.append(fe.required(path / "driver"))
    else:
        if len(source.driver) > 63:
            errors.append(fe.too_long(path / "driver", 63))
        lower = source.driver.lower()
        errors += check.complaints(path / "driver", source.driver, names.dns1123_subdomain(lower))
    if source.nodePublishSecretRef is not None and not source.nodePublishSecretRef.name:
        errors.append(fe.required(path / "nodePublishSecretRef" / "name"))
    return errors


def _image(source: v1.ImageVolumeSource, path: Path) -> FieldErrors:
    return check.one_of(path / "pullPolicy", source.pullPolicy, PULL_POLICIES)


def _ephemeral(source: v1.EphemeralVolumeSource, path: Path) -> FieldErrors:
    template = source.volumeClaimTemplate
    path = path / "volumeClaimTemplate"
    if template is None:
        return [fe.required(path)]
    errors: FieldErrors = []
    spec, here = template.spec, path / "spec"
    if not spec.accessModes:
        errors.append(fe.required(here / "accessModes", "at least 1 access mode is required"))
    for mode in spec.accessModes:
        if mode not in _CLAIM_MODES:
            errors.append(fe.not_supported(here / "accessModes", mode, _CLAIM_MODES))
    storage = (here / "resources").key("storage")
    wanted = spec.resources.requests.get("storage") if spec.resources is not None else None
    if wanted is None:
        errors.append(fe.required(storage))
    else:
        try:
            if quantity.parse(wanted) <= 0:
                errors.append(fe.invalid(storage, wanted, check.NOT_POSITIVE))
        except ValueError as problem:
            errors.append(fe.invalid(storage, wanted, str(problem)))
    if spec.storageClassName:
        errors += check.complaints(
            here / "storageClassName", spec.storageClassName, names.dns1123_subdomain(spec.storageClassName)
        )
    return errors + check.label_selector(spec.selector, here / "selector")


SOURCES: dict[str, Callable[[Any, Path], FieldErrors]] = {
    "emptyDir": _empty_dir,
    "hostPath": _host_path,
    "gitRepo": _git_repo,
    "secret": _secret,
    "nfs": _nfs,
    "persistentVolumeClaim": _claim,
    "downwardAPI": _downward,
    "configMap": _config_map,
    "projected": _projected,
    "csi": _csi,
    "ephemeral": _ephemeral,
    "image": _image,
    **DISKS,
}
"""Checks of a volume source by its field."""
