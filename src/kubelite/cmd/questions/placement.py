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
    short: dict[str, list[str]] = {}
    for node, reasons in verdict.reasons.items():
        for reason in reasons:
            if reason.startswith(SHORT):
                short.setdefault(reason.removeprefix(SHORT), []).append(node)
    room = {name: _room(simulation, name, nodes) for name, nodes in short.items()}
    making = verdict.preemption
    return Placement(
        message=verdict.message,
        refused=verdict.refused,
        reasons={node: tuple(reasons) for node, reasons in verdict.reasons.items() if reasons},
        wanted={name: amount_text(name, amount) for name, amount in wanted.items()},
        free={name: (amount_text(name, free), amount_text(name, most)) for name, (free, most) in room.items()},
        too_large=frozenset(name for name in short if wanted.get(name, 0) > _largest(simulation, name)),
        victims=tuple(victim.key for victim in making.victims) if making is not None else (),
        room_on=making.node if making is not None else "",
    )


def _room(simulation: Simulation, resource: str, names: list[str]) -> tuple[int, int]:
    """(the most that is free on one of these nodes, the most that one has)."""
    table = simulation.world.nodes
    if resource not in table.allocatable:
        return 0, 0
    at = [table.index[name] for name in names]
    has = table.allocatable[resource][at]
    return max(0, int(np.max(has - table.used[resource][at]))), int(np.max(has))


def _largest(simulation: Simulation, resource: str) -> int:
    """The most that any node of the cluster has."""
    table = simulation.world.nodes
    return int(np.max(table.allocatable[resource][table.active])) if resource in table.allocatable else 0
