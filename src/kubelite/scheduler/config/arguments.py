"""What the arguments of plugins must hold to, in upstream's words.

Upstream: scheduler/apis/config/validation/validation_pluginargs.go.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from kubelite.api.types.core_v1 import TopologySpreadConstraint
from kubelite.machinery import fielderrors as fe
from kubelite.machinery import names, times
from kubelite.machinery.fielderrors import FieldError, Path
from kubelite.scheduler.plugins import args as a

STRATEGIES = (a.LEAST, a.MOST, a.RATIO)
ACTIONS = ("DoNotSchedule", "ScheduleAnyway")


def _preemption(path: Path, args: a.DefaultPreemptionArgs) -> list[FieldError]:
    errors = []
    percentage, absolute = args.minCandidateNodesPercentage, args.minCandidateNodesAbsolute
    at, other = (path / "minCandidateNodesPercentage"), (path / "minCandidateNodesAbsolute")
    if not 0 <= percentage <= 100:
        errors.append(fe.invalid(at, percentage, "not in valid range [0, 100]"))
    if absolute < 0:
        errors.append(fe.invalid(other, absolute, "not in valid range [0, inf)"))
    if not percentage and not absolute:
        text = "cannot be zero at the same time as "
        errors.append(fe.invalid(at, percentage, text + "minCandidateNodesAbsolute"))
        errors.append(fe.invalid(other, absolute, text + "minCandidateNodesPercentage"))
    return errors


def _pod_affinity(path: Path, args: a.InterPodAffinityArgs) -> list[FieldError]:
    weight = args.hardPodAffinityWeight
    if 0 <= weight <= 100:
        return []
    return [fe.invalid((path / "hardPodAffinityWeight"), weight, "not in valid range [0, 100]")]


def _node_affinity(path: Path, args: a.NodeAffinityArgs) -> list[FieldError]:
    added = args.addedAffinity
    if added is None:
        return []
    at, errors = (path / "addedAffinity"), []
    required = added.requiredDuringSchedulingIgnoredDuringExecution
    if required is not None:
        here = (at / "requiredDuringSchedulingIgnoredDuringExecution") / "nodeSelectorTerms"
        for i, term in enumerate(required.nodeSelectorTerms):
            errors += _term(here.index(i), term)
    here = at / "preferredDuringSchedulingIgnoredDuringExecution"
    for i, preferred in enumerate(added.preferredDuringSchedulingIgnoredDuringExecution):
        if preferred.preference is not None:
            errors += _term(here.index(i), preferred.preference)
    return errors


def _term(path: Path, term: Any) -> list[FieldError]:
    errors = []
    known = ("In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt")
    for i, requirement in enumerate(term.matchExpressions):
        here = (path / "matchExpressions").index(i)
        if requirement.operator not in known:
            errors.append(
                fe.invalid(
                    (here / "operator"), requirement.operator, f'"{requirement.operator}" is not a valid operator'
                )
            )
        errors += [fe.invalid((here / "key"), requirement.key, t) for t in names.qualified_name(requirement.key)]
    return errors


def _resources(path: Path, resources: Sequence[a.ResourceSpec]) -> list[FieldError]:
    return [
        fe.invalid(
            (path.index(i) / "weight"),
            resource.weight,
            f"resource weight of {resource.name} not in valid range (0, 100]",
        )
        for i, resource in enumerate(resources)
        if not 0 < resource.weight <= 100
    ]


def _shape(path: Path, shape: Sequence[a.ShapePoint]) -> list[FieldError]:
    if not shape:
        return [fe.required(path, "at least one point must be specified")]
    errors = []
    for i in range(1, len(shape)):
        if shape[i - 1].utilization >= shape[i].utilization:
            at = path.index(i) / "utilization"
            errors.append(fe.invalid(at, shape[i].utilization, "values must be sorted in increasing order"))
            break
    for i, point in enumerate(shape):
        if not 0 <= point.utilization <= 100:
            at = path.index(i) / "utilization"
            errors.append(fe.invalid(at, point.utilization, "not in valid range [0, 100]"))
        if not 0 <= point.score <= 10:
            errors.append(fe.invalid((path.index(i) / "score"), point.score, "not in valid range [0, 10]"))
    return errors


def _balance(path: Path, args: a.NodeResourcesBalancedAllocationArgs) -> list[FieldError]:
    errors, seen = [], set()
    for i, resource in enumerate(args.resources):
        here = (path / "resources").index(i)
        if resource.name in seen:
            errors.append(fe.duplicate((here / "name"), resource.name))
        seen.add(resource.name)
        if resource.weight != 1:
            errors.append(fe.invalid((here / "weight"), resource.weight, "must be 1"))
    return errors


def _fit(path: Path, args: a.NodeResourcesFitArgs) -> list[FieldError]:
    errors = []
    for i, name in enumerate(args.ignoredResources):
        at = (path / "ignoredResources").index(i)
        errors += [fe.invalid(at, name, text) for text in names.qualified_name(name)]
    for i, group in enumerate(args.ignoredResourceGroups):
        at = (path / "ignoredResourceGroups").index(i)
        if "/" in group:
            errors.append(fe.invalid(at, group, "resource group name can't contain '/'"))
        errors += [fe.invalid(at, group, text) for text in names.qualified_name(group)]
    at, strategy = (path / "scoringStrategy"), args.scoringStrategy
    if strategy is None:
        return [*errors, fe.required(at, "ScoringStrategy field is required")]
    if strategy.type not in STRATEGIES:
        errors.append(fe.not_supported((at / "type"), strategy.type, sorted(STRATEGIES)))
    errors += _resources((at / "resources"), strategy.resources)
    ratio, at = strategy.requestedToCapacityRatio, (at / "requestedToCapacityRatio")
    if strategy.type == a.RATIO:
        if ratio is None:
            errors.append(fe.required(at, "must be specified when type is RequestedToCapacityRatio"))
        else:
            errors += _shape((at / "shape"), ratio.shape)
    elif ratio is not None:
        errors.append(fe.forbidden(at, "must be nil when type is not RequestedToCapacityRatio"))
    return errors


def _spread(path: Path, args: a.PodTopologySpreadArgs) -> list[FieldError]:
    errors = []
    constraints, at = args.defaultConstraints, (path / "defaultingType")
    if args.defaultingType not in (a.SYSTEM, a.LIST):
        errors.append(fe.not_supported(at, args.defaultingType, [a.SYSTEM, a.LIST]))
    elif args.defaultingType == a.SYSTEM and constraints:
        errors.append(fe.invalid(at, args.defaultingType, "when .defaultConstraints are not empty"))
    seen: set[tuple[str, str]] = set()
    for i, constraint in enumerate(constraints):
        here = (path / "defaultConstraints").index(i)
        errors += _constraint(here, constraint)
        key = constraint.topologyKey, constraint.whenUnsatisfiable
        if key in seen:
            errors.append(fe.duplicate(here, f"{{{key[0]}, {key[1]}}}"))
        seen.add(key)
    return errors


def _constraint(path: Path, constraint: TopologySpreadConstraint) -> list[FieldError]:
    errors = []
    if constraint.maxSkew is None or constraint.maxSkew <= 0:
        errors.append(fe.invalid((path / "maxSkew"), constraint.maxSkew or 0, "not in valid range (0, inf)"))
    key = constraint.topologyKey
    if not key:
        errors.append(fe.required((path / "topologyKey"), "can not be empty"))
    else:
        errors += [fe.invalid((path / "topologyKey"), key, text) for text in names.qualified_name(key)]
    action = constraint.whenUnsatisfiable
    if not action:
        errors.append(fe.required((path / "whenUnsatisfiable"), "can not be empty"))
    elif action not in ACTIONS:
        errors.append(fe.not_supported((path / "whenUnsatisfiable"), action, ACTIONS))
    if constraint.labelSelector is not None:
        text = "constraint must not define a selector, as they deduced for each pod"
        errors.append(fe.forbidden((path / "labelSelector"), text))
    return errors


def _volume_binding(path: Path, args: a.VolumeBindingArgs) -> list[FieldError]:
    errors, seconds = [], args.bindTimeoutSeconds
    if seconds < 0:
        at = path / "bindTimeoutSeconds"
        errors.append(fe.invalid(at, seconds, "invalid BindTimeoutSeconds, should not be a negative value"))
    if args.shape is not None:
        text = "unexpected field `shape`, remove it or turn on the feature gate StorageCapacityScoring"
        errors.append(fe.invalid((path / "shape"), len(args.shape), text))
    return errors


def _dynamic_resources(path: Path, args: a.DynamicResourcesArgs) -> list[FieldError]:
    errors, at = [], path / "filterTimeout"
    try:
        if times.parse_duration(args.filterTimeout) < 0:
            errors.append(fe.invalid(at, args.filterTimeout, "must be zero or positive"))
    except ValueError:
        errors.append(fe.invalid(at, args.filterTimeout, "must be a duration"))
    if args.bindingTimeout is not None:
        errors += _binding_timeout(path / "bindingTimeout", args.bindingTimeout)
    return errors


def _binding_timeout(path: Path, text: str) -> list[FieldError]:
    try:
        return [fe.invalid(path, text, "must be at least 1 second")] if times.parse_duration(text) < 1 else []
    except ValueError:
        return [fe.invalid(path, text, "must be a duration")]


VALIDATORS: dict[str, Callable[[Path, Any], list[FieldError]]] = {
    "DefaultPreemption": _preemption,
    "DynamicResources": _dynamic_resources,
    "InterPodAffinity": _pod_affinity,
    "NodeAffinity": _node_affinity,
    "NodeResourcesBalancedAllocation": _balance,
    "NodeResourcesFit": _fit,
    "PodTopologySpread": _spread,
    "VolumeBinding": _volume_binding,
}
