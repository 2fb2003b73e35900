"""Validation that the workload kinds share: replicas, selectors, templates, percentages, statuses.

Upstream: pkg/apis/apps/validation (ValidateReplicaSetSpec, ValidatePodTemplateSpecForReplicaSet, ValidatePositiveIntOrPercent).
"""

from __future__ import annotations

from typing import Any

from kubelite.api import validation as check
from kubelite.api.core.pod.validation.spec import validate_template
from kubelite.api.core.pod.warnings import template_warnings
from kubelite.api.types import core_v1 as v1
from kubelite.machinery import fielderrors as fe
from kubelite.machinery import labels, names
from kubelite.machinery.fielderrors import FieldErrors, Path

SPEC = Path("spec")
STATUS = Path("status")
_MORE_THAN_REPLICAS = "cannot be greater than status.replicas"


def selector(wanted: Any | None, path: Path, kind: str = "deployment") -> FieldErrors:
    """A LabelSelector that is present, valid, and does not select everything; `kind` is upstream's word for the owner."""
    if wanted is None:
        return [fe.required(path)]
    errors = check.label_selector(wanted, path)
    if check.is_empty_selector(wanted):
        errors.append(fe.invalid(path, wanted, f"empty selector is invalid for {kind}"))
    return errors


def parsed_selector(wanted: Any | None) -> labels.Selector | None:
    """The selector made ready, or None where it is invalid, which has been reported."""
    if wanted is None:
        return None
    try:
        return labels.from_label_selector(wanted)
    except ValueError:
        return None


def template_of_replicas(
    template: v1.PodTemplateSpec, matching: labels.Selector | None, path: Path, *, kind: str = "ReplicaSet"
) -> FieldErrors:
    """A template of pods that are always restarted, whose labels the selector matches."""
    errors = matches_template(matching, template, path)
    errors += validate_template(template, path)
    return errors + always_restarted(template.spec, path / "spec", kind)


def matches_template(matching: labels.Selector | None, template: v1.PodTemplateSpec, path: Path) -> FieldErrors:
    """The template's labels satisfy the selector; an invalid selector has been reported."""
    if matching is None or matching.matches(template.metadata.labels):
        return []
    detail = "`selector` does not match template `labels`"
    return [fe.invalid(path / "metadata" / "labels", template.metadata.labels, detail)]


def always_restarted(spec: v1.PodSpec, path: Path, kind: str) -> FieldErrors:
    """What holds for all workloads that run for ever."""
    errors: FieldErrors = []
    if spec.restartPolicy != "Always":
        errors.append(fe.not_supported(path / "restartPolicy", spec.restartPolicy, ("Always",)))
    if spec.activeDeadlineSeconds is not None:
        detail = f"activeDeadlineSeconds in {kind} is not Supported"
        errors.append(fe.forbidden(path / "activeDeadlineSeconds", detail))
    return errors


def count_or_percent(value: int | str | None, path: Path) -> FieldErrors:
    """A number that is not negative, or a percentage."""
    if isinstance(value, str):
        return check.complaints(path, value, names.percent(value))
    return check.non_negative(value, path)


def percent(value: int | str | None) -> int | None:
    """The number of a valid percentage, else None."""
    return int(value[:-1]) if isinstance(value, str) and not names.percent(value) else None


def not_above_hundred(value: int | str | None, path: Path) -> FieldErrors:
    number = percent(value)
    return [fe.invalid(path, value, "must not be greater than 100%")] if number is not None and number > 100 else []


def is_zero(value: int | str | None) -> bool:
    """0, "0%" or absent."""
    return value in (None, 0) or percent(value) == 0


def warnings(new: Any, old: Any | None) -> list[str]:
    """Warnings about a workload: its name, when it is created, and its template, when that is new."""
    return name_warnings(new, old) + template_changes(new, old)


def name_warnings(new: Any, old: Any | None) -> list[str]:
    """A new workload whose name makes bad names of pods."""
    wrong = names.dns1123_label(new.metadata.name) if old is None else []
    if not wrong:
        return []
    text = (
        "this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label is recommended"
    )
    return [f"metadata.name: {text}: [{' '.join(wrong)}]"]


def template_changes(new: Any, old: Any | None) -> list[str]:
    """Warnings about a template that is new or changed."""
    if new.spec.template is None:
        return []
    before = old.spec.template if old is not None else None
    return template_warnings(new.spec.template, before, SPEC / "template")


def replica_status(status: Any) -> FieldErrors:
    """Counts that are not negative and not above the number of replicas (ReplicaSet, ReplicationController)."""
    errors: FieldErrors = []
    fields = ("replicas", "fullyLabeledReplicas", "readyReplicas", "availableReplicas", "terminatingReplicas")
    for field in (*fields, "observedGeneration"):
        errors += check.non_negative(getattr(status, field, None), STATUS / field)
    for field in ("fullyLabeledReplicas", "readyReplicas", "availableReplicas"):
        errors += at_most(status, field, "replicas", _MORE_THAN_REPLICAS)
    return errors + at_most(status, "availableReplicas", "readyReplicas", "cannot be greater than readyReplicas")


def at_most(status: Any, field: str, bound: str, detail: str) -> FieldErrors:
    """One error where `status.field` is above `status.bound`; absent counts as 0."""
    number = getattr(status, field) or 0
    return [fe.invalid(STATUS / field, number, detail)] if number > (getattr(status, bound) or 0) else []


def collisions_only_grow(status: Any, old: Any) -> FieldErrors:
    """The collision count of a status may be raised, never lowered."""
    before, now = old.collisionCount, status.collisionCount
    if before is None or (now is not None and now >= before):
        return []
    return [fe.invalid(STATUS / "collisionCount", now or 0, "cannot be decremented")]
