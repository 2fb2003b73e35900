"""Where a pod may run: node selectors, affinity, tolerations, topology spread, scheduling gates.

Upstream: validateAffinity, ValidateNodeSelector, ValidateTolerations, validateTopologySpreadConstraints.
"""

from __future__ import annotations

from collections.abc import Callable

from kubelite.api import validation as check
from kubelite.api.types import core_v1 as v1
from kubelite.machinery import fielderrors as fe
from kubelite.machinery import names
from kubelite.machinery.fielderrors import FieldErrors, Path

_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
_WEIGHT = "must be in the range 1-100"
_BAD_OPERATOR = "not a valid selector operator"
EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
_ACTIONS = ("DoNotSchedule", "ScheduleAnyway")
_POLICIES = ("Honor", "Ignore")


def validate_affinity(affinity: v1.Affinity, path: Path) -> FieldErrors:
    """The mistakes in node affinity, pod affinity and pod anti-affinity."""
    errors: FieldErrors = []
    node = affinity.nodeAffinity
    if node is not None:
        here = path / "nodeAffinity"
        if node.requiredDuringSchedulingIgnoredDuringExecution is not None:
            errors += validate_node_selector(node.requiredDuringSchedulingIgnoredDuringExecution, here / _REQUIRED)
        for index, preferred in enumerate(node.preferredDuringSchedulingIgnoredDuringExecution):
            errors += _preferred_nodes(preferred, (here / _PREFERRED).index(index))
    for name in ("podAffinity", "podAntiAffinity"):
        rules: v1.PodAffinity | v1.PodAntiAffinity | None = getattr(affinity, name)
        if rules is not None:
            errors += _pod_rules(rules, path / name)
    return errors


def validate_node_selector(selector: v1.NodeSelector, path: Path) -> FieldErrors:
    """At least one term, each of valid requirements."""
    path = path / "nodeSelectorTerms"
    if not selector.nodeSelectorTerms:
        return [fe.required(path, "must have at least one node selector term")]
    errors: FieldErrors = []
    for index, term in enumerate(selector.nodeSelectorTerms):
        errors += _node_term(term, path.index(index), check_values=True)
    return errors


def _preferred_nodes(preferred: v1.PreferredSchedulingTerm, path: Path) -> FieldErrors:
    errors: FieldErrors = []
    weight = preferred.weight or 0
    if not 1 <= weight <= 100:
        errors.append(fe.invalid(path / "weight", weight, _WEIGHT))
    if preferred.preference is not None:
        errors += _node_term(preferred.preference, path / "preference", check_values=False)
    return errors


def _node_term(term: v1.NodeSelectorTerm, path: Path, *, check_values: bool) -> FieldErrors:
    errors: FieldErrors = []
    for index, requirement in enumerate(term.matchExpressions):
        errors += _node_requirement(requirement, (path / "matchExpressions").index(index), check_values)
    for index, requirement in enumerate(term.matchFields):
        errors += _node_field(requirement, (path / "matchFields").index(index))
    return errors


def _node_requirement(requirement: v1.NodeSelectorRequirement, path: Path, check_values: bool) -> FieldErrors:
    errors: FieldErrors = []
    operator, values = requirement.operator, requirement.values
    if operator in ("In", "NotIn"):
        if not values:
            errors.append(fe.required(path / "values", "must be specified when `operator` is 'In' or 'NotIn'"))
    elif operator in ("Exists", "DoesNotExist"):
        if values:
            detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
            errors.append(fe.forbidden(path / "values", detail))
    elif operator in ("Gt", "Lt"):
        if len(values) != 1:
            detail = "must be specified single value when `operator` is 'Lt' or 'Gt'"
            errors.append(fe.required(path / "values", detail))
    else:
        errors.append(fe.invalid(path / "operator", operator, _BAD_OPERATOR))
    errors += check.qualified_name(path / "key", requirement.key)
    if check_values:
        for index, value in enumerate(values):
            errors += check.complaints((path / "values").index(index), value, names.label_value(value))
    return errors


