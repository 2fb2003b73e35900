"""What may change in a pod that exists: almost nothing.

Flow: `validate_update(new, old)` after `validate_pod(new)`; `validate_status_update` for the status, and
`validate_ephemeral_update` for the `ephemeralcontainers` subresource. Upstream: ValidatePodUpdate, ValidatePodStatusUpdate,
ValidatePodEphemeralContainersUpdate.
"""

from __future__ import annotations

from typing import Any

import msgspec

from kubelite.api import validation as check
from kubelite.api.core.pod.validation import annotated, claimstatuses
from kubelite.api.core.pod.validation.containers import validate_image_padding
from kubelite.api.core.pod.validation.spec import ANNOTATIONS, SPEC
from kubelite.api.logic import restartrules
from kubelite.api.types import core_v1 as v1
from kubelite.machinery import fielderrors as fe
from kubelite.machinery import names
from kubelite.machinery.fielderrors import FieldErrors, Path

_MUTABLE = ",".join(
    (
        "`spec.containers[*].image`",
        "`spec.initContainers[*].image`",
        "`spec.activeDeadlineSeconds`",
        "`spec.tolerations` (only additions to existing tolerations)",
        "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)",
    )
)
_STATUS = Path("status")


def validate_update(new: v1.Pod, old: v1.Pod) -> FieldErrors:
    """The changes that an update of the pod must not make."""
    errors = annotated.validate_update(new.metadata.annotations, old.metadata.annotations, ANNOTATIONS)
    after, before = new.spec, old.spec
    if after == before:
        return errors
    for name in ("containers", "initContainers"):
        mine, theirs = getattr(after, name), getattr(before, name)
        if len(mine) != len(theirs):
            errors.append(fe.forbidden(SPEC / name, "pod updates may not add or remove containers"))
            return errors
        errors += [fe.required((SPEC / name).index(i) / "image") for i, c in enumerate(mine) if not c.image]
        errors += validate_image_padding(mine, SPEC / name)
    deadline, stop = _deadline(after.activeDeadlineSeconds, before.activeDeadlineSeconds)
    errors += deadline
    if stop:
        return errors
    errors += _tolerations(after.tolerations, before.tolerations)
    errors += _gates(after.schedulingGates, before.schedulingGates)
    comparable = _with_mutable_parts_of(after, before)
    if before.schedulingGates:
        errors += _gated(comparable, before)
    if comparable != before:
        changed = "\n".join(difference("spec", before, comparable))
        detail = f"pod updates may not change fields other than {_MUTABLE}\n{changed}\n"
        errors.append(fe.forbidden(SPEC, detail))
    return errors


def _deadline(new: int | None, old: int | None) -> tuple[FieldErrors, bool]:
    """(mistakes, whether they make further comparison useless): a deadline is set once and then only shortened."""
    path = SPEC / "activeDeadlineSeconds"
    if new is None:
        if old is None:
            return [], False
        return [fe.invalid(path, None, "must not update from a positive integer to nil value")], False
    if not 0 <= new <= check.INT32_MAX:
        return [fe.invalid(path, new, names.in_range(0, check.INT32_MAX))], True
    if old is not None and old < new:
        return [fe.invalid(path, new, "must be less than or equal to previous value")], True
    return [], False


def _tolerations(new: list[v1.Toleration], old: list[v1.Toleration]) -> FieldErrors:
    """Tolerations are only added; of an old one only the seconds change."""
    kept = {(t.key, t.operator, t.value, t.effect) for t in new}
    if all((t.key, t.operator, t.value, t.effect) in kept for t in old):
        return []
    detail = "existing toleration can not be modified except its tolerationSeconds"
    return [fe.forbidden(SPEC / "tolerations", detail)]


def _gates(new: list[v1.PodSchedulingGate], old: list[v1.PodSchedulingGate]) -> FieldErrors:
    known = {gate.name for gate in old}
    path = SPEC / "schedulingGates"
    return [
        fe.forbidden(
            path.index(index) / "name", f"only deletion is allowed, but found new scheduling gate '{gate.name}'"
        )
        for index, gate in enumerate(new)
        if gate.name not in known
    ]


