"""Environment variables: names and the places values come from.

Upstream: ValidateEnv, ValidateEnvFrom, validateObjectFieldSelector, validateContainerResourceFieldSelector.
"""

from __future__ import annotations

import re

from kubelite.api import validation as check
from kubelite.api.types import core_v1 as v1
from kubelite.machinery import fielderrors as fe
from kubelite.machinery import names, quantity
from kubelite.machinery.fielderrors import FieldErrors, Path

ENV_FIELDS = frozenset(
    (
        "metadata.name",
        "metadata.namespace",
        "metadata.uid",
        "spec.nodeName",
        "spec.serviceAccountName",
        "status.hostIP",
        "status.hostIPs",
        "status.podIP",
        "status.podIPs",
    )
)
VOLUME_FIELDS = frozenset(
    ("metadata.name", "metadata.namespace", "metadata.labels", "metadata.annotations", "metadata.uid")
)
_CONVERTIBLE = ENV_FIELDS | VOLUME_FIELDS | {"spec.restartPolicy", "spec.schedulerName", "status.phase", "spec.host"}
RESOURCE_FIELDS = frozenset(
    f"{kind}.{name}" for kind in ("limits", "requests") for name in ("cpu", "memory", "ephemeral-storage")
)
_HUGE_PAGES = ("requests.hugepages-", "limits.hugepages-")
_SUBSCRIPT = re.compile(r"(.+)\['(.*)'\]\Z", re.DOTALL)
_UNITS = frozenset(("1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei"))
_UNIT_WORDS = "1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, 1Pi, 1Ei"
_SOURCES = ("fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef")


def validate_env(env: list[v1.EnvVar], path: Path) -> FieldErrors:
    """The mistakes in `env`."""
    errors: FieldErrors = []
    for index, variable in enumerate(env):
        name = variable.name
        if not (name.isidentifier() and name.isascii()):
            here = path.index(index) / "name"
            if not name:
                errors.append(fe.required(here))
            else:
                errors += check.complaints(here, name, names.env_var_name(name))
        if variable.valueFrom is not None:
            errors += _value_from(variable, variable.valueFrom, path.index(index) / "valueFrom")
    return errors


def _value_from(variable: v1.EnvVar, source: v1.EnvVarSource, path: Path) -> FieldErrors:
    errors: FieldErrors = []
    found = [name for name in _SOURCES if getattr(source, name) is not None]
    if source.fieldRef is not None:
        errors += validate_field_ref(source.fieldRef, ENV_FIELDS, path / "fieldRef")
    if source.resourceFieldRef is not None:
        errors += validate_resource_ref(source.resourceFieldRef, path / "resourceFieldRef", in_volume=False)
    for name in ("configMapKeyRef", "secretKeyRef"):
        reference = getattr(source, name)
        if reference is not None:
            errors += _key_reference(reference, path / name)
    if source.fileKeyRef is not None:
        errors += _file_key(source.fileKeyRef, path / "fileKeyRef")
    if not found:
        detail = (
            "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"
        )
        errors.append(fe.invalid(path, "", detail))
    elif variable.value:
        errors.append(fe.invalid(path, "", "may not be specified when `value` is not empty"))
    elif len(found) > 1:
        errors.append(fe.invalid(path, "", "may not have more than one field specified at a time"))
    return errors


def _key_reference(reference: v1.ConfigMapKeySelector | v1.SecretKeySelector, path: Path) -> FieldErrors:
    errors = check.complaints(path / "name", reference.name, names.dns1123_subdomain(reference.name))
    if not reference.key:
        errors.append(fe.required(path / "key"))
    else:
        errors += check.complaints(path / "key", reference.key, names.config_map_key(reference.key))
    return errors


def _file_key(reference: v1.FileKeySelector, path: Path) -> FieldErrors:
    errors: FieldErrors = []
    if not reference.key:
        errors.append(fe.required(path / "key"))
    else:
        errors += check.complaints(path / "key", reference.key, names.env_var_name(reference.key))
    if not reference.volumeName:
        errors.append(fe.required(path / "volumeName"))
    else:
        errors += check.complaints(path / "volumeName", reference.volumeName, names.dns1123_label(reference.volumeName))
    if not reference.path:
        errors.append(fe.required(path / "path"))
    return errors


