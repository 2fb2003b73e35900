"""Annotations that mean something to a pod: mirror pods, deletion cost, and the old way to name profiles.

Upstream: ValidatePodSpecificAnnotations, ValidatePodSpecificAnnotationUpdates, validateSeccompAnnotationsAndFields,
validateAppArmorAnnotationsAndFieldsMatchOnCreate.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from kubelite.api.core.pod.validation.paths import descending_path
from kubelite.api.types import core_v1 as v1
from kubelite.machinery import fielderrors as fe
from kubelite.machinery.fielderrors import FieldErrors, Path

MIRROR = "kubernetes.io/config.mirror"
DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
_APP_ARMOR = "container.apparmor.security.beta.kubernetes.io/"
_SECCOMP_POD = "seccomp.security.alpha.kubernetes.io/pod"
_SECCOMP_CONTAINER = "container.seccomp.security.alpha.kubernetes.io/"
_INTEGER = re.compile(r"(?:0|-?[1-9][0-9]*)\Z")

Annotations = Mapping[str, str]


def validate(annotations: Annotations, spec: v1.PodSpec, path: Path) -> FieldErrors:
    """The mistakes in annotations of a pod or template."""
    errors: FieldErrors = []
    if MIRROR in annotations and not spec.nodeName:
        detail = "must set spec.nodeName if mirror pod annotation is set"
        errors.append(fe.invalid(path.key(MIRROR), annotations[MIRROR], detail))
    for key, value in annotations.items():
        if key == DELETION_COST:
            if not _INTEGER.match(value) or not -(2**31) <= int(value) < 2**31:
                errors.append(fe.invalid(path.key(key), value, "must be a 32bit integer"))
        elif key.startswith(_APP_ARMOR):
            errors += _app_armor(key, value, spec, path)
        elif key == _SECCOMP_POD or key.startswith(_SECCOMP_CONTAINER):
            errors += _seccomp(value, path / key)
    return errors


def _app_armor(key: str, value: str, spec: v1.PodSpec, path: Path) -> FieldErrors:
    errors: FieldErrors = []
    name = key.removeprefix(_APP_ARMOR)
    containers: tuple[Any, ...] = (*spec.containers, *spec.initContainers, *spec.ephemeralContainers)
    if all(container.name != name for container in containers):
        errors.append(fe.invalid(path.key(key), name, "container not found"))
    if value not in ("", "runtime/default", "unconfined") and not value.startswith("localhost/"):
        errors.append(fe.invalid(path.key(key), value, f'invalid AppArmor profile name: "{value}"'))
    return errors


def _seccomp(value: str, path: Path) -> FieldErrors:
    if value in ("runtime/default", "docker/default", "unconfined"):
        return []
    if value.startswith("localhost/"):
        return descending_path(value.removeprefix("localhost/"), path)
    return [fe.invalid(path, value, "must be a valid seccomp profile")]


def validate_profiles(annotations: Annotations, spec: v1.PodSpec, path: Path) -> FieldErrors:
    """Where an annotation and a field both name a profile, they agree."""
    errors: FieldErrors = []
    context = spec.securityContext
    if _SECCOMP_POD in annotations and context is not None and context.seccompProfile is not None:
        here = path / "securityContext" / "seccompProfile"
        errors += _agree(annotations[_SECCOMP_POD], context.seccompProfile, here, "seccomp")
    if not any(key.startswith((_SECCOMP_CONTAINER, _APP_ARMOR)) for key in annotations):
        return errors
    for name in ("initContainers", "containers", "ephemeralContainers"):
        for index, container in enumerate(getattr(spec, name)):
            here = (path / name).index(index) / "securityContext"
            own = container.securityContext
            seccomp = annotations.get(_SECCOMP_CONTAINER + container.name)
            if seccomp is not None and own is not None and own.seccompProfile is not None:
                errors += _agree(seccomp, own.seccompProfile, here / "seccompProfile", "seccomp")
            armor = annotations.get(_APP_ARMOR + container.name)
            profile = own.appArmorProfile if own is not None else None
            if profile is None and context is not None:
                profile = context.appArmorProfile
            if armor is not None and profile is not None:
                errors += _agree(armor, profile, here / "appArmorProfile", "apparmor")
    return errors


def _agree(annotation: str, profile: Any, path: Path, what: str) -> FieldErrors:
    types: dict[str, Callable[[str], bool]] = {
        "Unconfined": lambda text: text == "unconfined",
        "RuntimeDefault": lambda text: text in ("runtime/default", "docker/default"),
        "Localhost": lambda text: text.startswith("localhost/"),
    }
    matches = types.get(profile.type)
    if matches is None:
        return []
    if not matches(annotation):
        return [fe.forbidden(path / "type", f"{what} type in annotation and field must match")]
    if profile.type == "Localhost" and annotation.removeprefix("localhost/") != profile.localhostProfile:
        return [fe.forbidden(path / "localhostProfile", f"{what} profile in annotation and field must match")]
    return []


def validate_update(new: Annotations, old: Annotations, path: Path) -> FieldErrors:
    """What makes a pod a mirror of a static one never changes; nor do the profiles of its containers."""
    errors: FieldErrors = []
    for key, what in ((MIRROR, "mirror pod"),):
        before, after = old.get(key), new.get(key)
        if before == after:
            continue
        verb = "add" if before is None else "remove" if after is None else "update"
        errors.append(fe.forbidden(path.key(key), f"may not {verb} {what} annotation"))
    for key in sorted({*new, *old}):
        if key.startswith(_APP_ARMOR) and key in old and new.get(key) != old[key]:
            errors.append(fe.forbidden(path.key(key), "may not remove or update AppArmor annotations"))
    return errors
