"""NodeResourcesBalancedAllocation: prefers nodes whose resources fill up evenly."""

from __future__ import annotations

from kubelite.scheduler.framework import Cycle, Scores
from kubelite.scheduler.nodes import Mask
from kubelite.scheduler.plugins.allocation import balance
from kubelite.scheduler.plugins.args import NodeResourcesBalancedAllocationArgs

NAME = "NodeResourcesBalancedAllocation"


class BalancedAllocation:
    name = NAME

    def __init__(self, args: NodeResourcesBalancedAllocationArgs | None = None) -> None:
        self.resources = (args or NodeResourcesBalancedAllocationArgs()).resources

    def score(self, cycle: Cycle, fitting: Mask) -> Scores | None:
        """A pod that requests none of the resources changes no balance."""
        if not any(cycle.pod.requests.get(resource.name) for resource in self.resources):
            return None
        return balance(cycle, self.resources)
