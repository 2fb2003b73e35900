"""What services, volume claims and device claims use of a quota.

Sources: pkg/quota/v1/evaluator/core/services.go, persistent_volume_claims.go, resource_claims.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kubelite.api.core.resource_quota import VOLUME_ATTRIBUTES_CLASS
from kubelite.api.logic.quota.scopes import Traits
from kubelite.api.types.base import Quantity
from kubelite.machinery import quantity

SERVICES = frozenset(("count/services", "services", "services.nodeports", "services.loadbalancers"))
STORAGE_CLASS = ".storageclass.storage.k8s.io/"
CLASS_ANNOTATION = "volume.beta.kubernetes.io/storage-class"
CLAIMS, STORAGE, CLAIMS_COUNT = "persistentvolumeclaims", "requests.storage", "count/persistentvolumeclaims"
DEVICES = ".deviceclass.resource.k8s.io/devices"
DEVICE_CLAIMS = "count/resourceclaims.resource.k8s.io"
DEVICE_REQUESTS = "requests.deviceclass.resource.kubernetes.io/"
"""The resource by which pods ask for devices of a class."""
OF_POD = "resource.kubernetes.io/extended-resource-claim"
MOST_DEVICES = 32
"""What a claim for all devices counts as: the most that one allocation can hold."""


def is_of_services(name: str) -> bool:
    return name in SERVICES


def service_usage(service: Any) -> dict[str, Quantity]:
    """A service counts once; its ports count as node ports where it gets some."""
    spec = service.spec
    ports = balancers = 0
    if spec.type == "NodePort":
        ports = len(spec.ports)
    elif spec.type == "LoadBalancer":
        balancers = 1
        if spec.allocateLoadBalancerNodePorts is False:
            ports = sum(1 for port in spec.ports if port.nodePort)
        else:
            ports = len(spec.ports)
    return {
        "count/services": "1",
        "services": "1",
        "services.nodeports": str(ports),
        "services.loadbalancers": str(balancers),
    }


def is_of_claims(name: str) -> bool:
    if name in (CLAIMS, STORAGE, CLAIMS_COUNT):
        return True
    return name.endswith((STORAGE_CLASS + CLAIMS, STORAGE_CLASS + STORAGE))


def claim_usage(claim: Any) -> dict[str, Quantity]:
    """A claim counts once, and its size, both also under its storage class."""
    found: dict[str, Quantity] = {CLAIMS: "1", CLAIMS_COUNT: "1"}
    class_name = claim.metadata.annotations.get(CLASS_ANNOTATION) or claim.spec.storageClassName or ""
    if class_name:
        found[class_name + STORAGE_CLASS + CLAIMS] = "1"
    size = _size(claim)
    if size is not None:
        found[STORAGE] = size
        if class_name:
            found[class_name + STORAGE_CLASS + STORAGE] = size
    return found


def _size(claim: Any) -> Quantity | None:
    """What is asked for, or more if more is being given; in whole bytes."""
    resources = claim.spec.resources
    asked = resources.requests.get("storage") if resources is not None else None
    if asked is None:
        return None
    given = claim.status.allocatedResources.get("storage")
    size = given if given is not None and quantity.cmp(given, asked) > 0 else asked
    if quantity.nano(size) % 10**9 == 0:
        return quantity.canonical(size)
    return quantity.from_value(quantity.value(size))


def claim_traits(claim: Any) -> Traits:
    """The VolumeAttributesClasses that a claim has or wants."""
    status = claim.status
    names = [claim.spec.volumeAttributesClassName, status.currentVolumeAttributesClassName]
    if status.modifyVolumeStatus is not None:
        names.append(status.modifyVolumeStatus.targetVolumeAttributesClassName)
    return Traits(classes={VOLUME_ATTRIBUTES_CLASS: tuple(sorted({name for name in names if name}))})


def is_of_device_claims(name: str) -> bool:
    return name == DEVICE_CLAIMS or name.endswith(DEVICES) or name.startswith(DEVICE_REQUESTS)


def device_claim_usage(claim: Any) -> dict[str, Quantity]:
    """A claim counts once, its devices under their classes; of alternatives each class counts with the most it may give.

    A claim that the scheduler made for a pod's extended resources is not counted among requests: those are the pod's already.
    """
    numbers: dict[str, int] = {}
    devices = claim.spec.devices
    for request in devices.requests if devices is not None else ():
        most: dict[str, int] = {}
        for one in request.firstAvailable or ([request.exactly] if request.exactly is not None else ()):
            most[one.deviceClassName] = max(most.get(one.deviceClassName, 0), _devices(one))
        for name, number in most.items():
            numbers[name] = numbers.get(name, 0) + number
    found: dict[str, Quantity] = {name + DEVICES: str(number) for name, number in numbers.items()}
    if claim.metadata.annotations.get(OF_POD) != "true":
        found |= {DEVICE_REQUESTS + name: str(number) for name, number in numbers.items()}
    return {DEVICE_CLAIMS: "1", **found}


def named(usage: Mapping[str, Quantity], names: Mapping[str, str]) -> dict[str, Quantity]:
    """The usage of a device claim with what pods may call the devices: `names` is class → extended resource."""
    found = dict(usage)
    for class_name, resource in names.items():
        amount = usage.get(DEVICE_REQUESTS + class_name)
        if amount is not None:
            found[f"requests.{resource}"] = quantity.add(found.get(f"requests.{resource}", "0"), amount)
    return found


def _devices(request: Any) -> int:
    if request.allocationMode == "All":
        return MOST_DEVICES
    return request.count or 0 if request.allocationMode in ("ExactCount", "") else 0