def _node_field(requirement: v1.NodeSelectorRequirement, path: Path) -> FieldErrors:
    errors: FieldErrors = []
    if requirement.operator not in ("In", "NotIn"):
        errors.append(fe.invalid(path / "operator", requirement.operator, _BAD_OPERATOR))
    elif len(requirement.values) != 1:
        detail = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"
        errors.append(fe.required(path / "values", detail))
    if requirement.key != "metadata.name":
        errors.append(fe.invalid(path / "key", requirement.key, "not a valid field selector key"))
        return errors
    for index, value in enumerate(requirement.values):
        errors += check.complaints((path / "values").index(index), value, names.dns1123_subdomain(value))
    return errors


def _pod_rules(rules: v1.PodAffinity | v1.PodAntiAffinity, path: Path) -> FieldErrors:
    errors: FieldErrors = []
    for index, term in enumerate(rules.requiredDuringSchedulingIgnoredDuringExecution):
        errors += _pod_term(term, (path / _REQUIRED).index(index))
    for index, weighted in enumerate(rules.preferredDuringSchedulingIgnoredDuringExecution):
        here = (path / _PREFERRED).index(index)
        weight = weighted.weight or 0
        if not 1 <= weight <= 100:
            errors.append(fe.invalid(here / "weight", weight, _WEIGHT))
        errors += _pod_term(weighted.podAffinityTerm or v1.PodAffinityTerm(), here / "podAffinityTerm")
    return errors


def _pod_term(term: v1.PodAffinityTerm, path: Path) -> FieldErrors:
    errors = check.label_selector(term.labelSelector, path / "labelSelector")
    errors += check.label_selector(term.namespaceSelector, path / "namespaceSelector")
    for name in term.namespaces:
        errors += check.complaints(path / "namespace", name, names.dns1123_label(name))
    for keys in ("matchLabelKeys", "mismatchLabelKeys"):
        listed: list[str] = getattr(term, keys)
        if listed and term.labelSelector is None:
            errors.append(fe.forbidden(path / keys, "must not be specified when labelSelector is not set"))
            continue
        for index, key in enumerate(listed):
            errors += check.qualified_name((path / keys).index(index), key)
    if term.matchLabelKeys:
        errors += _repeated_keys(term, path)
    if not term.topologyKey:
        errors.append(fe.required(path / "topologyKey", "can not be empty"))
    return errors + check.qualified_name(path / "topologyKey", term.topologyKey)


def _repeated_keys(term: v1.PodAffinityTerm, path: Path) -> FieldErrors:
    """A key in `matchLabelKeys` is in no other place; its own merged requirement is the first of that key."""
    errors: FieldErrors = []
    if term.labelSelector is not None:
        seen = set(term.labelSelector.matchLabels)
        for requirement in term.labelSelector.matchExpressions:
            key = requirement.key
            if key in seen and key in term.matchLabelKeys:
                here = path.index(term.matchLabelKeys.index(key))
                errors.append(fe.invalid(here, key, "exists in both matchLabelKeys and labelSelector"))
            seen.add(key)
    for index, key in enumerate(term.matchLabelKeys):
        if key in term.mismatchLabelKeys:
            here = (path / "matchLabelKeys").index(index)
            errors.append(fe.invalid(here, key, "exists in both matchLabelKeys and mismatchLabelKeys"))
    return errors


def validate_tolerations(tolerations: list[v1.Toleration], path: Path) -> FieldErrors:
    """The mistakes in `tolerations`."""
    errors: FieldErrors = []
    for index, toleration in enumerate(tolerations):
        errors += _toleration(toleration, path.index(index))
    return errors


