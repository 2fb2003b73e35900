"""PriorityClass: a name for how important a pod is. Rules follow pkg/apis/scheduling/validation."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from kubelite.api import columns
from kubelite.api.types.scheduling_v1 import PriorityClass
from kubelite.machinery import fielderrors
from kubelite.machinery.fielderrors import FieldError, Path
from kubelite.machinery.kind import Column, Kind

SYSTEM_PREFIX = "system-"
HIGHEST_USER_PRIORITY = 1_000_000_000
SYSTEM_CLASSES = {"system-node-critical": 2_000_001_000, "system-cluster-critical": 2_000_000_000}
PREEMPTION_POLICIES = ("PreemptLowerPriority", "Never")


def set_defaults(priority: PriorityClass) -> None:
    """Preempts lower priorities unless told not to; the value is always written."""
    if not priority.preemptionPolicy:
        priority.preemptionPolicy = "PreemptLowerPriority"
    if priority.value is None:
        priority.value = 0


def validate(priority: PriorityClass) -> list[FieldError]:
    errors: list[FieldError] = []
    name, value = priority.metadata.name, priority.value or 0
    if name.startswith(SYSTEM_PREFIX):
        problem = _system_problem(name, value, bool(priority.globalDefault))
        if problem:
            detail = f"priority class names with '{SYSTEM_PREFIX}' prefix are reserved for system use only. error: "
            errors.append(fielderrors.forbidden(Path("metadata") / "name", detail + problem))
    elif value > HIGHEST_USER_PRIORITY:
        detail = f"maximum allowed value of a user defined priority is {HIGHEST_USER_PRIORITY}"
        errors.append(fielderrors.forbidden(Path("value"), detail))
    if priority.preemptionPolicy not in PREEMPTION_POLICIES:
        path, policy = Path("preemptionPolicy"), priority.preemptionPolicy
        errors.append(fielderrors.not_supported(path, policy, PREEMPTION_POLICIES, as_listed=True))
    return errors


def _system_problem(name: str, value: int, is_default: bool) -> str:
    if name not in SYSTEM_CLASSES:
        return f"{name} is not a known system priority class"
    if value != SYSTEM_CLASSES[name]:
        return f"value of {name} PriorityClass must be {SYSTEM_CLASSES[name]}"
    return f"globalDefault of {name} PriorityClass must be false" if is_default else ""


def validate_update(new: PriorityClass, old: PriorityClass) -> list[FieldError]:
    errors: list[FieldError] = []
    if (new.value or 0) != (old.value or 0):
        errors.append(fielderrors.forbidden(Path("value"), "may not be changed in an update."))
    return errors + list(fielderrors.immutable(Path("preemptionPolicy"), new.preemptionPolicy, old.preemptionPolicy))


def row(priority: PriorityClass, now: datetime) -> list[Any]:
    return [
        priority.metadata.name,
        priority.value or 0,
        bool(priority.globalDefault),
        columns.age(priority, now),
        priority.preemptionPolicy,
    ]


PRIORITY_CLASS = Kind(
    group="scheduling.k8s.io",
    version="v1",
    kind="PriorityClass",
    plural="priorityclasses",
    type=PriorityClass,
    namespaced=False,
    short_names=("pc",),
    set_defaults=set_defaults,
    validate=validate,
    validate_update=validate_update,
    columns=(
        Column(name="Name", format="name", description="Name must be unique among priority classes."),
        Column(name="Value", type="integer", description="The priority of pods of this class."),
        Column(name="Global-Default", type="boolean", description="Whether pods without a class get this one."),
        Column(name="Age", description="How long the object exists."),
        Column(name="PreemptionPolicy", description="Whether such pods may push out others."),
    ),
    row=row,
)
