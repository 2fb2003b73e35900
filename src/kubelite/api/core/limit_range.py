"""LimitRange: how large the pods, containers and claims of a namespace may be, and what they get if they say nothing.

Upstream: pkg/apis/core/validation (ValidateLimitRange), pkg/apis/core/v1/defaults.go (SetDefaults_LimitRangeItem).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from kubelite.api import columns
from kubelite.api import validation as check
from kubelite.api.core.pod.validation import resources
from kubelite.api.types import core_v1 as v1
from kubelite.api.types.base import Quantity
from kubelite.machinery import fielderrors as fe
from kubelite.machinery import quantity
from kubelite.machinery.fielderrors import FieldErrors, Path
from kubelite.machinery.kind import Column, Kind

CONTAINER = "Container"
POD = "Pod"
CLAIM = "PersistentVolumeClaim"
_TYPES = (CONTAINER, POD, CLAIM)
_MAPS = ("default", "defaultRequest", "max", "maxLimitRequestRatio", "min")
_LIMITS = Path("spec") / "limits"

_ORDER: tuple[tuple[str, str, str, str, str], ...] = (
    ("min", "max", "min", "min", "min value %s is greater than max value %s"),
    (
        "min",
        "defaultRequest",
        "defaultRequest",
        "defaultRequest",
        "min value %s is greater than default request value %s",
    ),
    (
        "defaultRequest",
        "max",
        "defaultRequest",
        "defaultRequest",
        "default request value %s is greater than max value %s",
    ),
    (
        "defaultRequest",
        "default",
        "defaultRequest",
        "defaultRequest",
        "default request value %s is greater than default limit value %s",
    ),
    ("min", "default", "default", "min", "min value %s is greater than default value %s"),
    ("default", "max", "default", "max", "default value %s is greater than max value %s"),
)
"""Maps whose amounts must not be above those of another: lower, higher, the map that is blamed, the value shown, the words."""


def set_defaults(limit_range: v1.LimitRange) -> None:
    """A container's default limit is the maximum; its default request that limit, or the minimum."""
    for item in limit_range.spec.limits:
        for name in _MAPS:
            amounts = getattr(item, name)
            setattr(item, name, {key: quantity.rounded_to_milli(amount) for key, amount in amounts.items()})
        if item.type == CONTAINER:
            item.default = {**item.max, **item.default}
            item.defaultRequest = {**item.min, **item.default, **item.defaultRequest}


def prepare_create(limit_range: v1.LimitRange) -> None:
    """A LimitRange without a name gets one, as upstream does."""
    limit_range.metadata.name = limit_range.metadata.name or limit_range.metadata.uid


def validate(limit_range: v1.LimitRange) -> FieldErrors:
    """Each type once; names of resources; amounts that fit each other."""
    errors: FieldErrors = []
    seen: set[str] = set()
    for index, item in enumerate(limit_range.spec.limits):
        here = _LIMITS.index(index)
        errors += _type(item.type, here / "type")
        if item.type in seen:
            errors.append(fe.duplicate(here / "type", item.type))
        seen.add(item.type)
        errors += _maps(item, here)
        if item.type == CLAIM and "storage" not in item.min and "storage" not in item.max:
            detail = "either minimum or maximum storage value is required, but neither was provided"
            errors.append(fe.required(here / "limits", detail))
        for name in sorted({name for field in _MAPS for name in getattr(item, field)}):
            errors += _amounts(item, name, here)
    return errors


def _type(name: str, path: Path) -> FieldErrors:
    errors = check.qualified_name(path, name)
    if not errors and "/" not in name and name not in _TYPES:
        errors.append(fe.invalid(path, name, "must be a standard limit type or fully qualified"))
    return errors


def _maps(item: v1.LimitRangeItem, path: Path) -> FieldErrors:
    errors: FieldErrors = []
    name_check = resources.container_resource_name if item.type in (POD, CONTAINER) else resources.resource_name
    for field in ("max", "min", "default", "defaultRequest", "maxLimitRequestRatio"):
        if item.type == POD and field.startswith("default"):
            if getattr(item, field):
                errors.append(fe.forbidden(path / field, "may not be specified when `type` is 'Pod'"))
            continue
        for name in getattr(item, field):
            errors += name_check(name, (path / field).key(name))
    return errors


def _amounts(item: v1.LimitRangeItem, name: str, path: Path) -> FieldErrors:
    found: dict[str, Quantity] = {
        field: getattr(item, field)[name]
        for field in _MAPS
        if name in getattr(item, field) and not (item.type == POD and field.startswith("default"))
    }
    errors: FieldErrors = []
    for lower, higher, blamed, shown, words in _ORDER:
        if lower in found and higher in found and quantity.cmp(found[lower], found[higher]) > 0:
            errors.append(fe.invalid((path / blamed).key(name), found[shown], words % (found[lower], found[higher])))
    if "maxLimitRequestRatio" in found:
        errors += _ratio(found, (path / "maxLimitRequestRatio").key(name))
    default, request = found.get("default"), found.get("defaultRequest")
    both = default is not None and request is not None
    if both and not resources.may_overcommit(name) and quantity.cmp(default or 0, request or 0):
        detail = f"default value {default} must equal to defaultRequest value {request} in {name}"
        errors.append(fe.invalid((path / "defaultRequest").key(name), request, detail))
    return errors


def _ratio(found: dict[str, Quantity], path: Path) -> FieldErrors:
    ratio = found["maxLimitRequestRatio"]
    errors: FieldErrors = []
    if quantity.cmp(ratio, 1) < 0:
        errors.append(fe.invalid(path, ratio, f"ratio {ratio} is less than 1"))
    if "min" in found and "max" in found:
        low, high = quantity.nano(found["min"]), quantity.nano(found["max"])
        if low and quantity.nano(ratio) * low > high * 10**9:
            errors.append(fe.invalid(path, ratio, f"ratio {ratio} is greater than max/min = {high / low:f}"))
    return errors


def row(limit_range: v1.LimitRange, now: datetime) -> list[Any]:
    """Name and time of creation: upstream has no columns for it."""
    return [limit_range.metadata.name, limit_range.metadata.creationTimestamp or columns.UNKNOWN]


LIMIT_RANGE = Kind(
    group="",
    version="v1",
    kind="LimitRange",
    plural="limitranges",
    type=v1.LimitRange,
    short_names=("limits",),
    set_defaults=set_defaults,
    prepare_create=prepare_create,
    create_on_update=True,
    validate=validate,
    columns=(
        Column(name="Name", format="name", description="Name must be unique within a namespace."),
        Column(name="Created At", type="date", description="When the object was made."),
    ),
    row=row,
)
