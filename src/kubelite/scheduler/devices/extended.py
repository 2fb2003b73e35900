"""Extended resources that devices stand behind: from a pod's amounts to a claim that nobody wrote.

What: `class_names(classes)` → which resource is which class, `claim_for(pod, resources, names)` → the claim and which container's
amount each of its requests is for. Why: a pod asks for `example.com/gpu` as it always did, and gets a device of the class that
has this name. Rules: a request for each container and resource; init containers run one after the other, before the others, so
they share one request and use those of later containers first. Of classes with the same name the newest counts.
Upstream: plugins/dynamicresources extendeddynamicresources.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from kubelite.api.types import resource_v1 as v1
from kubelite.api.types.core_v1 import ContainerExtendedResourceRequest
from kubelite.api.types.meta_v1 import ObjectMeta, OwnerReference
from kubelite.machinery import quantity
from kubelite.scheduler.pods import Container, Pod

ANNOTATION = "resource.kubernetes.io/extended-resource-claim"
IMPLICIT = "deviceclass.resource.kubernetes.io/"

Mappings = list[ContainerExtendedResourceRequest]


def names_of(found: v1.DeviceClass) -> tuple[str, ...]:
    """The resources by which pods can ask for a class."""
    implicit = IMPLICIT + found.metadata.name
    return (implicit, found.spec.extendedResourceName) if found.spec.extendedResourceName else (implicit,)


def class_names(classes: Iterable[v1.DeviceClass]) -> dict[str, str]:
    """Resource → the name of its class."""
    by_name = sorted(classes, key=lambda one: one.metadata.name, reverse=True)
    # Sorting keeps the order of equal ones: at last comes the newest, and of those the first by name.
    ordered = sorted(by_name, key=lambda one: one.metadata.creationTimestamp or "")
    return {resource: one.metadata.name for one in ordered for resource in names_of(one)}


def is_made_for(claim: v1.ResourceClaim, uid: str) -> bool:
    """Whether a claim stands for the extended resources of a pod."""
    if claim.metadata.annotations.get(ANNOTATION) != "true":
        return False
    return any(owner.controller and owner.uid == uid for owner in claim.metadata.ownerReferences)


def claim_for(pod: Pod, resources: Iterable[str], names: Mapping[str, str]) -> tuple[v1.ResourceClaim, Mappings]:
    """The claim, which no server knows yet, for those of the pod's resources."""
    containers = [*pod.spec.initContainers, *pod.spec.containers]
    requests: list[v1.DeviceRequest] = []
    mappings: Mappings = []
    for resource in sorted(resources):
        asked = _Asked(resource, names[resource], containers, len(pod.spec.initContainers))
        requests += asked.requests
        mappings += asked.mappings
    requests.sort(key=lambda request: request.name)
    meta = pod.metadata
    owner = OwnerReference(apiVersion="v1", kind="Pod", name=meta.name, uid=meta.uid, controller=True)
    claim = v1.ResourceClaim(
        metadata=ObjectMeta(
            # No valid name: it cannot be that of a claim which the server knows.
            name=f"<extended-resources {meta.uid}>",
            uid=f"extended-{meta.uid}",
            generateName=f"{meta.name}-extended-resources-",
            namespace=meta.namespace,
            annotations={ANNOTATION: "true"},
            ownerReferences=[owner],
        ),
        spec=v1.ResourceClaimSpec(devices=v1.DeviceClaim(requests=requests)),
    )
    return claim, mappings


def _amount(container: Container, resource: str) -> int:
    asked = container.resources.requests if container.resources is not None else {}
    return quantity.value(asked[resource]) if resource in asked else 0


@dataclass(slots=True)
class _Asked:
    """What the containers ask of one resource."""

    resource: str
    device_class: str
    containers: Sequence[Container]
    inits: int
    requests: list[v1.DeviceRequest] = field(default_factory=list)
    mappings: Mappings = field(default_factory=list)

    def __post_init__(self) -> None:
        lasting: list[tuple[int, str, int]] = []
        passing: list[tuple[int, Container, int]] = []
        for index, container in enumerate(self.containers):
            number = _amount(container, self.resource)
            if number <= 0:
                continue
            if index < self.inits and container.restartPolicy != "Always":
                passing.append((index, container, number))
                continue
            lasting.append((index, self._name(index), number))
            self._map(container, self._name(index))
        self._borrow(passing, lasting)
        self.requests += [self._request(name, number) for _, name, number in lasting]

    def _borrow(self, passing: list[tuple[int, Container, int]], lasting: list[tuple[int, str, int]]) -> None:
        """Init containers use what later containers get, and one request more for the largest of what is left."""
        short: dict[str, int] = {}
        used: list[tuple[Container, str]] = []
        for index, container, number in passing:
            left = number
            for later, name, there in lasting:
                if later > index and left > 0:
                    used.append((container, name))
                    left -= there
            if left > 0:
                short[self._name(index)] = left
                used.append((container, self._name(index)))
        largest = max(short, key=short.__getitem__, default="")
        for container, name in used:
            self._map(container, largest if name in short else name)
        if largest:
            self.requests.append(self._request(largest, short[largest]))

    def _name(self, index: int) -> str:
        resources = self.containers[index].resources
        place = sorted(resources.requests).index(self.resource) if resources is not None else 0
        return f"container-{index}-request-{place}"

    def _request(self, name: str, number: int) -> v1.DeviceRequest:
        exactly = v1.ExactDeviceRequest(deviceClassName=self.device_class, allocationMode="ExactCount", count=number)
        return v1.DeviceRequest(name=name, exactly=exactly)

    def _map(self, container: Container, request: str) -> None:
        self.mappings.append(
            ContainerExtendedResourceRequest(
                containerName=container.name, resourceName=self.resource, requestName=request
            )
        )
