"""Asks the scheduler's own code about a pod: `placement(simulation, pod)` → `Placement` for the rules of `why`."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from kubelite.api.logic.podresources import amount_text
from kubelite.api.logic.why.model import Placement
from kubelite.scheduler.offline import Simulation
from kubelite.scheduler.pods import Pod, pod_info

SHORT = "Insufficient "


def placement(simulation: Simulation, pod: dict[str, Any]) -> Placement:
    """Where the scheduler would put the pod now, or why nowhere, with the room that nodes have of what is short."""
    verdict = simulation.schedule(pod)
    if verdict.node:
        return Placement(node=verdict.node)
    wanted = pod_info(msgspec.convert(pod, Pod)).requests
    short = {r.removeprefix(SHORT) for rs in verdict.reasons.values() for r in rs if r.startswith(SHORT)}
    room = {name: _room(simulation, name) for name in short}
    making = verdict.preemption
    return Placement(
        message=verdict.message,
        refused=verdict.refused,
        reasons={node: tuple(reasons) for node, reasons in verdict.reasons.items() if reasons},
        wanted={name: amount_text(name, amount) for name, amount in wanted.items()},
        free={name: (amount_text(name, free), amount_text(name, most)) for name, (free, most) in room.items()},
        too_large=frozenset(name for name, (_, most) in room.items() if wanted.get(name, 0) > most),
        victims=tuple(victim.key for victim in making.victims) if making is not None else (),
        room_on=making.node if making is not None else "",
    )


def _room(simulation: Simulation, resource: str) -> tuple[int, int]:
    """(the most that is free on a node, the most that a node has)."""
    nodes = simulation.world.nodes
    if resource not in nodes.allocatable or not nodes.active.any():
        return 0, 0
    has = nodes.allocatable[resource][nodes.active]
    free = has - nodes.used[resource][nodes.active]
    return max(0, int(np.max(free))), int(np.max(has))
