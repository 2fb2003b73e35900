"""Validation of what a Job is wanted to do; its status is in `job_status`.

Flow: `validate(job)` for Jobs, `validate_template_spec(spec, path)` for the template of a CronJob, `validate_update(new, old)`.
Upstream: pkg/apis/batch/validation, pkg/registry/batch/job/strategy.go.
"""

from __future__ import annotations

from kubelite.api import validation as check
from kubelite.api import workload_validation
from kubelite.api.batch import pod_policies
from kubelite.api.core.pod.validation.spec import validate_template
from kubelite.api.core.pod.volume_defaults import default_folders
from kubelite.api.types import batch_v1 as batch
from kubelite.api.types import core_v1 as v1
from kubelite.machinery import codec, names
from kubelite.machinery import fielderrors as fe
from kubelite.machinery.fielderrors import FieldErrors, Path

INDEXED = "Indexed"
NON_INDEXED = "NonIndexed"
CONTROLLER_UID = "batch.kubernetes.io/controller-uid"
JOB_NAME = "batch.kubernetes.io/job-name"
OLD_CONTROLLER_UID = "controller-uid"
OLD_JOB_NAME = "job-name"

MAX_PARALLELISM_INDEXED = 100_000
MAX_FAILED_INDEXES = 100_000
MANY_COMPLETIONS = 100_000
"""From here on the limits are stricter, because every failed index is written into the status."""
MAX_PARALLELISM_OF_MANY = 10_000
MAX_FAILED_OF_MANY = 10_000
MAX_MANAGED_BY = 63

SPEC = Path("spec")
_COUNTS = (
    "parallelism",
    "completions",
    "activeDeadlineSeconds",
    "backoffLimit",
    "ttlSecondsAfterFinished",
    "backoffLimitPerIndex",
    "maxFailedIndexes",
)
_FIXED = ("completionMode", "podFailurePolicy", "backoffLimitPerIndex", "managedBy", "successPolicy")


def validate(job: batch.Job) -> FieldErrors:
    """The mistakes in a Job, its metadata's general rules aside."""
    spec = job.spec
    errors = _generated(job)
    errors += _spec(spec, SPEC)
    if spec.selector is None:
        errors.append(fe.required(SPEC / "selector"))
        detail = "`selector` does not match template `labels`"
        errors.append(fe.invalid(SPEC / "template" / "metadata" / "labels", spec.template.metadata.labels, detail))
    else:
        errors += check.label_selector(spec.selector, SPEC / "selector")
        matching = workload_validation.parsed_selector(spec.selector)
        errors += workload_validation.matches_template(matching, spec.template, SPEC / "template")
    if spec.completionMode == INDEXED and (spec.completions or 0) > 0:
        host = f"{job.metadata.name}-{(spec.completions or 0) - 1}"
        if names.dns1123_label(host):
            detail = f"will not able to create pod with invalid DNS label: {host}"
            errors.append(fe.invalid(Path("metadata") / "name", job.metadata.name, detail))
    return errors


def _generated(job: batch.Job) -> FieldErrors:
    """The selector and labels that the server makes unless the client asked to choose them (`manualSelector`)."""
    if job.spec.manualSelector or job.spec.selector is None:
        return []
    errors: FieldErrors = []
    uid, name = job.metadata.uid, job.metadata.name
    if not uid:
        errors.append(fe.required(Path("metadata") / "uid"))
    template = SPEC / "template" / "metadata"
    expected = {OLD_CONTROLLER_UID: uid, OLD_JOB_NAME: name, CONTROLLER_UID: uid, JOB_NAME: name}
    for key, value in expected.items():
        errors += _has_label(job.spec.template.metadata.labels, key, value, template)
    matching = workload_validation.parsed_selector(job.spec.selector)
    if matching is not None and not matching.matches(expected):
        errors.append(fe.invalid(SPEC / "selector", job.spec.selector, "`selector` not auto-generated"))
    return errors


def _has_label(found: dict[str, str], key: str, value: str, path: Path) -> FieldErrors:
    if key not in found:
        return [fe.required((path / "labels").key(key), f"must be '{value}'")]
    if found[key] != value:
        return [fe.invalid((path / "labels").key(key), found, f"must be '{value}'")]
    return []


