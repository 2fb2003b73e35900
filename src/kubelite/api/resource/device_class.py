"""DeviceClass: a kind of devices that claims can ask for.

Upstream: pkg/apis/resource/validation (ValidateDeviceClass), pkg/registry/resource/deviceclass.
"""

from __future__ import annotations

from kubelite.api.core.pod.validation.resources import is_extended
from kubelite.api.resource import parts
from kubelite.api.types import resource_v1 as v1
from kubelite.machinery import fielderrors as fe
from kubelite.machinery.fielderrors import FieldErrors
from kubelite.machinery.kind import Kind


def validate(found: v1.DeviceClass) -> FieldErrors:
    """Selectors, configurations, and the name under which pods ask for it as for other resources."""
    spec, path = found.spec, parts.SPEC
    errors = parts.selectors(spec.selectors, path / "selectors")
    errors += parts.each(spec.config, parts.MAX_LIST, parts.configuration, path / "config")
    name = spec.extendedResourceName
    if name and not is_extended(name):
        here = path / "extendedResourceName"
        errors.append(fe.invalid(here, name, "must be a valid extended resource name"))
    return errors


DEVICE_CLASS = Kind(
    group=parts.GROUP,
    version="v1",
    kind="DeviceClass",
    plural="deviceclasses",
    type=v1.DeviceClass,
    namespaced=False,
    validate=validate,
    has_generation=True,
)
