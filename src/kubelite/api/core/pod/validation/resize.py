"""In-place resize: what the `resize` subresource of a pod may change.

Flow: `validate_resize(new, old)`, where everything but resources has been taken from the old pod by `prepare.prepare_resize`.
Upstream: ValidatePodResize, validateContainerResize.
"""

from __future__ import annotations

import msgspec

from kubelite.api.core.pod.validation.annotated import MIRROR
from kubelite.api.core.pod.validation.spec import SPEC
from kubelite.api.logic import podresources
from kubelite.api.types import core_v1 as v1
from kubelite.machinery import fielderrors as fe
from kubelite.machinery import quantity
from kubelite.machinery.fielderrors import FieldErrors, Path

_RESIZABLE = ("cpu", "memory")


def validate_resize(new: v1.Pod, old: v1.Pod) -> FieldErrors:
    """The changes of resources that a running pod cannot follow."""
    if MIRROR in old.metadata.annotations:
        return [fe.forbidden(Path(), "static pods cannot be resized")]
    if old.spec.os is not None and old.spec.os.name == "windows":
        return [fe.forbidden(Path(), "windows pods cannot be resized")]
    errors: FieldErrors = []
    before = old.status.qosClass or podresources.qos_class(old)
    after = podresources.qos_class(new)
    if before != after:
        errors.append(fe.invalid(SPEC, after, "Pod QOS Class may not change as a result of resizing"))
    if any(
        s.resources is None for s in old.status.containerStatuses if s.state is not None and s.state.running is not None
    ):
        errors.append(fe.forbidden(SPEC, "Pod running on node without support for resize"))
    for name in ("initContainers", "containers"):
        pairs = zip(getattr(new.spec, name), getattr(old.spec, name), strict=True)
        for index, (mine, theirs) in enumerate(pairs):
            errors += _container(mine, theirs, name == "initContainers", (SPEC / name).index(index) / "resources")
    return errors


def _container(new: v1.Container, old: v1.Container, initial: bool, path: Path) -> FieldErrors:
    if initial and not podresources.is_sidecar(old):
        if new.resources == old.resources:
            return []
        return [fe.forbidden(SPEC, "resources for non-sidecar init containers are immutable")]
    mine, theirs = new.resources or v1.ResourceRequirements(), old.resources or v1.ResourceRequirements()
    errors: FieldErrors = []
    for name in ("requests", "limits"):
        if any(resource not in getattr(mine, name) for resource in getattr(theirs, name)):
            errors.append(fe.forbidden(path / name, f"resource {name} cannot be removed"))
    if _rest(mine) != _rest(theirs):
        what = "cpu and memory resources for sidecar containers" if initial else "cpu and memory resources"
        errors.append(fe.forbidden(SPEC, f"only {what} are mutable"))
    return errors


def _rest(resources: v1.ResourceRequirements) -> v1.ResourceRequirements:
    """Everything but cpu and memory, with amounts in one form."""
    return msgspec.structs.replace(
        resources,
        requests={k: quantity.canonical(v) for k, v in resources.requests.items() if k not in _RESIZABLE},
        limits={k: quantity.canonical(v) for k, v in resources.limits.items() if k not in _RESIZABLE},
    )
