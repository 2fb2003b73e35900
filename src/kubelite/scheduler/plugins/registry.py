"""The plugins, their weights and the order in which they run.

What: tables by name. Why: the one list of plugins; names, weights and order are those of upstream's default profile.
Upstream: scheduler/apis/config/v1/default_plugins.go.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kubelite.scheduler.framework import FilterPlugin, ScorePlugin
from kubelite.scheduler.plugins.balanced_allocation import BalancedAllocation
from kubelite.scheduler.plugins.dynamic_resources import DynamicResources
from kubelite.scheduler.plugins.image_locality import ImageLocality
from kubelite.scheduler.plugins.inter_pod_affinity import InterPodAffinity
from kubelite.scheduler.plugins.node_affinity import NodeAffinity
from kubelite.scheduler.plugins.node_declared_features import NodeDeclaredFeatures
from kubelite.scheduler.plugins.node_name import NodeName
from kubelite.scheduler.plugins.node_ports import NodePorts
from kubelite.scheduler.plugins.node_unschedulable import NodeUnschedulable
from kubelite.scheduler.plugins.node_volume_limits import NodeVolumeLimits
from kubelite.scheduler.plugins.resources_fit import ResourcesFit
from kubelite.scheduler.plugins.taint_toleration import TaintToleration
from kubelite.scheduler.plugins.topology_spread import TopologySpread
from kubelite.scheduler.plugins.volume_binding import VolumeBinding
from kubelite.scheduler.plugins.volume_restrictions import VolumeRestrictions
from kubelite.scheduler.plugins.volume_zone import VolumeZone

DEFAULT_ORDER = (
    "SchedulingGates",
    "PrioritySort",
    "NodeUnschedulable",
    "NodeName",
    "TaintToleration",
    "NodeAffinity",
    "NodePorts",
    "NodeResourcesFit",
    "VolumeRestrictions",
    "NodeVolumeLimits",
    "VolumeBinding",
    "VolumeZone",
    "PodTopologySpread",
    "InterPodAffinity",
    "DynamicResources",
    "DefaultPreemption",
    "NodeResourcesBalancedAllocation",
    "ImageLocality",
    "DefaultBinder",
    "NodeDeclaredFeatures",
)

FILTERS: dict[str, Callable[..., FilterPlugin]] = {
    "NodeUnschedulable": NodeUnschedulable,
    "NodeName": NodeName,
    "TaintToleration": TaintToleration,
    "NodeAffinity": NodeAffinity,
    "NodePorts": NodePorts,
    "NodeResourcesFit": ResourcesFit,
    "VolumeRestrictions": VolumeRestrictions,
    "NodeVolumeLimits": NodeVolumeLimits,
    "VolumeBinding": VolumeBinding,
    "VolumeZone": VolumeZone,
    "PodTopologySpread": TopologySpread,
    "InterPodAffinity": InterPodAffinity,
    "DynamicResources": DynamicResources,
    "NodeDeclaredFeatures": NodeDeclaredFeatures,
}

SCORES: dict[str, Callable[..., ScorePlugin]] = {
    "TaintToleration": TaintToleration,
    "NodeAffinity": NodeAffinity,
    "NodeResourcesFit": ResourcesFit,
    "PodTopologySpread": TopologySpread,
    "InterPodAffinity": InterPodAffinity,
    "DynamicResources": DynamicResources,
    "NodeResourcesBalancedAllocation": BalancedAllocation,
    "ImageLocality": ImageLocality,
}

POST_FILTERS: dict[str, Any] = {"DynamicResources": None, "DefaultPreemption": None}
"""What tries to make room, by name."""

WEIGHTS = {
    "TaintToleration": 3,
    "NodeAffinity": 2,
    "PodTopologySpread": 2,
    "InterPodAffinity": 2,
    "DynamicResources": 2,
}
"""Weights of scores that are not 1."""