def _toleration(toleration: v1.Toleration, path: Path) -> FieldErrors:
    errors: FieldErrors = []
    operator = toleration.operator
    if toleration.key:
        found = names.qualified_name(toleration.key)
        if found:
            errors += check.complaints(path / "key", toleration.key, found)
    elif operator != "Exists":
        detail = 'operator must be Exists when `key` is empty, which means "match all values and all keys"'
        errors.append(fe.invalid(path / "operator", operator, detail))
    if toleration.tolerationSeconds is not None and toleration.effect != "NoExecute":
        detail = "effect must be 'NoExecute' when `tolerationSeconds` is set"
        errors.append(fe.invalid(path / "effect", toleration.effect, detail))
    if operator in ("", "Equal"):
        found = names.label_value(toleration.value)
        if found:
            errors.append(fe.invalid(path / "operator", toleration.value, ";".join(found)))
    elif operator == "Exists":
        if toleration.value:
            detail = "value must be empty when `operator` is 'Exists'"
            errors.append(fe.invalid(path / "operator", toleration.value, detail))
    else:
        errors.append(fe.not_supported(path / "operator", operator, ("Equal", "Exists")))
    if toleration.effect and toleration.effect not in EFFECTS:
        errors.append(fe.not_supported(path / "effect", toleration.effect, EFFECTS, as_listed=True))
    return errors


def validate_spread(constraints: list[v1.TopologySpreadConstraint], path: Path) -> FieldErrors:
    """The mistakes in `topologySpreadConstraints`."""
    errors: FieldErrors = []
    for index, constraint in enumerate(constraints):
        here = path.index(index)
        errors += _spread(constraint, here)
        pair = (constraint.topologyKey, constraint.whenUnsatisfiable)
        if any((other.topologyKey, other.whenUnsatisfiable) == pair for other in constraints[index + 1 :]):
            errors.append(fe.duplicate(here / "{topologyKey, whenUnsatisfiable}", f"{{{pair[0]}, {pair[1]}}}"))
    return errors


def _spread(constraint: v1.TopologySpreadConstraint, path: Path) -> FieldErrors:
    errors: FieldErrors = []
    if (constraint.maxSkew or 0) <= 0:
        errors.append(fe.invalid(path / "maxSkew", constraint.maxSkew or 0, check.NOT_POSITIVE))
    if not constraint.topologyKey:
        errors.append(fe.required(path / "topologyKey", "can not be empty"))
    action = constraint.whenUnsatisfiable
    if action not in _ACTIONS:
        errors.append(fe.not_supported(path / "whenUnsatisfiable", action, _ACTIONS))
    least = constraint.minDomains
    if least is not None:
        if least <= 0:
            errors.append(fe.invalid(path / "minDomains", least, check.NOT_POSITIVE))
        if action != "DoNotSchedule":
            detail = f"can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {action}"
            errors.append(fe.invalid(path / "minDomains", least, detail))
    for name in ("nodeAffinityPolicy", "nodeTaintsPolicy"):
        policy = getattr(constraint, name)
        if policy and policy not in _POLICIES:
            errors.append(fe.not_supported(path / name, policy, _POLICIES))
    errors += _spread_keys(constraint, path / "matchLabelKeys")
    return errors + check.label_selector(constraint.labelSelector, path / "labelSelector")


def _spread_keys(constraint: v1.TopologySpreadConstraint, path: Path) -> FieldErrors:
    keys = constraint.matchLabelKeys
    if not keys:
        return []
    selector = constraint.labelSelector
    if selector is None:
        return [fe.forbidden(path, "must not be specified when labelSelector is not set")]
    errors: FieldErrors = []
    used = [*selector.matchLabels, *(r.key for r in selector.matchExpressions)]
    for index, key in enumerate(keys):
        errors += check.qualified_name(path.index(index), key)
        merged = sum(1 for r in selector.matchExpressions if r.key == key and r.operator == "In" and len(r.values) == 1)
        if used.count(key) > min(merged, 1):
            errors.append(fe.invalid(path.index(index), key, "exists in both matchLabelKeys and labelSelector"))
    return errors


def validate_gates(gates: list[v1.PodSchedulingGate], path: Path) -> FieldErrors:
    """The mistakes in `schedulingGates`."""
    return _named_once([gate.name for gate in gates], path, names.qualified_name)


def _named_once(listed: list[str], path: Path, name_check: Callable[[str], list[str]]) -> FieldErrors:
    errors: FieldErrors = []
    seen: set[str] = set()
    for index, name in enumerate(listed):
        errors += check.complaints(path.index(index), name, name_check(name))
        if name in seen:
            errors.append(fe.duplicate(path.index(index), name))
        seen.add(name)
    return errors
