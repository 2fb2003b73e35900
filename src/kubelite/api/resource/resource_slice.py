"""ResourceSlice: devices of a driver, as many as fit in an object.

Upstream: pkg/apis/resource/validation (ValidateResourceSlice), pkg/registry/resource/resourceslice, pkg/printers.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from kubelite.api import columns
from kubelite.api import validation as check
from kubelite.api.core.pod.validation.scheduling import validate_node_selector
from kubelite.api.core.volumes.sources import driver_name
from kubelite.api.resource import device as devices
from kubelite.api.resource import parts
from kubelite.api.types import resource_v1 as v1
from kubelite.machinery import fielderrors as fe
from kubelite.machinery import names, times
from kubelite.machinery.fielderrors import FieldErrors, Path
from kubelite.machinery.kind import Column, Kind

MAX_DEVICES, MAX_ADVANCED = 128, 64
MAX_COUNTER_SETS = 8
_PLACES = ("nodeName", "nodeSelector", "allNodes", "perDeviceNodeSelection")
_PLACE = "exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required"


def set_defaults(found: v1.ResourceSlice) -> None:
    """Taints got now unless they say when."""
    for device in found.spec.devices:
        for taint in device.taints:
            if taint.timeAdded is None:
                taint.timeAdded = times.now_text(datetime.now(UTC))


def validate(found: v1.ResourceSlice) -> FieldErrors:
    """Driver, pool, place, and devices or the counters that they share."""
    spec, path = found.spec, parts.SPEC
    errors = driver_name(spec.driver, path / "driver") + _pool(spec.pool or v1.ResourcePool(), path / "pool")
    errors += _place(spec, path)
    if spec.sharedCounters and spec.devices:
        errors.append(fe.invalid(path, "", "only one of `sharedCounters` or `devices` is allowed"))
    advanced = any(one.taints or one.consumesCounters for one in spec.devices)
    placed = bool(spec.perDeviceNodeSelection)

    def device(one: v1.Device, here: Path) -> FieldErrors:
        return devices.validate(one, here, placed)

    limit = MAX_ADVANCED if advanced else MAX_DEVICES
    errors += parts.each(spec.devices, limit, device, path / "devices", lambda one: one.name)
    here = path / "sharedCounters"
    return errors + parts.each(spec.sharedCounters, MAX_COUNTER_SETS, _counters, here, lambda one: one.name)


def _pool(pool: v1.ResourcePool, path: Path) -> FieldErrors:
    errors = parts.pool_name(pool.name, path / "name")
    if (pool.resourceSliceCount or 0) <= 0:
        errors.append(fe.invalid(path / "resourceSliceCount", pool.resourceSliceCount or 0, check.NOT_POSITIVE))
    if (pool.generation or 0) < 0:
        detail = "must be greater than or equal to zero"
        errors.append(fe.invalid(path / "generation", pool.generation, detail))
    return errors


def _place(spec: v1.ResourceSliceSpec, path: Path) -> FieldErrors:
    errors: FieldErrors = []
    if spec.nodeName:
        errors += check.complaints(path / "nodeName", spec.nodeName, names.dns1123_subdomain(spec.nodeName))
    if spec.nodeSelector is not None:
        errors += validate_node_selector(spec.nodeSelector, path / "nodeSelector")
        terms = spec.nodeSelector.nodeSelectorTerms
        if len(terms) != 1:
            here = path / "nodeSelector" / "nodeSelectorTerms"
            errors.append(fe.invalid(here, terms, "must have exactly one node selector term"))
    for name in ("allNodes", "perDeviceNodeSelection"):
        if getattr(spec, name) is False:
            errors.append(fe.invalid(path / name, False, "must be either unset or set to true"))
    found = [f"`{name}`" for name in _PLACES if getattr(spec, name)]
    if not found:
        errors.append(fe.required(path, _PLACE))
    elif len(found) > 1:
        errors.append(fe.invalid(path, f"{{{', '.join(found)}}}", f"{_PLACE}, but multiple fields are set"))
    return errors


def _counters(counters: v1.CounterSet, path: Path) -> FieldErrors:
    errors = parts.label(counters.name, path / "name") if counters.name else [fe.required(path / "name")]
    return errors + devices.counters(counters.counters, path / "counters")


def validate_update(new: v1.ResourceSlice, old: v1.ResourceSlice) -> FieldErrors:
    """Driver, pool and node stay."""
    now, before = new.spec.pool or v1.ResourcePool(), old.spec.pool or v1.ResourcePool()
    errors = check.immutable(parts.SPEC / "pool" / "name", now.name, before.name)
    errors += check.immutable(parts.SPEC / "driver", new.spec.driver, old.spec.driver)
    return errors + check.immutable(parts.SPEC / "nodeName", new.spec.nodeName, old.spec.nodeName)


def row(found: v1.ResourceSlice, now: datetime) -> list[Any]:
    """The cells in the order of the columns."""
    spec = found.spec
    pool = spec.pool.name if spec.pool is not None else ""
    return columns.cells(found.metadata.name, found, now, spec.nodeName, spec.driver, pool)


RESOURCE_SLICE = Kind(
    group=parts.GROUP,
    version="v1",
    kind="ResourceSlice",
    plural="resourceslices",
    type=v1.ResourceSlice,
    namespaced=False,
    set_defaults=set_defaults,
    validate=validate,
    validate_update=validate_update,
    has_generation=True,
    columns=(
        Column(name="Name", format="name", description="Name of the slice."),
        Column(name="Node", description="The node that has the devices."),
        Column(name="Driver", description="The driver of the devices."),
        Column(name="Pool", description="The pool that the slice is a part of."),
        Column(name="Age", description="How long the object exists."),
    ),
    row=row,
    selectable={
        "spec.driver": lambda found: str(found.spec.driver),
        "spec.nodeName": lambda found: str(found.spec.nodeName),
    },
)