def validate_env_from(sources: list[v1.EnvFromSource], path: Path) -> FieldErrors:
    """The mistakes in `envFrom`."""
    errors: FieldErrors = []
    for index, source in enumerate(sources):
        here = path.index(index)
        if source.prefix:
            errors += check.complaints(here / "prefix", source.prefix, names.env_var_name(source.prefix))
        for name in ("configMapRef", "secretRef"):
            reference = getattr(source, name)
            if reference is not None:
                errors += _object_name(reference.name, here / name / "name")
        if source.configMapRef is None and source.secretRef is None:
            errors.append(fe.invalid(path, "", "must specify one of: `configMapRef` or `secretRef`"))
        elif source.configMapRef is not None and source.secretRef is not None:
            errors.append(fe.invalid(path, "", "may not have more than one field specified at a time"))
    return errors


def _object_name(name: str, path: Path) -> FieldErrors:
    if not name:
        return [fe.required(path)]
    return check.complaints(path, name, names.dns1123_subdomain(names.mask_trailing_dash(name)))


def validate_field_ref(reference: v1.ObjectFieldSelector, allowed: frozenset[str], path: Path) -> FieldErrors:
    """A field of the pod itself; labels and annotations may be picked by key: `metadata.labels['a']`."""
    if not reference.apiVersion:
        return [fe.required(path / "apiVersion")]
    field = reference.fieldPath
    if not field:
        return [fe.required(path / "fieldPath")]
    subscripted = _SUBSCRIPT.match(field)
    problem = ""
    if reference.apiVersion != "v1":
        problem = f"unsupported pod version: {reference.apiVersion}"
    elif subscripted is not None:
        if subscripted[1] not in ("metadata.labels", "metadata.annotations"):
            problem = f"field label does not support subscript: {field}"
    elif field not in _CONVERTIBLE:
        problem = f"field label not supported: {field}"
    if problem:
        return [fe.invalid(path / "fieldPath", field, f"error converting fieldPath: {problem}")]
    if subscripted is not None:
        key = subscripted[2]
        return check.qualified_name(path, key.lower() if subscripted[1] == "metadata.annotations" else key)
    if field not in allowed:
        return [fe.not_supported(path / "fieldPath", field, allowed)]
    return []


def validate_resource_ref(reference: v1.ResourceFieldSelector, path: Path, *, in_volume: bool) -> FieldErrors:
    """A request or limit of a container, and the unit it is told in; a volume must name the container."""
    errors: FieldErrors = []
    resource = reference.resource
    if in_volume and not reference.containerName:
        errors.append(fe.required(path / "containerName"))
    elif not resource:
        errors.append(fe.required(path / "resource"))
    elif resource not in RESOURCE_FIELDS and not resource.startswith(_HUGE_PAGES):
        errors.append(fe.not_supported(path / "resource", resource, RESOURCE_FIELDS))
    if reference.divisor is not None:
        errors += _divisor(resource, reference.divisor, path / "divisor")
    return errors


def _divisor(resource: str, divisor: str | int | float, path: Path) -> FieldErrors:
    try:
        text = quantity.canonical(divisor)
    except ValueError as problem:
        return [fe.invalid(path, divisor, str(problem))]
    if text == "0":
        return []
    if resource in ("limits.cpu", "requests.cpu"):
        if text in ("1m", "1"):
            return []
        return [fe.invalid(path, resource, "only divisor's values 1m and 1 are supported with the cpu resource")]
    what = ""
    if resource in ("limits.memory", "requests.memory"):
        what = "memory"
    elif resource in ("limits.ephemeral-storage", "requests.ephemeral-storage"):
        what = "local ephemeral storage"
    elif resource.startswith(_HUGE_PAGES):
        what = "hugepages"
    if not what or text in _UNITS:
        return []
    return [fe.invalid(path, resource, f"only divisor's values {_UNIT_WORDS} are supported with the {what} resource")]
