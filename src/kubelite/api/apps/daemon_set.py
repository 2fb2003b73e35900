"""The kind DaemonSet.

What: defaults, mistakes and columns of one pod per node. Upstream: pkg/registry/apps/daemonset, pkg/apis/apps/v1/defaults.go,
pkg/apis/apps/validation (ValidateDaemonSetSpec), pkg/printers.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from kubelite.api import pod_template, workload_validation
from kubelite.api import validation as check
from kubelite.api.core.pod.validation.spec import validate_template
from kubelite.api.types import apps_v1 as apps
from kubelite.machinery import fielderrors as fe
from kubelite.machinery import times
from kubelite.machinery.fielderrors import FieldErrors, Path
from kubelite.machinery.kind import Column, Kind

ROLLING_UPDATE = "RollingUpdate"
ON_DELETE = "OnDelete"
TEMPLATE_GENERATION = "deprecated.daemonset.template.generation"
"""The annotation in which apps/v1 carries `spec.templateGeneration` of the older versions."""

SPEC = Path("spec")
STATUS = Path("status")
_COUNTS = (
    "currentNumberScheduled",
    "numberMisscheduled",
    "desiredNumberScheduled",
    "numberReady",
    "observedGeneration",
    "updatedNumberScheduled",
    "numberAvailable",
    "numberUnavailable",
    "collisionCount",
)


def set_defaults(daemon_set: apps.DaemonSet) -> None:
    """A rolling update of one node at a time; ten old revisions."""
    strategy = daemon_set.spec.updateStrategy
    if not strategy.type:
        strategy.type = ROLLING_UPDATE
    default_shared(daemon_set.spec)


def default_shared(spec: apps.DaemonSetSpec) -> None:
    """The defaults that are the same in every version of the kind."""
    strategy = spec.updateStrategy
    if strategy.type == ROLLING_UPDATE:
        if strategy.rollingUpdate is None:
            strategy.rollingUpdate = apps.RollingUpdateDaemonSet()
        if strategy.rollingUpdate.maxUnavailable is None:
            strategy.rollingUpdate.maxUnavailable = 1
        if strategy.rollingUpdate.maxSurge is None:
            strategy.rollingUpdate.maxSurge = 0
    if spec.revisionHistoryLimit is None:
        spec.revisionHistoryLimit = 10
    pod_template.default_template(spec.template)


def template_generation(daemon_set: apps.DaemonSet) -> int:
    """How often the template was changed, counted from 1."""
    text = daemon_set.metadata.annotations.get(TEMPLATE_GENERATION, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


def prepare_create(daemon_set: apps.DaemonSet) -> None:
    """A new set has seen nothing yet."""
    daemon_set.status = apps.DaemonSetStatus(
        currentNumberScheduled=0, desiredNumberScheduled=0, numberMisscheduled=0, numberReady=0
    )
    generation = max(template_generation(daemon_set), 1)
    daemon_set.metadata.annotations[TEMPLATE_GENERATION] = str(generation)


def prepare_update(new: apps.DaemonSet, old: apps.DaemonSet) -> None:
    """The template's generation grows with its changes, whatever the client wrote there."""
    new.status = old.status
    changed = new.spec.template != old.spec.template
    new.metadata.annotations[TEMPLATE_GENERATION] = str(template_generation(old) + changed)


def validate(daemon_set: apps.DaemonSet) -> FieldErrors:
    """Selector, template, strategy, counts."""
    spec = daemon_set.spec
    template = SPEC / "template"
    errors = check.label_selector(spec.selector, SPEC / "selector")
    if spec.selector is None:
        detail = "`selector` does not match template `labels`"
        errors.append(fe.invalid(template / "metadata" / "labels", spec.template.metadata.labels, detail))
    else:
        matching = workload_validation.parsed_selector(spec.selector)
        errors += workload_validation.matches_template(matching, spec.template, template)
        if check.is_empty_selector(spec.selector):
            detail = "empty selector is invalid for daemonset"
            errors.append(fe.invalid(SPEC / "selector", spec.selector, detail))
    errors += validate_template(spec.template, template)
    errors += workload_validation.always_restarted(spec.template.spec, template / "spec", "DaemonSet")
    errors += check.non_negative(spec.minReadySeconds, SPEC / "minReadySeconds")
    errors += _strategy(spec.updateStrategy, SPEC / "updateStrategy")
    return errors + check.non_negative(spec.revisionHistoryLimit, SPEC / "revisionHistoryLimit")


