"""Whether a pod's requests fit into what a node has left, and the words for it when they do not.

Why: the scheduler and the kubelet's admission must refuse alike. Flow: amounts as `podresources` counts them in, one
`Shortage` for each resource that is short out. Upstream: scheduler plugin NodeResourcesFit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

PODS = "pods"


@dataclass(frozen=True, slots=True)
class Shortage:
    """A resource that does not suffice, in the units of `podresources.amounts`."""

    resource: str
    requested: int
    used: int
    capacity: int

    @property
    def reason(self) -> str:
        """The scheduler's words."""
        return "Too many pods" if self.resource == PODS else f"Insufficient {self.resource}"

    @property
    def unresolvable(self) -> bool:
        """True where even an empty node is too small, so that preemption cannot help."""
        return self.requested > self.capacity


def shortages(
    wanted: Mapping[str, int], allocatable: Mapping[str, int], used: Mapping[str, int], pods: int
) -> list[Shortage]:
    """What is short for one more pod that wants `wanted` on a node where `pods` pods already use `used`."""
    found = []
    limit = allocatable.get(PODS)
    if limit is not None and pods + 1 > limit:
        found.append(Shortage(PODS, 1, pods, limit))
    for resource, number in wanted.items():
        if number <= 0 or resource == PODS:
            continue
        capacity = allocatable.get(resource, 0)
        taken = used.get(resource, 0)
        if number > capacity - taken:
            found.append(Shortage(resource, number, taken, capacity))
    return found