def _with_mutable_parts_of(spec: v1.PodSpec, other: v1.PodSpec) -> v1.PodSpec:
    """`spec` with everything that may change taken from `other`; what differs then must not."""
    out = msgspec.structs.replace(
        spec,
        activeDeadlineSeconds=other.activeDeadlineSeconds,
        schedulingGates=other.schedulingGates,
        tolerations=other.tolerations,
        containers=_with_images_of(spec.containers, other.containers),
        initContainers=_with_images_of(spec.initContainers, other.initContainers),
    )
    if (other.terminationGracePeriodSeconds or 0) < 0 and spec.terminationGracePeriodSeconds == 1:
        out.terminationGracePeriodSeconds = other.terminationGracePeriodSeconds
    return out


def _with_images_of(containers: list[v1.Container], others: list[v1.Container]) -> list[v1.Container]:
    return [msgspec.structs.replace(mine, image=theirs.image) for mine, theirs in zip(containers, others, strict=True)]


def _gated(comparable: v1.PodSpec, old: v1.PodSpec) -> FieldErrors:
    """A pod that the scheduler does not look at yet may have its node selection narrowed."""
    errors: FieldErrors = []
    if comparable.nodeSelector != old.nodeSelector:
        if any(comparable.nodeSelector.get(key) != value for key, value in old.nodeSelector.items()):
            detail = "only additions to spec.nodeSelector are allowed (no mutations or deletions)"
            errors.append(fe.invalid(SPEC / "nodeSelector", comparable.nodeSelector, detail))
        comparable.nodeSelector = old.nodeSelector
    mine = comparable.affinity.nodeAffinity if comparable.affinity is not None else None
    theirs = old.affinity.nodeAffinity if old.affinity is not None else None
    if mine != theirs:
        errors += _narrowed(mine, theirs)
        affinity = msgspec.structs.replace(comparable.affinity or v1.Affinity(), nodeAffinity=theirs)
        comparable.affinity = None if old.affinity is None and affinity == v1.Affinity() else affinity
    return errors


def _narrowed(new: v1.NodeAffinity | None, old: v1.NodeAffinity | None) -> FieldErrors:
    required = old.requiredDuringSchedulingIgnoredDuringExecution if old is not None else None
    if required is None or not required.nodeSelectorTerms:
        return []
    wanted = new.requiredDuringSchedulingIgnoredDuringExecution if new is not None else None
    terms = wanted.nodeSelectorTerms if wanted is not None else []
    path = SPEC / "affinity" / "nodeAffinity" / "requiredDuringSchedulingIgnoredDuringExecution" / "nodeSelectorTerms"
    if len(terms) != len(required.nodeSelectorTerms):
        return [fe.invalid(path, terms, "no additions/deletions to non-empty NodeSelectorTerms list are allowed")]
    detail = "only additions are allowed (no mutations or deletions)"
    return [
        fe.invalid(path.index(index), term, detail)
        for index, (term, before) in enumerate(zip(terms, required.nodeSelectorTerms, strict=True))
        if not _only_adds(term, before)
    ]


def _only_adds(new: v1.NodeSelectorTerm, old: v1.NodeSelectorTerm) -> bool:
    if not old.matchExpressions and not old.matchFields:
        return not new.matchExpressions and not new.matchFields
    return (
        new.matchExpressions[: len(old.matchExpressions)] == old.matchExpressions
        and new.matchFields[: len(old.matchFields)] == old.matchFields
    )


def difference(path: str, old: Any, new: Any) -> list[str]:
    """What changed between two values, a line for each side of each field."""
    if old == new:
        return []
    if isinstance(old, msgspec.Struct) and type(old) is type(new):
        lines: list[str] = []
        for name in old.__struct_fields__:
            lines += difference(f"{path}.{name}", getattr(old, name), getattr(new, name))
        return lines
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        lines = []
        for index, (before, after) in enumerate(zip(old, new, strict=True)):
            lines += difference(f"{path}[{index}]", before, after)
        return lines
    return [f"- {path}: {_shown(old)}", f"+ {path}: {_shown(new)}"]


