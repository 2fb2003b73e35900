"""Extended resources that devices serve, in columns like those of other resources.

What: `backed(cycle, resources)` → how many devices of the class behind a resource somebody has, and how many there are.
Why: such a node says nothing of the resource itself, and is compared by it all the same. Rules: a node's own amount counts where
it has one; a device is taken as soon as somebody has a share of it; where an expression fails, the node is without the resource.
Upstream: plugins/noderesources/resource_allocation.go.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kubelite.api.types import resource_v1 as v1
from kubelite.scheduler.devices.inventory import AllocationFailed, Inventory, Offer, Taken
from kubelite.scheduler.framework import Cycle
from kubelite.scheduler.nodes import Ints
from kubelite.scheduler.plugins.args import ResourceSpec

Columns = dict[str, tuple[Ints, Ints]]
"""Resource → (what is taken, what there is)."""


def backed(cycle: Cycle, resources: Sequence[ResourceSpec]) -> Columns:
    """Of the resources that the pod requests and classes stand behind."""
    inventory, asked = cycle.world.devices, cycle.pod.requests
    names = [r.name for r in resources if r.name in inventory.backed and asked.get(r.name)] if inventory.backed else []
    if not names:
        return {}
    taken = inventory.taken()
    return {name: _columns(cycle, inventory, name, taken) for name in names}


def _columns(cycle: Cycle, inventory: Inventory, name: str, taken: Taken) -> tuple[Ints, Ints]:
    nodes = cycle.nodes
    nothing = np.zeros(nodes.capacity, np.int64)
    used, there = nodes.used.get(name, nothing).copy(), nodes.allocatable.get(name, nothing).copy()
    for position, node in nodes.positions():
        if not there[position]:
            suiting = _suiting(inventory.offers(node), inventory.classes[inventory.backed[name]])
            if suiting:
                there[position] = len(suiting)
                used[position] = sum(taken.has(offer.id) for offer in suiting)
    return used, there


def _suiting(offers: list[Offer], wanted: v1.DeviceClass) -> list[Offer]:
    """Those that are of the class; none if that cannot be said."""
    # The expression language is loaded when somebody asks for devices.
    from kubelite.scheduler.devices.selectors import matches

    expressions = [s.cel.expression for s in wanted.spec.selectors if s.cel is not None]
    try:
        return [offer for offer in offers if all(matches(expression, offer) for expression in expressions)]
    except AllocationFailed:
        return []
