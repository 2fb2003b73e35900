"""Requests and limits: names, amounts, and how they relate.

Upstream: validateResourceRequirements, validateContainerResourceName, ValidateResourceQuantityValue, validateOverhead.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from kubelite.api import validation as check
from kubelite.api.logic import podresources
from kubelite.api.types import core_v1 as v1
from kubelite.api.types.base import Quantity
from kubelite.machinery import fielderrors as fe
from kubelite.machinery import names, quantity
from kubelite.machinery.fielderrors import FieldErrors, Path

NameCheck = Callable[[str, Path], FieldErrors]
_CONTAINER_RESOURCES = frozenset(("cpu", "memory", "ephemeral-storage"))
_COUNTED = frozenset(
    (
        "pods",
        "services",
        "replicationcontrollers",
        "resourcequotas",
        "secrets",
        "configmaps",
        "persistentvolumeclaims",
        "services.nodeports",
        "services.loadbalancers",
    )
)
_STANDARD = (
    _CONTAINER_RESOURCES
    | _COUNTED
    | {"storage", "requests.storage"}
    | {f"{kind}.{name}" for kind in ("requests", "limits") for name in _CONTAINER_RESOURCES}
)
_COMPUTE = ("cpu", "memory")


def is_huge_pages(name: str) -> bool:
    return name.startswith("hugepages-")


def is_native(name: str) -> bool:
    """A resource of Kubernetes itself: without a domain, or in kubernetes.io."""
    return "/" not in name or "kubernetes.io/" in name


def is_extended(name: str) -> bool:
    """A resource that a device plugin or an operator announces, such as `nvidia.com/gpu`."""
    if is_native(name) or name.startswith("requests."):
        return False
    return not names.qualified_name(f"requests.{name}")


def may_overcommit(name: str) -> bool:
    """Whether requests may be lower than limits."""
    return is_native(name) and not is_huge_pages(name)


def resource_name(name: str, path: Path) -> FieldErrors:
    """A name of any resource list: qualified, or one of the known short ones."""
    errors = check.complaints(path, name, names.qualified_name(name))
    if not errors and "/" not in name and name not in _STANDARD and not is_huge_pages(name):
        errors.append(fe.invalid(path, name, "must be a standard resource type or fully qualified"))
    return errors


def container_resource_name(name: str, path: Path) -> FieldErrors:
    """A name that a container may ask for."""
    if name in _CONTAINER_RESOURCES:
        return []
    errors = resource_name(name, path)
    if "/" not in name:
        if not is_huge_pages(name):
            errors.append(fe.invalid(path, name, "must be a standard resource for containers"))
    elif not is_native(name) and not is_extended(name):
        errors.append(fe.invalid(path, name, "doesn't follow extended resource name standard"))
    return errors


def pod_resource_name(name: str, path: Path) -> FieldErrors:
    """A name that a pod as a whole may ask for."""
    if podresources.is_pod_level(name):
        return []
    return [fe.not_supported(path, name, ("cpu", "hugepages-", "memory"))]


_WHOLE = 10**9


def _number(amount: Quantity) -> int | str:
    """The amount in billionths, which is exact, or a complaint."""
    try:
        return quantity.nano(amount)
    except ValueError as problem:
        return str(problem)


def amount(name: str, text: Quantity, path: Path) -> FieldErrors:
    """An amount is a quantity, not negative, and whole where the resource is counted in pieces."""
    number = _number(text)
    if isinstance(number, str):
        return [fe.invalid(path, text, number)]
    errors: FieldErrors = []
    if number < 0:
        errors.append(fe.invalid(path, quantity.canonical(text), check.NOT_NEGATIVE))
    if name not in _CONTAINER_RESOURCES and (name in _COUNTED or is_extended(name)) and number % _WHOLE:
        errors.append(fe.invalid(path, text, "must be an integer"))
    return errors


def _huge_pages(name: str, text: Quantity, path: Path) -> FieldErrors:
    """Huge pages come in whole pages."""
    try:
        page = quantity.value(name.removeprefix("hugepages-"))
        number = quantity.value(text)
    except ValueError:
        return []
    if page > 0 and number > 0 and number % page == 0:
        return []
    shown = quantity.canonical(text)
    return [fe.invalid(path, shown, f"{shown} is not positive integer multiple of {name}")]


def _listed(resources: Mapping[str, Quantity], name_check: NameCheck, path: Path) -> FieldErrors:
    errors: FieldErrors = []
    for name, text in resources.items():
        if name in _CONTAINER_RESOURCES and name_check is container_resource_name:
            number = _number(text)
            if not isinstance(number, str) and number >= 0:
                continue
        here = path.key(name)
        errors += name_check(name, here)
        errors += amount(name, text, here)
        if is_huge_pages(name):
            errors += _huge_pages(name, text, here)
    return errors


def _against_limits(resources: v1.ResourceRequirements, path: Path) -> FieldErrors:
    errors: FieldErrors = []
    limits = resources.limits
    for name, text in resources.requests.items():
        limit = limits.get(name)
        overcommit = may_overcommit(name)
        if limit is None:
            if not overcommit:
                errors.append(fe.required(path / "limits", "Limit must be set for non overcommitable resources"))
            continue
        if text == limit:
            continue
        wanted, most = _number(text), _number(limit)
        if isinstance(wanted, str) or isinstance(most, str) or wanted == most:
            continue
        if not overcommit:
            words = "equal to"
        elif wanted > most:
            words = "less than or equal to"
        else:
            continue
        detail = f"must be {words} {name} limit of {quantity.canonical(limit)}"
        errors.append(fe.invalid(path / "requests", quantity.canonical(text), detail))
    return errors


def validate_resources(
    resources: v1.ResourceRequirements,
    claims: frozenset[str],
    path: Path,
    name_check: NameCheck = container_resource_name,
) -> FieldErrors:
    """The mistakes in requests, limits and claims; `claims` are the names in the pod's `resourceClaims`."""
    limits, requests = resources.limits, resources.requests
    errors: FieldErrors = []
    if limits:
        errors += _listed(limits, name_check, path / "limits")
    if requests:
        errors += _listed(requests, name_check, path / "requests")
        errors += _against_limits(resources, path)
        if not any(name in limits or name in requests for name in _COMPUTE) and any(
            is_huge_pages(name) for name in (*limits, *requests)
        ):
            errors.append(fe.forbidden(path, "HugePages require cpu or memory"))
    if resources.claims:
        errors += _claims(resources.claims, claims, path / "claims")
    return errors


