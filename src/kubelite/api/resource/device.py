"""One device in a slice: attributes, capacity, counters, taints, and where it is.

Upstream: validateDevice and the functions it calls in pkg/apis/resource/validation/validation.go.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from kubelite.api import validation as check
from kubelite.api.core.pod.validation.scheduling import validate_node_selector
from kubelite.api.resource import parts
from kubelite.api.types import resource_v1 as v1
from kubelite.machinery import fielderrors as fe
from kubelite.machinery import names, quantity
from kubelite.machinery.fielderrors import FieldErrors, Path

MAX_ENTRIES = 32
MAX_VALUE = 64
MAX_TAINTS = 16
MAX_CONSUMPTIONS = 2
MAX_COUNTERS = 32
_SINGLE = ("bool_", "int_", "string", "version")
_LISTS = ("bools", "ints", "strings", "versions")
_NUMBER = r"(?:0|[1-9]\d*)"
_PRE = r"(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)"
_VERSION = re.compile(
    rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}(?:-{_PRE}(?:\.{_PRE})*)?(?:\+[0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*)?\Z", re.ASCII
)
_PLACED = (
    "exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required when `perDeviceNodeSelection` is set to true "
    "in the ResourceSlice spec"
)
_NOT_PLACED = (
    "`nodeName`, `nodeSelector` and `allNodes` can only be set if `perDeviceNodeSelection` is set to true in the "
    "ResourceSlice spec"
)


def validate(device: v1.Device, path: Path, placed: bool) -> FieldErrors:
    """`placed`: each device of the slice says where it is."""
    errors = parts.label(device.name, path / "name")
    entries = len(device.attributes) + len(device.capacity)
    if entries > MAX_ENTRIES:
        detail = f"the total number of attributes and capacities must not exceed {MAX_ENTRIES}"
        errors.append(fe.invalid(path, entries, detail))
    for name, attribute in device.attributes.items():
        here = (path / "attributes").key(name)
        errors += parts.qualified(name, here) + _attribute(attribute, here)
    shared = bool(device.allowMultipleAllocations)
    for name, capacity in device.capacity.items():
        here = (path / "capacity").key(name)
        errors += parts.qualified(name, here) + _capacity(capacity, here, shared)
    errors += parts.each(device.taints, MAX_TAINTS, parts.taint, path / "taints")
    here = path / "consumesCounters"
    errors += parts.each(device.consumesCounters, MAX_CONSUMPTIONS, _consumption, here, lambda one: one.counterSet)
    return errors + _place(device, path, placed) + parts.binding_conditions(device, path)


def _attribute(attribute: v1.DeviceAttribute, path: Path) -> FieldErrors:
    """Exactly one value."""
    errors: FieldErrors = []
    found = [name for name in _SINGLE if getattr(attribute, name) not in (None, "")]
    found += [name for name in _LISTS if getattr(attribute, name)]
    for name in ("string", "version"):
        value = getattr(attribute, name)
        errors += _value(name, value, path / name) if value else []
    for name in ("strings", "versions"):
        for index, value in enumerate(getattr(attribute, name)):
            errors += _value(name.removesuffix("s"), value, (path / name).index(index))
    if len(found) != 1:
        errors.append(fe.invalid(path, attribute if found else "", "exactly one value must be specified"))
    return errors


def _value(kind: str, value: str, path: Path) -> FieldErrors:
    errors: FieldErrors = []
    if kind == "version" and not _VERSION.match(value):
        errors.append(fe.invalid(path, value, "must be a string compatible with semver.org spec 2.0.0"))
    return [*errors, fe.too_long(path, MAX_VALUE)] if len(value.encode()) > MAX_VALUE else errors


def _capacity(capacity: v1.DeviceCapacity, path: Path, shared: bool) -> FieldErrors:
    if capacity.requestPolicy is not None and not shared:
        return [fe.forbidden(path / "requestPolicy", "allowMultipleAllocations must be true")]
    return [] if capacity.value is None else _amount(capacity.value, path / "value")


def _amount(amount: str | int | float, path: Path) -> FieldErrors:
    try:
        quantity.parse(amount)
    except ValueError as problem:
        return [fe.invalid(path, str(amount), str(problem))]
    return []


def counters(found: Mapping[str, v1.Counter], path: Path) -> FieldErrors:
    """At least one, by names that are labels."""
    if not found:
        return [fe.required(path)]
    errors = [fe.too_many(path, len(found), MAX_COUNTERS)] if len(found) > MAX_COUNTERS else []
    for name, counter in found.items():
        errors += parts.label(name, path.key(name))
        errors += _amount(counter.value, path.key(name) / "value") if counter.value is not None else []
    return errors


def _consumption(consumption: v1.DeviceCounterConsumption, path: Path) -> FieldErrors:
    name, here = consumption.counterSet, path / "counterSet"
    errors = parts.label(name, here) if name else [fe.required(here)]
    return errors + counters(consumption.counters, path / "counters")


def _place(device: v1.Device, path: Path, placed: bool) -> FieldErrors:
    found = [name for name in ("nodeName", "nodeSelector", "allNodes") if getattr(device, name)]
    if not placed:
        return [fe.invalid(path, None, _NOT_PLACED)] if found or device.allNodes is not None else []
    errors: FieldErrors = []
    if device.nodeName:
        errors += check.complaints(path / "nodeName", device.nodeName, names.dns1123_subdomain(device.nodeName))
    if device.nodeSelector is not None:
        errors += validate_node_selector(device.nodeSelector, path / "nodeSelector")
    if device.allNodes is False:
        errors.append(fe.invalid(path / "allNodes", False, "must be either unset or set to true"))
    if not found:
        errors.append(fe.required(path, _PLACED))
    elif len(found) > 1:
        shown = ", ".join(f"`{name}`" for name in found)
        errors.append(fe.invalid(path, f"{{{shown}}}", _PLACED))
    return errors
