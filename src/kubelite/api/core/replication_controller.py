"""The kind ReplicationController.

Upstream: pkg/registry/core/replicationcontroller, pkg/apis/core/v1/defaults.go, pkg/printers.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from kubelite.api import pod_template, workload_validation
from kubelite.api import validation as check
from kubelite.api.types import core_v1 as v1
from kubelite.machinery import fielderrors, labels
from kubelite.machinery.fielderrors import FieldErrors, Path
from kubelite.machinery.kind import Kind


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
    """The cells of `pod_template.counted_columns`."""
    return pod_template.counted_row(controller, now, pod_template.labels_cell(controller.spec.selector))


def _selector_text(controller: v1.ReplicationController) -> str:
    return str(labels.from_set(controller.spec.selector))


REPLICATION_CONTROLLER = Kind(
    group="",
    version="v1",
    kind="ReplicationController",
    plural="replicationcontrollers",
    type=v1.ReplicationController,
    short_names=("rc",),
    categories=("all",),
    storage_prefix="controllers",
    subresources=pod_template.SCALE_AND_STATUS,
    set_defaults=set_defaults,
    validate=validate,
    validate_status_update=validate_status_update,
    warnings=workload_validation.warnings,
    prepare_create=prepare_create,
    has_generation=True,
    orphans_by_default=True,
    scale=pod_template.scale_paths(_selector_text),
    columns=pod_template.counted_columns("controller"),
    row=row,
    selectable={"status.replicas": lambda controller: str(pod_template.observed_replicas(controller))},
)