def _strategy(strategy: apps.DaemonSetUpdateStrategy, path: Path) -> FieldErrors:
    if strategy.type == ON_DELETE:
        return []
    if strategy.type != ROLLING_UPDATE:
        return [fe.not_supported(path, strategy, (ROLLING_UPDATE, ON_DELETE), as_listed=True)]
    rolling, here = strategy.rollingUpdate, path / "rollingUpdate"
    if rolling is None:
        return [fe.required(here)]
    errors: FieldErrors = []
    for rule in (workload_validation.count_or_percent, workload_validation.not_above_hundred):
        errors += rule(rolling.maxUnavailable, here / "maxUnavailable")
        errors += rule(rolling.maxSurge, here / "maxSurge")
    unavailable = not workload_validation.is_zero(rolling.maxUnavailable)
    surge = not workload_validation.is_zero(rolling.maxSurge)
    if unavailable and surge:
        detail = "may not be set when maxUnavailable is non-zero"
        errors.append(fe.invalid(here / "maxSurge", rolling.maxSurge, detail))
    elif not unavailable and not surge:
        errors.append(fe.required(here / "maxUnavailable", "cannot be 0 when maxSurge is 0"))
    return errors


def validate_update(new: apps.DaemonSet, old: apps.DaemonSet) -> FieldErrors:
    """The selector never changes."""
    return check.immutable(SPEC / "selector", new.spec.selector, old.spec.selector)


def validate_status_update(new: apps.DaemonSet, old: apps.DaemonSet) -> FieldErrors:
    """Counts that make sense, and a collision count that only grows."""
    errors: FieldErrors = []
    for field in _COUNTS:
        errors += check.non_negative(getattr(new.status, field), STATUS / field)
    return errors + workload_validation.collisions_only_grow(new.status, old.status)


def row(daemon_set: apps.DaemonSet, now: datetime) -> list[Any]:
    """The cells in the order of `COLUMNS`."""
    spec, status = daemon_set.spec, daemon_set.status
    counts = (
        status.desiredNumberScheduled,
        status.currentNumberScheduled,
        status.numberReady,
        status.updatedNumberScheduled,
        status.numberAvailable,
    )
    return [
        daemon_set.metadata.name,
        *pod_template.numbers(counts),
        pod_template.labels_cell(spec.template.spec.nodeSelector),
        times.age_of(daemon_set.metadata.creationTimestamp, now),
        *pod_template.template_cells(spec.template, pod_template.selector_cell(spec.selector)),
    ]


COLUMNS = (
    Column(name="Name", format="name", description="Name of the set, unique within its namespace."),
    Column(name="Desired", type="integer", description="How many nodes should run the pod."),
    Column(name="Current", type="integer", description="How many nodes run the pod."),
    Column(name="Ready", type="integer", description="How many of the pods are ready."),
    Column(name="Up-to-date", type="integer", description="How many nodes run the present template."),
    Column(name="Available", type="integer", description="How many of the pods have been ready for long enough."),
    Column(name="Node Selector", description="Labels of the nodes that run the pod."),
    Column(name="Age", description="How long the set exists."),
    *pod_template.TEMPLATE_COLUMNS,
)

DAEMON_SET = Kind(
    group="apps",
    version="v1",
    kind="DaemonSet",
    plural="daemonsets",
    type=apps.DaemonSet,
    short_names=("ds",),
    categories=("all",),
    subresources=(pod_template.STATUS,),
    set_defaults=set_defaults,
    validate=validate,
    validate_update=validate_update,
    validate_status_update=validate_status_update,
    warnings=workload_validation.template_changes,
    prepare_create=prepare_create,
    prepare_update=prepare_update,
    has_generation=True,
    columns=COLUMNS,
    row=row,
)