def _shown(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def validate_status_update(new: v1.Pod, old: v1.Pod) -> FieldErrors:
    """The changes of status that make no sense."""
    errors = annotated.validate_update(new.metadata.annotations, old.metadata.annotations, ANNOTATIONS)
    after, before = new.status, old.status
    for index, condition in enumerate(after.conditions):
        if condition.type not in ("PodScheduled", "Ready", "Initialized"):
            here = (Path("metadata") / "conditions").index(index) / "Type"
            errors += check.qualified_name(here, condition.type)
    nominated = after.nominatedNodeName
    if nominated and nominated != before.nominatedNodeName:
        errors += check.complaints(_STATUS / "nominatedNodeName", nominated, names.dns1123_subdomain(nominated))
    if before.qosClass:
        errors += check.immutable(_STATUS / "qosClass", after.qosClass, before.qosClass)
    errors += _transitions(new, old)
    errors += _addresses([a.ip for a in after.podIPs], _STATUS / "podIPs")
    if after.hostIPs:
        first = after.hostIPs[0].ip
        if after.hostIP != first:
            here = (_STATUS / "hostIPs").index(0) / "ip"
            errors.append(fe.invalid(here, first, "must be equal to `hostIP`"))
        errors += _addresses([a.ip for a in after.hostIPs], _STATUS / "hostIPs")
    return errors + claimstatuses.validate(new, _STATUS)


def _transitions(new: v1.Pod, old: v1.Pod) -> FieldErrors:
    """A container that ended for good stays ended."""
    errors: FieldErrors = []
    policy = "Always" if restartrules.could_restart_all(old.spec) else old.spec.restartPolicy
    for name, list_policy in (
        ("containerStatuses", policy),
        ("initContainerStatuses", policy),
        ("ephemeralContainerStatuses", "Never"),
    ):
        if list_policy == "Always":
            continue
        own_rules = _with_own_policy(old.spec, name)
        running = {s.name for s in getattr(new.status, name) if s.state is None or s.state.terminated is None}
        for index, status in enumerate(getattr(old.status, name)):
            ended = status.state.terminated if status.state is not None else None
            if ended is None or status.name not in running or status.name in own_rules:
                continue
            if list_policy == "OnFailure" and ended.exitCode:
                continue
            here = (_STATUS / name).index(index) / "state"
            errors.append(fe.forbidden(here, "may not be transitioned to non-terminated state"))
    return errors


def _with_own_policy(spec: v1.PodSpec, statuses: str) -> set[str]:
    """Containers whose own restart policy or rules decide, not the pod's."""
    if statuses == "ephemeralContainerStatuses":
        return set()
    containers = spec.containers if statuses == "containerStatuses" else spec.initContainers
    return {c.name for c in containers if c.restartPolicy or c.restartPolicyRules}


def _addresses(addresses: list[str], path: Path) -> FieldErrors:
    errors: FieldErrors = []
    for index, address in enumerate(addresses):
        errors += check.ip(path.index(index), address)
        if address in addresses[:index]:
            errors.append(fe.duplicate(path.index(index), {"ip": address}))
    families = [check.is_ipv6(address) for address in addresses]
    if len(families) > 2 or (len(families) == 2 and families[0] == families[1]):
        shown = [{"ip": address} for address in addresses]
        errors.append(fe.invalid(path, shown, "may specify no more than one IP for each IP family"))
    return errors


def validate_ephemeral_update(new: v1.Pod, old: v1.Pod) -> FieldErrors:
    """Ephemeral containers are only added; the caller has checked the pod itself."""
    if annotated.MIRROR in old.metadata.annotations:
        return [fe.forbidden(Path(), "static pods do not support ephemeral containers")]
    errors: FieldErrors = []
    path = SPEC / "ephemeralContainers"
    present = {container.name: container for container in new.spec.ephemeralContainers}
    for container in old.spec.ephemeralContainers:
        now = present.get(container.name)
        if now is None:
            detail = f'existing ephemeral containers "{container.name}" may not be removed\n'
            errors.append(fe.forbidden(path, detail))
        elif now != container:
            changed = "\n".join(difference("container", container, now))
            detail = f'existing ephemeral containers "{container.name}" may not be changed\n{changed}\n'
            errors.append(fe.forbidden(path, detail))
    return errors
