"""What classes of storage share: who provides it, and its parameters.

Upstream: pkg/apis/storage/validation/validation.go (validateProvisioner, validateParameters, validateAllowedTopologies).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kubelite.api import validation as check
from kubelite.api.types import core_v1
from kubelite.machinery import fielderrors as fe
from kubelite.machinery import names
from kubelite.machinery.fielderrors import FieldErrors, Path

GROUP = "storage.k8s.io"
MAX_SIZE = 256 * 1024
MAX_COUNT = 512
DEPRECATED_KEYS = {
    "failure-domain.beta.kubernetes.io/zone": ("v1.17", "topology.kubernetes.io/zone"),
    "failure-domain.beta.kubernetes.io/region": ("v1.17", "topology.kubernetes.io/region"),
    "beta.kubernetes.io/arch": ("v1.14", "kubernetes.io/arch"),
    "beta.kubernetes.io/os": ("v1.14", "kubernetes.io/os"),
    "beta.kubernetes.io/instance-type": ("v1.17", "node.kubernetes.io/instance-type"),
}


def validate_provisioner(name: str, path: Path) -> FieldErrors:
    """A qualified name, in any case."""
    if not name:
        return [fe.required(path)]
    return check.complaints(path, name, names.qualified_name(name.lower()))


def validate_parameters(parameters: Mapping[str, str], path: Path, *, may_be_empty: bool) -> FieldErrors:
    """Not too many, not too large, and each with a name."""
    errors: FieldErrors = []
    if len(parameters) > MAX_COUNT:
        errors.append(fe.too_long(path, MAX_COUNT))
        return errors
    if any(not key for key in parameters):
        errors.append(fe.invalid(path, "", "field can not be empty."))
    if sum(len(key.encode()) + len(value.encode()) for key, value in parameters.items()) > MAX_SIZE:
        errors.append(fe.too_long(path, MAX_SIZE))
    if not parameters and not may_be_empty:
        errors.append(fe.required(path, "must contain at least one key/value pair"))
    return errors


def validate_topologies(terms: Sequence[core_v1.TopologySelectorTerm], path: Path) -> FieldErrors:
    """Keys once in a term, values once under a key, and no term twice."""
    errors: FieldErrors = []
    seen: list[dict[str, frozenset[str]]] = []
    for index, term in enumerate(terms):
        here = path.index(index)
        found: dict[str, frozenset[str]] = {}
        for number, requirement in enumerate(term.matchLabelExpressions):
            at = (here / "matchLabelExpressions").index(number)
            errors += check.qualified_name(at / "key", requirement.key)
            if not requirement.values:
                errors.append(fe.required(at / "values"))
            for place, value in enumerate(requirement.values):
                if value in requirement.values[:place]:
                    errors.append(fe.duplicate((at / "values").index(place), value))
            if requirement.key in found:
                errors.append(fe.duplicate(at / "key", requirement.key))
            found[requirement.key] = frozenset(requirement.values)
        if found in seen:
            errors.append(fe.duplicate(here, ""))
        seen.append(found)
    return errors


def topology_warnings(terms: Sequence[core_v1.TopologySelectorTerm]) -> list[str]:
    """Texts about labels of nodes that got other names."""
    found: list[str] = []
    for index, term in enumerate(terms):
        for number, requirement in enumerate(term.matchLabelExpressions):
            old = DEPRECATED_KEYS.get(requirement.key)
            if old is not None:
                at = f"allowedTopologies[{index}].matchLabelExpressions[{number}].key"
                found.append(f'{at}: {requirement.key} is deprecated since {old[0]}; use "{old[1]}" instead')
    return found


def frozen(name: str, new: object, old: object) -> FieldErrors:
    """One error where a field of a class was changed."""
    return [] if new == old else [fe.forbidden(Path(name), f"updates to {name} are forbidden.")]
