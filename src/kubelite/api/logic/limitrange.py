"""What the LimitRanges of a namespace make of a pod or a claim, and what they refuse.

What: `set_defaults(items, pod)` fills in requests and limits, `pod_errors` and `claim_errors` tell what is too small or large.
Why: pure, so that admission and simulations agree. Flow: LimitRange items and an object in, texts out. Source:
plugin/pkg/admission/limitranger/admission.go; texts follow it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from kubelite.api.logic import podresources
from kubelite.api.types.base import Quantity
from kubelite.api.types.core_v1 import LimitRangeItem, PersistentVolumeClaim, Pod, ResourceRequirements
from kubelite.machinery import quantity

ANNOTATION = "kubernetes.io/limit-ranger"
Amounts = Mapping[str, Quantity]


def set_defaults(items: Iterable[LimitRangeItem], pod: Pod) -> None:
    """Gives containers the default requests and limits of `items`, and notes in an annotation which."""
    requests: dict[str, Quantity] = {}
    limits: dict[str, Quantity] = {}
    for item in items:
        if item.type == "Container":
            requests |= item.defaultRequest
            limits |= item.default
    if not requests and not limits:
        return
    notes: list[str] = []
    for what, containers in (("container", pod.spec.containers), ("init container", pod.spec.initContainers)):
        for container in containers:
            notes += _fill(container, requests, limits, f"{what} {container.name}")
    if notes:
        pod.metadata.annotations[ANNOTATION] = "LimitRanger plugin set: " + "; ".join(notes)


def _fill(container: Any, requests: Amounts, limits: Amounts, what: str) -> list[str]:
    if container.resources is None:
        container.resources = ResourceRequirements()
    notes = []
    for word, defaults in (("request", requests), ("limit", limits)):
        present = getattr(container.resources, f"{word}s")
        missing = [name for name in sorted(defaults) if name not in present]
        present.update((name, defaults[name]) for name in missing)
        if missing:
            notes.append(f"{', '.join(missing)} {word} for {what}")
    return notes


def pod_errors(items: Iterable[LimitRangeItem], pod: Pod) -> list[str]:
    """What is wrong with the sizes of a pod's containers and of the pod."""
    errors: list[str] = []
    for item in items:
        if item.type == "Container":
            for container in (*pod.spec.containers, *pod.spec.initContainers):
                resources = container.resources or ResourceRequirements()
                errors += _errors(item, resources.requests, resources.limits)
        elif item.type == "Pod":
            errors += _errors(item, _texts(podresources.requests(pod)), _texts(podresources.limits(pod)))
    return errors


def _texts(amounts: Mapping[str, int]) -> dict[str, Quantity]:
    return {name: podresources.amount_text(name, number) for name, number in amounts.items()}


def _errors(item: LimitRangeItem, requests: Amounts, limits: Amounts) -> list[str]:
    found = [_minimum(item.type, name, item.min[name], requests, limits) for name in sorted(item.min)]
    found += [_maximum(item.type, name, item.max[name], requests, limits) for name in sorted(item.max)]
    ratios = item.maxLimitRequestRatio
    found += [_ratio(item.type, name, ratios[name], requests, limits) for name in sorted(ratios)]
    return [text for text in found if text]


def _minimum(type_: str, name: str, least: Quantity, requests: Amounts, limits: Amounts) -> str:
    head = f"minimum {name} usage per {type_} is {quantity.canonical(least)}"
    if name not in requests:
        return f"{head}.  No request is specified"
    if quantity.cmp(requests[name], least) < 0:
        return f"{head}, but request is {quantity.canonical(requests[name])}"
    if name in limits and quantity.cmp(limits[name], least) < 0:
        return f"{head}, but limit is {quantity.canonical(limits[name])}"
    return ""


def _maximum(type_: str, name: str, most: Quantity, requests: Amounts, limits: Amounts) -> str:
    head = f"maximum {name} usage per {type_} is {quantity.canonical(most)}"
    if name not in limits:
        return f"{head}.  No limit is specified"
    if quantity.cmp(limits[name], most) > 0:
        return f"{head}, but limit is {quantity.canonical(limits[name])}"
    if name in requests and quantity.cmp(requests[name], most) > 0:
        return f"{head}, but request is {quantity.canonical(requests[name])}"
    return ""


def _ratio(type_: str, name: str, most: Quantity, requests: Amounts, limits: Amounts) -> str:
    head = f"{name} max limit to request ratio per {type_} is {quantity.canonical(most)}"
    request = quantity.parse(requests.get(name, 0))
    limit = quantity.parse(limits.get(name, 0))
    if not request:
        return f"{head}, but no request is specified or request is 0"
    if not limit:
        return f"{head}, but no limit is specified or limit is 0"
    if limit / request > quantity.parse(most):
        return f"{head}, but provided ratio is {float(limit / request):f}"
    return ""


def claim_errors(items: Iterable[LimitRangeItem], claim: PersistentVolumeClaim) -> list[str]:
    """What is wrong with the size of a claim."""
    requests = claim.spec.resources.requests if claim.spec.resources is not None else {}
    errors = []
    for item in items:
        if item.type != "PersistentVolumeClaim":
            continue
        for word, bounds, sign in (("minimum", item.min, -1), ("maximum", item.max, 1)):
            for name in sorted(bounds):
                head = f"{word} {name} usage per {item.type} is {quantity.canonical(bounds[name])}"
                if name not in requests:
                    errors.append(f"{head}.  No request is specified")
                elif quantity.cmp(requests[name], bounds[name]) == sign:
                    errors.append(f"{head}, but request is {quantity.canonical(requests[name])}")
    return errors
