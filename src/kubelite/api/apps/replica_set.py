"""The kind ReplicaSet.

Upstream: pkg/registry/apps/replicaset, pkg/apis/apps/v1/defaults.go, pkg/printers.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from kubelite.api import pod_template, workload_validation
from kubelite.api import validation as check
from kubelite.api.types import apps_v1 as apps
from kubelite.machinery import fielderrors, labels, times
from kubelite.machinery.fielderrors import FieldErrors, Path
from kubelite.machinery.kind import STATUS_VERBS, Column, Kind, ScalePaths, Subresource


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
    if spec.selector is None:
        errors.append(fielderrors.required(path / "selector"))
    else:
        errors += check.label_selector(spec.selector, path / "selector")
        if check.is_empty_selector(spec.selector):
            detail = "empty selector is invalid for deployment"
            errors.append(fielderrors.invalid(path / "selector", spec.selector, detail))
    matching = workload_validation.parsed_selector(spec.selector)
    return errors + workload_validation.template_of_replicas(spec.template, matching, path / "template")


def validate_update(new: apps.ReplicaSet, old: apps.ReplicaSet) -> FieldErrors:
    """The selector never changes."""
    return check.immutable(Path("spec") / "selector", new.spec.selector, old.spec.selector)


def validate_status_update(new: apps.ReplicaSet, old: apps.ReplicaSet) -> FieldErrors:
    """Counts that make sense."""
    return workload_validation.replica_status(new.status)


def row(replica_set: apps.ReplicaSet, now: datetime) -> list[Any]:
    """The cells in the order of `COLUMNS`."""
    spec, status = replica_set.spec, replica_set.status
    return [
        replica_set.metadata.name,
        *pod_template.numbers((spec.replicas, status.replicas, status.readyReplicas)),
        times.age_of(replica_set.metadata.creationTimestamp, now),
        pod_template.containers_cell(spec.template),
        pod_template.images_cell(spec.template),
        pod_template.selector_cell(spec.selector),
    ]


COLUMNS = (
    Column(name="Name", format="name", description="Name of the set, unique within its namespace."),
    Column(name="Desired", type="integer", description="How many pods are wanted."),
    Column(name="Current", type="integer", description="How many pods exist."),
    Column(name="Ready", type="integer", description="How many pods are ready."),
    Column(name="Age", description="How long the set exists."),
    pod_template.CONTAINERS_COLUMN,
    pod_template.IMAGES_COLUMN,
    pod_template.SELECTOR_COLUMN,
)

REPLICA_SET = Kind(
    group="apps",
    version="v1",
    kind="ReplicaSet",
    plural="replicasets",
    type=apps.ReplicaSet,
    short_names=("rs",),
    categories=("all",),
    subresources=(
        Subresource(name="scale", verbs=STATUS_VERBS, group="autoscaling", version="v1", kind="Scale"),
        Subresource(name="status", verbs=STATUS_VERBS),
    ),
    set_defaults=set_defaults,
    validate=validate,
    validate_update=validate_update,
    validate_status_update=validate_status_update,
    warnings=workload_validation.warnings,
    prepare_create=prepare_create,
    has_generation=True,
    scale=ScalePaths(
        spec_replicas=pod_template.wanted_replicas,
        status_replicas=pod_template.observed_replicas,
        selector=lambda replica_set: str(labels.from_label_selector(replica_set.spec.selector)),
        set_replicas=pod_template.set_replicas,
    ),
    columns=COLUMNS,
    row=row,
    selectable={"status.replicas": lambda replica_set: str(pod_template.observed_replicas(replica_set))},
)
