"""The kind ReplicaSet.

Upstream: pkg/registry/apps/replicaset, pkg/apis/apps/v1/defaults.go, pkg/printers.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from kubelite.api import pod_template, workload_validation
from kubelite.api import validation as check
from kubelite.api.types import apps_v1 as apps
from kubelite.machinery.fielderrors import FieldErrors, Path
from kubelite.machinery.kind import Kind


def set_defaults(replica_set: apps.ReplicaSet) -> None:
    """One replica."""
    if replica_set.spec.replicas is None:
        replica_set.spec.replicas = 1
    pod_template.default_template(replica_set.spec.template)


def prepare_create(replica_set: apps.ReplicaSet) -> None:
    """A new set has seen nothing yet."""
    replica_set.status = apps.ReplicaSetStatus(replicas=0)


def validate(replica_set: apps.ReplicaSet) -> FieldErrors:
    """A selector that is not empty and matches the template."""
    spec, path = replica_set.spec, Path("spec")
    errors = check.non_negative(spec.replicas, path / "replicas")
    errors += check.non_negative(spec.minReadySeconds, path / "minReadySeconds")
    errors += workload_validation.selector(spec.selector, path / "selector")
    matching = workload_validation.parsed_selector(spec.selector)
    return errors + workload_validation.template_of_replicas(spec.template, matching, path / "template")


def validate_update(new: apps.ReplicaSet, old: apps.ReplicaSet) -> FieldErrors:
    """The selector never changes."""
    return check.immutable(Path("spec") / "selector", new.spec.selector, old.spec.selector)


def validate_status_update(new: apps.ReplicaSet, old: apps.ReplicaSet) -> FieldErrors:
    """Counts that make sense."""
    return workload_validation.replica_status(new.status)


def row(replica_set: apps.ReplicaSet, now: datetime) -> list[Any]:
    """The cells of `pod_template.counted_columns`."""
    return pod_template.counted_row(replica_set, now, pod_template.selector_cell(replica_set.spec.selector))


REPLICA_SET = Kind(
    group="apps",
    version="v1",
    kind="ReplicaSet",
    plural="replicasets",
    type=apps.ReplicaSet,
    short_names=("rs",),
    categories=("all",),
    subresources=pod_template.SCALE_AND_STATUS,
    set_defaults=set_defaults,
    validate=validate,
    validate_update=validate_update,
    validate_status_update=validate_status_update,
    warnings=workload_validation.warnings,
    prepare_create=prepare_create,
    has_generation=True,
    scale=pod_template.scale_paths(pod_template.selector_text),
    columns=pod_template.counted_columns("set"),
    row=row,
    selectable={"status.replicas": lambda replica_set: str(pod_template.observed_replicas(replica_set))},
)
