"""What a pod's status may say of the claims that were made for it.

What: `validate(pod, path)` for every write of the status. Rules: a claim of the spec is told of once; what extended resources
were claimed for must be what containers ask for.
Upstream: validatePodResourceClaimStatuses, validatePodExtendedResourceClaimStatus.
"""

from __future__ import annotations

from kubelite.api import validation as check
from kubelite.api.types import core_v1 as v1
from kubelite.machinery import fielderrors as fe
from kubelite.machinery import names
from kubelite.machinery.fielderrors import FieldErrors, Path

NO_CLAIM = "must match the name of an entry in `spec.resourceClaims`"
NO_CONTAINER = "must match the name of an entry in spec.initContainers.name or spec.containers.name"
NOT_ASKED = (
    "must match the extended resource name of an entry in spec.initContainers.resources.requests or "
    "spec.containers.resources.requests"
)


def validate(pod: v1.Pod, status: Path) -> FieldErrors:
    """Both fields; a pod without claims costs nothing."""
    errors: FieldErrors = []
    if pod.status.resourceClaimStatuses:
        errors += _claims(pod, status / "resourceClaimStatuses")
    if pod.status.extendedResourceClaimStatus is not None:
        errors += _extended(pod, pod.status.extendedResourceClaimStatus, status / "extendedResourceClaimStatus")
    return errors


def _claims(pod: v1.Pod, path: Path) -> FieldErrors:
    errors: FieldErrors = []
    known, seen = {claim.name for claim in pod.spec.resourceClaims}, set()
    for index, status in enumerate(pod.status.resourceClaimStatuses):
        here = path.index(index) / "name"
        if status.name not in known:
            errors.append(fe.invalid(here, status.name, NO_CLAIM))
        if status.name in seen:
            errors.append(fe.duplicate(here, status.name))
        seen.add(status.name)
        if status.resourceClaimName:
            found = names.dns1123_subdomain(status.resourceClaimName)
            errors += check.complaints(path.index(index) / "resourceClaimName", status.resourceClaimName, found)
    return errors


def _extended(pod: v1.Pod, told: v1.PodExtendedResourceClaimStatus, path: Path) -> FieldErrors:
    errors: FieldErrors = []
    mappings = path / "requestMappings"
    if not told.requestMappings:
        errors.append(fe.required(mappings, "at least one request mapping is required"))
    containers = {one.name: one for one in (*pod.spec.initContainers, *pod.spec.containers)}
    seen: set[tuple[str, str, str]] = set()
    for index, mapping in enumerate(told.requestMappings):
        here, container = mappings.index(index), containers.get(mapping.containerName)
        if container is None:
            errors.append(fe.invalid(here / "containerName", mapping.containerName, NO_CONTAINER))
        elif container.resources is None or mapping.resourceName not in container.resources.requests:
            errors.append(fe.invalid(here / "resourceName", mapping.resourceName, NOT_ASKED))
        errors += check.complaints(path / "requestName", mapping.requestName, names.dns1123_label(mapping.requestName))
        parts = {name: getattr(mapping, name) for name in ("containerName", "resourceName", "requestName")}
        key = (mapping.containerName, mapping.resourceName, mapping.requestName)
        if key in seen:
            errors += [fe.duplicate(here / name, value) for name, value in parts.items()]
        seen.add(key)
    name = path / "resourceClaimName"
    if not told.resourceClaimName:
        errors.append(fe.required(name))
    else:
        errors += check.complaints(name, told.resourceClaimName, names.dns1123_subdomain(told.resourceClaimName))
    return errors