def validate_template_spec(spec: batch.JobSpec, path: Path) -> FieldErrors:
    """The spec inside a CronJob, whose selector is made for each Job."""
    errors = _spec(spec, path)
    if spec.selector is not None:
        errors.append(fe.invalid(path / "selector", spec.selector, "`selector` will be auto-generated"))
    if spec.manualSelector:
        known = ("nil", "false")
        errors.append(fe.not_supported(path / "manualSelector", spec.manualSelector, known, as_listed=True))
    return errors


def _spec(spec: batch.JobSpec, path: Path) -> FieldErrors:
    errors: FieldErrors = []
    for field in _COUNTS:
        errors += check.non_negative(getattr(spec, field), path / field)
    if spec.maxFailedIndexes is not None and spec.backoffLimitPerIndex is None:
        errors.append(fe.required(path / "backoffLimitPerIndex", "when maxFailedIndexes is specified"))
    if spec.managedBy:
        here = path / "managedBy"
        errors += check.complaints(here, spec.managedBy, names.domain_prefixed_path(spec.managedBy))
        if len(spec.managedBy.encode()) > MAX_MANAGED_BY:
            errors.append(fe.too_long(here, MAX_MANAGED_BY))
    errors += _completion_mode(spec, path)
    if spec.podFailurePolicy is not None:
        errors += pod_policies.failure_policy(spec, spec.podFailurePolicy, path / "podFailurePolicy")
    if spec.successPolicy is not None:
        errors += _success_policy(spec, spec.successPolicy, path / "successPolicy")
    errors += _replacement(spec, path / "podReplacementPolicy")
    errors += validate_template(spec.template, path / "template")
    return errors + _restart_policy(spec, path / "template" / "spec" / "restartPolicy")


def _completion_mode(spec: batch.JobSpec, path: Path) -> FieldErrors:
    mode = spec.completionMode
    if mode == INDEXED:
        return _indexed(spec, path)
    errors: FieldErrors = []
    if mode not in ("", NON_INDEXED):
        return [fe.not_supported(path / "completionMode", mode, (NON_INDEXED, INDEXED), as_listed=True)]
    for field in ("backoffLimitPerIndex", "maxFailedIndexes"):
        if getattr(spec, field) is not None:
            errors.append(fe.invalid(path / field, getattr(spec, field), "requires indexed completion mode"))
    return errors


def _indexed(spec: batch.JobSpec, path: Path) -> FieldErrors:
    errors: FieldErrors = []
    completions, parallelism, failed = spec.completions, spec.parallelism or 0, spec.maxFailedIndexes
    if completions is None:
        errors.append(fe.required(path / "completions", f"when completion mode is {INDEXED}"))
    if parallelism > MAX_PARALLELISM_INDEXED:
        detail = f"must be less than or equal to {MAX_PARALLELISM_INDEXED} when completion mode is {INDEXED}"
        errors.append(fe.invalid(path / "parallelism", parallelism, detail))
    if failed is not None and completions is not None and failed > completions:
        errors.append(fe.invalid(path / "maxFailedIndexes", failed, "must be less than or equal to completions"))
    if failed is not None and failed > MAX_FAILED_INDEXES:
        detail = f"must be less than or equal to {MAX_FAILED_INDEXES}"
        errors.append(fe.invalid(path / "maxFailedIndexes", failed, detail))
    if (completions or 0) > MANY_COMPLETIONS and spec.backoffLimitPerIndex is not None:
        errors += _many(parallelism, failed, path)
    return errors


def _many(parallelism: int, failed: int | None, path: Path) -> FieldErrors:
    errors: FieldErrors = []
    if failed is None:
        detail = f"must be specified when completions is above {MANY_COMPLETIONS}"
        errors.append(fe.required(path / "maxFailedIndexes", detail))
    tail = f"when completions are above {MANY_COMPLETIONS} and used with backoff limit per index"
    for field, number, limit in (
        ("parallelism", parallelism, MAX_PARALLELISM_OF_MANY),
        ("maxFailedIndexes", failed or 0, MAX_FAILED_OF_MANY),
    ):
        if number > limit:
            errors.append(fe.invalid(path / field, number, f"must be less than or equal to {limit} {tail}"))
    return errors


