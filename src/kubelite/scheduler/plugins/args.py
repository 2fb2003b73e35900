"""The arguments of the plugins, with upstream's defaults: pluginConfig of kubescheduler.config.k8s.io/v1.

What: one struct a plugin that takes arguments. Why: a KubeSchedulerConfiguration written for upstream means the same here;
unknown fields are refused. Upstream: kube-scheduler/config/v1/types_pluginargs.go and scheduler/apis/config/v1/defaults.go.
"""

from __future__ import annotations

from msgspec import Struct, field

from kubelite.api.types.core_v1 import NodeAffinity, TopologySpreadConstraint

SYSTEM, LIST = "System", "List"
LEAST, MOST, RATIO = "LeastAllocated", "MostAllocated", "RequestedToCapacityRatio"


class Args(Struct, kw_only=True):
    """What all arguments may carry."""

    apiVersion: str = ""
    kind: str = ""


class DefaultPreemptionArgs(Args, kw_only=True):
    minCandidateNodesPercentage: int = 10
    minCandidateNodesAbsolute: int = 100


class InterPodAffinityArgs(Args, kw_only=True):
    hardPodAffinityWeight: int = 1
    ignorePreferredTermsOfExistingPods: bool = False


class NodeAffinityArgs(Args, kw_only=True):
    addedAffinity: NodeAffinity | None = None


class ResourceSpec(Struct):
    name: str = ""
    weight: int = 1


class ShapePoint(Struct):
    utilization: int = 0
    score: int = 0


class RatioParam(Struct):
    shape: list[ShapePoint] = field(default_factory=list)


def compute_resources() -> list[ResourceSpec]:
    return [ResourceSpec("cpu", 1), ResourceSpec("memory", 1)]


class ScoringStrategy(Struct, kw_only=True):
    type: str = LEAST
    resources: list[ResourceSpec] = field(default_factory=compute_resources)
    requestedToCapacityRatio: RatioParam | None = None


class NodeResourcesFitArgs(Args, kw_only=True):
    ignoredResources: list[str] = field(default_factory=list)
    ignoredResourceGroups: list[str] = field(default_factory=list)
    scoringStrategy: ScoringStrategy | None = field(default_factory=ScoringStrategy)


class NodeResourcesBalancedAllocationArgs(Args, kw_only=True):
    resources: list[ResourceSpec] = field(default_factory=compute_resources)


class PodTopologySpreadArgs(Args, kw_only=True):
    defaultConstraints: list[TopologySpreadConstraint] = field(default_factory=list)
    defaultingType: str = SYSTEM


class VolumeBindingArgs(Args, kw_only=True):
    bindTimeoutSeconds: int = 600
    shape: list[ShapePoint] | None = None


class DynamicResourcesArgs(Args, kw_only=True):
    filterTimeout: str = "10s"
    bindingTimeout: str | None = None


ARGS: dict[str, type[Args]] = {
    "DefaultPreemption": DefaultPreemptionArgs,
    "InterPodAffinity": InterPodAffinityArgs,
    "NodeAffinity": NodeAffinityArgs,
    "NodeResourcesFit": NodeResourcesFitArgs,
    "NodeResourcesBalancedAllocation": NodeResourcesBalancedAllocationArgs,
    "PodTopologySpread": PodTopologySpreadArgs,
    "VolumeBinding": VolumeBindingArgs,
    "DynamicResources": DynamicResourcesArgs,
}
