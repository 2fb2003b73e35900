"""The kind StatefulSet.

What: defaults, mistakes, columns and scale of pods with names and storage of their own. Upstream: pkg/registry/apps/statefulset,
pkg/apis/apps/v1/defaults.go, pkg/apis/apps/validation (ValidateStatefulSetSpec), pkg/printers.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from kubelite.api import pod_template, workload_validation
from kubelite.api import validation as check
from kubelite.api.core.pod.validation.spec import validate_template
from kubelite.api.core.volumes import claim_spec
from kubelite.api.types import apps_v1 as apps
from kubelite.api.types import core_v1 as v1
from kubelite.machinery import codec, names, quantity, times
from kubelite.machinery import fielderrors as fe
from kubelite.machinery.fielderrors import FieldErrors, Path
from kubelite.machinery.kind import Column, Kind

ROLLING_UPDATE = "RollingUpdate"
ON_DELETE = "OnDelete"
ORDERED_READY = "OrderedReady"
PARALLEL = "Parallel"
RETAIN = "Retain"
DELETE = "Delete"
MUTABLE = (
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
)
"""The fields of a spec that an update may change."""

SPEC = Path("spec")
STATUS = Path("status")
_IMMUTABLE = (
    "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', "
    "'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"
)


def set_defaults(stateful_set: apps.StatefulSet) -> None:
    """One replica, started and updated in order; claims stay; ten old revisions."""
    spec = stateful_set.spec
    if not spec.podManagementPolicy:
        spec.podManagementPolicy = ORDERED_READY
    strategy = spec.updateStrategy
    if not strategy.type:
        strategy.type = ROLLING_UPDATE
        if strategy.rollingUpdate is None:
            strategy.rollingUpdate = apps.RollingUpdateStatefulSetStrategy()
    rolling = strategy.rollingUpdate
    if strategy.type == ROLLING_UPDATE and rolling is not None and rolling.partition is None:
        rolling.partition = 0
    default_numbers(spec)
    for claim in spec.volumeClaimTemplates:
        _default_claim(claim)
    pod_template.default_template(spec.template)


def default_numbers(spec: apps.StatefulSetSpec) -> None:
    """The defaults that are the same in every version of the kind."""
    policy = spec.persistentVolumeClaimRetentionPolicy
    if policy is None:
        policy = spec.persistentVolumeClaimRetentionPolicy = apps.StatefulSetPersistentVolumeClaimRetentionPolicy()
    policy.whenDeleted = policy.whenDeleted or RETAIN
    policy.whenScaled = policy.whenScaled or RETAIN
    if spec.replicas is None:
        spec.replicas = 1
    if spec.revisionHistoryLimit is None:
        spec.revisionHistoryLimit = 10


def _default_claim(claim: v1.PersistentVolumeClaim) -> None:
    """A claim template names its kind, as upstream's conversion writes it, and has the defaults of a claim. Raises ValueError."""
    claim.apiVersion = claim.apiVersion or "v1"
    claim.kind = claim.kind or "PersistentVolumeClaim"
    claim.status.phase = claim.status.phase or "Pending"
    if claim.spec.resources is not None:
        for amounts in (claim.spec.resources.requests, claim.spec.resources.limits):
            for name, amount in amounts.items():
                amounts[name] = quantity.rounded_to_milli(amount)
    claim_spec.set_spec_defaults(claim.spec)


def prepare_create(stateful_set: apps.StatefulSet) -> None:
    """A new set has seen nothing yet."""
    stateful_set.status = apps.StatefulSetStatus(availableReplicas=0, replicas=0)


def validate(stateful_set: apps.StatefulSet) -> FieldErrors:
    """Policies, counts, selector, template."""
    spec = stateful_set.spec
    errors: FieldErrors = []
    policies = (ORDERED_READY, PARALLEL)
    if spec.podManagementPolicy not in policies:
        detail = f"must be '{ORDERED_READY}' or '{PARALLEL}'"
        errors.append(fe.invalid(SPEC / "podManagementPolicy", spec.podManagementPolicy, detail))
    errors += _strategy(spec.updateStrategy, SPEC / "updateStrategy")
    errors += _retention(spec.persistentVolumeClaimRetentionPolicy, SPEC / "persistentVolumeClaimRetentionPolicy")
    errors += check.non_negative(spec.replicas, SPEC / "replicas")
    errors += check.non_negative(spec.minReadySeconds, SPEC / "minReadySeconds")
    if spec.ordinals is not None:
        errors += check.non_negative(spec.ordinals.start, SPEC / "ordinals.start")
    if spec.serviceName:
        errors += check.complaints(SPEC / "serviceName", spec.serviceName, names.dns1123_label(spec.serviceName))
    errors += workload_validation.selector(spec.selector, SPEC / "selector", "statefulset")
    for index, claim in enumerate(spec.volumeClaimTemplates):
        errors += claim_spec.validate_spec(claim.spec, (SPEC / "volumeClaimTemplates").index(index) / "spec")
    template = SPEC / "template"
    matching = workload_validation.parsed_selector(spec.selector)
    errors += workload_validation.matches_template(matching, spec.template, template)
    errors += validate_template(_with_claims(spec), template)
    return errors + workload_validation.always_restarted(spec.template.spec, template / "spec", "StatefulSet")