def _success_policy(spec: batch.JobSpec, policy: batch.SuccessPolicy, path: Path) -> FieldErrors:
    if spec.completionMode != INDEXED:
        return [fe.invalid(path, policy, "requires indexed completion mode")]
    return pod_policies.success_policy(spec, policy, path)


def _replacement(spec: batch.JobSpec, path: Path) -> FieldErrors:
    allowed = ("Failed",) if spec.podFailurePolicy is not None else ("Failed", "TerminatingOrFailed")
    if spec.podReplacementPolicy and spec.podReplacementPolicy not in allowed:
        return [fe.not_supported(path, spec.podReplacementPolicy, allowed)]
    return []


def _restart_policy(spec: batch.JobSpec, path: Path) -> FieldErrors:
    policy = spec.template.spec.restartPolicy
    if policy in ("", "Always"):
        return [fe.required(path, 'valid values: "OnFailure", "Never"')]
    if policy not in ("OnFailure", "Never"):
        return [fe.not_supported(path, policy, ("OnFailure", "Never"), as_listed=True)]
    if spec.podFailurePolicy is not None and policy != "Never":
        return [fe.invalid(path, policy, 'only "Never" is supported when podFailurePolicy is specified')]
    return []


def validate_update(new: batch.Job, old: batch.Job) -> FieldErrors:
    """What may change of a Job that exists."""
    errors = _completions(new.spec, old.spec)
    errors += check.immutable(SPEC / "selector", new.spec.selector, old.spec.selector)
    errors += _template(new, old)
    for field in _FIXED:
        errors += check.immutable(SPEC / field, getattr(new.spec, field), getattr(old.spec, field))
    return errors


def _completions(new: batch.JobSpec, old: batch.JobSpec) -> FieldErrors:
    """An indexed Job may be made larger or smaller, as a whole; any other stays as it is."""
    path = SPEC / "completions"
    if new.completionMode != INDEXED:
        return check.immutable(path, new.completions, old.completions)
    if new.completions in (old.completions, None) or new.completions == new.parallelism:
        return []
    return [fe.invalid(path, new.completions, "can only be modified in tandem with spec.parallelism")]


def is_at_rest(job: batch.Job) -> bool:
    """Whether no pod of a suspended Job runs, so that where and with how much they will run may still change.

    One that its controller has not seen yet is told by the time of its start, which a suspended Job does not have.
    """
    if not job.spec.suspend or job.status.active:
        return False
    suspended = any(c.type == "Suspended" and c.status == "True" for c in job.status.conditions)
    return suspended or job.status.startTime is None


def _template(new: batch.Job, old: batch.Job) -> FieldErrors:
    path, wanted, before = SPEC / "template", new.spec.template, old.spec.template
    default_folders(before.spec)
    if wanted == before:
        return []
    if not is_at_rest(old):
        return check.immutable(path, wanted, before)
    kept = codec.clone(before).spec
    for field in ("nodeSelector", "tolerations", "schedulingGates"):
        setattr(kept, field, getattr(wanted.spec, field))
    kept.affinity = _with_node_affinity(kept.affinity, wanted.spec.affinity)
    _take_resources(kept.containers, wanted.spec.containers)
    _take_resources(kept.initContainers, wanted.spec.initContainers)
    return check.immutable(path / "spec", wanted.spec, kept)


def _with_node_affinity(before: v1.Affinity | None, wanted: v1.Affinity | None) -> v1.Affinity | None:
    """The old affinity with the new one's rules about nodes."""
    found = before or v1.Affinity()
    found.nodeAffinity = wanted.nodeAffinity if wanted is not None else None
    empty = found.nodeAffinity is None and found.podAffinity is None and found.podAntiAffinity is None
    return None if empty and wanted is None else found


def _take_resources(before: list[v1.Container], wanted: list[v1.Container]) -> None:
    for old, new in zip(before, wanted, strict=False):
        if old.name == new.name:
            old.resources = new.resources
