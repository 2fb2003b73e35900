"""The plugins and their weights, in the order in which filters run.

What: two tables. Why: the one list of plugins; the names and weights are those of upstream's default profile.
"""

from __future__ import annotations

from collections.abc import Callable

from kubelite.scheduler.framework import FilterPlugin, ScorePlugin
from kubelite.scheduler.plugins.balanced_allocation import BalancedAllocation
from kubelite.scheduler.plugins.image_locality import ImageLocality
from kubelite.scheduler.plugins.inter_pod_affinity import InterPodAffinity
from kubelite.scheduler.plugins.node_affinity import NodeAffinity
from kubelite.scheduler.plugins.node_name import NodeName
from kubelite.scheduler.plugins.node_ports import NodePorts
from kubelite.scheduler.plugins.node_unschedulable import NodeUnschedulable
from kubelite.scheduler.plugins.resources_fit import ResourcesFit
from kubelite.scheduler.plugins.taint_toleration import TaintToleration
from kubelite.scheduler.plugins.topology_spread import TopologySpread

FILTERS: dict[str, Callable[[], FilterPlugin]] = {
    "NodeUnschedulable": NodeUnschedulable,
    "NodeName": NodeName,
    "TaintToleration": TaintToleration,
    "NodeAffinity": NodeAffinity,
    "NodePorts": NodePorts,
    "NodeResourcesFit": ResourcesFit,
    "PodTopologySpread": TopologySpread,
    "InterPodAffinity": InterPodAffinity,
}

SCORES: dict[str, tuple[Callable[[], ScorePlugin], int]] = {
    "TaintToleration": (TaintToleration, 3),
    "NodeAffinity": (NodeAffinity, 2),
    "NodeResourcesFit": (ResourcesFit, 1),
    "PodTopologySpread": (TopologySpread, 2),
    "InterPodAffinity": (InterPodAffinity, 2),
    "NodeResourcesBalancedAllocation": (BalancedAllocation, 1),
    "ImageLocality": (ImageLocality, 1),
}
