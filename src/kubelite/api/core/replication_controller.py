"""The kind ReplicationController.

Upstream: pkg/registry/core/replicationcontroller, pkg/apis/core/v1/defaults.go, pkg/printers.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from kubelite.api import pod_template, workload_validation
from kubelite.api import validation as check
from kubelite.api.types import core_v1 as v1
from kubelite.machinery import fielderrors, labels, times
from kubelite.machinery.fielderrors import FieldErrors, Path
from kubelite.machinery.kind import STATUS_VERBS, Column, Kind, ScalePaths, Subresource


def set_defaults(controller: v1.ReplicationController) -> None:
    """One replica; selector and labels after the template's labels."""
    spec = controller.spec
    if spec.replicas is None:
        spec.replicas = 1
    if spec.template is None:
        return
    pod_template.default_template(spec.template)
    labels = spec.template.metadata.labels
    if labels:
        spec.selector = spec.selector or dict(labels)
        controller.metadata.labels = controller.metadata.labels or dict(labels)


def prepare_create(controller: v1.ReplicationController) -> None:
    """A new controller has seen nothing yet."""
    controller.status = v1.ReplicationControllerStatus(replicas=0)


def validate(controller: v1.ReplicationController) -> FieldErrors:
    """A selector of labels that the template carries."""
    spec, path = controller.spec, Path("spec")
    errors = check.non_negative(spec.minReadySeconds, path / "minReadySeconds")
    if not spec.selector:
        errors.append(fielderrors.required(path / "selector"))
    errors += check.non_negative(spec.replicas, path / "replicas")
    if spec.template is None:
        errors.append(fielderrors.required(path / "template"))
        return errors
    return errors + workload_validation.template_of_replicas(
        spec.template, labels.from_set(spec.selector), path / "template", kind="ReplicationController"
    )


def validate_status_update(new: v1.ReplicationController, old: v1.ReplicationController) -> FieldErrors:
    """Counts that make sense."""
    return workload_validation.replica_status(new.status)


def row(controller: v1.ReplicationController, now: datetime) -> list[Any]:
    """The cells in the order of `COLUMNS`."""
    spec, status = controller.spec, controller.status
    return [
        controller.metadata.name,
        *pod_template.numbers((spec.replicas, status.replicas, status.readyReplicas)),
        times.age_of(controller.metadata.creationTimestamp, now),
        pod_template.containers_cell(spec.template),
        pod_template.images_cell(spec.template),
        pod_template.labels_cell(spec.selector),
    ]


COLUMNS = (
    Column(name="Name", format="name", description="Name of the controller, unique within its namespace."),
    Column(name="Desired", type="integer", description="How many pods are wanted."),
    Column(name="Current", type="integer", description="How many pods exist."),
    Column(name="Ready", type="integer", description="How many pods are ready."),
    Column(name="Age", description="How long the controller exists."),
    pod_template.CONTAINERS_COLUMN,
    pod_template.IMAGES_COLUMN,
    pod_template.SELECTOR_COLUMN,
)

REPLICATION_CONTROLLER = Kind(
    group="",
    version="v1",
    kind="ReplicationController",
    plural="replicationcontrollers",
    type=v1.ReplicationController,
    short_names=("rc",),
    categories=("all",),
    storage_prefix="controllers",
    subresources=(
        Subresource(name="scale", verbs=STATUS_VERBS, group="autoscaling", version="v1", kind="Scale"),
        Subresource(name="status", verbs=STATUS_VERBS),
    ),
    set_defaults=set_defaults,
    validate=validate,
    validate_status_update=validate_status_update,
    warnings=workload_validation.warnings,
    prepare_create=prepare_create,
    has_generation=True,
    orphans_by_default=True,
    scale=ScalePaths(
        spec_replicas=pod_template.wanted_replicas,
        status_replicas=pod_template.observed_replicas,
        selector=lambda controller: ",".join(f"{k}={v}" for k, v in sorted(controller.spec.selector.items())),
        set_replicas=pod_template.set_replicas,
    ),
    columns=COLUMNS,
    row=row,
    selectable={"status.replicas": lambda controller: str(pod_template.observed_replicas(controller))},
)