def _claims(used: list[v1.ResourceClaim], known: frozenset[str], path: Path) -> FieldErrors:
    errors: FieldErrors = []
    seen: set[str] = set()
    for index, claim in enumerate(used):
        here = path.index(index)
        if not claim.name:
            errors.append(fe.required(here))
            continue
        key = f"{claim.name}/{claim.request}" if claim.request else claim.name
        if claim.request:
            errors += check.complaints(here / "request", claim.request, names.dns1123_label(claim.request))
        whole = claim.name in seen
        overlapping = not claim.request and any(k.startswith(f"{claim.name}/") for k in seen)
        if whole or key in seen or overlapping:
            errors.append(fe.duplicate(here, claim.name if whole or overlapping else key))
        seen.add(key)
        if claim.name not in known:
            rest = f": {', '.join(sorted(known))}" if known else " which is empty"
            missing = fe.not_found(here, claim.name)
            text = f"{missing.text}: must be one of the names in pod.spec.resourceClaims{rest}"
            errors.append(fe.FieldError(missing.type, missing.field, text))
    return errors


def validate_overhead(overhead: Mapping[str, Quantity], path: Path) -> FieldErrors:
    """What the runtime itself needs: a plain resource list."""
    return _listed(overhead, container_resource_name, path)


def validate_pod_resources(spec: v1.PodSpec, resources: v1.ResourceRequirements, path: Path) -> FieldErrors:
    """Pod-level amounts cover what the containers ask for and bound what each may use."""
    errors: FieldErrors = []
    if resources.claims:
        errors.append(fe.forbidden(path / "claims", "claims cannot be set for Resources at pod-level"))
    errors += validate_resources(resources, frozenset(), path, pod_resource_name)
    if errors:
        return errors
    errors += _covers_containers(spec, resources, path)
    for index, container in enumerate(spec.containers):
        if container.resources is None:
            continue
        for name, text in container.resources.limits.items():
            most = resources.limits.get(name)
            if most is not None and _is_more(text, most):
                here = (path / "containers").index(index).key(name) / "limits"
                detail = f"must be less than or equal to pod limits of {quantity.canonical(most)}"
                errors.append(fe.invalid(here, quantity.canonical(text), detail))
    return errors


def _covers_containers(spec: v1.PodSpec, resources: v1.ResourceRequirements, path: Path) -> FieldErrors:
    holder: Any = v1.Pod(spec=spec)
    try:
        wanted = podresources.container_requests(holder)
    except ValueError:
        return []
    errors: FieldErrors = []
    for name, number in wanted.items():
        if not podresources.is_pod_level(name):
            continue
        text = resources.requests.get(name, "0")
        if number > podresources.amount(name, text):
            least = podresources.amount_text(name, number)
            detail = f"must be greater than or equal to aggregate container requests of {least}"
            errors.append(fe.invalid((path / "requests").key(name), quantity.canonical(text), detail))
    return errors


def _is_more(left: Quantity, right: Quantity) -> bool:
    a, b = _number(left), _number(right)
    return not isinstance(a, str) and not isinstance(b, str) and a > b
