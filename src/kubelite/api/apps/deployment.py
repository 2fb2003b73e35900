"""The kind Deployment.

Upstream: pkg/registry/apps/deployment, pkg/apis/apps/v1/defaults.go, pkg/printers.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from kubelite.api import pod_template, workload_validation
from kubelite.api import validation as check
from kubelite.api.types import apps_v1 as apps
from kubelite.machinery import fielderrors, times
from kubelite.machinery.fielderrors import FieldErrors, Path
from kubelite.machinery.kind import Column, Kind

ROLLING_UPDATE = "RollingUpdate"
RECREATE = "Recreate"


def set_defaults(deployment: apps.Deployment) -> None:
    """One replica; a rolling update by quarters; ten old revisions; ten minutes to make progress."""
    spec = deployment.spec
    if spec.replicas is None:
        spec.replicas = 1
    strategy = spec.strategy
    if not strategy.type:
        strategy.type = ROLLING_UPDATE
    if strategy.type == ROLLING_UPDATE:
        if strategy.rollingUpdate is None:
            strategy.rollingUpdate = apps.RollingUpdateDeployment()
        if strategy.rollingUpdate.maxUnavailable is None:
            strategy.rollingUpdate.maxUnavailable = "25%"
        if strategy.rollingUpdate.maxSurge is None:
            strategy.rollingUpdate.maxSurge = "25%"
    if spec.revisionHistoryLimit is None:
        spec.revisionHistoryLimit = 10
    if spec.progressDeadlineSeconds is None:
        spec.progressDeadlineSeconds = 600
    pod_template.default_template(spec.template)


def prepare_create(deployment: apps.Deployment) -> None:
    """A new deployment has seen nothing yet."""
    deployment.status = apps.DeploymentStatus()


def prepare_status_update(new: apps.Deployment, old: apps.Deployment) -> None:
    """A status update leaves the spec and the labels alone."""
    new.spec = old.spec
    new.metadata.labels = old.metadata.labels


SPEC = Path("spec")
STATUS = Path("status")


def validate(deployment: apps.Deployment) -> FieldErrors:
    """Counts, selector, template, strategy."""
    spec = deployment.spec
    errors = check.non_negative(spec.replicas, SPEC / "replicas")
    errors += workload_validation.selector(spec.selector, SPEC / "selector")
    matching = workload_validation.parsed_selector(spec.selector)
    errors += workload_validation.template_of_replicas(spec.template, matching, SPEC / "template")
    errors += _strategy(spec.strategy, SPEC / "strategy")
    errors += check.non_negative(spec.minReadySeconds, SPEC / "minReadySeconds")
    errors += check.non_negative(spec.revisionHistoryLimit, SPEC / "revisionHistoryLimit")
    deadline = spec.progressDeadlineSeconds
    if deadline is not None:
        errors += check.non_negative(deadline, SPEC / "progressDeadlineSeconds")
        if deadline <= (spec.minReadySeconds or 0):
            detail = "must be greater than minReadySeconds"
            errors.append(fielderrors.invalid(SPEC / "progressDeadlineSeconds", deadline, detail))
    return errors


def _strategy(strategy: apps.DeploymentStrategy, path: Path) -> FieldErrors:
    rolling = strategy.rollingUpdate
    if strategy.type == RECREATE:
        if rolling is None:
            return []
        detail = "may not be specified when strategy `type` is 'Recreate'"
        return [fielderrors.forbidden(path / "rollingUpdate", detail)]
    if strategy.type != ROLLING_UPDATE:
        return [fielderrors.not_supported(path / "type", strategy.type, (RECREATE, ROLLING_UPDATE))]
    here = path / "rollingUpdate"
    if rolling is None:
        return [fielderrors.required(here, "this should be defaulted and never be nil")]
    errors = workload_validation.count_or_percent(rolling.maxUnavailable, here / "maxUnavailable")
    errors += workload_validation.count_or_percent(rolling.maxSurge, here / "maxSurge")
    if workload_validation.is_zero(rolling.maxUnavailable) and workload_validation.is_zero(rolling.maxSurge):
        detail = "may not be 0 when `maxSurge` is 0"
        errors.append(fielderrors.invalid(here / "maxUnavailable", rolling.maxUnavailable, detail))
    return errors + workload_validation.not_above_hundred(rolling.maxUnavailable, here / "maxUnavailable")


def validate_update(new: apps.Deployment, old: apps.Deployment) -> FieldErrors:
    """The selector never changes."""
    return check.immutable(SPEC / "selector", new.spec.selector, old.spec.selector)


def validate_status_update(new: apps.Deployment, old: apps.Deployment) -> FieldErrors:
    """Counts that make sense, and a collision count that only grows."""
    status, errors = new.status, []
    counts = (
        "observedGeneration",
        "replicas",
        "updatedReplicas",
        "readyReplicas",
        "availableReplicas",
        "unavailableReplicas",
        "terminatingReplicas",
        "collisionCount",
    )
    for field in counts:
        errors += check.non_negative(getattr(status, field), STATUS / field)
    more = "cannot be greater than status.replicas"
    for field in ("updatedReplicas", "readyReplicas", "availableReplicas"):
        errors += workload_validation.at_most(status, field, "replicas", more)
    errors += workload_validation.at_most(
        status, "availableReplicas", "readyReplicas", "cannot be greater than readyReplicas"
    )
    return errors + workload_validation.collisions_only_grow(status, old.status)


def row(deployment: apps.Deployment, now: datetime) -> list[Any]:
    """The cells in the order of `COLUMNS`."""
    spec, status = deployment.spec, deployment.status
    return [
        deployment.metadata.name,
        f"{status.readyReplicas or 0}/{spec.replicas or 0}",
        *pod_template.numbers((status.updatedReplicas, status.availableReplicas)),
        times.age_of(deployment.metadata.creationTimestamp, now),
        *pod_template.template_cells(spec.template, pod_template.selector_cell(spec.selector)),
    ]


COLUMNS = (
    Column(name="Name", format="name", description="Name of the deployment, unique within its namespace."),
    Column(name="Ready", description="How many pods are ready, out of those wanted."),
    Column(name="Up-to-date", type="string", description="How many pods run the present template."),
    Column(name="Available", type="string", description="How many pods have been ready for long enough."),
    Column(name="Age", description="How long the deployment exists."),
    *pod_template.TEMPLATE_COLUMNS,
)

DEPLOYMENT = Kind(
    group="apps",
    version="v1",
    kind="Deployment",
    plural="deployments",
    type=apps.Deployment,
    short_names=("deploy",),
    categories=("all",),
    subresources=pod_template.SCALE_AND_STATUS,
    set_defaults=set_defaults,
    validate=validate,
    validate_update=validate_update,
    validate_status_update=validate_status_update,
    warnings=workload_validation.warnings,
    prepare_create=prepare_create,
    prepare_status_update=prepare_status_update,
    has_generation=True,
    annotations_count=True,  # they are copied to the replica sets
    scale=pod_template.scale_paths(pod_template.selector_text),
    columns=COLUMNS,
    row=row,
)