def _with_claims(spec: apps.StatefulSetSpec) -> v1.PodTemplateSpec:
    """The template with a volume for each claim, as the pods will have it: mounts may name them."""
    if not spec.volumeClaimTemplates:
        return spec.template
    template = codec.clone(spec.template)
    claims = {claim.metadata.name for claim in spec.volumeClaimTemplates}
    kept = [volume for volume in template.spec.volumes if volume.name not in claims]
    for name in sorted(claims):
        source = v1.PersistentVolumeClaimVolumeSource(claimName=name or "claim")
        kept.append(v1.Volume(name=name, persistentVolumeClaim=source))
    template.spec.volumes = kept
    return template


def _strategy(strategy: apps.StatefulSetUpdateStrategy, path: Path) -> FieldErrors:
    rolling = strategy.rollingUpdate
    if strategy.type == ON_DELETE:
        if rolling is None:
            return []
        return [fe.invalid(path / "rollingUpdate", rolling, f"only allowed for updateStrategy '{ROLLING_UPDATE}'")]
    if strategy.type != ROLLING_UPDATE:
        return [fe.invalid(path, strategy, f"must be '{ROLLING_UPDATE}' or '{ON_DELETE}'")]
    if rolling is None:
        return []
    here = path / "rollingUpdate"
    errors = check.non_negative(rolling.partition, here / "partition")
    if rolling.maxUnavailable is not None:
        errors += workload_validation.count_or_percent(rolling.maxUnavailable, here / "maxUnavailable")
        if workload_validation.is_zero(rolling.maxUnavailable):
            errors.append(fe.invalid(here / "maxUnavailable", rolling.maxUnavailable, "cannot be 0"))
        errors += workload_validation.not_above_hundred(rolling.maxUnavailable, here / "maxUnavailable")
    return errors


def _retention(policy: apps.StatefulSetPersistentVolumeClaimRetentionPolicy | None, path: Path) -> FieldErrors:
    errors: FieldErrors = []
    for field in ("whenDeleted", "whenScaled"):
        value = getattr(policy, field) if policy is not None else RETAIN
        if value not in (RETAIN, DELETE):
            errors.append(fe.not_supported(path / field, value, (RETAIN, DELETE), as_listed=True))
    return errors


def validate_update(new: apps.StatefulSet, old: apps.StatefulSet) -> FieldErrors:
    """Most of the spec is fixed when the set is created."""
    for field in new.spec.__struct_fields__:
        if field not in MUTABLE and getattr(new.spec, field) != getattr(old.spec, field):
            return [fe.forbidden(SPEC, _IMMUTABLE)]
    return []


def validate_status_update(new: apps.StatefulSet, old: apps.StatefulSet) -> FieldErrors:
    """Counts that make sense, and a collision count that only grows."""
    status = new.status
    errors: FieldErrors = []
    counts = ("replicas", "readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas")
    for field in (*counts, "observedGeneration", "collisionCount"):
        errors += check.non_negative(getattr(status, field), STATUS / field)
    for field in counts[1:]:
        errors += workload_validation.at_most(status, field, "replicas", "cannot be greater than status.replicas")
    more = "cannot be greater than status.readyReplicas"
    errors += workload_validation.at_most(status, "availableReplicas", "readyReplicas", more)
    return errors + workload_validation.collisions_only_grow(status, old.status)


def warnings(new: apps.StatefulSet, old: apps.StatefulSet | None) -> list[str]:
    """Warnings about the template, and about a history that is never cut."""
    found = workload_validation.template_changes(new, old)
    if (new.spec.revisionHistoryLimit or 0) < 0:
        found.append(
            "spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= 0 is recommended"
        )
    return found


def row(stateful_set: apps.StatefulSet, now: datetime) -> list[Any]:
    """The cells in the order of `COLUMNS`."""
    spec = stateful_set.spec
    return [
        stateful_set.metadata.name,
        f"{stateful_set.status.readyReplicas or 0}/{spec.replicas or 0}",
        times.age_of(stateful_set.metadata.creationTimestamp, now),
        pod_template.containers_cell(spec.template),
        pod_template.images_cell(spec.template),
    ]


COLUMNS = (
    Column(name="Name", format="name", description="Name of the set, unique within its namespace."),
    Column(name="Ready", description="How many pods are ready, out of those wanted."),
    Column(name="Age", description="How long the set exists."),
    pod_template.CONTAINERS_COLUMN,
    pod_template.IMAGES_COLUMN,
)

STATEFUL_SET = Kind(
    group="apps",
    version="v1",
    kind="StatefulSet",
    plural="statefulsets",
    type=apps.StatefulSet,
    short_names=("sts",),
    categories=("all",),
    subresources=pod_template.SCALE_AND_STATUS,
    check_name=names.for_prefix(names.dns1123_label),
    set_defaults=set_defaults,
    validate=validate,
    validate_update=validate_update,
    validate_status_update=validate_status_update,
    warnings=warnings,
    prepare_create=prepare_create,
    has_generation=True,
    scale=pod_template.scale_paths(pod_template.selector_text),
    columns=COLUMNS,
    row=row,
)
